// SPDX-License-Identifier: BSD-2-Clause
#include "host/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What older headers lack. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ull << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ull << 14)
#endif

/* All rights of the first version, which ends with MAKE_SYM. */
#define FIRST_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static const uint64_t use_rights[] = {
	[LANDLOCK_READ] = LANDLOCK_ACCESS_FS_READ_FILE,
	[LANDLOCK_READ_TREE] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	[LANDLOCK_WRITE] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
			   LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |
			   LANDLOCK_ACCESS_FS_TRUNCATE,
	[LANDLOCK_REMOVE] = LANDLOCK_ACCESS_FS_REMOVE_FILE,
	[LANDLOCK_REMOVE_TREE] = LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
				 LANDLOCK_ACCESS_FS_REMOVE_DIR,
};

int landlock_version(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version < 0 ? -errno : (int)version;
}

/* Returns the rights that a version can deny. */
static uint64_t version_rights(int version)
{
	uint64_t rights = FIRST_RIGHTS;

	if (version >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
	return rights;
}

static int allow_directory(int ruleset, const char *directory, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = rights,
		.parent_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	int result = 0;

	if (rule.parent_fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -errno;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		result = -errno;
	close(rule.parent_fd);
	return result;
}

/* Allows the use of the directory that the file is in. Frees the path. */
static int allow_directory_of(int ruleset, char *path, uint64_t rights)
{
	int result = path ? allow_directory(ruleset, dirname(path), rights) : -ENOMEM;

	free(path);
	return result;
}

static int allow(int ruleset, const struct landlock_file *file, uint64_t rights)
{
	char *target;
	int result;

	if (file->use == LANDLOCK_REMOVE_TREE || file->use == LANDLOCK_READ_TREE)
		return allow_directory(ruleset, file->path, rights);
	result = allow_directory_of(ruleset, strdup(file->path), rights);
	target = file->use == LANDLOCK_READ && !result ? realpath(file->path, NULL) : NULL;
	return target ? allow_directory_of(ruleset, target, rights) : result;
}

int landlock_limit(const struct landlock_file *files, size_t count)
{
	int version = landlock_version(), ruleset, result = 0;
	struct landlock_ruleset_attr rules = { .handled_access_fs = version_rights(version) };

	if (version < 0)
		return version;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; i < count && !result; i++)
		if (files[i].path)
			result = allow(ruleset, &files[i],
				       use_rights[files[i].use] & rules.handled_access_fs);
	if (!result && syscall(SYS_landlock_restrict_self, ruleset, 0))
		result = -errno;
	close(ruleset);
	return result;
}
