// SPDX-License-Identifier: BSD-2-Clause
#include "reference.h"
#include "tap.h"
#include "util/text_json.h"

#include <stdlib.h>
#include <string.h>

#define BAD TEXT_REPLACEMENT

static bool becomes(const char *bytes, const char *utf8)
{
	struct text text = text_from_string(bytes);
	char out[REFERENCE_UTF8_MAX(64)];
	size_t length = reference_to_utf8(text, out);
	bool same = length == strlen(utf8) && !memcmp(out, utf8, length);

	return same && text_is_utf8(text) == !strcmp(bytes, utf8);
}

static void well_formed_stays(void)
{
	CHECK(becomes("", ""));
	CHECK(becomes("plain \x01\x7f", "plain \x01\x7f"));
	CHECK(becomes("\xc2\x80\xdf\xbf", "\xc2\x80\xdf\xbf"));
	CHECK(becomes("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
		      "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"));
	CHECK(becomes("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
}

/* The examples of Unicode 15, tables 3-8 to 3-11, and similar ones. */
static void ill_formed_is_replaced(void)
{
	CHECK(becomes("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41",
		      BAD BAD BAD BAD BAD BAD BAD BAD "\x41"));
	CHECK(becomes("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41",
		      BAD BAD BAD BAD BAD BAD BAD BAD "\x41"));
	CHECK(becomes("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42",
		      BAD BAD BAD BAD BAD "\x41" BAD BAD "\x42"));
	CHECK(becomes("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", BAD BAD BAD BAD "\x41"));
	CHECK(becomes("\xf5", BAD));
	CHECK(becomes("\xe2\x82", BAD));
}

/* Returns a text of some of the pieces, up to `most` bytes. */
static struct text random_text(unsigned int *seed, char *bytes, size_t most)
{
	static const char override[] = { '\xe2', '\x80', '\xae', '\0' }; /* U+202E */
	static const char *const pieces[] = { "a",
					      "plain text",
					      "a path of ASCII that is longer than two blocks",
					      "\x01",
					      "\"",
					      "\xc3\xa9",
					      "\xe2\x82\xac",
					      "\xf0\x9f\x98\x80",
					      "\xff",
					      "\xe2\x82",
					      "\xf0\x9f\x98",
					      "\xed\xa0",
					      "\xe0\x80",
					      "\xf4\x90",
					      "\xc2\x9b",
					      override };
	size_t count = 1 + (size_t)rand_r(seed) % 16, first = (size_t)rand_r(seed) % 16;
	struct text text = { bytes, 0 };

	/* texts of few kinds of pieces have long runs of each */
	while (rand_r(seed) % 64) {
		const char *piece = pieces[(first + (size_t)rand_r(seed) % count) % 16], *end;

		if (text.length + strlen(piece) > most)
			break;
		end = mempcpy(bytes + text.length, piece, strlen(piece));
		text.length = (size_t)(end - bytes);
	}
	return text;
}

/* Compares what is found by blocks with what is found part by part. */
static void blocks_are_as_parts(void)
{
	unsigned int seed = 1;

	for (int round = 0; round < 20000; round++) {
		char *bytes =
			malloc(600); /* the sanitizer sees what is read before and behind it */
		struct text text = random_text(&seed, bytes, 600), rest = text;
		size_t prefix = 0, json_bytes = 0, length;
		bool well_formed, all = true;

		for (; rest.length; rest = text_skip(rest, length)) {
			length = text_step(rest, &well_formed);
			all = all && well_formed;
			prefix += all ? length : 0;
			json_bytes += text_json_length((struct text){ rest.bytes, length });
		}
		CHECK(text_utf8_prefix(text) == prefix);
		CHECK(text_json_length(text) == json_bytes);
		free(bytes);
	}
}

/* Returns a text of `length` bytes at the limits of the ranges of Unicode 15, table 3-7. */
static struct text random_limits(unsigned int *seed, char *bytes, size_t length)
{
	static const unsigned char limits[] = { 0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
						0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1,
						0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3,
						0xf4, 0xf5, 0xfe, 0xff };

	for (size_t i = 0; i < length; i++)
		bytes[i] = (char)limits[(size_t)rand_r(seed) % sizeof(limits)];
	return (struct text){ bytes, length };
}

/* Compares what is marked with the parts of the first `bytes` bytes. */
static bool marked_is_right(struct text text, size_t bytes, const struct text_marked *marked)
{
	size_t done = 0, ill_formed = 0, of_characters = 0;
	struct text_counts counts;
	bool well_formed, same = true;

	while (done < bytes) {
		size_t length = text_step(text_skip(text, done), &well_formed);

		for (size_t i = done; i < done + length; i++)
			same = same && (unsigned char)marked->bytes[i] ==
					       (well_formed ? (unsigned char)text.bytes[i]
						: i == done ? TEXT_MARK_ILL_FORMED
							    : TEXT_MARK_REST);
		ill_formed += !well_formed;
		of_characters += well_formed ? length : 0;
		done += length;
	}
	for (size_t i = done; i < marked->length; i++)
		same = same && (unsigned char)marked->bytes[i] == TEXT_MARK_REST;
	if (bytes >= TEXT_COUNT_MIN_BYTES) {
		counts = text_count_parts(text, bytes);
		same = same && counts.ill_formed == ill_formed &&
		       counts.bytes_of_characters == of_characters;
	}
	return same && done == bytes && marked->ill_formed == ill_formed &&
	       marked->has_characters == (of_characters > 0);
}

static void marks_are_as_parts(void)
{
	unsigned int seed = 1;

	for (int round = 0; round < 20000; round++) {
		size_t length = 1 + (size_t)rand_r(&seed) % 300, bytes;
		char *memory = malloc(length);
		struct text text = round % 2 ? random_limits(&seed, memory, length)
					     : random_text(&seed, memory, length);
		struct text_marked marked;

		if (text.length) {
			bytes = text_first_parts(text, TEXT_COUNT_MAX_BYTES).length;
			text_mark(text, bytes, &marked);
			CHECK(marked_is_right(text, bytes, &marked));
		}
		free(memory);
	}
}

static void base64_matches_rfc_4648(void)
{
	static const char *const vectors[][2] = { { "", "" },
						  { "f", "Zg==" },
						  { "fo", "Zm8=" },
						  { "foo", "Zm9v" },
						  { "foob", "Zm9vYg==" },
						  { "fooba", "Zm9vYmE=" },
						  { "foobar", "Zm9vYmFy" },
						  { "\xff\xfe\xfb", "//77" } };
	char out[16];

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		size_t length = text_to_base64(text_from_string(vectors[i][0]), out);

		CHECK(length == strlen(vectors[i][1]) && !memcmp(out, vectors[i][1], length));
	}
}

static void base64_has_every_pair_of_digits(void)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (unsigned int bits = 0; bits < 64 * 64; bits++) {
		const char bytes[] = { (char)(bits >> 4), (char)(bits << 4 | bits >> 8),
				       (char)bits };
		const char pair[] = { digits[bits / 64], digits[bits % 64] };
		char out[4];

		CHECK(text_to_base64((struct text){ bytes, 3 }, out) == 4);
		CHECK(!memcmp(out, pair, 2) && !memcmp(out + 2, pair, 2));
	}
}

