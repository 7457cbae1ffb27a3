/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reads the processes that a process descends from, the leaders of its session and process group,
 * and the entry: the process with which the work came to this host. For `typed` see task.bpf.h.
 */
#ifndef EXECTAP_RELATION_BPF_H
#define EXECTAP_RELATION_BPF_H

#include "kernel_types.h"
#include "output.bpf.h"
#include "read.bpf.h"
#include "record.h"
#include "task.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* The keys of the ancestors and the entry */
#define RELATION_KEYS (RECORD_KEY_ANCESTORS | RECORD_KEY_ENTRY)

/* Maximum generations that are searched for the entry. */
#define RELATION_STEPS 32

#define RELATION_PID_INIT 1
#define RELATION_PID_KTHREADD 2

/* The bytes of a name with its NUL, at most eight, as a number. */
#define RELATION_WORD(a, b, c, d, e, f, g, h)                                                      \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |   \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

/* Up to 5.16 what follows the NUL of a name is left over from a longer one. */
#define RELATION_BYTES(word, count) ((word) & ~0ull >> (64 - 8 * (count)))

/* Returns how the children of init or kthreadd come to the host, and these two themselves. */
static __always_inline __u32 relation_entry_of_root(__u32 pid)
{
	return pid == RELATION_PID_INIT	      ? RECORD_ENTRY_INIT
	       : pid == RELATION_PID_KTHREADD ? RECORD_ENTRY_KTHREAD
					      : RECORD_ENTRY_NONE;
}

/* Returns how the children of a program with this name come to the host. */
static __always_inline __u32 relation_entry_by_name(__u64 first, __u64 second)
{
	if (RELATION_BYTES(first, 5) == RELATION_WORD('s', 's', 'h', 'd', 0, 0, 0, 0) ||
	    first == RELATION_WORD('s', 's', 'h', 'd', '-', 's', 'e', 's')) /* sshd-session */
		return RECORD_ENTRY_SSHD;
	if (first == RELATION_WORD('s', 's', 'm', '-', 's', 'e', 's', 's')) /* ssm-session-worker */
		return RECORD_ENTRY_SSM;
	if (RELATION_BYTES(first, 6) == RELATION_WORD('l', 'o', 'g', 'i', 'n', 0, 0, 0))
		return RECORD_ENTRY_TERMINAL;
	if (RELATION_BYTES(first, 7) == RELATION_WORD('c', 'o', 'n', 'm', 'o', 'n', 0, 0) ||
	    first == RELATION_WORD('l', 'x', 'c', '-', 's', 't', 'a', 'r') || /* lxc-start */
	    (first == RELATION_WORD('c', 'o', 'n', 't', 'a', 'i', 'n', 'e') &&
	     RELATION_BYTES(second, 7) == RELATION_WORD('r', 'd', '-', 's', 'h', 'i', 'm', 0)) ||
	    (first == RELATION_WORD('s', 'y', 's', 't', 'e', 'm', 'd', '-') &&
	     RELATION_BYTES(second, 7) == RELATION_WORD('n', 's', 'p', 'a', 'w', 'n', 0, 0)))
		return RECORD_ENTRY_CONTAINER;
	return RECORD_ENTRY_NONE;
}

static __always_inline void relation_set_entry(struct record_task *out, __u32 type,
					       struct task_struct *entry, bool typed)
{
	out->entry_type = type;
	out->entry_pid = READ(typed, entry, tgid);
	out->entry_start_ns = READ(typed, entry, start_boottime);
	if (!(READ(typed, entry, flags) & PF_KTHREAD))
		out->entry_exec_id = READ(typed, entry, self_exec_id);
}

/* Adds a grandparent or a farther ancestor. Returns false if the list is full. */
static __always_inline bool relation_add(struct record_task *out, int generation,
					 struct task_struct *ancestor, const __u64 name[2],
					 bool typed)
{
	struct record_ancestor *added;

	if (generation > RECORD_ANCESTORS)
		return false;
	added = &out->ancestors[generation - 1];
	added->pid = READ(typed, ancestor, tgid);
	added->start_ns = READ(typed, ancestor, start_boottime);
	__builtin_memcpy(added->comm, name, sizeof(added->comm));
	out->ancestor_count = generation;
	return true;
}

/*
 * Follows the parents up to init or kthreadd, the children of the swapper with pid 0. Each one's
 * parent is read once. A process that loses its parent meanwhile gets another one; what is read is
 * true of each process. `parent` must still be the one that the record has. Returns the mask of the
 * keys that are unreadable.
 */
static __always_inline __u32 relation_walk(struct record_task *out, struct task_struct *process,
					   struct task_struct *parent, bool typed)
{
	struct task_struct *child = process, *ancestor = READ(typed, parent, group_leader);

