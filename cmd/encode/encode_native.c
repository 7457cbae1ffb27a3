// SPDX-License-Identifier: BSD-2-Clause
/* The native format, version 1. schema/exectap.schema.json */
#include "encode/encode_native.h"

#include "encode/encode.h"

void encode_native_args(struct json_writer *json, struct text args)
{
	static const struct text_json_byte separator = { "\",\"", 3 };

	json_writer_array_begin(json, JSON_WRITER_NO_KEY);
	if (args.length) {
		json_writer_text_begin(json);
		json_writer_strings(json, args, &separator);
		json_writer_text_end(json);
	}
	json_writer_array_end(json);
}

void encode_native_command_line(struct json_writer *json, struct text args)
{
	static const struct text_json_byte space = { " ", 1 };

	json_writer_text_begin(json);
	json_writer_strings(json, args, &space);
	json_writer_text_end(json);
}

void encode_native_list(struct json_writer *json, const struct field *field,
			const struct event *event)
{
	struct field_cursor cursor = {};
	char buf[FIELD_BUF_BYTES];
	struct text value;

	if (field->kind == FIELD_KIND_ARGS || field->kind == FIELD_KIND_PARENT_ARGS) {
		encode_native_args(json, field->kind == FIELD_KIND_ARGS ? event->exec.args
									: event->exec.parent_args);
		return;
	}
	json_writer_array_begin(json, JSON_WRITER_NO_KEY);
	while (json->length <= json->capacity && field_next(field, event, &cursor, buf, &value)) {
		json_writer_item(json);
		json_writer_text(json, value);
	}
	json_writer_array_end(json);
}

/* A name is UTF-8, as a key has to be: options.c refuses other names. */
void encode_native_map(struct json_writer *json, const struct field *field,
		       const struct event *event)
{
	struct field_cursor cursor = {};
	char buf[FIELD_BUF_BYTES];
	struct text value;

	json_writer_object_begin(json, JSON_WRITER_NO_KEY);
	while (field_next(field, event, &cursor, buf, &value)) {
		json_writer_item(json);
		json_writer_text(json, value);
		json_writer_append(json, ":", 1);
		field_next(field, event, &cursor, buf, &value);
		json_writer_text(json, value);
	}
	json_writer_object_end(json);
}

void encode_native_ancestors(struct json_writer *json, const struct event_process *process)
{
	json_writer_array_begin(json, JSON_WRITER_NO_KEY);
	for (size_t i = 0; i < process->ancestor_count; i++) {
		const struct event_ancestor *ancestor = &process->ancestors[i];

		json_writer_object_begin(json, JSON_WRITER_NO_KEY);
		json_writer_key(json, JSON_WRITER_KEY("pid"));
		json_writer_number(json, ancestor->pid);
		json_writer_key(json, JSON_WRITER_KEY("comm"));
		json_writer_text(json, ancestor->comm);
		json_writer_key(json, JSON_WRITER_KEY("id"));
		json_writer_ascii(json, ancestor->id);
		json_writer_object_end(json);
	}
	json_writer_array_end(json);
}

/* Begins an entry of raw: a string, an argument, or a variable. */
static void raw_begin(struct json_writer *json, const struct field *field)
{
	json_writer_object_begin(json, JSON_WRITER_NO_KEY);
	json_writer_key(json, JSON_WRITER_KEY("key"));
	/* a key of the table, but for its colon */
	json_writer_literal(json, (struct text){ field->key.bytes, field->key.length - 1 });
}

static void raw_end(struct json_writer *json, struct text value)
{
	json_writer_key(json, JSON_WRITER_KEY("base64"));
	json_writer_base64(json, value);
	json_writer_object_end(json);
}

/* Skips the strings in front of the one with the first ill-formed part. Returns their number, and
 * nothing is left in *strings where all are well-formed. */
static size_t skip_well_formed(struct text *strings)
{
	size_t prefix = text_utf8_prefix(*strings);
	const char *start = strings->bytes, *nul = memrchr(start, '\0', prefix);

	if (prefix < strings->length)
		prefix = nul ? (size_t)(nul - start) + 1 : 0;
	*strings = text_skip(*strings, prefix);
	return text_count_nuls((struct text){ start, prefix });
}

static void write_raw_args(struct json_writer *json, const struct field *field, struct text args)
{
	struct text value;

	for (size_t index = skip_well_formed(&args);
	     json->length <= json->capacity && text_next_string(&args, &value);
	     index += 1 + skip_well_formed(&args)) {
		raw_begin(json, field);
		json_writer_key(json, JSON_WRITER_KEY("index"));
		json_writer_number(json, index);
		raw_end(json, value);
	}
}

