#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Messages to the service manager: sd_notify(3), sd_watchdog_enabled(3).

load lib

# manager ADDRESS: listens on a service manager's socket in the background. Writes each message as a line to
# $messages: its time in seconds, and its lines joined by spaces. On READY=1 it executes noop with "$marker-ready" at
# once.
manager() {
	messages=$BATS_TEST_TMPDIR/messages
	: >"$messages"
	python3 - "$1" "$messages" "$helpers/noop" "$marker-ready" 3>&- <<'END' &
import os, socket, subprocess, sys, time
address, file, noop, marker = sys.argv[1:]
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind("\0" + address[1:] if address.startswith("@") else address)
if not address.startswith("@"):
    os.chmod(address, 0o777)
out = open(file, "a", buffering=1)
while True:
    message = server.recv(4096).decode()
    if "READY=1" in message.split("\n"):
        subprocess.run([noop, marker])
    print(time.monotonic(), *message.split("\n"), file=out)
END
	held+=($!)
	poll is_bound "$1"
	export NOTIFY_SOCKET=$1
}

is_bound() {
	grep -qF " $1" /proc/net/unix
}

# said COUNT WORD: returns 0 if COUNT messages contain the word
said() {
	[ "$(grep -cF -- "$2" "$messages")" -ge "$1" ]
}

# has_marker SUFFIX: returns 0 if there is the line of noop with "$marker-SUFFIX". (The line of grep itself has a
# backslash before each quote.)
has_marker() {
	grep -qsF "/noop\",\"$marker-$1\"]" "$lines"
}

storm_lines() {
	grep -oE "/noop\",\"$marker-0-[0-9]+\"\]" "$lines" | sort
}

# every_line COUNT: fails unless each line of the storm is there once
every_line() {
	[ "$(storm_lines | wc -l)" = "$1" ]
	[ "$(storm_lines | uniq | wc -l)" = "$1" ]
}

@test "READY=1 comes when it watches: what is executed at that moment is in the stream" {
	local round
	for round in 1 2 3; do
		manager "$BATS_TEST_TMPDIR/notify.$round"
		start_exectap
		poll said 1 READY=1
		poll has_marker ready
		grep -q '^exectap: watching' "$log"
		stop_exectap
		[ "$(grep -c READY=1 "$messages")" = 1 ]
	done
}

@test "an abstract socket is reached as well, and by another user without capabilities too" {
	manager "@$marker"
	start_exectap
	poll said 1 READY=1
	stop_exectap
	manager "$BATS_TEST_TMPDIR/notify"
	open_folders
	start_exectap --user nobody
	poll said 1 READY=1
	stop_exectap
	poll said 1 STOPPING=1
}

# read_pipe: writes to $lines what comes from the pipe whose both ends are descriptor 4, and closes this. Sets $reader
# to the pid of the program that reads, which ends with exectap.
read_pipe() {
	exec 5<"$BATS_TEST_TMPDIR/pipe" # before 4 is closed, so that there always is a reader
	cat <&5 >"$lines" 3>&- 4>&- 5<&- &
	reader=$!
	held+=("$reader")
	exec 4>&- 5<&-
}

@test "STOPPING=1 comes once, when the end begins: while a stalled reader still holds it up" {
	manager "$BATS_TEST_TMPDIR/notify"
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	exec 4<>"$BATS_TEST_TMPDIR/pipe"
	: >"$log"
	"$exectap" >"$BATS_TEST_TMPDIR/pipe" 2>"$log" 3>&- 4>&- &
	exectap_pid=$!
	poll said 1 READY=1
	"$helpers/storm" 1 500 "$marker" "$helpers/noop" # more than a pipe holds
	! said 1 STOPPING=1 || return 1
	kill -TERM "$exectap_pid"
	poll said 1 STOPPING=1
	kill -0 "$exectap_pid"
	read_pipe
	wait "$exectap_pid"
	exectap_pid=
	[ "$(grep -c STOPPING=1 "$messages")" = 1 ]
	wait "$reader"
	has_marker 0-499
}

