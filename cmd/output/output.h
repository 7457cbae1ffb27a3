/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole lines out. Lines are gathered and written together. A line that was begun is finished;
 * where a connection broke in the middle of one, the whole line goes again to the next reader, and
 * so do lines that a stream socket had taken and its reader closed it without reading, with perhaps
 * some before them that it did read.
 */
#ifndef EXECTAP_OUTPUT_H
#define EXECTAP_OUTPUT_H

#include "output/listener.h"
#include "output/output_open.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output;

/*
 * Says on stderr what is wrong with a destination (exectap's --output) and returns -EINVAL, or 0.
 */
int output_check_destination(const char *destination);

/* The longest line up to line_max_bytes that the destination takes: a datagram has to fit into its
 * socket's buffer. */
size_t output_line_max_bytes(const char *destination, size_t line_max_bytes);

struct output_options {
	const char *destination; /* borrowed */
	size_t line_max_bytes;
	mode_t socket_mode; /* of unix-listen */
	gid_t socket_group; /* (gid_t)-1: as it is */
};

/*
 * A file is opened, a socket listened on, which may fail; a reader that is not there yet is no
 * failure. Returns 0 or -errno; free with output_free(), which writes nothing.
 */
int output_new(struct output **output, const struct output_options *options);
void output_free(struct output *output);

enum output_kind output_kind(const struct output *output);

/* Who is asked for the line that tells a reader of unix-listen what it lost. */
void output_set_drop_notice(struct output *output, drop_notice_fn tell, void *context);

/* To be polled for output_events(), given whether output_flush() could not go on; -1 while there is
 * no connection. */
int output_fd(const struct output *output);
uint32_t output_events(const struct output *output, bool blocked);

/*
 * What polling told of the descriptor. Returns -EPIPE where its reader is gone and that is the end
 * (stdout), else 0: what was lost will be connected again.
 */
int output_handle(struct output *output, uint32_t events);

/* Whether it is normal that no one reads (unix-listen). */
bool output_may_lack_clients(const struct output *output);

/* The file has been moved away (logrotate): what comes next goes to a new one. Returns 0 or -errno.
 */
int output_reopen(struct output *output);

/* Room for one line; NULL where output_flush() has to come first. */
char *output_room(struct output *output);

/* Takes over the line of `length` bytes, with number seq, that was written into output_room(). */
void output_commit(struct output *output, size_t length, uint64_t seq);

/* Lines that were committed and are not written yet. */
bool output_is_pending(const struct output *output);

/*
 * Writes what was committed. Returns 0; -EAGAIN if the reader takes no more now (poll output_fd()
 * for writing) or -ENOTCONN if there is none or the disk is full (call again after
 * output_retry_ms()): nothing is lost, and no more may be committed than there is room for; -EPIPE
 * if the reader of stdout is gone; another -errno if it can't go on.
 */
int output_flush(struct output *output);

/* How long to wait after -ENOTCONN: 100 ms at first, up to 5 s. */
int output_retry_ms(const struct output *output);

#endif
