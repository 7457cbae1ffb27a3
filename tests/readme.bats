#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Compares the README and the other documents with the program and the source.

load lib

readme=$top/README.md

# Prints the README's event as one line.
sample_event() {
	sed -n '/^```json$/,/^```$/p' "$readme" | grep -v '^```' | jq -c .
}

# Prints the examples of the schema and the README's event.
sample_lines() {
	sample_event
	cat "$top"/schema/examples/*.jsonl
}

# Prints each command of the documents that pipes exectap to jq, one per line.
recipes() {
	grep -hE '^sudo exectap \| jq' "$readme"
	sed -n 's/\\e/\\/g; s/\\(dq/"/g; s/^\(\.Dl \)\?# \(exectap | jq\)/\2/p' "$top/packaging/man/exectap.8"
}

@test "every jq recipe of the README and exectap(8) runs on the sample lines and finds something" {
	local recipe count=0
	while IFS= read -r recipe; do
		count=$((count + 1))
		echo "$recipe"
		case $recipe in *memfd*) filter='.memfd = true' ;; *) filter=. ;; esac
		(cd "$BATS_TEST_TMPDIR" && sample_lines | jq -c "$filter" | bash -c "${recipe#*| }" >out)
		cat "$BATS_TEST_TMPDIR/out"
		[ -s "$BATS_TEST_TMPDIR/out" ]
	done < <(recipes)
	[ "$(grep -c '^sudo exectap | jq' "$readme")" = 3 ]
	[ "$count" -ge 5 ]
}

@test "a jq recipe of the README that something follows does not hold lines back" {
	local recipe
	while IFS= read -r recipe; do
		echo "$recipe"
		case ${recipe#*| } in *"' | "*) [[ $recipe == *--unbuffered* ]] ;; esac
	done < <(recipes)
}

python_with() {
	local python
	for python in python3 /usr/bin/python3; do
		"$python" -c "import $1" 2>/dev/null && echo "$python" && return
	done
	return 1
}

@test "the README's event fits the schema" {
	sample_event >"$BATS_TEST_TMPDIR/sample"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/sample")" = 1 ]
	"$(python_with jsonschema)" "$top/tests/validate" "$BATS_TEST_TMPDIR/sample"
}

@test "the README is at most 200 lines long" {
	[ "$(wc -l <"$readme")" -le 200 ]
}

@test "each option in the README's table is one of --help, with the same letter" {
	local option count=0
	"$exectap" --help >"$BATS_TEST_TMPDIR/help"
	while IFS= read -r option; do
		count=$((count + 1))
		echo "$option"
		grep -q -- "$option\b" "$BATS_TEST_TMPDIR/help"
	done < <(sed -n '/^## Options/,/^## /p' "$readme" | grep '^| `-' | cut -d '|' -f 2 |
		grep -oE -- '(-[a-z]`, `)?--[a-z-]+' | sed 's/`//g')
	[ "$count" -ge 10 ]
}

@test "the quick start is what make knows, and CI runs it" {
	local target
	while IFS= read -r target; do
		make -C "$top" -n "$target" >/dev/null
	done < <(grep -oE '^(sudo )?make [a-z ]+' "$readme" | sed 's/.*make //' | tr ' ' '\n' |
		grep -vE '^(deps|)$' | sort -u)
	grep -q '^sudo make deps run' "$readme"
	grep -q '^sudo make deps test' "$readme"
	grep -qE '^make .*deps test( |$)' "$top/.ci/run"
}

# block LANGUAGE NUMBER: prints that code block of the README
block() {
	awk -v start="\`\`\`$1" -v number="$2" \
		'$0 == start { inside = ++count == number; next } /^```$/ { inside = 0 } inside' "$readme"
}

@test "the snippets for Fluent Bit and Vector are YAML, and set what keeps lines" {
	local python
	python=$(python_with yaml) || skip "no Python with yaml"
	block yaml 1 >"$BATS_TEST_TMPDIR/fluent-bit.yaml"
	block yaml 2 >"$BATS_TEST_TMPDIR/vector.yaml"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/fluent-bit.yaml")" -le 13 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/vector.yaml")" -le 13 ]
	"$python" - "$BATS_TEST_TMPDIR" "$readme" <<'END'
import pathlib, sys, yaml
folder, readme = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text()
fluent_bit = yaml.safe_load((folder / "fluent-bit.yaml").read_text())
syslog, = fluent_bit["pipeline"]["inputs"]
parser, = fluent_bit["parsers"]
assert syslog["mode"] == "unix_tcp" and syslog["storage.type"] == "filesystem" and fluent_bit["service"]["storage.path"]
assert syslog["parser"] == parser["name"] and parser["time_key"] == "timestamp" and parser["time_keep"]
vector = yaml.safe_load((folder / "vector.yaml").read_text())
source, = vector["sources"].values()
assert source["mode"] == "unix_stream" and source["decoding"] == {"codec": "json"} and source["host_key"] == ""
for path in syslog["path"], source["path"]:
    assert f"exectap -o unix:{path}" in readme, path
END
}

stores() {
	[ "$(grep -ac "$marker-[0-9]*\"" "$BATS_TEST_TMPDIR/stored" 2>/dev/null)" = "$1" ]
}

@test "Fluent Bit, with the README's snippet, takes every line" {
	local i folder=$BATS_TEST_TMPDIR
	command -v fluent-bit >/dev/null || skip "no fluent-bit"
	fluent-bit --help | grep -q ' syslog  ' || skip "this fluent-bit was built without its syslog input"
	block yaml 1 | sed "s#/run/fluent-bit#$folder/fluent-bit#; s#/var/lib/fluent-bit/exectap#$folder/chunks#" \
		>"$folder/exectap.yaml"
	fluent-bit -q -c "$folder/exectap.yaml" >"$folder/stored" 2>"$folder/shipper.log" 3>&- &
	held+=("$!")
	poll test -S "$folder/fluent-bit.sock"
	start_exectap -o "unix:$folder/fluent-bit.sock"
	for i in {1..50}; do /bin/true "$marker-$i"; done
	/bin/true "$marker-51" "$(printf '%014000d' 0)"
	poll stores 51
	stop_exectap
}

# Prints the paths of the source that the documents name in code font.
named_paths() {
	find "$top" -name '*.md' -not -path "$top/build/*" -exec cat {} + |
		grep -oE '`(cmd|bpf|schema|tests|packaging)/[a-zA-Z0-9_./*-]*`' | tr -d '`' | sort -u
}

@test "every path that the documents name exists" {
	local path count=0
	while IFS= read -r path; do
		count=$((count + 1))
		echo "$path"
		compgen -G "$top/$path" >/dev/null
	done < <(named_paths)
	[ "$count" -ge 40 ]
}

@test "publish copies the results to their places, and nothing else" {
	local tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/tests/bench" "$tree/build"
	cp "$readme" "$tree/"
	cp "$top"/tests/bench/{publish,README.md} "$tree/tests/bench/"
	printf '![chart](bench.svg)\nnew table\n\n' >"$tree/build/bench.md"
	printf '![chart](bench.svg)\nnew summary, [all](README.md#results)\n\n' >"$tree/build/bench-summary.md"
	echo '<svg/>' >"$tree/build/bench.svg"
	"$tree/tests/bench/publish"
	grep -qx '!\[chart\](tests/bench/result.svg)' "$tree/README.md"
	grep -qx 'new summary, \[all\](tests/bench/README.md#results)' "$tree/README.md"
	grep -qx 'new table' "$tree/tests/bench/README.md"
	[ "$(cat "$tree/tests/bench/result.svg")" = '<svg/>' ]
	for file in README.md tests/bench/README.md; do
		diff <(sed '/bench: begin/,/bench: end/d' "$top/$file") <(sed '/bench: begin/,/bench: end/d' "$tree/$file")
	done
}
