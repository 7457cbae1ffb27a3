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

/* Copies whole blocks of well-formed text without escapes. Returns the bytes copied. */
static size_t copy_verbatim(char *to, struct text text)
{
	size_t done = 0;
	text_block bytes;

	for (; done + sizeof(bytes) <= text.length; done += sizeof(bytes)) {
		memcpy(&bytes, text.bytes + done, sizeof(bytes));
		if (!text_json_is_verbatim(bytes))
			break;
		memcpy(to + done, &bytes, sizeof(bytes));
	}
	return done;
}

static inline size_t write_unicode_escape(char *out, unsigned int character)
{
	static const char digits[] = "0123456789abcdef";

	out[0] = '\\';
	out[1] = 'u';
	out[2] = digits[character >> 12];
	out[3] = digits[character >> 8 & 15];
	out[4] = digits[character >> 4 & 15];
	out[5] = digits[character & 15];
	return TEXT_JSON_ESCAPE_BYTES;
}

/* Maximum bytes that write_byte() and write_character() write, of which the first ones count. */
#define CHARACTER_MAX_BYTES sizeof(struct text_json_byte)
#define BLOCK_MAX_BYTES (sizeof(text_block) * TEXT_JSON_ESCAPE_BYTES + CHARACTER_MAX_BYTES)

/* Writes a byte of well-formed text, or a whole character that is escaped. Advances text; returns
 * the bytes used. */
static inline size_t write_byte(char *out, struct text *text, const struct text_json_byte *nul)
{
	unsigned char first = (unsigned char)text->bytes[0];
	const struct text_json_byte *byte = first ? &text_json_bytes[first] : nul;
	unsigned int escaped;

	memcpy(out, byte, sizeof(*byte));
	if (!byte->length && (escaped = text_json_escaped(*text))) {
		*text = text_skip(*text, first == 0xe2 ? 3 : 2);
		return write_unicode_escape(out, escaped);
	}
	*text = text_skip(*text, 1);
	return byte->length ? byte->length : 1;
}

static inline size_t at_most(size_t length, size_t most)
{
	return length < most ? length : most;
}

/* Writes well-formed text while a block of it surely fits. Advances text; returns the bytes used.
 */
static size_t write_well_formed(char *out, size_t capacity, struct text *text,
				const struct text_json_byte *nul)
{
	size_t written = 0, copied;
	const char *end;

	while (text->length && capacity - written >= BLOCK_MAX_BYTES) {
		copied = copy_verbatim(
			out + written,
			(struct text){ text->bytes, at_most(text->length, capacity - written) });
		written += copied;
		*text = text_skip(*text, copied);
		end = text->bytes + at_most(text->length, sizeof(text_block));
		while (text->bytes < end && capacity - written >= CHARACTER_MAX_BYTES)
			written += write_byte(out + written, text, nul);
	}
	return written;
}

/* Bytes that are validated before they are written, so that few are validated that do not fit. */
#define CHUNK_BYTES 1024

/* Bytes that are written character by character after an ill-formed part. */
#define CHARACTERS_BYTES 64

/* Writes the beginning of part that is well-formed. Advances part. */
static void escape_well_formed(struct json_writer *json, struct text *part,
			       const struct text_json_byte *nul)
{
	size_t left = json->capacity - json->length;
	struct text prefix = { part->bytes, at_most(at_most(part->length, left), CHUNK_BYTES) };

	prefix.length = text_utf8_prefix(prefix);
	json->length += write_well_formed(json->bytes + json->length, left, &prefix, nul);
	*part = text_skip(*part, (size_t)(prefix.bytes - part->bytes));
}

/* Writes the character at the front of text, or U+FFFD for an ill-formed part. Advances text;
 * returns the bytes used. */
static inline size_t write_character(struct json_writer *json, struct text *text, char *out,
				     const struct text_json_byte *nul)
{
	struct text character = *text;
	bool well_formed;

	if ((unsigned char)text->bytes[0] < 0x80)
		return write_byte(out, text, nul);
	character.length = text_step(*text, &well_formed);
	*text = text_skip(*text, character.length);
	if (!well_formed) {
		json->ill_formed = true;
		return (size_t)((char *)mempcpy(out, TEXT_REPLACEMENT, TEXT_REPLACEMENT_BYTES) -
				out);
	}
	if (text_json_escaped(character))
		return write_unicode_escape(out, text_json_escaped(character));
	memcpy(out, character.bytes, character.length);
	return character.length;
}

/* Writes the beginning of part character by character. Advances part. */
static void escape_characters(struct json_writer *json, struct text *part,
			      const struct text_json_byte *nul)
{
	const char *end = part->bytes + at_most(part->length, CHARACTERS_BYTES);
	char buf[CHARACTER_MAX_BYTES];

	while (part->bytes < end && json->length < json->capacity) {
		size_t left = json->capacity - json->length, written;
		char *out = json->bytes + json->length;

		if (left >= sizeof(buf)) {
			written = write_character(json, part, out, nul);
		} else {
			written = write_character(json, part, buf, nul);
			memcpy(out, buf, at_most(written, left));
		}
		json->length += written;
	}
}

/* Stops at the first character that does not fit: what an oversized string costs is bounded by the
 * capacity. */
static void escape(struct json_writer *json, struct text part, const struct text_json_byte *nul)
{
	while (part.length && json->length < json->capacity) {
		escape_well_formed(json, &part, nul);
		escape_characters(json, &part, nul);
	}
	json->length += part.length; /* more than the capacity */
}

void json_writer_escape(struct json_writer *json, struct text part)
{
	escape(json, part, &text_json_bytes[0]);
}

void json_writer_strings(struct json_writer *json, struct text strings,
			 const struct text_json_byte *separator)
{
	struct json_writer copy = *json;

	if (strings.length && !strings.bytes[strings.length - 1])
		strings.length--;
	escape(&copy, strings, separator);
	*json = copy;
}
