#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Files and sockets as outputs, and their temporary unavailability.

load lib

# Starts exectap with --output $1 and further options; diagnostics go to $log.
start_with_output() {
	: >"$log"
	"$exectap" --output "$@" 2>"$log" 3>&- >/dev/null &
	exectap_pid=$!
	poll watching
}

# reader TYPE PATH FILE [SECONDS_BEFORE_READING]: listens on a socket and appends the messages to FILE, one connection
# after the other. Sets $reader to its pid.
reader() {
	python3 - "$@" 3>&- <<'END' &
import os, socket, sys
kind, path, file = sys.argv[1:4]
address = "\0" + path[1:] if path.startswith("@") else path
if not path.startswith("@") and os.path.exists(path):
    os.unlink(path)
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if kind == "stream" else socket.SOCK_DGRAM)
listener.bind(address)
out = open(file, "ab", buffering=0)
if kind == "stream":
    listener.listen(1)
    while True:
        connection, _ = listener.accept()
        while data := connection.recv(65536):
            out.write(data)
else:
    while True:
        message = listener.recv(1 << 22)
        assert message.endswith(b"\n") and message.count(b"\n") == 1, message
        out.write(message)
END
	reader=$!
	held+=("$reader")
	poll is_bound "$2"
}

is_bound() {
	grep -qF " $1" /proc/net/unix
}

storm_lines() {
	jq -r '.args[1] // ""' "$lines" 2>/dev/null | grep "^$marker-"
}

have_storm_lines() {
	[ "$(storm_lines | wc -l)" -ge "$1" ]
}

@test "file: appends whole lines to a file that only root may read" {
	rm -f "$lines"
	start_with_output "file:$lines"
	"$helpers/storm" 1 500 "$marker" "$helpers/noop"
	stop_exectap
	[ "$(storm_lines | wc -l)" = 500 ]
	[ "$(stat -c %a "$lines")" = 600 ]
	start_with_output "file:$lines"
	"$helpers/storm" 1 500 "$marker-again" "$helpers/noop"
	stop_exectap
	[ "$(storm_lines | sort -u | wc -l)" = 1000 ]
	jq -e . "$lines" >/dev/null
}

@test "file: is not reached through a symbolic link, and says what is wrong" {
	local status=0
	ln -s "$lines" "$BATS_TEST_TMPDIR/link"
	"$exectap" -o "file:$BATS_TEST_TMPDIR/link" 2>"$log" 3>&- || status=$?
	[ "$status" = 1 ]
	grep -q 'symbolic' "$log"
	[ ! -e "$lines" ]
	status=0
	"$exectap" -o "file:$BATS_TEST_TMPDIR/no/such/dir" 2>"$log" 3>&- || status=$?
	[ "$status" = 1 ]
	grep -q 'No such file' "$log"
}

# tail_becomes TAIL START: starts exectap with a file that ends with TAIL. Fails unless the file then starts with
# START and continues with complete lines.
tail_becomes() {
	printf '{"whole":1}\n%s' "$1" >"$lines"
	start_with_output "file:$lines"
	"$helpers/noop" "$marker"
	poll grep -q "$marker" "$lines"
	stop_exectap
	printf '{"whole":1}\n%s' "$2" >"$BATS_TEST_TMPDIR/start"
	cmp -n "$(stat -c %s "$BATS_TEST_TMPDIR/start")" "$BATS_TEST_TMPDIR/start" "$lines"
	tail -c "+$(($(stat -c %s "$BATS_TEST_TMPDIR/start") + 1))" "$lines" >"$BATS_TEST_TMPDIR/rest"
	mv "$BATS_TEST_TMPDIR/rest" "$lines"
	head -c 14 "$lines" | grep -q '^{"timestamp":"'
	jq -e . "$lines" >/dev/null
}

@test "file: an unfinished last line of someone else is ended first" {
	tail_becomes '{"torn":' $'{"torn":\n'
	tail_becomes 'some text' $'some text\n'
	[ "$(wc -l <"$log")" = 1 ]
}

@test "file: an unfinished last line of its own is taken out, and said, unless its newline is all that it lacks" {
	local tail long
	long=$(head -c 100000 /dev/zero | tr '\0' x)
	for tail in '{' '{"timest' '{"timestamp":"2026-11-22T17:14:56.2' '{"@timestamp":"2026-11-22T17:14:56.2","a":{}' \
		'{"time":17,"a":"}' '{"time":17,"a":"\"}}' "{\"timestamp\":\"$long"; do
		tail_becomes "$tail" ''
		grep -q "these ${#tail} bytes are taken out" "$log"
	done
	for tail in '{"timestamp":"2026","a":{"b":"}\\"}}' "{\"timestamp\":\"$long\"}"; do
		tail_becomes "$tail" "$tail"$'\n'
		[ "$(wc -l <"$log")" = 1 ]
	done
}

