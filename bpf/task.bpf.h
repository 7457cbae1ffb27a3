/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Fills a record's struct record_task from a task's kernel structures. On kernels before 5.11 not
 * every hook has a task whose type the verifier knows: `typed` is false there, a constant.
 */
#ifndef EXECTAP_TASK_BPF_H
#define EXECTAP_TASK_BPF_H

#include "kernel_types.h"
#include "read.bpf.h"
#include "record.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Reads of a name that its task changes meanwhile. */
#define TASK_COMM_TRIES 8

/*
 * Copies a task's name. The kernel has no sequence count for it, so it is read until two reads are
 * the same; a writer that is interrupted half-way goes unnoticed. Returns false on failure.
 */
static __always_inline bool task_read_comm(char comm[RECORD_COMM_BYTES], struct task_struct *task,
					   bool typed)
{
	__u64 words[2] = {}, previous[2] = {};

	for (int try = 0; try <= TASK_COMM_TRIES; try++) {
		if (typed) {
			words[0] = READ_U64(task, comm, 0);
			words[1] = READ_U64(task, comm, 8);
		} else if (bpf_core_read(words, sizeof(words), &task->comm)) {
			return false;
		}
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
static __always_inline __u64 task_namespace_root(struct task_struct *task, bool typed)
{
	struct mnt_namespace *namespace = READ(typed, READ(typed, task, nsproxy), mnt_ns);

	return (__u64)READ(typed, namespace, root);
}

static __always_inline void task_fill_ids(struct record_task *out, struct task_struct *task,
					  struct task_struct *parent, bool typed)
{
	struct task_struct *leader = READ(typed, task, group_leader);
	struct task_struct *parent_leader = READ(typed, parent, group_leader);
	struct signal_struct *signal = READ(typed, task, signal);

	out->pid = READ(typed, task, tgid);
	out->start_ns = READ(typed, leader, start_boottime);
	out->ppid = READ(typed, parent, tgid);
	out->parent_start_ns = READ(typed, parent_leader, start_boottime);
	out->pgid = READ(typed, READ(typed, signal, pids[PIDTYPE_PGID]), numbers[0].nr);
	out->sid = READ(typed, READ(typed, signal, pids[PIDTYPE_SID]), numbers[0].nr);
}

/* numbers[] has one entry for each level of pid namespaces, the innermost last. */
static __always_inline void task_fill_pid_namespace(struct record_task *out, struct pid *pid,
						    bool typed)
{
	unsigned int level = READ(typed, pid, level);
	struct upid own = {};

	if (!level) {
		out->ns_pid = READ(typed, pid, numbers[0].nr);
		out->pid_ns = READ(typed, READ(typed, pid, numbers[0].ns), ns.inum);
		return;
	}
	bpf_core_read(&own, sizeof(own), &pid->numbers[level]);
	out->ns_pid = own.nr;
	out->pid_ns = BPF_CORE_READ(own.ns, ns.inum);
}

static __always_inline void task_fill_namespaces(struct record_task *out, struct task_struct *task,
						 bool typed)
{
	struct task_struct *leader = READ(typed, task, group_leader);
	struct nsproxy *nsproxy = READ(typed, task, nsproxy);
	const struct cred *cred = READ(typed, task, cred);

	task_fill_pid_namespace(out, READ(typed, leader, thread_pid), typed);
	out->user_ns = READ(typed, READ(typed, cred, user_ns), ns.inum);
	out->mnt_ns = 0;
	out->net_ns = 0;
	if (nsproxy) {
		out->mnt_ns = READ(typed, READ(typed, nsproxy, mnt_ns), ns.inum);
		out->net_ns = READ(typed, READ(typed, nsproxy, net_ns), ns.inum);
	}
}

static __always_inline void task_fill_credentials(struct record_task *out, struct task_struct *task,
						  bool typed)
{
	const struct cred *cred = READ(typed, task, cred);

	out->uid = READ(typed, cred, uid.val);
	out->gid = READ(typed, cred, gid.val);
	out->euid = READ(typed, cred, euid.val);
	out->egid = READ(typed, cred, egid.val);
	if (typed) {
		out->cap_effective = READ_U64(cred, cap_effective, 0);
		out->cap_permitted = READ_U64(cred, cap_permitted, 0);
	} else {
		bpf_core_read(&out->cap_effective, sizeof(__u64), &cred->cap_effective);
		bpf_core_read(&out->cap_permitted, sizeof(__u64), &cred->cap_permitted);
	}
	out->auid = RECORD_AUDIT_UNSET;
	out->ses = RECORD_AUDIT_UNSET;
	if (bpf_core_field_exists(task->loginuid)) {
		out->auid = READ(typed, task, loginuid.val);
		out->ses = READ(typed, task, sessionid);
	}
}

static __always_inline void task_fill_tty(struct record_task *out, struct task_struct *task,
					  bool typed)
{
	struct tty_struct *tty = READ(typed, READ(typed, task, signal), tty);
	struct tty_driver *driver;

	out->tty_major = 0;
	out->tty_minor = 0;
	if (tty) {
		driver = READ(typed, tty, driver);
		out->tty_major = READ(typed, driver, major);
		out->tty_minor = READ(typed, driver, minor_start) + READ(typed, tty, index);
	}
}

/* Returns the mask of the keys that are unreadable. */
static __always_inline __u32 task_fill(struct record_task *out, struct task_struct *task,
				       struct task_struct *parent, bool typed)
{
	task_fill_ids(out, task, parent, typed);
	task_fill_namespaces(out, task, typed);
	task_fill_credentials(out, task, typed);
	task_fill_tty(out, task, typed);
	return task_read_comm(out->parent_comm, READ(typed, parent, group_leader), typed)
		       ? 0
		       : RECORD_KEY_PARENT_COMM;
}

#endif
