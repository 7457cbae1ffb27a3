#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Termination: signals, closed outputs, and the messages of a failed start.

load lib

more_teardown() {
	unmount_made
}

# ends_with STATUS COMMAND...: fails unless the command exits with the status, one line on stderr and nothing on
# stdout. Sets $said to the line.
ends_with() {
	local expected=$1 status=0
	shift
	timeout "$patience_s" "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- || status=$?
	said=$(cat "$BATS_TEST_TMPDIR/err")
	echo "status $status, stderr: $said"
	[ "$status" = "$expected" ]
	[ ! -s "$BATS_TEST_TMPDIR/out" ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" = 1 ]
	[[ $said == "exectap: "* ]]
}

has_ended() {
	! kill -0 "$1" 2>/dev/null
}

@test "SIGTERM and SIGINT end it with status 0" {
	local signal status
	for signal in TERM INT; do
		start_exectap
		kill -$signal "$exectap_pid"
		status=0
		wait "$exectap_pid" || status=$?
		[ "$status" = 0 ]
	done
	[ "$(wc -l <"$log")" = 1 ]
}

@test "SIGTERM under load loses nothing that had happened before it" {
	local load
	start_exectap
	"$helpers/storm" 1 1000000 "load-$marker" "$helpers/noop" 3>&- >/dev/null &
	load=$!
	held+=("$load")
	"$helpers/storm" 1 3000 "$marker" "$helpers/noop"
	stop_exectap
	kill "$load"
	[ "$(jq -r '.args[1] // ""' "$lines" | grep -c "^$marker-0-")" = 3000 ]
	[ "$(jq -r '.args[1] // ""' "$lines" | grep "^$marker-0-" | sort -u | wc -l)" = 3000 ]
	jq -es '[.[] | select(.type == "lost")] == []' "$lines"
}

# start_piped [OPTION...]: starts exectap with a pipe, the other end of which is descriptor 4
start_piped() {
	rm -f "$BATS_TEST_TMPDIR/pipe"
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	exec 4<>"$BATS_TEST_TMPDIR/pipe"
	: >"$log"
	"$exectap" "$@" >"$BATS_TEST_TMPDIR/pipe" 2>"$log" 3>&- 4>&- &
	exectap_pid=$!
	poll watching
}

# stalled_exectap [OPTION...]: starts exectap with a full pipe
stalled_exectap() {
	start_piped "$@"
	"$helpers/storm" 1 500 "$marker" "$helpers/noop" # more than a pipe holds
}

@test "a consumer that stalls is waited for at the end, at most 3 s, and a second signal does not wait" {
	local status=0 start
	stalled_exectap
	start=${EPOCHREALTIME/./}
	kill -TERM "$exectap_pid"
	wait "$exectap_pid" || status=$?
	exectap_pid=
	[ "$status" = 1 ]
	[ $((${EPOCHREALTIME/./} - start)) -ge 2000000 ]
	[ $((${EPOCHREALTIME/./} - start)) -lt 10000000 ] # a loaded machine takes longer
	grep -qE 'last lines are dropped, [1-9][0-9]*: the consumer takes nothing' "$log"
	stalled_exectap
	kill -TERM "$exectap_pid"
	poll signal_taken "$exectap_pid"
	kill -TERM "$exectap_pid"
	poll has_ended "$exectap_pid"
	grep -q 'second signal' "$log"
	exec 4>&-
}

@test "what is lost while a consumer stalls is counted at the end, though no line can say it" {
	local dropped lost
	stalled_exectap --buffer 128K
	"$helpers/storm" 1 2000 "$marker" "$helpers/noop" # more than the buffer holds
	kill -TERM "$exectap_pid"
	wait "$exectap_pid" || true
	exectap_pid=
	dropped=$(sed -n 's/.*the last lines are dropped, \([0-9]*\): .*/\1/p' "$log")
	lost=$(sed -n 's/.* \([0-9]*\) events were lost before, and no line counts them/\1/p' "$log")
	dd bs=128K count=1 iflag=nonblock <&4 >"$BATS_TEST_TMPDIR/taken" 2>/dev/null
	exec 4>&-
	# without the partial line, which may end with a brace too
	head -n "$(wc -l <"$BATS_TEST_TMPDIR/taken")" "$BATS_TEST_TMPDIR/taken" >"$lines"
	[ "$lost" -ge 1000 ]
	[ "$dropped" -ge 50 ]
	[ $(($(wc -l <"$lines") + dropped + lost)) -ge 2500 ]
	jq -es 'all(.type == "exec")' "$lines"
}

# piped WORD: returns 0 if a line with the word has come through the pipe
piped() {
	dd bs=64K iflag=nonblock <&4 2>/dev/null >>"$BATS_TEST_TMPDIR/piped" || true
	grep -q -- "$1" "$BATS_TEST_TMPDIR/piped"
}

# counts_suppressed [OPTION...]: executes what the limit suppresses, then more than pipe, memory and buffer hold
counts_suppressed() {
	start_piped --buffer 128K --only "filename=$helpers/noop" --limit 1/3600:args "$@"
	for _ in {1..50}; do "$helpers/noop" "$marker-same"; done
	"$helpers/noop" "$marker-then"
	poll piped "$marker-then"
	"$helpers/storm" 1 3000 "$marker" "$helpers/noop"
	kill -TERM "$exectap_pid"
	wait "$exectap_pid" || true
	exectap_pid=
	exec 4>&-
	grep -q ' 49 events were suppressed, and no line counts them$' "$log"
}

@test "what was suppressed before a consumer stalls is counted at the end, though no line can say it" {
	counts_suppressed
}

@test "what was suppressed is counted at the end with --pin too, though the next start emits what the ring buffer has" {
	local pin=$BATS_TEST_TMPDIR/bpf
	mkdir "$pin"
	mount -t bpf bpf "$pin" || skip "no bpf file system"
	counts_suppressed --pin "$pin/hooks"
	"$exectap" --unpin "$pin/hooks" 3>&-
	umount "$pin"
	grep -q ' events are not written: .*; the next start emits them' "$log"
}

@test "signals that the parent left blocked end it as well" {
	local signal status
	for signal in TERM INT; do
		: >"$log"
		python3 - "$exectap" >"$lines" 2>"$log" 3>&- <<'END' &
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
os.execv(sys.argv[1], sys.argv[1:])
END
		exectap_pid=$!
		poll watching
		kill -$signal "$exectap_pid"
		poll has_ended "$exectap_pid"
		status=0
		wait "$exectap_pid" || status=$?
		exectap_pid=
		[ "$status" = 0 ]
	done
}

@test "head -n 1 ends both, quietly" {
	timeout "$patience_s" bash -c '"$0" 2>"$1" | head -n 1; echo "${PIPESTATUS[0]}" >"$2"' "$exectap" "$log" "$BATS_TEST_TMPDIR/status" >"$lines" 3>&- &
	held+=($!)
	exectap_pid=$!
	poll grep -q watching "$log"
	"$helpers/noop"
	wait "$exectap_pid"
	exectap_pid=
	[ "$(cat "$BATS_TEST_TMPDIR/status")" = 0 ]
	[ "$(wc -l <"$lines")" = 1 ]
	[ "$(wc -l <"$log")" = 1 ]
}

@test "a reader that closes is noticed although nothing is executed any more" {
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	: >"$log"
	"$exectap" >"$BATS_TEST_TMPDIR/pipe" 2>"$log" 3>&- &
	exectap_pid=$!
	exec 4<"$BATS_TEST_TMPDIR/pipe"
	poll watching
	exec 4<&-
	wait "$exectap_pid"
	exectap_pid=
}

@test "a full disk is said once, waited out, and the end does not wait for it" {
	local status=0
	: >"$log"
	"$exectap" >/dev/full 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	"$helpers/noop"
	poll grep -q 'No space left on device' "$log"
	"$helpers/noop"
	kill -0 "$exectap_pid"
	kill -TERM "$exectap_pid"
	wait "$exectap_pid" || status=$?
	exectap_pid=
	[ "$status" = 1 ]
	[ "$(grep -c 'No space left on device: trying again' "$log")" = 1 ]
	grep -qE 'the last lines are dropped, [1-9][0-9]*: No space left on device' "$log"
}

@test "a closed standard output is reported, and no other file gets the lines" {
	local status=0
	"$exectap" >&- 2>"$log" 3>&- || status=$?
	[ "$status" = 1 ]
	grep -q 'standard output is closed' "$log"
	status=0
	"$exectap" 1</dev/null 2>"$log" 3>&- || status=$?
	[ "$status" = 1 ]
	[ "$(cat "$log")" = "exectap: standard output is open for reading only; redirect it to a file, a pipe or a terminal" ]
	# where lines go elsewhere it is no obstacle
	: >"$log"
	"$exectap" -o "file:$lines" >&- 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	"$helpers/noop" "$marker"
	wait_for_line true
	stop_exectap
}

@test "closed stdin and stderr are no obstacle" {
	timeout "$patience_s" bash -c '"$0" <&- 2>&- 3>&- | head -n 1' "$exectap" >"$lines" 3>&- &
	exectap_pid=$!
	poll one_exec_makes_a_line
	wait "$exectap_pid"
	exectap_pid=
	jq -e '.type == "exec"' "$lines"
}

one_exec_makes_a_line() {
	"$helpers/noop"
	[ -s "$lines" ]
}

@test "wrong usage is status 2 and one line that names the culprit" {
	ends_with 2 "$exectap" --no-such-option
	[[ $said == *--no-such-option* ]]
	ends_with 2 "$exectap" -Z
	[[ $said == *-Z* ]]
	ends_with 2 "$exectap" --max-line
	[[ $said == *--max-line* ]]
	ends_with 2 "$exectap" --check=yes
	[[ $said == *--check* ]]
	ends_with 2 "$exectap" somewhere
	[[ $said == *somewhere* ]]
	ends_with 2 "$exectap" --format xml
	[[ $said == *xml* ]]
	ends_with 2 "$exectap" --events exec,nonsense
	[[ $said == *nonsense* ]]
	ends_with 2 "$exectap" --output gopher:hole
	[[ $said == *gopher:hole* ]]
	ends_with 2 "$exectap" --env NAME=value
	[[ $said == *NAME=value* ]]
	ends_with 2 "$exectap" --env $'NAME,\xff'
	[[ $said == *UTF-8* ]]
}

@test "a bad size is status 2, whatever is bad about it" {
	local size
	for size in '' x -1 +1 ' 5000' 1.5M 8MB 8m 0x1000 2047 65M 99999999999999999999999 18446744073709551616 9007199254740993G; do
		ends_with 2 "$exectap" --max-line "$size"
		[[ $said == *"--max-line '$size'"* ]]
	done
	ends_with 2 "$exectap" --buffer 127K
	ends_with 2 "$exectap" --buffer 2G
}

@test "without privileges it is status 3 and says which are needed" {
	local copy=$BATS_TEST_TMPDIR/exectap
	cp "$exectap" "$copy"
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_TEST_TMPDIR" "$copy"
	ends_with 3 setpriv --reuid 65534 --clear-groups "$copy"
	[[ $said == *"as root"*CAP_BPF*CAP_PERFMON* ]]
}

@test "CAP_BPF and CAP_PERFMON are enough" {
	local copy=$BATS_TEST_TMPDIR/exectap caps=-all,+bpf,+perfmon
	cp "$exectap" "$copy"
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_TEST_TMPDIR" "$copy"
	setpriv --reuid 65534 --clear-groups --inh-caps $caps --ambient-caps $caps --bounding-set $caps "$copy" >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	hold "$helpers/hold"
	expect comm bash
	stop_exectap
}

@test "without BTF it is status 4 and says so" {
	ends_with 4 unshare --mount sh -c 'mount -t tmpfs tmpfs /sys/kernel/btf && exec "$0"' "$exectap"
	[[ $said == *BTF* ]]
}

@test "without a ring buffer it is status 4 and says so" {
	# bpf(2) is number 321 (280 on arm64), BPF_MAP_CREATE is 0, EINVAL is 22: what Linux 5.7 answers
	ends_with 4 "$helpers/refuse" "$bpf_number" 0 22 "$exectap"
	[[ $said == *"ring buffer"* ]]
}

@test "where bpf(2) is refused it is status 3" {
	ends_with 3 "$helpers/refuse" "$bpf_number" -1 1 "$exectap"
}

case $(uname -m) in
aarch64) bpf_number=280 setrlimit_number=164 prlimit_number=261 ;;
*) bpf_number=321 setrlimit_number=160 prlimit_number=302 ;;
esac

@test "a refused setrlimit and an unmounted tracefs are no obstacle" {
	: >"$log"
	unshare --mount sh -c 'umount -a -t tracefs 2>/dev/null; exec "$@"' sh \
		"$helpers/refuse" "$prlimit_number" -1 1 "$helpers/refuse" "$setrlimit_number" -1 1 "$exectap" >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
	hold "$helpers/hold"
	stop_exectap
	[ "$(wc -l <"$log")" = 1 ]
}
