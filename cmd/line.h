/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line of JSON (RFC 8259) that is appended to. Nothing is allocated, and no byte is written past the
 * room: what does not fit is counted, as snprintf(3) does, so that the length tells what would have been needed.
 *
 * Keys and items set the commas; the order of calls (a key before each value of an object, an item before each of
 * an array) is the caller's. Everything written is ASCII or well-formed UTF-8, and holds no control character,
 * neither C0 nor DEL nor C1 (ECMA-48), so that a terminal only ever shows it.
 */
#ifndef EXECTAP_LINE_H
#define EXECTAP_LINE_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct line {
	char *bytes; /* the caller's */
	size_t room;
	size_t length; /* may be more than room: the line does not fit then */
	bool separate; /* a comma comes before what follows */
	bool ill_formed; /* a text was no UTF-8, and shows U+FFFD */
};

/* A key as line_key() takes it, made when exectap is compiled. */
#define LINE_KEY(name) ((struct text){ "\"" name "\":", sizeof("\"" name "\":") - 1 })
/* A string of ours as line_bare() takes it: in quotes, with nothing to escape. */
#define LINE_STRING(string) ((struct text){ "\"" string "\"", sizeof("\"" string "\"") - 1 })

static inline struct line line_begin(char *bytes, size_t room)
{
	return (struct line){ .bytes = bytes, .room = room };
}

/* The place of that many more bytes; NULL where the line does not fit. */
static inline char *line_extend(struct line *line, size_t bytes)
{
	size_t at = line->length;

	line->length += bytes;
	return line->length <= line->room ? line->bytes + at : NULL;
}

static inline void line_append(struct line *line, const char *bytes, size_t length)
{
	char *to = line_extend(line, length);

	if (to && to != bytes) /* it may have been made in its place */
		memcpy(to, bytes, length);
}

static inline void line_item(struct line *line)
{
	if (line->separate)
		line_append(line, ",", 1);
	line->separate = false;
}

static inline void line_key(struct line *line, struct text key)
{
	size_t comma = line->separate;
	char *to = line_extend(line, comma + key.length);

	if (to) {
		*to = ',';
		memcpy(to + comma, key.bytes, key.length);
	}
	line->separate = false;
}

/* A value that needs no escaping: a number, true, or a LINE_STRING(). */
static inline void line_bare(struct line *line, struct text value)
{
	line_append(line, value.bytes, value.length);
	line->separate = true;
}

/* The same in quotes. */
static inline void line_plain(struct line *line, struct text value)
{
	char *to = line_extend(line, value.length + 2);

	if (to) {
		if (to + 1 != value.bytes) /* it may have been made in its place */
			memcpy(to + 1, value.bytes, value.length);
		to[0] = to[value.length + 1] = '"';
	}
	line->separate = true;
}

/* '{' or '[', and what ends it. */
static inline void line_open(struct line *line, char bracket)
{
	line_append(line, &bracket, 1);
	line->separate = false;
}

static inline void line_close(struct line *line, char bracket)
{
	line_append(line, &bracket, 1);
	line->separate = true;
}

/* Any bytes as a string: what is no UTF-8 becomes U+FFFD (text.h) and sets line->ill_formed. */
void line_text(struct line *line, struct text value);

/* Several texts as one string, as if they stood one behind the other. */
void line_text_begin(struct line *line);
void line_text_part(struct line *line, struct text part);
void line_text_end(struct line *line);

/* Bytes in base64 as a string. */
void line_base64(struct line *line, struct text value);

void line_number(struct line *line, uint64_t number);

/* A number as a string, for ids. */
void line_number_string(struct line *line, uint64_t number);

#endif
