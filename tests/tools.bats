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

# manual_query PROGRAM: runs the command of exectap(8)
manual_query() {
	sed -n "/^\\$ $1 /,/^\\.Ed/p" "$top/packaging/man/exectap.8" | sed '/^\.Ed/d; s/^\$ //; s/\\(dq/"/g; s/\\e/\\/g' >"$BATS_TEST_TMPDIR/query"
	cat "$BATS_TEST_TMPDIR/query" >&2
	(cd "$BATS_TEST_TMPDIR" && bash ./query)
}

@test "sqlite: the query of exectap(8) counts programs" {
	command -v sqlite3 >/dev/null || skip "no sqlite3"
	make_lines
	cp "$lines" "$BATS_TEST_TMPDIR/exec.jsonl"
	manual_query sqlite3 >"$BATS_TEST_TMPDIR/counts"
	cat "$BATS_TEST_TMPDIR/counts"
	[ "$(awk -F '\037' -v exe="$BATS_TEST_TMPDIR/noop" '$1 == exe { print $2 }' "$BATS_TEST_TMPDIR/counts")" = \
		"$(jq -r .exe "$lines" | grep -cx "$BATS_TEST_TMPDIR/noop")" ]
}

# need_duckdb: DuckDB from PATH, or with its library for node, which npm fetches once
need_duckdb() {
	local folder=$top/build/duckdb
	! command -v duckdb >/dev/null || return 0
	command -v npm >/dev/null && command -v node >/dev/null || skip "no duckdb, and no npm"
	[ -d "$folder/node_modules" ] ||
		timeout 120 npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts @duckdb/node-api@1.5.6-r.1 >/dev/null 2>&1 3>&- ||
		skip "no duckdb, and npm can't install it"
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/duckdb" <<-END
		#!/usr/bin/env node
		// duckdb -c QUERY
		const { DuckDBInstance } = require("$folder/node_modules/@duckdb/node-api");
		(async () => {
		  const connection = await (await DuckDBInstance.create(":memory:")).connect();
		  const result = await connection.runAndReadAll(process.argv[3]);
		  for (const row of result.getRows()) console.log(row.join("\\x1f"));
		})();
	END
	chmod 755 "$BATS_TEST_TMPDIR/bin/duckdb"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "DuckDB: the queries of exectap(8) and of the README count programs" {
	local count
	need_duckdb
	make_lines
	cp "$lines" "$BATS_TEST_TMPDIR/exec.jsonl"
	count=$(jq -r .exe "$lines" | grep -cx "$BATS_TEST_TMPDIR/noop")
	manual_query duckdb | tee "$BATS_TEST_TMPDIR/counts"
	grep -F "$BATS_TEST_TMPDIR/noop" "$BATS_TEST_TMPDIR/counts" | grep -qE "[^0-9]${count}[^0-9]*\$"
	bash -c "$(grep '^duckdb ' "$top/README.md" | sed "s#/var/log/exectap/exec.jsonl#$BATS_TEST_TMPDIR/exec.jsonl#")" | tee "$BATS_TEST_TMPDIR/counts"
	grep -F "$BATS_TEST_TMPDIR/noop" "$BATS_TEST_TMPDIR/counts" | grep -qE "[^0-9]${count}[^0-9]*\$"
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
