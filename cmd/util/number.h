/* SPDX-License-Identifier: BSD-2-Clause */
/* Decimal and octal numbers in strings: digits only, no sign, no blank before them. */
#ifndef EXECTAP_NUMBER_H
#define EXECTAP_NUMBER_H

#include <stdint.h>

/*
 * Reads the digits at the front of *string in base 8 or 10 and moves *string behind them. Returns
 * 0, -EINVAL if there is no digit, or -ERANGE if the number exceeds UINT64_MAX.
 */
int number_read(const char **string, unsigned int base, uint64_t *number);

/* Reads a string that is a number from min to max and nothing else. Returns 0, -EINVAL or -ERANGE.
 */
int number_parse(const char *string, unsigned int base, uint64_t min, uint64_t max,
		 uint64_t *number);

#define NUMBER_GROUPED_BYTES sizeof("18,446,744,073,709,551,615")

/* Writes a number with a comma between groups of three digits. */
void number_group(uint64_t number, char out[NUMBER_GROUPED_BYTES]);

#endif
