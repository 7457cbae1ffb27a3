// SPDX-License-Identifier: BSD-2-Clause
#include "util/number.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

int number_read(const char **string, unsigned int base, uint64_t *number)
{
	const char *at = *string;
	uint64_t value = 0;

	for (; *at >= '0' && *at < (char)('0' + base); at++)
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return -ERANGE;
	if (at == *string)
		return -EINVAL;
	*string = at;
	*number = value;
	return 0;
}

int number_parse(const char *string, unsigned int base, uint64_t min, uint64_t max,
		 uint64_t *number)
{
	uint64_t value;
	int result = number_read(&string, base, &value);

	if (result)
		return result;
	if (*string)
		return -EINVAL;
	if (value < min || value > max)
		return -ERANGE;
	*number = value;
	return 0;
}

void number_group(uint64_t number, char out[NUMBER_GROUPED_BYTES])
{
	char digits[NUMBER_GROUPED_BYTES];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, number);

	for (size_t i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
}
