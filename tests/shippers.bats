#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Log shippers with the configurations of packaging/shippers: compares the stored lines with the executed programs.
# Skips shippers that neither this host nor Debian has.

load lib
load shippers

setup_file() {
	find_rsyslog >"$BATS_FILE_TMPDIR/rsyslogd" || true
	find_syslog_ng >"$BATS_FILE_TMPDIR/syslog-ng" || true
}

# need NAME: skips the test if the shipper is missing. Sets $place to its folder and $output to exectap's destination.
need() {
	rsyslogd=$(cat "$BATS_FILE_TMPDIR/rsyslogd")
	syslog_ng=$(cat "$BATS_FILE_TMPDIR/syslog-ng")
	case $1 in
	rsyslog) [ -n "$rsyslogd" ] || skip "rsyslogd is not on PATH, and could not be had from Debian" ;;
	syslog-ng) [ -n "$syslog_ng" ] || skip "syslog-ng is not on PATH, and could not be had from Debian" ;;
	*) command -v "${1%-file}" >/dev/null || skip "${1%-file} is not on PATH" ;;
	esac
	use_place "$1"
}

# use_place NAME: selects the folder of this shipper
use_place() {
	place=$BATS_TEST_TMPDIR/$1
	mkdir -p "$place"
	stored=$place/exec.jsonl
	case $1 in
	rsyslog | syslog-ng | fluent-bit | vector) output=unix:$place/$1.sock ;;
	*) output=file:$place/exec.jsonl ;;
	esac
}

# Prints the shipper's messages if the test failed.
more_teardown() {
	[ -z "$BATS_TEST_COMPLETED" ] || return 0
	tail -n 20 "$BATS_TEST_TMPDIR"/*/shipper.log 2>/dev/null || true
}

# start_exectap_to DESTINATION [OPTION...]: sets $exectap_pid; diagnostics go to $place/log.
start_exectap_to() {
	log=$place/log
	: >"$log"
	"$exectap" --output "$@" 2>"$log" 3>&- >/dev/null &
	exectap_pid=$!
	held+=("$exectap_pid")
	poll watching
}

# Prints the numbers of the storm's execs in $stored, duplicates included: native lines or documents of tests/bulk.
stored_numbers() {
	jq -r '(.document? // .) | select(.exe? // .process?.executable? // "" | endswith("/noop")) | (.args? // .process.args)[1] // ""' "$stored" 2>/dev/null |
		sed -n "s/^$marker-//p"
}

has_stored() {
	[ "$(stored_numbers | sort -u | wc -l)" -ge "$1" ]
}

# Fails if a line is truncated, joined to another, or not valid.
lines_are_whole() {
	cp "$stored" "$lines" # validated at the end, with all other lines
	jq -es 'all(.[]; .schema == 1 and (.timestamp | test("^2.*[.][0-9]{9}Z$")))' "$stored" >/dev/null
}

# Fails unless duplicates are identical.
only_whole_repetitions() {
	[ "$(sort -u "$stored" | wc -l)" = "$(jq -r .seq "$stored" | sort -u | wc -l)" ]
}

# Executes noop with arguments that are difficult for a shipper, and prints their number.
execute_hostile() {
	python3 - "$helpers/noop" "$marker" <<'END'
import os, sys
program, marker = sys.argv[1], sys.argv[2].encode()
hostile = [
    b"\xff\xfe\x80 no UTF-8", b"a quote \" and a backslash \\", b"two\nlines\r\nand\ta tab", b"\x01\x1b[31m\x7f controls",
    "\u00e9\u20ac\U0001f600\u2028\u2029".encode(), b"%s %n ${MESSAGE} $(echo) `id` %rawmsg%", b"", b"<13>Oct 11 22:14:15 host su: no syslog",
    b"123 octets", b"@cee: {\"a\":1}", b"y" * 10240, b"{\"_id\":\"x\"}\n{\"index\":{}}",
]
for number, argument in enumerate(hostile):
    child = os.posix_spawn(program, [b"noop", marker + b"-hostile-%d" % number, argument], {})
    os.waitpid(child, 0)
    print(number)
END
}

# Prints the lines or documents of this test's execs, without the keys that differ between instances: the time at
# which each instance recorded the exec, and the sequence number.
marked_bytes() {
	grep -aF -- "$marker-" "$1" | grep -a '"exe":"[^"]*/noop"' |
		sed -E 's/"seq":[0-9]+/"seq":0/; s/"(timestamp|start|event_id|parent_event_id)":"[^"]*"/"\1":""/g' | sort
}

