/* SPDX-License-Identifier: BSD-2-Clause */
/* The fields of lines about processes. Other lines have all of theirs. */
#ifndef EXECTAP_SELECTION_H
#define EXECTAP_SELECTION_H

#include "event/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct selection;

/* Makes a selection of all fields but those of FIELD_GROUP_EXTRA. Returns 0 or -ENOMEM; free with
 * selection_free(). */
int selection_new(struct selection **selection);
void selection_free(struct selection *selection);

/*
 * Adds a list of --fields, or removes one of --omit: names of fields and of groups ("@ids"), with
 * commas between; "@default" is the selection of selection_new(). The first --fields replaces that
 * selection; the fields of FIELD_GROUP_FIXED and FIELD_GROUP_MARK and "raw" stay. What --omit names
 * is removed wherever the option is. Returns 0, or -EINVAL with *word and *length set to the name
 * that is unknown or, for --omit, cannot be left out.
 */
int selection_add_fields(struct selection *selection, const char *list, const char **word,
			 size_t *length);
int selection_add_omit(struct selection *selection, const char *list, const char **word,
		       size_t *length);

/* Selects the fields of a set, and those that lines about exectap itself have as well. */
void selection_set_fields(struct selection *selection, const struct field_set *fields);

/* Reports whether the name is that of a field that every line has. */
bool selection_is_fixed(const char *word, size_t length);

/* Returns the bits of enum record_key of what lines of the selection are made from. */
uint32_t selection_record_keys(const struct selection *selection);

/*
 * Sets event->omitted, and empties the strings that are not written, so that they take no part of
 * the line's length, but for those of the context. The keys that `truncated`, `unreadable` and
 * `redacted` name afterwards are written, or the source of a key that is.
 */
void selection_apply(const struct selection *selection, struct event *event);

#endif
