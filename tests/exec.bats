#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Compares each key of an exec line with /proc while the process lives.

load lib

more_teardown() {
	unmount_made
	remove_made_cgroup
}

# stat_field N: prints field N of /proc/$pid/stat, proc(5)
stat_field() {
	sed 's/.*) //' "/proc/$pid/stat" | cut -d ' ' -f $(($1 - 2))
}

@test "comm is the caller's name, and filename and args are as given" {
	start_exectap
	cp "$(command -v bash)" "$BATS_TEST_TMPDIR/some-shell"
	hold "$BATS_TEST_TMPDIR/some-shell" -c 'exec "$0" "one two" "" "$1"' "$helpers/hold"
	expect comm some-shell
	expect filename "$helpers/hold"
	expect 'args | tojson' "[\"$helpers/hold\",\"one two\",\"\",\"$marker\"]"
	expect argc 4
	expect truncated null
	expect args_bytes null
}

@test "args are byte for byte what /proc/PID/cmdline has" {
	start_exectap
	hold "$helpers/hold" a '' 'b c' $'tab\there' $'line\nfeed' 'quote"' "back\\slash" 'ünïcödé' ''
	[ "$(jq -j '.args[] | . + "\u0000"' <<<"$line" | sha256sum)" = "$(sha256sum </proc/"$pid"/cmdline)" ]
	expect argc "$(tr -dc '\0' <"/proc/$pid/cmdline" | wc -c)"
}

@test "a relative filename stays relative, and exe and cwd are absolute" {
	start_exectap
	cd "$helpers"
	hold ./hold
	expect filename ./hold
	expect exe "$(readlink "/proc/$pid/exe")"
	expect cwd "$(readlink "/proc/$pid/cwd")"
}

@test "the root directory as cwd is one slash" {
	start_exectap
	cd /
	hold "$helpers/hold"
	expect cwd /
}

@test "exe and cwd cross mount points" {
	local base=$BATS_TEST_TMPDIR/outer
	mkdir -p "$base"
	mount -t tmpfs tmpfs "$base"
	mkdir -p "$base/a/b/inner" "$base/elsewhere/deep"
	mount -t tmpfs tmpfs "$base/a/b/inner"
	mkdir "$base/a/b/inner/c"
	mount --bind "$base/elsewhere" "$base/a/b/inner/c"
	cp "$helpers/hold" "$base/a/b/inner/hold"
	start_exectap
	cd "$base/a/b/inner/c/deep"
	hold ../../hold
	expect filename ../../hold
	expect exe "$base/a/b/inner/hold"
	expect exe "$(readlink "/proc/$pid/exe")"
	expect cwd "$base/a/b/inner/c/deep"
	expect cwd "$(readlink "/proc/$pid/cwd")"
}

@test "a path in a chroot is reported from the real root" {
	local root=$BATS_TEST_TMPDIR/root
	mkdir -p "$root/bin"
	cp "$helpers/hold" "$root/bin/hold"
	start_exectap
	hold chroot "$root" /bin/hold
	expect filename /bin/hold
	expect exe "$root/bin/hold"
	expect exe "$(readlink "/proc/$pid/exe")"
	expect cwd "$(readlink "/proc/$pid/cwd")"
}

@test "process ids are those of /proc/PID/stat" {
	start_exectap
	hold setsid "$helpers/hold"
	expect ppid "$(stat_field 4)"
	expect pgid "$(stat_field 5)"
	expect sid "$(stat_field 6)"
	expect pid "$(key sid)"
	expect tid null
}

@test "the parent is reported by name, file and id" {
	start_exectap
	cp "$(command -v bash)" "$BATS_TEST_TMPDIR/parent-shell"
	hold "$BATS_TEST_TMPDIR/parent-shell" -c '"$0" "$1" & wait' "$helpers/hold"
	local ppid parent_line
	ppid=$(key ppid)
	expect parent_comm "$(cat "/proc/$ppid/comm")"
	expect parent_comm parent-shell
	expect parent_exe "$(readlink "/proc/$ppid/exe")"
	parent_line=$(select_lines ".pid == $ppid" | head -n 1)
	expect parent_id "$(jq -r .id <<<"$parent_line")"
}

