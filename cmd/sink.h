/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole lines out. Lines are gathered and written together, one write(2) for a batch. */
#ifndef EXECTAP_SINK_H
#define EXECTAP_SINK_H

#include <stdbool.h>
#include <stddef.h>

struct sink;

/*
 * A sink that writes to the open descriptor fd, which stays the caller's, lines of up to line_max_bytes. Returns 0
 * or -ENOMEM; free with sink_free(), which writes nothing.
 */
int sink_new(struct sink **sink, int fd, size_t line_max_bytes);
void sink_free(struct sink *sink);

/* Polled for errors only, it tells that the reader is gone. */
int sink_fd(const struct sink *sink);

/* Room for one line; NULL where sink_flush() has to come first. */
char *sink_room(struct sink *sink);

/* Takes over the line of `length` bytes that was written into sink_room(). */
void sink_commit(struct sink *sink, size_t length);

/*
 * Writes what was committed, as long as it takes. Returns 0 or -errno (-EPIPE: the reader is gone),
 * and then it can't be told how much has arrived.
 */
int sink_flush(struct sink *sink);

#endif
