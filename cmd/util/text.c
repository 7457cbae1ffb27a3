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

static inline text_block load_block(const char *bytes)
{
	text_block block;

	memcpy(&block, bytes, sizeof(block));
	return block;
}

/* Returns -1 where the byte of the block exceeds the limits that the first byte of a character sets
 * for the second one (Unicode 15, table 3-7). */
static inline text_block utf8_exceeds(text_block first, text_block block)
{
	text_block below_a0 = block < (signed char)0xa0, below_90 = block < (signed char)0x90;

	return ((first == (signed char)0xe0) & below_a0) |
	       ((first == (signed char)0xed) & ~below_a0) |
	       ((first == (signed char)0xf0) & below_90) |
	       ((first == (signed char)0xf4) & ~below_90);
}

/* Returns -1 where the byte of the block may be the second one of a character that begins with that
 * of `first`, else 0. */
static inline text_block utf8_is_second(text_block first, text_block block)
{
	return text_block_to(block, 0xbf) & text_block_from(first, 0xc2) &
	       text_block_to(first, 0xf4) & ~utf8_exceeds(first, block);
}

/*
 * Reports whether the block has no ill-formed part, as far as its bytes and the TEXT_CONTEXT_BYTES
 * before it decide: a byte 80 to BF is exactly where a byte before it requires one.
 */
static inline bool utf8_block_is_well_formed(const char *bytes)
{
	text_block block = load_block(bytes), first = load_block(bytes - 1);
	text_block second = load_block(bytes - 2), third = load_block(bytes - 3);
	text_block required = text_block_has(first, 0xc0) | text_block_has(second, 0xe0) |
			      text_block_has(third, 0xf0);
	text_block following = text_block_to(block, 0xbf);
	text_block never = ((block & (signed char)0xfe) == (signed char)0xc0) |
			   (text_block_from(block, 0xf5) & (block < 0));

	return text_block_is_zero((required ^ following) | never | utf8_exceeds(first, block));
}

/* Returns the bytes in front of the first block that is not ASCII, from `done` on. */
static inline size_t skip_ascii_blocks(struct text text, size_t done)
{
	while (done + sizeof(text_block) <= text.length &&
	       text_block_is_zero(load_block(text.bytes + done) < 0))
		done += sizeof(text_block);
	return done;
}

/*
 * Returns the bytes in front of the first block that contains an ill-formed part, from `done` on,
 * which is at least TEXT_CONTEXT_BYTES and between two characters. The last block may overlap the
 * one before it.
 */
static size_t utf8_blocks(struct text text, size_t done)
{
	size_t last = text.length - sizeof(text_block);

	for (done = skip_ascii_blocks(text, done); done < text.length;
	     done = skip_ascii_blocks(text, done)) {
		text_block block;

		do {
			if (done > last)
				done = last;
			if (!utf8_block_is_well_formed(text.bytes + done))
				return done;
			block = load_block(text.bytes + done);
			done += sizeof(block);
		} while (done < text.length && !text_block_is_zero(block < 0));
	}
	return done;
}

/* Returns the start of the last character that may reach beyond the first `bytes` bytes, or
 * `bytes`. */
static size_t utf8_last_start(struct text text, size_t bytes)
{
	for (size_t back = 1; back <= TEXT_CONTEXT_BYTES && back <= bytes; back++)
		if ((unsigned char)text.bytes[bytes - back] >= 0xc0)
			return bytes - back;
	return bytes;
}

/* Returns the bytes of the characters at the front of text, until they are `most` or more. */
static size_t utf8_characters(struct text text, size_t most)
{
	bool well_formed = true;
	size_t done = 0, length;

	while (done < text.length && done < most) {
		length = text_step(text_skip(text, done), &well_formed);
		if (!well_formed)
			break;
		done += length;
	}
	return done;
}

size_t text_utf8_prefix(struct text text)
{
	size_t done = utf8_characters(text, TEXT_CONTEXT_BYTES);

	if (done < TEXT_CONTEXT_BYTES)
		return done;
	if (text.length - done >= sizeof(text_block))
		done = utf8_last_start(text, utf8_blocks(text, done));
	return done + utf8_characters(text_skip(text, done), SIZE_MAX);
}

