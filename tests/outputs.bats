#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Files and sockets as outputs, and their temporary unavailability.

load lib

more_teardown() {
	unmount_made
}

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

@test "file: a new file has the mode of --file-mode without the bits of umask, also the one after SIGHUP" {
	rm -f "$lines"
	umask 0
	start_with_output "file:$lines" --file-mode 0666
	[ "$(stat -c %a "$lines")" = 666 ]
	stop_exectap
	rm "$lines"
	umask 027
	start_with_output "file:$lines" --file-mode 0664
	[ "$(stat -c %a "$lines")" = 640 ]
	mv "$lines" "$lines.1"
	kill -HUP "$exectap_pid"
	poll test -e "$lines"
	[ "$(stat -c %a "$lines")" = 640 ]
	stop_exectap
}

# all_lines: prints the lines of the file and of the rotated ones, the oldest first
all_lines() {
	local file
	for file in $(ls -rv "$lines".* 2>/dev/null) "$lines"; do cat "$file"; done
}

@test "--rotate: files of the size, whole lines, none twice, none lost, in order, the oldest replaced" {
	local file
	rm -f "$lines"
	# other programs' lines would change the number of files
	start_with_output "file:$lines" --rotate 64K:99 --only "filename=$helpers/noop"
	(umask 0 && "$helpers/storm" 2 400 "$marker" "$helpers/noop")
	stop_exectap
	[ -e "$lines.3" ]
	for file in "$lines" "$lines".*; do
		echo "$file"
		jq -e . "$file" >/dev/null
		[ "$(stat -c %s "$file")" -le 65536 ]
	done
	# no room for another line of that size is left
	[ "$(stat -c %s "$lines.1")" -gt 60000 ]
	[ "$(all_lines | jq -s '[.[].seq] | . == [range(length)]')" = true ]
	[ "$(all_lines | grep -oE "/noop\",\"$marker-[0-9]+-[0-9]+\"\]" | sort -u | wc -l)" = 800 ]
	[ ! -e "$BATS_TEST_TMPDIR/.$(basename "$lines").next" ]
	# continues with the files of an earlier run, and keeps COUNT of them
	start_with_output "file:$lines" --rotate 64K:2 --only "filename=$helpers/noop"
	"$helpers/storm" 1 400 "$marker-again" "$helpers/noop"
	stop_exectap
	[ "$(cat "$lines" "$lines.1" "$lines.2" | grep -c "$marker-again-0-399\"")" = 1 ]
	jq -e . "$lines" "$lines.1" "$lines.2" >/dev/null
}

@test "--rotate: a line longer than the size has a file of its own; a reader by inode loses nothing" {
	rm -f "$lines"
	start_with_output "file:$lines" --rotate 64K:99 --max-line 1M --only "filename=$helpers/noop"
	tail -F -n +1 "$lines" >"$BATS_TEST_TMPDIR/followed" 2>/dev/null 3>&- &
	held+=($!)
	local i
	for i in {1..5}; do
		"$helpers/noop" "$marker-$i" "$(head -c 100000 /dev/zero | tr '\0' x)"
		# tail looks at the name once a second: the file must not be replaced twice before
		poll grep -q "/noop\",\"$marker-$i\"" "$BATS_TEST_TMPDIR/followed"
		"$helpers/noop" "$marker-small-$i"
		poll grep -q "/noop\",\"$marker-small-$i" "$BATS_TEST_TMPDIR/followed"
	done
	stop_exectap
	[ "$(all_lines | grep -c "/noop\",\"$marker")" = 10 ]
	[ "$(grep -c "/noop\",\"$marker" "$BATS_TEST_TMPDIR/followed")" = 10 ]
}

@test "--rotate: a directory that cannot be written is status 1" {
	local directory=$BATS_TEST_TMPDIR/closed
	open_folders
	mkdir -m 755 "$directory"
	install -o nobody -m 600 /dev/null "$directory/file"
	refuses 1 'cannot rotate: Permission denied' --user nobody -o "file:$directory/file" --rotate 64K
}