marked_documents() {
	jq -S -c '(.document? // .) | select((.args[1]? // "" | startswith("'"$marker"'-")) and (.exe | endswith("/noop"))) |
		del(.seq, .timestamp, .start, .event_id, .parent_event_id)' "$1" | sort
}

# The same of ECS documents. fluent_bit_time is Fluent Bit's own.
marked_ecs_documents() {
	jq -S -c '(.document? // .) | select((.process.args[1]? // "" | startswith("'"$marker"'-")) and (.process.executable | endswith("/noop"))) |
		del(.event.sequence, ."@timestamp", .process.start, .event.id, .exectap.parent_event_id, .fluent_bit_time)' "$1" | sort
}

# same MARKED: compares the stored lines with those of the reference.
same() {
	diff <("$1" "$stored") <("$1" "$reference") | cut -c 1-1500 | head -n 6
	[ "${PIPESTATUS[0]}" = 0 ]
}

# observe [OPTION...]: starts a second exectap that sees the same execs; sets $reference_pid.
observe() {
	start_reference "$@"
	reference_pid=${held[-1]}
}

# stop PID...: terminates them with SIGTERM
stop() {
	local pid
	for pid in "$@"; do
		kill -TERM "$pid"
		wait "$pid"
	done
}

# Checks that shipper $1 stores the lines byte for byte, adversarial arguments included.
stores_every_line() {
	local count
	start_shipper "$1"
	observe
	start_exectap_to "$output"
	count=$(execute_hostile | wc -l)
	"$helpers/storm" 2 1500 "$marker" "$helpers/noop"
	poll has_stored $((3000 + count))
	stop "$exectap_pid" "$reference_pid"
	stop_shipper
	lines_are_whole
	[ "$(stored_numbers | wc -l)" = $((3000 + count)) ]
	# compares the bytes, not only the values: each stored line is a line of exectap
	same marked_bytes
	[ "$(stat -c %a "$stored")" = 600 ]
}

@test "rsyslog stores every line, byte by byte" {
	need rsyslog
	stores_every_line rsyslog
}

@test "syslog-ng stores every line, byte by byte" {
	need syslog-ng
	stores_every_line syslog-ng
}

# Shippers of the same execs that are stopped for a while, each with its own folder and exectap.
start_all() {
	local name
	running=()
	for name in rsyslog syslog-ng fluent-bit fluent-bit-file vector vector-file filebeat-file; do
		case $name in
		rsyslog) [ -n "$rsyslogd" ] || continue ;;
		syslog-ng) [ -n "$syslog_ng" ] || continue ;;
		*) command -v "${name%-file}" >/dev/null || continue ;;
		esac
		use_place "$name"
		start_one "$name"
		running+=("$name")
		# holds the execs of other programs too, for as long as all shippers take to stop and start
		if [ -e "$place/port" ]; then
			start_exectap_to "$output" --buffer 64M --format ecs
		else
			start_exectap_to "$output" --buffer 64M
		fi
		echo "$exectap_pid" >"$place/exectap_pid"
	done
	exectap_pid=
	echo "with ${running[*]}"
	[ ${#running[@]} -gt 0 ] || skip "none of rsyslog, syslog-ng, fluent-bit, vector and filebeat is there"
}

# start_one NAME: starts the shipper and, if its destination is no file, the store
start_one() {
	case $1 in
	rsyslog | syslog-ng) start_shipper "$1" ;;
	*)
		start_bulk 0
		case $1 in
		filebeat-file) start_shipper filebeat filebeat.yml ;;
		*) start_shipper "$1" "$1.yaml" ;;
		esac
		;;
	esac
	echo "$shipper" >"$place/shipper"
}

