// SPDX-License-Identifier: BSD-2-Clause
/* The native format, version 1: the fields as they are. schema/exectap.schema.json */
#include "encode/encode_native.h"

#include "encode/encode.h"

struct json_writer encode_native_list(struct json_writer line, const struct field *field,
				      const struct event *event)
{
	struct field_cursor cursor = {};
	char room[FIELD_ROOM_BYTES];
	struct text value;

	json_writer_open(&line, '[');
	while (field_next(field, event, &cursor, room, &value)) {
		json_writer_item(&line);
		json_writer_text(&line, value);
	}
	json_writer_close(&line, ']');
	return line;
}

/* A name that is no UTF-8 can't be a key. It came from the command line, where it is refused. */
struct json_writer encode_native_map(struct json_writer line, const struct field *field,
				     const struct event *event)
{
	struct field_cursor cursor = {};
	char room[FIELD_ROOM_BYTES];
	struct text value;

	json_writer_open(&line, '{');
	while (field_next(field, event, &cursor, room, &value)) {
		json_writer_item(&line);
		json_writer_text(&line, value);
		json_writer_append(&line, ":", 1);
		field_next(field, event, &cursor, room, &value);
		json_writer_text(&line, value);
	}
	json_writer_close(&line, '}');
	return line;
}

/* Those items of a list that are no UTF-8, by index; those of a map by name. */
static void raw_items(struct json_writer *line, const struct field *field,
		      const struct event *event)
{
	struct text value, name = { "", 0 };
	struct field_cursor cursor = {};
	char room[FIELD_ROOM_BYTES], digits[TEXT_DECIMAL_BYTES];
	bool begun = false;

	for (size_t index = 0; field_next(field, event, &cursor, room, &value); index++) {
		if (field->form == FIELD_JSON_MAP) {
			name = value;
			field_next(field, event, &cursor, room, &value);
		}
		if (text_is_utf8(value))
			continue;
		if (!begun) {
			json_writer_key(line, field->key);
			json_writer_open(line, '{');
			begun = true;
		}
		if (field->form == FIELD_JSON_LIST)
			name = (struct text){ digits, text_to_decimal(index, digits) };
		json_writer_item(line);
		json_writer_text(line, name);
		json_writer_append(line, ":", 1);
		json_writer_base64(line, value);
	}
	if (begun)
		json_writer_close(line, '}');
}

struct json_writer encode_native_raw(struct json_writer line, const struct event *event)
{
	char room[FIELD_ROOM_BYTES];
	struct text value;

	json_writer_key(&line, JSON_WRITER_KEY("raw"));
	json_writer_open(&line, '{');
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const struct field *field = &field_table[i];
		struct field_cursor cursor = {};

		if (field->form == FIELD_JSON_LIST || field->form == FIELD_JSON_MAP) {
			raw_items(&line, field, event);
		} else if (field->form == FIELD_JSON_STRING &&
			   field_next(field, event, &cursor, room, &value) &&
			   !text_is_utf8(value)) {
			json_writer_key(&line, field->key);
			json_writer_base64(&line, value);
		}
	}
	json_writer_close(&line, '}');
	return line;
}

static inline struct json_writer write_fields(struct json_writer line, const struct event *event,
					      enum event_type type)
{
	json_writer_open(&line, '{');
#pragma GCC unroll 128
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (field_table[i].events & EVENT_BIT(type))
			encode_native_field(&line, &field_table[i], event);
	if (line.ill_formed)
		line = encode_native_raw(line, event);
	json_writer_close(&line, '}');
	return line;
}

/* Once more for the type that most are of, of which then nothing is left to be asked. */
static JSON_WRITER_FLATTEN struct json_writer write_native(struct json_writer line,
							   const struct event *event)
{
	return event->type == EVENT_EXEC ? write_fields(line, event, EVENT_EXEC)
					 : write_fields(line, event, event->type);
}

const struct encode_format encode_native = {
	.name = "native",
	.write = write_native,
	.argument_times = 1,
	.argument_around_bytes = sizeof("\"\",") - 1,
	.argument_raw_bytes = sizeof("\"\":\"\",") - 1,
	.line_min_bytes = ENCODE_LINE_MIN_BYTES,
};
