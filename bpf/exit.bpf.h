/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* When a process has ended, and what it used. */
#ifndef EXECTAP_EXIT_BPF_H
#define EXECTAP_EXIT_BPF_H

#include "kernel_types.h"
#include "record.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Kernels since 6.16 tell the hook which thread was the last one; set by the loader. */
const volatile bool config_exit_has_group_dead = false;

/* Processes of which an exit was sent, where the hook does not tell; needed while their threads end
 * at once. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64); /* address of the signal_struct, which all threads share */
	__type(value, __u64); /* start of the process, in case the address is used again */
} exited SEC(".maps");

/*
 * kernel/exit.c, do_exit() has counted signal->live down before the hook. Several threads may see 0
 * in it; the first one of them to enter itself speaks for the process.
 */
static __always_inline bool is_last_thread(unsigned long long *context, struct task_struct *task)
{
	__u64 process = (__u64)BPF_CORE_READ(task, signal),
	      start = task->group_leader->start_boottime;
	__u64 *known;

	if (config_exit_has_group_dead)
		return context[1] & 1;
	if (task->signal->live.counter)
		return false;
	if (!bpf_map_update_elem(&exited, &process, &start, BPF_NOEXIST))
		return true;
	known = bpf_map_lookup_elem(&exited, &process);
	if (!known || *known == start)
		return false;
	*known = start;
	return true;
}

/* Threads whose times are added up one by one: those that are not reaped yet. */
#define EXIT_THREADS_MAX 1024

static __always_inline bool add_threads(struct record_exit *exit, struct signal_struct *signal)
{
	struct list_head *end =
		(void *)((__u64)signal + bpf_core_field_offset(struct signal_struct, thread_head));
	struct list_head *node = BPF_CORE_READ(signal, thread_head.next);

	for (int i = 0; i < EXIT_THREADS_MAX; i++) {
		struct task_struct *thread =
			(void *)((__u64)node -
				 bpf_core_field_offset(struct task_struct, thread_node));

		if (node == end)
			return true;
		exit->user_ns += BPF_CORE_READ(thread, utime);
		exit->system_ns += BPF_CORE_READ(thread, stime);
		exit->runtime_ns += BPF_CORE_READ(thread, se.sum_exec_runtime);
		node = BPF_CORE_READ(node, next);
	}
	return false;
}

/*
 * CPU times of the reaped threads are in signal_struct, each other thread has its own; a thread
 * that is reaped meanwhile would be counted twice or not at all, which the sequence count tells
 * (kernel/exit.c,
 * __exit_signal()).
 */
static __always_inline void fill_times(struct record_exit *exit, struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	bool complete;

	for (int attempt = 0; attempt < 3; attempt++) {
		unsigned int sequence =
			BPF_CORE_READ(signal, stats_lock.seqcount.seqcount.sequence);

		exit->user_ns = BPF_CORE_READ(signal, utime);
		exit->system_ns = BPF_CORE_READ(signal, stime);
		exit->runtime_ns = BPF_CORE_READ(signal, sum_sched_runtime);
		complete = add_threads(exit, signal);
		if (complete &&
		    sequence == BPF_CORE_READ(signal, stats_lock.seqcount.seqcount.sequence))
			return;
	}
	exit->unreadable |= RECORD_KEY_TIMES;
}

#endif
