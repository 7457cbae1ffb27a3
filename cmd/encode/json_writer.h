/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes one line of JSON (RFC 8259) into a buffer of the caller. Nothing is allocated. No byte is
 * written past the capacity. A line that does not fit has a length above the capacity; the work for
 * it ends there, and the length says no more.
 *
 * Keys and items set the commas. The caller keeps the order of calls: a key before each value of an
 * object, an item before each value of an array. The output is ASCII or well-formed UTF-8 without
 * control characters (C0, DEL and C1 of ECMA-48, bidirectional controls), so that a terminal never
 * interprets it.
 *
 * Every function takes a pointer. The functions for the parts that most lines have are inline, and
 * an encoder works on a local copy of the writer:
 *
 *	static JSON_WRITER_FLATTEN void write_format(struct json_writer *json, …)
 *	{
 *		struct json_writer local = *json;
 *		… json_writer_key(&local, …) …
 *		*json = local;
 *	}
 *
 * JSON_WRITER_FLATTEN inlines all that it calls. As the address of the copy then goes nowhere, the
 * compiler keeps the members in registers: a store of a character cannot change them. Out-of-line
 * functions get a copy for the same reason, see json_writer_text_part().
 */
#ifndef EXECTAP_JSON_WRITER_H
#define EXECTAP_JSON_WRITER_H

#include "util/clock.h"
#include "util/text_json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct json_writer {
	char *bytes; /* the caller's */
	size_t capacity; /* bytes */
	size_t length; /* bytes; more than the capacity: the line does not fit */
	bool needs_comma; /* before the next key or item */
	bool ill_formed; /* a text was not UTF-8, and shows U+FFFD */
};

#define JSON_WRITER_FLATTEN __attribute__((flatten))

/* Constant texts, made at compile time: a key for json_writer_key(), a string without characters to
 * escape for json_writer_literal(), and whole members for json_writer_members(). */
#define JSON_WRITER_KEY(name) ((struct text){ "\"" name "\":", sizeof("\"" name "\":") - 1 })
#define JSON_WRITER_STRING(string) ((struct text){ "\"" string "\"", sizeof("\"" string "\"") - 1 })
#define JSON_WRITER_MEMBERS(json) ((struct text){ json, sizeof(json) - 1 })
/* The key of an item of an array, and of the line itself. */
#define JSON_WRITER_NO_KEY ((struct text){ NULL, 0 })

static inline struct json_writer json_writer_new(char *bytes, size_t capacity)
{
	return (struct json_writer){ .bytes = bytes, .capacity = capacity };
}

/* Makes the line longer; *to points to the new bytes. Returns false where they do not fit. */
static inline bool json_writer_extend(struct json_writer *json, size_t bytes, char **to)
{
	*to = json->bytes + json->length;
	json->length += bytes;
	return json->length <= json->capacity;
}

static inline void json_writer_append(struct json_writer *json, const char *bytes, size_t length)
{
	char *to;

	if (json_writer_extend(json, length, &to))
		memcpy(to, bytes, length);
}

/* Appends the comma, the key and the bracket ('\0': none) that begin a value, in one piece. */
static inline void json_writer_begin(struct json_writer *json, struct text key, char bracket)
{
	size_t comma = json->needs_comma, brackets = bracket != '\0';
	char *to;

	if (json_writer_extend(json, comma + key.length + brackets, &to)) {
		if (comma)
			*to++ = ',';
		if (key.length)
			memcpy(to, key.bytes, key.length);
		if (brackets)
			to[key.length] = bracket;
	}
	json->needs_comma = false;
}

/* Begins an item of an array. */
static inline void json_writer_item(struct json_writer *json)
{
	json_writer_begin(json, JSON_WRITER_NO_KEY, '\0');
}

/* Begins a member of an object. */
static inline void json_writer_key(struct json_writer *json, struct text key)
{
	json_writer_begin(json, key, '\0');
}

/* Begins an object: the value of `key`, or with JSON_WRITER_NO_KEY an item or the line itself. */
static inline void json_writer_object_begin(struct json_writer *json, struct text key)
{
	json_writer_begin(json, key, '{');
}

static inline void json_writer_object_end(struct json_writer *json)
{
	json_writer_append(json, "}", 1);
	json->needs_comma = true;
}

