// SPDX-License-Identifier: BSD-2-Clause
#include "sink.h"

#include "log.h"

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
/* Of what a reader's stream socket took, as much is kept as that can hold unread: SINK_STREAM_BUFFER_BYTES and a piece
 * of half the size (net/unix/af_unix.c, unix_stream_sendmsg()). */
#define UNREAD_BYTES (SINK_STREAM_BUFFER_BYTES * 3 / 2)

#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 5000

struct sink {
	struct sink_target target;
	struct readers *readers; /* of SINK_UNIX_LISTEN; NULL else */
	uint64_t first_seq; /* of the gathered lines */
	int fd; /* -1: not connected */
	bool sends; /* it is a socket */
	bool complained; /* of the outage at hand */
	int retry_ms;
	size_t line_max_bytes;
	/* lines that the reader may not have read yet, those committed since, and how far both are written */
	size_t kept_bytes;
	size_t used_bytes;
	size_t done_bytes;
	char *lines; /* UNREAD_BYTES, GATHER_BYTES, and a line more for each */
};

int sink_check_destination(const char *destination)
{
	struct sink_target target;

	if (!sink_target_parse(destination, &target))
		return 0;
	log_error("--output %s: unknown destination: give -, file:PATH, unix:PATH, unixgram:PATH or unix-listen:PATH",
		  destination);
	return -EINVAL;
}

size_t sink_line_max_bytes(const char *destination, size_t line_max_bytes)
{
	struct sink_target target;
	size_t most = SIZE_MAX;

	if (!sink_target_parse(destination, &target) && target.kind == SINK_UNIX_DATAGRAM)
		most = sink_datagram_max_bytes(line_max_bytes);
	return most < line_max_bytes ? most : line_max_bytes;
}

static bool is_socket(const struct sink *sink)
{
	return sink->target.kind == SINK_UNIX_STREAM || sink->target.kind == SINK_UNIX_DATAGRAM;
}

/* What is said of an outage, once. */
static void complain(struct sink *sink, int error)
{
	if (sink->complained)
		return;
	sink->complained = true;
	if (error == EPROTOTYPE)
		log_error("%s: is the other type of socket: give %s:%s", sink->target.name,
			  sink->target.kind == SINK_UNIX_STREAM ? "unixgram" : "unix", sink->target.path);
	else if (error == EACCES)
		log_error("%s: %s for user %u without capabilities (see --user): trying again until it works",
			  sink->target.name, strerror(error), (unsigned int)geteuid());
	else
		log_error("%s: %s: trying again until it works, nothing is dropped while the buffer holds it",
			  sink->target.name, strerror(error));
}

static int connect_again(struct sink *sink)
{
	int fd = sink_target_open(&sink->target);

	if (fd < 0) {
		sink->retry_ms = sink->retry_ms ? sink->retry_ms * 2 : RETRY_FIRST_MS;
		if (sink->retry_ms > RETRY_LAST_MS)
			sink->retry_ms = RETRY_LAST_MS;
		complain(sink, -fd);
		return fd == -EPROTOTYPE ? fd : -ENOTCONN;
	}
	if (sink->complained)
		log_info("%s: connected", sink->target.name);
	sink->complained = false;
	sink->retry_ms = 0;
	sink->fd = fd;
	return 0;
}

static int open_output(struct sink *sink, const struct sink_options *options)
{
	const struct readers_options readers_options = {
		.path = sink->target.path,
		.mode = options->socket_mode,
		.group = options->socket_group,
		.line_max_bytes = options->line_max_bytes,
	};

	struct stat status;

	sink->sends = is_socket(sink);
	if (sink->sends)
		return 0;
	if (sink->target.kind == SINK_UNIX_LISTEN)
		return readers_new(&sink->readers, &readers_options);
	sink->fd = sink_target_open(&sink->target);
	sink->sends = !fstat(sink->fd, &status) && S_ISSOCK(status.st_mode); /* stdout, by a service manager */
	return sink->fd < 0 ? sink->fd : 0;
}

int sink_new(struct sink **sink, const struct sink_options *options)
{
	struct sink *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	created->fd = -1;
	created->line_max_bytes = options->line_max_bytes;
	created->lines = malloc(UNREAD_BYTES + GATHER_BYTES + 2 * options->line_max_bytes);
	result = created->lines ? sink_target_parse(options->destination, &created->target) : -ENOMEM;
	created->target.line_max_bytes = options->line_max_bytes;
	if (!result)
		result = open_output(created, options);
	if (result) {
		sink_free(created);
		return result;
	}
	*sink = created;
	return 0;
}

/*
 * Whether a reader closed its stream socket without having read all of it: that leaves ECONNRESET (net/unix/af_unix.c,
 * unix_release_sock()), a moment after send(2) begins to fail with EPIPE; shutdown(2) waits for the lock held between.
 */
static bool was_left_unread(const struct sink *sink, int error)
{
	socklen_t length = sizeof(error);

	if (sink->target.kind != SINK_UNIX_STREAM || error == ECONNRESET)
		return sink->target.kind == SINK_UNIX_STREAM;
	shutdown(sink->fd, SHUT_WR);
	return !getsockopt(sink->fd, SOL_SOCKET, SO_ERROR, &error, &length) && error == ECONNRESET;
}

/* Drops all lines before the one that begins, or is under way, at `bytes`. */
static void forget_before(struct sink *sink, size_t bytes)
{
	while (bytes && sink->lines[bytes - 1] != '\n')
		bytes--;
	if (!bytes)
		return;
	memmove(sink->lines, sink->lines + bytes, sink->used_bytes - bytes);
	sink->used_bytes -= bytes;
	sink->done_bytes -= bytes;
}

