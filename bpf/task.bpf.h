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
#define TASK_COMM_TRIES 4

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

/* What a task points to. */
struct task_parts {
	struct task_struct *leader;
	struct task_struct *parent_leader;
	struct signal_struct *signal;
	const struct cred *cred; /* real_cred: a task can have another's for a call (overlayfs) */
	struct nsproxy *nsproxy;
};

/*
 * Loads each pointer once, ahead of all branches. For each pointer that is loaded from a task the
 * verifier searches the names of all types (kernel/bpf/verifier.c, btf_nested_type_is_trusted(),
 * 6.4 to 6.18), which takes a millisecond, again on each way through the program; but not from a
 * task that it does not trust.
 */
static __always_inline struct task_parts task_find(struct task_struct *task,
						   struct task_struct *parent, bool typed)
{
	return (struct task_parts){ READ(typed, task, group_leader),
				    READ(typed, parent, group_leader), READ(typed, task, signal),
				    READ(typed, task, real_cred), READ(typed, task, nsproxy) };
}

/*
 * Returns a thread of the task's process, as a pointer that the verifier does not trust: nor does
 * it trust any pointer that is loaded through it, see task_find(). Loads of numbers are checked at
 * run time then, and are longer (arch/x86/net/bpf_jit_comp.c, BPF_PROBE_MEM).
 *
 * signal->curr_target is always one of the threads (5.10 to 7.2: kernel/fork.c, copy_signal();
 * kernel/signal.c, complete_signal(); kernel/exit.c, __exit_signal()).
 */
static __always_inline struct task_struct *task_untrusted_thread(struct task_struct *task)
{
	return task->signal->curr_target;
}

/* Returns the address of the root mount of a mount namespace. */
static __always_inline __u64 task_namespace_root(struct nsproxy *nsproxy, bool typed)
{
	struct mnt_namespace *namespace = READ(typed, nsproxy, mnt_ns);

	return (__u64)READ(typed, namespace, root);
}

static __always_inline void task_fill_ids(struct record_task *out, struct task_struct *task,
					  struct task_struct *parent,
					  const struct task_parts *parts, bool typed)
{
	out->pid = READ(typed, task, tgid);
	out->start_ns = READ(typed, parts->leader, start_boottime);
	out->ppid = READ(typed, parent, tgid);
	out->parent_start_ns = READ(typed, parts->parent_leader, start_boottime);
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

static __always_inline void task_fill_namespaces(struct record_task *out,
						 const struct task_parts *parts, bool typed)
{
	struct nsproxy *nsproxy = parts->nsproxy;

	task_fill_pid_namespace(out, READ(typed, parts->leader, thread_pid), typed);
	out->user_ns = READ(typed, READ(typed, parts->cred, user_ns), ns.inum);
	out->mnt_ns = 0;
	out->net_ns = 0;
	if (nsproxy) {
		out->mnt_ns = READ(typed, READ(typed, nsproxy, mnt_ns), ns.inum);
		out->net_ns = READ(typed, READ(typed, nsproxy, net_ns), ns.inum);
	}
}

static __always_inline void task_fill_credentials(struct record_task *out, struct task_struct *task,
						  const struct cred *cred, bool typed)
{
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

static __always_inline void task_fill_tty(struct record_task *out, struct signal_struct *signal,
					  bool typed)
{
	struct tty_struct *tty = READ(typed, signal, tty);
	struct tty_driver *driver;

	out->tty_major = 0;
	out->tty_minor = 0;
	if (tty) {
		driver = READ(typed, tty, driver);
		out->tty_major = READ(typed, driver, major);
		out->tty_minor = READ(typed, driver, minor_start) + READ(typed, tty, index);
	}
	/* lost meanwhile: what was read can be freed memory (drivers/tty/tty_jobctrl.c) */
	if (tty && (typed ? READ_ONCE(signal->tty) : BPF_CORE_READ(signal, tty)) != tty)
		out->tty_major = out->tty_minor = 0;
}

/* Returns the mask of the keys that are unreadable. */
static __always_inline __u32 task_fill(struct record_task *out, struct task_struct *task,
				       struct task_struct *parent, const struct task_parts *parts,
				       bool typed)
{
	task_fill_ids(out, task, parent, parts, typed);
	task_fill_namespaces(out, parts, typed);
	task_fill_credentials(out, task, parts->cred, typed);
	task_fill_tty(out, parts->signal, typed);
	return task_read_comm(out->parent_comm, parts->parent_leader, typed)
		       ? 0
		       : RECORD_KEY_PARENT_COMM;
}

#endif