@test "user, group and capability ids are those after the exec" {
	start_exectap
	hold setpriv --reuid 1234 --regid 2345 --clear-groups "$helpers/hold"
	[ "$(key '| "\(.uid) \(.euid)"')" = "$(status_of Uid | cut -d ' ' -f 1,2)" ]
	[ "$(key '| "\(.gid) \(.egid)"')" = "$(status_of Gid | cut -d ' ' -f 1,2)" ]
	expect uid 1234
	expect egid 2345
	expect cap_eff "$(status_of CapEff)"
	expect cap_eff 0000000000000000
}

@test "a setuid and setgid file gives the effective ids" {
	local file=$BATS_TEST_TMPDIR/suid/hold
	mkdir "$BATS_TEST_TMPDIR/suid"
	mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/suid" # /tmp itself may be nosuid
	start_exectap
	cp "$helpers/hold" "$file"
	chown 3456:4567 "$file"
	chmod 6755 "$file"
	hold "$file"
	[ "$(key '| "\(.uid) \(.euid)"')" = "$(status_of Uid | cut -d ' ' -f 1,2)" ]
	[ "$(key '| "\(.gid) \(.egid)"')" = "$(status_of Gid | cut -d ' ' -f 1,2)" ]
	expect euid 3456
	expect egid 4567
}

@test "cap_eff names all capabilities of root" {
	start_exectap
	hold "$helpers/hold"
	expect cap_eff "$(status_of CapEff)"
}

@test "the audit login is reported if there is one, and only then" {
	[ -e /proc/self/loginuid ] || skip "this kernel has no audit logins"
	start_exectap
	hold bash -c 'echo 4321 >/proc/self/loginuid; exec "$0" "$1"' "$helpers/hold"
	expect auid "$(cat "/proc/$pid/loginuid")"
	expect auid 4321
	expect ses "$(cat "/proc/$pid/sessionid")"
	if [ "$(cat /proc/self/loginuid)" = 4294967295 ]; then
		marker=$marker-without
		hold "$helpers/hold"
		expect auid null
		expect ses null
	fi
}

