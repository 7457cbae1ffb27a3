// SPDX-License-Identifier: BSD-2-Clause
/* Hashes the published test vectors. */
#include "tap.h"
#include "util/siphash.h"

#include <string.h>

static void vectors(void)
{
	/* https://github.com/veorq/SipHash, vectors.h, vectors_sip128 */
	static const unsigned char expected[][16] = {
		[0] = { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14,
			0xc7, 0x55, 0x02, 0x93 },
		[1] = { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11,
			0x9b, 0x22, 0xfc, 0x45 },
	};
	static const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

	for (size_t length = 0; length < sizeof(expected) / sizeof(expected[0]); length++) {
		struct siphash hash;
		uint64_t result[2];

		siphash_begin(&hash, key);
		siphash_add(&hash, "\0", length);
		siphash_end(&hash, result);
		CHECK(!memcmp(result, expected[length], sizeof(result)));
	}
}

static void pieces(void)
{
	static const uint64_t key[2] = { 1, 2 };
	static const char text[] = "the same bytes, however they are divided";
	uint64_t whole[2], divided[2];
	struct siphash hash;

	siphash_begin(&hash, key);
	siphash_add(&hash, text, sizeof(text));
	siphash_end(&hash, whole);
	for (size_t at = 0; at <= sizeof(text); at++) {
		siphash_begin(&hash, key);
		siphash_add(&hash, text, at);
		siphash_add(&hash, text + at, sizeof(text) - at);
		siphash_end(&hash, divided);
		CHECK(!memcmp(whole, divided, sizeof(whole)));
	}
}

int main(void)
{
	tap_run("the published vectors", vectors);
	tap_run("the division of the input does not matter", pieces);
	return tap_end();
}
