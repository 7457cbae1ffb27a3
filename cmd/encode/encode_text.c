// SPDX-License-Identifier: BSD-2-Clause
/* Lines for people: time, user, caller and command line, notes, working directory, terminal. Each
 * part has a space before it, and is left out with the keys that it shows. */
#include "encode/encode.h"

#include "encode/strip.h"
#include "event/field.h"
#include "util/error_name.h"
#include "util/signal_name.h"

#include <inttypes.h>
#include <sys/wait.h>
#include <time.h>

/* Columns and bytes that notes, working directory and terminal get: half of those of the line, or
 * these. */
#define TAIL_COLUMNS_MAX 512
#define TAIL_BYTES_MAX 4096

#define DIM "2"
#define BOLD "1"
#define RED "31"
#define CYAN "36"
#define END ""

/* A line in the making. */
struct text_line {
	struct strip strip;
	bool colors;
};

static void color(struct text_line *line, const char *parameters)
{
	if (line->colors)
		strip_color(&line->strip, parameters);
}

/* Appends the local time, to the millisecond. */
static void append_time(struct text_line *line, const struct event *event)
{
	time_t seconds = (time_t)(event->wall_ns / 1000000000);
	char digits[sizeof("12:34:56")];
	struct tm local;

	localtime_r(&seconds, &local);
	strftime(digits, sizeof(digits), "%T", &local);
	color(line, DIM);
	strip_format(&line->strip, "%s.%03u", digits,
		     (unsigned int)(event->wall_ns / 1000000 % 1000));
	color(line, END);
}

static void append_user(struct text_line *line, const struct event *event)
{
	struct text user = event->context->user;

	color(line, CYAN);
	if (user.length && FIELD_IS_WRITTEN(event, user)) {
		strip_append(&line->strip, " ");
		strip_append_text(&line->strip, user);
	} else if (FIELD_IS_WRITTEN(event, uid)) {
		strip_format(&line->strip, " %" PRIu32, event->process.task.uid);
	}
	color(line, END);
}

static void append_comm(struct text_line *line, const struct event *event)
{
	if (!FIELD_IS_WRITTEN(event, comm))
		return;
	strip_append(&line->strip, " ");
	strip_append_text(&line->strip, event->process.comm);
}

static bool has_args(const struct event *event)
{
	return event->exec.args.length && !event->exec.args_hidden &&
	       (FIELD_IS_WRITTEN(event, args) || FIELD_IS_WRITTEN(event, command_line));
}

/* Appends the arguments, or the file's name. */
static void append_command(struct text_line *line, const struct event *event)
{
	struct text args = event->exec.args, string;
	const char *space = "";

	if (!has_args(event) && !FIELD_IS_WRITTEN(event, filename))
		return;
	strip_append(&line->strip, " ");
	color(line, BOLD);
	if (!has_args(event))
		strip_append_word(&line->strip, event->exec.filename);
	while (has_args(event) && !line->strip.is_cut && text_next_string(&args, &string)) {
		strip_append(&line->strip, space);
		strip_append_word(&line->strip, string);
		space = " ";
	}
	color(line, END);
}

/* Appends the program if the first argument has another name. */
static void append_program(struct text_line *line, const struct event *event)
{
	struct text args = event->exec.args, name = {}, exe = event->exec.paths[EVENT_PATH_EXE];
	struct text program = text_base_name(exe);

	if (!program.length || !has_args(event) || !text_next_string(&args, &name))
		return;
	name = text_base_name(name);
	if (name.length == program.length && !memcmp(name.bytes, program.bytes, name.length))
		return;
	strip_append(&line->strip, " exe=");
	strip_append_word(&line->strip, exe);
}

/* Returns the keys that a line of text shows: of others it does not say that they are cut or
 * unknown. */
