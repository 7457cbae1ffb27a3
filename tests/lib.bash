# SPDX-License-Identifier: BSD-2-Clause
# What the tests share. Each test starts an exectap of its own, does something that carries a marker of
# its own, and polls for the line; other programs of this host show up between, and don't matter.

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
exectap=${EXECTAP:-$top/build/exectap}
options=${EXECTAP_OPTIONS:-} # of every exectap
helpers=$top/build/tests
captured=${EXECTAP_CAPTURED:-$top/build/tests/captured}

patience_s=30 # how long a poll goes on before the test fails

setup() {
	marker="m$BASHPID-$BATS_TEST_NUMBER-$RANDOM$RANDOM"
	lines=$BATS_TEST_TMPDIR/lines.jsonl
	log=$BATS_TEST_TMPDIR/log
	exectap_pid=
	held=()
	[ -z "$options" ] || add_options
}

# Has a script in the place of exectap, and where it changes the user, everyone do with what the test makes as they like:
# that is not the one who runs the test.
add_options() {
	printf '#!/bin/sh\nexec %q %s "$@"\n' "$exectap" "$options" >"$BATS_TEST_TMPDIR/exectap-with-options"
	exectap=$BATS_TEST_TMPDIR/exectap-with-options
	chmod 755 "$exectap"
	[[ $options == *--user* ]] || return 0
	umask 0
	open_folders
	chmod 777 "$BATS_TEST_TMPDIR"
}

# Lets every user into the test's own folder.
open_folders() {
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
}

teardown() {
	local pid
	for pid in "${held[@]}" $exectap_pid; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	if declare -F more_teardown >/dev/null; then more_teardown; fi
	if [ -s "$lines" ]; then
		mkdir -p "$captured"
		# a process that was killed may have left half a line; no other one may
		cp "$lines" "$captured/$(basename "$BATS_TEST_FILENAME" .bats)-$BATS_TEST_NUMBER.jsonl"
	fi
	if [ -n "$BATS_ERROR_STATUS" ] && [ "$BATS_ERROR_STATUS" != 0 ] || [ -z "$BATS_TEST_COMPLETED" ]; then
		echo "--- stderr of exectap:"
		cat "$log" 2>/dev/null || true
		echo "--- its lines with $marker:"
		select_lines true 2>/dev/null | tail -n 5 | cut -c 1-2000 || true
	fi
}

# poll COMMAND...: until it succeeds
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

# Ends exectap in the orderly way, and fails unless it does.
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

# select_lines FILTER: the lines with $marker for which the jq filter holds, but for this function's own greps. The
# last line may not be whole yet; jq then stops there. (jq -R would be no way around it: in a long line, version 1.6
# breaks characters that lie across its read buffers.)
select_lines() {
	grep -aF -- "$marker" "$lines" | jq -c "select(.args[0] != \"grep\") | select($1)" 2>/dev/null || true
}

have_line() {
	line=$(select_lines "$1" | head -n 1)
	[ -n "$line" ]
}

# wait_for_line [FILTER]: leaves the first such line in $line.
wait_for_line() {
	poll have_line "(${1:-true}) and .type == \"exec\""
}

# key NAME: that key of $line as jq -r prints it ("null" where it is left out).
key() {
	jq -r ".$1" <<<"$line"
}

# expect NAME VALUE: fails, and shows both, where the key of $line is not the value.
expect() {
	local found
	found=$(key "$1")
	if [ "$found" != "$2" ]; then
		printf '%s: found %q, expected %q\n' "$1" "$found" "$2"
		return 1
	fi
}

# hold COMMAND [ARG...]: runs a command in the background, with $marker as its last argument, that ends up in the
# helper "hold"; leaves the pid that /proc has for it in $pid, and the line of its exec in $line.
hold() {
	"$@" "$marker" 3>&- >/dev/null &
	held+=($!)
	wait_for_line '.exe | endswith("/hold")'
	pid=$(key pid)
	held+=("$pid")
}

# Leaves in $noop a copy of the helper "noop" that has a command name of its own: exits have no marker to tell them by.
own_noop() {
	noop=$BATS_TEST_TMPDIR/n$RANDOM$RANDOM
	cp "$helpers/noop" "$noop"
}

# status_of NAME: a field of /proc/$pid/status
status_of() {
	awk -v name="$1:" '$1 == name { $1 = ""; print substr($0, 2) }' "/proc/$pid/status"
}

# Starts another exectap, with room for all that this host executes, whose lines go to $reference.
start_reference() {
	reference=$BATS_TEST_TMPDIR/reference
	"$exectap" --buffer 64M --output "file:$reference" 2>"$reference.log" 3>&- &
	held+=($!)
	poll grep -q '^exectap: watching' "$reference.log"
}

# The execs in file $1 from the one with the argument $marker-first to that with $marker-last, each once.
execs_between() {
	jq -r 'select(.type == "exec") | "\(.args[1]?) \(.event_id)"' "$1" | awk '!seen[$0]++' |
		sed -n "/^$marker-first /,/^$marker-last /p"
}

# adds_up LEAST: between these two execs, which both have seen, $lines has each exec that the reference has, or counts it as
# lost; at least LEAST of them.
adds_up() {
	local told lost seen
	poll grep -q "$marker-last" "$reference"
	told=$(execs_between "$lines" | wc -l)
	seen=$(execs_between "$reference" | wc -l)
	lost=$(jq -s '[.[] | select(.type == "lost") | .count] | add // 0' "$lines")
	echo "$seen execs, $told told, $lost lost"
	[ "$(grep -c '"type":"lost"' "$reference")" = 0 ]
	[ "$seen" -ge "$1" ]
	[ "$told" -gt 0 ]
	[ "$lost" -gt 0 ]
	# of two execs at once, either may be told first
	[ $((told + lost)) -ge $((seen - 2)) ]
	[ $((told + lost)) -le $((seen + 2)) ]
}
