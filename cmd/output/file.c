// SPDX-License-Identifier: BSD-2-Clause
/* file: appends to a regular file. */
#include "output/output_ops.h"
#include "output/partial_line.h"
#include "output/rotate.h"
#include "util/log.h"
#include "util/next_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
	bool within_line; /* the last byte that was written is no newline */
	size_t rotate_bytes; /* maximum size of the file; 0: none */
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

/* Opens, locks and repairs a file. Returns its descriptor or -errno. */
static int open_path(const struct output_target *target, const char *path)
{
	int fd = open(path, FILE_FLAGS, target->options.file_mode), result;
	struct stat status;

	if (fd < 0)
		return -errno;
	result = fstat(fd, &status) ? -errno : check_file(target, &status);
	if (!result)
		result = lock_file(target, fd);
	if (!result)
		result = partial_line_repair(fd, path);
	if (!result)
		return fd;
	close(fd);
	return result;
}

/* Reports if the path still leads to the file that is open. */
static bool is_open(const struct output_device *device)
{
	struct stat status, current;

	return device->fd >= 0 && !fstat(device->fd, &current) &&
	       !lstat(device->target->path, &status) && current.st_dev == status.st_dev &&
	       current.st_ino == status.st_ino;
}

/* Reports that the file cannot be rotated: another user's directory. */
static int check_directory(const struct output_target *target)
{
	char next[PATH_MAX];
	int result = next_path_format(next, sizeof(next), target->path);

	if (result)
		return result;
	*(strrchr(next, '/') ? strrchr(next, '/') + 1 : next) = '\0';
	if (!access(*next ? next : ".", W_OK))
		return 0;
	log_error("%s: cannot rotate: %s for user %u in its directory; change --user, the "
		  "directory, or leave out --rotate",
		  target->name, strerror(errno), (unsigned int)geteuid());
	return -ECANCELED;
}

/* Continues with another file. */
static void set_file(struct file *file, int fd)
{
	file_close(&file->device);
	file->device.fd = fd;
	file->rotate_bytes = file->device.target->options.rotate_bytes;
}

/*
 * Opens the file, unless the path still leads to the one that is open. Returns 0 or -errno;
 * device->fd is unchanged on failure.
 */
static int file_open(struct output_device *device)
{
	const struct output_target *target = device->target;
	int fd, result = 0;

	if (is_open(device))
		return 0;
	if (device->fd < 0 && target->options.rotate_bytes)
		result = check_directory(target);
	fd = result ? result : open_path(target, target->path);
	if (fd < 0)
		return fd;
	set_file((struct file *)device, fd);
	return 0;
}

static int file_reopen(struct output_device *device)
{
	int fd = device->fd, result = file_open(device);

	if (result || device->fd == fd)
		return result;
	((struct file *)device)->within_line = false;
	return 1;
}

/*
 * Opens the next file, renames the old ones and this one, and continues with the next. On failure
 * the open file continues, and the next attempt is made when it has grown as much again.
 */
static int rotate(struct file *file)
{
	const struct output_target *target = file->device.target;
	char next[PATH_MAX];
	int result = next_path_format(next, sizeof(next), target->path), fd;

	fd = result ? result : open_path(target, next);
	if (fd < 0)
		return fd;
	result = rotate_files(target->path, next, target->options.rotate_count);
	if (result) {
		close(fd);
		return result;
	}
	set_file(file, fd);
	return 0;
}

/*
 * Rotates the file of `size` bytes if the first of the lines does not fit, and reduces *length to
 * what fits then. If that fails, all lines go to the open file.
 */
static void rotate_full(struct file *file, off_t size, const char *lines, size_t *length)
{
	const struct output_target *target = file->device.target;
	size_t fitting = rotate_fitting_bytes(lines, *length, size, file->rotate_bytes);
	int result;

	if (!fitting) {
		result = rotate(file);
		if (result) {
			log_error("%s: cannot rotate: %s; it grows further", target->name,
				  strerror(-result));
			file->rotate_bytes = target->options.rotate_bytes + (size_t)size;
			return;
		}
		fitting = rotate_fitting_bytes(lines, *length, 0, file->rotate_bytes);
	}
	*length = fitting;
}

/* Opens the path again if the file has been deleted. Stores the file's size. Returns 0 or -errno.
 */
static int replace_deleted(struct file *file, off_t *size)
{
	struct stat status = {};
	int result;

	if (!fstat(file->device.fd, &status) && !status.st_nlink) {
		result = file_open(&file->device);
		file->deleted = result;
		if (result)
			return result;
		log_info("%s: was deleted; opened again", file->device.target->name);
		fstat(file->device.fd, &status);
	}
	*size = status.st_size;
	return 0;
}

static ssize_t file_write(struct output_device *device, const char *lines, size_t length,
			  const struct output_batch *batch)
{
	struct file *file = (struct file *)device;
	off_t size = 0;
	int result = replace_deleted(file, &size);
	ssize_t written;

	(void)batch;
	if (result)
		return result;
	if (file->rotate_bytes && !file->within_line)
		rotate_full(file, size, lines, &length);
	written = partial_line_write(device->fd, lines, length);
	if (written > 0)
		file->within_line = lines[written - 1] != '\n';
	return written;
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
	.reopen = file_reopen,
};
