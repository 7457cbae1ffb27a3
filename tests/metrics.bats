#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --metrics: counters for Prometheus, their alert rules and their dashboard.

load lib

# value METRIC: prints the value of a line of the file, with the labels as they are there
value() {
	awk -v name="$1" '{ value = $NF; sub(/ [^ ]*$/, ""); if ($0 == name) print value }' "$BATS_TEST_TMPDIR/exectap.prom"
}

@test "the file has the counts of the lines, events, losses and bytes that were written" {
	start_exectap --metrics "$BATS_TEST_TMPDIR/exectap.prom" --buffer 128K --heartbeat 300 --only "args=*$marker*" --only type=exit -e exec,exit
	kill -STOP "$exectap_pid"
	"$helpers/storm" 1 1000 "$marker" "$helpers/noop" >/dev/null
	kill -CONT "$exectap_pid"
	"$helpers/noop" "$marker-last"
	stop_exectap
	local type
	for type in exec exit lost start stats stop; do
		[ "$(value "exectap_lines_total{type=\"$type\"}")" = "$(jq -c "select(.type == \"$type\")" "$lines" | wc -l)" ]
	done
	[ "$(value exectap_line_bytes_total)" = "$(stat -c %s "$lines")" ]
	for type in exec exit; do
		[ "$(value "exectap_lost_events_total{type=\"$type\",reason=\"buffer_full\"}")" = "$(jq -s "map(select(
			.type == \"lost\" and .event_type == \"$type\" and .reason == \"buffer_full\").count) | add // 0" "$lines")" ]
	done
	[ "$(value 'exectap_lost_events_total{type="exec",reason="buffer_full"}')" -gt 0 ]
	# the stop line has the totals
	[ "$(value exectap_events_total)" = "$(jq 'select(.type == "stop").seen' "$lines")" ]
	[ "$(value exectap_filtered_events_total)" = "$(jq 'select(.type == "stop").filtered' "$lines")" ]
	[ "$(value exectap_buffer_bytes)" = 131072 ]
	[ "$(value exectap_buffer_used_bytes)" = 0 ]
	[ "$(value exectap_buffer_used_peak_bytes)" -gt 65536 ]
	[ "$(value exectap_output_blocked)" = 0 ]
	[ "$(value "exectap_build_info{version=\"$("$exectap" --version | cut -d ' ' -f 2)\",format=\"native\"}")" = 1 ]
}

@test "the file is whole at any time, and new every 15 s, also while the consumer takes nothing" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	tail -f /dev/null <"$BATS_TEST_TMPDIR/fifo" 3>&- &
	held+=($!)
	"$exectap" --metrics "$BATS_TEST_TMPDIR/exectap.prom" 2>"$log" 3>&- >"$BATS_TEST_TMPDIR/fifo" &
	exectap_pid=$!
	poll watching
	"$helpers/storm" 1 400 "$marker" "$helpers/noop" >/dev/null
	poll blocked
	[ "$(value exectap_pending_lines)" -gt 0 ]
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/exectap.prom")" = "exectap_output_blocked 1" ]
	[ ! -e "$BATS_TEST_TMPDIR/.exectap.prom.next" ]
	kill -KILL "$exectap_pid"
	wait "$exectap_pid" || true
	exectap_pid=
}

blocked() {
	[ "$(value exectap_output_blocked)" = 1 ]
}

@test "Prometheus' own programs accept file and rules" {
	local python
	start_exectap --metrics "$BATS_TEST_TMPDIR/exectap.prom"
	stop_exectap
	python=$(python_with prometheus_client)
	"$python" - "$BATS_TEST_TMPDIR/exectap.prom" <<'END'
import sys
from prometheus_client.parser import text_string_to_metric_families
families = {family.name: family for family in text_string_to_metric_families(open(sys.argv[1]).read())}
assert families["exectap_lost_events"].type == "counter", families
assert families["exectap_build_info"].samples[0].labels["version"], families
END
	command -v promtool >/dev/null || skip "no promtool"
	promtool check metrics <"$BATS_TEST_TMPDIR/exectap.prom" 3>&-
	promtool check rules "$top/packaging/metrics/alerts.yml" 3>&-
}

python_with() {
	local python
	for python in python3 /usr/bin/python3; do
		"$python" -c "import $1" 2>/dev/null && echo "$python" && return
	done
	echo "no Python with $1" >&2
	return 1
}

@test "rules and dashboard name metrics that are there" {
	start_exectap --metrics "$BATS_TEST_TMPDIR/exectap.prom"
	stop_exectap
	for name in $(grep -ohE 'exectap_[a-z_]+' "$top"/packaging/metrics/*); do
		grep -q "^# TYPE $name " "$BATS_TEST_TMPDIR/exectap.prom"
	done
	jq -e '[.panels[].id] | length == (unique | length)' "$top/packaging/metrics/dashboard.json"
	jq -e '[.panels[].targets[].datasource.uid] | unique == ["${datasource}"]' "$top/packaging/metrics/dashboard.json"
}

@test "a file that cannot be written is status 1 at the start, and one message later" {
	local status=0
	"$exectap" --metrics /nowhere/exectap.prom 2>"$log" 3>&- || status=$?
	[ "$status" = 1 ]
	[ "$(cat "$log")" = "exectap: cannot write /nowhere/exectap.prom: No such file or directory; metrics are stale until it works" ]
	mkdir "$BATS_TEST_TMPDIR/gone"
	start_exectap --metrics "$BATS_TEST_TMPDIR/gone/x.prom"
	rm -r "$BATS_TEST_TMPDIR/gone"
	"$helpers/noop" "$marker"
	stop_exectap
	[ "$(grep -c "cannot write $BATS_TEST_TMPDIR/gone/x.prom" "$log")" = 1 ]
	[ "$(jq -c "select(.args[1] == \"$marker\")" "$lines" | wc -l)" = 1 ]
}