@test "a pseudoterminal is reported by name, and no terminal by an absent key" {
	start_exectap
	script -qec "exec '$helpers/hold' $marker" /dev/null 3>&- >/dev/null &
	held+=($!)
	wait_for_line '.exe | endswith("/hold")'
	pid=$(key pid)
	expect tty "$(readlink "/proc/$pid/fd/0" | sed 's|^/dev/||')"
	[[ $(key tty) == pts/* ]]
	marker=$marker-without
	hold setsid "$helpers/hold"
	expect tty null
}

@test "namespaces are reported by inode number, and ns_pid is the innermost pid" {
	local name
	start_exectap
	hold unshare --user --map-root-user --pid --fork --mount --net "$helpers/hold"
	for name in pid mnt net user; do
		expect "${name}_ns" "$(stat -Lc %i "/proc/$pid/ns/$name")"
		[ "$(key "${name}_ns")" != "$(stat -Lc %i "/proc/self/ns/$name")" ]
	done
	expect ns_pid "$(status_of NSpid | awk '{ print $NF }')"
	expect ns_pid 1
	[ "$pid" != 1 ]
}

@test "an exec by a thread that is not the leader has its tid" {
	start_exectap
	"$helpers/thread_exec" "$helpers/hold" "$marker" >"$BATS_TEST_TMPDIR/tid" 3>&- &
	held+=($!)
	wait_for_line '.exe | endswith("/hold")'
	expect tid "$(cat "$BATS_TEST_TMPDIR/tid")"
	expect pid "${held[0]}"
	expect comm thread_exec
}

@test "the cgroup is the path that /proc/PID/cgroup has for version 2" {
	local root
	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
	[ -n "$root" ] || skip "no cgroup2 file system is mounted"
	made_cgroup=$root/exectap-test-$marker
	mkdir "$made_cgroup"
	start_exectap
	hold bash -c 'echo $$ >"$1/cgroup.procs"; exec "$0" "$2"' "$helpers/hold" "$made_cgroup"
	expect cgroup "$(sed -n 's/^0:://p' "/proc/$pid/cgroup")"
	expect cgroup "/exectap-test-$marker"
}

@test "a file in memory only is marked memfd, and not deleted" {
	start_exectap
	python3 -c 'import os, sys
fd = os.memfd_create("a name/with slash", 0)
os.write(fd, open(sys.argv[1], "rb").read())
os.execve(fd, sys.argv[1:], {})' "$helpers/hold" "$marker" 3>&- &
	held+=($!)
	wait_for_line .memfd
	pid=$(key pid)
	[ "$(key exe) (deleted)" = "$(readlink "/proc/$pid/exe")" ]
	expect exe "/memfd:a name/with slash"
	expect deleted null
}

@test "an unlinked file is marked deleted, and its path has no suffix" {
	start_exectap
	cp "$helpers/hold" "$BATS_TEST_TMPDIR/gone"
	python3 -c 'import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
os.unlink(sys.argv[1])
os.execve(fd, sys.argv[1:], {})' "$BATS_TEST_TMPDIR/gone" "$marker" 3>&- &
	held+=($!)
	wait_for_line .deleted
	pid=$(key pid)
	[ "$(key exe) (deleted)" = "$(readlink "/proc/$pid/exe")" ]
	expect exe "$BATS_TEST_TMPDIR/gone"
	expect memfd null
	[[ $(key filename) == /dev/fd/* ]]
}

@test "for a script, filename is the script and exe its interpreter" {
	start_exectap
	cp "$helpers/hold" "$BATS_TEST_TMPDIR/interpreter"
	printf '#!%s -x\n' "$BATS_TEST_TMPDIR/interpreter" >"$BATS_TEST_TMPDIR/script"
	chmod +x "$BATS_TEST_TMPDIR/script"
	"$BATS_TEST_TMPDIR/script" "$marker" 3>&- &
	held+=($!)
	wait_for_line '.exe | endswith("/interpreter")'
	expect filename "$BATS_TEST_TMPDIR/script"
	expect exe "$(readlink "/proc/${held[0]}/exe")"
	expect 'args | tojson' "[\"$BATS_TEST_TMPDIR/interpreter\",\"-x\",\"$BATS_TEST_TMPDIR/script\",\"$marker\"]"
	expect argc 4
}

# Prints CLOCK_BOOTTIME and CLOCK_REALTIME minus CLOCK_BOOTTIME, in nanoseconds, by the quickest of some readings.
clocks() {
	python3 -c 'if True:
		from time import CLOCK_BOOTTIME, CLOCK_REALTIME, clock_gettime_ns as read
		readings = [(read(CLOCK_BOOTTIME), read(CLOCK_REALTIME), read(CLOCK_BOOTTIME)) for _ in range(20)]
		before, wall, after = min(readings, key=lambda reading: reading[2] - reading[0])
		print(readings[-1][2], wall - (before + after) // 2)'
}

@test "times are true: the exec, and the start of its process" {
	local before after
	start_exectap
	before=$(clocks)
	hold "$helpers/hold"
	after=$(clocks)
	# shellcheck disable=SC2086
	python3 - "$(key timestamp)" "$(key event_id)" "$(key start)" "$(key id)" $before $after "$(stat_field 22)" <<'END'
import os, re, sys
from datetime import datetime, timezone
def wall_ns(text):
    seconds, fraction = re.fullmatch(r"(.*)\.(\d{9})Z", text).groups()
    return int(datetime.fromisoformat(seconds).replace(tzinfo=timezone.utc).timestamp()) * 10**9 + int(fraction)
def boot_ns(text):
    return int(text.split("-")[1])
stamp, event, start, born = wall_ns(sys.argv[1]), boot_ns(sys.argv[2]), wall_ns(sys.argv[3]), boot_ns(sys.argv[4])
before, offset_before, after, offset_after, ticks = map(int, sys.argv[5:])
print(stamp, event, start, born, sys.argv[5:])
# in the order of the boot clock, and by the offset of the wall clock, which can be set meanwhile
assert before <= event <= after
assert born <= event
assert born * os.sysconf("SC_CLK_TCK") // 10**9 == ticks
assert min(offset_before, offset_after) - 10**5 <= stamp - event <= max(offset_before, offset_after) + 10**5
assert start - born == stamp - event
END
}

@test "id stays with the process through its execs, event_id does not" {
	start_exectap
	hold bash -c 'exec "$0" -c "exec \"\$0\" \"\$1\"" "$@"' bash "$helpers/hold"
	[ "$(select_lines '.pid == '"$pid" | jq -r .id | sort -u | wc -l)" = 1 ]
	[ "$(select_lines '.pid == '"$pid" | jq -r .event_id | sort -u | wc -l)" = 3 ]
}

@test "host and boot_id are this host's and this boot's" {
	start_exectap
	hold "$helpers/hold"
	expect host "$(uname -n)"
	expect boot_id "$(cat /proc/sys/kernel/random/boot_id)"
	expect schema 1
	jq -e 'keys_unsorted[0] == "timestamp"' <<<"$line"
}
