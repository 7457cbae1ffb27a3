#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The file that runs, the names and capabilities of the process, and its first descriptors, compared with stat(1) and
# /proc.

load lib
load file

# hold_with CODE: executes "hold" from python after this code.
hold_with() {
	hold python3 -c "import os, select, socket, sys
$1
os.execv(sys.argv[1], sys.argv[1:])" "$helpers/hold"
}

@test "the keys of the file are what stat(1) prints" {
	local hold=$BATS_TEST_TMPDIR/hold
	cp "$helpers/hold" "$hold"
	printf more >>"$hold"
	chown 61234:61235 "$hold"
	chmod 6751 "$hold"
	touch -d 2001-02-03T04:05:06.789012345Z "$hold"
	start_exectap
	hold "$hold"
	expect_stat
	expect exe_dev "$(stat -L -c %Hd:%Ld "/proc/$pid/exe")"
	expect exe_mode 6751
	expect exe_mtime 2001-02-03T04:05:06.789012345Z
	expect exe_upper null
	expect_unreadable ''
}

@test "of a script, the file is the interpreter, and name is the script's" {
	local script=$BATS_TEST_TMPDIR/a-long-name-of-a-script
	cp "$helpers/hold" "$BATS_TEST_TMPDIR/hold"
	printf '#!%s -x\n' "$BATS_TEST_TMPDIR/hold" >"$script"
	chmod 750 "$script"
	start_exectap
	hold "$script"
	expect name a-long-name-of-
	expect name "$(cat "/proc/$pid/comm")"
	expect comm bash
	expect exe "$BATS_TEST_TMPDIR/hold"
	expect_stat
}

@test "a size or a time that no line can have is unreadable" {
	local place=$BATS_TEST_TMPDIR/place
	mkdir "$place"
	mount -t tmpfs tmpfs "$place"
	mkdir "$place"/{large,old,epoch}
	cp "$helpers/hold" "$place/large/hold"
	truncate -s 9007199254740993 "$place/large/hold"
	cp "$helpers/hold" "$place/old/hold"
	touch -d 1969-12-31T23:59:59Z "$place/old/hold"
	cp "$helpers/hold" "$place/epoch/hold"
	touch -d 1970-01-01T00:00:00Z "$place/epoch/hold"
	start_exectap
	hold "$place/large/hold"
	expect exe_size null
	expect_unreadable exe_size
	expect exe_mtime "$(mtime_of "$place/large/hold")"
	marker=$marker-old
	hold "$place/old/hold"
	expect exe_mtime null
	expect_unreadable exe_mtime
	expect exe_size "$(stat -c %s "$place/old/hold")"
	marker=$marker-epoch
	hold "$place/epoch/hold"
	expect_stat
	expect exe_mtime 1970-01-01T00:00:00.000000000Z
}

@test "a time that only a disk can have is unreadable, and the exec has its line" {
	local place=$BATS_TEST_TMPDIR/place
	PATH=$PATH:/usr/sbin:/sbin
	command -v debugfs >/dev/null || skip "no debugfs"
	mkdir "$place" "$BATS_TEST_TMPDIR/files"
	cp "$helpers/hold" "$BATS_TEST_TMPDIR/files"
	truncate -s 8M "$BATS_TEST_TMPDIR/disk"
	mkfs.ext4 -q -I 256 -d "$BATS_TEST_TMPDIR/files" "$BATS_TEST_TMPDIR/disk"
	# 30 bits of nanoseconds, all ones
	debugfs -w -R 'set_inode_field /hold mtime_extra 0xfffffffc' "$BATS_TEST_TMPDIR/disk" 2>&1
	mount -o loop,ro "$BATS_TEST_TMPDIR/disk" "$place" || skip "no loop devices"
	start_exectap
	hold "$place/hold"
	expect exe_mtime null
	expect_unreadable exe_mtime
	expect exe_size "$(stat -c %s "$place/hold")"
	stop_exectap
	[ "$(grep -c '"type":"lost"' "$lines")" = 0 ]
}

# Executes the files of the overlayfs. Their keys are those of stat(1), but for the device on two file systems; the
# directory of the upper layer has the files that are not of the image.
expect_overlay() {
	local file expected base=$marker device
	device=$(awk -v at="$BATS_TEST_TMPDIR/merged" '$5 == at { print $3 }' /proc/self/mountinfo)
	[ -n "$device" ]
	start_exectap
	for file in of-image changed dropped; do
		expected=null
		[ ! -e "$1/upper/$file/hold" ] || expected=true
		marker=$base-$file
		hold "$BATS_TEST_TMPDIR/merged/$file/hold"
		expect exe "$BATS_TEST_TMPDIR/merged/$file/hold"
		expect exe_upper "$expected"
		expect_unreadable ''
		expect exe_dev "$device"
		expect_stat
	done
	expect exe_upper true
}

# The mounts are removed with the holding processes.
end_overlay() {
	kill_own KILL "${held[@]}"
	wait "${held[@]}" 2>/dev/null || true
}

@test "on overlayfs, a file that was changed or dropped is marked, and one of the image is not" {
	mkdir "$BATS_TEST_TMPDIR/base"
	mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/base"
	mount_overlay "$BATS_TEST_TMPDIR/base" "$BATS_TEST_TMPDIR/base"
	expect_overlay "$BATS_TEST_TMPDIR/base"
	expect exe_dev "$(stat -L -c %Hd:%Ld "/proc/$pid/exe")"
	end_overlay
}

@test "on overlayfs of two file systems, the device is that of the mount" {
	mkdir "$BATS_TEST_TMPDIR"/{base,other}
	mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/base"
	mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/other"
	mount_overlay "$BATS_TEST_TMPDIR/base" "$BATS_TEST_TMPDIR/other"
	expect_overlay "$BATS_TEST_TMPDIR/other"
	end_overlay
}

@test "on overlayfs in a mount namespace of its own, likewise" {
	mkdir "$BATS_TEST_TMPDIR"/{base,merged}
	start_exectap
	# shellcheck disable=SC2016
	hold unshare --mount bash -c 'cd "$0" && mount -t tmpfs tmpfs base && mkdir base/lower base/upper base/work &&
		mount -t overlay -o lowerdir=base/lower,upperdir=base/upper,workdir=base/work overlay merged &&
		cp "$1" merged/hold && exec "$0/merged/hold" "$2"' "$BATS_TEST_TMPDIR" "$helpers/hold"
	expect exe_upper true
	expect_stat
	expect exe_dev "$(stat -L -c %Hd:%Ld "/proc/$pid/exe")"
	[ ! -e "$BATS_TEST_TMPDIR/merged/hold" ]
}

@test "the permitted capabilities are those of /proc, and may be more than the effective ones" {
	local hold=$BATS_TEST_TMPDIR/hold
	open_folders
	cp "$helpers/hold" "$hold"
	chmod 755 "$hold"
	# struct vfs_cap_data: revision 2 without the effective bit, CAP_NET_RAW and CAP_SYSLOG
	python3 -c 'import os, struct, sys
os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x02000000, 1 << 13, 0, 1 << (34 - 32), 0))' "$hold"
	start_exectap
	hold setpriv --reuid nobody --clear-groups "$hold"
	expect cap_prm 0000000400002000
	expect cap_prm "$(status_of CapPrm | tr -d '\t ')"
	expect cap_eff 0000000000000000
	expect cap_eff "$(status_of CapEff | tr -d '\t ')"
	marker=$marker-root
	hold setpriv --bounding-set -all,+chown,+kill "$helpers/hold"
	expect cap_prm "$(status_of CapPrm | tr -d '\t ')"
	expect cap_prm 0000000000000021
}

@test "descriptors: pipe, socket, device" {
	start_exectap
	hold_with 'r, w = os.pipe()
s = socket.socketpair()[0]
os.dup2(r, 0), os.dup2(s.fileno(), 1), os.dup2(os.open("/dev/zero", os.O_RDWR), 2)'
	expect_descriptors
	[[ $(key stdin) == pipe:* ]]
	[[ $(key stdout) == socket:* ]]
	expect stderr /dev/zero
}

@test "descriptors: file, directory, named pipe" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	start_exectap
	hold_with "os.dup2(os.open('/etc/passwd', os.O_RDONLY), 0)
os.dup2(os.open('$BATS_TEST_TMPDIR', os.O_RDONLY), 1), os.dup2(os.open('$BATS_TEST_TMPDIR/fifo', os.O_RDWR), 2)"
	expect_descriptors
	expect stdin file
	expect stdout directory
	expect stderr fifo
}

@test "descriptors: anonymous inodes, a process" {
	start_exectap
	hold_with 'import ctypes
e = select.epoll()
os.dup2(e.fileno(), 0)
os.dup2(ctypes.CDLL(None).eventfd(0, 0), 1)
os.dup2(os.pidfd_open(os.getpid()), 2)'
	expect_descriptors
	expect stdin 'anon_inode:[eventpoll]'
	expect stdout 'anon_inode:[eventfd]'
	expect stderr 'anon_inode:[pidfd]'
}

@test "descriptors: block device, socket by its path, another character device" {
	mknod "$BATS_TEST_TMPDIR/block" b 7 99
	mknod "$BATS_TEST_TMPDIR/char" c 10 259
	start_exectap
	hold_with "s = socket.socket(socket.AF_UNIX)
s.bind('$BATS_TEST_TMPDIR/socket')
for fd, name in enumerate(('block', 'socket', 'char')):
    os.dup2(os.open('$BATS_TEST_TMPDIR/' + name, os.O_PATH), fd)"
	expect_descriptors
	expect stdin block:7:99
	expect stdout socket
	expect stderr char:10:259
}

@test "descriptors that are closed, or that the exec closes, are absent and not unreadable" {
	start_exectap
	hold_with 'os.close(0), os.set_inheritable(1, False)
os.dup2(2, 9)'
	expect_descriptors
	expect stdin null
	expect stdout null
	expect stderr "$(descriptor 9)"
}

