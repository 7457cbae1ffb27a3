// SPDX-License-Identifier: BSD-2-Clause
#include "event/field.h"

#include "event/field_value.h"

#include <fnmatch.h>
#include <string.h>

_Static_assert(FIELD_ID_raw < FIELD_SET_MAX, "a set holds every field");

/* Returns the name of the field: its key without the quotes and the colon. */
static struct text field_name(const struct field *field)
{
	return (struct text){ field->key + 2, field->key_length - sizeof(",\"\":") + 1 };
}

static bool text_is(struct text text, const char *bytes, size_t length)
{
	return text.length == length && !memcmp(text.bytes, bytes, length);
}

enum field_id field_find_id(const char *name, size_t length)
{
	unsigned int id = 0;

	while (id < FIELD_COUNT && !text_is(field_name(&field_table[id]), name, length))
		id++;
	return (enum field_id)id;
}

const struct field *field_get(enum field_id id)
{
	return &field_table[id];
}

const struct field *field_find(const char *name, size_t length)
{
	enum field_id id = field_find_id(name, length);

	return id < FIELD_COUNT ? &field_table[id] : NULL;
}

/* Groups by the number of their bit */
static const char *const group_names[] = { "ids",	"namespaces",  "file",	 "parent",
					   "container", "descriptors", "minimal" };
#define GROUP_NAMES (sizeof(group_names) / sizeof(group_names[0]))

enum field_group field_find_group(const char *name, size_t length)
{
	for (unsigned int i = 0; i < GROUP_NAMES; i++)
		if (text_is(text_from_string(group_names[i]), name, length))
			return (enum field_group)(1u << i);
	return (enum field_group)0;
}

static void list_groups(const struct field *field, FILE *out)
{
	char separator = '\t';

	for (unsigned int i = 0; i < GROUP_NAMES; i++) {
		if (!(field->groups & 1u << i))
			continue;
		fprintf(out, "%c%s", separator, group_names[i]);
		separator = ',';
	}
	fputc('\n', out);
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
		list_groups(&field_table[i], out);
	}
}

static bool next_string(const void *member, struct field_cursor *cursor, struct text *value)
{
	if (!cursor->begun)
		cursor->rest = *(const struct text *)member;
	cursor->begun = true;
	return text_next_string(&cursor->rest, value);
}

/* The name of an extra field is in lines that have the field. The compiler keeps the tests of the
 * fields that have a record_key. */
static bool next_key_name(uint32_t mask, const struct event *event, struct field_cursor *cursor,
			  struct text *value)
{
#pragma GCC unroll 128
	for (unsigned int id = 0; id < FIELD_COUNT; id++) {
		const struct field *field = &field_table[id];

		if (!(mask & field->record_key) || id < cursor->index)
			continue;
		if (field->groups & FIELD_GROUP_EXTRA && field_set_has(&event->omitted, id))
			continue;
		cursor->index = id + 1;
		*value = field_name(field);
		return true;
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

static bool next_duplicate(const struct event_exec *exec, struct field_cursor *cursor,
			   struct text *value)
{
	while (cursor->index < exec->variable_count) {
		const struct event_variable *variable = &exec->variables[cursor->index++];

		if (variable->is_duplicate) {
			*value = variable->name;
			return true;
		}
	}
	return false;
}

static bool next_ancestor(const struct event_context *context, struct field_cursor *cursor,
			  struct text *value)
{
	if (cursor->index >= context->ancestor_count)
		return false;
	*value = context->ancestors[cursor->index++].comm;
	return true;
}

bool field_next(const struct field *field, const struct event *event, struct field_cursor *cursor,
		char buf[FIELD_BUF_BYTES], struct text *value)
{
	const void *member = field_value_member(field, event);

	if (!(field->events & EVENT_BIT(event->type)) || !field_value_is_present(field, event))
		return false;
	if (field->kind == FIELD_KIND_ENV)
		return next_variable(&event->exec, cursor, value);
	if (field->kind == FIELD_KIND_ANCESTORS)
		return next_ancestor(event->context, cursor, value);
	if (field->kind == FIELD_KIND_KEYS)
		return next_key_name(*(const uint32_t *)member, event, cursor, value);
	if (field->kind == FIELD_KIND_ENV_DUPLICATES)
		return next_duplicate(&event->exec, cursor, value);
	if (field->form == FIELD_JSON_LIST || field->kind == FIELD_KIND_TAGS)
		return next_string(member, cursor, value);
	if (cursor->begun)
		return false;
	cursor->begun = true;
	return field_value_get(field, event, buf, value);
}

/* Reports whether a value that is absent is unknown, and not just nothing to report. */
static bool absence_is_unknown(const struct field *field, const struct event *event)
{
	uint32_t doubtful = event_doubtful_keys(event);
	const struct container *container = &event->context->container;

	switch (field->kind) {
	case FIELD_KIND_U32_OR_NONE: /* namespaces, of which every process has one */
		return true;
	case FIELD_KIND_ARGC: /* a kernel thread has none */
		return event->exec.has_exe;
	case FIELD_KIND_ACCOUNT:
		return event->context->names_unknown;
	case FIELD_KIND_CONTAINER_NAME:
		return container->id.length || doubtful & field->derived_from;
	case FIELD_KIND_POD_NAME:
		return (container->id.length && !container->names.is_read) ||
		       doubtful & field->derived_from;
	case FIELD_KIND_ARGS_BYTES:
		return doubtful & RECORD_KEY_ARGS;
	default:
		return doubtful & field->derived_from;
	}
}

bool field_is_complete(const struct field *field, const struct event *event, bool present)
{
	if (!(field->events & EVENT_BIT(event->type)))
		return true;
	if (field->record_key & event_doubtful_keys(event))
		return false;
	if (field->kind == FIELD_KIND_ANCESTORS && event->context->has_more_ancestors)
		return false;
	return present || !absence_is_unknown(field, event);
}

bool field_value_is_whole(const struct field *field, const struct event *event, struct text value)
{
	const struct text *strings = field_value_member(field, event);

	if (field->form == FIELD_JSON_LIST || field->form == FIELD_JSON_MAP)
		return value.bytes + value.length < strings->bytes + strings->length;
	if (field->kind == FIELD_KIND_ANCESTORS)
		return true;
	return !(field->record_key & event_doubtful_keys(event));
}

bool field_accepts_glob(const struct field *field, const char *glob)
{
	switch (field->kind) {
	case FIELD_KIND_FLAG:
	case FIELD_KIND_CORE_DUMPED:
		return !fnmatch(glob, "true", 0);
	default:
		return field->form != FIELD_JSON_LITERAL ||
		       !glob[strspn(glob, "0123456789.*?[]!^-")];
	}
}
