# SPDX-License-Identifier: BSD-2-Clause
#
#   make               build/exectap
#   make deps          install what is missing to build it (with `test`: to test it as well)
#   make run           build it and watch
#   make test          run all tests (as root)
#   make check         run the tests that need no privileges
#   make install       below $(DESTDIR)$(PREFIX); make uninstall takes it away again
#
# STATIC=1 links everything into the one file; SAN=address,undefined instruments it; WERROR=1 makes
# warnings errors.

VERSION := 0.1.0

CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(or $(shell command -v bpftool 2>/dev/null),$(lastword $(sort $(wildcard /usr/sbin/bpftool /usr/lib/linux-tools/*/bpftool))),bpftool)
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
DESTDIR ?=

STATIC ?=
SAN ?=
WERROR ?=

# Each variant of the build has a folder of its own, so that none links what another one compiled.
BUILD := build$(if $(STATIC),/static)$(if $(SAN),/san)

ARCH := $(shell uname -m)
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(ARCH)))

LIBRARIES := libbpf jansson libelf zlib
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-missing-field-initializers \
	$(if $(WERROR),-Werror)

CFLAGS ?= -O2 -g
COMPILE_FLAGS := -std=gnu11 -D_GNU_SOURCE -DEXECTAP_VERSION='"$(VERSION)"' -I cmd -I bpf -I $(BUILD) $(WARNINGS) \
	-fstack-protector-strong -D_FILE_OFFSET_BITS=64 $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
LINK_FLAGS := $(if $(STATIC),-static) $(if $(SAN),-fsanitize=$(SAN))
LINK_LIBRARIES = $(shell $(PKG_CONFIG) $(if $(STATIC),--static) --libs $(LIBRARIES))

# libc's headers for BPF come from the host's multiarch folder: clang's bpf target has none of its own.
BPF_FLAGS := -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -g -O2 -Wall -Wextra -Wno-unused-parameter \
	$(if $(WERROR),-Werror) -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)

SOURCES := $(wildcard cmd/*.c)
OBJECTS := $(SOURCES:cmd/%.c=$(BUILD)/cmd/%.o)

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all deps run test check install uninstall clean FORCE

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
	$(BPFTOOL) gen skeleton $< name $* > $@.part
	mv $@.part $@

# Changes when the flags do, and everything that was compiled with others is compiled anew.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(CC) $(COMPILE_FLAGS) $(CPPFLAGS) $(CFLAGS) $(CLANG) $(BPF_FLAGS))' | cmp -s - $@ || \
	echo '$(subst ','\'',$(CC) $(COMPILE_FLAGS) $(CPPFLAGS) $(CFLAGS) $(CLANG) $(BPF_FLAGS))' > $@

FORCE:

clean:
	rm -rf build

-include $(wildcard $(BUILD)/*.d $(BUILD)/cmd/*.d $(BUILD)/tests/*.d)
