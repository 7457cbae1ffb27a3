#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Every exec is reported exactly once or counted as lost, without delay.

load lib

storm_lines() {
	jq -r '.args[1] // ""' "$lines" | grep "^$marker-"
}

no_gap_in_seq() {
	jq -es '[.[].seq] == [range(length)]' "$lines" >/dev/null
}

@test "10,000 execs in a row are 10,000 lines, each once, seq without a gap, nothing lost" {
	start_exectap
	"$helpers/storm" 1 10000 "$marker" "$helpers/noop"
	stop_exectap
	[ "$(storm_lines | wc -l)" = 10000 ]
	[ "$(storm_lines | sort -u | wc -l)" = 10000 ]
	diff <(storm_lines) <(seq -f "$marker-0-%.0f" 0 9999) # in the order in which they happened
	no_gap_in_seq
	[ "$(jq -c 'select(.type == "lost")' "$lines" | wc -l)" = 0 ]
}

@test "24,000 execs by two workers at once are 24,000 lines, and nothing is mixed up" {
	start_exectap
	"$helpers/storm" 2 12000 "$marker" "$helpers/noop"
	stop_exectap
	[ "$(storm_lines | sort -u | wc -l)" = 24000 ]
	[ "$(storm_lines | wc -l)" = 24000 ]
	no_gap_in_seq
	# each worker's number appears with one parent process only
	[ "$(jq -r 'select((.args[1] // "") | startswith("'"$marker"'-")) | "\(.ppid) \(.args[1] | split("-")[-2])"' "$lines" | sort -u | wc -l)" = 2 ]
}

