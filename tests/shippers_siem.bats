#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The files of packaging/siem, as far as they can be tested without a store; `make test-shippers` runs them with stores.

load lib

siem=$top/packaging/siem

python_with() {
	local python
	for python in python3 /usr/bin/python3 "$top/build/shippers/sigma/bin/python"; do
		"$python" -c "import $1" 2>/dev/null && echo "$python" && return
	done
	return 1
}

@test "each index template is JSON for PUT _index_template, and gives each key of the schemas its type" {
	local file count=0
	for file in "$siem"/*.json; do
		count=$((count + 1))
		jq -e '.index_patterns and .priority and (.template.mappings | .date_detection == false and .numeric_detection == false)' "$file"
	done
	[ "$count" = 8 ]
	python3 "$siem/generate" --check
}

@test "a template without a time of the schema is reported" {
	local tree=$BATS_TEST_TMPDIR
	mkdir -p "$tree/packaging"
	cp -r "$siem" "$tree/packaging/"
	cp -r "$top/schema" "$tree/"
	jq 'del(.template.mappings.properties.process.properties.start)' "$siem/opensearch-ecs.json" >"$tree/packaging/siem/opensearch-ecs.json"
	run python3 "$tree/packaging/siem/generate" --check
	echo "$output"
	[ "$status" = 1 ]
	[ "$output" = "opensearch-ecs.json: process.start is guessed, not date_nanos: run packaging/siem/generate" ]
}

@test "no keyword of a template exceeds a term of Lucene" {
	jq -es 'all(.[] | .. | .ignore_above? // empty; . * 3 <= 32766)' "$siem"/*.json
	jq -es '[.[] | .. | objects | select(.type == "keyword")] | length > 0 and all(.[]; .ignore_above)' "$siem"/*.json
}

@test "pySigma's pipelines name keys that the schemas have" {
	local python
	python=$(python_with yaml) || skip "no Python with yaml"
	"$python" - "$siem" "$top/schema" <<'END'
import json, pathlib, sys, yaml
siem, schema = map(pathlib.Path, sys.argv[1:])
for name, file in ("ecs", "exectap-ecs.schema.json"), ("native", "exectap.schema.json"):
    text = (schema / file).read_text()
    pipeline = yaml.safe_load((siem / f"sigma-{name}.yml").read_text())
    mapping = pipeline["transformations"][0]["mapping"]
    assert len(mapping) >= 12
    for key in mapping.values():
        assert all(f'"{part}"' in text for part in key.split(".")), key
assert yaml.safe_load((siem / "sigma-lucene.yml").read_text())["postprocessing"]
END
}

@test "pySigma converts a rule with the pipelines to fields of ECS, and its regular expression to Lucene's" {
	local python rule=$BATS_TEST_TMPDIR/linux/process_creation/rule.yml
	python=$(python_with sigma.backends.opensearch) || skip "no pySigma with its OpenSearch backend"
	mkdir -p "$(dirname "$rule")"
	cat >"$rule" <<'END'
title: rule
logsource: {product: linux, category: process_creation}
detection:
    selection: {Image|endswith: /ls, 'CommandLine|re': '(?:\s-i|"|x)'}
    condition: selection
END
	run "$python" "$top/tests/shippers/sigma" queries "$siem/sigma-ecs.yml,$siem/sigma-lucene.yml" "$BATS_TEST_TMPDIR"
	echo "$output"
	[ "$(jq -r '.[1]' <<<"$output")" = 'event.dataset:exectap.exec AND (process.executable:*\/ls AND process.command_line:/.*((\s-i|\"|x)).*/)' ]
}

@test "PostgreSQL stores each line once, with the commands of the README" {
	cat "$top"/schema/examples/*.jsonl >"$BATS_TEST_TMPDIR/lines"
	jq -c '.event_id += "-1" | .args += ["hostile-1"]' "$top/schema/examples/exec.jsonl" >>"$BATS_TEST_TMPDIR/lines"
	run "$top/tests/shippers/postgresql" "$BATS_TEST_TMPDIR/lines"
	[ "$status" != 77 ] || skip "$output"
	echo "$output"
	[ "$status" = 0 ]
}

@test "each file of packaging/siem that was not run says so at its beginning" {
	local file
	for file in "$siem"/splunk/*.conf "$siem"/loki.yaml; do
		head -n 3 "$file" | grep -q 'Not run here'
	done
}
