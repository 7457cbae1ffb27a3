# SPDX-License-Identifier: BSD-2-Clause
#
# The targets bench and bench-replay; included by the Makefile.

BENCH_HELPERS := $(addprefix build/tests/,latency noop replay storm syscall_cost)

build/tests/replay: tests/bench/replay.c tests/unit/fixture.c $(BUILD)/cmd.a
	@mkdir -p $(@D)
	$(CC) $(COMPILE_FLAGS) $(CFLAGS) -I tests/unit -o $@ $^ $(LINK_LIBRARIES)

build/tests/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -o $@ $<

bench: all $(BENCH_HELPERS)
	$(MAKE) STATIC=1 SAN=
	tests/bench/run

bench-replay: build/tests/replay
	build/tests/replay
