// SPDX-License-Identifier: BSD-2-Clause
#include "util/text.h"

#include <endian.h>
#include <string.h>

#define EIGHT_DIGITS 100000000 /* numbers with more digits than eight */

struct text text_base_name(struct text path)
{
	const char *slash = path.length ? memrchr(path.bytes, '/', path.length) : NULL;
	size_t before = slash ? (size_t)(slash - path.bytes) + 1 : 0;

	return (struct text){ path.bytes + before, path.length - before };
}

/* Requirements of a leading byte: the number of following bytes, and the range of the first one. */
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
		return (struct utf8_lead){ 2, byte == 0xe0 ? 0xa0 : 0x80,
					   byte == 0xed ? 0x9f : 0xbf };
	if (byte >= 0xf0 && byte <= 0xf4)
		return (struct utf8_lead){ 3, byte == 0xf0 ? 0x90 : 0x80,
					   byte == 0xf4 ? 0x8f : 0xbf };
	return (struct utf8_lead){ 0, 1, 0 };
}

size_t text_step(struct text text, bool *well_formed)
{
	const unsigned char *bytes = (const unsigned char *)text.bytes;
	struct utf8_lead lead = utf8_lead(bytes[0]);
	size_t length = 1;

	*well_formed = lead.following || lead.low <= lead.high;
	while (length <= lead.following) {
		if (length == text.length || bytes[length] < lead.low ||
		    bytes[length] > lead.high) {
			*well_formed = false;
			break;
		}
		lead.low = 0x80;
		lead.high = 0xbf;
		length++;
	}
	return length;
}

/* Returns 8 if text starts with eight plain bytes, else 0. */
static size_t plain_word(struct text text)
{
	uint64_t word;

	if (text.length < sizeof(word))
		return 0;
	memcpy(&word, text.bytes, sizeof(word));
	return text_word_is_plain(word) ? sizeof(word) : 0;
}

