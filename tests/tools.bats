#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What is installed for those who read lines: functions for jq, a format of lnav, and exectap(8)'s queries.

load lib

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# The lines of a shell that executes a shell that executes noop, in another user's name as well.
make_lines() {
	start_exectap --only "args=*$marker*"
	open_folders
	cp "$helpers/noop" "$BATS_TEST_TMPDIR/noop"
	bash -c "bash -c '\"\$0\" \"\$1-leaf\" \"two words\"; :' '$BATS_TEST_TMPDIR/noop' '$marker'; :" "$marker-root"
	setpriv --reuid nobody --clear-groups "$BATS_TEST_TMPDIR/noop" "$marker-nobody"
	wait_for_line '.args[1] == "'"$marker-nobody"'"'
	stop_exectap
}

module() {
	jq -L "$top/packaging/jq" "$@" "$lines"
}

@test "jq: called_by, by_user and since select what their names say" {
	make_lines
	[ "$(module -c "include \"exectap\"; called_by(\"bash\") | select(.args[1] == \"$marker-leaf\") | command")" = \
		"\"$BATS_TEST_TMPDIR/noop $marker-leaf \\\"two words\\\"\"" ]
	[ -z "$(module -c "include \"exectap\"; called_by(\"nobody-here\")")" ]
	[ "$(module -c 'include "exectap"; by_user("nobody") | .args[-1]' | sort -u)" = "\"$marker-nobody\"" ]
	[ "$(module -c 'include "exectap"; by_user('"$(id -u nobody)"') | .args[-1]' | sort -u)" = "\"$marker-nobody\"" ]
	[ "$(module -c 'include "exectap"; since("2020") | .seq' | wc -l)" = "$(wc -l <"$lines")" ]
	[ -z "$(module -c 'include "exectap"; since("2999")')" ]
}

@test "jq: tree shows each process below the one that made it" {
	make_lines
	module -s -r 'include "exectap"; tree' >"$BATS_TEST_TMPDIR/tree"
	cat "$BATS_TEST_TMPDIR/tree"
	grep -qE "^    [0-9]+ $BATS_TEST_TMPDIR/noop $marker-leaf \"two words\"\$" "$BATS_TEST_TMPDIR/tree"
	grep -B1 -E "^    [0-9]+ " "$BATS_TEST_TMPDIR/tree" | grep -qE '^  [0-9]+ bash -c '
	grep -qE "^[0-9]+ setpriv .* → $BATS_TEST_TMPDIR/noop $marker-nobody\$" "$BATS_TEST_TMPDIR/tree"
}

@test "sqlite: the query of exectap(8) counts programs" {
	command -v sqlite3 >/dev/null || skip "no sqlite3"
	make_lines
	cp "$lines" "$BATS_TEST_TMPDIR/exec.jsonl"
	sed -n '/^\$ sqlite3 /,/^\.Ed/p' "$top/packaging/man/exectap.8" | sed '/^\.Ed/d; s/^\$ //; s/\\(dq/"/g; s/\\e/\\/g' >"$BATS_TEST_TMPDIR/query"
	(cd "$BATS_TEST_TMPDIR" && bash ./query) >"$BATS_TEST_TMPDIR/counts"
	cat "$BATS_TEST_TMPDIR/counts"
	[ "$(awk -F '\037' -v exe="$BATS_TEST_TMPDIR/noop" '$1 == exe { print $2 }' "$BATS_TEST_TMPDIR/counts")" = \
		"$(jq -r .exe "$lines" | grep -cx "$BATS_TEST_TMPDIR/noop")" ]
}

@test "lnav: the format is taken without a complaint, and its sample and every line are read" {
	command -v lnav >/dev/null || skip "no lnav"
	make_lines
	cp "$lines" "$BATS_TEST_TMPDIR/exec.jsonl"
	export HOME=$BATS_TEST_TMPDIR
	lnav -i "$top/packaging/lnav/exectap.json"
	lnav -n -c ';SELECT count(*) AS n FROM exectap_log' -c ':write-csv-to -' "$BATS_TEST_TMPDIR/exec.jsonl" >"$BATS_TEST_TMPDIR/count"
	cat "$BATS_TEST_TMPDIR/count"
	grep -qx "$(wc -l <"$lines")" "$BATS_TEST_TMPDIR/count"
}
