#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Failed attempts: each is reported once, with the error that the caller got.

load lib

# attempt CODE: runs CODE in python3, in $BATS_TEST_TMPDIR, with the process named "attempt"; CODE makes one attempt
# with `execute(path, args)`. Sets $got to the resulting errno and $line to the line.
attempt() {
	mkdir -p "$BATS_TEST_TMPDIR/place"
	got=$(python3 - "$BATS_TEST_TMPDIR/place" "$marker" "$helpers/hold" 3>&- <<END
import ctypes, os, sys
os.chdir(sys.argv[1])
marker, hold = sys.argv[2:4]
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(15, b"attempt", 0, 0, 0)
def execute(path, args, env={}):
    try:
        os.execve(path, args, env)
    except OSError as error:
        print(error.errno)
def raw(*words):
    libc.syscall(*words)
    print(ctypes.get_errno())
$1
END
	)
	poll have_failed
}

have_failed() {
	line=$(jq -c 'select(.type == "exec_failed" and .comm == "attempt")' "$lines" 2>/dev/null | tail -n 1)
	[ -n "$line" ]
}

# failed_with NAME: fails unless the caller got that error, and the line has it, once
failed_with() {
	expect error "$1"
	expect errno "$got"
	expect exe null
	expect cwd "$BATS_TEST_TMPDIR/place"
	[ "$(jq -c 'select(.type == "exec_failed" and .comm == "attempt")' "$lines" | wc -l)" = 1 ]
}

@test "ENOENT: a file that is not there, with its arguments" {
	start_exectap --events exec_failed
	attempt 'execute("./not-there", ["a", "two words", "", marker, ""])'
	failed_with ENOENT
	expect filename ./not-there
	expect 'args | tojson' "[\"a\",\"two words\",\"\",\"$marker\",\"\"]"
	expect argc 5
	expect uid "$(id -u)"
	expect truncated null
}

@test "EACCES: a file that is not executable" {
	start_exectap --events exec_failed
	attempt 'open("plain", "w").close(); execute("./plain", ["plain"])'
	failed_with EACCES
}

@test "ENOEXEC: a file of no known format" {
	start_exectap --events exec,exec_failed
	attempt 'open("text", "w").write("hello\n"); os.chmod("text", 0o755); execute("./text", ["text"])'
	failed_with ENOEXEC
}

@test "E2BIG: an argument that is too long" {
	start_exectap --events exec_failed
	attempt 'execute(hold, ["hold", "x" * 200000, "last"])'
	failed_with E2BIG
	expect filename "$helpers/hold"
	expect argc 3
	expect 'truncated | tojson' '["args"]'
	expect args_bytes null
	[[ $(key 'args[1]') == xxxxx* ]]
}

@test "ELOOP, ENOTDIR and ENAMETOOLONG: paths that lead nowhere" {
	start_exectap --events exec_failed
	attempt 'os.symlink("loop", "loop"); execute("./loop", ["loop"])'
	failed_with ELOOP
	stop_exectap
	start_exectap --events exec_failed
	attempt 'execute("/etc/passwd/x", ["x"])'
	failed_with ENOTDIR
	stop_exectap
	start_exectap --events exec_failed
	attempt 'execute("n" * 300, ["x"])'
	failed_with ENAMETOOLONG
	expect 'filename | length' 300
}

@test "ETXTBSY: a file that is open for writing" {
	start_exectap --events exec_failed
	attempt 'import shutil; shutil.copy(hold, "busy"); file = open("busy", "ab"); execute("./busy", ["busy"])'
	failed_with ETXTBSY
}

@test "EFAULT: pointers that lead nowhere are unreadable, not empty" {
	local execve
	case $(uname -m) in aarch64) execve=221 ;; *) execve=59 ;; esac
	start_exectap --events exec_failed
	attempt "raw($execve, ctypes.c_void_p(1), None, None)"
	failed_with EFAULT
	expect_unreadable filename
	expect filename null
	stop_exectap
	start_exectap --events exec_failed
	attempt "raw($execve, hold.encode(), ctypes.c_void_p(16), None)"
	failed_with EFAULT
	expect filename "$helpers/hold"
	expect_unreadable args
	expect args null
	expect argc null
	stop_exectap
	start_exectap --events exec_failed
	attempt "raw($execve, hold.encode(), (ctypes.c_void_p * 3)(ctypes.cast(b'first', ctypes.c_void_p), 8, None), None)"
	failed_with EFAULT
	expect_unreadable args
}

