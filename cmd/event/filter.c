// SPDX-License-Identifier: BSD-2-Clause
#include "event/filter.h"

#include "event/field.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

struct rule {
	const struct field *field;
	const char *glob;
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
	rules->list[rules->count++] = (struct rule){ field, equals + 1 };
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

static bool text_matches(struct text text, const char *glob)
{
	char copy[EVENT_PATH_BYTES + 1];
	bool matches;
	char *longer;

	if (text.length < sizeof(copy)) {
		memcpy(copy, text.bytes, text.length);
		copy[text.length] = '\0';
		return !fnmatch(glob, copy, 0);
	}
	longer = strndup(text.bytes, text.length);
	matches = longer && !fnmatch(glob, longer, 0);
	free(longer);
	return matches;
}

static bool rule_matches(const struct rule *rule, const struct event *event)
{
	struct field_cursor cursor = {};
	char room[FIELD_BUF_BYTES];
	struct text value;

	while (field_next(rule->field, event, &cursor, room, &value))
		if (text_matches(value, rule->glob))
			return true;
	return false;
}

/* Reports if the value may look like another one: a path that has another root. */
static bool is_undecidable(const struct field *field, const struct event *event)
{
	return event->process.detached & field->record_key;
}

/* Returns `undecided` for a key that the rules cannot decide. */
static bool key_matches(const struct rules *rules, const struct field *field,
			const struct event *event, bool undecided)
{
	if (is_undecidable(field, event))
		return undecided;
	for (size_t i = 0; i < rules->count; i++)
		if (rules->list[i].field == field && rule_matches(&rules->list[i], event))
			return true;
	return false;
}

static bool rules_match(const struct rules *rules, const struct event *event, bool undecided)
{
	for (size_t i = 0; i < rules->count; i++)
		if (!key_matches(rules, rules->list[i].field, event, undecided))
			return false;
	return true;
}

bool filter_passes(const struct filter *filter, const struct event *event)
{
	if (!event_is_process(event))
		return true;
	return rules_match(&filter->only, event, true) &&
	       !(filter->skip.count && rules_match(&filter->skip, event, false));
}