static void strings_are_split_at_nuls(void)
{
	struct text strings = { "a\0\0bc", 5 }, string;

	CHECK(text_next_string(&strings, &string) && string.length == 1 && string.bytes[0] == 'a');
	CHECK(text_next_string(&strings, &string) && string.length == 0);
	CHECK(text_next_string(&strings, &string) && string.length == 2);
	CHECK(!text_next_string(&strings, &string));
	strings = (struct text){ "\0", 1 };
	CHECK(text_next_string(&strings, &string) && string.length == 0);
	CHECK(!text_next_string(&strings, &string));
}

/* Fills a block of the exact size with one byte, and splits it at a NUL in each place. */
static void the_first_nul_ends_a_string(void)
{
	static const char bytes[] = "\x01\x7f\x80\x81\xff";

	for (size_t i = 0; i < sizeof(bytes) - 1; i++)
		for (size_t length = 1; length <= 20; length++)
			for (size_t nul = 0; nul <= length; nul++) {
				char *block = memset(malloc(length), bytes[i], length);
				struct text strings = { block, length }, string;

				if (nul < length)
					block[nul] = '\0';
				CHECK(text_next_string(&strings, &string) && string.length == nul);
				CHECK(strings.length == length - nul - (nul < length));
				free(block);
			}
}

static void json_lengths(void)
{
	/* U+202E, U+061C, U+202D; in a literal they would be taken for a disguise of this source */
	static const char bidirectional[] = { '\xe2', '\x80', '\xae', '\xd8', '\x9c',
					      '\xe2', '\x80', '\xad', '\0' };

	CHECK(text_json_length(text_from_string("plain")) == 5);
	CHECK(text_json_length(text_from_string("\"\\\n\t\r\b\f")) == 14);
	CHECK(text_json_length(text_from_string("\x01\x1f")) == 12);
	CHECK(text_json_length(text_from_string("\xc3\xa9\xff")) == 5);
	CHECK(text_json_length((struct text){ "\0", 1 }) == 6);
	CHECK(text_json_length(text_from_string(bidirectional)) == 18);
	CHECK(text_json_length(text_from_string("\xe2\x80\xaf\xd8\x9d")) == 5);
}

/* Returns the beginning or the end of the text with at most so many bytes of JSON. */
static struct text cut(struct text text, size_t json_bytes)
{
	return text_json_cut(text, &(struct text_json_budget){ .bytes = json_bytes, .times = 1 });
}

