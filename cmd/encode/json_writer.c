// SPDX-License-Identifier: BSD-2-Clause
#include "encode/json_writer.h"

/* The longest that one byte becomes: \u001f */
#define ESCAPE_MAX_BYTES 6

/* Compilers have instructions for all of these at once, or do without. */
typedef signed char block __attribute__((vector_size(16)));

static inline bool block_is_plain(block bytes)
{
	/* signed: what is not ASCII is below space as well */
	block special = (bytes < ' ') | (bytes == '"') | (bytes == '\\') | (bytes == 0x7f);
	uint64_t halves[2];

	memcpy(halves, &special, sizeof(halves));
	return !(halves[0] | halves[1]);
}

/* How far it came: up to less than a block before the end, or to a block with a byte that is not
 * plain. */
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

/* The last block or word is taken from where it is whole, though some of it was copied already. */
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

/* Copies bytes that stand for themselves, up to the first that does not. Both move on. */
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

/* One character that is not plain, or what stands for a part that is ill-formed. */
static char *write_special(struct json_writer *line, struct text *text, char *out)
{
	const unsigned char *bytes = (const unsigned char *)text->bytes;
	bool well_formed;
	size_t length = text_step(*text, &well_formed);

	if (!well_formed) {
		line->ill_formed = true;
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

struct json_writer json_writer_escape(struct json_writer line, struct text part)
{
	bool fits = line.length + part.length * ESCAPE_MAX_BYTES <= line.room;
	char *start, *out;

	if (!fits && line.length + text_json_length(part) > line.room) {
		line.ill_formed = line.ill_formed || !text_is_utf8(part);
		line.length += text_json_length(part);
		return line;
	}
	start = out = line.bytes + line.length;
	while (part.length) {
		out = copy_plain(&part, out);
		if (part.length)
			out = write_special(&line, &part, out);
	}
	line.length += (size_t)(out - start);
	return line;
}
