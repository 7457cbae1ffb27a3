#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Paths are right or marked: mounts outside the namespace, unlinked files, changes during the walk, lengths.

load lib

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# A file system of the test's own in $place.
make_place() {
	place=$BATS_TEST_TMPDIR/place
	mkdir "$place"
	mount -t tmpfs none "$place"
}

more_teardown() {
	[ -z "$place" ] || umount -R -l "$place"
	[ -z "$loop" ] || losetup -d "$loop"
}

# situation CASE [PROGRAM]: the helper's case in $place; leaves the line of the exec in $line.
situation() {
	make_place
	start_exectap
	"$helpers/paths" "$1" "${2:-$helpers/noop}" "$marker" "$place"
	wait_for_line '.args[1] == "'"$marker"'"'
}

# The paths are absent and named, or true; their marks as well.
@test "a program on a mount that was never attached is detached" {
	situation fsmount
	expect exe /bin/sshd
	expect exe_detached true
	expect deleted null
	expect memfd null
	expect cwd "$PWD"
	expect cwd_detached null
}

@test "a program below a cloned directory tree is detached, and its working directory" {
	situation open_tree
	expect exe /bin/sshd
	expect exe_detached true
	expect cwd /
	expect cwd_detached true
}

@test "a program that is the root of an unmounted mount has its name, and is detached" {
	situation file_mount
	expect exe /source
	expect exe_detached true
	expect deleted null
}

@test "a working directory on a lazily unmounted file system is detached" {
	situation lazy_umount
	expect exe "$helpers/noop"
	expect exe_detached null
	expect cwd /sub
	expect cwd_detached true
	expect cwd_deleted null
}

@test "a program that was moved out of the bind mount it is reached by is detached, and no memfd" {
	situation moved_out
	expect exe /out/memfd:x
	expect exe_detached true
	expect memfd null
	expect deleted null
	expect cwd /out
	expect cwd_detached true
}

@test "a program that is reached by a handle only is unreadable" {
	command -v mkfs.ext4 >/dev/null || skip "needs mkfs.ext4"
	make_place
	mkdir "$place/mount"
	truncate -s 8M "$place/image"
	mkfs.ext4 -q "$place/image"
	loop=$(losetup -f --show "$place/image") || skip "needs a loop device"
	start_exectap
	DEVICE=$loop "$helpers/paths" by_handle "$helpers/noop" "$marker" "$place"
	wait_for_line '.args[1] == "'"$marker"'"'
	expect exe null
	expect_unreadable exe
	expect exe_detached null
	expect memfd null
}

@test "a program in another mount namespace is detached, whatever its path says, and is not skipped" {
	local pid hidden
	hidden=$BATS_TEST_TMPDIR/hidden
	mkdir "$hidden"
	start_exectap --skip "exe=$hidden/*"
	unshare -m --propagation private sh -c 'mount -t tmpfs none "$1" && cp "$2" "$1/new" && mv "$1/new" "$1/cron" && exec "$2"' sh \
		"$hidden" "$helpers/hold" 3>&- &
	pid=$!
	held+=("$pid")
	poll test -x "/proc/$pid/root$hidden/cron"
	(cd "/proc/$pid/root$hidden" && exec ./cron "$marker") 3>&- &
	held+=($!)
	wait_for_line
	expect exe "$hidden/cron"
	expect exe_detached true
	expect cwd "$hidden"
	expect cwd_detached true
	[ "$(key mnt_ns)" = "$(stat -L -c %i /proc/self/ns/mnt)" ]
}

@test "in a chroot and in a container's root, paths are attached" {
	make_place
	cp "$helpers/hold" "$place/hold"
	start_exectap
	chroot "$place" /hold "$marker-chroot" 3>&- &
	held+=($!)
	unshare -m --propagation private sh -c 'cd "$1" && mkdir old && mount --bind . . && cd . && cd "$1" &&
		pivot_root . old && cd / && umount -l /old 2>/dev/null; exec /hold "$2"' sh "$place" "$marker-pivot" 3>&- &
	held+=($!)
	wait_for_line '.args[1] | endswith("chroot")'
	expect exe "$place/hold"
	expect exe_detached null
	wait_for_line '.args[1] | endswith("pivot")'
	expect exe /hold
	expect exe_detached null
	expect cwd /
	expect cwd_detached null
}

@test "a program in shared anonymous memory is a memfd, and detached" {
	situation shared_memory
	expect exe /dev/zero
	expect memfd true
	expect exe_detached true
	expect deleted null
}

@test "a program in a memfd is detached" {
	situation memfd
	expect exe /memfd:name
	expect memfd true
	expect exe_detached true
	expect deleted null
}

@test "a removed working directory is marked" {
	situation removed_cwd
	expect cwd "$place/removed"
	expect cwd_deleted true
	expect cwd_detached null
	expect deleted null
}

@test "a parent's program that was replaced is marked" {
	make_place
	cp "$helpers/paths" "$place/parent"
	start_exectap
	"$place/parent" replaced_parent "$helpers/noop" "$marker" "$place"
	wait_for_line '.args[1] == "'"$marker"'"'
	expect parent_exe "$place/parent"
	expect parent_exe_deleted true
	expect parent_exe_detached null
	expect deleted null
}

@test "a parent whose first thread has ended has its program" {
	situation leader_exited
	expect parent_exe "$helpers/paths"
	expect_unreadable ''
}

@test "a name of 1,000 bytes is whole" {
	[ -c /dev/fuse ] || skip "needs /dev/fuse"
	situation long_name
	expect exe "$place/$(printf 'n%.0s' {1..1000})"
	expect truncated null
	expect exe_detached null
}

@test "a filename of more than 4,096 bytes is whole" {
	situation long_filename
	expect filename "/dev/fd/250/$(printf './%.0s' {1..2045})noop"
	expect truncated null
}