# start_bulk REFUSED: starts tests/bulk; sets $stored to the file of the received documents
start_bulk() {
	stored=$place/documents
	[ ! -e "$place/port" ] || return 0
	"$top/tests/bulk" "$stored" "$place/port" "$1" 3>&- &
	bulk=$!
	held+=("$bulk")
	poll test -e "$place/port"
}

use_running() {
	use_place "$1"
	[ ! -e "$place/port" ] || stored=$place/documents
	shipper=$(cat "$place/shipper")
}

@test "a shipper that is stopped for 30 s at 300 execs/s and comes back misses none" {
	local name storm
	need_some
	start_all
	"$helpers/storm" -r 300 1 12000 "$marker" "$helpers/noop" 3>&- >/dev/null &
	storm=$!
	held+=("$storm")
	for name in "${running[@]}"; do
		use_running "$name"
		poll has_stored 300
		stop_shipper
	done
	sleep 30
	for name in "${running[@]}"; do
		use_running "$name"
		start_one "$name"
	done
	wait "$storm"
	for name in "${running[@]}"; do
		use_running "$name"
		poll has_stored 12000
		echo "$name: $(stored_numbers | wc -l) stored"
		[ "$(stored_numbers | sort -u | wc -l)" = 12000 ]
		stop "$(cat "$place/exectap_pid")"
		[ -e "$place/port" ] || { lines_are_whole && only_whole_repetitions; }
		kill -TERM "$shipper"
	done
}

need_some() {
	rsyslogd=$(cat "$BATS_FILE_TMPDIR/rsyslogd")
	syslog_ng=$(cat "$BATS_FILE_TMPDIR/syslog-ng")
}

# restarts_often NAME: restarts the shipper every half second during a storm
restarts_often() {
	local storm round
	start_shipper "$1"
	start_exectap_to "$output"
	"$helpers/storm" -r 1000 1 8000 "$marker" "$helpers/noop" 3>&- >/dev/null &
	storm=$!
	held+=("$storm")
	for round in 1 2 3 4 5 6 7; do
		poll has_stored $((round * 700))
		stop_shipper
		start_shipper "$1"
	done
	wait "$storm"
	poll has_stored 8000
	stop "$exectap_pid"
	stop_shipper
	[ "$(stored_numbers | sort -u | wc -l)" = 8000 ]
	lines_are_whole
	only_whole_repetitions
}

@test "rsyslog restarts seven times in a storm, and misses none" {
	need rsyslog
	restarts_often rsyslog
}

@test "syslog-ng restarts seven times in a storm, and misses none" {
	need syslog-ng
	restarts_often syslog-ng
}

has_lost_line() {
	grep -q '"type":"lost"' "$stored"
}

# Fails unless the stored lines and the losses are the execs of the reference, see adds_up().
sum_is_exact() {
	awk '!seen[$0]++' "$stored" >"$lines" # lines may have been sent twice
	jq -c 'select(.type == "lost")' "$lines"
	# a loss just before the first of the two execs may be reported after it; the buffer is large enough to avoid
	# it
	if sed "/$marker-first/q" "$lines" | grep -q '"type":"lost"'; then return 1; fi
	adds_up 15000
}

@test "a shipper that is gone for longer than the buffer lasts: what is stored and what is lost add up" {
	need rsyslog
	start_shipper rsyslog
	observe
	start_exectap_to "$output" --buffer 1M
	"$helpers/noop" "$marker-first"
	poll grep -q "$marker-first" "$stored"
	stop_shipper
	"$helpers/storm" 1 20000 "$marker" "$helpers/noop" >/dev/null
	start_shipper rsyslog
	poll has_lost_line
	"$helpers/noop" "$marker-last"
	poll grep -q "$marker-last" "$stored"
	stop "$exectap_pid" "$reference_pid"
	stop_shipper
	lines_are_whole
	sum_is_exact
}

