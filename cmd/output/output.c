// SPDX-License-Identifier: BSD-2-Clause
#include "output/output.h"

#include "output/backlog.h"
#include "output/output_ops.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Maximum bytes that are gathered before they are written: the capacity of a pipe (pipe(7)). */
#define GATHER_BYTES (64 * 1024)
/* Maximum bytes that are retained after a stream socket took them: OUTPUT_STREAM_BUFFER_BYTES and a
 * piece of half the size (net/unix/af_unix.c, unix_stream_sendmsg()). */
#define UNACKED_BYTES (OUTPUT_STREAM_BUFFER_BYTES * 3 / 2)

#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 5000
/* After an error that no connection attempt can end: a full disk. */
#define RETRY_SPACE_MS 1000
/* A connection that breaks sooner belongs to the same outage. */
#define OUTAGE_OVER_NS 1000000000ull

enum outage {
	OUTAGE_NONE,
	OUTAGE_LOGGED,
	OUTAGE_RECONNECTED, /* and that has been logged; nothing has been read yet */
};

struct output {
	struct output_target target;
	const struct output_ops *ops; /* a copy of target.ops */
	struct output_device *device;
	bool open;
	unsigned int opens; /* output_opens() */
	bool polled; /* output_flush() waits for the descriptor alone */
	enum outage outage;
	int outage_error; /* errno; 0: none */
	int retry_ms; /* between two attempts to connect */
	uint64_t opened_ns;
	uint64_t retry_ns; /* no attempt before this time */
	struct output_batch batch; /* of the lines in `lines` */
	/* ends of the lines that were written and may be unread, of what is written, and of what is
	 * committed */
	size_t retained_bytes;
	size_t done_bytes;
	size_t used_bytes;
	struct backlog *backlog; /* lines behind the committed ones; NULL: none */
	bool uses_backlog; /* output_use_backlog() */
	char *lines; /* UNACKED_BYTES, GATHER_BYTES, and a line more for each */
};

static const struct output_ops *const kinds[] = {
	&output_file_ops,
	&output_unix_stream_ops,
	&output_unix_datagram_ops,
	&output_listener_ops,
};

/* Returns 0, or -EINVAL for an unknown destination. */
static int parse_destination(const char *destination, struct output_target *target)
{
	if (!strcmp(destination, "-")) {
		*target = (struct output_target){ .ops = &output_stdout_ops,
						  .name = "standard output",
						  .path = "" };
		return 0;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i]->prefix);

		if (strncmp(destination, kinds[i]->prefix, length) || !destination[length])
			continue;
		*target = (struct output_target){ .ops = kinds[i],
						  .name = destination,
						  .path = destination + length };
		return 0;
	}
	return -EINVAL;
}

int output_check_destination(const char *destination)
{
	struct output_target target;

	if (!parse_destination(destination, &target))
		return target.ops->check ? target.ops->check(&target) : 0;
	if (strchr(destination, '/') && !strchr(destination, ':'))
		log_error("--output %s: unknown destination; for a file give file:%s", destination,
			  destination);
	else
		log_error("--output %s: unknown destination; give -, file:PATH, unix:PATH, "
			  "unixgram:PATH or unix-listen:PATH",
			  destination);
	return -EINVAL;
}

bool output_has_socket_file(const char *destination)
{
	struct output_target target;

	return !parse_destination(destination, &target) && target.ops->needs.accepts &&
	       target.path[0] != '@';
}

int output_find_needs(const char *destination, struct output_needs *needs)
{
	struct output_target target;
	int result = parse_destination(destination, &target);

	if (result)
		return result;
	*needs = target.ops->needs;
	if (needs->open_flags || (needs->accepts && target.path[0] != '@'))
		needs->path = target.path;
	return 0;
}

size_t output_line_max_bytes(const char *destination, size_t line_max_bytes)
{
	struct output_target target;

	if (parse_destination(destination, &target) || !target.ops->line_max_bytes)
		return line_max_bytes;
	return target.ops->line_max_bytes(line_max_bytes);
}

