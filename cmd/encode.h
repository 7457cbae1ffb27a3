/* SPDX-License-Identifier: BSD-2-Clause */
/* struct event -> one line of JSON. */
#ifndef EXECTAP_ENCODE_H
#define EXECTAP_ENCODE_H

#include "event.h"

#include <stddef.h>

/* Whatever the strings are, a line without them fits into this; the least that --max-line takes. */
#define ENCODE_LINE_MIN_BYTES 2048

struct encoder;

struct encode_options {
	size_t line_max_bytes; /* the longest line, newline included; at least ENCODE_LINE_MIN_BYTES */
	const char *env_names; /* variables to show, separated by commas; NULL: none. Borrowed for as long as the
				  encoder. */
	bool no_args; /* leave args out */
};

/* Returns 0 or -ENOMEM; free with encode_free(). */
int encode_new(struct encoder **encoder, const struct encode_options *options);
void encode_free(struct encoder *encoder);

/*
 * Writes the event, which enrich has seen, as a line with its newline to `line` (room for
 * line_max_bytes) and its bytes to *length. What would not fit is cut, args first, and the line says
 * so. Returns 0 or -ENOMEM.
 */
int encode_event(struct encoder *encoder, const struct event *event, char *line, size_t *length);

#endif