/* The parts that begin in a block: -1 in the lanes of those with a second, a third, a fourth byte,
 * and of those that are characters beyond ASCII. */
struct parts {
	text_block second, third, fourth;
	text_block is_character;
};

/* Returns the parts that begin in a block, which has TEXT_CONTEXT_BYTES behind it. */
static inline struct parts find_parts(const char *bytes)
{
	text_block first = load_block(bytes);
	text_block three = text_block_has(first, 0xe0), four = text_block_has(first, 0xf0);
	text_block second = utf8_is_second(first, load_block(bytes + 1));
	text_block third = second & three & text_block_to(load_block(bytes + 2), 0xbf);
	text_block fourth = third & four & text_block_to(load_block(bytes + 3), 0xbf);

	return (struct parts){ second, third, fourth,
			       (second & ~three) | (third & ~four) | fourth };
}

#define COPY_BYTES (TEXT_COUNT_MAX_BYTES + sizeof(text_block))

/* Returns the bytes of text, or a copy of them with zeros behind them: at least COPY_BYTES. */
static inline const char *with_zeros(struct text text, char copy[COPY_BYTES])
{
	if (text.length >= COPY_BYTES)
		return text.bytes;
	memset(copy + text.length, 0, COPY_BYTES - text.length);
	return memcpy(copy, text.bytes, text.length);
}

/* Reports whether a byte of the blocks of so many bytes may begin a character. */
static inline bool may_have_characters(const char *bytes, size_t count)
{
	for (size_t done = 0; done < count; done += sizeof(text_block)) {
		text_block block = load_block(bytes + done);

		if (!text_block_is_zero(text_block_from(block, 0xc2) &
					(text_block_to(block, 0xf4) | ~(block < 0))))
			return true;
	}
	return false;
}

/* Returns -1 in the lanes of a block that are new, where it overlaps the one before it. */
static inline text_block new_lanes(size_t overlapping)
{
	static const text_block numbers = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

	return text_block_from(numbers, (unsigned char)overlapping);
}

/* Sums of comparisons, lane by lane. */
struct lanes {
	text_block characters;
	text_block following; /* bytes of a part behind the first one ... */
	text_block of_characters; /* ... of those that are characters */
};

/* Adds the lanes of a block that the mask selects. */
static inline void add_lanes(struct lanes *lanes, const char *bytes, text_block mask)
{
	struct parts parts = find_parts(bytes);
	text_block following = parts.second + parts.third + parts.fourth;

	lanes->characters -= (parts.is_character | ~(load_block(bytes) < 0)) & mask;
	lanes->following -= following & mask;
	lanes->of_characters -= following & parts.is_character & mask;
}

struct text_counts text_count_parts(struct text text, size_t bytes)
{
	struct lanes lanes = {};
	size_t last = bytes - sizeof(text_block), at, characters;
	char copy[COPY_BYTES];

	text.bytes = with_zeros(text, copy);
	if (!may_have_characters(text.bytes, bytes))
		return (struct text_counts){ .ill_formed = bytes };
	for (size_t done = 0; done < bytes; done += sizeof(text_block)) {
		at = done < last ? done : last;
		add_lanes(&lanes, text.bytes + at, new_lanes(done - at));
	}
	characters = text_block_sum(lanes.characters);
	return (struct text_counts){
		.ill_formed = bytes - text_block_sum(lanes.following) - characters,
		.bytes_of_characters = characters + text_block_sum(lanes.of_characters),
	};
}

/* Bits of the first byte of a part: which bytes follow it in the part, and the same in the upper
 * half if the part is a character. */
#define PART_SECOND 0x11
#define PART_THIRD 0x22
#define PART_FOURTH 0x44
#define PART_CHARACTERS 0x70

static inline text_block part_bits(struct parts parts)
{
	text_block bits = (parts.second & PART_SECOND) | (parts.third & PART_THIRD) |
			  (parts.fourth & PART_FOURTH);

	return bits & (parts.is_character | ~(signed char)PART_CHARACTERS);
}

