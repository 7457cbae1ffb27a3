// SPDX-License-Identifier: BSD-2-Clause
#include "capture/pin.h"

#include "util/log.h"
#include "util/number.h"
#include "util/text.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* A dangling symbolic link. It marks a directory that exectap created and has to remove. */
#define CREATED_MARKER "created_by_exectap"
#define MANIFEST "manifest"
#define MAP_PREFIX "map_"
#define EVENTS MAP_PREFIX "events"
#define SHARED MAP_PREFIX "shared"
#define PROGRAM_SLOTS_MAP MAP_PREFIX "program_slots"
#define PROGRAM_MAP MAP_PREFIX "programs"
#define LONG_PROGRAM_MAP MAP_PREFIX "long_programs"
#define PROGRAM_PREFIX "program_"
#define LINK_PREFIX "link_"

struct pin {
	char *directory;
	int fd;
	bool created; /* by exectap */
	unsigned int last_number;
	bool is_provisional; /* the only set was pinned by this process, which may still fail to
				start */
	size_t sets_count;
	struct pin_set sets[PIN_SETS_MAX];
	unsigned int incomplete[PIN_SETS_MAX];
	size_t incomplete_count;
};

/* --- names */

struct object_path {
	char text[PATH_MAX];
};

/*
 * Formats a path for bpf(2), which accepts a directory's descriptor since 6.5 only. Returns 0 or
 * -ENAMETOOLONG.
 */
static int name_object(const struct pin *pin, unsigned int number, const char *prefix,
		       const char *name, struct object_path *path)
{
	int length = snprintf(path->text, sizeof(path->text), "%s/%u/%s%s", pin->directory, number,
			      prefix, name);

	return length < (int)sizeof(path->text) ? 0 : -ENAMETOOLONG;
}

static int pin_object(const struct pin *pin, unsigned int number, const char *prefix,
		      const char *name, int fd)
{
	struct object_path path;
	int result = name_object(pin, number, prefix, name, &path);

	if (result)
		return result;
	return bpf_obj_pin(fd, path.text) ? -errno : 0;
}

static int get_object(const struct pin *pin, unsigned int number, const char *prefix,
		      const char *name)
{
	struct object_path path;
	int result = name_object(pin, number, prefix, name, &path), fd;

	if (result)
		return result;
	fd = bpf_obj_get(path.text);
	return fd < 0 ? -errno : fd;
}

static bool is_object_name(const char *name)
{
	return !strcmp(name, MANIFEST) || text_has_prefix(text_from_string(name), MAP_PREFIX) ||
	       text_has_prefix(text_from_string(name), PROGRAM_PREFIX) ||
	       text_has_prefix(text_from_string(name), LINK_PREFIX);
}

static bool parse_number(const char *name, unsigned int *number)
{
	uint64_t value;

	if (number_parse(name, 10, 0, UINT_MAX - 1, &value))
		return false;
	*number = (unsigned int)value;
	return true;
}

/* --- directories */

