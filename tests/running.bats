#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --events process: what the lines of processes that ran before exectap say of them, compared with /proc and stat(1).

load lib
load file

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# before COMMAND [ARG...]: runs a command in the background that finally executes the helper "hold" under any path that
# contains this word, with $marker as last argument. Sets $pid.
before() {
	"$@" "$marker" 3>&- >/dev/null &
	pid=$!
	held+=("$pid")
	poll holds
}

holds() {
	[[ $(readlink "/proc/$pid/exe") == *hold* ]]
}

# before_with CODE [PATH]: executes PATH, or "hold", from python after this code.
before_with() {
	before python3 -c "import ctypes, os, socket, sys
$1
os.execv(sys.argv[1], sys.argv[1:])" "${2:-$helpers/hold}"
}

# Sets $line to the line of the process $pid.
process_line() {
	poll have_process_line
}

have_process_line() {
	line=$(jq -c "select(.type == \"process\" and .pid == $pid)" "$lines" 2>/dev/null | head -n 1)
	[ -n "$line" ]
}

# Prints the mark of a path that d_path() says is unlinked.
mark() {
	[[ $1 != *' (deleted)' ]] || echo true
}

# Compares $line with the links of /proc and with the name there.
expect_proc() {
	local exe cwd
	exe=$(readlink "/proc/$pid/exe")
	cwd=$(readlink "/proc/$pid/cwd")
	expect exe "${exe% (deleted)}"
	expect 'deleted // ""' "$(mark "$exe")"
	expect cwd "${cwd% (deleted)}"
	expect 'cwd_deleted // ""' "$(mark "$cwd")"
	expect name "$(cat "/proc/$pid/comm")"
	expect comm "$(cat "/proc/$pid/comm")"
}

@test "a running process has the keys of an exec, but for those of the call, as /proc and stat(1) show them" {
	local place=$BATS_TEST_TMPDIR/place hold=$BATS_TEST_TMPDIR/place/hold exec_keys
	mkdir "$place"
	cp "$helpers/hold" "$hold"
	chown 61234:61235 "$hold"
	chmod 6751 "$hold"
	touch -d 2001-02-03T04:05:06.789012345Z "$hold"
	before env -C "$place" "$hold" 'two words'
	start_exectap --events exec,process --env PATH
	process_line
	expect_proc
	expect exe "$hold"
	expect cwd "$place"
	expect name hold
	expect 'args | tojson' "[\"$hold\",\"two words\",\"$marker\"]"
	expect_stat
	expect exe_dev "$(stat -L -c %Hd:%Ld "/proc/$pid/exe")"
	expect exe_mode 6751
	expect_descriptors
	exec_keys=$(jq -r 'keys + ["env", "filename"] | sort | join(",")' <<<"$line")
	marker=$marker-exec
	hold env -C "$place" "$hold" 'two words'
	[ "$(jq -r 'keys | join(",")' <<<"$line")" = "$exec_keys" ]
}

@test "the path of a running program is whole, whatever --parent-args" {
	local place=$BATS_TEST_TMPDIR/$marker name bytes
	printf -v name '%0250d' 1
	mkdir -p "$place/$name/$name/$name"
	cp "$helpers/hold" "$place/$name/$name/$name/hold"
	before env -C "$place/$name/$name" "$place/$name/$name/$name/hold"
	for bytes in 0 256 512 4096; do
		start_exectap --events process --parent-args $bytes
		process_line
		stop_exectap
		expect_proc
		[ "$(key 'exe | length')" -gt 768 ]
		expect_stat
		if [ $bytes = 0 ]; then
			expect_unreadable args
		else
			expect_unreadable ''
		fi
		[ $bytes != 4096 ] || expect 'args[1]' "$marker"
	done
}

@test "the name of a running process is what prctl(2) has set, and the arguments are its own" {
	python3 -c 'import ctypes, sys, time
ctypes.CDLL(None).prctl(15, b"caf\xe9 \"x\"", 0, 0, 0)
time.sleep(600)' "$marker" 3>&- &
	pid=$!
	held+=("$pid")
	poll grep -qa '^caf' "/proc/$pid/comm"
	start_exectap --events process
	process_line
	expect name $'caf\xef\xbf\xbd "x"'
	[ "$(raw_of name | base64 -d)" = $'caf\xe9 "x"' ]
	[ "$(raw_of comm | base64 -d)" = $'caf\xe9 "x"' ]
	expect 'args[-1]' "$marker"
	expect exe "$(readlink "/proc/$pid/exe")"
	expect_stat
}