@test "--rotate: a rotation that fails loses nothing" {
	rm -f "$lines"
	start_with_output "file:$lines" --rotate 64K:1 --max-line 1M --only "filename=$helpers/noop"
	mkdir -p "$lines.1/full"
	"$helpers/storm" 1 400 "$marker" "$helpers/noop"
	# a line longer than what the file may grow
	"$helpers/noop" "long-$marker" "$(head -c 100000 /dev/zero | tr '\0' x)"
	"$helpers/noop" "last-$marker"
	poll grep -q "/noop\",\"last-$marker" "$lines"
	# the limit that was raised is that of this file alone
	rm -r "$lines.1"
	mv "$lines" "$lines.grown"
	kill -HUP "$exectap_pid"
	poll test -e "$lines"
	"$helpers/storm" 1 300 "next-$marker" "$helpers/noop"
	stop_exectap
	[ "$(stat -c %s "$lines.1")" -le 65536 ]
	mv "$lines.grown" "$lines"
	[ "$(storm_lines | wc -l)" = 400 ]
	[ "$(grep -cE "/noop\",\"(long|last)-$marker" "$lines")" = 2 ]
	jq -e . "$lines" >/dev/null
	[ "$(grep -c 'cannot rotate: ' "$log")" -ge 1 ]
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

@test "unix: what a reader dies without having read is dropped at the end, also with --pin, and that is said" {
	local pin=$BATS_TEST_TMPDIR/bpf status=0 dropped held
	mkdir "$pin"
	mount -t bpf bpf "$pin" || skip "no bpf file system"
	reader stream "$BATS_TEST_TMPDIR/socket" "$lines"
	start_with_output "unix:$BATS_TEST_TMPDIR/socket" --pin "$pin/hooks" --only "args=*$marker*"
	"$helpers/storm" 1 10 "$marker-read" "$helpers/noop"
	poll have_storm_lines 10
	kill -STOP "$reader"
	"$helpers/storm" 1 50 "$marker-few" "$helpers/noop"
	poll unread_by "$BATS_TEST_TMPDIR/socket" 20000
	kill -KILL "$reader"
	wait "$reader" 2>/dev/null || true
	poll grep -q 'trying again' "$log"
	kill -TERM "$exectap_pid"
	wait "$exectap_pid" || status=$?
	exectap_pid=
	[ "$status" = 1 ]
	"$exectap" --unpin "$pin/hooks" 3>&-
	umount "$pin"
	dropped=$(sed -n 's/.*the last lines are dropped, \([0-9]*\): .*/\1/p' "$log")
	held=$(sed -n 's/.*: \([0-9]*\) events are not written: .*; the next start emits them/\1/p' "$log")
	[ "$dropped" -ge 10 ] # lines of at most 2,000 bytes
	# the storm itself has the marker too
	[ $((dropped + ${held:-0})) -ge 50 ]
	[ $((dropped + ${held:-0})) -le 60 ]
}

# unread_by SOCKET BYTES: returns 0 if that many bytes wait in a connection that the reader accepted
unread_by() {
	ss -xH src "$1" | awk -v least="$2" '$3 >= least { found = 1 } END { exit !found }'
}

@test "unix: a reader that stands still holds exectap up, and then gets everything" {
	local resident
	reader stream "$BATS_TEST_TMPDIR/socket" "$lines"
	start_with_output "unix:$BATS_TEST_TMPDIR/socket" --buffer 32M # for the execs of the host as well
	kill -STOP "$reader"
	"$helpers/storm" 1 3000 "$marker" "$helpers/noop"
	poll unread_by "$BATS_TEST_TMPDIR/socket" 100000 # by then it has touched the memory that it needs
	resident=$(awk '/^RssAnon/ { print $2 }' "/proc/$exectap_pid/status")
	"$helpers/storm" 1 3000 "$marker-more" "$helpers/noop"
	[ "$(awk '/^RssAnon/ { print $2 }' "/proc/$exectap_pid/status")" -le $((resident + 64)) ]
	kill -CONT "$reader"
	poll have_storm_lines 6000
	stop_exectap
	[ "$(storm_lines | sort -u | wc -l)" = 6000 ]
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

# stop_within_10_s STATUS: SIGTERM ends exectap with that status; it waits at most 3 s, the rest is for a loaded machine
stop_within_10_s() {
	local status=0 start=${EPOCHREALTIME/./}
	kill -TERM "$exectap_pid"
	wait "$exectap_pid" || status=$?
	exectap_pid=
	[ $((${EPOCHREALTIME/./} - start)) -lt 10000000 ]
	[ "$status" = "$1" ]
}

# cpu_ticks: user and system time of exectap
cpu_ticks() {
	awk '{ print $14 + $15 }' "/proc/$exectap_pid/stat"
}

# refuses STATUS WORDS ARGUMENT...: exectap does not start, and one line says so
refuses() {
	local status=0
	timeout "$patience_s" "$exectap" "${@:3}" 2>"$log" 3>&- >/dev/null || status=$?
	cat "$log"
	[ "$status" = "$1" ]
	[ "$(wc -l <"$log")" = 1 ]
	grep -qF -- "$2" "$log"
}

@test "file: on a full disk it ends with a whole line at once, and the end says how many are dropped and why" {
	local place=$BATS_TEST_TMPDIR/small
	mkdir "$place"
	mount -t tmpfs -o size=256k tmpfs "$place"
	start_with_output "file:$place/lines"
	"$helpers/storm" 1 1500 "$marker" "$helpers/noop"
	poll grep -q 'No space left on device' "$log"
	cp "$place/lines" "$lines"
	stop_within_10_s 1
	cmp "$place/lines" "$lines"
	umount "$place"
	[ "$(tail -c 1 "$lines" | od -An -tx1)" = " 0a" ]
	jq -e . "$lines" >/dev/null
	grep -qE 'last lines are dropped, [1-9][0-9]*: No space left on device' "$log"
	[ $(($(storm_lines | wc -l) + $(grep -oE 'dropped, [0-9]+' "$log" | cut -d ' ' -f 2))) -ge 1500 ]
}

# makes_room: succeeds when all lines have been taken; each time until then it makes room for some of them
makes_room() {
	grep -q 'goes on' "$log" || { : >"$lines" && false; }
}

@test "file: a limit on the file's size is like a full disk" {
	printf '#!/bin/bash\nulimit -f 64\nexec %q "$@"\n' "$exectap" >"$BATS_TEST_TMPDIR/limited"
	chmod 755 "$BATS_TEST_TMPDIR/limited"
	rm -f "$lines"
	exectap=$BATS_TEST_TMPDIR/limited start_with_output "file:$lines"
	"$helpers/storm" 1 500 "$marker" "$helpers/noop"
	poll grep -q 'File too large: trying again' "$log"
	[ "$(tail -c 1 "$lines" | od -An -tx1)" = " 0a" ]
	jq -e . "$lines" >/dev/null
	poll makes_room
	kill -0 "$exectap_pid"
	# the test has torn the file, so that its lines are not to be kept
	kill -KILL "$exectap_pid"
	wait "$exectap_pid" 2>/dev/null || true
	exectap_pid=
	rm -f "$lines"
}

@test "file: NULs that a crash left at the end are taken out, and what is before them is kept if it is whole" {
	local start
	for start in '' '{"timestamp":"2026","a":1}'; do
		printf '{"whole":1}\n%s' "$start" >"$lines"
		truncate -s +5000 "$lines"
		start_with_output "file:$lines"
		"$helpers/noop" "$marker"
		poll grep -q "$marker" "$lines"
		stop_exectap
		grep -q 'these 5000 bytes are taken out' "$log"
		jq -e . "$lines" >/dev/null
		[ "$(tr -d -c '\0' <"$lines" | wc -c)" = 0 ]
		# only the lines of exectap are left for the schema
		printf '{"whole":1}\n%s\n' "$start" >"$BATS_TEST_TMPDIR/start"
		grep -vxFf <(grep . "$BATS_TEST_TMPDIR/start") "$lines" >"$BATS_TEST_TMPDIR/rest"
		mv "$BATS_TEST_TMPDIR/rest" "$lines"
	done
}

@test "file: SIGHUP in the midst of a line does not begin it again, in a file that cannot be cut" {
	local place=$BATS_TEST_TMPDIR/place
	PATH=$PATH:/usr/sbin:/sbin
	command -v mkfs.ext4 >/dev/null || skip "no mkfs.ext4"
	mkdir "$place"
	truncate -s 4M "$BATS_TEST_TMPDIR/disk"
	mkfs.ext4 -q -b 4096 "$BATS_TEST_TMPDIR/disk" # a page: a line that goes on in the next one is written in part
	mount -o loop "$BATS_TEST_TMPDIR/disk" "$place" || skip "no loop devices"
	chmod 777 "$place"
	lines=$place/lines
	: >"$lines"
	chattr +a "$lines"
	start_with_output "file:$lines"
	"$helpers/noop" "$marker-first"
	poll grep -q "$marker-first" "$lines"
	dd if=/dev/zero of="$place/filler" bs=4K 2>/dev/null || true
	within_line() {
		"$helpers/noop" "$marker-0"
		grep -q 'No space left on device' "$log" && [ "$(tail -c 1 "$lines" | od -An -c)" != '  \n' ]
	}
	poll within_line
	kill -HUP "$exectap_pid"
	poll signal_taken "$exectap_pid"
	rm "$place/filler"
	"$helpers/noop" "$marker-1"
	poll grep -q "$marker-1" "$lines"
	chattr -a "$lines"
	stop_exectap
	mv "$lines" "$BATS_TEST_TMPDIR/lines"
	lines=$BATS_TEST_TMPDIR/lines
	umount "$place"
	jq -e . "$lines" >/dev/null
}

@test "file: an append-only file keeps its unfinished line, which is said and ended" {
	printf '{"timestamp":"20' >"$lines"
	chattr +a "$lines" 2>/dev/null || skip "no append-only files here"
	start_with_output "file:$lines"
	"$helpers/noop" "$marker"
	poll grep -q "$marker" "$lines"
	chattr -a "$lines"
	stop_exectap
	grep -q 'these 16 bytes cannot be taken out: Operation not permitted' "$log"
	[ "$(head -n 1 "$lines")" = '{"timestamp":"20' ]
	sed -i 1d "$lines"
	jq -e . "$lines" >/dev/null
}

@test "file: the end of a file of 8 TB is found at once" {
	rm -f "$lines"
	truncate -s 8T "$BATS_TEST_TMPDIR/sparse" || skip "no file of 8 TB here"
	start_with_output "file:$BATS_TEST_TMPDIR/sparse"
	"$helpers/noop" "$marker"
	poll has_tail "$BATS_TEST_TMPDIR/sparse"
	stop_exectap
	rm "$BATS_TEST_TMPDIR/sparse"
}

has_tail() {
	tail -c 100000 "$1" | grep -aq "$marker"
}

@test "file: a deleted file is noticed, said and replaced" {
	rm -f "$lines"
	start_with_output "file:$lines"
	"$helpers/noop" "$marker-0"
	poll grep -q "$marker-0" "$lines"
	rm "$lines"
	"$helpers/noop" "$marker-1"
	poll grep -qs "$marker-1" "$lines"
	stop_exectap
	[ "$(grep -c 'was deleted; opened again' "$log")" = 1 ]
}

@test "file: has one writer, and takes regular files of its own user only" {
	local second=$BATS_TEST_TMPDIR/second status=0
	rm -f "$lines"
	start_with_output "file:$lines"
	"$exectap" -o "file:$lines" 2>"$second" 3>&- || status=$?
	[ "$status" = 1 ]
	[ "$(wc -l <"$second")" = 1 ]
	grep -q 'locked by another process' "$second"
	# a pipe in its place is refused at SIGHUP as at the start
	mv "$lines" "$lines.old"
	mkfifo "$lines"
	kill -HUP "$exectap_pid"
	poll grep -q 'not a regular file' "$log"
	"$helpers/noop" "$marker-0"
	poll grep -q "$marker-0" "$lines.old"
	stop_exectap
	refuses 1 'not a regular file' -o "file:$lines"
	rm "$lines"
	install -m 666 -o daemon /dev/null "$lines"
	refuses 1 'belongs to user' -o "file:$lines"
}

# fd_of FILE: the descriptor that exectap has of it
fd_of() {
	find "/proc/$exectap_pid/fd" -lname "$1" -printf '%f\n'
}

@test "file: errors that no waiting ends are status 1 and the true cause; EAGAIN is tried again, without a spin" {
	local number fd error status ticks
	case $(uname -m) in aarch64) number=64 ;; *) number=1 ;; esac
	rm -f "$lines"
	start_with_output "file:$lines"
	fd=$(fd_of "$lines")
	stop_exectap
	for error in 107 32 110 5; do
		: >"$log"
		"$helpers/refuse" "$number" "$fd" "$error" "$exectap" -o "file:$lines" 2>"$log" 3>&- >/dev/null &
		exectap_pid=$!
		poll watching
		"$helpers/noop" "$marker"
		status=0
		wait "$exectap_pid" || status=$?
		cat "$log"
		[ "$status" = 1 ]
		grep -qE 'cannot write: (Transport endpoint is not connected|Broken pipe|Connection timed out|Input/output error)' "$log"
	done
	: >"$log"
	"$helpers/refuse" "$number" "$fd" 11 "$exectap" -o "file:$lines" 2>"$log" 3>&- >/dev/null &
	exectap_pid=$!
	poll watching
	"$helpers/noop" "$marker"
	poll grep -q 'Resource temporarily unavailable' "$log"
	ticks=$(cpu_ticks)
	sleep 1
	[ $(($(cpu_ticks) - ticks)) -lt 30 ]
	stop_within_10_s 1
	[ "$(grep -c 'trying again' "$log")" = 1 ]
}

