// SPDX-License-Identifier: BSD-2-Clause
#include "event/users.h"

#include "event/container.h"
#include "event/name_table.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/regular_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHECK_INTERVAL_NS 1000000000ull
/* Times of files are those of the last tick or, on some file systems, of the last two seconds. A
 * file that is younger when it is read may change once more without another time. */
#define FILE_TIME_NS 2100000000

/* include/linux/proc_ns.h */
#define PID_NAMESPACE_INIT 0xEFFFFFFCu
#define CGROUP_NAMESPACE_INIT 0xEFFFFFFBu

/* The identity of a file's contents. */
struct version {
	int error; /* errno(3) of stat(2); the other members are 0 then */
	dev_t device;
	ino_t inode;
	off_t bytes;
	struct timespec modified;
	struct timespec changed;
};

struct names_file {
	char path[256];
	struct version version; /* that was read */
	bool is_due; /* to be read again: it failed, or another change may be invisible */
	bool is_reported; /* as unreadable or malformed */
	struct name_table *table; /* NULL: it could not be read */
	uint32_t last_id; /* of the last lookup */
	struct text last_name; /* bytes NULL: there was none */
};

struct users {
	struct names_file passwd;
	struct names_file group;
	uint64_t checked_ns; /* CLOCK_BOOTTIME of the last check */
};

static struct version version_of(const struct stat *status)
{
	return (struct version){ .device = status->st_dev,
				 .inode = status->st_ino,
				 .bytes = status->st_size,
				 .modified = status->st_mtim,
				 .changed = status->st_ctim };
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same_version(const struct version *a, const struct version *b)
{
	return a->error == b->error && a->device == b->device && a->inode == b->inode &&
	       a->bytes == b->bytes && is_same_time(a->modified, b->modified) &&
	       is_same_time(a->changed, b->changed);
}

static struct version find_version(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return (struct version){ .error = errno };
	return version_of(&status);
}

static bool is_young(const struct version *version)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec - version->changed.tv_sec) * 1000000000ll + now.tv_nsec -
		       version->changed.tv_nsec <
	       FILE_TIME_NS;
}

/* Makes the table of a file. The version is that before it is read. */
static int read_table(const char *path, struct version *version, struct name_table **table,
		      size_t *malformed)
{
	int fd = open(path, REGULAR_FILE_OPEN_FLAGS), result;
	struct stat status;
	char *bytes = NULL;
	size_t length = 0;

	if (fd < 0) {
		*version = (struct version){ .error = errno };
		return -errno;
	}
	result = fstat(fd, &status) ? -errno : 0;
	if (!result) {
		*version = version_of(&status);
		result = regular_file_read(fd, NAME_TABLE_FILE_BYTES, &bytes, &length);
	}
	close(fd);
	return result ? result : name_table_new(table, bytes, length, malformed);
}

static const char *reason_of(int error)
{
	switch (error) {
	case -EINVAL:
		return "not a regular file";
	case -EFBIG:
		return "larger than 16 MiB";
	default:
		return strerror(-error);
	}
}

/* Reports a fault of the file once, until it has none; file->table is still the last one. A system
 * that never had the file has no fault. */
static void report(struct names_file *file, int error, size_t malformed)
{
	bool was_reported = file->is_reported;

	file->is_reported = error || malformed;
	if (was_reported || !file->is_reported)
		return;
	if (error == -ENOENT && !file->table)
		log_detail("no %s: its names are left out until it is there", file->path);
	else if (error)
		log_warning("cannot read %s: %s; its names are left out until it can be read",
			    file->path, reason_of(error));
	else
		log_warning("%s: line %zu is malformed; such lines are ignored, see passwd(5)",
			    file->path, malformed);
}

static void load(struct names_file *file)
{
	struct name_table *table = NULL;
	size_t malformed = 0;
	int result = read_table(file->path, &file->version, &table, &malformed);

	report(file, result, malformed);
	name_table_free(file->table);
	file->table = table;
	file->last_name = (struct text){};
	file->is_due = result || is_young(&file->version);
}

/* Returns true if the file was read again. */
static bool refresh(struct names_file *file)
{
	struct version version = find_version(file->path);

	if (!file->is_due && is_same_version(&version, &file->version))
		return false;
	load(file);
	return true;
}

int users_new(struct users **users, const char *directory)
{
	struct users *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	snprintf(created->passwd.path, sizeof(created->passwd.path), "%s/passwd", directory);
	snprintf(created->group.path, sizeof(created->group.path), "%s/group", directory);
	load(&created->passwd);
	load(&created->group);
	created->checked_ns = clock_boot_ns();
	*users = created;
	return 0;
}

void users_free(struct users *users)
{
	if (!users)
		return;
	name_table_free(users->passwd.table);
	name_table_free(users->group.table);
	free(users);
}

void users_find_files(const struct users *users, const char *paths[USERS_FILES])
{
	paths[0] = users->passwd.path;
	paths[1] = users->group.path;
}

bool users_refresh(struct users *users, uint64_t now_ns)
{
	bool has_users, has_groups;

	if (now_ns - users->checked_ns < CHECK_INTERVAL_NS)
		return false;
	users->checked_ns = now_ns;
	has_users = refresh(&users->passwd);
	has_groups = refresh(&users->group);
	return has_users || has_groups;
}

/* Keeps the last result: most ids of successive events are the same. */
static struct text find(struct names_file *file, uint32_t id)
{
	if (file->last_name.bytes && id == file->last_id)
		return file->last_name;
	if (!file->table)
		return (struct text){ "", 0 };
	file->last_id = id;
	file->last_name = name_table_find(file->table, id);
	return file->last_name;
}

struct text users_find_user(struct users *users, uint32_t uid)
{
	return find(&users->passwd, uid);
}

struct text users_find_group(struct users *users, uint32_t gid)
{
	return find(&users->group, gid);
}

bool users_are_complete(const struct users *users)
{
	return users->passwd.table && users->group.table;
}

/* Reports whether the process is in the initial namespace of a kind, or the kernel has no such
 * kind. */
static bool is_initial_namespace(const char *path, ino_t initial)
{
	struct stat status;

	return stat(path, &status) ? errno == ENOENT : status.st_ino == initial;
}

/* Reports whether the cgroup path of this process, a line "0::PATH" of cgroups(7), is that of a
 * container. */
static bool is_in_container_cgroup(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	struct container container;
	bool found = false;
	char line[4096];

	while (file && !found && fgets(line, sizeof(line), file)) {
		char *path = line;

		line[strcspn(line, "\n")] = '\0';
		for (int field = 0; field < 2 && path; field++)
			path = strchr(path, ':') ? strchr(path, ':') + 1 : NULL;
		if (!path)
			continue;
		container_from_cgroup(text_from_string(path), &container);
		found = container.id.length;
	}
	if (file)
		fclose(file);
	return found;
}

bool users_are_of_host(void)
{
	return is_initial_namespace("/proc/self/ns/pid", PID_NAMESPACE_INIT) &&
	       is_initial_namespace("/proc/self/ns/cgroup", CGROUP_NAMESPACE_INIT) &&
	       !is_in_container_cgroup();
}
