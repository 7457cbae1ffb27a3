// SPDX-License-Identifier: BSD-2-Clause
#include "encode/json_writer.h"

/* Copies whole blocks of plain bytes. Returns the bytes copied: all but less than a block, or those
 * before a block with another byte. */
static inline size_t copy_blocks(char *to, struct text text)
{
	size_t done = 0;
	text_block bytes;

	for (; done + sizeof(bytes) <= text.length; done += sizeof(bytes)) {
		memcpy(&bytes, text.bytes + done, sizeof(bytes));
		if (!text_block_is_plain(bytes))
			break;
		memcpy(to + done, &bytes, sizeof(bytes));
	}
	return done;
}

static inline bool copy_word(char *to, const char *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	memcpy(to, &word, sizeof(word));
	return text_word_is_plain(word);
}

/* Copies 4 to 7 bytes: two halves of a word, which overlap. */
static inline bool copy_halves(char *to, struct text text)
{
	size_t last = text.length - sizeof(uint32_t);
	uint32_t halves[2];
	uint64_t word;

	memcpy(&halves[0], text.bytes, sizeof(halves[0]));
	memcpy(&halves[1], text.bytes + last, sizeof(halves[1]));
	memcpy(to, &halves[0], sizeof(halves[0]));
	memcpy(to + last, &halves[1], sizeof(halves[1]));
	memcpy(&word, halves, sizeof(word));
	return text_word_is_plain(word);
}

/* The last block or word overlaps the one before it, so that no byte is handled alone. */
bool json_writer_copy_plain(char *to, struct text text)
{
	size_t done = 0, last;
	text_block bytes;

	if (text.length >= sizeof(bytes)) {
		last = text.length - sizeof(bytes);
		done = copy_blocks(to, text);
		memcpy(&bytes, text.bytes + last, sizeof(bytes));
		memcpy(to + last, &bytes, sizeof(bytes));
		return done > last && text_block_is_plain(bytes);
	}
	if (text.length >= sizeof(uint64_t)) {
		last = text.length - sizeof(uint64_t);
		return copy_word(to, text.bytes) && copy_word(to + last, text.bytes + last);
	}
	if (text.length >= sizeof(uint32_t))
		return copy_halves(to, text);
	for (; done < text.length && text_byte_is_plain((unsigned char)text.bytes[done]); done++)
		to[done] = text.bytes[done];
	return done == text.length;
}

/* Maximum bytes that write_byte() and write_character() write, of which the first ones count. */
#define CHARACTER_MAX_BYTES sizeof(struct text_json_byte)
#define BLOCK_MAX_BYTES (sizeof(text_block) * TEXT_JSON_ESCAPE_BYTES + CHARACTER_MAX_BYTES)

static inline size_t at_most(size_t length, size_t most)
{
	return length < most ? length : most;
}

static inline size_t write_entry(char *out, const struct text_json_byte *entry)
{
	size_t length = entry->length;

	memcpy(out, entry, sizeof(*entry));
	return length;
}

/* Writes a byte of text that begins no character that is escaped, or a mark. Returns the bytes
 * used. */
static inline size_t write_simple_byte(char *out, char byte, const struct text_json_table *table)
{
	return write_entry(out, &table->bytes[(unsigned char)byte]);
}

/* Writes a block of such bytes. Returns the bytes used. */
static inline size_t write_simple_block(char *out, const char *bytes,
					const struct text_json_table *table)
{
	size_t written = 0;

#pragma GCC unroll 16
	for (size_t i = 0; i < sizeof(text_block); i++)
		written += write_simple_byte(out + written, bytes[i], table);
	return written;
}

/* Writes a byte of well-formed text, or a whole character that is escaped. Advances text; returns
 * the bytes used. */
static inline size_t write_byte(char *out, struct text *text, const struct text_json_table *table)
{
	char byte = text->bytes[0];
	const struct text_json_byte *escape = NULL;

	if (text_json_is_lead(byte))
		escape = text_json_escape(*text);
	*text = text_skip(*text, !escape ? 1 : byte == '\xe2' ? 3 : 2);
	return write_entry(out, escape ? escape : &table->bytes[(unsigned char)byte]);
}

/* Returns what is not 0 where an escaped character beyond ASCII begins in a block of text, and, if
 * the first lead begins one or near the end of text, where one may begin. */
static inline text_block find_controls(struct text text, text_block block)
{
	text_block leads = text_json_leads(block);

	if (text_block_is_zero(leads) || text.length < sizeof(block) + TEXT_JSON_BEHIND_BYTES ||
	    text_json_escape(text_skip(text, text_block_first(leads))))
		return leads;
	return text_json_controls(text.bytes);
}

