/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Common parts of the formats that map events to another schema. Each function appends members to
 * an open object.
 */
#ifndef EXECTAP_ENCODE_MAPPED_H
#define EXECTAP_ENCODE_MAPPED_H

#include "encode/json_writer.h"
#include "event/event.h"
#include "event/field.h"

/* For struct encode_format: the arguments are a list and a string. */
#define ENCODE_MAPPED_ARGUMENT_TIMES 2
#define ENCODE_MAPPED_ARGUMENT_AROUND_BYTES (sizeof("\"\", ") - 1)

static inline bool encode_mapped_is_readable(const struct event *event, enum record_key key)
{
	return !(event->process.unreadable & key);
}

static inline bool encode_mapped_has_exe(const struct event *event)
{
	return event->type == EVENT_EXEC && encode_mapped_is_readable(event, RECORD_KEY_EXE);
}

static inline bool encode_mapped_has_parent_exe(const struct event *event)
{
	return event_is_exec(event) && event->exec.parent_has_exe &&
	       encode_mapped_is_readable(event, RECORD_KEY_PARENT_EXE);
}

static inline bool encode_mapped_has_args(const struct event *event)
{
	return event_is_exec(event) && !event->exec.args_hidden &&
	       encode_mapped_is_readable(event, RECORD_KEY_ARGS);
}

static inline void encode_mapped_number(struct json_writer *json, struct text key, uint64_t number)
{
	json_writer_key(json, key);
	json_writer_number(json, number);
}

/* Appends a number as a string. */
static inline void encode_mapped_id(struct json_writer *json, struct text key, uint64_t number)
{
	json_writer_key(json, key);
	json_writer_number_string(json, number);
}

static inline void encode_mapped_time(struct json_writer *json, struct text key, uint64_t wall_ns)
{
	json_writer_key(json, key);
	json_writer_time(json, wall_ns);
}

/* Appends a string that has no character to escape. */
static inline void encode_mapped_ascii(struct json_writer *json, struct text key, struct text value)
{
	json_writer_key(json, key);
	json_writer_ascii(json, value);
}

static inline void encode_mapped_text(struct json_writer *json, struct text key, struct text value)
{
	json_writer_key(json, key);
	json_writer_text(json, value);
}

/* Appends the id of a user or a group as a string, and its name, unless that is empty. */
static inline void encode_mapped_account(struct json_writer *json, struct text key, uint32_t id,
					 struct text name)
{
	encode_mapped_id(json, key, id);
	if (name.length)
		encode_mapped_text(json, JSON_WRITER_KEY("name"), name);
}

/* Takes the next tag from *tags, in the form of tags_strings(). Returns false at the end. */
static inline bool encode_mapped_next_tag(struct text *tags, struct text *key, struct text *value)
{
	return text_next_string(tags, key) && text_next_string(tags, value);
}

/* Returns the name of the process: of an exec the name of the file that runs, else comm. Returns
 * false where it could not be read. */
bool encode_mapped_name(const struct event *event, struct text *name);

/* Returns the name of the parent: of the file that it runs if that is known, else its comm. Returns
 * false where neither could be read. */
bool encode_mapped_parent_name(const struct event *event, struct text *name);

/* Append the arguments: as a list of strings, and as one string with a space between each two. */
void encode_mapped_args(struct json_writer *json, struct text key, const struct event *event);
void encode_mapped_command_line(struct json_writer *json, struct text key,
				const struct event *event);

/* Appends the fields without a place in `format` under their native names, and as "raw" the exact
 * bytes of the strings that are not UTF-8. */
void encode_mapped_unmapped(struct json_writer *json, const struct event *event,
			    enum field_format format);

/* Appends the event in words, as one string. */
void encode_mapped_message(struct json_writer *json, struct text key, const struct event *event);

#endif
