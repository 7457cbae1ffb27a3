// SPDX-License-Identifier: BSD-2-Clause
#include "event/decode.h"

#include "event/context.h"

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

/* Most names are shorter, and found faster without a call. */
#define NAME_SHORT_BYTES 64

/* Returns the start of the name that ends with the NUL at that index: behind the NUL before it, or
 * 0. */
static size_t name_start(const char *names, size_t nul)
{
	size_t far = nul > NAME_SHORT_BYTES ? nul - NAME_SHORT_BYTES : 0;
	const char *before;
	text_block block;

	for (; nul >= far + sizeof(block); nul -= sizeof(block)) {
		memcpy(&block, names + nul - sizeof(block), sizeof(block));
		if (!text_block_is_zero(block == 0))
			return nul - sizeof(block) + text_block_end(block == 0);
	}
	if (far) {
		before = memrchr(names, '\0', nul);
		return before ? (size_t)(before - names) + 1 : 0;
	}
	while (nul && names[nul - 1])
		nul--;
	return nul;
}

/* Copies a name, perhaps with bytes that follow it: there is room for them. */
static void copy_name(char *to, struct text names, size_t start, size_t length)
{
	if (length <= sizeof(text_block) && names.length - start >= sizeof(text_block))
		memcpy(to, names.bytes + start, sizeof(text_block));
	else
		memcpy(to, names.bytes + start, length);
}

/*
 * "name\0dir\0" -> "/dir/name". Where the names next to the root are missing (cut), there is no
 * leading slash, for the path is not absolute.
 */
static bool path_text(struct text names, bool cut, char buf[EVENT_PATH_BUF_BYTES],
		      struct text *path)
{
	char *end = buf;

	if (names.length > EVENT_PATH_BYTES)
		return false;
	if (names.length && names.bytes[names.length - 1])
		return false;
	for (size_t left = names.length, start; left; left = start) {
		start = name_start(names.bytes, left - 1);
		*end++ = '/';
		copy_name(end, names, start, left - 1 - start);
		end += left - 1 - start;
	}
	if (end == buf)
		*end++ = '/';
	else if (cut)
		buf++;
	*path = (struct text){ buf, (size_t)(end - buf) };
	return true;
}

/* Decodes the path of the program and its marks. */
static bool decode_exe(struct text names, const struct record_keys *keys, uint32_t flags,
		       struct event_exec *out)
{
	out->memfd = flags & RECORD_FLAG_MEMFD;
	out->deleted = keys->deleted & RECORD_KEY_EXE;
	out->exe_detached = keys->detached & RECORD_KEY_EXE;
	return path_text(names, keys->truncated & RECORD_KEY_EXE, out->path_bytes[EVENT_PATH_EXE],
			 &out->paths[EVENT_PATH_EXE]);
}

/* Decodes the path of the working directory and its marks. */
static bool decode_cwd(struct text names, const struct record_keys *keys, struct event_exec *out)
{
	out->cwd_deleted = keys->deleted & RECORD_KEY_CWD;
	out->cwd_detached = keys->detached & RECORD_KEY_CWD;
	return path_text(names, keys->truncated & RECORD_KEY_CWD, out->path_bytes[EVENT_PATH_CWD],
			 &out->paths[EVENT_PATH_CWD]);
}

/* --- programs */

/* Keys of a program, as those of the process, of its parent or of its entry. */
struct program_keys {
	uint32_t exe; /* enum record_key */
	uint32_t args;
	uint32_t others; /* without a mark but unreadable */
};

static const struct program_keys own_keys = { RECORD_KEY_EXE, RECORD_KEY_ARGS, 0 };
/* where the record has the path itself */
static const struct program_keys own_args_keys = { 0, RECORD_KEY_ARGS, 0 };
static const struct program_keys parent_keys = { RECORD_KEY_PARENT_EXE, RECORD_KEY_PARENT_ARGS,
						 RECORD_KEY_PARENT_EVENT };
static const struct program_keys entry_keys = { RECORD_KEY_ENTRY_EXE, 0, 0 };

