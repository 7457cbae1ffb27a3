// SPDX-License-Identifier: BSD-2-Clause
/* Recorded and made-up records -> lines, with jansson reading every line back. */
#include "decode.h"
#include "fixture.h"
#include "tap.h"

#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define LINE_ROOM (1 << 20)

static char line[LINE_ROOM];
static const struct encode_options roomy = { .line_max_bytes = LINE_ROOM };

static json_t *parse(size_t length)
{
	if (!length || line[length - 1] != '\n' || memchr(line, '\n', length - 1))
		return NULL;
	return json_loadb(line, length - 1, JSON_REJECT_DUPLICATES, NULL);
}

/* One recorded record against the line beside it; EXECTAP_GOLDEN=write writes that line. */
static bool matches_golden(const char *record_path)
{
	size_t length, line_length = 0, golden_length;
	void *record = fixture_read(record_path, &length), *golden;
	char golden_path[512];
	bool same;

	snprintf(golden_path, sizeof(golden_path), "%.*s.json", (int)(strlen(record_path) - strlen(".bin")),
		 record_path);
	if (fixture_line(record, length, 15360, line, &line_length)) {
		free(record);
		return false;
	}
	free(record);
	if (getenv("EXECTAP_GOLDEN")) {
		FILE *file = fopen(golden_path, "wb");

		fwrite(line, 1, line_length, file);
		fclose(file);
	}
	golden = fixture_read(golden_path, &golden_length);
	same = golden_length == line_length && !memcmp(golden, line, line_length);
	free(golden);
	return same;
}

static void golden_lines(void)
{
	glob_t records;

	CHECK(glob("tests/unit/records/*.bin", 0, NULL, &records) == 0 && records.gl_pathc >= 6);
	for (size_t i = 0; i < records.gl_pathc; i++)
		if (!matches_golden(records.gl_pathv[i])) {
			printf("# %s\n", records.gl_pathv[i]);
			CHECK(!"the line of that record");
		}
	globfree(&records);
}

/* Fills a path of RECORD_PATH_BYTES with that byte. */
static char *filled(char byte)
{
	char *path = malloc(RECORD_PATH_BYTES);

	memset(path, byte, RECORD_PATH_BYTES - 1);
	path[RECORD_PATH_BYTES - 1] = '\0';
	return path;
}

static void worst_case_fits(void)
{
	static const char bytes[] = { '\x01', '"', '\xff', 'a', '\xc3' };

	for (size_t i = 0; i < sizeof(bytes); i++) {
		char *path = filled(bytes[i]), comm[RECORD_COMM_BYTES];
		struct fixture_strings strings = { .filename = path,
						   .exe = path,
						   .cwd = path,
						   .parent_exe = path,
						   .cgroup = path,
						   .args = path,
						   .args_length = RECORD_PATH_BYTES,
						   .comm = comm };
		size_t length, line_length;
		struct record_exec *exec;
		json_t *json;

		memset(comm, bytes[i], sizeof(comm));
		exec = fixture_record(&strings, &length);
		CHECK(fixture_line(exec, length, ENCODE_LINE_MIN_BYTES, line, &line_length) == 0);
		CHECK(line_length <= ENCODE_LINE_MIN_BYTES);
		json = parse(line_length);
		CHECK(json && json_array_size(json_object_get(json, "truncated")) == 6);
		json_decref(json);
		free(exec);
		free(path);
	}
}

/* Arguments of every kind: plain, empty, escaped, two bytes a character, no UTF-8, long. */
static struct record_exec *mixed_record(size_t *length)
{
	static char args[6000];
	struct fixture_strings strings = { .filename = "./program",
					   .exe = "program",
					   .cwd = "home",
					   .parent_exe = "sh",
					   .cgroup = "user.slice",
					   .args = args,
					   .args_length = sizeof(args),
					   .comm = "sh" };
	static const char *const patterns[] = {
		"plain", "", "tab\t\"quote\"", "\xc3\xa9t\xc3\xa9", "\xff\x80\xe2\x82", "\x01\x02\x03"
	};
	size_t end = 0;

	for (size_t i = 0; end < sizeof(args); i++)
		end += (size_t)snprintf(args + end, sizeof(args) - end, "%s", patterns[i % 6]) + 1;
	args[sizeof(args) - 1] = '\0';
	return fixture_record(&strings, length);
}

static void every_limit_is_kept(void)
{
	size_t length, line_length, whole, shown = 0;
	struct record_exec *exec = mixed_record(&length);

	CHECK(fixture_line(exec, length, LINE_ROOM, line, &whole) == 0);
	for (size_t limit = ENCODE_LINE_MIN_BYTES; limit <= whole; limit++) {
		json_t *json, *args;

		CHECK(fixture_line(exec, length, limit, line, &line_length) == 0);
		CHECK(line_length <= limit);
		CHECK(line_length + 64 >= limit); /* cut, but no more than needed */
		json = parse(line_length);
		args = json_object_get(json, "args");
		CHECK(json && json_array_size(args) >= shown);
		CHECK((json_object_get(json, "truncated") != NULL) == (limit < whole));
		CHECK((json_object_get(json, "args_bytes") != NULL) == (limit < whole));
		shown = json_array_size(args);
		json_decref(json);
	}
	free(exec);
}

