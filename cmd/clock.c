// SPDX-License-Identifier: BSD-2-Clause
#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ull
#define SAMPLES 3
#define SAMPLING_NOISE_NS 10000

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

int64_t clock_wall_minus_boot_ns(void)
{
	uint64_t shortest = UINT64_MAX;
	int64_t offset = 0;

	/* the sample with the least time between its two readings of the boot clock is the best */
	for (int i = 0; i < SAMPLES; i++) {
		uint64_t before = clock_ns(CLOCK_BOOTTIME);
		uint64_t wall = clock_ns(CLOCK_REALTIME);
		uint64_t after = clock_ns(CLOCK_BOOTTIME);

		if (after - before >= shortest)
			continue;
		shortest = after - before;
		offset = (int64_t)(wall - (before + (after - before) / 2));
	}
	return offset;
}

int64_t clock_follow(int64_t known_ns, int64_t sampled_ns)
{
	int64_t change = sampled_ns - known_ns;

	return change > SAMPLING_NOISE_NS || change < -SAMPLING_NOISE_NS ? sampled_ns : known_ns;
}

void clock_rfc3339(char out[CLOCK_RFC3339_BYTES], uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm utc;
	size_t length;

	gmtime_r(&seconds, &utc);
	length = strftime(out, CLOCK_RFC3339_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out + length, CLOCK_RFC3339_BYTES - length, ".%09lluZ", (unsigned long long)(wall_ns % NS_PER_S));
}
