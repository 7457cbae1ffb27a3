#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The program of the parent, and that of a process that ends: taken from what the kernel side keeps of each process.

load lib

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# leaf_of_bash SCRIPT: executes bash -c SCRIPT, in which $0 is the helper noop and $1 the marker
leaf_of_bash() {
	bash -c "$1" "$helpers/noop" "$marker"
}

# the exec of noop with the marker as its argument
own_line() {
	poll have_line '.type == "exec" and .args[1] == $ENV.marker and (.exe | endswith("/noop"))'
}

# the exit of that process
own_exit() {
	poll have_line '.type == "exit" and .args[1] == $ENV.marker and (.exe | endswith("/noop"))'
}

more_teardown() {
	[ -n "${place:-}" ] || return 0
	"$exectap" --unpin "$place/exectap" 2>/dev/null || true
	umount "$place"
}

@test "a subshell has the program of its shell, and the event_id of that exec" {
	local event_id
	export marker
	start_exectap
	# shellcheck disable=SC2016
	leaf_of_bash 'true a; (sleep .1; "$0" "$1"; :) ; :'
	own_line
	expect 'parent_args[1:] | tojson' "$(jq -nc --arg noop "$helpers/noop" --arg marker "$marker" '["-c", "true a; (sleep .1; \"$0\" \"$1\"; :) ; :", $noop, $marker]')"
	expect parent_argc 5
	expect parent_exe "$(readlink -f "$(command -v bash)")"
	expect_unreadable ''
	event_id=$(key parent_event_id)
	poll have_line ".event_id == \"$event_id\""
	expect 'args[0]' bash
	stop_exectap
}

@test "the parent of a process that ran before exectap is known, but no exec of it" {
	export marker
	mkfifo "$BATS_TEST_TMPDIR/go"
	# shellcheck disable=SC2016
	bash -c 'read -r _ <"$2"; "$0" "$1"; :' "$helpers/noop" "$marker" "$BATS_TEST_TMPDIR/go" 3>&- &
	held+=($!)
	poll grep -qa -- "$marker" "/proc/${held[0]}/cmdline"
	start_exectap
	echo >"$BATS_TEST_TMPDIR/go"
	own_line
	expect 'parent_args[:2] | tojson' '["bash","-c"]'
	expect 'parent_args[-1]' "$BATS_TEST_TMPDIR/go"
	expect parent_argc 6
	expect parent_exe "$(readlink -f "$(command -v bash)")"
	expect parent_event_id null
	expect_unreadable ''
	stop_exectap
}

@test "the number of arguments of a program that ran before exectap is known where they were cut" {
	local args
	export marker
	mapfile -t args < <(seq 2000)
	mkfifo "$BATS_TEST_TMPDIR/go"
	# shellcheck disable=SC2016
	bash -c 'read -r _ <"$2"; "$0" "$1"; :' "$helpers/noop" "$marker" "$BATS_TEST_TMPDIR/go" "${args[@]}" 3>&- &
	held+=($!)
	poll grep -qa -- "$marker" "/proc/${held[0]}/cmdline"
	start_exectap --events exec,process
	echo >"$BATS_TEST_TMPDIR/go"
	own_line
	expect parent_argc 2006
	expect 'truncated | tojson' '["parent_args"]'
	poll have_line '.type == "process"'
	expect argc 2006
	stop_exectap
}

@test "a title that replaced the arguments before the start is not reported as arguments" {
	export marker
	mkfifo "$BATS_TEST_TMPDIR/go"
	# the process overwrites its arguments with a shorter title, padded with NULs
	python3 - "$helpers/noop" "$marker" "$BATS_TEST_TMPDIR/go" <<'END' 3>&- &
import ctypes, os, subprocess, sys
start = int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[45])
length = len(open("/proc/self/cmdline", "rb").read())
ctypes.memmove(start, b"a title" + b"\0" * (length - 7), length)
open(sys.argv[3] + ".ready", "w").close()
open(sys.argv[3]).read()
subprocess.run([sys.argv[1], sys.argv[2]], close_fds=False)
END
	held+=($!)
	poll test -e "$BATS_TEST_TMPDIR/go.ready"
	start_exectap
	echo >"$BATS_TEST_TMPDIR/go"
	own_line
	expect parent_args null
	expect parent_argc null
	expect_unreadable parent_args
	expect 'parent_exe | test("python")' true
	stop_exectap
}

