/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of a text that must not be seen, and the text without them. */
#ifndef EXECTAP_MASK_H
#define EXECTAP_MASK_H

#include "util/text.h"

#include <stdbool.h>

/* What stands in place of each masked part. */
#define MASK_REPLACEMENT "[REDACTED]"

/* Start with { .text = ... } and end with mask_clear(). */
struct mask {
	struct text text; /* borrowed */
	unsigned char
		*marks; /* one for each byte, not 0: masked. NULL as long as nothing is masked. */
	bool failed; /* there was no memory for them */
};

/* Masks a part, a view into mask->text. An empty part changes nothing; parts that overlap or touch
 * become one. */
void mask_add(struct mask *mask, struct text part);

/* Whether mask_apply() has anything to do, or would fail. */
bool mask_is_empty(const struct mask *mask);

/* Makes a copy of the text with every masked part replaced, which the caller frees. Returns 0 or
 * -ENOMEM. */
int mask_apply(const struct mask *mask, char **bytes, size_t *length);

void mask_clear(struct mask *mask);

#endif
