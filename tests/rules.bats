#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Conditions of published detection rules, on ECS lines: each fires on the behaviour that it looks for, and not on its
# twin.

load lib

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

start_ecs() {
	start_exectap --format ecs \
		--env LD_PRELOAD,LD_LIBRARY_PATH,GLIBC_TUNABLES,HISTFILE,HISTSIZE,HISTFILESIZE,HISTCONTROL,http_proxy,HTTP_PROXY,HTTPS_PROXY,ALL_PROXY
}

# fires NAME CONDITION: the jq condition matches the exec of noop with the argument "$marker-NAME", and not the one with
# "$marker-NAME-twin"
fires() {
	poll has_exec "$1"
	poll has_exec "$1-twin"
	matches "$1" "$2"
	! matches "$1-twin" "$2" || false
}

has_exec() {
	[ -n "$(exec_of "$1")" ]
}

# exec_of NAME: prints its line; the programs that start it have no path as first argument
exec_of() {
	grep -aF -- "\"$marker-$1\"" "$lines" |
		jq -c --arg marker "$marker-$1" 'select(.event.action == "exec" and .process.args[-1] == $marker and
			(.process.args[0] | startswith("/")))' 2>/dev/null
}

matches() {
	[ -n "$(exec_of "$1" | jq -c "select($2)")" ]
}

@test "user name: a program that a service's account starts" {
	start_ecs
	open_folders
	cp "$helpers/noop" "$BATS_TEST_TMPDIR/noop"
	setpriv --reuid nobody --clear-groups "$BATS_TEST_TMPDIR/noop" "$marker-account"
	"$BATS_TEST_TMPDIR/noop" "$marker-account-twin"
	fires account '.user.name == "nobody" and .event.type == ["start"]'
	setpriv --ruid nobody "$BATS_TEST_TMPDIR/noop" "$marker-setuid"
	"$BATS_TEST_TMPDIR/noop" "$marker-setuid-twin"
	fires setuid '.user.name != "root" and .user.effective.name == "root"'
	stop_exectap
}

@test "name of the parent's file: an interpreter, or a server, that starts a program" {
	start_ecs
	cp "$(command -v bash)" "$BATS_TEST_TMPDIR/nginx"
	"$BATS_TEST_TMPDIR/nginx" -c "'$helpers/noop' '$marker-server'; :"
	"$helpers/noop" "$marker-server-twin"
	fires server '.process.parent.name | IN("nginx", "apache2", "httpd", "php-fpm")'
	# a script has its own command name, and its interpreter's file
	printf '#!/usr/bin/python3\nimport subprocess\nsubprocess.run(["%s", "%s"])\n' "$helpers/noop" "$marker-script" \
		>"$BATS_TEST_TMPDIR/innocent"
	chmod 755 "$BATS_TEST_TMPDIR/innocent"
	"$BATS_TEST_TMPDIR/innocent"
	"$helpers/noop" "$marker-script-twin"
	fires script '.process.parent.name | test("^python[0-9.]*$")'
	stop_exectap
}

@test "environment: a preloaded library, a history that is not kept, a proxy" {
	start_ecs
	LD_PRELOAD=/dev/shm/x.so "$helpers/noop" "$marker-preload" 2>/dev/null
	"$helpers/noop" "$marker-preload-twin"
	fires preload '.process.env_vars // [] | any(startswith("LD_PRELOAD=/"))'
	HISTFILE=/dev/null "$helpers/noop" "$marker-history"
	HISTFILE=/root/.history "$helpers/noop" "$marker-history-twin"
	fires history '.process.env_vars // [] | any(. == "HISTFILE=/dev/null" or . == "HISTSIZE=0" or . == "HISTFILESIZE=0")'
	GLIBC_TUNABLES=glibc.malloc.mxfast=glibc.malloc.mxfast=A "$helpers/noop" "$marker-tunables"
	GLIBC_TUNABLES=glibc.malloc.check=3 "$helpers/noop" "$marker-tunables-twin"
	fires tunables '.process.env_vars // [] | any(test("^GLIBC_TUNABLES=glibc\\..*=glibc\\."))'
	stop_exectap
}

@test "the file: in a directory that everybody can write to, hidden, in memory, or deleted" {
	start_ecs
	cp "$helpers/noop" "/dev/shm/$marker"
	"/dev/shm/$marker" "$marker-shm"
	rm "/dev/shm/$marker"
	"$helpers/noop" "$marker-shm-twin"
	fires shm '.process.executable | startswith("/dev/shm/")'
	cp "$helpers/noop" "$BATS_TEST_TMPDIR/.hidden"
	"$BATS_TEST_TMPDIR/.hidden" "$marker-hidden"
	cp "$helpers/noop" "$BATS_TEST_TMPDIR/visible"
	"$BATS_TEST_TMPDIR/visible" "$marker-hidden-twin"
	fires hidden '.process.name | startswith(".")'
	python3 - "$helpers/noop" "$marker-memory" <<'END'
import os, sys
fd = os.memfd_create("x")
os.write(fd, open(sys.argv[1], "rb").read())
os.execve(fd, sys.argv[1:], {})
END
	"$helpers/noop" "$marker-memory-twin"
	fires memory '.exectap.memfd == true'
	stop_exectap
}

@test "command line: decoded and piped, a reverse shell's redirection, a working directory" {
	start_ecs
	"$helpers/noop" base64 -d "$marker-decode"
	"$helpers/noop" base64 "$marker-decode-twin"
	fires decode '.process.command_line | test("base64 +(-d|-D|--decode) ")'
	"$helpers/noop" -c 'exec 5<>/dev/tcp/10.0.0.1/443' "$marker-reverse"
	"$helpers/noop" -c 'exec 5<>/dev/null' "$marker-reverse-twin"
	fires reverse '.process.command_line | contains("/dev/tcp/")'
	(cd /dev/shm && exec "$helpers/noop" "$marker-directory")
	(cd / && exec "$helpers/noop" "$marker-directory-twin")
	fires directory '.process.working_directory | IN("/dev/shm", "/tmp", "/var/tmp")'
	stop_exectap
}

@test "terminal and capabilities: an interactive session, a process that may debug others" {
	start_ecs
	script -qec "'$helpers/noop' '$marker-terminal'" /dev/null >/dev/null </dev/null
	setsid -w "$helpers/noop" "$marker-terminal-twin"
	fires terminal '.process.interactive == true'
	"$helpers/noop" "$marker-capable"
	setpriv --bounding-set -sys_ptrace "$helpers/noop" "$marker-capable-twin"
	fires capable '.exectap.cap_full == true or (.process.thread.capabilities.effective // [] | any(. == "CAP_SYS_PTRACE"))'
	stop_exectap
}