/* What goes to the next reader begins with the line that was under way or, with `again`, with those kept. */
static void disconnect(struct sink *sink, bool again)
{
	if (sink->fd >= 0 && sink->target.kind != SINK_STDOUT)
		close(sink->fd);
	sink->fd = -1;
	if (!again)
		forget_before(sink, sink->done_bytes);
	sink->kept_bytes = 0;
	sink->done_bytes = 0;
}

void sink_free(struct sink *sink)
{
	if (!sink)
		return;
	disconnect(sink, false);
	readers_free(sink->readers);
	free(sink->lines);
	free(sink);
}

enum sink_kind sink_kind(const struct sink *sink)
{
	return sink->target.kind;
}

void sink_set_tell(struct sink *sink, readers_tell tell, void *context)
{
	if (sink->readers)
		readers_set_tell(sink->readers, tell, context);
}

int sink_fd(const struct sink *sink)
{
	return sink->readers ? readers_fd(sink->readers) : sink->fd;
}

uint32_t sink_events(const struct sink *sink, bool blocked)
{
	if (sink->readers)
		return EPOLLIN;
	return blocked ? EPOLLOUT : 0;
}

int sink_handle(struct sink *sink, uint32_t events)
{
	if (sink->readers) {
		readers_handle(sink->readers);
		return 0;
	}
	if (!(events & (EPOLLERR | EPOLLHUP)))
		return 0;
	if (!is_socket(sink))
		return -EPIPE;
	disconnect(sink, was_left_unread(sink, 0));
	complain(sink, ECONNRESET);
	return 0;
}

bool sink_may_lack_readers(const struct sink *sink)
{
	return sink->readers;
}

int sink_reopen(struct sink *sink)
{
	int fd;

	if (sink->target.kind != SINK_FILE)
		return 0;
	fd = sink_target_open(&sink->target);
	if (fd < 0)
		return fd; /* and go on with the old one */
	disconnect(sink, false);
	sink->fd = fd;
	return 0;
}

char *sink_room(struct sink *sink)
{
	return sink->used_bytes - sink->kept_bytes < GATHER_BYTES ? sink->lines + sink->used_bytes : NULL;
}

void sink_commit(struct sink *sink, size_t length, uint64_t seq)
{
	if (!sink->used_bytes)
		sink->first_seq = seq;
	sink->used_bytes += length;
}

bool sink_is_pending(const struct sink *sink)
{
	return sink->used_bytes > sink->done_bytes || (sink->readers && readers_are_pending(sink->readers));
}

/* As much as goes into one write: a datagram is one line. */
static ssize_t write_some(struct sink *sink)
{
	const char *from = sink->lines + sink->done_bytes;
	size_t length = sink->used_bytes - sink->done_bytes;

	if (!sink->sends)
		return write(sink->fd, from, length);
	if (sink->target.kind == SINK_UNIX_DATAGRAM)
		length = (size_t)((const char *)memchr(from, '\n', length) - from) + 1;
	return send(sink->fd, from, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A failed write: what there is to do about it. Returns 0 to write on, or what sink_flush() returns. */
static int recover(struct sink *sink, int error)
{
	switch (error) {
	case EINTR:
		return 0;
	case EAGAIN:
		return -EAGAIN;
	case ENOBUFS:
	case ENOSPC:
	case EDQUOT:
		complain(sink, error);
		sink->retry_ms = 10 * RETRY_FIRST_MS;
		return -ENOTCONN;
	case EPIPE:
	case ECONNRESET:
	case ECONNREFUSED:
	case ENOTCONN:
		if (!is_socket(sink))
			return -error;
		disconnect(sink, was_left_unread(sink, error));
		complain(sink, error);
		return connect_again(sink);
	default:
		return -error;
	}
}

/* The readers have queues of their own; without any, lines wait here and in the ring buffer. */
static int flush_to_readers(struct sink *sink)
{
	if (!sink->used_bytes)
		return 0;
	if (!readers_count(sink->readers)) {
		sink->retry_ms = RETRY_LAST_MS;
		return -ENOTCONN;
	}
	readers_write(sink->readers, sink->lines, sink->used_bytes, sink->first_seq);
	sink->used_bytes = 0;
	return 0;
}

/* All is written: keeps the last lines, as many as the reader can't have read yet. */
static void keep_unread(struct sink *sink)
{
	int unread = 0;

	/* an upper bound, as it counts the memory that they take (net/unix/af_unix.c, unix_outq_len()) */
	if (sink->target.kind == SINK_UNIX_STREAM && ioctl(sink->fd, SIOCOUTQ, &unread))
		unread = UNREAD_BYTES;
	if (unread > UNREAD_BYTES)
		unread = UNREAD_BYTES;
	if ((size_t)unread < sink->used_bytes)
		forget_before(sink, sink->used_bytes - (size_t)unread);
	sink->kept_bytes = sink->used_bytes;
}

static int flush_to_output(struct sink *sink)
{
	int result = sink->fd < 0 ? connect_again(sink) : 0;

	while (!result && sink->done_bytes < sink->used_bytes) {
		ssize_t written = write_some(sink);

		if (written < 0) {
			result = recover(sink, errno);
			continue;
		}
		sink->done_bytes += (size_t)written;
		if (sink->complained) {
			log_info("%s: goes on", sink->target.name);
			sink->complained = false;
		}
	}
	if (!result)
		keep_unread(sink);
	return result;
}

int sink_flush(struct sink *sink)
{
	return sink->readers ? flush_to_readers(sink) : flush_to_output(sink);
}

int sink_retry_ms(const struct sink *sink)
{
	return sink->retry_ms;
}
