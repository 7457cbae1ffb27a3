// SPDX-License-Identifier: BSD-2-Clause
#include "event/decode.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(EVENT_EXEC == (int)RECORD_EXEC && EVENT_EXIT == (int)RECORD_EXIT &&
		       EVENT_EXEC_FAILED == (int)RECORD_EXEC_FAILED &&
		       EVENT_LOST == (int)RECORD_TYPES,
	       "a record type is the event type of the same number");

/* No process is larger; and up to here a double holds every integer, as readers of JSON want it. */
#define SIZE_MAX_SHOWN (1ull << 53)
#define TIME_MAX_NS INT64_MAX /* ktime_t, include/linux/types.h */
#define NS_PER_S 1000000000ull
#define MTIME_MAX_S ((__s64)(UINT64_MAX / NS_PER_S) - 1) /* a time in the year 2554 */
#define ERROR_MAX 4095 /* MAX_ERRNO, include/linux/err.h */

/* The slice as a view; false where it reaches out of the record's variable data. */
static bool slice_view(const struct record_exec *exec, struct record_slice slice, struct text *view)
{
	if (!slice.length) {
		*view = (struct text){ "", 0 };
		return true;
	}
	if (slice.offset < sizeof(*exec) || slice.offset > exec->header.size ||
	    slice.length > exec->header.size - slice.offset)
		return false;
	*view = (struct text){ (const char *)exec + slice.offset, slice.length };
	return true;
}

/*
 * "name\0dir\0" -> "/dir/name", written backwards so that it ends with buf's last byte. Where the
 * names next to the root are missing (cut), there is no leading slash, for the path is not
 * absolute.
 */
static bool path_view(const struct record_exec *exec, struct record_slice slice, bool cut,
		      char buf[EVENT_PATH_BYTES], struct text *path)
{
	char *start = buf + EVENT_PATH_BYTES;
	struct text names, name;

	if (!slice_view(exec, slice, &names) || names.length > EVENT_PATH_BYTES)
		return false;
	if (names.length && names.bytes[names.length - 1])
		return false;
	while (text_next_string(&names, &name)) {
		start -= name.length + 1;
		*start = '/';
		memcpy(start + 1, name.bytes, name.length);
	}
	if (start == buf + EVENT_PATH_BYTES)
		*--start = '/';
	else if (cut)
		start++;
	*path = (struct text){ start, (size_t)(buf + EVENT_PATH_BYTES - start) };
	return true;
}

static bool decode_paths(const struct record_exec *exec, struct event_exec *out)
{
	const struct {
		struct record_slice slice;
		enum record_key key;
	} paths[EVENT_PATHS] = {
		[EVENT_PATH_EXE] = { exec->exe, RECORD_KEY_EXE },
		[EVENT_PATH_CWD] = { exec->cwd, RECORD_KEY_CWD },
		[EVENT_PATH_PARENT_EXE] = { exec->parent_exe, RECORD_KEY_PARENT_EXE },
		[EVENT_PATH_CGROUP] = { exec->cgroup, RECORD_KEY_CGROUP },
	};

	for (int i = 0; i < EVENT_PATHS; i++)
		if (!path_view(exec, paths[i].slice, exec->truncated & paths[i].key,
			       out->path_bytes[i], &out->paths[i]))
			return false;
	return true;
}

static bool decode_streams(const struct record_exec *exec, struct event_exec *out)
{
	for (int i = 0; i < RECORD_STREAMS; i++) {
		const struct record_stream *stream = &exec->streams[i];
		struct text name = { "", 0 };

		if (stream->detail == ANON_INODE_FS_MAGIC && !S_ISCHR(stream->mode) &&
		    !S_ISBLK(stream->mode) && !slice_view(exec, stream->name, &name))
			return false;
		out->streams[i] = stream_text(out->stream_bytes[i], stream, name);
	}
	return true;
}

/* Returns the mask of the keys whose values have no place in a line: a size above 2^53, and a time
 * before 1970 or behind the year 2554. */
static uint32_t decode_file(const struct record_file *file, struct event_exec *out)
{
	uint32_t unreadable = 0;

	out->exe_file = *file;
	if (file->size > SIZE_MAX_SHOWN)
		unreadable |= RECORD_KEY_EXE_SIZE;
	if (file->mtime_s < 0 || file->mtime_s > MTIME_MAX_S)
		unreadable |= RECORD_KEY_EXE_MTIME;
	else
		out->exe_mtime_ns = (uint64_t)file->mtime_s * NS_PER_S + file->mtime_ns;
	return unreadable;
}

static struct text comm_view(const char comm[RECORD_COMM_BYTES])
{
	return (struct text){ comm, strnlen(comm, RECORD_COMM_BYTES) };
}

/*
 * Names a filename that is relative to a descriptor by /dev/fd, as the kernel has done for a
 * successful exec (fs/exec.c, alloc_bprm()).
 */
static void name_attempt(const struct record_exec *exec, struct event_exec *out)
{
	struct text given = out->filename;
	int length;

	if (exec->directory_fd == RECORD_FD_CWD || (given.length && given.bytes[0] == '/'))
		return;
	length = snprintf(out->filename_bytes, sizeof(out->filename_bytes), "/dev/fd/%d%s%.*s",
			  exec->directory_fd, given.length ? "/" : "", (int)given.length,
			  given.bytes);
	out->filename = (struct text){ out->filename_bytes, (size_t)length };
}