@test "STOPPING=1 also where the reader leaves" {
	manager "$BATS_TEST_TMPDIR/notify"
	timeout "$patience_s" bash -c '"$0" 2>"$1" | head -n 1' "$exectap" "$log" >"$lines" 3>&-
	poll said 1 STOPPING=1
}

# Pings come at half the requested interval on average: never sooner, and later only on a loaded machine. There the
# manager may be late for one too, above all for the first, since it executes noop before.
pings_are_in_time() {
	awk '/WATCHDOG=1/ { if (++n == 2) first = $1; last = $1 }
		END { mean = (last - first) / (n - 2); print n, mean; exit !(mean >= 0.07) }' "$messages"
}

@test "the watchdog hears from it at half the interval, with a status that is true" {
	manager "$BATS_TEST_TMPDIR/notify"
	WATCHDOG_USEC=200000 start_exectap --only "args=$marker-0-*"
	"$helpers/storm" 1 300 "$marker" "$helpers/noop"
	poll said 10 WATCHDOG=1
	poll said 2 'WATCHDOG=1 STATUS=watching: 300 written, 0 lost'
	pings_are_in_time
	stop_exectap
	every_line 300
	poll said 1 STOPPING=1
	# a stopped program does not serve the watchdog
	manager "$BATS_TEST_TMPDIR/notify.2"
	WATCHDOG_USEC=200000 start_exectap
	poll said 1 WATCHDOG=1
	kill -STOP "$exectap_pid"
	poll grep -q '^State:.*T' "/proc/$exectap_pid/status"
	"$helpers/idle" "$exectap_pid" 1 # one second
	[ "$(awk '/WATCHDOG=1/ { last = $1 } END { print last }' "$messages")" = "$(tail -n 1 "$messages" | cut -d ' ' -f 1)" ]
	local heard now
	heard=$(grep -c WATCHDOG=1 "$messages")
	"$helpers/idle" "$exectap_pid" 1
	now=$(grep -c WATCHDOG=1 "$messages")
	[ "$heard" = "$now" ]
	kill -CONT "$exectap_pid"
	poll said $((now + 3)) WATCHDOG=1
	stop_exectap
}

@test "a watchdog that is meant for another process, or is no number, is left alone" {
	local variables
	for variables in 'WATCHDOG_USEC=20000 WATCHDOG_PID=1' 'WATCHDOG_USEC=20000 WATCHDOG_PID=' WATCHDOG_USEC=often WATCHDOG_USEC=0 WATCHDOG_USEC=; do
		manager "$BATS_TEST_TMPDIR/notify.$RANDOM"
		: >"$lines"
		: >"$log"
		# shellcheck disable=SC2086
		env $variables "$exectap" --heartbeat 1 >"$lines" 2>"$log" 3>&- &
		exectap_pid=$!
		poll watching
		poll grep -q '"type":"stats"' "$lines" # a second has passed
		stop_exectap
		poll said 1 STOPPING=1
		! said 1 WATCHDOG=1 || return 1
	done
}

# Blocks the output and checks that the watchdog is still notified.
pings_while_stalled() {
	"$helpers/storm" 1 2000 "$marker" "$helpers/noop"
	poll said 3 'the output is blocked'
	grep -q '^exectap: watching' "$log"
	poll said $(($(grep -c WATCHDOG=1 "$messages") + 5)) WATCHDOG=1
}

@test "a reader of a pipe that stands still is no hang" {
	manager "$BATS_TEST_TMPDIR/notify"
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	exec 4<>"$BATS_TEST_TMPDIR/pipe"
	: >"$log"
	WATCHDOG_USEC=100000 "$exectap" --buffer 64M >"$BATS_TEST_TMPDIR/pipe" 2>"$log" 3>&- 4>&- &
	exectap_pid=$!
	poll watching
	pings_while_stalled
	read_pipe
	poll has_marker 0-1999
	stop_exectap
	wait "$reader"
	every_line 2000
}

