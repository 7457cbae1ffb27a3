// SPDX-License-Identifier: BSD-2-Clause
/* Adds tags, valid and invalid. */
#include "event/tags.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct tags *tags;

static bool holds(const char *strings, size_t bytes)
{
	struct text found = tags_strings(tags);

	return found.length == bytes && !memcmp(found.bytes, strings, bytes);
}

#define HOLDS(strings) holds(strings, sizeof(strings))

static void valid_are_added(void)
{
	CHECK(tags_new(&tags) == 0);
	CHECK(tags_strings(tags).length == 0);
	CHECK(tags_add(tags, "env=prod") == 0);
	CHECK(tags_add(tags, "A_b-1==\xc3\xa9 \n") == 0);
	CHECK(HOLDS("env\0prod\0A_b-1\0=\xc3\xa9 \n"));
	CHECK(tags_add(tags, "env=test") == -EEXIST);
	CHECK(tags_add(tags, "envy=test") == 0);
	tags_free(tags);
}

static void invalid_are_refused(void)
{
	static const char *const invalid[] = {
		"", "=", "a", "a=", "=b", "1=b", "a.b=c", "a b=c", "_a=b", "\xc3\xa9=b", "a=\xff"
	};
	char key[TAGS_KEY_BYTES + 4] = {}, *value = calloc(1, TAGS_VALUE_BYTES + 4);

	CHECK(tags_new(&tags) == 0);
	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		CHECK(tags_add(tags, invalid[i]) == -EINVAL);
	memset(key, 'k', TAGS_KEY_BYTES);
	memcpy(key + TAGS_KEY_BYTES, "=v", 2);
	CHECK(tags_add(tags, key) == 0);
	memcpy(key + TAGS_KEY_BYTES, "k=v", 3);
	CHECK(tags_add(tags, key) == -EINVAL);
	memset(value, 'v', TAGS_VALUE_BYTES + 2);
	value[1] = '=';
	CHECK(tags_add(tags, value) == 0);
	value[TAGS_VALUE_BYTES + 2] = 'v';
	CHECK(tags_add(tags, value) == -EINVAL);
	free(value);
	tags_free(tags);
}

static void replaceable_are_replaced_once(void)
{
	CHECK(tags_new(&tags) == 0);
	CHECK(tags_add(tags, "a=1") == 0 && tags_add(tags, "b=2") == 0 &&
	      tags_add(tags, "c=3") == 0);
	tags_make_replaceable(tags);
	CHECK(tags_add(tags, "b=4") == 0);
	CHECK(HOLDS("a\0001\0c\0003\0b\0004"));
	CHECK(tags_add(tags, "b=5") == -EEXIST);
	CHECK(tags_add(tags, "c=6") == 0 && tags_add(tags, "a=7") == 0);
	CHECK(HOLDS("b\0004\0c\0006\0a\0007"));
	tags_free(tags);
}

int main(void)
{
	tap_run("valid tags are added in their order, each key once", valid_are_added);
	tap_run("invalid ones are refused", invalid_are_refused);
	tap_run("a replaceable one is replaced once", replaceable_are_replaced_once);
	return tap_end();
}
