// SPDX-License-Identifier: BSD-2-Clause
#include "util/next_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int next_path_format(char *next, size_t capacity, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int length = snprintf(next, capacity, "%.*s.%s.next", (int)(name - path), path, name);

	return length < 0 || (size_t)length >= capacity ? -ENAMETOOLONG : 0;
}
