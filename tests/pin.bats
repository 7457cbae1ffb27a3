#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --pin and --unpin: hooks that outlive exectap, and the instance that takes them over.

load lib

# Mounts a bpf file system for the test; the directory of the pins does not exist yet.
make_place() {
	place=$BATS_TEST_TMPDIR/bpf
	pins=$place/exectap
	mkdir "$place"
	mount -t bpf bpf "$place"
}

more_teardown() {
	[ -n "$place" ] || return 0
	"$exectap" --unpin "$pins" 2>/dev/null || true
	umount "$place"
}

# Starts exectap with $pins and these options; lines are appended to $lines, diagnostics to a fresh $log.
start_pinned() {
	log=$BATS_TEST_TMPDIR/log.$((++starts))
	"$exectap" --pin "$pins" --output "file:$lines" "$@" 2>"$log" >/dev/null 3>&- &
	exectap_pid=$!
	poll watching
	grep -q watching "$log"
}

kill_exectap() {
	kill -KILL "$exectap_pid"
	wait "$exectap_pid" 2>/dev/null || true
	exectap_pid=
}

storm() {
	"$helpers/storm" 1 "$1" "${2:-$marker}" "$helpers/noop" >/dev/null
}

# Prints the storm's lines, as "argument event_id"
storm_lines() {
	jq -r 'select(.type != "exit") | "\(.args[1]?) \(.event_id?)"' "$lines" | grep "^${1:-$marker}-"
}

