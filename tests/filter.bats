#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --only and --skip on real execs.

load lib

@test "--only tells what matches, --skip leaves it out, and seq has no gap" {
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
		grep -q 'not a rule' "$log"
	done
}

@test "losses are told whatever is filtered" {
	start_exectap --only comm=nobody-has-this-name --buffer 128K
	kill -STOP "$exectap_pid"
	"$helpers/storm" 1 2000 "$marker" "$helpers/noop" >/dev/null
	kill -CONT "$exectap_pid"
	stop_exectap
	[ "$(jq -r .type "$lines" | sort -u)" = lost ]
	[ "$(jq -s 'map(.count) | add' "$lines")" -gt 1000 ]
}
