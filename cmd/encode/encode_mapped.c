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
	if (event->source == EVENT_EXEC || encode_mapped_has_exe(event)) {
		*name = text_base_name(event->exec.paths[EVENT_PATH_EXE]);
		return encode_mapped_has_exe(event);
	}
	*name = event->process.comm;
	return encode_mapped_has_comm(event);
}

bool encode_mapped_parent_name(const struct event *event, struct text *name)
{
	if (encode_mapped_has_parent_exe(event)) {
		*name = text_base_name(event->context->parent_exe);
		return true;
	}
	*name = event->context->parent_comm;
	return FIELD_IS_WRITTEN(event, parent_comm) &&
	       encode_mapped_is_readable(event, RECORD_KEY_PARENT_COMM);
}

void encode_mapped_args(struct json_writer *json, struct text key, struct text args)
{
	json_writer_key(json, key);
	encode_native_args(json, args);
}

void encode_mapped_command_line(struct json_writer *json, struct text key, struct text args)
{
	json_writer_key(json, key);
	encode_native_command_line(json, args);
}

static void append_part(struct json_writer *json, const char *string)
{
	json_writer_append(json, string, strlen(string));
}

static void append_number(struct json_writer *json, uint64_t number)
{
	char digits[TEXT_DECIMAL_BYTES];

	json_writer_append(json, digits, text_to_decimal(number, digits));
}

/* Appends a text, or "?" where the event has none. */
static void append_text(struct json_writer *json, bool has_text, struct text value)
{
	json_writer_text_part(json, has_text ? value : (struct text){ "?", 1 });
}

static void append_call(struct json_writer *json, const struct event *event)
{
	bool has_filename = FIELD_IS_WRITTEN(event, filename) &&
			    encode_mapped_is_readable(event, RECORD_KEY_FILENAME);
	char buf[ERROR_NAME_BYTES];

	append_text(json, encode_mapped_has_comm(event), event->process.comm);
	append_part(json, event->type == EVENT_EXEC ? " executed " : " failed to execute ");
	append_text(json, has_filename, event->exec.filename);
	if (event->type == EVENT_EXEC || !FIELD_IS_WRITTEN(event, error))
		return;
	append_part(json, ": ");
	append_part(json, error_name(event->exec.error, buf));
}

static void append_exit(struct json_writer *json, const struct event *event)
{
	int status = (int)event->exit.status;
	char buf[SIGNAL_NAME_BYTES];

	append_text(json, encode_mapped_has_comm(event), event->process.comm);
	if (WTERMSIG(status) && FIELD_IS_WRITTEN(event, signal)) {
		append_part(json, " was ended by ");
		append_part(json, signal_name(WTERMSIG(status), buf));
	} else if (!WTERMSIG(status) && FIELD_IS_WRITTEN(event, exit_code)) {
		append_part(json, " exited with ");
		append_number(json, (uint64_t)WEXITSTATUS(status));
	} else {
		append_part(json, " ended");
	}
}

static void append_begun(struct json_writer *json, const struct event *event)
{
	append_text(json, encode_mapped_has_comm(event), event->process.comm);
	append_part(json, event->type == EVENT_FORK ? " was forked" : " is running");
}

static void append_suppressed(struct json_writer *json, const struct event_lost *lost)
{
	append_number(json, lost->count);
	append_part(json, lost->count == 1 ? " event suppressed" : " events suppressed");
}

static void append_lost(struct json_writer *json, const struct event_lost *lost)
{
	if (lost->count)
		append_number(json, lost->count);
	append_part(json, lost->count == 1 ? " event lost: "
			  : lost->count	   ? " events lost: "
					   : "events lost: ");
	append_part(json, lost->reason);
}

void encode_mapped_message(struct json_writer *json, struct text key, const struct event *event)
{
	json_writer_key(json, key);
	json_writer_text_begin(json);
	if (event->type == EVENT_SUPPRESSED)
		append_suppressed(json, &event->lost);
	else if (event_is_exec(event))
		append_call(json, event);
	else if (event->type == EVENT_EXIT)
		append_exit(json, event);
	else if (event_is_process(event))
		append_begun(json, event);
	else if (event->type == EVENT_LOST)
		append_lost(json, &event->lost);
	else
		append_part(json, event->type == EVENT_START   ? "exectap began to watch"
				  : event->type == EVENT_STATS ? "exectap is watching"
							       : "exectap stopped watching");
	json_writer_text_end(json);
}
