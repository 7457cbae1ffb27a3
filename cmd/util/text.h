/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings of unknown encoding, from the kernel: any byte but NUL, without a terminating NUL. */
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

/* U+FFFD, the replacement for ill-formed UTF-8 */
#define TEXT_REPLACEMENT "\xef\xbf\xbd"
#define TEXT_REPLACEMENT_BYTES 3

/* Maximum bytes that text_to_utf8() and text_to_base64() write for `length` bytes. */
#define TEXT_UTF8_MAX(length) ((length)*TEXT_REPLACEMENT_BYTES)
#define TEXT_BASE64_LENGTH(length) (((length) + 2) / 3 * 4)

/* Size of a buffer for any text_to_decimal() */
#define TEXT_DECIMAL_BYTES 20

static inline struct text text_from_string(const char *string)
{
	return (struct text){ string, strlen(string) };
}

/* Returns text without its first `bytes` bytes, at most text.length. */
static inline struct text text_skip(struct text text, size_t bytes)
{
	return (struct text){ text.bytes + bytes, text.length - bytes };
}

static inline bool text_has_prefix(struct text text, const char *prefix)
{
	size_t length = strlen(prefix);

	return text.length >= length && !memcmp(text.bytes, prefix, length);
}

/* The same regardless of the case of ASCII letters. */
static inline bool text_has_prefix_nocase(struct text text, const char *prefix)
{
	size_t length = strlen(prefix);

	return text.length >= length && !strncasecmp(text.bytes, prefix, length);
}

static inline bool text_has_suffix(struct text text, const char *suffix)
{
	size_t length = strlen(suffix);

	return text.length >= length && !memcmp(text.bytes + text.length - length, suffix, length);
}

static inline bool text_equals(struct text text, const char *string)
{
	return text.length == strlen(string) && !memcmp(text.bytes, string, text.length);
}

static inline bool text_is_same(struct text a, struct text b)
{
	return a.length == b.length && !memcmp(a.bytes, b.bytes, a.length);
}

/* Returns the part behind the last slash, or the whole path if it has none. */
struct text text_base_name(struct text path);

/* Removes the next NUL-terminated string (or the remainder, if no NUL is left) from the front of
 * *strings. Returns false at the end. */
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
 * Writes text as well-formed UTF-8 to out (TEXT_UTF8_MAX(text.length) bytes, no NUL is added) and
 * returns the bytes written. Each maximal ill-formed part becomes one U+FFFD (Unicode 15, 3.9,
 * "substitution of maximal subparts").
 */
size_t text_to_utf8(struct text text, char *out);

/* Writes text in base64 (RFC 4648, with padding) to out and returns
 * TEXT_BASE64_LENGTH(text.length). */
size_t text_to_base64(struct text text, char *out);

/* text_to_decimal() for numbers from 10 */
size_t text_to_decimal_digits(uint64_t number, char out[TEXT_DECIMAL_BYTES]);

/* Writes the number's decimal digits to out, without a NUL, and returns their count. The remainder
 * of out is undefined. */
static inline size_t text_to_decimal(uint64_t number, char out[TEXT_DECIMAL_BYTES])
{
	if (number >= 10)
		return text_to_decimal_digits(number, out);
	*out = (char)('0' + number);
	return 1;
}

/* Writes a number below 10^8 with eight digits, leading zeros included. */
void text_to_eight_digits(uint32_t number, char out[8]);

/* Returns the length of the character at the front of text (length > 0), or of its maximal
 * ill-formed part. */
size_t text_step(struct text text, bool *well_formed);

/* True if text (length > 0) starts with a control character of the C1 set: U+0080 to U+009F. */
bool text_is_c1(struct text text);

/* Returns the bidirectional control (Unicode 15, UAX #9) at the front of well-formed text, else 0:
 * U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069. */
unsigned int text_bidirectional(struct text text);

/* True if the byte is an ASCII character that a JSON string contains unescaped and a terminal
 * prints. */
static inline bool text_byte_is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

#define TEXT_EACH_BYTE(byte) (0x0101010101010101ull * (byte))

/* Returns 0 if no byte of the word is the given one. Nonzero can be a false positive. */
static inline uint64_t text_word_may_hold(uint64_t word, unsigned char byte)
{
	uint64_t difference = word ^ TEXT_EACH_BYTE(byte);

	return (difference - TEXT_EACH_BYTE(1)) & ~difference & TEXT_EACH_BYTE(0x80);
}

/* True if all eight bytes are plain (text_byte_is_plain()). False can be wrong. */
static inline bool text_word_is_plain(uint64_t word)
{
	uint64_t below_space = (word - TEXT_EACH_BYTE(0x20)) & ~word;

	return !((below_space | word | text_word_may_hold(word, '"') |
		  text_word_may_hold(word, '\\') | text_word_may_hold(word, 0x7f)) &
		 TEXT_EACH_BYTE(0x80));
}

/*
 * Returns the bytes that text occupies between the quotes of a JSON string, after text_to_utf8(),
 * with the shortest escapes of RFC 8259 for quote, backslash, control characters, including DEL and
 * C1, and bidirectional controls.
 */
size_t text_json_length(struct text text);

/* Bytes of a line that a string may occupy. */
struct text_budget {
	size_t bytes; /* left; reduced by text_cut() and text_tail() */
	size_t times; /* occurrences of the string */
	size_t raw_bytes; /* an ill-formed string costs these and its base64 besides */
	bool ill_formed; /* set for an ill-formed result */
};

/*
 * Returns the longest beginning of text that the budget pays for, and charges the budget. It never
 * ends within a well-formed UTF-8 sequence. The work is bounded by the budget.
 */
struct text text_cut(struct text text, struct text_budget *budget);

/* The same from the end: the result is the end of text. The work is linear in the text. */
struct text text_tail(struct text text, struct text_budget *budget);

#endif
