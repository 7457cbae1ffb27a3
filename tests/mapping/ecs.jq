# SPDX-License-Identifier: BSD-2-Clause
# Maps a native line to the format ecs. event.duration has the precision of the native line, microseconds.
include "common";

# capabilities(7), from 0 on
def capability_names:
  ["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
   "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
   "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
   "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
   "PERFMON", "BPF", "CHECKPOINT_RESTORE"];

# CAP_CHOWN to CAP_CHECKPOINT_RESTORE
def all_capabilities: "000001ffffffffff";

def capabilities:
  ["0123456789abcdef" | explode] as [$digits]
  | [explode | reverse | to_entries[] | .key as $place | .value as $digit | ($digits | index($digit)) as $value
     | range(4) | select(($value / pow(2; .) | floor) % 2 == 1) | $place * 4 + .]
  | map(if . < (capability_names | length) then "CAP_" + capability_names[.] else tostring end);

# Documentation/admin-guide/devices.txt
def tty_device:
  if startswith("pts/") then .[4:] | tonumber | [136 + (. / 256 | floor), . % 256]
  elif startswith("ttyS") then .[4:] | tonumber | [4, 64 + .]
  elif startswith("tty") then .[3:] | tonumber | [4, .]
  else split(":") | map(tonumber) end
  | {char_device: {major: .[0], minor: .[1]}};

def event:
  {
    kind: (if .type == "process" then "state" elif .type != "suppressed" and is_process then "event" elif .type == "lost" then "pipeline_error" else "metric" end),
    category: (if .type != "suppressed" and is_process then ["process"] else null end),
    type: {exec: ["start"], exec_failed: ["info"], exit: ["end"], fork: ["start"], process: ["info"]}[.type],
    outcome: {exec: "success", exec_failed: "failure", fork: "success"}[.type],
    action: ({exit: "end", process: "process_snapshot"}[.type] // .type),
    module: "exectap",
    dataset: "exectap.\(.type)",
    provider: "exectap",
    sequence: .seq,
    id: .event_id,
    reason,
    start: (if .type == "exit" then .start else .from end),
    end: (if .type == "exit" then if .duration then .timestamp else null end else .to end),
    duration: (if .duration then .duration | microseconds else null end)
  };

def process:
  {
    entity_id: .id, pid, vpid: .ns_pid, name: process_name, executable: .exe,
    args, args_count: .argc, command_line: command_line,
    env_vars: (if .env then .env | to_entries | map("\(.key)=\(.value)") | sort else null end),
    working_directory: .cwd,
    start, end: (if .type == "exit" and .duration then .timestamp else null end), exit_code,
    interactive: (if $omitted + (if .type == "suppressed" then ["tty"] else [] end) | index("tty") then null else .tty != null end), tty: (if .tty then .tty | tty_device else null end),
    user: {id: .euid | id_string, name: .euser}, real_user: {id: .uid | id_string, name: .user},
    group: {id: .egid | id_string, name: .egroup}, real_group: {id: .gid | id_string, name: .group},
    thread: {capabilities: {effective: (if .cap_eff == null or .cap_eff == all_capabilities then null else .cap_eff | capabilities end),
      permitted: (if .cap_prm == null or .cap_prm == all_capabilities then null else .cap_prm | capabilities end)}},
    parent: {entity_id: .parent_id, pid: .ppid, name: parent_name, executable: .parent_exe,
             args: .parent_args, args_count: .parent_argc, command_line: parent_command_line},
    group_leader: {entity_id: .group_leader_id, pid: .pgid}, session_leader: {entity_id: .session_leader_id, pid: .sid},
    entry_leader: {entity_id: .entry_id, pid: (if .entry_id then .entry_id | split("-")[2] | tonumber else null end), name: (if .entry_exe then .entry_exe | base_name else null end), executable: .entry_exe, entry_meta: {type: .entry_type}}
  };

{
  "@timestamp": .timestamp,
  ecs: {version: "9.4.0"},
  event: event,
  labels: .tags,
  host: {hostname: .host, name: .host, id: (if $machine_id == "" or .host == null then null else $machine_id end), boot: {id: .boot_id},
    os: (if $omitted | index("kernel") then null else {type: "linux", kernel: $kernel} end)},
  process: (if is_process then process else null end),
  user: (if is_process then {id: .uid | id_string, name: .user, effective: (if .uid != null and .euid != null and .euid != .uid then {id: .euid | id_string, name: .euser} else null end)} else null end),
  container: {id: .container_id, runtime: .container_runtime, name: .container_name, image: {name: .container_image}},
  orchestrator: (if .pod_uid or .pod_name or .pod_namespace then {type: "kubernetes", namespace: .pod_namespace,
    resource: (if .pod_uid or .pod_name then {type: "pod", id: .pod_uid, name: .pod_name} else null end)} else null end),
  error: {code: .error, message: (if .type == "lost" then message else null end)},
  exectap: (pick(["tid", "comm", "filename", "errno", "args_bytes", "memfd", "deleted", "exe_detached", "cwd_detached",
                  "cwd_deleted", "parent_comm", "ancestors", "parent_exe_detached", "parent_exe_deleted", "parent_event_id", "auid", "ses", "auser", "cgroup", "systemd_unit", "pid_ns", "mnt_ns",
                  "net_ns", "user_ns", "signal", "core_dumped", "user_time", "system_time", "max_rss", "count", "event_type", "version",
                  "hooks", "seen", "written", "filtered", "suppressed", "lost", "name", "exe_dev", "exe_ino", "exe_mode", "exe_uid", "exe_gid",
                  "exe_size", "exe_mtime", "exe_upper", "stdin", "stdout", "stderr", "truncated", "unreadable", "redacted", "redacted_bytes", "env_duplicates"])
    + {raw: .raw, cap_full: (if .cap_eff == all_capabilities then true else null end),
       cap_prm_full: (if .cap_prm == all_capabilities then true else null end)})
}
| prune