/* Begins an array, as json_writer_object_begin() does. */
static inline void json_writer_array_begin(struct json_writer *json, struct text key)
{
	json_writer_begin(json, key, '[');
}

static inline void json_writer_array_end(struct json_writer *json)
{
	json_writer_append(json, "]", 1);
	json->needs_comma = true;
}

/* Appends a value as it is: a number, true, false, or a JSON_WRITER_STRING(). */
static inline void json_writer_literal(struct json_writer *json, struct text value)
{
	json_writer_append(json, value.bytes, value.length);
	json->needs_comma = true;
}

/* Appends whole members of an object or whole items of an array, JSON_WRITER_MEMBERS(). */
static inline void json_writer_members(struct json_writer *json, struct text members)
{
	json_writer_begin(json, members, '\0');
	json->needs_comma = true;
}

/* Appends a string that has no character to escape. */
static inline void json_writer_ascii(struct json_writer *json, struct text value)
{
	char *to;

	if (json_writer_extend(json, value.length + 2, &to)) {
		memcpy(to + 1, value.bytes, value.length);
		to[0] = to[value.length + 1] = '"';
	}
	json->needs_comma = true;
}

static inline void json_writer_number(struct json_writer *json, uint64_t number)
{
	char digits[TEXT_DECIMAL_BYTES];

	/* formatted in place where it fits: a copy would cost as much again */
	if (json->length + TEXT_DECIMAL_BYTES <= json->capacity)
		json->length += text_to_decimal(number, json->bytes + json->length);
	else
		json_writer_append(json, digits, text_to_decimal(number, digits));
	json->needs_comma = true;
}

/* Appends a number as a string, for ids. */
static inline void json_writer_number_string(struct json_writer *json, uint64_t number)
{
	json_writer_append(json, "\"", 1);
	json_writer_number(json, number);
	json_writer_append(json, "\"", 1);
}

/* Appends a time in nanoseconds since 1970, in the format of RFC 3339. */
static inline void json_writer_time(struct json_writer *json, uint64_t wall_ns)
{
	char *to;

	if (json_writer_extend(json, CLOCK_RFC3339_LENGTH + 2, &to)) {
		clock_rfc3339(to + 1, wall_ns);
		to[0] = to[CLOCK_RFC3339_LENGTH + 1] = '"';
	}
	json->needs_comma = true;
}

/* Copies a text whose bytes are all plain (text.h). Returns false, with undefined bytes at `to`,
 * where one is not. */
bool json_writer_copy_plain(char *to, struct text text);

/* Appends a text of any bytes as part of a string. */
void json_writer_escape(struct json_writer *json, struct text part);

static inline void json_writer_text_part(struct json_writer *json, struct text part)
{
	if (json->length + part.length <= json->capacity &&
	    json_writer_copy_plain(json->bytes + json->length, part)) {
		json->length += part.length;
	} else {
		struct json_writer copy = *json;

		json_writer_escape(&copy, part);
		*json = copy;
	}
}

/* Appends strings with a NUL behind each, or all but the last, as part of a string. The table has
 * what each NUL between two becomes. */
void json_writer_strings(struct json_writer *json, struct text strings,
			 const struct text_json_table *table);

static inline void json_writer_text_begin(struct json_writer *json)
{
	json_writer_append(json, "\"", 1);
}

static inline void json_writer_text_end(struct json_writer *json)
{
	json_writer_append(json, "\"", 1);
	json->needs_comma = true;
}

/*
 * Appends any bytes as a string: ill-formed UTF-8 becomes U+FFFD (text.h) and sets ill_formed.
 * Several texts between json_writer_text_begin() and json_writer_text_end() make one string.
 */
static inline void json_writer_text(struct json_writer *json, struct text value)
{
	json_writer_text_begin(json);
	json_writer_text_part(json, value);
	json_writer_text_end(json);
}

/* Appends bytes in base64 as a string. */
static inline void json_writer_base64(struct json_writer *json, struct text value)
{
	char *to;

	if (json_writer_extend(json, TEXT_BASE64_LENGTH(value.length) + 2, &to)) {
		to[0] = to[TEXT_BASE64_LENGTH(value.length) + 1] = '"';
		text_to_base64(value, to + 1);
	}
	json->needs_comma = true;
}

#endif
