#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The privileges that exectap drops after it attached, and its operation without them.

load lib

more_teardown() {
	[ -z "${mounted:-}" ] || umount -l "$mounted"
}

# status_is NAME VALUE: compares a field of exectap's /proc/PID/status, words separated by single spaces
status_is() {
	local found
	found=$(awk -v name="$1:" '$1 == name { $1 = ""; $0 = $0; $1 = $1; print }' "/proc/$exectap_pid/status")
	if [ "$found" != "$2" ]; then
		echo "$1: found '$found', expected '$2'"
		return 1
	fi
}

no_capabilities() {
	local set
	for set in Inh Prm Eff Amb "$@"; do
		status_is "Cap$set" 0000000000000000
	done
	status_is NoNewPrivs 1
}

# uids NAME, gids NAME: prints the ids of the user in the form of /proc/PID/status
uids() {
	local id
	id=$(id -u "$1")
	echo "$id $id $id $id"
}

gids() {
	local id
	id=$(id -g "$1")
	echo "$id $id $id $id"
}

# Sets $copy to a copy of exectap that every user may execute.
copy_exectap() {
	copy=$BATS_TEST_TMPDIR/copy
	open_folders
	cp "$exectap" "$copy"
	chmod 755 "$copy"
}

# has_marker SUFFIX FILE: returns 0 if the file has the line of noop with "$marker-SUFFIX". (The line of grep itself
# has a backslash before each quote.)
has_marker() {
	grep -qsF "/noop\",\"$marker-$1\"]" "$2"
}

stat_of() {
	stat -c '%U %a' "$1"
}

@test "once attached it has no capability in any set, no_new_privs and a filter" {
	[[ $options != *--no-sandbox* ]] || skip "EXECTAP_OPTIONS has --no-sandbox"
	start_exectap
	no_capabilities Bnd
	status_is Seccomp 2
	status_is Uid "$(uids "$(id -un)")"
	hold "$helpers/hold"
	stop_exectap
}

@test "with CAP_BPF and CAP_PERFMON alone it ends up with none" {
	[[ $options != *--no-sandbox* ]] || skip "EXECTAP_OPTIONS has --no-sandbox"
	local caps=-all,+bpf,+perfmon
	copy_exectap
	: >"$log"
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps $caps --ambient-caps $caps "$copy" -e exec,exit >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	no_capabilities # changing the bounding set needs CAP_SETPCAP
	# proc(5): root owns the files of a process that is not dumpable
	[ "$(stat -c %u "/proc/$exectap_pid/environ")" = 0 ]
	status_is Seccomp 2
	hold "$helpers/hold"
	stop_exectap
}

@test "failed attempts at tracepoints need CAP_DAC_READ_SEARCH besides" {
	local caps=-all,+bpf,+perfmon,+dac_read_search
	if ! mount | grep -q 'type tracefs'; then
		mount -t tracefs tracefs /sys/kernel/tracing
		mounted=/sys/kernel/tracing
	fi
	copy_exectap
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps $caps --ambient-caps $caps "$copy" -e exec_failed >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	no_capabilities
	poll failed_attempt_is_reported
	stop_exectap
}

@test "failed attempts at tracepoints without CAP_DAC_READ_SEARCH are status 3, with what is missing" {
	local caps=-all,+bpf,+perfmon status=0
	"$exectap" --check | grep -q '^missing  fexit on execve' || skip "fexit needs no tracefs"
	copy_exectap
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps $caps --ambient-caps $caps "$copy" -e exec_failed >"$lines" 2>"$log" 3>&- || status=$?
	cat "$log"
	[ "$status" = 3 ]
	[ "$(wc -l <"$log")" = 1 ]
	grep -q 'missing tracepoint sys_enter_execve: .* CAP_DAC_READ_SEARCH' "$log"
}

failed_attempt_is_reported() {
	bash -c 'exec "$0" "$0"' "/nonexistent/$marker" 2>/dev/null
	[ -n "$(select_lines '.type == "exec_failed" and .error == "ENOENT"')" ]
}

