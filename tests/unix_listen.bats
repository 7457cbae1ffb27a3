#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# unix-listen: any number of clients, none of which affects another.

load lib

setup_socket() {
	socket=$BATS_TEST_TMPDIR/socket
}

start_listening() {
	setup_socket
	: >"$log"
	"$exectap" --output "unix-listen:$socket" "$@" 2>"$log" 3>&- >/dev/null &
	exectap_pid=$!
	poll watching
}

# client FILE [HOW]: starts a client in the background that writes the received lines to FILE. HOW is "garbage" (sends
# bytes as well) or "midline" (closes in the middle of its second line). Returns when it is connected; sets $client to
# its pid.
client() {
	rm -f "$1.connected"
	python3 - "$socket" "$1" "${2:-reads}" 3>&- <<'END' &
import socket, sys
path, file, how = sys.argv[1:4]
connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
connection.connect(path)
out = open(file, "ab", buffering=0)
open(file + ".connected", "w").close()
if how == "garbage":
    connection.setblocking(False)
    try:
        while True:
            connection.send(b"\0garbage\n" * 1000)
    except BlockingIOError:
        connection.setblocking(True)
got = b""
while data := connection.recv(100 if how == "midline" else 65536):
    out.write(data)
    got += data if how == "midline" else b""
    if got.count(b"\n") >= 1 and not got.endswith(b"\n"):
        break
END
	client=$!
	held+=("$client")
	poll test -e "$1.connected"
}

# readers COUNT FOLDER: one process that connects COUNT times; each connection's lines go to FOLDER/reader.NUMBER, from
# 1 on. Returns when all are connected.
readers() {
	python3 - "$socket" "$@" 3>&- <<'END' &
import selectors, socket, sys
path, count, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
selector = selectors.DefaultSelector()
for number in range(1, count + 1):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    selector.register(connection, selectors.EVENT_READ, open(f"{folder}/reader.{number}", "wb", buffering=0))
open(f"{folder}/connected", "w").close()
while selector.get_map():
    for key, _ in selector.select():
        data = key.fileobj.recv(65536)
        if data:
            key.data.write(data)
        else:
            selector.unregister(key.fileobj)
END
	held+=("$!")
	poll test -e "$2/connected"
}

lines_of() {
	jq -r '.args[1] // ""' "$1" 2>/dev/null | grep "^$marker-"
}

has_lines() {
	[ "$(lines_of "$1" | wc -l)" -ge "$2" ]
}

@test "64 clients: one stalls, one closes in mid-line, one sends garbage, the others get every line" {
	local number stalled
	# limits the copies of other programs' lines to 64 clients
	start_listening --only "args=$marker*" --metrics "$BATS_TEST_TMPDIR/metrics"
	readers 61 "$BATS_TEST_TMPDIR"
	client "$BATS_TEST_TMPDIR/garbage" garbage
	client "$BATS_TEST_TMPDIR/midline" midline
	client "$BATS_TEST_TMPDIR/stalled"
	stalled=$client
	kill -STOP "$stalled"
	"$helpers/storm" 1 2000 "$marker" "$helpers/noop"
	poll has_lines "$BATS_TEST_TMPDIR/reader.1" 2000
	[ "$(lines_of "$BATS_TEST_TMPDIR/reader.1" | sort -u | wc -l)" = 2000 ]
	for number in $(seq 2 61); do
		poll cmp -s "$BATS_TEST_TMPDIR/reader.1" "$BATS_TEST_TMPDIR/reader.$number"
	done
	poll has_lines "$BATS_TEST_TMPDIR/garbage" 2000
	kill -CONT "$stalled"
	# it continues, gets the count of missed lines, and the lines that follow
	poll has_lines "$BATS_TEST_TMPDIR/stalled" 100
	marker=$marker-after
	poll lost_is_reported
	stop_exectap
	[ "$(awk '$1 == "exectap_client_lost_lines_total" { print $2 }' "$BATS_TEST_TMPDIR/metrics")" = \
		"$(jq -s 'map(select(.type == "lost") | .count) | add' "$BATS_TEST_TMPDIR/stalled")" ]
	lines=$BATS_TEST_TMPDIR/reader.1
}

