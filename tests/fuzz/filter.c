// SPDX-License-Identifier: BSD-2-Clause
/*
 * libFuzzer entry: rules, one per line, with the prefix + for --only and - for --skip, an empty
 * line, and a record. The filter's result for the event must be that of the rules for its line.
 */
#include "event/filter.h"
#include "event/decode.h"
#include "event/field.h"
#include "fixture.h"
#include "reference.h"

#include <fnmatch.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 8
/* The time of fnmatch(3) grows with the length to the power of the number of stars. Rules come from
 * a user who may run exectap, so that this is no attack. */
#define STARS_MAX 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct rule {
	const char *text; /* KEY=GLOB */
	bool only;
};

static bool string_matches(const char *glob, const char *string)
{
	return !fnmatch(glob, string, 0);
}

static bool json_matches(const char *glob, const json_t *json)
{
	char number[32];
	const char *name;
	json_t *item;
	size_t index;

	switch (json_typeof(json)) {
	case JSON_STRING:
		return string_matches(glob, json_string_value(json));
	case JSON_INTEGER:
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(json));
		return string_matches(glob, number);
	case JSON_TRUE:
		return string_matches(glob, "true");
	case JSON_ARRAY:
		json_array_foreach(json, index, item)
			if (json_matches(glob, item))
				return true;
		return false;
	default:
		json_object_foreach((json_t *)json, name, item)
			if (string_matches(glob, name) || json_matches(glob, item))
				return true;
		return false;
	}
}

static bool key_of(const struct rule *rule, char key[64])
{
	size_t length = strcspn(rule->text, "=");

	if (!rule->text[length] || length >= 64)
		return false;
	memcpy(key, rule->text, length);
	key[length] = '\0';
	return true;
}

enum answer { NO, UNKNOWN, YES };

static bool has_name(const json_t *line, const char *list, const char *key)
{
	const json_t *names = json_object_get(line, list), *name;
	size_t index;

	json_array_foreach(names, index, name)
		if (!strcmp(json_string_value(name), key))
			return true;
	return false;
}

static bool is_one_of(const char *key, const char *const names[])
{
	for (; *names; names++)
		if (!strcmp(key, *names))
			return true;
	return false;
}

/* Reports whether keys are marked that the event cannot have: a corrupt record may mark any, also
 * the path of a program as detached that it lacks. */
static bool has_other_marks(const struct event *event)
{
	uint32_t doubtful = event_doubtful_keys(event);

	for (unsigned int id = 0; id < FIELD_COUNT; id++) {
		const struct field *field = field_get((enum field_id)id);

		if (field->events & EVENT_BIT(event->type))
			doubtful &= ~field->record_key;
	}
	return doubtful || (event->process.detached & RECORD_KEY_EXE && !event->exec.has_exe);
}

static bool is_marked(const json_t *line, const char *key)
{
	char detached[80];

	snprintf(detached, sizeof(detached), "%s_detached", key);
	return has_name(line, "truncated", key) || has_name(line, "unreadable", key) ||
	       json_object_get(line, detached);
}

static bool is_any_marked(const json_t *line, const char *const keys[])
{
	for (; *keys; keys++)
		if (is_marked(line, *keys))
			return true;
	return false;
}

static bool has_args(const json_t *line)
{
	return json_object_get(line, "args") || is_marked(line, "args");
}

/* Reports whether a key that the line lacks may have a value all the same. */
static bool is_unknown(const json_t *line, const char *key)
{
	static const char *const of_cgroup[] = { "container_id",   "container_runtime", "pod_uid",
						 "container_name", "container_image",	"pod_name",
						 "pod_namespace",  "systemd_unit",	NULL },
				 *const of_container[] = { "container_name", "container_image",
							   "pod_name", "pod_namespace", NULL },
				 *const names[] = { "user",   "group", "euser",
						    "egroup", "auser", NULL },
				 *const of_exe[] = { "memfd", "deleted", "exe_detached", NULL },
				 *const of_cwd[] = { "cwd_detached", "cwd_deleted", NULL },
				 *const of_parent_exe[] = { "parent_exe_detached",
							    "parent_exe_deleted", NULL },
				 *const of_entry[] = { "entry_type", "exe", "parent_exe", NULL },
				 *const always[] = { "ns_pid", "pid_ns",  "mnt_ns",
						     "net_ns", "user_ns", NULL };

	if (is_one_of(key, always) || (is_one_of(key, names) && !json_object_get(line, "user_ns")))
		return true;
	if (!strcmp(key, "entry_exe"))
		return is_any_marked(line, of_entry);
	return (is_one_of(key, of_cgroup) && is_marked(line, "cgroup")) ||
	       (is_one_of(key, of_container) && json_object_get(line, "container_id")) ||
	       (is_one_of(key, of_exe) && is_marked(line, "exe")) ||
	       (is_one_of(key, of_cwd) && is_marked(line, "cwd")) ||
	       (is_one_of(key, of_parent_exe) && is_marked(line, "parent_exe")) ||
	       (!strcmp(key, "argc") && has_args(line)) ||
	       (!strcmp(key, "parent_argc") && is_marked(line, "parent_args")) ||
	       (!strcmp(key, "args_bytes") && is_marked(line, "args")) ||
	       (!strcmp(key, "env_duplicates") && is_marked(line, "env"));
}