@test "descriptors are found in a table of hundreds too" {
	start_exectap
	hold_with 'r, w = os.pipe()
s, e = socket.socket(), select.epoll()
for fd in range(20, 400):
    os.dup2(r, fd)
os.dup2(w, 0), os.dup2(s.fileno(), 1), os.dup2(e.fileno(), 2)'
	[ "$(find "/proc/$pid/fd" -type l | wc -l)" -ge 380 ]
	expect_descriptors
	expect stdin "$(readlink "/proc/$pid/fd/399")"
	expect stderr 'anon_inode:[eventpoll]'
}

@test "descriptors: a terminal that script(1) makes" {
	command -v script >/dev/null || skip "no script(1)"
	start_exectap
	# shellcheck disable=SC2016
	hold bash -c 'exec script -qec "$0 $1" /dev/null' "$helpers/hold"
	expect_descriptors
	[[ $(key stdin) == pts/* ]]
	expect stdin "$(key tty)"
	expect stderr "$(key tty)"
}

@test "a failed attempt has the descriptors and capabilities of the caller, and no file" {
	start_exectap --events exec,exec_failed
	python3 -c 'import os, socket, sys, time
s = socket.socket()
os.dup2(s.fileno(), 0)
os.close(1)
try:
    os.execv("/nonexistent", ["x", sys.argv[1]])
except FileNotFoundError:
    pass
time.sleep(600)' "$marker" 3>&- &
	held+=($!)
	poll have_line '.type == "exec_failed" and .filename == "/nonexistent"'
	pid=$(key pid)
	expect_descriptors
	[[ $(key stdin) == socket:* ]]
	expect stdout null
	expect cap_prm "$(status_of CapPrm | tr -d '\t ')"
	[ "$(jq 'keys | map(select(test("^(name|exe.*)$"))) | length' <<<"$line")" = 0 ]
}

@test "a failed attempt beside a thread that changes the descriptors: one of them, or unreadable" {
	start_exectap --events exec,exec_failed
	python3 - "$marker" >"$BATS_TEST_TMPDIR/both" <<-'END'
		import os, socket, sys, threading
		s = socket.socket()
		pipe, other = os.pipe()[0], s.fileno()
		for fd in (pipe, other):
		    print(os.readlink(f"/proc/self/fd/{fd}"))
		done = False
		def change():
		    while not done:
		        os.dup2(pipe, 0)
		        os.dup2(other, 0)
		os.dup2(pipe, 0)
		thread = threading.Thread(target=change)
		thread.start()
		for i in range(2000):
		    try:
		        os.execv("/nonexistent", ["x", sys.argv[1], str(i)])
		    except FileNotFoundError:
		        pass
		done = True
		thread.join()
		try:
		    os.execv("/nonexistent", ["x", sys.argv[1], "last"])
		except FileNotFoundError:
		    pass
	END
	poll have_line '.args[2] == "last"'
	stop_exectap
	select_lines '.type == "exec_failed" and .filename == "/nonexistent"' >"$BATS_TEST_TMPDIR/failed"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/failed")" = 2001 ]
	jq -r 'if .stdin then .stdin else .unreadable | select(contains(["stdin", "stdout", "stderr"])) | "unreadable" end' \
		"$BATS_TEST_TMPDIR/failed" >"$BATS_TEST_TMPDIR/stdin"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/stdin")" = 2001 ]
	sort -u "$BATS_TEST_TMPDIR/stdin"
	[ "$(grep -cvxFf "$BATS_TEST_TMPDIR/both" "$BATS_TEST_TMPDIR/stdin")" -lt 2001 ]
	if grep -vxFf "$BATS_TEST_TMPDIR/both" "$BATS_TEST_TMPDIR/stdin" | grep -vx unreadable; then false; fi
}

# The options for rules that the values of these keys in $line match.
rules_of() {
	local key
	for key; do
		printf '%s\n%s=%s\n' "$option" "$key" "$(key "$key" | sed 's/[][*?\\]/\\&/g')"
	done
}

@test "rules on every one of these keys" {
	local hold=$BATS_TEST_TMPDIR/hold rules option=--only
	local keys=(name cap_prm exe_dev exe_ino exe_mode exe_uid exe_gid exe_size exe_mtime stdin stdout stderr)
	cp "$helpers/hold" "$hold"
	start_exectap
	hold "$hold"
	stop_exectap
	mapfile -t rules < <(rules_of "${keys[@]}")
	[ ${#rules[@]} = 24 ]
	start_exectap "${rules[@]}" --skip exe_upper=true
	"$helpers/noop" "$marker"
	hold "$hold"
	stop_exectap
	if grep -F '"name":"noop"' "$lines"; then false; fi
	# a value of one more key that is another one
	start_exectap "${rules[@]}" --skip "exe_ino=$(key exe_ino)" --skip name=hold
	"$hold" "$marker" 3>&- >/dev/null &
	held+=($!)
	poll [ "/proc/$!/exe" -ef "$hold" ]
	stop_exectap
	[ "$(select_lines true | wc -l)" = 0 ]
}
