// SPDX-License-Identifier: BSD-2-Clause
#include "encode/json_writer.h"

/* Most bytes that one byte becomes: \u001f */
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
	for (; done < text.length && text_byte_is_plain((unsigned char)text.bytes[done]); done++)
		to[done] = text.bytes[done];
	return done == text.length;
}

/* Copies plain bytes, up to the first that is not. Advances text; returns the end of the copy. */
static char *copy_plain(struct text *text, char *out)
{
	size_t done = copy_blocks(out, *text);

	for (; done < text->length && text_byte_is_plain((unsigned char)text->bytes[done]); done++)
		out[done] = text->bytes[done];
	*text = (struct text){ text->bytes + done, text->length - done };
	return out + done;
}

static char *write_unicode_escape(char *out, unsigned int character)
{
	static const char digits[] = "0123456789abcdef";

	out = mempcpy(out, "\\u00", 4);
	*out++ = digits[character >> 4];
	*out++ = digits[character & 15];
	return out;
}

static char *write_escape(char *out, unsigned char byte)
{
	static const char short_escapes[0x20] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
	};
	char letter = byte == '"' || byte == '\\' ? (char)byte
		      : byte < 0x20		  ? short_escapes[byte]
						  : '\0';

	if (!letter)
		return write_unicode_escape(out, byte);
	*out++ = '\\';
	*out++ = letter;
	return out;
}

/* Writes one character that is not plain, or U+FFFD for an ill-formed part. */
static char *write_special(struct json_writer *json, struct text *text, char *out)
{
	const unsigned char *bytes = (const unsigned char *)text->bytes;
	bool well_formed;
	size_t length = text_step(*text, &well_formed);

	if (!well_formed) {
		json->ill_formed = true;
		out = mempcpy(out, TEXT_REPLACEMENT, TEXT_REPLACEMENT_BYTES);
	} else if (length == 1) {
		out = write_escape(out, bytes[0]);
	} else if (text_is_c1(*text)) {
		out = write_unicode_escape(out, bytes[1]);
	} else {
		out = mempcpy(out, bytes, length);
	}
	text->bytes += length;
	text->length -= length;
	return out;
}

void json_writer_escape(struct json_writer *json, struct text part)
{
	bool fits = json->length + part.length * ESCAPE_MAX_BYTES <= json->capacity;
	char *start, *out;

	if (!fits && json->length + text_json_length(part) > json->capacity) {
		json->ill_formed = json->ill_formed || !text_is_utf8(part);
		json->length += text_json_length(part);
		return;
	}
	start = out = json->bytes + json->length;
	while (part.length) {
		out = copy_plain(&part, out);
		if (part.length)
			out = write_special(json, &part, out);
	}
	json->length += (size_t)(out - start);
}