# Executes a program, and returns 0 if the client that had stalled got it after a lost line.
lost_is_reported() {
	"$helpers/storm" 1 1 "$marker" "$helpers/noop" >/dev/null
	has_lines "$BATS_TEST_TMPDIR/stalled" 1 || return 1
	jq -s -e '
		(map(select(.type == "lost")) | length == 1 and .[0].reason == "reader_stalled" and .[0].count > 0) and
		([range(1; length) as $i | (.[$i].seq - .[$i - 1].seq) | select(. != 1)] | length == 1) and
		(. as $all | (map(.type) | index("lost")) as $i | ($all[$i].seq - $all[$i - 1].seq) == $all[$i].count)
	' "$BATS_TEST_TMPDIR/stalled"
}

@test "without a reader lines wait, and the first one gets them" {
	start_listening
	"$helpers/storm" 1 300 "$marker" "$helpers/noop"
	client "$lines"
	poll has_lines "$lines" 300
	[ "$(lines_of "$lines" | sort -u | wc -l)" = 300 ]
	stop_exectap
}

@test "the socket has the mode and group asked for, and is gone afterwards" {
	start_listening
	[ "$(stat -c '%a %F' "$socket")" = "600 socket" ]
	stop_exectap
	[ ! -e "$socket" ]
	start_listening --socket-mode 0660 --socket-group daemon
	[ "$(stat -c '%a %G' "$socket")" = "660 daemon" ]
	stop_exectap
	[ ! -e "$socket" ]
}

@test "the socket gets its mode when it is bound: no path is followed to change it" {
	# EPERM for chmod(2), fchmodat(2) and fchmodat2(2)
	printf '#!/bin/bash\nexec %q 90 -1 1 %q 268 -1 1 %q 452 -1 1 %q "$@"\n' "$helpers/refuse" "$helpers/refuse" \
		"$helpers/refuse" "$exectap" >"$BATS_TEST_TMPDIR/refused"
	[ "$(uname -m)" = x86_64 ] || skip "the numbers are those of x86-64"
	chmod 755 "$BATS_TEST_TMPDIR/refused"
	exectap=$BATS_TEST_TMPDIR/refused start_listening --socket-mode 0620
	[ "$(stat -c %a "$socket")" = 620 ]
	stop_exectap
}

@test "lines that no client has taken are counted at the end, and only those" {
	# the storm itself has the marker among its arguments
	start_listening --only "args=$marker*"
	"$helpers/storm" 1 300 "$marker" "$helpers/noop"
	stop_exectap
	grep -q 'last lines are dropped, 301: no client is connected' "$log"
	start_listening --only "args=$marker*"
	"$helpers/storm" 1 300 "$marker" "$helpers/noop"
	client "$lines"
	poll has_lines "$lines" 300
	stop_exectap
	[ "$(wc -l <"$log")" = 1 ]
}

@test "lines that only a dead client had are counted at the end" {
	start_listening --only "args=$marker*"
	connect_and stay
	"$helpers/storm" 1 300 "$marker" "$helpers/noop" # more than a socket holds
	kill -KILL "$client"
	wait "$client" 2>/dev/null || true
	stop_exectap
	grep -q 'last lines are dropped, 301: no client is connected' "$log"
}

# refuses REASON: fails unless exectap does not start and prints the reason
refuses() {
	local status=0
	"$exectap" --output "unix-listen:$socket" "${@:2}" 2>"$log" 3>&- || status=$?
	cat "$log"
	[ "$status" = "$expected_status" ]
	grep -q "$1" "$log"
}

@test "a socket that a dead process left is replaced; a live one, and what is no socket, is left alone" {
	setup_socket
	expected_status=1
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$socket"
	[ -S "$socket" ]
	start_listening
	refuses 'Address already in use'
	[ -S "$socket" ]
	stop_exectap
	echo precious >"$socket"
	refuses 'File exists, and is no socket; choose another path'
	[ "$(cat "$socket")" = precious ]
	mv "$socket" "$socket.real"
	ln -s "$socket.real" "$socket"
	refuses 'File exists, and is no socket; choose another path'
	[ "$(cat "$socket.real")" = precious ]
	rm "$socket"
	expected_status=2
	refuses 'invalid --socket-mode' --socket-mode 9
	refuses 'invalid --socket-group' --socket-group no-such-group-here
}