	if ((__u32)READ(typed, ancestor, tgid) != out->ppid ||
	    READ(typed, ancestor, start_boottime) != out->parent_start_ns)
		return RELATION_KEYS;
	for (int generation = 0; generation < RELATION_STEPS; generation++) {
		__u32 pid = READ(typed, ancestor, tgid), type;
		__u64 name[2];

		if (!pid) {
			if (!generation) /* it is init or kthreadd itself */
				relation_set_entry(out, relation_entry_of_root(out->pid), child,
						   typed);
			return 0;
		}
		if (!task_read_comm((char *)name, ancestor, typed))
			return RECORD_KEY_ANCESTORS | (out->entry_type ? 0 : RECORD_KEY_ENTRY);
		if (generation && !relation_add(out, generation, ancestor, name, typed)) {
			out->has_more_ancestors = 1;
			if (out->entry_type)
				return 0;
		}
		type = relation_entry_of_root(pid);
		if (!type)
			type = relation_entry_by_name(name[0], name[1]);
		if (type && !out->entry_type)
			relation_set_entry(out, type, child, typed);
		child = ancestor;
		ancestor = READ(typed, READ(typed, ancestor, real_parent), group_leader);
	}
	return out->entry_type ? 0 : RECORD_KEY_ENTRY;
}

/*
 * Returns the start of the process that leads a session or a process group, or 0 if it has ended.
 * Its id is not used again while the session or the group exists (kernel/pid.c, __change_pid()).
 */
static __always_inline __u64 relation_leader_start(const struct record_task *out, __u32 leader_pid,
						   struct pid *id, bool typed)
{
	struct hlist_node *first;
	__u64 leader;

	if (leader_pid == out->pid)
		return out->start_ns;
	if (leader_pid == out->ppid)
		return out->parent_start_ns;
	first = READ(typed, id, tasks[PIDTYPE_TGID].first);
	leader = (__u64)first - bpf_core_field_offset(struct task_struct, pid_links[PIDTYPE_TGID]);
	return first ? BPF_CORE_READ((struct task_struct *)leader, start_boottime) : 0;
}

/* Returns the first thread of a task's process as task_untrusted_thread() does, or NULL. */
static __always_inline struct task_struct *relation_untrusted_leader(struct task_struct *task)
{
	struct task_struct *leader = task_untrusted_thread(task)->group_leader;

	return leader == task->group_leader ? leader : NULL;
}

/*
 * Fills in the ancestors and the entry of the current process, in the record of the scratch. The
 * verifier checks a global function once, and not for each program. Where there is no current task
 * with a type (before 5.11), the members are read by calls.
 */
__noinline int relation_fill_ancestors(__u32 slot)
{
	struct scratch *scratch = scratch_get(slot);
	struct record_task *out;
	struct task_struct *task, *leader;

	if (!scratch)
		return RELATION_KEYS;
	out = &((struct record_exit *)scratch->record)->task;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		task = bpf_get_current_task_btf();
		leader = relation_untrusted_leader(task);
		return leader ? relation_walk(out, leader, leader->real_parent, true)
			      : RELATION_KEYS;
	}
	task = (struct task_struct *)bpf_get_current_task();
	return relation_walk(out, BPF_CORE_READ(task, group_leader),
			     BPF_CORE_READ(task, real_parent), false);
}

/* Returns those of RELATION_KEYS that nobody needs. */
static __always_inline __u32 relation_omitted(void)
{
	return *(volatile __u64 *)&shared.omitted_keys & RELATION_KEYS;
}

/*
 * Fills in the process group and the session, and their leaders. Each is read once: setpgid(2) and
 * setsid(2) store another one meanwhile (kernel/pid.c, change_pid()).
 */
static __always_inline void relation_fill_leaders(struct record_task *out,
						  struct signal_struct *signal, bool typed)
{
	struct pid *group = READ(typed, signal, pids[PIDTYPE_PGID]);
	struct pid *session = READ(typed, signal, pids[PIDTYPE_SID]);

	if (!group || !session) /* the process has ended, see running_has_ended() */
		return;
	out->pgid = READ(typed, group, numbers[0].nr);
	out->sid = READ(typed, session, numbers[0].nr);
	out->group_start_ns = relation_leader_start(out, out->pgid, group, typed);
	out->session_start_ns = relation_leader_start(out, out->sid, session, typed);
}

/*
 * Fills in the ancestors and the entry of a process that is not the current one, by its first
 * thread. Returns the mask of the keys that are unreadable.
 */
static __always_inline __u32 relation_fill_begun(struct record_task *out, struct task_struct *task)
{
	__u32 omitted = relation_omitted();
	struct task_struct *leader;

	if (omitted == RELATION_KEYS)
		return omitted;
	leader = relation_untrusted_leader(task);
	return leader ? omitted | relation_walk(out, leader, leader->real_parent, true)
		      : RELATION_KEYS;
}

/*
 * Fills in the ancestors and the entry of the current process, whose record is in the scratch.
 * Returns the mask of the keys that are unreadable.
 */
static __always_inline __u32 relation_fill(__u32 slot)
{
	__u32 omitted = relation_omitted();

	return omitted == RELATION_KEYS ? omitted : omitted | relation_fill_ancestors(slot);
}

#endif
