/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash-2-4 with 128 bits (Aumasson, Bernstein): without the key nobody finds a collision. */
#ifndef EXECTAP_SIPHASH_H
#define EXECTAP_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash {
	uint64_t v[4];
	uint64_t word; /* bytes that make no word yet */
	uint64_t length; /* bytes so far */
};

void siphash_begin(struct siphash *hash, const uint64_t key[2]);
void siphash_add(struct siphash *hash, const void *bytes, size_t length);
void siphash_end(struct siphash *hash, uint64_t result[2]);

#endif
