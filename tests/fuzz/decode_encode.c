// SPDX-License-Identifier: BSD-2-Clause
/*
 * libFuzzer entry: any bytes as a record, through decode, enrich and encode. The first two bytes choose
 * --max-line. Whatever comes out must be one line, within the limit, that jansson reads back as what it would have
 * written itself.
 */
#include "fixture.h"
#include "reference.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct event *event, const char *line, size_t length, size_t limit)
{
	json_t *json, *expected = reference_native(event);

	if (!length || length > limit || line[length - 1] != '\n' || memchr(line, '\n', length - 1))
		abort();
	json = json_loadb(line, length - 1, JSON_REJECT_DUPLICATES, NULL);
	if (!json || !json_equal(json, expected))
		abort();
	json_decref(json);
	json_decref(expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct enricher *enricher;
	static struct event event;
	size_t limit, length;
	void *record;
	char *line;

	if (size < 2)
		return 0;
	if (!enricher)
		enricher = fixture_enricher("HOME,LANG,EVIL");
	limit = ENCODE_LINE_MIN_BYTES + (size_t)data[0] * 256 + data[1];
	record = malloc(size - 2 ? size - 2 : 1); /* aligned, and no byte longer than what it holds */
	line = malloc(limit);
	memcpy(record, data + 2, size - 2);
	if (!fixture_line(enricher, &encode_native, record, size - 2, &event, line, limit, &length))
		judge(&event, line, length, limit);
	free(line);
	free(record);
	return 0;
}