resident_kib() {
	awk '/^VmRSS/ { print $2 }' "/proc/$exectap_pid/status"
}

@test "a shipper that stands still for a minute in a storm: memory stays flat, every line is whole, the sum exact" {
	local storm before largest=0 second now
	need syslog-ng
	start_shipper syslog-ng
	observe
	start_exectap_to "$output" --buffer 1M
	"$helpers/noop" "$marker-first"
	poll grep -q "$marker-first" "$stored"
	kill -STOP "$shipper"
	"$helpers/storm" -r 1200 1 72000 "$marker" "$helpers/noop" 3>&- >/dev/null &
	storm=$!
	held+=("$storm")
	for second in $(seq 1 60); do
		sleep 1
		now=$(resident_kib)
		[ "$second" != 5 ] || before=$now # the socket and the buffer have been full for a while
		[ "$now" -le "$largest" ] || largest=$now
	done
	kill -CONT "$shipper"
	wait "$storm"
	poll has_lost_line
	"$helpers/noop" "$marker-last"
	poll grep -q "$marker-last" "$stored"
	echo "$before KiB at first, $largest KiB at the most"
	[ "$largest" -le $((before + 128)) ]
	stop "$exectap_pid" "$reference_pid"
	stop_shipper
	lines_are_whole
	sum_is_exact
}

# stores_documents NAME FILE: checks that each event is stored under its event_id, and once if it was sent again
# because the store accepted the first request without an answer.
stores_documents() {
	local count
	start_bulk 1
	start_shipper "$1" "$2"
	# the longest argument is in an ECS line twice, and where it is cut depends on the number of the line
	observe --format ecs --max-line 64K
	start_exectap_to "$output" --format ecs --max-line 64K
	count=$(execute_hostile | wc -l)
	"$helpers/storm" 1 1000 "$marker" "$helpers/noop"
	poll has_stored $((1000 + count))
	patience_s=90 poll sent_again # the shipper chooses the time of its retry
	stop "$exectap_pid" "$reference_pid"
	stop_shipper
	jq -e 'select(._id != .document.event.id)' "$stored" && return 1
	jq -c 'select(.seen | not)' "$stored" >"$place/once"
	stored=$place/once
	[ "$(stored_numbers | wc -l)" = $((1000 + count)) ]
	same marked_ecs_documents
	jq -es 'all(.[]; ._index | test("^(logs-exectap.exec-default|exectap-ecs-[0-9]{4}([.][0-9]{2}){2})$"))' "$stored"
}

sent_again() {
	grep -q '"seen": true' "$stored"
}

@test "rsyslog stores an event that it sends twice once in Elasticsearch" {
	need rsyslog
	shipper_config rsyslog-elasticsearch.conf >"$place/check"
	"$rsyslogd" -N1 -f "$place/check" >"$place/faults" 2>&1 || skip "this rsyslog lacks omelasticsearch: $(grep -m 1 'could not load' "$place/faults")"
	stores_documents rsyslog rsyslog-elasticsearch.conf
}

@test "syslog-ng stores an event that it sends twice once in Elasticsearch" {
	need syslog-ng
	stores_documents syslog-ng syslog-ng-elasticsearch.conf
}

@test "Fluent Bit stores an event that it sends twice once in Elasticsearch" {
	need fluent-bit
	stores_documents fluent-bit fluent-bit.yaml
}

@test "Fluent Bit that follows a file stores an event that it sends twice once in Elasticsearch" {
	need fluent-bit-file
	stores_documents fluent-bit-file fluent-bit-file.yaml
}

@test "Vector stores an event that it sends twice once in Elasticsearch" {
	need vector
	stores_documents vector vector.yaml
}

@test "Vector that follows a file stores an event that it sends twice once in Elasticsearch" {
	need vector-file
	stores_documents vector-file vector-file.yaml
}