static void unreadable_is_left_out(void)
{
	size_t length, line_length;
	struct record_exec *exec = mixed_record(&length);
	json_t *json;

	exec->unreadable = RECORD_KEY_COMM | RECORD_KEY_ARGS | RECORD_KEY_EXE;
	exec->args.length = 0;
	CHECK(fixture_line(exec, length, LINE_ROOM, line, &line_length) == 0);
	json = parse(line_length);
	CHECK(!json_object_get(json, "comm") && !json_object_get(json, "args") && !json_object_get(json, "exe"));
	CHECK(json_object_get(json, "argc") && json_array_size(json_object_get(json, "unreadable")) == 3);
	json_decref(json);
	free(exec);
}

static int allocations_left;

static void *failing_malloc(size_t bytes)
{
	return allocations_left-- > 0 ? malloc(bytes) : NULL;
}

/* Every allocation of jansson fails in turn; the line then is refused as a whole, and the encoder stays usable. */
static void allocation_failures(void)
{
	size_t length, line_length, whole_length;
	struct record_exec *exec = mixed_record(&length);
	static char whole[LINE_ROOM];
	int result = -ENOMEM;

	CHECK(fixture_line(exec, length, LINE_ROOM, whole, &whole_length) == 0);
	json_set_alloc_funcs(failing_malloc, free);
	for (int allowed = 0; result; allowed++) {
		allocations_left = allowed;
		result = fixture_line(exec, length, LINE_ROOM, line, &line_length);
		CHECK(result == 0 || result == -ENOMEM);
	}
	json_set_alloc_funcs(malloc, free);
	CHECK(line_length == whole_length && !memcmp(line, whole, whole_length));
	free(exec);
}

static void encoder_recovers(void)
{
	struct enricher *enricher;
	struct encoder *encoder;
	static struct event event;
	size_t length, line_length;
	struct record_exec *exec = mixed_record(&length);
	int result = -ENOMEM;

	CHECK(decode_record(exec, length, &event) == 0);
	CHECK(enrich_new_fixed(&enricher, "h", FIXTURE_BOOT_ID, 0) == 0);
	CHECK(encode_new(&encoder, &roomy) == 0);
	enrich_event(enricher, &event);
	json_set_alloc_funcs(failing_malloc, free);
	for (int allowed = 0; result; allowed += 7) {
		allocations_left = allowed;
		result = encode_event(encoder, &event, line, &line_length);
	}
	json_set_alloc_funcs(malloc, free);
	json_decref(parse(line_length));
	CHECK(encode_event(encoder, &event, line, &line_length) == 0);
	encode_free(encoder);
	enrich_free(enricher);
	free(exec);
}

static void keys_keep_their_order(void)
{
	struct enricher *enricher;
	struct encoder *encoder;
	static struct event event;
	size_t length, first_length, line_length;
	struct record_exec *exec = mixed_record(&length);
	static char first[LINE_ROOM];

	CHECK(enrich_new_fixed(&enricher, "h", FIXTURE_BOOT_ID, 0) == 0);
	CHECK(encode_new(&encoder, &roomy) == 0);
	CHECK(decode_record(exec, length, &event) == 0);
	enrich_event(enricher, &event);
	CHECK(encode_event(encoder, &event, first, &first_length) == 0);
	event = (struct event){ .type = EVENT_LOST,
				.lost = { .count = 3, .reason = "buffer_full", .event_type = "exec" } };
	enrich_event(enricher, &event);
	CHECK(encode_event(encoder, &event, line, &line_length) == 0);
	CHECK(strstr(line, "{\"timestamp\":\"1970-01-01T00:00:00.000000000Z\",\"type\":\"lost\",\"seq\":0,") == line);
	CHECK(strstr(line, ",\"count\":3,\"reason\":\"buffer_full\",\"event_type\":\"exec\",\"from\":"));
	CHECK(decode_record(exec, length, &event) == 0);
	event.seq = 0;
	enrich_event(enricher, &event);
	CHECK(encode_event(encoder, &event, line, &line_length) == 0);
	CHECK(line_length == first_length && !memcmp(line, first, first_length));
	encode_free(encoder);
	enrich_free(enricher);
	free(exec);
}

int main(void)
{
	tap_run("recorded records give the recorded lines", golden_lines);
	tap_run("with the worst of bytes in every string a line fits into the least limit", worst_case_fits);
	tap_run("at every limit the line is whole, within it, and not cut more than needed", every_limit_is_kept);
	tap_run("what could not be read is left out and named", unreadable_is_left_out);
	tap_run("a failed allocation anywhere refuses the line and leaks nothing", allocation_failures);
	tap_run("after a failed allocation the encoder goes on", encoder_recovers);
	tap_run("keys stand in the same order whatever came before", keys_keep_their_order);
	return tap_end();
}
