/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Describes a process that ran before the start, for an iterator. It is not the current task: it
 * may exit or execute on another CPU meanwhile. Its task_struct stays, and what it points to can be
 * read (RCU), but may belong to another task by then. What was read is true if the task has the
 * same afterwards.
 */
#ifndef EXECTAP_RUNNING_BPF_H
#define EXECTAP_RUNNING_BPF_H

#include "exec.bpf.h"
#include "file.bpf.h"
#include "kernel_types.h"
#include "path.bpf.h"
#include "program.bpf.h"
#include "read.bpf.h"
#include "record.h"
#include "scratch.bpf.h"
#include "task.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

/* kernel/bpf/task_iter.c, include/linux/bpf.h */
struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* Fills the fixed part, which the path follows. */
static __always_inline void running_fill(struct scratch *scratch, struct task_struct *task)
{
	struct record_running *running = (struct record_running *)scratch->record;

	__builtin_memset(running, 0, sizeof(*running));
	running->start_ns = task->start_boottime;
	running->pid = task->tgid;
	running->program.exec_id = task->self_exec_id;
	running->program.args_bytes =
		BPF_CORE_READ(task, mm, arg_end) - BPF_CORE_READ(task, mm, arg_start);
	running->program.argc = RECORD_ARGC_UNKNOWN;
	/* no address space: the process has ended, or has not executed a program yet */
	if (!BPF_CORE_READ(task, mm, arg_end))
		running->program.flags = RECORD_PROGRAM_ARGS_UNREADABLE;
}

/*
 * Returns true if the process has been waited for. Its ids have gone, thread_pid before those of
 * its group and session (kernel/exit.c, __unhash_process()).
 */
static __always_inline bool running_has_ended(struct task_struct *task)
{
	return !READ_ONCE(task->thread_pid);
}

static __always_inline __u16 running_flags(int walked)
{
	return (walked & PATH_TRUNCATED ? RECORD_PROGRAM_EXE_TRUNCATED : 0) |
	       (walked & PATH_UNREADABLE ? RECORD_PROGRAM_EXE_UNREADABLE : 0) |
	       (walked & PATH_DETACHED ? RECORD_PROGRAM_EXE_DETACHED : 0) |
	       (walked & PATH_DELETED ? RECORD_PROGRAM_EXE_DELETED : 0) |
	       (walked & PATH_MEMORY ? RECORD_PROGRAM_MEMFD : 0);
}

/* Sends the description, with as much of the path as a program has; `walked` is the result of the
 * path's walk. */
static __always_inline void running_write(struct seq_file *seq, struct scratch *scratch, int walked)
{
	struct record_running *running = (struct record_running *)scratch->record;
	__u64 length = (walked & PATH_END_MASK) - sizeof(*running), most = config_program_bytes;

	running->program.flags |= running_flags(walked);
	if (length > most) {
		running->program.flags |= RECORD_PROGRAM_EXE_TRUNCATED;
		length = most;
	}
	running->program.exe_length = length;
	running->size = sizeof(*running) + length;
	barrier_var(length);
	if (length > most)
		return;
	bpf_seq_write(seq, running, sizeof(*running) + length);
}

/*
 * Begins the description of a task in a struct record_process. Returns false during an exec. The
 * exec gives the task its new address space first, then increments self_exec_id, then sets arg_end
 * (fs/exec.c, begin_new_exec(); fs/binfmt_elf.c, create_elf_tables()). In between, the program that
 * is kept is the one before.
 */
static __always_inline bool running_begin(struct scratch *scratch, struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);

	scratch->running.task = (__u64)task;
	scratch->running.mm = (__u64)mm;
	return !mm || BPF_CORE_READ(mm, arg_end);
}

/* Appends the path of the program. Returns the end of the variable data. */
static __always_inline __u32 running_append_exe(struct record_process *process,
						struct scratch *scratch, __u32 slot,
						struct task_struct *task, __u32 end)
{
	struct record_keys *keys = &process->begun.keys;
	int walked;

	if (BPF_CORE_READ(task, flags) & PF_KTHREAD || output_omits(RECORD_KEY_EXE))
		return end;
	walked = exec_walk_exe_of(scratch, slot, task, end);
	if (walked & PATH_UNREADABLE || (__u64)BPF_CORE_READ(task, mm) != scratch->running.mm)
		return end;
	if (walked & PATH_MEMORY)
		process->flags |= RECORD_FLAG_MEMFD;
	keys->unreadable &= ~RECORD_KEY_EXE;
	return exec_set_slice(keys, &process->exe, RECORD_KEY_EXE, end, walked);
}

/* Appends the path of the working directory. Returns the end of the variable data. */
static __always_inline __u32 running_append_cwd(struct record_process *process,
						struct scratch *scratch, __u32 slot,
						struct task_struct *task, __u32 end)
{
	struct record_keys *keys = &process->begun.keys;
	struct nsproxy *nsproxy = BPF_CORE_READ(task, nsproxy);
	struct path path = {}, after = {};
	int walked;

	if (exec_omits(keys, RECORD_KEY_CWD))
		return end;
	if (!exec_read_cwd(&path, task)) {
		keys->unreadable |= RECORD_KEY_CWD;
		return end;
	}
	path_begin(scratch, end, &path, task_namespace_root(nsproxy, false), false);
	walked = path_append(slot);
	if (!exec_read_cwd(&after, task) || after.dentry != path.dentry || after.mnt != path.mnt ||
	    BPF_CORE_READ(task, nsproxy) != nsproxy)
		walked = end | PATH_UNREADABLE;
	return exec_set_slice(keys, &process->cwd, RECORD_KEY_CWD, end, walked);
}

/* Fills in the program's file. What was walked last is its path, if the record has that. */
static __always_inline void running_fill_file(struct record_process *process,
					      const struct scratch *scratch,
					      struct task_struct *task)
{
	struct record_keys *keys = &process->begun.keys;
	struct mm_struct *mm = (struct mm_struct *)scratch->running.mm;
	struct file *file = BPF_CORE_READ(mm, exe_file);

	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return;
	file_fill(&process->file, keys, &process->flags, file, false);
	if (!file || BPF_CORE_READ(task, mm) != mm || BPF_CORE_READ(mm, exe_file) != file ||
	    (process->exe.offset &&
	     (__u64)BPF_CORE_READ(file, f_path.dentry) != scratch->walk.leaf))
		keys->unreadable |= FILE_KEYS_EXE;
}

/*
 * Fills in the program's file, and appends the descriptors, in the record of the scratch. The
 * verifier checks a global function once, and searches no names for pointers that it does not know,
 * see task_find(). It calls no walker: the calls of a program share 512 bytes of stack. Returns the
 * end of the variable data.
 */
__noinline int running_append_files(__u32 slot, __u32 end)
{
	struct scratch *scratch = scratch_get(slot);
	struct record_process *process;
	struct task_struct *task;

	if (!scratch)
		return end;
	process = (struct record_process *)scratch->record;
	task = (struct task_struct *)scratch->running.task;
	running_fill_file(process, scratch, task);
	return file_append_streams(process->streams, &process->begun.keys, slot, task, end);
}

/* Appends what a struct record_process has besides its first member, to the record in the scratch.
 * Returns the end of the variable data. */
static __always_inline __u32 running_append(struct scratch *scratch, __u32 slot,
					    struct task_struct *task, __u32 end)
{
	struct record_process *process = (struct record_process *)scratch->record;

	end = running_append_cwd(process, scratch, slot, task, end);
	end = running_append_exe(process, scratch, slot, task, end);
	return running_append_files(slot, end);
}

#endif
