# SPDX-License-Identifier: BSD-2-Clause
#
#   make               build/exectap
#   make deps          install what is missing to build it (with `test`: to test it as well)
#   make run           build it and run it
#   make test          run all tests (as root)
#   make test-kernels  boot other kernels in qemu and run exectap there (also a part of make test)
#   make test-shippers run exectap with real stores and shippers (as root); SIGMA=FOLDER with Sigma's rules
#   make bench         measure the cost of exectap and of other tracers (as root): build/bench.md
#   make bench-replay  measure user space only, with recorded events
#   make check         run the tests that need no privileges: format, unit tests with sanitizers, schema, manuals
#   make fuzz          fuzz for FUZZ_SECONDS (600); tests/fuzz/run --merge adds the found inputs to the corpus
#   make lint          clang-tidy, shellcheck, tests/style; make compile_commands.json for editors (clangd): build/
#   make coverage      line coverage of the tests, by file (as root)
#   make install       install to $(DESTDIR)$(PREFIX); make uninstall removes the files
#   make deb           build the Debian package; also `rpm`, `tarball` and `container`
#
# STATIC=1 links statically; SAN=address,undefined adds sanitizers; WERROR=1 makes warnings errors.
# CROSS_COMPILE=aarch64-linux-gnu- builds for another architecture, with the libraries below SYSROOT
# (tests/kernels/sysroot-arm64 creates the default one for that prefix).

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

# Each variant of the build has its own folder, so that none links objects of another one.
BUILD := build$(if $(CROSS_COMPILE),/$(TARGET))$(if $(STATIC),/static)$(if $(SAN),/san)$(if $(COVERAGE),/coverage)

SYSROOT ?= $(if $(CROSS_COMPILE),$(wildcard build/$(TARGET)/sysroot))
ifneq ($(SYSROOT),)
SYSROOT_FLAGS := --sysroot=$(abspath $(SYSROOT))
SYSROOT_LIBRARIES := PKG_CONFIG_SYSROOT_DIR=$(abspath $(SYSROOT)) \
	PKG_CONFIG_LIBDIR=$(abspath $(SYSROOT))/usr/lib/$(TARGET)/pkgconfig:$(abspath $(SYSROOT))/usr/lib/pkgconfig
endif

LIBRARIES := libbpf libelf zlib libseccomp jansson
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-missing-field-initializers \
	$(if $(WERROR),-Werror)

# Reproducible: the same source gives the same bytes in every folder.
PATH_FLAGS := -ffile-prefix-map=$(CURDIR)=.
CFLAGS ?= -O2 -g
COMPILE_FLAGS := -std=gnu11 $(PATH_FLAGS) -D_GNU_SOURCE -DEXECTAP_VERSION='"$(VERSION)"' -I cmd -I bpf -I $(BUILD) $(WARNINGS) \
	-fstack-protector-strong -D_FILE_OFFSET_BITS=64 $(SYSROOT_FLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) \
	$(if $(COVERAGE),--coverage)
LINK_FLAGS := $(SYSROOT_FLAGS) $(if $(STATIC),-static) $(if $(SAN),-fsanitize=$(SAN)) $(if $(COVERAGE),--coverage)
LINK_LIBRARIES = $(shell $(SYSROOT_LIBRARIES) $(PKG_CONFIG) $(if $(STATIC),--static) --libs $(LIBRARIES))
# What the fuzzers need of them
LINK_JSON_LIBRARIES = $(shell $(PKG_CONFIG) --libs jansson)

# clang's bpf target has no asm/ headers: they come from the compiler's include path.
ASM_HEADERS = $(shell $(CC) $(SYSROOT_FLAGS) -E -include asm/types.h -x c /dev/null 2>/dev/null | \
	sed -n 's|^.* "\(.*\)/asm/types.h".*|\1|p' | head -n 1)
BPF_FLAGS = $(PATH_FLAGS) -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -g -O2 -Wall -Wextra -Wno-unused-parameter \
	$(if $(WERROR),-Werror) $(addprefix -idirafter ,$(ASM_HEADERS))

