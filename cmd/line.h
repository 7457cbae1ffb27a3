/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line of JSON (RFC 8259) that is appended to. Nothing is allocated, and no byte is written past the
 * room: what does not fit is counted, as snprintf(3) does, so that the length tells what would have been needed.
 *
 * Keys and items set the commas; the order of calls (a key before each value of an object, an item before each of
 * an array) is the caller's. Everything written is ASCII or well-formed UTF-8, and holds no control character,
 * neither C0 nor DEL nor C1 (ECMA-48), so that a terminal only ever shows it.
 *
 * What is appended for every event is inline, and functions that are not take a line by value and return it: so
 * a line whose address is never passed on stays in registers, where a store of a character can't have changed it.
 */
#ifndef EXECTAP_LINE_H
#define EXECTAP_LINE_H

#include "clock.h"
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

/* A function whose line stays in registers: what it calls for that is inlined. */
#define LINE_WRITER __attribute__((flatten))

/* A key as line_key() takes it, made when exectap is compiled. */
#define LINE_KEY(name) ((struct text){ "\"" name "\":", sizeof("\"" name "\":") - 1 })
/* A string of ours as line_bare() takes it: in quotes, with nothing to escape. */
#define LINE_STRING(string) ((struct text){ "\"" string "\"", sizeof("\"" string "\"") - 1 })

static inline struct line line_begin(char *bytes, size_t room)
{
	return (struct line){ .bytes = bytes, .room = room };
}

/* Makes the line longer; *to is the place of what is new. False where there is none: the line does not fit. */
static inline bool line_extend(struct line *line, size_t bytes, char **to)
{
	*to = line->bytes + line->length;
	line->length += bytes;
	return line->length <= line->room;
}

static inline void line_append(struct line *line, const char *bytes, size_t length)
{
	char *to;

	if (line_extend(line, length, &to))
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
	line_item(line);
	line_append(line, key.bytes, key.length);
}

/* A value that needs no escaping: true, or a LINE_STRING(). */
static inline void line_bare(struct line *line, struct text value)
{
	line_append(line, value.bytes, value.length);
	line->separate = true;
}

/* The same in quotes. */
static inline void line_plain(struct line *line, struct text value)
{
	char *to;

	if (line_extend(line, value.length + 2, &to)) {
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

static inline void line_number(struct line *line, uint64_t number)
{
	char digits[TEXT_DECIMAL_BYTES];

	/* made in its place where that is safe: to copy it would cost as much again */
	if (line->length + TEXT_DECIMAL_BYTES <= line->room)
		line->length += text_to_decimal(number, line->bytes + line->length);
	else
		line_append(line, digits, text_to_decimal(number, digits));
	line->separate = true;
}

/* A number as a string, for ids. */
static inline void line_number_string(struct line *line, uint64_t number)
{
	line_append(line, "\"", 1);
	line_number(line, number);
	line_append(line, "\"", 1);
}

/* Nanoseconds since 1970, as RFC 3339 writes it. */
static inline void line_time(struct line *line, uint64_t wall_ns)
{
	char *to;

	if (line_extend(line, CLOCK_RFC3339_LENGTH + 2, &to)) {
		clock_rfc3339(to + 1, wall_ns);
		to[0] = to[CLOCK_RFC3339_LENGTH + 1] = '"';
	}
	line->separate = true;
}

/* Copies a text whose bytes are all plain (text.h). False, with anything at `to`, where one is not. */
bool line_copy_plain(char *to, struct text text);

/* A text of any bytes, part of a string. */
struct line line_escape(struct line line, struct text part);

static inline void line_text_part(struct line *line, struct text part)
{
	if (line->length + part.length <= line->room && line_copy_plain(line->bytes + line->length, part))
		line->length += part.length;
	else
		*line = line_escape(*line, part);
}

static inline void line_text_begin(struct line *line)
{
	line_append(line, "\"", 1);
}

static inline void line_text_end(struct line *line)
{
	line_append(line, "\"", 1);
	line->separate = true;
}

/*
 * Any bytes as a string: what is no UTF-8 becomes U+FFFD (text.h) and sets line->ill_formed. Or several texts, between
 * begin and end, as if they stood one behind the other.
 */
static inline void line_text(struct line *line, struct text value)
{
	line_text_begin(line);
	line_text_part(line, value);
	line_text_end(line);
}

/* Bytes in base64 as a string. */
static inline void line_base64(struct line *line, struct text value)
{
	char *to;

	if (line_extend(line, TEXT_BASE64_LENGTH(value.length) + 2, &to)) {
		to[0] = to[TEXT_BASE64_LENGTH(value.length) + 1] = '"';
		text_to_base64(value, to + 1);
	}
	line->separate = true;
}

#endif
