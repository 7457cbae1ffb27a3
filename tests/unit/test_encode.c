// SPDX-License-Identifier: BSD-2-Clause
/* Recorded and made-up records -> lines, with jansson reading every line back. */
#include "decode.h"
#include "fixture.h"
#include "reference.h"
#include "tap.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define LINE_ROOM (1 << 20)

static char line[LINE_ROOM];
static struct enricher *enricher;
static struct event event;

/* The native line of a record, with that limit. */
static int line_of(const void *record, size_t length, size_t limit, size_t *line_length)
{
	return fixture_line(enricher, &encode_native, record, length, &event, line, limit, line_length);
}

static json_t *parse(size_t length)
{
	if (!length || line[length - 1] != '\n' || memchr(line, '\n', length - 1))
		return NULL;
	return json_loadb(line, length - 1, JSON_REJECT_DUPLICATES, NULL);
}

/* Whether the line is what jansson would have made of the event. */
static bool is_reference(size_t length)
{
	json_t *json = parse(length), *expected = reference_native(&event);
	bool same = json && json_equal(json, expected);

	json_decref(json);
	json_decref(expected);
	return same;
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
	if (line_of(record, length, 15360, &line_length)) {
		free(record);
		return false;
	}
	if (!is_reference(line_length)) {
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
		CHECK(line_of(exec, length, ENCODE_LINE_MIN_BYTES, &line_length) == 0);
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

	CHECK(line_of(exec, length, LINE_ROOM, &whole) == 0);
	for (size_t limit = ENCODE_LINE_MIN_BYTES; limit <= whole; limit++) {
		json_t *json, *args;

		CHECK(line_of(exec, length, limit, &line_length) == 0);
		CHECK(line_length <= limit);
		CHECK(line_length + 64 >= limit); /* cut, but no more than needed */
		CHECK(is_reference(line_length));
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
	CHECK(line_of(exec, length, LINE_ROOM, &line_length) == 0);
	json = parse(line_length);
	CHECK(!json_object_get(json, "comm") && !json_object_get(json, "args") && !json_object_get(json, "exe"));
	CHECK(json_object_get(json, "argc") && json_array_size(json_object_get(json, "unreadable")) == 3);
	json_decref(json);
	free(exec);
}

/* Events that have no record. */
static void about_exectap(void)
{
	static const char hooks[] = "tp_btf/one\0tp_btf/two";

	event = (struct event){ .type = EVENT_LOST,
				.lost = { .count = 3, .reason = "buffer_full", .event_type = "exec" } };
	enrich_event(enricher, &event);
	CHECK(is_reference(encode_event(&encode_native, &event, line, ENCODE_LINE_MIN_BYTES)));
	for (int type = EVENT_START; type <= EVENT_STOP; type++) {
		event = (struct event){ .type = (enum event_type)type,
					.heartbeat = { .version = "1",
						       .hooks = { hooks, sizeof(hooks) },
						       .seen = UINT64_MAX / 2,
						       .written = 1,
						       .lost = 2 } };
		enrich_event(enricher, &event);
		CHECK(is_reference(encode_event(&encode_native, &event, line, ENCODE_LINE_MIN_BYTES)));
	}
}

static void terminals_are_safe(void)
{
	static const char args[] = "\x1b[31m\0\x7f\0\xc2\x9b\x33\x31m\0\xc2\xa0\0\x9b"
				   "31m\0\t\r\n\b\f\v";
	struct fixture_strings strings = { "f", "e", "c", "p", "g", args, sizeof(args), "\x1b]0;" };
	size_t length, line_length;
	struct record_exec *exec = fixture_record(&strings, &length);

	CHECK(line_of(exec, length, LINE_ROOM, &line_length) == 0);
	CHECK(is_reference(line_length));
	for (size_t i = 0; i < line_length - 1; i++) {
		unsigned char byte = (unsigned char)line[i], next = (unsigned char)line[i + 1];

		CHECK(byte >= 0x20 && byte != 0x7f && !(byte == 0xc2 && next < 0xa0));
	}
	line[line_length] = '\0';
	CHECK(strstr(line, "\"args\":[\"\\u001b[31m\",\"\\u007f\",\"\\u009b31m\",\"\xc2\xa0\",\"" TEXT_REPLACEMENT
			   "31m\",\"\\t\\r\\n\\b\\f\\u000b\"]"));
	free(exec);
}

static void keys_keep_their_order(void)
{
	event = (struct event){ .type = EVENT_LOST,
				.lost = { .count = 3, .reason = "buffer_full", .event_type = "exec" } };
	enrich_event(enricher, &event);
	line[encode_event(&encode_native, &event, line, LINE_ROOM)] = '\0';
	CHECK(strstr(line, "{\"timestamp\":\"2023-11-14T22:13:20.000000000Z\",\"type\":\"lost\",\"seq\":0,") == line);
	CHECK(strstr(line, ",\"count\":3,\"reason\":\"buffer_full\",\"event_type\":\"exec\",\"from\":"));
}

int main(void)
{
	enricher = fixture_enricher("HOME,LANG,EVIL");
	tap_run("recorded records give the recorded lines", golden_lines);
	tap_run("with the worst of bytes in every string a line fits into the least limit", worst_case_fits);
	tap_run("at every limit the line is whole, within it, and not cut more than needed", every_limit_is_kept);
	tap_run("what could not be read is left out and named", unreadable_is_left_out);
	tap_run("lines about exectap itself are what jansson would write", about_exectap);
	tap_run("no byte of a string reaches a terminal as a control character", terminals_are_safe);
	tap_run("keys stand in the order of the contract", keys_keep_their_order);
	enrich_free(enricher);
	return tap_end();
}
