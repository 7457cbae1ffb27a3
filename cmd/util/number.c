// SPDX-License-Identifier: BSD-2-Clause
#include "util/number.h"

#include <errno.h>

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
