/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole lines out. Lines are gathered and written together. A line that was begun is finished; where a
 * connection broke in the middle of one, the whole line goes again to the next reader, and so do lines that a
 * stream socket had taken and its reader closed it without reading, with perhaps some before them that it did read.
 */
#ifndef EXECTAP_SINK_H
#define EXECTAP_SINK_H

#include "readers.h"
#include "sink_open.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink;

/*
 * Says on stderr what is wrong with a destination (exectap's --output) and returns -EINVAL, or 0.
 */
int sink_check_destination(const char *destination);

/* The longest line up to line_max_bytes that the destination takes: a datagram has to fit into its socket's buffer. */
size_t sink_line_max_bytes(const char *destination, size_t line_max_bytes);

struct sink_options {
	const char *destination; /* borrowed */
	size_t line_max_bytes;
	mode_t socket_mode; /* of unix-listen */
	gid_t socket_group; /* (gid_t)-1: as it is */
};

/*
 * A file is opened, a socket listened on, which may fail; a reader that is not there yet is no failure. Returns 0 or
 * -errno; free with sink_free(), which writes nothing.
 */
int sink_new(struct sink **sink, const struct sink_options *options);
void sink_free(struct sink *sink);

enum sink_kind sink_kind(const struct sink *sink);

/* Who is asked for the line that tells a reader of unix-listen what it lost. */
void sink_set_tell(struct sink *sink, readers_tell tell, void *context);

/* To be polled for sink_events(), given whether sink_flush() could not go on; -1 while there is no connection. */
int sink_fd(const struct sink *sink);
uint32_t sink_events(const struct sink *sink, bool blocked);

/*
 * What polling told of the descriptor. Returns -EPIPE where its reader is gone and that is the end (stdout), else 0:
 * what was lost will be connected again.
 */
int sink_handle(struct sink *sink, uint32_t events);

/* Whether it is normal that no one reads (unix-listen). */
bool sink_may_lack_readers(const struct sink *sink);

/* The file has been moved away (logrotate): what comes next goes to a new one. Returns 0 or -errno. */
int sink_reopen(struct sink *sink);

/* Room for one line; NULL where sink_flush() has to come first. */
char *sink_room(struct sink *sink);

/* Takes over the line of `length` bytes, with number seq, that was written into sink_room(). */
void sink_commit(struct sink *sink, size_t length, uint64_t seq);

/* Lines that were committed and are not written yet. */
bool sink_is_pending(const struct sink *sink);

/*
 * Writes what was committed. Returns 0; -EAGAIN if the reader takes no more now (poll sink_fd() for writing) or
 * -ENOTCONN if there is none or the disk is full (call again after sink_retry_ms()): nothing is lost, and no more may
 * be committed than there is room for; -EPIPE if the reader of stdout is gone; another -errno if it can't go on.
 */
int sink_flush(struct sink *sink);

/* How long to wait after -ENOTCONN: 100 ms at first, up to 5 s. */
int sink_retry_ms(const struct sink *sink);

#endif
