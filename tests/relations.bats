#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The processes that a process belongs to, against /proc: ancestors, leaders, and the entry.

load lib

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# Prints "PID COMM START" of a process: its start is in clock ticks since the boot.
process_of() {
	python3 - "$1" <<'EOF'
import sys
pid = sys.argv[1]
before, after = open(f"/proc/{pid}/stat").read().rsplit(")", 1)
print(pid, open(f"/proc/{pid}/comm").read().rstrip("\n"), after.split()[19])
EOF
}

parent_of() {
	awk '/^PPid:/ { print $2 }' "/proc/$1/status"
}

# Prints at most $2 ancestors of process $1, as process_of() does, up to the one whose parent is 0.
chain_of() {
	local pid=$1 count
	for ((count = 0; count < $2; count++)); do
		pid=$(parent_of "$pid")
		[ "$pid" != 0 ] || break
		process_of "$pid"
	done
}

# Prints the ancestors in $line in the same form.
ancestors() {
	jq -r --argjson hertz "$(getconf CLK_TCK)" '.ancestors[] |
		"\(.pid) \(.comm) \(.id | split("-")[1] | tonumber * $hertz / 1000000000 | floor)"' <<<"$line"
}

# own_shell NAME: sets $shell to a copy of bash with that name
own_shell() {
	shell=$BATS_TEST_TMPDIR/$1
	cp "$(command -v bash)" "$shell"
}

# below NAME COMMAND: runs a command in a shell of that name, which does not become the last command of it
below() {
	own_shell "$1"
	"$shell" -c "$2; :" 3>&-
}

@test "ancestors are the chain of parents, with their names and starts" {
	start_exectap
	hold "$helpers/hold"
	diff <(ancestors) <(chain_of "$pid" 8)
	expect 'ancestors[0].id' "$(key parent_id)"
	expect 'ancestors[0].comm' "$(key parent_comm)"
	expect truncated null
	stop_exectap
}

@test "of a long chain the nearest eight are there, and a rule about the others cannot decide" {
	local script="'$helpers/noop' $marker-deep; :"
	for _ in {1..10}; do script="bash -c $(printf %q "$script"); :"; done
	start_exectap --only type=exec --only 'ancestors=no-such-name' --only "args=$marker-*"
	below "top$RANDOM" "$script"
	"$helpers/noop" "$marker-end"
	wait_for_line ".args[1] == \"$marker-deep\""
	[ "$(key 'ancestors | length')" = 8 ]
	[ "$(key 'ancestors | map(.comm) | unique | join(" ")')" = bash ]
	expect truncated null
	stop_exectap
}

@test "a rule about ancestors matches the name of any of them" {
	start_exectap --skip 'ancestors=backup-agent'
	below backup-agent "bash -c \"bash -c '\\\"$helpers/noop\\\" $marker-skipped; :'; :\""
	below other-agent "bash -c \"'$helpers/noop' $marker-other; :\""
	wait_for_line ".args[1] == \"$marker-other\""
	[ "$(key 'ancestors | map(.comm) | index("other-agent") != null')" = true ]
	stop_exectap
	! grep -F -- "\"$marker-skipped\"]" "$lines" || false
}

@test "an exit has the ancestors of its process, and its entry" {
	local id
	start_exectap --events exec,exit
	below "sshd" "bash -c \"'$helpers/noop' $marker-ended; :\""
	wait_for_line ".args[1] == \"$marker-ended\""
	id=$(key id)
	exited() { grep -aF -- "\"id\":\"$id\"" "$lines" | grep -q '"type":"exit"'; }
	poll exited
	diff <(grep -aF -- "\"id\":\"$id\"" "$lines" | jq -c 'select(.type == "exit") | [.ancestors, .entry_type, .entry_id]') \
		<(jq -c '[.ancestors, .entry_type, .entry_id]' <<<"$line")
	expect entry_type sshd
	stop_exectap
}

