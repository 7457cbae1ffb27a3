/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Fills a record's struct record_task from a task's kernel structures. The reads work on any
 * pointer: on kernels before 5.11 not every hook's program type has typed ones.
 */
#ifndef EXECTAP_TASK_BPF_H
#define EXECTAP_TASK_BPF_H

#include "kernel_types.h"
#include "record.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Reads of a name that its task changes meanwhile. */
#define TASK_COMM_TRIES 8

/*
 * Copies a task's name. The kernel has no sequence count for it, so it is read until two reads are
 * the same; a writer that is interrupted half-way goes unnoticed. Returns false on failure.
 */
static __always_inline bool task_read_comm(char comm[RECORD_COMM_BYTES], struct task_struct *task)
{
	__u64 words[2] = {}, previous[2] = {};

	for (int try = 0; try <= TASK_COMM_TRIES; try++) {
		if (bpf_core_read(words, sizeof(words), &task->comm))
			return false;
		if (try && words[0] == previous[0] && words[1] == previous[1]) {
			__builtin_memcpy(comm, words, sizeof(words));
			comm[RECORD_COMM_BYTES - 1] = '\0';
			return true;
		}
		previous[0] = words[0];
		previous[1] = words[1];
	}
	return false;
}

/* Returns the address of the root mount of the task's mount namespace. */
static __always_inline __u64 task_namespace_root(struct task_struct *task)
{
	return (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns, root);
}

static __always_inline void task_fill_ids(struct record_task *out, struct task_struct *task,
					  struct task_struct *parent)
{
	struct task_struct *parent_leader = BPF_CORE_READ(parent, group_leader);

	out->pid = BPF_CORE_READ(task, tgid);
	out->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	out->ppid = BPF_CORE_READ(parent, tgid);
	out->parent_start_ns = BPF_CORE_READ(parent_leader, start_boottime);
	out->pgid = BPF_CORE_READ(task, signal, pids[PIDTYPE_PGID], numbers[0].nr);
	out->sid = BPF_CORE_READ(task, signal, pids[PIDTYPE_SID], numbers[0].nr);
}

static __always_inline void task_fill_namespaces(struct record_task *out, struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	struct nsproxy *nsproxy = BPF_CORE_READ(task, nsproxy);
	unsigned int level = BPF_CORE_READ(pid, level);
	struct upid own = {};

	/* numbers[] has one entry for each level of pid namespaces, the innermost last */
	bpf_core_read(&own, sizeof(own), &pid->numbers[level]);
	out->ns_pid = own.nr;
	out->pid_ns = BPF_CORE_READ(own.ns, ns.inum);
	out->user_ns = BPF_CORE_READ(task, cred, user_ns, ns.inum);
	out->mnt_ns = 0;
	out->net_ns = 0;
	if (nsproxy) {
		out->mnt_ns = BPF_CORE_READ(nsproxy, mnt_ns, ns.inum);
		out->net_ns = BPF_CORE_READ(nsproxy, net_ns, ns.inum);
	}
}

static __always_inline void task_fill_credentials(struct record_task *out, struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);

	out->uid = BPF_CORE_READ(cred, uid.val);
	out->gid = BPF_CORE_READ(cred, gid.val);
	out->euid = BPF_CORE_READ(cred, euid.val);
	out->egid = BPF_CORE_READ(cred, egid.val);
	bpf_core_read(&out->cap_effective, sizeof(out->cap_effective), &cred->cap_effective);
	bpf_core_read(&out->cap_permitted, sizeof(out->cap_permitted), &cred->cap_permitted);
	out->auid = RECORD_AUDIT_UNSET;
	out->ses = RECORD_AUDIT_UNSET;
	if (bpf_core_field_exists(task->loginuid)) {
		out->auid = BPF_CORE_READ(task, loginuid.val);
		out->ses = BPF_CORE_READ(task, sessionid);
	}
}

static __always_inline void task_fill_tty(struct record_task *out, struct task_struct *task)
{
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);

	out->tty_major = 0;
	out->tty_minor = 0;
	if (tty) {
		out->tty_major = BPF_CORE_READ(tty, driver, major);
		out->tty_minor =
			BPF_CORE_READ(tty, driver, minor_start) + BPF_CORE_READ(tty, index);
	}
}

/* Returns the mask of the keys that are unreadable. */
static __always_inline __u32 task_fill(struct record_task *out, struct task_struct *task,
				       struct task_struct *parent)
{
	task_fill_ids(out, task, parent);
	task_fill_namespaces(out, task);
	task_fill_credentials(out, task);
	task_fill_tty(out, task);
	out->reserved = 0;
	return task_read_comm(out->parent_comm, BPF_CORE_READ(parent, group_leader))
		       ? 0
		       : RECORD_KEY_PARENT_COMM;
}

#endif
