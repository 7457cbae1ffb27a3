// SPDX-License-Identifier: BSD-2-Clause
#include "sink_open.h"

#include "unix_address.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* net/unix/af_unix.c, unix_dgram_sendmsg(): EMSGSIZE for more than sk_sndbuf - 32 */
#define DATAGRAM_OVERHEAD_BYTES 32

static const struct {
	const char *prefix;
	enum sink_kind kind;
} kinds[] = {
	{ "file:", SINK_FILE },
	{ "unix:", SINK_UNIX_STREAM },
	{ "unixgram:", SINK_UNIX_DATAGRAM },
	{ "unix-listen:", SINK_UNIX_LISTEN },
};

int sink_target_parse(const char *destination, struct sink_target *target)
{
	*target = (struct sink_target){ .kind = SINK_STDOUT, .name = "standard output", .path = "" };
	if (!strcmp(destination, "-"))
		return 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i].prefix);

		if (strncmp(destination, kinds[i].prefix, length) || !destination[length])
			continue;
		*target = (struct sink_target){ .kind = kinds[i].kind,
						.name = destination,
						.path = destination + length };
		return 0;
	}
	return -EINVAL;
}

static int end_last_line(int fd)
{
	struct stat status;
	char last;

	if (fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode) || !status.st_size || pread(fd, &last, 1, status.st_size - 1) != 1 || last == '\n')
		return 0;
	return write(fd, "\n", 1) == 1 ? 0 : -errno;
}

static int open_file(const char *path)
{
	int fd = open(path, SINK_FILE_FLAGS, 0600);
	int result;

	if (fd < 0)
		return -errno;
	result = end_last_line(fd);
	if (result) {
		close(fd);
		return result;
	}
	return fd;
}

static void enlarge_buffer(int fd, size_t wanted_bytes)
{
	int bytes = wanted_bytes > (size_t)1 << 28 ? 1 << 28 : (int)wanted_bytes;

	/* as far as net.core.wmem_max goes; less is no failure */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static int connect_socket(const char *path, int type, size_t buffer_bytes)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct unix_address address;
	int result = unix_address_make(&address, path);

	if (fd < 0)
		return -errno;
	if (buffer_bytes)
		enlarge_buffer(fd, buffer_bytes + DATAGRAM_OVERHEAD_BYTES);
	if (!result && connect(fd, (struct sockaddr *)&address.address, address.length))
		result = -errno;
	if (result) {
		close(fd);
		return result;
	}
	return fd;
}

int sink_target_open(const struct sink_target *target)
{
	switch (target->kind) {
	case SINK_FILE:
		return open_file(target->path);
	case SINK_UNIX_STREAM:
		return connect_socket(target->path, SOCK_STREAM, 0);
	case SINK_UNIX_DATAGRAM:
		return connect_socket(target->path, SOCK_DGRAM, target->line_max_bytes);
	default:
		return STDOUT_FILENO;
	}
}

size_t sink_datagram_max_bytes(size_t wanted_bytes)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), bytes = 0;
	socklen_t length = sizeof(bytes);

	if (fd < 0)
		return wanted_bytes;
	enlarge_buffer(fd, wanted_bytes + DATAGRAM_OVERHEAD_BYTES);
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &length) || bytes <= DATAGRAM_OVERHEAD_BYTES)
		bytes = 0;
	close(fd);
	return bytes ? (size_t)bytes - DATAGRAM_OVERHEAD_BYTES : wanted_bytes;
}
