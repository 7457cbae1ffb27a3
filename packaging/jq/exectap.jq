# SPDX-License-Identifier: BSD-2-Clause
# Functions for lines of exectap in the native format:
#
#	jq -L /usr/share/exectap/jq 'include "exectap"; called_by("zsh")' exec.jsonl
#	jq -L /usr/share/exectap/jq -s -r 'include "exectap"; tree' exec.jsonl

# Execs that this command made, by its command name.
def called_by($comm): select(.type == "exec" and .comm == $comm);

# Events of this user: a name or a uid.
def by_user($user): select(.user == ($user | tostring) or (.uid != null and (.uid | tostring) == ($user | tostring)));

# Events from this time on: RFC 3339 in UTC, or a beginning of it such as "2026-11-29T08".
def since($time): select(.timestamp >= $time);

# The command line, in words that cannot be mistaken for several or reach the terminal as control characters.
def command:
	(if (.args // []) == [] then [.filename // .exe // ""] else .args end)
	| map(if test("^[-A-Za-z0-9_./=:,@%+]+$") then . else tojson end) | join(" ");

# Of all lines in a list (jq -s): each process with the programs that it executed, below the process that made it.
def tree:
	map(select(.type == "exec"))
	| (group_by(.id) | map({key: .[0].id, value: sort_by(.timestamp)}) | from_entries) as $processes
	| ([$processes[][0]] | group_by(.parent_id) | map({key: (.[0].parent_id // ""), value: sort_by(.timestamp) | map(.id)}) |
		from_entries) as $children
	| def node($id; $indent):
		$indent + "\($processes[$id][0].pid) " + ($processes[$id] | map(command) | join(" → ")),
		($children[$id][]? | node(.; $indent + "  "));
	  [$processes[][0] | select($processes[.parent_id // ""] | not)] | sort_by(.timestamp)[] | node(.id; "");
