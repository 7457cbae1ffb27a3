// SPDX-License-Identifier: BSD-2-Clause
#include "event/selection.h"

#include "event/field.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct selection {
	bool has_fields; /* --fields was given */
	struct field_set fields; /* of --fields */
	struct field_set omit; /* of --omit */
	/* what follows from these */
	struct field_set omitted;
	uint32_t record_keys; /* enum record_key: sources of the fields that are written */
};

static void add_group(struct field_set *set, unsigned int groups)
{
	for (unsigned int id = 0; id < FIELD_COUNT; id++)
		if (field_get((enum field_id)id)->groups & groups)
			field_set_add(set, id);
}

/* Every line has the fixed fields, whatever the set. */
static void add_default(struct field_set *set)
{
	for (unsigned int id = 0; id < FIELD_COUNT; id++)
		if (!(field_get((enum field_id)id)->groups &
		      (FIELD_GROUP_EXTRA | FIELD_GROUP_FIXED)))
			field_set_add(set, id);
}

/* Returns the fields that --fields and --omit name. */
static struct field_set named_fields(const struct selection *selection)
{
	struct field_set named = selection->fields;

	if (!selection->has_fields)
		add_default(&named);
	for (int i = 0; i < FIELD_SET_WORDS; i++)
		named.words[i] &= ~selection->omit.words[i];
	return named;
}

/* Sets what lines lack, and the sources of what they have. A mark that no option names is written
 * where its source is there for another field. */
static void update(struct selection *selection)
{
	struct field_set named = named_fields(selection), omitted = {};
	uint32_t keys = 0;

	for (unsigned int id = 0; id < FIELD_COUNT; id++) {
		const struct field *field = field_get((enum field_id)id);

		if (field_set_has(&named, id))
			keys |= field->record_key | field->derived_from;
		else if (!(field->groups & (FIELD_GROUP_FIXED | FIELD_GROUP_MARK)))
			field_set_add(&omitted, id);
	}
	for (int i = 0; i < FIELD_SET_WORDS; i++)
		omitted.words[i] |= selection->omit.words[i];
	selection->omitted = omitted;
	selection->record_keys = keys;
}

int selection_new(struct selection **selection)
{
	struct selection *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	update(created);
	*selection = created;
	return 0;
}

void selection_free(struct selection *selection)
{
	free(selection);
}

/* Adds the fields that a word of a list names. Returns false if there are none of that name. */
static bool add_word(struct field_set *set, const char *word, size_t length)
{
	struct text name = { word, length };
	unsigned int id = field_find_id(word, length);

	if (text_equals(name, "raw"))
		id = FIELD_ID_raw;
	else if (text_equals(name, "@default"))
		return add_default(set), true;
	else if (length > 1 && *word == '@' && field_find_group(word + 1, length - 1))
		return add_group(set, field_find_group(word + 1, length - 1)), true;
	else if (id == FIELD_COUNT)
		return false;
	field_set_add(set, id);
	return true;
}

bool selection_is_fixed(const char *word, size_t length)
{
	unsigned int id = field_find_id(word, length);

	return id < FIELD_COUNT && field_get((enum field_id)id)->groups & FIELD_GROUP_FIXED;
}

static int add_list(struct field_set *set, bool omits, const char *list, const char **word,
		    size_t *length)
{
	const char *item = list;
	size_t item_length;

	do {
		item_length = strcspn(item, ",");
		if ((omits && selection_is_fixed(item, item_length)) ||
		    !add_word(set, item, item_length)) {
			*word = item;
			*length = item_length;
			return -EINVAL;
		}
		item += item_length + 1;
	} while (item[-1] == ',');
	return 0;
}

int selection_add_fields(struct selection *selection, const char *list, const char **word,
			 size_t *length)
{
	int result = add_list(&selection->fields, false, list, word, length);

	selection->has_fields = true;
	update(selection);
	return result;
}

int selection_add_omit(struct selection *selection, const char *list, const char **word,
		       size_t *length)
{
	int result = add_list(&selection->omit, true, list, word, length);

	update(selection);
	return result;
}

void selection_set_fields(struct selection *selection, const struct field_set *fields)
{
	*selection = (struct selection){ .has_fields = true, .fields = *fields };
	for (unsigned int id = 0; id < FIELD_COUNT; id++)
		if (field_get((enum field_id)id)->events & EVENT_BIT(EVENT_LOST))
			field_set_add(&selection->fields, id);
	field_set_add(&selection->fields,
		      FIELD_ID_kernel); /* which other formats have in every line */
	update(selection);
}

uint32_t selection_record_keys(const struct selection *selection)
{
	return selection->record_keys;
}

/* The strings count in the length of a line even where they are not written; the context keeps its
 * own. */
static void empty_omitted(const struct selection *selection, struct event *event)
{
	struct event_exec *exec = &event->exec;

	if (!FIELD_IS_WRITTEN(event, filename))
		exec->filename.length = 0;
	if (!FIELD_IS_WRITTEN(event, exe))
		exec->paths[EVENT_PATH_EXE].length = 0;
	if (!FIELD_IS_WRITTEN(event, cwd))
		exec->paths[EVENT_PATH_CWD].length = 0;
	if (!(selection->record_keys & RECORD_KEY_ARGS)) {
		exec->args.length = 0;
		exec->args_hidden = true;
	}
	if (!(selection->record_keys & RECORD_KEY_PARENT_ARGS))
		exec->parent_args_hidden = true;
	if (!(selection->record_keys & RECORD_KEY_ENV))
		exec->variable_count = 0;
}

/* Subtracts the masked bytes of the keys that are not written. */
static void omit_redacted_bytes(struct event_process *process, uint32_t keys)
{
	uint32_t env_bytes = process->redacted_bytes - process->redacted_args_bytes -
			     process->redacted_parent_args_bytes;

	if (!(keys & RECORD_KEY_ARGS))
		process->redacted_bytes -= process->redacted_args_bytes;
	if (!(keys & RECORD_KEY_PARENT_ARGS))
		process->redacted_bytes -= process->redacted_parent_args_bytes;
	if (!(keys & RECORD_KEY_ENV))
		process->redacted_bytes -= env_bytes;
}

void selection_apply(const struct selection *selection, struct event *event)
{
	struct event_process *process = &event->process;
	uint32_t keys = selection->record_keys;

	if (!event_is_process(event) || field_set_equals(&selection->omitted, &FIELD_SET_EXTRA))
		return;
	event->omitted = selection->omitted;
	process->truncated &= keys;
	process->unreadable &= keys;
	process->redacted &= keys;
	omit_redacted_bytes(process, keys);
	empty_omitted(selection, event);
}
