/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Keeps the program of each process: that of its last exec, which a fork copies. The records of its
 * children take it from here, that of its exit, and those of the processes whose entry it is.
 *
 * An exec can pass unseen: before the start, or because the kernel skipped the run. Each exec
 * increments self_exec_id (fs/exec.c, begin_new_exec(), long before the hook), and a fork copies
 * it. A program is that of its process only while both have the same number.
 *
 * The parent may execute on another CPU while its program is copied. A checksum, which user space
 * verifies, reveals a copy of two programs on each architecture, whatever the order of its stores.
 */
#ifndef EXECTAP_PROGRAM_BPF_H
#define EXECTAP_PROGRAM_BPF_H

#include "file.bpf.h"
#include "kernel_types.h"
#include "output.bpf.h"
#include "record.h"
#include "scratch.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Maximum bytes of exe and args of a program; 0: no programs are kept. Set by the loader. */
const volatile __u32 config_program_bytes = 0;

struct program_key {
	__u64 start_ns;
	__u32 pid;
	__u32 reserved;
};

/*
 * Two maps for programs of up to RECORD_PROGRAM_SHORT_BYTES, and for longer ones: the memory of an
 * element does not depend on what it holds. The element of a process is in one of them, from its
 * fork until some time after its end. Its memory is allocated at the fork. The loader sets the size
 * of the values. Where a map is full, the program of a new process is unknown.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__uint(key_size, sizeof(struct program_key));
	__uint(value_size, sizeof(struct record_program));
} programs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(struct program_key));
	__uint(value_size, sizeof(struct record_program));
} long_programs SEC(".maps");

/*
 * The processes that ended last on a CPU. Between the hook of its end and exit_notify()
 * (kernel/exit.c) a process is still the parent of its children, which may execute then.
 */
#define PROGRAM_ENDED 16

struct program_ended {
	__u64 count;
	struct program_key keys[PROGRAM_ENDED];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct program_ended);
} programs_ended SEC(".maps");

#define PROGRAM_KEYS_PARENT                                                                        \
	(RECORD_KEY_PARENT_EXE | RECORD_KEY_PARENT_ARGS | RECORD_KEY_PARENT_EVENT)

/* Reports if the second map is used: a constant. */
static __always_inline bool program_may_be_long(void)
{
	return config_program_bytes > RECORD_PROGRAM_SHORT_BYTES;
}

/* Returns the program of a process, or NULL. */
static __always_inline struct record_program *program_find(__u32 pid, __u64 start_ns)
{
	const struct program_key key = { .start_ns = start_ns, .pid = pid };
	struct record_program *program = bpf_map_lookup_elem(&programs, &key);

	if (!program && program_may_be_long())
		program = bpf_map_lookup_elem(&long_programs, &key);
	return program;
}

/*
 * Stores a program in a map whose values have `most` bytes, and removes the one before it from the
 * other map. The length is loaded and checked right before its use: up to 6.1 the verifier forgets
 * the bounds of what is on the stack during a call.
 */
static __always_inline void program_store(void *map, void *other_map, const struct program_key *key,
					  struct record_program *program, __u64 most)
{
	struct record_program *stored = bpf_map_lookup_elem(map, key);
	__u64 bytes = sizeof(*program) + program->exe_length + program->args_length;

	barrier_var(bytes);
	if (stored && bytes <= most)
		bpf_probe_read_kernel(stored, bytes, program);
	else if (!bpf_map_update_elem(map, key, program, BPF_ANY) && program_may_be_long())
		bpf_map_delete_elem(other_map, key);
}

/* Sets the program of the current process; `program` is in the scratch. */
static __always_inline void program_set(__u32 pid, __u64 start_ns, struct record_program *program)
{
	const struct program_key key = { .start_ns = start_ns, .pid = pid };

	if (!program_may_be_long())
		program_store(&programs, NULL, &key, program,
			      sizeof(*program) + config_program_bytes);
	else if (program->exe_length + program->args_length > RECORD_PROGRAM_SHORT_BYTES)
		program_store(&long_programs, &programs, &key, program,
			      sizeof(*program) + config_program_bytes);
	else
		program_store(&programs, &long_programs, &key, program,
			      sizeof(*program) + RECORD_PROGRAM_SHORT_BYTES);
}

