// SPDX-License-Identifier: BSD-2-Clause
/*
 * libFuzzer entry: passes any bytes as a record through decode, enrich and encode in each format.
 * The first two bytes select --max-line. The output must be one line within the limit. jansson must
 * parse a native line and write the same line; the other formats are compared with it by the
 * values that they share. Events that share contexts with others must have the same lines.
 */
#include "event/context.h"
#include "fixture.h"
#include "reference.h"
#include "util/text_json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The paths of the other formats for top-level keys of the native one. */
static const struct place {
	const char *native, *ecs[3], *ocsf[3];
} places[] = {
	{ "pid", { "process", "pid" }, { "process", "pid" } },
	{ "event_id", { "event", "id" }, { "metadata", "uid" } },
	{ "args", { "process", "args" }, { "unmapped", "args" } },
	{ "exe", { "process", "executable" }, { "process", "file", "path" } },
	{ "cwd", { "process", "working_directory" }, { "process", "working_directory" } },
	{ "filename", { "exectap", "filename" }, { "unmapped", "filename" } },
	{ "exit_code", { "process", "exit_code" }, { "exit_code" } },
	{ "container_id", { "container", "id" }, { "process", "container", "uid" } },
	{ "truncated", { "exectap", "truncated" }, { "unmapped", "truncated" } },
};

static json_t *find(json_t *json, const char *const path[3])
{
	for (size_t i = 0; json && i < 3 && path[i]; i++)
		json = json_object_get(json, path[i]);
	return json;
}

static bool agrees(const struct encode_format *format, json_t *json, json_t *native)
{
	if (format == &encode_native)
		return json_equal(json, native);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct place *place = &places[i];
		json_t *found = find(json, format == &encode_ecs ? place->ecs : place->ocsf);
		json_t *expected = json_object_get(native, place->native);

		if (found != expected && !json_equal(found, expected))
			return false;
	}
	return true;
}

static void verify(const struct encode_format *format, const struct event *event, const char *line,
		   size_t length, size_t limit)
{
	json_t *json, *expected = reference_native(event);

	if (!length || length > limit || line[length - 1] != '\n' || memchr(line, '\n', length - 1))
		abort();
	json = json_loadb(line, length - 1, JSON_REJECT_DUPLICATES, NULL);
	if (!json || !agrees(format, json, expected))
		abort();
	json_decref(json);
	json_decref(expected);
}

/* Lines for people: nothing but text reaches the terminal, and the sequences that set colours. */
static void verify_text(const struct encode_format *format, const char *line, size_t length,
			size_t limit)
{
	struct text text = { line, length - 1 };

	if (!length || length > limit || line[length - 1] != '\n' || !text_is_utf8(text))
		abort();
	for (size_t i = 0; i < text.length; i++) {
		struct text rest = text_skip(text, i);

		if (format->terminal.colors && text_has_prefix(rest, "\x1b["))
			continue;
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f || text_json_escape(rest))
			abort();
	}
}

/* A way to make lines of records. */
struct way {
	struct enricher *enricher;
	const struct encode_format *format;
	bool full; /* with the keys that lines lack by default */
	size_t limit;
};

/* Returns the line of the record, which the caller frees, or NULL if the record has none. */
static char *make_line(const struct way *way, struct event *event, const void *record,
		       size_t length, size_t *line_length)
{
	char *line = malloc(way->limit);

	if (way->full ? !fixture_full_line(way->enricher, record, length, event, line, way->limit,
					   line_length)
		      : !fixture_line(way->enricher, way->format, record, length, event, line,
				      way->limit, line_length))
		return line;
	free(line);
	return NULL;
}

/* Compares the line of an event that shares contexts with that of one that does not. */
static void compare(const struct way *way, struct event *sharing, const void *record, size_t length)
{
	static struct event alone;
	size_t bytes, shared_bytes;
	char *line = make_line(way, &alone, record, length, &bytes);
	char *shared = make_line(way, sharing, record, length, &shared_bytes);

	if (!line != !shared || (line && (bytes != shared_bytes || memcmp(line, shared, bytes))))
		abort();
	free(line);
	free(shared);
}

/* Compares lines of the record, and of one with a byte that is another. */
static void verify_sharing(const struct way *way, const uint8_t *data, const void *record,
			   size_t length)
{
	static struct event sharing;
	uint8_t *other = calloc(1, length + 1);

	if (!sharing.contexts && context_new(&sharing.contexts))
		abort();
	memcpy(other, record, length);
	other[(data[0] * 256u + data[1]) % (length + 1)] ^= 1 << data[1] % 8;
	compare(way, &sharing, record, length);
	compare(way, &sharing, record, length);
	compare(way, &sharing, other, length);
	compare(way, &sharing, record, length);
	free(other);
}

static void encode(const struct encode_format *format, bool full, const uint8_t *data,
		   const void *record, size_t length)
{
	static struct enricher *enricher;
	static struct event event;
	struct way way = { .format = format,
			   .full = full,
			   .limit = format->line_min_bytes + (size_t)data[0] * 256 + data[1] };
	size_t line_length;
	char *line;

	if (!enricher)
		enricher = fixture_enricher("HOME,LANG,EVIL");
	way.enricher = enricher;
	line = make_line(&way, &event, record, length, &line_length);
	if (!line)
		return;
	if (format->write == encode_text.write)
		verify_text(format, line, line_length, way.limit);
	else
		verify(format, &event, line, line_length, way.limit);
	free(line);
	verify_sharing(&way, data, record, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct encode_format text = encode_text;
	void *record;

	if (size < 2)
		return 0;
	record = malloc(size - 2 ? size - 2 : 1); /* aligned, of the exact size */
	memcpy(record, data + 2, size - 2);
	encode(&encode_native, false, data, record, size - 2);
	encode(&encode_native, true, data, record, size - 2);
	encode(&encode_ecs, false, data, record, size - 2);
	encode(&encode_ocsf, false, data, record, size - 2);
	text.terminal = (struct encode_terminal){ .columns = data[0], .colors = data[1] & 1 };
	encode(&text, false, data, record, size - 2);
	free(record);
	return 0;
}
