// SPDX-License-Identifier: BSD-2-Clause
#include "util/text_json.h"

#define ENTRY(length, ...)                                                                         \
	{                                                                                          \
		{ __VA_ARGS__ }, length                                                            \
	}
#define ESCAPE(letter) ENTRY(2, '\\', letter)
#define UNICODE_OF(plane, row, high, low)                                                          \
	ENTRY(TEXT_JSON_ESCAPE_BYTES, '\\', 'u', plane, row, high, low)
#define UNICODE(high, low) UNICODE_OF('0', '0', high, low)
#define VERBATIM(byte) ENTRY(1, (char)(byte))
#define VERBATIM_8(byte)                                                                           \
	VERBATIM(byte), VERBATIM((byte) + 1), VERBATIM((byte) + 2), VERBATIM((byte) + 3),          \
		VERBATIM((byte) + 4), VERBATIM((byte) + 5), VERBATIM((byte) + 6),                  \
		VERBATIM((byte) + 7)
#define VERBATIM_16(byte) VERBATIM_8(byte), VERBATIM_8((byte) + 8)
#define REPLACEMENT ENTRY(TEXT_REPLACEMENT_BYTES, '\xef', '\xbf', '\xbd')
#define NOTHING ENTRY(0, '\0')

_Static_assert(TEXT_MARK_REST == 0xfe && TEXT_MARK_ILL_FORMED == 0xff, "the end of the table");

/* The table with this entry for NUL */
#define TABLE(nul)                                                                                 \
	{                                                                                          \
		{                                                                                  \
			nul, UNICODE('0', '1'), UNICODE('0', '2'), UNICODE('0', '3'),              \
				UNICODE('0', '4'), UNICODE('0', '5'), UNICODE('0', '6'),           \
				UNICODE('0', '7'), ESCAPE('b'), ESCAPE('t'), ESCAPE('n'),          \
				UNICODE('0', 'b'), ESCAPE('f'), ESCAPE('r'), UNICODE('0', 'e'),    \
				UNICODE('0', 'f'), UNICODE('1', '0'), UNICODE('1', '1'),           \
				UNICODE('1', '2'), UNICODE('1', '3'), UNICODE('1', '4'),           \
				UNICODE('1', '5'), UNICODE('1', '6'), UNICODE('1', '7'),           \
				UNICODE('1', '8'), UNICODE('1', '9'), UNICODE('1', 'a'),           \
				UNICODE('1', 'b'), UNICODE('1', 'c'), UNICODE('1', 'd'),           \
				UNICODE('1', 'e'), UNICODE('1', 'f'), VERBATIM(' '),               \
				VERBATIM('!'), ESCAPE('"'), VERBATIM('#'), VERBATIM('$'),          \
				VERBATIM('%'), VERBATIM('&'), VERBATIM('\''), VERBATIM_8(0x28),    \
				VERBATIM_16(0x30), VERBATIM_16(0x40), VERBATIM_8(0x50),            \
				VERBATIM('X'), VERBATIM('Y'), VERBATIM('Z'), VERBATIM('['),        \
				ESCAPE('\\'), VERBATIM(']'), VERBATIM('^'), VERBATIM('_'),         \
				VERBATIM_16(0x60), VERBATIM_8(0x70), VERBATIM('x'), VERBATIM('y'), \
				VERBATIM('z'), VERBATIM('{'), VERBATIM('|'), VERBATIM('}'),        \
				VERBATIM('~'), UNICODE('7', 'f'), VERBATIM_16(0x80),               \
				VERBATIM_16(0x90), VERBATIM_16(0xa0), VERBATIM_16(0xb0),           \
				VERBATIM_16(0xc0), VERBATIM_16(0xd0), VERBATIM_16(0xe0),           \
				VERBATIM_8(0xf0), VERBATIM(0xf8), VERBATIM(0xf9), VERBATIM(0xfa),  \
				VERBATIM(0xfb), VERBATIM(0xfc), VERBATIM(0xfd), NOTHING,           \
				REPLACEMENT,                                                       \
		}                                                                                  \
	}

const struct text_json_table text_json_table = TABLE(UNICODE('0', '0'));
const struct text_json_table text_json_list_table = TABLE(ENTRY(3, '"', ',', '"'));
const struct text_json_table text_json_words_table = TABLE(ENTRY(1, ' '));

