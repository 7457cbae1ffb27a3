// SPDX-License-Identifier: BSD-2-Clause
#include "text.h"

#include <string.h>

struct text text_from_string(const char *string)
{
	return (struct text){ string, strlen(string) };
}

struct text text_base_name(struct text path)
{
	const char *slash = path.length ? memrchr(path.bytes, '/', path.length) : NULL;
	size_t before = slash ? (size_t)(slash - path.bytes) + 1 : 0;

	return (struct text){ path.bytes + before, path.length - before };
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

size_t text_step(struct text text, bool *well_formed)
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
		text = text_skip(text, text_step(text, &well_formed));
	return well_formed;
}

size_t text_to_utf8(struct text text, char *out)
{
	char *start = out;

	while (text.length) {
		bool well_formed;
		size_t length = text_step(text, &well_formed);

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

/* log10(2) is about 1233 / 4096: from the bits of a number follow its digits, or one more. */
static size_t decimal_digits(uint64_t number)
{
	static const uint64_t powers[TEXT_DECIMAL_BYTES] = {
		0,
		10,
		100,
		1000,
		10000,
		100000,
		1000000,
		10000000,
		100000000,
		1000000000,
		10000000000,
		100000000000,
		1000000000000,
		10000000000000,
		100000000000000,
		1000000000000000,
		10000000000000000,
		100000000000000000,
		1000000000000000000,
		10000000000000000000u,
	};
	size_t bits = 64 - (size_t)__builtin_clzll(number | 1), digits = bits * 1233 >> 12;

	return digits + (number >= powers[digits]);
}

/*
 * Numbers are a fifth of what a line costs: so two digits for each division, and each at its place at once, for what
 * was just written in small pieces is slow to be copied as a whole.
 */
size_t text_to_decimal(uint64_t number, char out[TEXT_DECIMAL_BYTES])
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
				    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	size_t length = decimal_digits(number), end = length;

	for (; end >= 2; end -= 2, number /= 100)
		memcpy(out + end - 2, pairs + 2 * (number % 100), 2);
	if (end)
		*out = (char)('0' + number);
	return length;
}

bool text_is_c1(struct text text)
{
	return text.length > 1 && text.bytes[0] == '\xc2' && (unsigned char)text.bytes[1] <= 0x9f &&
	       (unsigned char)text.bytes[1] >= 0x80;
}

static size_t json_character_length(unsigned char byte)
{
	if (text_byte_is_plain(byte))
		return 1;
	if (byte == '"' || byte == '\\' || (byte >= '\b' && byte <= '\r' && byte != '\v'))
		return 2;
	return sizeof("\\u0000") - 1;
}

/* The JSON length of the step at the front of text, which is `bytes` long. */
static size_t json_step(struct text text, size_t *bytes)
{
	bool well_formed;

	*bytes = text_step(text, &well_formed);
	if (!well_formed)
		return TEXT_REPLACEMENT_BYTES;
	if (text_is_c1(text))
		return sizeof("\\u0000") - 1;
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

struct text text_tail(struct text text, size_t json_bytes)
{
	size_t excess = text_json_length(text), bytes;

	for (excess -= json_bytes < excess ? json_bytes : excess; excess; text = text_skip(text, bytes)) {
		size_t cost = json_step(text, &bytes);

		excess -= cost < excess ? cost : excess;
	}
	return text;
}