/* A program, and its parts in the event: what is not known stays as it is. */
struct program {
	const struct program_keys *keys;
	struct event_masks *masks;
	char *exe_bytes; /* EVENT_PATH_BUF_BYTES */
	struct text *exe;
	struct text *args;
	struct record_program fixed;
};

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
static void decode_program_exe(struct text names, const struct program *program)
{
	uint16_t flags = program->fixed.flags;
	bool cut = flags & RECORD_PROGRAM_EXE_TRUNCATED;
	const char *last = memrchr(names.bytes, '\0', names.length);

	if (cut)
		names.length = last ? (size_t)(last - names.bytes) + 1 : 0;
	if (flags & RECORD_PROGRAM_EXE_UNREADABLE || (cut && !names.length) ||
	    !path_text(names, cut, program->exe_bytes, program->exe)) {
		program->masks->unreadable |= program->keys->exe;
		return;
	}
	if (cut)
		program->masks->truncated |= program->keys->exe;
	if (flags & RECORD_PROGRAM_EXE_DETACHED)
		program->masks->detached |= program->keys->exe;
}

/* Sets the arguments, of which none is known where they are unreadable. */
static void decode_program_args(struct text args, const struct program *program)
{
	if (program->fixed.flags & RECORD_PROGRAM_ARGS_UNREADABLE)
		program->masks->unreadable |= program->keys->args;
	else if (program->fixed.args_length < program->fixed.args_bytes)
		program->masks->truncated |= program->keys->args;
	*program->args = args;
}

/* Decodes a program. Returns false, with no more than masks set, if it is not known. */
static bool decode_program(struct text bytes, struct program *program)
{
	const struct program_keys *keys = program->keys;
	struct text strings;

	if (!program_is_whole(bytes, &program->fixed)) {
		program->masks->unreadable |= keys->exe | keys->args | keys->others;
		return false;
	}
	strings = text_skip(bytes, sizeof(program->fixed));
	decode_program_exe((struct text){ strings.bytes, program->fixed.exe_length }, program);
	decode_program_args(text_skip(strings, program->fixed.exe_length), program);
	return true;
}

/* --- the context */

static void decode_parent_program(struct text bytes, struct event *event)
{
	struct event_context *out = &event->own_context;
	struct program program = { &parent_keys, &out->masks, event->own_bytes.parent_exe,
				   &out->parent_exe, &out->parent_args };

	out->parent_has_exe = true;
	if (!decode_program(bytes, &program))
		return;
	out->parent_has_args = true;
	out->parent_argc = program.fixed.argc;
	out->parent_exec_pid = program.fixed.exec_pid;
	out->parent_exec_ns = program.fixed.exec_ns;
	out->parent_exe_deleted |= program.fixed.flags & RECORD_PROGRAM_EXE_DELETED;
}

static bool has_key(uint32_t keys, enum record_key key)
{
	return keys & key;
}

/* Takes the path of the entry from another one, with its masks. */
static void take_entry_exe(struct event_context *out, struct text exe,
			   const struct event_masks *masks, enum record_key key)
{
	out->entry_exe = exe;
	out->masks.truncated |= has_key(masks->truncated, key) * RECORD_KEY_ENTRY_EXE;
	out->masks.unreadable |= has_key(masks->unreadable, key) * RECORD_KEY_ENTRY_EXE;
	out->masks.detached |= has_key(masks->detached, key) * RECORD_KEY_ENTRY_EXE;
}

/*
 * Decodes the path of the entry, which may be the process or its parent, whose paths are decoded; a
 * kernel thread has none. It has no mark of its own for a path that is relative to another root:
 * then it is unreadable.
 */
