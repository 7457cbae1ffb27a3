/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All fields, in the order in which lines have them. The table is static, so that a compiler that
 * unrolls a loop over it knows each field's row, and keeps only the code of the field's own kind.
 * schema/exectap.schema.json has the same keys.
 */
#ifndef EXECTAP_FIELD_TABLE_H
#define EXECTAP_FIELD_TABLE_H

#include "event/field.h"

/* Sets of event types that have a field. */
#define EXEC EVENT_BIT(EVENT_EXEC)
#define FAILED EVENT_BIT(EVENT_EXEC_FAILED)
#define EXIT EVENT_BIT(EVENT_EXIT)
#define LOST EVENT_BIT(EVENT_LOST)
#define CALL EVENT_BITS_EXEC
#define PROCESS EVENT_BITS_PROCESS
#define HEARTBEAT EVENT_BITS_HEARTBEAT
#define EVERY EVENT_BITS_ALL

/* Formats in which a field has no place in the other schema, and is written as in the native one.
 */
#define MAPPED 0
#define UNMAPPED_ECS FIELD_ECS
#define UNMAPPED_OCSF FIELD_OCSF
#define UNMAPPED_BOTH (FIELD_ECS | FIELD_OCSF)

#define AT(member) offsetof(struct event, member)
/* After `unmapped_formats`: the offset, the bits of enum record_key, and those of derived_from. */
#define FIELD(name, json, value_kind, types, unmapped_formats, ...)                                \
	{                                                                                          \
		{ "\"" name "\":", sizeof("\"" name "\":") - 1 }, FIELD_JSON_##json,               \
			FIELD_KIND_##value_kind, types, unmapped_formats, __VA_ARGS__              \
	}