@test "execveat: a name relative to a descriptor is reported as /dev/fd/N/NAME, as the kernel does it" {
	local execveat
	case $(uname -m) in aarch64) execveat=281 ;; *) execveat=322 ;; esac
	start_exectap --events exec_failed
	attempt "fd = os.open('/usr', os.O_RDONLY); os.dup2(fd, 77); raw($execveat, 77, b'bin/not-there', (ctypes.c_char_p * 2)(b'x', None), None, 0)"
	failed_with ENOENT
	expect filename /dev/fd/77/bin/not-there
	expect 'args | tojson' '["x"]'
}

# make_killer PATH: a program whose only segment can't be mapped: the error occurs after the old program was destroyed
make_killer() {
	python3 - "$1" 3>&- <<'END'
import os, struct, sys
machine = 183 if os.uname().machine == "aarch64" else 62
header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0x400000, 64, 0, 0, 64, 56, 1, 64, 0, 0)
segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x7ffffffff000 & ~0xfff, 0, 0x100000000000, 0x100000000000, 0x1000)
path = sys.argv[1]
open(path, "wb").write(header + segment + bytes(4096))
os.chmod(path, 0o755)
END
}

@test "a refused AT_EXECVE_CHECK is no failed attempt: nothing was to be executed" {
	start_exectap --events exec_failed
	python3 - "$marker" <<'END'
import ctypes, errno, platform, sys
marker = sys.argv[1].encode()
number = 281 if platform.machine() == "aarch64" else 322 # execveat
libc = ctypes.CDLL(None, use_errno=True)
empty = (ctypes.c_char_p * 1)(None)
for name, flags in ((b"check", 0x10000), (b"exec", 0)):
    argv = (ctypes.c_char_p * 3)(name, marker, None)
    assert libc.syscall(number, -100, b"/etc/passwd", argv, empty, flags) == -1
    # before Linux 6.14 the flag is unknown
    assert ctypes.get_errno() in (errno.EACCES, errno.EINVAL)
END
	poll have_line '.args[0] == "exec"'
	stop_exectap
	[ "$(select_lines '.filename == "/etc/passwd"' | jq -r '.args[0]')" = exec ]
}

@test "an exec that kills its process is reported once, with the caller's name" {
	local status=0
	make_killer "$BATS_TEST_TMPDIR/$marker"
	start_exectap --events exec,exec_failed
	python3 - "$BATS_TEST_TMPDIR/$marker" 3>&- <<'END' || status=$?
import os, sys
open("/proc/self/comm", "w").write("attempt")
os.execv(sys.argv[1], ["broken", "argument"])
END
	[ "$status" -ge 128 ]
	poll have_failed
	[ "$(jq -c 'select(.type == "exec_failed" and .comm == "attempt")' "$lines" | wc -l)" = 1 ]
	expect_unreadable filename,args
	[ "$(jq -c 'select(.type == "exec" and .comm == "attempt")' "$lines" | wc -l)" = 0 ]
}

@test "what an exec that killed its process left behind is never another one's name" {
	local called reused
	make_killer "$BATS_TEST_TMPDIR/killer"
	own_noop
	marker=$noop
	start_exectap
	# More processes are killed than there are slots for names, so that later names go to the hash. Then ids of
	# both kinds are reused if the kernel lets us choose them; another process of this host may take one first.
	read -r called reused < <(python3 - "$BATS_TEST_TMPDIR/killer" "$noop" 3>&- <<'END'
import os, sys
killer, noop = sys.argv[1:]
def call(name, path):
    pid = os.fork()
    if not pid:
        open("/proc/self/comm", "w").write(name)
        os.execv(path, [path])
    assert os.WIFSIGNALED(os.waitpid(pid, 0)[1]) == (path == killer)
    return pid
killed = [call("gone", killer) for _ in range(2500)]
alive = [call("alive", noop) for _ in range(200)]
try:
    for pid in killed:
        open("/proc/sys/kernel/ns_last_pid", "w").write(str(pid - 1))
        alive.append(call("alive", noop))
except OSError:
    pass
print(len(alive), len(set(killed) & set(alive)) if len(alive) > 200 else "none")
END
	)
	stop_exectap
	echo "$called called, $reused with the id of one that was killed"
	[ "$reused" != 0 ]
	[ "$(select_lines '.exe == "'"$noop"'"' | wc -l)" = "$called" ]
	[ "$(select_lines '.exe == "'"$noop"'"' | jq -r .event_id | sort -u | wc -l)" = "$called" ]
	[ "$(select_lines '.exe == "'"$noop"'"' | jq -r .comm | sort -u)" = alive ]
}

