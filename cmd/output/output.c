// SPDX-License-Identifier: BSD-2-Clause
#include "output/output.h"

#include "util/log.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is gathered before it is written, at the most: what a pipe holds (pipe(7)). */
#define GATHER_BYTES (64 * 1024)
/* Of what a reader's stream socket took, as much is kept as that can hold unread:
 * OUTPUT_STREAM_BUFFER_BYTES and a piece of half the size (net/unix/af_unix.c,
 * unix_stream_sendmsg()). */
#define UNREAD_BYTES (OUTPUT_STREAM_BUFFER_BYTES * 3 / 2)

#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 5000

struct output {
	struct output_target target;
	struct listener *listener; /* of OUTPUT_UNIX_LISTEN; NULL else */
	uint64_t first_seq; /* of the gathered lines */
	int fd; /* -1: not connected */
	bool sends; /* it is a socket */
	bool complained; /* of the outage at hand */
	int retry_ms;
	size_t line_max_bytes;
	/* lines that the reader may not have read yet, those committed since, and how far both are
	 * written */
	size_t kept_bytes;
	size_t used_bytes;
	size_t done_bytes;
	char *lines; /* UNREAD_BYTES, GATHER_BYTES, and a line more for each */
};

int output_check_destination(const char *destination)
{
	struct output_target target;

	if (!output_target_parse(destination, &target))
		return 0;
	log_error(
		"--output %s: unknown destination: give -, file:PATH, unix:PATH, unixgram:PATH or unix-listen:PATH",
		destination);
	return -EINVAL;
}

size_t output_line_max_bytes(const char *destination, size_t line_max_bytes)
{
	struct output_target target;
	size_t most = SIZE_MAX;

	if (!output_target_parse(destination, &target) && target.kind == OUTPUT_UNIX_DATAGRAM)
		most = output_datagram_max_bytes(line_max_bytes);
	return most < line_max_bytes ? most : line_max_bytes;
}

static bool is_socket(const struct output *output)
{
	return output->target.kind == OUTPUT_UNIX_STREAM ||
	       output->target.kind == OUTPUT_UNIX_DATAGRAM;
}

/* What is said of an outage, once. */
static void complain(struct output *output, int error)
{
	if (output->complained)
		return;
	output->complained = true;
	if (error == EPROTOTYPE)
		log_error("%s: is the other type of socket: give %s:%s", output->target.name,
			  output->target.kind == OUTPUT_UNIX_STREAM ? "unixgram" : "unix",
			  output->target.path);
	else if (error == EACCES)
		log_error(
			"%s: %s for user %u without capabilities (see --user): trying again until it works",
			output->target.name, strerror(error), (unsigned int)geteuid());
	else
		log_error(
			"%s: %s: trying again until it works, nothing is dropped while the buffer holds it",
			output->target.name, strerror(error));
}

static int connect_again(struct output *output)
{
	int fd = output_target_open(&output->target);

	if (fd < 0) {
		output->retry_ms = output->retry_ms ? output->retry_ms * 2 : RETRY_FIRST_MS;
		if (output->retry_ms > RETRY_LAST_MS)
			output->retry_ms = RETRY_LAST_MS;
		complain(output, -fd);
		return fd == -EPROTOTYPE ? fd : -ENOTCONN;
	}
	if (output->complained)
		log_info("%s: connected", output->target.name);
	output->complained = false;
	output->retry_ms = 0;
	output->fd = fd;
	return 0;
}

static int open_output(struct output *output, const struct output_options *options)
{
	const struct listener_options listener_options = {
		.path = output->target.path,
		.mode = options->socket_mode,
		.group = options->socket_group,
		.line_max_bytes = options->line_max_bytes,
	};

	struct stat status;

	output->sends = is_socket(output);
	if (output->sends)
		return 0;
	if (output->target.kind == OUTPUT_UNIX_LISTEN)
		return listener_new(&output->listener, &listener_options);
	output->fd = output_target_open(&output->target);
	output->sends = !fstat(output->fd, &status) &&
			S_ISSOCK(status.st_mode); /* stdout, by a service manager */
	return output->fd < 0 ? output->fd : 0;
}

int output_new(struct output **output, const struct output_options *options)
{
	struct output *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	created->fd = -1;
	created->line_max_bytes = options->line_max_bytes;
	created->lines = malloc(UNREAD_BYTES + GATHER_BYTES + 2 * options->line_max_bytes);
	result = created->lines ? output_target_parse(options->destination, &created->target)
				: -ENOMEM;
	created->target.line_max_bytes = options->line_max_bytes;
	if (!result)
		result = open_output(created, options);
	if (result) {
		output_free(created);
		return result;
	}
	*output = created;
	return 0;
}

/*
 * Whether a reader closed its stream socket without having read all of it: that leaves ECONNRESET
 * (net/unix/af_unix.c, unix_release_sock()), a moment after send(2) begins to fail with EPIPE;
 * shutdown(2) waits for the lock held between.
 */
static bool was_left_unread(const struct output *output, int error)
{
	socklen_t length = sizeof(error);

	if (output->target.kind != OUTPUT_UNIX_STREAM || error == ECONNRESET)
		return output->target.kind == OUTPUT_UNIX_STREAM;
	shutdown(output->fd, SHUT_WR);
	return !getsockopt(output->fd, SOL_SOCKET, SO_ERROR, &error, &length) &&
	       error == ECONNRESET;
}

