#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --fields and --omit: the keys of lines, in each format, and what is captured for them.

load lib

# The lines lack keys that the schema requires: teardown is not to keep them.
more_teardown() {
	rm -f "$lines"
}

# keys: prints the keys of $line, sorted, on one line
keys() {
	jq -r 'keys | join(",")' <<<"$line"
}

# The lines of this test's program
own_line() {
	poll have_line '(.args[0] // "" | endswith("/noop")) and .type == "exec"'
}

# members GROUP: prints the names of its keys as --list-keys has them
members() {
	"$exectap" --list-keys | awk -F '\t' -v group="$1" '("," $3 ",") ~ "," group "," { print $1 }'
}

@test "a key has the same value whatever other keys are left out, and with them what they need of the kernel" {
	local key all=$BATS_TEST_TMPDIR/all
	"$exectap" --only "args=$marker" --env HOME >"$all" 2>"$log" 3>&- &
	held+=($!)
	poll grep -q watching "$log"
	for key in exe exe_ino exe_dev exe_size exe_mtime deleted cwd cwd_deleted parent_exe cgroup systemd_unit args argc \
		args_bytes stdin name comm filename env; do
		start_exectap --fields "id,$key" --only "args=$marker" --env HOME
		HOME=/x "$helpers/noop" "$marker"
		poll test -s "$lines"
		stop_exectap
		poll grep -qF "$(tail -n 1 "$lines" | jq -r .id)" "$all"
		jq -e --slurpfile all "$all" --arg key "$key" '.id as $id | .[$key] == ($all[] | select(.id == $id) | .[$key])' \
			<(tail -n 1 "$lines") || { echo "$key" && false; }
	done
}

@test "--fields and --omit choose the keys of lines, whatever a filter needs, and marks stay" {
	start_exectap --fields pid,args --fields @container --only "args=$marker" --only 'exe=*/noop' --heartbeat 1
	"$helpers/noop" "$marker"
	own_line
	poll grep -q '"type":"stats"' "$lines"
	stop_exectap
	[ "$(jq -r 'keys - ["cgroup", "container_id", "container_runtime", "pod_uid"] | join(",")' <<<"$line")" = args,pid,timestamp,type ]
	# lines about exectap itself are whole
	jq -es 'map(select(.type == "stats")) | all(.[]; has("seq") and has("event_id") and has("hooks") and has("lost"))' "$lines"

	start_exectap --omit @ids,@namespaces,cap_eff --only "args=*$marker*" --max-line 3072
	"$helpers/noop" "$marker" "$(printf 'a%.0s' {1..9000})"
	own_line
	stop_exectap
	expect 'pid // .ns_pid // .uid // .cap_eff // .parent_id' null
	expect 'exe and .start' true
	expect 'truncated == ["args"]' true

	start_exectap --fields args --omit truncated --only "args=*$marker*" --max-line 3072
	"$helpers/noop" "$marker" "$(printf 'a%.0s' {1..9000})"
	own_line
	stop_exectap
	[ "$(keys)" = args,timestamp,type ]
}

@test "the groups are those of the manual, and --fields @minimal has no other key" {
	local group
	for group in ids namespaces file parent container descriptors minimal; do
		echo "$group"
		diff <(members $group | sort) <(awk -v item=".It Sy @$group" '$0 == item { inside = 1; next } inside && /^\.(It|El)/ { inside = 0 } inside' \
			"$top/packaging/man/exectap-events.5" | sed 's/^\.Va//' | grep -oE '[a-z_]+' | sort)
	done
	start_exectap --fields @minimal --only "args=*$marker*"
	"$helpers/noop" "$marker"
	own_line
	stop_exectap
	[ "$(jq -r 'keys[]' <<<"$line" | grep -vxF -f <(members minimal; echo timestamp; echo type))" = "" ]
	expect 'pid and .exe and .args and .event_id' true
}

@test "in ECS and OCSF the keys that native keys map to are chosen" {
	local format
	for format in ecs ocsf; do
		start_exectap --format $format --fields pid,args,user --omit raw --only "args=*$marker*"
		"$helpers/noop" "$marker"
		poll grep -q "/noop\",\"$marker\"" "$lines"
		stop_exectap
		line=$(grep "/noop\",\"$marker\"" "$lines" | head -n 1)
		if [ $format = ecs ]; then
			[ "$(jq -c '[keys, (.process | keys)]' <<<"$line")" = \
				'[["@timestamp","ecs","event","process","user"],["args","command_line","pid","real_user"]]' ]
		else
			[ "$(jq -c '[(.process | keys), .actor, .unmapped.args[1], .message]' <<<"$line")" = \
				"[[\"cmd_line\",\"pid\",\"user\"],{\"process\":{\"pid\":$(jq .process.pid <<<"$line")},\"user\":{\"name\":\"root\"}},\"$marker\",\"? executed ?\"]" ]
		fi
	done
}

