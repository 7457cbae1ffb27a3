// SPDX-License-Identifier: BSD-2-Clause
#include "event/tags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define KEY_CHARACTERS LETTERS "0123456789_-"

struct tags {
	char *strings;
	size_t length;
	size_t replaceable_bytes; /* of strings: the tags in front */
};

int tags_new(struct tags **tags)
{
	struct tags *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	*tags = created;
	return 0;
}

void tags_free(struct tags *tags)
{
	if (!tags)
		return;
	free(tags->strings);
	free(tags);
}

/* Returns the length of the key, or 0 if the tag is invalid. */
static size_t key_length(const char *tag)
{
	size_t length = strspn(tag, KEY_CHARACTERS);
	struct text value;

	if (!length || !strchr(LETTERS, *tag) || length > TAGS_KEY_BYTES || tag[length] != '=')
		return 0;
	value = text_from_string(tag + length + 1);
	return value.length && value.length <= TAGS_VALUE_BYTES && text_is_utf8(value) ? length : 0;
}

/* Finds a key. Returns the view of its tag, both strings with their NULs; none: length 0. */
static struct text find(const struct tags *tags, const char *key, size_t length)
{
	struct text left = tags_strings(tags), name, value;

	while (left.length) {
		const char *start = left.bytes;

		text_next_string(&left, &name);
		text_next_string(&left, &value);
		if (name.length == length && !memcmp(name.bytes, key, length))
			return (struct text){ start, (size_t)(left.bytes - start) };
	}
	return (struct text){ NULL, 0 };
}

static void remove_tag(struct tags *tags, struct text tag)
{
	size_t offset = (size_t)(tag.bytes - tags->strings), end = offset + tag.length;

	memmove(tags->strings + offset, tags->strings + end, tags->length - end);
	tags->length -= tag.length;
	tags->replaceable_bytes -= tag.length;
}

int tags_add(struct tags *tags, const char *tag)
{
	size_t key = key_length(tag), bytes = strlen(tag) + 1;
	struct text known;
	char *larger;

	if (!key)
		return -EINVAL;
	known = find(tags, tag, key);
	if (known.length && known.bytes >= tags->strings + tags->replaceable_bytes)
		return -EEXIST;
	larger = realloc(tags->strings, tags->length + bytes);
	if (!larger)
		return -ENOMEM;
	tags->strings = larger;
	if (known.length)
		remove_tag(tags, find(tags, tag, key));
	memcpy(tags->strings + tags->length, tag, bytes);
	tags->strings[tags->length + key] = '\0';
	tags->length += bytes;
	return 0;
}

void tags_make_replaceable(struct tags *tags)
{
	tags->replaceable_bytes = tags->length;
}

struct text tags_strings(const struct tags *tags)
{
	return (struct text){ tags->strings, tags->length };
}
