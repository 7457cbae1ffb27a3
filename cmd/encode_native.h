/* SPDX-License-Identifier: BSD-2-Clause */
/* What the other formats show as the native one does. */
#ifndef EXECTAP_ENCODE_NATIVE_H
#define EXECTAP_ENCODE_NATIVE_H

#include "field_value.h"
#include "line.h"

/* The items of a list, or of a map. */
struct line encode_list(struct line line, const struct field *field, const struct event *event);
struct line encode_map(struct line line, const struct field *field, const struct event *event);

/*
 * Most of what is made of an event is made in its place, behind key and perhaps quote: to copy it would cost as much
 * again.
 */
static inline bool encode_scalar(struct line *line, const struct field *field, const struct event *event)
{
	size_t quotes = field->form == FIELD_PLAIN;
	char elsewhere[FIELD_ROOM_BYTES], *room = elsewhere, *to;
	struct text value;

	if (line->length + quotes + FIELD_ROOM_BYTES <= line->room)
		room = line->bytes + line->length + quotes;
	if (!field_value(field, event, room, &value))
		return false;
	if (field->form == FIELD_STRING) {
		line_text(line, value);
	} else if (line_extend(line, value.length + 2 * quotes, &to)) {
		if (to + quotes != value.bytes)
			memcpy(to + quotes, value.bytes, value.length);
		if (quotes)
			to[0] = to[value.length + 1] = '"';
	}
	line->separate = true;
	return true;
}

/* Appends the key of a field that the event has, and its value, to an object; nothing where there is no value. */
static inline void encode_field(struct line *line, const struct field *field, const struct event *event)
{
	struct line before = *line;

	if (!field_is_present(field, event))
		return;
	line_key(line, field->key);
	if (field->form == FIELD_LIST)
		*line = encode_list(*line, field, event);
	else if (field->form == FIELD_MAP)
		*line = encode_map(*line, field, event);
	else if (!encode_scalar(line, field, event))
		*line = before;
}

/* Appends the key "raw": the exact bytes of those of the event's strings that are no UTF-8, of which there is one. */
struct line encode_raw(struct line line, const struct event *event);

#endif