/* Drops all lines before the one that begins, or is under way, at `bytes`. */
static void forget_before(struct output *output, size_t bytes)
{
	while (bytes && output->lines[bytes - 1] != '\n')
		bytes--;
	if (!bytes)
		return;
	memmove(output->lines, output->lines + bytes, output->used_bytes - bytes);
	output->used_bytes -= bytes;
	output->done_bytes -= bytes;
}

/* What goes to the next reader begins with the line that was under way or, with `again`, with those
 * kept. */
static void disconnect(struct output *output, bool again)
{
	if (output->fd >= 0 && output->target.kind != OUTPUT_STDOUT)
		close(output->fd);
	output->fd = -1;
	if (!again)
		forget_before(output, output->done_bytes);
	output->kept_bytes = 0;
	output->done_bytes = 0;
}

void output_free(struct output *output)
{
	if (!output)
		return;
	disconnect(output, false);
	listener_free(output->listener);
	free(output->lines);
	free(output);
}

enum output_kind output_kind(const struct output *output)
{
	return output->target.kind;
}

void output_set_drop_notice(struct output *output, drop_notice_fn tell, void *context)
{
	if (output->listener)
		listener_set_drop_notice(output->listener, tell, context);
}

int output_fd(const struct output *output)
{
	return output->listener ? listener_fd(output->listener) : output->fd;
}

uint32_t output_events(const struct output *output, bool blocked)
{
	if (output->listener)
		return EPOLLIN;
	return blocked ? EPOLLOUT : 0;
}

int output_handle(struct output *output, uint32_t events)
{
	if (output->listener) {
		listener_handle(output->listener);
		return 0;
	}
	if (!(events & (EPOLLERR | EPOLLHUP)))
		return 0;
	if (!is_socket(output))
		return -EPIPE;
	disconnect(output, was_left_unread(output, 0));
	complain(output, ECONNRESET);
	return 0;
}

bool output_may_lack_clients(const struct output *output)
{
	return output->listener;
}

int output_reopen(struct output *output)
{
	int fd;

	if (output->target.kind != OUTPUT_FILE)
		return 0;
	fd = output_target_open(&output->target);
	if (fd < 0)
		return fd; /* and go on with the old one */
	disconnect(output, false);
	output->fd = fd;
	return 0;
}

char *output_room(struct output *output)
{
	return output->used_bytes - output->kept_bytes < GATHER_BYTES
		       ? output->lines + output->used_bytes
		       : NULL;
}

void output_commit(struct output *output, size_t length, uint64_t seq)
{
	if (!output->used_bytes)
		output->first_seq = seq;
	output->used_bytes += length;
}

bool output_is_pending(const struct output *output)
{
	return output->used_bytes > output->done_bytes ||
	       (output->listener && listener_are_pending(output->listener));
}

/* As much as goes into one write: a datagram is one line. */
static ssize_t write_some(struct output *output)
{
	const char *from = output->lines + output->done_bytes;
	size_t length = output->used_bytes - output->done_bytes;

	if (!output->sends)
		return write(output->fd, from, length);
	if (output->target.kind == OUTPUT_UNIX_DATAGRAM)
		length = (size_t)((const char *)memchr(from, '\n', length) - from) + 1;
	return send(output->fd, from, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A failed write: what there is to do about it. Returns 0 to write on, or what output_flush()
 * returns. */
static int recover(struct output *output, int error)
{
	switch (error) {
	case EINTR:
		return 0;
	case EAGAIN:
		return -EAGAIN;
	case ENOBUFS:
	case ENOSPC:
	case EDQUOT:
		complain(output, error);
		output->retry_ms = 10 * RETRY_FIRST_MS;
		return -ENOTCONN;
	case EPIPE:
	case ECONNRESET:
	case ECONNREFUSED:
	case ENOTCONN:
		if (!is_socket(output))
			return -error;
		disconnect(output, was_left_unread(output, error));
		complain(output, error);
		return connect_again(output);
	default:
		return -error;
	}
}

/* The readers have queues of their own; without any, lines wait here and in the ring buffer. */
static int flush_to_readers(struct output *output)
{
	if (!output->used_bytes)
		return 0;
	if (!listener_count(output->listener)) {
		output->retry_ms = RETRY_LAST_MS;
		return -ENOTCONN;
	}
	listener_write(output->listener, output->lines, output->used_bytes, output->first_seq);
	output->used_bytes = 0;
	return 0;
}

/* All is written: keeps the last lines, as many as the reader can't have read yet. */
static void keep_unread(struct output *output)
{
	int unread = 0;

	/* an upper bound, as it counts the memory that they take (net/unix/af_unix.c,
	 * unix_outq_len()) */
	if (output->target.kind == OUTPUT_UNIX_STREAM && ioctl(output->fd, SIOCOUTQ, &unread))
		unread = UNREAD_BYTES;
	if (unread > UNREAD_BYTES)
		unread = UNREAD_BYTES;
	if ((size_t)unread < output->used_bytes)
		forget_before(output, output->used_bytes - (size_t)unread);
	output->kept_bytes = output->used_bytes;
}

static int flush_to_output(struct output *output)
{
	int result = output->fd < 0 ? connect_again(output) : 0;

	while (!result && output->done_bytes < output->used_bytes) {
		ssize_t written = write_some(output);

		if (written < 0) {
			result = recover(output, errno);
			continue;
		}
		output->done_bytes += (size_t)written;
		if (output->complained) {
			log_info("%s: goes on", output->target.name);
			output->complained = false;
		}
	}
	if (!result)
		keep_unread(output);
	return result;
}

int output_flush(struct output *output)
{
	return output->listener ? flush_to_readers(output) : flush_to_output(output);
}

int output_retry_ms(const struct output *output)
{
	return output->retry_ms;
}