bool text_is_utf8(struct text text)
{
	bool well_formed = true;

	while (text.length && well_formed) {
		size_t plain = plain_word(text);

		text = text_skip(text, plain ? plain : text_step(text, &well_formed));
	}
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
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
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

/*
 * Returns the eight digits of a number below 10^8, the first one in the lowest byte. They are
 * computed in parallel, by halves, quarters and eighths. A multiplication and a shift divide by 100
 * and by 10, which is exact for numbers of this size.
 */
static inline uint64_t eight_digits(uint32_t number)
{
	uint64_t halves = number / 10000 | (uint64_t)(number % 10000) << 32;
	uint64_t hundreds = (halves * 10486 >> 20) & 0x0000007f0000007f;
	uint64_t pairs = hundreds | (halves - 100 * hundreds) << 16;
	uint64_t tens = (pairs * 103 >> 10) & 0x000f000f000f000f;

	return tens | (pairs - 10 * tens) << 8;
}

void text_to_eight_digits(uint32_t number, char out[8])
{
	uint64_t digits = htole64(eight_digits(number) | TEXT_EACH_BYTE('0'));

	memcpy(out, &digits, sizeof(digits));
}

/* Returns the number of digits of a number below 10^8. log10(2) is about 1233 / 4096, so the number
 * of bits gives the result or one less. */
static inline size_t count_digits(uint32_t number)
{
	static const uint32_t powers[] = { 0,	   10,	    100,      1000,	   10000,
					   100000, 1000000, 10000000, EIGHT_DIGITS };
	size_t bits = 32 - (size_t)__builtin_clz(number), digits = bits * 1233 >> 12;

	return digits + (number >= powers[digits]);
}

/*
 * No branch depends on the number of digits: a mispredicted one costs as much as the whole
 * function. The count does not depend on the digits, because the next output waits for it only.
 */
size_t text_to_decimal_digits(uint64_t number, char out[TEXT_DECIMAL_BYTES])
{
	uint64_t digits;
	size_t length;

	if (number >= EIGHT_DIGITS) {
		length = text_to_decimal(number / EIGHT_DIGITS, out);
		text_to_eight_digits((uint32_t)(number % EIGHT_DIGITS), out + length);
		return length + 8;
	}
	length = count_digits((uint32_t)number);
	digits = htole64((eight_digits((uint32_t)number) | TEXT_EACH_BYTE('0')) >>
			 (64 - 8 * length));
	memcpy(out, &digits, sizeof(digits));
	return length;
}

bool text_is_c1(struct text text)
{
	return text.length > 1 && text.bytes[0] == '\xc2' && (unsigned char)text.bytes[1] <= 0x9f &&
	       (unsigned char)text.bytes[1] >= 0x80;
}

unsigned int text_bidirectional(struct text text)
{
	const unsigned char *bytes = (const unsigned char *)text.bytes;
	unsigned int character;

	if (text.length > 1 && bytes[0] == 0xd8 && bytes[1] == 0x9c)
		return 0x061c;
	if (text.length < 3 || bytes[0] != 0xe2)
		return 0;
	character = 0x2000u | (bytes[1] & 0x3fu) << 6 | (bytes[2] & 0x3fu);
	return (character >= 0x202a && character <= 0x202e) ||
			       (character >= 0x2066 && character <= 0x2069) ||
			       character == 0x200e || character == 0x200f
		       ? character
		       : 0;
}

static size_t json_character_length(unsigned char byte)
{
	if (text_byte_is_plain(byte))
		return 1;
	if (byte == '"' || byte == '\\' || (byte >= '\b' && byte <= '\r' && byte != '\v'))
		return 2;
	return sizeof("\\u0000") - 1;
}

/* Sums over parts of a text: plain words, characters, maximal ill-formed parts. */
struct step {
	size_t bytes;
	size_t json_bytes;
	size_t ill_formed; /* number of the parts */
};

static struct step json_step(struct text text)
{
	struct step step = { 1, TEXT_REPLACEMENT_BYTES, 0 };
	bool well_formed;

	if ((unsigned char)text.bytes[0] < 0x80) {
		step.json_bytes = json_character_length((unsigned char)text.bytes[0]);
		return step;
	}
	step.bytes = text_step(text, &well_formed);
	step.ill_formed = !well_formed;
	if (well_formed)
		step.json_bytes = text_is_c1(text) || text_bidirectional(text)
					  ? sizeof("\\u0000") - 1
					  : step.bytes;
	return step;
}

static struct step json_word_or_step(struct text text)
{
	size_t plain = plain_word(text);

	return plain ? (struct step){ plain, plain, 0 } : json_step(text);
}

size_t text_json_length(struct text text)
{
	size_t total = 0;

	while (text.length) {
		struct step step = json_word_or_step(text);

		total += step.json_bytes;
		text = text_skip(text, step.bytes);
	}
	return total;
}

static struct step add(struct step sum, struct step step)
{
	return (struct step){ sum.bytes + step.bytes, sum.json_bytes + step.json_bytes,
			      sum.ill_formed + step.ill_formed };
}

static size_t cost_of(const struct text_budget *budget, struct step sum)
{
	return budget->times * sum.json_bytes +
	       (sum.ill_formed ? budget->raw_bytes + TEXT_BASE64_LENGTH(sum.bytes) : 0);
}

static void charge(struct text_budget *budget, struct step sum)
{
	budget->bytes -= cost_of(budget, sum);
	budget->ill_formed = budget->ill_formed || sum.ill_formed;
}

struct text text_cut(struct text text, struct text_budget *budget)
{
	struct step sum = {}, next;

	while (sum.bytes < text.length) {
		next = add(sum, json_word_or_step(text_skip(text, sum.bytes)));
		if (cost_of(budget, next) > budget->bytes)
			next = add(sum, json_step(text_skip(text, sum.bytes)));
		if (cost_of(budget, next) > budget->bytes)
			break;
		sum = next;
	}
	charge(budget, sum);
	return (struct text){ text.bytes, sum.bytes };
}

struct text text_tail(struct text text, struct text_budget *budget)
{
	struct step sum = {}, first;

	while (sum.bytes < text.length)
		sum = add(sum, json_word_or_step(text_skip(text, sum.bytes)));
	while (cost_of(budget, sum) > budget->bytes) {
		first = json_step(text);
		sum.bytes -= first.bytes;
		sum.json_bytes -= first.json_bytes;
		sum.ill_formed -= first.ill_formed;
		text = text_skip(text, first.bytes);
	}
	charge(budget, sum);
	return text;
}