@test "--user leaves the uid and gid of that user, no other group, and no capability" {
	[[ $options != *--no-sandbox* ]] || skip "EXECTAP_OPTIONS has --no-sandbox"
	: >"$log"
	setpriv --groups 2,3,4 "$exectap" --user nobody >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	no_capabilities Bnd
	status_is Seccomp 2
	status_is Uid "$(uids nobody)"
	status_is Gid "$(gids nobody)"
	status_is Groups ''
	hold "$helpers/hold"
	stop_exectap
	start_exectap --user 65432:54321
	status_is Uid '65432 65432 65432 65432'
	status_is Gid '54321 54321 54321 54321'
	status_is Groups ''
	stop_exectap
	start_exectap --user "$(id -u daemon)"
	status_is Gid "$(gids daemon)"
	stop_exectap
}

@test "--user opens its file as that user, at the start as at SIGHUP" {
	local place=$BATS_TEST_TMPDIR/place status=0
	open_folders
	mkdir "$place"
	"$exectap" --user nobody -o "file:$place/lines" 2>"$log" 3>&- || status=$?
	[ "$status" = 1 ]
	[ "$(wc -l <"$log")" = 1 ]
	grep -q "file:$place/lines: Permission denied; .* uid $(id -u nobody) .*--user" "$log"
	[ ! -e "$place/lines" ]
	chown nobody "$place"
	: >"$log"
	"$exectap" --user nobody -o "file:$place/lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	[ "$(stat_of "$place/lines")" = "nobody 600" ]
	"$helpers/noop" "$marker-0"
	poll has_marker 0 "$place/lines"
	mv "$place/lines" "$place/lines.1"
	kill -HUP "$exectap_pid"
	poll test -e "$place/lines"
	[ "$(stat_of "$place/lines")" = "nobody 600" ]
	# logrotate's "create" in a folder owned by root
	mv "$place/lines" "$place/lines.2"
	chown root "$place"
	install -m 640 -o nobody /dev/null "$place/lines"
	kill -HUP "$exectap_pid"
	executed() { "$helpers/noop" "$marker-1" && has_marker 1 "$place/lines"; } # the file changes some time later
	poll executed
	# and without "create"
	mv "$place/lines" "$place/lines.3"
	kill -HUP "$exectap_pid"
	poll grep -q "cannot reopen the output's file: Permission denied" "$log"
	"$helpers/noop" "$marker-2"
	poll has_marker 2 "$place/lines.3"
	stop_exectap
}

@test "root without capabilities gets the reason why it can't open the file of another user" {
	local status=0
	mkdir "$BATS_TEST_TMPDIR/place"
	chown nobody "$BATS_TEST_TMPDIR/place"
	chmod 700 "$BATS_TEST_TMPDIR/place"
	"$exectap" -o "file:$BATS_TEST_TMPDIR/place/lines" 2>"$log" 3>&- || status=$?
	[ "$status" = 1 ]
	grep -q 'Permission denied; exectap runs as uid 0 without capabilities, see --user' "$log"
}

@test "--user makes the socket of unix-listen, gives it to --socket-group and removes it in the end" {
	local place=$BATS_TEST_TMPDIR/place
	open_folders
	mkdir "$place"
	chown nobody "$place"
	: >"$log"
	"$exectap" --user nobody -o "unix-listen:$place/socket" --socket-group daemon --socket-mode 660 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	status_is Groups "$(getent group daemon | cut -d : -f 3)"
	[ "$(stat -c '%U %G %a' "$place/socket")" = "nobody daemon 660" ]
	python3 - "$place/socket" "$helpers/noop" "$marker" >"$lines" 3>&- <<'END'
import socket, subprocess, sys
connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
connection.connect(sys.argv[1])
subprocess.run([sys.argv[2], sys.argv[3]])
got = b""
while sys.argv[3].encode() + b'"' not in got or not got.endswith(b"\n"):
    got += connection.recv(65536)
sys.stdout.buffer.write(got)
END
	stop_exectap
	[ ! -e "$place/socket" ]
	[ -n "$(select_lines true)" ]
}

