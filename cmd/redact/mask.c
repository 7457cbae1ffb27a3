// SPDX-License-Identifier: BSD-2-Clause
#include "redact/mask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT_BYTES (sizeof(MASK_REPLACEMENT) - 1)

void mask_add(struct mask *mask, struct text part)
{
	if (!part.length)
		return;
	if (!mask->masked)
		mask->masked = calloc(mask->text.length, 1);
	if (mask->masked)
		memset(mask->masked + (part.bytes - mask->text.bytes), 1, part.length);
	else
		mask->failed = true;
}

bool mask_is_empty(const struct mask *mask)
{
	return !mask->masked && !mask->failed;
}

size_t mask_bytes(const struct mask *mask)
{
	size_t bytes = 0;

	for (size_t i = 0; mask->masked && i < mask->text.length; i++)
		bytes += mask->masked[i];
	return mask->failed ? mask->text.length : bytes;
}

/* Returns the end of the run at `from` of bytes that are all masked or all not. */
static size_t run_end(const struct mask *mask, size_t from)
{
	const unsigned char *end =
		memchr(mask->masked + from, !mask->masked[from], mask->text.length - from);

	return end ? (size_t)(end - mask->masked) : mask->text.length;
}

static size_t masked_length(const struct mask *mask)
{
	size_t length = 0;

	for (size_t from = 0, end; from < mask->text.length; from = end) {
		end = run_end(mask, from);
		length += mask->masked[from] ? REPLACEMENT_BYTES : end - from;
	}
	return length;
}

int mask_apply(const struct mask *mask, char **bytes, size_t *length)
{
	size_t masked_bytes;
	char *copy, *out;

	if (mask->failed)
		return -ENOMEM;
	masked_bytes = masked_length(mask);
	copy = out = malloc(masked_bytes + 1); /* malloc(0) may return NULL */
	if (!copy)
		return -ENOMEM;
	for (size_t from = 0, end; from < mask->text.length; from = end) {
		end = run_end(mask, from);
		if (mask->masked[from])
			out = mempcpy(out, MASK_REPLACEMENT, REPLACEMENT_BYTES);
		else
			out = mempcpy(out, mask->text.bytes + from, end - from);
	}
	*bytes = copy;
	*length = masked_bytes;
	return 0;
}

void mask_clear(struct mask *mask)
{
	free(mask->masked);
	mask->masked = NULL;
	mask->failed = false;
}
