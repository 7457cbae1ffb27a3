// SPDX-License-Identifier: BSD-2-Clause
#include "util/text_json.h"

#define ESCAPE(letter)                                                                             \
	{                                                                                          \
		{ '\\', (letter) }, 2                                                              \
	}
#define UNICODE(high, low)                                                                         \
	{                                                                                          \
		{ '\\', 'u', '0', '0', (high), (low) }, TEXT_JSON_ESCAPE_BYTES                     \
	}
#define VERBATIM(byte)                                                                             \
	{                                                                                          \
		{ (char)(byte) }, 1                                                                \
	}
#define VERBATIM_8(byte)                                                                           \
	VERBATIM(byte), VERBATIM((byte) + 1), VERBATIM((byte) + 2), VERBATIM((byte) + 3),          \
		VERBATIM((byte) + 4), VERBATIM((byte) + 5), VERBATIM((byte) + 6),                  \
		VERBATIM((byte) + 7)
#define VERBATIM_16(byte) VERBATIM_8(byte), VERBATIM_8((byte) + 8)
#define LEAD(byte)                                                                                 \
	{                                                                                          \
		{ (char)(byte) }, 0                                                                \
	}

const struct text_json_byte text_json_bytes[256] = {
	UNICODE('0', '0'), UNICODE('0', '1'), UNICODE('0', '2'), UNICODE('0', '3'),
	UNICODE('0', '4'), UNICODE('0', '5'), UNICODE('0', '6'), UNICODE('0', '7'),
	ESCAPE('b'),	   ESCAPE('t'),	      ESCAPE('n'),	 UNICODE('0', 'b'),
	ESCAPE('f'),	   ESCAPE('r'),	      UNICODE('0', 'e'), UNICODE('0', 'f'),
	UNICODE('1', '0'), UNICODE('1', '1'), UNICODE('1', '2'), UNICODE('1', '3'),
	UNICODE('1', '4'), UNICODE('1', '5'), UNICODE('1', '6'), UNICODE('1', '7'),
	UNICODE('1', '8'), UNICODE('1', '9'), UNICODE('1', 'a'), UNICODE('1', 'b'),
	UNICODE('1', 'c'), UNICODE('1', 'd'), UNICODE('1', 'e'), UNICODE('1', 'f'),
	VERBATIM(' '),	   VERBATIM('!'),     ESCAPE('"'),	 VERBATIM('#'),
	VERBATIM('$'),	   VERBATIM('%'),     VERBATIM('&'),	 VERBATIM('\''),
	VERBATIM_8(0x28),  VERBATIM_16(0x30), VERBATIM_16(0x40), VERBATIM_8(0x50),
	VERBATIM('X'),	   VERBATIM('Y'),     VERBATIM('Z'),	 VERBATIM('['),
	ESCAPE('\\'),	   VERBATIM(']'),     VERBATIM('^'),	 VERBATIM('_'),
	VERBATIM_16(0x60), VERBATIM_8(0x70),  VERBATIM('x'),	 VERBATIM('y'),
	VERBATIM('z'),	   VERBATIM('{'),     VERBATIM('|'),	 VERBATIM('}'),
	VERBATIM('~'),	   UNICODE('7', 'f'), VERBATIM_16(0x80), VERBATIM_16(0x90),
	VERBATIM_16(0xa0), VERBATIM_16(0xb0), VERBATIM(0xc0),	 VERBATIM(0xc1),
	LEAD(0xc2),	   VERBATIM(0xc3),    VERBATIM(0xc4),	 VERBATIM(0xc5),
	VERBATIM(0xc6),	   VERBATIM(0xc7),    VERBATIM_8(0xc8),	 VERBATIM_8(0xd0),
	LEAD(0xd8),	   VERBATIM(0xd9),    VERBATIM(0xda),	 VERBATIM(0xdb),
	VERBATIM(0xdc),	   VERBATIM(0xdd),    VERBATIM(0xde),	 VERBATIM(0xdf),
	VERBATIM(0xe0),	   VERBATIM(0xe1),    LEAD(0xe2),	 VERBATIM(0xe3),
	VERBATIM(0xe4),	   VERBATIM(0xe5),    VERBATIM(0xe6),	 VERBATIM(0xe7),
	VERBATIM_8(0xe8),  VERBATIM_16(0xf0),
};

/* Sums over parts of a text: blocks, bytes, characters, maximal ill-formed parts. */
struct step {
	size_t bytes;
	size_t json_bytes;
	size_t ill_formed; /* number of the parts */
	size_t nuls;
};

static inline struct step add(struct step sum, struct step step)
{
	return (struct step){ sum.bytes + step.bytes, sum.json_bytes + step.json_bytes,
			      sum.ill_formed + step.ill_formed, sum.nuls + step.nuls };
}

/* Returns a byte of well-formed text, or a whole character that is escaped. A NUL becomes nul_bytes
 * of JSON. */
