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
	if (!mask->marks)
		mask->marks = calloc(mask->text.length, 1);
	if (mask->marks)
		memset(mask->marks + (part.bytes - mask->text.bytes), 1, part.length);
	else
		mask->failed = true;
}

bool mask_is_empty(const struct mask *mask)
{
	return !mask->marks && !mask->failed;
}

/* The end of the run of bytes that are all marked, or all not, that begins at `from`. */
static size_t run_end(const struct mask *mask, size_t from)
{
	const unsigned char *end =
		memchr(mask->marks + from, !mask->marks[from], mask->text.length - from);

	return end ? (size_t)(end - mask->marks) : mask->text.length;
}

static size_t masked_length(const struct mask *mask)
{
	size_t length = 0;

	for (size_t from = 0, end; from < mask->text.length; from = end) {
		end = run_end(mask, from);
		length += mask->marks[from] ? REPLACEMENT_BYTES : end - from;
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
	copy = out = malloc(masked_bytes + 1); /* NULL is no answer for an empty text: malloc(3) */
	if (!copy)
		return -ENOMEM;
	for (size_t from = 0, end; from < mask->text.length; from = end) {
		end = run_end(mask, from);
		if (mask->marks[from])
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
	free(mask->marks);
	mask->marks = NULL;
	mask->failed = false;
}
