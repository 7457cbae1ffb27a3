// SPDX-License-Identifier: BSD-2-Clause
/* Compares fields with the lines of the same events, and tests the logic of rules. */
#include "event/decode.h"
#include "event/field.h"
#include "event/filter.h"
#include "fixture.h"
#include "reference.h"
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
	char number[32], replaced[REFERENCE_UTF8_MAX(LINE_BYTES)];
	size_t length = reference_to_utf8(value, replaced);

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

	if (json_is_real(json) || json_is_object(json) || !strcmp(key, "raw"))
		return;
	CHECK(field);
	if (json_is_array(json)) {
		json_array_foreach(json, index, item)
			CHECK(field_next(field, &event, &cursor, room, &value) &&
			      same(json_is_object(item) ? json_object_get(item, "comm") : item,
				   value));
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

/* Reports whether the event of plain.bin passes one rule after a change of it. */
static bool changed_passes(void (*change)(void), const char *rule)
{
	struct enricher *enricher = fixture_enricher(NULL);
	struct filter *filter;
	json_t *line;
	void *record = load("tests/unit/records/plain.bin", enricher, &line);
	bool result;

	CHECK(filter_new(&filter) == 0);
	CHECK((*rule == '-' ? filter_add_skip(filter, rule + 1) : filter_add_only(filter, rule)) ==
	      0);
	change();
	result = filter_passes(filter, &event);
	json_decref(line);
	free(record);
	filter_free(filter);
	enrich_free(enricher);
	return result;
}

static void cut_exe(void)
{
	event.process.truncated = RECORD_KEY_EXE;
}

static void lose_exe(void)
{
	event.process.unreadable = RECORD_KEY_EXE;
}

static void set_args(const char *args, size_t length, uint32_t truncated)
{
	event.exec.args = (struct text){ args, length };
	event.process.truncated = truncated;
}

static void cut_args(void)
{
	set_args("sh\0-c\0evil", 10, RECORD_KEY_ARGS);
}

static void cut_args_between(void)
{
	set_args("sh\0-c\0", 6, RECORD_KEY_ARGS);
}

static void lose_all_args(void)
{
	set_args("", 0, RECORD_KEY_ARGS);
	event.exec.args_bytes = RECORD_ARGS_BYTES_UNKNOWN;
}

static void cut_cgroup(void)
{
	event.process.truncated = RECORD_KEY_CGROUP;
	event.own_context.container = (struct container){ 0 };
}

static void lose_namespace(void)
{
	event.process.task.mnt_ns = 0;
}

static void be_daemon(void)
{
	event.own_context.tty = (struct text){ "", 0 };
	event.process.task.auid = RECORD_AUDIT_UNSET;
	event.own_context.container = (struct container){ 0 };
}

/* Each row: a rule for --only passes what it cannot decide, the same for --skip does too. */
static void undecided_events_pass(void)
{
	CHECK(changed_passes(cut_exe, "exe=/other") && changed_passes(cut_exe, "-exe=*"));
	CHECK(changed_passes(lose_exe, "exe=/other") && changed_passes(lose_exe, "-exe=*"));
	CHECK(changed_passes(lose_exe, "memfd=true") && changed_passes(lose_exe, "-memfd=true"));
	CHECK(changed_passes(cut_args, "args=other") && changed_passes(cut_args, "-args=evil"));
	CHECK(changed_passes(lose_all_args, "args=x") && changed_passes(lose_all_args, "-args=*"));
	CHECK(changed_passes(lose_all_args, "args_bytes=7"));
	CHECK(changed_passes(cut_cgroup, "container_id=x") &&
	      changed_passes(cut_cgroup, "-cgroup=*"));
	CHECK(changed_passes(lose_namespace, "mnt_ns=1") &&
	      changed_passes(lose_namespace, "-mnt_ns=*"));
}

static void known_parts_decide(void)
{
	CHECK(changed_passes(cut_args, "args=-c") && !changed_passes(cut_args, "-args=-c"));
	CHECK(!changed_passes(cut_args_between, "-args=-c"));
}

static void whole_args(void)
{
	set_args("sh\0-c\0a b\0", 10, 0);
}

static void no_args(void)
{
	set_args("", 0, 0);
}

static void command_lines_are_joined(void)
{
	CHECK(changed_passes(whole_args, "command_line=sh -c a b"));
	CHECK(changed_passes(whole_args, "command_line=sh*a b") &&
	      !changed_passes(whole_args, "command_line=sh*a") &&
	      !changed_passes(whole_args, "command_line=sh"));
	CHECK(changed_passes(no_args, "command_line=") &&
	      !changed_passes(no_args, "command_line=?*"));
	/* the rest of a cut one can be anything */
	CHECK(changed_passes(cut_args, "command_line=other") &&
	      changed_passes(cut_args, "-command_line=*"));
}

static void know_container(void)
{
	event.own_context.container = (struct container){
		.id = { "abc", 3 },
		.names = { .is_read = true, .name = { "web", 3 } },
	};
}

static void know_no_names(void)
{
	event.own_context.container = (struct container){ .id = { "abc", 3 } };
}

static void names_of_containers_decide(void)
{
	CHECK(changed_passes(know_container, "container_name=w*") &&
	      !changed_passes(know_container, "container_name=x"));
	CHECK(!changed_passes(know_container, "pod_name=*")); /* has no pod */
	CHECK(changed_passes(know_container, "container_image=x")); /* has an unknown image */
	CHECK(changed_passes(know_no_names, "container_name=x") &&
	      changed_passes(know_no_names, "-container_name=*") &&
	      changed_passes(know_no_names, "pod_name=x"));
	CHECK(!changed_passes(be_daemon, "container_name=*") &&
	      !changed_passes(be_daemon, "pod_name=*"));
}

static void nothing_to_report_is_no_match(void)
{
	CHECK(!changed_passes(be_daemon, "tty=*") && changed_passes(be_daemon, "-tty=*"));
	CHECK(!changed_passes(be_daemon, "auid=*") && changed_passes(be_daemon, "-auid=*"));
	CHECK(!changed_passes(be_daemon, "container_id=*"));
	CHECK(!changed_passes(be_daemon, "memfd=true"));
}

/* Returns why no event of the types can match the rule, or NULL. */
static const char *fault(const char *rule, unsigned int events)
{
	struct filter *filter;
	const char *found, *named = NULL;

	CHECK(filter_new(&filter) == 0);
	CHECK(filter_add_skip(filter, rule) == 0);
	found = filter_fault(filter, events, &named);
	CHECK(!found || named == rule);
	filter_free(filter);
	return found;
}

static void rules_that_never_match_are_found(void)
{
	const unsigned int exec = EVENT_BIT(EVENT_EXEC), exits = EVENT_BIT(EVENT_EXIT);

	CHECK(fault("uid=root", exec) && fault("exit_code=1", exec) && fault("type=exti", exec));
	CHECK(fault("type=exit", exec) && fault("memfd=yes", exec) && fault("cwd=*", exits));
	CHECK(fault("redacted=args", exec) && fault("count=1", exec | exits));
	CHECK(!fault("uid=1[0-9]??", exec) && !fault("uid=*", exec) && !fault("uid=[!0]", exec));
	CHECK(!fault("duration=0.0*", exits) && !fault("type=ex*", exec) && !fault("exe=", exec));
	CHECK(!fault("memfd=t*", exec) && !fault("exit_code=1", exec | exits));
}

static void losses_pass(void)
{
	struct filter *filter;

	CHECK(filter_new(&filter) == 0);
	CHECK(filter_add_only(filter, "comm=x") == 0);
	CHECK(filter_add_skip(filter, "type=lost") == 0);
	event = (struct event){ .type = EVENT_LOST, .source = EVENT_LOST };
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
	tap_run("an event passes that a rule cannot decide, whatever the rule is for",
		undecided_events_pass);
	tap_run("a rule for command_line is about the arguments with spaces between",
		command_lines_are_joined);
	tap_run("a match in the known part decides", known_parts_decide);
	tap_run("names of containers that are not known are not decided",
		names_of_containers_decide);
	tap_run("a key with nothing to report does not match", nothing_to_report_is_no_match);
	tap_run("a rule that no event can match is found", rules_that_never_match_are_found);
	tap_run("what was lost passes every filter", losses_pass);
	return tap_end();
}