/* Writes a block of text that is well-formed or marked, with the result of find_controls(), and the
 * end of its last character. Advances text; returns the bytes used. */
static inline size_t write_escaped_block(char *out, struct text *text, text_block controls,
					 const struct text_json_table *table)
{
	const char *end = text->bytes + sizeof(text_block);
	size_t written = 0;

	if (text_block_is_zero(controls)) {
		written = write_simple_block(out, text->bytes, table);
		*text = text_skip(*text, sizeof(text_block));
	}
	while (text->bytes < end)
		written += write_byte(out + written, text, table);
	return written;
}

/* Maximum bytes of a block that are written one by one, where each has an entry in the table. Up to
 * so many, it is cheaper to copy what is between them. */
#define SPARSE_SPECIALS 3

/*
 * Writes the beginning of a block of well-formed text: all, or as far as its first byte that does
 * not represent itself. Advances text; returns the bytes used.
 */
static inline size_t write_block(char *out, struct text *text, const struct text_json_table *table)
{
	text_block block, specials, controls = {};
	size_t plain;

	memcpy(&block, text->bytes, sizeof(block));
	specials = text_json_specials(block);
	if (!text_block_is_zero(specials)) {
		controls = find_controls(*text, block);
		specials = text_json_escapes(block) | controls;
	}
	if (text_block_is_zero(specials)) {
		memcpy(out, &block, sizeof(block));
		*text = text_skip(*text, sizeof(block));
		return sizeof(block);
	}
	if (text_block_count(specials) > SPARSE_SPECIALS)
		return write_escaped_block(out, text, controls, table);
	memcpy(out, &block, sizeof(block));
	plain = text_block_first(specials);
	*text = text_skip(*text, plain);
	return plain + write_byte(out + plain, text, table);
}

/* Writes well-formed text while a block of it surely fits, up to the end of a character. Advances
 * text; returns the bytes used. */
static size_t write_well_formed(char *out, size_t capacity, struct text *text,
				const struct text_json_table *table)
{
	size_t written = 0;

	while (text->length >= sizeof(text_block) && capacity - written >= BLOCK_MAX_BYTES)
		written += write_block(out + written, text, table);
	while (text->length && capacity - written >= BLOCK_MAX_BYTES)
		written += write_byte(out + written, text, table);
	/* such a block leaves room: its last byte represents itself */
	while (text->length && text_byte_is_following(text->bytes[0]))
		written += write_byte(out + written, text, table);
	return written;
}

/* Bytes that are validated before they are written, so that few are validated that do not fit. */
#define CHUNK_BYTES 1024

/* Bytes of text with ill-formed parts that are written at once, and maximum bytes that they become.
 */
#define MARKED_BYTES TEXT_COUNT_MAX_BYTES
#define MARKED_MAX_BYTES (MARKED_BYTES * TEXT_JSON_ESCAPE_BYTES + BLOCK_MAX_BYTES)

/* Up to so many bytes, as most arguments have, a text is cheaper character by character. */
#define SHORT_BYTES 32

/* Writes the beginning of part that is well-formed. Advances part. Returns false where that is not
 * all of a chunk but for an incomplete character: at an ill-formed part, and near the end of the
 * capacity. */
static bool escape_well_formed(struct json_writer *json, struct text *part,
			       const struct text_json_table *table)
{
	size_t left = json->capacity - json->length, written;
	struct text chunk = { part->bytes, at_most(at_most(part->length, left), CHUNK_BYTES) };
	struct text prefix = { part->bytes, text_utf8_prefix(chunk) };

	json->length += write_well_formed(json->bytes + json->length, left, &prefix, table);
	written = (size_t)(prefix.bytes - part->bytes);
	*part = text_skip(*part, written);
	return written && written + 3 >= chunk.length;
}

/* Writes U+FFFD. Returns the bytes used. */
static inline size_t write_replacement(char *out)
{
	return (size_t)((char *)mempcpy(out, TEXT_REPLACEMENT, TEXT_REPLACEMENT_BYTES) - out);
}

/* Writes the character at the front of text, or U+FFFD for an ill-formed part. Advances text;
 * returns the bytes used. */
static inline size_t write_character(char *out, struct text *text,
				     const struct text_json_table *table, bool *ill_formed)
{
	struct text character = *text;
	bool well_formed;

	if ((unsigned char)text->bytes[0] < 0x80)
		return write_byte(out, text, table);
	character.length = text_step(*text, &well_formed);
	*text = text_skip(*text, character.length);
	if (!well_formed) {
		*ill_formed = true;
		return write_replacement(out);
	}
	if (text_json_escape(character))
		return write_entry(out, text_json_escape(character));
	memcpy(out, character.bytes, character.length);
	return character.length;
}

