// SPDX-License-Identifier: BSD-2-Clause
#include "capture/program_map.h"

#include "capture/running.h"
#include "record.h"

#include "exectap.skel.h"
#include "util/log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Lists of running processes, until one has no new ones: a process may fork before its program is
 * stored. */
#define PASSES_MAX 4
/* Room for several descriptions of processes */
#define LIST_BYTES (64 * 1024)

static int choose_map(struct bpf_map *map, size_t bytes)
{
	int result = bpf_map__set_autocreate(map, bytes > 0);

	return result || !bytes ? result
				: bpf_map__set_value_size(
					  map, (__u32)(sizeof(struct record_program) + bytes));
}

int program_map_choose(struct exectap *skeleton, size_t bytes)
{
	bool is_long = bytes > RECORD_PROGRAM_SHORT_BYTES;
	int result =
		choose_map(skeleton->maps.programs, is_long ? RECORD_PROGRAM_SHORT_BYTES : bytes);

	if (!result)
		result = choose_map(skeleton->maps.long_programs, is_long ? bytes : 0);
	if (!result)
		result = bpf_map__set_autocreate(skeleton->maps.program_slots, bytes > 0);
	if (!result)
		result = bpf_map__set_autocreate(skeleton->maps.programs_ended, bytes > 0);
	skeleton->rodata->config_program_bytes = (__u32)bytes;
	return result;
}

struct program_map_fds program_map_fds(const struct exectap *skeleton)
{
	__u32 bytes = skeleton->rodata->config_program_bytes;

	return (struct program_map_fds){
		bytes ? bpf_map__fd(skeleton->maps.program_slots) : -1,
		bytes ? bpf_map__fd(skeleton->maps.programs) : -1,
		bytes > RECORD_PROGRAM_SHORT_BYTES ? bpf_map__fd(skeleton->maps.long_programs) : -1,
	};
}

/* Stores the programs of the processes at the front of `bytes`. Returns how many bytes they take.
 */
static size_t store_listed(const struct exectap *skeleton, const char *bytes, size_t length,
			   unsigned int *stored)
{
	const struct running_target target = {
		.maps = program_map_fds(skeleton),
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

int program_map_report(const struct exectap *skeleton)
{
	struct bpf_link *link;
	int fd;

	if (!running_can_read()) /* kernel/bpf/task_iter.c, init_seq_pidns() */
		log_warning("not in the initial pid namespace: of the processes that run, only "
			    "those in this one are reported");
	link = bpf_program__attach_iter(skeleton->progs.report_running, NULL);
	fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;

	if (fd < 0)
		log_warning("cannot report the running processes: %s", strerror(errno));
	bpf_link__destroy(link); /* the iterator holds it */
	return fd;
}

bool program_map_continue(int report_fd)
{
	char byte; /* the program prints nothing */

	if (!read(report_fd, &byte, 1))
		return false;
	if (errno == EAGAIN || errno == EINTR)
		return true;
	log_warning("cannot report all running processes: %s", strerror(errno));
	return false;
}
