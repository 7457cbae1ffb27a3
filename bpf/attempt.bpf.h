/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Builds the record of a failed execve(2) or execveat(2) when the call returns. */
#ifndef EXECTAP_ATTEMPT_BPF_H
#define EXECTAP_ATTEMPT_BPF_H

#include "args.bpf.h"
#include "caller.bpf.h"
#include "exec.bpf.h"
#include "file.bpf.h"
#include "kernel_types.h"
#include "output.bpf.h"
#include "record.h"
#include "relation.bpf.h"
#include "scratch.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* The user addresses of an attempt under way. A thread that takes the leader's id leaves its entry
 * to the LRU, and its own id to another thread. */
struct attempt {
	__u64 filename;
	__u64 argv;
	__u64 start_ns; /* of the thread */
	__s32 directory_fd;
	__u32 pointer_bytes; /* 4 for a 32-bit caller, 0 for AT_EXECVE_CHECK: nothing was to be
				executed */
};

/* include/uapi/linux/fcntl.h, Linux 6.14: execveat(2) checks if the file may be executed. */
#define ATTEMPT_EXECVE_CHECK 0x10000

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* thread id */
	__type(value, struct attempt);
} attempts SEC(".maps");

#define ERESTARTSYS 512 /* include/linux/errno.h: this and larger values never reach user space */

static __always_inline __u32 attempt_append_filename(struct scratch *scratch,
						     struct record_exec *exec, __u32 end,
						     const void *filename)
{
	return exec_end_filename(
		exec, end,
		args_read_string(&scratch->record[sizeof(*exec)], RECORD_FILENAME_BYTES, filename));
}

static __always_inline __u32 attempt_append_args(struct scratch *scratch, struct record_exec *exec,
						 __u32 slot, __u32 end,
						 const struct attempt *attempt)
{
	int result = args_append(scratch, slot, end, attempt->argv, attempt->pointer_bytes);

	exec->args_bytes = RECORD_ARGS_BYTES_UNKNOWN;
	exec->argc = result == ARGS_DONE ? scratch->args.index : RECORD_ARGC_UNKNOWN;
	exec->args.offset = end;
	if (result == ARGS_UNREADABLE) {
		exec->keys.unreadable |= RECORD_KEY_ARGS;
		return end;
	}
	if (!result || scratch->args.truncated)
		exec->keys.truncated |= RECORD_KEY_ARGS;
	if (output_is_in_reserve(scratch->args.end)) {
		exec->keys.truncated |= RECORD_KEY_ARGS;
		return end;
	}
	exec->args.length = scratch->args.end - end;
	return scratch->args.end;
}

static __always_inline void attempt_send(struct scratch *scratch, __u32 slot,
					 const struct attempt *attempt, __u32 error)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 end = sizeof(struct record_exec);
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);
	struct record_exec *exec =
		exec_begin(scratch, RECORD_EXEC_FAILED, task, task, parent, false);
	bool renamed = caller_fill_failed(exec, task, pid_tgid >> 32);

	exec->keys.unreadable |= relation_fill(slot);
	exec->tid = (__u32)pid_tgid;
	exec->error = error;
	exec->directory_fd = attempt->directory_fd;
	if (renamed) {
		exec->argc = RECORD_ARGC_UNKNOWN;
		exec->args_bytes = RECORD_ARGS_BYTES_UNKNOWN;
		exec->keys.unreadable |= RECORD_KEY_FILENAME | RECORD_KEY_ARGS;
	} else {
		end = attempt_append_filename(scratch, exec, end, (const void *)attempt->filename);
	}
	end = file_append_streams(exec->streams, &exec->keys, slot, task, end);
	end = exec_append_cwd(exec, scratch, slot, task, end);
	end = exec_append_relatives(&EXEC_RELATIVES(exec, BPF_CORE_READ(parent, mm)), scratch, slot,
				    parent, false, end);
	end = exec_append_cgroup(&exec->keys, &exec->cgroup, scratch, slot, end);
	if (!renamed)
		end = attempt_append_args(scratch, exec, slot, end, attempt);
	exec->header.size = end;
	output_scratch(scratch, RECORD_EXEC_FAILED, end);
}

static __always_inline bool attempt_has_failed(long result)
{
	return result < 0 && result > -ERESTARTSYS;
}

/* Handles the return of execve(2) or execveat(2) with `result`. */
static __always_inline void attempt_handle_result(const struct attempt *attempt, long result)
{
	__u32 slot;
	struct scratch *scratch;

	if (!attempt_has_failed(result) || output_state() == RECORD_STATE_STANDBY)
		return;
	slot = scratch_claim(true);
	scratch = scratch_get(slot);
	if (!scratch) {
		output_count_loss(RECORD_EXEC_FAILED, RECORD_LOSS_NO_SCRATCH);
		return;
	}
	attempt_send(scratch, slot, attempt, -result);
	scratch_release(slot);
}

