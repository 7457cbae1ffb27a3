// SPDX-License-Identifier: BSD-2-Clause
#include "event/name_table.h"

#include "util/number.h"
#include "util/text_json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ID_MAX (UINT32_MAX - 1) /* (uid_t)-1 is no id */
#define ENTRY_MIN_BYTES (sizeof("n::0:\n") - 1)

/* A slot of the hash table; length 0: free. */
struct slot {
	uint32_t id;
	uint32_t length : 8; /* of the name */
	uint32_t offset : 24; /* of the name in bytes */
};

struct name_table {
	char *bytes; /* the names */
	struct slot *slots;
	unsigned int slot_bits;
};

/* Returns the first slot for an id (Knuth, TAOCP 6.4, multiplicative hashing). */
static size_t first_slot(const struct name_table *table, uint32_t id)
{
	return (uint32_t)(id * 2654435769u) >> (32 - table->slot_bits);
}

static size_t next_slot(const struct name_table *table, size_t slot)
{
	return (slot + 1) & (((size_t)1 << table->slot_bits) - 1);
}

/* Returns the slot of the id, or the free one that would be. */
static struct slot *find_slot(const struct name_table *table, uint32_t id)
{
	size_t slot = first_slot(table, id);

	while (table->slots[slot].length && table->slots[slot].id != id)
		slot = next_slot(table, slot);
	return &table->slots[slot];
}

/* Returns the maximum number of entries. */
static size_t count_entries(const char *bytes, size_t length)
{
	const char *end = bytes + length;
	size_t lines = 1, most = length / ENTRY_MIN_BYTES + 1;

	while ((bytes = memchr(bytes, '\n', (size_t)(end - bytes)))) {
		lines++;
		bytes++;
	}
	return lines < most ? lines : most;
}

/* Removes the next line from the front of *rest. Returns false at the end. */
static bool next_line(struct text *rest, struct text *line)
{
	const char *end = memchr(rest->bytes, '\n', rest->length);

	if (!rest->length)
		return false;
	*line = (struct text){ rest->bytes, end ? (size_t)(end - rest->bytes) : rest->length };
	*rest = text_skip(*rest, line->length + (end != NULL));
	while (line->length && (line->bytes[0] == ' ' || line->bytes[0] == '\t'))
		*line = text_skip(*line, 1);
	return true;
}

/* Reports whether a line is neither an entry nor malformed. */
static bool is_ignored(struct text line)
{
	return !line.length || line.bytes[0] == '#' || line.bytes[0] == '+' || line.bytes[0] == '-';
}

/* Reports whether a name is shown as it is: in UTF-8, without characters to escape beyond ASCII or
 * control characters. */
static bool is_name(struct text name)
{
	if (!name.length || name.length > NAME_TABLE_NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.length; i++)
		if ((unsigned char)name.bytes[i] < 0x20 || name.bytes[i] == 0x7f ||
		    text_json_escape(text_skip(name, i)))
			return false;
	return text_is_utf8(name);
}

/* Parses an entry. A byte that is no digit follows the line. */
static bool parse_entry(struct text line, struct text *name, uint32_t *id)
{
	const char *end = line.bytes + line.length, *colon = memchr(line.bytes, ':', line.length);
	uint64_t number;

	if (!colon)
		return false;
	*name = (struct text){ line.bytes, (size_t)(colon - line.bytes) };
	colon = memchr(colon + 1, ':', (size_t)(end - colon - 1));
	if (!colon++ || number_read(&colon, 10, &number) || number > ID_MAX || colon == end ||
	    *colon != ':')
		return false;
	*id = (uint32_t)number;
	return is_name(*name);
}

/* Moves the names to the front of the bytes, and returns their length. An entry is longer than its
 * name, so no name overwrites one that has not been moved. */
static size_t fill(struct name_table *table, size_t length, size_t *malformed)
{
	struct text rest = { table->bytes, length }, line, name;
	size_t used = 0;
	uint32_t id;

	*malformed = 0;
	for (size_t number = 1; next_line(&rest, &line); number++) {
		if (is_ignored(line))
			continue;
		if (!parse_entry(line, &name, &id)) {
			*malformed = *malformed ? *malformed : number;
		} else if (!find_slot(table, id)->length) {
			memmove(table->bytes + used, name.bytes, name.length);
			*find_slot(table, id) = (struct slot){ id, (uint8_t)name.length,
							       used & (NAME_TABLE_FILE_BYTES - 1) };
			used += name.length;
		}
	}
	return used;
}

/* Returns the bits of a table that is at most three quarters full. */
static unsigned int bits_for(size_t entries)
{
	unsigned int bits = 4;

	while (((size_t)3 << bits) / 4 < entries)
		bits++;
	return bits;
}

int name_table_new(struct name_table **table, char *bytes, size_t length, size_t *malformed)
{
	struct name_table *created = calloc(1, sizeof(*created));
	char *smaller;
	size_t used;

	if (!created) {
		free(bytes);
		return -ENOMEM;
	}
	bytes[length] = '\0';
	created->bytes = bytes;
	created->slot_bits = bits_for(count_entries(bytes, length));
	created->slots = calloc((size_t)1 << created->slot_bits, sizeof(*created->slots));
	if (!created->slots) {
		name_table_free(created);
		return -ENOMEM;
	}
	used = fill(created, length, malformed);
	smaller = realloc(created->bytes, used + 1);
	if (smaller)
		created->bytes = smaller;
	*table = created;
	return 0;
}

void name_table_free(struct name_table *table)
{
	if (!table)
		return;
	free(table->slots);
	free(table->bytes);
	free(table);
}

struct text name_table_find(const struct name_table *table, uint32_t id)
{
	const struct slot *slot = find_slot(table, id);

	return (struct text){ table->bytes + slot->offset, slot->length };
}
