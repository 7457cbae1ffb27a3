// SPDX-License-Identifier: BSD-2-Clause
#include "util/regular_file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads up to *length bytes, and sets it to those that there are. */
static int read_bytes(int fd, char *bytes, size_t *length)
{
	size_t done = 0;

	while (done < *length) {
		ssize_t count = pread(fd, bytes + done, *length - done, (off_t)done);

		if (count < 0 && errno != EINTR)
			return -errno;
		if (!count)
			break;
		done += count > 0 ? (size_t)count : 0;
	}
	*length = done;
	return 0;
}

int regular_file_read(int fd, size_t most_bytes, char **bytes, size_t *length)
{
	struct stat status;
	size_t found;
	char *block;
	int result;

	if (fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (status.st_size > (off_t)most_bytes)
		return -EFBIG;
	found = (size_t)status.st_size;
	block = malloc(found + 1);
	if (!block)
		return -ENOMEM;
	result = read_bytes(fd, block, &found);
	if (result) {
		free(block);
		return result;
	}
	block[found] = '\0';
	*bytes = block;
	*length = found;
	return 0;
}
