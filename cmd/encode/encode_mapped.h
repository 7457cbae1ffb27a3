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

/* Reports whether the event is about a process that runs a program at the time of its line. */
static inline bool encode_mapped_runs(const struct event *event)
{
	return event->source == EVENT_EXEC || event->source == EVENT_PROCESS;
}

static inline bool encode_mapped_has_exe(const struct event *event)
{
	return event_has_program(event) && event->exec.has_exe && FIELD_IS_WRITTEN(event, exe) &&
	       encode_mapped_is_readable(event, RECORD_KEY_EXE);
}

static inline bool encode_mapped_has_parent_exe(const struct event *event)
{
	return event_is_process(event) && event->context->parent_has_exe &&
	       FIELD_IS_WRITTEN(event, parent_exe) &&
	       encode_mapped_is_readable(event, RECORD_KEY_PARENT_EXE);
}

static inline bool encode_mapped_has_args(const struct event *event)
{
	return event_is_process(event) && !event->exec.args_hidden &&
	       encode_mapped_is_readable(event, RECORD_KEY_ARGS);
}

static inline bool encode_mapped_has_parent_args(const struct event *event)
{
	return event->context->parent_has_args && !event->exec.parent_args_hidden &&
	       (FIELD_IS_WRITTEN(event, parent_args) ||
		FIELD_IS_WRITTEN(event, parent_command_line)) &&
	       encode_mapped_is_readable(event, RECORD_KEY_PARENT_ARGS);
}

static inline bool encode_mapped_has_cwd(const struct event *event)
{
	return (event_is_exec(event) || encode_mapped_runs(event)) &&
	       FIELD_IS_WRITTEN(event, cwd) && encode_mapped_is_readable(event, RECORD_KEY_CWD);
}

static inline bool encode_mapped_has_comm(const struct event *event)
{
	return FIELD_IS_WRITTEN(event, comm) && encode_mapped_is_readable(event, RECORD_KEY_COMM);
}

/* Appends a member for the field of that name, a token, where the line has it. */
#define ENCODE_MAPPED_TEXT(json, key, event, name, value)                                          \
	do {                                                                                       \
		if ((value).length && FIELD_IS_WRITTEN(event, name))                               \
			encode_mapped_text(json, JSON_WRITER_KEY(key), value);                     \
	} while (0)

/* Ends an object that was begun with the writer as it is in `before`: without members, the object
 * is removed. */
static inline void encode_mapped_object_end(struct json_writer *json,
					    const struct json_writer *before)
{
	if (json->needs_comma)
		json_writer_object_end(json);
	else
		*json = *before;
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

/* Appends a time that is formatted. */
static inline void encode_mapped_time_text(struct json_writer *json, struct text key,
					   const char time[CLOCK_RFC3339_BYTES])
{
	json_writer_key(json, key);
	json_writer_ascii(json, (struct text){ time, CLOCK_RFC3339_LENGTH });
}

/* Appends the pid of the process. */
static inline void encode_mapped_pid(struct json_writer *json, struct text key,
				     const struct event *event)
{
	json_writer_key(json, key);
	json_writer_literal(json, event->process.pid);
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

/* A user or a group. */
struct encode_mapped_account {
	bool has_id;
	uint32_t id;
	struct text name; /* empty: none */
};

/* Appends the id as a string, and the name. */
static inline void encode_mapped_account_members(struct json_writer *json, struct text key,
						 const struct encode_mapped_account *account)
{
	if (account->has_id)
		encode_mapped_id(json, key, account->id);
	if (account->name.length)
		encode_mapped_text(json, JSON_WRITER_KEY("name"), account->name);
}

/* Returns what the line has of a user or a group: tokens of the fields of id and name. */
#define ENCODE_MAPPED_ACCOUNT(event, id_field, name_field)                                         \
	((struct encode_mapped_account){                                                           \
		FIELD_IS_WRITTEN(event, id_field), (event)->process.task.id_field,                 \
		FIELD_IS_WRITTEN(event, name_field) ? (event)->context->name_field                 \
						    : (struct text){ "", 0 } })

/* Takes the next tag from *tags, in the form of tags_strings(). Returns false at the end. */
static inline bool encode_mapped_next_tag(struct text *tags, struct text *key, struct text *value)
{
	return text_next_string(tags, key) && text_next_string(tags, value);
}

/* Returns the name of the process: of an exec the name of the file that runs, of an exit that of
 * the file that ran if it is known, else comm. Returns false where it could not be read. */
bool encode_mapped_name(const struct event *event, struct text *name);

/* Returns the name of the parent: of the file that it runs if that is known, else its comm. Returns
 * false where neither could be read. */
bool encode_mapped_parent_name(const struct event *event, struct text *name);

/* Append arguments: as a list of strings, and as one string with a space between each two. */
void encode_mapped_args(struct json_writer *json, struct text key, struct text args);
void encode_mapped_command_line(struct json_writer *json, struct text key, struct text args);

/* Appends the event in words, as one string. */
void encode_mapped_message(struct json_writer *json, struct text key, const struct event *event);

#endif
