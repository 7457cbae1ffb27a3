// SPDX-License-Identifier: BSD-2-Clause
#include "output/rotate.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

size_t rotate_fitting_bytes(const char *lines, size_t length, off_t size, size_t limit)
{
	size_t capacity = (size_t)size < limit ? limit - (size_t)size : 0;
	const char *newline;

	if (length <= capacity)
		return length;
	newline = memrchr(lines, '\n', capacity);
	if (newline)
		return (size_t)(newline - lines) + 1;
	if (size)
		return 0;
	newline = memchr(lines, '\n', length);
	return newline ? (size_t)(newline - lines) + 1 : length;
}

/* Writes path.NUMBER, or path for number 0. */
static int number_path(char *out, size_t capacity, const char *path, unsigned int number)
{
	int length = number ? snprintf(out, capacity, "%s.%u", path, number)
			    : snprintf(out, capacity, "%s", path);

	return length < 0 || (size_t)length >= capacity ? -ENAMETOOLONG : 0;
}

int rotate_files(const char *path, const char *next, unsigned int count)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (unsigned int number = count; number; number--) {
		if (number_path(to, sizeof(to), path, number) ||
		    number_path(from, sizeof(from), path, number - 1))
			return -ENAMETOOLONG;
		if (rename(from, to) && errno != ENOENT)
			return -errno;
	}
	return rename(next, path) ? -errno : 0;
}
