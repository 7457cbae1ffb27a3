# SPDX-License-Identifier: BSD-2-Clause
# What ecs.jq and ocsf.jq share. They map native lines the way the README's table says, written apart from the encoders,
# as what those are judged by. --arg machine_id, kernel and version give what native lines of execs do not say.

# Drops the keys that have no value, and objects that have no key then.
def prune:
  walk(if type == "object" then with_entries(select(.value != null and .value != {})) else . end);

# Those keys, as they are.
def pick($names): with_entries(select(.key as $key | $names | index($key)));

def milliseconds: (.[:19] + "Z" | fromdate) * 1000 + (.[20:23] | tonumber);
def microseconds: . * 1000000 | round;

def base_name: split("/") | last // "";

def is_call: .type == "exec" or .type == "exec_failed";
def is_process: is_call or .type == "exit";

# Of an exec the name of the file that runs, else its own.
def process_name: if .type == "exec" then .exe // null | if . then base_name else null end else .comm end;

def command_line: if .args then .args | join(" ") else null end;

# {"args": {"2": "..."}} -> ["args.2=..."]; sorted, for objects have no order
def raw_list:
  [(. // {}) | to_entries[]
   | if .value | type == "object" then .key as $key | .value | to_entries[] | "\($key).\(.key)=\(.value)" else "\(.key)=\(.value)" end]
  | sort | if . == [] then null else . end;

def message:
  (.comm // "?") as $comm | (.filename // "?") as $filename |
  if .type == "exec" then "\($comm) executed \($filename)"
  elif .type == "exec_failed" then "\($comm) failed to execute \($filename): \(.error)"
  elif .type == "exit" then if .signal then "\($comm) was ended by \(.signal)" else "\($comm) exited with \(.exit_code)" end
  elif .type == "lost" then "\(.count) event\(if .count == 1 then "" else "s" end) lost: \(.reason)"
  elif .type == "start" then "exectap began to watch"
  elif .type == "stats" then "exectap is watching"
  else "exectap stopped watching" end;
