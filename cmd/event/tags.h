/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and values of the user's choice that every line has. */
#ifndef EXECTAP_TAGS_H
#define EXECTAP_TAGS_H

#include "util/text.h"

#include <stdbool.h>

/* Maximum bytes of a key and of a value. */
#define TAGS_KEY_BYTES 64
#define TAGS_VALUE_BYTES 1024

struct tags;

/* Makes an empty set. Returns 0 or -ENOMEM; free with tags_free(). */
int tags_new(struct tags **tags);
void tags_free(struct tags *tags);

/*
 * Adds a copy of "KEY=VALUE". A key is of ASCII letters, digits, '_' and '-', which no store takes
 * for a nested object, and begins with a letter. A value is UTF-8 and not empty. Returns 0,
 * -EINVAL, -EEXIST if the key is there already, or -ENOMEM.
 */
int tags_add(struct tags *tags, const char *tag);

/* Lets each key that the set has now be replaced, once, by tags_add(). */
void tags_make_replaceable(struct tags *tags);

/* Returns the keys and values in turn, each ended by a NUL. A view until the next change. */
struct text tags_strings(const struct tags *tags);

#endif