/* Writes text, which has room for it, character by character. Returns the bytes used. */
static inline size_t write_characters(char *out, struct text text,
				      const struct text_json_table *table, bool *ill_formed)
{
	size_t written = 0;

	while (text.length)
		written += write_character(out + written, &text, table, ill_formed);
	return written;
}

/* Writes U+FFFD so many times, and perhaps bytes that follow it: there is room for them. */
static inline size_t write_replacements(char *out, size_t count)
{
#define FOUR_TIMES TEXT_REPLACEMENT TEXT_REPLACEMENT TEXT_REPLACEMENT TEXT_REPLACEMENT
	static const char block[] = FOUR_TIMES FOUR_TIMES FOUR_TIMES FOUR_TIMES;

	for (size_t done = 0; done < count; done += sizeof(text_block), out += sizeof(block) - 1)
		memcpy(out, block, sizeof(block) - 1);
	return count * TEXT_REPLACEMENT_BYTES;
}

/* Writes the first parts of text at once, where it has MARKED_MAX_BYTES of room. Advances text;
 * returns the bytes used. */
static size_t write_marked(char *out, struct text *text, const struct text_json_table *table,
			   bool *ill_formed)
{
	struct text chunk = text_first_parts(*text, MARKED_BYTES), left;
	struct text_marked marked;
	text_block block;
	size_t written = 0;

	text_mark(*text, chunk.length, &marked);
	*text = text_skip(*text, chunk.length);
	*ill_formed = marked.ill_formed;
	if (!marked.has_characters)
		return write_replacements(out, marked.ill_formed);
	left = (struct text){ marked.bytes, marked.length };
	while (left.length >= sizeof(text_block)) {
		memcpy(&block, left.bytes, sizeof(block));
		written += write_escaped_block(out + written, &left, find_controls(left, block),
					       table);
	}
	while (left.length)
		written += write_byte(out + written, &left, table);
	return written;
}

/* Writes the beginning of part where it surely fits, up to parts that are well-formed. Advances
 * part. */
static void escape_ill_formed(struct json_writer *json, struct text *part,
			      const struct text_json_table *table)
{
	bool ill_formed = true;

	while (part->length && ill_formed && json->capacity - json->length >= MARKED_MAX_BYTES) {
		json->length += write_marked(json->bytes + json->length, part, table, &ill_formed);
		json->ill_formed = json->ill_formed || ill_formed;
	}
}

/* The same near the end of the capacity. */
static void escape_last(struct json_writer *json, struct text *part,
			const struct text_json_table *table)
{
	const char *end = part->bytes + at_most(part->length, MARKED_BYTES);
	char buf[CHARACTER_MAX_BYTES];
	size_t written;

	while (part->bytes < end && json->length + sizeof(buf) <= json->capacity)
		json->length +=
			write_character(json->bytes + json->length, part, table, &json->ill_formed);
	while (part->bytes < end && json->length < json->capacity) {
		written = write_character(buf, part, table, &json->ill_formed);
		memcpy(json->bytes + json->length, buf,
		       at_most(written, json->capacity - json->length));
		json->length += written;
	}
}

/* Writes a short text that surely fits. */
static inline void escape_short(struct json_writer *json, struct text part,
				const struct text_json_table *table)
{
	bool ill_formed = json->ill_formed;

	json->length += write_characters(json->bytes + json->length, part, table, &ill_formed);
	json->ill_formed = ill_formed;
}

/* Stops at the first character that does not fit: what an oversized string costs is bounded by the
 * capacity. */
static void escape(struct json_writer *json, struct text part, const struct text_json_table *table)
{
	if (part.length <= SHORT_BYTES && json->length + MARKED_MAX_BYTES <= json->capacity) {
		escape_short(json, part, table);
		return;
	}
	while (part.length && json->length < json->capacity) {
		size_t left = json->capacity - json->length;

		if (left >= BLOCK_MAX_BYTES && escape_well_formed(json, &part, table))
			continue;
		if (json->capacity - json->length >= MARKED_MAX_BYTES)
			escape_ill_formed(json, &part, table);
		else
			escape_last(json, &part, table);
	}
	json->length += part.length; /* more than the capacity */
}

void json_writer_escape(struct json_writer *json, struct text part)
{
	escape(json, part, &text_json_table);
}

void json_writer_strings(struct json_writer *json, struct text strings,
			 const struct text_json_table *table)
{
	struct json_writer copy = *json;

	if (strings.length && !strings.bytes[strings.length - 1])
		strings.length--;
	escape(&copy, strings, table);
	*json = copy;
}
