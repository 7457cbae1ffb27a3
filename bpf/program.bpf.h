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
 * The place of most programs. Process ids are consecutive, so a new process finds its slot free
 * unless a process that is thousands of ids older still runs. Elements of a hash would be allocated
 * and freed for each process, which takes half a microsecond. A slot belongs to a process from its
 * fork on, and afterwards until another process needs it.
 */
#define PROGRAM_SLOTS 4096

struct program_slot {
	__u32 users; /* claimed like a scratch slot, by who gives it to another process */
	__u32 pid; /* of its process; 0: none */
	__u64 start_ns; /* likewise */
	__u32 is_live; /* boolean: the process has not ended */
	__u32 reserved;
	struct record_program program;
	__u8 strings[RECORD_PROGRAM_SHORT_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROGRAM_SLOTS);
	__type(key, __u32); /* process id % PROGRAM_SLOTS */
	__type(value, struct program_slot);
} program_slots SEC(".maps");

/*
 * Programs without a slot: those of processes that ran before the start, or whose slot is taken,
 * and programs longer than a slot. The memory of an element does not depend on what it holds, so
 * there is a map for programs of up to RECORD_PROGRAM_SHORT_BYTES, and one for longer ones. A
 * program is in a slot or in one of the maps. Its element is removed some time after the end of the
 * process. The loader sets the size of the values. Where a map is full, the program of a new
 * process is unknown.
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

static __always_inline struct program_slot *program_slot_of(__u32 pid)
{
	__u32 index = pid % PROGRAM_SLOTS;

	return bpf_map_lookup_elem(&program_slots, &index);
}

/* Reports if a slot is that of a process. */
static __always_inline bool program_slot_is(const struct program_slot *slot, __u32 pid,
					    __u64 start_ns)
{
	return slot && *(const volatile __u32 *)&slot->pid == pid &&
	       *(const volatile __u64 *)&slot->start_ns == start_ns;
}

/* Reports if a slot belongs to a process that runs and has another id. */
static __always_inline bool program_slot_is_taken(const struct program_slot *slot, __u32 pid)
{
	return *(const volatile __u32 *)&slot->is_live &&
	       *(const volatile __u32 *)&slot->pid != pid;
}

/* Returns the slot of a new process, until program_slot_give(), or NULL. */
static __always_inline struct program_slot *program_slot_claim(__u32 pid)
{
	struct program_slot *slot = program_slot_of(pid);

	if (!slot || program_slot_is_taken(slot, pid))
		return NULL;
	__sync_fetch_and_add(&slot->users, 1);
	if (*(volatile __u32 *)&slot->users == 1 && !program_slot_is_taken(slot, pid)) {
		*(volatile __u32 *)&slot->pid = 0;
		return slot;
	}
	__sync_fetch_and_add(&slot->users, -1);
	return NULL;
}

static __always_inline void program_slot_give(struct program_slot *slot,
					      const struct program_key *key)
{
	slot->start_ns = key->start_ns;
	slot->is_live = 1;
	*(volatile __u32 *)&slot->pid = key->pid;
	__sync_fetch_and_add(&slot->users, -1);
}

/* Returns the program of a process that has no slot, or NULL. */
static __always_inline struct record_program *program_find(__u32 pid, __u64 start_ns)
{
	const struct program_key key = { .start_ns = start_ns, .pid = pid };
	struct record_program *program = bpf_map_lookup_elem(&programs, &key);

	if (!program && program_may_be_long())
		program = bpf_map_lookup_elem(&long_programs, &key);
	return program;
}

/* Reports if the program of a process is known. */
static __always_inline bool program_is_known(__u32 pid, __u64 start_ns)
{
	return program_slot_is(program_slot_of(pid), pid, start_ns) || program_find(pid, start_ns);
}

/* Returns the bytes of a program, with what follows its fixed part. */
static __always_inline __u64 program_bytes(const struct record_program *program)
{
	return sizeof(*program) + program->exe_length + program->args_length;
}

/* Bytes of a program in a slot, in words */
#define PROGRAM_SLOT_BYTES (sizeof(struct record_program) + RECORD_PROGRAM_SHORT_BYTES)

