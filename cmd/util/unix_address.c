// SPDX-License-Identifier: BSD-2-Clause
#include "util/unix_address.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

int unix_address_make(struct unix_address *made, const char *path)
{
	size_t length = strlen(path);

	*made = (struct unix_address){ .address.sun_family = AF_UNIX };
	if (length >= sizeof(made->address.sun_path))
		return -ENAMETOOLONG;
	memcpy(made->address.sun_path, path, length);
	if (path[0] == '@')
		made->address.sun_path[0] = '\0';
	else
		length++;
	made->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return 0;
}
