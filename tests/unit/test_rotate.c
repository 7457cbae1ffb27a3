// SPDX-License-Identifier: BSD-2-Clause
/* Lines that fit into a file of limited size. */
#include "output/rotate.h"
#include "tap.h"

#include <string.h>

static const char lines[] = "first\nsecond\nthird\n"; /* 6, 7, 6 bytes */

static size_t fitting(off_t size, size_t limit)
{
	return rotate_fitting_bytes(lines, strlen(lines), size, limit);
}

static void whole_lines_fit(void)
{
	CHECK(fitting(0, 19) == 19);
	CHECK(fitting(0, 18) == 13);
	CHECK(fitting(0, 13) == 13);
	CHECK(fitting(0, 12) == 6);
	CHECK(fitting(100, 119) == 19);
	CHECK(fitting(100, 118) == 13);
	CHECK(fitting(100, 106) == 6);
}

static void a_full_file_takes_none(void)
{
	CHECK(fitting(100, 105) == 0);
	CHECK(fitting(100, 100) == 0);
	CHECK(fitting(100, 50) == 0);
}

static void an_empty_file_takes_one_line_of_any_length(void)
{
	CHECK(fitting(0, 1) == 6);
	CHECK(rotate_fitting_bytes("rest", 4, 0, 1) == 4);
}

int main(void)
{
	tap_run("whole lines, as many as fit", whole_lines_fit);
	tap_run("a full file takes no line", a_full_file_takes_none);
	tap_run("an empty file takes one line", an_empty_file_takes_one_line_of_any_length);
	return tap_end();
}
