/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts as JSON strings. Quote, backslash, control characters (C0, DEL and C1 of ECMA-48) and
 * bidirectional controls (Unicode 15, UAX #9) have the shortest escapes of RFC 8259; each maximal
 * ill-formed part of UTF-8 is U+FFFD (Unicode 15, 3.9, "substitution of maximal subparts").
 *
 * The caller of an exec chooses the bytes. The functions for well-formed text therefore take blocks
 * and bytes, not characters: no branch depends on a byte that needs no escape.
 */
#ifndef EXECTAP_TEXT_JSON_H
#define EXECTAP_TEXT_JSON_H

#include "util/text.h"

/* Maximum bytes that a character becomes: \u001f */
#define TEXT_JSON_ESCAPE_BYTES 6

/* Representation of a byte of well-formed text, for one store of eight bytes. */
struct text_json_byte {
	char bytes[7];
	unsigned char length;
};

/* Representations of all bytes, and of the bytes that mark ill-formed parts (text.h): a byte beyond
 * ASCII represents itself, also where it is part of a character that is escaped. */
struct text_json_table {
	struct text_json_byte bytes[256];
};

/* Of a text, and of strings with NULs between them, as a list and as one string with spaces. */
extern const struct text_json_table text_json_table, text_json_list_table, text_json_words_table;

/* Returns what is not 0 where a byte may begin a character beyond ASCII that is escaped. */
static inline text_block text_json_leads(text_block block)
{
	return (block == (signed char)0xc2) | (block == (signed char)0xd8) |
	       (block == (signed char)0xe2);
}

/* The same for a byte. */
static inline bool text_json_is_lead(char byte)
{
	return byte == '\xc2' || byte == '\xd8' || byte == '\xe2';
}

/* Returns what is not 0 where a byte of ASCII is escaped. */
static inline text_block text_json_escapes(text_block block)
{
	text_block control = (block & (signed char)0xe0) == 0;

	return control | (block == '"') | (block == '\\') | (block == 0x7f);
}

/* Returns what is 0 where a byte of well-formed text, which may begin and end within characters,
 * represents itself. */
static inline text_block text_json_specials(text_block block)
{
	return text_json_escapes(block) | text_json_leads(block);
}

/* Bytes behind a block that text_json_controls() reads. */
#define TEXT_JSON_BEHIND_BYTES 2

/* Returns what is not 0 where a character beyond ASCII begins that is escaped. */
static inline text_block text_json_controls(const char *bytes)
{
	text_block block, second, third;

	memcpy(&block, bytes, sizeof(block));
	memcpy(&second, bytes + 1, sizeof(block));
	memcpy(&third, bytes + 2, sizeof(block));
	return ((block == (signed char)0xc2) & text_block_to(second, 0x9f)) |
	       ((block == (signed char)0xd8) & (second == (signed char)0x9c)) |
	       text_block_is_bidirectional(block, second, third);
}

/* Reports whether the comparison is true of a byte of text, which has at least
 * TEXT_COUNT_MIN_BYTES. */
static inline bool text_json_any(struct text text, text_block (*compare)(text_block block))
{
	size_t last = text.length - sizeof(text_block);
	text_block block, found = {};

	for (size_t done = 0; done < text.length; done += sizeof(block)) {
		memcpy(&block, text.bytes + (done < last ? done : last), sizeof(block));
		found |= compare(block);
	}
	return !text_block_is_zero(found);
}

/* Escapes of the characters beyond ASCII that have one, by the bits of their last byte: of two
 * bytes U+0080 to U+009F and U+061C, of three U+200E, U+200F, U+202A to U+202E and U+2066 to
 * U+2069. Others are empty. */
extern const struct text_json_byte text_json_c2[64], text_json_d8[64], text_json_e2[2][64];

/* Returns the escape of the character at the front of well-formed text, or NULL if that is ASCII or
 * represents itself. */
static inline const struct text_json_byte *text_json_escape(struct text text)
{
	const unsigned char *bytes = (const unsigned char *)text.bytes;
	const struct text_json_byte *escape;

	if (text.length > 2 && bytes[0] == 0xe2) {
		if (bytes[1] > 0x81)
			return NULL;
		escape = &text_json_e2[bytes[1] & 1][bytes[2] & 0x3f];
	} else if (text.length > 1 && bytes[0] == 0xc2) {
		escape = &text_json_c2[bytes[1] & 0x3f];
	} else if (text.length > 1 && bytes[0] == 0xd8) {
		escape = &text_json_d8[bytes[1] & 0x3f];
	} else {
		return NULL;
	}
	return escape->length ? escape : NULL;
}

/* Returns the bytes that text occupies between the quotes. */
size_t text_json_length(struct text text);

/* Bytes of a line that a string may occupy. */
struct text_json_budget {
	size_t bytes; /* left; reduced by text_json_cut() and text_json_tail() */
	size_t times; /* occurrences of the string */
	size_t raw_bytes; /* an ill-formed string costs these and its base64 besides */
	bool ill_formed; /* set for an ill-formed result */
};

/*
 * Returns the longest beginning of text that the budget pays for, and charges the budget. It never
 * ends within a well-formed UTF-8 sequence. The work is bounded by the budget.
 */
struct text text_json_cut(struct text text, struct text_json_budget *budget);

/*
 * The same for well-formed strings with NULs between them, each of which costs separator_bytes, at
 * most `times` escapes. Stores the number of the NULs in the result.
 */
struct text text_json_cut_strings(struct text strings, size_t separator_bytes,
				  struct text_json_budget *budget, size_t *separators);

/* The same as text_json_cut() from the end: the result is the end of text. */
struct text text_json_tail(struct text text, struct text_json_budget *budget);

#endif