/* Copies a program in a map to a new process. Returns false if it is not there. */
static __always_inline bool program_inherit(void *map, const struct program_key *from,
					    const struct program_key *to)
{
	struct record_program *program = bpf_map_lookup_elem(map, from);

	if (program)
		bpf_map_update_elem(map, to, program, BPF_ANY);
	return program;
}

/* Copies the program of the forking process to the new one, whose first thread is `child`. */
static __always_inline void program_fork(struct task_struct *parent, struct task_struct *child)
{
	const struct program_key from = { .start_ns = parent->group_leader->start_boottime,
					  .pid = parent->tgid };
	const struct program_key to = { .start_ns = child->start_boottime, .pid = child->tgid };

	if (!program_inherit(&programs, &from, &to) && program_may_be_long())
		program_inherit(&long_programs, &from, &to);
}

/* Removes a program. */
static __always_inline void program_remove(const struct program_key *key)
{
	if (bpf_map_delete_elem(&programs, key) && program_may_be_long())
		bpf_map_delete_elem(&long_programs, key);
}

/* Removes the program of the process that ended PROGRAM_ENDED processes before this one. */
static __always_inline void program_end(struct task_struct *task)
{
	const __u32 first = 0;
	struct program_ended *ended = bpf_map_lookup_elem(&programs_ended, &first);
	struct program_key *key;

	if (!ended)
		return;
	key = &ended->keys[ended->count++ % PROGRAM_ENDED];
	if (key->pid)
		program_remove(key);
	key->start_ns = task->group_leader->start_boottime;
	key->pid = task->tgid;
}

static __always_inline struct record_program *program_in_scratch(struct scratch *scratch)
{
	return (struct record_program *)scratch->program;
}

/* Sets the checksum of the program in the scratch. */
static __always_inline void program_sign(struct scratch *scratch)
{
	struct record_program *program = program_in_scratch(scratch);
	__u64 length = program->exe_length + program->args_length;
	__u64 *words = (__u64 *)(program + 1), sum = record_program_checksum(program);

	barrier_var(length);
	if (length > RECORD_PROGRAM_STRINGS_BYTES)
		return;
	__builtin_memset((__u8 *)words + length, 0, sizeof(*words));
#pragma nounroll
	for (__u32 i = 0; i * sizeof(*words) < config_program_bytes; i++) {
		if (i * sizeof(*words) >= length)
			break;
		sum = RECORD_PROGRAM_CHECKSUM_ADD(sum, words[i]);
	}
	program->checksum = sum;
}

/*
 * Copies the path of the record's exe to the program in the scratch. Lengths are loaded and checked
 * right before their use: up to 6.1 the verifier forgets the bounds of what is on the stack during
 * a call.
 */
static __always_inline void program_copy_exe(struct scratch *scratch,
					     const struct record_keys *keys,
					     const struct record_slice *exe)
{
	struct record_program *program = program_in_scratch(scratch);
	__u64 length = exe->length, offset = exe->offset, most = config_program_bytes;

	if (keys->truncated & RECORD_KEY_EXE)
		program->flags |= RECORD_PROGRAM_EXE_TRUNCATED;
	if (keys->unreadable & RECORD_KEY_EXE)
		program->flags |= RECORD_PROGRAM_EXE_UNREADABLE;
	if (keys->detached & RECORD_KEY_EXE)
		program->flags |= RECORD_PROGRAM_EXE_DETACHED;
	if (keys->deleted & RECORD_KEY_EXE)
		program->flags |= RECORD_PROGRAM_EXE_DELETED;
	if (length > most) {
		program->flags |= RECORD_PROGRAM_EXE_TRUNCATED;
		length = most;
	}
	program->exe_length = length;
	barrier_var(length);
	barrier_var(offset);
	if (length > most || offset > RECORD_HEAD_MAX_BYTES)
		return;
#pragma nounroll /* words: a path is short, and a call takes longer */
	for (__u32 at = 0; at < most; at += sizeof(__u64)) {
		if (at >= length)
			break;
		*(__u64 *)((__u8 *)(program + 1) + at) = *(__u64 *)&scratch->record[offset + at];
	}
}

