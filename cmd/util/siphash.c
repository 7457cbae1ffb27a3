// SPDX-License-Identifier: BSD-2-Clause
#include "util/siphash.h"

static uint64_t rotate_left(uint64_t word, unsigned int bits)
{
	return word << bits | word >> (64 - bits);
}

static void round_words(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate_left(v[1], 13) ^ v[0];
	v[0] = rotate_left(v[0], 32);
	v[2] += v[3];
	v[3] = rotate_left(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate_left(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate_left(v[1], 17) ^ v[2];
	v[2] = rotate_left(v[2], 32);
}

static void round_times(uint64_t v[4], int times)
{
	while (times--)
		round_words(v);
}

void siphash_begin(struct siphash *hash, const uint64_t key[2])
{
	*hash = (struct siphash){ .v = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f83,
					 key[0] ^ 0x6c7967656e657261,
					 key[1] ^ 0x7465646279746573 } };
}

static void add_word(struct siphash *hash, uint64_t word)
{
	hash->v[3] ^= word;
	round_times(hash->v, 2);
	hash->v[0] ^= word;
}

void siphash_add(struct siphash *hash, const void *bytes, size_t length)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < length; i++) {
		hash->word |= (uint64_t)byte[i] << hash->length++ % 8 * 8;
		if (hash->length % 8 == 0) {
			add_word(hash, hash->word);
			hash->word = 0;
		}
	}
}

void siphash_end(struct siphash *hash, uint64_t result[2])
{
	add_word(hash, hash->word | hash->length << 56);
	hash->v[2] ^= 0xee;
	round_times(hash->v, 4);
	result[0] = hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3];
	hash->v[1] ^= 0xdd;
	round_times(hash->v, 4);
	result[1] = hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3];
}
