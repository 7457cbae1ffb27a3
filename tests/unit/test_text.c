// SPDX-License-Identifier: BSD-2-Clause
#include "tap.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

#define BAD TEXT_REPLACEMENT

static bool becomes(const char *bytes, const char *utf8)
{
	struct text text = text_from_string(bytes);
	char out[TEXT_UTF8_MAX(64)];
	size_t length = text_to_utf8(text, out);
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

static void json_lengths(void)
{
	CHECK(text_json_length(text_from_string("plain")) == 5);
	CHECK(text_json_length(text_from_string("\"\\\n\t\r\b\f")) == 14);
	CHECK(text_json_length(text_from_string("\x01\x1f")) == 12);
	CHECK(text_json_length(text_from_string("\xc3\xa9\xff")) == 5);
	CHECK(text_json_length((struct text){ "\0", 1 }) == 6);
}

static void cuts_fall_between_characters(void)
{
	struct text text = text_from_string("a\xc3\xa9\n\xff z");

	CHECK(text_cut(text, 100).length == text.length);
	CHECK(text_cut(text, 0).length == 0);
	CHECK(text_cut(text, 1).length == 1);
	CHECK(text_cut(text, 2).length == 1);
	CHECK(text_cut(text, 3).length == 3);
	CHECK(text_cut(text, 4).length == 3);
	CHECK(text_cut(text, 5).length == 4);
	CHECK(text_cut(text, 8).length == 5);
}

static void tails_fall_between_characters(void)
{
	struct text text = text_from_string("z \xff\n\xc3\xa9"
					    "a");

	CHECK(text_tail(text, 100).length == text.length);
	CHECK(text_tail(text, 0).length == 0);
	CHECK(text_tail(text, 1).length == 1);
	CHECK(text_tail(text, 2).length == 1);
	CHECK(text_tail(text, 3).length == 3);
	CHECK(text_tail(text, 4).length == 3);
	CHECK(text_tail(text, 5).length == 4);
	CHECK(text_tail(text, 8).length == 5);
	CHECK(text_tail(text, 8).bytes + 5 == text.bytes + text.length);
}

int main(void)
{
	tap_run("well-formed UTF-8 stays as it is", well_formed_stays);
	tap_run("each maximal ill-formed part becomes one U+FFFD", ill_formed_is_replaced);
	tap_run("base64 matches the vectors of RFC 4648", base64_matches_rfc_4648);
	tap_run("argument strings are split at their NULs, empty ones too",
		strings_are_split_at_nuls);
	tap_run("the length of a JSON string counts its escapes", json_lengths);
	tap_run("a cut never falls inside a character", cuts_fall_between_characters);
	tap_run("nor does one from the beginning", tails_fall_between_characters);
	return tap_end();
}
