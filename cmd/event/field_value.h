/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of the table of fields, and the value of a field that has at most one. Inline, so that
 * only the code of its own kind is left of a field that is known at compile time.
 */
#ifndef EXECTAP_FIELD_VALUE_H
#define EXECTAP_FIELD_VALUE_H

#include "event/field.h"
#include "util/clock.h"
#include "util/error_name.h"
#include "util/signal_name.h"

#include <sys/wait.h>

#define FIELD_VALUE_SCHEMA_VERSION "1"

/* The keys that a kernel thread has not, because it runs no file. */
#define FIELD_KEYS_OF_EXE                                                                          \
	(RECORD_KEY_EXE | RECORD_KEY_EXE_FILE | RECORD_KEY_EXE_SIZE | RECORD_KEY_EXE_MTIME |       \
	 RECORD_KEY_EXE_UPPER)

/* The table is static, so that a compiler that unrolls a loop over it knows each field's row, and
 * keeps only the code of the field's own kind. */

/* Sets of event types that have a field. A summary can have each field of the events. */
#define SUPPRESSED EVENT_BIT(EVENT_SUPPRESSED)
#define EXEC (EVENT_BIT(EVENT_EXEC) | SUPPRESSED)
#define FAILED (EVENT_BIT(EVENT_EXEC_FAILED) | SUPPRESSED)
#define EXIT (EVENT_BIT(EVENT_EXIT) | SUPPRESSED)
#define LOST EVENT_BIT(EVENT_LOST)
#define RUNS (EXEC | EVENT_BIT(EVENT_PROCESS))
#define CALL (EVENT_BITS_EXEC | SUPPRESSED)
#define PLACE (CALL | EVENT_BIT(EVENT_PROCESS))
#define PROGRAM (PROCESS & ~EVENT_BIT(EVENT_EXEC_FAILED))
#define PROCESS (EVENT_BITS_PROCESS | SUPPRESSED)
#define HEARTBEAT EVENT_BITS_HEARTBEAT
#define EVERY EVENT_BITS_ALL

#define ALONE 0 /* in no group */
#define IDS FIELD_GROUP_IDS
#define NAMESPACES FIELD_GROUP_NAMESPACES
#define OF_FILE FIELD_GROUP_FILE
#define PARENT FIELD_GROUP_PARENT
#define CONTAINER FIELD_GROUP_CONTAINER
#define DESCRIPTORS FIELD_GROUP_DESCRIPTORS
#define MINIMAL FIELD_GROUP_MINIMAL
#define MARK FIELD_GROUP_MARK
#define FIXED FIELD_GROUP_FIXED
#define EXTRA FIELD_GROUP_EXTRA

/* Formats in which a field has no place in the other schema, and is written as in the native one.
 */
#define MAPPED 0
#define UNMAPPED_ECS FIELD_ECS
#define UNMAPPED_OCSF FIELD_OCSF
#define UNMAPPED_BOTH (FIELD_ECS | FIELD_OCSF)

#define AT(member) offsetof(struct event, member)
#define IN_CONTEXT(member) (sizeof(struct event) + offsetof(struct event_context, member))
#define FIELD(name, groups, json, kind, types, unmapped_formats, ...)                              \
	{                                                                                          \
		",\"" #name "\":", sizeof(",\"" #name "\":") - 1, FIELD_JSON_##json,               \
			FIELD_KIND_##kind, unmapped_formats, groups, types, __VA_ARGS__            \
	}

static const struct field field_table[FIELD_COUNT] = {
#include "event/field_table.h"
};

#undef SUPPRESSED
#undef EXEC
#undef FAILED
#undef EXIT
#undef LOST
#undef RUNS
#undef CALL
#undef PLACE
#undef PROGRAM
#undef PROCESS
#undef HEARTBEAT
#undef EVERY
#undef ALONE
#undef IDS
#undef NAMESPACES
#undef OF_FILE
#undef PARENT
#undef CONTAINER
#undef DESCRIPTORS
#undef MINIMAL
#undef MARK
#undef FIXED
#undef EXTRA
#undef MAPPED
#undef UNMAPPED_ECS
#undef UNMAPPED_OCSF
#undef UNMAPPED_BOTH
#undef AT
#undef IN_CONTEXT
#undef FIELD

/* Returns the member at the field's offset. */
static inline const void *field_value_member(const struct field *field, const struct event *event)
{
	if (field->offset < sizeof(*event))
		return (const char *)event + field->offset;
	return (const char *)event->context + (field->offset - sizeof(*event));
}

static inline bool field_value_format_string(const char *string, struct text *value)
{
	if (!string || !*string)
		return false;
	*value = text_from_string(string);
	return true;
}