@test "successful execs are no failures, also by a thread that is not the leader" {
	start_exectap --events exec,exec_failed
	"$helpers/storm" 1 500 "$marker" "$helpers/noop"
	hold "$helpers/thread_exec" "$helpers/hold"
	stop_exectap
	[ "$(jq -c 'select(.type == "exec" and ((.args[1] // "") | startswith("'"$marker"'-")))' "$lines" | wc -l)" = 500 ]
	[ "$(jq -c 'select(.type == "exec_failed" and (.comm == "storm" or .comm == "thread_exec"))' "$lines" | wc -l)" = 0 ]
}

rss() {
	awk '/^VmRSS/ { print $2 }' "/proc/$exectap_pid/status"
}

# fail_often FROM TO: makes attempts to execute missing files, numbered FROM to TO
fail_often() {
	python3 -c 'import os, sys
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    try:
        os.execv(f"/{sys.argv[1]}", [f"{sys.argv[1]}-{number}"])
    except OSError:
        pass' "$marker" "$1" "$2" 3>&-
}

@test "what a thread left behind whose exec succeeded is never the attempt of another one with its id" {
	local status=0
	[ "$(uname -m)" = x86_64 ] || skip "the number of the call is that of x86-64"
	start_exectap --events exec_failed --verbose
	grep -q "the system calls' tracepoints" "$log" || skip "this kernel needs no entry for an attempt"
	# A thread that is not the leader executes "noop". Then a process gets its id, which a filter refuses execve(2):
	# the hook at the start of the call does not see it.
	python3 - "$helpers/noop" "$marker" 3>&- >"$BATS_TEST_TMPDIR/pid" <<'END' || status=$?
import ctypes, os, struct, sys, threading
noop, marker = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
reading, writing = os.pipe()
def thread():
    os.write(writing, str(threading.get_native_id()).encode())
    os.execv(noop, ["noop", marker])
def refuse_execve():
    # load the number of the call; EPERM for 59
    code = b"".join(struct.pack("HBBI", *step) for step in ((0x20, 0, 0, 0), (0x15, 0, 1, 59), (6, 0, 0, 0x50001), (6, 0, 0, 0x7fff0000)))
    steps = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", 4, ctypes.addressof(steps))
    assert not libc.prctl(38, 1, 0, 0, 0) and not libc.prctl(22, 2, program, 0, 0)
for _ in range(50):
    if not os.fork():
        threading.Thread(target=thread).start()
        threading.Event().wait()
    tid = int(os.read(reading, 100))
    os.wait()
    open("/proc/sys/kernel/ns_last_pid", "w").write(str(tid - 1))
    pid = os.fork()
    if not pid:
        try:
            refuse_execve()
            os.execv(noop, ["noop", marker])
        except PermissionError:
            os._exit(0)
        os._exit(1)
    assert os.wait()[1] == 0
    if pid == tid:
        print(pid)
        sys.exit(0)
sys.exit(9)
END
	stop_exectap
	[ "$status" = 0 ]
	[ "$(jq -c --argjson pid "$(cat "$BATS_TEST_TMPDIR/pid")" 'select(.type == "exec_failed" and .pid == $pid)' "$lines")" = "" ]
	jq -es 'map(select(.type == "lost" and .event_type == "exec_failed" and .reason == "no_entry") | .count) | add >= 1' "$lines"
}

