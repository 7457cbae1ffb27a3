# SPDX-License-Identifier: BSD-2-Clause
# Functions for the tests. Each test starts its own exectap, executes something with its own marker, and polls for the
# line. Lines of the host's other programs are ignored.

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
exectap=${EXECTAP:-$top/build/exectap}
options=${EXECTAP_OPTIONS:-} # for every exectap
helpers=$top/build/tests
captured=${EXECTAP_CAPTURED:-$top/build/tests/captured}

patience_s=30 # maximum time of a poll

setup() {
	shell_pid=$BASHPID
	marker="m$shell_pid-$BATS_TEST_NUMBER-$RANDOM$RANDOM"
	lines=$BATS_TEST_TMPDIR/lines.jsonl
	log=$BATS_TEST_TMPDIR/log
	exectap_pid=
	held=()
	[ -z "$options" ] || add_options
}

# Replaces $exectap by a script that adds $options. With --user, the test's files become writable for all users, since
# exectap does not run as the user of the test.
add_options() {
	printf '#!/bin/sh\nexec %q %s "$@"\n' "$exectap" "$options" >"$BATS_TEST_TMPDIR/exectap-with-options"
	exectap=$BATS_TEST_TMPDIR/exectap-with-options
	chmod 755 "$exectap"
	[[ $options == *--user* ]] || return 0
	umask 0
	open_folders
	chmod 777 "$BATS_TEST_TMPDIR"
}

# Makes the test's folder accessible for all users.
open_folders() {
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
}