@test "setproctitle and PR_SET_MM later do not change what the exec was" {
	export marker
	start_exectap
	# shellcheck disable=SC2016
	python3 -c 'import ctypes, subprocess, sys
start = int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[45])
ctypes.memmove(start, b"another", 7)
subprocess.run([sys.argv[1], sys.argv[2]], close_fds=False)' "$helpers/noop" "$marker"
	own_line
	expect 'parent_args[0] | endswith("python3")' true
	expect 'parent_args[-1]' "$marker"
	stop_exectap
}

@test "an exit has the program, the parent and the cgroup of its exec" {
	local exec key
	export marker
	start_exectap --events exec,exit
	# shellcheck disable=SC2016
	leaf_of_bash '"$0" "$1" "two words" ""; :'
	own_line
	exec=$line
	own_exit
	for key in id exe args argc parent_exe parent_args parent_argc parent_event_id parent_id cgroup systemd_unit container_id; do
		expect "$key | tojson" "$(jq -r ".$key | tojson" <<<"$exec")"
	done
	expect_unreadable ''
	expect truncated null
	stop_exectap
}

@test "a fork without an exec ends with the program of its parent" {
	export marker
	start_exectap --events exec,exit
	# shellcheck disable=SC2016
	leaf_of_bash '(exit 7); :'
	poll have_line '.type == "exit" and .exit_code == 7'
	expect 'args[-1]' "$marker"
	expect 'parent_args | tojson' "$(jq -r '.args | tojson' <<<"$line")"
	stop_exectap
}

@test "an exec by a thread, and by a child of vfork, replaces the program" {
	export marker
	start_exectap --events exec,exit
	"$helpers/thread_exec" "$(command -v bash)" -c '"$0" "$1"; :' "$helpers/noop" "$marker"
	own_line
	expect 'parent_args[1]' -c
	expect parent_event_id "$(jq -r --arg marker "$marker" 'select(.type == "exec" and .args[-1] == $marker and .args[1] == "-c") | .event_id' "$lines" | head -n 1)"
	marker=$marker-vfork
	python3 -c 'import subprocess, sys; subprocess.run(sys.argv[1:], close_fds=False)' "$helpers/noop" "$marker"
	own_line
	expect 'parent_args[0] | endswith("python3")' true
	own_exit
	stop_exectap
}

