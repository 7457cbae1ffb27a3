/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The value of a field that has one at most; inline, so that of a field that is known when exectap
 * is compiled just its own kind remains.
 */
#ifndef EXECTAP_FIELD_VALUE_H
#define EXECTAP_FIELD_VALUE_H

#include "event/field_table.h"
#include "util/clock.h"
#include "util/error_name.h"
#include "util/signal_name.h"

#include <sys/wait.h>

#define SCHEMA_VERSION "1"

static inline bool give_string(const char *string, struct text *value)
{
	if (!string || !*string)
		return false;
	*value = text_from_string(string);
	return true;
}

static inline bool give_number(uint64_t number, char room[FIELD_ROOM_BYTES], struct text *value)
{
	*value = (struct text){ room, text_to_decimal(number, room) };
	return true;
}

static inline bool give_flag(bool flag, struct text *value)
{
	*value = (struct text){ "true", sizeof("true") - 1 };
	return flag;
}

static inline bool give_time(uint64_t wall_ns, char room[FIELD_ROOM_BYTES], struct text *value)
{
	clock_rfc3339(room, wall_ns);
	*value = (struct text){ room, CLOCK_RFC3339_BYTES - 1 };
	return true;
}

/* To the microsecond, so that no time is so long that a double does not hold its digits; without
 * zeros at the end. */
static inline bool give_seconds(uint64_t ns, char room[FIELD_ROOM_BYTES], struct text *value)
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

static inline bool give_capabilities(uint64_t mask, char room[FIELD_ROOM_BYTES], struct text *value)
{
	for (int i = 15; i >= 0; i--, mask >>= 4)
		room[i] = "0123456789abcdef"[mask & 15];
	*value = (struct text){ room, 16 };
	return true;
}

static inline bool give_status(enum field_kind kind, uint32_t status, char room[FIELD_ROOM_BYTES],
			       struct text *value)
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
static inline bool give_made(enum field_kind kind, const struct event *event,
			     char room[FIELD_ROOM_BYTES], struct text *value)
{
	const struct event_exec *exec = &event->exec;

	switch (kind) {
	case KIND_TYPE:
		return give_string(event_type_name(event->type), value);
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
		return event->process.truncated & RECORD_KEY_ARGS &&
		       exec->args_bytes != RECORD_ARGS_BYTES_UNKNOWN &&
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

static inline bool give_found(enum field_kind kind, const void *member, char room[FIELD_ROOM_BYTES],
			      struct text *value)
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
		if ((kind == KIND_U32_OR_NONE && !number) ||
		    (kind == KIND_AUDIT && number == RECORD_AUDIT_UNSET))
			return false;
		return give_number(number, room, value);
	}
}

/* Whether the line of an event that has the field has the key, even if it is a list without items.
 */
static inline bool field_value_is_present(const struct field *field, const struct event *event)
{
	if (field->unreadable && event->process.unreadable & field->unreadable)
		return false;
	switch ((enum field_kind)field->kind) {
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

/* The value of a field that is present and has no others, as field_next() gives it. */
static inline bool field_value_get(const struct field *field, const struct event *event,
				   char room[FIELD_ROOM_BYTES], struct text *value)
{
	enum field_kind kind = (enum field_kind)field->kind;

	if (kind > KIND_SECONDS)
		return give_made(kind, event, room, value);
	return give_found(kind, (const char *)event + field->offset, room, value);
}

#endif