/* Copies a program from or to a slot by words, up to seven bytes too many: it is short, and a call
 * takes longer. */
static __always_inline void program_copy(void *to, const void *from, __u64 bytes)
{
#pragma nounroll
	for (__u32 at = 0; at < PROGRAM_SLOT_BYTES; at += sizeof(__u64)) {
		if (at >= bytes)
			break;
		*(__u64 *)(to + at) = *(const volatile __u64 *)(from + at);
	}
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
	__u64 bytes = program_bytes(program);

	barrier_var(bytes);
	if (stored && bytes <= most)
		bpf_probe_read_kernel(stored, bytes, program);
	else if (!bpf_map_update_elem(map, key, program, BPF_ANY) && program_may_be_long())
		bpf_map_delete_elem(other_map, key);
}

/* Sets the program of the current process in a map; `program` is in the scratch. */
static __always_inline void program_set_hashed(const struct program_key *key,
					       struct record_program *program, bool is_long)
{
	if (!program_may_be_long())
		program_store(&programs, NULL, key, program,
			      sizeof(*program) + config_program_bytes);
	else if (is_long)
		program_store(&long_programs, &programs, key, program,
			      sizeof(*program) + config_program_bytes);
	else
		program_store(&programs, &long_programs, key, program, PROGRAM_SLOT_BYTES);
}

/* Sets the program of the current process; `program` is in the scratch. */
static __always_inline void program_set(__u32 pid, __u64 start_ns, struct record_program *program)
{
	const struct program_key key = { .start_ns = start_ns, .pid = pid };
	struct program_slot *slot = program_slot_of(pid);
	__u64 bytes = program_bytes(program);
	bool is_long = bytes > PROGRAM_SLOT_BYTES;

	if (program_slot_is(slot, pid, start_ns)) {
		if (!is_long) {
			program_copy(&slot->program, program, bytes);
			return;
		}
		*(volatile __u32 *)&slot->pid = 0;
		*(volatile __u32 *)&slot->is_live = 0;
	}
	program_set_hashed(&key, program, is_long);
}

/*
 * Gives a new process a short program, which is in the slot or the element of its parent. The slot
 * has none that is true if another CPU writes two programs there meanwhile.
 */
static __always_inline void program_give(const struct program_key *key,
					 const struct record_program *program, bool in_slot)
{
	struct program_slot *slot = program_slot_claim(key->pid);
	__u64 bytes = program_bytes(program), most = config_program_bytes;

	if (!slot) {
		bpf_map_update_elem(&programs, key, program, BPF_ANY);
		return;
	}
	if (most > RECORD_PROGRAM_SHORT_BYTES)
		most = RECORD_PROGRAM_SHORT_BYTES;
	most += sizeof(*program);
	barrier_var(bytes);
	if (in_slot)
		program_copy(&slot->program, program, bytes);
	else if (bytes <= most)
		bpf_probe_read_kernel(&slot->program, bytes, program);
	else /* what is there is the program of the slot's last process */
		slot->program.checksum = 0;
	program_slot_give(slot, key);
}

/* Copies the program of the forking process to the new one, whose first thread is `child`. */
static __always_inline void program_fork(struct task_struct *parent, struct task_struct *child)
{
	const struct program_key from = { .start_ns = parent->group_leader->start_boottime,
					  .pid = parent->tgid };
	const struct program_key to = { .start_ns = child->start_boottime, .pid = child->tgid };
	struct program_slot *slot = program_slot_of(from.pid);
	struct record_program *program;

	if (program_slot_is(slot, from.pid, from.start_ns)) {
		program_give(&to, &slot->program, true);
		return;
	}
	program = bpf_map_lookup_elem(&programs, &from);
	if (program) {
		program_give(&to, program, false);
		return;
	}
	if (!program_may_be_long())
		return;
	program = bpf_map_lookup_elem(&long_programs, &from);
	if (program)
		bpf_map_update_elem(&long_programs, &to, program, BPF_ANY);
}

