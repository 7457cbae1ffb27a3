/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of a text to hide, and a copy of the text without them. */
#ifndef EXECTAP_MASK_H
#define EXECTAP_MASK_H

#include "util/text.h"

#include <stdbool.h>

/* Replaces each masked part */
#define MASK_REPLACEMENT "[REDACTED]"

/* Start with { .text = ... } and end with mask_clear(). */
struct mask {
	struct text text; /* borrowed */
	unsigned char *masked; /* one per byte, nonzero: masked; NULL if nothing is masked */
	bool failed; /* out of memory */
};

/* Masks a part, a view into mask->text. An empty part changes nothing; parts that overlap or touch
 * become one. */
void mask_add(struct mask *mask, struct text part);

/* True if nothing is masked and no mask_add() failed. */
bool mask_is_empty(const struct mask *mask);

/* Returns the number of masked bytes. */
size_t mask_bytes(const struct mask *mask);

/* Makes a copy of the text with every masked part replaced; the caller frees it. Returns 0 or
 * -ENOMEM. */
int mask_apply(const struct mask *mask, char **bytes, size_t *length);

void mask_clear(struct mask *mask);

#endif
