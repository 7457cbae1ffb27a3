/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings of unknown encoding, as the kernel has them: any byte but NUL, not ended by a NUL. */
#ifndef EXECTAP_TEXT_H
#define EXECTAP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
	const char *bytes; /* borrowed */
	size_t length; /* bytes */
};

/* What replaces bytes that are no UTF-8: U+FFFD. */
#define TEXT_REPLACEMENT "\xef\xbf\xbd"
#define TEXT_REPLACEMENT_BYTES 3

/* Most bytes that text_to_utf8() and text_to_base64() write for `length` bytes. */
#define TEXT_UTF8_MAX(length) ((length)*TEXT_REPLACEMENT_BYTES)
#define TEXT_BASE64_LENGTH(length) (((length) + 2) / 3 * 4)

/* Room for any text_to_decimal(). */
#define TEXT_DECIMAL_BYTES 20

struct text text_from_string(const char *string);

/* What stands behind the last slash; the whole where there is none. */
struct text text_base_name(struct text path);

/* Takes the next NUL-ended string (or the rest, if no NUL is left) off the front of *strings; false
 * at the end. */
static inline bool text_next_string(struct text *strings, struct text *string)
{
	const char *end;

	if (!strings->length)
		return false;
	end = memchr(strings->bytes, '\0', strings->length);
	string->bytes = strings->bytes;
	string->length = end ? (size_t)(end - strings->bytes) : strings->length;
	strings->bytes += string->length + (end != NULL);
	strings->length -= string->length + (end != NULL);
	return true;
}

/* True if every byte is part of well-formed UTF-8 (Unicode 15, table 3-7). */
bool text_is_utf8(struct text text);

/*
 * Writes text as well-formed UTF-8 to out (room for TEXT_UTF8_MAX(text.length) bytes, no NUL is
 * added) and returns the bytes written. Each maximal ill-formed part becomes one U+FFFD (Unicode
 * 15, 3.9, "substitution of maximal subparts").
 */
size_t text_to_utf8(struct text text, char *out);

/* Writes text in base64 (RFC 4648, with padding) to out and returns
 * TEXT_BASE64_LENGTH(text.length). */
size_t text_to_base64(struct text text, char *out);

/* text_to_decimal() of numbers from 10 */
size_t text_to_decimal_digits(uint64_t number, char out[TEXT_DECIMAL_BYTES]);

/* Writes the number's decimal digits to out, without a NUL, and returns how many; anything to what
 * is left of out. */
static inline size_t text_to_decimal(uint64_t number, char out[TEXT_DECIMAL_BYTES])
{
	if (number >= 10)
		return text_to_decimal_digits(number, out);
	*out = (char)('0' + number);
	return 1;
}

/* Writes the eight last digits of a number below 10^8, zeros first. */
void text_to_eight_digits(uint32_t number, char out[8]);

/* The length of the character at the front of text (length > 0), or of its maximal ill-formed part.
 */
size_t text_step(struct text text, bool *well_formed);

/* Whether text (length > 0) starts with a control character of the C1 set: U+0080 to U+009F. */
bool text_is_c1(struct text text);

/* Whether the byte is a character of its own that JSON strings hold and terminals show as it is. */
static inline bool text_byte_is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

#define TEXT_EACH_BYTE(byte) (0x0101010101010101ull * (byte))

/* Not 0 if a byte of the word may be the given one; there is no doubt about 0. */
static inline uint64_t text_word_may_hold(uint64_t word, unsigned char byte)
{
	uint64_t difference = word ^ TEXT_EACH_BYTE(byte);

	return (difference - TEXT_EACH_BYTE(1)) & ~difference & TEXT_EACH_BYTE(0x80);
}

/* The same of eight bytes; where it is false, that may be wrong. */
static inline bool text_word_is_plain(uint64_t word)
{
	uint64_t below_space = (word - TEXT_EACH_BYTE(0x20)) & ~word;

	return !((below_space | word | text_word_may_hold(word, '"') |
		  text_word_may_hold(word, '\\') | text_word_may_hold(word, 0x7f)) &
		 TEXT_EACH_BYTE(0x80));
}

/*
 * The bytes that text takes up between the quotes of a JSON string, after text_to_utf8(), with the
 * shortest escapes of RFC 8259 for quote, backslash and control characters, DEL and C1 among them.
 */
size_t text_json_length(struct text text);

/*
 * Drops bytes from the end until text_json_length() is at most json_bytes, and never leaves a cut
 * UTF-8 sequence that was whole.
 */
struct text text_cut(struct text text, size_t json_bytes);

/* The same from the beginning: what is left is the end of text. */
struct text text_tail(struct text text, size_t json_bytes);

#endif
