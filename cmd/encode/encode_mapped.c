// SPDX-License-Identifier: BSD-2-Clause
#include "encode/encode_mapped.h"

#include "encode/encode_native.h"
#include "util/clock.h"
#include "util/error_name.h"
#include "util/signal_name.h"

#include <string.h>
#include <sys/wait.h>

bool encode_mapped_name(const struct event *event, struct text *name)
{
	if (event->type == EVENT_EXEC) {
		*name = text_base_name(event->exec.paths[EVENT_PATH_EXE]);
		return encode_mapped_has_exe(event);
	}
	*name = event->process.comm;
	return encode_mapped_is_readable(event, RECORD_KEY_COMM);
}

struct json_writer encode_mapped_args(struct json_writer line, struct text key,
				      const struct event *event)
{
	struct text rest = event->exec.args, value;

	json_writer_key(&line, key);
	json_writer_open(&line, '[');
	while (text_next_string(&rest, &value)) {
		json_writer_item(&line);
		json_writer_text(&line, value);
	}
	json_writer_close(&line, ']');
	return line;
}

struct json_writer encode_mapped_command_line(struct json_writer line, struct text key,
					      const struct event *event)
{
	struct text rest = event->exec.args, value;

	json_writer_key(&line, key);
	json_writer_text_begin(&line);
	while (text_next_string(&rest, &value)) {
		json_writer_text_part(&line, value);
		if (rest.length)
			json_writer_append(&line, " ", 1);
	}
	json_writer_text_end(&line);
	return line;
}

/* The key without the quotes and the colon of json_writer_key(). */
static struct text bare_name(struct text key)
{
	return (struct text){ key.bytes + 1, key.length - sizeof("\"\":") + 1 };
}

/* "KEY=BASE64", or "KEY.WHICH=BASE64" of one of several. */
static void raw_entry(struct json_writer *line, struct text key, struct text which,
		      struct text value)
{
	struct text name = bare_name(key);
	char *to;

	json_writer_item(line);
	json_writer_append(line, "\"", 1);
	json_writer_append(line, name.bytes, name.length);
	if (which.length) {
		json_writer_append(line, ".", 1);
		json_writer_text_part(line, which);
	}
	json_writer_append(line, "=", 1);
	if (json_writer_extend(line, TEXT_BASE64_LENGTH(value.length), &to))
		text_to_base64(value, to);
	json_writer_append(line, "\"", 1);
	line->separate = true;
}

static void raw_entries(struct json_writer *line, const struct field *field,
			const struct event *event)
{
	char room[FIELD_ROOM_BYTES], digits[TEXT_DECIMAL_BYTES];
	struct text value, which = { "", 0 };
	struct field_cursor cursor = {};

	for (size_t index = 0; field_next(field, event, &cursor, room, &value); index++) {
		if (field->form == FIELD_JSON_MAP) {
			which = value;
			field_next(field, event, &cursor, room, &value);
		}
		if (field->form == FIELD_JSON_LIST)
			which = (struct text){ digits, text_to_decimal(index, digits) };
		if (!text_is_utf8(value))
			raw_entry(line, field->key, which, value);
	}
}

/*
 * A list, where the native format has an object: who indexes a document by its keys, as
 * Elasticsearch does, would get a field for each index of each argument that someone made
 * ill-formed, and then refuse it for having too many.
 */
static void write_raw(struct json_writer *line, const struct event *event)
{
	json_writer_key(line, JSON_WRITER_KEY("raw"));
	json_writer_open(line, '[');
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (field_table[i].form >= FIELD_JSON_STRING &&
		    field_table[i].events & EVENT_BIT(event->type))
			raw_entries(line, &field_table[i], event);
	json_writer_close(line, ']');
}

static inline struct json_writer rest_of(struct json_writer line, const struct event *event,
					 enum field_format format)
{
#pragma GCC unroll 128
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (field_table[i].unmapped & format && field_table[i].events & EVENT_BIT(event->type))
			encode_native_field(&line, &field_table[i], event);
	if (line.ill_formed)
		write_raw(&line, event);
	return line;
}

/* One loop for each format, so that in both the fields are known when exectap is compiled. */
JSON_WRITER_FLATTEN struct json_writer
encode_mapped_rest(struct json_writer line, const struct event *event, enum field_format format)
{
	return format == FIELD_ECS ? rest_of(line, event, FIELD_ECS)
				   : rest_of(line, event, FIELD_OCSF);
}

static void append_part(struct json_writer *line, const char *string)
{
	json_writer_append(line, string, strlen(string));
}

static void append_number(struct json_writer *line, uint64_t number)
{
	char digits[TEXT_DECIMAL_BYTES];

	json_writer_append(line, digits, text_to_decimal(number, digits));
}

/* "?" where it could not be read */
static void append_text(struct json_writer *line, const struct event *event, enum record_key key,
			struct text value)
{
	json_writer_text_part(
		line, encode_mapped_is_readable(event, key) ? value : (struct text){ "?", 1 });
}

static void append_call(struct json_writer *line, const struct event *event)
{
	char room[ERROR_NAME_BYTES];

	append_text(line, event, RECORD_KEY_COMM, event->process.comm);
	append_part(line, event->type == EVENT_EXEC ? " executed " : " failed to execute ");
	append_text(line, event, RECORD_KEY_FILENAME, event->exec.filename);
	if (event->type == EVENT_EXEC)
		return;
	append_part(line, ": ");
	append_part(line, error_name(event->exec.error, room));
}

static void append_exit(struct json_writer *line, const struct event *event)
{
	int status = (int)event->exit.status;
	char room[SIGNAL_NAME_BYTES];

	append_text(line, event, RECORD_KEY_COMM, event->process.comm);
	if (WTERMSIG(status)) {
		append_part(line, " was ended by ");
		append_part(line, signal_name(WTERMSIG(status), room));
	} else {
		append_part(line, " exited with ");
		append_number(line, (uint64_t)WEXITSTATUS(status));
	}
}

static void append_lost(struct json_writer *line, const struct event_lost *lost)
{
	append_number(line, lost->count);
	append_part(line, lost->count == 1 ? " event lost: " : " events lost: ");
	append_part(line, lost->reason);
}

struct json_writer encode_mapped_message(struct json_writer line, struct text key,
					 const struct event *event)
{
	json_writer_key(&line, key);
	json_writer_text_begin(&line);
	if (event_is_exec(event))
		append_call(&line, event);
	else if (event->type == EVENT_EXIT)
		append_exit(&line, event);
	else if (event->type == EVENT_LOST)
		append_lost(&line, &event->lost);
	else
		append_part(&line, event->type == EVENT_START	? "exectap began to watch"
				   : event->type == EVENT_STATS ? "exectap is watching"
								: "exectap stopped watching");
	json_writer_text_end(&line);
	return line;
}
