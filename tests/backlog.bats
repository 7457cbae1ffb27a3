#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# While the output takes nothing, events are filtered, and the lines that remain wait in a backlog.

load lib

# Prints the memory of exectap that is no file's, in KiB.
anonymous() {
	awk '/^RssAnon/ { print $2 }' "/proc/$exectap_pid/status"
}

# exact COUNT: fails unless each of COUNT selected execs has one line, none is lost, seq has no gap, and the totals of
# the stop line are the lines'
exact() {
	jq -es --argjson count "$1" --arg program "$noop" '
		(map(select(.type == "stop"))[-1]) as $stop | (map(select(.type == "exec" and .exe == $program))) as $found |
		[($found | length), ($found | map(.event_id) | unique | length), (map(select(.type == "lost")) | length), $stop] as $facts |
		if ($found | length) == $count and ($found | map(.event_id) | unique | length) == $count and
			(map(select(.type == "lost")) == []) and ([.[].seq] == [range(length)]) and
			$stop.seen == $stop.written + $stop.filtered and $stop.written == (map(select(.type == "exec")) | length)
		then true else $facts | tostring | error end' "$lines"
}

# fill COUNT: executes 100 times COUNT programs, of which COUNT are selected. After each hundred it waits until exectap,
# which takes each event at once, has nothing to do: a loaded machine may not run it for longer than the ring lasts.
fill() {
	# shellcheck disable=SC2016
	bash -c 'for ((i = 0; i < $1; i++)); do
			"$2" 1 99 "$3" "$4" >/dev/null
			"$5" "$3"
			while read -r stat <"/proc/$6/stat" && [[ $stat != *") S "* ]]; do :; done
		done' bash "$1" "$helpers/storm" "$marker" "$helpers/noop" "$noop" "$exectap_pid" 3>&-
}

@test "one exec in 100 is selected: while the consumer is away for 50 times what fills the ring, none of them is lost" {
	own_noop
	# 256 KiB are full after 200 execs, and hold more than 100 lines
	start_exectap --buffer 256K --latency 0 --only "exe=$noop" --heartbeat 1000 --output "unix:$BATS_TEST_TMPDIR/socket"
	fill 100
	socat -u "UNIX-LISTEN:$BATS_TEST_TMPDIR/socket" "CREATE:$lines" 3>&- &
	held+=($!)
	poll grep -q '"type":"exec"' "$lines"
	stop_exectap
	poll grep -q '"type":"stop"' "$lines"
	exact 100
}

@test "a reader that stalls in the middle gets every line afterwards, whole and in order, and the memory is returned" {
	local before
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec {reader}<>"$BATS_TEST_TMPDIR/fifo"
	"$exectap" --buffer 1M --only "args=$marker-wanted*" --only "exe=$helpers/noop" --heartbeat 1000 >"$BATS_TEST_TMPDIR/fifo" 2>"$log" 3>&- {reader}>&- &
	exectap_pid=$!
	poll watching
	before=$(anonymous)
	# more than a pipe and the gathered lines hold: 128 KiB
	"$helpers/storm" 1 400 "$marker-wanted" "$helpers/noop" >/dev/null 3>&-
	poll grew "$before"
	cat <&"$reader" >"$lines" 3>&- &
	held+=($!)
	poll returned "$before"
	# what comes later follows the backlog
	"$helpers/noop" "$marker-wanted"
	stop_exectap
	poll grep -q '"type":"stop"' "$lines"
	exec {reader}>&-
	jq -es '(map(select(.type == "stop"))[0]) as $stop | (map(select(.type == "exec")) | length == 401 and $stop.written == 401) and
		([.[].seq] == [range(length)]) and (map(select(.type == "lost")) == [])' "$lines"
}

grew() {
	[ "$(anonymous)" -ge $(($1 + 128)) ]
}

returned() {
	[ "$(anonymous)" -le $(($1 + 128)) ]
}

