# SPDX-License-Identifier: BSD-2-Clause
#
# The targets test, check, fuzz, coverage, lint, test-kernels, test-shippers; included by the Makefile.

UNIT_SAN := address,undefined
UNIT_BUILD := build/san
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNITS := $(UNIT_SOURCES:tests/unit/%.c=$(UNIT_BUILD)/tests/%)
HELPERS := $(patsubst tests/helpers/%.c,build/tests/%,$(wildcard tests/helpers/*.c)) build/tests/probe
ifeq ($(ARCH),x86_64)
HELPERS += build/tests/noop32
endif
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZ_FLAGS := -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

helpers: $(HELPERS) build/tests/replay

build/tests/noop: tests/helpers/noop.c
	@mkdir -p $(@D)
	$(CC) $(WARNINGS) -static -nostdlib -o $@ $<

# Static, so that it runs in a chroot.
build/tests/probe: tests/kernels/probe.c tests/kernels/facts.h
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -static -o $@ $<

build/tests/noop32: tests/helpers/noop32.S
	@mkdir -p $(@D)
	as --32 -o $@.o $<
	ld -m elf_i386 -o $@ $@.o
	rm $@.o

# Static, so that it runs in a chroot.
build/tests/hold: tests/helpers/hold.c
	@mkdir -p $(@D)
	$(CC) $(WARNINGS) $(CFLAGS) -static -o $@ $<

build/tests/save_record: tests/helpers/save_record.c $(BUILD)/cmd.a
	@mkdir -p $(@D)
	$(CC) $(COMPILE_FLAGS) $(CFLAGS) -o $@ $^ $(LINK_LIBRARIES)

build/tests/sandboxed: tests/helpers/sandboxed.c $(BUILD)/cmd.a
	@mkdir -p $(@D)
	$(CC) $(COMPILE_FLAGS) $(CFLAGS) -o $@ $^ $(LINK_LIBRARIES)

build/tests/%: tests/helpers/%.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -pthread -o $@ $<

units:
	$(MAKE) SAN=$(UNIT_SAN) STATIC= $(UNITS)

$(BUILD)/tests/%: tests/unit/%.c tests/unit/fixture.c tests/unit/reference.c $(BUILD)/cmd.a $(wildcard tests/unit/*.h)
	@mkdir -p $(@D)
	$(CC) $(COMPILE_FLAGS) $(CFLAGS) $(LINK_FLAGS) -I tests/unit -o $@ $(filter %.c %.a,$^) $(LINK_LIBRARIES)

fuzzers: $(FUZZERS)

FUZZ_OBJECTS := $(patsubst %.c,build/fuzz/%.o,$(filter-out cmd/main.c,$(SOURCES)))

build/fuzz/cmd/%.o: cmd/%.c $(BUILD)/flags | $(BUILD)/exectap.skel.h
	@mkdir -p $(@D)
	$(CLANG) $(COMPILE_FLAGS) $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

build/fuzz/cmd.a: $(FUZZ_OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

build/fuzz/%: tests/fuzz/%.c tests/unit/fixture.c tests/unit/reference.c build/fuzz/cmd.a $(wildcard tests/unit/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(COMPILE_FLAGS) $(FUZZ_FLAGS) -I tests/unit -o $@ $(filter %.c %.a,$^) $(LINK_JSON_LIBRARIES)

fuzz: fuzzers
	tests/fuzz/run

check: all units fuzzers
	tests/run --no-root

test: all helpers units fuzzers static
	tests/run

coverage: helpers completions
	$(MAKE) COVERAGE=1 SAN= STATIC= CFLAGS='-O0 -g' all
	$(MAKE) COVERAGE=1 SAN=$(UNIT_SAN) STATIC= CFLAGS='-O0 -g' $(UNIT_SOURCES:tests/unit/%.c=build/san/coverage/tests/%)
	tests/coverage

test-kernels: static
	tests/kernels/run

# Stores and shippers that are fetched or on PATH. SIGMA=FOLDER: a copy of SigmaHQ's repository.
test-shippers: all helpers
	tests/shippers/run $(if $(SIGMA),--sigma '$(SIGMA)') $(if $(ONLY),--only '$(ONLY)')

# The programs that are booted in qemu; for arm64 too if its compiler is installed.
ARM64 := CROSS_COMPILE=aarch64-linux-gnu- CC=aarch64-linux-gnu-gcc
static:
	$(MAKE) STATIC=1 SAN=
	if command -v aarch64-linux-gnu-gcc >/dev/null && command -v apt-get >/dev/null; then \
		tests/kernels/sysroot-arm64 && $(MAKE) $(ARM64) STATIC=1 SAN=; \
	fi

# Records for the unit tests, from this kernel, and their lines.
records: helpers
	tests/unit/record
	EXECTAP_GOLDEN=write $(UNIT_BUILD)/tests/test_encode

# --- for editors and linters

# A compilation database (clangd searches build/ too): clang writes the entry of each file.
COMPILED := $(SOURCES) $(wildcard tests/*/*.c)
DATABASE_FLAGS = $(subst -I $(BUILD),-isystem $(BUILD),$(COMPILE_FLAGS)) $(CPPFLAGS) $(CFLAGS) -I tests/unit

compile_commands.json: build/compile_commands.json

build/compile_commands.json: $(COMPILED:%.c=build/database/%.json)
	{ echo '[' && cat $^ | sed '$$s/,$$//' && echo ']'; } >$@

build/database/%.json: %.c $(BUILD)/flags | $(BUILD)/exectap.skel.h
	@mkdir -p $(@D)
	$(CLANG) $(DATABASE_FLAGS) -w -MJ $@ -fsyntax-only $<

# The C code for .clang-tidy; tests/helpers and tests/kernels intentionally contain code that it warns about.
LINTED := $(SOURCES) $(wildcard tests/unit/*.c tests/fuzz/*.c)
SCRIPTS := packaging/deps packaging/list-installed packaging/completions/generate tests/run tests/coverage tests/fuzz/run \
	tests/unit/record tests/schema_refuses tests/bench/run tests/bench/report tests/bench/publish tests/mapping/check \
	tests/mapping/check_records tests/shippers.bash tests/shippers/postgresql .ci/run

# shellcheck does not see the variables that tests/lib.bash sets, and takes "lines" for the array of bats' `run`.
comma := ,
BATS_UNSEEN := SC2034 SC2128 SC2154 SC2178

lint: build/compile_commands.json $(BUILD)/exectap.skel.h
	tests/style
	clang-format --dry-run --Werror cmd/*.[ch] cmd/*/*.[ch] bpf/*.[ch] tests/*/*.[ch]
	printf '%s\n' $(LINTED) | xargs -P $$(nproc) -n 1 clang-tidy --quiet -p build 2>&1 | { ! grep -vE 'warnings? generated|^Suppressed '; }
	shellcheck $(SCRIPTS)
	shellcheck -x tests/kernels/run tests/kernels/init tests/kernels/sysroot-arm64 tests/packages/boot tests/packages/check packaging/debian/postrm
	shellcheck -S warning -e $(subst $() ,$(comma),$(BATS_UNSEEN)) tests/lib.bash tests/containers.bash tests/file.bash $(wildcard tests/*.bats)
