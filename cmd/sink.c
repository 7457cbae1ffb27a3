// SPDX-License-Identifier: BSD-2-Clause
#include "sink.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* What is gathered before it is written, at the most: what a pipe holds (pipe(7)). */
#define GATHER_BYTES (64 * 1024)

struct sink {
	int fd;
	size_t line_max_bytes;
	size_t used_bytes;
	char *lines; /* GATHER_BYTES and one line more */
};

int sink_new(struct sink **sink, int fd, size_t line_max_bytes)
{
	struct sink *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	created->fd = fd;
	created->line_max_bytes = line_max_bytes;
	created->lines = malloc(GATHER_BYTES + line_max_bytes);
	if (!created->lines) {
		free(created);
		return -ENOMEM;
	}
	*sink = created;
	return 0;
}

void sink_free(struct sink *sink)
{
	if (!sink)
		return;
	free(sink->lines);
	free(sink);
}

int sink_fd(const struct sink *sink)
{
	return sink->fd;
}

char *sink_room(struct sink *sink)
{
	return sink->used_bytes < GATHER_BYTES ? sink->lines + sink->used_bytes : NULL;
}

void sink_commit(struct sink *sink, size_t length)
{
	sink->used_bytes += length;
}

/* Somebody else may have made the shared file description non-blocking; then this waits for room. */
static int wait_writable(int fd)
{
	struct pollfd writable = { .fd = fd, .events = POLLOUT };

	if (poll(&writable, 1, -1) < 0 && errno != EINTR)
		return -errno;
	return 0;
}

int sink_flush(struct sink *sink)
{
	size_t done = 0;

	while (done < sink->used_bytes) {
		ssize_t written = write(sink->fd, sink->lines + done, sink->used_bytes - done);

		if (written >= 0) {
			done += (size_t)written;
			continue;
		}
		if (errno == EAGAIN) {
			int result = wait_writable(sink->fd);

			if (result)
				return result;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	sink->used_bytes = 0;
	return 0;
}
