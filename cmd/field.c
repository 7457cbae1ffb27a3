// SPDX-License-Identifier: BSD-2-Clause
#include "field.h"

#include "error_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum field_kind {
	FIELD_TEXT, /* struct text */
	FIELD_STRING, /* char array; empty: absent */
	FIELD_POINTER, /* const char *; NULL: absent */
	FIELD_NUMBER, /* uint32_t */
	FIELD_INODE, /* uint32_t; 0: absent */
	FIELD_AUDIT, /* uint32_t; RECORD_AUDIT_UNSET: absent */
	FIELD_FLAG, /* bool; false: absent */
	FIELD_TYPE,
	FIELD_TID,
	FIELD_ARGC,
	FIELD_ARGS,
	FIELD_ERROR,
	FIELD_ERRNO,
	FIELD_CAPABILITIES,
};

/* Which events have it: bits of enum event_type. */
#define IN_EXEC (1u << EVENT_EXEC)
#define IN_CALL (IN_EXEC | 1u << EVENT_EXEC_FAILED)
#define IN_FAILED (1u << EVENT_EXEC_FAILED)
#define IN_PROCESS (IN_CALL | 1u << EVENT_EXIT)
#define IN_EVERY (~0u)

struct field {
	const char *name;
	enum field_kind kind;
	unsigned int in;
	size_t offset; /* in struct event */
	uint32_t unreadable; /* enum record_key */
};

#define AT(member) offsetof(struct event, member)

static const struct field fields[] = {
	{ "type", FIELD_TYPE, IN_EVERY, 0, 0 },
	{ "host", FIELD_POINTER, IN_EVERY, AT(host), 0 },
	{ "boot_id", FIELD_POINTER, IN_EVERY, AT(boot_id), 0 },
	{ "event_id", FIELD_STRING, IN_PROCESS, AT(process.event_id), 0 },
	{ "id", FIELD_STRING, IN_PROCESS, AT(process.id), 0 },
	{ "pid", FIELD_NUMBER, IN_PROCESS, AT(process.task.pid), 0 },
	{ "tid", FIELD_TID, IN_CALL, AT(exec.tid), 0 },
	{ "ppid", FIELD_NUMBER, IN_PROCESS, AT(process.task.ppid), 0 },
	{ "pgid", FIELD_NUMBER, IN_PROCESS, AT(process.task.pgid), 0 },
	{ "sid", FIELD_NUMBER, IN_PROCESS, AT(process.task.sid), 0 },
	{ "comm", FIELD_TEXT, IN_PROCESS, AT(process.comm), RECORD_KEY_COMM },
	{ "filename", FIELD_TEXT, IN_CALL, AT(exec.filename), RECORD_KEY_FILENAME },
	{ "error", FIELD_ERROR, IN_FAILED, 0, 0 },
	{ "errno", FIELD_ERRNO, IN_FAILED, 0, 0 },
	{ "args", FIELD_ARGS, IN_CALL, 0, RECORD_KEY_ARGS },
	{ "argc", FIELD_ARGC, IN_CALL, AT(exec.argc), 0 },
	{ "exe", FIELD_TEXT, IN_EXEC, AT(exec.paths[EVENT_PATH_EXE]), RECORD_KEY_EXE },
	{ "cwd", FIELD_TEXT, IN_CALL, AT(exec.paths[EVENT_PATH_CWD]), RECORD_KEY_CWD },
	{ "memfd", FIELD_FLAG, IN_EXEC, AT(exec.memfd), 0 },
	{ "deleted", FIELD_FLAG, IN_EXEC, AT(exec.deleted), 0 },
	{ "uid", FIELD_NUMBER, IN_PROCESS, AT(process.task.uid), 0 },
	{ "gid", FIELD_NUMBER, IN_PROCESS, AT(process.task.gid), 0 },
	{ "euid", FIELD_NUMBER, IN_PROCESS, AT(process.task.euid), 0 },
	{ "egid", FIELD_NUMBER, IN_PROCESS, AT(process.task.egid), 0 },
	{ "auid", FIELD_AUDIT, IN_PROCESS, AT(process.task.auid), 0 },
	{ "ses", FIELD_AUDIT, IN_PROCESS, AT(process.task.ses), 0 },
	{ "cap_eff", FIELD_CAPABILITIES, IN_PROCESS, AT(process.task.cap_effective), 0 },
	{ "tty", FIELD_STRING, IN_PROCESS, AT(process.tty), 0 },
	{ "parent_comm", FIELD_TEXT, IN_PROCESS, AT(process.parent_comm), 0 },
	{ "parent_exe", FIELD_TEXT, IN_CALL, AT(exec.paths[EVENT_PATH_PARENT_EXE]), RECORD_KEY_PARENT_EXE },
	{ "parent_id", FIELD_STRING, IN_PROCESS, AT(process.parent_id), 0 },
	{ "cgroup", FIELD_TEXT, IN_CALL, AT(exec.paths[EVENT_PATH_CGROUP]), RECORD_KEY_CGROUP },
	{ "container_id", FIELD_TEXT, IN_CALL, AT(exec.container.id), 0 },
	{ "container_runtime", FIELD_POINTER, IN_CALL, AT(exec.container.runtime), 0 },
	{ "pod_uid", FIELD_STRING, IN_CALL, AT(exec.container.pod_uid), 0 },
	{ "ns_pid", FIELD_INODE, IN_PROCESS, AT(process.task.ns_pid), 0 },
	{ "pid_ns", FIELD_INODE, IN_PROCESS, AT(process.task.pid_ns), 0 },
	{ "mnt_ns", FIELD_INODE, IN_PROCESS, AT(process.task.mnt_ns), 0 },
	{ "net_ns", FIELD_INODE, IN_PROCESS, AT(process.task.net_ns), 0 },
	{ "user_ns", FIELD_INODE, IN_PROCESS, AT(process.task.user_ns), 0 },
};

