# SPDX-License-Identifier: BSD-2-Clause
#
#   make               build/exectap
#   make deps          install what is missing to build it (with `test`: to test it as well)
#   make run           build it and watch
#   make test          run all tests (as root)
#   make test-kernels  boot other kernels in qemu and run exectap there (also a part of make test)
#   make bench         measure what watching costs, and what it costs with other tracers (as root): build/bench.md
#   make bench-replay  measure user space alone, on recorded events
#   make check         run the tests that need no privileges: format, unit tests with sanitizers, schema, manuals
#   make fuzz          fuzz for FUZZ_SECONDS (600); tests/fuzz/run --merge keeps what that found
#   make lint          clang-tidy and shellcheck; make compile_commands.json for editors (clangd): build/
#   make coverage      which lines the tests run, file by file (as root)
#   make install       below $(DESTDIR)$(PREFIX); make uninstall takes it away again
#   make deb           packages: for Debian; also `rpm`, `tarball` and `container`
#
# STATIC=1 links everything into the one file; SAN=address,undefined instruments it; WERROR=1 makes
# warnings errors. CROSS_COMPILE=aarch64-linux-gnu- builds for another machine, with the libraries below SYSROOT
# (tests/kernels/sysroot-arm64 makes one for that prefix where it is looked for).

VERSION := 0.1.0