static void decode_entry(const struct context_source *source, struct event *event)
{
	struct event_context *out = &event->own_context;
	struct event_masks *masks = &out->masks;
	const struct event_process *process = &event->process;
	const struct event_masks own_masks = { process->truncated, process->unreadable,
					       process->detached };
	const struct record_task *task = source->task;
	bool has_exe = event->exec.has_exe && event->type != EVENT_EXEC_FAILED;
	struct text args;
	struct program program = { &entry_keys, masks, event->own_bytes.entry_exe, &out->entry_exe,
				   &args };

	if (source->slices[CONTEXT_ENTRY].length)
		decode_program(source->slices[CONTEXT_ENTRY], &program);
	else if (has_exe && task->entry_pid == task->pid && task->entry_start_ns == task->start_ns)
		take_entry_exe(out, event->exec.paths[EVENT_PATH_EXE], &own_masks, RECORD_KEY_EXE);
	else if (out->parent_has_exe && task->entry_pid == task->ppid &&
		 task->entry_start_ns == task->parent_start_ns)
		take_entry_exe(out, out->parent_exe, masks, RECORD_KEY_PARENT_EXE);
	if (masks->detached & RECORD_KEY_ENTRY_EXE || masks->unreadable & RECORD_KEY_ENTRY)
		masks->unreadable |= RECORD_KEY_ENTRY_EXE;
	masks->detached &= ~(uint32_t)RECORD_KEY_ENTRY_EXE;
	if (masks->unreadable & RECORD_KEY_ENTRY_EXE)
		masks->truncated &= ~(uint32_t)RECORD_KEY_ENTRY_EXE;
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

/* The parent is the first ancestor, unless it is the swapper with pid 0. */
static void decode_ancestors(const struct record_task *task, struct event_context *out)
{
	const struct text none = { "", 0 };

	out->ancestor_count = 0;
	if (!task->ppid)
		return;
	out->ancestors[out->ancestor_count++] =
		(struct event_ancestor){ task->parent_start_ns, task->ppid, out->parent_comm,
					 none };
	for (size_t i = 0; i < task->ancestor_count; i++)
		out->ancestors[out->ancestor_count++] =
			(struct event_ancestor){ task->ancestors[i].start_ns,
						 task->ancestors[i].pid,
						 comm_view(task->ancestors[i].comm), none };
}

/* Fills event->own_context but for the entry's path. */
static bool decode_context(const struct context_source *source, struct event *event)
{
	const struct record_keys *keys = source->keys;
	struct event_context *out = &event->own_context;
	struct event_context_bytes *bytes = &event->own_bytes;
	const struct text none = { "", 0 };

	out->masks = (struct event_masks){ keys->truncated & CONTEXT_KEYS,
					   keys->unreadable & CONTEXT_KEYS,
					   keys->detached & CONTEXT_KEYS & RECORD_KEY_PARENT_EXE };
	if (out->masks.unreadable & RECORD_KEY_PARENT_COMM)
		out->masks.unreadable |= RECORD_KEY_ANCESTORS;
	out->parent_comm = comm_view(source->task->parent_comm);
	out->entry_type = entry_type_name(source->task->entry_type);
	out->has_more_ancestors = source->task->has_more_ancestors;
	out->parent_exe_deleted = keys->deleted & RECORD_KEY_PARENT_EXE;
	out->parent_has_exe = source->has_parent_exe;
	out->parent_has_args = false;
	out->parent_argc = RECORD_ARGC_UNKNOWN;
	out->parent_exec_ns = 0;
	out->parent_args = out->entry_exe = none;
	decode_ancestors(source->task, out);
	if (!path_text(source->slices[CONTEXT_PARENT_EXE], keys->truncated & RECORD_KEY_PARENT_EXE,
		       bytes->parent_exe, &out->parent_exe) ||
	    !path_text(source->slices[CONTEXT_CGROUP], keys->truncated & RECORD_KEY_CGROUP,
		       bytes->cgroup, &out->cgroup))
		return false;
	if (source->slices[CONTEXT_PARENT].length)
		decode_parent_program(source->slices[CONTEXT_PARENT], event);
	out->parent_exe_detached = out->masks.detached & RECORD_KEY_PARENT_EXE;
	return true;
}

/* The parts of a record that both execs and exits have. */
struct record_parts {
	struct record record;
	const struct record_task *task;
	const struct record_keys *keys;
	struct record_slice parent_exe;
	struct record_slice parent;
	struct record_slice entry;
	struct record_slice cgroup;
};

static bool find_source(const struct record_parts *parts, struct context_source *source)
{
	const struct record *record = &parts->record;
	struct text *slices = source->slices;

	source->task = parts->task;
	source->keys = parts->keys;
	source->has_parent_exe = parts->parent_exe.offset != 0;
	return parts->task->ancestor_count <= RECORD_ANCESTORS &&
	       slice_view(record, parts->parent_exe, &slices[CONTEXT_PARENT_EXE]) &&
	       slice_view(record, parts->parent, &slices[CONTEXT_PARENT]) &&
	       slice_view(record, parts->entry, &slices[CONTEXT_ENTRY]) &&
	       slice_view(record, parts->cgroup, &slices[CONTEXT_CGROUP]);
}

static void add_masks(const struct event_masks *masks, struct event_process *process)
{
	process->truncated |= masks->truncated;
	process->unreadable |= masks->unreadable;
	process->detached |= masks->detached;
}

/* --- */

static bool decode_streams(const struct record *record,
			   const struct record_stream streams[RECORD_STREAMS],
			   struct event_exec *out)
{
	for (int i = 0; i < RECORD_STREAMS; i++) {
		const struct record_stream *stream = &streams[i];
		struct text name = { "", 0 };

		if (stream->detail == ANON_INODE_FS_MAGIC && !S_ISCHR(stream->mode) &&
		    !S_ISBLK(stream->mode) && !slice_view(record, stream->name, &name))
			return false;
		out->streams[i] = stream_text(out->stream_bytes[i], stream, name);
	}
	return true;
}

/*
 * Decodes the program's file. Adds the keys whose values have no place in a line: a size above
 * 2^53, and a time before 1970, behind the year 2554, or with a second's worth of nanoseconds. Not
 * every file system checks what its disk says (fs/ext4/ext4.h, ext4_decode_extra_time(): 30 bits).
 */
static void decode_file(const struct record_file *file, uint32_t flags, struct event_exec *out,
			uint32_t *unreadable)
{
	out->exe_file = *file;
	out->exe_upper = flags & RECORD_FLAG_EXE_UPPER;
	if (file->size > SIZE_MAX_SHOWN)
		*unreadable |= RECORD_KEY_EXE_SIZE;
	if (file->mtime_s < 0 || file->mtime_s > MTIME_MAX_S || file->mtime_ns >= NS_PER_S)
		*unreadable |= RECORD_KEY_EXE_MTIME;
	else
		out->exe_mtime_ns = (uint64_t)file->mtime_s * NS_PER_S + file->mtime_ns;
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

static void decode_process(const struct record_parts *parts, const char comm[RECORD_COMM_BYTES],
			   struct event *event)
{
	const struct record_keys *keys = parts->keys;
	const uint32_t own_keys_mask = RECORD_KEY_ALL & ~CONTEXT_KEYS;
	struct event_process *process = &event->process;

	memcpy(&process->task, parts->task, offsetof(struct record_task, ancestors));
	process->comm = comm_view(comm);
	process->truncated = keys->truncated & own_keys_mask;
	process->unreadable = keys->unreadable & own_keys_mask;
	process->detached = keys->detached & (RECORD_KEY_EXE | RECORD_KEY_CWD);
	process->redacted = 0;
	process->redacted_bytes = 0;
	process->redacted_args_bytes = 0;
	process->redacted_parent_args_bytes = 0;
	event->exec.args_hidden = false;
	event->exec.parent_args_hidden = false;
}

/* Decodes the process and its context, but for the entry's path. */
static bool decode_parts(const struct record_parts *parts, const char comm[RECORD_COMM_BYTES],
			 struct context_source *source, struct event *event)
{
	decode_process(parts, comm, event);
	return find_source(parts, source) &&
	       (context_find(event, source) || decode_context(source, event));
}

/* Completes the context, when the program of the process is known. */
static void end_parts(const struct context_source *source, struct event *event)
{
	if (!event->shared)
		decode_entry(source, event);
	add_masks(&event->context->masks, &event->process);
}

static bool find_call_source(const struct record *record, const struct record_exec *exec,
			     struct context_call_source *source)
{
	source->exec = exec;
	return slice_view(record, exec->filename, &source->slices[CONTEXT_CALL_FILENAME]) &&
	       slice_view(record, exec->exe, &source->slices[CONTEXT_CALL_EXE]) &&
	       slice_view(record, exec->cwd, &source->slices[CONTEXT_CALL_CWD]);
}

/* Decodes a call from its source alone: another exec with an equal one gets a copy. */
static bool decode_new_call(const struct context_call_source *source, struct event *event)
{
	const struct record_exec *exec = source->exec;
	const struct text *slices = source->slices;
	struct event_exec *out = &event->exec;
	uint32_t unreadable = 0;

	out->name = comm_view(exec->name);
	out->filename = slices[CONTEXT_CALL_FILENAME];
	if (out->filename.length > RECORD_FILENAME_BYTES ||
	    memchr(out->filename.bytes, '\0', out->filename.length) ||
	    !decode_exe(slices[CONTEXT_CALL_EXE], &exec->keys, exec->flags, out) ||
	    !decode_cwd(slices[CONTEXT_CALL_CWD], &exec->keys, out))
		return false;
	decode_file(&exec->file, exec->flags, out, &unreadable);
	event->process.unreadable |= unreadable;
	context_store_call(event, source, unreadable);
	return true;
}

static bool decode_call(const struct record *record, const struct record_exec *exec,
			struct event *event)
{
	struct context_call_source source;

	return find_call_source(record, exec, &source) &&
	       (context_find_call(event, &source) || decode_new_call(&source, event));
}

static int decode_exec(const struct record_exec *exec, struct event *event)
{
	const struct record_parts parts = { { &exec->header, sizeof(*exec) },
					    &exec->task,
					    &exec->keys,
					    exec->parent_exe,
					    exec->parent,
					    exec->entry,
					    exec->cgroup };
	struct event_exec *out = &event->exec;
	struct context_source source;

	if (!decode_parts(&parts, exec->comm, &source, event))
		return -EBADMSG;
	out->has_exe = true;
	out->argc = exec->argc;
	out->args_bytes = exec->args_bytes;
	out->tid = exec->tid;
	out->error = (int)exec->error;
	if (!decode_call(&parts.record, exec, event) || exec->error > ERROR_MAX ||
	    !decode_streams(&parts.record, exec->streams, out) ||
	    !slice_view(&parts.record, exec->env, &out->env) ||
	    !slice_view(&parts.record, exec->args, &out->args) ||
	    out->args.length > out->args_bytes ||
	    (out->args_bytes > SIZE_MAX_SHOWN && out->args_bytes != RECORD_ARGS_BYTES_UNKNOWN))
		return -EBADMSG;
	end_parts(&source, event);
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

/* Decodes the program that the process runs or ran. */
static bool decode_own_program(const struct record *record, struct record_slice slice,
			       const struct program_keys *keys, struct event *event)
{
	const struct text none = { "", 0 };
	struct event_exec *out = &event->exec;
	struct event_masks masks = {};
	struct program program = {
		.keys = keys,
		.masks = &masks,
		.exe_bytes = out->path_bytes[EVENT_PATH_EXE],
		.exe = &out->paths[EVENT_PATH_EXE],
		.args = &out->args,
		.fixed = { .argc = RECORD_ARGC_UNKNOWN },
	};
	struct text bytes;

	out->filename = out->env = out->name = out->args = none;
	out->paths[EVENT_PATH_CWD] = out->paths[EVENT_PATH_EXE] = none;
	if (!slice_view(record, slice, &bytes))
		return false;
	/* of a kernel thread the record has neither the program nor the path, nor a mark for it */
	out->has_exe = bytes.length || !keys->exe || event->process.unreadable & RECORD_KEY_EXE;
	out->args_hidden = !out->has_exe;
	if (out->has_exe && !decode_program(bytes, &program))
		program.fixed = (struct record_program){ .argc = RECORD_ARGC_UNKNOWN };
	add_masks(&masks, &event->process);
	out->argc = program.fixed.argc;
	out->args_bytes = program.fixed.args_bytes;
	out->memfd = program.fixed.flags & RECORD_PROGRAM_MEMFD;
	out->deleted = program.fixed.flags & RECORD_PROGRAM_EXE_DELETED;
	out->exe_detached = program.fixed.flags & RECORD_PROGRAM_EXE_DETACHED;
	return true;
}

/*
 * Decodes what a process that runs has besides its begin, after its program: that has the path of a
 * process that ended before the path was read.
 */
static bool decode_running(const struct record *record, const struct record_process *process,
			   struct event *event)
{
	const struct record_keys *keys = &process->begun.keys;
	struct event_exec *out = &event->exec;
	struct text exe, cwd;

	if (!slice_view(record, process->exe, &exe) || !slice_view(record, process->cwd, &cwd))
		return false;
	out->name = event->process.comm;
	out->has_exe = out->has_exe || process->exe.offset;
	decode_file(&process->file, process->flags, out, &event->process.unreadable);
	return (!process->exe.offset || decode_exe(exe, keys, process->flags, out)) &&
	       decode_cwd(cwd, keys, out) && decode_streams(record, process->streams, out);
}

static int decode_exit(const struct record_exit *record, size_t fixed_bytes, struct event *event)
{
	const struct record_process *process = (const struct record_process *)record;
	const bool runs = record->header.type == RECORD_PROCESS;
	const struct record_parts parts = { { &record->header, fixed_bytes },
					    &record->task,
					    &record->keys,
					    record->parent_exe,
					    record->parent,
					    record->entry,
					    record->cgroup };
	struct event_exit *out = &event->exit;
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	struct context_source source;

	if (!decode_parts(&parts, record->comm, &source, event) ||
	    !decode_own_program(&parts.record, record->program,
				runs && process->exe.offset ? &own_args_keys : &own_keys, event) ||
	    (runs && !decode_running(&parts.record, process, event)) ||
	    record->header.time_ns < record->task.start_ns ||
	    record->header.time_ns > TIME_MAX_NS ||
	    record->max_rss_pages > SIZE_MAX_SHOWN / page_bytes)
		return -EBADMSG;
	end_parts(&source, event);
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
		[RECORD_PROCESS] = sizeof(struct record_process),
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
	return EVENT_BIT(event->type) & EVENT_BITS_EXEC
		       ? decode_exec(bytes, event)
		       : decode_exit(bytes, fixed_bytes[header->type], event);
}
