// SPDX-License-Identifier: BSD-2-Clause
/* The native format, version 1: the fields as they are. schema/exectap.schema.json */
#include "encode_native.h"

#include "encode.h"

struct line encode_list(struct line line, const struct field *field, const struct event *event)
{
	struct field_cursor cursor = {};
	char room[FIELD_ROOM_BYTES];
	struct text value;

	line_open(&line, '[');
	while (field_next(field, event, &cursor, room, &value)) {
		line_item(&line);
		line_text(&line, value);
	}
	line_close(&line, ']');
	return line;
}

/* A name that is no UTF-8 can't be a key. It came from the command line, where it is refused. */
struct line encode_map(struct line line, const struct field *field, const struct event *event)
{
	struct field_cursor cursor = {};
	char room[FIELD_ROOM_BYTES];
	struct text value;

	line_open(&line, '{');
	while (field_next(field, event, &cursor, room, &value)) {
		line_item(&line);
		line_text(&line, value);
		line_append(&line, ":", 1);
		field_next(field, event, &cursor, room, &value);
		line_text(&line, value);
	}
	line_close(&line, '}');
	return line;
}

/* Those items of a list that are no UTF-8, by index; those of a map by name. */
static void raw_items(struct line *line, const struct field *field, const struct event *event)
{
	struct text value, name = { "", 0 };
	struct field_cursor cursor = {};
	char room[FIELD_ROOM_BYTES], digits[TEXT_DECIMAL_BYTES];
	bool begun = false;

	for (size_t index = 0; field_next(field, event, &cursor, room, &value); index++) {
		if (field->form == FIELD_MAP) {
			name = value;
			field_next(field, event, &cursor, room, &value);
		}
		if (text_is_utf8(value))
			continue;
		if (!begun) {
			line_key(line, field->key);
			line_open(line, '{');
			begun = true;
		}
		if (field->form == FIELD_LIST)
			name = (struct text){ digits, text_to_decimal(index, digits) };
		line_item(line);
		line_text(line, name);
		line_append(line, ":", 1);
		line_base64(line, value);
	}
	if (begun)
		line_close(line, '}');
}

struct line encode_raw(struct line line, const struct event *event)
{
	char room[FIELD_ROOM_BYTES];
	struct text value;

	line_key(&line, LINE_KEY("raw"));
	line_open(&line, '{');
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const struct field *field = &field_table[i];
		struct field_cursor cursor = {};

		if (field->form == FIELD_LIST || field->form == FIELD_MAP) {
			raw_items(&line, field, event);
		} else if (field->form == FIELD_STRING && field_next(field, event, &cursor, room, &value) &&
			   !text_is_utf8(value)) {
			line_key(&line, field->key);
			line_base64(&line, value);
		}
	}
	line_close(&line, '}');
	return line;
}

static inline struct line write_fields(struct line line, const struct event *event, enum event_type type)
{
	line_open(&line, '{');
#pragma GCC unroll 128
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (field_table[i].events & FIELD_EVENT(type))
			encode_field(&line, &field_table[i], event);
	if (line.ill_formed)
		line = encode_raw(line, event);
	line_close(&line, '}');
	return line;
}

/* Once more for the type that most are of, of which then nothing is left to be asked. */
static LINE_WRITER struct line write_native(struct line line, const struct event *event)
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
