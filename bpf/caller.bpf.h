/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Saves the caller's command name. begin_new_exec() (fs/exec.c) renames the task after the new
 * program, by then as the group leader, before sched_process_exec; at task_rename the caller's name
 * is still in place. Tasks also rename themselves and each other: caller_save() skips these.
 */
#ifndef EXECTAP_CALLER_BPF_H
#define EXECTAP_CALLER_BPF_H

#include "kernel_types.h"
#include "record.h"
#include "task.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct caller {
	char comm[RECORD_COMM_BYTES];
};

/*
 * Command names of tasks between the two hooks of an exec. Thread ids are consecutive, so these
 * slots stay in the cache; a hash would touch a cold bucket for each task, which costs more than
 * the rest of the hook. On a collision the name goes to the LRU hash. An exec that is killed
 * between the two hooks leaves its name behind: in a slot until the thread id is used again, in the
 * hash until it is evicted.
 */
#define CALLER_SLOTS 1024

struct caller_slot {
	__u32 users; /* claimed like a scratch slot, scratch.bpf.h */
	__u32 tid; /* thread id of the owner; 0: none */
	struct caller caller;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CALLER_SLOTS);
	__type(key, __u32); /* thread id % CALLER_SLOTS */
	__type(value, struct caller_slot);
} caller_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* thread id */
	__type(value, struct caller);
} callers SEC(".maps");

/* Nonzero once the hash has had an entry; before that no lookup is needed. */
__u32 callers_used SEC(".data.callers");

static __always_inline bool caller_hash_is_used(void)
{
	return *(volatile __u32 *)&callers_used;
}

static __always_inline struct caller_slot *caller_slot_of(__u32 tid)
{
	__u32 index = tid % CALLER_SLOTS;

	return bpf_map_lookup_elem(&caller_slots, &index);
}

static __always_inline bool caller_slot_is(const struct caller_slot *slot, __u32 tid)
{
	return slot && *(const volatile __u32 *)&slot->tid == tid;
}

/* Returns a slot that belongs to the task until caller_slot_release(), or NULL. */
static __always_inline struct caller_slot *caller_slot_claim(__u32 tid)
{
	struct caller_slot *slot = caller_slot_of(tid);

	if (!slot || caller_slot_is(slot, tid)) /* left behind by a task that had this id before */
		return slot;
	__sync_fetch_and_add(&slot->users, 1);
	if (*(volatile __u32 *)&slot->users == 1)
		return slot;
	__sync_fetch_and_add(&slot->users, -1);
	return NULL;
}

static __always_inline void caller_slot_release(struct caller_slot *slot)
{
	*(volatile __u32 *)&slot->tid = 0;
	__sync_fetch_and_add(&slot->users, -1);
}

/* Saves the name of the current task if the rename that follows is part of its own exec. */
static __always_inline void caller_save(struct task_struct *task)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct caller_slot *slot;
	struct caller caller = {};

	if ((__u32)BPF_CORE_READ(task, pid) != tid)
		return;
	if (bpf_core_field_exists(task->in_execve)) {
		if (!BPF_CORE_READ_BITFIELD_PROBED(task, in_execve))
			return;
	} else if (BPF_CORE_READ(task, mm, arg_start)) { /* nonzero once the new stack is set up,
							    fs/exec.c setup_arg_pages() */
		return;
	}
	slot = caller_slot_claim(tid);
	if (slot) {
		bpf_core_read_str(slot->caller.comm, sizeof(slot->caller.comm), &task->comm);
		*(volatile __u32 *)&slot->tid = tid;
		if (caller_hash_is_used()) /* a task that had this id before may have left its name
					      there */
			bpf_map_delete_elem(&callers, &tid);
		return;
	}
	*(volatile __u32 *)&callers_used = 1;
	bpf_core_read_str(caller.comm, sizeof(caller.comm), &task->comm);
	bpf_map_update_elem(&callers, &tid, &caller, BPF_ANY);
}

/* Reports if handle_exec() has not run for this exec; that program consumes the name. */
static __always_inline bool caller_is_pending(__u32 tid)
{
	return caller_slot_is(caller_slot_of(tid), tid) ||
	       (caller_hash_is_used() && bpf_map_lookup_elem(&callers, &tid));
}

/* Copies the name out and removes it. Returns false if there is none. */
static __always_inline bool caller_consume(char comm[RECORD_COMM_BYTES], __u32 tid)
{
	struct caller_slot *slot = caller_slot_of(tid);
	struct caller *caller;

	if (caller_slot_is(slot, tid)) {
		__builtin_memcpy(comm, slot->caller.comm, RECORD_COMM_BYTES);
		caller_slot_release(slot);
		return true;
	}
	caller = caller_hash_is_used() ? bpf_map_lookup_elem(&callers, &tid) : NULL;
	if (!caller)
		return false;
	__builtin_memcpy(comm, caller->comm, RECORD_COMM_BYTES);
	bpf_map_delete_elem(&callers, &tid);
	return true;
}

static __always_inline void caller_discard(__u32 tid)
{
	char unused[RECORD_COMM_BYTES];

	caller_consume(unused, tid);
}

static __always_inline void caller_fill(struct record_exec *exec, __u32 tid)
{
	if (!caller_consume(exec->comm, tid))
		exec->unreadable |= RECORD_KEY_COMM;
}

/*
 * Fills in the name that the caller has, or had. Returns true if the exec got as far as to rename
 * the task; its old memory is then gone, and the strings with it.
 */
static __always_inline bool caller_fill_failed(struct record_exec *exec, struct task_struct *task,
					       __u32 tid)
{
	if (caller_consume(exec->comm, tid))
		return true;
	if (!task_read_comm(exec->comm, task))
		exec->unreadable |= RECORD_KEY_COMM;
	return false;
}

#endif
