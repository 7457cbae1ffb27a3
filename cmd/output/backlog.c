// SPDX-License-Identifier: BSD-2-Clause
#include "output/backlog.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Lines are gathered in chunks, which mmap(2) makes: munmap(2) returns their memory at once. */
#define CHUNK_BYTES ((size_t)256 * 1024)
#define PAGE_BYTES ((size_t)4096)

struct chunk {
	struct chunk *next;
	size_t used; /* end of the lines, from the beginning of the chunk */
};

struct backlog {
	size_t max_bytes;
	size_t line_max_bytes;
	size_t chunk_bytes;
	size_t mapped_bytes; /* of all chunks */
	struct chunk *first;
	struct chunk *last;
	size_t first_place; /* of the first line, in the first chunk */
	size_t line_bytes;
	uint64_t count;
};

/* Returns the bytes that a line occupies, so that the next one is aligned. */
static size_t occupied_bytes(size_t length)
{
	return (sizeof(struct backlog_line) + length + _Alignof(struct backlog_line) - 1) &
	       ~(_Alignof(struct backlog_line) - 1);
}

struct backlog *backlog_new(size_t max_bytes, size_t line_max_bytes)
{
	struct backlog *backlog = calloc(1, sizeof(*backlog));
	size_t least = sizeof(struct chunk) + occupied_bytes(line_max_bytes);

	if (!backlog)
		return NULL;
	backlog->max_bytes = max_bytes;
	backlog->line_max_bytes = line_max_bytes;
	backlog->chunk_bytes = max_bytes < CHUNK_BYTES ? max_bytes : CHUNK_BYTES;
	if (backlog->chunk_bytes < least)
		backlog->chunk_bytes = (least + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	return backlog;
}

static void drop_chunk(struct backlog *backlog)
{
	struct chunk *chunk = backlog->first;

	backlog->first = chunk->next;
	if (!backlog->first)
		backlog->last = NULL;
	backlog->first_place = sizeof(*chunk);
	backlog->mapped_bytes -= backlog->chunk_bytes;
	munmap(chunk, backlog->chunk_bytes);
}

void backlog_free(struct backlog *backlog)
{
	while (backlog && backlog->first)
		drop_chunk(backlog);
	free(backlog);
}

/* Adds an empty chunk. Returns false if there is no room or no memory for it. */
static bool add_chunk(struct backlog *backlog)
{
	struct chunk *chunk;

	if (backlog->first && backlog->mapped_bytes + backlog->chunk_bytes > backlog->max_bytes)
		return false;
	chunk = mmap(NULL, backlog->chunk_bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (chunk == MAP_FAILED)
		return false;
	chunk->used = sizeof(*chunk);
	if (backlog->last)
		backlog->last->next = chunk;
	else
		backlog->first = chunk;
	if (backlog->first == chunk)
		backlog->first_place = sizeof(*chunk);
	backlog->last = chunk;
	backlog->mapped_bytes += backlog->chunk_bytes;
	return true;
}

static struct backlog_line *line_at(struct chunk *chunk, size_t place)
{
	return (struct backlog_line *)((char *)chunk + place);
}

char *backlog_buf(struct backlog *backlog)
{
	size_t bytes = occupied_bytes(backlog->line_max_bytes);

	if ((!backlog->last || backlog->last->used + bytes > backlog->chunk_bytes) &&
	    !add_chunk(backlog))
		return NULL;
	return line_at(backlog->last, backlog->last->used)->text;
}

void backlog_commit(struct backlog *backlog, size_t length, uint64_t seq, uint64_t time_ns)
{
	struct backlog_line *line = line_at(backlog->last, backlog->last->used);

	line->seq = seq;
	line->time_ns = time_ns;
	line->length = length;
	backlog->last->used += occupied_bytes(length);
	backlog->line_bytes += length;
	backlog->count++;
}

const struct backlog_line *backlog_first_line(const struct backlog *backlog)
{
	return backlog->count ? line_at(backlog->first, backlog->first_place) : NULL;
}

void backlog_drop_line(struct backlog *backlog)
{
	const struct backlog_line *line = line_at(backlog->first, backlog->first_place);

	backlog->line_bytes -= line->length;
	backlog->count--;
	backlog->first_place += occupied_bytes(line->length);
	if (backlog->first_place >= backlog->first->used)
		drop_chunk(backlog);
}

size_t backlog_bytes(const struct backlog *backlog)
{
	return backlog->line_bytes;
}

uint64_t backlog_count(const struct backlog *backlog)
{
	return backlog->count;
}
