// SPDX-License-Identifier: BSD-2-Clause
#include "capture/prog_misses.h"

#include "util/number.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* kernel/bpf/syscall.c, bpf_prog_show_fdinfo() */
#define LABEL "\nrecursion_misses:\t"
#define INFO_BYTES 1024

int prog_misses_open(int program_fd)
{
	char path[64];
	int fd;

	if (program_fd < 0)
		return -EBADF;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", program_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

uint64_t prog_misses_read(int fd)
{
	char info[INFO_BYTES];
	uint64_t misses = 0;
	const char *text;
	ssize_t length = fd < 0 ? 0 : pread(fd, info, sizeof(info) - 1, 0);

	info[length < 0 ? 0 : length] = '\0';
	text = strstr(info, LABEL);
	if (text)
		text += strlen(LABEL);
	if (text && number_read(&text, 10, &misses))
		return 0;
	return misses;
}