SOURCES := $(wildcard cmd/*.c cmd/*/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all helpers units fuzzers static test-kernels test-shippers records bench bench-replay deps run test check fuzz coverage lint \
	compile_commands.json completions install uninstall clean deb rpm tarball container FORCE

all: $(BUILD)/exectap

$(BUILD)/exectap: $(OBJECTS)
	$(CC) $(CFLAGS) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ $(LINK_LIBRARIES)

# Everything except main(), for the programs of the tests
$(BUILD)/cmd.a: $(filter-out $(BUILD)/cmd/main.o,$(OBJECTS))
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/cmd/%.o: cmd/%.c $(BUILD)/flags | $(BUILD)/exectap.skel.h
	@mkdir -p $(@D)
	$(CC) $(COMPILE_FLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.bpf.o: bpf/%.bpf.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -MMD -MP -c -o $@ $<

# exectap contains the object. libbpf's linker drops the sections for debuggers, half of its bytes.
$(BUILD)/%.linked.bpf.o: $(BUILD)/%.bpf.o
	$(BPFTOOL) gen object $@ $<

# The shell opens the target before bpftool runs; .DELETE_ON_ERROR and the move prevent partial files.
$(BUILD)/%.skel.h: $(BUILD)/%.linked.bpf.o
	{ echo '// NOLINTBEGIN: generated' && $(BPFTOOL) gen skeleton $< name $* && echo '// NOLINTEND'; } > $@.part
	mv $@.part $@

# Changes with the flags, so that all objects with other flags are compiled again.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(CC) $(COMPILE_FLAGS) $(CPPFLAGS) $(CFLAGS) $(CLANG) $(BPF_FLAGS))' | cmp -s - $@ || \
	echo '$(subst ','\'',$(CC) $(COMPILE_FLAGS) $(CPPFLAGS) $(CFLAGS) $(CLANG) $(BPF_FLAGS))' > $@

FORCE:

include tests/tests.mk
include tests/bench/bench.mk

# --- for users

run: all
	$(BUILD)/exectap

# With `test`, `check`, `bench` or a package on the command line, installs their dependencies as well.
deps:
	packaging/deps build $(if $(filter deb rpm tarball container test check,$(MAKECMDGOALS)),package) \
		$(if $(filter test check,$(MAKECMDGOALS)),test) $(if $(filter bench,$(MAKECMDGOALS)),bench)

# `deps` on the command line is made first.
ifneq ($(filter deps,$(MAKECMDGOALS)),)
$(OBJECTS) $(BUILD)/flags $(HELPERS) $(BENCH_HELPERS) $(FUZZERS): | deps
units static deb rpm tarball: deps
endif

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
$(COMPLETIONS): $(HELPFUL) packaging/completions/generate
	@mkdir -p $(@D)
	packaging/completions/generate $(SHELL_NAME) $(HELPFUL) >$@

# --- packaging/list-installed prints each installed file

# Not exported: the make of a package chooses its own.
DIRECTORIES := BUILD SBINDIR DATADIR MANDIR BASHDIR ZSHDIR FISHDIR UNITDIR
LIST_INSTALLED = $(foreach name,$(DIRECTORIES),$(name)='$($(name))') packaging/list-installed

install: all completions
	$(LIST_INSTALLED) | while read -r mode source target; do \
		install -D -m "$$mode" "$$source" "$(DESTDIR)$$target" || exit; \
	done
	$(if $(UNITDIR),sed -i -E 's#^(ExecStart|ExecReload)=/usr/sbin/#\1=$(SBINDIR)/#' $(DESTDIR)$(UNITDIR)/exectap.service)

uninstall:
	$(LIST_INSTALLED) | while read -r mode source target; do rm -f "$(DESTDIR)$$target"; done
	-find $(DESTDIR)$(DATADIR)/exectap $(DESTDIR)$(DATADIR)/doc/exectap -depth -type d -empty -delete

clean:
	rm -rf build

include packaging/packages.mk

-include $(wildcard $(BUILD)/*.d $(BUILD)/cmd/*.d $(BUILD)/cmd/*/*.d build/fuzz/cmd/*.d build/fuzz/cmd/*/*.d)
