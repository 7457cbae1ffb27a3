// SPDX-License-Identifier: BSD-2-Clause
#include "line.h"

/* The longest that one byte becomes: \u001f */
#define ESCAPE_MAX_BYTES 6

/* How far copy_words() came: up to 7 bytes before the end, or to a word with a byte that may not be plain. */
static size_t copy_words(char *to, struct text text)
{
	size_t done = 0;
	uint64_t word;

	for (; done + sizeof(word) <= text.length; done += sizeof(word)) {
		memcpy(&word, text.bytes + done, sizeof(word));
		if (!text_word_is_plain(word))
			break;
		memcpy(to + done, &word, sizeof(word));
	}
	return done;
}

bool line_copy_plain(char *to, struct text text)
{
	size_t done = copy_words(to, text);
	uint64_t word;

	if (done < text.length && text.length >= sizeof(word)) {
		/* the last word again, from where it is whole */
		size_t last = text.length - sizeof(word);

		memcpy(&word, text.bytes + last, sizeof(word));
		memcpy(to + last, &word, sizeof(word));
		return last <= done && text_word_is_plain(word);
	}
	for (; done < text.length && text_byte_is_plain((unsigned char)text.bytes[done]); done++)
		to[done] = text.bytes[done];
	return done == text.length;
}

/* Copies bytes that stand for themselves, up to the first that does not. Both move on. */
static char *copy_plain(struct text *text, char *out)
{
	size_t done = copy_words(out, *text);

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

struct line line_escape(struct line line, struct text part)
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