/* Removes a program from the maps. */
static __always_inline void program_remove(const struct program_key *key)
{
	if (bpf_map_delete_elem(&programs, key) && program_may_be_long())
		bpf_map_delete_elem(&long_programs, key);
}

/* Removes the program of the process that ended PROGRAM_ENDED processes before this one. */
static __always_inline void program_end_hashed(const struct program_key *ending)
{
	const __u32 first = 0;
	struct program_ended *ended = bpf_map_lookup_elem(&programs_ended, &first);
	struct program_key *key;

	if (!ended)
		return;
	key = &ended->keys[ended->count++ % PROGRAM_ENDED];
	if (key->pid)
		program_remove(key);
	*key = *ending;
}

/* Ends the program of a process. */
static __always_inline void program_end(struct task_struct *task)
{
	const struct program_key key = { .start_ns = task->group_leader->start_boottime,
					 .pid = task->tgid };
	struct program_slot *slot = program_slot_of(key.pid);

	if (program_slot_is(slot, key.pid, key.start_ns))
		*(volatile __u32 *)&slot->is_live = 0;
	else
		program_end_hashed(&key);
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
 * Copies bytes of the record to the strings of the program in the scratch, by words: they are few,
 * and a call takes longer. Lengths are loaded and checked right before their use: up to 6.1 the
 * verifier forgets the bounds of what is on the stack during a call.
 */
static __always_inline void program_copy_strings(struct scratch *scratch, __u64 to, __u64 offset,
						 __u64 length)
{
	__u8 *strings = (__u8 *)(program_in_scratch(scratch) + 1);
	__u64 most = config_program_bytes;

	barrier_var(to);
	barrier_var(length);
	barrier_var(offset);
	if (to > most || length > most || offset > RECORD_HEAD_MAX_BYTES)
		return;
#pragma nounroll
	for (__u32 at = 0; at < most; at += sizeof(__u64)) {
		if (at >= length)
			break;
		*(__u64 *)(strings + to + at) = *(__u64 *)&scratch->record[offset + at];
	}
}

/* Copies the path of the record's exe to the program in the scratch. */
static __always_inline void program_copy_exe(struct scratch *scratch,
					     const struct record_keys *keys,
					     const struct record_slice *exe)
{
	struct record_program *program = program_in_scratch(scratch);
	__u64 length = exe->length, most = config_program_bytes;

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
	program_copy_strings(scratch, 0, exe->offset, length);
}

/* Copies the first arguments behind the path: from the record, which has them, or user memory. */
static __always_inline void program_copy_args(struct scratch *scratch, __u32 args_at)
{
	struct record_program *program = program_in_scratch(scratch);
	__u64 at = program->exe_length, length = program->args_bytes, most = config_program_bytes;

	if (length > most - at)
		length = most - at;
	barrier_var(at);
	barrier_var(length);
	if (at > most || length > most)
		return;
	if (args_at)
		program_copy_strings(scratch, at, args_at, length);
	else if (bpf_probe_read_user((__u8 *)(program + 1) + at, length,
				     (const void *)scratch->tail.args)) {
		program->flags |= RECORD_PROGRAM_ARGS_UNREADABLE;
		return;
	}
	program->args_length = length;
}

/* Makes the program of the record of an exec in the scratch, with its args at `args_at`, if any. */
__noinline int program_make(__u32 slot, __u32 args_at)
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
		program_copy_args(scratch, args_at);
	else
		program->flags |= RECORD_PROGRAM_ARGS_UNREADABLE;
	program_sign(scratch);
	return 0;
}

/* Keeps the program of a task that has just executed it. For `args_at` see program_make(). */
static __always_inline void program_keep(struct scratch *scratch, __u32 slot,
					 const struct record_task *record, struct task_struct *task,
					 __u32 args_at)
{
	if (!config_program_bytes)
		return;
	program_in_scratch(scratch)->exec_id = task->self_exec_id;
	program_make(slot, args_at);
	program_set(record->pid, record->start_ns, program_in_scratch(scratch));
}

/*
 * Appends the program that program_append_found() has kept, if it is that of the process with this
 * self_exec_id: what an exec has loaded does not change. Returns as program_append().
 */
