#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --host and --tag: on every line, in each format, from the file of --config, and at SIGHUP.

load lib

# rejects MESSAGE ARGUMENT...: these arguments are wrong usage, and the one line on stderr has the message
rejects() {
	local message=$1 status=0
	shift
	"$exectap" "$@" >"$lines" 2>"$log" 3>&- || status=$?
	cat "$log"
	[ "$status" = 2 ]
	[ "$(wc -l <"$log")" = 1 ]
	grep -qF -- "exectap: invalid $message" "$log"
}

# labels_of FORMAT: prints the names and labels that lines have, with the number of lines
labels_of() {
	case $1 in
	native) jq -c '[.host, .tags]' "$lines" ;;
	ecs) jq -c 'if .host.hostname == .host.name then [.host.name, .labels] else error end' "$lines" ;;
	ocsf) jq -c '[.device.hostname, .metadata.labels]' "$lines" ;;
	esac | sort | uniq -c | sed 's/^ *//'
}

@test "--host and --tag are on every line of each format, lost and heartbeat lines included" {
	local format expected='{"env":"prod","owner":"a\"b é"}'
	for format in native ecs ocsf; do
		[ $format != ocsf ] || expected='["env:prod","owner:a\"b é"]'
		# the small buffer makes lost lines while the output is stopped
		start_exectap --format $format --host büro-1.example --tag env=prod --tag 'owner=a"b é' --heartbeat 1 --buffer 128K
		kill -STOP "$exectap_pid"
		"$helpers/storm" 2 1000 "$marker" "$helpers/noop" >/dev/null 3>&-
		kill -CONT "$exectap_pid"
		poll grep -q 'buffer_full' "$lines"
		poll grep -Eq '"(type|dataset|event_code)":"(exectap.)?stats"' "$lines"
		stop_exectap
		labels_of $format
		[ "$(labels_of $format)" = "$(wc -l <"$lines") [\"büro-1.example\",$expected]" ]
	done
}

@test "invalid names and tags are wrong usage, and tags that leave no line are" {
	local tag
	for tag in '' = a =b a= 1a=b a.b=c 'a b=c' $'a=\xff' "$(printf 'a%.0s' {1..65})=b" "a=$(printf 'b%.0s' {1..1025})"; do
		rejects "--tag '${tag:0:200}" --tag "$tag"
	done
	rejects "--tag 'a=2' (this key is given twice)" --tag a=1 --tag b=1 --tag a=2
	for tag in '' $'\xff' 'a"b' $'a\tb' "$(printf 'a%.0s' {1..254})"; do
		rejects "--host '$tag' (1 to 253 bytes of UTF-8, without" --host "$tag"
	done
	rejects "--max-line '3072' (at least 3" --max-line 3072 --tag a=b
	rejects "--max-line '3072' (at least 3086 for --format native with this --host and --tag)" --max-line 3072 --host example
}

@test "with many tags lines are not longer than --max-line, and have all tags" {
	local i tags=()
	for i in {1..20}; do tags+=(--tag "key$i=$(printf 'v%.0s' {1..500})"); done
	start_exectap "${tags[@]}" --max-line 14000 --only "args=*$marker*"
	"$helpers/noop" "$marker" "$(printf 'a%.0s' {1..9000})"
	wait_for_line '.exe | endswith("/noop")'
	stop_exectap
	expect 'tags | length' 20
	expect 'truncated == ["args"]' true
	[ "${#line}" -le 14000 ]
	[ "${#line}" -ge 13900 ]
}

applied_twice() {
	[ "$(grep -c 'conf: applied' "$log")" = 2 ]
}

@test "a tag of the command line replaces that of the file; SIGHUP changes name and tags between two events" {
	printf '%s\n' 'host = one' 'tag = a=1' 'tag = b=2' >"$BATS_TEST_TMPDIR/conf"
	start_exectap --config "$BATS_TEST_TMPDIR/conf" --tag b=3 --only "args=*$marker*"
	"$helpers/noop" "$marker-1"
	poll grep -q "/noop\",\"$marker-1\"" "$lines"
	printf '%s\n' 'host = two' 'tag = c=4' >"$BATS_TEST_TMPDIR/conf"
	kill -HUP "$exectap_pid"
	poll grep -q 'conf: applied' "$log"
	"$helpers/noop" "$marker-2"
	poll grep -q "/noop\",\"$marker-2\"" "$lines"
	# tags for which the running line limit is too short: nothing changes
	for _ in {1..16}; do echo "tag = $_$RANDOM=$(printf 'v%.0s' {1..1000})"; done | sed 's/= /= k/' >"$BATS_TEST_TMPDIR/conf"
	kill -HUP "$exectap_pid"
	poll grep -q 'not applied' "$log"
	: >"$BATS_TEST_TMPDIR/conf"
	kill -HUP "$exectap_pid"
	poll applied_twice
	"$helpers/noop" "$marker-3"
	poll grep -q "/noop\",\"$marker-3\"" "$lines"
	stop_exectap
	[ "$(jq -r 'select(.args[0]? // "" | endswith("/noop")) | "\(.host) \(.tags)"' "$lines")" = "one {\"a\":\"1\",\"b\":\"3\"}
two {\"c\":\"4\",\"b\":\"3\"}
$(uname -n) {\"b\":\"3\"}" ]
}