static const struct field field_table[] = {
	FIELD("timestamp", ASCII, TIME, EVERY, MAPPED, AT(wall_ns)),
	FIELD("type", ASCII, TYPE, EVERY, MAPPED),
	FIELD("seq", LITERAL, U64, EVERY, MAPPED, AT(seq)),
	FIELD("host", STRING, TEXT_OR_NONE, EVERY, MAPPED, AT(host)),
	FIELD("boot_id", ASCII, TEXT, EVERY, MAPPED, AT(boot_id)),
	FIELD("schema", LITERAL, SCHEMA, EVERY, MAPPED),
	FIELD("event_id", ASCII, TEXT, EVERY, MAPPED, AT(event_id)),
	FIELD("tags", MAP, TAGS, EVERY, MAPPED, AT(tags)),
	FIELD("id", ASCII, TEXT_OR_NONE, PROCESS, MAPPED, AT(process.id)),
	FIELD("pid", LITERAL, U32, PROCESS, MAPPED, AT(process.task.pid)),
	FIELD("tid", LITERAL, TID, CALL, UNMAPPED_ECS),
	FIELD("ppid", LITERAL, U32, PROCESS, MAPPED, AT(process.task.ppid)),
	FIELD("pgid", LITERAL, U32, PROCESS, UNMAPPED_OCSF, AT(process.task.pgid)),
	FIELD("sid", LITERAL, U32, PROCESS, UNMAPPED_OCSF, AT(process.task.sid)),
	FIELD("comm", STRING, TEXT, PROCESS, UNMAPPED_ECS, AT(process.comm), RECORD_KEY_COMM),
	FIELD("filename", STRING, TEXT, CALL, UNMAPPED_BOTH, AT(exec.filename),
	      RECORD_KEY_FILENAME),
	FIELD("error", ASCII, ERROR, FAILED, MAPPED),
	FIELD("errno", LITERAL, ERRNO, FAILED, UNMAPPED_BOTH),
	FIELD("args", LIST, ARGS, CALL, UNMAPPED_OCSF, AT(exec.args), RECORD_KEY_ARGS),
	FIELD("argc", LITERAL, ARGC, CALL, UNMAPPED_OCSF),
	FIELD("args_bytes", LITERAL, ARGS_BYTES, CALL, UNMAPPED_BOTH),
	FIELD("env", MAP, ENV, CALL, MAPPED, AT(exec.env), RECORD_KEY_ENV),
	FIELD("env_duplicates", LIST, ENV_DUPLICATES, CALL, UNMAPPED_BOTH, 0, 0, RECORD_KEY_ENV),
	FIELD("exe", STRING, TEXT, EXEC, MAPPED, AT(exec.paths[EVENT_PATH_EXE]), RECORD_KEY_EXE),
	FIELD("cwd", STRING, TEXT, CALL, MAPPED, AT(exec.paths[EVENT_PATH_CWD]), RECORD_KEY_CWD),
	FIELD("memfd", LITERAL, FLAG, EXEC, UNMAPPED_BOTH, AT(exec.memfd), 0, RECORD_KEY_EXE),
	FIELD("deleted", LITERAL, FLAG, EXEC, UNMAPPED_ECS, AT(exec.deleted), 0, RECORD_KEY_EXE),
	FIELD("exe_detached", LITERAL, FLAG, EXEC, UNMAPPED_BOTH, AT(exec.exe_detached)),
	FIELD("cwd_detached", LITERAL, FLAG, CALL, UNMAPPED_BOTH, AT(exec.cwd_detached)),
	FIELD("cwd_deleted", LITERAL, FLAG, CALL, UNMAPPED_BOTH, AT(exec.cwd_deleted)),
	FIELD("uid", LITERAL, U32, PROCESS, MAPPED, AT(process.task.uid)),
	FIELD("gid", LITERAL, U32, PROCESS, MAPPED, AT(process.task.gid)),
	FIELD("euid", LITERAL, U32, PROCESS, MAPPED, AT(process.task.euid)),
	FIELD("egid", LITERAL, U32, PROCESS, MAPPED, AT(process.task.egid)),
	FIELD("auid", LITERAL, AUDIT, PROCESS, UNMAPPED_ECS, AT(process.task.auid)),
	FIELD("ses", LITERAL, AUDIT, PROCESS, UNMAPPED_ECS, AT(process.task.ses)),
	FIELD("user", STRING, ACCOUNT, PROCESS, MAPPED, AT(process.user)),
	FIELD("group", STRING, ACCOUNT, PROCESS, MAPPED, AT(process.group)),
	FIELD("euser", STRING, ACCOUNT, PROCESS, UNMAPPED_OCSF, AT(process.euser)),
	FIELD("egroup", STRING, ACCOUNT, PROCESS, UNMAPPED_OCSF, AT(process.egroup)),
	FIELD("auser", STRING, ACCOUNT, PROCESS, UNMAPPED_BOTH, AT(process.auser)),
	FIELD("cap_eff", ASCII, CAPABILITIES, PROCESS, UNMAPPED_OCSF),
	FIELD("tty", ASCII, TEXT_OR_NONE, PROCESS, MAPPED, AT(process.tty)),
	FIELD("start", ASCII, TIME, PROCESS, MAPPED, AT(process.start_wall_ns)),
	FIELD("parent_comm", STRING, TEXT, PROCESS, UNMAPPED_BOTH, AT(process.parent_comm),
	      RECORD_KEY_PARENT_COMM),
	FIELD("parent_exe", STRING, PARENT_EXE, CALL, MAPPED, AT(exec.paths[EVENT_PATH_PARENT_EXE]),
	      RECORD_KEY_PARENT_EXE),
	FIELD("parent_exe_detached", LITERAL, FLAG, CALL, UNMAPPED_BOTH,
	      AT(exec.parent_exe_detached)),
	FIELD("parent_exe_deleted", LITERAL, FLAG, CALL, UNMAPPED_BOTH,
	      AT(exec.parent_exe_deleted)),
	FIELD("parent_id", ASCII, TEXT_OR_NONE, PROCESS, MAPPED, AT(process.parent_id)),
	FIELD("cgroup", STRING, TEXT, CALL, UNMAPPED_BOTH, AT(exec.paths[EVENT_PATH_CGROUP]),
	      RECORD_KEY_CGROUP),
	FIELD("container_id", STRING, TEXT_OR_NONE, CALL, MAPPED, AT(exec.container.id), 0,
	      RECORD_KEY_CGROUP),
	FIELD("container_runtime", ASCII, POINTER, CALL, MAPPED, AT(exec.container.runtime), 0,
	      RECORD_KEY_CGROUP),
	FIELD("pod_uid", ASCII, CHARS, CALL, MAPPED, AT(exec.container.pod_uid), 0,
	      RECORD_KEY_CGROUP),
	FIELD("systemd_unit", STRING, TEXT_OR_NONE, CALL, UNMAPPED_BOTH, AT(exec.systemd_unit), 0,
	      RECORD_KEY_CGROUP),
	FIELD("ns_pid", LITERAL, U32_OR_NONE, PROCESS, MAPPED, AT(process.task.ns_pid)),
	FIELD("pid_ns", LITERAL, U32_OR_NONE, PROCESS, UNMAPPED_BOTH, AT(process.task.pid_ns)),
	FIELD("mnt_ns", LITERAL, U32_OR_NONE, PROCESS, UNMAPPED_BOTH, AT(process.task.mnt_ns)),
	FIELD("net_ns", LITERAL, U32_OR_NONE, PROCESS, UNMAPPED_BOTH, AT(process.task.net_ns)),
	FIELD("user_ns", LITERAL, U32_OR_NONE, PROCESS, UNMAPPED_BOTH, AT(process.task.user_ns)),
	FIELD("exit_code", LITERAL, EXIT_CODE, EXIT, MAPPED),
	FIELD("signal", ASCII, SIGNAL, EXIT, UNMAPPED_BOTH),
	FIELD("core_dumped", LITERAL, CORE_DUMPED, EXIT, UNMAPPED_BOTH),
	FIELD("duration", LITERAL, SECONDS, EXIT, MAPPED, AT(exit.duration_ns)),
	FIELD("user_time", LITERAL, SECONDS, EXIT, UNMAPPED_BOTH, AT(exit.user_ns),
	      RECORD_KEY_TIMES),
	FIELD("system_time", LITERAL, SECONDS, EXIT, UNMAPPED_BOTH, AT(exit.system_ns),
	      RECORD_KEY_TIMES),
	FIELD("max_rss", LITERAL, U64, EXIT, UNMAPPED_BOTH, AT(exit.max_rss_bytes)),
	FIELD("count", LITERAL, U64_OR_NONE, LOST, UNMAPPED_ECS, AT(lost.count)),
	FIELD("reason", ASCII, POINTER, LOST, MAPPED, AT(lost.reason)),
	FIELD("event_type", ASCII, POINTER, LOST, UNMAPPED_BOTH, AT(lost.event_type)),
	FIELD("from", ASCII, TIME, LOST, MAPPED, AT(lost.from_wall_ns)),
	FIELD("to", ASCII, TIME, LOST, MAPPED, AT(lost.to_wall_ns)),
	FIELD("version", ASCII, TEXT, HEARTBEAT, UNMAPPED_ECS, AT(version)),
	FIELD("kernel", STRING, TEXT, HEARTBEAT, MAPPED, AT(kernel)),
	FIELD("hooks", LIST, STRINGS, HEARTBEAT, UNMAPPED_BOTH, AT(heartbeat.hooks)),
	FIELD("seen", LITERAL, U64, HEARTBEAT, UNMAPPED_BOTH, AT(heartbeat.seen)),
	FIELD("written", LITERAL, U64, HEARTBEAT, UNMAPPED_BOTH, AT(heartbeat.written)),
	FIELD("filtered", LITERAL, U64, HEARTBEAT, UNMAPPED_BOTH, AT(heartbeat.filtered)),
	FIELD("lost", LITERAL, U64, HEARTBEAT, UNMAPPED_BOTH, AT(heartbeat.lost)),
	FIELD("truncated", LIST, KEYS, CALL, UNMAPPED_BOTH, AT(process.truncated)),
	FIELD("unreadable", LIST, KEYS, PROCESS, UNMAPPED_BOTH, AT(process.unreadable)),
	FIELD("redacted", LIST, KEYS, CALL, UNMAPPED_BOTH, AT(process.redacted)),
	FIELD("redacted_bytes", LITERAL, U32_OR_NONE, CALL, UNMAPPED_BOTH,
	      AT(process.redacted_bytes)),
};
#define FIELD_COUNT (sizeof(field_table) / sizeof(field_table[0]))

#undef EXEC
#undef FAILED
#undef EXIT
#undef LOST
#undef CALL
#undef PROCESS
#undef HEARTBEAT
#undef EVERY
#undef MAPPED
#undef UNMAPPED_ECS
#undef UNMAPPED_OCSF
#undef UNMAPPED_BOTH
#undef AT
#undef FIELD

#endif