/* Logs an outage, once. */
static void log_outage_once(struct output *output, int error)
{
	output->outage_error = error;
	if (output->outage != OUTAGE_NONE)
		return;
	output->outage = OUTAGE_LOGGED;
	if (error == EACCES)
		log_error("%s: %s for user %u without capabilities (see --user): trying again "
			  "until it works",
			  output->target.name, strerror(error), (unsigned int)geteuid());
	else
		log_error("%s: %s: trying again until it works, nothing is dropped while the "
			  "buffer holds it",
			  output->target.name, strerror(error));
}

/* Ends an outage: the consumer has taken lines. */
static void end_outage(struct output *output)
{
	output->outage_error = 0;
	output->retry_ms = 0;
	if (output->outage == OUTAGE_LOGGED)
		log_info("%s: goes on", output->target.name);
	if (output->outage == OUTAGE_LOGGED || clock_boot_ns() - output->opened_ns > OUTAGE_OVER_NS)
		output->outage = OUTAGE_NONE;
}

/* Sets the time of the next attempt, later each time until end_outage(). */
static void back_off(struct output *output)
{
	output->retry_ms = output->retry_ms ? output->retry_ms * 2 : RETRY_FIRST_MS;
	if (output->retry_ms > RETRY_LAST_MS)
		output->retry_ms = RETRY_LAST_MS;
	output->retry_ns = clock_boot_ns() + (uint64_t)output->retry_ms * 1000000;
}

/* Connects again, unless the last attempt was a moment ago. Returns as output_flush() does. */
static int reconnect(struct output *output)
{
	int result;

	if (clock_boot_ns() < output->retry_ns)
		return -ENOTCONN;
	back_off(output);
	result = output->ops->open(output->device);
	if (result) {
		if (result == -ECANCELED)
			return result;
		log_outage_once(output, -result);
		return -ENOTCONN;
	}
	output->open = true;
	output->opens++;
	output->opened_ns = clock_boot_ns();
	if (output->outage == OUTAGE_LOGGED) {
		log_info("%s: connected", output->target.name);
		output->outage = OUTAGE_RECONNECTED;
	}
	return 0;
}

/* Drops all lines before the one that contains, or begins at, byte `bytes`. */
static void drop_before(struct output *output, size_t bytes)
{
	while (bytes && output->lines[bytes - 1] != '\n')
		bytes--;
	if (!bytes)
		return;
	memmove(output->lines, output->lines + bytes, output->used_bytes - bytes);
	output->used_bytes -= bytes;
	output->done_bytes -= bytes;
}

static bool was_left_unread(const struct output *output, int error)
{
	return output->ops->was_left_unread && output->ops->was_left_unread(output->device, error);
}

/* Closes the connection. The next one begins with the line that was interrupted or, with `unread`,
 * with the lines that were retained. */
static void disconnect(struct output *output, bool unread)
{
	output->ops->close(output->device);
	output->open = false;
	if (!unread)
		drop_before(output, output->done_bytes);
	output->retained_bytes = 0;
	output->done_bytes = 0;
}

static int open_output(struct output *output)
{
	int result;

	if (output->ops->opens_later)
		return 0;
	result = output->ops->open(output->device);
	output->open = !result;
	output->opens += !result;
	if (!result || result == -ECANCELED)
		return result;
	if (result == -EACCES)
		log_error("cannot open %s: %s; exectap runs as uid %u without capabilities, see "
			  "--user",
			  output->target.name, strerror(-result), (unsigned int)geteuid());
	else
		log_error("cannot open %s: %s%s", output->target.name, strerror(-result),
			  result == -EEXIST ? ", and is no socket; choose another path" : "");
	return -ECANCELED;
}

