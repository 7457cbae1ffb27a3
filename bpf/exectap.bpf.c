/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The hooks. What they read is described in record.h, how in the *.bpf.h files. */
#include "kernel_types.h"

#include <linux/bpf.h>
#include <stdbool.h>

#include "args.bpf.h"
#include "output.bpf.h"
#include "path.bpf.h"
#include "record.h"
#include "scratch.bpf.h"
#include "task.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

_Static_assert(sizeof(struct record_exec) <= 512, "RECORD_HEAD_MAX_BYTES holds the fixed part");

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

/*
 * fs/exec.c, begin_new_exec() names the task after the new program (by then it is the group leader)
 * before sched_process_exec: here the caller's name is still in place. Tasks also rename
 * themselves and each other; in_execve tells these apart (where a kernel lacks it, the exec's own
 * rename still comes last).
 */
SEC("tp_btf/task_rename")
int BPF_PROG(handle_task_rename, struct task_struct *task)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct caller caller = {};

	if ((__u32)task->pid != tid)
		return 0;
	if (bpf_core_field_exists(task->in_execve) && !BPF_CORE_READ_BITFIELD(task, in_execve))
		return 0;
	bpf_probe_read_kernel_str(caller.comm, sizeof(caller.comm), task->comm);
	bpf_map_update_elem(&callers, &tid, &caller, BPF_ANY);
	return 0;
}

static __always_inline void fill_caller(struct record_exec *exec, __u32 tid)
{
	struct caller *caller = bpf_map_lookup_elem(&callers, &tid);

	if (!caller) {
		exec->unreadable |= RECORD_KEY_COMM;
		return;
	}
	__builtin_memcpy(exec->comm, caller->comm, sizeof(exec->comm));
	bpf_map_delete_elem(&callers, &tid);
}

/* Notes in the record what a path walker returned. Returns the end of the variable data. */
static __always_inline __u32 take_path(struct record_exec *exec, struct record_slice *slice, enum record_key key,
				       __u32 offset, int walked)
{
	__u32 end = walked & PATH_END_MASK;

	if (walked & PATH_CUT)
		exec->truncated |= key;
	if (walked & PATH_UNREADABLE)
		exec->unreadable |= key;
	slice->offset = offset;
	slice->length = end - offset;
	return end;
}

static __always_inline __u32 append_filename(struct scratch *scratch, struct record_exec *exec,
					     struct linux_binprm *bprm, __u32 end)
{
	long length = bpf_probe_read_kernel_str(&scratch->record[sizeof(*exec)], RECORD_PATH_BYTES, bprm->filename);

	exec->filename.offset = end;
	exec->filename.length = 0;
	if (length <= 0) {
		exec->unreadable |= RECORD_KEY_FILENAME;
		return end;
	}
	exec->filename.length = length - 1;
	return end + length;
}

/* mm/memfd.c, MFD_NAME_PREFIX */
static __always_inline bool is_memfd_name(const __u8 *name)
{
	return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 'f' && name[4] == 'd' && name[5] == ':';
}

static __always_inline __u32 append_exe(struct record_exec *exec, struct scratch *scratch, __u32 slot,
					struct task_struct *task, __u32 end)
{
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct path path = {};
	int walked;

	if (!file || bpf_core_read(&path, sizeof(path), &file->f_path)) {
		exec->unreadable |= RECORD_KEY_EXE;
		return end;
	}
	walked = path_append(slot, end, (__u64)path.mnt, (__u64)path.dentry);
	if (!BPF_CORE_READ(path.dentry, d_hash.pprev) && !(walked & PATH_NAMELESS))
		exec->flags |= RECORD_FLAG_DELETED; /* include/linux/dcache.h, d_unlinked() */
	if (walked & PATH_NAMELESS && end <= RECORD_HEAD_MAX_BYTES - RECORD_NAME_BYTES &&
	    is_memfd_name(&scratch->record[end]))
		exec->flags |= RECORD_FLAG_MEMFD;
	return take_path(exec, &exec->exe, RECORD_KEY_EXE, end, walked);
}

static __always_inline __u32 append_cwd(struct record_exec *exec, __u32 slot, struct task_struct *task, __u32 end)
{
	struct path path = {};

	if (BPF_CORE_READ_INTO(&path, task, fs, pwd)) {
		exec->unreadable |= RECORD_KEY_CWD;
		return end;
	}
	return take_path(exec, &exec->cwd, RECORD_KEY_CWD, end,
			 path_append(slot, end, (__u64)path.mnt, (__u64)path.dentry));
}

