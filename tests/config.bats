#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --config: options in a file, and their change at SIGHUP.

load lib

# configure LINE...: writes the configuration file
configure() {
	printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/exectap.conf"
}

# start_configured OPTION...: starts exectap with the file
start_configured() {
	start_exectap --config "$BATS_TEST_TMPDIR/exectap.conf" "$@"
}

# tested STATUS MESSAGE...: fails unless --test-config ends with the status and the messages, one a line
tested() {
	local status=0
	"$exectap" --config "$BATS_TEST_TMPDIR/exectap.conf" --test-config 2>"$log" 3>&- || status=$?
	cat "$log"
	[ "$status" = "$1" ]
	diff <(printf "exectap: %s\n" "${@:2}" | sed "s|CONF|$BATS_TEST_TMPDIR/exectap.conf|") "$log"
}

# reload WORDS: sends SIGHUP and waits for the message
reload() {
	: >"$log"
	kill -HUP "$exectap_pid"
	poll grep -qF -- "$1" "$log"
}

@test "the file's options apply; the command line replaces single ones and adds to repeatable ones" {
	configure '# a comment' '' '  format   =  ecs  ' "only = args=*$marker-a*" 'no-args = no' 'env = A' 'heartbeat=77' \
		'redact' "skip = args=*#*"
	start_configured --format native --only "args=*$marker-b*" --env B
	A=1 B=2 C=3 "$helpers/noop" "$marker-a"
	A=1 "$helpers/noop" "$marker-b" --password=secret no
	"$helpers/noop" "$marker-a" "#"
	"$helpers/noop" "$marker-c"
	stop_exectap
	jq -es --arg marker "$marker" 'map(select(.type == "exec")) | map([.args[1][($marker | length):], .env, .args[2:]]) ==
		[["-a", {"A": "1", "B": "2"}, []], ["-b", {"A": "1"}, ["--password=[REDACTED]", "no"]]]' "$lines"
}

@test "an option that needs no value is on or off by yes or no" {
	configure "only = args=*$marker-off*" 'redact = no'
	start_configured
	"$helpers/noop" "$marker-off" --password=secret no
	stop_exectap
	jq -es 'map(select(.type == "exec").args[2:]) == [["--password=secret", "no"]]' "$lines"
	configure "only = args=*$marker-on*" 'redact = yes'
	start_configured
	"$helpers/noop" "$marker-on" --password=secret yes
	stop_exectap
	jq -es 'map(select(.type == "exec").args[2:]) == [["--password=[REDACTED]", "yes"]]' "$lines"
}

@test "--test-config says file and line of each error, and exits with status 2, 0 if there is none" {
	configure 'format = json' 'heartbeat = 0' 'nonsense = 1' 'output =' 'no-args = perhaps' 'help' '= x' 'format = ocsf' \
		'redact =' 'redact = (' 'redact = no' 'redact = [n]o'
	tested 2 "CONF:1: invalid format 'json' (choose native, ecs, ocsf, text)" \
		"CONF:2: invalid --heartbeat '0' (1 to 86400 seconds)" \
		"CONF:3: unknown option 'nonsense'; see 'exectap --help'" \
		"CONF:4: option 'output' requires a value; see 'exectap --help'" \
		"CONF:5: invalid no-args 'perhaps' (yes or no)" \
		"CONF:6: unknown option 'help'; see 'exectap --help'" \
		"CONF:7: unknown option ''; see 'exectap --help'" \
		"CONF:9: invalid --redact '' (a value is an extended regular expression)" \
		"CONF:10: invalid --redact '(' (an extended regular expression: Unmatched ( or \\()"
	grep -q "^exectap: invalid --redact 'no' (a value is an extended regular expression)" <("$exectap" --redact=no 2>&1 3>&-)
	configure 'only = uid=root'
	tested 2 "rule 'uid=root': the values of this key are numbers"
	configure "output = file:/x" "rotate = 1M:3"
	"$exectap" --config "$BATS_TEST_TMPDIR/exectap.conf" --test-config
}

@test "a file that cannot be read is one line and status 2" {
	local status=0 file
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	head -c 2000000 /dev/zero | tr '\0' '#' >"$BATS_TEST_TMPDIR/large"
	printf 'format = ecs\0\n' >"$BATS_TEST_TMPDIR/binary"
	for file in fifo large binary absent .; do
		status=0
		timeout 10 "$exectap" --config "$BATS_TEST_TMPDIR/$file" 2>"$log" 3>&- || status=$?
		cat "$log"
		[ "$status" = 2 ]
		grep -q "^exectap: cannot read $BATS_TEST_TMPDIR/$file: " "$log"
		[ "$(wc -l <"$log")" = 1 ]
	done
	status=0
	"$exectap" --test-config 2>"$log" 3>&- || status=$?
	[ "$status" = 2 ]
}

