/* SPDX-License-Identifier: BSD-2-Clause */
/* Keep or drop. */
#ifndef EXECTAP_FILTER_H
#define EXECTAP_FILTER_H

#include "event/event.h"

#include <stdbool.h>

struct filter;

/* A filter that keeps everything. Returns 0 or -ENOMEM; free with filter_free(). */
int filter_new(struct filter **filter);
void filter_free(struct filter *filter);

/*
 * Adds a rule "KEY=GLOB" (glob(7), where * takes a slash as well) of --only or --skip; the text is
 * borrowed. Returns 0, -EINVAL if there is no such key or no "=", or -ENOMEM.
 */
int filter_add_only(struct filter *filter, const char *rule);
int filter_add_skip(struct filter *filter, const char *rule);

/*
 * Whether an event that enrich has seen passes: it must match what --only asks for, if anything,
 * and not what --skip asks for. Of several rules for one key any will do, of those for different
 * keys all are needed. A key that the line does not have matches nothing; args match if one of them
 * does. A key that is detached passes --only and is not matched by --skip. What is about exectap
 * itself always passes.
 */
bool filter_passes(const struct filter *filter, const struct event *event);

#endif