@test "nor is one of a socket that is standard output, and it gets every line" {
	manager "$BATS_TEST_TMPDIR/notify"
	: >"$log"
	WATCHDOG_USEC=100000 python3 - "$exectap" "$log" "$BATS_TEST_TMPDIR/pid" "$BATS_TEST_TMPDIR/go" "$lines" 3>&- <<'END' &
import os, socket, subprocess, sys, time
exectap, log, pid, go, lines = sys.argv[1:]
ours, theirs = socket.socketpair()
program = subprocess.Popen([exectap, "--buffer", "64M"], stdout=theirs, stderr=open(log, "wb"))
theirs.close()
with open(pid + ".part", "w") as file:
    print(program.pid, file=file)
os.rename(pid + ".part", pid)
while not os.path.exists(go):
    time.sleep(0.02)
with open(lines, "wb", buffering=0) as out:
    while data := ours.recv(65536):
        out.write(data)
sys.exit(program.wait())
END
	local reader=$!
	held+=("$reader")
	poll test -e "$BATS_TEST_TMPDIR/pid"
	exectap_pid=$(cat "$BATS_TEST_TMPDIR/pid")
	poll watching
	pings_while_stalled
	touch "$BATS_TEST_TMPDIR/go"
	poll has_marker 0-1999
	kill -TERM "$exectap_pid"
	wait "$reader"
	exectap_pid=
	every_line 2000
}

@test "a pipe that others write to as well still blocks them" {
	# O_NONBLOCK is a property of the open file description, which other processes share
	python3 - "$exectap" "$log" 3>&- <<'END'
import fcntl, os, subprocess, sys, time
reader, writer = os.pipe()
program = subprocess.Popen([sys.argv[1]], stdout=writer, stderr=open(sys.argv[2], "wb"))
while b"watching" not in open(sys.argv[2], "rb").read():
    assert program.poll() is None
    time.sleep(0.02)
shared = fcntl.fcntl(writer, fcntl.F_GETFL)
program.terminate()
assert program.wait() == 0
assert not shared & os.O_NONBLOCK, shared
END
}

@test "a socket that is not there, or none at all, is no obstacle: one line with --verbose" {
	local address
	for address in "$BATS_TEST_TMPDIR/none" relative '' vsock:2:1234 "/$(printf '%0200d' 0)"; do
		NOTIFY_SOCKET=$address start_exectap
		hold "$helpers/hold"
		stop_exectap
		[ "$(wc -l <"$log")" = 1 ]
		NOTIFY_SOCKET=$address start_exectap --verbose
		stop_exectap
		cat "$log"
		[ "$(grep -c "^exectap: cannot notify $address (NOTIFY_SOCKET): .*; continuing without it$" "$log")" = 1 ]
	done
	# an instance that was killed meanwhile
	manager "$BATS_TEST_TMPDIR/notify"
	WATCHDOG_USEC=100000 start_exectap --verbose
	poll said 1 WATCHDOG=1
	kill -KILL "${held[-1]}"
	poll grep -q '(NOTIFY_SOCKET): Connection refused; continuing without it' "$log"
	hold "$helpers/hold"
	stop_exectap
	[ "$(grep -c NOTIFY_SOCKET "$log")" = 1 ]
}

@test "without a watchdog an idle host stays idle" {
	local ticks switches emitted
	manager "$BATS_TEST_TMPDIR/notify"
	start_exectap
	poll said 1 READY=1
	emitted=$(wc -l <"$lines")
	read -r ticks switches < <("$helpers/idle" "$exectap_pid" 3)
	emitted=$(($(wc -l <"$lines") - emitted))
	echo "$ticks ticks, $switches context switches, $emitted lines in 3 s"
	[ "$switches" -le $((emitted * 4 + 4)) ]
	stop_exectap
}
