/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A unix socket that serves any number of readers. Each has a backlog of its own of at most
 * LISTENER_BACKLOG_BYTES; one that stalls for longer loses lines, is told how many when it goes on,
 * and disturbs no other.
 */
#ifndef EXECTAP_LISTENER_H
#define EXECTAP_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LISTENER_BACKLOG_BYTES (1024 * 1024)

struct listener;

struct listener_options {
	const char *path; /* borrowed; "@NAME" is an abstract address */
	mode_t mode; /* of the socket */
	gid_t group; /* (gid_t)-1: as it is */
	size_t line_max_bytes;
};

/* Writes a line that tells one reader of the `count` lines that it lost, and returns its bytes; as
 * encode_event(). */
typedef size_t (*drop_notice_fn)(void *context, uint64_t count, uint64_t from_ns, uint64_t to_ns,
				 uint64_t seq, char *line);

/*
 * Listens. A socket that a dead process left is replaced; -EADDRINUSE where a live one listens,
 * -EEXIST where the path is something else. Returns 0 or -errno; free with listener_free(), which
 * removes the socket.
 */
int listener_new(struct listener **listener, const struct listener_options *options);
void listener_free(struct listener *listener);

/* Who is asked for the line about lost ones; without it, no such line is written. */
void listener_set_drop_notice(struct listener *listener, drop_notice_fn tell, void *context);

/* Readable (EPOLLIN) when listener_handle() has something to do. */
int listener_fd(const struct listener *listener);

/* Lets readers in and out, and writes to those that take something again. Never waits. */
void listener_handle(struct listener *listener);

size_t listener_count(const struct listener *listener);

/* Gives whole lines to every reader, the first of which has number first_seq. Never waits. */
void listener_write(struct listener *listener, const char *lines, size_t length,
		    uint64_t first_seq);

/* Whether some reader has not got everything that it will get. */
bool listener_are_pending(const struct listener *listener);

#endif