/* /sys/kernel/tracing/events/syscalls/sys_enter_NAME/format */
struct attempt_enter_context {
	__u64 common;
	long number;
	unsigned long arguments[6];
};

struct attempt_exit_context {
	__u64 common;
	long number;
	long result;
};

static __always_inline int attempt_enter(unsigned long filename, unsigned long argv,
					 int directory_fd, unsigned long flags)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct attempt attempt = { .filename = filename,
				   .argv = argv,
				   .start_ns = BPF_CORE_READ(task, start_boottime),
				   .directory_fd = directory_fd,
				   .pointer_bytes =
					   flags & ATTEMPT_EXECVE_CHECK ? 0 : sizeof(__u64) };
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 pid = pid_tgid >> 32, tid = (__u32)pid_tgid;

	if (output_state() == RECORD_STATE_OFF)
		return 0;
	/* left behind by a successful exec whose return was that of another system call */
	caller_discard_completed(pid, BPF_CORE_READ(task, self_exec_id));
	bpf_map_update_elem(&attempts, &tid, &attempt, BPF_ANY);
	return 0;
}

/*
 * Handles the return of the call. A thread that is not the leader takes the leader's id at the
 * point of no return. If its exec fails after that, the only trace under the new id is the caller's
 * name. A failure without any trace is counted: the entry was dropped from the map, or its program
 * was skipped or not yet attached, or seccomp(2) refused the call, which then has no entry.
 */
static __always_inline int attempt_exit(long result)
{
	struct attempt attempt = { .directory_fd = RECORD_FD_CWD };
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct attempt *found = bpf_map_lookup_elem(&attempts, &tid);
	bool entered = found && found->start_ns == BPF_CORE_READ(task, start_boottime);

	if (entered)
		attempt = *found;
	if (found)
		bpf_map_delete_elem(&attempts, &tid);
	if (!attempt_has_failed(result)) {
		caller_discard_completed(tid, BPF_CORE_READ(task, self_exec_id));
		return 0;
	}
	if (!entered && !caller_is_pending(tid, BPF_CORE_READ(task, self_exec_id))) {
		if (output_state() == RECORD_STATE_ON)
			output_count_loss(RECORD_EXEC_FAILED, RECORD_LOSS_NO_ENTRY);
		return 0;
	}
	if (!entered || attempt.pointer_bytes)
		attempt_handle_result(&attempt, result);
	return 0;
}

/*
 * Handles the return of an entry point (fexit), whose registers are still the caller's. These
 * programs do not slow other system calls, unlike the tracepoints, but not every kernel lets them
 * attach. The loader tries, and sets the functions' names.
 */
static __always_inline int attempt_return(__u64 filename, __u64 argv, int directory_fd,
					  __u32 pointer_bytes, long result)
{
	struct attempt attempt = { .filename = filename,
				   .argv = argv,
				   .directory_fd = directory_fd,
				   .pointer_bytes = pointer_bytes };

	if (result >= 0) { /* the caller's name is still here if no hook consumed it */
		caller_discard((__u32)bpf_get_current_pid_tgid());
		return 0;
	}
	if (pointer_bytes)
		attempt_handle_result(&attempt, result);
	return 0;
}

#if defined(__TARGET_ARCH_x86)
#define ENTRY_ARGUMENT_1(regs) BPF_CORE_READ(regs, di)
#define ENTRY_ARGUMENT_2(regs) BPF_CORE_READ(regs, si)
#define ENTRY_ARGUMENT_3(regs) BPF_CORE_READ(regs, dx)
#define COMPAT_ARGUMENT_1(regs) BPF_CORE_READ(regs, bx)
#define COMPAT_ARGUMENT_2(regs) BPF_CORE_READ(regs, cx)
#define COMPAT_ARGUMENT_3(regs) BPF_CORE_READ(regs, dx)
#define ENTRY_ARGUMENT_5(regs) BPF_CORE_READ(regs, r8)
#define COMPAT_ARGUMENT_5(regs) BPF_CORE_READ(regs, di)
#elif defined(__TARGET_ARCH_arm64)
#define ENTRY_ARGUMENT_1(registers) BPF_CORE_READ(registers, regs[0])
#define ENTRY_ARGUMENT_2(registers) BPF_CORE_READ(registers, regs[1])
#define ENTRY_ARGUMENT_3(registers) BPF_CORE_READ(registers, regs[2])
#define ENTRY_ARGUMENT_5(registers) BPF_CORE_READ(registers, regs[4])
#define COMPAT_ARGUMENT_1 ENTRY_ARGUMENT_1
#define COMPAT_ARGUMENT_2 ENTRY_ARGUMENT_2
#define COMPAT_ARGUMENT_3 ENTRY_ARGUMENT_3
#define COMPAT_ARGUMENT_5 ENTRY_ARGUMENT_5
#endif

#endif
