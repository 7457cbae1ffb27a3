/* SPDX-License-Identifier: BSD-2-Clause */
/* A set of fields, by their place in the table of fields. */
#ifndef EXECTAP_FIELD_SET_H
#define EXECTAP_FIELD_SET_H

#include <stdbool.h>
#include <stdint.h>

#define FIELD_SET_WORDS 2
#define FIELD_SET_MAX (64 * FIELD_SET_WORDS)

struct field_set {
	uint64_t words[FIELD_SET_WORDS];
};

static inline bool field_set_has(const struct field_set *set, unsigned int field)
{
	return set->words[field / 64] >> field % 64 & 1;
}

static inline bool field_set_equals(const struct field_set *set, const struct field_set *other)
{
	return set->words[0] == other->words[0] && set->words[1] == other->words[1];
}

static inline void field_set_add(struct field_set *set, unsigned int field)
{
	set->words[field / 64] |= 1ull << field % 64;
}

#endif
