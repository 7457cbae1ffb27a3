// SPDX-License-Identifier: BSD-2-Clause
#include "field.h"

#include "clock.h"
#include "error_name.h"
#include "line.h"
#include "signal_name.h"

#include <string.h>
#include <sys/wait.h>

#define SCHEMA_VERSION "1"

/* Those up to KIND_SECONDS say what lies at the offset, the others what is made of what. */
enum kind {
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
#define EXEC (1u << EVENT_EXEC)
#define FAILED (1u << EVENT_EXEC_FAILED)
#define EXIT (1u << EVENT_EXIT)
#define LOST (1u << EVENT_LOST)
#define CALL (EXEC | FAILED)
#define PROCESS (CALL | EXIT)
#define HEARTBEAT (1u << EVENT_START | 1u << EVENT_STATS | 1u << EVENT_STOP)
#define EVERY (PROCESS | LOST | HEARTBEAT)

/* Which of the formats that map events to another schema have no place for it, and show it as it is. */
#define PLACED 0
#define ECS FIELD_ECS
#define OCSF FIELD_OCSF
#define BOTH (FIELD_ECS | FIELD_OCSF)

#define AT(member) offsetof(struct event, member)
#define KEY(name) .key = { "\"" name "\":", sizeof("\"" name "\":") - 1 }

const struct field field_table[] = {
	{ KEY("timestamp"), FIELD_PLAIN, KIND_TIME, EVERY, PLACED, AT(wall_ns) },
	{ KEY("type"), FIELD_PLAIN, KIND_TYPE, EVERY, PLACED },
	{ KEY("seq"), FIELD_BARE, KIND_U64, EVERY, PLACED, AT(seq) },
	{ KEY("host"), FIELD_STRING, KIND_POINTER, EVERY, PLACED, AT(host) },
	{ KEY("boot_id"), FIELD_PLAIN, KIND_POINTER, EVERY, PLACED, AT(boot_id) },
	{ KEY("schema"), FIELD_BARE, KIND_SCHEMA, EVERY, PLACED },
	{ KEY("event_id"), FIELD_PLAIN, KIND_CHARS, PROCESS, PLACED, AT(process.event_id) },
	{ KEY("id"), FIELD_PLAIN, KIND_CHARS, PROCESS, PLACED, AT(process.id) },
	{ KEY("pid"), FIELD_BARE, KIND_U32, PROCESS, PLACED, AT(process.task.pid) },
	{ KEY("tid"), FIELD_BARE, KIND_TID, CALL, ECS },
	{ KEY("ppid"), FIELD_BARE, KIND_U32, PROCESS, PLACED, AT(process.task.ppid) },
	{ KEY("pgid"), FIELD_BARE, KIND_U32, PROCESS, OCSF, AT(process.task.pgid) },
	{ KEY("sid"), FIELD_BARE, KIND_U32, PROCESS, OCSF, AT(process.task.sid) },
	{ KEY("comm"), FIELD_STRING, KIND_TEXT, PROCESS, ECS, AT(process.comm), RECORD_KEY_COMM },
	{ KEY("filename"), FIELD_STRING, KIND_TEXT, CALL, BOTH, AT(exec.filename), RECORD_KEY_FILENAME },
	{ KEY("error"), FIELD_PLAIN, KIND_ERROR, FAILED, PLACED },
	{ KEY("errno"), FIELD_BARE, KIND_ERRNO, FAILED, BOTH },
	{ KEY("args"), FIELD_LIST, KIND_ARGS, CALL, OCSF, AT(exec.args), RECORD_KEY_ARGS },
	{ KEY("argc"), FIELD_BARE, KIND_ARGC, CALL, OCSF },
	{ KEY("args_bytes"), FIELD_BARE, KIND_ARGS_BYTES, CALL, BOTH },
	{ KEY("env"), FIELD_MAP, KIND_ENV, CALL, PLACED },
	{ KEY("exe"), FIELD_STRING, KIND_TEXT, EXEC, PLACED, AT(exec.paths[EVENT_PATH_EXE]), RECORD_KEY_EXE },
	{ KEY("cwd"), FIELD_STRING, KIND_TEXT, CALL, PLACED, AT(exec.paths[EVENT_PATH_CWD]), RECORD_KEY_CWD },
	{ KEY("memfd"), FIELD_BARE, KIND_FLAG, EXEC, BOTH, AT(exec.memfd) },
	{ KEY("deleted"), FIELD_BARE, KIND_FLAG, EXEC, ECS, AT(exec.deleted) },
	{ KEY("uid"), FIELD_BARE, KIND_U32, PROCESS, PLACED, AT(process.task.uid) },
	{ KEY("gid"), FIELD_BARE, KIND_U32, PROCESS, PLACED, AT(process.task.gid) },
	{ KEY("euid"), FIELD_BARE, KIND_U32, PROCESS, PLACED, AT(process.task.euid) },
	{ KEY("egid"), FIELD_BARE, KIND_U32, PROCESS, PLACED, AT(process.task.egid) },
	{ KEY("auid"), FIELD_BARE, KIND_AUDIT, PROCESS, ECS, AT(process.task.auid) },
	{ KEY("ses"), FIELD_BARE, KIND_AUDIT, PROCESS, ECS, AT(process.task.ses) },
	{ KEY("cap_eff"), FIELD_PLAIN, KIND_CAPABILITIES, PROCESS, OCSF },
	{ KEY("tty"), FIELD_PLAIN, KIND_CHARS, PROCESS, PLACED, AT(process.tty) },
	{ KEY("start"), FIELD_PLAIN, KIND_TIME, PROCESS, PLACED, AT(process.start_wall_ns) },
	{ KEY("parent_comm"), FIELD_STRING, KIND_TEXT, PROCESS, PLACED, AT(process.parent_comm) },
	{ KEY("parent_exe"), FIELD_STRING, KIND_PARENT_EXE, CALL, PLACED, AT(exec.paths[EVENT_PATH_PARENT_EXE]),
	  RECORD_KEY_PARENT_EXE },
	{ KEY("parent_id"), FIELD_PLAIN, KIND_CHARS, PROCESS, PLACED, AT(process.parent_id) },
	{ KEY("cgroup"), FIELD_STRING, KIND_TEXT, CALL, BOTH, AT(exec.paths[EVENT_PATH_CGROUP]), RECORD_KEY_CGROUP },
	{ KEY("container_id"), FIELD_STRING, KIND_TEXT_OR_NONE, CALL, PLACED, AT(exec.container.id) },
	{ KEY("container_runtime"), FIELD_PLAIN, KIND_POINTER, CALL, PLACED, AT(exec.container.runtime) },
	{ KEY("pod_uid"), FIELD_PLAIN, KIND_CHARS, CALL, PLACED, AT(exec.container.pod_uid) },
	{ KEY("ns_pid"), FIELD_BARE, KIND_U32_OR_NONE, PROCESS, PLACED, AT(process.task.ns_pid) },
	{ KEY("pid_ns"), FIELD_BARE, KIND_U32_OR_NONE, PROCESS, BOTH, AT(process.task.pid_ns) },
	{ KEY("mnt_ns"), FIELD_BARE, KIND_U32_OR_NONE, PROCESS, BOTH, AT(process.task.mnt_ns) },
	{ KEY("net_ns"), FIELD_BARE, KIND_U32_OR_NONE, PROCESS, BOTH, AT(process.task.net_ns) },
	{ KEY("user_ns"), FIELD_BARE, KIND_U32_OR_NONE, PROCESS, BOTH, AT(process.task.user_ns) },
	{ KEY("exit_code"), FIELD_BARE, KIND_EXIT_CODE, EXIT, PLACED },
	{ KEY("signal"), FIELD_PLAIN, KIND_SIGNAL, EXIT, BOTH },
	{ KEY("core_dumped"), FIELD_BARE, KIND_CORE_DUMPED, EXIT, BOTH },
	{ KEY("duration"), FIELD_BARE, KIND_SECONDS, EXIT, PLACED, AT(exit.duration_ns) },
	{ KEY("user_time"), FIELD_BARE, KIND_SECONDS, EXIT, BOTH, AT(exit.user_ns), RECORD_KEY_TIMES },
	{ KEY("system_time"), FIELD_BARE, KIND_SECONDS, EXIT, BOTH, AT(exit.system_ns), RECORD_KEY_TIMES },
	{ KEY("max_rss"), FIELD_BARE, KIND_U64, EXIT, BOTH, AT(exit.max_rss_bytes) },
	{ KEY("count"), FIELD_BARE, KIND_U64, LOST, ECS, AT(lost.count) },
	{ KEY("reason"), FIELD_PLAIN, KIND_POINTER, LOST, PLACED, AT(lost.reason) },
	{ KEY("event_type"), FIELD_PLAIN, KIND_POINTER, LOST, BOTH, AT(lost.event_type) },
	{ KEY("from"), FIELD_PLAIN, KIND_TIME, LOST, PLACED, AT(lost.from_wall_ns) },
	{ KEY("to"), FIELD_PLAIN, KIND_TIME, LOST, PLACED, AT(lost.to_wall_ns) },
	{ KEY("version"), FIELD_PLAIN, KIND_POINTER, HEARTBEAT, ECS, AT(version) },
	{ KEY("kernel"), FIELD_STRING, KIND_POINTER, HEARTBEAT, PLACED, AT(kernel) },
	{ KEY("hooks"), FIELD_LIST, KIND_STRINGS, HEARTBEAT, BOTH, AT(heartbeat.hooks) },
	{ KEY("seen"), FIELD_BARE, KIND_U64, HEARTBEAT, BOTH, AT(heartbeat.seen) },
	{ KEY("written"), FIELD_BARE, KIND_U64, HEARTBEAT, BOTH, AT(heartbeat.written) },
	{ KEY("filtered"), FIELD_BARE, KIND_U64, HEARTBEAT, BOTH, AT(heartbeat.filtered) },
	{ KEY("lost"), FIELD_BARE, KIND_U64, HEARTBEAT, BOTH, AT(heartbeat.lost) },
	{ KEY("truncated"), FIELD_LIST, KIND_KEYS, PROCESS, BOTH, AT(process.truncated) },
	{ KEY("unreadable"), FIELD_LIST, KIND_KEYS, PROCESS, BOTH, AT(process.unreadable) },
	{ KEY("redacted"), FIELD_LIST, KIND_KEYS, PROCESS, BOTH, AT(process.redacted) },
};
const size_t field_count = sizeof(field_table) / sizeof(field_table[0]);

/* What the bits of the truncated, unreadable and redacted masks stand for. */
static const struct {
	const char *name;
	uint32_t bit;
} marks[] = {
	{ "comm", RECORD_KEY_COMM },
	{ "filename", RECORD_KEY_FILENAME },
	{ "args", RECORD_KEY_ARGS },
	{ "env", RECORD_KEY_ENV },
	{ "exe", RECORD_KEY_EXE },
	{ "cwd", RECORD_KEY_CWD },
	{ "parent_exe", RECORD_KEY_PARENT_EXE },
	{ "cgroup", RECORD_KEY_CGROUP },
	{ "user_time", RECORD_KEY_TIMES },
	{ "system_time", RECORD_KEY_TIMES },
};
#define MARKS (sizeof(marks) / sizeof(marks[0]))

const struct field *field_find(const char *name, size_t length)
{
	for (size_t i = 0; i < field_count; i++) {
		struct text key = field_table[i].key;

		if (key.length == length + sizeof("\"\":") - 1 && !memcmp(key.bytes + 1, name, length))
			return &field_table[i];
	}
	return NULL;
}

static bool give_string(const char *string, struct text *value)
{
	if (!string || !*string)
		return false;
	*value = text_from_string(string);
	return true;
}

static bool give_number(uint64_t number, char room[FIELD_ROOM_BYTES], struct text *value)
{
	*value = (struct text){ room, text_to_decimal(number, room) };
	return true;
}

static bool give_flag(bool flag, struct text *value)
{
	*value = (struct text){ "true", sizeof("true") - 1 };
	return flag;
}

static bool give_time(uint64_t wall_ns, char room[FIELD_ROOM_BYTES], struct text *value)
{
	clock_rfc3339(room, wall_ns);
	*value = (struct text){ room, CLOCK_RFC3339_BYTES - 1 };
	return true;
}

/* To the microsecond, so that no time is so long that a double does not hold its digits; without zeros at the end. */
static bool give_seconds(uint64_t ns, char room[FIELD_ROOM_BYTES], struct text *value)
{
	unsigned int fraction = (unsigned int)(ns % 1000000000 / 1000), divisor = 100000;
	size_t length = text_to_decimal(ns / 1000000000, room);

	room[length++] = '.';
	do {
		room[length++] = (char)('0' + fraction / divisor);
		fraction %= divisor;
		divisor /= 10;
	} while (fraction);
	*value = (struct text){ room, length };
	return true;
}

static bool give_capabilities(uint64_t mask, char room[FIELD_ROOM_BYTES], struct text *value)
{
	for (int i = 15; i >= 0; i--, mask >>= 4)
		room[i] = "0123456789abcdef"[mask & 15];
	*value = (struct text){ room, 16 };
	return true;
}

static bool give_type(enum event_type type, struct text *value)
{
	static const char *const types[] = {
		[EVENT_EXEC] = "exec",	 [EVENT_EXEC_FAILED] = "exec_failed",
		[EVENT_EXIT] = "exit",	 [EVENT_LOST] = "lost",
		[EVENT_START] = "start", [EVENT_STATS] = "stats",
		[EVENT_STOP] = "stop",
	};

	return give_string(types[type], value);
}

static bool give_status(enum kind kind, uint32_t status, char room[FIELD_ROOM_BYTES], struct text *value)
{
	int signal = WTERMSIG(status);

	switch (kind) {
	case KIND_EXIT_CODE:
		return !signal && give_number(WEXITSTATUS(status), room, value);
	case KIND_SIGNAL:
		return signal && give_string(signal_name(signal, room), value);
	default: /* KIND_CORE_DUMPED */
		return give_flag(signal && WCOREDUMP(status), value);
	}
}

/* Of what is not simply found at an offset. */
static bool give_made(enum kind kind, const struct event *event, char room[FIELD_ROOM_BYTES], struct text *value)
{
	const struct event_exec *exec = &event->exec;

	switch (kind) {
	case KIND_TYPE:
		return give_type(event->type, value);
	case KIND_SCHEMA:
		return give_string(SCHEMA_VERSION, value);
	case KIND_TID:
		return exec->tid != event->process.task.pid && give_number(exec->tid, room, value);
	case KIND_ERROR:
		return give_string(error_name(exec->error, room), value);
	case KIND_ERRNO:
		return give_number((uint64_t)exec->error, room, value);
	case KIND_ARGC:
		return exec->argc != RECORD_ARGC_UNKNOWN && give_number(exec->argc, room, value);
	case KIND_ARGS_BYTES:
		return event->process.truncated & RECORD_KEY_ARGS && exec->args_bytes != RECORD_ARGS_BYTES_UNKNOWN &&
		       give_number(exec->args_bytes, room, value);
	case KIND_CAPABILITIES:
		return give_capabilities(event->process.task.cap_effective, room, value);
	case KIND_PARENT_EXE:
		*value = exec->paths[EVENT_PATH_PARENT_EXE];
		return exec->parent_has_exe;
	default:
		return give_status(kind, event->exit.status, room, value);
	}
}

static bool give_found(enum kind kind, const void *member, char room[FIELD_ROOM_BYTES], struct text *value)
{
	uint32_t number;

	switch (kind) {
	case KIND_TEXT:
	case KIND_TEXT_OR_NONE:
		*value = *(const struct text *)member;
		return value->length || kind == KIND_TEXT;
	case KIND_CHARS:
		return give_string(member, value);
	case KIND_POINTER:
		return give_string(*(const char *const *)member, value);
	case KIND_U64:
		return give_number(*(const uint64_t *)member, room, value);
	case KIND_FLAG:
		return give_flag(*(const bool *)member, value);
	case KIND_TIME:
		return give_time(*(const uint64_t *)member, room, value);
	case KIND_SECONDS:
		return give_seconds(*(const uint64_t *)member, room, value);
	default: /* KIND_U32, KIND_U32_OR_NONE, KIND_AUDIT */
		number = *(const uint32_t *)member;
		if ((kind == KIND_U32_OR_NONE && !number) || (kind == KIND_AUDIT && number == RECORD_AUDIT_UNSET))
			return false;
		return give_number(number, room, value);
	}
}

static bool next_string(const void *member, struct field_cursor *cursor, struct text *value)
{
	if (!cursor->begun)
		cursor->rest = *(const struct text *)member;
	cursor->begun = true;
	return text_next_string(&cursor->rest, value);
}

static bool next_mark(uint32_t mask, struct field_cursor *cursor, struct text *value)
{
	while (cursor->index < MARKS)
		if (mask & marks[cursor->index++].bit)
			return give_string(marks[cursor->index - 1].name, value);
	return false;
}

static bool next_variable(const struct event_exec *exec, struct field_cursor *cursor, struct text *value)
{
	const struct event_variable *variable = exec->variables + cursor->index / 2;

	if (cursor->index / 2 >= exec->variable_count)
		return false;
	*value = cursor->index++ % 2 ? variable->value : variable->name;
	return true;
}

bool field_is_present(const struct field *field, const struct event *event)
{
	if (!(field->events & 1u << event->type))
		return false;
	if (field->unreadable && event->process.unreadable & field->unreadable)
		return false;
	switch ((enum kind)field->kind) {
	case KIND_ARGS:
		return !event->exec.args_hidden;
	case KIND_ENV:
		return event->exec.variable_count;
	case KIND_KEYS:
		return *(const uint32_t *)((const char *)event + field->offset);
	default:
		return true;
	}
}

bool field_next(const struct field *field, const struct event *event, struct field_cursor *cursor,
		char room[FIELD_ROOM_BYTES], struct text *value)
{
	const void *member = (const char *)event + field->offset;
	enum kind kind = (enum kind)field->kind;

	if (!field_is_present(field, event))
		return false;
	if (field->form == FIELD_MAP)
		return next_variable(&event->exec, cursor, value);
	if (kind == KIND_KEYS)
		return next_mark(*(const uint32_t *)member, cursor, value);
	if (field->form == FIELD_LIST)
		return next_string(member, cursor, value);
	if (cursor->begun)
		return false;
	cursor->begun = true;
	return kind > KIND_SECONDS ? give_made(kind, event, room, value) : give_found(kind, member, room, value);
}