static uint32_t shown_keys(const struct event *event)
{
	uint32_t keys = RECORD_KEY_COMM | RECORD_KEY_EXE | RECORD_KEY_CWD;

	return event_is_exec(event) ? keys | RECORD_KEY_FILENAME | RECORD_KEY_ARGS : keys;
}

static void append_notes(struct text_line *line, const struct event *event)
{
	const struct event_exec *exec = &event->exec;
	const struct event_process *process = &event->process;
	const uint32_t shown = shown_keys(event);
	const struct {
		bool is_set;
		enum field_id id;
		const char *name;
	} notes[] = {
		{ exec->memfd, FIELD_ID_memfd, " memfd" },
		{ exec->deleted, FIELD_ID_deleted, " deleted" },
		{ exec->exe_detached, FIELD_ID_exe_detached, " detached" },
		{ exec->cwd_detached, FIELD_ID_cwd_detached, " cwd-detached" },
		{ exec->cwd_deleted, FIELD_ID_cwd_deleted, " cwd-deleted" },
		{ process->truncated & shown, FIELD_ID_truncated, " truncated" },
		{ process->unreadable & shown, FIELD_ID_unreadable, " unreadable" },
		{ process->redacted & shown, FIELD_ID_redacted, " redacted" },
	};
	char name[ERROR_NAME_BYTES];

	color(line, RED);
	if (event->type == EVENT_EXEC_FAILED && FIELD_IS_WRITTEN(event, error))
		strip_format(&line->strip, " %s", error_name(exec->error, name));
	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
		if (notes[i].is_set && !field_set_has(&event->omitted, notes[i].id))
			strip_append(&line->strip, notes[i].name);
	append_program(line, event);
	color(line, END);
}

static void append_place(struct text_line *line, const struct event *event)
{
	struct text cwd = event->exec.paths[EVENT_PATH_CWD];

	color(line, DIM);
	if (cwd.length && !(event->process.unreadable & RECORD_KEY_CWD)) {
		strip_append(&line->strip, " in ");
		strip_append_word(&line->strip, cwd);
	}
	if (event->context->tty.length && FIELD_IS_WRITTEN(event, tty)) {
		strip_append(&line->strip, " on ");
		strip_append_text(&line->strip, event->context->tty);
	}
	color(line, END);
}

static size_t lesser(size_t one, size_t other)
{
	return one < other ? one : other;
}

static void append_caller_and_command(struct text_line *line, const struct event *event)
{
	append_user(line, event);
	append_comm(line, event);
	strip_append_text(&line->strip, text_from_string(" \xe2\x86\x92"));
	append_command(line, event);
}

/* The command line gets what the end of the line does not need. */
static void append_exec(struct text_line *line, const struct event *event)
{
	struct strip *strip = &line->strip;
	char bytes[TAIL_BYTES_MAX];
	struct text_line tail = {
		.strip = strip_new(bytes, lesser(sizeof(bytes), strip->capacity / 2),
				   lesser(TAIL_COLUMNS_MAX, strip->columns_max / 2)),
		.colors = line->colors,
	};

	append_notes(&tail, event);
	append_place(&tail, event);
	strip->columns_max -= tail.strip.columns;
	strip->capacity -= tail.strip.length;
	append_caller_and_command(line, event);
	memcpy(strip->bytes + strip->length, bytes, tail.strip.length);
	strip->length += tail.strip.length;
}

static void append_status(struct text_line *line, const struct event *event)
{
	int status = (int)event->exit.status;
	char name[SIGNAL_NAME_BYTES];

	color(line, status ? RED : DIM);
	if (!WIFSIGNALED(status) && FIELD_IS_WRITTEN(event, exit_code))
		strip_format(&line->strip, " exit %d", WEXITSTATUS(status));
	if (WIFSIGNALED(status) && FIELD_IS_WRITTEN(event, signal))
		strip_format(&line->strip, " killed by %s", signal_name(WTERMSIG(status), name));
	if (WIFSIGNALED(status) && WCOREDUMP(status) && FIELD_IS_WRITTEN(event, core_dumped))
		strip_append(&line->strip, ", core dumped");
	color(line, END);
}