@test "a socket that its user may not write to is said, and connected once it may" {
	open_folders
	python3 - "$BATS_TEST_TMPDIR/socket" "$lines" 3>&- <<'END' &
import os, socket, sys
os.umask(0o077)
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(sys.argv[1])
listener.listen(1)
connection, _ = listener.accept()
with open(sys.argv[2], "wb", buffering=0) as out:
    while data := connection.recv(65536):
        out.write(data)
END
	held+=($!)
	poll test -S "$BATS_TEST_TMPDIR/socket"
	: >"$log"
	"$exectap" --user nobody -o "unix:$BATS_TEST_TMPDIR/socket" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	"$helpers/noop" "$marker-0"
	poll grep -q "Permission denied for user $(id -u nobody) " "$log"
	chmod 777 "$BATS_TEST_TMPDIR/socket"
	poll has_marker 0 "$lines"
	stop_exectap
	[ "$(grep -c 'Permission denied' "$log")" = 1 ]
}

@test "--user that is no one is status 2, and one that can't be become status 3" {
	local name status caps=-all,+bpf,+perfmon
	for name in no-such-user-here '' 1: :1 1:x -1 4294967295 4294967295:1 99999999999999999999:1; do
		status=0
		"$exectap" "--user=$name" 2>"$log" 3>&- || status=$?
		cat "$log"
		[ "$status" = 2 ]
		[ "$(cat "$log")" = "exectap: invalid --user '$name' (a name or a uid in /etc/passwd, or UID:GID)" ]
	done
	copy_exectap
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps $caps --ambient-caps $caps "$copy" --user daemon >"$lines" 2>"$log" 3>&- || status=$?
	cat "$log"
	[ "$status" = 3 ]
	[ "$(wc -l <"$log")" = 1 ]
	grep -q 'user daemon: .*CAP_SETUID and CAP_SETGID' "$log"
	[ ! -s "$lines" ]
}

@test "--no-sandbox leaves out the filter and nothing else" {
	start_exectap --no-sandbox
	status_is Seccomp 0
	no_capabilities Bnd
	stop_exectap
}

@test "where no filter can be installed, one line says so and it goes on" {
	[[ $options != *--no-sandbox* ]] || skip "EXECTAP_OPTIONS has --no-sandbox"
	: >"$log"
	# prctl(2) with PR_SET_SECCOMP only
	"$helpers/refuse" "$seccomp_number" -1 38 "$helpers/refuse" "$prctl_number" 22 22 "$exectap" >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	no_capabilities Bnd
	hold "$helpers/hold"
	stop_exectap
	cat "$log"
	[ "$(wc -l <"$log")" = 2 ]
	grep -q '^exectap: cannot install the seccomp filter: Operation not supported; continuing without it' "$log"
}

# replace_directory: moves the directory of the output away, and puts a link to another one in its place
replace_directory() {
	mkdir "$BATS_TEST_TMPDIR/place" "$BATS_TEST_TMPDIR/other"
	: >"$log"
	"$exectap" -o "file:$BATS_TEST_TMPDIR/place/lines" "$@" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	mv "$BATS_TEST_TMPDIR/place" "$BATS_TEST_TMPDIR/moved"
	ln -s other "$BATS_TEST_TMPDIR/place"
	kill -HUP "$exectap_pid"
}

@test "it opens no file outside the directories that it had at the start, where the kernel has Landlock" {
	[[ $options != *--no-sandbox* ]] || skip "EXECTAP_OPTIONS has --no-sandbox"
	"$exectap" --check | grep -q '^ok *limit of file access' || skip "no Landlock here"
	replace_directory
	poll grep -q "cannot reopen the output's file: Permission denied" "$log"
	"$helpers/noop" "$marker-0"
	poll has_marker 0 "$BATS_TEST_TMPDIR/moved/lines"
	stop_exectap
	[ -z "$(ls "$BATS_TEST_TMPDIR/other")" ]
}

@test "--no-sandbox leaves out the limit of file access too" {
	replace_directory --no-sandbox
	poll test -e "$BATS_TEST_TMPDIR/other/lines"
	stop_exectap
	! grep -q 'Permission denied' "$log"
}

@test "where the kernel refuses Landlock it goes on, and --check and --verbose say so" {
	[[ $options != *--no-sandbox* ]] || skip "EXECTAP_OPTIONS has --no-sandbox"
	: >"$log"
	"$helpers/refuse" 444 -1 38 "$exectap" --check | grep '^missing *limit of file access *Landlock: Function not implemented'
	"$helpers/refuse" 444 -1 38 "$exectap" --verbose >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	hold "$helpers/hold"
	stop_exectap
	grep -q '^exectap: the kernel has no Landlock; file access is not limited$' "$log"
	# landlock_restrict_self(2) alone
	: >"$log"
	"$helpers/refuse" 446 -1 1 "$exectap" >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	hold "$helpers/hold"
	stop_exectap
	grep -q '^exectap: cannot limit file access: Operation not permitted; continuing without the limit$' "$log"
}

