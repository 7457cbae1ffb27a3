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

#define TO(from, to) ((uint64_t)(to) << (from))
#define ANY_FOLLOWING                                                                              \
	(TO(TEXT_UTF8_ONE, TEXT_UTF8_COMPLETE) | TO(TEXT_UTF8_TWO, TEXT_UTF8_ONE) |                \
	 TO(TEXT_UTF8_THREE, TEXT_UTF8_TWO))

const uint64_t text_utf8_rows[256] = {
	[0x00 ... 0x7f] = TO(TEXT_UTF8_COMPLETE, TEXT_UTF8_COMPLETE),
	[0x80 ... 0x8f] =
		ANY_FOLLOWING | TO(TEXT_UTF8_ED, TEXT_UTF8_ONE) | TO(TEXT_UTF8_F4, TEXT_UTF8_TWO),
	[0x90 ... 0x9f] =
		ANY_FOLLOWING | TO(TEXT_UTF8_ED, TEXT_UTF8_ONE) | TO(TEXT_UTF8_F0, TEXT_UTF8_TWO),
	[0xa0 ... 0xbf] =
		ANY_FOLLOWING | TO(TEXT_UTF8_E0, TEXT_UTF8_ONE) | TO(TEXT_UTF8_F0, TEXT_UTF8_TWO),
	[0xc2 ... 0xdf] = TO(TEXT_UTF8_COMPLETE, TEXT_UTF8_ONE),
	[0xe0] = TO(TEXT_UTF8_COMPLETE, TEXT_UTF8_E0),
	[0xe1 ... 0xec] = TO(TEXT_UTF8_COMPLETE, TEXT_UTF8_TWO),
	[0xed] = TO(TEXT_UTF8_COMPLETE, TEXT_UTF8_ED),
	[0xee ... 0xef] = TO(TEXT_UTF8_COMPLETE, TEXT_UTF8_TWO),
	[0xf0] = TO(TEXT_UTF8_COMPLETE, TEXT_UTF8_F0),
	[0xf1 ... 0xf3] = TO(TEXT_UTF8_COMPLETE, TEXT_UTF8_THREE),
	[0xf4] = TO(TEXT_UTF8_COMPLETE, TEXT_UTF8_F4),
};

/* Returns the bytes of the blocks in front of the first one that contains an ill-formed part, less
 * a character that is not complete there. */
static size_t utf8_blocks(struct text text)
{
	uint64_t state = TEXT_UTF8_COMPLETE, next;
	size_t done = 0;
	text_block block;

	for (; done + sizeof(block) <= text.length; done += sizeof(block), state = next) {
		next = state;
		memcpy(&block, text.bytes + done, sizeof(block));
		if (state == TEXT_UTF8_COMPLETE && text_block_is_zero(block < 0))
			continue;
		for (size_t i = 0; i < sizeof(block); i++)
			next = text_utf8_next(next, text.bytes[done + i]);
		next &= TEXT_UTF8_STATE_MASK;
		if (!next)
			break;
	}
	if (state != TEXT_UTF8_COMPLETE)
		do
			done--;
		while (text_byte_is_following(text.bytes[done]));
	return done;
}

size_t text_utf8_prefix(struct text text)
{
	size_t done = utf8_blocks(text);
	bool well_formed = true;

	while (done < text.length) {
		size_t length = text_step(text_skip(text, done), &well_formed);

		if (!well_formed)
			break;
		done += length;
	}
	return done;
}

size_t text_count_nuls(struct text text)
{
	size_t done = 0, nuls = 0;

	while (text.length - done >= sizeof(text_block)) {
		text_block sums = {}, block;

		/* a lane counts to 127 */
		for (int i = 0; i < 127 && text.length - done >= sizeof(block); i++) {
			memcpy(&block, text.bytes + done, sizeof(block));
			sums -= block == 0;
			done += sizeof(block);
		}
		for (size_t lane = 0; lane < sizeof(sums); lane++)
			nuls += (size_t)sums[lane];
	}
	for (; done < text.length; done++)
		nuls += !text.bytes[done];
	return nuls;
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
