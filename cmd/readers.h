/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A unix socket that serves any number of readers. Each has a backlog of its own of at most READERS_BACKLOG_BYTES; one
 * that stalls for longer loses lines, is told how many when it goes on, and disturbs no other.
 */
#ifndef EXECTAP_READERS_H
#define EXECTAP_READERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define READERS_BACKLOG_BYTES (1024 * 1024)

struct readers;

struct readers_options {
	const char *path; /* borrowed; "@NAME" is an abstract address */
	mode_t mode; /* of the socket */
	gid_t group; /* (gid_t)-1: as it is */
	size_t line_max_bytes;
};

/* Writes a line that tells one reader of the `count` lines that it lost, and returns its bytes; as encode_event(). */
typedef size_t (*readers_tell)(void *context, uint64_t count, uint64_t from_ns, uint64_t to_ns, uint64_t seq,
			       char *line);

/*
 * Listens. A socket that a dead process left is replaced; -EADDRINUSE where a live one listens, -EEXIST where
 * the path is something else. Returns 0 or -errno; free with readers_free(), which removes the socket.
 */
int readers_new(struct readers **readers, const struct readers_options *options);
void readers_free(struct readers *readers);

/* Who is asked for the line about lost ones; without it, no such line is written. */
void readers_set_tell(struct readers *readers, readers_tell tell, void *context);

/* Readable (EPOLLIN) when readers_handle() has something to do. */
int readers_fd(const struct readers *readers);

/* Lets readers in and out, and writes to those that take something again. Never waits. */
void readers_handle(struct readers *readers);

size_t readers_count(const struct readers *readers);

/* Gives whole lines to every reader, the first of which has number first_seq. Never waits. */
void readers_write(struct readers *readers, const char *lines, size_t length, uint64_t first_seq);

/* Whether some reader has not got everything that it will get. */
bool readers_are_pending(const struct readers *readers);

#endif