/* Returns the answer of the rules of this kind for the key. The line does not mark the item of a
 * list that was cut: *open reports that one which matches may decide. */
static enum answer key_answer(const struct rule *rules, size_t count, bool only, const char *key,
			      const json_t *line, bool *open)
{
	const json_t *json = json_object_get(line, key);
	char other[64];

	for (size_t i = 0; i < count; i++) {
		if (rules[i].only != only || !key_of(&rules[i], other) || strcmp(key, other) ||
		    !json || !json_matches(strchr(rules[i].text, '=') + 1, json))
			continue;
		if (!is_marked(line, key))
			return YES;
		*open = *open || json_is_array(json) || json_is_object(json);
	}
	return is_marked(line, key) || (!json && is_unknown(line, key)) ? UNKNOWN : NO;
}

/* Returns the answer of the rules of this kind for all keys; `none` if there is no such rule. */
static enum answer all_answer(const struct rule *rules, size_t count, bool only, const json_t *line,
			      enum answer none, bool *open)
{
	enum answer worst = YES, answer;
	bool has_rule = false;
	char key[64];

	for (size_t i = 0; i < count; i++) {
		if (rules[i].only != only || !key_of(&rules[i], key))
			continue;
		has_rule = true;
		answer = key_answer(rules, count, only, key, line, open);
		worst = answer < worst ? answer : worst;
	}
	return has_rule ? worst : none;
}

/*
 * A line has other digits or bytes than the filter sees if a value is a fraction or a string is not
 * UTF-8. It does not say that there are more ancestors.
 */
static bool is_shown_otherwise(const struct rule *rules, size_t count, const json_t *line,
			       const struct event *event)
{
	char key[64];

	for (size_t i = 0; i < count; i++)
		if (key_of(&rules[i], key) &&
		    (json_is_real(json_object_get(line, key)) ||
		     (!strcmp(key, "ancestors") && event->context->has_more_ancestors)))
			return true;
	return json_object_get(line, "raw");
}

static void verify(const struct rule *rules, size_t count, const struct event *event, bool passes)
{
	json_t *line = reference_native(event);
	bool open = false;
	enum answer only = all_answer(rules, count, true, line, YES, &open),
		    skip = all_answer(rules, count, false, line, NO, &open);

	if (!is_shown_otherwise(rules, count, line, event) && !has_other_marks(event) && !open &&
	    passes != (only != NO && skip != YES))
		abort();
	json_decref(line);
}

static size_t count_stars(const char *text)
{
	size_t stars = 0;

	for (; *text; text++)
		stars += *text == '*' || *text == '(';
	return stars;
}

/* Splits `text`, whose newlines are overwritten, and adds the valid rules to the filter. Returns
 * their number. */
static size_t take_rules(char *text, struct filter *filter, struct rule rules[RULES_MAX])
{
	size_t count = 0;
	char *line, *rest = text;

	while (count < RULES_MAX && (line = strsep(&rest, "\n")) && *line) {
		struct rule rule = { .text = line + 1, .only = *line == '+' };

		if ((*line != '+' && *line != '-') || count_stars(line) > STARS_MAX)
			continue;
		if (!(rule.only ? filter_add_only : filter_add_skip)(filter, rule.text))
			rules[count++] = rule;
	}
	return count;
}

static void run(struct filter *filter, char *text, const void *record, size_t record_size)
{
	static struct enricher *enricher;
	static struct event event;
	struct rule rules[RULES_MAX];
	size_t count = take_rules(text, filter, rules);

	if (!enricher)
		enricher = fixture_enricher("HOME,LANG,EVIL");
	if (decode_record(record, record_size, &event))
		return;
	enrich_event(enricher, &event);
	event.omitted = (struct field_set){};
	verify(rules, count, &event, filter_passes(filter, &event));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memmem(data, size, "\n\n", 2);
	size_t text_size = end ? (size_t)(end - data) : size, skipped = end ? text_size + 2 : size;
	char *text = strndup((const char *)data, text_size);
	void *record = malloc(size - skipped ? size - skipped : 1); /* aligned, of the exact size */
	struct filter *filter;

	memcpy(record, data + skipped, size - skipped);
	if (!filter_new(&filter)) {
		run(filter, text, record, size - skipped);
		filter_free(filter);
	}
	free(record);
	free(text);
	return 0;
}