@test "abstract sockets serve as well" {
	start_listening
	stop_exectap
	: >"$log"
	"$exectap" --output "unix-listen:@$marker" 2>"$log" 3>&- >/dev/null &
	exectap_pid=$!
	poll watching
	python3 - "$marker" "$helpers/noop" >"$lines" 3>&- <<'END'
import socket, subprocess, sys
connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
connection.connect("\0" + sys.argv[1])
subprocess.run([sys.argv[2], sys.argv[1] + "-0"])
got = b""
while sys.argv[1].encode() + b'-0"' not in got or not got.endswith(b"\n"):
    got += connection.recv(65536)
sys.stdout.buffer.write(got)
END
	stop_exectap
	has_lines "$lines" 1
}

# connect_and WHAT [COUNT]: a client in the background that connects COUNT times and reads nothing: "close"s at once or
# "stay"s. Returns when all are connected; leaves its pid in $client.
connect_and() {
	rm -f "$BATS_TEST_TMPDIR/idle.connected"
	python3 - "$socket" "$BATS_TEST_TMPDIR/idle.connected" "$1" "${2:-1}" 3>&- <<'END' &
import socket, sys, time
path, connected, what, count = sys.argv[1:]
held = []
for _ in range(int(count)):
    held.append(socket.socket(socket.AF_UNIX))
    held[-1].connect(path)
open(connected, "w").close()
if what == "stay":
    time.sleep(1000)
END
	client=$!
	held+=("$client")
	poll test -e "$BATS_TEST_TMPDIR/idle.connected"
}

@test "a client that connects and closes, or never reads, takes no line away from the next one" {
	start_listening --only "args=$marker*"
	"$helpers/storm" 1 1500 "$marker" "$helpers/noop"
	connect_and close
	connect_and stay
	"$helpers/storm" 1 1500 "$marker-more" "$helpers/noop"
	kill "$client"
	client "$lines"
	poll has_lines "$lines" 3000
	[ "$(lines_of "$lines" | sort -u | wc -l)" = 3000 ]
	jq -es 'map(select(.type == "lost")) == []' "$lines"
	stop_exectap
}

@test "a slow client that goes on reading gets every line" {
	start_listening --only "args=$marker*"
	python3 - "$socket" "$lines" 3>&- <<'END' &
import json, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
with open(sys.argv[2], "w", buffering=1) as out:
    for line in connection.makefile():
        for _ in range(20):
            json.loads(line)
        out.write(line)
END
	held+=($!)
	"$helpers/storm" 1 6000 "$marker" "$helpers/noop"
	patience_s=60 poll has_lines "$lines" 6000
	[ "$(lines_of "$lines" | sort -u | wc -l)" = 6000 ]
	jq -es 'map(select(.type == "lost")) == []' "$lines"
	stop_exectap
}

@test "a client that has stalled gets its lost line as soon as it reads, without another event" {
	local stalled
	start_listening --only "args=$marker*"
	client "$BATS_TEST_TMPDIR/stalled"
	stalled=$client
	kill -STOP "$stalled"
	client "$lines"
	"$helpers/storm" 1 4000 "$marker" "$helpers/noop"
	poll has_lines "$lines" 4000
	kill -CONT "$stalled"
	poll has_last_line "$BATS_TEST_TMPDIR/stalled"
	jq -es '(map(select(.type == "lost")) | length == 1 and .[0].reason == "reader_stalled") and
		(map(select(.type == "lost") | .count) | add) + (map(select(.type == "exec")) | length) >= 4000' "$BATS_TEST_TMPDIR/stalled"
	lost_times_hold "$BATS_TEST_TMPDIR/stalled" "$lines"
}

