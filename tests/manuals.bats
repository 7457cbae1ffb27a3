#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Compares the manuals and the completions with --help and the schema. Needs no privileges.

load lib

man=$top/packaging/man
schema=$top/schema/exectap.schema.json

setup_file() {
	make -s -C "$BATS_TEST_DIRNAME/.." completions 3>&-
}

# Prints the long options of --help.
options() {
	"$exectap" --help | grep -oE -- '--[a-z][a-z-]*' | sort -u
}

@test "mandoc has nothing to say about the manuals" {
	# exceptions: a page that this host lacks, and .Os, which names the project instead of a system
	mandoc -Tlint "$man"/* 2>"$BATS_TEST_TMPDIR/database" |
		grep -v 'referenced manual not found\|operating system explicitly specified: Os exectap' \
			>"$BATS_TEST_TMPDIR/lint" || true
	cat "$BATS_TEST_TMPDIR/lint"
	[ ! -s "$BATS_TEST_TMPDIR/lint" ]
	[ "$(grep -cv 'outdated mandoc.db\|makewhatis' "$BATS_TEST_TMPDIR/database")" = 0 ]
}

# margins RENDERER...: prints the first and last line of the page on standard input as plain text
margins() {
	"$@" | sed 's/.\x08//g' | grep . | sed -n '1p; $p'
}

@test "the margins of the manuals name exectap, and no BSD, with mandoc and with groff" {
	local page
	for page in "$man"/*; do
		echo "$page"
		margins mandoc -Tascii <"$page" >"$BATS_TEST_TMPDIR/margins"
		if command -v groff >/dev/null; then
			margins groff -mdoc -Tascii <"$page" >"$BATS_TEST_TMPDIR/groff"
			grep -q 'exectap manual' "$BATS_TEST_TMPDIR/groff"
			cat "$BATS_TEST_TMPDIR/groff" >>"$BATS_TEST_TMPDIR/margins"
		fi
		cat "$BATS_TEST_TMPDIR/margins"
		[ "$(grep -c '^exectap .* exectap$' "$BATS_TEST_TMPDIR/margins")" = \
			"$(($(wc -l <"$BATS_TEST_TMPDIR/margins") / 2))" ]
		if grep -q 'BSD' "$BATS_TEST_TMPDIR/margins"; then return 1; fi
	done
}

@test "exectap(8) has every option of --help, with the same letter and argument, and no other" {
	diff <(grep -h '^\.It Fl' "$man/exectap.8" | mandoc_options | sort -u) <("$exectap" --help | help_options | sort -u)
}

# Prints one option per line, as "-o--outputDEST", from the items of a list
mandoc_options() {
	sed -E 's/^\.It //; s/Fl /-/g; s/\<(Ns|Ar|Op)\>//g' | tr -d ' ,=[]'
}

help_options() {
	grep -E '^  -' | grep -oE -- '(-[a-zA-Z], )?--[a-z-]+( [A-Z][][A-Z,=:/]*|\[=[A-Z]+\])?' | tr -d ' ,=[]'
}

@test "exectap(8) explains every reason of a lost line, and no other" {
	diff <(sed -n '/^\.Sh LOSSES/,/^\.Sh ENV/s/^\.It Ql //p' "$man/exectap.8" | sort) \
		<(jq -r '."$defs".lost.properties.reason.enum[]' "$schema" | sort)
}

@test "exectap(8) names every exit status, event and format that --help names" {
	local word
	for word in $("$exectap" --help | grep -oE '[0-4] (stopped|failed|wrong|not|this)' | cut -c 1); do
		grep -qx ".It $word" "$man/exectap.8"
	done
	for word in $("$exectap" --help | sed -nE 's/^.*--(format NAME|events LIST) *//p' | sed 's/([^)]*)//g' | tr -d ','); do
		grep -qE "^\.Ql $word( |$)" "$man/exectap.8"
	done
}

# Prints the keys of a subsection of exectap-events(5).
keys_of() {
	awk -v title=".Ss $1" '/^\.S[sh] / { inside = $0 == title } inside && /^\.It Va / { print $3 }' "$man/exectap-events.5" | sort
}

