// SPDX-License-Identifier: BSD-2-Clause
#include "encode/strip.h"

#include "util/text_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <wchar.h>

#define ELLIPSIS "\xe2\x80\xa6"
#define ELLIPSIS_BYTES (sizeof(ELLIPSIS) - 1)
/* The end of a colour, "\x1b[m", is always appended: room for it stays free. */
#define COLOR_END_BYTES 3
/* "\U0001f600" */
#define ESCAPE_BYTES 12

/* A character, or its escape, with the columns that it takes. */
struct cell {
	char escape[ESCAPE_BYTES]; /* "": the character itself */
	size_t bytes; /* of the text */
	size_t columns;
};

/* Appends bytes that take these columns, or the ellipsis in place of them and of all that comes. */
static void put(struct strip *strip, const char *bytes, size_t length, size_t columns)
{
	size_t free_bytes = strip->capacity - COLOR_END_BYTES - strip->length;

	if (strip->is_cut)
		return;
	/* the ellipsis needs a column, unless nothing follows; that is not known here */
	if (strip->columns + columns >= strip->columns_max ||
	    length + ELLIPSIS_BYTES > free_bytes) {
		strip->is_cut = true;
		bytes = ELLIPSIS;
		length = ELLIPSIS_BYTES;
		columns = 1;
	}
	memcpy(strip->bytes + strip->length, bytes, length);
	strip->length += length;
	strip->columns += columns;
}

void strip_append(struct strip *strip, const char *string)
{
	for (; *string; string++)
		put(strip, string, 1, 1);
}

void strip_format(struct strip *strip, const char *format, ...)
{
	char string[128];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(string, sizeof(string), format, arguments);
	va_end(arguments);
	strip_append(strip, string);
}

void strip_color(struct strip *strip, const char *parameters)
{
	size_t length = strlen(parameters) + COLOR_END_BYTES;
	char *end = strip->bytes + strip->length;

	if (length == COLOR_END_BYTES && !strip->is_colored)
		return;
	if (length > COLOR_END_BYTES &&
	    (strip->is_cut ||
	     strip->capacity - strip->length < length + ELLIPSIS_BYTES + COLOR_END_BYTES))
		return;
	strip->is_colored = length > COLOR_END_BYTES;
	end = mempcpy(end, "\x1b[", 2);
	end = mempcpy(end, parameters, length - COLOR_END_BYTES);
	*end = 'm';
	strip->length += length;
}

/* Returns the code point of a well-formed character. */
static wchar_t decode(const char *bytes, size_t length)
{
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	wchar_t point = (unsigned char)bytes[0] & first_bits[length];

	for (size_t i = 1; i < length; i++)
		point = point << 6 | ((unsigned char)bytes[i] & 0x3f);
	return point;
}

static void escape(struct cell *cell, const char *format, unsigned int value)
{
	cell->columns = (size_t)snprintf(cell->escape, sizeof(cell->escape), format, value);
}

/* Returns the first cell of a text that is not empty. */
static struct cell first_cell(struct text text)
{
	struct cell cell = {};
	bool well_formed;
	wchar_t point;
	int columns;

	cell.bytes = text_step(text, &well_formed);
	if (!well_formed) {
		cell.bytes = 1;
		escape(&cell, "\\x%02x", (unsigned char)text.bytes[0]);
		return cell;
	}
	point = decode(text.bytes, cell.bytes);
	columns = cell.bytes == 1 && point >= ' ' && point < 0x7f ? 1 : wcwidth(point);
	if (point < ' ' || point == 0x7f)
		escape(&cell, "\\x%02x", (unsigned int)point);
	else if (columns < 0 || (cell.bytes > 1 && text_json_escape(text)))
		escape(&cell, point > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned int)point);
	else
		cell.columns = (size_t)columns;
	return cell;
}

static void put_cell(struct strip *strip, struct text text, const struct cell *cell)
{
	if (*cell->escape)
		put(strip, cell->escape, strlen(cell->escape), cell->columns);
	else
		put(strip, text.bytes, cell->bytes, cell->columns);
}

void strip_append_text(struct strip *strip, struct text text)
{
	while (text.length && !strip->is_cut) {
		struct cell cell = first_cell(text);

		put_cell(strip, text, &cell);
		text = text_skip(text, cell.bytes);
	}
}

enum quotes {
	QUOTES_NONE,
	QUOTES_PLAIN, /* '...' */
	QUOTES_ESCAPED, /* $'...' */
};

static bool is_special(char byte)
{
	return byte && (byte == ' ' || strchr("!\"#$&'()*;<>?[\\]^`{|}~", byte));
}

/* Returns the quotes of a text, as far as `most` bytes of it. */
static enum quotes choose_quotes(struct text text, size_t most)
{
	enum quotes quotes = text.length ? QUOTES_NONE : QUOTES_PLAIN;
	size_t end = text.length > most ? text.length - most : 0;

	while (text.length > end) {
		struct cell cell = first_cell(text);

		if (*cell.escape || text.bytes[0] == '\'')
			return QUOTES_ESCAPED;
		if (is_special(text.bytes[0]))
			quotes = QUOTES_PLAIN;
		text = text_skip(text, cell.bytes);
	}
	return quotes;
}

static void append_escaped(struct strip *strip, struct text text)
{
	strip_append(strip, "$'");
	while (text.length && !strip->is_cut) {
		struct cell cell = first_cell(text);

		if (text.bytes[0] == '\'' || text.bytes[0] == '\\')
			put(strip, text.bytes[0] == '\'' ? "\\'" : "\\\\", 2, 2);
		else
			put_cell(strip, text, &cell);
		text = text_skip(text, cell.bytes);
	}
	strip_append(strip, "'");
}

void strip_append_word(struct strip *strip, struct text text)
{
	enum quotes quotes = choose_quotes(text, strip->capacity - strip->length);

	if (quotes == QUOTES_ESCAPED) {
		append_escaped(strip, text);
		return;
	}
	if (quotes == QUOTES_PLAIN)
		strip_append(strip, "'");
	strip_append_text(strip, text);
	if (quotes == QUOTES_PLAIN)
		strip_append(strip, "'");
}