static inline bool field_value_format_number(uint64_t number, char buf[FIELD_BUF_BYTES],
					     struct text *value)
{
	*value = (struct text){ buf, text_to_decimal(number, buf) };
	return true;
}

static inline bool field_value_format_flag(bool flag, struct text *value)
{
	*value = (struct text){ "true", sizeof("true") - 1 };
	return flag;
}

static inline bool field_value_format_time(uint64_t wall_ns, char buf[FIELD_BUF_BYTES],
					   struct text *value)
{
	clock_rfc3339(buf, wall_ns);
	*value = (struct text){ buf, CLOCK_RFC3339_BYTES - 1 };
	return true;
}

/* Formats seconds with a fraction to the microsecond, so that a double holds every digit; without
 * trailing zeros. */
static inline bool field_value_format_seconds(uint64_t ns, char buf[FIELD_BUF_BYTES],
					      struct text *value)
{
	unsigned int fraction = (unsigned int)(ns % 1000000000 / 1000), divisor = 100000;
	size_t length = text_to_decimal(ns / 1000000000, buf);

	buf[length++] = '.';
	do {
		buf[length++] = (char)('0' + fraction / divisor);
		fraction %= divisor;
		divisor /= 10;
	} while (fraction);
	*value = (struct text){ buf, length };
	return true;
}

static inline bool field_value_format_capabilities(uint64_t mask, char buf[FIELD_BUF_BYTES],
						   struct text *value)
{
	for (int i = 15; i >= 0; i--, mask >>= 4)
		buf[i] = "0123456789abcdef"[mask & 15];
	*value = (struct text){ buf, 16 };
	return true;
}

static inline bool field_value_format_device(uint32_t device, char buf[FIELD_BUF_BYTES],
					     struct text *value)
{
	*value = (struct text){ buf,
				device_number(buf, device >> RECORD_DEVICE_MINOR_BITS,
					      device & ((1u << RECORD_DEVICE_MINOR_BITS) - 1)) };
	return true;
}

/* Formats the permissions as four octal digits. */
static inline bool field_value_format_mode(uint32_t mode, char buf[FIELD_BUF_BYTES],
					   struct text *value)
{
	for (int i = 3; i >= 0; i--, mode >>= 3)
		buf[i] = (char)('0' + (mode & 7));
	*value = (struct text){ buf, 4 };
	return true;
}

static inline bool field_value_format_status(enum field_kind kind, uint32_t status,
					     char buf[FIELD_BUF_BYTES], struct text *value)
{
	int signal = WTERMSIG(status);

	switch (kind) {
	case FIELD_KIND_EXIT_CODE:
		return !signal && field_value_format_number(WEXITSTATUS(status), buf, value);
	case FIELD_KIND_SIGNAL:
		return signal && field_value_format_string(signal_name(signal, buf), value);
	default: /* FIELD_KIND_CORE_DUMPED */
		return field_value_format_flag(signal && WCOREDUMP(status), value);
	}
}

/* Returns strings without the NUL behind the last one. */
static inline struct text field_value_strings(struct text strings)
{
	if (strings.length && !strings.bytes[strings.length - 1])
		strings.length--;
	return strings;
}

/* Formats a value that is not a member of the event. Returns false if the event has none. */
static inline bool field_value_format_computed(enum field_kind kind, const struct event *event,
					       char buf[FIELD_BUF_BYTES], struct text *value)
{
	const struct event_exec *exec = &event->exec;
	const struct event_context *context = event->context;

	switch (kind) {
	case FIELD_KIND_TYPE:
		return field_value_format_string(event_type_name(event->type), value);
	case FIELD_KIND_SCHEMA:
		return field_value_format_string(FIELD_VALUE_SCHEMA_VERSION, value);
	case FIELD_KIND_TID:
		return event_has_tid(event) && field_value_format_number(exec->tid, buf, value);
	case FIELD_KIND_ERROR:
		return field_value_format_string(error_name(exec->error, buf), value);
	case FIELD_KIND_ERRNO:
		return field_value_format_number((uint64_t)exec->error, buf, value);
	case FIELD_KIND_COMMAND_LINE:
		*value = field_value_strings(exec->args);
		return true;
	case FIELD_KIND_ARGC:
		return exec->argc != RECORD_ARGC_UNKNOWN &&
		       field_value_format_number(exec->argc, buf, value);
	case FIELD_KIND_ARGS_BYTES:
		return exec->args_bytes != RECORD_ARGS_BYTES_UNKNOWN &&
		       field_value_format_number(exec->args_bytes, buf, value);
	case FIELD_KIND_PARENT_COMMAND_LINE:
		*value = field_value_strings(context->parent_args);
		return true;
	case FIELD_KIND_PARENT_ARGC:
		return context->parent_argc != RECORD_ARGC_UNKNOWN &&
		       field_value_format_number(context->parent_argc, buf, value);
	case FIELD_KIND_PARENT_EXE:
		*value = context->parent_exe;
		return context->parent_has_exe;
	default:
		return field_value_format_status(kind, event->exit.status, buf, value);
	}
}

