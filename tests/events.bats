#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Exit events, environment variables, containers.

load lib

more_teardown() {
	remove_made_cgroup
}

# Prints the boot clock in milliseconds, which /proc counts in hundredths of a second.
boot_ms() {
	awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime
}

# Prints the exit lines of the process $pid, which lived between $begin_ms and $end_ms: a busy host reuses pids soon.
exits() {
	grep -F "\"pid\":$pid," "$lines" |
		jq -c "select(.type == \"exit\" and .pid == $pid) |
			select((.event_id | split(\"-\")[1] | tonumber / 1000000) as \$ms | \$ms >= $begin_ms and \$ms < $end_ms + 10)"
}

have_exit() {
	line=$(exits 2>/dev/null | head -n 1)
	[ -n "$line" ]
}

# reap COMMAND...: runs it. Sets $report to the result of wait4(2) and $line to its exit line.
reap() {
	begin_ms=$(boot_ms)
	report=$("$helpers/reap" "$@" 3>&- 2>/dev/null)
	end_ms=$(boot_ms)
	pid=$(jq .pid <<<"$report")
	poll have_exit
}

# close_to NAME EXPECTED TOLERANCE: compares a time, in microseconds
close_to() {
	local found
	found=$(jq ".$1 * 1000000 | round" <<<"$line")
	echo "$1: $found us, expected $2 within $3"
	[ $((found - $2)) -le "$3" ]
	[ $(($2 - found)) -le "$3" ]
}

# waits_for_execs OPTION...: prints how often exectap waits while 200 programs are executed one after the other
waits_for_execs() {
	local before number
	start_exectap "$@"
	before=$(awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$exectap_pid/status")
	for number in {1..200}; do "$helpers/noop" "$marker-$number"; done
	echo $(($(awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$exectap_pid/status") - before)) >"$BATS_TEST_TMPDIR/waits"
	stop_exectap
	[ "$(grep -cE "\"$marker-[0-9]+\"\]" "$lines")" = 200 ]
}

@test "--latency: events that follow others are taken together; with 0, each at once" {
	local together apart
	waits_for_execs --latency 10000
	together=$(<"$BATS_TEST_TMPDIR/waits")
	waits_for_execs --latency 0
	apart=$(<"$BATS_TEST_TMPDIR/waits")
	echo "$together and $apart waits"
	[ "$apart" -ge $((4 * together)) ]
}

@test "an exit line has the code, times and memory that wait4 reports" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	start_exectap --events exec,exit
	# the last read waits for nothing, 0.2 s
	# shellcheck disable=SC2016
	reap bash -c 'for ((i = 0; i < 60000; i++)); do :; done; for ((i = 0; i < 300; i++)); do read -r x </proc/self/stat; done
		read -rt 0.2 x <>"$1"; exit 42' "$marker" "$BATS_TEST_TMPDIR/fifo"
	expect exit_code 42
	expect signal null
	close_to user_time "$(jq .user_us <<<"$report")" 12000
	close_to system_time "$(jq .system_us <<<"$report")" 12000
	[ "$(jq '(.user_time + .system_time) * 1000000 > 10000' <<<"$line")" = true ]
	expect max_rss "$(jq .max_rss <<<"$report")"
	# the parent may be woken late; the process has waited and worked
	jq -e --argjson report "$report" '.duration * 1000000 <= $report.wall_us + 1000' <<<"$line"
	jq -e '.duration >= 0.2 + .user_time + .system_time - 0.012' <<<"$line"
	expect comm bash
}

@test "the exec and the exit of a process have one id, and the right parent" {
	start_exectap --events exec,exit
	reap "$helpers/noop" "$marker"
	expect comm noop
	expect id "$(select_lines '.type == "exec" and .pid == '"$pid" | jq -r .id)"
	expect parent_id "$(select_lines '.type == "exec" and .pid == '"$pid" | jq -r .parent_id)"
	expect parent_comm reap
	[ "$(key event_id)" != "$(select_lines '.type == "exec" and .pid == '"$pid" | jq -r .event_id)" ]
	expect exit_code 0
}

@test "a signal is reported by name, with core_dumped if a core was dumped" {
	local signal
	start_exectap --events exit
	for signal in KILL TERM SEGV USR1 RTMIN+3; do
		reap bash -c "ulimit -c 0; kill -$signal \$\$; read" "$marker" </dev/null
		expect signal "SIG$signal"
		expect exit_code null
		expect core_dumped null
	done
	cd "$BATS_TEST_TMPDIR"
	if grep -qE '^[^|/]' /proc/sys/kernel/core_pattern; then
		reap bash -c 'ulimit -c unlimited; kill -ABRT $$' "$marker"
		expect signal SIGABRT
		[ "$(jq '.status % 256 >= 128' <<<"$report")" = "$(jq '.core_dumped == true' <<<"$line")" ]
	fi
}

@test "64 threads that end at once are one exit, whichever way, ten times" {
	local how round
	start_exectap --events exit
	for round in 1 2 3 4 5 6 7 8 9 10; do
		for how in together group killed; do
			reap "$helpers/threads" $how 64
			case $how in
			together) expect exit_code 0 ;;
			group) expect exit_code 3 ;;
			killed) expect signal SIGKILL ;;
			esac
			echo "$pid $begin_ms $end_ms" >>"$BATS_TEST_TMPDIR/reaped"
			# all threads together: 64 times 3 ms
			[ "$(jq '.user_time + .system_time >= 0.19' <<<"$line")" = true ]
			expect max_rss "$(jq .max_rss <<<"$report")"
		done
	done
	stop_exectap
	while read -r pid begin_ms end_ms; do
		[ "$(exits | wc -l)" = 1 ]
	done <"$BATS_TEST_TMPDIR/reaped"
}

@test "a process that never executed anything has an exit too" {
	start_exectap --events exec,exit
	begin_ms=$(boot_ms)
	(exit 9) 3>&- &
	pid=$!
	wait "$pid" || true
	end_ms=$(boot_ms)
	poll have_exit
	expect exit_code 9
	expect comm "$(cat /proc/self/comm | sed 's/cat/bash/')"
	[ "$(jq -c "select(.type == \"exec\" and .id == $(jq .id <<<"$line"))" "$lines" | wc -l)" = 0 ]
}

@test "2,000 processes have 2,000 exits, and no other event where only exits are asked for" {
	own_noop
	start_exectap --events exit
	"$helpers/storm" 2 1000 "$marker" "$noop"
	stop_exectap
	[ "$(jq -r "select(.comm == \"${noop##*/}\") | .pid" "$lines" | sort -u | wc -l)" = 2000 ]
	[ "$(jq -r "select(.comm == \"${noop##*/}\") | .pid" "$lines" | wc -l)" = 2000 ]
	[ "$(jq -r .type "$lines" | sort -u)" = exit ]
}

@test "--env shows just the variables asked for, exactly" {
	start_exectap --env WANTED,BYTES,EMPTY,WANTED,ABSENT,EMPTY
	hold env WANTED='a value=with, "things"' BYTES=$'\xff\xc3\xa9' EMPTY= OTHER=not-this "$helpers/hold"
	expect 'env | keys | tojson' '["BYTES","EMPTY","WANTED"]'
	expect env.WANTED 'a value=with, "things"'
	expect env.EMPTY ''
	[ "$(grep -F "$marker" "$lines" | grep -o '"WANTED":' | wc -l)" = 1 ]
	[ "$(raw_of env BYTES | base64 -d)" = $'\xff\xc3\xa9' ]
	expect env.BYTES $'\xef\xbf\xbd\xc3\xa9'
	[ "$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^WANTED=//p')" = "$(key env.WANTED)" ]
	expect truncated null
	marker=$marker-none
	hold env -i "$helpers/hold"
	expect env null
}

@test "a variable behind 100 KB of others, and with cut args, is found" {
	start_exectap --env WANTED
	export FILLER
	FILLER=$(head -c 100000 /dev/zero | tr '\0' f)
	hold env FILLER2="$FILLER" WANTED=found "$helpers/hold"
	expect env.WANTED found
	marker=$marker-cut
	WANTED=found "$helpers/hold" "$marker" "$FILLER" 3>&- &
	held+=($!)
	wait_for_line '.exe | endswith("/hold")'
	expect env.WANTED found
	expect 'truncated | tojson' '["args"]'
	unset FILLER
}

@test "a value that is too long for the line is cut, and marked" {
	start_exectap --env LONG,SHORT
	hold env LONG="$(head -c 30000 /dev/zero | tr '\0' v)" SHORT=kept "$helpers/hold"
	expect env.SHORT kept
	[[ $(key 'truncated | tojson') == *'"env"'* ]]
	[ "${#line}" -lt 15360 ]
	[ "$(key 'env.LONG | length')" -gt 3000 ]
}

@test "a container is recognised by the cgroup path that a runtime creates" {
	local root id=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
	[ -n "$root" ] || skip "no cgroup2 file system is mounted"
	made_cgroup=$root/kubepods-$marker.slice
	mkdir -p "$made_cgroup/kubepods-pod8a5a1c22_3b4d_4e5f_8a6b_7c8d9e0f1a2b.slice/cri-containerd-$id.scope"
	start_exectap
	hold bash -c 'echo $$ >"$1/cgroup.procs"; exec "$0" "$2"' "$helpers/hold" "$made_cgroup/kubepods-pod8a5a1c22_3b4d_4e5f_8a6b_7c8d9e0f1a2b.slice/cri-containerd-$id.scope"
	expect cgroup "$(sed -n 's/^0:://p' "/proc/$pid/cgroup")"
	expect container_id $id
	expect container_runtime containerd
	expect pod_uid 8a5a1c22-3b4d-4e5f-8a6b-7c8d9e0f1a2b
	kill -KILL "$pid"
	wait "${held[0]}" || true
}

@test "--no-args leaves the arguments out, and nothing says they were cut" {
	local place=$BATS_TEST_TMPDIR/$marker
	cp "$helpers/noop" "$place"
	start_exectap --no-args --events exec,exec_failed
	"$place" one two three
	python3 -c 'import os, sys
try:
    os.execv(sys.argv[1], ["one"])
except FileNotFoundError:
    pass' "$place-not-there"
	stop_exectap
	line=$(jq -c 'select(.type == "exec" and .filename == "'"$place"'")' "$lines")
	expect args null
	expect argc 4
	expect truncated null
	expect args_bytes null
	line=$(jq -c 'select(.type == "exec_failed" and .filename == "'"$place-not-there"'")' "$lines" | head -n 1)
	expect error ENOENT
	expect args null
	expect truncated null
	[ "$(jq -c 'select(.args)' "$lines" | wc -l)" = 0 ]
}

@test "of a variable that is there twice the last is shown, and its name; a glob selects names" {
	start_exectap --env 'TWI?E' --env 'ON*'
	hold python3 -c 'import ctypes, sys
strings = lambda *items: (ctypes.c_char_p * (len(items) + 1))(*[item.encode() for item in items], None)
ctypes.CDLL(None).execve(sys.argv[1].encode(), strings(*sys.argv[1:]),
    strings("TWICE=first", "ONCE=one", "TWICE=second", "OTHER=not-this"))' "$helpers/hold"
	expect 'env | tojson' '{"TWICE":"second","ONCE":"one"}'
	expect 'env_duplicates | tojson' '["TWICE"]'
}

@test "in a time namespace times are those of the host" {
	unshare -T true 2>/dev/null || skip "no time namespaces"
	local before after
	before=$(date -u +%s)
	unshare -T --boottime 100000 "$exectap" --only "args=*$marker" --heartbeat 1 >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll have_type start
	"$helpers/noop" "$marker"
	poll have_type exec
	kill "$exectap_pid"
	wait "$exectap_pid"
	exectap_pid=
	after=$(date -u +%s)
	jq -es --argjson before "$before" --argjson after "$after" '
		map(.timestamp[:19] + "Z" | fromdate) | all(. >= $before - 1 and . <= $after + 1)' "$lines"
}

have_type() {
	grep -q "\"type\":\"$1\"" "$lines"
}

@test "a host without a name is localhost" {
	unshare -u true 2>/dev/null || skip "no UTS namespaces"
	unshare -u sh -c 'echo >/proc/sys/kernel/hostname; exec "$0" --heartbeat 1' "$exectap" >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll have_type start
	kill "$exectap_pid"
	wait "$exectap_pid"
	exectap_pid=
	[ "$(jq -r .host "$lines" | sort -u)" = localhost ]
}

@test "each running process has a line where their records do not fit the ring buffer" {
	local count=600 i
	for ((i = 0; i < count; i++)); do
		"$helpers/hold" "$marker" 3>&- >/dev/null &
		held+=($!)
	done
	start_exectap --events process --buffer 128K
	all_listed() { [ "$(grep -cF -- "$marker" "$lines")" -ge "$count" ]; }
	poll all_listed
	stop_exectap
	[ "$(jq -r --arg marker "$marker" 'select(.type == "process" and .args[-1] == $marker) | .pid' "$lines" | sort)" = "$(printf '%s\n' "${held[@]}" | sort)" ]
	[ "$(grep -c '"type":"lost"' "$lines")" = 0 ]
}

@test "with exec, exit, fork and process each id that a line names is that of a line, and SQL rebuilds a chain" {
	local chain
	command -v sqlite3 >/dev/null || skip "no sqlite3"
	start_exectap --events exec,exit --events fork,process
	# shellcheck disable=SC2016
	bash -c 'true a; (sleep .1; "$0" "$1"; :) ; :' "$helpers/noop" "$marker"
	poll grep -q "\"exit\".*noop.*$marker" "$lines"
	stop_exectap
	[ "$(grep -c '"type":"lost"' "$lines")" = 0 ]
	sqlite3 "$BATS_TEST_TMPDIR/db" 'CREATE TABLE line (type, id, parent_id, ppid, args)'
	jq -r '[.type, .id, .parent_id, .ppid, (.args // [] | tojson)] | @csv' "$lines" >"$BATS_TEST_TMPDIR/csv"
	sqlite3 "$BATS_TEST_TMPDIR/db" -cmd '.mode csv' ".import $BATS_TEST_TMPDIR/csv line"
	# a process that began before the first line of its parent and ended by then has none
	chain=$(sqlite3 "$BATS_TEST_TMPDIR/db" "
		WITH RECURSIVE chain (id, depth) AS (
			SELECT id, 0 FROM line WHERE type = 'exec' AND args = '[\"$helpers/noop\",\"$marker\"]'
			UNION
			SELECT line.parent_id, depth + 1 FROM line JOIN chain ON line.id = chain.id
			WHERE line.type IN ('fork', 'process') AND line.ppid <> '0')
		SELECT depth, chain.id, (SELECT count(*) FROM line WHERE line.id = chain.id AND type IN ('fork', 'process')) FROM chain ORDER BY depth")
	echo "$chain"
	[ "$(wc -l <<<"$chain")" -ge 4 ]
	# a sandbox may hide process 1 from iterators
	! sed '$d' <<<"$chain" | cut -d '|' -f 3 | grep -qx 0 || false
	[[ $(tail -n 1 <<<"$chain") == *-[12]'|'? ]] # init, or kthreadd where the kernel has started the tests
	# the leaf, its subshell, and the bash that was executed
	[ "$(sqlite3 "$BATS_TEST_TMPDIR/db" "SELECT count(*) FROM line WHERE type = 'fork' AND args LIKE '%$marker%'")" -ge 3 ]
}
