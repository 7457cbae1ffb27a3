/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of the Test Anything Protocol that the unit tests need. Each test file is a program. */
#ifndef EXECTAP_TAP_H
#define EXECTAP_TAP_H

#include <stdbool.h>
#include <stdio.h>

static int tap_failed, tap_count;
static bool tap_good;

/* In a test: marks it as failed unless the condition is true, and prints the location. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);                   \
			tap_good = false;                                                          \
		}                                                                                  \
	} while (0)

/* Runs one test, a function without arguments, with a sentence that states the tested fact. */
static inline void tap_run(const char *sentence, void (*test)(void))
{
	tap_good = true;
	test();
	tap_failed += !tap_good;
	printf("%s %d - %s\n", tap_good ? "ok" : "not ok", ++tap_count, sentence);
}

static inline int tap_end(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif
