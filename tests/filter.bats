#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --only and --skip with real execs, and the heartbeat's count of filtered events.

load lib

@test "--only emits what matches, --skip leaves it out, and seq has no gap" {
	local place=$BATS_TEST_TMPDIR
	cp "$helpers/noop" "$place/one"
	cp "$helpers/noop" "$place/two"
	start_exectap --only "exe=$place/*" --skip "args=secret-*"
	"$place/one" "$marker"
	"$place/two" "$marker"
	"$place/two" "secret-$marker"
	"$helpers/noop" "$marker"
	stop_exectap
	[ "$(jq -r .exe "$lines")" = "$place/one"$'\n'"$place/two" ]
	jq -es '[.[].seq] == [range(length)]' "$lines"
	[ "$(grep -c secret "$lines")" = 0 ]
}

@test "what is no rule is refused with status 2" {
	local rule status
	for rule in nokey=x comm '=x' ''; do
		status=0
		"$exectap" --only "$rule" 2>"$log" 3>&- || status=$?
		[ "$status" = 2 ]
		[ "$(wc -l <"$log")" = 1 ]
		grep -q '(KEY=GLOB, ' "$log"
	done
}

@test "losses are reported whatever is filtered" {
	start_exectap --only comm=nobody-has-this-name --buffer 128K
	kill -STOP "$exectap_pid"
	"$helpers/storm" 1 2000 "$marker" "$helpers/noop" >/dev/null
	kill -CONT "$exectap_pid"
	stop_exectap
	[ "$(jq -r .type "$lines" | sort -u)" = lost ]
	[ "$(jq -s 'map(.count) | add' "$lines")" -gt 1000 ]
}

have_stats() {
	[ "$(jq -r 'select(.type == "stats") | .seq' "$lines" 2>/dev/null | wc -l)" -ge "$1" ]
}

@test "the heartbeat begins with start, ends with stop, and its totals are true" {
	start_exectap --heartbeat 1 --skip "comm=storm" --events exec,exit
	"$helpers/storm" 1 100 "$marker" "$helpers/noop"
	poll have_stats 2
	stop_exectap
	jq -es '.[0].type == "start" and .[0].seen == 0 and .[-1].type == "stop"' "$lines"
	jq -es '[.[].seq] == [range(length)]' "$lines"
	[ "$(jq -r 'select(.type == "start") | .version' "$lines")" = "$("$exectap" -V | cut -d ' ' -f 2)" ]
	[ "$(jq -r 'select(.type == "start") | .kernel' "$lines")" = "$(uname -r)" ]
	[ "$(jq -c 'select(.type == "start") | .hooks | sort' "$lines")" = '["tp_btf/sched_process_exec","tp_btf/sched_process_exit","tp_btf/sched_process_fork","tp_btf/task_rename"]' ]
	[ "$(jq 'select(.type == "stop") | .written' "$lines")" = "$(jq -c 'select(.type == "exec" or .type == "exit")' "$lines" | wc -l)" ]
	# 100 execs of storm, and its own exit
	[ "$(jq 'select(.type == "stop") | .filtered' "$lines")" -ge 101 ]
	jq -es '.[-1] | .seen == .written + .filtered and .lost == 0' "$lines"
}

@test "a heartbeat that is no number of seconds is refused" {
	local value status
	for value in 0 -1 x 1.5 '' 86401; do
		status=0
		"$exectap" --heartbeat "$value" 2>"$log" 3>&- || status=$?
		[ "$status" = 2 ]
		[ "$(wc -l <"$log")" = 1 ]
	done
}

@test "an event that a rule cannot decide is emitted, whatever was cut" {
	local long
	long=$(head -c 16000 /dev/zero | tr '\0' x)
	start_exectap --only "args=*evil-$marker*" --only comm=bash
	"$helpers/noop" "$marker" "$long" "evil-$marker"
	"$helpers/noop" "good-$marker"
	wait_for_line '.truncated == ["args"]'
	stop_exectap
	[ "$(grep -c "good-$marker" "$lines")" = 0 ]
	start_exectap --skip "args=*"
	"$helpers/noop" "$marker" "$long" "evil-$marker"
	stop_exectap
	# the name of the program is an item that was not cut
	[ "$(jq -c --arg noop "$helpers/noop" 'select(.args[0] == $noop)' "$lines" | wc -l)" = 0 ]
}

@test "a rule that no selected event can match is refused with one line and status 2" {
	local rule status
	for rule in uid=root type=exti type=exit exit_code=1 memfd=yes redacted=args redacted_bytes=1 count=1 env=A; do
		status=0
		timeout 10 "$exectap" --only "$rule" 2>"$log" 3>&- || status=$?
		echo "$rule: $status"
		[ "$status" = 2 ]
		[ "$(wc -l <"$log")" = 1 ]
	done
	status=0
	"$exectap" --no-args --skip args=x 2>"$log" 3>&- || status=$?
	[ "$status" = 2 ]
}

@test "every line has an event_id of its own, also those about exectap itself" {
	start_exectap --heartbeat 1 --buffer 128K
	poll have_stats 1
	kill -STOP "$exectap_pid"
	"$helpers/storm" 1 2000 "$marker" "$helpers/noop" >/dev/null
	kill -CONT "$exectap_pid"
	stop_exectap
	jq -es 'map(.event_id) | all and length == (unique | length)' "$lines"
	jq -es 'map(.type) | unique | contains(["exec", "lost", "start", "stats", "stop"])' "$lines"
}
