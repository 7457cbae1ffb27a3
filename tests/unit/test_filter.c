// SPDX-License-Identifier: BSD-2-Clause
/* Compares fields with the lines of the same events, and tests the logic of rules. */
#include "event/decode.h"
#include "event/field.h"
#include "event/filter.h"
#include "fixture.h"
#include "tap.h"

#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 65536

static struct event event;

/* Decodes and enriches a recorded record, which the caller frees, and encodes its line. */
static void *load(const char *path, struct enricher *enricher, json_t **line)
{
	static char text[LINE_BYTES];
	size_t length, line_length;
	void *record = fixture_read(path, &length);

	CHECK(fixture_line(enricher, &encode_native, record, length, &event, text, LINE_BYTES,
			   &line_length) == 0);
	*line = json_loadb(text, line_length, 0, NULL);
	return record;
}

static bool same(json_t *json, struct text value)
{
	char number[32], replaced[TEXT_UTF8_MAX(LINE_BYTES)];
	size_t length = text_to_utf8(value, replaced);

	if (json_is_true(json))
		return length == 4 && !memcmp(replaced, "true", 4);
	if (json_is_integer(json)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(json));
		return length == strlen(number) && !memcmp(replaced, number, length);
	}
	return json_string_length(json) == length &&
	       !memcmp(json_string_value(json), replaced, length);
}

static void compare(const char *key, json_t *json)
{
	const struct field *field = field_find(key, strlen(key));
	struct field_cursor cursor = {};
	char room[FIELD_BUF_BYTES];
	struct text value;
	json_t *item;
	size_t index;

	if (json_is_real(json) || json_is_object(json))
		return;
	CHECK(field);
	if (json_is_array(json)) {
		json_array_foreach(json, index, item)
			CHECK(field_next(field, &event, &cursor, room, &value) &&
			      same(item, value));
	} else {
		CHECK(field_next(field, &event, &cursor, room, &value) && same(json, value));
	}
	CHECK(!field_next(field, &event, &cursor, room, &value));
}

static void fields_are_what_lines_say(void)
{
	struct enricher *enricher = fixture_enricher(NULL);
	glob_t records;

	CHECK(glob("tests/unit/records/*.bin", 0, NULL, &records) == 0);
	for (size_t i = 0; i < records.gl_pathc; i++) {
		static const char *const often_absent[] = {
			"tid",	  "tty",   "auid", "memfd",	   "deleted",
			"exe",	  "error", "args", "container_id", "container_runtime",
			"pod_uid"
		};
		char room[FIELD_BUF_BYTES];
		struct text value;
		const char *key;
		json_t *line, *json;
		void *record = load(records.gl_pathv[i], enricher, &line);

		json_object_foreach(line, key, json)
			compare(key, json);
		for (size_t k = 0; k < sizeof(often_absent) / sizeof(often_absent[0]); k++) {
			const struct field *field =
				field_find(often_absent[k], strlen(often_absent[k]));
			struct field_cursor cursor = {};

			if (!json_object_get(line, often_absent[k]))
				CHECK(!field_next(field, &event, &cursor, room, &value));
		}
		json_decref(line);
		free(record);
	}
	globfree(&records);
	enrich_free(enricher);
}

/* Returns true if plain.bin passes a filter of these rules; the prefix "-" stands for --skip. */
static bool passes(const char *const rules[])
{
	struct enricher *enricher = fixture_enricher(NULL);
	struct filter *filter;
	json_t *line;
	void *record;
	bool result;

	CHECK(filter_new(&filter) == 0);
	for (; *rules; rules++)
		CHECK((**rules == '-' ? filter_add_skip(filter, *rules + 1)
				      : filter_add_only(filter, *rules)) == 0);
	record = load("tests/unit/records/plain.bin", enricher, &line);
	result = filter_passes(filter, &event);
	json_decref(line);
	free(record);
	filter_free(filter);
	enrich_free(enricher);
	return result;
}

#define PASSES(...) passes((const char *const[]){ __VA_ARGS__, NULL })

static void rules_are_combined(void)
{
	CHECK(passes((const char *const[]){ NULL }));
	CHECK(PASSES("comm=save_record"));
	CHECK(PASSES("comm=save_*"));
	CHECK(!PASSES("comm=save"));
	CHECK(!PASSES("comm=other"));
	CHECK(PASSES("comm=other", "comm=save_*"));
	CHECK(PASSES("comm=save_*", "uid=0"));
	CHECK(!PASSES("comm=save_*", "uid=1"));
	CHECK(PASSES("comm=save_*", "uid=1", "uid=0"));
	CHECK(!PASSES("-comm=save_*"));
	CHECK(PASSES("-comm=other"));
	CHECK(PASSES("-comm=save_*", "-uid=1"));
	CHECK(!PASSES("-comm=save_*", "-uid=0"));
	CHECK(!PASSES("comm=save_*", "-exe=/tmp/*"));
	CHECK(PASSES("exe=/tmp/*noop"));
	CHECK(PASSES("args=two words"));
	CHECK(PASSES("args="));
	CHECK(!PASSES("args=two"));
	CHECK(!PASSES("tty=*"));
	CHECK(PASSES("-tty=*"));
	CHECK(PASSES("type=exec"));
	CHECK(!PASSES("type=exit", "comm=*"));
	CHECK(PASSES("cap_eff=*f"));
}

static void a_detached_path_is_not_decided(void)
{
	struct enricher *enricher = fixture_enricher(NULL);
	struct filter *only, *skip;
	json_t *line;
	void *record = load("tests/unit/records/plain.bin", enricher, &line);

	CHECK(filter_new(&only) == 0 && filter_add_only(only, "exe=/elsewhere") == 0);
	CHECK(filter_new(&skip) == 0 && filter_add_skip(skip, "exe=/tmp/*noop") == 0);
	CHECK(!filter_passes(only, &event) && !filter_passes(skip, &event));
	event.process.detached = RECORD_KEY_CWD;
	CHECK(!filter_passes(only, &event) && !filter_passes(skip, &event));
	event.process.detached = RECORD_KEY_EXE;
	CHECK(filter_passes(only, &event) && filter_passes(skip, &event));
	json_decref(line);
	free(record);
	filter_free(only);
	filter_free(skip);
	enrich_free(enricher);
}

static void nonsense_is_refused(void)
{
	struct filter *filter;

	CHECK(filter_new(&filter) == 0);
	CHECK(filter_add_only(filter, "nokey=1") == -EINVAL);
	CHECK(filter_add_only(filter, "comm") == -EINVAL);
	CHECK(filter_add_skip(filter, "=x") == -EINVAL);
	CHECK(filter_add_skip(filter, "") == -EINVAL);
	CHECK(filter_add_skip(filter, "comm=") == 0);
	filter_free(filter);
}

static void losses_pass(void)
{
	struct filter *filter;

	CHECK(filter_new(&filter) == 0);
	CHECK(filter_add_only(filter, "comm=x") == 0);
	CHECK(filter_add_skip(filter, "type=lost") == 0);
	event = (struct event){ .type = EVENT_LOST };
	CHECK(filter_passes(filter, &event));
	filter_free(filter);
}

int main(void)
{
	tap_run("a field is what the line says, and absent where the line has no such key",
		fields_are_what_lines_say);
	tap_run("rules for one key are alternatives, those for different keys all hold",
		rules_are_combined);
	tap_run("a detached path passes --only and --skip", a_detached_path_is_not_decided);
	tap_run("what is no rule is refused", nonsense_is_refused);
	tap_run("what was lost passes every filter", losses_pass);
	return tap_end();
}
