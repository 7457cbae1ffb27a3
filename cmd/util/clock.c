// SPDX-License-Identifier: BSD-2-Clause
#include "util/clock.h"

#include "util/text.h"

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

static char *append_two_digits(char *out, unsigned int number)
{
	*out++ = (char)('0' + number / 10);
	*out++ = (char)('0' + number % 10);
	return out;
}

/*
 * gmtime_r(3) and strftime(3), twice per event, took a tenth of the time. Years start in March, so
 * that the leap day is the last one. Eras of 400 years all have the same number of days.
 */
static char *append_date(char *out, uint64_t days_since_1970)
{
	uint64_t days = days_since_1970 + 719468; /* from 1 March of the year 0 */
	unsigned int day_of_era = (unsigned int)(days % 146097);
	unsigned int year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned int day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned int months =
		(5 * day_of_year + 2) / 153; /* since March; five months have 153 days */
	unsigned int year = (unsigned int)(days / 146097) * 400 + year_of_era + (months >= 10);

	out = append_two_digits(append_two_digits(out, year / 100), year % 100);
	*out++ = '-';
	out = append_two_digits(out, months < 10 ? months + 3 : months - 9);
	*out++ = '-';
	return append_two_digits(out, day_of_year - (153 * months + 2) / 5 + 1);
}

void clock_rfc3339(char out[CLOCK_RFC3339_BYTES], uint64_t wall_ns)
{
	uint64_t seconds = wall_ns / NS_PER_S;
	unsigned int second_of_day = (unsigned int)(seconds % S_PER_DAY);

	out = append_date(out, seconds / S_PER_DAY);
	*out++ = 'T';
	out = append_two_digits(out, second_of_day / 3600);
	*out++ = ':';
	out = append_two_digits(out, second_of_day / 60 % 60);
	*out++ = ':';
	out = append_two_digits(out, second_of_day % 60);
	*out++ = '.';
	*out++ = (char)('0' + wall_ns % NS_PER_S / 100000000);
	text_to_eight_digits((uint32_t)(wall_ns % 100000000), out);
	memcpy(out + 8, "Z", sizeof("Z"));
}