@test "SIGHUP in a storm applies new rules between two events, and none is lost or twice" {
	configure "only = args=*$marker*" 'heartbeat = 300'
	start_configured --buffer 64M # for all of the storm
	"$helpers/storm" 2 10000 "$marker" "$helpers/noop" 3>&- >/dev/null &
	local storm=$!
	poll grep -q "/noop\",\"$marker-0-100\"" "$lines"
	# the marker's even numbers are left out from here on
	configure "only = args=*$marker*" "skip = args=*[02468]" 'heartbeat = 300'
	reload "exectap.conf: applied"
	wait "$storm"
	stop_exectap
	jq -es '
		(map(select(.type == "exec")) | length) as $execs | (map(select(.type == "stop"))[0]) as $stop |
		(map(select(.type == "lost").count) | add // 0) as $lost |
		$stop.written == $execs and $stop.seen == $stop.written + $stop.filtered and $lost == 0 and
		(map(select(.type == "exec" and (.args[0]? // "" | endswith("/noop"))).args[1]) | length == (unique | length) and
			(map(select(endswith("1") or endswith("3") or endswith("5") or endswith("7") or endswith("9"))) | length) == 10000)' "$lines"
	[ "$(jq -s '[.[].seq] | . == [range(length)]' "$lines")" = true ]
	# rules before and after the reload were in effect
	[ "$(grep -c "/noop\",\"$marker-0-100\"" "$lines")" = 1 ]
	[ "$(grep -c "/noop\",\"$marker-[01]-9998\"" "$lines")" = 0 ]
}

@test "SIGHUP changes redaction, names of variables and the heartbeat; what needs a restart is named" {
	configure 'env = A' 'heartbeat = 300' 'buffer = 1M'
	start_configured --only "args=*$marker*"
	A=1 B=2 "$helpers/noop" "$marker-1" --password=secret
	poll grep -q "/noop\",\"$marker-1\"" "$lines"
	configure 'env = B' 'heartbeat = 1' 'buffer = 2M' 'redact' 'format = ecs'
	reload "exectap.conf: applied"
	grep -q -- '--buffer has changed; restart exectap to apply it' "$log"
	grep -q -- '--format has changed; restart exectap to apply it' "$log"
	[ "$(grep -c 'has changed' "$log")" = 2 ]
	A=1 B=2 "$helpers/noop" "$marker-2" --password=secret
	poll grep -q '"type":"stats"' "$lines"
	stop_exectap
	jq -es 'map(select(.type == "exec" and (.args[0]? // "" | endswith("/noop")))) | map([.env, .args[2]]) ==
		[[{"A": "1"}, "--password=secret"], [{"B": "2"}, "--password=[REDACTED]"]]' "$lines"
}

@test "SIGHUP does not apply rules for values that are not recorded, and says so" {
	local options
	configure "only = args=*$marker*" 'parent-args = 0' 'no-args = no'
	start_configured
	for options in 'env = A:only = env=A=1' 'parent-args = 512:only = parent_args=*x*' 'env = A:limit = 1/60:exe,env' \
		'events = exec,exit:only = exit_code=1' 'containers:only = container_name=x'; do
		configure "only = args=*$marker*" "${options%%:*}" "${options#*:}"
		reload 'not applied; continuing with the options before'
		grep -q 'restart exectap to apply rules together with the options that they need' "$log"
		[ "$(wc -l <"$log")" = 3 ]
	done
	A=1 "$helpers/noop" "$marker"
	A=2 "$helpers/noop" "$marker"
	stop_exectap
	[ "$(jq -r 'select(.type == "exec" and (.args[0]? // "" | endswith("/noop"))).args[1]' "$lines" | grep -c .)" = 2 ]
}

@test "SIGHUP with an error in the file changes nothing and says so" {
	configure "only = args=*$marker-a*"
	start_configured
	configure "only = args=*$marker-b*" 'format = json'
	reload "not applied; continuing with the options before"
	grep -q "exectap.conf:2: invalid format 'json'" "$log"
	"$helpers/noop" "$marker-a"
	"$helpers/noop" "$marker-b"
	rm "$BATS_TEST_TMPDIR/exectap.conf"
	reload "cannot read"
	stop_exectap
	[ "$(jq -r 'select(.type == "exec").args[1]' "$lines")" = "$marker-a" ]
}
