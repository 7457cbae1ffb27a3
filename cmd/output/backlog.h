/* SPDX-License-Identifier: BSD-2-Clause */
/* A bounded queue of whole lines, for the time in which the output takes nothing. Its memory is
 * allocated for the lines that there are, and freed with them. */
#ifndef EXECTAP_BACKLOG_H
#define EXECTAP_BACKLOG_H

#include <stddef.h>
#include <stdint.h>

struct backlog;

/* A line, as output_commit() takes it. */
struct backlog_line {
	uint64_t seq;
	uint64_t time_ns;
	size_t length;
	char text[];
};

/* Makes an empty queue that occupies at most max_bytes, or room for one line of line_max_bytes.
 * Returns NULL without memory; free with backlog_free(). */
struct backlog *backlog_new(size_t max_bytes, size_t line_max_bytes);
void backlog_free(struct backlog *backlog);

/* Returns the buffer for one line, or NULL if there is no room. */
char *backlog_buf(struct backlog *backlog);

/* Queues the line that was written into backlog_buf(), see output_commit(). */
void backlog_commit(struct backlog *backlog, size_t length, uint64_t seq, uint64_t time_ns);

/* Returns the first line, which stays in the queue until backlog_drop_line(), or NULL. */
const struct backlog_line *backlog_first_line(const struct backlog *backlog);
void backlog_drop_line(struct backlog *backlog);

/* Return the bytes and the number of the lines. */
size_t backlog_bytes(const struct backlog *backlog);
uint64_t backlog_count(const struct backlog *backlog);

#endif