@test "jq takes every line from a pipe as it comes, and makes of each what another JSON reader does" {
	need jq
	observe
	mkfifo "$place/pipe"
	stored=$place/stored
	jq -c . <"$place/pipe" >"$stored" 2>"$place/faults" 3>&- &
	held+=("$!")
	local jq=$! count
	log=$place/log
	"$exectap" >"$place/pipe" 2>"$log" 3>&- &
	exectap_pid=$!
	held+=("$exectap_pid")
	poll watching
	count=$(execute_hostile | wc -l)
	"$helpers/storm" 2 1500 "$marker" "$helpers/noop"
	stop "$exectap_pid" "$reference_pid"
	wait "$jq"
	[ ! -s "$place/faults" ]
	[ "$(stored_numbers | wc -l)" = $((3000 + count)) ]
	same marked_documents
	python3 - "$stored" "$reference" "$marker" <<'END'
import json, sys
def arguments(path):
    with open(path, encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    return sorted(e["args"] for e in events if e["type"] == "exec" and e["exe"].endswith("/noop") and e["args"][1].startswith(sys.argv[3] + "-"))
assert arguments(sys.argv[1]) == arguments(sys.argv[2])
END
}

# socat_stores DESTINATION ADDRESS...: checks that socat from these addresses to a file stores every line byte for
# byte
socat_stores() {
	local destination=$1 count socat
	shift
	observe
	case $destination in
	unix-listen:*)
		start_exectap_to "$destination"
		socat "$@" "OPEN:$stored,creat,append,perm=0600" 3>&- &
		;;
	*)
		socat "$@" "OPEN:$stored,creat,append,perm=0600" 3>&- &
		held+=("$!")
		poll test -S "$place/socket"
		start_exectap_to "$destination"
		;;
	esac
	socat=$!
	held+=("$socat")
	count=$(execute_hostile | wc -l)
	"$helpers/storm" 2 1500 "$marker" "$helpers/noop"
	poll has_stored $((3000 + count))
	stop "$exectap_pid" "$reference_pid"
	[ "$(stored_numbers | wc -l)" = $((3000 + count)) ]
	lines_are_whole
	same marked_bytes
}

@test "socat that listens gets every line, byte by byte" {
	need socat
	stored=$place/stored
	socat_stores "unix:$place/socket" -u "UNIX-LISTEN:$place/socket,fork"
}

@test "socat that connects gets every line, byte by byte" {
	need socat
	stored=$place/stored
	socat_stores "unix-listen:$place/socket" -u "UNIX-CONNECT:$place/socket"
}

@test "socat that takes datagrams gets every line, byte by byte" {
	need socat
	stored=$place/stored
	socat_stores "unixgram:$place/socket" -u -b 65536 "UNIX-RECV:$place/socket"
}

@test "Fluent Bit follows the file through logrotate's rotations, and misses nothing" {
	local round storm
	need fluent-bit-file
	start_bulk 0
	start_shipper fluent-bit-file fluent-bit-file.yaml
	start_exectap_to "$output" --format ecs
	cat >"$place/rotate.conf" <<END
$place/exec.jsonl {
	rotate 9
	nocreate
	su root root
	postrotate
		kill -HUP $exectap_pid
	endscript
}
END
	chmod 700 "$BATS_TEST_TMPDIR" "$place"
	"$helpers/storm" -r 400 1 4000 "$marker" "$helpers/noop" 3>&- >/dev/null &
	storm=$!
	held+=("$storm")
	for round in 1 2 3; do
		poll has_stored $((round * 1000))
		[ "$round" != 2 ] || stop_shipper
		logrotate -f -s "$place/state" "$place/rotate.conf"
		[ "$round" != 2 ] || start_shipper fluent-bit-file fluent-bit-file.yaml
	done
	wait "$storm"
	poll has_stored 4000
	stop "$exectap_pid"
	[ "$(stored_numbers | sort -u | wc -l)" = 4000 ]
}

