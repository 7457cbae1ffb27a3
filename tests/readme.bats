#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What the README says is so.

load lib

# The examples of the schema, and the README's own sample line.
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

@test "the table of keys and the schema name the same keys" {
	diff <(sed -n '/^## Keys/,/^## /p' "$top/README.md" | grep '^|' | cut -d '|' -f 2 | grep -o '`[a-z_]*`' | tr -d '`' | sort -u) \
		<(jq -r '."$defs" | .every_line, .process, .call, .exec, .exec_failed, .exit, .lost, .heartbeat | .properties | keys[]' "$top/schema/exectap.schema.json" | sort -u)
}

# leaves SCHEMA: the paths of a schema's values
leaves() {
	jq -r '. as $schema
		| def leaves($path):
			if has("properties") then .properties | to_entries[] | .key as $key | .value | leaves($path + [$key])
			elif has("$ref") then $schema["$defs"][."$ref" | split("/") | last] | leaves($path)
			else $path | join(".") end;
		leaves([])' "$top/schema/$1.schema.json" | sort -u
}

# The table of formats, without its heads
format_rows() {
	sed -n '/^| native | ECS | OCSF |/,/^$/p' "$top/README.md" | sed 1,2d | grep '^|'
}

@test "the table of formats has every native key, and every path of the other schemas" {
	local paths='[a-z@_]+([.][a-z_]+)*'
	diff <(format_rows | cut -d '|' -f 2 | grep -o '`[a-z_]*`' | tr -d '`' | sort -u) \
		<(jq -r '."$defs" | .every_line, .process, .call, .exec, .exec_failed, .exit, .lost, .heartbeat | .properties | keys[]' "$top/schema/exectap.schema.json" | sort -u)
	# what a format calls its values is in backticks too; what the schema has no path for, but the table names, is listed here
	diff <(format_rows | cut -d '|' -f 3 | grep -oE "\`$paths\`" | tr -d '`' | grep -vxE 'exectap.exec|exec_failed|exit|uid|kubernetes|pod|lost' | sort -u) \
		<(leaves exectap-ecs)
	diff <(format_rows | cut -d '|' -f 4 | grep -oE "\`$paths\`" | tr -d '`' | grep -vxE 'exec_failed|exit|exe' | sort -u) \
		<(leaves exectap-ocsf)
}