@test "SIGHUP goes on in a new file, and between the two nothing is lost" {
	local round storm
	rm -f "$lines"
	start_with_output "file:$lines"
	"$helpers/storm" 1 6000 "$marker" "$helpers/noop" 3>&- >/dev/null &
	storm=$! # poll changes $!
	for round in 1 2 3 4 5; do
		poll test -s "$lines"
		mv "$lines" "$BATS_TEST_TMPDIR/lines.$round"
		kill -HUP "$exectap_pid"
		poll test -e "$lines"
	done
	wait "$storm"
	stop_exectap
	cat "$BATS_TEST_TMPDIR"/lines.? "$lines" >"$BATS_TEST_TMPDIR/all"
	mv "$BATS_TEST_TMPDIR/all" "$lines"
	[ "$(storm_lines | wc -l)" = 6000 ]
	[ "$(storm_lines | sort -u | wc -l)" = 6000 ]
}

@test "logrotate loses nothing either" {
	command -v logrotate >/dev/null || skip "no logrotate"
	rm -f "$lines"
	start_with_output "file:$lines"
	cat >"$BATS_TEST_TMPDIR/rotate.conf" <<END
$lines {
	rotate 9
	nocreate
	su root root
	postrotate
		kill -HUP $exectap_pid
	endscript
}
END
	chmod 600 "$BATS_TEST_TMPDIR/rotate.conf"
	"$helpers/storm" 1 5000 "$marker" "$helpers/noop" 3>&- >/dev/null &
	local storm=$! round
	for round in 1 2 3; do
		poll test -s "$lines"
		logrotate -f -s "$BATS_TEST_TMPDIR/state" "$BATS_TEST_TMPDIR/rotate.conf"
	done
	wait $storm
	poll test -e "$lines"
	stop_exectap
	cat "$lines".? "$lines" >"$BATS_TEST_TMPDIR/all"
	mv "$BATS_TEST_TMPDIR/all" "$lines"
	[ "$(storm_lines | sort -u | wc -l)" = 5000 ]
	[ "$(storm_lines | wc -l)" = 5000 ]
}

@test "a full file system is waited out, and every line is whole afterwards" {
	local place=$BATS_TEST_TMPDIR/small
	mkdir "$place"
	mount -t tmpfs -o size=256k tmpfs "$place"
	start_with_output "file:$place/lines"
	"$helpers/storm" 1 1500 "$marker" "$helpers/noop"
	poll grep -q 'No space left on device' "$log"
	mount -o remount,size=64m "$place"
	poll grep -q 'goes on' "$log"
	stop_exectap
	cp "$place/lines" "$lines"
	umount "$place"
	[ "$(storm_lines | wc -l)" = 1500 ]
	[ "$(grep -c 'No space left' "$log")" = 1 ]
	jq -e . "$lines" >/dev/null
}

@test "unix: starts before its reader does, and says so once" {
	start_with_output "unix:$BATS_TEST_TMPDIR/socket"
	poll grep -q 'trying again' "$log"
	"$helpers/storm" 1 700 "$marker" "$helpers/noop"
	reader stream "$BATS_TEST_TMPDIR/socket" "$lines"
	poll have_storm_lines 700
	grep -q ': connected' "$log"
	[ "$(grep -c 'trying again' "$log")" = 1 ]
	stop_exectap
	[ "$(storm_lines | wc -l)" = 700 ]
}

@test "unix: connects again when its reader restarts, with nothing lost that was not delivered" {
	local round
	reader stream "$BATS_TEST_TMPDIR/socket" "$lines"
	start_with_output "unix:$BATS_TEST_TMPDIR/socket"
	for round in 1 2 3; do
		"$helpers/storm" 1 300 "$marker-$round" "$helpers/noop"
		poll have_storm_lines $((round * 300 * 2 - 300))
		kill -KILL "$reader"
		wait "$reader" 2>/dev/null || true
		"$helpers/storm" 1 300 "$marker-without-$round" "$helpers/noop"
		reader stream "$BATS_TEST_TMPDIR/socket" "$lines"
		poll have_storm_lines $((round * 600))
	done
	stop_exectap
	[ "$(storm_lines | sort -u | wc -l)" = 1800 ]
	[ "$(storm_lines | wc -l)" = 1800 ]
	jq -e . "$lines" >/dev/null
}