# stores_over_tls NAME FILE: checks that the variant for TLS stores, with credentials from the environment, and that it
# stores nothing for a server with another certificate.
stores_over_tls() {
	local tls=yes right
	for right in other store; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=store \
			-addext subjectAltName=IP:127.0.0.1 -keyout "$place/$right.key" -out "$place/$right.crt" 2>/dev/null
	done
	cat "$place/store.key" "$place/store.crt" >"$place/both.pem"
	export EXECTAP_STORE_HOST=127.0.0.1 EXECTAP_STORE_USER=exectap EXECTAP_STORE_PASSWORD=secret
	export BULK_CERTIFICATE=$place/both.pem EXECTAP_STORE_CA=$place/other.crt
	start_bulk 0
	start_shipper "$1" "$2"
	start_exectap_to "$output" --format ecs
	"$helpers/storm" 1 100 "$marker" "$helpers/noop"
	poll test -e "$stored.untrusted"
	[ ! -s "$stored" ]
	stop_shipper
	export EXECTAP_STORE_CA=$place/store.crt
	start_shipper "$1" "$2"
	patience_s=60 poll has_stored 100
	stop "$exectap_pid"
	stop_shipper
}

@test "rsyslog stores over TLS, with credentials from the environment" {
	need rsyslog
	stores_over_tls rsyslog rsyslog-elasticsearch.conf
}

@test "syslog-ng stores over TLS, with credentials from the environment" {
	need syslog-ng
	stores_over_tls syslog-ng syslog-ng-elasticsearch.conf
}

@test "Fluent Bit stores over TLS, with credentials from the environment" {
	need fluent-bit
	stores_over_tls fluent-bit fluent-bit.yaml
}

@test "Vector stores over TLS, with credentials from the environment" {
	need vector-file
	export VECTOR_DANGEROUSLY_ALLOW_ENV_VAR_INTERPOLATION=true
	stores_over_tls vector-file vector-file.yaml
}

@test "rsyslog finds no fault with its configurations" {
	local file
	need rsyslog
	for file in rsyslog.conf rsyslog-elasticsearch.conf; do
		shipper_config "$file" >"$place/$file"
		if "$rsyslogd" -N1 -f "$place/$file" 2>&1 | grep -vE 'config validation run|^$'; then return 1; fi
	done
}

@test "syslog-ng finds no fault with its configurations" {
	local file
	need syslog-ng
	for file in syslog-ng.conf syslog-ng-elasticsearch.conf; do
		shipper_config "$file" >"$place/$file"
		if "$syslog_ng" -s -f "$place/$file" 2>&1 | grep .; then return 1; fi
	done
}

