/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the formats that map events to another schema have in common. Each function appends to an object or a list
 * that is open.
 */
#ifndef EXECTAP_ENCODE_MAPPED_H
#define EXECTAP_ENCODE_MAPPED_H

#include "event.h"
#include "field.h"
#include "line.h"

/* Any JSON as it stands; as line_key() takes it where it ends with a key. */
#define MAPPED_JSON(json) ((struct text){ json, sizeof(json) - 1 })

/* Of struct encode_format: the arguments are a list and a string, and if need be in raw. */
#define MAPPED_ARGUMENT_TIMES 2
#define MAPPED_ARGUMENT_AROUND_BYTES (sizeof("\"\", ") - 1)
#define MAPPED_ARGUMENT_RAW_BYTES (sizeof("\"args.=\",") - 1)

static inline bool mapped_is_call(const struct event *event)
{
	return event->type == EVENT_EXEC || event->type == EVENT_EXEC_FAILED;
}

static inline bool mapped_is_readable(const struct event *event, enum record_key key)
{
	return !(event->process.unreadable & key);
}

static inline bool mapped_has_exe(const struct event *event)
{
	return event->type == EVENT_EXEC && mapped_is_readable(event, RECORD_KEY_EXE);
}

static inline bool mapped_has_parent_exe(const struct event *event)
{
	return mapped_is_call(event) && event->exec.parent_has_exe && mapped_is_readable(event, RECORD_KEY_PARENT_EXE);
}

static inline bool mapped_has_args(const struct event *event)
{
	return mapped_is_call(event) && !event->exec.args_hidden && mapped_is_readable(event, RECORD_KEY_ARGS);
}

static inline void mapped_number(struct line *line, struct text key, uint64_t number)
{
	line_key(line, key);
	line_number(line, number);
}

/* A number as a string. */
static inline void mapped_id(struct line *line, struct text key, uint64_t number)
{
	line_key(line, key);
	line_number_string(line, number);
}

static inline void mapped_time(struct line *line, struct text key, uint64_t wall_ns)
{
	line_key(line, key);
	line_time(line, wall_ns);
}

/* A string of ours, with nothing to escape. */
static inline void mapped_plain(struct line *line, struct text key, struct text value)
{
	line_key(line, key);
	line_plain(line, value);
}

static inline void mapped_text(struct line *line, struct text key, struct text value)
{
	line_key(line, key);
	line_text(line, value);
}

/*
 * The name of the process: of an exec that of the file that runs, else comm. False where it could not be read.
 */
bool mapped_name(const struct event *event, struct text *name);

/* The arguments: as a list of strings, and as one string with a space between each two. */
struct line mapped_args(struct line line, struct text key, const struct event *event);
struct line mapped_command_line(struct line line, struct text key, const struct event *event);

/*
 * Under their native names, the fields that `format` (bits of enum field_format) has no other place for, and as "raw"
 * the exact bytes of those strings that are no UTF-8.
 */
struct line mapped_rest(struct line line, const struct event *event, enum field_format format);

/* The event in words, as one string. */
struct line mapped_message(struct line line, struct text key, const struct event *event);

#endif