# Prints the keys of a part of the schema, without those that it only restricts.
schema_keys() {
	jq -r --arg part "$1" '."$defs"[$part].properties | to_entries[] |
		select(.value != false and (.key != "type" or $part == "every_line")) | .key' "$schema" | sort
}

@test "exectap-events(5) has every key of the schema where it belongs, and no other" {
	local part
	while IFS='|' read -r title part; do
		echo "$title"
		[ -n "$(keys_of "$title")" ]
		diff <(keys_of "$title") <(schema_keys "$part")
	done <<-'END'
		Every line|every_line
		exec, exec_failed, exit, fork and process: the process|process
		exec, exit, fork and process: the program|program
		exec and exec_failed: the call|call
		exec|exec
		exec_failed|exec_failed
		exit|exit
		lost|lost
		suppressed|suppressed
		start, stats and stop|heartbeat
	END
}

@test "every link of the documents resolves in the source" {
	"$top/tests/links" "$top"
}

@test "every link of the documents resolves where they are installed" {
	make -s -C "$top" install DESTDIR="$BATS_TEST_TMPDIR" PREFIX=/usr >/dev/null 2>&1 3>&-
	"$top/tests/links" "$BATS_TEST_TMPDIR/usr/share/doc/exectap"
	"$top/tests/links" "$BATS_TEST_TMPDIR/usr/share/exectap"
	[ -f "$BATS_TEST_TMPDIR/usr/share/doc/exectap/README.md" ]
}

# offered SHELL LINE: prints the completions that the shell offers for the command line
offered() {
	local line=$2
	echo "$1: $line" >&2
	case $1 in
	bash)
		bash -c '. "$0"; COMP_LINE=$1; COMP_POINT=${#1}; _exectap; printf "%s\n" "${COMPREPLY[@]}"' \
			"$top/build/completions/exectap.bash" "$line"
		;;
	zsh) timeout 60 "$top/tests/complete.zsh" "$top/build/completions" "$line" 3>&- ;;
	fish) fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$top/build/completions/exectap.fish" "$line" | cut -f 1 ;;
	esac
}

# offers SHELL LINE WORD...: fails unless exactly these are offered; a shell may prefix the typed text or append "="
offers() {
	local shell=$1 line=$2
	shift 2
	diff <(offered "$shell" "$line" | sed -E 's/^--[a-z-]+=(.)/\1/; s/^.*,//; s/=$//' | sort -u) <(printf '%s\n' "$@" | sort -u)
}

complete_in() {
	local shell=$1 all
	command -v "$shell" >/dev/null || skip "no $shell"
	mapfile -t all < <(options)
	offers "$shell" 'exectap --' "${all[@]}"
	offers "$shell" 'exectap --form' --format
	offers "$shell" 'exectap --events exec_' exec_failed
	offers "$shell" 'exectap --events=exit,exec_' exec_failed
	offers "$shell" 'exectap -e exit,e' exec exec_failed exit
	offers "$shell" 'exectap -e f' fork
	offers "$shell" 'exectap -o unix' unix: unixgram: unix-listen:
	offers "$shell" 'exectap --only parent_' parent_args parent_argc parent_comm parent_command_line parent_event_id parent_exe parent_exe_detached parent_exe_deleted parent_id
	offers "$shell" 'exectap --skip=ses' ses session_leader_id
	offers "$shell" 'exectap --fields pid,pg' pgid
	offers "$shell" 'exectap --omit=ses' ses session_leader_id
	offers "$shell" "exectap --format nat" native
	mkdir "$BATS_TEST_TMPDIR/only"
	touch "$BATS_TEST_TMPDIR/only/file"
	offered "$shell" "exectap --output=file:$BATS_TEST_TMPDIR/only/" | grep -q 'file$'
}

@test "bash completes options, and what they take" {
	complete_in bash
}

@test "zsh completes options, and what they take" {
	complete_in zsh
}

@test "fish completes options, and what they take" {
	complete_in fish
}