/* Copies the first arguments behind the path, from user memory. */
static __always_inline void program_copy_args(struct scratch *scratch, const void *args)
{
	struct record_program *program = program_in_scratch(scratch);
	__u64 at = program->exe_length, length = program->args_bytes, most = config_program_bytes;

	if (length > most - at)
		length = most - at;
	barrier_var(at);
	barrier_var(length);
	if (at > most || length > most)
		return;
	if (bpf_probe_read_user((__u8 *)(program + 1) + at, length, args))
		program->flags |= RECORD_PROGRAM_ARGS_UNREADABLE;
	else
		program->args_length = length;
}

/* Makes the program of the record of an exec in the scratch. */
__noinline int program_make(__u32 slot)
{
	struct scratch *scratch = scratch_get(slot);
	struct record_program *program;
	struct record_exec *exec;

	if (!scratch)
		return 0;
	program = program_in_scratch(scratch);
	exec = (struct record_exec *)scratch->record;
	program->exec_ns = exec->header.time_ns;
	program->exec_pid = exec->task.pid;
	program->args_bytes = exec->args_bytes;
	program->argc = exec->argc;
	program->args_length = 0;
	program->flags = exec->flags & RECORD_FLAG_MEMFD ? RECORD_PROGRAM_MEMFD : 0;
	program->reserved = 0;
	program_copy_exe(scratch, &exec->keys, &exec->exe);
	if (config_args_max_bytes && !output_omits(RECORD_KEY_ARGS))
		program_copy_args(scratch, (const void *)scratch->tail.args);
	else
		program->flags |= RECORD_PROGRAM_ARGS_UNREADABLE;
	program_sign(scratch);
	return 0;
}

/* Keeps the program of a task that has just executed it. */
static __always_inline void program_keep(struct scratch *scratch, __u32 slot,
					 const struct record_task *record, struct task_struct *task)
{
	if (!config_program_bytes)
		return;
	program_in_scratch(scratch)->exec_id = task->self_exec_id;
	program_make(slot);
	program_set(record->pid, record->start_ns, program_in_scratch(scratch));
}

/*
 * Appends the program of a process with this self_exec_id; none if it is not known. The process may
 * end meanwhile, and the memory of its program be that of another one: then the program is no
 * longer found. Returns the end of the variable data.
 */
static __always_inline __u32 program_append(struct scratch *scratch, struct record_slice *slice,
					    __u32 pid, __u64 start_ns, __u64 exec_id, __u32 end)
{
	const struct record_program *program = program_find(pid, start_ns);
	__u64 at = end, length, most = sizeof(*program) + config_program_bytes;

	if (!program || program->exec_id != (__u32)exec_id)
		return end;
	length = sizeof(*program) + program->exe_length + program->args_length;
	barrier_var(at);
	barrier_var(length);
	if (at > RECORD_HEAD_MAX_BYTES - RECORD_PROGRAM_MAX_BYTES || length > most)
		return end;
	if (bpf_probe_read_kernel(&scratch->record[at], length, program) ||
	    program_find(pid, start_ns) != program)
		return end;
	slice->offset = at;
	slice->length = length;
	return at + length;
}

/* Reports if an address space still has an unlinked file as its program. */
static __always_inline bool program_is_deleted(struct mm_struct *mm, bool typed)
{
	struct file *file = READ(typed, mm, exe_file);
	struct dentry *dentry = READ(typed, file, f_path.dentry);

	return dentry && !READ(typed, dentry, d_hash.pprev) &&
	       READ(typed, dentry, d_parent) != dentry;
}

#endif