@test "file: a quota that is used up is waited out" {
	local number fd
	case $(uname -m) in aarch64) number=64 ;; *) number=1 ;; esac
	rm -f "$lines"
	start_with_output "file:$lines"
	fd=$(fd_of "$lines")
	stop_exectap
	: >"$log"
	# EDQUOT
	"$helpers/refuse" "$number" "$fd" 122 "$exectap" -o "file:$lines" 2>"$log" 3>&- >/dev/null &
	exectap_pid=$!
	poll watching
	"$helpers/noop" "$marker"
	poll grep -q 'Disk quota exceeded: trying again until it works' "$log"
	stop_within_10_s 1
	grep -qE 'last lines are dropped, [1-9][0-9]*: Disk quota exceeded' "$log"
}

@test "unix: a consumer that closes each connection at once is tried ever more rarely, and said once" {
	python3 - "$BATS_TEST_TMPDIR/socket" "$BATS_TEST_TMPDIR/connects" 3>&- <<'END' &
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(100)
with open(sys.argv[2], "w", buffering=1) as connects:
    while True:
        listener.accept()[0].close()
        print("connect", file=connects)
END
	held+=($!)
	poll is_bound "$BATS_TEST_TMPDIR/socket"
	start_with_output "unix:$BATS_TEST_TMPDIR/socket"
	"$helpers/storm" 1 300 "$marker" "$helpers/noop"
	sleep 3
	[ "$(wc -l <"$BATS_TEST_TMPDIR/connects")" -ge 2 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/connects")" -le 20 ]
	[ "$(wc -l <"$log")" -le 3 ]
	kill -TERM "$exectap_pid"
	wait "$exectap_pid" || true
	exectap_pid=
}