static inline struct step byte_step(struct text text, size_t nul_bytes)
{
	size_t length = text_json_bytes[(unsigned char)text.bytes[0]].length;

	if (length)
		return (struct step){ 1, text.bytes[0] ? length : nul_bytes, 0, !text.bytes[0] };
	if (text_json_escaped(text))
		return (struct step){ text.bytes[0] == '\xe2' ? 3 : 2, TEXT_JSON_ESCAPE_BYTES };
	return (struct step){ 1, 1 };
}

/* Returns a block of well-formed text in which no byte begins a character that is escaped. */
static inline struct step simple_block_step(const char *bytes, text_block block, size_t nul_bytes)
{
	size_t nuls = text_block_count(block == 0), sum = 0;

#pragma GCC unroll 16
	for (size_t i = 0; i < sizeof(block); i++)
		sum += text_json_bytes[(unsigned char)bytes[i]].length;
	return (struct step){ sizeof(block), sum - (TEXT_JSON_ESCAPE_BYTES - nul_bytes) * nuls, 0,
			      nuls };
}

/* True if a byte of ASCII is escaped. */
static bool has_escapes(struct text text)
{
	bool has = false;
	size_t done = 0;
	text_block block, escapes = {};

	for (; done + sizeof(block) <= text.length; done += sizeof(block)) {
		memcpy(&block, text.bytes + done, sizeof(block));
		escapes |= text_json_escapes(block);
	}
	for (; done < text.length; done++)
		has |= text_json_bytes[(unsigned char)text.bytes[done]].length > 1;
	return has || !text_block_is_zero(escapes);
}

/* Returns the bytes that the escapes of controls beyond ASCII add to those of text. */
static inline size_t escaped_controls(struct text text)
{
	struct text_controls controls = text_count_controls(text);

	return (TEXT_JSON_ESCAPE_BYTES - 2) * controls.of_two_bytes +
	       (TEXT_JSON_ESCAPE_BYTES - 3) * controls.of_three_bytes;
}

/* Returns at least a block of well-formed text behind `done` bytes of it: as much as can be counted
 * at once, or a block; the last character may reach beyond it. */
static struct step escaped_step(struct text text, size_t done, size_t nul_bytes)
{
	struct text left = text_skip(text, done);
	struct text chunk = text_first_parts(left, TEXT_COUNT_MAX_BYTES);
	struct step sum = {};

	if (done >= TEXT_CONTEXT_BYTES && chunk.length >= TEXT_COUNT_MIN_BYTES &&
	    !has_escapes(chunk))
		return (struct step){ chunk.length, chunk.length + escaped_controls(chunk) };
	while (sum.bytes < sizeof(text_block))
		sum = add(sum, byte_step(text_skip(left, sum.bytes), nul_bytes));
	return sum;
}

/* The same for a block without special bytes or of simple ones as well. */
static inline struct step block_step(struct text text, size_t done, size_t nul_bytes)
{
	text_block block;

	memcpy(&block, text.bytes + done, sizeof(block));
	if (text_block_is_zero(text_json_specials(block)))
		return (struct step){ sizeof(block), sizeof(block) };
	if (text_block_is_zero(text_json_leads(block)))
		return simple_block_step(text.bytes + done, block, nul_bytes);
	return escaped_step(text, done, nul_bytes);
}

/* Returns the longest beginning of well-formed text with at most `most` bytes of JSON. */
static inline struct step well_formed_cut(struct text text, size_t most, size_t nul_bytes)
{
	struct step sum = {}, next;

	while (text.length - sum.bytes >= sizeof(text_block)) {
		next = add(sum, block_step(text, sum.bytes, nul_bytes));
		if (next.json_bytes > most)
			break;
		sum = next;
	}
	while (sum.bytes < text.length) {
		next = add(sum, byte_step(text_skip(text, sum.bytes), nul_bytes));
		if (next.json_bytes > most)
			break;
		sum = next;
	}
	for (; sum.bytes < text.length && text_byte_is_following(text.bytes[sum.bytes]);
	     sum.bytes--, sum.json_bytes--)
		;
	return sum;
}

/* Returns the character or the maximal ill-formed part at the front of text. */
static inline struct step character_step(struct text text)
{
	struct step step = {};
	bool well_formed;

	if ((unsigned char)text.bytes[0] < 0x80)
		return byte_step(text, TEXT_JSON_ESCAPE_BYTES);
	step.bytes = text_step(text, &well_formed);
	step.ill_formed = !well_formed;
	step.json_bytes = !well_formed		    ? TEXT_REPLACEMENT_BYTES
			  : text_json_escaped(text) ? TEXT_JSON_ESCAPE_BYTES
						    : step.bytes;
	return step;
}

/* Returns text, of at most TEXT_COUNT_MAX_BYTES, in which no byte of ASCII is escaped. */
static struct step counted_step(struct text text)
{
	struct text_counts counts = text_count_parts(text);
	const size_t *of_bytes = counts.of_bytes;
	size_t ill_formed = counts.parts - of_bytes[1] - of_bytes[2] - of_bytes[3] - of_bytes[4];

