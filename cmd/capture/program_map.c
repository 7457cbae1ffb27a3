// SPDX-License-Identifier: BSD-2-Clause
#include "capture/program_map.h"

#include "capture/running.h"
#include "record.h"

#include "exectap.skel.h"
#include "util/log.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Lists of running processes, until one has no new ones: a process may fork before its program is
 * stored. */
#define PASSES_MAX 4
/* Room for several descriptions of processes */
#define LIST_BYTES (64 * 1024)

/* Describes an int as the key and an array of bytes as the value, which task storage requires.
 * Returns the description or NULL with errno set. */
static struct btf *describe(size_t value_bytes, struct bpf_map_create_opts *options)
{
	struct btf *btf = btf__new_empty();
	int key, byte, value, result;

	if (!btf)
		return NULL;
	key = btf__add_int(btf, "int", sizeof(int), BTF_INT_SIGNED);
	byte = btf__add_int(btf, "unsigned char", 1, 0);
	value = btf__add_array(btf, key, byte, (__u32)value_bytes);
	result = value < 0 ? value : btf__load_into_kernel(btf);
	if (result) {
		btf__free(btf);
		errno = -result;
		return NULL;
	}
	options->btf_fd = (__u32)btf__fd(btf);
	options->btf_key_type_id = (__u32)key;
	options->btf_value_type_id = (__u32)value;
	return btf;
}

static int create_storage(size_t value_bytes)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	struct btf *btf = describe(value_bytes, &options);
	int fd, error;

	if (!btf)
		return -errno;
	fd = bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, "programs", sizeof(int), (__u32)value_bytes,
			    0, &options);
	error = errno;
	btf__free(btf);
	return fd < 0 ? -error : fd;
}

/*
 * Stores a value for this process. Kernels from 6.18 on cannot allocate it on processors without
 * cmpxchg16b (mm/slub.c, kmalloc_nolock()).
 */
static bool try_storage(void)
{
	const char value[sizeof(struct record_program)] = {};
	int map_fd = create_storage(sizeof(value)), result = -1;
	int pid_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (map_fd >= 0 && pid_fd >= 0)
		result = bpf_map_update_elem(map_fd, &pid_fd, value, BPF_NOEXIST);
	if (map_fd >= 0)
		close(map_fd);
	if (pid_fd >= 0)
		close(pid_fd);
	return !result;
}

/* The function is the same for all types of tracing programs. */
bool program_map_is_storage(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_task_storage_get, NULL) ==
		       1 &&
	       try_storage();
}

/* libbpf takes the size of the values from their type, which is the smallest one. */
static int create(struct bpf_map *map, bool is_storage, size_t value_bytes)
{
	int fd, result;

	if (is_storage) {
		fd = create_storage(value_bytes);
	} else {
		fd = bpf_map_create(bpf_map__type(map), "programs", bpf_map__key_size(map),
				    (__u32)value_bytes, bpf_map__max_entries(map), NULL);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0)
		return fd;
	result = bpf_map__reuse_fd(map, fd);
	close(fd);
	return result;
}

int program_map_create(struct exectap *skeleton, size_t bytes)
{
	bool is_storage = bytes && program_map_is_storage();
	int result = bpf_map__set_autocreate(skeleton->maps.programs, is_storage);

	if (!result)
		result = bpf_map__set_autocreate(skeleton->maps.program_hash, bytes && !is_storage);
	if (result || !bytes)
		return result;
	skeleton->rodata->config_program_bytes = (__u32)bytes;
	skeleton->rodata->config_has_task_storage = is_storage;
	if (!is_storage)
		log_detail("no task storage: the programs of processes are in a hash");
	return create(is_storage ? skeleton->maps.programs : skeleton->maps.program_hash,
		      is_storage, sizeof(struct record_program) + bytes);
}

int program_map_fd(const struct exectap *skeleton)
{
	if (!skeleton->rodata->config_program_bytes)
		return -1;
	return bpf_map__fd(skeleton->rodata->config_has_task_storage ? skeleton->maps.programs
								     : skeleton->maps.program_hash);
}

/* Stores the programs of the processes at the front of `bytes`. Returns how many bytes they take.
 */
static size_t store_listed(const struct exectap *skeleton, const char *bytes, size_t length,
			   unsigned int *stored)
{
	const struct running_target target = {
		.map_fd = program_map_fd(skeleton),
		.is_storage = skeleton->rodata->config_has_task_storage,
		.program_bytes = skeleton->rodata->config_program_bytes,
	};
	size_t done = 0;

	while (length - done >= sizeof(struct record_running)) {
		struct record_running running;

		memcpy(&running, bytes + done, sizeof(running));
		if (running.size < sizeof(running) || running.size > length - done)
			break;
		*stored += !running_store(&target, &running, bytes + done + sizeof(running));
		done += running.size;
	}
	return done;
}

/* Reads a list of running processes to its end. Returns how many have been stored, or -errno. */
static int store_all(const struct exectap *skeleton, int list_fd, char *bytes)
{
	size_t length = 0, done;
	unsigned int stored = 0;
	ssize_t count;

	while ((count = read(list_fd, bytes + length, LIST_BYTES - length)) > 0) {
		length += (size_t)count;
		done = store_listed(skeleton, bytes, length, &stored);
		length -= done;
		memmove(bytes, bytes + done, length);
	}
	return count < 0 ? -errno : (int)stored;
}

static int fill_once(const struct exectap *skeleton, const struct bpf_link *link, char *bytes)
{
	int fd = bpf_iter_create(bpf_link__fd(link)), result;

	if (fd < 0)
		return -errno;
	result = store_all(skeleton, fd, bytes);
	close(fd);
	return result;
}

void program_map_fill(const struct exectap *skeleton)
{
	struct bpf_link *link;
	char *bytes;
	int result = 1, total = 0;

	if (!skeleton->rodata->config_program_bytes)
		return;
	if (!running_can_read()) {
		log_detail("not in the initial pid namespace: "
			   "the programs of running processes are unknown");
		return;
	}
	link = bpf_program__attach_iter(skeleton->progs.list_running, NULL);
	bytes = malloc(LIST_BYTES);
	if (!link || !bytes)
		result = -errno;
	for (int pass = 0; link && bytes && pass < PASSES_MAX && result > 0; pass++) {
		result = fill_once(skeleton, link, bytes);
		total += result > 0 ? result : 0;
	}
	if (result < 0)
		log_detail("cannot list the running processes: %s", strerror(-result));
	log_detail("programs of running processes: %d", total);
	free(bytes);
	bpf_link__destroy(link);
}

void program_map_report(const struct exectap *skeleton)
{
	struct bpf_link *link = bpf_program__attach_iter(skeleton->progs.report_running, NULL);
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	char byte;

	if (fd < 0 || read(fd, &byte, 1) < 0) /* runs to the end: the program prints nothing */
		log_warning("cannot report the running processes: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
}