@test "--parent-args limits what is kept: the path first, then arguments, and what was cut is named" {
	export marker
	start_exectap --events exec,exit --parent-args 64
	# shellcheck disable=SC2016
	leaf_of_bash '"$0" "$1" '"$(printf 'x%.0s' {1..100})"'; :'
	own_line
	expect 'truncated | tojson' '["parent_args"]'
	expect parent_argc 5
	expect 'parent_args[:2] | tojson' '["bash","-c"]'
	expect parent_exe "$(readlink -f "$(command -v bash)")"
	poll have_exit_of "$(key id)"
	expect 'truncated | tojson' '["args","parent_args"]'
	expect exe "$helpers/noop"
	expect argc 3
	expect args_bytes $((${#helpers} + 6 + ${#marker} + 1 + 101))
	expect 'args[0][:10]' "${helpers:0:10}"
	stop_exectap
}

@test "with the largest --parent-args a program fills what is kept to its last byte" {
	local size args
	export marker
	for size in 4089 4095 4096; do
		start_exectap --parent-args "$size"
		args=$(printf 'x%.0s' {1..5000})
		# shellcheck disable=SC2016
		bash -c '"$0" "$1"; :' "$helpers/noop" "$marker" "$args" 3>&-
		own_line
		expect 'truncated | tojson' '["parent_args"]'
		# the path has as many bytes as its names with their NULs
		expect 'parent_exe + (.parent_args | join("x")) | utf8bytelength' "$size"
		expect 'parent_args[3:5] | tojson' "$(jq -nc --arg noop "$helpers/noop" --arg marker "$marker" '[$noop, $marker]')"
		poll have_line ".args[-1] == \"$args\""
		stop_exectap
		[ "$(grep -c '"type":"lost"' "$lines")" = 0 ]
	done
}

@test "--parent-args 0 keeps nothing: the parent has its path, an exit no program" {
	export marker
	start_exectap --events exec,exit --parent-args 0
	"$exectap" --check >/dev/null
	# shellcheck disable=SC2016
	leaf_of_bash '"$0" "$1"; :'
	own_line
	expect parent_exe "$(readlink -f "$(command -v bash)")"
	expect 'parent_args // .parent_argc // .parent_event_id' null
	expect_unreadable ''
	poll have_exit_of "$(key id)"
	expect 'exe // .args' null
	expect 'unreadable - ["entry_exe"] | tojson' '["args","exe"]'
	stop_exectap
	rejects "a rule for parent_args needs --parent-args above 0" --parent-args 0 --only parent_args=x
	rejects "invalid --parent-args '63' (0, or 64 to 4096 bytes)" --parent-args 63
	rejects "invalid --parent-args '4097' (0, or 64 to 4096 bytes)" --parent-args 4097
	rejects "invalid --parent-args 'x' (0, or 64 to 4096 bytes)" --parent-args x
}

# have_exit_of ID: sets $line to the exit of that process
have_exit_of() {
	line=$(jq -c --arg id "$1" 'select(.type == "exit" and .id == $id)' "$lines" 2>/dev/null | head -n 1)
	[ -n "$line" ]
}

@test "--only and --skip treat the lines of a process alike, and work on the keys of the parent" {
	export marker
	start_exectap --events exec,exit --only "args=$marker" --only "exe=*/noop"
	"$helpers/noop" "$marker"
	own_exit
	stop_exectap
	[ "$(select_lines true | jq -s 'map(.type) | sort | join(" ")')" = '"exec exit"' ]

	start_exectap --events exec,exit --only "parent_args=$marker-parent" --skip 'parent_args=other'
	# shellcheck disable=SC2016
	bash -c '"$0" "$1"; :' "$helpers/noop" "$marker" other "$marker-parent"
	# shellcheck disable=SC2016
	bash -c '"$0" "$1"; :' "$helpers/noop" "$marker" "$marker-parent"
	own_exit
	stop_exectap
	[ "$(select_lines '.type == "exec"' | wc -l)" = 1 ]
	expect 'parent_args[-1]' "$marker-parent"
	expect 'parent_args | length' 6
}

@test "--redact masks the parent's arguments and those of an exit, --no-args leaves all of them out" {
	export marker
	start_exectap --events exec,exit --redact
	# shellcheck disable=SC2016
	bash -c '"$0" "$1" --password=hunter2; :' "$helpers/noop" "$marker" --token=hunter3
	own_line
	expect 'redacted | tojson' '["args","parent_args"]'
	own_exit
	expect 'redacted | tojson' '["args","parent_args"]'
	stop_exectap
	! grep -E 'hunter[23]' "$lines" || false

	start_exectap --events exec,exit --no-args
	cp "$helpers/noop" "$BATS_TEST_TMPDIR/$marker"
	# shellcheck disable=SC2016
	bash -c '"$0"; :' "$BATS_TEST_TMPDIR/$marker"
	poll have_line '.type == "exit" and (.exe | endswith($ENV.marker))'
	expect 'args // .parent_args // .truncated' null
	expect_unreadable ''
	expect parent_argc 4
	stop_exectap
	! grep -qE '"(parent_)?args":' "$lines" || false
}

@test "--fields @parent has the keys of the parent, and what they need is read" {
	export marker
	start_exectap --fields @parent,args --only "args=$marker"
	# shellcheck disable=SC2016
	leaf_of_bash '"$0" "$1"; :'
	poll have_line '.args[0] | endswith("/noop")'
	expect 'parent_args[0]' bash
	expect 'parent_event_id and .parent_exe and .parent_argc == 5' true
	expect exe null
	stop_exectap
	rm "$lines" # they lack keys that the schema requires
}

@test "the parent's file that was unlinked after its exec is deleted" {
	export marker
	cp "$(command -v bash)" "$BATS_TEST_TMPDIR/shell"
	start_exectap
	# shellcheck disable=SC2016
	"$BATS_TEST_TMPDIR/shell" -c 'rm "$2"; "$0" "$1"; :' "$helpers/noop" "$marker" "$BATS_TEST_TMPDIR/shell"
	own_line
	expect parent_exe "$BATS_TEST_TMPDIR/shell"
	expect parent_exe_deleted true
	stop_exectap
}

@test "of 4,000 execs whose parent exits or executes at that moment, none mixes two programs" {
	local one=$BATS_TEST_TMPDIR/one other=$BATS_TEST_TMPDIR/other
	export marker
	cp "$helpers/swap" "$one"
	cp "$helpers/swap" "$other"
	start_exectap --buffer 64M
	"$one" 2000 "$marker" "$helpers/noop" "$other"
	poll all_swapped
	stop_exectap
	select_lines '.exe | endswith("/noop")' | jq -sr --arg one "$one" --arg other "$other" '
		def known: .parent_exe and .parent_args;
		def of_swap: .parent_exe == $one or .parent_exe == $other or .parent_args[0] == $one or .parent_args[0] == $other;
		"\(length) execs, \(map(select(known)) | length) known, \(map(select(known | not)) | length) marked, " +
		"\(map(select(known and of_swap and .parent_exe != .parent_args[0])) | length) mixed, " +
		"\(map(select((known | not) and (.unreadable | contains(["parent_args"]) | not))) | length) unmarked, " +
		"\(map(select(.entry_id == .id and .ppid > 2)) | length) their own entry"' |
		tee "$BATS_TEST_TMPDIR/result"
	# a child of init is its own entry; these have a parent
	grep -qE '^4000 execs, .* 0 mixed, 0 unmarked, 0 their own entry$' "$BATS_TEST_TMPDIR/result"
	[ "$(sed -E 's/.*, ([0-9]+) known.*/\1/' "$BATS_TEST_TMPDIR/result")" -gt 400 ]
}

all_swapped() {
	[ "$(select_lines '.exe | endswith("/noop")' | wc -l)" = 4000 ]
}

@test "with --pin the programs are pinned and known in the next run, and another --parent-args replaces them" {
	local pins=$BATS_TEST_TMPDIR/bpf/exectap
	export marker
	place=$BATS_TEST_TMPDIR/bpf
	mkdir "$place"
	mount -t bpf bpf "$place"
	start_exectap --pin "$pins"
	mkfifo "$BATS_TEST_TMPDIR/go"
	# shellcheck disable=SC2016
	bash -c 'read -r _ <"$2"; "$0" "$1"; :' "$helpers/noop" "$marker" "$BATS_TEST_TMPDIR/go" 3>&- &
	held+=($!)
	poll grep -q "$marker" "$lines"
	stop_exectap
	ls "$pins"/*/map_program_slots "$pins"/*/map_programs "$pins"/*/map_long_programs
	start_exectap --pin "$pins"
	echo >"$BATS_TEST_TMPDIR/go"
	own_line
	expect 'parent_args[-1]' "$BATS_TEST_TMPDIR/go"
	[ "$(key parent_event_id)" != null ]
	stop_exectap
	start_exectap --pin "$pins" --parent-args 1024
	grep -q 'replaced.*parent args 512; now: .*parent args 1024' "$log"
	# shellcheck disable=SC2016
	leaf_of_bash '"$0" "$1"; :'
	own_line
	expect 'parent_args[-1]' "$marker"
	stop_exectap
	"$exectap" --unpin "$pins"
}

# Prints the ids of the maps with the programs: the slots, of 208 bytes, and the hashes, whose values have 40 bytes more
# than 144, or than --parent-args.
programs_maps() {
	awk '/^map_type:/ { type = $2 } /^value_size:/ { size = $2 }
		/^map_id:/ && ((type == 1 && (size == 184 || size == 552)) || (type == 2 && size == 208)) { print $2 }' \
		"/proc/$exectap_pid/fdinfo/"* | sort -u
}

# Prints the ids of the processes whose programs are kept, each once for each map. A dump begins again where it meets a
# removed element.
kept_pids() {
	local map
	for map in $(programs_maps); do
		bpftool --json map dump id "$map" | jq -r '.[] | if .formatted then .formatted.value | select(.is_live == 1) | .pid
			else .key[8:11] | map(ltrimstr("0x") | explode |
			reduce .[] as $digit (0; . * 16 + ($digit - if $digit > 57 then 87 else 48 end))) |
			.[0] + 256 * .[1] + 65536 * .[2] end' | sort -u
	done
}

# Prints the bytes of the maps with the programs.
programs_bytes() {
	awk '/^memlock:/ { bytes = $2 } /^map_id:/ { all[$2] = bytes }
		END { split(maps, ids, " "); for (i in ids) sum += all[ids[i]]; print sum }' maps="$(programs_maps | xargs)" "/proc/$exectap_pid/fdinfo/"*
}

@test "an idle process takes at most 600 bytes of the maps, and exectap no more memory of its own" {
	local count=400 before anonymous i
	start_exectap
	before=$(programs_bytes)
	for ((i = 0; i < count; i++)); do
		"$helpers/hold" "$marker" 3>&- >/dev/null &
		held+=($!)
	done
	all_written() { [ "$(grep -cF -- "$marker" "$lines")" -ge "$count" ]; }
	poll all_written
	echo "$before bytes before, $(programs_bytes) with $count processes more"
	[ $((($(programs_bytes) - before) / count)) -le 600 ]
	anonymous=$(awk '/^RssAnon/ { print $2 }' "/proc/$exectap_pid/status")
	echo "$anonymous KiB"
	[ "$anonymous" -lt $((6 * 1024)) ]
	stop_exectap
	start_exectap # they have no slots now
	echo "$before bytes before, $(programs_bytes) with $count processes that ran already"
	[ $((($(programs_bytes) - before) / count)) -ge 200 ]
	[ $((($(programs_bytes) - before) / count)) -le 600 ]
}

# start_shells NAME COUNT: starts shells with a short command line. Each runs a leaf now, MARKER-now-NAME-PID, and one
# after a line in the FIFO, MARKER-then-NAME-PID. Prints the ids of the shells.
start_shells() {
	local i
	for ((i = 0; i < $2; i++)); do
		bash "$BATS_TEST_TMPDIR/shell" "$1" 3>&- >/dev/null &
		echo $!
	done
}

@test "processes whose ids are 4,096 apart have a program each" {
	local count=64 old='' new='' started last width=0 ahead shared=0 leaves
	export marker helpers
	cd "$BATS_TEST_TMPDIR"
	mkfifo go
	exec 9<>go
	# shellcheck disable=SC2016
	echo '"$helpers/noop" "$marker-now-$1-$$" 9>&-; read -r _ <&9; "$helpers/noop" "$marker-then-$1-$$" 9>&-' >shell
	start_exectap --buffer 64M # for what the host executes meanwhile, too
	while [ "$width" -le 0 ]; do # the ids begin anew at pid_max
		started=$(start_shells old "$count")
		old+=$started$'\n'
		# shellcheck disable=SC2206,SC2086
		held+=($started)
		last=$(tail -n 1 <<<"$started")
		width=$((last - $(head -n 1 <<<"$started")))
	done
	while [ "$shared" -lt 4 ]; do # other processes take ids too
		ahead=$((((last - $(sh -c 'echo $$')) % 4096 + 4096) % 4096))
		if [ "$ahead" -gt "$width" ]; then
			"$helpers/storm" 1 $((ahead - width)) "$marker-between" "$helpers/noop" 9>&-
			continue
		fi
		new+=$(start_shells new 8)$'\n'
		# shellcheck disable=SC2086
		shared=$(printf '%s\n' $old $new | awk '{ print $1 % 4096 }' | sort | uniq -d | wc -l)
	done
	# shellcheck disable=SC2206,SC2086
	held+=($new)
	leaves=$((2 * $(wc -w <<<"$old $new")))
	echo "old: until $last, new: ${new//$'\n'/ }, $shared slots for two of them"
	printf '\n%.0s' $(seq $((leaves / 2))) >&9
	all_written() { [ "$(grep -cE "\"args\":[^]]*$marker-(now|then)-(old|new)-" "$lines")" -ge "$leaves" ]; }
	poll all_written
	stop_exectap
	exec 9>&-
	jq -se --arg marker "$marker" --arg shell "$BATS_TEST_TMPDIR/shell" --argjson count "$leaves" '
		[.[] | .args[1] as $leaf | select(($leaf // "") | test("^" + $marker + "-(now|then)-")) | ($leaf[($marker | length) + 1:] | split("-")) as $part |
			.parent_args == ["bash", $shell, $part[1]] and .parent_argc == 3 and .ppid == ($part[2] | tonumber) and
			.parent_event_id != null and .parent_exe != null] | length == $count and all' "$lines"
}

@test "a process whose program becomes longer, and shorter again, has one" {
	local dir=$BATS_TEST_TMPDIR long
	long=$(printf 'x%.0s' {1..300})
	export marker helpers dir long
	echo 'exec bash "$dir/b" "$long"' >"$dir/a"
	echo '"$helpers/noop" "$marker"; exec bash "$dir/c"' >"$dir/b"
	echo '"$helpers/noop" "$marker-c"; exec "$helpers/hold" "$marker-d"' >"$dir/c"
	start_exectap
	bash "$dir/a" 3>&- >/dev/null &
	held+=($!)
	own_line
	expect 'parent_args | tojson' "[\"bash\",\"$dir/b\",\"$long\"]"
	marker=$marker-c own_line
	expect 'parent_args | tojson' "[\"bash\",\"$dir/c\"]"
	poll have_line ".args[1] == \"$marker-d\""
	[ "$(kept_pids | grep -cx "$(key pid)")" = 1 ]
	stop_exectap
}

# runs PID ARGUMENT...: returns 0 if the process has this command line
runs() {
	cmp -s "/proc/$1/cmdline" <(printf '%s\0' "${@:2}")
}

@test "a process that ran before exectap is the parent with its old program, then with its new one" {
	local dir=$BATS_TEST_TMPDIR
	export marker helpers dir
	mkfifo "$dir/go"
	# shellcheck disable=SC2016
	echo 'read -r _ <"$dir/go"; "$helpers/noop" "$marker-old"; "$helpers/noop" "$marker-same"; exec bash "$dir/new"' >"$dir/old"
	# shellcheck disable=SC2016
	echo '"$helpers/noop" "$marker-new"; :' >"$dir/new"
	taskset -c "$(cut -d - -f 1 /sys/devices/system/cpu/online)" bash "$dir/old" 3>&- & # a CPU keeps the last programs
	held+=($!)
	poll runs "${held[0]}" bash "$dir/old"
	start_exectap
	echo >"$dir/go"
	marker=$marker-new own_line
	expect 'parent_args | tojson' "[\"bash\",\"$dir/new\"]"
	marker=$marker-same own_line
	expect 'parent_args | tojson' "[\"bash\",\"$dir/old\"]"
	marker=$marker-old own_line
	expect 'parent_args | tojson' "[\"bash\",\"$dir/old\"]"
	stop_exectap
}

@test "programs are kept of the processes that run, and of few that have ended" {
	local kept
	start_exectap
	hold "$helpers/hold"
	"$helpers/storm" 2 1000 "$marker" "$helpers/noop"
	"$helpers/storm" -a 300 2 1000 "$marker-long" "$helpers/noop" # longer than a slot
	wait_for_line ".args[1] == \"$marker-long-1-999\""
	kept=$(kept_pids)
	grep -qx "$pid" <<<"$kept"
	[ "$(wc -w <<<"$kept")" -lt $(($(ls -d /proc/[0-9]* | wc -l) + 17 * $(nproc) + 100)) ]
	stop_exectap
}
