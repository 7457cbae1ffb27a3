#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --format text: lines for people, whole and escaped, in the columns of the terminal.

load lib

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# start_text OPTION...: starts exectap with format text; its lines go to $text.
start_text() {
	text=$BATS_TEST_TMPDIR/text
	: >"$log"
	"$exectap" --format text "$@" >"$text" 2>"$log" 3>&- &
	exectap_pid=$!
	poll watching
}

# shows PATTERN: polls for a line that matches the extended regular expression behind its time
shows() {
	poll grep -qaE "^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3} $1\$" "$text" || { tail -n 5 "$text" && false; }
}

@test "an exec, a failed attempt, and the ends of processes; the totals come last" {
	start_text --events exec,exec_failed,exit
	(cd / && exec "$helpers/noop" "$marker" 'two words' '')
	shows "root bash → $helpers/noop $marker 'two words' '' in /"
	(exec -a fake "$helpers/noop" "$marker-fake")
	shows "root bash → fake $marker-fake exe=$helpers/noop in .*"
	bash -c 'exec /nonexistent/"$0"' "$marker" 2>/dev/null || true
	shows "root bash → /nonexistent/$marker ENOENT in .*"
	cp /bin/sh "$BATS_TEST_TMPDIR/end"
	"$BATS_TEST_TMPDIR/end" -c 'exit 3' || true
	shows 'root end exit 3 after 0\.[0-9]{3} s'
	"$BATS_TEST_TMPDIR/end" -c 'kill -9 $$' || true
	shows 'root end killed by SIGKILL after 0\.[0-9]{3} s'
	stop_exectap
	[ "$(grep -c . "$log")" = 2 ]
	grep -qE '^exectap: [0-9,]+ events, 0 lost$' "$log"
}

@test "a process that runs already, with its directory and what its file is" {
	local place=$BATS_TEST_TMPDIR/place
	mkdir "$place"
	cp "$helpers/hold" "$place/hold"
	env -C "$place" "$place/hold" "$marker" 3>&- >/dev/null &
	held+=($!)
	poll [ "/proc/$!/exe" -ef "$place/hold" ]
	rm "$place/hold"
	start_text --events process
	shows "root hold running, child of $BASHPID deleted in $place"
	stop_exectap

	start_text --events process --omit ppid,cwd
	shows 'root hold running deleted'
	stop_exectap
}

@test "--fields and --omit choose the parts of a line" {
	start_text --omit args,user,cwd --events exec,exit --only "exe=$helpers/noop"
	"$helpers/noop" "$marker-secret"
	shows "0 bash → $helpers/noop"
	shows '0 noop exit 0 after 0\.[0-9]{3} s'
	stop_exectap
	! grep -aF "$marker" "$text" || false

	start_text --fields command_line --only "exe=$helpers/noop"
	"$helpers/noop" "$marker"
	shows "→ $helpers/noop $marker"
	stop_exectap

	start_text --fields uid,comm,error,filename --omit comm --events exec_failed,fork,exit
	bash -c 'exec /nonexistent/"$0"' "$marker" 2>/dev/null || true
	shows "0 → /nonexistent/$marker ENOENT"
	shows '0 forked'
	shows 0
	stop_exectap
}

@test "the totals have a comma between thousands" {
	start_text --only "filename=$helpers/noop" --only "comm=storm"
	"$helpers/storm" 1 1234 "$marker" "$helpers/noop"
	stop_exectap
	grep -qE '^exectap: 1,2[0-9]{2} execs, 0 lost$' "$log"
	[ "$(grep -c "$marker-" "$text")" = 1234 ]
}

