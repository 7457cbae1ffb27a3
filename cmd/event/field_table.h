/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All fields, in the order in which lines have them. Static, so that a compiler that unrolls a loop
 * over it knows each field's row, and leaves of the code for all kinds of values what the field's
 * own asks for.
 */
#ifndef EXECTAP_FIELD_TABLE_H
#define EXECTAP_FIELD_TABLE_H

#include "event/field.h"

/* Those up to KIND_SECONDS say what lies at the offset, the others what is made of what. */
enum field_kind {
	KIND_TEXT, /* struct text */
	KIND_TEXT_OR_NONE, /* struct text; empty: absent */
	KIND_CHARS, /* char array; empty: absent */
	KIND_POINTER, /* const char *; NULL: absent */
	KIND_U32,
	KIND_U32_OR_NONE, /* 0: absent */
	KIND_AUDIT, /* uint32_t; RECORD_AUDIT_UNSET: absent */
	KIND_U64,
	KIND_FLAG, /* bool; false: absent */
	KIND_STRINGS, /* struct text: strings, each ended by a NUL */
	KIND_KEYS, /* uint32_t: enum record_key; 0: absent */
	KIND_TIME, /* uint64_t: nanoseconds since 1970 */
	KIND_SECONDS, /* uint64_t: nanoseconds */
	KIND_TYPE,
	KIND_SCHEMA,
	KIND_TID,
	KIND_ERROR,
	KIND_ERRNO,
	KIND_ARGS,
	KIND_ARGC,
	KIND_ARGS_BYTES,
	KIND_ENV,
	KIND_CAPABILITIES,
	KIND_PARENT_EXE,
	KIND_EXIT_CODE,
	KIND_SIGNAL,
	KIND_CORE_DUMPED,
};

/* Which events have it: bits of enum event_type. */
#define EXEC EVENT_BIT(EVENT_EXEC)
#define FAILED EVENT_BIT(EVENT_EXEC_FAILED)
#define EXIT EVENT_BIT(EVENT_EXIT)
#define LOST EVENT_BIT(EVENT_LOST)
#define CALL EVENT_BITS_EXEC
#define PROCESS EVENT_BITS_PROCESS
#define HEARTBEAT EVENT_BITS_HEARTBEAT
#define EVERY EVENT_BITS_ALL

/* Which of the formats that map events to another schema have no place for it, and show it as it
 * is. */
#define PLACED 0
#define ECS FIELD_ECS
#define OCSF FIELD_OCSF
#define BOTH (FIELD_ECS | FIELD_OCSF)

#define AT(member) offsetof(struct event, member)
#define KEY(name) .key = { "\"" name "\":", sizeof("\"" name "\":") - 1 }