@test "an exec comes out of a pipe at once, with nothing executed after it" {
	python3 - "$exectap" "$helpers/noop" "$marker" 3>&- >"$lines" <<'END'
import json, os, select, subprocess, sys, time
exectap = subprocess.Popen(f"exec {sys.argv[1]} | cat", shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
while b"watching" not in exectap.stderr.readline():
    pass
output, pending, slowest = exectap.stdout.fileno(), b"", 0
for number in range(20):
    begun = time.monotonic()
    argument = f"{sys.argv[3]}-{number}"
    child = os.posix_spawn(sys.argv[2], ["noop", argument], {})
    while f'"{argument}"'.encode() not in pending or not pending.endswith(b"\n"):
        assert select.select([output], [], [], 30)[0], "no line within 30 s"
        pending += os.read(output, 65536)
    slowest = max(slowest, time.monotonic() - begun)
    sys.stdout.buffer.write(pending)
    pending = b""
    os.waitpid(child, 0)
print(f"the slowest of 20 took {slowest * 1000:.1f} ms", file=sys.stderr)
exectap.kill()
END
	[ "$(grep -c "$marker" "$lines")" = 20 ]
}

@test "where nothing is executed, exectap does nothing" {
	local ticks switches emitted
	start_exectap
	"$helpers/noop"
	poll sleeps
	emitted=$(wc -l <"$lines")
	read -r ticks switches < <("$helpers/idle" "$exectap_pid" 3)
	emitted=$(($(wc -l <"$lines") - emitted))
	echo "$ticks ticks, $switches context switches, $emitted lines in 3 s"
	# Other programs of this host are executed meanwhile. A line costs up to 1 ms where the machine is loaded: what
	# another machine takes of a CPU counts as used. Reading without an event would take 300 ticks.
	[ "$ticks" -le $((emitted / 10 + 1)) ]
	[ "$switches" -le $((emitted * 4 + 4)) ]
}

sleeps() {
	grep -q '^State:.*S' "/proc/$exectap_pid/status"
}

@test "when the buffer overflows, lines and losses add up, and every line is whole" {
	start_reference
	start_exectap --buffer 128K
	"$helpers/noop" "$marker-first"
	poll grep -q "$marker-first" "$lines"
	kill -STOP "$exectap_pid"
	"$helpers/storm" 1 3000 "$marker" "$helpers/noop" >/dev/null
	kill -CONT "$exectap_pid"
	poll grep -q '"type":"lost"' "$lines"
	"$helpers/noop" "$marker-last"
	stop_exectap
	adds_up 3002
	no_gap_in_seq
	jq -es 'all(.[] | select(.type == "lost"); .reason == "buffer_full" and .event_type == "exec" and .from < .to)' "$lines"
}

@test "where the buffer is three quarters full, an exec comes without arguments, and only then it is lost" {
	own_noop
	start_reference
	start_exectap --buffer 256K --env PATH
	"$helpers/noop" "$marker-first"
	poll grep -q "$marker-first" "$lines"
	kill -STOP "$exectap_pid"
	PATH=/bin "$helpers/storm" -a 3000 1 1000 "$marker" "$noop" >/dev/null
	kill -CONT "$exectap_pid"
	poll grep -q '"type":"lost"' "$lines"
	"$helpers/noop" "$marker-last"
	stop_exectap
	adds_up 1002
	no_gap_in_seq
	# cut from one on, in the order in which they happened
	jq -es --arg noop "$noop" --arg marker "$marker" '
		[.[] | select(.exe == $noop)] | map(has("truncated")) as $cut | ($cut | index(true)) as $first |
		$first > 10 and ($cut | length) - $first > 30 and ($cut | unique) == [false, true] and
		all(.[]; .filename == $noop and .comm == "storm" and .argc == 3 and .uid == 0) and
		([.[] | select(has("truncated") | not).args | [.[1], (.[2] | length)]] ==
			[range($first) | ["\($marker)-0-\(.)", 3000]]) and
		all(.[] | select(has("truncated"));
			.truncated == ["args", "env"] and .args == [] and (.env // {}) == {} and .args_bytes > 3000)' "$lines"
}

resident_kib() {
	awk '/^VmRSS/ { print $2 }' "/proc/$exectap_pid/status"
}

# Prints the resident KiB of exectap without the mapped ring buffer.
resident_own_kib() {
	awk '/^[0-9a-f]+-[0-9a-f]+ / { ring = /bpf-map/ }
		/^Rss:/ && !ring { sum += $2 }
		END { print sum }' "/proc/$exectap_pid/smaps"
}

@test "exectap has at most 4 MiB in memory besides the ring buffer, and its programs and maps have descriptors" {
	start_exectap
	"$helpers/hold" "$marker" &
	held+=($!)
	wait_for_line
	resident_own_kib
	[ "$(resident_own_kib)" -le 4096 ]
	[ "$(grep -l '^prog_tag:' "/proc/$exectap_pid/fdinfo/"* | wc -l)" -gt 4 ]
	[ "$(grep -l '^prog_jited:' "/proc/$exectap_pid/fdinfo/"* | wc -l)" -ge 4 ]
	[ "$(cat "/proc/$exectap_pid/fdinfo/"* | grep '^map_id:' | sort -u | wc -l)" -ge 5 ]
}

@test "memory stays flat over many execs, a third of them by threads (CHURN=200000 for more)" {
	local count=${CHURN:-30000} before
	own_noop
	start_exectap --events exec,exec_failed,exit
	"$helpers/churn" $((count / 2)) "$noop"
	before=$(resident_kib)
	"$helpers/churn" $((count / 2)) "$noop"
	echo "$before KiB after one half, $(resident_kib) KiB after the other"
	[ "$(resident_kib)" -le $((before + 256)) ]
	stop_exectap
	[ "$(grep -c '"type":"exec",.*"args":\["'"$noop"'","churn"\]' "$lines")" = "$count" ]
	[ "$(grep -c '"type":"exec",.*"tid":.*"args":\["'"$noop"'","churn"\]' "$lines")" = $(((count / 2 + 2) / 3 * 2)) ]
	[ "$(grep -c '"type":"exec_failed",.*"filename":"'"$noop"'/absent"' "$lines")" = $((count / 10)) ]
	[ "$(grep -c '"type":"exit",.*"comm":"'"${noop##*/}"'"' "$lines")" = "$count" ]
	[ "$(grep -c '"type":"lost"' "$lines")" = 0 ]
	head -n 3000 "$lines" >"$BATS_TEST_TMPDIR/some" # a sample to validate
	mv "$BATS_TEST_TMPDIR/some" "$lines"
}