static inline bool field_value_format_member(enum field_kind kind, const void *member,
					     char buf[FIELD_BUF_BYTES], struct text *value)
{
	uint32_t number;

	switch (kind) {
	case FIELD_KIND_TEXT:
	case FIELD_KIND_TEXT_OR_NONE:
	case FIELD_KIND_ACCOUNT:
	case FIELD_KIND_CONTAINER_NAME:
	case FIELD_KIND_POD_NAME:
		*value = *(const struct text *)member;
		return value->length || kind == FIELD_KIND_TEXT;
	case FIELD_KIND_CHARS:
		return field_value_format_string(member, value);
	case FIELD_KIND_POINTER:
		return field_value_format_string(*(const char *const *)member, value);
	case FIELD_KIND_U64:
		return field_value_format_number(*(const uint64_t *)member, buf, value);
	case FIELD_KIND_U64_OR_NONE:
		return *(const uint64_t *)member &&
		       field_value_format_number(*(const uint64_t *)member, buf, value);
	case FIELD_KIND_FLAG:
		return field_value_format_flag(*(const bool *)member, value);
	case FIELD_KIND_CAPABILITIES:
		return field_value_format_capabilities(*(const uint64_t *)member, buf, value);
	case FIELD_KIND_DEVICE:
		return field_value_format_device(*(const uint32_t *)member, buf, value);
	case FIELD_KIND_MODE:
		return field_value_format_mode(*(const uint32_t *)member, buf, value);
	case FIELD_KIND_TIME:
		return field_value_format_time(*(const uint64_t *)member, buf, value);
	case FIELD_KIND_SECONDS:
		return field_value_format_seconds(*(const uint64_t *)member, buf, value);
	default: /* FIELD_KIND_U32, FIELD_KIND_U32_OR_NONE, FIELD_KIND_AUDIT */
		number = *(const uint32_t *)member;
		if ((kind == FIELD_KIND_U32_OR_NONE && !number) ||
		    (kind == FIELD_KIND_AUDIT && number == RECORD_AUDIT_UNSET))
			return false;
		return field_value_format_number(number, buf, value);
	}
}

static inline bool field_value_has_duplicates(const struct event_exec *exec)
{
	for (size_t i = 0; i < exec->variable_count; i++)
		if (exec->variables[i].is_duplicate)
			return true;
	return false;
}

/* Reports whether the line of an event whose type has the field has its key; a list may have no
 * items. */
static inline bool field_value_is_present(const struct field *field, const struct event *event)
{
	if (field->record_key && event->process.unreadable & field->record_key)
		return false;
	if (field->record_key & FIELD_KEYS_OF_EXE && !event->exec.has_exe)
		return false;
	switch (field->kind) {
	case FIELD_KIND_ARGS:
	case FIELD_KIND_COMMAND_LINE:
		return !event->exec.args_hidden;
	case FIELD_KIND_PARENT_ARGS:
	case FIELD_KIND_PARENT_COMMAND_LINE:
		return event->context->parent_has_args && !event->exec.parent_args_hidden;
	case FIELD_KIND_ENV:
		return event->exec.variable_count;
	case FIELD_KIND_ANCESTORS:
		return event->context->ancestor_count;
	case FIELD_KIND_ENV_DUPLICATES:
		return field_value_has_duplicates(&event->exec);
	case FIELD_KIND_TAGS:
		return event->tags.length;
	case FIELD_KIND_ARGS_BYTES:
		return event->process.truncated & RECORD_KEY_ARGS;
	case FIELD_KIND_FLAG:
		return *(const bool *)field_value_member(field, event);
	case FIELD_KIND_U32_OR_NONE:
	case FIELD_KIND_KEYS:
		return *(const uint32_t *)field_value_member(field, event);
	default:
		return true;
	}
}

/* Returns the value of a field that is present and is no list, as field_next() does. */
static inline bool field_value_get(const struct field *field, const struct event *event,
				   char buf[FIELD_BUF_BYTES], struct text *value)
{
	enum field_kind kind = field->kind;

	if (kind > FIELD_KIND_SECONDS)
		return field_value_format_computed(kind, event, buf, value);
	return field_value_format_member(kind, field_value_member(field, event), buf, value);
}

#endif
