# SPDX-License-Identifier: BSD-2-Clause
# Functions of ecs.jq and ocsf.jq. They map native lines as documented, written independently of the encoders, for
# comparison. --arg machine_id, kernel and version give the values that native lines of execs lack.

# Removes keys without a value, and objects that are empty then.
def prune:
  walk(if type == "object" then with_entries(select(.value != null and .value != {})) else . end);

# Selects these keys, unchanged.
def pick($names): with_entries(select(.key as $key | $names | index($key)));

def milliseconds: (.[:19] + "Z" | fromdate) * 1000 + (.[20:23] | tonumber);
def microseconds: . * 1000000 | round;

def base_name: split("/") | last // "";

# The type of the event; a summary has that of the events that it counts.
def source: if .type == "suppressed" then .event_type else .type end;

def is_call: source == "exec" or source == "exec_failed";
def is_process: is_call or (source | . == "exit" or . == "fork" or . == "process");

# The name of the executed file of an exec and, if it is known, of an exit; else the process's name.
def process_name: if source == "exec" or (.exe and (is_call | not)) then .exe // null | if . then base_name else null end else .comm end;

# The name of the file that the parent runs, else its comm.
def parent_name: if .parent_exe then .parent_exe | base_name else .parent_comm end;

def id_string: if . == null then null else tostring end;

def command_line: if .args then .args | join(" ") else null end;

def parent_command_line: if .parent_args then .parent_args | join(" ") else null end;

def message:
  (.comm // "?") as $comm | (.filename // "?") as $filename |
  if .type == "suppressed" then "\(.count) event\(if .count == 1 then "" else "s" end) suppressed"
  elif .type == "exec" then "\($comm) executed \($filename)"
  elif .type == "exec_failed" then "\($comm) failed to execute \($filename)\(if .error then ": \(.error)" else "" end)"
  elif .type == "exit" then if .signal then "\($comm) was ended by \(.signal)"
    elif .exit_code != null then "\($comm) exited with \(.exit_code)" else "\($comm) ended" end
  elif .type == "fork" then "\($comm) was forked"
  elif .type == "process" then "\($comm) is running"
  elif .type == "lost" then "\(if .count then "\(.count) " else "" end)event\(if .count == 1 then "" else "s" end) lost: \(.reason)"
  elif .type == "start" then "exectap began to watch"
  elif .type == "stats" then "exectap is watching"
  else "exectap stopped watching" end;