@test "the leaders of session and group have their ids, unless they have ended" {
	start_exectap
	hold setsid --wait "$helpers/hold"
	expect session_leader_id "$(key id)"
	expect group_leader_id "$(key id)"
	# a process group and a session of other processes; without a terminal, bash -m makes no groups, but set -m does
	own_shell leader
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	# the leader of the group is the subshell that reads; it opens the FIFO for writing too, so as not to wait there
	setsid "$shell" -c "set -m; read -rt 60 _ <>'$BATS_TEST_TMPDIR/fifo' | '$helpers/noop' $marker-member; :" 3>&- &
	held+=($!)
	wait_for_line ".args[1] == \"$marker-member\""
	echo >"$BATS_TEST_TMPDIR/fifo"
	[ "$(key 'session_leader_id == .parent_id')" = true ]
	[ "$(key 'pgid != .pid and .pgid != .sid')" = true ]
	expect "group_leader_id | split(\"-\")[2]" "$(key pgid)"
	stop_exectap
}

@test "a session whose leader has ended has no leader's id" {
	start_exectap
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	own_shell leader
	setsid --wait "$shell" -c "(read -r <'$BATS_TEST_TMPDIR/fifo'; exec '$helpers/noop' $marker-orphan) & :" 3>&-
	echo >"$BATS_TEST_TMPDIR/fifo"
	wait_for_line ".args[1] == \"$marker-orphan\""
	expect session_leader_id null
	[ "$(key sid)" -gt 1 ]
	stop_exectap
}

@test "the entry is the child of the nearest server that lets work in" {
	local name type shell_id
	start_exectap
	while read -r name type; do
		below "$name" "bash -c \"'$helpers/noop' $marker-$name; :\""
		wait_for_line ".args[1] == \"$marker-$name\""
		expect entry_type "$type"
		# the shell between the server and the program
		[ "$(key 'entry_id == .parent_id')" = true ]
		expect 'ancestors[1].comm' "$name"
	done <<-END
		sshd sshd
		sshd-session sshd
		ssm-session-wor ssm
		login terminal
		conmon container
		containerd-shim container
		systemd-nspawn container
		lxc-start container
	END
	stop_exectap
}

# The entry is the process itself, its parent, and its grandparent.
@test "the program of the entry is that of its last exec, in lines of all types" {
	local depth
	start_exectap --events exec,exit,exec_failed
	below sshd "'$helpers/noop' $marker-0"
	below sshd "bash -c \"'$helpers/noop' $marker-1; :\""
	own_shell middle
	below sshd "bash -c \"'$BATS_TEST_TMPDIR/middle' -c \\\"'$helpers/noop' $marker-2; /no-such/$marker; :\\\"; :\""
	for depth in 0 1 2; do
		wait_for_line ".args[1] == \"$marker-$depth\""
		expect entry_type sshd
		expect entry_exe "$([ "$depth" = 0 ] && realpath "$helpers/noop" || realpath "$(command -v bash)")"
		expect unreadable null
	done
	expect parent_exe "$BATS_TEST_TMPDIR/middle"
	[ "$(key 'entry_id == .ancestors[1].id')" = true ]
	ended() { select_lines ".type == \"exit\" and .id == \"$(key id)\"" | jq -e '.entry_exe | endswith("/bash")'; }
	poll ended
	failed() { select_lines ".filename == \"/no-such/$marker\"" | jq -e '.entry_exe | endswith("/bash")'; }
	poll failed
	stop_exectap
}

@test "the program of an entry that ran before the start is known, without --parent-args it is not" {
	local option
	mkfifo "$BATS_TEST_TMPDIR/go"
	own_shell middle
	for option in 512 0; do
		below sshd "bash -c \"'$BATS_TEST_TMPDIR/middle' -c \\\"read -r _ <'$BATS_TEST_TMPDIR/go'; '$helpers/noop' $marker-$option; :\\\"; :\"" &
		held+=($!)
		start_exectap --parent-args "$option"
		echo >"$BATS_TEST_TMPDIR/go"
		wait_for_line ".args[1] == \"$marker-$option\""
		if [ "$option" = 0 ]; then
			expect entry_exe null
			expect 'unreadable | join(" ")' entry_exe
		else
			expect entry_exe "$(realpath "$(command -v bash)")"
		fi
		stop_exectap
		wait "${held[-1]}" # a program that still runs cannot be written again
	done
}

