# SPDX-License-Identifier: BSD-2-Clause
# Maps a native line to the format ocsf.
include "common";

def is_uuid: . != null and test("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$");
def pod_is_placed: .container_id != null and (.pod_uid | is_uuid);

# category, class, activity and its name, severity, status and its name
def class:
  {
    exec: [1, 1007, 1, "Launch", 1, 1, "Success"],
    exec_failed: [1, 1007, 1, "Launch", 1, 2, "Failure"],
    exit: [1, 1007, 2, "Terminate", 1, 1, "Success"],
    fork: [1, 1007, 1, "Launch", 1, 1, "Success"],
    process: [1, 1007, 99, "Snapshot", 1, 1, "Success"],
    lost: [6, 6008, 1, "General Error", 3, 2, "Failure"],
    start: [6, 6002, 3, "Start", 1, 1, "Success"],
    stats: [6, 6002, 99, "Heartbeat", 1, 1, "Success"],
    stop: [6, 6002, 4, "Stop", 1, 1, "Success"]
  }[source]
  | {category_uid: .[0], class_uid: .[1], activity_id: .[2], activity_name: .[3], type_uid: (.[1] * 100 + .[2]), severity_id: .[4],
     status_id: .[5], status: .[6]};

# A time has two attributes.
def times($name):
  if . == null then {} else {($name): milliseconds, ($name + "_dt"): .} end;

def file: if . == null then null else {type_id: 8, name: base_name, path: .} end;

def product: {name: "exectap", vendor_name: "exectap", version: $version};

def metadata:
  {
    version: "1.8.0",
    product: product,
    profiles: (if is_process then ["container", "datetime", "linux/linux_users"] else ["datetime", "host"] end),
    event_code: .type,
    sequence: .seq,
    uid: .event_id,
    labels: (if .tags then .tags | to_entries | map("\(.key):\(.value)") | sort else null end),
    is_truncated: (if .truncated then true else null end)
  };

def device:
  {
    type_id: 0,
    hostname: .host,
    uid: (if $machine_id == "" or .host == null then null else $machine_id end),
    os_machine_uuid: (if $machine_id == "" or .host == null then null else $machine_id | [.[:8], .[8:12], .[12:16], .[16:20], .[20:]] | join("-") end),
    boot_uid: .boot_id,
    os: (if $omitted | index("kernel") then null else {name: "Linux", type_id: 200, kernel_release: $kernel} end)
  };

def process:
  (.start | times("created_time")) + (if .type == "exit" and .duration then .timestamp | times("terminated_time") else {} end)
  + {
    pid, uid: .id, name: process_name, cmd_line: command_line,
    file: (if .exe then (.exe | file) + {is_deleted: .deleted, uid: .exe_ino, size: .exe_size,
                                         owner: {uid: (if .exe_uid == null then null else .exe_uid | tostring end)}}
                       + (.exe_mtime | times("modified_time")) else null end),
    working_directory: .cwd,
    environment_variables: (if .env then .env | to_entries | map({name: .key, value}) | sort else null end),
    namespace_pid: .ns_pid,
    user: {uid: .uid | id_string, name: .user}, group: {uid: .gid | id_string, name: .group}, euid, egid, auid,
    session: {uid: (if .ses then .ses | tostring else null end), terminal: .tty},
    container: {uid: .container_id, runtime: .container_runtime, pod_uuid: (if pod_is_placed then .pod_uid else null end), name: .container_name, image: {name: .container_image, uid: .container_image}},
    parent_process: {pid: .ppid, uid: .parent_id, name: parent_name, file: (.parent_exe | file), cmd_line: parent_command_line}
  };

class
+ (.timestamp | times("time"))
+ (.from | times("start_time")) + (.to | times("end_time"))
+ {
  metadata: metadata,
  message: message,
  device: device,
  status_code: (.error // .reason),
  launch_type_id: (if is_call then 3 elif source == "fork" then 2 else null end),
  actor: (if is_process then {process: {pid, uid: .id, name: .comm, ptid: .tid}, user: {uid: .uid | id_string, name: .user}} else null end),
  process: (if is_process then process else null end),
  exit_code,
  duration: (if .duration then .duration | microseconds / 1000 | floor else null end),
  app: (if .version then product else null end),
  count,
  unmapped: (pick(["pgid", "sid", "filename", "errno", "args", "argc", "args_bytes", "memfd", "exe_detached", "cwd_detached", "cwd_deleted",
                   "parent_comm", "group_leader_id", "session_leader_id", "ancestors", "entry_type", "entry_id", "entry_exe", "parent_exe_detached", "parent_exe_deleted", "parent_args", "parent_argc", "parent_event_id", "euser", "egroup", "auser", "cap_eff", "cap_prm", "cgroup", "pod_name", "pod_namespace", "systemd_unit", "pid_ns", "mnt_ns",
                   "net_ns", "user_ns", "signal", "core_dumped", "user_time", "system_time", "max_rss", "event_type", "hooks", "seen",
                   "written", "filtered", "suppressed", "lost", "name", "exe_dev", "exe_mode", "exe_gid", "exe_upper", "stdin", "stdout", "stderr",
                   "truncated", "unreadable", "redacted", "redacted_bytes", "env_duplicates"])
             + {pod_uid: (if pod_is_placed then null else .pod_uid end), deleted: (if .exe then null else .deleted end), raw: .raw}
             + (if .exe then {} else pick(["exe_ino", "exe_uid", "exe_size", "exe_mtime"]) end))
}
| prune
