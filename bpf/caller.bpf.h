/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Saves the caller's command name. begin_new_exec() (fs/exec.c) renames the task after the new
 * program, by then as the group leader, and increments self_exec_id, both before
 * sched_process_exec. A saved name is valid while self_exec_id is one more than when it was saved.
 */
#ifndef EXECTAP_CALLER_BPF_H
#define EXECTAP_CALLER_BPF_H

#include "kernel_types.h"
#include "record.h"
#include "task.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct caller {
	__u64 exec_id; /* task_struct.self_exec_id before the exec */
	char comm[RECORD_COMM_BYTES];
	__u32 tid; /* id of the calling thread */
	__u32 reserved;
};

/*
 * Callers of tasks in the middle of an exec. Process ids are consecutive, so these slots stay in
 * the cache; a hash would touch a cold bucket for each task, which costs more than the rest of the
 * hook. On a collision the caller goes to the LRU hash. An exec that fails or is killed leaves its
 * caller behind: in a slot until the process id is used again, in the hash until it is evicted.
 */
#define CALLER_SLOTS 1024

struct caller_slot {
	__u32 users; /* claimed like a scratch slot, scratch.bpf.h */
	__u32 pid; /* process id of the owner; 0: none */
	struct caller caller;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CALLER_SLOTS);
	__type(key, __u32); /* process id % CALLER_SLOTS */
	__type(value, struct caller_slot);
} caller_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* process id */
	__type(value, struct caller);
} callers SEC(".maps");

/* Nonzero once the hash has had an entry; before that no lookup is needed. */
__u32 callers_used SEC(".data.callers");

static __always_inline bool caller_hash_is_used(void)
{
	return *(volatile __u32 *)&callers_used;
}

static __always_inline struct caller_slot *caller_slot_of(__u32 pid)
{
	__u32 index = pid % CALLER_SLOTS;

	return bpf_map_lookup_elem(&caller_slots, &index);
}

static __always_inline bool caller_slot_is(const struct caller_slot *slot, __u32 pid)
{
	return slot && *(const volatile __u32 *)&slot->pid == pid;
}

/* Returns a slot that belongs to the process until caller_slot_release(), or NULL. */
static __always_inline struct caller_slot *caller_slot_claim(__u32 pid)
{
	struct caller_slot *slot = caller_slot_of(pid);

	if (!slot || caller_slot_is(slot, pid)) /* left behind by an earlier exec */
		return slot;
	__sync_fetch_and_add(&slot->users, 1);
	if (*(volatile __u32 *)&slot->users == 1)
		return slot;
	__sync_fetch_and_add(&slot->users, -1);
	return NULL;
}

static __always_inline void caller_slot_release(struct caller_slot *slot)
{
	*(volatile __u32 *)&slot->pid = 0;
	__sync_fetch_and_add(&slot->users, -1);
}

static __always_inline void caller_set(struct caller *caller, struct task_struct *task, __u32 tid)
{
	caller->exec_id = task->self_exec_id;
	caller->tid = tid;
	task_read_comm(caller->comm, task, true);
}

/* Saves the current task, which is going to be renamed by its own exec. */
static __always_inline void caller_save(struct task_struct *task)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 pid = pid_tgid >> 32, tid = (__u32)pid_tgid;
	struct caller_slot *slot = caller_slot_claim(pid);
	struct caller caller = {};

	if (slot) {
		caller_set(&slot->caller, task, tid);
		*(volatile __u32 *)&slot->pid = pid;
		if (caller_hash_is_used()) /* an earlier exec may have left its caller there */
			bpf_map_delete_elem(&callers, &pid);
		return;
	}
	*(volatile __u32 *)&callers_used = 1;
	caller_set(&caller, task, tid);
	bpf_map_update_elem(&callers, &pid, &caller, BPF_ANY);
}

/*
 * Saves the task at its rename. Tasks also rename themselves and each other without an exec; these
 * are skipped.
 */
static __always_inline void caller_save_renamed(struct task_struct *task)
{
	if ((__u32)task->pid != (__u32)bpf_get_current_pid_tgid())
		return;
	if (bpf_core_field_exists(task->in_execve)) {
		if (!BPF_CORE_READ_BITFIELD(task, in_execve))
			return;
	} else if (task->mm->arg_start) { /* nonzero once the new stack is set up,
							    fs/exec.c setup_arg_pages() */
		return;
	}
	caller_save(task);
}

static __always_inline bool caller_is_valid(const struct caller *caller, __u64 exec_id)
{
	return caller->exec_id + 1 == exec_id;
}

/* Reports if a program has saved the caller of this exec and none has consumed it. */
static __always_inline bool caller_is_pending(__u32 pid, __u64 exec_id)
{
	struct caller_slot *slot = caller_slot_of(pid);
	struct caller *caller;

	if (caller_slot_is(slot, pid))
		return caller_is_valid(&slot->caller, exec_id);
	caller = caller_hash_is_used() ? bpf_map_lookup_elem(&callers, &pid) : NULL;
	return caller && caller_is_valid(caller, exec_id);
}

/* Copies the caller out and removes it. Returns false if there is none of this exec. */
static __always_inline bool caller_consume(struct caller *out, __u32 pid, __u64 exec_id)
{
	struct caller_slot *slot = caller_slot_of(pid);
	struct caller *caller;

	if (caller_slot_is(slot, pid)) {
		*out = slot->caller;
		caller_slot_release(slot);
		return caller_is_valid(out, exec_id);
	}
	caller = caller_hash_is_used() ? bpf_map_lookup_elem(&callers, &pid) : NULL;
	if (!caller)
		return false;
	*out = *caller;
	bpf_map_delete_elem(&callers, &pid);
	return caller_is_valid(out, exec_id);
}

static __always_inline void caller_discard(__u32 pid)
{
	struct caller unused;

	caller_consume(&unused, pid, 0);
}

/* Removes the caller of an exec that is complete; one of another thread may be under way. */
static __always_inline void caller_discard_completed(__u32 pid, __u64 exec_id)
{
	if (caller_is_pending(pid, exec_id))
		caller_discard(pid);
}

/* Sets comm, and tid if the hook does not know it. */
static __always_inline void caller_fill(struct record_exec *exec, struct task_struct *task)
{
	struct caller caller;

	if (!caller_consume(&caller, task->pid, task->self_exec_id)) {
		exec->keys.unreadable |= RECORD_KEY_COMM;
		return;
	}
	__builtin_memcpy(exec->comm, caller.comm, sizeof(exec->comm));
	if (!exec->tid)
		exec->tid = caller.tid;
}

/*
 * Fills in the name that the caller has, or had. Returns true if the exec got as far as to rename
 * the task; its old memory is then gone, and the strings with it.
 */
static __always_inline bool caller_fill_failed(struct record_exec *exec, struct task_struct *task,
					       __u32 pid)
{
	struct caller caller;

	if (caller_is_pending(pid, BPF_CORE_READ(task, self_exec_id)) &&
	    caller_consume(&caller, pid, BPF_CORE_READ(task, self_exec_id))) {
		__builtin_memcpy(exec->comm, caller.comm, sizeof(exec->comm));
		return true;
	}
	if (!task_read_comm(exec->comm, task, false))
		exec->keys.unreadable |= RECORD_KEY_COMM;
	return false;
}

#endif
