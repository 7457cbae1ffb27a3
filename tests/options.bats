#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --help, --version, --check, and usage errors.

load lib

@test "--version is one line with the version that the Makefile has" {
	[ "$("$exectap" --version)" = "exectap $(sed -n 's/^VERSION := //p' "$top/Makefile")" ]
	[ "$("$exectap" -V)" = "$("$exectap" --version)" ]
}

@test "--help fits a screen and names every option the README has" {
	local option
	"$exectap" --help >"$BATS_TEST_TMPDIR/help"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/help")" -le 24 ]
	[ "$(awk 'length($0) > 80' "$BATS_TEST_TMPDIR/help")" = "" ]
	for option in $(grep -o '^| `[^|]*`' "$top/README.md" | grep -o -- '--[a-z-]*'); do
		grep -q -- "$option" "$BATS_TEST_TMPDIR/help"
	done
	for option in $(grep -o -- '--[a-z-]*' "$BATS_TEST_TMPDIR/help"); do
		grep -q -- "$option" "$top/README.md"
	done
}

@test "--check says one fact a line and is status 0 where exectap runs" {
	"$exectap" --check >"$BATS_TEST_TMPDIR/facts" 2>"$log"
	cat "$BATS_TEST_TMPDIR/facts"
	[ ! -s "$log" ]
	[ "$(grep -cvE '^(ok|missing) +[^ ]' "$BATS_TEST_TMPDIR/facts")" = 0 ]
	grep -qE '^ok +kernel +Linux '"$(uname -r)" "$BATS_TEST_TMPDIR/facts"
	local fact
	for fact in privileges 'type information' 'ring buffer' 'hook sched_process_exec' 'hook task_rename' programs; do
		grep -qE "^ok +$fact" "$BATS_TEST_TMPDIR/facts"
	done
}

@test "--check without privileges is status 3 and says what is missing" {
	local copy=$BATS_TEST_TMPDIR/exectap status=0
	cp "$exectap" "$copy"
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_TEST_TMPDIR" "$copy"
	setpriv --reuid 65534 --clear-groups "$copy" --check >"$BATS_TEST_TMPDIR/facts" || status=$?
	cat "$BATS_TEST_TMPDIR/facts"
	[ "$status" = 3 ]
	grep -qE '^missing +privileges .*CAP_BPF' "$BATS_TEST_TMPDIR/facts"
	grep -qE '^ok +type information' "$BATS_TEST_TMPDIR/facts"
}

@test "--check without BTF is status 4 and says what is missing" {
	local status=0
	unshare --mount sh -c 'mount -t tmpfs tmpfs /sys/kernel/btf && exec "$0" --check' "$exectap" >"$BATS_TEST_TMPDIR/facts" || status=$?
	cat "$BATS_TEST_TMPDIR/facts"
	[ "$status" = 4 ]
	grep -qE '^missing +type information' "$BATS_TEST_TMPDIR/facts"
}

@test "the short and the long forms of an option do the same" {
	"$exectap" -h | cmp - <("$exectap" --help)
	start_exectap -o - -f native -e exec -v --buffer 200K
	grep -q 'buffer of 256 KiB' "$log"
	hold "$helpers/hold"
	stop_exectap
	start_exectap --output=- --format=native --events=exec
	hold "$helpers/hold"
	stop_exectap
}