/* Calls `each` for every name until it returns nonzero. Returns that value, or -errno. */
static int for_each_entry(int parent_fd, const char *name,
			  int (*each)(void *context, int fd, const char *name), void *context)
{
	int fd = openat(parent_fd, name, PIN_SET_FLAGS), result = 0;
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!directory) {
		result = -errno;
		if (fd >= 0)
			close(fd);
		return result;
	}
	while (!result && (entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			result = each(context, fd, entry->d_name);
	closedir(directory);
	return result;
}

static void name_set(unsigned int number, char name[16])
{
	snprintf(name, 16, "%u", number);
}

static int unlink_link(void *context, int fd, const char *name)
{
	(void)context;
	return text_has_prefix(text_from_string(name), LINK_PREFIX) && unlinkat(fd, name, 0)
		       ? -errno
		       : 0;
}

static int unlink_object(void *context, int fd, const char *name)
{
	(void)context;
	return is_object_name(name) && unlinkat(fd, name, 0) ? -errno : 0;
}

void pin_detach(const struct pin *pin, unsigned int number)
{
	char name[16];
	int result;

	name_set(number, name);
	result = for_each_entry(pin->fd, name, unlink_link, NULL);
	if (result)
		log_error("%s/%s: cannot remove the hooks: %s", pin->directory, name,
			  strerror(-result));
}

int pin_drop(const struct pin *pin, unsigned int number)
{
	char manifest[32], name[16];
	int result;

	name_set(number, name);
	snprintf(manifest, sizeof(manifest), "%s/" MANIFEST, name);
	if (unlinkat(pin->fd, manifest, 0) && errno != ENOENT)
		return -errno;
	result = for_each_entry(pin->fd, name, unlink_object, NULL);
	if (!result && unlinkat(pin->fd, name, AT_REMOVEDIR))
		result = -errno;
	return result;
}

/* --- contents */

static int count_objects(void *context, int fd, const char *name)
{
	struct pin_set *set = context;

	(void)fd;
	set->links += text_has_prefix(text_from_string(name), LINK_PREFIX);
	return is_object_name(name) ? 0 : -EEXIST;
}

static int read_manifest(const struct pin *pin, struct pin_set *set)
{
	int fd = get_object(pin, set->number, "", MANIFEST), result = 0;
	struct bpf_map_info info = {};
	__u32 length = sizeof(info), key = 0;

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) ||
	    info.value_size != sizeof(set->manifest) ||
	    bpf_map_lookup_elem(fd, &key, &set->manifest))
		result = -EPROTO;
	close(fd);
	set->manifest.identity[sizeof(set->manifest.identity) - 1] = '\0';
	set->manifest.hooks[sizeof(set->manifest.hooks) - 1] = '\0';
	return result;
}

/* Adds one entry of the directory to the sets. Returns -EEXIST for an entry that is not exectap's.
 */
static int scan_entry(void *context, int fd, const char *name)
{
	struct pin *pin = context;
	struct pin_set set = {};
	int result = 0;

	if (!strcmp(name, CREATED_MARKER)) {
		pin->created = true;
		return 0;
	}
	if (parse_number(name, &set.number))
		result = for_each_entry(fd, name, count_objects, &set);
	else
		result = -EEXIST;
	if (result == -EEXIST || result == -ENOTDIR) {
		log_error(
			"%s: contains '%s', which exectap did not create; use a separate directory",
			pin->directory, name);
		return -EEXIST;
	}
	if (set.number > pin->last_number)
		pin->last_number = set.number;
	if (!result)
		result = read_manifest(pin, &set);
	if (result && result != -ENOENT && result != -EPROTO)
		return result;
	if (pin->sets_count + pin->incomplete_count == PIN_SETS_MAX)
		return -E2BIG;
	if (result)
		pin->incomplete[pin->incomplete_count++] = set.number;
	else
		pin->sets[pin->sets_count++] = set;
	return 0;
}

static int compare_sets(const void *a, const void *b)
{
	const struct pin_set *one = a, *other = b;

	return (one->number > other->number) - (one->number < other->number);
}

/* --- opening */

static int log_and_return(const char *directory, int error)
{
	log_error("cannot use %s for pins: %s", directory, strerror(error));
	return error == EACCES ? -EPERM : -error;
}

static int log_wrong_file_system(const char *directory)
{
	log_error("%s: not on a bpf file system; use a directory below /sys/fs/bpf, after "
		  "'mount -t bpf bpf /sys/fs/bpf' if that is not mounted",
		  directory);
	return -EINVAL;
}

static bool is_bpf_file_system(const struct statfs *status)
{
	/* the field of statfs(2) is signed */
	return (unsigned int)status->f_type == BPF_FS_MAGIC;
}

/* Creates the directory if its parent is on a bpf file system. */
/* A bpf file system refuses names with a dot (kernel/bpf/inode.c, bpf_lookup()). */
static int log_directory_error(const char *directory, int error)
{
	struct text path = text_from_string(directory);

	while (text_has_suffix(path, "/"))
		path.length--;
	path = text_base_name(path);
	if (error != EPERM || !memchr(path.bytes, '.', path.length))
		return log_and_return(directory, error);
	log_error("%s: a bpf file system does not allow a dot in a name", directory);
	return -EINVAL;
}