@test "unix: a listener whose backlog is full does not block it" {
	python3 - "$BATS_TEST_TMPDIR/socket" "$BATS_TEST_TMPDIR/full" 3>&- <<'END' &
import socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(0)
held = []
try:
    while True:
        held.append(socket.socket(socket.AF_UNIX))
        held[-1].setblocking(False)
        held[-1].connect(sys.argv[1])
except BlockingIOError:
    open(sys.argv[2], "w").close()
time.sleep(1000)
END
	held+=($!)
	poll test -e "$BATS_TEST_TMPDIR/full"
	start_with_output "unix:$BATS_TEST_TMPDIR/socket"
	"$helpers/noop" "$marker"
	poll grep -q 'trying again' "$log"
	stop_within_10_s 1
	[ "$(wc -l <"$log")" = 3 ]
}

@test "a terminal that takes nothing, and a pipe of another user, do not block it" {
	local caps=-all,+bpf,+perfmon copy=$BATS_TEST_TMPDIR/copy ready=$BATS_TEST_TMPDIR/ready
	: >"$log"
	# the terminal's other side is open and never read
	python3 - "$ready" "$log" "$exectap" 3>&- <<'END' &
import os, pty, sys, time
ready, log, exectap = sys.argv[1:]
master, slave = pty.openpty()
pid = os.fork()
if not pid:
    os.dup2(slave, 1)
    os.dup2(os.open(log, os.O_WRONLY), 2)
    os.execv(exectap, [exectap])
with open(ready + ".part", "w") as file:
    file.write(str(pid))
os.rename(ready + ".part", ready)
os.waitpid(pid, 0)
open(ready + ".ended", "w").close()
time.sleep(1000)
END
	held+=($!)
	poll grep -q watching "$log"
	"$helpers/storm" 1 300 "$marker" "$helpers/noop"
	kill -TERM "$(cat "$ready")"
	patience_s=10 poll test -e "$ready.ended"
	grep -q 'last lines are dropped, [1-9]' "$log"

	# root's pipe cannot be opened again by another user
	open_folders
	cp "$exectap" "$copy"
	chmod 755 "$copy"
	mkfifo -m 600 "$BATS_TEST_TMPDIR/pipe"
	exec 4<>"$BATS_TEST_TMPDIR/pipe"
	: >"$log"
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps $caps --ambient-caps $caps "$copy" \
		>"$BATS_TEST_TMPDIR/pipe" 2>"$log" 3>&- 4>&- &
	exectap_pid=$!
	poll watching
	"$helpers/storm" 1 300 "$marker" "$helpers/noop"
	stop_within_10_s 1
	exec 4>&-
}

