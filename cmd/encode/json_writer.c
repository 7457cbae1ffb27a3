// SPDX-License-Identifier: BSD-2-Clause
#include "encode/json_writer.h"

/* Maximum bytes that a character becomes: \u001f */
#define ESCAPE_MAX_BYTES 6

/* A vector extension of gcc and clang: one instruction compares all bytes where the CPU has it. */
typedef signed char block __attribute__((vector_size(16)));

static inline bool block_is_plain(block bytes)
{
	/* signed: bytes that are not ASCII are below space as well */
	block special = (bytes < ' ') | (bytes == '"') | (bytes == '\\') | (bytes == 0x7f);
	uint64_t halves[2];

	memcpy(halves, &special, sizeof(halves));
	return !(halves[0] | halves[1]);
}

/* Copies whole blocks of plain bytes. Returns the bytes copied: all but less than a block, or those
 * before a block with another byte. */
static inline size_t copy_blocks(char *to, struct text text)
{
	size_t done = 0;
	block bytes;

	for (; done + sizeof(bytes) <= text.length; done += sizeof(bytes)) {
		memcpy(&bytes, text.bytes + done, sizeof(bytes));
		if (!block_is_plain(bytes))
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
	block bytes;

	if (text.length >= sizeof(bytes)) {
		last = text.length - sizeof(bytes);
		done = copy_blocks(to, text);
		memcpy(&bytes, text.bytes + last, sizeof(bytes));
		memcpy(to + last, &bytes, sizeof(bytes));
		return done > last && block_is_plain(bytes);
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

/* Copies plain bytes, up to the first that is not. Returns their number. */
static size_t copy_plain(char *to, struct text text)
{
	size_t done = copy_blocks(to, text);

	for (; done < text.length && text_byte_is_plain((unsigned char)text.bytes[done]); done++)
		to[done] = text.bytes[done];
	return done;
}

static size_t write_unicode_escape(char *out, unsigned int character)
{
	static const char digits[] = "0123456789abcdef";

	out[0] = '\\';
	out[1] = 'u';
	for (unsigned int i = 0; i < 4; i++)
		out[2 + i] = digits[character >> (12 - 4 * i) & 15];
	return ESCAPE_MAX_BYTES;
}

static size_t write_escape(char *out, unsigned char byte)
{
	static const char short_escapes[0x20] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
	};
	char letter = byte == '"' || byte == '\\' ? (char)byte
		      : byte < 0x20		  ? short_escapes[byte]
						  : '\0';

	if (!letter)
		return write_unicode_escape(out, byte);
	out[0] = '\\';
	out[1] = letter;
	return 2;
}

/* Writes the character at the front of text, which is not plain, or U+FFFD for an ill-formed part.
 * Advances text; returns the bytes written. */
static size_t write_special(struct json_writer *json, struct text *text, char *out)
{
	const unsigned char *bytes = (const unsigned char *)text->bytes;
	bool well_formed;
	size_t length = 1, written;

	if (bytes[0] < 0x80) {
		written = write_escape(out, bytes[0]);
		*text = text_skip(*text, 1);
		return written;
	}
	length = text_step(*text, &well_formed);
	if (!well_formed) {
		json->ill_formed = true;
		memcpy(out, TEXT_REPLACEMENT, TEXT_REPLACEMENT_BYTES);
		written = TEXT_REPLACEMENT_BYTES;
	} else if (text_is_c1(*text)) {
		written = write_unicode_escape(out, bytes[1]);
	} else if (text_bidirectional(*text)) {
		written = write_unicode_escape(out, text_bidirectional(*text));
	} else {
		memcpy(out, bytes, length);
		written = length;
	}
	*text = text_skip(*text, length);
	return written;
}

/* Stops at the first character that does not fit: what an oversized string costs is bounded by the
 * capacity. */
void json_writer_escape(struct json_writer *json, struct text part)
{
	char special[ESCAPE_MAX_BYTES];

	while (part.length && json->length < json->capacity) {
		size_t left = json->capacity - json->length, written;
		char *out = json->bytes + json->length;

		if (text_byte_is_plain((unsigned char)part.bytes[0])) {
			written = copy_plain(out, (struct text){ part.bytes, part.length < left
										     ? part.length
										     : left });
			part = text_skip(part, written);
		} else if (left >= ESCAPE_MAX_BYTES) {
			written = write_special(json, &part, out);
		} else {
			written = write_special(json, &part, special);
			if (written <= left)
				memcpy(out, special, written);
		}
		json->length += written;
	}
	json->length += part.length; /* more than the capacity */
}
