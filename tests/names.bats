#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Names of users and groups, and of systemd units.

load lib

more_teardown() {
	remove_made_cgroup
}

# Starts exectap with the directory $etc as its /etc.
start_with_etc() {
	: >"$lines"
	: >"$log"
	# shellcheck disable=SC2016
	unshare --mount bash -c 'mount --bind "$0" /etc && exec "$@"' "$etc" "$exectap" "$@" >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
}

# Makes $etc, a directory with the files of passwd(5) and group(5).
make_etc() {
	etc=$BATS_TEST_TMPDIR/etc
	open_folders
	mkdir "$etc"
	printf 'root:x:0:0::/:/bin/sh\nalice:x:61234:61235::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$etc/passwd"
	printf 'root:x:0:\nstaff:x:61235:\n' >"$etc/group"
	chmod 755 "$etc"
	chmod 644 "$etc"/*
}

# noop_as UID GID MARKER: executes noop with these ids
noop_as() {
	setpriv --reuid "$1" --regid "$2" --clear-groups "$helpers/noop" "$3"
}

# line_with MARKER: sets $line to the line of noop with that marker
line_with() {
	wait_for_line "(.exe | endswith(\"/noop\")) and .args[1] == \"$1\""
}

@test "the names of a process are those that id(1) prints of its ids" {
	start_exectap
	"$helpers/noop" "$marker-root"
	line_with "$marker-root"
	for key in user euser; do expect $key "$(id -un)"; done
	for key in group egroup; do expect $key "$(id -gn)"; done
	noop_as nobody nogroup "$marker-nobody"
	line_with "$marker-nobody"
	expect user nobody
	expect euser nobody
	expect group "$(id -gn nobody)"
	setpriv --ruid daemon --rgid daemon --euid nobody --egid "$(id -g nobody)" --clear-groups "$helpers/noop" "$marker-both"
	line_with "$marker-both"
	expect user daemon
	expect euser nobody
	expect group daemon
	expect egroup "$(id -gn nobody)"
	# an id without an entry
	noop_as 61233 61232 "$marker-none"
	line_with "$marker-none"
	expect uid 61233
	for key in user group euser egroup auser; do expect $key null; done
	expect_unreadable ''
	stop_exectap
}

@test "a login user has its name" {
	local uid
	[ -e /proc/self/loginuid ] || skip "this kernel has no audit"
	uid=$(id -u nobody)
	start_exectap
	# shellcheck disable=SC2016
	bash -c 'echo "$0" >/proc/self/loginuid && exec "$@"' "$uid" "$helpers/noop" "$marker-0" || skip "loginuid cannot be set here"
	line_with "$marker-0"
	expect auid "$uid"
	expect auser nobody
	expect user root
	stop_exectap
}

@test "a process in another user namespace has ids, and no names" {
	unshare --user true || skip "no user namespaces"
	start_exectap
	unshare --user --map-root-user "$helpers/noop" "$marker-0"
	line_with "$marker-0"
	expect uid "$(id -u)"
	for key in user group euser egroup; do expect $key null; done
	stop_exectap
}

# name_is UID NAME: executes noop as that user, until its line has the name ("null": none)
name_is() {
	local mark=$marker-$RANDOM$RANDOM
	noop_as "$1" 61235 "$mark"
	line_with "$mark"
	[ "$(key user)" = "$2" ]
}

@test "changes of /etc/passwd are seen: an edit, an atomic rename, its absence" {
	make_etc
	start_with_etc --user nobody
	name_is 61234 alice
	expect group staff
	echo 'bob:x:61236:61235::/:/bin/sh' >>"$etc/passwd"
	poll name_is 61236 bob
	sed 's/alice/carol/' "$etc/passwd" >"$etc/passwd+"
	chmod 644 "$etc/passwd+"
	mv "$etc/passwd+" "$etc/passwd"
	poll name_is 61234 carol
	[ "$(wc -l <"$log")" = 1 ]
	mv "$etc/passwd" "$etc/passwd-"
	poll name_is 61234 null
	expect group staff
	poll name_is 61236 null
	cat "$log"
	[ "$(grep -c '/etc/passwd: No such file or directory; its names are left out' "$log")" = 1 ]
	mv "$etc/passwd-" "$etc/passwd"
	poll name_is 61234 carol
	stop_exectap
	[ "$(wc -l <"$log")" = 2 ]
}

@test "a hostile /etc/passwd blocks nothing, and is reported once" {
	make_etc
	rm "$etc/passwd"
	mkfifo "$etc/passwd"
	start_with_etc
	name_is 61234 null
	expect group staff
	stop_exectap
	cat "$log"
	[ "$(grep -c '/etc/passwd: not a regular file' "$log")" = 1 ]
	rm "$etc/passwd"
	truncate -s 1G "$etc/passwd"
	start_with_etc
	name_is 61234 null
	stop_exectap
	[ "$(grep -c '/etc/passwd: larger than 16 MiB' "$log")" = 1 ]
	head -c 1000000 /dev/urandom >"$etc/passwd"
	start_with_etc
	name_is 61234 null
	stop_exectap
	[ "$(wc -l <"$log")" = 2 ]
	[ "$(grep -c '/etc/passwd: line [0-9]* is malformed' "$log")" = 1 ]
}

@test "in another pid or cgroup namespace, as in a container, /etc/passwd is not the host's" {
	local kind
	for kind in '--pid --fork --mount-proc' --cgroup; do
		: >"$lines"
		: >"$log"
		# shellcheck disable=SC2086
		unshare $kind "$exectap" --verbose >"$lines" 2>"$log" 3>&- &
		exectap_pid=$!
		poll watching
		"$helpers/noop" "$marker${kind:2:2}"
		line_with "$marker${kind:2:2}"
		expect user null
		expect group null
		grep -q 'in a container: the names of users and groups are left out' "$log"
		# exectap is a child of unshare in the first case
		kill -TERM "$(pgrep -P "$exectap_pid" || echo "$exectap_pid")"
		wait "$exectap_pid" || true
		exectap_pid=
	done
}

@test "rules for names: --skip user leaves a user out, and --only passes what cannot be known" {
	make_etc
	start_with_etc --skip user=alice
	noop_as 61234 61235 "$marker-alice"
	noop_as 61233 61235 "$marker-other"
	line_with "$marker-other"
	stop_exectap
	[ "$(select_lines ".args[1] == \"$marker-alice\"")" = "" ]
	start_with_etc --only user=alice
	noop_as 61233 61235 "$marker-other"
	noop_as 61234 61235 "$marker-alice"
	line_with "$marker-alice"
	stop_exectap
	[ "$(select_lines ".args[1] == \"$marker-other\"")" = "" ]
	rm "$etc/passwd"
	start_with_etc --only user=alice
	noop_as 61233 61235 "$marker-unknown"
	line_with "$marker-unknown"
	stop_exectap
}

@test "the unit of the cgroup path is that of the system manager" {
	local root unit=exectap-$BATS_TEST_NUMBER-$RANDOM.service
	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
	[ -n "$root" ] || skip "no cgroup2 file system is mounted"
	made_cgroup=$root/$marker.slice
	mkdir -p "$made_cgroup/$unit/inner.slice/other.service"
	start_exectap
	# shellcheck disable=SC2016
	hold bash -c 'echo $$ >"$1/cgroup.procs"; exec "$0" "$2"' "$helpers/hold" "$made_cgroup/$unit/inner.slice/other.service"
	expect cgroup "$(sed -n 's/^0:://p' "/proc/$pid/cgroup")"
	expect systemd_unit "$unit"
	kill -KILL "$pid"
	wait "${held[0]}" || true
	stop_exectap
}
