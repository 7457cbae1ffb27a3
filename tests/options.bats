#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --help, --version, --check, and usage errors.

load lib

@test "--version is one line with the version that the Makefile has" {
	[ "$("$exectap" --version)" = "exectap $(sed -n 's/^VERSION := //p' "$top/Makefile")" ]
	[ "$("$exectap" -V)" = "$("$exectap" --version)" ]
}

@test "--help fits a screen of 80 columns" {
	"$exectap" --help >"$BATS_TEST_TMPDIR/help"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/help")" -le 40 ]
	[ "$(awk 'length($0) > 80' "$BATS_TEST_TMPDIR/help")" = "" ]
}

@test "--check says one fact a line and is status 0 where exectap runs" {
	"$exectap" --check >"$BATS_TEST_TMPDIR/facts" 2>"$log"
	cat "$BATS_TEST_TMPDIR/facts"
	[ ! -s "$log" ]
	[ "$(grep -cvE '^(ok|missing) +[^ ]' "$BATS_TEST_TMPDIR/facts")" = 0 ]
	grep -qE '^ok +kernel +Linux '"$(uname -r)" "$BATS_TEST_TMPDIR/facts"
	local fact
	for fact in privileges 'type information' 'ring buffer' 'hook sched_process_exec' 'hook task_rename' programs; do
		grep -qE "^ok +$fact" "$BATS_TEST_TMPDIR/facts"
	done
}

@test "--check without privileges is status 3 and says what is missing" {
	local copy=$BATS_TEST_TMPDIR/exectap status=0
	cp "$exectap" "$copy"
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_TEST_TMPDIR" "$copy"
	setpriv --reuid 65534 --clear-groups "$copy" --check >"$BATS_TEST_TMPDIR/facts" || status=$?
	cat "$BATS_TEST_TMPDIR/facts"
	[ "$status" = 3 ]
	grep -qE '^missing +privileges .*CAP_BPF' "$BATS_TEST_TMPDIR/facts"
	grep -qE '^ok +type information' "$BATS_TEST_TMPDIR/facts"
}

@test "--check without BTF is status 4 and says what is missing" {
	local status=0
	unshare --mount sh -c 'mount -t tmpfs tmpfs /sys/kernel/btf && exec "$0" --check' "$exectap" >"$BATS_TEST_TMPDIR/facts" || status=$?
	cat "$BATS_TEST_TMPDIR/facts"
	[ "$status" = 4 ]
	grep -qE '^missing +type information' "$BATS_TEST_TMPDIR/facts"
}

@test "the short and the long forms of an option do the same" {
	"$exectap" -h | cmp - <("$exectap" --help)
	start_exectap -o - -f native -e exec -v --buffer 200K
	grep -q 'buffer of 256 KiB' "$log"
	hold "$helpers/hold"
	stop_exectap
	start_exectap --output=- --format=native --events=exec
	hold "$helpers/hold"
	stop_exectap
}

@test "wrong arguments are reported in the words of getopt, with status 2" {
	local hint="see 'exectap --help'"
	rejects "unexpected argument 'foo'; $hint" foo
	rejects "option '--output' requires an argument; $hint" --output
	rejects "option '-e' requires an argument; $hint" -e
	rejects "option '--check' does not allow an argument; $hint" --check=1
	rejects "unrecognized or ambiguous option '--nonsense'; $hint" --nonsense
	rejects "unrecognized or ambiguous option '-Z'; $hint" -Z
	rejects "invalid format 'json' (choose native, ecs, ocsf, text)" -f json
	rejects "invalid event type 'forks' (choose exec, exec_failed, exit, fork, process)" -e exec,forks
	rejects "invalid --heartbeat '0' (1 to 86400 seconds)" --heartbeat 0
	rejects "invalid format 'a?b?' (choose native, ecs, ocsf, text)" -f $'a\nb\e'
	rejects "invalid --metrics '' (a path)" --metrics ''
	rejects "invalid --pin '' (a path)" --pin ''
	rejects "invalid --color 'red' (choose auto, always, never)" --color red
	rejects "invalid --latency '-1' (0 to 10000 milliseconds)" --latency -1
	rejects "invalid --latency '10001' (0 to 10000 milliseconds)" --latency 10001
	rejects "invalid --heartbeat '18446744073709551617' (1 to 86400 seconds)" --heartbeat 18446744073709551617
	rejects "invalid --buffer '1X' (a number of bytes, or one with K, M or G)" --buffer 1X
	rejects "invalid --buffer '99999999999G' (131072 to 1073741824 bytes)" --buffer 99999999999G
	rejects "invalid --socket-mode '888' (octal digits, at most 0777)" --socket-mode 888
	rejects "invalid --rotate '1M:0' (1 to 999 files)" --rotate 1M:0 -o file:/x
	rejects "invalid --rotate '1' (65536 to 1099511627776 bytes)" --rotate 1 -o file:/x
	rejects "invalid --rotate '17179869185G' (65536 to 1099511627776 bytes)" --rotate 17179869185G -o file:/x
	rejects "invalid --rotate ':2' (SIZE[:COUNT])" --rotate :2 -o file:/x
	rejects "invalid --file-mode '1777' (octal digits, at most 0777)" --file-mode 1777 -o file:/x
}

