// SPDX-License-Identifier: BSD-2-Clause
#include "output/partial_line.h"

#include "util/log.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The end of a file is read in parts of this size. */
#define PART_BYTES 4096
/* Maximum bytes that are searched for the last newline: the longest line (--max-line) and as many
 * NULs. */
#define SEARCH_MAX_BYTES (128ll * 1024 * 1024)

/* Beginnings of a line, one for each format. */
static const char *const record_prefixes[] = { "{\"timestamp\":\"", "{\"@timestamp\":\"",
					       "{\"time\":" };

/*
 * Removes the last bytes that were written. Returns false if the file does not allow that
 * (append-only). If another process has truncated the file or appended to it, nothing is left to
 * remove.
 */
static bool cut_back(int fd, size_t bytes)
{
	off_t end = lseek(fd, 0, SEEK_CUR);
	struct stat status;

	if (!bytes)
		return true;
	if (end < (off_t)bytes || fstat(fd, &status) || !S_ISREG(status.st_mode))
		return false;
	if (status.st_size == end) {
		if (ftruncate(fd, end - (off_t)bytes))
			return false;
		return lseek(fd, end - (off_t)bytes, SEEK_SET) >= 0;
	}
	return lseek(fd, 0, SEEK_END) >= 0;
}

ssize_t partial_line_write(int fd, const char *lines, size_t length)
{
	size_t done = 0, partial;
	const char *newline;
	int error = 0;

	while (done < length && !error) {
		ssize_t written = write(fd, lines + done, length - done);

		if (written > 0)
			done += (size_t)written;
		else if (!written || errno != EINTR)
			error = written ? errno : EIO;
	}
	if (!error)
		return (ssize_t)done;
	newline = memrchr(lines, '\n', done);
	partial = newline ? (size_t)(lines + done - newline - 1) : done;
	if (cut_back(fd, partial))
		done -= partial;
	return done ? (ssize_t)done : -error;
}

/*
 * Finds the last byte before `end` that is not NUL (with newline false) or that is a newline.
 * Returns the offset behind it, 0 if there is none, -EFBIG if there is none within
 * SEARCH_MAX_BYTES, or another -errno.
 */
static off_t find_back(int fd, off_t end, bool newline)
{
	off_t least = end > SEARCH_MAX_BYTES ? end - SEARCH_MAX_BYTES : 0;
	char part[PART_BYTES];

	while (end > least) {
		size_t length = end < PART_BYTES ? (size_t)end : PART_BYTES;
		ssize_t got = pread(fd, part, length, end - (off_t)length);

		if (got != (ssize_t)length)
			return got < 0 ? -errno : -EIO;
		for (; length; length--, end--)
			if (newline ? part[length - 1] == '\n' : part[length - 1] != '\0')
				return end;
	}
	return least ? -EFBIG : 0;
}

/* Returns true if the tail is the beginning of a line of exectap's, even a short one. */
static bool has_record_prefix(const char *tail, size_t length)
{
	for (size_t i = 0; i < sizeof(record_prefixes) / sizeof(record_prefixes[0]); i++) {
		size_t prefix = strlen(record_prefixes[i]);

		if (!memcmp(tail, record_prefixes[i], prefix < length ? prefix : length))
			return true;
	}
	return false;
}

struct object_scan {
	bool in_string;
	bool escaped;
	unsigned int depth;
};

/* Follows the braces and strings of a JSON object. Returns true if the object ends with the last of
 * the bytes. */
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

/* Returns true if the bytes from start to end are a line of exectap's that lacks more than its
 * newline. */
static bool was_cut(int fd, off_t start, off_t end)
{
	struct object_scan scan = {};
	char part[PART_BYTES];
	bool first = true, whole = false;

	while (start < end) {
		size_t wanted = end - start < PART_BYTES ? (size_t)(end - start) : PART_BYTES;
		ssize_t got = pread(fd, part, wanted, start);

		if (got <= 0 || (first && !has_record_prefix(part, (size_t)got)))
			return false;
		whole = scan_object(&scan, part, (size_t)got);
		first = false;
		start += got;
	}
	return !whole;
}

/* Removes the bytes behind `end`. Returns false if the file does not allow that (append-only). */
static bool remove_tail(int fd, const char *path, off_t end, off_t size, bool is_line)
{
	const char *what =
		is_line ? "in the middle of a line of exectap's" : "with NULs of a crash";
	long long bytes = size - end;

	if (!ftruncate(fd, end)) {
		log_info("%s: ended %s: these %lld bytes are taken out", path, what, bytes);
		return true;
	}
	log_error("%s: ended %s: these %lld bytes cannot be taken out: %s; a newline follows them",
		  path, what, bytes, strerror(errno));
	return false;
}

int partial_line_repair(int fd, const char *path)
{
	bool cut, needs_newline;
	struct stat status;
	off_t end, start;

	if (fstat(fd, &status))
		return -errno;
	end = find_back(fd, status.st_size, false);
	if (end == -EFBIG)
		end = status.st_size;
	start = end < 0 ? end : find_back(fd, end, true);
	if (start < 0 && start != -EFBIG)
		return (int)start;
	cut = start >= 0 && start < end && was_cut(fd, start, end);
	needs_newline = !cut && start != end;
	if (cut)
		end = start;
	if (end < status.st_size && !remove_tail(fd, path, end, status.st_size, cut))
		needs_newline = true;
	return !needs_newline || write(fd, "\n", 1) == 1 ? 0 : -errno;
}
