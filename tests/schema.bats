#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The schemas, the documents that are generated from them, and the keys that exectap has. Needs no privileges.

load lib

native=$top/schema/exectap.schema.json

# The native keys of the schema
schema_keys() {
	jq -r '."$defs" | .every_line, .process, .program, .runs, .place, .call, .exec, .exec_failed, .exit, .lost, .suppressed, .heartbeat | .properties | keys[]' "$native" | sort -u
}

@test "what is generated from the schema is up to date" {
	"$top/schema/generate" --check
}

@test "schema/generate --check finds a part that is out of date, and names its file" {
	mkdir -p "$BATS_TEST_TMPDIR/cmd/event"
	cp -r "$top/schema" "$top/packaging" "$BATS_TEST_TMPDIR"
	cp "$top/cmd/event/field_table.h" "$BATS_TEST_TMPDIR/cmd/event"
	sed -i 's/"Type of the event."/"Kind of the event."/' "$BATS_TEST_TMPDIR/schema/exectap.schema.json"
	run "$BATS_TEST_TMPDIR/schema/generate" --check
	[ "$status" = 1 ]
	[[ $output == *schema/README.md*exectap-events.5* ]]
	"$BATS_TEST_TMPDIR/schema/generate"
	"$BATS_TEST_TMPDIR/schema/generate" --check
	grep -q 'Kind of the event' "$BATS_TEST_TMPDIR/packaging/man/exectap-events.5"
}

# type_keys TYPE: the keys that the schema allows in lines of that type
type_keys() {
	jq -r --arg type "$1" '."$defs" as $defs
		| def parts: ., (.allOf // [] | .[]."$ref" | split("/")[-1] | $defs[.] | parts);
		[$defs[$type] | parts | .properties | to_entries[]] | group_by(.key)[] | select(all(.value != false)) | .[0].key' "$native" | sort
}

@test "--list-keys prints the keys of the schema with the types that have them, and --help does not show it" {
	local type
	for type in exec exec_failed exit fork lost start stats stop; do
		echo "$type"
		# raw belongs to the strings of a line, and is no field
		diff <("$exectap" --list-keys | awk -v type="$type" '("," $2 ",") ~ "," type "," { print $1 }' | sort) \
			<(type_keys "$type" | grep -vx raw)
	done
	# a summary has its own keys, those of every line, and can have those of its events
	diff <("$exectap" --list-keys | awk '("," $2 ",") ~ ",(suppressed|exec|exec_failed|exit|fork|process)," { print $1 }' | sort) \
		<("$exectap" --list-keys | awk '("," $2 ",") ~ ",suppressed," { print $1 }' | sort)
	if "$exectap" --help | grep -q list-keys; then return 1; fi
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
	sed -n '/^| native | ECS | OCSF |/,/^$/p' "$top/schema/README.md" | sed 1,2d | grep '^|'
}

@test "the table of formats has every native key, and every path of the other schemas" {
	local paths='[a-z@_]+([.][a-z_]+)*'
	diff <(format_rows | cut -d '|' -f 2 | grep -o '`[a-z_]*`' | tr -d '`' | sort -u) \
		<(schema_keys)
	# values are in backticks as well; names in the table that are no paths of the schema are listed here
	diff <(format_rows | cut -d '|' -f 3 | grep -oE "\`$paths\`" | tr -d '`' | grep -vxE 'exectap.exec|exec_failed|exit|fork|process|exe|uid|kubernetes|pod|lost|suppressed' | sort -u) \
		<(leaves exectap-ecs)
	diff <(format_rows | cut -d '|' -f 4 | grep -oE "\`$paths\`" | tr -d '`' | grep -vxE 'exec_failed|exit|fork|process|exe|suppressed' | sort -u) \
		<(leaves exectap-ocsf)
}