const struct field *field_find(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strlen(fields[i].name) == length && !memcmp(fields[i].name, name, length))
			return &fields[i];
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
	snprintf(room, FIELD_ROOM_BYTES, "%" PRIu64, number);
	return give_string(room, value);
}

static bool give_argument(const struct event_exec *exec, size_t index, struct text *value)
{
	struct text rest = exec->args;

	do
		if (!text_next_string(&rest, value))
			return false;
	while (index--);
	return true;
}

static bool give_special(const struct field *field, const struct event *event, size_t index,
			 char room[FIELD_ROOM_BYTES], struct text *value)
{
	static const char *const types[] = {
		[EVENT_EXEC] = "exec",	 [EVENT_EXEC_FAILED] = "exec_failed",
		[EVENT_EXIT] = "exit",	 [EVENT_LOST] = "lost",
		[EVENT_START] = "start", [EVENT_STATS] = "stats",
		[EVENT_STOP] = "stop",
	};

	switch (field->kind) {
	case FIELD_TYPE:
		return give_string(types[event->type], value);
	case FIELD_TID:
		return event->exec.tid != event->process.task.pid && give_number(event->exec.tid, room, value);
	case FIELD_ARGC:
		return event->exec.argc != RECORD_ARGC_UNKNOWN && give_number(event->exec.argc, room, value);
	case FIELD_ARGS:
		return give_argument(&event->exec, index, value);
	case FIELD_ERROR:
		return give_string(error_name(event->exec.error, room), value);
	case FIELD_ERRNO:
		return give_number((uint64_t)event->exec.error, room, value);
	default: /* FIELD_CAPABILITIES */
		snprintf(room, FIELD_ROOM_BYTES, "%016" PRIx64, (uint64_t)event->process.task.cap_effective);
		return give_string(room, value);
	}
}

bool field_get(const struct field *field, const struct event *event, size_t index, char room[FIELD_ROOM_BYTES],
	       struct text *value)
{
	const void *member = (const char *)event + field->offset;
	uint32_t number;

	if (!(field->in & 1u << event->type) ||
	    (event->type < EVENT_LOST && event->process.unreadable & field->unreadable) ||
	    (index && field->kind != FIELD_ARGS))
		return false;
	switch (field->kind) {
	case FIELD_TEXT:
		*value = *(const struct text *)member;
		return value->length ||
		       field->unreadable; /* a key that can be unreadable is there else, even if empty */
	case FIELD_STRING:
		return give_string(member, value);
	case FIELD_POINTER:
		return give_string(*(const char *const *)member, value);
	case FIELD_FLAG:
		return *(const bool *)member && give_string("true", value);
	case FIELD_NUMBER:
	case FIELD_INODE:
	case FIELD_AUDIT:
		number = *(const uint32_t *)member;
		if ((field->kind == FIELD_INODE && !number) ||
		    (field->kind == FIELD_AUDIT && number == RECORD_AUDIT_UNSET))
			return false;
		return give_number(number, room, value);
	default:
		return give_special(field, event, index, room, value);
	}
}