# Prints the ids of the pinned programs, of every set.
pinned_programs() {
	local object
	for object in "$pins"/*/program_*; do
		bpftool --json prog show pinned "$object" | jq .id
	done
}

# Returns 0 if none of the programs $@ is loaded any more; the kernel unloads them asynchronously.
unloaded() {
	local id
	for id in "$@"; do ! bpftool prog show id "$id" >/dev/null 2>&1 || return 1; done
}

@test "killed repeatedly in a storm of 20,000, it reports every exec, and twice only under the same event_id" {
	local storm kills=0 unfinished=0
	make_place
	start_pinned
	storm 20000 3>&- &
	storm=$!
	held+=("$storm")
	while kill -0 "$storm" 2>/dev/null; do
		poll grown
		kill_exectap
		kills=$((kills + 1))
		[ -z "$(tail -c 1 "$lines")" ] || unfinished=$((unfinished + 1))
		[ $((kills % 3)) != 0 ] || storm 200 "$marker-between" # without an instance
		start_pinned
		grep -q 'taken over' "$log"
	done
	wait "$storm"
	stop_exectap
	echo "$kills kills, $unfinished of them in the middle of a line"
	[ "$kills" -ge 5 ]
	jq -e . "$lines" >/dev/null # each line is complete
	storm_lines "$marker-0" >"$BATS_TEST_TMPDIR/reported"
	echo "$(wc -l <"$BATS_TEST_TMPDIR/reported") lines, $(jq -s '[.[] | select(.type == "lost") | .count] | add // 0' "$lines") lost"
	[ "$(jq -c 'select(.type == "lost")' "$lines" | wc -l)" = 0 ]
	[ "$(cut -d ' ' -f 1 "$BATS_TEST_TMPDIR/reported" | sort -u | wc -l)" = 20000 ]
	[ "$(sort -u "$BATS_TEST_TMPDIR/reported" | wc -l)" = 20000 ]
	[ "$(storm_lines "$marker-between" | sort -u | wc -l)" = $((kills / 3 * 200)) ]
}

# Returns 0 if there are more lines than the last time, or the storm is over.
grown() {
	local now
	now=$(wc -l <"$lines")
	[ "$now" -ge $((${reported:-0} + 700)) ] || ! kill -0 "$storm" 2>/dev/null || return 1
	reported=$now
}

@test "killed while its reader stands still, it has given nothing up that was not written" {
	make_place
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	log=$BATS_TEST_TMPDIR/log.0
	"$exectap" --pin "$pins" >"$BATS_TEST_TMPDIR/pipe" 2>"$log" 3>&- &
	exectap_pid=$!
	exec 4<"$BATS_TEST_TMPDIR/pipe"
	poll watching
	storm 1000 4<&- # more than a pipe holds
	poll grep -q '^State:.*S' "/proc/$exectap_pid/status"
	kill_exectap
	cat <&4 >"$BATS_TEST_TMPDIR/taken"
	exec 4<&-
	# without the partial line, which may end with a brace too
	head -n "$(wc -l <"$BATS_TEST_TMPDIR/taken")" "$BATS_TEST_TMPDIR/taken" >"$lines"
	[ "$(storm_lines | wc -l)" -lt 1000 ]
	start_pinned
	stop_exectap
	[ "$(storm_lines | cut -d ' ' -f 1 | sort -u | wc -l)" = 1000 ]
	[ "$(storm_lines | sort -u | wc -l)" = 1000 ]
}

@test "after SIGTERM the hooks stay, record execs, and the next instance reports them first" {
	make_place
	start_pinned --events exec,exit
	storm 300 "$marker-1"
	stop_exectap
	grep -q 'programs stay attached' "$log"
	[ "$(storm_lines | wc -l)" = 300 ]
	storm 300 "$marker-2"
	[ "$(storm_lines | wc -l)" = 300 ]
	start_pinned --events exec,exit --heartbeat 3600
	grep -q 'taken over' "$log"
	storm 300 "$marker-3"
	stop_exectap
	# each once, in order
	diff <(storm_lines | cut -d ' ' -f 1) <(for i in 1 2 3; do seq -f "$marker-$i-0-%.0f" 0 299; done)
	[ "$(storm_lines | cut -d ' ' -f 2 | sort -u | wc -l)" = 900 ]
	[ "$(jq -c 'select(.type == "exit" and .comm == "noop")' "$lines" | wc -l)" -ge 900 ]
	[ "$(jq -c 'select(.type == "start") | .hooks | sort' "$lines")" = '["tp_btf/sched_process_exec","tp_btf/sched_process_exit","tp_btf/sched_process_fork","tp_btf/task_rename"]' ]
}

@test "failed attempts are caught while no one is there, too" {
	local status=0
	make_place
	start_pinned --events exec_failed
	kill_exectap
	"$helpers/churn" 300 "$helpers/noop"
	start_pinned --events exec_failed
	stop_exectap
	[ "$(jq -c 'select(.type == "exec_failed" and .filename == "'"$helpers"'/noop/absent" and .error == "ENOTDIR")' "$lines" | wc -l)" -ge 30 ]
}

@test "losses of a time without an instance are reported once: lines and losses are all execs" {
	make_place
	start_reference
	start_pinned --buffer 128K
	"$helpers/noop" "$marker-first"
	stop_exectap
	storm 3000
	start_pinned --buffer 128K
	storm 5 "$marker-later"
	poll grep -q '"type":"lost"' "$lines"
	kill_exectap
	start_pinned --buffer 128K
	"$helpers/noop" "$marker-last"
	poll grep -q "$marker-last" "$lines"
	stop_exectap
	adds_up 3006
	jq -es '[.[] | select(.type == "lost")] | all(.reason == "buffer_full" and .event_type == "exec" and .from < .to)' "$lines"
	# executed without a running instance
	jq -es --arg first "$marker-0-0" 'map(select(.type == "lost"))[0].from < map(select(.args[1]? == $first))[0].timestamp' "$lines"
}

# Runs storms of 500 until the file "enough" exists; writes their number to the file "rounds".
storm_until_enough() {
	local round=0
	until [ -e "$BATS_TEST_TMPDIR/enough" ]; do
		storm 500 "$marker-$((round++))"
	done
	echo "$round" >"$BATS_TEST_TMPDIR/rounds"
}

@test "with other options it replaces the hooks in a storm, and nothing is missing between the two" {
	local replaced storm execs
	make_place
	start_pinned --buffer 32M # for all of the storm
	storm_until_enough 3>&- &
	storm=$!
	held+=("$storm")
	poll grown
	kill -STOP "$exectap_pid" # the old buffer then contains unread records
	storm 300 "$marker-left"
	kill_exectap
	replaced=$(pinned_programs)
	start_pinned --events exec,exit --buffer 16M
	grep -q 'replaced.*events exec, .*events exec exit' "$log"
	poll grown
	touch "$BATS_TEST_TMPDIR/enough"
	wait "$storm"
	execs=$(($(cat "$BATS_TEST_TMPDIR/rounds") * 500 + 300))
	poll replaced_one_is_gone
	stop_exectap
	poll unloaded $replaced
	storm_lines | sort -u >"$BATS_TEST_TMPDIR/reported"
	echo "$execs execs, $(wc -l <"$BATS_TEST_TMPDIR/reported") reported"
	[ "$(cut -d ' ' -f 1 "$BATS_TEST_TMPDIR/reported" | sort -u | wc -l)" = "$execs" ]
	# for a moment, both instances may see an exec
	[ "$(wc -l <"$BATS_TEST_TMPDIR/reported")" -le $((execs + 40)) ]
	[ "$(jq -c 'select(.type == "lost")' "$lines" | wc -l)" = 0 ]
	grep -q '"type":"exit"' "$lines"
	jq -e . "$lines" >/dev/null
}

replaced_one_is_gone() {
	[ "$(find "$pins" -name manifest | wc -l)" = 1 ]
}

@test "another version replaces the hooks and takes what they hold" {
	[ -z "$options" ] || skip "a script is in the place of the binary"
	make_place
	start_pinned
	kill_exectap
	storm 100
	LC_ALL=C sed 's/exectap 0\.[0-9]\.[0-9] (/exectap 9.9.9 (/' "$exectap" >"$BATS_TEST_TMPDIR/exectap"
	chmod +x "$BATS_TEST_TMPDIR/exectap"
	exectap=$BATS_TEST_TMPDIR/exectap start_pinned
	grep -q 'replaced.*exectap 0.*exectap 9.9.9' "$log"
	poll replaced_one_is_gone
	stop_exectap
	[ "$(storm_lines | wc -l)" = 100 ]
}

@test "one with another record format replaces the hooks, and says that the losses before are unknown" {
	local manifest value
	make_place
	start_pinned
	kill_exectap
	storm 100
	manifest=$(find "$pins" -name manifest)
	mapfile -t value < <(bpftool --json map lookup pinned "$manifest" key 0 0 0 0 | jq -r '.value[]')
	value[0]=0xff # record_version
	bpftool map update pinned "$manifest" key 0 0 0 0 value "${value[@]}"
	start_pinned
	stop_exectap
	start_pinned # of what the one before may not have removed yet, that is said once
	poll replaced_one_is_gone
	stop_exectap
	cat "$BATS_TEST_TMPDIR"/log.* >"$BATS_TEST_TMPDIR/logs"
	grep -q 'has another record format, its records are counted as lost' "$BATS_TEST_TMPDIR/logs"
	[ "$(storm_lines | wc -l)" = 100 ] # only the set says that it has another format
	jq -es 'map(select(.type == "lost")) | length == 1 and .[0].reason == "detached" and (.[0] | has("count") | not)' "$lines"
}

@test "what one that ended at once could not remove yet, the next one removes" {
	make_place
	start_pinned
	kill_exectap
	storm 50
	start_pinned --events exit
	stop_exectap
	[ "$(storm_lines | wc -l)" = 50 ]
	start_pinned --events exit
	grep -q 'taken over' "$log"
	replaced_one_is_gone
	stop_exectap
	[ "$(storm_lines | wc -l)" = 50 ]
}

@test "a pin that was cut short, or lost a hook, is made anew" {
	local link
	make_place
	start_pinned
	kill_exectap
	rm "$pins"/*/manifest
	start_pinned
	[ "$(grep -cE 'taken over|replaced' "$log")" = 0 ]
	kill_exectap
	link=$(bpftool --json link show pinned "$pins"/*/link_handle_exec | jq .id)
	rm "$pins"/*/link_handle_exec
	poll link_is_gone "$link"
	start_pinned
	grep -q replaced "$log"
	storm 10
	stop_exectap
	[ "$(storm_lines "$marker-0" | wc -l)" = 10 ]
	rm "$pins"/*/map_events
	start_pinned
	grep -q "cannot open the pinned set" "$log"
	replaced_one_is_gone
	stop_exectap
}

link_is_gone() {
	! bpftool link show id "$1" >/dev/null 2>&1
}

@test "--unpin removes every hook, and the directory that exectap made" {
	local programs
	make_place
	start_pinned --events exec,exit,exec_failed
	stop_exectap
	programs=$(pinned_programs)
	[ "$(wc -w <<<"$programs")" -ge 3 ]
	"$exectap" --unpin "$pins" 2>"$log"
	cat "$log"
	[ "$(wc -l <"$log")" = 1 ]
	grep -q 'hooks are removed' "$log"
	[ ! -e "$pins" ]
	poll unloaded $programs
}

@test "--unpin leaves a directory that was there before" {
	make_place
	mkdir "$pins"
	start_pinned
	stop_exectap
	"$exectap" --unpin "$pins" 2>"$log"
	[ -d "$pins" ]
	[ -z "$(ls "$pins")" ]
	rmdir "$pins"
}

# refused STATUS TEXT OPTION...: fails unless exectap exits with the status and one line that contains the text.
refused() {
	local status=0 text=$2 expected=$1
	shift 2
	timeout "$patience_s" "$exectap" "$@" 2>"$BATS_TEST_TMPDIR/said" >/dev/null 3>&- || status=$?
	cat "$BATS_TEST_TMPDIR/said"
	[ "$status" = "$expected" ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/said")" = 1 ]
	grep -q -- "$text" "$BATS_TEST_TMPDIR/said"
}

@test "what can't be is refused in one line: no bpf file system, a second user, nothing to unpin, no privileges" {
	local copy=$BATS_TEST_TMPDIR/exectap
	make_place
	refused 1 "mount -t bpf" --pin "$BATS_TEST_TMPDIR/here"
	[ ! -e "$BATS_TEST_TMPDIR/here" ]
	refused 1 "mount -t bpf" --pin "$BATS_TEST_TMPDIR"
	refused 1 "mount -t bpf" --unpin "$BATS_TEST_TMPDIR"
	refused 1 "No such file" --pin "$place/no/such"
	refused 1 "No such file" --pin "$pins" --output "file:$place/no/such"
	[ ! -e "$pins" ]
	refused 1 "nothing is pinned" --unpin "$pins"
	refused 1 "does not allow a dot in a name" --pin "$place/a.b"
	mkdir -m 777 "$pins"
	refused 1 "must be owned by uid 0 and not writable by others" --pin "$pins"
	chmod 700 "$pins"
	chown nobody "$pins"
	refused 1 "must be owned by uid 0 and not writable by others" --pin "$pins"
	chown root "$pins"
	refused 1 "nothing is pinned" --unpin "$pins"
	rmdir "$pins"
	start_pinned
	refused 1 "in use" --pin "$pins" --output "file:$BATS_TEST_TMPDIR/other"
	[ ! -e "$BATS_TEST_TMPDIR/other" ]
	refused 1 "in use" --unpin "$pins"
	storm 10
	stop_exectap
	[ "$(storm_lines | wc -l)" = 10 ]
	cp "$exectap" "$copy"
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_TEST_TMPDIR" "$copy"
	exectap="setpriv --reuid 65534 --clear-groups $copy"
	refused_words 3 "denied"
}

# Does the same for the command line in $exectap.
refused_words() {
	local status=0
	$exectap --pin "$pins" 2>"$BATS_TEST_TMPDIR/said" >/dev/null 3>&- || status=$?
	exectap=${EXECTAP:-$top/build/exectap}
	[ "$status" = "$1" ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/said")" = 1 ]
	grep -q "$2" "$BATS_TEST_TMPDIR/said"
}

case $(uname -m) in aarch64) bpf_number=280 ;; *) bpf_number=321 ;; esac

@test "where the kernel refuses to pin, that is said in one line, and nothing is left" {
	make_place
	# BPF_OBJ_PIN is 6, EPERM 1, EINVAL 22
	exectap="$helpers/refuse $bpf_number 6 1 $exectap"
	refused_words 1 "not permitted"
	[ ! -e "$pins" ]
	"$exectap" --check | grep -q '^ok *fexit' && return
	# BPF_LINK_CREATE is 28: before Linux 5.15, tracepoints have no links
	exectap="$helpers/refuse $bpf_number 28 22 $exectap --events exec_failed"
	refused_words 1 "exec_failed"
	[ ! -e "$pins" ]
}

@test "what exectap did not put there is not touched" {
	local object
	make_place
	start_pinned
	stop_exectap
	for object in "$pins/other" "$pins/1/other" "$pins/7/other"; do
		mkdir -p "${object%/*}"
		bpftool map pin pinned "$pins/1/map_shared" "$object"
		refused 1 "did not create" --unpin "$pins"
		refused 1 "did not create" --pin "$pins"
		[ -e "$object" ]
		[ -e "$pins/1/link_handle_exec" ]
		rm "$object"
		rmdir "${object%/*}" 2>/dev/null || true
	done
	"$exectap" --unpin "$pins"
	[ ! -e "$pins" ]
}

@test "a reader that was killed in its sleep is woken once, not at every exec" {
	make_place
	start_pinned
	kill_exectap
	python3 - "$pins/1/map_shared" "$helpers/noop" <<'END'
import ctypes, mmap, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]  # bpf(2)
path = ctypes.create_string_buffer(sys.argv[1].encode())
attributes = ctypes.create_string_buffer(struct.pack("=QII", ctypes.addressof(path), 0, 0) + bytes(104))
fd = libc.syscall(number, 7, attributes, 120)  # BPF_OBJ_GET
assert fd >= 0, os.strerror(ctypes.get_errno())
with mmap.mmap(fd, 4096) as page:
    page[0:4] = struct.pack("=I", 1)  # record_shared.consumer_sleeps
    os.waitpid(os.posix_spawn(sys.argv[2], ["noop"], {}), 0)
    sys.exit(struct.unpack_from("=I", page)[0] != 0)
END
}

has_detached() {
	grep -q '"type":"lost".*"reason":"detached"' "$lines"
}

# removed COMMAND...: runs the command while exectap runs, with the pins; fails unless exectap reports it, continues,
# and says at its end that nothing stays attached.
removed() {
	local link links
	make_place
	start_pinned
	links=$(for link in "$pins"/*/link_*; do bpftool --json link show pinned "$link" | jq .id; done)
	storm 10
	"$@"
	poll has_detached
	jq -es 'all(.[] | select(.reason == "detached"); has("count") == false and .from <= .to)' "$lines"
	grep -q 'the pins were removed; the programs stay attached until exectap ends' "$log"
	storm 20 "$marker-after"
	stop_exectap
	[ "$(storm_lines "$marker-0" | wc -l)" = 10 ]
	[ "$(storm_lines "$marker-after" | wc -l)" = 20 ]
	[ "$(grep -c '"reason":"detached"' "$lines")" = 1 ]
	grep -q 'the programs are detached' "$log"
	[ "$(grep -c 'stay attached and record' "$log")" = 0 ]
	for link in $links; do poll link_is_gone "$link"; done
}

remove_links() {
	rm "$pins"/*/link_*
}

remove_directory() {
	rm -rf "$pins"
}

unmount_place() {
	umount -l "$place"
}

@test "pins that are removed while it runs are reported, and no event is missing" {
	removed remove_directory
}

@test "links that are removed while it runs are reported, and the gap at the next start" {
	removed remove_links
	: >"$lines"
	"$helpers/noop" "$marker-gap"
	start_pinned
	poll has_detached
	storm 10
	stop_exectap
	jq -es '[.[] | select(.reason == "detached")] | length == 1 and (.[0] | has("count") == false and .from < .to)' "$lines"
	[ "$(grep -c "$marker-gap" "$lines")" = 0 ]
	[ "$(storm_lines | wc -l)" = 10 ]
	start_pinned
	stop_exectap
	[ "$(grep -c '"reason":"detached"' "$lines")" = 1 ]
}

@test "a bpf file system that is unmounted while it runs is reported" {
	removed unmount_place
	place=
}