static int decode_exec(const struct record_exec *exec, struct event *event)
{
	struct event_process *process = &event->process;
	struct event_exec *out = &event->exec;

	process->task = exec->task;
	process->comm = comm_view(exec->comm);
	process->parent_comm = comm_view(exec->task.parent_comm);
	process->truncated = exec->truncated & RECORD_KEY_ALL;
	process->unreadable = exec->unreadable & RECORD_KEY_ALL;
	process->detached =
		exec->detached & (RECORD_KEY_EXE | RECORD_KEY_CWD | RECORD_KEY_PARENT_EXE);
	process->redacted = 0;
	process->redacted_bytes = 0;
	process->redacted_args_bytes = 0;
	out->tid = exec->tid;
	out->argc = exec->argc;
	out->error = (int)exec->error;
	out->args_bytes = exec->args_bytes;
	process->unreadable |= decode_file(&exec->file, out);
	out->name = comm_view(exec->name);
	out->exe_upper = exec->flags & RECORD_FLAG_EXE_UPPER;
	out->memfd = exec->flags & RECORD_FLAG_MEMFD;
	out->deleted = exec->deleted & RECORD_KEY_EXE;
	out->cwd_deleted = exec->deleted & RECORD_KEY_CWD;
	out->parent_exe_deleted = exec->deleted & RECORD_KEY_PARENT_EXE;
	out->exe_detached = exec->detached & RECORD_KEY_EXE;
	out->cwd_detached = exec->detached & RECORD_KEY_CWD;
	out->parent_exe_detached = exec->detached & RECORD_KEY_PARENT_EXE;
	out->args_hidden = false;
	out->parent_has_exe = exec->parent_exe.offset != 0;
	if (!slice_view(exec, exec->filename, &out->filename) ||
	    !slice_view(exec, exec->args, &out->args) || !slice_view(exec, exec->env, &out->env) ||
	    !decode_paths(exec, out) || !decode_streams(exec, out) ||
	    exec->file.mtime_ns >= NS_PER_S || out->args.length > out->args_bytes ||
	    (out->args_bytes > SIZE_MAX_SHOWN && out->args_bytes != RECORD_ARGS_BYTES_UNKNOWN) ||
	    exec->error > ERROR_MAX || memchr(out->filename.bytes, '\0', out->filename.length) ||
	    out->filename.length > RECORD_FILENAME_BYTES)
		return -EBADMSG;
	if (event->type == EVENT_EXEC_FAILED)
		name_attempt(exec, out);
	return 0;
}

/* a * b / c without overflow; b <= c */
static uint64_t scale(uint64_t a, uint64_t b, uint64_t c)
{
	return (uint64_t)((unsigned __int128)a * b / c);
}

/*
 * kernel/sched/cputime.c, cputime_adjust(): user and system time are sampled by ticks, and their
 * sum by the scheduler; what wait4(2) reports has the ratio of the one and the sum of the other.
 */
static void adjust_times(const struct record_exit *record, struct event_exit *out)
{
	uint64_t ticks = record->user_ns + record->system_ns;

	out->system_ns = 0;
	if (record->system_ns && ticks >= record->system_ns)
		out->system_ns = scale(record->runtime_ns, record->system_ns, ticks);
	out->user_ns = record->runtime_ns - out->system_ns;
}

static int decode_exit(const struct record_exit *record, struct event *event)
{
	struct event_process *process = &event->process;
	struct event_exit *out = &event->exit;
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);

	process->task = record->task;
	process->comm = comm_view(record->comm);
	process->parent_comm = comm_view(record->task.parent_comm);
	process->truncated = 0;
	process->unreadable = record->unreadable & RECORD_KEY_ALL;
	process->detached = 0;
	process->redacted = 0;
	process->redacted_bytes = 0;
	process->redacted_args_bytes = 0;
	if (record->header.time_ns < record->task.start_ns ||
	    record->header.time_ns > TIME_MAX_NS ||
	    record->max_rss_pages > SIZE_MAX_SHOWN / page_bytes)
		return -EBADMSG;
	adjust_times(record, out);
	out->max_rss_bytes = record->max_rss_pages * page_bytes;
	out->status = record->status;
	out->duration_ns = record->header.time_ns - record->task.start_ns;
	return 0;
}

int decode_record(const void *bytes, size_t length, struct event *event)
{
	static const size_t fixed_bytes[RECORD_TYPES] = {
		[RECORD_EXEC] = sizeof(struct record_exec),
		[RECORD_EXIT] = sizeof(struct record_exit),
		[RECORD_EXEC_FAILED] = sizeof(struct record_exec),
	};
	const struct record_header *header = bytes;

	if (length < sizeof(*header))
		return -EBADMSG;
	if (header->version != RECORD_VERSION || header->type >= RECORD_TYPES)
		return -EPROTONOSUPPORT;
	/* a record may be followed by unused buf, never be longer than what was received */
	if (header->size > length || header->size < fixed_bytes[header->type])
		return -EBADMSG;
	event->type = (enum event_type)header->type;
	event->time_ns = header->time_ns;
	return event->type == EVENT_EXIT ? decode_exit(bytes, event) : decode_exec(bytes, event);
}