@test "a destination that cannot work is status 2, and the line says what to give" {
	local long
	long=/$(head -c 107 /dev/zero | tr '\0' x)
	refuses 2 'longer than 107 bytes' -o "unix:$long"
	refuses 2 'longer than 107 bytes' -o "unixgram:$long"
	refuses 2 'longer than 107 bytes' -o "unix-listen:$long"
	refuses 2 'give @NAME' -o unix:@
	refuses 2 'for standard output give -' -o file:/dev/stdout
	refuses 2 'give file:/var/log/x' -o /var/log/x
	refuses 2 'unix-listen' -o "file:$lines" --socket-mode 600
	refuses 2 'neither mode nor group' -o "unix-listen:@$marker" --socket-mode 600
	refuses 2 'neither mode nor group' -o "unix-listen:@$marker" --socket-group 0
	refuses 2 'max-clients' -o "unix-listen:@$marker" --max-clients 0
}

@test "a socket of type SOCK_SEQPACKET is named" {
	python3 - "$BATS_TEST_TMPDIR/socket" 3>&- <<'END' &
import socket, sys, time
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(sys.argv[1])
listener.listen(1)
time.sleep(1000)
END
	held+=($!)
	poll is_bound "$BATS_TEST_TMPDIR/socket"
	"$exectap" -o "unix:$BATS_TEST_TMPDIR/socket" 2>"$log" 3>&- || true
	grep -q SOCK_SEQPACKET "$log"
}