static __always_inline __u32 program_append_last(struct scratch *scratch, __u32 pid, __u64 start_ns,
						 __u32 exec_id, __u32 end)
{
	const struct scratch_program *last = &scratch->last_programs[pid % SCRATCH_PROGRAMS];
	__u64 length = last->length;

	barrier_var(length);
	if (!length || length > SCRATCH_PROGRAM_BYTES || last->pid != pid ||
	    last->start_ns != start_ns || last->exec_id != exec_id ||
	    bpf_probe_read_kernel(&scratch->record[end], length, last->bytes))
		return end;
	return end + length;
}

/* Finds and appends the program of a process in the maps, and keeps it. Returns likewise. */
static __always_inline __u32 program_append_found(struct scratch *scratch, __u32 pid,
						  __u64 start_ns, __u32 exec_id, __u32 end)
{
	struct scratch_program *last = &scratch->last_programs[pid % SCRATCH_PROGRAMS];
	const struct record_program *program = program_find(pid, start_ns);
	__u64 length, most = sizeof(*program) + config_program_bytes;

	if (!program || program->exec_id != exec_id)
		return end;
	length = program_bytes(program);
	barrier_var(length);
	if (length > most || bpf_probe_read_kernel(&scratch->record[end], length, program) ||
	    program_find(pid, start_ns) != program)
		return end;
	last->length = 0;
	if (length > SCRATCH_PROGRAM_BYTES ||
	    bpf_probe_read_kernel(last->bytes, length, &scratch->record[end]))
		return end + length;
	last->pid = pid;
	last->start_ns = start_ns;
	last->exec_id = exec_id;
	last->length = length;
	return end + length;
}

/* Appends the program in a slot, if it is that of the process. Returns likewise. */
static __always_inline __u32 program_append_slot(struct scratch *scratch,
						 const struct program_slot *slot, __u32 pid,
						 __u64 start_ns, __u32 exec_id, __u32 end)
{
	__u64 length = program_bytes(&slot->program);

	if (slot->program.exec_id != exec_id || length > PROGRAM_SLOT_BYTES)
		return end;
	program_copy(&scratch->record[end], &slot->program, length);
	return program_slot_is(slot, pid, start_ns) ? end + length : end;
}

/*
 * Does the work of program_append(). The verifier checks a global function once, and not for each
 * program.
 */
__noinline int program_append_to(__u32 scratch_slot, __u32 pid, __u64 start_ns, __u32 exec_id,
				 __u32 end)
{
	struct scratch *scratch = scratch_get(scratch_slot);
	const struct program_slot *slot = program_slot_of(pid);
	__u32 next;

	if (!scratch || end > RECORD_HEAD_MAX_BYTES - RECORD_PROGRAM_MAX_BYTES)
		return end;
	if (program_slot_is(slot, pid, start_ns))
		return program_append_slot(scratch, slot, pid, start_ns, exec_id, end);
	next = program_append_last(scratch, pid, start_ns, exec_id, end);
	return next != end ? next : program_append_found(scratch, pid, start_ns, exec_id, end);
}

/*
 * Appends the program of a process with this self_exec_id; none if it is not known. The process may
 * end meanwhile, and the memory of its program be that of another one: then the program is no
 * longer found. Returns the end of the variable data.
 */
static __always_inline __u32 program_append(__u32 scratch_slot, struct record_slice *slice,
					    __u32 pid, __u64 start_ns, __u64 exec_id, __u32 end)
{
	__u32 next = program_append_to(scratch_slot, pid, start_ns, exec_id, end);

	if (next <= end)
		return end;
	slice->offset = end;
	slice->length = next - end;
	return next;
}

/* Reports if an address space, if there still is one, has an unlinked file as its program. */
static __always_inline bool program_is_deleted(struct mm_struct *mm, bool typed)
{
	struct file *file = mm ? READ(typed, mm, exe_file) : NULL;
	struct dentry *dentry = file ? READ(typed, file, f_path.dentry) : NULL;

	return dentry && !READ(typed, dentry, d_hash.pprev) &&
	       READ(typed, dentry, d_parent) != dentry;
}

#endif