/* Returns a marked block, of which `parts` has the bits, and of the bytes before it. */
static inline text_block mark_block(text_block block, const char *parts)
{
	text_block follows = (load_block(parts - 1) & PART_SECOND) |
			     (load_block(parts - 2) & PART_THIRD) |
			     (load_block(parts - 3) & PART_FOURTH);
	text_block is_well_formed =
		text_block_from(load_block(parts) | follows, PART_CHARACTERS & -PART_CHARACTERS) |
		~(block < 0);
	text_block mark = (signed char)TEXT_MARK_ILL_FORMED + (follows != 0);

	return (block & is_well_formed) | (mark & ~is_well_formed);
}

static void mark_blocks(const char *bytes, struct text_marked *marked)
{
	char parts[sizeof(text_block) + TEXT_COUNT_MAX_BYTES];

	memset(parts, 0, sizeof(text_block));
	for (size_t done = 0; done < marked->length; done += sizeof(text_block)) {
		text_block block = part_bits(find_parts(bytes + done));

		memcpy(parts + sizeof(text_block) + done, &block, sizeof(block));
	}
	for (size_t done = 0; done < marked->length; done += sizeof(text_block)) {
		text_block block =
			mark_block(load_block(bytes + done), parts + sizeof(text_block) + done);

		memcpy(marked->bytes + done, &block, sizeof(block));
	}
}

static void count_marked(struct text_marked *marked)
{
	text_block ill_formed = {}, others = {};

	for (size_t done = 0; done < marked->length; done += sizeof(text_block)) {
		text_block block = load_block(marked->bytes + done);

		ill_formed -= block == (signed char)TEXT_MARK_ILL_FORMED;
		others |= ~text_block_is_mark(block);
	}
	marked->ill_formed = text_block_sum(ill_formed);
	marked->has_characters = !text_block_is_zero(others);
}

void text_mark(struct text text, size_t bytes, struct text_marked *marked)
{
	char copy[COPY_BYTES];

	text.bytes = with_zeros(text, copy);
	marked->length = (bytes + sizeof(text_block) - 1) / sizeof(text_block) * sizeof(text_block);
	marked->ill_formed = bytes;
	marked->has_characters = may_have_characters(text.bytes, marked->length);
	if (marked->has_characters)
		mark_blocks(text.bytes, marked);
	else
		memset(marked->bytes, TEXT_MARK_ILL_FORMED, bytes);
	memset(marked->bytes + bytes, TEXT_MARK_REST, sizeof(text_block));
	if (marked->has_characters)
		count_marked(marked);
}

struct text_controls text_count_controls(struct text text)
{
	text_block two = {}, three = {};
	size_t last = text.length - sizeof(text_block), at;

