/* SPDX-License-Identifier: BSD-2-Clause */
/* struct event -> one line of JSON. Nothing is allocated for it. */
#ifndef EXECTAP_ENCODE_H
#define EXECTAP_ENCODE_H

#include "encode/json_writer.h"
#include "event/event.h"

#include <stddef.h>

/* No format takes a lower limit than this. */
#define ENCODE_LINE_MIN_BYTES 2048

/* What lines look like. */
struct encode_format {
	const char *name;
	/* Appends the event as one object. */
	void (*write)(struct json_writer *json, const struct event *event);
	/* what an argument adds to a line, as JSON: it is there so many times, with these bytes
	 * around it in all ... */
	unsigned int argument_times;
	unsigned int argument_around_bytes;
	unsigned int argument_raw_bytes; /* ... and where it is no UTF-8, in raw with these around
					    index and base64 */
	size_t line_min_bytes; /* whatever the strings are, a line without them fits into this */
};

extern const struct encode_format encode_native, encode_ecs, encode_ocsf;

/* The format of that name, or NULL. */
const struct encode_format *encode_find(const char *name);

/*
 * Writes the event, which enrich has seen, as a line with its newline to `line` (room for
 * line_max_bytes, at least the format's line_min_bytes) and returns its bytes. What would not fit
 * is cut, args first, in the event as well, which then says so.
 */
size_t encode_event(const struct encode_format *format, struct event *event, char *line,
		    size_t line_max_bytes);

#endif