# lost_times_hold STALLED WHOLE: the lost line's interval begins with the first lost line, at most 100 lines earlier,
# and ends after the last one. A tenth of a second is left for a clock that is set.
lost_times_hold() {
	jq -nes --slurpfile whole "$2" --slurpfile stalled "$1" '
		def seconds: (.[:19] + "Z" | fromdate) + ("0" + .[19:29] | tonumber);
		($stalled | map(select(.type == "lost"))[0]) as $lost | ($lost.seq - $lost.count + 1) as $first |
		($whole | map({key: "\(.seq)", value: (.timestamp | seconds)}) | from_entries) as $times |
		($lost.from | seconds) as $from |
		$from <= $times["\($first)"] + 0.1 and $from >= $times["\([$first - 100, 0] | max)"] - 0.1 and
		($lost.to | seconds) >= $times["\($lost.seq)"] - 0.1' || {
		jq -c 'select(.type == "lost")' "$1"
		return 1
	}
}

has_last_line() {
	lines_of "$1" | grep -q -- "-3999$"
}

@test "--max-clients refuses further ones, and says so once" {
	start_listening --max-clients 2 --only "args=$marker*"
	connect_and stay 10
	poll grep -q '2 clients are connected; others are refused' "$log"
	kill "$client"
	wait "$client" 2>/dev/null || true
	"$helpers/storm" 1 10 "$marker" "$helpers/noop"
	poll served
	[ "$(grep -c 'others are refused' "$log")" = 1 ]
}

# served: a new client gets all ten lines
served() {
	: >"$lines"
	timeout 2 python3 - "$socket" >"$lines" 3>&- <<'END' || true
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
got = b""
while got.count(b"\n") < 10:
    data = connection.recv(65536)
    if not data:
        break
    got += data
sys.stdout.buffer.write(got)
END
	[ "$(lines_of "$lines" | wc -l)" = 10 ]
}

@test "280 clients that never read cost a bounded memory, and one that reads gets every line" {
	start_listening --max-clients 300 --only "args=$marker*"
	connect_and stay 280
	client "$lines"
	"$helpers/storm" 2 6000 "$marker" "$helpers/noop"
	poll has_lines "$lines" 12000
	[ "$(lines_of "$lines" | sort -u | wc -l)" = 12000 ]
	# the unit's MemoryMax is 256 MiB
	[ "$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$exectap_pid/status")" -lt $((64 * 1024)) ]
	stop_within_10_s
}

# stop_within_10_s: ends exectap, which waits for clients that stall, at most 3 s
stop_within_10_s() {
	local end=$((SECONDS + 10))
	kill -TERM "$exectap_pid"
	wait "$exectap_pid" || true
	exectap_pid=
	[ "$SECONDS" -lt "$end" ]
}

@test "without descriptors it accepts none for a while, says so once and does not spin" {
	local ticks
	printf '#!/bin/bash\nulimit -n 60\nexec %q "$@"\n' "$exectap" >"$BATS_TEST_TMPDIR/limited"
	chmod 755 "$BATS_TEST_TMPDIR/limited"
	exectap=$BATS_TEST_TMPDIR/limited start_listening --max-clients 1000 --only "args=$marker*"
	connect_and stay 100
	poll grep -q 'cannot accept another client: Too many open files' "$log"
	ticks=$(awk '{ print $14 + $15 }' "/proc/$exectap_pid/stat")
	sleep 2
	[ $(($(awk '{ print $14 + $15 }' "/proc/$exectap_pid/stat") - ticks)) -lt 60 ]
	[ "$(grep -c 'Too many open files' "$log")" = 1 ]
	kill "$client"
	wait "$client" 2>/dev/null || true
	"$helpers/storm" 1 10 "$marker" "$helpers/noop"
	poll served
}

@test "of two that start at once on one path, one serves it and the other leaves it alone" {
	local round first second
	setup_socket
	for round in 1 2 3; do
		: >"$log.1"
		: >"$log.2"
		"$exectap" -o "unix-listen:$socket" 2>"$log.1" 3>&- >/dev/null &
		first=$!
		"$exectap" -o "unix-listen:$socket" 2>"$log.2" 3>&- >/dev/null &
		second=$!
		held+=("$first" "$second")
		poll grep -q 'Address already in use' "$log.1" "$log.2"
		poll grep -q 'watching' "$log.1" "$log.2"
		connect_and close
		kill_own TERM "$first" "$second"
		wait "$first" "$second" || true
		[ ! -e "$socket" ]
	done
}
