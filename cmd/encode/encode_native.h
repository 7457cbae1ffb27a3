/* SPDX-License-Identifier: BSD-2-Clause */
/* The native format of a field, which the other formats use for keys without a place of their own.
 */
#ifndef EXECTAP_ENCODE_NATIVE_H
#define EXECTAP_ENCODE_NATIVE_H

#include "encode/json_writer.h"
#include "event/field_value.h"

/* For struct encode_format: bytes of an argument's entry in raw, without index and base64. */
#define ENCODE_NATIVE_ARGUMENT_RAW_BYTES                                                           \
	(sizeof("{\"key\":\"args\",\"index\":,\"base64\":\"\"},") - 1)

/* Appends arguments as an array of strings. */
void encode_native_args(struct json_writer *json, struct text args);

/* Appends arguments as one string, with a space between each two. */
void encode_native_command_line(struct json_writer *json, struct text args);

/* Appends the items of a list, or the members of a map. */
void encode_native_list(struct json_writer *json, const struct field *field,
			const struct event *event);
void encode_native_map(struct json_writer *json, const struct field *field,
		       const struct event *event);

/* Appends the ancestors as an array of objects. */
void encode_native_ancestors(struct json_writer *json, const struct event_process *process);

/* Appends the value of a field that has at most one. Returns false, and appends nothing, where the
 * event has none. A computed value is formatted in place: a copy would cost as much again. */
static inline bool encode_native_scalar(struct json_writer *json, const struct field *field,
					const struct event *event)
{
	size_t quotes = field->form == FIELD_JSON_ASCII;
	char elsewhere[FIELD_BUF_BYTES], *buf = elsewhere, *to;
	struct text value;

	if (json->length + quotes + FIELD_BUF_BYTES <= json->capacity)
		buf = json->bytes + json->length + quotes;
	if (!field_value_get(field, event, buf, &value))
		return false;
	if (field->form == FIELD_JSON_STRING) {
		json_writer_text(json, value);
	} else if (json_writer_extend(json, value.length + 2 * quotes, &to)) {
		if (to + quotes != value.bytes)
			memcpy(to + quotes, value.bytes, value.length);
		if (quotes)
			to[0] = to[value.length + 1] = '"';
	}
	json->needs_comma = true;
	return true;
}

/* Appends a field as a member of an object; nothing where the event has no value for it. */
static inline void encode_native_field(struct json_writer *json, const struct field *field,
				       const struct event *event)
{
	struct json_writer before = *json, copy;

	if (!field_value_is_present(field, event))
		return;
	json_writer_key(json, field->key);
	if (field->form >= FIELD_JSON_JOINED) {
		copy = *json;
		if (field->form == FIELD_JSON_JOINED)
			encode_native_command_line(
				&copy, *(const struct text *)((const char *)event + field->offset));
		else if (field->form == FIELD_JSON_LIST)
			encode_native_list(&copy, field, event);
		else if (field->form == FIELD_JSON_MAP)
			encode_native_map(&copy, field, event);
		else
			encode_native_ancestors(&copy, &event->process);
		*json = copy;
	} else if (!encode_native_scalar(json, field, event)) {
		*json = before;
	}
}

/* Appends the member "raw": the exact bytes of the event's strings that are not UTF-8, of which
 * there is at least one. */
void encode_native_raw(struct json_writer *json, const struct event *event);

#endif
