/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits the files that the program opens, makes and removes by path while it runs: landlock(7). */
#ifndef EXECTAP_LANDLOCK_H
#define EXECTAP_LANDLOCK_H

#include <stddef.h>

enum landlock_use {
	LANDLOCK_READ, /* a file, which another one may replace: its directory, and the directory
			  that a symbolic link in its place leads to */
	LANDLOCK_READ_TREE, /* what is below a directory is listed and read */
	LANDLOCK_WRITE, /* a file that is read, written, made and renamed: its directory */
	LANDLOCK_REMOVE, /* a file that is removed: its directory */
	LANDLOCK_REMOVE_TREE, /* what is below a directory is listed and removed */
};

struct landlock_file {
	const char *path; /* borrowed; NULL: none */
	enum landlock_use use;
};

/* Returns the version of the kernel's Landlock, or -errno: -ENOSYS or -EOPNOTSUPP without it. */
int landlock_version(void);

/*
 * Denies this process, for good, all use of files by path but that of the listed ones. Open
 * descriptors, stat(2) and connect(2) are not limited. A directory that does not exist, or that the
 * process cannot reach, is left out. Needs no_new_privs. Returns 0, or -errno with nothing denied.
 * Source: Documentation/userspace-api/landlock.rst, Linux 6.18.
 */
int landlock_limit(const struct landlock_file *files, size_t count);

#endif