@test "unix: what a reader dies without having read goes to the next one" {
	reader stream "$BATS_TEST_TMPDIR/socket" "$lines"
	start_with_output "unix:$BATS_TEST_TMPDIR/socket"
	"$helpers/storm" 1 100 "$marker-read" "$helpers/noop"
	poll have_storm_lines 100
	kill -STOP "$reader"
	"$helpers/storm" 1 50 "$marker-few" "$helpers/noop"
	poll unread_by "$BATS_TEST_TMPDIR/socket" 20000
	kill -KILL "$reader"
	wait "$reader" 2>/dev/null || true
	reader stream "$BATS_TEST_TMPDIR/socket" "$lines" # it gets the lines without a further exec
	poll have_storm_lines 150
	kill -STOP "$reader"
	"$helpers/storm" 1 4000 "$marker-many" "$helpers/noop" # more than a socket holds
	kill -KILL "$reader"
	wait "$reader" 2>/dev/null || true
	reader stream "$BATS_TEST_TMPDIR/socket" "$lines"
	poll have_storm_lines 4150
	stop_exectap
	[ "$(storm_lines | sort -u | wc -l)" = 4150 ]
	jq -es 'unique_by(.seq) | [.[].seq] == [range(length)]' "$lines"
	jq -es 'map({event_id, seq}) | unique | (map(.event_id) | unique | length) == length' "$lines"
}

# unread_by SOCKET BYTES: returns 0 if that many bytes wait in a connection that the reader accepted
unread_by() {
	ss -xH src "$1" | awk -v least="$2" '$3 >= least { found = 1 } END { exit !found }'
}

@test "unix: a reader that stands still holds exectap up, and then gets everything" {
	local resident
	reader stream "$BATS_TEST_TMPDIR/socket" "$lines"
	start_with_output "unix:$BATS_TEST_TMPDIR/socket"
	kill -STOP "$reader"
	"$helpers/storm" 1 4000 "$marker" "$helpers/noop"
	resident=$(awk '/^RssAnon/ { print $2 }' "/proc/$exectap_pid/status")
	"$helpers/storm" 1 4000 "$marker-more" "$helpers/noop"
	[ "$(awk '/^RssAnon/ { print $2 }' "/proc/$exectap_pid/status")" -le $((resident + 64)) ]
	kill -CONT "$reader"
	poll have_storm_lines 8000
	stop_exectap
	[ "$(storm_lines | sort -u | wc -l)" = 8000 ]
}

@test "unix: reaches abstract sockets" {
	reader stream "@$marker" "$lines"
	start_with_output "unix:@$marker"
	"$helpers/storm" 1 50 "$marker" "$helpers/noop"
	poll have_storm_lines 50
	stop_exectap
}

@test "unixgram: sends one line a datagram, and cuts what no datagram can hold" {
	reader datagram "$BATS_TEST_TMPDIR/socket" "$lines"
	start_with_output "unixgram:$BATS_TEST_TMPDIR/socket" --max-line 64M --buffer 64M
	"$helpers/storm" 1 300 "$marker" "$helpers/noop"
	poll have_storm_lines 300
	python3 -c 'import os, sys; os.execv(sys.argv[1], ["noop", sys.argv[2]] + ["x" * 100000] * 15)' "$helpers/noop" "$marker-long"
	poll have_storm_lines 301
	stop_exectap
	line=$(grep -- "$marker-long" "$lines" | jq -c 'select(.exe | endswith("/noop"))')
	expect argc 17
	# the maximum size of a datagram depends on net.core.wmem_max
	if [ "$(grep -o 'up to [0-9]*' "$log" | cut -d ' ' -f 3)" -lt 1500000 ]; then
		expect 'truncated | tojson' '["args"]'
	else
		expect 'args | map(length) | add' $((15 * 100000 + 4 + ${#marker} + 5))
	fi
}

@test "the other type of socket is named" {
	local status=0
	reader datagram "$BATS_TEST_TMPDIR/socket" "$lines"
	"$exectap" -o "unix:$BATS_TEST_TMPDIR/socket" 2>"$log" 3>&- || status=$?
	[ "$status" = 1 ]
	grep -q "give unixgram:$BATS_TEST_TMPDIR/socket" "$log"
}

@test "the end does not wait for a reader that is not there, and says what that means" {
	local status=0
	start_with_output "unix:$BATS_TEST_TMPDIR/socket"
	"$helpers/noop" "$marker"
	kill -TERM "$exectap_pid"
	wait "$exectap_pid" || status=$?
	exectap_pid=
	[ "$status" = 1 ]
	grep -q 'last lines are dropped' "$log"
}
