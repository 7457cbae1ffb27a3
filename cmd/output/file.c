// SPDX-License-Identifier: BSD-2-Clause
/* file: appends to a regular file. */
#include "output/output_ops.h"
#include "output/partial_line.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* O_RDWR to read the last line; O_NONBLOCK for a FIFO, which is refused once it is open. */
#define FILE_FLAGS (O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

struct file {
	struct output_device device;
	bool deleted; /* and no other file could be opened in its place */
};

static int file_check(const struct output_target *target)
{
	if (strcmp(target->path, "/dev/stdout") && strcmp(target->path, "/proc/self/fd/1") &&
	    strcmp(target->path, "/dev/fd/1"))
		return 0;
	log_error("--output %s: not a regular file; for standard output give -", target->name);
	return -EINVAL;
}

static struct output_device *file_new(const struct output_target *target)
{
	struct file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->device.target = target;
	file->device.fd = -1;
	return &file->device;
}

static void file_close(struct output_device *device)
{
	if (device->fd >= 0)
		close(device->fd);
	device->fd = -1;
}

static void file_free(struct output_device *device)
{
	file_close(device);
	free(device);
}

/* Refuses a file that another user could have put there, and what is no file. */
static int check_file(const struct output_target *target, const struct stat *status)
{
	if (!S_ISREG(status->st_mode)) {
		log_error("%s: not a regular file", target->name);
		return -ECANCELED;
	}
	if (status->st_uid && status->st_uid != geteuid()) {
		log_error("%s: belongs to user %u; exectap runs as user %u and writes to files of "
			  "its own user or root's",
			  target->name, (unsigned int)status->st_uid, (unsigned int)geteuid());
		return -ECANCELED;
	}
	return 0;
}

/* Claims the file. A file system without locks is no reason to refuse it. */
static int lock_file(const struct output_target *target, int fd)
{
	if (!flock(fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
		return 0;
	log_error("%s: locked by another process; does another exectap write to it?", target->name);
	return -ECANCELED;
}

/*
 * Opens the file, unless the path still leads to the one that is open. Returns 0 or -errno;
 * device->fd is unchanged on failure.
 */
static int file_open(struct output_device *device)
{
	const struct output_target *target = device->target;
	int fd = open(target->path, FILE_FLAGS, target->options.file_mode), result;
	struct stat status, current;

	if (fd < 0)
		return -errno;
	result = fstat(fd, &status) ? -errno : check_file(target, &status);
	if (!result && device->fd >= 0 && !fstat(device->fd, &current) &&
	    current.st_dev == status.st_dev && current.st_ino == status.st_ino) {
		close(fd);
		return 0;
	}
	if (!result)
		result = lock_file(target, fd);
	if (!result)
		result = partial_line_repair(fd, target->path);
	if (result) {
		close(fd);
		return result;
	}
	file_close(device);
	device->fd = fd;
	return 0;
}

/* Opens the path again if the file has been deleted. Returns 0 or -errno. */
static int replace_deleted(struct file *file)
{
	struct stat status;
	int result;

	if (fstat(file->device.fd, &status) || status.st_nlink)
		return 0;
	result = file_open(&file->device);
	file->deleted = result;
	if (!result)
		log_info("%s: was deleted; opened again", file->device.target->name);
	return result;
}

static ssize_t file_write(struct output_device *device, const char *lines, size_t length,
			  uint64_t first_seq)
{
	int result = replace_deleted((struct file *)device);

	(void)first_seq;
	return result ? result : partial_line_write(device->fd, lines, length);
}

static enum output_action file_classify(struct output_device *device, int error)
{
	if (((struct file *)device)->deleted)
		return OUTPUT_RETRY;
	switch (error) {
	case EAGAIN: /* a file system in user space; it cannot be polled */
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
	case ENOBUFS:
		return OUTPUT_RETRY;
	default:
		return OUTPUT_FAIL;
	}
}

const struct output_ops output_file_ops = {
	.prefix = "file:",
	.needs = { .open_flags = FILE_FLAGS },
	.check = file_check,
	.new = file_new,
	.free = file_free,
	.open = file_open,
	.write = file_write,
	.classify = file_classify,
	.reopen = file_open,
};
