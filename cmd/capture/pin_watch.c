// SPDX-License-Identifier: BSD-2-Clause
#include "capture/pin_watch.h"

#include "capture/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* Maximum objects of a set: links, maps, programs and the manifest. */
#define OBJECTS_MAX 64
#define MOUNTS_CHUNK_BYTES 4096

struct pin_watch {
	int epoll;
	int inotify;
	int mounts; /* /proc/self/mountinfo, which reports changes to poll(2), proc(5) */
	char mount[32]; /* "ID ", the start of the file system's line there; empty: unknown */
	int objects[OBJECTS_MAX]; /* O_PATH: fstat(2) of it needs no access to the directory */
	size_t objects_count;
	int links[OBJECTS_MAX];
	size_t links_count;
};

struct hold {
	struct pin_watch *watch;
	const struct pin *pin;
	unsigned int set_number;
};

static int hold_object(void *context, int directory, const char *name)
{
	const struct hold *hold = context;
	struct pin_watch *watch = hold->watch;
	int object, link = pin_get_link(hold->pin, hold->set_number, name);

	if (link < 0 && link != -ENOENT)
		return link;
	if (link >= 0)
		watch->links[watch->links_count++] = link;
	object = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (object < 0)
		return -errno;
	watch->objects[watch->objects_count++] = object;
	return watch->objects_count < OBJECTS_MAX ? 0 : -E2BIG;
}

/* Adds a descriptor whose changes are reported once each: nothing reads it. */
static int add_fd(const struct pin_watch *watch, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events | EPOLLET, .data.fd = fd };

	return fd < 0 || epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int watch_directory(const struct pin_watch *watch, const struct pin *pin,
			   unsigned int set_number)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/%u", pin_directory(pin), set_number);

	if (length >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return inotify_add_watch(watch->inotify, path,
				 IN_DELETE | IN_DELETE_SELF | IN_MOVED_FROM | IN_ONLYDIR) < 0
		       ? -errno
		       : 0;
}

static int watch_mount(struct pin_watch *watch, const struct pin *pin)
{
	struct statx status;

	if (statx(AT_FDCWD, pin_directory(pin), 0, STATX_MNT_ID, &status))
		return -errno;
	if (status.stx_mask & STATX_MNT_ID)
		snprintf(watch->mount, sizeof(watch->mount), "%llu ",
			 (unsigned long long)status.stx_mnt_id);
	return add_fd(watch, watch->mounts, EPOLLPRI);
}

static int open_all(struct pin_watch *watch, const struct pin *pin, unsigned int set_number)
{
	struct hold hold = { watch, pin, set_number };
	int result;

	watch->epoll = epoll_create1(EPOLL_CLOEXEC);
	watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	watch->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	result = add_fd(watch, watch->inotify, EPOLLIN);
	if (!result)
		result = watch_directory(watch, pin, set_number);
	if (!result)
		result = watch_mount(watch, pin);
	return result ? result : pin_each_object(pin, set_number, hold_object, &hold);
}

int pin_watch_new(struct pin_watch **watch, const struct pin *pin, unsigned int set_number)
{
	struct pin_watch *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	result = open_all(created, pin, set_number);
	if (result) {
		pin_watch_free(created);
		return result;
	}
	*watch = created;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void pin_watch_free(struct pin_watch *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < watch->objects_count; i++)
		close(watch->objects[i]);
	for (size_t i = 0; i < watch->links_count; i++)
		close(watch->links[i]);
	close_fd(watch->mounts);
	close_fd(watch->inotify);
	close_fd(watch->epoll);
	free(watch);
}

int pin_watch_fd(const struct pin_watch *watch)
{
	return watch->epoll;
}

static bool has_lost_object(const struct pin_watch *watch)
{
	struct stat status;

	for (size_t i = 0; i < watch->objects_count; i++)
		if (!fstat(watch->objects[i], &status) && !status.st_nlink)
			return true;
	return false;
}

/* Reports if no line of mountinfo begins with the mount's number. */
static bool has_lost_mount(const struct pin_watch *watch)
{
	const size_t wanted = strlen(watch->mount);
	char bytes[MOUNTS_CHUNK_BYTES];
	size_t matched = 0; /* bytes of this line that equal those of the number */
	off_t offset = 0;
	ssize_t length;

	if (!wanted)
		return false;
	while ((length = pread(watch->mounts, bytes, sizeof(bytes), offset)) > 0) {
		for (ssize_t i = 0; i < length; i++) {
			if (bytes[i] == '\n')
				matched = 0;
			else if (matched < wanted && bytes[i] == watch->mount[matched])
				matched++;
			else
				matched = SIZE_MAX;
			if (matched == wanted)
				return false;
		}
		offset += length;
	}
	return !length;
}

bool pin_watch_check(struct pin_watch *watch)
{
	struct epoll_event events[2];

	epoll_wait(watch->epoll, events, 2, 0);
	if (has_lost_object(watch))
		return true;
	/* lines can move while mountinfo is read: two readings have to lack the mount */
	for (int reading = 0; reading < 2; reading++)
		if (!has_lost_mount(watch))
			return false;
	return true;
}
