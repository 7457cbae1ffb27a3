// SPDX-License-Identifier: BSD-2-Clause
#include "tap.h"
#include "util/clock.h"

#include <string.h>
#include <time.h>

static bool reads(uint64_t wall_ns, const char *expected)
{
	char out[CLOCK_RFC3339_BYTES];

	clock_rfc3339(out, wall_ns);
	return !strcmp(out, expected);
}

static void times_are_rfc_3339(void)
{
	CHECK(reads(0, "1970-01-01T00:00:00.000000000Z"));
	CHECK(reads(951782400000000001, "2000-02-29T00:00:00.000000001Z"));
	CHECK(reads(1700000000999999999, "2023-11-14T22:13:20.999999999Z"));
	CHECK(reads(UINT64_MAX, "2554-07-21T23:34:33.709551615Z"));
}

static void times_follow_each_other(void)
{
	struct clock_last last = {};
	uint64_t wall_ns = 5;

	/* within a second, into the next ones, and back */
	for (int i = 0; i < 1000; i++) {
		char out[CLOCK_RFC3339_BYTES], expected[CLOCK_RFC3339_BYTES];

		clock_rfc3339(expected, wall_ns);
		clock_rfc3339_next(&last, out, wall_ns);
		CHECK(!strcmp(out, expected));
		wall_ns = i % 10 ? wall_ns + 123456789 : wall_ns / 2;
	}
}

/* Each day from 1970 to 2554, at a varying time of day. */
static void days_are_the_calendar_s(void)
{
	for (uint64_t day = 0; day < UINT64_MAX / 1000000000 / 86400; day++) {
		time_t seconds = (time_t)(day * 86400 + day % 86400);
		char expected[CLOCK_RFC3339_BYTES];
		struct tm utc;

		gmtime_r(&seconds, &utc);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000000042Z", &utc);
		CHECK(reads((uint64_t)seconds * 1000000000 + 42, expected));
	}
}

static void offset_is_between_the_clocks(void)
{
	int64_t offset = clock_wall_minus_boot_ns();
	int64_t apart = (int64_t)time(NULL) * 1000000000 - (int64_t)clock_boot_ns() - offset;

	CHECK(apart < 1000000000 && apart > -2000000000);
}

static void steps_are_followed_and_noise_is_not(void)
{
	CHECK(clock_follow(1000000, 1000500) == 1000000);
	CHECK(clock_follow(1000000, 999500) == 1000000);
	CHECK(clock_follow(1000000, 1000000 + 3600000000000) == 1000000 + 3600000000000);
	CHECK(clock_follow(1000000, 1000000 - 50000) == 950000);
}

int main(void)
{
	tap_run("times are RFC 3339 with nine digits, up to the last", times_are_rfc_3339);
	tap_run("so are successive times", times_follow_each_other);
	tap_run("every day is the one that gmtime(3) says", days_are_the_calendar_s);
	tap_run("the boot-to-wall offset is what lies between the clocks",
		offset_is_between_the_clocks);
	tap_run("a step of the clock is followed, sampling noise is not",
		steps_are_followed_and_noise_is_not);
	return tap_end();
}
