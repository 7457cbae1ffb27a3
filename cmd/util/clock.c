// SPDX-License-Identifier: BSD-2-Clause
#include "util/clock.h"

#include "util/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ull
#define S_PER_DAY (24 * 60 * 60)
#define SAMPLES 3
#define SAMPLING_NOISE_NS 10000

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* CLOCK_BOOTTIME of this time namespace minus that of the initial one, which the kernel side uses;
 * constant in the life of a process. */
static int64_t namespace_offset_ns;

void clock_init(void)
{
	FILE *file = fopen("/proc/self/timens_offsets", "re"); /* time_namespaces(7) */
	long long seconds, ns;
	char name[16];

	if (!file)
		return; /* before Linux 5.6 there are none */
	while (fscanf(file, "%15s %lld %lld", name, &seconds, &ns) == 3)
		if (!strcmp(name, "boottime") || !strcmp(name, "7"))
			namespace_offset_ns = seconds * (int64_t)NS_PER_S + ns;
	fclose(file);
}

uint64_t clock_boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME) - (uint64_t)namespace_offset_ns;
}

int64_t clock_boot_offset_ns(void)
{
	return namespace_offset_ns;
}

uint64_t clock_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t clock_wall_minus_boot_ns(void)
{
	uint64_t shortest = UINT64_MAX;
	int64_t offset = 0;

	/* uses the sample with the shortest time between its two readings of the boot clock */
	for (int i = 0; i < SAMPLES; i++) {
		uint64_t before = clock_boot_ns();
		uint64_t wall = clock_ns(CLOCK_REALTIME);
		uint64_t after = clock_boot_ns();

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

/*
 * Returns the date as a number with the digits YYYYMMDD. gmtime_r(3) and strftime(3), twice per
 * event, took a tenth of the time. Centuries, years and months are found by multiplications: Neri
 * and Schneider, Euclidean affine functions and their application to calendar algorithms (2022).
 * Years start in March, so that the leap day is the last one.
 */
static uint32_t date_number(uint64_t days_since_1970)
{
	uint32_t quarters =
		4 * ((uint32_t)days_since_1970 + 719468) + 3; /* from 1 March of year 0 */
	uint32_t century = quarters / 146097, day_of_century = quarters % 146097 / 4;
	uint64_t years = 2939745ull * (4 * day_of_century + 3);
	uint32_t day_of_year = (uint32_t)years / 2939745 / 4;
	uint32_t months = 2141 * day_of_year + 197913;
	bool is_next_year = day_of_year >= 306; /* January or February */
	uint32_t year = 100 * century + (uint32_t)(years >> 32) + is_next_year;
	uint32_t month = (months >> 16) - (is_next_year ? 12 : 0);

	return year * 10000 + month * 100 + (months & 0xffff) / 2141 + 1;
}

/* Each text_to_eight_digits() is as dear as two divisions. */
void clock_rfc3339(char out[CLOCK_RFC3339_BYTES], uint64_t wall_ns)
{
	uint64_t seconds = wall_ns / NS_PER_S;
	unsigned int second_of_day = (unsigned int)(seconds % S_PER_DAY);
	unsigned int minutes = second_of_day / 60, ns = (unsigned int)(wall_ns % NS_PER_S);
	char date[8], time[8]; /* YYYYMMDD, and HHMMSS with two digits of the fraction */

	text_to_eight_digits(date_number(seconds / S_PER_DAY), date);
	text_to_eight_digits(minutes / 60 * 1000000 + minutes % 60 * 10000 +
				     second_of_day % 60 * 100 + ns / 10000000,
			     time);
	memcpy(out, "0000-00-00T00:00:00.000000000Z", CLOCK_RFC3339_BYTES);
	memcpy(out, date, 4);
	memcpy(out + 5, date + 4, 2);
	memcpy(out + 8, date + 6, 2);
	memcpy(out + 11, time, 2);
	memcpy(out + 14, time + 2, 2);
	memcpy(out + 17, time + 4, 2);
	out[20] = time[6];
	text_to_eight_digits(ns % 100000000, out + 21);
}

void clock_rfc3339_next(struct clock_last *last, char out[CLOCK_RFC3339_BYTES], uint64_t wall_ns)
{
	uint64_t seconds = wall_ns / NS_PER_S;
	uint32_t ns = (uint32_t)(wall_ns % NS_PER_S);

	if (!last->bytes[0] || last->seconds != seconds) {
		clock_rfc3339(last->bytes, wall_ns);
		last->seconds = seconds;
	}
	memcpy(out, last->bytes, CLOCK_RFC3339_BYTES);
	out[20] = (char)('0' + ns / 100000000);
	text_to_eight_digits(ns % 100000000, out + 21);
}