@test "a running program whose file and directory are removed" {
	local place=$BATS_TEST_TMPDIR/place
	mkdir "$place"
	cp "$helpers/hold" "$place/hold"
	before env -C "$place" "$place/hold"
	rm -r "$place"
	start_exectap --events process
	process_line
	expect_proc
	expect exe "$place/hold"
	expect deleted true
	expect cwd_deleted true
	expect_stat
	expect_unreadable ''
}

@test "a running program without a file" {
	before_with 'fd = os.memfd_create("hold")
os.write(fd, open(sys.argv[1], "rb").read())
sys.argv[1] = f"/proc/self/fd/{fd}"'
	start_exectap --events process
	process_line
	expect exe /memfd:hold
	expect memfd true
	expect deleted null
	expect_stat
	expect_unreadable ''
}

@test "running programs of an overlayfs: of the image, changed and dropped" {
	local file expected pids=()
	mkdir "$BATS_TEST_TMPDIR/base"
	mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/base"
	mount_overlay "$BATS_TEST_TMPDIR/base" "$BATS_TEST_TMPDIR/base"
	for file in of-image changed dropped; do
		before env -C "$BATS_TEST_TMPDIR/merged/$file" "$BATS_TEST_TMPDIR/merged/$file/hold"
		pids+=("$pid")
	done
	start_exectap --events process
	for pid in "${pids[@]}"; do
		process_line
		expect_proc
		expect_stat
		expect_unreadable ''
		file=$(basename "$(key cwd)") expected=null
		[ "$file" = of-image ] || expected=true
		expect exe_upper "$expected"
	done
	[ "$file" = dropped ]
}

# frozen: sets $line to the line of the process $pid, which waits in a call
frozen() {
	poll grep -q '^State:.D' "/proc/$pid/status" && start_exectap --events process && process_line
}

@test "a running process that waits in an overlayfs has its own credentials, not those of who mounted it" {
	local place=$BATS_TEST_TMPDIR failed=
	command -v mkfs.ext4 fsfreeze >/dev/null || skip "no mkfs.ext4 or fsfreeze"
	truncate -s 64M "$place/image"
	mkfs.ext4 -q "$place/image"
	mkdir "$place/base" "$place/lower" "$place/merged"
	mount -o loop "$place/image" "$place/base"
	mkdir "$place/base/upper" "$place/base/work"
	mount -t overlay overlay -o "lowerdir=$place/lower,upperdir=$place/base/upper,workdir=$place/base/work" "$place/merged"
	python3 - "$place/merged/file" 3>&- <<'END' &
import os, sys, time
with open(sys.argv[1], "w") as file:
    os.setgid(65534)
    os.setuid(65534)
    while True:
        os.write(file.fileno(), b"x")
        time.sleep(0.01)
END
	pid=$!
	held+=("$pid")
	poll grep -q '^Uid:.65534' "/proc/$pid/status"
	fsfreeze --freeze "$place/base"
	frozen || failed=yes
	fsfreeze --unfreeze "$place/base"
	[ -z "$failed" ]
	expect uid 65534
	expect euid 65534
	expect gid 65534
	expect cap_eff 0000000000000000
	expect cap_prm 0000000000000000
}

@test "a running process in a mount namespace of its own, where nothing of it is in the one of exectap" {
	mkdir "$BATS_TEST_TMPDIR/own"
	# shellcheck disable=SC2016
	before unshare --mount bash -c 'mount -t tmpfs tmpfs "$0" && mkdir "$0/dir" && cp "$1" "$0/hold" && cd "$0/dir" &&
		exec "$0/hold" "$2"' "$BATS_TEST_TMPDIR/own" "$helpers/hold"
	start_exectap --events process
	process_line
	expect exe "$BATS_TEST_TMPDIR/own/hold"
	expect cwd "$BATS_TEST_TMPDIR/own/dir"
	expect 'exe_detached // .cwd_detached // .deleted' null
	expect_stat
	expect exe_dev "$(stat -L -c %Hd:%Ld "/proc/$pid/exe")"
	expect_unreadable ''
}

