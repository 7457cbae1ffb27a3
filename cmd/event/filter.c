// SPDX-License-Identifier: BSD-2-Clause
#include "event/filter.h"

#include "event/field.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

struct rule {
	const char *text; /* KEY=GLOB */
	const struct field *field;
	const char *glob;
};

/* Answer of a rule about an event. */
enum answer {
	ANSWER_NO,
	ANSWER_UNKNOWN, /* the event lacks what the rule is about */
	ANSWER_YES,
};

struct rules {
	struct rule *list;
	size_t count;
};

struct filter {
	struct rules only;
	struct rules skip;
};

int filter_new(struct filter **filter)
{
	struct filter *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	*filter = created;
	return 0;
}

void filter_free(struct filter *filter)
{
	if (!filter)
		return;
	free(filter->only.list);
	free(filter->skip.list);
	free(filter);
}

static int add(struct rules *rules, const char *text)
{
	const char *equals = strchr(text, '=');
	const struct field *field = equals ? field_find(text, (size_t)(equals - text)) : NULL;
	struct rule *larger;

	if (!field)
		return -EINVAL;
	larger = reallocarray(rules->list, rules->count + 1, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	rules->list = larger;
	rules->list[rules->count++] = (struct rule){ text, field, equals + 1 };
	return 0;
}

int filter_add_only(struct filter *filter, const char *rule)
{
	return add(&filter->only, rule);
}

int filter_add_skip(struct filter *filter, const char *rule)
{
	return add(&filter->skip, rule);
}

/* Only joined strings have NULs. Without memory for a copy the answer is unknown. */
static enum answer text_matches(struct text text, const char *glob)
{
	char copy[EVENT_PATH_BYTES + 1], *string = copy, *nul;
	enum answer answer;

	if (text.length >= sizeof(copy))
		string = malloc(text.length + 1);
	if (!string)
		return ANSWER_UNKNOWN;
	memcpy(string, text.bytes, text.length);
	string[text.length] = '\0';
	while ((nul = memchr(string, '\0', text.length)))
		*nul = ' ';
	answer = fnmatch(glob, string, 0) ? ANSWER_NO : ANSWER_YES;
	if (string != copy)
		free(string);
	return answer;
}

static enum answer rule_apply(const struct rule *rule, const struct event *event)
{
	bool complete = field_is_complete(rule->field, event, true), present = false;
	enum answer best = ANSWER_NO, answer;
	struct field_cursor cursor = {};
	char buf[FIELD_BUF_BYTES];
	struct text value;

	while (field_next(rule->field, event, &cursor, buf, &value)) {
		present = true;
		if (!complete && !field_value_is_whole(rule->field, event, value))
			continue;
		answer = text_matches(value, rule->glob);
		if (answer == ANSWER_YES)
			return ANSWER_YES;
		if (answer > best)
			best = answer;
	}
	return field_is_complete(rule->field, event, present) ? best : ANSWER_UNKNOWN;
}

/* Returns the best answer of the rules for one key: they are alternatives. */
static enum answer key_apply(const struct rules *rules, const struct field *field,
			     const struct event *event)
{
	enum answer best = ANSWER_NO;

	for (size_t i = 0; i < rules->count && best < ANSWER_YES; i++) {
		enum answer answer = ANSWER_NO;

		if (rules->list[i].field == field)
			answer = rule_apply(&rules->list[i], event);
		if (answer > best)
			best = answer;
	}
	return best;
}

/* Returns the worst answer of all keys: every key has to match. */
static enum answer rules_apply(const struct rules *rules, const struct event *event)
{
	enum answer worst = ANSWER_YES;

	for (size_t i = 0; i < rules->count && worst > ANSWER_NO; i++) {
		enum answer answer = key_apply(rules, rules->list[i].field, event);

		if (answer < worst)
			worst = answer;
	}
	return worst;
}

bool filter_is_empty(const struct filter *filter)
{
	return !filter->only.count && !filter->skip.count;
}

bool filter_passes(const struct filter *filter, const struct event *event)
{
	if (!event_is_process(event))
		return true;
	if (rules_apply(&filter->only, event) == ANSWER_NO)
		return false;
	return !filter->skip.count || rules_apply(&filter->skip, event) != ANSWER_YES;
}

/* Reports whether the name of a type in the set matches. */
static bool matches_type(const char *glob, unsigned int events)
{
	for (int type = 0; type < EVENT_TYPES; type++)
		if (events & EVENT_BIT(type) &&
		    !fnmatch(glob, event_type_name((enum event_type)type), 0))
			return true;
	return false;
}

/* Returns why a rule cannot match any event of these types, or NULL. */
static const char *rule_fault(const struct rule *rule, unsigned int events)
{
	if (!(rule->field->events & events))
		return "no event of the selected types has this key, see --events";
	if (rule->field->kind == FIELD_KIND_TYPE && !matches_type(rule->glob, events))
		return "matches none of the selected types, see --events";
	if (!field_accepts_glob(rule->field, rule->glob))
		return rule->field->kind == FIELD_KIND_FLAG ||
				       rule->field->kind == FIELD_KIND_CORE_DUMPED
			       ? "the only value of this key is true"
			       : "the values of this key are numbers";
	if (rule->field == field_get(FIELD_ID_redacted) ||
	    rule->field == field_get(FIELD_ID_redacted_bytes))
		return "events are filtered before they are redacted";
	return NULL;
}

static const char *rules_fault(const struct rules *rules, unsigned int events, const char **rule)
{
	for (size_t i = 0; i < rules->count; i++) {
		const char *fault = rule_fault(&rules->list[i], events);

		if (fault) {
			*rule = rules->list[i].text;
			return fault;
		}
	}
	return NULL;
}

const char *filter_fault(const struct filter *filter, unsigned int events, const char **rule)
{
	const char *fault = rules_fault(&filter->only, events, rule);

	return fault ? fault : rules_fault(&filter->skip, events, rule);
}

static bool rules_use(const struct rules *rules, const struct field *field)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->list[i].field == field)
			return true;
	return false;
}

bool filter_uses(const struct filter *filter, const char *key)
{
	const struct field *field = field_find(key, strlen(key));

	return rules_use(&filter->only, field) || rules_use(&filter->skip, field);
}

/* A rule for a list of keys is about all that could be in it. */
static uint32_t rules_record_keys(const struct rules *rules)
{
	uint32_t keys = 0;

	for (size_t i = 0; i < rules->count; i++) {
		const struct field *field = rules->list[i].field;

		keys |= field->kind == FIELD_KIND_KEYS ? RECORD_KEY_ALL
						       : field->record_key | field->derived_from;
	}
	return keys;
}

uint32_t filter_record_keys(const struct filter *filter)
{
	return rules_record_keys(&filter->only) | rules_record_keys(&filter->skip);
}