static struct text tail(struct text text, size_t json_bytes)
{
	return text_json_tail(text, &(struct text_json_budget){ .bytes = json_bytes, .times = 1 });
}

static void cuts_fall_between_characters(void)
{
	struct text text = text_from_string("a\xc3\xa9\n\xff z");

	CHECK(cut(text, 100).length == text.length);
	CHECK(cut(text, 0).length == 0);
	CHECK(cut(text, 1).length == 1);
	CHECK(cut(text, 2).length == 1);
	CHECK(cut(text, 3).length == 3);
	CHECK(cut(text, 4).length == 3);
	CHECK(cut(text, 5).length == 4);
	CHECK(cut(text, 15).length == 4); /* \xff: U+FFFD, and base64 of all */
	CHECK(cut(text, 16).length == 5);
}

static void tails_fall_between_characters(void)
{
	struct text text = text_from_string("z \xff\n\xc3\xa9"
					    "a");

	CHECK(tail(text, 100).length == text.length);
	CHECK(tail(text, 0).length == 0);
	CHECK(tail(text, 1).length == 1);
	CHECK(tail(text, 2).length == 1);
	CHECK(tail(text, 3).length == 3);
	CHECK(tail(text, 4).length == 3);
	CHECK(tail(text, 5).length == 4);
	CHECK(tail(text, 15).length == 4);
	CHECK(tail(text, 16).length == 5);
	CHECK(tail(text, 16).bytes + 5 == text.bytes + text.length);
}

/* The cost of a text, from its definition. */
static size_t cost(struct text text, const struct text_json_budget *budget)
{
	size_t raw = budget->raw_bytes + TEXT_BASE64_LENGTH(text.length);

	return budget->times * text_json_length(text) + (text_is_utf8(text) ? 0 : raw);
}

/* Compares with the longest of all beginnings, or ends, that fall between characters. */
static void cuts_are_longest(struct text text, struct text_json_budget budget)
{
	struct text_json_budget before = budget, after = budget;
	struct text front = text_json_cut(text, &before), back = text_json_tail(text, &after),
		    rest = text;
	size_t longest = 0, bytes;
	bool well_formed, found = false;

	for (; rest.length; rest = text_skip(rest, bytes)) {
		bytes = text_step(rest, &well_formed);
		found = found || rest.bytes == back.bytes;
		if (cost((struct text){ text.bytes, text.length - rest.length + bytes }, &budget) <=
		    budget.bytes)
			longest = text.length - rest.length + bytes;
	}
	CHECK(front.bytes == text.bytes && front.length == longest);
	CHECK(budget.bytes - before.bytes == cost(front, &budget));
	CHECK(before.ill_formed == !text_is_utf8(front));
	CHECK(back.bytes + back.length == text.bytes + text.length && (found || !back.length));
	CHECK(budget.bytes - after.bytes == cost(back, &budget));
	if (back.length < text.length && text_is_utf8(text)) {
		struct text longer = { back.bytes - 1, back.length + 1 };

		while ((*longer.bytes & 0xc0) == 0x80)
			longer = (struct text){ longer.bytes - 1, longer.length + 1 };
		CHECK(cost(longer, &budget) > budget.bytes);
	}
}

static void cuts_use_the_budget(void)
{
	unsigned int seed = 1;

	for (int round = 0; round < 20000; round++) {
		char bytes[400];
		struct text text = random_text(&seed, bytes, round % 10 ? 64 : sizeof(bytes));

		cuts_are_longest(
			text, (struct text_json_budget){ .bytes = (size_t)rand_r(&seed) % 256 *
								  (round % 10 ? 1 : 6),
							 .times = 1 + (size_t)rand_r(&seed) % 3,
							 .raw_bytes = (size_t)rand_r(&seed) % 40 });
	}
}

int main(void)
{
	tap_run("well-formed UTF-8 stays as it is", well_formed_stays);
	tap_run("each maximal ill-formed part becomes one U+FFFD", ill_formed_is_replaced);
	tap_run("what is found by blocks is as what is found part by part", blocks_are_as_parts);
	tap_run("so is what is marked as ill-formed", marks_are_as_parts);
	tap_run("base64 matches the vectors of RFC 4648", base64_matches_rfc_4648);
	tap_run("base64 has every pair of digits", base64_has_every_pair_of_digits);
	tap_run("argument strings are split at their NULs, empty ones too",
		strings_are_split_at_nuls);
	tap_run("they end at the first NUL, whatever they contain", the_first_nul_ends_a_string);
	tap_run("the length of a JSON string counts its escapes", json_lengths);
	tap_run("a cut never falls inside a character", cuts_fall_between_characters);
	tap_run("nor does one from the beginning", tails_fall_between_characters);
	tap_run("a cut is the longest that the budget pays for", cuts_use_the_budget);
	return tap_end();
}