/*
 * The parent may be exiting on another CPU. Its task_struct stays (RCU); exit_mm() clears ->mm before
 * it lets go of the address space, so what was read is true if ->mm has not changed meanwhile.
 */
static __always_inline __u32 append_parent_exe(struct record_exec *exec, __u32 slot, struct task_struct *task,
					       __u32 end)
{
	struct task_struct *parent = BPF_CORE_READ(task, real_parent, group_leader);
	struct mm_struct *mm = BPF_CORE_READ(parent, mm);
	struct file *file = BPF_CORE_READ(mm, exe_file);
	struct path path = {};
	int walked;

	if (!mm)
		return end;
	if (!file || bpf_core_read(&path, sizeof(path), &file->f_path)) {
		exec->unreadable |= RECORD_KEY_PARENT_EXE;
		return end;
	}
	walked = path_append(slot, end, (__u64)path.mnt, (__u64)path.dentry);
	if (BPF_CORE_READ(parent, mm) != mm || BPF_CORE_READ(mm, exe_file) != file)
		walked = end | PATH_UNREADABLE;
	return take_path(exec, &exec->parent_exe, RECORD_KEY_PARENT_EXE, end, walked);
}

static __always_inline __u32 append_cgroup(struct record_exec *exec, __u32 slot, struct task_struct *task, __u32 end)
{
	__u64 node = (__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);

	return take_path(exec, &exec->cgroup, RECORD_KEY_CGROUP, end, path_append_cgroup(slot, end, node));
}

/* What of args and env goes along; they lie one behind the other at the top of the new stack (fs/binfmt_elf.c). */
static __always_inline void fill_tail(struct record_exec *exec, struct scratch *scratch, struct task_struct *task,
				      __u32 end)
{
	struct mm_struct *mm = task->mm;
	__u64 args_bytes = exec->args_bytes, env_bytes = 0;

	if (args_bytes > config_args_max_bytes) {
		args_bytes = config_args_max_bytes;
		exec->truncated |= RECORD_KEY_ARGS;
	}
	if (config_env_max_bytes) {
		env_bytes = mm->env_end - mm->env_start;
		if (env_bytes > config_env_max_bytes) {
			env_bytes = config_env_max_bytes;
			exec->truncated |= RECORD_KEY_ENV;
		}
		exec->env.offset = end + args_bytes;
		exec->env.length = env_bytes;
	}
	exec->args.offset = end;
	exec->args.length = args_bytes;
	exec->header.size = end + args_bytes + env_bytes;
	scratch->tail.args = mm->arg_start;
	scratch->tail.args_bytes = args_bytes;
	scratch->tail.env = mm->env_start;
	scratch->tail.env_bytes = env_bytes;
}

/* One read, where the tail is in one piece and fits into the scratch. */
static __always_inline bool send_short(struct scratch *scratch, __u32 end)
{
	__u64 length = scratch->tail.args_bytes + scratch->tail.env_bytes;

	if (end > RECORD_HEAD_MAX_BYTES || length > RECORD_SHORT_ARGS_BYTES)
		return false;
	if (scratch->tail.env_bytes && scratch->tail.args + scratch->tail.args_bytes != scratch->tail.env)
		return false;
	if (bpf_probe_read_user(&scratch->record[end], length, (const void *)scratch->tail.args))
		return false;
	output_scratch(scratch, RECORD_EXEC, end + length);
	return true;
}

static __always_inline void send_with_tail(struct record_exec *exec, struct scratch *scratch, struct task_struct *task,
					   __u32 end)
{
	fill_tail(exec, scratch, task, end);
	if (send_short(scratch, end) || output_long(scratch, RECORD_EXEC, end))
		return;
	exec->truncated &= ~(RECORD_KEY_ARGS | RECORD_KEY_ENV);
	exec->unreadable |= RECORD_KEY_ARGS | (config_env_max_bytes ? RECORD_KEY_ENV : 0);
	exec->args.length = 0;
	exec->env.length = 0;
	exec->header.size = end;
	output_scratch(scratch, RECORD_EXEC, end);
}

/* What every record of an exec begins with. */
static __always_inline struct record_exec *begin_exec(struct scratch *scratch, enum record_type type,
						      struct task_struct *task)
{
	struct record_exec *exec = (struct record_exec *)scratch->record;

