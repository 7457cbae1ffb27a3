// SPDX-License-Identifier: BSD-2-Clause
#include "line.h"

/* The longest that one byte becomes: \u001f */
#define ESCAPE_MAX_BYTES 6

#define EACH_BYTE(byte) (0x0101010101010101ull * (byte))

/* Not 0 if a byte of the word may be the given one; there is no doubt about 0. */
static uint64_t may_hold(uint64_t word, unsigned char byte)
{
	uint64_t difference = word ^ EACH_BYTE(byte);

	return (difference - EACH_BYTE(1)) & ~difference & EACH_BYTE(0x80);
}

static bool word_is_plain(uint64_t word)
{
	uint64_t below_space = (word - EACH_BYTE(0x20)) & ~word;

	return !((below_space | word | may_hold(word, '"') | may_hold(word, '\\') | may_hold(word, 0x7f)) &
		 EACH_BYTE(0x80));
}

/* Copies bytes that stand for themselves, up to the first that does not. Both move on. */
static char *copy_plain(struct text *text, char *out)
{
	const char *from = text->bytes, *end = from + text->length;
	uint64_t word;

	for (; (size_t)(end - from) >= sizeof(word); from += sizeof(word), out += sizeof(word)) {
		memcpy(&word, from, sizeof(word));
		if (!word_is_plain(word))
			break;
		memcpy(out, &word, sizeof(word));
	}
	while (from < end && text_byte_is_plain((unsigned char)*from))
		*out++ = *from++;
	*text = (struct text){ from, (size_t)(end - from) };
	return out;
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
	char letter = byte == '"' || byte == '\\' ? (char)byte : byte < 0x20 ? short_escapes[byte] : '\0';

	if (!letter)
		return write_unicode_escape(out, byte);
	*out++ = '\\';
	*out++ = letter;
	return out;
}

/* One character that is not plain, or what stands for a part that is ill-formed. */
static char *write_special(struct line *line, struct text *text, char *out)
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

void line_text_part(struct line *line, struct text part)
{
	bool fits = line->length + part.length * ESCAPE_MAX_BYTES <= line->room;
	char *start, *out;

	if (!fits && line->length + text_json_length(part) > line->room) {
		line->ill_formed = line->ill_formed || !text_is_utf8(part);
		line->length += text_json_length(part);
		return;
	}
	start = out = line->bytes + line->length;
	while (part.length) {
		out = copy_plain(&part, out);
		if (part.length)
			out = write_special(line, &part, out);
	}
	line->length += (size_t)(out - start);
}

void line_text_begin(struct line *line)
{
	line_append(line, "\"", 1);
}

void line_text_end(struct line *line)
{
	line_append(line, "\"", 1);
	line->separate = true;
}

void line_text(struct line *line, struct text value)
{
	line_text_begin(line);
	line_text_part(line, value);
	line_text_end(line);
}

void line_base64(struct line *line, struct text value)
{
	char *out;

	line_text_begin(line);
	out = line_extend(line, TEXT_BASE64_LENGTH(value.length));
	if (out)
		text_to_base64(value, out);
	line_text_end(line);
}

void line_number(struct line *line, uint64_t number)
{
	char digits[TEXT_DECIMAL_BYTES];

	line_bare(line, (struct text){ digits, text_to_decimal(number, digits) });
}

void line_number_string(struct line *line, uint64_t number)
{
	line_text_begin(line);
	line_number(line, number);
	line_text_end(line);
}