/* Other users must not be able to add or replace pins. */
static int check_owner(int fd, const char *directory)
{
	struct stat status;

	if (fstat(fd, &status))
		return log_and_return(directory, errno);
	if (status.st_uid == geteuid() && !(status.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	log_error("%s: must be owned by uid %u and not writable by others; use another directory",
		  directory, (unsigned int)geteuid());
	return -EACCES;
}

static int create_directory(const char *directory)
{
	char *copy = strdup(directory);
	struct statfs status;
	int result = 0;

	if (!copy)
		return log_and_return(directory, ENOMEM);
	if (!statfs(dirname(copy), &status) && !is_bpf_file_system(&status))
		result = log_wrong_file_system(directory);
	else if (mkdir(directory, 0700)) /* reports the same errors as statfs(2) */
		result = log_directory_error(directory, errno);
	free(copy);
	return result;
}

static int open_directory(struct pin *pin, const char *directory, bool create)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	struct statfs status;
	bool created = false;
	int result;

	pin->fd = open(directory, flags);
	if (pin->fd < 0 && errno == ENOENT && create) {
		result = create_directory(directory);
		if (result)
			return result;
		created = true;
		pin->fd = open(directory, flags);
	}
	if (pin->fd < 0 || fstatfs(pin->fd, &status))
		return errno == ENOENT && !create ? -ENOENT : log_directory_error(directory, errno);
	if (!is_bpf_file_system(&status))
		return log_wrong_file_system(directory);
	result = check_owner(pin->fd, directory);
	if (result)
		return result;
	if (flock(pin->fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return log_and_return(directory, errno);
		log_error("%s: in use by another exectap; only one can use it at a time",
			  directory);
		return -EBUSY;
	}
	return created && symlinkat(".", pin->fd, CREATED_MARKER) ? log_and_return(directory, errno)
								  : 0;
}

/* Opens, locks and scans the directory. */
static int pin_lock(struct pin **pin, const char *directory, bool create)
{
	struct pin *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return log_and_return(directory, ENOMEM);
	created->fd = -1;
	created->directory = strdup(directory);
	result = created->directory ? open_directory(created, directory, create)
				    : log_and_return(directory, ENOMEM);
	if (!result) {
		result = for_each_entry(created->fd, ".", scan_entry, created);
		if (result && result != -EEXIST)
			result = log_and_return(directory, -result);
	}
	if (result) {
		pin_close(created);
		return result;
	}
	qsort(created->sets, created->sets_count, sizeof(created->sets[0]), compare_sets);
	*pin = created;
	return 0;
}

int pin_open(struct pin **pin, const char *directory)
{
	struct pin *opened;
	int result = pin_lock(&opened, directory, true);

	if (result)
		return result;
	for (size_t i = 0; !result && i < opened->incomplete_count; i++) {
		log_detail("%s/%u: incomplete set removed", directory, opened->incomplete[i]);
		result = pin_drop(opened, opened->incomplete[i]);
	}
	if (result) {
		pin_close(opened);
		return log_and_return(directory, -result);
	}
	*pin = opened;
	return 0;
}

static int remove_directory(const struct pin *pin)
{
	if (!pin->created)
		return 0;
	return unlinkat(pin->fd, CREATED_MARKER, 0) || rmdir(pin->directory) ? -errno : 0;
}

void pin_keep(struct pin *pin)
{
	pin->is_provisional = false;
}

void pin_close(struct pin *pin)
{
	if (!pin)
		return;
	if (pin->is_provisional && !pin_drop(pin, pin->last_number))
		pin->last_number = 0;
	if (!pin->last_number)
		remove_directory(pin); /* nothing was pinned */
	if (pin->fd >= 0)
		close(pin->fd);
	free(pin->directory);
	free(pin);
}

const char *pin_directory(const struct pin *pin)
{
	return pin->directory;
}

const struct pin_set *pin_sets(const struct pin *pin, size_t *count)
{
	*count = pin->sets_count;
	return pin->sets;
}

/* --- one set */

int pin_each_object(const struct pin *pin, unsigned int number,
		    int (*each)(void *context, int directory, const char *name), void *context)
{
	char name[16];

	name_set(number, name);
	return for_each_entry(pin->fd, name, each, context);
}

int pin_get_link(const struct pin *pin, unsigned int number, const char *name)
{
	if (!text_has_prefix(text_from_string(name), LINK_PREFIX))
		return -ENOENT;
	return get_object(pin, number, "", name);
}

#define PROGRAMS_COUNT (RECORD_TYPES * RING_SOURCE_PROGRAMS_MAX)

struct program_name {
	char text[32];
};

static int *program_fd(struct ring_source_fds *fds, int i)
{
	return &fds->programs[i / RING_SOURCE_PROGRAMS_MAX][i % RING_SOURCE_PROGRAMS_MAX];
}

/* exec_failed, exec_failed_1 and so on */
static struct program_name name_program(int i)
{
	const char *type = event_type_name((enum event_type)(i / RING_SOURCE_PROGRAMS_MAX));
	int number = i % RING_SOURCE_PROGRAMS_MAX;
	struct program_name name;

	if (number)
		snprintf(name.text, sizeof(name.text), "%s_%d", type, number);
	else
		snprintf(name.text, sizeof(name.text), "%s", type);
	return name;
}

int pin_get_fds(const struct pin *pin, const struct pin_set *set, struct ring_source_fds *fds)
{
	struct ring_source_fds found = RING_SOURCE_NO_FDS;
	int result;

	result = found.events = get_object(pin, set->number, "", EVENTS);
	if (result >= 0 && set->manifest.record_version == RECORD_VERSION)
		result = found.shared = get_object(pin, set->number, "", SHARED);
	for (int i = 0; i < PROGRAMS_COUNT && result >= 0; i++) {
		int *fd = program_fd(&found, i);
		struct program_name name = name_program(i);

		*fd = get_object(pin, set->number, PROGRAM_PREFIX, name.text);
		if (*fd < 0 && *fd != -ENOENT)
			result = *fd;
	}
	if (result < 0) {
		ring_source_close_fds(&found);
		return result;
	}
	*fds = found;
	return 0;
}

static int pin_links(const struct pin *pin, unsigned int number, const struct programs *programs)
{
	struct programs_link links[PROGRAMS_LINKS_MAX];
	size_t count = programs_get_links(programs, links);
	int result = 0;

	for (size_t i = 0; i < count && !result; i++) {
		result = pin_object(pin, number, LINK_PREFIX, links[i].name, links[i].fd);
	}
	/*
	 * bpf_perf_link (kernel/bpf/syscall.c) exists since 5.15; older perf events cannot be
	 * pinned
	 */
	return result == -EINVAL ? -EOPNOTSUPP : result;
}

static int pin_manifest(const struct pin *pin, const struct pin_set *set)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "exectap_set", sizeof(__u32),
				sizeof(set->manifest), 1, NULL),
	    result;
	__u32 key = 0;

	if (fd < 0)
		return -errno;
	result = bpf_map_update_elem(fd, &key, &set->manifest, BPF_ANY) ? -errno : 0;
	if (!result)
		result = pin_object(pin, set->number, "", MANIFEST, fd);
	close(fd);
	return result;
}

