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
		       EVENT_FORK == (int)RECORD_FORK && EVENT_PROCESS == (int)RECORD_PROCESS &&
		       EVENT_LOST == (int)RECORD_TYPES,
	       "a record type is the event type of the same number");

/* No process is larger; and up to here a double holds every integer, as readers of JSON want it. */
#define SIZE_MAX_SHOWN (1ull << 53)
#define TIME_MAX_NS INT64_MAX /* ktime_t, include/linux/types.h */
#define NS_PER_S 1000000000ull
#define MTIME_MAX_S ((__s64)(UINT64_MAX / NS_PER_S) - 1) /* a time in the year 2554 */
#define ERROR_MAX 4095 /* MAX_ERRNO, include/linux/err.h */

/* A record, of which the fixed part has been checked. */
struct record {
	const struct record_header *header;
	size_t fixed_bytes;
};

/* The slice as a view; false where it reaches out of the record's variable data. */
static bool slice_view(const struct record *record, struct record_slice slice, struct text *view)
{
	if (!slice.length) {
		*view = (struct text){ "", 0 };
		return true;
	}
	if (slice.offset < record->fixed_bytes || slice.offset > record->header->size ||
	    slice.length > record->header->size - slice.offset)
		return false;
	*view = (struct text){ (const char *)record->header + slice.offset, slice.length };
	return true;
}

/*
 * "name\0dir\0" -> "/dir/name", written backwards so that it ends with buf's last byte. Where the
 * names next to the root are missing (cut), there is no leading slash, for the path is not
 * absolute.
 */
