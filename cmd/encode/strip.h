/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A part of a line for people, which knows the columns that it takes on a terminal. What does not
 * fit into its bytes or columns is replaced by an ellipsis. No byte of a text is interpreted by a
 * terminal: characters that do not print are escaped as in $'...' of a shell.
 */
#ifndef EXECTAP_STRIP_H
#define EXECTAP_STRIP_H

#include "util/text.h"

#include <stdbool.h>
#include <stddef.h>

struct strip {
	char *bytes; /* the caller's */
	size_t capacity; /* bytes; at least STRIP_MIN_BYTES */
	size_t columns_max; /* at least 1 */
	size_t length; /* bytes */
	size_t columns;
	bool is_cut;
	bool is_colored; /* a colour has no end yet */
};

/* An ellipsis, and the sequence that ends a colour */
#define STRIP_MIN_BYTES 16

#define STRIP_NO_LIMIT ((size_t)-1)

static inline struct strip strip_new(char *bytes, size_t capacity, size_t columns_max)
{
	return (struct strip){ .bytes = bytes, .capacity = capacity, .columns_max = columns_max };
}

/* Appends ASCII that prints. */
void strip_append(struct strip *strip, const char *string);

void strip_format(struct strip *strip, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Appends a text of unknown encoding. Columns are those of wcwidth(3), which needs a UTF-8 locale:
 * without one every character that is not ASCII is escaped. */
void strip_append_text(struct strip *strip, struct text text);

/* Appends a text as a word of a shell: in quotes where a shell would not read it as it is. */
void strip_append_word(struct strip *strip, struct text text);

/* Appends a terminal's sequence, which takes no column, with the parameters of SGR (ECMA-48):
 * "31". "" ends all. Nothing is appended to a strip that is cut, but for the end. */
void strip_color(struct strip *strip, const char *parameters);

#endif