static void write_raw_variables(struct json_writer *json, const struct field *field,
				const struct event_exec *exec)
{
	for (size_t i = 0; i < exec->variable_count && json->length <= json->capacity; i++) {
		const struct event_variable *variable = &exec->variables[i];

		if (text_is_utf8(variable->value))
			continue;
		raw_begin(json, field);
		json_writer_key(json, JSON_WRITER_KEY("name"));
		json_writer_text(json, variable->name);
		raw_end(json, variable->value);
	}
}

static void write_raw_ancestors(struct json_writer *json, const struct field *field,
				const struct event_process *process)
{
	for (size_t i = 0; i < process->ancestor_count && json->length <= json->capacity; i++) {
		if (text_is_utf8(process->ancestors[i].comm))
			continue;
		raw_begin(json, field);
		json_writer_key(json, JSON_WRITER_KEY("index"));
		json_writer_number(json, i);
		raw_end(json, process->ancestors[i].comm);
	}
}

/* A command line has the bytes of the arguments. */
static bool has_bytes_of(const struct event *event, unsigned int id)
{
	return !field_set_has(&event->omitted, id) ||
	       (id == FIELD_ID_args && FIELD_IS_WRITTEN(event, command_line)) ||
	       (id == FIELD_ID_parent_args && FIELD_IS_WRITTEN(event, parent_command_line));
}

/* A list, and not an object: a store that indexes documents by their keys would get a field for
 * each index of each ill-formed argument, and refuse documents with too many. */
void encode_native_raw(struct json_writer *json, const struct event *event)
{
	char buf[FIELD_BUF_BYTES];
	struct text value;

	json_writer_array_begin(json, JSON_WRITER_KEY("raw"));
	for (size_t i = 0; i < FIELD_COUNT && json->length <= json->capacity; i++) {
		const struct field *field = &field_table[i];
		struct field_cursor cursor = {};

		if (!(field->events & EVENT_BIT(event->type)) ||
		    !has_bytes_of(event, (unsigned int)i) || !field_value_is_present(field, event))
			continue;
		if (field->kind == FIELD_KIND_ARGS)
			write_raw_args(json, field, event->exec.args);
		if (field->kind == FIELD_KIND_PARENT_ARGS)
			write_raw_args(json, field, event->exec.parent_args);
		if (field->kind == FIELD_KIND_ENV)
			write_raw_variables(json, field, &event->exec);
		if (field->kind == FIELD_KIND_ANCESTORS)
			write_raw_ancestors(json, field, &event->process);
		if (field->form == FIELD_JSON_STRING &&
		    field_next(field, event, &cursor, buf, &value) && !text_is_utf8(value)) {
			raw_begin(json, field);
			raw_end(json, value);
		}
	}
	json_writer_array_end(json);
}

static inline void write_fields(struct json_writer *json, const struct event *event,
				enum event_type type, const struct field_set *omitted)
{
	struct json_writer copy;

	json_writer_object_begin(json, JSON_WRITER_NO_KEY);
#pragma GCC unroll 128
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (field_table[i].events & EVENT_BIT(type) &&
		    !field_set_has(omitted, (unsigned int)i))
			encode_native_field(json, &field_table[i], event);
	if (json->ill_formed && !field_set_has(omitted, FIELD_ID_raw)) {
		copy = *json;
		encode_native_raw(&copy, event);
		*json = copy;
	}
	json_writer_object_end(json);
}

/* An instance of its own for whole lines of the most frequent type: the tests are constant there.
 */
static JSON_WRITER_FLATTEN void write_native(struct json_writer *json, const struct event *event,
					     const struct encode_format *format)
{
	static const struct field_set by_default = FIELD_SET_EXTRA;
	struct json_writer local = *json;

	(void)format;
	if (event->type == EVENT_EXEC && field_set_equals(&event->omitted, &by_default))
		write_fields(&local, event, EVENT_EXEC, &by_default);
	else
		write_fields(&local, event, event->type, &event->omitted);
	*json = local;
}

const struct encode_format encode_native = {
	.name = "native",
	.write = write_native,
	.argument_times = 1,
	.argument_around_bytes = sizeof("\"\",") - 1,
	.argument_raw_bytes = ENCODE_NATIVE_ARGUMENT_RAW_BYTES,
	.has_extra_command_line = true,
	.filename_times = 1,
	.exe_times = 1,
	.image_times = 1,
	.line_min_bytes = ENCODE_LINE_MIN_BYTES,
};