@test "a program that a kernel thread starts and waits for has that thread as its entry, which has no program" {
	[ ! -e /sbin/request-key ] || skip "this host has a program of its own for keys"
	start_exectap --events exec,exit
	cp "$helpers/noop" /sbin/request-key
	# request_key(2), security/keys/request_key.c: UMH_WAIT_PROC
	python3 -c 'import ctypes, platform, sys
number = {"x86_64": 249, "aarch64": 218}[platform.machine()]
ctypes.CDLL(None).syscall(number, b"user", sys.argv[1].encode(), b"x", 0)' "$marker" || true
	rm /sbin/request-key
	"$helpers/noop" "$marker-end"
	wait_for_line ".args[1] == \"$marker-end\""
	stop_exectap
	line=$(grep -a request-key "$lines" | jq -c 'select(.type == "exec" and .name == "request-key")' | head -n 1)
	[ -n "$line" ] || skip "this kernel starts no program for keys"
	expect entry_type kthread
	[ "$(key 'entry_id == .parent_id')" = true ]
	expect 'entry_exe // .parent_exe // .unreadable' null
}

@test "another name makes no entry: the entry is the child of init" {
	local name top
	start_exectap
	for name in sshd2 mysshd logins conmon2 containerd sshd-agent; do
		below "$name" "'$helpers/noop' $marker-$name"
		wait_for_line ".args[1] == \"$marker-$name\""
		[ "$(key 'entry_id == .parent_id or .entry_id == .id')" = false ]
	done
	hold "$helpers/hold"
	while top=$(parent_of "$pid") && [ "$top" != 1 ] && [ "$top" != 2 ]; do
		case $(cat "/proc/$top/comm") in sshd* | conmon | containerd-shim | login) skip "the tests run below such a server" ;; esac
		pid=$top
	done
	# the kernel starts programs too, as children of kthreadd
	expect entry_type "$([ "$top" = 1 ] && echo init || echo kthread)"
	expect 'entry_id | split("-")[2]' "$pid"
	stop_exectap
}

@test "names that are not UTF-8 are in raw, with their place" {
	start_exectap
	own_shell $'caf\xe9'
	"$shell" -c "bash -c \"'$helpers/noop' $marker-name; :\"; :" 3>&-
	wait_for_line ".args[1] == \"$marker-name\""
	expect 'ancestors[1].comm' $'caf\xef\xbf\xbd'
	[ "$(raw_of ancestors 1 | base64 -d)" = $'caf\xe9' ]
	stop_exectap
}

@test "ECS has the leaders and the entry in their places" {
	start_exectap --format ecs
	own_shell sshd
	setsid --wait "$shell" -c "bash -c \"'$helpers/noop' $marker-ecs; :\"; :" 3>&- # a session with a leader
	ecs_line() { line=$(grep -aF -- "$marker-ecs" "$lines" | jq -c "select(.process.args[1] == \"$marker-ecs\")" 2>/dev/null) && [ -n "$line" ]; }
	poll ecs_line
	expect process.entry_leader.entry_meta.type sshd
	expect process.entry_leader.entity_id "$(key process.parent.entity_id)"
	expect process.entry_leader.pid "$(key process.parent.pid)"
	expect process.entry_leader.executable "$(key process.parent.executable)"
	expect process.entry_leader.name bash
	expect 'exectap.ancestors[1].comm' sshd
	[ "$(key 'process.session_leader.entity_id | split("-")[2]')" = "$(key process.session_leader.pid)" ]
	stop_exectap
}

@test "kthreadd is its own entry, and that of kernel threads is below it" {
	[ "$(cat /proc/2/comm 2>/dev/null)" = kthreadd ] || skip "not in the initial pid namespace"
	start_exectap --events process
	poll grep -q '"comm":"kthreadd"' "$lines"
	stop_exectap
	jq -s -e 'map(select(.pid == 2)) | length == 1 and .[0].entry_type == "kthread" and .[0].entry_id == .[0].id' "$lines"
	jq -s -e 'map(select(.ppid == 2)) | length > 0 and all(.entry_type == "kthread" and .entry_id == .id)' "$lines"
}