static bool path_text(struct text names, bool cut, char buf[EVENT_PATH_BYTES], struct text *path)
{
	char *start = buf + EVENT_PATH_BYTES;
	struct text name;

	if (names.length > EVENT_PATH_BYTES)
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

static bool decode_path(const struct record *record, struct record_slice slice, bool cut,
			struct event_exec *out, enum event_path path)
{
	struct text names;

	return slice_view(record, slice, &names) &&
	       path_text(names, cut, out->path_bytes[path], &out->paths[path]);
}

static bool decode_paths(const struct record *record, const struct record_exec *exec,
			 struct event_exec *out)
{
	return decode_path(record, exec->exe, exec->keys.truncated & RECORD_KEY_EXE, out,
			   EVENT_PATH_EXE) &&
	       decode_path(record, exec->cwd, exec->keys.truncated & RECORD_KEY_CWD, out,
			   EVENT_PATH_CWD);
}

/* --- programs */

/* Keys of a program, as those of the process, of its parent or of its entry. */
struct program_keys {
	enum event_path path;
	uint32_t exe; /* enum record_key */
	uint32_t args;
	uint32_t others; /* without a mark but unreadable */
};

static const struct program_keys own_keys = { EVENT_PATH_EXE, RECORD_KEY_EXE, RECORD_KEY_ARGS, 0 };
static const struct program_keys parent_keys = { EVENT_PATH_PARENT_EXE, RECORD_KEY_PARENT_EXE,
						 RECORD_KEY_PARENT_ARGS, RECORD_KEY_PARENT_EVENT };
static const struct program_keys entry_keys = { EVENT_PATH_ENTRY_EXE, RECORD_KEY_ENTRY_EXE, 0, 0 };

/* Copies the fixed part and checks the lengths and the checksum: a writer may have been at work. */
static bool program_is_whole(struct text bytes, struct record_program *program)
{
	struct text strings;

	if (bytes.length < sizeof(*program))
		return false;
	memcpy(program, bytes.bytes, sizeof(*program));
	strings = text_skip(bytes, sizeof(*program));
	return strings.length == (size_t)program->exe_length + program->args_length &&
	       program->args_length <= program->args_bytes &&
	       record_program_sum(program, strings.bytes) == program->checksum;
}

/* Sets the path. Without the end of a name that was cut; that of the file itself must be whole. */
static void decode_program_exe(const struct record_program *program, struct text names,
			       const struct program_keys *keys, struct event *event)
{
	struct event_process *process = &event->process;
	struct event_exec *out = &event->exec;
	bool cut = program->flags & RECORD_PROGRAM_EXE_TRUNCATED;
	const char *last = memrchr(names.bytes, '\0', names.length);

	if (cut)
		names.length = last ? (size_t)(last - names.bytes) + 1 : 0;
	if (program->flags & RECORD_PROGRAM_EXE_UNREADABLE || (cut && !names.length) ||
	    !path_text(names, cut, out->path_bytes[keys->path], &out->paths[keys->path])) {
		process->unreadable |= keys->exe;
		return;
	}
	if (cut)
		process->truncated |= keys->exe;
	if (program->flags & RECORD_PROGRAM_EXE_DETACHED)
		process->detached |= keys->exe;
}

/* Returns the arguments, of which none is known where they are unreadable. */
static struct text decode_program_args(const struct record_program *program, struct text args,
				       const struct program_keys *keys,
				       struct event_process *process)
{
	if (program->flags & RECORD_PROGRAM_ARGS_UNREADABLE)
		process->unreadable |= keys->args;
	else if (program->args_length < program->args_bytes)
		process->truncated |= keys->args;
	return args;
}

/* Decodes a program to the paths and marks of the event, and sets *program and *args. Returns false
 * if it is not known. */
static bool decode_program(struct text bytes, const struct program_keys *keys, struct event *event,
			   struct record_program *program, struct text *args)
{
	struct text strings;

	if (!program_is_whole(bytes, program)) {
		event->process.unreadable |= keys->exe | keys->args | keys->others;
		return false;
	}
	strings = text_skip(bytes, sizeof(*program));
	decode_program_exe(program, (struct text){ strings.bytes, program->exe_length }, keys,
			   event);
	*args = decode_program_args(program, text_skip(strings, program->exe_length), keys,
				    &event->process);
	return true;
}

/* The parts of a record that both execs and exits have. */
struct record_parts {
	struct record record;
	const struct record_keys *keys;
	struct record_slice parent_exe;
	struct record_slice parent;
	struct record_slice entry;
	struct record_slice cgroup;
};

static void decode_parent_program(struct text bytes, struct event *event)
{
	struct event_exec *out = &event->exec;
	struct record_program program;

	out->parent_has_exe = true;
	if (!decode_program(bytes, &parent_keys, event, &program, &out->parent_args))
		return;
	out->parent_has_args = true;
	out->parent_argc = program.argc;
	out->parent_exec_pid = program.exec_pid;
	out->parent_exec_ns = program.exec_ns;
	out->parent_exe_deleted |= program.flags & RECORD_PROGRAM_EXE_DELETED;
}

/* Takes the path of the entry from another one, with its marks. */
static void take_entry_exe(struct event *event, enum event_path path, enum record_key key)
{
	struct event_process *process = &event->process;

	event->exec.paths[EVENT_PATH_ENTRY_EXE] = event->exec.paths[path];
	if (process->truncated & key)
		process->truncated |= RECORD_KEY_ENTRY_EXE;
	if (process->unreadable & key)
		process->unreadable |= RECORD_KEY_ENTRY_EXE;
	if (process->detached & key)
		process->detached |= RECORD_KEY_ENTRY_EXE;
}

/*
 * Decodes the path of the entry, which may be the process or its parent, whose paths are decoded; a
 * kernel thread has none. It has no mark of its own for a path that is relative to another root:
 * then it is unreadable.
 */
static bool decode_entry(const struct record_parts *parts, struct event *event)
{
	struct event_process *process = &event->process;
	const struct record_task *task = &process->task;
	bool has_exe = event->exec.has_exe && event->type != EVENT_EXEC_FAILED;
	struct text bytes, args;
	struct record_program program;

	event->exec.paths[EVENT_PATH_ENTRY_EXE] = (struct text){ "", 0 };
	if (!slice_view(&parts->record, parts->entry, &bytes))
		return false;
	if (bytes.length)
		decode_program(bytes, &entry_keys, event, &program, &args);
	else if (has_exe && task->entry_pid == task->pid && task->entry_start_ns == task->start_ns)
		take_entry_exe(event, EVENT_PATH_EXE, RECORD_KEY_EXE);
	else if (event->exec.parent_has_exe && task->entry_pid == task->ppid &&
		 task->entry_start_ns == task->parent_start_ns)
		take_entry_exe(event, EVENT_PATH_PARENT_EXE, RECORD_KEY_PARENT_EXE);
	if (process->detached & RECORD_KEY_ENTRY_EXE || process->unreadable & RECORD_KEY_ENTRY)
		process->unreadable |= RECORD_KEY_ENTRY_EXE;
	process->detached &= ~(uint32_t)RECORD_KEY_ENTRY_EXE;
	if (process->unreadable & RECORD_KEY_ENTRY_EXE)
		process->truncated &= ~(uint32_t)RECORD_KEY_ENTRY_EXE;
	return true;
}

static struct text comm_view(const char comm[RECORD_COMM_BYTES])
{
	return (struct text){ comm, strnlen(comm, RECORD_COMM_BYTES) };
}

static const char *entry_type_name(uint32_t type)
{
	static const char *const names[RECORD_ENTRIES] = {
		[RECORD_ENTRY_INIT] = "init",	      [RECORD_ENTRY_KTHREAD] = "kthread",
		[RECORD_ENTRY_SSHD] = "sshd",	      [RECORD_ENTRY_SSM] = "ssm",
		[RECORD_ENTRY_TERMINAL] = "terminal", [RECORD_ENTRY_CONTAINER] = "container",
	};

	return type < RECORD_ENTRIES ? names[type] : NULL;
}

static void add_ancestor(struct event_process *process, uint32_t pid, struct text comm)
{
	struct event_ancestor *ancestor = &process->ancestors[process->ancestor_count++];

	/* the bytes of the id stay as they are: to clear them takes as long as all of this */
	ancestor->pid = pid;
	ancestor->comm = comm;
}

/* The parent is the first ancestor, unless it is the swapper with pid 0. */
static bool decode_ancestors(struct event_process *process)
{
	const struct record_task *task = &process->task;

	process->ancestor_count = 0;
	if (task->ancestor_count > RECORD_ANCESTORS)
		return false;
	if (!task->ppid)
		return true;
	add_ancestor(process, task->ppid, process->parent_comm);
	for (size_t i = 0; i < task->ancestor_count; i++)
		add_ancestor(process, task->ancestors[i].pid, comm_view(task->ancestors[i].comm));
	return true;
}

static bool decode_parts(const struct record_parts *parts, struct event *event)
{
	const struct record_keys *keys = parts->keys;
	struct event_exec *out = &event->exec;
	struct text program;

	event->process.truncated = keys->truncated & RECORD_KEY_ALL;
	event->process.unreadable = keys->unreadable & RECORD_KEY_ALL;
	event->process.detached =
		keys->detached & (RECORD_KEY_EXE | RECORD_KEY_CWD | RECORD_KEY_PARENT_EXE);
	if (event->process.unreadable & RECORD_KEY_PARENT_COMM)
		event->process.unreadable |= RECORD_KEY_ANCESTORS;
	out->parent_exe_deleted = keys->deleted & RECORD_KEY_PARENT_EXE;
	out->parent_has_exe = parts->parent_exe.offset != 0;
	out->parent_has_args = false;
	out->parent_argc = RECORD_ARGC_UNKNOWN;
	out->parent_exec_ns = 0;
	out->parent_args = (struct text){ "", 0 };
	if (!decode_path(&parts->record, parts->parent_exe, keys->truncated & RECORD_KEY_PARENT_EXE,
			 out, EVENT_PATH_PARENT_EXE) ||
	    !decode_path(&parts->record, parts->cgroup, keys->truncated & RECORD_KEY_CGROUP, out,
			 EVENT_PATH_CGROUP) ||
	    !slice_view(&parts->record, parts->parent, &program) ||
	    !decode_ancestors(&event->process))
		return false;
	if (program.length)
		decode_parent_program(program, event);
	out->parent_exe_detached = event->process.detached & RECORD_KEY_PARENT_EXE;
	return true;
}

/* --- */

static bool decode_streams(const struct record *record, const struct record_exec *exec,
			   struct event_exec *out)
{
	for (int i = 0; i < RECORD_STREAMS; i++) {
		const struct record_stream *stream = &exec->streams[i];
		struct text name = { "", 0 };

		if (stream->detail == ANON_INODE_FS_MAGIC && !S_ISCHR(stream->mode) &&
		    !S_ISBLK(stream->mode) && !slice_view(record, stream->name, &name))
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

static void decode_process(const struct record_task *task, const char comm[RECORD_COMM_BYTES],
			   struct event *event)
{
	struct event_process *process = &event->process;

	process->task = *task;
	process->comm = comm_view(comm);
	process->parent_comm = comm_view(task->parent_comm);
	process->entry_type = entry_type_name(task->entry_type);
	process->has_more_ancestors = task->has_more_ancestors;
	process->redacted = 0;
	process->redacted_bytes = 0;
	process->redacted_args_bytes = 0;
	process->redacted_parent_args_bytes = 0;
	event->exec.args_hidden = false;
	event->exec.parent_args_hidden = false;
}

/* Decodes what an exit does not have. */
static bool decode_call(const struct record *record, const struct record_exec *exec,
			struct event_exec *out)
{
	out->tid = exec->tid;
	out->error = (int)exec->error;
	out->name = comm_view(exec->name);
	out->exe_upper = exec->flags & RECORD_FLAG_EXE_UPPER;
	out->cwd_deleted = exec->keys.deleted & RECORD_KEY_CWD;
	out->cwd_detached = exec->keys.detached & RECORD_KEY_CWD;
	return slice_view(record, exec->filename, &out->filename) &&
	       slice_view(record, exec->env, &out->env) && decode_streams(record, exec, out) &&
	       exec->file.mtime_ns < NS_PER_S && exec->error <= ERROR_MAX &&
	       !memchr(out->filename.bytes, '\0', out->filename.length) &&
	       out->filename.length <= RECORD_FILENAME_BYTES;
}

static int decode_exec(const struct record_exec *exec, struct event *event)
{
	const struct record_parts parts = { { &exec->header, sizeof(*exec) },
					    &exec->keys,
					    exec->parent_exe,
					    exec->parent,
					    exec->entry,
					    exec->cgroup };
	struct event_exec *out = &event->exec;

	decode_process(&exec->task, exec->comm, event);
	if (!decode_parts(&parts, event))
		return -EBADMSG;
	event->process.unreadable |= decode_file(&exec->file, out);
	out->has_exe = true;
	out->argc = exec->argc;
	out->args_bytes = exec->args_bytes;
	out->memfd = exec->flags & RECORD_FLAG_MEMFD;
	out->deleted = exec->keys.deleted & RECORD_KEY_EXE;
	out->exe_detached = exec->keys.detached & RECORD_KEY_EXE;
	if (!decode_call(&parts.record, exec, out) || !decode_paths(&parts.record, exec, out) ||
	    !slice_view(&parts.record, exec->args, &out->args) || !decode_entry(&parts, event) ||
	    out->args.length > out->args_bytes ||
	    (out->args_bytes > SIZE_MAX_SHOWN && out->args_bytes != RECORD_ARGS_BYTES_UNKNOWN))
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

/* Decodes the program that the process ran. */
static bool decode_own_program(const struct record *record, struct record_slice slice,
			       struct event *event)
{
	const struct text none = { "", 0 };
	struct event_exec *out = &event->exec;
	struct record_program program = { .argc = RECORD_ARGC_UNKNOWN };
	struct text bytes;

	out->filename = out->env = out->name = out->args = none;
	out->paths[EVENT_PATH_CWD] = out->paths[EVENT_PATH_EXE] = none;
	if (!slice_view(record, slice, &bytes))
		return false;
	out->has_exe = bytes.length || event->process.unreadable & RECORD_KEY_EXE;
	out->args_hidden = !out->has_exe;
	if (out->has_exe && !decode_program(bytes, &own_keys, event, &program, &out->args))
		program = (struct record_program){ .argc = RECORD_ARGC_UNKNOWN };
	out->argc = program.argc;
	out->args_bytes = program.args_bytes;
	out->memfd = program.flags & RECORD_PROGRAM_MEMFD;
	out->deleted = program.flags & RECORD_PROGRAM_EXE_DELETED;
	out->exe_detached = program.flags & RECORD_PROGRAM_EXE_DETACHED;
	return true;
}

static int decode_exit(const struct record_exit *record, struct event *event)
{
	const struct record_parts parts = { { &record->header, sizeof(*record) },
					    &record->keys,
					    record->parent_exe,
					    record->parent,
					    record->entry,
					    record->cgroup };
	struct event_exit *out = &event->exit;
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);

	decode_process(&record->task, record->comm, event);
	if (!decode_parts(&parts, event) ||
	    !decode_own_program(&parts.record, record->program, event) ||
	    !decode_entry(&parts, event) || record->header.time_ns < record->task.start_ns ||
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
		[RECORD_FORK] = sizeof(struct record_exit),
		[RECORD_PROCESS] = sizeof(struct record_exit),
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
	return EVENT_BIT(event->type) & EVENT_BITS_EXEC ? decode_exec(bytes, event)
							: decode_exit(bytes, event);
}
