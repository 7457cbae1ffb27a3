// SPDX-License-Identifier: BSD-2-Clause
/* The JSON writer; jansson parses its output. */
#include "encode/json_writer.h"
#include "reference.h"
#include "tap.h"
#include "util/text_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 512

/* Returns true if jansson parses the written string as the text, with U+FFFD in place of bytes that
 * are not UTF-8. */
static bool survives(struct text text)
{
	char bytes[ROOM], expected[REFERENCE_UTF8_MAX(64)];
	struct json_writer line = json_writer_new(bytes, sizeof(bytes));
	size_t length = reference_to_utf8(text, expected);
	json_t *json;
	bool same;

	json_writer_text(&line, text);
	json = json_loadb(bytes, line.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	same = json_string_length(json) == length &&
	       !memcmp(json_string_value(json), expected, length);
	json_decref(json);
	return same && line.length == text_json_length(text) + 2 &&
	       line.ill_formed == !text_is_utf8(text);
}

/* Strings are scanned sixteen bytes at a time. */
static void every_byte_everywhere(void)
{
	for (size_t length = 1; length <= 40; length++)
		for (size_t at = 0; at < length; at++)
			for (int byte = 0; byte < 256; byte++) {
				char string[40];

				memset(string, 'x', length);
				string[at] = (char)byte;
				CHECK(survives((struct text){ string, length }));
			}
}

static void random_strings(void)
{
	static const char pieces[] = "\xc2\x80\xc2\x9f\xc2\xa0\xe2\x82\xac\xe2\x80\xae\xe2\x81\xa9"
				     "\xd8\x9c\xf0\x9f\x98\x80\xff\"\\\x7f\t a";
	unsigned int seed = 1;

	for (int round = 0; round < 200000; round++) {
		char string[40];
		size_t length = (size_t)rand_r(&seed) % sizeof(string);

		for (size_t i = 0; i < length; i++)
			string[i] = pieces[(size_t)rand_r(&seed) % (sizeof(pieces) - 1)];
		CHECK(survives((struct text){ string, length }));
	}
}

static void write_sample(struct json_writer *line)
{
	json_writer_object_begin(line, JSON_WRITER_NO_KEY);
	json_writer_key(line, JSON_WRITER_KEY("text"));
	json_writer_text(line, text_from_string("a\"\xff\x9b\xc3\xa9"));
	json_writer_array_begin(line, JSON_WRITER_KEY("list"));
	json_writer_item(line);
	json_writer_number(line, UINT64_MAX);
	json_writer_item(line);
	json_writer_number_string(line, 0);
	json_writer_item(line);
	json_writer_base64(line, text_from_string("foobar"));
	json_writer_array_end(line);
	json_writer_key(line, JSON_WRITER_KEY("parts"));
	json_writer_text_begin(line);
	json_writer_text_part(line, text_from_string("one "));
	json_writer_text_part(line, text_from_string("two"));
	json_writer_text_end(line);
	json_writer_key(line, JSON_WRITER_KEY("literal"));
	json_writer_literal(line, JSON_WRITER_STRING("ours"));
	json_writer_object_end(line);
}

#define SAMPLE                                                                                     \
	"{\"text\":\"a\\\"" TEXT_REPLACEMENT TEXT_REPLACEMENT                                      \
	"\xc3\xa9\",\"list\":[18446744073709551615,"                                               \
	"\"0\",\"Zm9vYmFy\"],\"parts\":\"one two\",\"literal\":\"ours\"}"

static void nothing_past_the_room(void)
{
	for (size_t room = 0; room <= sizeof(SAMPLE); room++) {
		char *bytes =
			malloc(room ? room : 1); /* so that the sanitizer sees a byte past it */
		struct json_writer line = json_writer_new(bytes, room);

		write_sample(&line);
		CHECK((line.length <= room) == (room >= sizeof(SAMPLE) - 1));
		if (line.length <= room)
			CHECK(line.length == sizeof(SAMPLE) - 1 && line.ill_formed &&
			      !memcmp(bytes, SAMPLE, sizeof(SAMPLE) - 1));
		free(bytes);
	}
}

/* All characters of general punctuation and of Arabic are written: the bidirectional controls
 * (UAX #9) escaped, the others as they are. */
static void bidirectional_controls(void)
{
	static const unsigned int controls[] = { 0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c,
						 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069 };
	size_t escaped = 0;

	for (unsigned int character = 0x600; character < 0x2100; character++) {
		char utf8[3], bytes[ROOM], expected[16];
		struct json_writer line = json_writer_new(bytes, sizeof(bytes));
		bool is_control = false;
		struct text text = { utf8, character < 0x800 ? 2 : 3 };

		utf8[0] =
			(char)(character < 0x800 ? 0xc0 | character >> 6 : 0xe0 | character >> 12);
		utf8[1] = (char)(0x80 | (text.length == 2 ? character & 63 : character >> 6 & 63));
		utf8[2] = (char)(0x80 | (character & 63));
		for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
			is_control = is_control || controls[i] == character;
		snprintf(expected, sizeof(expected), "\"\\u%04x\"", character);
		json_writer_text(&line, text);
		CHECK((line.length == 8 && !memcmp(bytes, expected, 8)) == is_control);
		CHECK(survives(text));
		escaped += line.length == 8;
	}
	CHECK(escaped == sizeof(controls) / sizeof(controls[0]));
}

/* A character whose bytes are in two blocks stays whole, wherever the room for blocks ends. */
static void room_ends_within_characters(void)
{
	static const char *const units[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
					     "\xff" };
	char string[240], whole[4 * sizeof(string)], bytes[4 * sizeof(string)];

	for (size_t escapes = 0; escapes < 64 * 4; escapes++) {
		const char *unit = units[escapes % 4], *end;
		struct text text = { string, 0 };
		struct json_writer full = json_writer_new(whole, sizeof(whole)), exact;

		while (text.length + 5 < sizeof(string)) {
			if (text.length % 61 < escapes / 4 % 8 || text.length % 7 == escapes / 32)
				string[text.length++] = '\n';
			end = mempcpy(string + text.length, unit, strlen(unit));
			text.length = (size_t)(end - string);
		}
		json_writer_text(&full, text);
		exact = json_writer_new(bytes, full.length);
		json_writer_text(&exact, text);
		CHECK(exact.length == full.length && exact.ill_formed == full.ill_formed &&
		      !memcmp(bytes, whole, full.length));
	}
}

static void decimals(void)
{
	uint64_t number = 1;

	for (int i = 0; i < 64; i++, number *= 2)
		for (int off = -1; off <= 1; off++) {
			char expected[32], digits[TEXT_DECIMAL_BYTES];
			uint64_t value = number + (uint64_t)off;
			size_t length = (size_t)snprintf(expected, sizeof(expected), "%llu",
							 (unsigned long long)value);

			CHECK(text_to_decimal(value, digits) == length &&
			      !memcmp(digits, expected, length));
		}
}

int main(void)
{
	tap_run("every byte at every place of a string reads back", every_byte_everywhere);
	tap_run("any mixture of characters and broken ones reads back", random_strings);
	tap_run("with less room than needed nothing is written past it, and the length is above it",
		nothing_past_the_room);
	tap_run("a character stays whole at the end of the room", room_ends_within_characters);
	tap_run("bidirectional controls are escaped, and read back", bidirectional_controls);
	tap_run("numbers have their digits", decimals);
	return tap_end();
}
