// SPDX-License-Identifier: BSD-2-Clause
#include "capture/running.h"

#include "util/clock.h"
#include "util/text.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PID_NAMESPACE_INIT 0xEFFFFFFCu /* include/linux/proc_ns.h, PROC_PID_INIT_INO */
#define NS_PER_S 1000000000ull
#define STAT_START_FIELD 22 /* proc_pid_stat(5) */
#define STAT_COMM_FIELD 2

/* The value of the map. */
struct value {
	struct record_program program;
	char strings[RECORD_PROGRAM_STRINGS_BYTES + sizeof(uint64_t)];
};

bool running_can_read(void)
{
	struct stat status;

	return !stat("/proc/self/ns/pid", &status) && status.st_ino == PID_NAMESPACE_INIT;
}

static int open_file(uint32_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/*
 * Reads the start of the process that has this pid now, in clock ticks of this time namespace.
 * The command name, the second field, may contain anything. Returns 0 or -ESRCH.
 */
static int read_start(uint32_t pid, uint64_t *ticks)
{
	int fd = open_file(pid, "stat"), field = STAT_COMM_FIELD;
	char text[1024], *at;
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return -ESRCH;
	text[length] = '\0';
	for (at = strrchr(text, ')'); at && field < STAT_START_FIELD; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, "%" SCNu64, ticks) == 1 ? 0 : -ESRCH;
}

/* Reports if the pid is still that of the process: ids are used again. */
static bool is_same(const struct record_running *running)
{
	uint64_t ns = running->start_ns + (uint64_t)clock_boot_offset_ns(), ticks;

	return !read_start(running->pid, &ticks) &&
	       ticks == ns / (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}

/*
 * Reports if the arguments are still there. The kernel shows the memory that held them
 * (fs/proc/base.c, get_mm_cmdline()), which programs overwrite with a title: it then does not end
 * with a NUL, or with several of them.
 */
static bool end_with_one_nul(int fd, size_t length)
{
	size_t count = length < 2 ? length : 2;
	char ends[2] = { 1, 0 };

	return pread(fd, ends + 2 - count, count, (off_t)(length - count)) == (ssize_t)count &&
	       ends[0] && !ends[1];
}

/* Counts the NULs of the first `length` bytes. Returns false if they cannot be read. */
static bool count_nuls(int fd, size_t length, uint32_t *count)
{
	char bytes[4096];
	size_t done = 0, nuls = 0;

	while (done < length) {
		size_t left = length - done, wanted = left < sizeof(bytes) ? left : sizeof(bytes);
		ssize_t got = pread(fd, bytes, wanted, (off_t)done);

		if (got <= 0)
			return false;
		nuls += text_count_nuls((struct text){ bytes, (size_t)got });
		done += (size_t)got;
	}
	*count = (uint32_t)nuls;
	return true;
}

/* Reads the first arguments. Returns false if they are not known. */
static bool read_args(uint32_t pid, struct value *value, size_t capacity)
{
	struct record_program *program = &value->program;
	char *args = value->strings + program->exe_length;
	size_t whole = program->args_bytes, wanted = whole < capacity ? whole : capacity;
	int fd = open_file(pid, "cmdline");
	uint32_t argc;
	bool is_read;

	if (fd < 0)
		return false;
	is_read = pread(fd, args, wanted, 0) == (ssize_t)wanted && count_nuls(fd, whole, &argc) &&
		  end_with_one_nul(fd, whole);
	close(fd);
	if (!is_read)
		return false;
	program->args_length = (uint16_t)wanted;
	program->argc = argc;
	return true;
}

struct key {
	uint64_t start_ns;
	uint32_t pid;
	uint32_t reserved;
};

static bool has(int map_fd, const struct key *key)
{
	struct value value;

	return map_fd >= 0 && !bpf_map_lookup_elem(map_fd, key, &value);
}

/*
 * Adds a program, unless the hooks have done so. They may store one in the other map meanwhile. The
 * process may end meanwhile too: the hook that removes its program may then run before the program
 * is there.
 */
static int add(const struct program_map_fds *maps, const struct record_running *running,
	       const struct value *value)
{
	const struct key key = { running->start_ns, running->pid, 0 };
	bool is_long = (size_t)value->program.exe_length + value->program.args_length >
		       RECORD_PROGRAM_SHORT_BYTES;
	int fd = is_long ? maps->longer : maps->all, other_fd = is_long ? maps->all : maps->longer;
	int result =
		has(other_fd, &key) ? -EEXIST : bpf_map_update_elem(fd, &key, value, BPF_NOEXIST);

	if (!result && has(other_fd, &key))
		result = -EEXIST;
	else if (!result && !is_same(running))
		result = -ESRCH;
	else
		return result;
	bpf_map_delete_elem(fd, &key);
	return result;
}

int running_store(const struct running_target *target, const struct record_running *running,
		  const char *exe)
{
	struct value value = { .program = running->program };

	memcpy(value.strings, exe, running->program.exe_length);
	if (!(value.program.flags & RECORD_PROGRAM_ARGS_UNREADABLE) &&
	    !read_args(running->pid, &value, target->program_bytes - value.program.exe_length))
		value.program.flags |= RECORD_PROGRAM_ARGS_UNREADABLE;
	value.program.checksum = record_program_sum(&value.program, value.strings);
	return add(&target->maps, running, &value);
}
