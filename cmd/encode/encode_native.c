// SPDX-License-Identifier: BSD-2-Clause
/* The native format, version 1. schema/exectap.schema.json */
#include "encode/encode_native.h"

#include "encode/encode.h"

void encode_native_list(struct json_writer *json, const struct field *field,
			const struct event *event)
{
	struct field_cursor cursor = {};
	char buf[FIELD_BUF_BYTES];
	struct text value;

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

/* Begins an entry of raw: a string, an item of a list, or a variable. */
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

/* Writes the values of a list or a map that are not UTF-8. */
static void write_raw_items(struct json_writer *json, const struct field *field,
			    const struct event *event)
{
	struct text value, name = { "", 0 };
	struct field_cursor cursor = {};
	char buf[FIELD_BUF_BYTES];

	for (size_t index = 0; field_next(field, event, &cursor, buf, &value); index++) {
		if (field->form == FIELD_JSON_MAP) {
			name = value;
			field_next(field, event, &cursor, buf, &value);
		}
		if (text_is_utf8(value))
			continue;
		raw_begin(json, field);
		if (field->form == FIELD_JSON_MAP) {
			json_writer_key(json, JSON_WRITER_KEY("name"));
			json_writer_text(json, name);
		} else {
			json_writer_key(json, JSON_WRITER_KEY("index"));
			json_writer_number(json, index);
		}
		raw_end(json, value);
	}
}

/* A list, and not an object: a store that indexes documents by their keys would get a field for
 * each index of each ill-formed argument, and refuse documents with too many. */
void encode_native_raw(struct json_writer *json, const struct event *event)
{
	char buf[FIELD_BUF_BYTES];
	struct text value;

	json_writer_array_begin(json, JSON_WRITER_KEY("raw"));
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const struct field *field = &field_table[i];
		struct field_cursor cursor = {};

		if (field->form == FIELD_JSON_LIST || field->form == FIELD_JSON_MAP)
			write_raw_items(json, field, event);
		if (field->form == FIELD_JSON_STRING &&
		    field_next(field, event, &cursor, buf, &value) && !text_is_utf8(value)) {
			raw_begin(json, field);
			raw_end(json, value);
		}
	}
	json_writer_array_end(json);
}

static inline void write_fields(struct json_writer *json, const struct event *event,
				enum event_type type)
{
	struct json_writer copy;

	json_writer_object_begin(json, JSON_WRITER_NO_KEY);
#pragma GCC unroll 128
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (field_table[i].events & EVENT_BIT(type))
			encode_native_field(json, &field_table[i], event);
	if (json->ill_formed) {
		copy = *json;
		encode_native_raw(&copy, event);
		*json = copy;
	}
	json_writer_object_end(json);
}

/* An instance of its own for the most frequent type, in which the tests for the type are constant.
 */
static JSON_WRITER_FLATTEN void write_native(struct json_writer *json, const struct event *event)
{
	struct json_writer local = *json;

	if (event->type == EVENT_EXEC)
		write_fields(&local, event, EVENT_EXEC);
	else
		write_fields(&local, event, event->type);
	*json = local;
}

const struct encode_format encode_native = {
	.name = "native",
	.write = write_native,
	.argument_times = 1,
	.argument_around_bytes = sizeof("\"\",") - 1,
	.argument_raw_bytes = ENCODE_NATIVE_ARGUMENT_RAW_BYTES,
	.filename_times = 1,
	.exe_times = 1,
	.line_min_bytes = ENCODE_LINE_MIN_BYTES,
};
