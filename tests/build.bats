#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The Makefile, run in a copy of the tree.

load lib

# The tests build everything several times; compilation is quicker without optimization.
setup_file() {
	export CFLAGS='-O0'
	export tree=$BATS_FILE_TMPDIR/tree
	mkdir "$tree"
	tar -C "$BATS_TEST_DIRNAME/.." --exclude=./build --exclude=./.git -cf - . | tar -C "$tree" -xf -
	make -C "$tree" -j2 >"$BATS_FILE_TMPDIR/log" 2>&1 3>&- || { cat "$BATS_FILE_TMPDIR/log"; return 1; }
}

build() {
	env -u MAKEFLAGS make -C "$tree" -j2 "$@" 2>&1 3>&-
}

@test "make builds build/exectap, and a second make does nothing" {
	[ -x "$tree/build/exectap" ]
	build | tee "$BATS_TEST_TMPDIR/log"
	[ "$(grep -cE '^(cc|gcc|clang|mv)' "$BATS_TEST_TMPDIR/log")" = 0 ]
}

@test "the BPF object is inside the binary" {
	mkdir "$BATS_TEST_TMPDIR/alone"
	cp "$tree/build/exectap" "$BATS_TEST_TMPDIR/alone/"
	"$BATS_TEST_TMPDIR/alone/exectap" --version
	grep -q handle_exec "$BATS_TEST_TMPDIR/alone/exectap"
}

@test "the BPF object inside has the lines of its source for the verifier, and nothing for debuggers" {
	readelf --sections --wide "$tree/build/exectap.bpf.o" | grep -qF .debug_info
	readelf --sections --wide "$tree/build/exectap.linked.bpf.o" >"$BATS_TEST_TMPDIR/sections"
	! grep -F .debug "$BATS_TEST_TMPDIR/sections" || return 1
	grep -qF .BTF.ext "$BATS_TEST_TMPDIR/sections"
	grep -qaF 'int BPF_PROG(handle_exec,' "$tree/build/exectap"
}

@test "a changed record layout rebuilds both sides, and a changed source only its own object" {
	touch "$tree/bpf/record.h"
	build | tee "$BATS_TEST_TMPDIR/log"
	grep -q 'exectap.bpf.o' "$BATS_TEST_TMPDIR/log"
	grep -q 'gen skeleton' "$BATS_TEST_TMPDIR/log"
	grep -q 'cmd/event/decode.o' "$BATS_TEST_TMPDIR/log"
	touch "$tree/bpf/path.bpf.h"
	build | tee "$BATS_TEST_TMPDIR/log"
	grep -q 'exectap.bpf.o' "$BATS_TEST_TMPDIR/log"
	[ "$(grep -c 'cmd/event/decode.o -c\|-o build/cmd/event/decode.o' "$BATS_TEST_TMPDIR/log")" = 0 ]
	touch "$tree/cmd/util/text.c"
	build | tee "$BATS_TEST_TMPDIR/log"
	[ "$(grep -c -- '-c -o' "$BATS_TEST_TMPDIR/log")" = 1 ]
}

@test "other flags rebuild everything" {
	build CFLAGS='-O1 -g' | tee "$BATS_TEST_TMPDIR/log"
	[ "$(grep -c -- '-c -o build/cmd/' "$BATS_TEST_TMPDIR/log")" = "$(ls "$tree"/cmd/*.c "$tree"/cmd/*/*.c | wc -l)" ]
}

@test "an interrupted skeleton leaves no half file" {
	printf '#!/bin/sh\necho half\nexit 1\n' >"$BATS_TEST_TMPDIR/bpftool"
	chmod +x "$BATS_TEST_TMPDIR/bpftool"
	touch "$tree/bpf/exectap.bpf.c"
	run build BPFTOOL="$BATS_TEST_TMPDIR/bpftool"
	[ "$status" != 0 ]
	! grep -qsx half "$tree/build/exectap.skel.h" || return 1
	build
	"$tree/build/exectap" --version
}

@test "STATIC=1 gives one static binary" {
	build STATIC=1
	"$tree/build/static/exectap" --version
	run readelf --program-headers "$tree/build/static/exectap"
	[[ $output != *INTERP* ]]
}

@test "CROSS_COMPILE asks that compiler for the architecture, and builds in a folder of its own" {
	printf '#!/bin/sh\n[ "$1" != -dumpmachine ] || echo aarch64-linux-gnu\n' >"$BATS_TEST_TMPDIR/aarch64-linux-gnu-gcc"
	chmod +x "$BATS_TEST_TMPDIR/aarch64-linux-gnu-gcc"
	build -n CROSS_COMPILE="$BATS_TEST_TMPDIR/aarch64-linux-gnu-" STATIC=1 | tee "$BATS_TEST_TMPDIR/log"
	grep -q -- '-D__TARGET_ARCH_arm64 .* -o build/aarch64-linux-gnu/static/exectap.bpf.o' "$BATS_TEST_TMPDIR/log"
	grep -q 'aarch64-linux-gnu-gcc .* -o build/aarch64-linux-gnu/static/exectap ' "$BATS_TEST_TMPDIR/log"
}

@test "install and uninstall honour PREFIX and DESTDIR, and leave nothing" {
	build install DESTDIR="$BATS_TEST_TMPDIR/root" PREFIX=/opt/exectap
	"$BATS_TEST_TMPDIR/root/opt/exectap/sbin/exectap" --version
	[ -f "$BATS_TEST_TMPDIR/root/opt/exectap/share/exectap/exectap.schema.json" ]
	grep -q '^ExecStart=/opt/exectap/sbin/exectap ' "$BATS_TEST_TMPDIR/root/opt/exectap/lib/systemd/system/exectap.service"
	[ -f "$BATS_TEST_TMPDIR/root/opt/exectap/share/man/man8/exectap.8" ]
	grep -q -- --output "$BATS_TEST_TMPDIR/root/opt/exectap/share/zsh/site-functions/_exectap"
	build uninstall DESTDIR="$BATS_TEST_TMPDIR/root" PREFIX=/opt/exectap
	[ "$(find "$BATS_TEST_TMPDIR/root" -type f | wc -l)" = 0 ]
	[ ! -e "$BATS_TEST_TMPDIR/root/opt/exectap/share/exectap" ]
}

@test "make deps does nothing where nothing is missing" {
	run "$tree/packaging/deps" build package test
	echo "$output"
	[ "$status" = 0 ]
	[ "$output" = "" ]
}

@test "make deps names what it can't install" {
	local tool
	mkdir "$BATS_TEST_TMPDIR/bin"
	for tool in awk cat cut id tr; do ln -s "$(command -v $tool)" "$BATS_TEST_TMPDIR/bin/$tool"; done
	run env PATH="$BATS_TEST_TMPDIR/bin" /bin/bash "$tree/packaging/deps" build
	echo "$output"
	[ "$status" != 0 ]
	[[ $output == "deps: could not install: "*clang*libelf.h* ]]
	[ "${#lines[@]}" = 1 ]
}

@test "make lint has nothing to say" {
	local tool
	for tool in clang-format clang-tidy shellcheck; do command -v "$tool" >/dev/null || skip "no $tool"; done
	build lint
}
