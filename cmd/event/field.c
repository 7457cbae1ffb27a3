// SPDX-License-Identifier: BSD-2-Clause
#include "event/field.h"

#include "event/field_value.h"

#include <string.h>

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
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		struct text key = field_table[i].key;

		if (key.length == length + sizeof("\"\":") - 1 &&
		    !memcmp(key.bytes + 1, name, length))
			return &field_table[i];
	}
	return NULL;
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

static bool next_variable(const struct event_exec *exec, struct field_cursor *cursor,
			  struct text *value)
{
	const struct event_variable *variable = exec->variables + cursor->index / 2;

	if (cursor->index / 2 >= exec->variable_count)
		return false;
	*value = cursor->index++ % 2 ? variable->value : variable->name;
	return true;
}

bool field_next(const struct field *field, const struct event *event, struct field_cursor *cursor,
		char room[FIELD_ROOM_BYTES], struct text *value)
{
	const void *member = (const char *)event + field->offset;
	enum field_kind kind = (enum field_kind)field->kind;

	if (!(field->events & EVENT_BIT(event->type)) || !field_value_is_present(field, event))
		return false;
	if (field->form == FIELD_JSON_MAP)
		return next_variable(&event->exec, cursor, value);
	if (kind == KIND_KEYS)
		return next_mark(*(const uint32_t *)member, cursor, value);
	if (field->form == FIELD_JSON_LIST)
		return next_string(member, cursor, value);
	if (cursor->begun)
		return false;
	cursor->begun = true;
	return field_value_get(field, event, room, value);
}