@test "a path that is too long keeps its end" {
	local deep
	make_place
	deep=$(printf 'd%.0s' {1..200})
	start_exectap
	python3 - "$place" "$deep" "$helpers/noop" "$marker" <<'END'
import os, shutil, sys
place, name, program, marker = sys.argv[1:]
os.chdir(place)
for _ in range(30):
    os.mkdir(name)
    os.chdir(name)
shutil.copy(program, "program")
os.execv("./program", ["./program", marker])
END
	wait_for_line '.args[1] == "'"$marker"'"'
	expect 'truncated | tojson' '["exe","cwd"]'
	[[ $(key exe) == "$deep/"*"/$deep/program" ]]
	[[ $(key cwd) == "$deep/"*"/$deep" ]]
}

@test "a working directory below more mounts than are walked is unreadable, not the root" {
	situation stacked_mounts
	expect cwd null
	expect_unreadable cwd
	expect truncated null
}

# storm_of CASE: leaves the lines of its execs in $storm; there is one of each.
storm_of() {
	make_place
	storm=$BATS_TEST_TMPDIR/storm
	start_exectap
	"$helpers/paths" "$1" "$helpers/noop" "$marker" "$place"
	"$helpers/noop" "$marker-last"
	poll grep -q "$marker-last" "$lines"
	stop_exectap
	jq -c --arg marker "$marker" 'select(.args[1] == $marker and .exe != null or .args[1] == $marker and
		(.unreadable // [] | index("exe"))) | select(.args[0] | endswith("/paths") | not)' "$lines" >"$storm"
	[ "$(wc -l <"$storm")" = 3000 ]
}

# counts FILTER: of the lines in $storm
counts() {
	jq -s "[.[] | select($1)] | length" "$storm"
}

@test "a working directory that another task changes is one or the other" {
	storm_of shared_cwd
	jq -r '.cwd // (.unreadable | tojson)' "$storm" | sort | uniq -c
	[ "$(counts ".cwd == \"$place/short\"")" -gt 0 ]
	[ "$(counts ".cwd == \"$place/other/and/longer\"")" -gt 0 ]
	[ "$(counts ".cwd != \"$place/short\" and .cwd != \"$place/other/and/longer\" and (.unreadable // [] | index(\"cwd\") | not)")" = 0 ]
	[ "$(counts '.cwd == null')" -lt 300 ]
}

@test "a directory that is renamed during the walk has one name or the other" {
	local short long
	storm_of renamed
	short=$place/aaaa
	long=$place/$(printf 'b%.0s' {1..60})
	jq -r '"\(.exe) \(.cwd) \(.unreadable // [] | tojson)"' "$storm" | sort | uniq -c
	[ "$(counts ".exe != \"$short/program\" and .exe != \"$long/program\" and (.unreadable // [] | index(\"exe\") | not)")" = 0 ]
	[ "$(counts ".cwd != \"$short\" and .cwd != \"$long\" and (.unreadable // [] | index(\"cwd\") | not)")" = 0 ]
	[ "$(counts '.exe == null')" -lt 300 ]
}

@test "a mount that is moved during the walk is at one place or the other" {
	local near far
	storm_of moved_mount
	near=$place/mount/below
	far=$place/other/and/longer/below
	jq -r '"\(.exe) \(.cwd) \(.unreadable // [] | tojson)"' "$storm" | sort | uniq -c
	[ "$(counts ".exe == \"$near/program\"")" -gt 0 ]
	[ "$(counts ".exe == \"$far/program\"")" -gt 0 ]
	[ "$(counts ".exe != \"$near/program\" and .exe != \"$far/program\" and (.unreadable // [] | index(\"exe\") | not)")" = 0 ]
	[ "$(counts ".cwd != \"$near\" and .cwd != \"$far\" and (.unreadable // [] | index(\"cwd\") | not)")" = 0 ]
	[ "$(counts '.exe == null')" -lt 300 ]
}

# The kernel writes a name without a lock: a writer that is interrupted half-way cannot be seen.
@test "a parent's name that changes is one or the other, but for a writer that was interrupted" {
	storm_of renamed_parent
	jq -r '.parent_comm // (.unreadable | tojson)' "$storm" | sort | uniq -c
	[ "$(counts '.parent_comm == null and (.unreadable // [] | index("parent_comm") | not)')" = 0 ]
	[ "$(counts '.parent_comm != null and .parent_comm != "aaaaaaaaaaaaaaa" and .parent_comm != "bbbbbbbbbbbbbbb"')" -lt 30 ]
	[ "$(counts '.parent_comm == null')" -lt 30 ]
}

@test "an exiting parent is one process: its program is the parent's, or unreadable" {
	make_place
	cp "$helpers/paths" "$place/reaper"
	cp "$helpers/paths" "$place/exiting"
	start_exectap
	"$place/reaper" exiting_parents "$helpers/noop" "$marker" "$place"
	"$helpers/noop" "$marker-last"
	poll grep -q "$marker-last" "$lines"
	stop_exectap
	storm=$BATS_TEST_TMPDIR/storm
	jq -c --arg marker "$marker" 'select(.args[1] == $marker)' "$lines" >"$storm"
	jq -r '"\(.parent_comm) \(.parent_exe // (.unreadable | tojson))"' "$storm" | sort | uniq -c
	[ "$(wc -l <"$storm")" = 3000 ]
	[ "$(counts '.parent_exe == null and (.unreadable // [] | index("parent_exe") | not)')" = 0 ]
	[ "$(counts '.parent_comm == "exiting"')" -gt 0 ]
	[ "$(counts ".parent_exe != null and .parent_exe != \"$place/\" + .parent_comm")" = 0 ]
}