static const struct field field_table[] = {
	{ KEY("timestamp"), FIELD_JSON_ASCII, KIND_TIME, EVERY, PLACED, AT(wall_ns) },
	{ KEY("type"), FIELD_JSON_ASCII, KIND_TYPE, EVERY, PLACED },
	{ KEY("seq"), FIELD_JSON_LITERAL, KIND_U64, EVERY, PLACED, AT(seq) },
	{ KEY("host"), FIELD_JSON_STRING, KIND_TEXT_OR_NONE, EVERY, PLACED, AT(host) },
	{ KEY("boot_id"), FIELD_JSON_ASCII, KIND_TEXT, EVERY, PLACED, AT(boot_id) },
	{ KEY("schema"), FIELD_JSON_LITERAL, KIND_SCHEMA, EVERY, PLACED },
	{ KEY("event_id"), FIELD_JSON_ASCII, KIND_TEXT_OR_NONE, PROCESS, PLACED,
	  AT(process.event_id) },
	{ KEY("id"), FIELD_JSON_ASCII, KIND_TEXT_OR_NONE, PROCESS, PLACED, AT(process.id) },
	{ KEY("pid"), FIELD_JSON_LITERAL, KIND_U32, PROCESS, PLACED, AT(process.task.pid) },
	{ KEY("tid"), FIELD_JSON_LITERAL, KIND_TID, CALL, ECS },
	{ KEY("ppid"), FIELD_JSON_LITERAL, KIND_U32, PROCESS, PLACED, AT(process.task.ppid) },
	{ KEY("pgid"), FIELD_JSON_LITERAL, KIND_U32, PROCESS, OCSF, AT(process.task.pgid) },
	{ KEY("sid"), FIELD_JSON_LITERAL, KIND_U32, PROCESS, OCSF, AT(process.task.sid) },
	{ KEY("comm"), FIELD_JSON_STRING, KIND_TEXT, PROCESS, ECS, AT(process.comm),
	  RECORD_KEY_COMM },
	{ KEY("filename"), FIELD_JSON_STRING, KIND_TEXT, CALL, BOTH, AT(exec.filename),
	  RECORD_KEY_FILENAME },
	{ KEY("error"), FIELD_JSON_ASCII, KIND_ERROR, FAILED, PLACED },
	{ KEY("errno"), FIELD_JSON_LITERAL, KIND_ERRNO, FAILED, BOTH },
	{ KEY("args"), FIELD_JSON_LIST, KIND_ARGS, CALL, OCSF, AT(exec.args), RECORD_KEY_ARGS },
	{ KEY("argc"), FIELD_JSON_LITERAL, KIND_ARGC, CALL, OCSF },
	{ KEY("args_bytes"), FIELD_JSON_LITERAL, KIND_ARGS_BYTES, CALL, BOTH },
	{ KEY("env"), FIELD_JSON_MAP, KIND_ENV, CALL, PLACED },
	{ KEY("exe"), FIELD_JSON_STRING, KIND_TEXT, EXEC, PLACED, AT(exec.paths[EVENT_PATH_EXE]),
	  RECORD_KEY_EXE },
	{ KEY("cwd"), FIELD_JSON_STRING, KIND_TEXT, CALL, PLACED, AT(exec.paths[EVENT_PATH_CWD]),
	  RECORD_KEY_CWD },
	{ KEY("memfd"), FIELD_JSON_LITERAL, KIND_FLAG, EXEC, BOTH, AT(exec.memfd) },
	{ KEY("deleted"), FIELD_JSON_LITERAL, KIND_FLAG, EXEC, ECS, AT(exec.deleted) },
	{ KEY("uid"), FIELD_JSON_LITERAL, KIND_U32, PROCESS, PLACED, AT(process.task.uid) },
	{ KEY("gid"), FIELD_JSON_LITERAL, KIND_U32, PROCESS, PLACED, AT(process.task.gid) },
	{ KEY("euid"), FIELD_JSON_LITERAL, KIND_U32, PROCESS, PLACED, AT(process.task.euid) },
	{ KEY("egid"), FIELD_JSON_LITERAL, KIND_U32, PROCESS, PLACED, AT(process.task.egid) },
	{ KEY("auid"), FIELD_JSON_LITERAL, KIND_AUDIT, PROCESS, ECS, AT(process.task.auid) },
	{ KEY("ses"), FIELD_JSON_LITERAL, KIND_AUDIT, PROCESS, ECS, AT(process.task.ses) },
	{ KEY("cap_eff"), FIELD_JSON_ASCII, KIND_CAPABILITIES, PROCESS, OCSF },
	{ KEY("tty"), FIELD_JSON_ASCII, KIND_TEXT_OR_NONE, PROCESS, PLACED, AT(process.tty) },
	{ KEY("start"), FIELD_JSON_ASCII, KIND_TIME, PROCESS, PLACED, AT(process.start_wall_ns) },
	{ KEY("parent_comm"), FIELD_JSON_STRING, KIND_TEXT, PROCESS, PLACED,
	  AT(process.parent_comm) },
	{ KEY("parent_exe"), FIELD_JSON_STRING, KIND_PARENT_EXE, CALL, PLACED,
	  AT(exec.paths[EVENT_PATH_PARENT_EXE]), RECORD_KEY_PARENT_EXE },
	{ KEY("parent_id"), FIELD_JSON_ASCII, KIND_TEXT_OR_NONE, PROCESS, PLACED,
	  AT(process.parent_id) },
	{ KEY("cgroup"), FIELD_JSON_STRING, KIND_TEXT, CALL, BOTH,
	  AT(exec.paths[EVENT_PATH_CGROUP]), RECORD_KEY_CGROUP },
	{ KEY("container_id"), FIELD_JSON_STRING, KIND_TEXT_OR_NONE, CALL, PLACED,
	  AT(exec.container.id) },
	{ KEY("container_runtime"), FIELD_JSON_ASCII, KIND_POINTER, CALL, PLACED,
	  AT(exec.container.runtime) },
	{ KEY("pod_uid"), FIELD_JSON_ASCII, KIND_CHARS, CALL, PLACED, AT(exec.container.pod_uid) },
	{ KEY("ns_pid"), FIELD_JSON_LITERAL, KIND_U32_OR_NONE, PROCESS, PLACED,
	  AT(process.task.ns_pid) },
	{ KEY("pid_ns"), FIELD_JSON_LITERAL, KIND_U32_OR_NONE, PROCESS, BOTH,
	  AT(process.task.pid_ns) },
	{ KEY("mnt_ns"), FIELD_JSON_LITERAL, KIND_U32_OR_NONE, PROCESS, BOTH,
	  AT(process.task.mnt_ns) },
	{ KEY("net_ns"), FIELD_JSON_LITERAL, KIND_U32_OR_NONE, PROCESS, BOTH,
	  AT(process.task.net_ns) },
	{ KEY("user_ns"), FIELD_JSON_LITERAL, KIND_U32_OR_NONE, PROCESS, BOTH,
	  AT(process.task.user_ns) },
	{ KEY("exit_code"), FIELD_JSON_LITERAL, KIND_EXIT_CODE, EXIT, PLACED },
	{ KEY("signal"), FIELD_JSON_ASCII, KIND_SIGNAL, EXIT, BOTH },
	{ KEY("core_dumped"), FIELD_JSON_LITERAL, KIND_CORE_DUMPED, EXIT, BOTH },
	{ KEY("duration"), FIELD_JSON_LITERAL, KIND_SECONDS, EXIT, PLACED, AT(exit.duration_ns) },
	{ KEY("user_time"), FIELD_JSON_LITERAL, KIND_SECONDS, EXIT, BOTH, AT(exit.user_ns),
	  RECORD_KEY_TIMES },
	{ KEY("system_time"), FIELD_JSON_LITERAL, KIND_SECONDS, EXIT, BOTH, AT(exit.system_ns),
	  RECORD_KEY_TIMES },
	{ KEY("max_rss"), FIELD_JSON_LITERAL, KIND_U64, EXIT, BOTH, AT(exit.max_rss_bytes) },
	{ KEY("count"), FIELD_JSON_LITERAL, KIND_U64, LOST, ECS, AT(lost.count) },
	{ KEY("reason"), FIELD_JSON_ASCII, KIND_POINTER, LOST, PLACED, AT(lost.reason) },
	{ KEY("event_type"), FIELD_JSON_ASCII, KIND_POINTER, LOST, BOTH, AT(lost.event_type) },
	{ KEY("from"), FIELD_JSON_ASCII, KIND_TIME, LOST, PLACED, AT(lost.from_wall_ns) },
	{ KEY("to"), FIELD_JSON_ASCII, KIND_TIME, LOST, PLACED, AT(lost.to_wall_ns) },
	{ KEY("version"), FIELD_JSON_ASCII, KIND_TEXT, HEARTBEAT, ECS, AT(version) },
	{ KEY("kernel"), FIELD_JSON_STRING, KIND_TEXT, HEARTBEAT, PLACED, AT(kernel) },
	{ KEY("hooks"), FIELD_JSON_LIST, KIND_STRINGS, HEARTBEAT, BOTH, AT(heartbeat.hooks) },
	{ KEY("seen"), FIELD_JSON_LITERAL, KIND_U64, HEARTBEAT, BOTH, AT(heartbeat.seen) },
	{ KEY("written"), FIELD_JSON_LITERAL, KIND_U64, HEARTBEAT, BOTH, AT(heartbeat.written) },
	{ KEY("filtered"), FIELD_JSON_LITERAL, KIND_U64, HEARTBEAT, BOTH, AT(heartbeat.filtered) },
	{ KEY("lost"), FIELD_JSON_LITERAL, KIND_U64, HEARTBEAT, BOTH, AT(heartbeat.lost) },
	{ KEY("truncated"), FIELD_JSON_LIST, KIND_KEYS, PROCESS, BOTH, AT(process.truncated) },
	{ KEY("unreadable"), FIELD_JSON_LIST, KIND_KEYS, PROCESS, BOTH, AT(process.unreadable) },
	{ KEY("redacted"), FIELD_JSON_LIST, KIND_KEYS, PROCESS, BOTH, AT(process.redacted) },
};
#define FIELD_COUNT (sizeof(field_table) / sizeof(field_table[0]))

#endif