@test "an option that another one would silence is wrong usage" {
	local name
	rejects "--output is given twice ('-' and 'file:/x'); run one exectap for each" -o - -o file:/x
	for name in socket-mode=600 socket-group=0; do
		rejects "--${name%=*} needs --output unix-listen:PATH" "--$name"
		rejects "--${name%=*} needs --output unix-listen:PATH" "--$name" -o file:/x
	done
	rejects "--rotate needs --output file:PATH" --rotate 1M
	rejects "--file-mode needs --output file:PATH" --file-mode 640
	rejects "--file-mode needs --output file:PATH" --file-mode 640 -o unix-listen:/x
}

@test "--events and --env accumulate" {
	start_exectap -e exec -e exit --env A,B --env C
	A=1 B=2 C=3 "$helpers/noop" "$marker"
	wait_for_line '.exe | endswith("/noop")'
	expect 'env == {"A":"1","B":"2","C":"3"}' true
	poll grep -q "\"type\":\"exit\".*\"pid\":$(key pid)," "$lines"
	stop_exectap
	# the default is not added to a choice
	start_exectap -e exit
	"$helpers/noop" "$marker"
	poll grep -q '"type":"exit"' "$lines"
	stop_exectap
	! grep -q '"type":"exec"' "$lines" || return 1
}

@test "text for standard output that cannot be written is status 1" {
	local option status
	for option in --help --version --check; do
		status=0
		"$exectap" $option >/dev/full 2>"$log" || status=$?
		[ "$status" = 1 ]
		[ "$(cat "$log")" = 'exectap: cannot write to standard output: No space left on device' ]
	done
}

@test "lines on the journal's stream start with their level" {
	local stream
	: >"$log"
	stream=$(stat -c %d:%i "$log")
	JOURNAL_STREAM=$stream "$exectap" --nonsense 2>"$log" || true
	grep -q '^<3>exectap: unrecognized' "$log"
	JOURNAL_STREAM=1:2 "$exectap" --nonsense 2>"$log" || true
	grep -q '^exectap: unrecognized' "$log"
	JOURNAL_STREAM=$stream "$exectap" >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll grep -q '^<6>exectap: watching' "$log"
	stop_exectap
}

@test "without /proc the boot id is named as the cause, not the output" {
	local status=0
	unshare --mount sh -c 'mount -t tmpfs tmpfs /proc/sys/kernel/random && exec "$0"' "$exectap" >"$lines" 2>"$log" || status=$?
	cat "$log"
	[ "$status" = 1 ]
	grep -q 'No such file or directory; mount /proc, /proc/sys/kernel/random/boot_id is needed$' "$log"
	[ "$(wc -l <"$log")" = 1 ]
}

# cause STATUS TEXT COMMAND...: the command fails with this status and one line on stderr that has the text.
cause() {
	local wanted=$1 text=$2 status=0
	shift 2
	"$@" >"$lines" 2>"$log" 3>&- || status=$?
	cat "$log"
	[ "$status" = "$wanted" ]
	[ "$(wc -l <"$log")" = 1 ]
	grep -qF -- "$text" "$log"
}

@test "the true cause is named, with its status: no /sys, a user namespace, a filter, memory, descriptors" {
	local bpf=321
	[ "$(uname -m)" != aarch64 ] || bpf=280
	cause 4 "run 'mount -t sysfs sysfs /sys'" unshare --mount sh -c 'mount -t tmpfs tmpfs /sys && exec "$0"' "$exectap"
	cause 3 'exectap is in a user namespace; run it in the initial one' unshare --user --map-root-user "$exectap"
	cause 3 'refuses bpf(2)' "$helpers/refuse" $bpf -1 1 "$exectap"
	cause 1 'cannot watch: Cannot allocate memory: free memory' "$helpers/refuse" $bpf -1 12 "$exectap"
	cause 1 'raise the limit of open files (RLIMIT_NOFILE)' sh -c 'ulimit -n 6; exec "$0"' "$exectap"
	cause 1 'RLIMIT_AS' sh -c 'ulimit -v 20000; exec "$0"' "$exectap"
}

@test "--check explains why fexit is refused" {
	local fact
	fact=$("$exectap" --check | grep ' fexit on execve ')
	echo "$fact"
	grep -qE '^ok |CONFIG_FUNCTION_TRACER|kernel\.ftrace_enabled|entry points' <<<"$fact"
}
