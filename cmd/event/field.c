// SPDX-License-Identifier: BSD-2-Clause
#include "event/field.h"

#include "event/field_value.h"

#include <string.h>

/* Returns the name of the field: its key without the quotes and the colon. */
static struct text field_name(const struct field *field)
{
	return (struct text){ field->key.bytes + 1, field->key.length - sizeof("\"\":") + 1 };
}

const struct field *field_find(const char *name, size_t length)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		struct text known = field_name(&field_table[i]);

		if (known.length == length && !memcmp(known.bytes, name, length))
			return &field_table[i];
	}
	return NULL;
}

void field_list(FILE *out)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		struct text name = field_name(&field_table[i]);
		char separator = '\t';

		fprintf(out, "%.*s", (int)name.length, name.bytes);
		for (int type = 0; type < EVENT_TYPES; type++) {
			if (!(field_table[i].events & EVENT_BIT(type)))
				continue;
			fprintf(out, "%c%s", separator, event_type_name((enum event_type)type));
			separator = ',';
		}
		fputc('\n', out);
	}
}

static bool next_string(const void *member, struct field_cursor *cursor, struct text *value)
{
	if (!cursor->begun)
		cursor->rest = *(const struct text *)member;
	cursor->begun = true;
	return text_next_string(&cursor->rest, value);
}

static bool next_key_name(uint32_t mask, struct field_cursor *cursor, struct text *value)
{
	while (cursor->index < FIELD_COUNT) {
		const struct field *field = &field_table[cursor->index++];

		if (mask & field->record_key) {
			*value = field_name(field);
			return true;
		}
	}
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
		char room[FIELD_BUF_BYTES], struct text *value)
{
	const void *member = (const char *)event + field->offset;

	if (!(field->events & EVENT_BIT(event->type)) || !field_value_is_present(field, event))
		return false;
	if (field->form == FIELD_JSON_MAP)
		return next_variable(&event->exec, cursor, value);
	if (field->kind == FIELD_KIND_KEYS)
		return next_key_name(*(const uint32_t *)member, cursor, value);
	if (field->form == FIELD_JSON_LIST)
		return next_string(member, cursor, value);
	if (cursor->begun)
		return false;
	cursor->begun = true;
	return field_value_get(field, event, room, value);
}
