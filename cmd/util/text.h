/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings of unknown encoding, from the kernel: any byte but NUL, without a terminating NUL. */
#ifndef EXECTAP_TEXT_H
#define EXECTAP_TEXT_H

#include <endian.h>
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

/* Bytes that one instruction compares where the CPU has it: a vector extension of gcc and clang. */
typedef signed char text_block __attribute__((vector_size(16)));

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

/* True for a byte of a character in UTF-8 that is not the first one. */
static inline bool text_byte_is_following(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* True if the byte may follow the first one of a character (Unicode 15, table 3-7). */
static inline bool text_is_second(unsigned char first, char second)
{
	unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	return (unsigned char)second >= low && (unsigned char)second <= high;
}

/* Returns the length of the character at the front of text (length > 0), or of its maximal
 * ill-formed part. */
static inline size_t text_step(struct text text, bool *well_formed)
{
	unsigned char first = (unsigned char)text.bytes[0];
	size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4, length = 1;

	if (bytes > 1 && (first < 0xc2 || first > 0xf4 || text.length == 1 ||
			  !text_is_second(first, text.bytes[1]))) {
		*well_formed = false;
		return 1;
	}
	if (bytes > 1)
		length = 2;
	while (length < bytes && length < text.length && text_byte_is_following(text.bytes[length]))
		length++;
	*well_formed = length == bytes;
	return length;
}

/* Returns the first `bytes` bytes of text, more than 3, or up to three less: to the end of a
 * character or of a maximal ill-formed part. */
static inline struct text text_first_parts(struct text text, size_t bytes)
{
	bool well_formed;

	if (text.length <= bytes)
		return text;
	for (size_t start = bytes - 1; start + 4 > bytes; start--)
		if (!text_byte_is_following(text.bytes[start])) {
			if (start + text_step(text_skip(text, start), &well_formed) > bytes)
				bytes = start;
			break;
		}
	return (struct text){ text.bytes, bytes };
}

/* Bytes of UTF-8 that decide about the byte behind them. */
#define TEXT_CONTEXT_BYTES 3

/* Bytes that are counted at once. */
#define TEXT_COUNT_MIN_BYTES sizeof(text_block)
#define TEXT_COUNT_MAX_BYTES 128

/* Counts of a text. */
struct text_counts {
	size_t ill_formed; /* number of maximal ill-formed parts */
	size_t bytes_of_characters;
};

/* Counts in the first `bytes` bytes of text, from TEXT_COUNT_MIN_BYTES to TEXT_COUNT_MAX_BYTES,
 * which begin and end between two parts. */
struct text_counts text_count_parts(struct text text, size_t bytes);

/* Marks in place of the bytes of a maximal ill-formed part: of the first one, and of the others.
 * UTF-8 has no such bytes. */
#define TEXT_MARK_ILL_FORMED 0xff
#define TEXT_MARK_REST 0xfe

/* A text whose ill-formed parts are marked. */
struct text_marked {
	char bytes[TEXT_COUNT_MAX_BYTES + sizeof(text_block)];
	size_t length; /* of whole blocks; the end is filled with TEXT_MARK_REST */
	size_t ill_formed; /* number of the ill-formed parts */
	bool has_characters;
};

/* Marks the first `bytes` bytes of text, from 1 to TEXT_COUNT_MAX_BYTES, which begin and end
 * between two parts. */
void text_mark(struct text text, size_t bytes, struct text_marked *marked);

/* Numbers of characters that are controls beyond ASCII: C1 (ECMA-48) and bidirectional ones
 * (Unicode 15, UAX #9). */
struct text_controls {
	size_t of_two_bytes; /* U+0080 to U+009F, U+061C */
	size_t of_three_bytes; /* U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069 */
};

/* Counts the controls of which text has the last byte. It has TEXT_COUNT_MIN_BYTES to
 * TEXT_COUNT_MAX_BYTES, and TEXT_CONTEXT_BYTES before it. */
struct text_controls text_count_controls(struct text text);

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

/* Returns the first NUL, or NULL. A call costs more than a short string. */
static inline const char *text_find_nul(struct text text)
{
	uint64_t word, nul;

	if (text.length < sizeof(word))
		return memchr(text.bytes, '\0', text.length);
	memcpy(&word, text.bytes, sizeof(word));
	word = le64toh(word);
	/* false positives are behind a NUL only */
	nul = text_word_may_hold(word, '\0');
	return nul ? text.bytes + __builtin_ctzll(nul) / 8 : memchr(text.bytes, '\0', text.length);
}

/* Removes the next NUL-terminated string (or the remainder, if no NUL is left) from the front of
 * *strings. Returns false at the end. */
static inline bool text_next_string(struct text *strings, struct text *string)
{
	const char *end;

	if (!strings->length)
		return false;
	end = *strings->bytes ? text_find_nul(*strings) : strings->bytes;
	string->bytes = strings->bytes;
	string->length = end ? (size_t)(end - strings->bytes) : strings->length;
	strings->bytes += string->length + (end != NULL);
	strings->length -= string->length + (end != NULL);
	return true;
}

/* True if all eight bytes are plain (text_byte_is_plain()). False can be wrong. */
static inline bool text_word_is_plain(uint64_t word)
{
	uint64_t below_space = (word - TEXT_EACH_BYTE(0x20)) & ~word;

	return !((below_space | word | text_word_may_hold(word, '"') |
		  text_word_may_hold(word, '\\') | text_word_may_hold(word, 0x7f)) &
		 TEXT_EACH_BYTE(0x80));
}

/* Return -1 where a byte of the block is at least, or at most, this one, as signed numbers: 80 is
 * the lowest one, FF is -1. SSE2 compares by > only. */
static inline text_block text_block_from(text_block block, unsigned char byte)
{
	return block > (signed char)(byte - 1);
}

static inline text_block text_block_to(text_block block, unsigned char byte)
{
	return block < (signed char)(byte + 1);
}

/* Returns -1 where a byte of the block has all bits of `bits`. */
static inline text_block text_block_has(text_block block, unsigned char bits)
{
	return (block & (signed char)bits) == (signed char)bits;
}

static inline bool text_block_is_zero(text_block block)
{
	uint64_t halves[2];

	memcpy(halves, &block, sizeof(halves));
	return !(halves[0] | halves[1]);
}

/* Returns the sum of the bytes of a block, each at most 15. */
static inline size_t text_block_sum(text_block block)
{
	uint64_t halves[2];

	memcpy(halves, &block, sizeof(halves));
	return (size_t)((halves[0] + halves[1]) * TEXT_EACH_BYTE(1) >> 56);
}

/* Returns the number of bytes of a comparison that are true. */
static inline size_t text_block_count(text_block comparison)
{
	return text_block_sum(-comparison);
}

/* Returns the index of the first byte of the block that is not 0, or the size of a block. */
static inline size_t text_block_first(text_block block)
{
	uint64_t halves[2];

	memcpy(halves, &block, sizeof(halves));
	if (halves[0])
		return (size_t)__builtin_ctzll(le64toh(halves[0])) / 8;
	return 8 + (halves[1] ? (size_t)__builtin_ctzll(le64toh(halves[1])) / 8 : 8);
}

/* Returns the index behind the last byte of the block that is not 0, of which there is one. */
static inline size_t text_block_end(text_block block)
{
	uint64_t halves[2];

	memcpy(halves, &block, sizeof(halves));
	if (halves[1])
		return 16 - (size_t)__builtin_clzll(le64toh(halves[1])) / 8;
	return 8 - (size_t)__builtin_clzll(le64toh(halves[0])) / 8;
}

/* Returns -1 where a byte is a mark of an ill-formed part. */
static inline text_block text_block_is_mark(text_block block)
{
	return text_block_from(block, TEXT_MARK_REST) & (block < 0);
}

/* Returns -1 where the three bytes are a bidirectional control. */
static inline text_block text_block_is_bidirectional(text_block first, text_block second,
						     text_block third)
{
	text_block overrides = (third == (signed char)0x8e) | (third == (signed char)0x8f) |
			       (text_block_from(third, 0xaa) & text_block_to(third, 0xae));
	text_block isolates = text_block_from(third, 0xa6) & text_block_to(third, 0xa9);

	return (first == (signed char)0xe2) & (((second == (signed char)0x80) & overrides) |
					       ((second == (signed char)0x81) & isolates));
}

static inline bool text_block_is_plain(text_block block)
{
	/* signed: bytes that are not ASCII are below space as well */
	return text_block_is_zero((block < ' ') | (block == '"') | (block == '\\') |
				  (block == 0x7f));
}

#endif