@test "an attempt of a thread has its tid in event_id: two threads can fail at the same time" {
	start_exectap --events exec_failed
	python3 - "/$marker" <<'END' >"$BATS_TEST_TMPDIR/ids" 3>&-
import os, sys, threading
def attempt():
    try:
        os.execv(sys.argv[1], ["attempt"])
    except OSError:
        print(os.getpid(), threading.get_native_id(), flush=True)
attempt()
thread = threading.Thread(target=attempt)
thread.start()
thread.join()
END
	stop_exectap
	[ "$(jq -r --arg filename "/$marker" 'select(.filename == $filename) | "\(.pid) \(.event_id | split("-")[2])"' "$lines")" = \
		"$(cat "$BATS_TEST_TMPDIR/ids")" ]
	[ "$(cut -d ' ' -f 2 "$BATS_TEST_TMPDIR/ids" | uniq | wc -l)" = 2 ]
}

@test "100,000 failed attempts are lines, each once, or counted, and memory stays flat" {
	local before lost written
	start_exectap --events exec_failed
	fail_often 0 1000
	before=$(rss)
	fail_often 1000 100000
	echo "$before KiB before, $(rss) KiB after"
	# pages of the ring buffer count as resident after the first read
	[ "$(rss)" -le $((before + 16384 + 512)) ]
	stop_exectap
	# in the reserve of a full buffer they have no args
	grep "\"filename\":\"/$marker\"" "$lines" >"$BATS_TEST_TMPDIR/written"
	written=$(wc -l <"$BATS_TEST_TMPDIR/written")
	lost=$(jq -s '[.[] | select(.type == "lost") | .count] | add // 0' "$lines")
	echo "$written written, $lost lost"
	[ "$(grep -o '"event_id":"[^"]*"' "$BATS_TEST_TMPDIR/written" | sort -u | wc -l)" = "$written" ]
	[ "$(grep -o "\"$marker-[0-9]*\"" "$lines" | sort -u | wc -l)" = "$(grep -c "\"args\":\\[\"$marker-" "$lines")" ]
	[ $((written + lost)) -ge 100000 ]
	[ $((written + lost)) -le 100200 ] # other programs of this host make failed attempts as well
}

@test "10,000 failed attempts at the same time are lines, each once, or counted" {
	local lost written
	start_exectap --events exec_failed
	[ "$("$helpers/attempts" 10000 "$marker")" = 10000 ]
	stop_exectap
	jq -c --arg marker "$marker" 'select(.filename == "/absent" and .error == "ENOENT" and
		(.args == ["absent", $marker] or (.truncated // [] | index("args"))))' \
		"$lines" >"$BATS_TEST_TMPDIR/written"
	written=$(wc -l <"$BATS_TEST_TMPDIR/written")
	lost=$(jq -s '[.[] | select(.type == "lost" and .event_type == "exec_failed") | .count] | add // 0' "$lines")
	echo "$written written, $lost lost"
	[ "$(jq .tid "$BATS_TEST_TMPDIR/written" | sort -u | wc -l)" = "$written" ]
	[ "$written" -ge 5000 ]
	[ $((written + lost)) -ge 10000 ]
	[ $((written + lost)) -le 10200 ] # other programs of this host make failed attempts as well
}

@test "an attempt that a seccomp filter refuses has no line; the tracepoints count it" {
	local execve=221 lost
	[ "$(uname -m)" != x86_64 ] || execve=59
	start_exectap --events exec_failed
	! "$helpers/refuse" $execve -1 13 "$helpers/noop" "$marker" || false
	stop_exectap
	[ "$(grep -c "$marker" "$lines")" = 0 ]
	lost=$(jq -s '[.[] | select(.reason == "no_entry") | .count] | add // 0' "$lines")
	if "$exectap" --check | grep -qE '^ok +fexit'; then
		[ "$lost" = 0 ]
	else
		[ "$lost" -ge 1 ]
	fi
}

@test "where tracefs is not mounted it works all the same" {
	if grep -q ' tracefs ' /proc/self/mounts; then
		unshare --mount sh -c 'umount -a -t tracefs; exec "$0" --check' "$exectap" | grep -E '^ok +tracepoint sys_enter_execve'
	else
		"$exectap" --check | grep -E '^ok +tracepoint sys_enter_execve'
	fi
}
