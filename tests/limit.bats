#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --limit: of equal events only some are lines, the others are counted in suppressed lines.

load lib

# equal COUNT ARGUMENT: executes the same program COUNT times with the same argument, by one parent
equal() {
	# shellcheck disable=SC2016
	bash -c 'for ((i = 0; i < $1; i++)); do "$2" "$3"; done' bash "$1" "$helpers/noop" "$2" 3>&-
}

# sums: fails unless the numbers of the stop line add up to the lines and summaries
sums() {
	jq -es '(map(select(.type == "stop"))[0]) as $stop | (map(select(.type == "exec")) | length) as $execs |
		(map(select(.type == "suppressed").count) | add // 0) as $suppressed | (map(select(.type == "lost").count) | add // 0) as $lost |
		[$stop, $execs, $suppressed, $lost] as $found | if
		$stop.written == $execs and $stop.suppressed == $suppressed and $stop.lost == $lost and
		$stop.seen == $stop.written + $stop.filtered + $stop.suppressed then true else $found | error end' "$lines"
	[ "$(jq -s '[.[].seq] | . == [range(length)]' "$lines")" = true ]
}

have_summary() {
	grep -q '"type":"suppressed"' "$lines"
}

@test "100,000 equal execs give at most 5 lines and one summary in 10 s, and another exec amid them is there" {
	local storm
	start_exectap --limit 5/10:uid,exe,parent_exe,argc --only "args=$marker*" --only "exe=$helpers/noop" --heartbeat 1000 --buffer 64M
	# the arguments differ by their number, so that they are no key here
	"$helpers/storm" 2 50000 "$marker" "$helpers/noop" >/dev/null 3>&- &
	storm=$!
	poll grep -q "\"$marker-" "$lines"
	"$helpers/noop" "$marker-other" more
	wait "$storm"
	stop_exectap
	sums
	jq -es --arg program "$helpers/noop" --arg other "$marker-other" '
		(map(select(.type == "exec" and .args[1] != $other))) as $execs | (map(select(.type == "suppressed"))) as $summaries |
		def seconds: (.[:19] + "Z" | fromdate) + (.[19:29] | tonumber);
		# windows of 10 s, and the one that the end has cut; wall times may be some ms nearer than the events
		((($summaries[-1].to | seconds) - ($execs[0].timestamp | seconds) + 0.1) / 10 | floor + 1) as $windows |
		($summaries | length) <= $windows and ($execs | length) <= 5 * $windows and
		($execs | length) + ($summaries | map(.count) | add) == 100000 and
		($summaries | all(.exe == $program and .argc == 2 and .uid == 0 and .event_type == "exec" and (has("args") or has("pid") | not))) and
		($summaries | all(.[]; (.to | seconds) - (.from | seconds) <= 10.1)) and
		(map(select(.type == "exec" and .args[1] == $other)) | length) == 1' "$lines"
}

@test "by default execs with other arguments, users or parents are not equal; the summary comes at the end of the time" {
	local id
	start_exectap --limit 2/3 --only "args=*$marker*" --only "exe=$helpers/noop" --heartbeat 1000
	equal 4 "$marker-a"
	equal 3 "$marker-b"
	setpriv --reuid 65534 --clear-groups "$helpers/noop" "$marker-a" || true
	poll have_summary
	poll grep -q "\"suppressed\".*$marker-b" "$lines"
	stop_exectap
	sums
	[ "$(jq -c --arg program "$helpers/noop" 'select(.type == "suppressed") | [.args[1], .count, .exe == $program, .uid]' "$lines" | sort)" = \
		"[\"$marker-a\",2,true,0]
[\"$marker-b\",1,true,0]" ]
	# like other lines they have an id of their own
	[ "$(jq -r .event_id "$lines" | sort | uniq -d)" = "" ]
	[ "$(jq -r 'select(.type == "suppressed") | keys | join(",")' "$lines" | sort -u)" = \
		"args,boot_id,count,event_id,event_type,exe,from,host,parent_exe,schema,seq,timestamp,to,type,uid" ]
}

@test "in ECS and OCSF a summary has the places of its keys" {
	local format
	for format in ecs ocsf; do
		start_exectap --format $format --limit 1/1000 --only "args=*$marker*" --only "exe=$helpers/noop"
		equal 3 "$marker"
		poll grep -q "/noop\",\"$marker\"" "$lines"
		stop_exectap
		line=$(grep 'suppressed' "$lines")
		if [ $format = ecs ]; then
			expect 'event.kind == "metric" and .event.action == "suppressed" and .exectap.count == 2' true
			[ "$(key process.executable)" = "$helpers/noop" ]
			[ "$(key 'process.args[1]')" = "$marker" ]
		else
			expect 'class_uid == 1007 and .metadata.event_code == "suppressed" and .count == 2 and .end_time >= .start_time' true
			[ "$(key process.file.path)" = "$helpers/noop" ]
		fi
		mkdir -p "$captured"
		cp "$lines" "$captured/limit-$format.jsonl"
	done
}

@test "secrets are masked in a summary, and keys that lines do not have are compared" {
	start_exectap --limit 1/1000 --redact --fields pid --only "args=*$marker*" --only 'exe=*/noop'
	# shellcheck disable=SC2016
	bash -c 'for i in 1 2 3; do "$0" "$1" "--password=secret$i"; done; "$0" "$1" other' "$helpers/noop" "$marker" 3>&-
	stop_exectap
	[ "$(jq -r 'select(.type == "exec") | keys | join(",")' "$lines" | sort | uniq -c | sed 's/^ *//')" = "2 pid,timestamp,type" ]
	[ "$(jq -c 'select(.type == "suppressed") | [.args[2], .count, .redacted]' "$lines")" = '["--password=[REDACTED]",2,["args"]]' ]
	rm "$lines" # keys that the schema requires are not there
}

@test "SIGHUP changes the limit: what was suppressed is reported, and the sums are exact" {
	printf '%s\n' 'limit = 1/1000' "only = args=*$marker*" 'heartbeat = 1000' >"$BATS_TEST_TMPDIR/conf"
	start_exectap --config "$BATS_TEST_TMPDIR/conf" --only "exe=$helpers/noop"
	equal 3 "$marker"
	"$helpers/noop" "$marker-last"
	printf '%s\n' 'limit = 2/1000:exe' "only = args=*$marker*" 'heartbeat = 1000' >"$BATS_TEST_TMPDIR/conf"
	poll grep -q "/noop\",\"$marker-last\"" "$lines" # the others are suppressed by then
	kill -HUP "$exectap_pid"
	poll grep -q 'conf: applied' "$log"
	poll have_summary
	equal 3 "$marker-other"
	stop_exectap
	sums
	[ "$(jq -c 'select(.type == "suppressed") | [.count, .args[1]?]' "$lines" | sed "s/$marker/M/")" = '[2,"M"]
[1,null]' ]
}

@test "70,000 combinations of values take at most 5 MiB of anonymous memory, and suppressed events at most 16 MiB" {
	local i
	start_exectap --limit 1/1000 --only "args=$marker*" --only "exe=$helpers/noop" --buffer 64M --heartbeat 1000
	"$helpers/storm" 2 35000 "$marker-once" "$helpers/noop" >/dev/null 3>&-
	"$helpers/noop" "$marker-1"
	poll grep -q "\"$marker-1\"" "$lines"
	echo "$(anonymous_kib) KiB"
	[ "$(anonymous_kib)" -le 5120 ]
	for i in 2 3; do
		"$helpers/storm" -a 2000 2 6000 "$marker-twice" "$helpers/noop" >/dev/null 3>&-
		"$helpers/noop" "$marker-$i"
	done
	poll grep -q "\"$marker-3\"" "$lines"
	echo "$(anonymous_kib) KiB"
	[ "$(anonymous_kib)" -gt 16384 ]
	[ "$(anonymous_kib)" -le $((5120 + 17408)) ] # malloc(3) adds some bytes to each
	stop_exectap
	sums
}

anonymous_kib() {
	awk '/^RssAnon/ { print $2 }' "/proc/$exectap_pid/status"
}

@test "a limit and a rule by values that the options leave out are wrong usage" {
	local key
	for key in args parent_args command_line parent_command_line; do
		rejects "a rule for args cannot match with --no-args" --no-args --limit "1/60:$key"
		rejects "a rule for args cannot match with --no-args" --no-args --only "$key=x"
	done
	for key in parent_args parent_argc parent_event_id parent_command_line; do
		rejects "a rule for parent_args needs --parent-args above 0" --parent-args 0 --limit "1/60:$key"
	done
	rejects "a rule for env needs --env NAME" --limit 1/60:env
	# truncated is about other keys too
	start_exectap --parent-args 0 --no-args --limit 1/60 --skip truncated=args
	stop_exectap
}

@test "a wrong limit is wrong usage" {
	local wrong status
	for wrong in 5 5/ 0/10 5/0 5/86401 5/10x 5/10:; do
		status=0
		"$exectap" --limit "$wrong" >"$lines" 2>"$log" 3>&- || status=$?
		cat "$log"
		[ "$status" = 2 ]
		grep -qE "^exectap: (invalid --limit '$wrong'|--limit cannot compare '')" "$log"
		[ "$(wc -l <"$log")" = 1 ]
	done
	status=0
	"$exectap" --limit 5/10:uid,timestamp 2>"$log" 3>&- || status=$?
	[ "$status" = 2 ]
	grep -qxF "exectap: --limit cannot compare 'timestamp' (see exectap-events(5))" "$log"
	status=0
	"$exectap" --events exit --limit 5/10 2>"$log" 3>&- || status=$?
	[ "$status" = 2 ]
	grep -qxF "exectap: --limit: no selected event has all of its keys, see --events" "$log"
}
