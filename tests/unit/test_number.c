// SPDX-License-Identifier: BSD-2-Clause
/* Numbers in strings, and what is none. */
#include "tap.h"
#include "util/number.h"

#include <errno.h>
#include <string.h>

static int parse(const char *string, unsigned int base, uint64_t min, uint64_t max)
{
	uint64_t number = 7;
	int result = number_parse(string, base, min, max, &number);

	return result ? result : (int)number;
}

static void digits_are_a_number(void)
{
	CHECK(parse("0", 10, 0, 9) == 0);
	CHECK(parse("42", 10, 0, 99) == 42);
	CHECK(parse("0042", 10, 0, 99) == 42);
	CHECK(parse("640", 8, 0, 0777) == 0640);
}

static void anything_else_is_none(void)
{
	static const char *const strings[] = { "", " 1", "1 ", "+1", "-1", "0x1", "1a", "a" };

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		CHECK(parse(strings[i], 10, 0, 99) == -EINVAL);
	CHECK(parse("8", 8, 0, 99) == -EINVAL);
}

static void limits_hold(void)
{
	uint64_t number = 7;

	CHECK(parse("9", 10, 10, 20) == -ERANGE);
	CHECK(parse("21", 10, 10, 20) == -ERANGE);
	CHECK(parse("10", 10, 10, 20) == 10);
	CHECK(!number_parse("18446744073709551615", 10, 0, UINT64_MAX, &number));
	CHECK(number == UINT64_MAX);
	number = 7;
	CHECK(number_parse("18446744073709551616", 10, 0, UINT64_MAX, &number) == -ERANGE);
	CHECK(number == 7);
}

static void reading_stops_behind_the_digits(void)
{
	const char *string = "12K";
	uint64_t number;

	CHECK(!number_read(&string, 10, &number));
	CHECK(number == 12);
	CHECK(!strcmp(string, "K"));
	CHECK(number_read(&string, 10, &number) == -EINVAL);
}

int main(void)
{
	tap_run("digits are a number", digits_are_a_number);
	tap_run("anything else is none", anything_else_is_none);
	tap_run("the limits hold", limits_hold);
	tap_run("reading stops behind the digits", reading_stops_behind_the_digits);
	return tap_end();
}