@test "a shell reads the words of a line as the arguments were, whatever their bytes" {
	start_text --only "exe=$helpers/noop"
	printf '%s\0' "$marker" "it's" 'a"b' '$HOME `x`' $'tab\tnew\nline' $'\e[31mred' 'back\slash' $'\xff\xfe' $'\u202eevil' \
		'grün 你好' '' '*' '~' '#' >"$BATS_TEST_TMPDIR/given"
	mapfile -d '' -t words <"$BATS_TEST_TMPDIR/given"
	(cd / && exec "$helpers/noop" "${words[@]}")
	poll grep -qa "→ $helpers/noop $marker " "$text"
	stop_exectap
	grep -a "→ $helpers/noop $marker " "$text" | sed "s|.* → [^ ]* \(.*\) in /\$|printf '%s\\\\0' \1|" >"$BATS_TEST_TMPDIR/script"
	cat -v "$BATS_TEST_TMPDIR/script"
	LC_ALL=C.UTF-8 bash "$BATS_TEST_TMPDIR/script" | cmp - "$BATS_TEST_TMPDIR/given"
	! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$text" || false
}

# on_terminal COLUMNS COMMAND...: runs exectap on a terminal of this width until it shows two execs of noop, the
# command's and another one; what it shows is in $text.
on_terminal() {
	text=$BATS_TEST_TMPDIR/text
	cat >"$BATS_TEST_TMPDIR/session" <<'END'
stty cols "$1"
"$exectap" --format text --only "exe=$helpers/noop" --only "args=$marker*" 2>"$log" &
pid=$!
until grep -q watching "$log"; do read -rt 0.02 <> <(:); done
"${@:2}"
"$helpers/noop" "$marker-last"
until [ "$(grep -ca ' → ' "$text")" -ge 2 ]; do read -rt 0.02 <> <(:); done
kill "$pid"
wait "$pid"
END
	: >"$log"
	: >"$text"
	export exectap marker helpers log text
	SHELL=/bin/bash TERM=xterm timeout 60 script -qfec "bash $BATS_TEST_TMPDIR/session $(printf '%q ' "$@")" "$text" </dev/null >/dev/null 3>&-
}

@test "on a terminal no line is wider than it, with wide characters too, and the end of a line stays" {
	on_terminal 80 "$helpers/noop" "$marker" "$(printf '你好世界%.0s' {1..100})"
	python3 - "$text" "$marker" "$PWD" <<'END'
import re, sys, unicodedata
lines = open(sys.argv[1], "rb").read().decode().replace("\r", "").split("\n")
lines = [re.sub("\x1b\\[[0-9]*m", "", line) for line in lines]
lines = [line for line in lines if " → " in line]
width = lambda line: sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
print(*lines, sep="\n")
assert len(lines) == 2, lines
assert all(width(line) <= 80 for line in lines), [width(line) for line in lines]
assert "…" in lines[0] and width(lines[0]) >= 76
END
}

@test "colors: on a terminal, but not with NO_COLOR; never in a pipe, but with --color always" {
	local escape=$'\e['
	on_terminal 200 "$helpers/noop" "$marker"
	grep -qaF "$escape" "$text"
	NO_COLOR=1 on_terminal 200 "$helpers/noop" "$marker"
	! grep -a ' → ' "$text" | grep -qF "$escape" || false
	start_text
	"$helpers/noop" "$marker-pipe"
	poll grep -qa "$marker-pipe" "$text"
	stop_exectap
	! grep -qF "$escape" "$text" || false
	start_text --color always
	"$helpers/noop" "$marker-always"
	poll grep -qa "$marker-always" "$text"
	stop_exectap
	grep -aF "$marker-always" "$text" | grep -qF "$escape"
}

@test "a line is whole within --max-line, with an ellipsis for what was left out" {
	start_text --max-line 3072 --only "exe=$helpers/noop" --only "args=$marker"
	"$helpers/noop" "$marker" "$(printf 'x%.0s' {1..9000})"
	poll grep -qa "$marker" "$text"
	stop_exectap
	[ "$(wc -l <"$text")" = 1 ]
	[ "$(wc -c <"$text")" -le 3072 ]
	grep -q '… truncated in /' "$text"
}

@test "a line says truncated and unreadable of what it shows, and not of other keys" {
	start_text --parent-args 64
	bash -c '"$0" "$1"; :' "$helpers/noop" "$marker-parent" "$(printf 'x%.0s' {1..100})"
	poll grep -qE " .*/noop $marker-parent in " "$text"
	"$helpers/noop" "$marker-long" "$(printf 'x%.0s' {1..20000})"
	poll grep -qE "$marker-long .* truncated in " "$text"
}