	for (size_t done = 0; done < text.length; done += sizeof(text_block)) {
		const char *bytes = text.bytes + (at = done < last ? done : last);
		text_block block = load_block(bytes), before1 = load_block(bytes - 1);
		text_block c1 = (before1 == (signed char)0xc2) & (block < (signed char)0xa0);
		text_block alm = (before1 == (signed char)0xd8) & (block == (signed char)0x9c);

		two -= (c1 | alm) & new_lanes(done - at);
		three -= text_block_is_bidirectional(load_block(bytes - 2), before1, block) &
			 new_lanes(done - at);
	}
	return (struct text_controls){ text_block_sum(two), text_block_sum(three) };
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

/* Two digits of base64 for twelve bits */
#define PAIR(first, second)                                                                        \
	{                                                                                          \
		first, second                                                                      \
	}
#define PAIRS_4(first, a, b, c, d) PAIR(first, a), PAIR(first, b), PAIR(first, c), PAIR(first, d)
#define PAIRS_64(first)                                                                            \
	PAIRS_4(first, 'A', 'B', 'C', 'D'), PAIRS_4(first, 'E', 'F', 'G', 'H'),                    \
		PAIRS_4(first, 'I', 'J', 'K', 'L'), PAIRS_4(first, 'M', 'N', 'O', 'P'),            \
		PAIRS_4(first, 'Q', 'R', 'S', 'T'), PAIRS_4(first, 'U', 'V', 'W', 'X'),            \
		PAIRS_4(first, 'Y', 'Z', 'a', 'b'), PAIRS_4(first, 'c', 'd', 'e', 'f'),            \
		PAIRS_4(first, 'g', 'h', 'i', 'j'), PAIRS_4(first, 'k', 'l', 'm', 'n'),            \
		PAIRS_4(first, 'o', 'p', 'q', 'r'), PAIRS_4(first, 's', 't', 'u', 'v'),            \
		PAIRS_4(first, 'w', 'x', 'y', 'z'), PAIRS_4(first, '0', '1', '2', '3'),            \
		PAIRS_4(first, '4', '5', '6', '7'), PAIRS_4(first, '8', '9', '+', '/')
#define PAIRS_256(a, b, c, d) PAIRS_64(a), PAIRS_64(b), PAIRS_64(c), PAIRS_64(d)

static const char base64_pairs[][2] = {
	PAIRS_256('A', 'B', 'C', 'D'), PAIRS_256('E', 'F', 'G', 'H'), PAIRS_256('I', 'J', 'K', 'L'),
	PAIRS_256('M', 'N', 'O', 'P'), PAIRS_256('Q', 'R', 'S', 'T'), PAIRS_256('U', 'V', 'W', 'X'),
	PAIRS_256('Y', 'Z', 'a', 'b'), PAIRS_256('c', 'd', 'e', 'f'), PAIRS_256('g', 'h', 'i', 'j'),
	PAIRS_256('k', 'l', 'm', 'n'), PAIRS_256('o', 'p', 'q', 'r'), PAIRS_256('s', 't', 'u', 'v'),
	PAIRS_256('w', 'x', 'y', 'z'), PAIRS_256('0', '1', '2', '3'), PAIRS_256('4', '5', '6', '7'),
	PAIRS_256('8', '9', '+', '/'),
};

/* Writes the digits of the low 24 bits. */
static inline void write_base64_group(uint64_t bits, char out[4])
{
	memcpy(out, base64_pairs[bits >> 12 & 4095], 2);
	memcpy(out + 2, base64_pairs[bits & 4095], 2);
}

size_t text_to_base64(struct text text, char *out)
{
	struct text left = text;
	uint64_t word;

	for (; left.length >= sizeof(word); left = text_skip(left, 6), out += 8) {
		memcpy(&word, left.bytes, sizeof(word));
		word = be64toh(word) >> 16;
		write_base64_group(word >> 24, out);
		write_base64_group(word, out + 4);
	}
	while (left.length) {
		size_t bytes = left.length < 3 ? left.length : 3;

		word = 0;
		for (size_t i = 0; i < bytes; i++)
			word |= (uint64_t)(unsigned char)left.bytes[i] << (16 - 8 * i);
		write_base64_group(word, out);
		for (size_t i = bytes + 1; i < 4; i++)
			out[i] = '=';
		left = text_skip(left, bytes);
		out += 4;
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

static inline void write_eight_digits(uint32_t number, char out[8])
{
	uint64_t digits = htole64(eight_digits(number) | TEXT_EACH_BYTE('0'));

	memcpy(out, &digits, sizeof(digits));
}

void text_to_eight_digits(uint32_t number, char out[8])
{
	write_eight_digits(number, out);
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
 * Writes a number from 1 below 10^8. No branch depends on the number of digits: a mispredicted one
 * costs as much as the whole function. The count does not depend on the digits, because the next
 * output waits for it only.
 */
static inline size_t write_short(uint32_t number, char out[8])
{
	size_t length = count_digits(number);
	uint64_t digits =
		htole64((eight_digits(number) | TEXT_EACH_BYTE('0')) >> (64 - 8 * length));

	memcpy(out, &digits, sizeof(digits));
	return length;
}

size_t text_to_decimal_digits(uint64_t number, char out[TEXT_DECIMAL_BYTES])
{
	size_t length;

	if (number < EIGHT_DIGITS)
		return write_short((uint32_t)number, out);
	length = text_to_decimal(number / EIGHT_DIGITS, out);
	write_eight_digits((uint32_t)(number % EIGHT_DIGITS), out + length);
	return length + 8;
}