	__builtin_memset(exec, 0, sizeof(*exec));
	exec->header.version = RECORD_VERSION;
	exec->header.type = type;
	exec->header.time_ns = bpf_ktime_get_boot_ns();
	task_fill(&exec->task, task);
	return exec;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(handle_exec, struct task_struct *task, int old_tid, struct linux_binprm *bprm)
{
	__u32 slot = scratch_claim(), end = sizeof(struct record_exec);
	struct scratch *scratch = scratch_get(slot);
	struct record_exec *exec;

	if (!scratch) {
		output_count_loss(RECORD_EXEC, RECORD_LOSS_NO_SCRATCH);
		return 0;
	}
	exec = begin_exec(scratch, RECORD_EXEC, task);
	exec->tid = old_tid;
	exec->argc = bprm->argc;
	exec->args_bytes = task->mm->arg_end - task->mm->arg_start;
	fill_caller(exec, task->pid);
	end = append_filename(scratch, exec, bprm, end);
	end = append_exe(exec, scratch, slot, task, end);
	end = append_cwd(exec, slot, task, end);
	end = append_parent_exe(exec, slot, task, end);
	end = append_cgroup(exec, slot, task, end);
	send_with_tail(exec, scratch, task, end);
	scratch_release(slot);
	return 0;
}

/* An attempt under way: where its strings are. One that succeeds never gets to take its entry out. */
struct attempt {
	__u64 filename;
	__u64 argv;
	__s32 directory_fd;
	__u32 pointer_bytes; /* 4 for a 32-bit caller */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* thread id */
	__type(value, struct attempt);
} attempts SEC(".maps");

#define ERESTARTSYS 512 /* include/linux/errno.h: from here on, errors that user space never sees */

/*
 * The name that the caller still has, or had. True where the exec got as far as to rename the task: then its memory
 * is gone, and with it the strings.
 */
static __always_inline bool fill_failed_caller(struct record_exec *exec, struct task_struct *task, __u32 tid)
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

static __always_inline __u32 append_failed_filename(struct scratch *scratch, struct record_exec *exec, __u32 end,
						    const void *filename)
{
	long length = bpf_probe_read_user_str(&scratch->record[sizeof(*exec)], RECORD_PATH_BYTES, filename);

	exec->filename.offset = end;
	exec->filename.length = 0;
	if (length <= 0) {
		exec->unreadable |= RECORD_KEY_FILENAME;
		return end;
	}
	if (length == RECORD_PATH_BYTES)
		exec->truncated |= RECORD_KEY_FILENAME;
	exec->filename.length = length - 1;
	return end + length;
}

static __always_inline __u32 append_failed_args(struct scratch *scratch, struct record_exec *exec, __u32 slot,
						__u32 end, const struct attempt *attempt)
{
	int result = args_append(scratch, slot, end, attempt->argv, attempt->pointer_bytes);

	exec->args_bytes = RECORD_ARGS_BYTES_UNKNOWN;
	exec->argc = result == ARGS_DONE ? scratch->args.index : RECORD_ARGC_UNKNOWN;
	exec->args.offset = end;
	if (result == ARGS_UNREADABLE) {
		exec->unreadable |= RECORD_KEY_ARGS;
		return end;
	}
	if (!result || scratch->args.cut)
		exec->truncated |= RECORD_KEY_ARGS;
	exec->args.length = scratch->args.end - end;
	return scratch->args.end;
}

static __always_inline void send_failed(struct scratch *scratch, __u32 slot, const struct attempt *attempt, __u32 error)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 tid = (__u32)bpf_get_current_pid_tgid(), end = sizeof(struct record_exec);
	struct record_exec *exec = begin_exec(scratch, RECORD_EXEC_FAILED, task);
	bool gone = fill_failed_caller(exec, task, tid);

	exec->tid = tid;
	exec->error = error;
	exec->directory_fd = attempt->directory_fd;
	if (gone) {
		exec->argc = RECORD_ARGC_UNKNOWN;
		exec->args_bytes = RECORD_ARGS_BYTES_UNKNOWN;
		exec->unreadable |= RECORD_KEY_FILENAME | RECORD_KEY_ARGS;
	} else {
		end = append_failed_filename(scratch, exec, end, (const void *)attempt->filename);
	}
	end = append_cwd(exec, slot, task, end);
	end = append_parent_exe(exec, slot, task, end);
	end = append_cgroup(exec, slot, task, end);
	if (!gone)
		end = append_failed_args(scratch, exec, slot, end, attempt);
	exec->header.size = end;
	output_scratch(scratch, RECORD_EXEC_FAILED, end);
}

