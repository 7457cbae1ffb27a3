#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The formats ecs and ocsf with real events. tests/mapping/check_records checks recorded events.

load lib

export MACHINE_ID KERNEL VERSION
MACHINE_ID=$(cat /etc/machine-id 2>/dev/null || true)
KERNEL=$(uname -r)
VERSION=$("$exectap" --version | cut -d ' ' -f 2)

# start_all OPTION...: starts one exectap for each format; their lines go to $BATS_TEST_TMPDIR/FORMAT.jsonl
start_all() {
	local format
	others=()
	for format in ecs ocsf native; do
		lines=$BATS_TEST_TMPDIR/$format.jsonl
		log=$BATS_TEST_TMPDIR/$format.log
		start_exectap --format $format "$@"
		[ $format = native ] || others+=("$exectap_pid")
	done
	held+=("${others[@]}")
}

stop_all() {
	local format pid status
	stop_exectap
	for pid in "${others[@]}"; do
		status=0
		kill -TERM "$pid"
		wait "$pid" || status=$?
		[ "$status" = 0 ]
	done
	# teardown copies the native lines, which are validated at the end
	for format in ecs ocsf; do
		mkdir -p "$captured"
		cp "$BATS_TEST_TMPDIR/$format.jsonl" "$captured/formats-$format-$BATS_TEST_NUMBER.jsonl"
	done
}

# line_of FORMAT FILTER: writes the lines of the process $id that match the jq filter to a file
line_of() {
	jq -c --arg id "$id" --arg filename "$filename" "select($2)" "$BATS_TEST_TMPDIR/$1.jsonl" >"$BATS_TEST_TMPDIR/$1-$type.jsonl"
}

# lines_of TYPE: writes, for each format, the line of that type for process $id; for an exec, the one of $filename
lines_of() {
	local format type=$1
	[ "$type" != exit ] || filename=
	line_of native ".type == \"$type\" and .id == \$id and (.filename // \"\") == \$filename"
	line_of ecs ".event.dataset == \"exectap.$type\" and .process.entity_id == \$id and (.exectap.filename // \"\") == \$filename"
	line_of ocsf ".metadata.event_code == \"$type\" and .process.uid == \$id and (.unmapped.filename // \"\") == \$filename"
	for format in native ecs ocsf; do
		[ "$(wc -l <"$BATS_TEST_TMPDIR/$format-$1.jsonl")" = 1 ]
	done
}

# Removes the values that differ between three instances: time, CPU time used so far, sequence number. (check_records
# compares these.)
their_own='del(.exectap.parent_event_id, .unmapped.parent_event_id, ."@timestamp", .event.id, .event.sequence, .event.start, .event.end, .event.duration, .process.start, .process.end,
	.time, .time_dt, .metadata.uid, .metadata.sequence, .process.created_time, .process.created_time_dt,
	.process.terminated_time, .process.terminated_time_dt, .duration,
	.exectap.user_time, .exectap.system_time, .unmapped.user_time, .unmapped.system_time)'

# same TYPE: compares the lines of the three formats
same() {
	local format
	lines_of "$1"
	for format in ecs ocsf; do
		"$BATS_TEST_DIRNAME/mapping/check" $format "$BATS_TEST_TMPDIR/native-$1.jsonl" "$BATS_TEST_TMPDIR/$format-$1.jsonl" "$their_own"
	done
}

seen_by_all() {
	local format
	for format in native ecs ocsf; do
		grep -aF -- "$marker" "$BATS_TEST_TMPDIR/$format.jsonl" | grep -qF "$1" || return 1
	done
}

@test "all formats say the same of an exec and an exit, with environment and bytes that are no UTF-8" {
	start_all --events exec,exit --env FLAVOUR,COLOUR,NOT_SET
	"$helpers/reap" env FLAVOUR="salt & \"vinegar\"" COLOUR=$'\xff' "$helpers/noop" "$marker" "two words" '' $'caf\xe9' 3>&- >"$BATS_TEST_TMPDIR/report"
	poll seen_by_all "\"filename\":\"$helpers/noop\"" # reap's own line has these arguments too, and comes earlier
	id=$(jq -r "select(.type == \"exec\" and .args[1] == \"$marker\") | .id" "$BATS_TEST_TMPDIR/native.jsonl")
	poll grep -q "\"exit\".*$id" "$BATS_TEST_TMPDIR/native.jsonl"
	stop_all
	filename=$helpers/noop
	same exec
	same exit
	line=$(cat "$BATS_TEST_TMPDIR/ecs-exec.jsonl")
	expect process.name noop
	expect 'process.env_vars | tojson' '["FLAVOUR=salt & \"vinegar\"","COLOUR=�"]'
	expect 'exectap.raw | map(select(.key != "parent_args")) | tojson' '[{"key":"args","index":4,"base64":"Y2Fm6Q=="},{"key":"env","name":"COLOUR","base64":"/w=="}]'
	expect process.command_line "$helpers/noop $marker two words  caf�"
	line=$(cat "$BATS_TEST_TMPDIR/ocsf-exec.jsonl")
	expect process.file.path "$(realpath "$helpers/noop")"
	expect actor.process.name env
	expect 'message | startswith("env executed ")' true
	line=$(cat "$BATS_TEST_TMPDIR/ecs-exit.jsonl")
	expect process.exit_code 0
	expect event.action end
}