@test "a running process whose directory is on a mount that is gone" {
	mkdir "$BATS_TEST_TMPDIR/gone"
	mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/gone"
	mkdir "$BATS_TEST_TMPDIR/gone/dir"
	before env -C "$BATS_TEST_TMPDIR/gone/dir" "$helpers/hold"
	umount -l "$BATS_TEST_TMPDIR/gone"
	start_exectap --events process
	process_line
	expect cwd /dir
	expect cwd_detached true
	expect 'exe_detached' null
	expect_unreadable ''
}

@test "descriptors of running processes: pipe, socket and device; closed; an anonymous inode, a file; of a large table" {
	local code pids=()
	for code in 's = socket.socket()
os.dup2(os.pipe()[0], 0), os.dup2(s.fileno(), 1), os.dup2(os.open("/dev/zero", os.O_RDWR), 2)' \
		'os.close(0), os.set_inheritable(1, False)' \
		'os.dup2(ctypes.CDLL(None).eventfd(0, 0), 0), os.dup2(os.open("/etc/passwd", os.O_RDONLY), 1)' \
		'r, w = os.pipe()
[os.dup2(w, fd) for fd in range(20, 400)], os.dup2(r, 0), os.dup2(w, 1)'; do
		before_with "$code"
		pids+=("$pid")
	done
	start_exectap --events process
	for pid in "${pids[@]}"; do
		process_line
		expect_descriptors
	done
	expect stdout "$(readlink "/proc/$pid/fd/399")"
	pid=${pids[1]}
	process_line
	expect 'stdin // .stdout' null
	pid=${pids[2]}
	process_line
	expect stdin 'anon_inode:[eventfd]'
}

@test "of a process that has ended, and whose parent has not waited for it, what is gone is unreadable" {
	python3 -c 'import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:])
print(child.pid, flush=True)
time.sleep(600)' "$helpers/noop" "$marker" 3>&- >"$BATS_TEST_TMPDIR/pid" &
	held+=($!)
	poll test -s "$BATS_TEST_TMPDIR/pid"
	pid=$(<"$BATS_TEST_TMPDIR/pid")
	poll grep -q '^State:.*Z' "/proc/$pid/status"
	start_exectap --events process
	process_line
	expect name noop
	expect 'args // .argc // .exe // .cwd // .exe_ino // .exe_mode // .exe_size // .stdin' null
	expect_unreadable args,exe,cwd,exe_dev,exe_ino,exe_mode,exe_uid,exe_gid,exe_size,exe_mtime,exe_upper,stdin,stdout,stderr
}

@test "kernel threads have a name and a directory, and neither a file nor arguments" {
	[ "$(cat /proc/2/comm 2>/dev/null)" = kthreadd ] || skip "not in the initial pid namespace"
	start_exectap --events process
	pid=2
	process_line
	expect name kthreadd
	expect cwd "$(readlink /proc/2/cwd)"
	[ "$(jq -r 'keys | map(select(test("^(exe|args|std|unreadable|memfd|deleted)"))) | join(",")' <<<"$line")" = "" ]
}

@test "rules on the keys of running processes" {
	local rules=() key
	before env -C "$BATS_TEST_TMPDIR" "$helpers/hold"
	start_exectap --events process
	process_line
	stop_exectap
	for key in name cwd exe exe_dev exe_ino exe_mode exe_uid exe_gid exe_size exe_mtime stdin stdout stderr; do
		rules+=(--only "$key=$(key "$key" | sed 's/[][*?\\]/\\&/g')")
	done
	start_exectap --events process "${rules[@]}" --skip exe_upper=true
	process_line
	stop_exectap
	start_exectap --events process "${rules[@]}" --skip "cwd=$BATS_TEST_TMPDIR" --heartbeat 1
	poll grep -q '"type":"stats"' "$lines"
	stop_exectap
	! have_process_line || false
}