@test "SIGHUP while lines wait: they stay as they are, what follows has the new rules, and the totals are exact" {
	local config=$BATS_TEST_TMPDIR/conf before
	printf '%s\n' "only = args=$marker-one*" "only = exe=$helpers/noop" 'heartbeat = 1000' 'buffer = 1M' "output = unix:$BATS_TEST_TMPDIR/socket" >"$config"
	start_exectap --config "$config"
	before=$(anonymous)
	"$helpers/storm" 1 200 "$marker-one" "$helpers/noop" >/dev/null 3>&-
	poll grew "$before"
	# without a rule: these lines follow those that wait
	printf '%s\n' "omit = args,command_line,filename" 'heartbeat = 1000' 'buffer = 1M' "output = unix:$BATS_TEST_TMPDIR/socket" >"$config"
	kill -HUP "$exectap_pid"
	poll grep -q ': applied$' "$log"
	"$helpers/storm" 1 100 "$marker-two" "$helpers/noop" >/dev/null 3>&-
	socat -u "UNIX-LISTEN:$BATS_TEST_TMPDIR/socket" "CREATE:$lines" 3>&- &
	held+=($!)
	poll grep -q "$marker-one-0-0" "$lines"
	stop_exectap
	poll grep -q '"type":"stop"' "$lines"
	# the last ones of the first storm may have been in the ring
	jq -es --arg program "$helpers/noop" '(map(select(.type == "stop"))[0]) as $stop | (map(select(.exe == $program))) as $found |
		($found | map(has("args")) | index(false)) as $first | ([.[].seq] == [range(length)]) and
		($found | length == 300) and $first > 0 and $first <= 200 and ($found[$first:] | all(has("args") | not)) and
		$stop.seen == $stop.written + $stop.filtered and $stop.written == (map(select(.type == "exec")) | length)' "$lines"
}

@test "a full backlog leaves the rest in the ring, and what that cannot hold is counted" {
	start_reference
	start_exectap --buffer 128K --only "args=$marker*" --heartbeat 1000 --output "unix:$BATS_TEST_TMPDIR/socket"
	"$helpers/noop" "$marker-first"
	"$helpers/storm" 1 2000 "$marker" "$helpers/noop" >/dev/null 3>&-
	[ "$(anonymous)" -le 8192 ]
	socat -u "UNIX-LISTEN:$BATS_TEST_TMPDIR/socket" "CREATE:$lines" 3>&- &
	held+=($!)
	poll grep -q '"type":"lost"' "$lines"
	"$helpers/noop" "$marker-last"
	poll grep -q "$marker-last" "$lines"
	stop_exectap
	poll grep -q '"type":"stop"' "$lines"
	poll grep -q "$marker-last" "$reference"
	[ "$(jq -s '[.[].seq] == [range(length)]' "$lines")" = true ]
	jq -es '(map(select(.type == "stop"))[0]) as $stop | (map(select(.type == "lost").count) | add) as $lost |
		$lost > 0 and $stop.lost == $lost and $stop.seen == $stop.written + $stop.filtered' "$lines"
	# lines of the storm and losses, of which a few may be of other programs
	[ "$(jq -s '(map(select(.type == "exec")) | length) + (map(select(.type == "lost").count) | add)' "$lines")" -ge 2002 ]
}

@test "what waits in the backlog at the end is counted, if the consumer does not come back" {
	local ended=0
	start_exectap --buffer 256K --only "args=$marker*" --only "exe=$helpers/noop" --output "unix:$BATS_TEST_TMPDIR/socket"
	"$helpers/storm" 1 120 "$marker" "$helpers/noop" >/dev/null 3>&-
	kill -TERM "$exectap_pid"
	wait "$exectap_pid" || ended=$?
	exectap_pid=
	[ "$ended" = 1 ]
	grep -qE '^exectap: unix:.*: the last lines are dropped, 120: ' "$log"
}

@test "with --pin the records stay in the ring, and a run that is killed leaves their lines to the next one" {
	place=$BATS_TEST_TMPDIR/bpf
	mkdir "$place"
	mount -t bpf bpf "$place"
	start_exectap --pin "$place/exectap" --only "args=$marker*" --only "exe=$helpers/noop" --output "unix:$BATS_TEST_TMPDIR/socket"
	"$helpers/storm" 1 120 "$marker" "$helpers/noop" >/dev/null 3>&-
	kill -KILL "$exectap_pid"
	wait "$exectap_pid" || true
	start_exectap --pin "$place/exectap" --only "args=$marker*" --only "exe=$helpers/noop"
	poll grep -q "$marker-0-119" "$lines"
	stop_exectap
	[ "$(grep -c "$marker" "$lines")" = 120 ]
}

more_teardown() {
	[ -n "${place:-}" ] || return 0
	"$exectap" --unpin "$place/exectap" 2>/dev/null || true
	umount "$place"
}