@test "all formats say the same of an attempt that failed" {
	start_all --events exec_failed
	python3 -c 'import os, sys
try: os.execv("./not-there", ["./not-there", sys.argv[1]])
except FileNotFoundError: pass' "$marker"
	poll seen_by_all not-there
	stop_all
	id=$(jq -r "select(.args[0] == \"./not-there\" and .args[1] == \"$marker\") | .id" "$BATS_TEST_TMPDIR/native.jsonl")
	filename=./not-there
	same exec_failed
	line=$(cat "$BATS_TEST_TMPDIR/ecs-exec_failed.jsonl")
	expect event.outcome failure
	expect 'event.type | tojson' '["info"]'
	expect error.code ENOENT
	line=$(cat "$BATS_TEST_TMPDIR/ocsf-exec_failed.jsonl")
	expect status_id 2
	expect status_code ENOENT
}

@test "a parent has the name of the file that it runs, its command name is beside it" {
	local script=$BATS_TEST_TMPDIR/a-script-with-a-long-name
	printf '#!/bin/bash\n%q %q\n:\n' "$helpers/noop" "$marker" >"$script"
	chmod +x "$script"
	start_all
	"$script"
	poll seen_by_all '/noop"'
	stop_all
	id=$(jq -r "select(.args[1] == \"$marker\") | .id" "$BATS_TEST_TMPDIR/native.jsonl")
	filename=$helpers/noop
	same exec
	line=$(cat "$BATS_TEST_TMPDIR/ecs-exec.jsonl")
	expect process.parent.name bash
	expect exectap.parent_comm a-script-with-a
	line=$(cat "$BATS_TEST_TMPDIR/ocsf-exec.jsonl")
	expect process.parent_process.name bash
	expect unmapped.parent_comm a-script-with-a
}

@test "in a terminal ECS has its device, OCSF its name" {
	command -v script >/dev/null || skip "no script(1)"
	start_all
	script -qec "$helpers/noop $marker" /dev/null 3>&- </dev/null >/dev/null
	poll seen_by_all '/noop"'
	stop_all
	id=$(jq -r "select(.args[1] == \"$marker\") | .id" "$BATS_TEST_TMPDIR/native.jsonl")
	filename=$helpers/noop
	same exec
	line=$(cat "$BATS_TEST_TMPDIR/ecs-exec.jsonl")
	expect process.interactive true
	[ "$(key process.tty.char_device.major)" -ge 136 ]
	line=$(cat "$BATS_TEST_TMPDIR/ocsf-exec.jsonl")
	[[ $(key process.session.terminal) == pts/* ]]
}

@test "in every format a line that would be too long is cut, says so, and is no longer than the limit" {
	local format where='{"ecs": .exectap, "ocsf": .unmapped}'
	start_all --max-line 6144
	"$helpers/noop" "$marker" "$(printf 'long%.0s' {1..4000})" last
	poll seen_by_all longlong
	stop_all
	for format in ecs ocsf; do
		[ "$(LC_ALL=C awk 'length($0) + 1 > 6144' "$BATS_TEST_TMPDIR/$format.jsonl" | wc -l)" = 0 ]
		line=$(grep -aF "$marker" "$BATS_TEST_TMPDIR/$format.jsonl" | grep -F longlong | head -n 1)
		[ "${#line}" -gt 6000 ]
		[ "$(jq -c "$where.$format | .truncated" <<<"$line")" = '["args"]' ]
		[ "$(jq "$where.$format | .args_bytes" <<<"$line")" -gt 16000 ]
		[ "$(jq '(.process.args // .unmapped.args) | length' <<<"$line")" = 3 ]
	done
	expect metadata.is_truncated true
	expect unmapped.argc 4
}

@test "--no-args leaves command lines out as well" {
	local format
	start_all --no-args --only "filename=*$marker*"
	mkdir "$BATS_TEST_TMPDIR/$marker"
	cp "$helpers/noop" "$BATS_TEST_TMPDIR/$marker/noop"
	"$BATS_TEST_TMPDIR/$marker/noop" secret
	poll seen_by_all noop
	stop_all
	for format in ecs ocsf; do
		if grep -E 'secret|"args"|command_line|cmd_line' "$BATS_TEST_TMPDIR/$format.jsonl"; then false; fi
	done
}

@test "the heartbeat has documents in every format" {
	local type
	start_all --heartbeat 1 --only "comm=$marker"
	poll grep -q '"stats"' "$BATS_TEST_TMPDIR/native.jsonl"
	poll grep -q '"exectap.stats"' "$BATS_TEST_TMPDIR/ecs.jsonl"
	poll grep -q '"event_code":"stats"' "$BATS_TEST_TMPDIR/ocsf.jsonl"
	stop_all
	for type in start stats stop; do
		line=$(jq -c "select(.event.action == \"$type\")" "$BATS_TEST_TMPDIR/ecs.jsonl" | head -n 1)
		expect event.kind metric
		expect exectap.version "$VERSION"
		line=$(jq -c "select(.metadata.event_code == \"$type\")" "$BATS_TEST_TMPDIR/ocsf.jsonl" | head -n 1)
		expect class_uid 6002
		expect app.version "$VERSION"
	done
	expect type_uid 600204
}

@test "a limit that a format can't keep is wrong usage" {
	local format status
	for format in ecs ocsf; do
		status=0
		"$exectap" --format $format --max-line 6143 2>"$log" || status=$?
		[ "$status" = 2 ]
		[ "$(cat "$log")" = "exectap: invalid --max-line '6143' (at least 6144 for --format $format)" ]
	done
}