static void append_exit(struct text_line *line, const struct event *event)
{
	append_user(line, event);
	append_comm(line, event);
	append_status(line, event);
	if (!FIELD_IS_WRITTEN(event, duration))
		return;
	color(line, DIM);
	strip_format(&line->strip, " after %" PRIu64 ".%03u s",
		     event->exit.duration_ns / 1000000000,
		     (unsigned int)(event->exit.duration_ns / 1000000 % 1000));
	color(line, END);
}

static void append_begun(struct text_line *line, const struct event *event)
{
	append_user(line, event);
	append_comm(line, event);
	color(line, DIM);
	strip_append(&line->strip, event->type == EVENT_FORK ? " forked" : " running");
	if (FIELD_IS_WRITTEN(event, ppid))
		strip_format(&line->strip,
			     event->type == EVENT_FORK ? " by %" PRIu32 : ", child of %" PRIu32,
			     event->process.task.ppid);
	color(line, END);
	if (event->type == EVENT_FORK)
		return;
	append_notes(line, event);
	append_place(line, event);
}

static void append_lost(struct text_line *line, const struct event_lost *lost)
{
	color(line, RED);
	if (lost->count)
		strip_format(&line->strip, " lost %" PRIu64 " %s: %s", lost->count,
			     lost->event_type ? lost->event_type : "events", lost->reason);
	else
		strip_format(&line->strip, " lost events: %s", lost->reason);
	color(line, END);
}

static void append_heartbeat(struct text_line *line, const struct event *event)
{
	const struct event_heartbeat *heartbeat = &event->heartbeat;

	color(line, DIM);
	strip_format(&line->strip,
		     " %s: %" PRIu64 " seen, %" PRIu64 " written, %" PRIu64 " filtered, %" PRIu64
		     " suppressed, %" PRIu64 " lost",
		     event_type_name(event->type), heartbeat->seen, heartbeat->written,
		     heartbeat->filtered, heartbeat->suppressed, heartbeat->lost);
	color(line, END);
}

/* Appends the number of events, and their command if that is a key of the limit. */
static void append_suppressed(struct text_line *line, const struct event *event)
{
	color(line, RED);
	strip_format(&line->strip, " suppressed %" PRIu64 " %s", event->lost.count,
		     event->lost.event_type);
	color(line, END);
	if (!event_is_exec(event) || (!has_args(event) && !event->exec.filename.length))
		return;
	strip_append(&line->strip, ":");
	append_command(line, event);
}

static void append_event(struct text_line *line, const struct event *event)
{
	if (event->type == EVENT_SUPPRESSED)
		append_suppressed(line, event);
	else if (event_is_exec(event))
		append_exec(line, event);
	else if (event->type == EVENT_EXIT)
		append_exit(line, event);
	else if (event_is_process(event))
		append_begun(line, event);
	else if (event->type == EVENT_LOST)
		append_lost(line, &event->lost);
	else
		append_heartbeat(line, event);
}

/* The line is never longer than the capacity: what does not fit is an ellipsis. One byte is left
 * for the newline. */
static void write_text(struct json_writer *json, const struct event *event,
		       const struct encode_format *format)
{
	size_t columns = format->terminal.columns;
	struct text_line line = { .strip = strip_new(json->bytes, json->capacity - 1,
						     columns ? columns : STRIP_NO_LIMIT),
				  .colors = format->terminal.colors };

	append_time(&line, event);
	append_event(&line, event);
	json->length += line.strip.length;
}

const struct encode_format encode_text = {
	.name = "text",
	.write = write_text,
	.argument_times = 1,
	.filename_times = 1,
	.exe_times = 1,
	.image_times = 1,
	.line_min_bytes = ENCODE_LINE_MIN_BYTES,
};
