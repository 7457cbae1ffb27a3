/* SPDX-License-Identifier: BSD-2-Clause */
/* What the other formats show as the native one does. */
#ifndef EXECTAP_ENCODE_NATIVE_H
#define EXECTAP_ENCODE_NATIVE_H

#include "encode/json_writer.h"
#include "event/field_value.h"

/* The items of a list, or of a map. */
struct json_writer encode_native_list(struct json_writer line, const struct field *field,
				      const struct event *event);
struct json_writer encode_native_map(struct json_writer line, const struct field *field,
				     const struct event *event);

/*
 * Most of what is made of an event is made in its place, behind key and perhaps quote: to copy it
 * would cost as much again.
 */
static inline bool encode_native_scalar(struct json_writer *line, const struct field *field,
					const struct event *event)
{
	size_t quotes = field->form == FIELD_JSON_ASCII;
	char elsewhere[FIELD_ROOM_BYTES], *room = elsewhere, *to;
	struct text value;

	if (line->length + quotes + FIELD_ROOM_BYTES <= line->room)
		room = line->bytes + line->length + quotes;
	if (!field_value_get(field, event, room, &value))
		return false;
	if (field->form == FIELD_JSON_STRING) {
		json_writer_text(line, value);
	} else if (json_writer_extend(line, value.length + 2 * quotes, &to)) {
		if (to + quotes != value.bytes)
			memcpy(to + quotes, value.bytes, value.length);
		if (quotes)
			to[0] = to[value.length + 1] = '"';
	}
	line->separate = true;
	return true;
}

/* Appends the key of a field that the event has, and its value, to an object; nothing where there
 * is no value. */
static inline void encode_native_field(struct json_writer *line, const struct field *field,
				       const struct event *event)
{
	struct json_writer before = *line;

	if (!field_value_is_present(field, event))
		return;
	json_writer_key(line, field->key);
	if (field->form == FIELD_JSON_LIST)
		*line = encode_native_list(*line, field, event);
	else if (field->form == FIELD_JSON_MAP)
		*line = encode_native_map(*line, field, event);
	else if (!encode_native_scalar(line, field, event))
		*line = before;
}

/* Appends the key "raw": the exact bytes of those of the event's strings that are no UTF-8, of
 * which there is one. */
struct json_writer encode_native_raw(struct json_writer line, const struct event *event);

#endif