@test "the other configurations are what their formats allow, and set what matters" {
	python3 -c 'import yaml' 2>/dev/null || PATH=/usr/bin:$PATH
	python3 -c 'import yaml' || skip "python3 has no yaml"
	python3 - "$shippers" <<'END'
import configparser, pathlib, sys, yaml
folder = pathlib.Path(sys.argv[1])
log = "/var/log/exectap/exec.jsonl"
load = lambda name: yaml.safe_load((folder / name).read_text())

for name in "fluent-bit.yaml", "fluent-bit-file.yaml":
    fluent_bit = load(name)
    input, = fluent_bit["pipeline"]["inputs"]
    es, = fluent_bit["pipeline"]["outputs"]
    assert input["storage.type"] == "filesystem" and fluent_bit["service"]["storage.path"]
    assert es["id_key"] == "$event['id']" and es["retry_limit"] == "no_limits" and es["write_operation"] == "index"
    parser, = fluent_bit["parsers"]
    assert parser["name"] == input["parser"] and parser["time_key"] == "@timestamp" != es["time_key"] and parser["time_keep"]
assert input["path"] == log + "*" and input["db"] and input["skip_long_lines"]

vector = {name: load(name) for name in ("vector.yaml", "vector-file.yaml", "vector-kafka.yaml")}
source = vector["vector.yaml"]["sources"]["exectap"]
assert source["path"] == "/run/exectap/vector.sock" and source["mode"] == "unix_stream"
for name, config in vector.items():
    sink, = config["sinks"].values()
    assert sink["inputs"] == ["exectap_event"] and config["transforms"]["exectap_event"]["inputs"] == ["exectap"]
    assert sink.get("id_key", sink.get("key_field")) == "exectap_id" and sink["buffer"]["when_full"] == "block"
    assert sink.get("acknowledgements", {}).get("enabled") or name == "vector.yaml"
    assert sink["type"] == "kafka" or sink["bulk"]["action"] == "create" and sink["request_retry_partial"]

filebeat = load("filebeat.yml")
stream, = filebeat["filebeat.inputs"]
ndjson = stream["parsers"][0]["ndjson"]
assert stream["type"] == "filestream" and stream["paths"] == [log + "*"]
assert ndjson["document_id"] == "event.id" and ndjson["target"] == "" and ndjson["overwrite_keys"]

for name in "otel-collector-kafka.yaml", "otel-collector.yaml":
    otel = load(name)
    pipeline = otel["service"]["pipelines"]["logs"]
    assert all(name in otel["receivers"] for name in pipeline["receivers"]) and all(name in otel["exporters"] for name in pipeline["exporters"])
    receiver = otel["receivers"]["file_log"]
    assert receiver["include"] == [log + "*"] and receiver["storage"] in otel["extensions"] and receiver["start_at"] == "beginning"
    exporter, = otel["exporters"].values()
    assert exporter["sending_queue"]["storage"] in otel["extensions"] and exporter["sending_queue"]["block_on_overflow"]
assert receiver["operators"][0]["timestamp"]["parse_from"] == 'body["@timestamp"]' and receiver["operators"][0]["parse_ints"]
assert receiver["operators"][1]["from"] == "body.event.id" and receiver["operators"][1]["to"] == 'attributes["elasticsearch.document_id"]'
assert otel["exporters"]["elasticsearch"]["logs_dynamic_id"]["enabled"]

inputs, props = configparser.ConfigParser(delimiters="="), configparser.ConfigParser(delimiters="=", interpolation=None)
inputs.read(folder / "splunk-inputs.conf")
props.read(folder / "splunk-props.conf")
monitor = inputs["monitor://" + log + "*"]
assert int(props[monitor["sourcetype"]]["TRUNCATE"]) > 15360 and props["exectap"]["TIME_PREFIX"] == '^\\{"timestamp":"'

alloy, logstash = (folder / "config.alloy").read_text(), (folder / "logstash.conf").read_text()
for text in alloy, logstash:
    assert all(text.count(a) == text.count(b) for a, b in ("{}", "[]", "()"))
assert log in alloy and 'format            = "RFC3339Nano"' in alloy
assert "/run/exectap/exec.sock" in logstash and 'document_id => "%{[event][id]}"' in logstash
END
}

@test "the table of shippers names every configuration, and each with its socket or file" {
	local file destination
	for file in "$shippers"/*; do
		[ "$file" = "$shippers/README.md" ] || grep -q "]($(basename "$file"))" "$shippers/README.md"
	done
	while IFS='|' read -r _ _ file destination _; do
		destination=$(grep -o '`[a-z-]*:[^`]*`' <<<"$destination" | tr -d '`')
		for file in $(grep -o '([^)]*)' <<<"$file" | tr -d '()'); do
			[ "$file" = splunk-props.conf ] || grep -qF -- "$destination" "$shippers/$file"
			[ "$file" = splunk-props.conf ] || grep -v '^\(#\|//\)' "$shippers/$file" | grep -qF -- "${destination#*:}"
			grep -qE '^(#|//) (.*[.] )?(Not run here|Run with)' "$shippers/$file" || [ "$file" = splunk-props.conf ]
		done
	done < <(grep '^| .*](' "$shippers/README.md")
}
