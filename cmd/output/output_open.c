// SPDX-License-Identifier: BSD-2-Clause
#include "output/output_open.h"

#include "util/log.h"
#include "util/unix_address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* net/unix/af_unix.c, unix_dgram_sendmsg(): EMSGSIZE for more than sk_sndbuf - 32 */
#define DATAGRAM_OVERHEAD_BYTES 32

/* A file's end is read in parts of this size. */
#define PART_BYTES 4096

static const struct {
	const char *prefix;
	enum output_kind kind;
} kinds[] = {
	{ "file:", OUTPUT_FILE },
	{ "unix:", OUTPUT_UNIX_STREAM },
	{ "unixgram:", OUTPUT_UNIX_DATAGRAM },
	{ "unix-listen:", OUTPUT_UNIX_LISTEN },
};

int output_target_parse(const char *destination, struct output_target *target)
{
	*target = (struct output_target){ .kind = OUTPUT_STDOUT,
					  .name = "standard output",
					  .path = "" };
	if (!strcmp(destination, "-"))
		return 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i].prefix);

		if (strncmp(destination, kinds[i].prefix, length) || !destination[length])
			continue;
		*target = (struct output_target){ .kind = kinds[i].kind,
						  .name = destination,
						  .path = destination + length };
		return 0;
	}
	return -EINVAL;
}

/* How lines begin, in each format. */
static const char *const beginnings[] = { "{\"timestamp\":\"", "{\"@timestamp\":\"", "{\"time\":" };

/* The bytes behind the last newline before `end`: where they start, or -errno. */
static off_t find_last_line(int fd, off_t end)
{
	char part[PART_BYTES];

	while (end > 0) {
		size_t length = end < PART_BYTES ? (size_t)end : PART_BYTES;
		ssize_t got = pread(fd, part, length, end - (off_t)length);
		const char *newline;

		if (got != (ssize_t)length)
			return got < 0 ? -errno : -EIO;
		newline = memrchr(part, '\n', length);
		if (newline)
			return end - (off_t)length + (newline - part) + 1;
		end -= (off_t)length;
	}
	return 0;
}

/* Whether the tail is the beginning of a line of ours, be it a short one. */
static bool begins_like_ours(const char *tail, size_t length)
{
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		size_t compared = strlen(beginnings[i]) < length ? strlen(beginnings[i]) : length;

		if (!memcmp(tail, beginnings[i], compared))
			return true;
	}
	return false;
}

struct object_scan {
	bool in_string;
	bool escaped;
	unsigned int depth;
};

/* Follows a JSON object's braces and strings; true where the object ends with the last of the
 * bytes. */
static bool scan_object(struct object_scan *scan, const char *bytes, size_t length)
{
	bool ended = false;

	for (size_t i = 0; i < length; i++) {
		char byte = bytes[i];

		ended = false;
		if (scan->escaped)
			scan->escaped = false;
		else if (scan->in_string && byte == '\\')
			scan->escaped = true;
		else if (byte == '"')
			scan->in_string = !scan->in_string;
		else if (!scan->in_string && byte == '{')
			scan->depth++;
		else if (!scan->in_string && byte == '}')
			ended = --scan->depth == 0;
	}
	return ended;
}

/* Whether the bytes from start to end are a line of ours that was cut off: a whole one lacks its
 * newline only. */
static bool was_cut(int fd, off_t start, off_t end)
{
	struct object_scan scan = {};
	char part[PART_BYTES];
	bool first = true, whole = false;

	while (start < end) {
		ssize_t got = pread(fd, part, sizeof(part), start);

		if (got <= 0 || (first && !begins_like_ours(part, (size_t)got)))
			return false;
		whole = scan_object(&scan, part, (size_t)got);
		first = false;
		start += got;
	}
	return !whole;
}

/*
 * A write(2) to a file ends early where the process is killed or the disk is full. What that left
 * of a line of ours is taken away: its event was not done with, and comes again where something has
 * kept it (--pin, or this process itself); else it is lost like all that the killed process held.
 * What anyone else left is ended, so that our lines are whole.
 */
static int mend_last_line(int fd, const char *path)
{
	struct stat status;
	off_t start;

	if (fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode) || !status.st_size)
		return 0;
	start = find_last_line(fd, status.st_size);
	if (start < 0)
		return (int)start;
	if (start == status.st_size)
		return 0;
	if (was_cut(fd, start, status.st_size) && !ftruncate(fd, start)) {
		log_info(
			"%s: ended in the middle of a line of exectap's: these %lld bytes are taken out",
			path, (long long)(status.st_size - start));
		return 0;
	}
	return write(fd, "\n", 1) == 1 ? 0 : -errno;
}

static int open_file(const char *path)
{
	int fd = open(path, OUTPUT_FILE_FLAGS, 0600);
	int result;

	if (fd < 0)
		return -errno;
	result = mend_last_line(fd, path);
	if (result) {
		close(fd);
		return result;
	}
	return fd;
}

static void set_buffer(int fd, size_t wanted_bytes)
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
	set_buffer(fd, buffer_bytes);
	if (!result && connect(fd, (struct sockaddr *)&address.address, address.length))
		result = -errno;
	if (result) {
		close(fd);
		return result;
	}
	return fd;
}

int output_target_open(const struct output_target *target)
{
	switch (target->kind) {
	case OUTPUT_FILE:
		return open_file(target->path);
	case OUTPUT_UNIX_STREAM:
		return connect_socket(target->path, SOCK_STREAM, OUTPUT_STREAM_BUFFER_BYTES / 2);
	case OUTPUT_UNIX_DATAGRAM:
		return connect_socket(target->path, SOCK_DGRAM,
				      target->line_max_bytes + DATAGRAM_OVERHEAD_BYTES);
	default:
		return STDOUT_FILENO;
	}
}

size_t output_datagram_max_bytes(size_t wanted_bytes)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), bytes = 0;
	socklen_t length = sizeof(bytes);

	if (fd < 0)
		return wanted_bytes;
	set_buffer(fd, wanted_bytes + DATAGRAM_OVERHEAD_BYTES);
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &length) ||
	    bytes <= DATAGRAM_OVERHEAD_BYTES)
		bytes = 0;
	close(fd);
	return bytes ? (size_t)bytes - DATAGRAM_OVERHEAD_BYTES : wanted_bytes;
}