CROSS_COMPILE ?=
ifneq ($(CROSS_COMPILE),)
CC := $(CROSS_COMPILE)gcc
endif
CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(or $(shell command -v bpftool 2>/dev/null),$(lastword $(sort $(wildcard /usr/sbin/bpftool /usr/lib/linux-tools/*/bpftool))),bpftool)
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
DESTDIR ?=
SBINDIR ?= $(PREFIX)/sbin
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
BASHDIR ?= $(DATADIR)/bash-completion/completions
ZSHDIR ?= $(DATADIR)/zsh/site-functions
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d
UNITDIR ?= $(PREFIX)/lib/systemd/system

STATIC ?=
SAN ?=
COVERAGE ?=
WERROR ?=

# Before `make deps` there may be no compiler to ask.
TARGET := $(or $(shell $(CC) -dumpmachine 2>/dev/null),$(shell uname -m))
ARCH := $(firstword $(subst -, ,$(TARGET)))
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(ARCH)))

# Each variant of the build has a folder of its own, so that none links what another one compiled.
BUILD := build$(if $(CROSS_COMPILE),/$(TARGET))$(if $(STATIC),/static)$(if $(SAN),/san)$(if $(COVERAGE),/coverage)

SYSROOT ?= $(if $(CROSS_COMPILE),$(wildcard build/$(TARGET)/sysroot))
ifneq ($(SYSROOT),)
SYSROOT_FLAGS := --sysroot=$(abspath $(SYSROOT))
SYSROOT_LIBRARIES := PKG_CONFIG_SYSROOT_DIR=$(abspath $(SYSROOT)) \
	PKG_CONFIG_LIBDIR=$(abspath $(SYSROOT))/usr/lib/$(TARGET)/pkgconfig:$(abspath $(SYSROOT))/usr/lib/pkgconfig
endif

LIBRARIES := libbpf libelf zlib libseccomp
# What reads JSON in the tests.
TEST_LIBRARIES := jansson
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-missing-field-initializers \
	$(if $(WERROR),-Werror)

# What is built does not tell where: the same source gives the same bytes in every folder.
PATH_FLAGS := -ffile-prefix-map=$(CURDIR)=.
CFLAGS ?= -O2 -g
COMPILE_FLAGS := -std=gnu11 $(PATH_FLAGS) -D_GNU_SOURCE -DEXECTAP_VERSION='"$(VERSION)"' -I cmd -I bpf -I $(BUILD) $(WARNINGS) \
	-fstack-protector-strong -D_FILE_OFFSET_BITS=64 $(SYSROOT_FLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) \
	$(if $(COVERAGE),--coverage)
LINK_FLAGS := $(SYSROOT_FLAGS) $(if $(STATIC),-static) $(if $(SAN),-fsanitize=$(SAN)) $(if $(COVERAGE),--coverage)
LINK_LIBRARIES = $(shell $(SYSROOT_LIBRARIES) $(PKG_CONFIG) $(if $(STATIC),--static) --libs $(LIBRARIES))
LINK_TEST_LIBRARIES = $(shell $(PKG_CONFIG) --libs $(TEST_LIBRARIES))

# clang's bpf target has no asm/ headers of its own: they come from where the compiler has them.
ASM_HEADERS = $(shell $(CC) $(SYSROOT_FLAGS) -E -include asm/types.h -x c /dev/null 2>/dev/null | \
	sed -n 's|^.* "\(.*\)/asm/types.h".*|\1|p' | head -n 1)
BPF_FLAGS = $(PATH_FLAGS) -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -g -O2 -Wall -Wextra -Wno-unused-parameter \
	$(if $(WERROR),-Werror) $(addprefix -idirafter ,$(ASM_HEADERS))

SOURCES := $(wildcard cmd/*.c)
OBJECTS := $(SOURCES:cmd/%.c=$(BUILD)/cmd/%.o)

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all helpers units fuzzers static test-kernels records bench bench-replay deps run test check fuzz coverage lint \
	compile_commands.json completions install uninstall clean deb rpm tarball container FORCE

all: $(BUILD)/exectap

$(BUILD)/exectap: $(OBJECTS)
	$(CC) $(CFLAGS) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ $(LINK_LIBRARIES)

$(BUILD)/cmd/%.o: cmd/%.c $(BUILD)/flags | $(BUILD)/exectap.skel.h
	@mkdir -p $(@D)
	$(CC) $(COMPILE_FLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.bpf.o: bpf/%.bpf.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -MMD -MP -c -o $@ $<

# The shell opens the target before bpftool runs; .DELETE_ON_ERROR and the move leave no half of a file.
$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	{ echo '// NOLINTBEGIN: generated' && $(BPFTOOL) gen skeleton $< name $* && echo '// NOLINTEND'; } > $@.part
	mv $@.part $@

# Changes when the flags do, and everything that was compiled with others is compiled anew.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(CC) $(COMPILE_FLAGS) $(CPPFLAGS) $(CFLAGS) $(CLANG) $(BPF_FLAGS))' | cmp -s - $@ || \
	echo '$(subst ','\'',$(CC) $(COMPILE_FLAGS) $(CPPFLAGS) $(CFLAGS) $(CLANG) $(BPF_FLAGS))' > $@

FORCE:

# --- tests

UNIT_SAN := address,undefined
UNIT_BUILD := build/san
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNITS := $(UNIT_SOURCES:tests/unit/%.c=$(UNIT_BUILD)/tests/%)
# The stages that need no kernel
PURE_OBJECTS := $(addprefix $(BUILD)/cmd/,clock.o container.o decode.o encode.o encode_ecs.o encode_mapped.o encode_native.o encode_ocsf.o enrich.o error_name.o field.o filter.o line.o mask.o redact.o secret.o secret_args.o secret_name.o secret_text.o \
	signal_name.o text.o)
HELPERS := $(addprefix build/tests/,churn execveat hold idle noop reap refuse sandboxed save_record storm thread_exec threads)
ifeq ($(ARCH),x86_64)
HELPERS += build/tests/noop32
endif
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZ_FLAGS := -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

helpers: $(HELPERS)

build/tests/noop: tests/helpers/noop.c
	@mkdir -p $(@D)
	$(CC) $(WARNINGS) -static -nostdlib -o $@ $<

build/tests/noop32: tests/helpers/noop32.S
	@mkdir -p $(@D)
	as --32 -o $@.o $<
	ld -m elf_i386 -o $@ $@.o
	rm $@.o

# Static, so that it runs in a chroot.
build/tests/hold: tests/helpers/hold.c
	@mkdir -p $(@D)
	$(CC) $(WARNINGS) $(CFLAGS) -static -o $@ $<

build/tests/save_record: tests/helpers/save_record.c $(addprefix $(BUILD)/cmd/,attempts.o capture.o clock.o log.o misses.o pin.o programs.o ring.o source.o text.o tracefs.o)
	@mkdir -p $(@D)
	$(CC) $(COMPILE_FLAGS) $(CFLAGS) -o $@ $^ $(LINK_LIBRARIES)

build/tests/sandboxed: tests/helpers/sandboxed.c $(addprefix $(BUILD)/cmd/,log.o sandbox.o sink_open.o unix_address.o)
	@mkdir -p $(@D)
	$(CC) $(COMPILE_FLAGS) $(CFLAGS) -o $@ $^ $(LINK_LIBRARIES)

build/tests/%: tests/helpers/%.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -pthread -o $@ $<

units:
	$(MAKE) SAN=$(UNIT_SAN) STATIC= $(UNITS)

$(BUILD)/tests/%: tests/unit/%.c tests/unit/fixture.c tests/unit/reference.c $(PURE_OBJECTS) $(wildcard tests/unit/*.h)
	@mkdir -p $(@D)
	$(CC) $(COMPILE_FLAGS) $(CFLAGS) $(LINK_FLAGS) -I tests/unit -o $@ $(filter %.c %.o,$^) $(LINK_TEST_LIBRARIES)

fuzzers: $(FUZZERS)

# Of these objects, each fuzzer takes those that it needs.
FUZZ_OBJECTS := $(patsubst cmd/%.c,build/fuzz/cmd/%.o,$(filter-out cmd/main.c,$(SOURCES)))

build/fuzz/cmd/%.o: cmd/%.c $(BUILD)/flags | $(BUILD)/exectap.skel.h
	@mkdir -p $(@D)
	$(CLANG) $(COMPILE_FLAGS) $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

build/fuzz/cmd.a: $(FUZZ_OBJECTS)
	rm -f $@
	ar rcs $@ $^

build/fuzz/%: tests/fuzz/%.c tests/unit/fixture.c tests/unit/reference.c build/fuzz/cmd.a $(wildcard tests/unit/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(COMPILE_FLAGS) $(FUZZ_FLAGS) -I tests/unit -o $@ $(filter %.c %.a,$^) $(LINK_TEST_LIBRARIES)

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

# What is booted in qemu; for arm64 too, where its compiler is.
ARM64 := CROSS_COMPILE=aarch64-linux-gnu- CC=aarch64-linux-gnu-gcc
static:
	$(MAKE) STATIC=1 SAN=
	if command -v aarch64-linux-gnu-gcc >/dev/null && command -v apt-get >/dev/null; then \
		tests/kernels/sysroot-arm64 && $(MAKE) $(ARM64) STATIC=1 SAN=; \
	fi

# Records for the unit tests, from this kernel, and the lines that they give now.
records: helpers
	tests/unit/record
	EXECTAP_GOLDEN=write $(UNIT_BUILD)/tests/test_encode

# --- measuring

BENCH_HELPERS := $(addprefix build/tests/,latency noop replay storm syscall_cost)

build/tests/replay: tests/bench/replay.c tests/unit/fixture.c $(PURE_OBJECTS) $(addprefix $(BUILD)/cmd/,log.o readers.o sink.o sink_open.o unix_address.o)
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

# --- for people

run: all
	$(BUILD)/exectap

# With `test`, `check`, `bench` or a package on the command line, what these need as well.
deps:
	packaging/deps build $(if $(filter deb rpm tarball container test check,$(MAKECMDGOALS)),package) \
		$(if $(filter test check,$(MAKECMDGOALS)),test) $(if $(filter bench,$(MAKECMDGOALS)),bench)

# Where `deps` is asked for, it comes first.
ifneq ($(filter deps,$(MAKECMDGOALS)),)
$(OBJECTS) $(BUILD)/flags $(HELPERS) $(BENCH_HELPERS) $(FUZZERS): | deps
units static deb rpm tarball: deps
endif

# --- for editors and linters: how each file is compiled (clangd looks into build/ too)

COMPILED := $(SOURCES) $(wildcard tests/*/*.c)

# An entry for the file $2, compiled by the command $3, behind $1
define entry
$1 { "directory": "$(CURDIR)", "file": "$2", "command": "$(subst ",\",$3 -c $2)" }

endef

comma := ,
define compile_commands
[
$(call entry,,bpf/exectap.bpf.c,$(CLANG) $(BPF_FLAGS))
$(foreach file,$(COMPILED),$(call entry,$(comma),$(file),$(CLANG) $(subst -I $(BUILD),-isystem $(BUILD),$(COMPILE_FLAGS)) $(CPPFLAGS) $(CFLAGS) -I tests/unit))
]
endef

# The C code that is held to .clang-tidy; tests/helpers and tests/kernels do on purpose what it warns of.
LINTED := $(SOURCES) $(wildcard tests/unit/*.c tests/fuzz/*.c)
SCRIPTS := packaging/deps packaging/completions/generate tests/run tests/coverage tests/fuzz/run tests/unit/record tests/schema_refuses \
	tests/bench/run tests/bench/report tests/bench/publish tests/mapping/check tests/mapping/check_records tests/shippers.bash .ci/run

# Variables that the tests have from tests/lib.bash, which they load by bats' own command; and "lines", a file to them,
# which is an array where bats' own `run` is used.
BATS_UNSEEN := SC2034 SC2128 SC2154 SC2178

lint: build/compile_commands.json $(BUILD)/exectap.skel.h
	printf '%s\n' $(LINTED) | xargs -P $$(nproc) -n 1 clang-tidy --quiet -p build 2>&1 | { ! grep -vE 'warnings? generated|^Suppressed '; }
	shellcheck $(SCRIPTS)
	shellcheck -x tests/kernels/run tests/kernels/init tests/kernels/sysroot-arm64 tests/packages/boot tests/packages/check packaging/debian/postrm
	shellcheck -S warning -e $(subst $() ,$(comma),$(BATS_UNSEEN)) tests/lib.bash $(wildcard tests/*.bats)

compile_commands.json: build/compile_commands.json

build/compile_commands.json: $(BUILD)/flags $(COMPILED) | $(BUILD)/exectap.skel.h
	$(file >$@,$(compile_commands))

# --- completions, from the table of options that --help prints: another machine's exectap can't be asked

HELPFUL := $(if $(CROSS_COMPILE),build/exectap,$(BUILD)/exectap)
COMPLETIONS := $(addprefix build/completions/,exectap.bash _exectap exectap.fish)

completions: $(COMPLETIONS)

ifneq ($(CROSS_COMPILE),)
build/exectap: FORCE
	$(MAKE) CROSS_COMPILE= CC=cc STATIC= SAN= $@
endif

build/completions/exectap.bash: SHELL_NAME := bash
build/completions/_exectap: SHELL_NAME := zsh
build/completions/exectap.fish: SHELL_NAME := fish
$(COMPLETIONS): $(HELPFUL) packaging/completions/generate cmd/field_table.h
	@mkdir -p $(@D)
	$(HELPFUL) --help | packaging/completions/generate $(SHELL_NAME) >$@

# What is installed, as source:target
INSTALLED = $(BUILD)/exectap:$(SBINDIR)/exectap \
	$(foreach file,$(shell find schema -name '*.schema.json'),$(file):$(DATADIR)/exectap/$(file:schema/%=%)) \
	$(foreach file,$(shell find packaging/shippers -type f 2>/dev/null),$(file):$(DATADIR)/exectap/$(file:packaging/%=%)) \
	$(foreach file,$(wildcard packaging/man/*.[0-9]),$(file):$(MANDIR)/man$(subst .,,$(suffix $(file)))/$(notdir $(file))) \
	build/completions/exectap.bash:$(BASHDIR)/exectap \
	build/completions/_exectap:$(ZSHDIR)/_exectap \
	build/completions/exectap.fish:$(FISHDIR)/exectap.fish
INSTALLED_UNIT = $(if $(UNITDIR),$(DESTDIR)$(UNITDIR)/exectap.service)
source_of = $(firstword $(subst :, ,$1))
target_of = $(DESTDIR)$(lastword $(subst :, ,$1))

install: all completions
	$(foreach pair,$(INSTALLED),install -D -m $(if $(filter %/exectap,$(call source_of,$(pair))),755,644) $(call source_of,$(pair)) $(call target_of,$(pair)) &&) :
	$(if $(INSTALLED_UNIT),install -D -m 644 packaging/systemd/exectap.service $(INSTALLED_UNIT))
	$(if $(INSTALLED_UNIT),sed -i 's|^ExecStart=[^ ]*|ExecStart=$(SBINDIR)/exectap|' $(INSTALLED_UNIT))

uninstall:
	rm -f $(foreach pair,$(INSTALLED),$(call target_of,$(pair))) $(INSTALLED_UNIT)
	-find $(DESTDIR)$(DATADIR)/exectap -depth -type d -empty -delete

clean:
	rm -rf build

include packaging/packages.mk

-include $(wildcard $(BUILD)/*.d $(BUILD)/cmd/*.d $(BUILD)/tests/*.d build/fuzz/cmd/*.d)