@test "command_line is there where --fields names it, in step with args, and rules decide by it" {
	start_exectap --fields @default,command_line --redact --max-line 3072 --only "command_line=$helpers/noop $marker *"
	"$helpers/noop" "$marker" '' 'b  c' --password=secret
	"$helpers/noop" "$marker-other" x
	"$helpers/noop" "$marker" "$(printf 'a%.0s' {1..9000})"
	poll grep -q '"truncated":\["args","command_line"\]' "$lines"
	stop_exectap
	[ "$(wc -l <"$lines")" = 2 ]
	line=$(head -n 1 "$lines")
	expect 'command_line == (.args | join(" ")) and .args[1:4] == ["'"$marker"'", "", "b  c"]' true
	expect 'command_line | endswith(" --password=[REDACTED]")' true
	expect 'redacted == ["args", "command_line"]' true
	line=$(tail -n 1 "$lines")
	expect 'command_line == (.args | join(" "))' true
	[ "${#line}" -le 3071 ]
	[ "${#line}" -ge 3000 ]

	start_exectap --only "args=$marker"
	"$helpers/noop" "$marker"
	own_line
	stop_exectap
	expect 'command_line // .parent_command_line' null

	start_exectap --fields @default,parent_command_line --only "args=$marker" --only 'parent_command_line=bash -c *:'
	# shellcheck disable=SC2016
	bash -c '"$0" "$1"; :' "$helpers/noop" "$marker"
	# shellcheck disable=SC2016
	bash -c '"$0" "$1"; :' "$helpers/noop" "$marker" :
	own_line
	stop_exectap
	[ "$(grep -c . "$lines")" = 1 ]
	expect parent_command_line "bash -c \"\$0\" \"\$1\"; : $helpers/noop $marker :"
	expect 'parent_command_line == (.parent_args | join(" "))' true
	expect command_line null

	start_exectap --fields command_line --format ecs --only "args=$marker"
	"$helpers/noop" "$marker"
	poll grep -q "noop $marker" "$lines"
	stop_exectap
	[ "$(jq -c .process <(grep "noop $marker" "$lines"))" = "{\"command_line\":\"$helpers/noop $marker\"}" ]
}

@test "without the keys of the default, a line has its time and its type" {
	start_exectap --omit @default --only "args=$marker"
	"$helpers/noop" "$marker"
	poll test -s "$lines"
	stop_exectap
	jq -e 'keys == ["timestamp", "type"] and .type == "exec"' "$lines"
}

@test "an unknown name is wrong usage and is named, as is the omission of a key that every line has" {
	rejects "unknown field 'nonsense' in --fields (see exectap-events(5))" --fields pid,nonsense
	rejects "unknown field '@nonsense' in --omit (see exectap-events(5))" --omit @nonsense
	rejects "unknown field '' in --fields (see exectap-events(5))" --fields pid,
	rejects "invalid --omit 'type' (every line has this key)" --omit pid,type
}

# Stops exectap. If it does not wait for events at that moment, lets it go on, and fails.
stopped_while_it_waits() {
	kill -STOP "$exectap_pid"
	poll grep -q '^State:.*T' "/proc/$exectap_pid/status"
	# epoll_wait(2) and epoll_pwait(2) of x86-64, epoll_pwait(2) of AArch64
	[ -e "/proc/$exectap_pid/syscall" ] && ! grep -qE '^(232|281|22) ' "/proc/$exectap_pid/syscall" || return 0
	kill -CONT "$exectap_pid"
	return 1
}

@test "a path that nobody needs is not read; one that SIGHUP asks for is unreadable in the events before" {
	printf '%s\n' 'fields = args,memfd' "only = args=*$marker*" >"$BATS_TEST_TMPDIR/conf"
	start_exectap --config "$BATS_TEST_TMPDIR/conf"
	poll stopped_while_it_waits
	"$helpers/noop" "$marker"
	printf '%s\n' 'omit = pid' "only = args=*$marker*" >"$BATS_TEST_TMPDIR/conf"
	kill -HUP "$exectap_pid"
	kill -CONT "$exectap_pid"
	own_line
	poll grep -q 'conf: applied' "$log"
	# memfd needed exe
	expect 'unreadable | sort == ["ancestors", "cgroup", "cwd", "entry_exe", "entry_id", "entry_type", "parent_args", "parent_event_id", "parent_exe"]' true
	expect 'cwd // .cgroup // .parent_exe // .pid' null
	expect exe "$helpers/noop"
	"$helpers/noop" "$marker-later"
	wait_for_line ".args[1] == \"$marker-later\""
	expect pid null
	expect_unreadable ''
	expect 'cwd and .cgroup and .parent_exe' true
	stop_exectap
}

@test "a rule for a path that no line has still decides" {
	start_exectap --fields args --only "cwd=$BATS_TEST_TMPDIR" --skip 'parent_exe=*/timeout'
	cd "$BATS_TEST_TMPDIR"
	timeout 10 "$helpers/noop" "$marker-skipped"
	"$helpers/noop" "$marker-shown"
	cd /
	"$helpers/noop" "$marker-elsewhere"
	poll grep -q "/noop\",\"$marker-shown" "$lines"
	stop_exectap
	[ "$(select_lines '.args[0] | endswith("/noop")' | jq -r '.args[1]')" = "$marker-shown" ]
}

@test "what is masked in keys that are not written is not counted" {
	start_exectap --fields env --env TOKEN,PASSWORD --redact --only "args=*$marker*"
	PASSWORD=123456789 "$helpers/noop" "$marker" --password=secret
	poll grep -q REDACTED "$lines"
	line=$(grep REDACTED "$lines" | head -n 1)
	stop_exectap
	expect 'redacted == ["env"] and .redacted_bytes == 9' true
	[ "$(keys)" = env,redacted,redacted_bytes,timestamp,type ]
}

@test "without parent_args a line has no command line of the parent either, in each format" {
	local format
	for format in ecs ocsf; do
		start_exectap --format "$format" --omit parent_args
		bash -c '"$0" "$1"; :' "$helpers/noop" "$marker-$format"
		poll grep -qE "\"(noop|.*/noop)\".*$marker-$format" "$lines"
		stop_exectap
		grep -F -- "$marker-$format" "$lines" | jq -es '
			map(select(.process | .name == "noop" or .file.name == "noop")) |
			length == 1 and all(.[]; .process | (.parent // .parent_process) | has("command_line") or has("cmd_line") | not)'
	done
}
