// SPDX-License-Identifier: BSD-2-Clause
/* Queues lines of many lengths, and compares what comes out. */
#include "output/backlog.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 3072

/* Length of the line with this number: 1 to LINE_MAX_BYTES. */
static size_t length_of(uint64_t seq)
{
	return seq * 2654435761u % LINE_MAX_BYTES + 1;
}

static char byte_of(uint64_t seq)
{
	return (char)('a' + seq % 26);
}

static uint64_t time_of(uint64_t seq)
{
	return ~seq;
}

/* Returns false if there is no room. */
static bool add(struct backlog *backlog, uint64_t seq)
{
	char *buf = backlog_buf(backlog);

	if (!buf)
		return false;
	memset(buf, byte_of(seq), LINE_MAX_BYTES); /* all of the buffer is there */
	backlog_commit(backlog, length_of(seq), seq, time_of(seq));
	return true;
}

/* Removes the first line, which has to be that of this number. */
static bool take(struct backlog *backlog, uint64_t seq)
{
	const struct backlog_line *line = backlog_first_line(backlog);

	if (!line || line->seq != seq || line->time_ns != time_of(seq) ||
	    line->length != length_of(seq) || line->text[0] != byte_of(seq) ||
	    line->text[line->length - 1] != byte_of(seq))
		return false;
	backlog_drop_line(backlog);
	return true;
}

static void lines_keep_their_order(void)
{
	struct backlog *backlog = backlog_new(1 << 20, LINE_MAX_BYTES);
	uint64_t added = 0, taken = 0;

	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < round * 7 % 100; i++)
			added += add(backlog, added);
		CHECK(backlog_count(backlog) == added - taken);
		for (int i = 0; i < round * 11 % 100 && taken < added; i++)
			CHECK(take(backlog, taken++));
	}
	while (taken < added)
		CHECK(take(backlog, taken++));
	CHECK(added > 5000 && !backlog_count(backlog) && !backlog_bytes(backlog));
	backlog_free(backlog);
}

static void the_size_is_bounded(void)
{
	static const size_t sizes[] = { 128 << 10, 1 << 20, 3 << 20 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct backlog *backlog = backlog_new(sizes[i], LINE_MAX_BYTES);
		uint64_t added = 0, taken = 0;

		while (add(backlog, added))
			added++;
		/* the end of each chunk has no room for a line of the maximum length */
		CHECK(backlog_bytes(backlog) <= sizes[i] &&
		      backlog_bytes(backlog) >= sizes[i] * 9 / 10);
		CHECK(!add(backlog, added));
		while (taken < added / 2)
			CHECK(take(backlog, taken++));
		while (add(backlog, added))
			added++;
		CHECK(backlog_bytes(backlog) <= sizes[i]);
		while (taken < added)
			CHECK(take(backlog, taken++));
		backlog_free(backlog);
	}
}

static void one_line_has_always_room(void)
{
	struct backlog *backlog = backlog_new(1, LINE_MAX_BYTES);

	for (uint64_t seq = 0; seq < 100; seq++) {
		CHECK(add(backlog, seq));
		CHECK(take(backlog, seq));
	}
	CHECK(backlog_buf(backlog));
	backlog_free(backlog);
	backlog_free(NULL);
}

int main(void)
{
	tap_run("lines of all lengths come out whole and in order", lines_keep_their_order);
	tap_run("the memory of the lines is bounded", the_size_is_bounded);
	tap_run("however small it is, one line has room", one_line_has_always_room);
	return tap_end();
}
