/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Detects the end of a process and adds up the resources it used. */
#ifndef EXECTAP_EXIT_BPF_H
#define EXECTAP_EXIT_BPF_H

#include "kernel_types.h"
#include "record.h"
#include "scratch.bpf.h"
#include <asm-generic/errno-base.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Since 6.16 the hook has an argument that is true for the last thread. Set by the loader. */
const volatile bool config_exit_has_group_dead = false;

struct exited_process {
	__u64 signal; /* address of the signal_struct, which all threads share */
	__u64 start; /* start of the process: the address may be used again */
};

/*
 * Processes of which an exit was sent, for kernels without that argument. An entry is needed while
 * the threads of a process end at the same time.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct exited_process);
	__type(value, __u8);
} exited SEC(".maps");

/*
 * Reports if this thread is the process's last one. do_exit() (kernel/exit.c) decrements
 * signal->live before the hook, so several threads may read 0; the one that inserts the entry
 * sends the record. Before Linux 6.4 the result of an update is an int in a register of which the
 * upper half is zero (include/linux/bpf.h, map_update_elem()).
 */
static __always_inline bool exit_is_last_thread(unsigned long long *context,
						struct task_struct *task)
{
	struct exited_process process = {
		.signal = (__u64)BPF_CORE_READ(task, signal),
		.start = task->group_leader->start_boottime,
	};
	__u8 value = 0;

	if (config_exit_has_group_dead)
		return context[1] & 1;
	if (task->signal->live.counter)
		return false;
	return (int)bpf_map_update_elem(&exited, &process, &value, BPF_NOEXIST) != -EEXIST;
}

/* Maximum threads whose times are added up: those that are not reaped yet. */
#define EXIT_THREADS_MAX 1024

static __always_inline bool exit_add_threads(struct record_exit *exit, struct signal_struct *signal)
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
 * Adds up the CPU times of a process: signal_struct has those of the reaped threads, each other
 * thread has its own. A thread that is reaped during the sum would count twice or not at all; the
 * sequence count reveals that (kernel/exit.c, __exit_signal()). The record is in the scratch.
 * Returns the mask of the keys that are unreadable.
 */
__noinline int exit_fill_times(__u32 slot)
{
	struct scratch *scratch = scratch_get(slot);
	struct signal_struct *signal;
	struct record_exit *exit;
	bool complete;

	if (!scratch)
		return RECORD_KEY_TIMES;
	signal = (void *)scratch->signal;
	exit = (struct record_exit *)scratch->record;
	for (int attempt = 0; attempt < 3; attempt++) {
		unsigned int sequence =
			BPF_CORE_READ(signal, stats_lock.seqcount.seqcount.sequence);

		exit->user_ns = BPF_CORE_READ(signal, utime);
		exit->system_ns = BPF_CORE_READ(signal, stime);
		exit->runtime_ns = BPF_CORE_READ(signal, sum_sched_runtime);
		complete = exit_add_threads(exit, signal);
		if (complete &&
		    sequence == BPF_CORE_READ(signal, stats_lock.seqcount.seqcount.sequence))
			return 0;
	}
	return RECORD_KEY_TIMES;
}

#endif