int output_new(struct output **output, const struct output_options *options)
{
	struct output *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	result = parse_destination(options->destination, &created->target);
	if (result) {
		free(created);
		return result;
	}
	created->target.options = *options;
	if (!options->max_clients)
		created->target.options.max_clients = OUTPUT_MAX_CLIENTS_DEFAULT;
	created->ops = created->target.ops;
	created->lines = malloc(UNACKED_BYTES + GATHER_BYTES + 2 * options->line_max_bytes);
	created->device = created->ops->new (&created->target);
	if (options->backlog_bytes)
		created->backlog = backlog_new(options->backlog_bytes, options->line_max_bytes);
	result = created->lines && created->device && (created->backlog || !options->backlog_bytes)
			 ? open_output(created)
			 : -ENOMEM;
	if (result) {
		output_free(created);
		return result;
	}
	*output = created;
	return 0;
}

void output_free(struct output *output)
{
	if (!output)
		return;
	if (output->device)
		output->ops->free(output->device);
	backlog_free(output->backlog);
	free(output->lines);
	free(output);
}

void output_set_drop_notice(struct output *output, drop_notice_fn encode, void *context)
{
	if (output->ops->set_drop_notice)
		output->ops->set_drop_notice(output->device, encode, context);
}

int output_fd(const struct output *output)
{
	return output->device->fd;
}

unsigned int output_opens(const struct output *output)
{
	return output->opens;
}

uint32_t output_events(const struct output *output, bool blocked)
{
	return output->ops->idle_events | (blocked ? (uint32_t)EPOLLOUT : 0);
}

int output_handle(struct output *output, uint32_t events)
{
	if (!output->ops->on_event)
		return 0;
	switch (output->ops->on_event(output->device, events)) {
	case OUTPUT_END:
		return -EPIPE;
	case OUTPUT_RECONNECT:
		log_outage_once(output, ECONNRESET);
		disconnect(output, was_left_unread(output, 0));
		return 0;
	default:
		return 0;
	}
}

bool output_may_lack_clients(const struct output *output)
{
	return output->ops->needs.accepts;
}

bool output_lacks_clients(const struct output *output)
{
	return output->ops->lacks_clients && output->ops->lacks_clients(output->device);
}

uint64_t output_count_client_lost(const struct output *output)
{
	return output->ops->count_client_lost ? output->ops->count_client_lost(output->device) : 0;
}

int output_reopen(struct output *output)
{
	int result = output->ops->reopen ? output->ops->reopen(output->device) : 0;

	if (result < 0)
		return result;
	/* an interrupted line is written whole to another file */
	while (result && output->done_bytes && output->lines[output->done_bytes - 1] != '\n')
		output->done_bytes--;
	return 0;
}

/* Returns where the next line is gathered, or NULL if there is no room. */
static char *gather_buf(struct output *output)
{
	return output->used_bytes - output->retained_bytes < GATHER_BYTES
		       ? output->lines + output->used_bytes
		       : NULL;
}

static void gather(struct output *output, size_t length, uint64_t seq, uint64_t time_ns)
{
	if (!output->used_bytes)
		output->batch = (struct output_batch){ seq, time_ns };
	else if (time_ns < output->batch.earliest_ns)
		output->batch.earliest_ns = time_ns;
	output->used_bytes += length;
}

static bool has_backlog(const struct output *output)
{
	return output->backlog && backlog_count(output->backlog);
}

bool output_use_backlog(struct output *output)
{
	if (!output->backlog)
		return false;
	output->uses_backlog = true;
	return output_buf(output);
}

/* Lines keep their order: none passes those in the backlog. */
char *output_buf(struct output *output)
{
	char *buf = has_backlog(output) ? NULL : gather_buf(output);

	if (!buf && output->uses_backlog)
		buf = backlog_buf(output->backlog);
	return buf;
}

void output_commit(struct output *output, size_t length, uint64_t seq, uint64_t time_ns)
{
	if (has_backlog(output) || !gather_buf(output))
		backlog_commit(output->backlog, length, seq, time_ns);
	else
		gather(output, length, seq, time_ns);
}

size_t output_backlog_bytes(const struct output *output)
{
	return output->backlog ? backlog_bytes(output->backlog) : 0;
}

bool output_is_pending(const struct output *output)
{
	return output->used_bytes > output->done_bytes || has_backlog(output) ||
	       (output->ops->count_pending && output->ops->count_pending(output->device));
}