# filtered OUTPUT SYSCALL [ARGUMENT...]: makes the call under the filter; sets $status and $output.
filtered() {
	run "$helpers/sandboxed" "$@"
	echo "$* -> $status: $output"
}

# dies ARGUMENT...: fails unless SIGSYS (31) kills it
dies() {
	filtered "$@"
	[ "$status" = $((128 + 31)) ]
	[[ $output != *done* ]]
}

lives() {
	filtered "$@"
	[ "$status" = 0 ]
	[[ $output == *"done "* ]]
}

@test "a forbidden call ends the process, whatever the output" {
	local kind call
	for kind in - file:/x unix:/x unixgram:/x unix-listen:/x; do
		lives "$kind" write 1 text 0 ''
		for call in bpf ptrace clone prctl setuid getppid mount unshare pipe2 dup3 kill socketpair sendmsg recvfrom \
			perf_event_open memfd_create capset seccomp; do
			dies "$kind" $call 0 0
		done
		dies "$kind" execve text 0 0 /bin/true
		dies "$kind" execveat -100 text 0 0 0 /bin/true
		# AF_INET, SOCK_STREAM
		dies "$kind" socket 2 1 0
		# O_RDONLY
		dies "$kind" openat -100 text 0 0 /etc/passwd
	done
}

@test "memory can be had, but not to execute" {
	# PROT_READ | PROT_WRITE [| PROT_EXEC], MAP_PRIVATE | MAP_ANONYMOUS
	lives - mmap 0 4096 3 34 -1 0
	dies - mmap 0 4096 7 34 -1 0
	lives - mprotect 0 0 3
	dies - mprotect 0 0 7
	# PERF_EVENT_IOC_DISABLE, PERF_EVENT_IOC_ENABLE
	lives - ioctl 99 0x2401 0
	dies - ioctl 99 0x2400 0
}

@test "each output has the calls that open it, and not those of another" {
	lives unix:/x socket 1 1 0
	lives unixgram:/x socket 1 2 0
	dies - socket 1 1 0
	dies file:/x socket 1 1 0
	dies unix-listen:/x socket 1 1 0
	lives unix:/x connect 99 0 0
	dies unix-listen:/x connect 99 0 0
	lives unix-listen:/x accept4 99 0 0 0
	dies unix:/x accept4 99 0 0 0
	lives unix-listen:/x unlinkat 99 text 0 none
	dies file:/x unlinkat 99 text 0 none
}

@test "--check lists the privileges that the options need, and whether they are there" {
	local caps=-all,+bpf,+perfmon fact
	"$exectap" --check >"$BATS_TEST_TMPDIR/facts"
	for fact in 'change of user' 'drop of the bounding set' 'filter of system calls'; do
		grep -qE "^ok +$fact" "$BATS_TEST_TMPDIR/facts"
	done
	copy_exectap
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps $caps --ambient-caps $caps "$copy" --check >"$BATS_TEST_TMPDIR/facts"
	cat "$BATS_TEST_TMPDIR/facts"
	grep -qE '^ok +privileges +CAP_BPF and CAP_PERFMON$' "$BATS_TEST_TMPDIR/facts"
	grep -qE '^missing +tracepoint .*CAP_DAC_READ_SEARCH' "$BATS_TEST_TMPDIR/facts"
	grep -qE '^missing +change of user .*CAP_SETUID and CAP_SETGID' "$BATS_TEST_TMPDIR/facts"
	grep -qE '^missing +drop of the bounding set .*CAP_SETPCAP' "$BATS_TEST_TMPDIR/facts"
	"$helpers/refuse" "$seccomp_number" -1 38 "$exectap" --check | grep -E '^missing +filter of system calls'
}

# seccomp(2) and prctl(2)
case $(uname -m) in
aarch64) seccomp_number=277 prctl_number=167 ;;
*) seccomp_number=317 prctl_number=157 ;;
esac
