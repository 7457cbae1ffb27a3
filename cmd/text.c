// SPDX-License-Identifier: BSD-2-Clause
#include "text.h"

#include <string.h>

struct text text_from_string(const char *string)
{
	return (struct text){ string, strlen(string) };
}

bool text_next_string(struct text *strings, struct text *string)
{
	const char *end;

	if (!strings->length)
		return false;
	end = memchr(strings->bytes, '\0', strings->length);
	string->bytes = strings->bytes;
	string->length = end ? (size_t)(end - strings->bytes) : strings->length;
	strings->bytes += string->length + (end != NULL);
	strings->length -= string->length + (end != NULL);
	return true;
}

/* What a leading byte asks for: how many bytes follow, and the range of the first of them. */
struct utf8_lead {
	unsigned char following, low, high;
};

static struct utf8_lead utf8_lead(unsigned char byte)
{
	if (byte < 0x80)
		return (struct utf8_lead){ 0, 0, 0 };
	if (byte >= 0xc2 && byte <= 0xdf)
		return (struct utf8_lead){ 1, 0x80, 0xbf };
	if (byte >= 0xe0 && byte <= 0xef)
		return (struct utf8_lead){ 2, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf };
	if (byte >= 0xf0 && byte <= 0xf4)
		return (struct utf8_lead){ 3, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf };
	return (struct utf8_lead){ 0, 1, 0 };
}

/* The length of the character at the front of text (length > 0), or of its maximal ill-formed part. */
static size_t utf8_step(struct text text, bool *well_formed)
{
	const unsigned char *bytes = (const unsigned char *)text.bytes;
	struct utf8_lead lead = utf8_lead(bytes[0]);
	size_t length = 1;

	*well_formed = lead.following || lead.low <= lead.high;
	while (length <= lead.following) {
		if (length == text.length || bytes[length] < lead.low || bytes[length] > lead.high) {
			*well_formed = false;
			break;
		}
		lead.low = 0x80;
		lead.high = 0xbf;
		length++;
	}
	return length;
}

static struct text text_skip(struct text text, size_t bytes)
{
	return (struct text){ text.bytes + bytes, text.length - bytes };
}

bool text_is_utf8(struct text text)
{
	bool well_formed = true;

	while (text.length && well_formed)
		text = text_skip(text, utf8_step(text, &well_formed));
	return well_formed;
}

size_t text_to_utf8(struct text text, char *out)
{
	char *start = out;

	while (text.length) {
		bool well_formed;
		size_t length = utf8_step(text, &well_formed);

		if (well_formed)
			out = mempcpy(out, text.bytes, length);
		else
			out = mempcpy(out, TEXT_REPLACEMENT, TEXT_REPLACEMENT_BYTES);
		text = text_skip(text, length);
	}
	return (size_t)(out - start);
}

size_t text_to_base64(struct text text, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *bytes = (const unsigned char *)text.bytes;

	for (size_t i = 0; i < text.length; i += 3) {
		unsigned int group = (unsigned int)bytes[i] << 16;

		if (i + 1 < text.length)
			group |= (unsigned int)bytes[i + 1] << 8;
		if (i + 2 < text.length)
			group |= bytes[i + 2];
		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		*out++ = i + 1 < text.length ? digits[group >> 6 & 63] : '=';
		*out++ = i + 2 < text.length ? digits[group & 63] : '=';
	}
	return TEXT_BASE64_LENGTH(text.length);
}

static size_t json_character_length(unsigned char byte)
{
	if (byte == '"' || byte == '\\')
		return 2;
	if (byte >= 0x20)
		return 1;
	return strchr("\b\f\n\r\t", byte) && byte ? 2 : sizeof("\\u0000") - 1;
}

/* The JSON length of the step at the front of text, which is `bytes` long. */
static size_t json_step(struct text text, size_t *bytes)
{
	bool well_formed;

	*bytes = utf8_step(text, &well_formed);
	if (!well_formed)
		return TEXT_REPLACEMENT_BYTES;
	return *bytes > 1 ? *bytes : json_character_length((unsigned char)text.bytes[0]);
}

size_t text_json_length(struct text text)
{
	size_t total = 0, bytes;

	for (; text.length; text = text_skip(text, bytes))
		total += json_step(text, &bytes);
	return total;
}

struct text text_cut(struct text text, size_t json_bytes)
{
	struct text rest = text;
	size_t bytes, cost;

	while (rest.length) {
		cost = json_step(rest, &bytes);
		if (cost > json_bytes)
			break;
		json_bytes -= cost;
		rest = text_skip(rest, bytes);
	}
	return (struct text){ text.bytes, text.length - rest.length };
}