/* Pins the maps that user space does not read. */
static int pin_program_maps(const struct pin *pin, unsigned int number,
			    const struct programs *programs)
{
	struct program_map_fds fds = programs_map_fds(programs);
	int result = 0;

	if (fds.slots >= 0)
		result = pin_object(pin, number, "", PROGRAM_SLOTS_MAP, fds.slots);
	if (!result && fds.all >= 0)
		result = pin_object(pin, number, "", PROGRAM_MAP, fds.all);
	if (!result && fds.longer >= 0)
		result = pin_object(pin, number, "", LONG_PROGRAM_MAP, fds.longer);
	return result;
}

static int pin_all(const struct pin *pin, const struct pin_set *set,
		   const struct programs *programs)
{
	struct ring_source_fds fds;
	int result = programs_get_fds(programs, &fds);

	if (result)
		return result;
	result = pin_object(pin, set->number, "", EVENTS, fds.events);
	if (!result)
		result = pin_object(pin, set->number, "", SHARED, fds.shared);
	if (!result)
		result = pin_program_maps(pin, set->number, programs);
	for (int i = 0; i < PROGRAMS_COUNT && !result; i++) {
		struct program_name name = name_program(i);
		int fd = *program_fd(&fds, i);

		if (fd >= 0)
			result = pin_object(pin, set->number, PROGRAM_PREFIX, name.text, fd);
	}
	ring_source_close_fds(&fds);
	if (!result)
		result = pin_links(pin, set->number, programs);
	return result ? result : pin_manifest(pin, set);
}

