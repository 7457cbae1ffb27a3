#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Every way to execute a program gives exactly one line with the right keys.

load lib

more_teardown() {
	unmount_made
	if [ -n "${core_pattern:-}" ]; then echo "$core_pattern" >/proc/sys/kernel/core_pattern; fi
}

# exactly COUNT FILTER: stops exectap and fails unless COUNT lines with the marker match the filter
exactly() {
	stop_exectap
	local found
	found=$(select_lines ".type == \"exec\" and ($2)" | wc -l)
	echo "$found lines with $2"
	[ "$found" = "$1" ]
}

@test "execve" {
	start_exectap
	"$helpers/noop" "$marker"
	exactly 1 '.args == ["'"$helpers/noop"'","'"$marker"'"] and .exe == .filename'
}

@test "execveat with a directory's descriptor" {
	local fd
	start_exectap
	fd=$("$helpers/execveat" "$helpers" noop "$marker")
	exactly 1 ".filename == \"/dev/fd/$fd/noop\" and .exe == \"$helpers/noop\" and .comm == \"execveat\""
}

@test "execveat of the descriptor itself, as fexecve does it" {
	local fd
	start_exectap
	fd=$("$helpers/execveat" "$helpers/noop" '' "$marker")
	exactly 1 ".filename == \"/dev/fd/$fd\" and .exe == \"$helpers/noop\""
}

@test "posix_spawn and vfork" {
	start_exectap
	python3 -c 'import os, sys; os.waitpid(os.posix_spawn(sys.argv[1], sys.argv[1:], {}), 0)' "$helpers/noop" "$marker-spawned"
	"$helpers/storm" 1 1 "$marker-vforked" "$helpers/noop"
	stop_exectap
	[ "$(select_lines '.exe == "'"$helpers/noop"'" and .args[1] == "'"$marker-spawned"'" and .comm == "python3"' | wc -l)" = 1 ]
	[ "$(select_lines '.exe == "'"$helpers/noop"'" and .args[1] == "'"$marker-vforked-0-0"'" and .comm == "storm"' | wc -l)" = 1 ]
}

@test "a script that is run by a script" {
	local place=$BATS_TEST_TMPDIR
	printf '#!%s\n' "$helpers/noop" >"$place/inner"
	printf '#!%s one\n' "$place/inner" >"$place/outer"
	chmod +x "$place/inner" "$place/outer"
	start_exectap
	"$place/outer" "$marker"
	exactly 1 ".filename == \"$place/outer\" and .exe == \"$helpers/noop\" and .args == [\"$helpers/noop\",\"$place/inner\",\"one\",\"$place/outer\",\"$marker\"] and .argc == 5"
}

@test "a 32-bit program" {
	[ -x "$helpers/noop32" ] || skip "this machine's assembler makes no i386 programs"
	"$helpers/noop32" || skip "this kernel runs no i386 programs"
	start_exectap
	"$helpers/noop32" "$marker" two ''
	exactly 1 ".exe == \"$helpers/noop32\" and .args[1:] == [\"$marker\",\"two\",\"\"]"
}

@test "a program that a 32-bit program's arguments come to by way of a script" {
	[ -x "$helpers/noop32" ] || skip "this machine's assembler makes no i386 programs"
	"$helpers/noop32" || skip "this kernel runs no i386 programs"
	printf '#!%s\n' "$helpers/noop32" >"$BATS_TEST_TMPDIR/script"
	chmod +x "$BATS_TEST_TMPDIR/script"
	start_exectap
	"$BATS_TEST_TMPDIR/script" "$marker"
	exactly 1 ".exe == \"$helpers/noop32\" and .filename == \"$BATS_TEST_TMPDIR/script\" and .argc == 3"
}

@test "a helper that the kernel itself starts" {
	core_pattern=$(cat /proc/sys/kernel/core_pattern)
	cp "$helpers/noop" "$BATS_TEST_TMPDIR/helper"
	start_exectap
	echo "|$BATS_TEST_TMPDIR/helper $marker %p" >/proc/sys/kernel/core_pattern
	bash -c 'ulimit -c unlimited; kill -SEGV $$' || true
	wait_for_line '.exe | endswith("/helper")'
	echo "$core_pattern" >/proc/sys/kernel/core_pattern
	expect filename "$BATS_TEST_TMPDIR/helper"
	[[ $(key comm) == kworker* ]]
	expect uid 0
	expect parent_exe null
	expect argc 3
	exactly 1 '.exe | endswith("/helper")'
}

@test "a file on overlayfs, by its place in the merged tree" {
	local place=$BATS_TEST_TMPDIR
	mkdir "$place"/{base,merged}
	mount -t tmpfs tmpfs "$place/base"
	mkdir "$place"/base/{lower,upper,work}
	cp "$helpers/hold" "$place/base/lower/"
	mount -t overlay overlay -o "lowerdir=$place/base/lower,upperdir=$place/base/upper,workdir=$place/base/work" "$place/merged" ||
		skip "this kernel has no overlayfs"
	start_exectap
	cd "$place/merged"
	hold ./hold
	expect exe "$place/merged/hold"
	expect exe "$(readlink "/proc/$pid/exe")"
	expect cwd "$(readlink "/proc/$pid/cwd")"
	expect deleted null
	kill -KILL "$pid"
	wait "${held[0]}" || true
	cd /
}

@test "execs in a loop by one process: one id, a line each" {
	start_exectap
	bash -c 'if [ "$2" -gt 0 ]; then exec bash -c "$0" "$0" "$1" $(($2 - 1)); fi; exec "$1" '"$marker" \
		'if [ "$2" -gt 0 ]; then exec bash -c "$0" "$0" "$1" $(($2 - 1)); fi; exec "$1" '"$marker" "$helpers/noop" 19
	exactly 21 true
	[ "$(select_lines '.type == "exec"' | jq -r .id | sort -u | wc -l)" = 1 ]
	[ "$(select_lines '.type == "exec"' | jq -r .pid | sort -u | wc -l)" = 1 ]
	[ "$(select_lines '.type == "exec"' | jq -r .event_id | sort -u | wc -l)" = 21 ]
}

@test "the same file by different names in mount and pid namespaces" {
	start_exectap
	hold unshare --mount --pid --fork sh -c 'mkdir -p "$1/there" && mount --bind "$2" "$1/there" && exec "$1/there/hold" "$3"' sh "$BATS_TEST_TMPDIR" "$helpers"
	expect exe "$BATS_TEST_TMPDIR/there/hold"
	expect exe "$(readlink "/proc/$pid/exe")"
	expect ns_pid 1
	expect mnt_ns "$(stat -Lc %i "/proc/$pid/ns/mnt")"
}