/* At the return of execve(2) or execveat(2) with `result`. */
static __always_inline void handle_return(const struct attempt *attempt, long result)
{
	__u32 slot;
	struct scratch *scratch;

	if (result >= 0 || result <= -ERESTARTSYS)
		return;
	slot = scratch_claim();
	scratch = scratch_get(slot);
	if (!scratch) {
		output_count_loss(RECORD_EXEC_FAILED, RECORD_LOSS_NO_SCRATCH);
		return;
	}
	send_failed(scratch, slot, attempt, -result);
	scratch_release(slot);
}

/* /sys/kernel/tracing/events/syscalls/sys_enter_NAME/format */
struct enter_context {
	__u64 common;
	long number;
	unsigned long arguments[6];
};

struct exit_context {
	__u64 common;
	long number;
	long result;
};

static __always_inline int enter_attempt(unsigned long filename, unsigned long argv, int directory_fd)
{
	struct attempt attempt = {
		.filename = filename, .argv = argv, .directory_fd = directory_fd, .pointer_bytes = sizeof(__u64)
	};
	__u32 tid = (__u32)bpf_get_current_pid_tgid();

	/* an exec that succeeded left its caller's name, if no one asked for it */
	bpf_map_delete_elem(&callers, &tid);
	bpf_map_update_elem(&attempts, &tid, &attempt, BPF_ANY);
	return 0;
}

/*
 * A thread that is not the leader takes the leader's id when it gets past the point of no return; where it failed
 * then, the only trace under that id is the caller's name.
 */
static __always_inline int leave_attempt(long result)
{
	struct attempt attempt = { .directory_fd = RECORD_FD_CWD };
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct attempt *found = bpf_map_lookup_elem(&attempts, &tid);

	if (found) {
		attempt = *found;
		bpf_map_delete_elem(&attempts, &tid);
	} else if (!bpf_map_lookup_elem(&callers, &tid)) {
		return 0;
	}
	handle_return(&attempt, result);
	return 0;
}

/*
 * The tracepoints make every system call of every task slower, these do not, but not every kernel lets them be
 * attached; the loader tries, and names the functions. These are the entry points, which still have the caller's
 * registers when they return.
 */
static __always_inline int return_from_entry(__u64 filename, __u64 argv, int directory_fd, __u32 pointer_bytes,
					     long result)
{
	struct attempt attempt = {
		.filename = filename, .argv = argv, .directory_fd = directory_fd, .pointer_bytes = pointer_bytes
	};

	if (result >= 0) { /* it left its caller's name, if no one asked for it */
		__u32 tid = (__u32)bpf_get_current_pid_tgid();

		bpf_map_delete_elem(&callers, &tid);
		return 0;
	}
	handle_return(&attempt, result);
	return 0;
}

#if defined(__TARGET_ARCH_x86)
#define ENTRY_ARGUMENT_1(regs) BPF_CORE_READ(regs, di)
#define ENTRY_ARGUMENT_2(regs) BPF_CORE_READ(regs, si)
#define ENTRY_ARGUMENT_3(regs) BPF_CORE_READ(regs, dx)
#define COMPAT_ARGUMENT_1(regs) BPF_CORE_READ(regs, bx)
#define COMPAT_ARGUMENT_2(regs) BPF_CORE_READ(regs, cx)
#define COMPAT_ARGUMENT_3(regs) BPF_CORE_READ(regs, dx)
#elif defined(__TARGET_ARCH_arm64)
#define ENTRY_ARGUMENT_1(registers) BPF_CORE_READ(registers, regs[0])
#define ENTRY_ARGUMENT_2(registers) BPF_CORE_READ(registers, regs[1])
#define ENTRY_ARGUMENT_3(registers) BPF_CORE_READ(registers, regs[2])
#define COMPAT_ARGUMENT_1 ENTRY_ARGUMENT_1
#define COMPAT_ARGUMENT_2 ENTRY_ARGUMENT_2
#define COMPAT_ARGUMENT_3 ENTRY_ARGUMENT_3
#endif

SEC("fexit")
int BPF_PROG(return_execve, struct pt_regs *regs, long result)
{
	return return_from_entry(ENTRY_ARGUMENT_1(regs), ENTRY_ARGUMENT_2(regs), RECORD_FD_CWD, 8, result);
}

SEC("fexit")
int BPF_PROG(return_execveat, struct pt_regs *regs, long result)
{
	return return_from_entry(ENTRY_ARGUMENT_2(regs), ENTRY_ARGUMENT_3(regs), ENTRY_ARGUMENT_1(regs), 8, result);
}

SEC("fexit")
int BPF_PROG(return_compat_execve, struct pt_regs *regs, long result)
{
	return return_from_entry((__u32)COMPAT_ARGUMENT_1(regs), (__u32)COMPAT_ARGUMENT_2(regs), RECORD_FD_CWD, 4,
				 result);
}