	return (struct step){ text.length,
			      of_bytes[1] + 2 * of_bytes[2] + 3 * of_bytes[3] + 4 * of_bytes[4] +
				      escaped_controls(text) + TEXT_REPLACEMENT_BYTES * ill_formed,
			      ill_formed };
}

/* Returns the first parts of a text behind `done` bytes of it: a part, or as many as can be counted
 * at once. */
static struct step parts_step(struct text text, size_t done)
{
	struct text left = text_skip(text, done);
	struct text chunk = text_first_parts(left, TEXT_COUNT_MAX_BYTES);

	if (done < TEXT_CONTEXT_BYTES || chunk.length < TEXT_COUNT_MIN_BYTES || has_escapes(chunk))
		return character_step(left);
	return counted_step(chunk);
}

static struct step measure(struct text text)
{
	struct text prefix = { text.bytes, text_utf8_prefix(text) };
	struct step sum = well_formed_cut(prefix, SIZE_MAX, TEXT_JSON_ESCAPE_BYTES);

	while (sum.bytes < text.length)
		sum = add(sum, parts_step(text, sum.bytes));
	return sum;
}

size_t text_json_length(struct text text)
{
	return measure(text).json_bytes;
}

static inline size_t cost_of(const struct text_json_budget *budget, struct step sum)
{
	return budget->times * sum.json_bytes +
	       (sum.ill_formed ? budget->raw_bytes + TEXT_BASE64_LENGTH(sum.bytes) : 0);
}

static void charge(struct text_json_budget *budget, struct step sum)
{
	budget->bytes -= cost_of(budget, sum);
	budget->ill_formed = budget->ill_formed || sum.ill_formed;
}

/* Bytes that text_json_cut() and text_json_tail() measure at once. */
#define CHUNK_BYTES TEXT_COUNT_MAX_BYTES

/* Adds chunks while the budget pays for them, and then what it pays for of the next one. */
struct text text_json_cut(struct text text, struct text_json_budget *budget)
{
	struct step sum = {}, next;

	while (text.length - sum.bytes >= TEXT_COUNT_MIN_BYTES) {
		next = add(sum, measure(text_first_parts(text_skip(text, sum.bytes), CHUNK_BYTES)));
		if (cost_of(budget, next) > budget->bytes)
			break;
		sum = next;
	}
	while (sum.bytes < text.length) {
		next = add(sum, character_step(text_skip(text, sum.bytes)));
		if (cost_of(budget, next) > budget->bytes)
			break;
		sum = next;
	}
	charge(budget, sum);
	return (struct text){ text.bytes, sum.bytes };
}

struct text text_json_cut_strings(struct text strings, size_t separator_bytes,
				  struct text_json_budget *budget, size_t *separators)
{
	struct step sum = well_formed_cut(strings, budget->bytes / budget->times,
					  separator_bytes / budget->times);

	budget->bytes -= budget->times * sum.json_bytes;
	*separators = sum.nuls;
	return (struct text){ strings.bytes, sum.bytes };
}

/* Returns the last `bytes` of text, or up to three less: from the beginning of a character or of a
 * maximal ill-formed part. */
static struct text last_parts(struct text text, size_t bytes)
{
	size_t from = text.length > bytes ? text.length - bytes : 0, start = from;
	bool well_formed;

	if (!from || !bytes)
		return text_skip(text, from);
	while (start && from - start < 3 && text_byte_is_following(text.bytes[start]))
		start--;
	if (text_byte_is_following(text.bytes[start]))
		return text_skip(text, from);
	while (start < from)
		start += text_step(text_skip(text, start), &well_formed);
	return text_skip(text, start);
}

static inline struct step remove_step(struct step sum, struct step step)
{
	return (struct step){ sum.bytes - step.bytes, sum.json_bytes - step.json_bytes,
			      sum.ill_formed - step.ill_formed, sum.nuls - step.nuls };
}

/* Adds chunks from the end while the budget pays for them, and then what it pays for of the next
 * one. */
struct text text_json_tail(struct text text, struct text_json_budget *budget)
{
	struct text left = text, part = last_parts(left, CHUNK_BYTES);
	struct step sum = {}, chunk = measure(part);

	while (part.length && cost_of(budget, add(sum, chunk)) <= budget->bytes) {
		sum = add(sum, chunk);
		left.length -= part.length;
		part = last_parts(left, CHUNK_BYTES);
		chunk = measure(part);
	}
	while (cost_of(budget, add(sum, chunk)) > budget->bytes) {
		struct step first = character_step(part);

		chunk = remove_step(chunk, first);
		part = text_skip(part, first.bytes);
	}
	sum = add(sum, chunk);
	charge(budget, sum);
	return text_skip(text, text.length - sum.bytes);
}
