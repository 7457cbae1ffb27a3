/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Describes a process that ran before the start, for an iterator. */
#ifndef EXECTAP_RUNNING_BPF_H
#define EXECTAP_RUNNING_BPF_H

#include "kernel_types.h"
#include "path.bpf.h"
#include "program.bpf.h"
#include "record.h"
#include "scratch.bpf.h"
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

	running->program.flags = running_flags(walked);
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

#endif
