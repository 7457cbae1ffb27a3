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

/* Bytes that text_to_base64() writes for `length` bytes. */
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

/* Returns the part behind the last slash, or the whole path if it has none. */
struct text text_base_name(struct text path);

/* Removes the next NUL-terminated string (or the remainder, if no NUL is left) from the front of
 * *strings. Returns false at the end. */
static inline bool text_next_string(struct text *strings, struct text *string)
{
	const char *end = strings->bytes;

	if (!strings->length)
		return false;
	/* a call costs more than an empty string */
	if (*end)
		end = memchr(end, '\0', strings->length);
	string->bytes = strings->bytes;
	string->length = end ? (size_t)(end - strings->bytes) : strings->length;
	strings->bytes += string->length + (end != NULL);
	strings->length -= string->length + (end != NULL);
	return true;
}

/*
 * A machine without branches for well-formed UTF-8 (Unicode 15, table 3-7), because bytes that are
 * mixed at random would make a branch on each of them miss. A state is the shift of its six bits in
 * the row of the next byte. State 0 is the end: ill-formed.
 */
enum text_utf8_state {
	TEXT_UTF8_COMPLETE = 6, /* between characters */
	TEXT_UTF8_ONE = 12, /* one byte of a character is missing */
	TEXT_UTF8_TWO = 18,
	TEXT_UTF8_THREE = 24,
	TEXT_UTF8_E0 = 30, /* after a byte that limits the next one */
	TEXT_UTF8_ED = 36,
	TEXT_UTF8_F0 = 42,
	TEXT_UTF8_F4 = 48,
	TEXT_UTF8_STATE_MASK = 63,
};

extern const uint64_t text_utf8_rows[256];

/* Returns the next state; bits beyond TEXT_UTF8_STATE_MASK are undefined, and ignored as an
 * argument. */
static inline uint64_t text_utf8_next(uint64_t state, char byte)
{
	return text_utf8_rows[(unsigned char)byte] >> (state & TEXT_UTF8_STATE_MASK);
}

/* Returns the length of the character at the front of text (length > 0), or of its maximal
 * ill-formed part. */
static inline size_t text_step(struct text text, bool *well_formed)
{
	uint64_t state = text_utf8_next(TEXT_UTF8_COMPLETE, text.bytes[0]) & TEXT_UTF8_STATE_MASK;
	size_t length = 1;

	while (state > TEXT_UTF8_COMPLETE && length < text.length) {
		uint64_t next = text_utf8_next(state, text.bytes[length]) & TEXT_UTF8_STATE_MASK;

		if (!next)
			break;
		state = next;
		length++;
	}
	*well_formed = state == TEXT_UTF8_COMPLETE;
	return length;
}

/* Returns the bytes of the longest beginning that is well-formed UTF-8 (Unicode 15, table 3-7). */
size_t text_utf8_prefix(struct text text);

/* True if every byte is part of well-formed UTF-8. */
static inline bool text_is_utf8(struct text text)
{
	return text_utf8_prefix(text) == text.length;
}

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

/* Returns the number of NULs. */
size_t text_count_nuls(struct text text);

/* True for a byte of a character in UTF-8 that is not the first one. */
static inline bool text_byte_is_following(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

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

/* Bytes that one instruction compares where the CPU has it: a vector extension of gcc and clang. */
typedef signed char text_block __attribute__((vector_size(16)));

static inline bool text_block_is_zero(text_block block)
{
	uint64_t halves[2];

	memcpy(halves, &block, sizeof(halves));
	return !(halves[0] | halves[1]);
}

static inline bool text_block_is_plain(text_block block)
{
	/* signed: bytes that are not ASCII are below space as well */
	return text_block_is_zero((block < ' ') | (block == '"') | (block == '\\') |
				  (block == 0x7f));
}

#endif
