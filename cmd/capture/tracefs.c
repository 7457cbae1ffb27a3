// SPDX-License-Identifier: BSD-2-Clause
#include "capture/tracefs.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOUNT_POINT "/sys/kernel/tracing" /* exists since 4.1, mounted or not */

static int read_id(const char *root, const char *group, const char *event)
{
	char path[256];
	int id = -EINVAL;
	FILE *file;

	snprintf(path, sizeof(path), "%s/events/%s/%s/id", root, group, event);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	if (fscanf(file, "%d", &id) != 1)
		id = -EINVAL;
	fclose(file);
	return id;
}

static int read_id_in_private_mount(const char *group, const char *event)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tracefs", MOUNT_POINT, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return -errno;
	return read_id(MOUNT_POINT, group, event);
}

/*
 * Reads the id in a child, because a process without CAP_SYS_CHROOT cannot return to its mount
 * namespace.
 */
static int ask_child(const char *group, const char *event)
{
	int pipe_fds[2], id = -EIO, status;
	pid_t child;

	if (pipe(pipe_fds))
		return -errno;
	child = fork();
	if (child == 0) {
		id = read_id_in_private_mount(group, event);
		_exit(write(pipe_fds[1], &id, sizeof(id)) != sizeof(id));
	}
	close(pipe_fds[1]);
	if (child > 0) {
		if (read(pipe_fds[0], &id, sizeof(id)) != sizeof(id))
			id = -EIO;
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(pipe_fds[0]);
	return child < 0 ? -EAGAIN : id;
}

int tracefs_event_id(const char *group, const char *event)
{
	int id = read_id(MOUNT_POINT, group, event);

	if (id < 0)
		id = read_id("/sys/kernel/debug/tracing", group, event);
	return id < 0 ? ask_child(group, event) : id;
}