uint64_t output_count_pending(const struct output *output)
{
	const char *end = output->lines + output->used_bytes;
	uint64_t count =
		output->ops->count_pending ? output->ops->count_pending(output->device) : 0;

	if (output->backlog)
		count += backlog_count(output->backlog);

	for (const char *from = output->lines + output->done_bytes; from < end;
	     from = (const char *)memchr(from, '\n', (size_t)(end - from)) + 1)
		count++;
	return count;
}

const char *output_outage(const struct output *output)
{
	return output->outage_error ? strerror(output->outage_error) : NULL;
}

uint64_t output_progress(const struct output *output)
{
	return output->device->progress;
}

void output_set_urgent(struct output *output, bool urgent)
{
	output->device->urgent = urgent;
}

/* Returns 0 to write on, or what output_flush() returns. */
static int handle_write_error(struct output *output, int error)
{
	switch (output->ops->classify(output->device, error)) {
	case OUTPUT_CONTINUE:
		return 0;
	case OUTPUT_POLL:
		output->polled = true;
		return -EAGAIN;
	case OUTPUT_PAUSE:
		output->retry_ns = clock_boot_ns() + (uint64_t)output->device->pause_ms * 1000000;
		return error == ENOTCONN ? -ENOTCONN : -EAGAIN;
	case OUTPUT_RETRY:
		log_outage_once(output, error);
		output->retry_ns = clock_boot_ns() + RETRY_SPACE_MS * 1000000ull;
		return -ENOTCONN;
	case OUTPUT_RECONNECT:
		log_outage_once(output, error);
		disconnect(output, was_left_unread(output, error));
		return reconnect(output);
	case OUTPUT_END:
		return -EPIPE;
	default:
		log_error("%s: cannot write: %s", output->target.name, strerror(error));
		return -ECANCELED;
	}
}

/* Retains the last lines, as many as the consumer may not have read. */
static void retain_unacked(struct output *output)
{
	size_t sent = output->used_bytes, unacked;

	unacked = output->ops->unacked_bytes ? output->ops->unacked_bytes(output->device) : 0;
	if (unacked > UNACKED_BYTES)
		unacked = UNACKED_BYTES;
	if (unacked < sent) {
		drop_before(output, sent - unacked);
		if (output->outage != OUTAGE_NONE || output->retry_ms)
			end_outage(output);
	}
	output->retained_bytes = output->used_bytes;
}

/* Writes the lines that are gathered. */
static int flush_gathered(struct output *output)
{
	int result = output->open ? 0 : reconnect(output);

	output->polled = false;
	while (!result && output->done_bytes < output->used_bytes) {
		ssize_t written =
			output->ops->write(output->device, output->lines + output->done_bytes,
					   output->used_bytes - output->done_bytes, &output->batch);

		if (written < 0)
			result = handle_write_error(output, (int)-written);
		else
			output->done_bytes += (size_t)written;
		output->device->progress += written > 0;
	}
	if (!result)
		retain_unacked(output);
	return result;
}

/* Gathers the first lines of the backlog. Returns false if it has none. */
static bool gather_backlog(struct output *output)
{
	const struct backlog_line *line;
	char *buf;

	if (!has_backlog(output))
		return false;
	while ((line = backlog_first_line(output->backlog)) && (buf = gather_buf(output))) {
		memcpy(buf, line->text, line->length);
		gather(output, line->length, line->seq, line->time_ns);
		backlog_drop_line(output->backlog);
	}
	return true;
}

int output_flush(struct output *output)
{
	int result;

	do
		result = flush_gathered(output);
	while (!result && gather_backlog(output));
	if (!result)
		output->uses_backlog = false;
	return result;
}

int output_retry_ms(const struct output *output)
{
	uint64_t now_ns = clock_boot_ns();

	if (output->polled)
		return -1;
	return now_ns < output->retry_ns ? (int)((output->retry_ns - now_ns) / 1000000) + 1 : 1;
}

void output_retry_now(struct output *output)
{
	output->retry_ns = 0;
}