#define UNICODE_8(high)                                                                            \
	UNICODE(high, '0'), UNICODE(high, '1'), UNICODE(high, '2'), UNICODE(high, '3'),            \
		UNICODE(high, '4'), UNICODE(high, '5'), UNICODE(high, '6'), UNICODE(high, '7')
#define UNICODE_16(high)                                                                           \
	UNICODE_8(high), UNICODE(high, '8'), UNICODE(high, '9'), UNICODE(high, 'a'),               \
		UNICODE(high, 'b'), UNICODE(high, 'c'), UNICODE(high, 'd'), UNICODE(high, 'e'),    \
		UNICODE(high, 'f')

const struct text_json_byte text_json_c2[64] = { UNICODE_16('8'), UNICODE_16('9') };
const struct text_json_byte text_json_d8[64] = { [0x1c] = UNICODE_OF('0', '6', '1', 'c') };
const struct text_json_byte text_json_e2[2][64] = {
	{ [0x0e] = UNICODE_OF('2', '0', '0', 'e'),
	  [0x0f] = UNICODE_OF('2', '0', '0', 'f'),
	  [0x2a] = UNICODE_OF('2', '0', '2', 'a'),
	  [0x2b] = UNICODE_OF('2', '0', '2', 'b'),
	  [0x2c] = UNICODE_OF('2', '0', '2', 'c'),
	  [0x2d] = UNICODE_OF('2', '0', '2', 'd'),
	  [0x2e] = UNICODE_OF('2', '0', '2', 'e') },
	{ [0x26] = UNICODE_OF('2', '0', '6', '6'),
	  [0x27] = UNICODE_OF('2', '0', '6', '7'),
	  [0x28] = UNICODE_OF('2', '0', '6', '8'),
	  [0x29] = UNICODE_OF('2', '0', '6', '9') },
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

static inline size_t byte_length(char byte)
{
	return text_json_table.bytes[(unsigned char)byte].length;
}

/* Returns a byte of well-formed text, or a whole character that is escaped. A NUL becomes nul_bytes
 * of JSON. */
static inline struct step byte_step(struct text text, size_t nul_bytes)
{
	char byte = text.bytes[0];

	if (text_json_is_lead(byte) && text_json_escape(text))
		return (struct step){ byte == '\xe2' ? 3 : 2, TEXT_JSON_ESCAPE_BYTES };
	return (struct step){ 1, byte ? byte_length(byte) : nul_bytes, 0, !byte };
}

/* Returns a block of well-formed text in which no byte begins a character that is escaped. */
static inline struct step simple_block_step(const char *bytes, text_block block, size_t nul_bytes)
{
	size_t nuls = text_block_count(block == 0), sum = 0;

#pragma GCC unroll 16
	for (size_t i = 0; i < sizeof(block); i++)
		sum += byte_length(bytes[i]);
	return (struct step){ sizeof(block), sum - (TEXT_JSON_ESCAPE_BYTES - nul_bytes) * nuls, 0,
			      nuls };
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
	    !text_json_any(chunk, text_json_escapes))
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
	step.json_bytes = !well_formed		   ? TEXT_REPLACEMENT_BYTES
			  : text_json_escape(text) ? TEXT_JSON_ESCAPE_BYTES
						   : step.bytes;
	return step;
}

/* Returns the bytes that the escapes of ASCII add to those of text. */
static size_t escaped_ascii(struct text text)
{
	size_t sum = 0;

	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)text.bytes[i] < 0x80)
			sum += byte_length(text.bytes[i]) - 1;
	return sum;
}

/* Returns the first parts of a text behind `done` bytes of it: a part, or as many as can be counted
 * at once. */
static struct step parts_step(struct text text, size_t done)
{
	struct text left = text_skip(text, done);
	struct text chunk = text_first_parts(left, TEXT_COUNT_MAX_BYTES);
	struct text_counts counts;
	size_t escapes = 0;

	if (chunk.length < TEXT_COUNT_MIN_BYTES)
		return character_step(left);
	counts = text_count_parts(left, chunk.length);
	if (counts.bytes_of_characters && text_json_any(chunk, text_json_specials)) {
		if (done < TEXT_CONTEXT_BYTES)
			return character_step(left);
		escapes = escaped_controls(chunk);
		if (text_json_any(chunk, text_json_escapes))
			escapes += escaped_ascii(chunk);
	}
	return (struct step){ chunk.length,
			      counts.bytes_of_characters + escapes +
				      TEXT_REPLACEMENT_BYTES * counts.ill_formed,
			      counts.ill_formed };
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
