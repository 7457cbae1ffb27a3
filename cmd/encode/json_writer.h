/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line of JSON (RFC 8259) that is appended to. Nothing is allocated, and no byte is written past
 * the room: what does not fit is counted, as snprintf(3) does, so that the length tells what would
 * have been needed.
 *
 * Keys and items set the commas; the order of calls (a key before each value of an object, an item
 * before each of an array) is the caller's. Everything written is ASCII or well-formed UTF-8, and
 * holds no control character, neither C0 nor DEL nor C1 (ECMA-48), so that a terminal only ever
 * shows it.
 *
 * What is appended for every event is inline, and functions that are not take a line by value and
 * return it: so a line whose address is never passed on stays in registers, where a store of a
 * character can't have changed it.
 */
#ifndef EXECTAP_JSON_WRITER_H
#define EXECTAP_JSON_WRITER_H

#include "util/clock.h"
#include "util/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct json_writer {
	char *bytes; /* the caller's */
	size_t room;
	size_t length; /* may be more than room: the line does not fit then */
	bool separate; /* a comma comes before what follows */
	bool ill_formed; /* a text was no UTF-8, and shows U+FFFD */
};

/* A function whose line stays in registers: what it calls for that is inlined. */
#define JSON_WRITER_FLATTEN __attribute__((flatten))

/* A key as json_writer_key() takes it, made when exectap is compiled. */
#define JSON_WRITER_KEY(name) ((struct text){ "\"" name "\":", sizeof("\"" name "\":") - 1 })
/* A string of ours as json_writer_literal() takes it: in quotes, with nothing to escape. */
#define JSON_WRITER_STRING(string) ((struct text){ "\"" string "\"", sizeof("\"" string "\"") - 1 })

static inline struct json_writer json_writer_begin(char *bytes, size_t room)
{
	return (struct json_writer){ .bytes = bytes, .room = room };
}

/* Makes the line longer; *to is the place of what is new. False where there is none: the line does
 * not fit. */
static inline bool json_writer_extend(struct json_writer *line, size_t bytes, char **to)
{
	*to = line->bytes + line->length;
	line->length += bytes;
	return line->length <= line->room;
}

static inline void json_writer_append(struct json_writer *line, const char *bytes, size_t length)
{
	char *to;

	if (json_writer_extend(line, length, &to))
		memcpy(to, bytes, length);
}

static inline void json_writer_item(struct json_writer *line)
{
	if (line->separate)
		json_writer_append(line, ",", 1);
	line->separate = false;
}

static inline void json_writer_key(struct json_writer *line, struct text key)
{
	json_writer_item(line);
	json_writer_append(line, key.bytes, key.length);
}

/* A value that needs no escaping: true, or a JSON_WRITER_STRING(). */
static inline void json_writer_literal(struct json_writer *line, struct text value)
{
	json_writer_append(line, value.bytes, value.length);
	line->separate = true;
}

/* The same in quotes. */
static inline void json_writer_ascii(struct json_writer *line, struct text value)
{
	char *to;

	if (json_writer_extend(line, value.length + 2, &to)) {
		memcpy(to + 1, value.bytes, value.length);
		to[0] = to[value.length + 1] = '"';
	}
	line->separate = true;
}

/* '{' or '[', and what ends it. */
static inline void json_writer_open(struct json_writer *line, char bracket)
{
	json_writer_append(line, &bracket, 1);
	line->separate = false;
}

static inline void json_writer_close(struct json_writer *line, char bracket)
{
	json_writer_append(line, &bracket, 1);
	line->separate = true;
}

static inline void json_writer_number(struct json_writer *line, uint64_t number)
{
	char digits[TEXT_DECIMAL_BYTES];

	/* made in its place where that is safe: to copy it would cost as much again */
	if (line->length + TEXT_DECIMAL_BYTES <= line->room)
		line->length += text_to_decimal(number, line->bytes + line->length);
	else
		json_writer_append(line, digits, text_to_decimal(number, digits));
	line->separate = true;
}

/* A number as a string, for ids. */
static inline void json_writer_number_string(struct json_writer *line, uint64_t number)
{
	json_writer_append(line, "\"", 1);
	json_writer_number(line, number);
	json_writer_append(line, "\"", 1);
}

/* Nanoseconds since 1970, as RFC 3339 writes it. */
static inline void json_writer_time(struct json_writer *line, uint64_t wall_ns)
{
	char *to;

	if (json_writer_extend(line, CLOCK_RFC3339_LENGTH + 2, &to)) {
		clock_rfc3339(to + 1, wall_ns);
		to[0] = to[CLOCK_RFC3339_LENGTH + 1] = '"';
	}
	line->separate = true;
}

/* Copies a text whose bytes are all plain (text.h). False, with anything at `to`, where one is not.
 */
bool json_writer_copy_plain(char *to, struct text text);

/* A text of any bytes, part of a string. */
struct json_writer json_writer_escape(struct json_writer line, struct text part);

static inline void json_writer_text_part(struct json_writer *line, struct text part)
{
	if (line->length + part.length <= line->room &&
	    json_writer_copy_plain(line->bytes + line->length, part))
		line->length += part.length;
	else
		*line = json_writer_escape(*line, part);
}

static inline void json_writer_text_begin(struct json_writer *line)
{
	json_writer_append(line, "\"", 1);
}

static inline void json_writer_text_end(struct json_writer *line)
{
	json_writer_append(line, "\"", 1);
	line->separate = true;
}

/*
 * Any bytes as a string: what is no UTF-8 becomes U+FFFD (text.h) and sets line->ill_formed. Or
 * several texts, between begin and end, as if they stood one behind the other.
 */
static inline void json_writer_text(struct json_writer *line, struct text value)
{
	json_writer_text_begin(line);
	json_writer_text_part(line, value);
	json_writer_text_end(line);
}

/* Bytes in base64 as a string. */
static inline void json_writer_base64(struct json_writer *line, struct text value)
{
	char *to;

	if (json_writer_extend(line, TEXT_BASE64_LENGTH(value.length) + 2, &to)) {
		to[0] = to[TEXT_BASE64_LENGTH(value.length) + 1] = '"';
		text_to_base64(value, to + 1);
	}
	line->separate = true;
}

#endif
