#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Compares the README with the program.

load lib

# Prints the examples of the schema and the README's sample line.
sample_lines() {
	grep -h '^{' "$top/README.md"
	cat "$top"/schema/examples/*.jsonl
}

@test "every jq recipe runs on the sample lines and finds something" {
	local recipe count=0
	while IFS= read -r recipe; do
		count=$((count + 1))
		echo "$recipe"
		case $recipe in *memfd*) filter='.memfd = true' ;; *uid*euid*) filter='.uid = 1000' ;; *) filter=. ;; esac
		sample_lines | jq -c "$filter" | bash -c "cat | ${recipe#*| }" >"$BATS_TEST_TMPDIR/out"
		cat "$BATS_TEST_TMPDIR/out"
		[ -s "$BATS_TEST_TMPDIR/out" ]
	done < <(grep '^sudo build/exectap | jq' "$top/README.md")
	[ "$count" -ge 5 ]
}

@test "the sample line fits the schema" {
	local python
	for python in python3 /usr/bin/python3; do "$python" -c 'import jsonschema' 2>/dev/null && break; done
	grep -h '^{' "$top/README.md" >"$BATS_TEST_TMPDIR/sample"
	"$python" "$top/tests/validate" "$BATS_TEST_TMPDIR/sample"
}
