/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the formats that map events to another schema have in common. Each function appends to an
 * object or a list that is open.
 */
#ifndef EXECTAP_ENCODE_MAPPED_H
#define EXECTAP_ENCODE_MAPPED_H

#include "encode/json_writer.h"
#include "event/event.h"
#include "event/field.h"

/* Any JSON as it stands; as json_writer_key() takes it where it ends with a key. */
#define ENCODE_MAPPED_JSON(json) ((struct text){ json, sizeof(json) - 1 })

/* Of struct encode_format: the arguments are a list and a string, and if need be in raw. */
#define ENCODE_MAPPED_ARGUMENT_TIMES 2
#define ENCODE_MAPPED_ARGUMENT_AROUND_BYTES (sizeof("\"\", ") - 1)
#define ENCODE_MAPPED_ARGUMENT_RAW_BYTES (sizeof("\"args.=\",") - 1)

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

static inline void encode_mapped_number(struct json_writer *line, struct text key, uint64_t number)
{
	json_writer_key(line, key);
	json_writer_number(line, number);
}

/* A number as a string. */
static inline void encode_mapped_id(struct json_writer *line, struct text key, uint64_t number)
{
	json_writer_key(line, key);
	json_writer_number_string(line, number);
}

static inline void encode_mapped_time(struct json_writer *line, struct text key, uint64_t wall_ns)
{
	json_writer_key(line, key);
	json_writer_time(line, wall_ns);
}

/* A string of ours, with nothing to escape. */
static inline void encode_mapped_plain(struct json_writer *line, struct text key, struct text value)
{
	json_writer_key(line, key);
	json_writer_ascii(line, value);
}

static inline void encode_mapped_text(struct json_writer *line, struct text key, struct text value)
{
	json_writer_key(line, key);
	json_writer_text(line, value);
}

/*
 * The name of the process: of an exec that of the file that runs, else comm. False where it could
 * not be read.
 */
bool encode_mapped_name(const struct event *event, struct text *name);

/* The arguments: as a list of strings, and as one string with a space between each two. */
struct json_writer encode_mapped_args(struct json_writer line, struct text key,
				      const struct event *event);
struct json_writer encode_mapped_command_line(struct json_writer line, struct text key,
					      const struct event *event);

/*
 * Under their native names, the fields that `format` (bits of enum field_format) has no other place
 * for, and as "raw" the exact bytes of those strings that are no UTF-8.
 */
struct json_writer encode_mapped_rest(struct json_writer line, const struct event *event,
				      enum field_format format);

/* The event in words, as one string. */
struct json_writer encode_mapped_message(struct json_writer line, struct text key,
					 const struct event *event);

#endif
