/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * fs/exec.c, begin_new_exec() names the task after the new program (by then it is the group leader) before
 * sched_process_exec: at task_rename the caller's name is still in place. Tasks also rename themselves and each other,
 * which caller_note() tells apart.
 */
#ifndef EXECTAP_CALLER_BPF_H
#define EXECTAP_CALLER_BPF_H

#include "kernel_types.h"
#include "record.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct caller {
	char comm[RECORD_COMM_BYTES];
};

/*
 * Command names of tasks that are in the middle of an exec. An exec that is killed between the two
 * hooks leaves its entry behind, so the oldest ones make room.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* thread id */
	__type(value, struct caller);
} callers SEC(".maps");

/* Keeps the name of the current task, if the rename that it is about to get is part of an exec of its own. */
static __always_inline void caller_note(struct task_struct *task)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct caller caller = {};

	if ((__u32)BPF_CORE_READ(task, pid) != tid)
		return;
	if (bpf_core_field_exists(task->in_execve)) {
		if (!BPF_CORE_READ_BITFIELD_PROBED(task, in_execve))
			return;
	} else if (BPF_CORE_READ(task, mm,
				 arg_start)) { /* set once the new stack is made, fs/exec.c setup_arg_pages() */
		return;
	}
	bpf_core_read_str(caller.comm, sizeof(caller.comm), &task->comm);
	bpf_map_update_elem(&callers, &tid, &caller, BPF_ANY);
}

/* Whether handle_exec() has not seen this exec: it takes the name away. */
static __always_inline bool caller_waits(__u32 tid)
{
	return bpf_map_lookup_elem(&callers, &tid);
}

static __always_inline void caller_forget(__u32 tid)
{
	bpf_map_delete_elem(&callers, &tid);
}

static __always_inline void caller_fill(struct record_exec *exec, __u32 tid)
{
	struct caller *caller = bpf_map_lookup_elem(&callers, &tid);

	if (!caller) {
		exec->unreadable |= RECORD_KEY_COMM;
		return;
	}
	__builtin_memcpy(exec->comm, caller->comm, sizeof(exec->comm));
	bpf_map_delete_elem(&callers, &tid);
}

/*
 * The name that the caller still has, or had. True where the exec got as far as to rename the task: then its memory
 * is gone, and with it the strings.
 */
static __always_inline bool caller_fill_failed(struct record_exec *exec, struct task_struct *task, __u32 tid)
{
	struct caller *caller = bpf_map_lookup_elem(&callers, &tid);

	if (!caller) {
		bpf_core_read_str(exec->comm, sizeof(exec->comm), &task->comm);
		return false;
	}
	__builtin_memcpy(exec->comm, caller->comm, sizeof(exec->comm));
	bpf_map_delete_elem(&callers, &tid);
	return true;
}

#endif