int pin_add(struct pin *pin, const struct programs *programs, const char *identity,
	    struct pin_set *set)
{
	struct programs_link links[PROGRAMS_LINKS_MAX];
	struct pin_set added = { .number = pin->last_number + 1,
				 .manifest.record_version = RECORD_VERSION };
	char name[16];
	int result;

	added.links = programs_get_links(programs, links);
	added.manifest.links = (__u32)added.links;
	snprintf(added.manifest.identity, sizeof(added.manifest.identity), "%s", identity);
	memcpy(added.manifest.hooks, programs_hooks(programs), sizeof(added.manifest.hooks));
	name_set(added.number, name);
	result = mkdirat(pin->fd, name, 0700) ? -errno : pin_all(pin, &added, programs);
	if (result) {
		pin_drop(pin, added.number);
		if (result != -EOPNOTSUPP)
			return log_and_return(pin->directory, -result);
		log_error("%s: cannot pin exec_failed on this kernel; omit it or --pin",
			  pin->directory);
		return result;
	}
	pin->is_provisional = !pin->last_number;
	pin->last_number = added.number;
	*set = added;
	return 0;
}

/* --- --unpin */

/* Counts the records that were never read. */
static uint64_t count_records(const struct pin *pin, const struct pin_set *set)
{
	struct ring_source_fds fds;
	struct ring_source *source;
	uint64_t count = 0;
	const void *record;
	size_t length;

	if (pin_get_fds(pin, set, &fds))
		return 0;
	if (ring_source_new(&source, &fds)) {
		ring_source_close_fds(&fds);
		return 0;
	}
	while (ring_next(ring_source_ring(source), &record, &length))
		count++;
	ring_source_free(source);
	return count;
}

/* Drops the newest first: if this is interrupted, no older set is taken for the one in use. */
static int drop_all(const struct pin *pin, uint64_t *records)
{
	int result = 0;

	for (size_t i = pin->sets_count; i-- && !result;) {
		pin_detach(pin, pin->sets[i].number);
		*records += count_records(pin, &pin->sets[i]);
		result = pin_drop(pin, pin->sets[i].number);
	}
	for (size_t i = 0; i < pin->incomplete_count && !result; i++)
		result = pin_drop(pin, pin->incomplete[i]);
	return result;
}

static int log_nothing_pinned(const char *directory)
{
	log_error("%s: nothing is pinned", directory);
	return -ENOENT;
}

int pin_remove(const char *directory)
{
	struct pin *pin;
	uint64_t records = 0;
	int result = pin_lock(&pin, directory, false);

	if (result)
		return result == -ENOENT ? log_nothing_pinned(directory) : result;
	if (!pin->created && !pin->sets_count && !pin->incomplete_count) {
		pin_close(pin);
		return log_nothing_pinned(directory);
	}
	result = drop_all(pin, &records);
	if (!result)
		result = remove_directory(pin);
	if (result)
		result = log_and_return(directory, -result);
	else
		log_info("%s: hooks are removed (unread events: %llu)", directory,
			 (unsigned long long)records);
	pin_close(pin);
	return result;
}
