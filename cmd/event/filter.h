/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules that select events. */
#ifndef EXECTAP_FILTER_H
#define EXECTAP_FILTER_H

#include "event/event.h"

#include <stdbool.h>

struct filter;

/* Makes a filter that every event passes. Returns 0 or -ENOMEM; free with filter_free(). */
int filter_new(struct filter **filter);
void filter_free(struct filter *filter);

/*
 * Adds a rule "KEY=GLOB" (glob(7), where * takes a slash as well) of --only or --skip; the text is
 * borrowed. Returns 0, -EINVAL if there is no such key or no "=", or -ENOMEM.
 */
int filter_add_only(struct filter *filter, const char *rule);
int filter_add_skip(struct filter *filter, const char *rule);

/*
 * Returns why a rule cannot match any event of the types `events` (EVENT_BIT()s), and that rule;
 * NULL if every rule can.
 */
const char *filter_fault(const struct filter *filter, unsigned int events, const char **rule);

/* Returns the bits of enum record_key of what the rules are about. */
uint32_t filter_record_keys(const struct filter *filter);

/* Reports whether there is a rule for a key. */
bool filter_uses(const struct filter *filter, const char *key);

/* Reports whether there is no rule. */
bool filter_is_empty(const struct filter *filter);

/*
 * Reports whether an enriched event passes: if it matches the rules of --only, and not those of
 * --skip. Rules for one key are alternatives; those for different keys must all match. An event
 * does not match a rule for a key that its type does not have, or that is absent because there is
 * nothing to report; it matches a rule for a list if an item does. If the event lacks what a rule
 * is about (field_is_complete()), the rule neither matches nor fails: the event passes --only, and
 * --skip does not match it. Events about exectap itself always pass.
 */
bool filter_passes(const struct filter *filter, const struct event *event);

#endif