# Returns 0 if the process is this test's: a descendant of its shell, or its arguments have the test's folder or marker.
# The id of a process that has ended can be that of any other by now.
is_own() {
	local pid=$1 stat
	while [ "$pid" -gt 1 ] && [ "$pid" != "$shell_pid" ]; do
		stat=
		IFS= read -rd '' stat 2>/dev/null <"/proc/$pid/stat" || true
		stat=${stat##*) ? }
		pid=${stat%% *}
		pid=${pid:-0}
	done 2>/dev/null
	[ "$pid" = "$shell_pid" ] || grep -qaF -e "$BATS_TEST_TMPDIR" -e "m$shell_pid-" "/proc/$1/cmdline" 2>/dev/null
}

# kill_own SIGNAL PID...: sends a signal to those processes that are this test's
kill_own() {
	local pid
	for pid in "${@:2}"; do
		! is_own "$pid" || kill "-$1" "$pid" 2>/dev/null || true
	done
}

teardown() {
	local pid killed=
	for pid in $exectap_pid "${held[@]}"; do
		kill_own KILL "$pid"
		wait "$pid" 2>/dev/null || [ $? != 137 ] || killed+=" $pid" # 128 + SIGKILL
	done
	if declare -F more_teardown >/dev/null; then more_teardown; fi
	if [ -s "$lines" ]; then
		mkdir -p "$captured"
		copy_lines >"$captured/$(basename "$BATS_TEST_FILENAME" .bats)-$BATS_TEST_NUMBER.jsonl"
	fi
	if [ -n "$BATS_ERROR_STATUS" ] && [ "$BATS_ERROR_STATUS" != 0 ] || [ -z "$BATS_TEST_COMPLETED" ]; then
		echo "--- stderr of exectap:"
		cat "$log" 2>/dev/null || true
		echo "--- its lines with $marker:"
		select_lines true 2>/dev/null | tail -n 5 | cut -c 1-2000 || true
	fi
}

# Prints $lines. Where teardown has killed exectap (it is in $killed), without a partial line: SIGKILL ends a write(2)
# to a file between two pages.
copy_lines() {
	if [[ -n $exectap_pid && "$killed " == *" $exectap_pid "* ]]; then
		head -n "$(wc -l <"$lines")" "$lines"
	else
		cat "$lines"
	fi
}

# Unmounts what a test has mounted in its folder.
unmount_made() {
	local mounted
	for mounted in $(awk -v at="$BATS_TEST_TMPDIR/" 'index($2, at) == 1 { print $2 }' /proc/self/mounts | sort -r); do
		umount -l "$mounted"
	done
}

# Removes the cgroup $made_cgroup, if a test has made it, and those below it.
remove_made_cgroup() {
	local dir
	[ -n "${made_cgroup:-}" ] || return 0
	while IFS= read -r dir; do poll rmdir "$dir"; done < <(find "$made_cgroup" -depth -type d)
}

# poll COMMAND...: repeats it until it succeeds; fails after $patience_s
poll() {
	local end=$((SECONDS + patience_s))
	until "$@"; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "not within $patience_s s: $*"
			return 1
		fi
		read -rt 0.02 <> <(:) || true
	done
}

# Starts exectap with these options; its lines go to $lines, its diagnostics to $log.
start_exectap() {
	: >"$lines"
	: >"$log"
	"$exectap" "$@" >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
}

watching() {
	grep -q '^exectap: watching' "$log" || ! kill -0 "$exectap_pid" 2>/dev/null
}

# Terminates exectap with SIGTERM. Fails if its status is not 0.
stop_exectap() {
	local status=0
	kill -TERM "$exectap_pid"
	wait "$exectap_pid" || status=$?
	exectap_pid=
	if [ "$status" != 0 ]; then
		echo "exectap ended with status $status"
		return 1
	fi
}

# Returns 0 if no signal is pending for process $1.
signal_taken() {
	grep -q '^ShdPnd:.*0000000000000000' "/proc/$1/status"
}

# select_lines FILTER: prints the lines with $marker that match the jq filter, without this function's own greps. If
# the last line is not complete yet, jq stops there. (jq -R does not help: version 1.6 breaks characters of a long
# line that cross its read buffers.)
select_lines() {
	grep -aF -- "$marker" "$lines" | jq -c "select(.args[0] != \"grep\") | select($1)" 2>/dev/null || true
}

have_line() {
	line=$(select_lines "$1" | head -n 1)
	[ -n "$line" ]
}

# wait_for_line [FILTER]: waits for an exec line that matches, and sets $line to the first one.
wait_for_line() {
	poll have_line "(${1:-true}) and .type == \"exec\""
}

# key NAME: prints the key of $line as jq -r does ("null" if it is absent).
key() {
	jq -r ".$1" <<<"$line"
}

# raw_of KEY [INDEX|NAME]: prints the base64 that $line has in raw for that string.
raw_of() {
	jq -r --arg key "$1" --arg place "${2:-}" '.raw[] | select(.key == $key and ((.index // .name // "") | tostring) == $place).base64' <<<"$line"
}

# expect NAME VALUE: fails and prints both values if the key of $line differs.
expect() {
	local found
	found=$(key "$1")
	if [ "$found" != "$2" ]; then
		printf '%s: found %q, expected %q\n' "$1" "$found" "$2"
		return 1
	fi
}

# expect_unreadable LIST: fails unless these keys of $line are unreadable. entry_exe depends on how the session of the
# tests began: a memfd has no path.
expect_unreadable() {
	expect 'unreadable // [] | . - ["entry_exe"] | join(",")' "$1"
}

# hold COMMAND [ARG...]: runs a command in the background that finally executes the helper "hold", with $marker as
# last argument. Sets $pid to its pid in /proc and $line to the line of its exec.
hold() {
	"$@" "$marker" 3>&- >/dev/null &
	held+=($!)
	wait_for_line '.exe | endswith("/hold")'
	pid=$(key pid)
	held+=("$pid")
}

# Sets $noop to a copy of the helper "noop" with a unique command name: exit lines do not contain the marker.
own_noop() {
	noop=$BATS_TEST_TMPDIR/n$RANDOM$RANDOM
	cp "$helpers/noop" "$noop"
}

# status_of NAME: prints a field of /proc/$pid/status
status_of() {
	awk -v name="$1:" '$1 == name { $1 = ""; print substr($0, 2) }' "/proc/$pid/status"
}

# Starts a second exectap with a large ring buffer, whose lines go to $reference.
start_reference() {
	reference=$BATS_TEST_TMPDIR/reference
	"$exectap" --buffer 64M "$@" --output "file:$reference" 2>"$reference.log" 3>&- &
	held+=($!)
	poll grep -q '^exectap: watching' "$reference.log"
}

# Prints the execs in file $1 from the one with the argument $marker-first to the one with $marker-last, each once.
execs_between() {
	jq -r 'select(.type == "exec") | "\(.args[1]?) \(.event_id)"' "$1" | awk '!seen[$0]++' |
		sed -n "/^$marker-first /,/^$marker-last /p"
}

# Prints how many execs of other programs the reference has within 100 ms of $marker-first or $marker-last. On another
# CPU such an exec may come before one of the two in one ring buffer, and behind it in the other one.
execs_beside() {
	# the reference is still being written: complete lines only
	head -n "$(wc -l <"$reference")" "$reference" | jq -n --arg marker "$marker" '
		def seconds: .timestamp | (.[:19] + "Z" | fromdate) + (.[19:29] | tonumber);
		[inputs | select(.type == "exec") | { argument: (.args[1]? // ""), at: seconds }] |
		map(select(.argument == ($marker + "-first", $marker + "-last")).at) as $ends |
		map(select((.argument | startswith($marker) | not) and (.at as $at | any($ends[]; (. - $at | fabs) < 0.1)))) |
		length'
}

# adds_up LEAST: fails unless, between these two execs, the lines and losses in $lines add up to the execs of the
# reference, which are LEAST or more.
adds_up() {
	local reported lost seen beside
	poll grep -q "$marker-last" "$reference"
	reported=$(execs_between "$lines" | wc -l)
	seen=$(execs_between "$reference" | wc -l)
	lost=$(jq -s '[.[] | select(.type == "lost") | .count] | add // 0' "$lines")
	beside=$(execs_beside)
	echo "$seen execs, $reported reported, $lost lost, $beside of others beside the first and the last"
	[ "$(grep -c '"type":"lost"' "$reference")" = 0 ]
	[ "$seen" -ge "$1" ]
	[ "$reported" -gt 0 ]
	[ "$lost" -gt 0 ]
	[ $((reported + lost)) -ge $((seen - beside)) ]
	[ $((reported + lost)) -le $((seen + beside)) ]
}

# rejects MESSAGE ARGUMENT...: these arguments are wrong usage, and the one line on stderr is the message.
rejects() {
	local message=$1 status=0
	shift
	timeout 10 "$exectap" "$@" >"$lines" 2>"$log" 3>&- || status=$?
	cat "$log"
	[ "$status" = 2 ]
	[ ! -s "$lines" ]
	[ "$(cat "$log")" = "exectap: $message" ]
}