SEC("fexit")
int BPF_PROG(return_compat_execveat, struct pt_regs *regs, long result)
{
	return return_from_entry((__u32)COMPAT_ARGUMENT_2(regs), (__u32)COMPAT_ARGUMENT_3(regs),
				 COMPAT_ARGUMENT_1(regs), 4, result);
}

SEC("tracepoint/syscalls/sys_enter_execve")
int enter_execve(struct enter_context *context)
{
	return enter_attempt(context->arguments[0], context->arguments[1], RECORD_FD_CWD);
}

SEC("tracepoint/syscalls/sys_enter_execveat")
int enter_execveat(struct enter_context *context)
{
	return enter_attempt(context->arguments[1], context->arguments[2], context->arguments[0]);
}

SEC("tracepoint/syscalls/sys_exit_execve")
int exit_execve(struct exit_context *context)
{
	return leave_attempt(context->result);
}

SEC("tracepoint/syscalls/sys_exit_execveat")
int exit_execveat(struct exit_context *context)
{
	return leave_attempt(context->result);
}

/* Kernels since 6.16 tell the hook which thread was the last one; set by the loader. */
const volatile bool config_exit_has_group_dead = false;

/* Processes of which an exit was sent, where the hook does not tell; needed while their threads end at once. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64); /* address of the signal_struct, which all threads share */
	__type(value, __u64); /* start of the process, in case the address is used again */
} exited SEC(".maps");

/*
 * kernel/exit.c, do_exit() has counted signal->live down before the hook. Several threads may see 0 in it; the first
 * one of them to enter itself speaks for the process.
 */
static __always_inline bool is_last_thread(unsigned long long *context, struct task_struct *task)
{
	__u64 process = (__u64)BPF_CORE_READ(task, signal), start = task->group_leader->start_boottime;
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
	struct list_head *end = (void *)((__u64)signal + bpf_core_field_offset(struct signal_struct, thread_head));
	struct list_head *node = BPF_CORE_READ(signal, thread_head.next);

	for (int i = 0; i < EXIT_THREADS_MAX; i++) {
		struct task_struct *thread =
			(void *)((__u64)node - bpf_core_field_offset(struct task_struct, thread_node));

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
 * CPU times of the reaped threads are in signal_struct, each other thread has its own; a thread that is
 * reaped meanwhile would be counted twice or not at all, which the sequence count tells (kernel/exit.c,
 * __exit_signal()).
 */
static __always_inline void fill_times(struct record_exit *exit, struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	bool complete;

	for (int attempt = 0; attempt < 3; attempt++) {
		unsigned int sequence = BPF_CORE_READ(signal, stats_lock.seqcount.seqcount.sequence);

		exit->user_ns = BPF_CORE_READ(signal, utime);
		exit->system_ns = BPF_CORE_READ(signal, stime);
		exit->runtime_ns = BPF_CORE_READ(signal, sum_sched_runtime);
		complete = add_threads(exit, signal);
		if (complete && sequence == BPF_CORE_READ(signal, stats_lock.seqcount.seqcount.sequence))
			return;
	}
	exit->unreadable |= RECORD_KEY_TIMES;
}

SEC("tp_btf/sched_process_exit")
int handle_exit(unsigned long long *context)
{
	struct task_struct *task = (struct task_struct *)context[0];
	struct record_exit *exit;

	if (task->flags & PF_KTHREAD || !is_last_thread(context, task))
		return 0;
	exit = bpf_ringbuf_reserve(&events, sizeof(*exit), 0);
	if (!exit) {
		output_count_loss(RECORD_EXIT, RECORD_LOSS_BUFFER_FULL);
		return 0;
	}
	__builtin_memset(exit, 0, sizeof(*exit));
	exit->header.size = sizeof(*exit);
	exit->header.version = RECORD_VERSION;
	exit->header.type = RECORD_EXIT;
	exit->header.time_ns = bpf_ktime_get_boot_ns();
	task_fill(&exit->task, task);
	bpf_probe_read_kernel_str(exit->comm, sizeof(exit->comm), task->group_leader->comm);
	exit->max_rss_pages = task->signal->maxrss;
	exit->status = task->group_leader->exit_code;
	if (task->signal->flags & SIGNAL_GROUP_EXIT)
		exit->status = task->signal->group_exit_code;
	fill_times(exit, task);
	bpf_ringbuf_submit(exit, BPF_RB_NO_WAKEUP);
	output_wake(sizeof(*exit));
	return 0;
}
