/* SPDX-License-Identifier: BSD-2-Clause */
/* struct event -> one line: of JSON, or for people. Nothing is allocated for it. */
#ifndef EXECTAP_ENCODE_H
#define EXECTAP_ENCODE_H

#include "encode/json_writer.h"
#include "event/event.h"

#include <stddef.h>

/* Lowest limit that every format accepts, bytes. */
#define ENCODE_LINE_MIN_BYTES 3072

/* What lines for people are shown on. */
struct encode_terminal {
	unsigned int columns; /* 0: no limit */
	bool colors;
};

/* A format of lines. */
struct encode_format {
	const char *name;
	/* Appends the event as one object, or as a line for people. */
	void (*write)(struct json_writer *json, const struct event *event,
		      const struct encode_format *format);
	struct encode_terminal terminal;
	/* Cost of an argument: it occurs so many times in a line, with these bytes around it in all
	 * ... */
	unsigned int argument_times;
	unsigned int argument_around_bytes;
	unsigned int argument_raw_bytes; /* ... and in raw, where it is not UTF-8, with these around
					    index and base64 */
	/* The keys command_line and parent_command_line add an occurrence of each, with a space
	 * behind it. */
	bool has_extra_command_line;
	/* Occurrences of a path in a line; its base name counts as a path. */
	unsigned int filename_times;
	unsigned int exe_times; /* of parent_exe as well */
	unsigned int image_times; /* occurrences of container_image */
	size_t line_min_bytes; /* a line without its strings fits into this */
};

extern const struct encode_format encode_native, encode_ecs, encode_ocsf, encode_text;

/* Returns the format of that name, or NULL. */
const struct encode_format *encode_find(const char *name);

/*
 * Returns the lowest limit for lines of the format with this name of the host (NULL: that of
 * uname(2)) and these tags, in the form of tags_strings().
 */
size_t encode_least_bytes(const struct encode_format *format, const char *host, struct text tags);

/*
 * Writes an enriched event as a line with its newline to `line` (line_max_bytes, at least
 * encode_least_bytes()). Returns the bytes of the line. Strings that do not fit are cut, args
 * first, in the event as well, whose `truncated` then names them.
 */
size_t encode_event(const struct encode_format *format, struct event *event, char *line,
		    size_t line_max_bytes);

#endif