# A process that executes two programs in turn, without an end.
swap_programs() {
	local one=$BATS_TEST_TMPDIR/one other=$BATS_TEST_TMPDIR/other
	# shellcheck disable=SC2016
	"$one" -c 'exec "$1" -c "$2" "$1" "$0" "$2" "$3"' "$one" "$other" 'exec "$1" -c "$2" "$1" "$0" "$2" "$3"' "$marker" 3>&- &
	held+=($!)
}

# A process that changes its directory and first descriptor, without an end.
change_without_end() {
	mkdir "$BATS_TEST_TMPDIR"/{here,there}
	python3 -c 'import os, socket, sys
os.chdir(sys.argv[1])
s = socket.socket()
pipe, other = os.pipe()[0], s.fileno()
while True:
    os.dup2(pipe, 0), os.chdir("../here"), os.dup2(other, 0), os.chdir("../there")' "$BATS_TEST_TMPDIR/here" "$marker" 3>&- &
	held+=($!)
	poll changes "${held[-1]}"
}

changes() {
	[[ $(readlink "/proc/$1/cwd") == */there ]]
}

@test "of processes that execute, or change their directory and descriptors, at that moment: one state, or unreadable" {
	local round all=$BATS_TEST_TMPDIR/all pids
	cp "$(readlink -f /bin/sh)" "$BATS_TEST_TMPDIR/one"
	cp "$(readlink -f /bin/sh)" "$BATS_TEST_TMPDIR/other"
	for round in 1 2 3; do swap_programs; done
	pids=$(IFS=,; echo "${held[*]}")
	change_without_end
	pid=${held[0]}
	for round in {1..12}; do
		start_exectap --events process
		process_line
		poll listed "${held[-1]}"
		stop_exectap
		cat "$lines" >>"$all"
	done
	jq -r --argjson pids "[$pids]" --arg one "$BATS_TEST_TMPDIR/one $(stat -c %i "$BATS_TEST_TMPDIR/one")" \
		--arg other "$BATS_TEST_TMPDIR/other $(stat -c %i "$BATS_TEST_TMPDIR/other")" '
		select(.type == "process" and (.pid as $pid | $pids | index($pid))) |
		((.unreadable // []) as $unreadable | {
			exe: (.exe == null or .args == null or .args == [] or .args[0] == .exe),
			file: (.exe_ino == null or .exe == null or "\(.exe) \(.exe_ino)" == $one or "\(.exe) \(.exe_ino)" == $other),
			marked: (["exe", "cwd", "args", "exe_ino", "exe_size"] - keys - $unreadable == [])
		}) | tojson' "$all" | sort | uniq -c >"$BATS_TEST_TMPDIR/result"
	cat "$BATS_TEST_TMPDIR/result"
	[ "$(awk '{ sum += $1 } END { print sum }' "$BATS_TEST_TMPDIR/result")" = 36 ]
	! grep -q false "$BATS_TEST_TMPDIR/result" || false
	[ "$(jq -c --argjson pids "[$pids]" 'select(.type == "process" and (.pid as $pid | $pids | index($pid)) and .exe and .args and .exe_ino)' "$all" | wc -l)" -gt 12 ]
	jq -r --argjson pid "${held[-1]}" 'select(.type == "process" and .pid == $pid) |
		((.unreadable // []) as $unreadable | if .cwd then .cwd | split("/") | last else $unreadable | contains(["cwd"]) end),
		((.unreadable // []) as $unreadable | if .stdin then .stdin | split(":") | first else $unreadable | contains(["stdin"]) end)' "$all" |
		sort | uniq -c >"$BATS_TEST_TMPDIR/result"
	cat "$BATS_TEST_TMPDIR/result"
	[ "$(awk '{ sum += $1 } END { print sum }' "$BATS_TEST_TMPDIR/result")" = 24 ]
	! grep -vE ' (here|there|pipe|socket|true)$' "$BATS_TEST_TMPDIR/result" || false
}

listed() {
	jq -e -n --argjson pid "$1" 'first(inputs | select(.pid == $pid))' "$lines" >/dev/null 2>&1
}
