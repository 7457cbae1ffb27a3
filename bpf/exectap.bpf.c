/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The hooks. record.h describes the data, the *.bpf.h files read it. */
#include "kernel_types.h"

#include <linux/bpf.h>
#include <stdbool.h>

#include "attempt.bpf.h"
#include "caller.bpf.h"
#include "exec.bpf.h"
#include "exit.bpf.h"
#include "file.bpf.h"
#include "output.bpf.h"
#include "program.bpf.h"
#include "record.h"
#include "relation.bpf.h"
#include "running.bpf.h"
#include "scratch.bpf.h"
#include "task.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

_Static_assert(sizeof(struct record_exec) <= 1024 && sizeof(struct record_process) <= 1024,
	       "RECORD_HEAD_MAX_BYTES holds the fixed part");

/* Set by the loader: tracepoints do not disable preemption, and handle_skipped_exec() is loaded. */
const volatile bool config_is_preemptible = false;

/* Set by the loader: execs have records, and their hooks do not only keep programs. */
const volatile bool config_sends_execs = true;

/* Set by the loader: exits have records, and their hook does not only remove programs. */
const volatile bool config_sends_exits = false;

/* Set by the loader: forks have records, and their hook does not only copy programs. */
const volatile bool config_sends_forks = false;

/* A successful exec, as a hook sees it. What the task points to is loaded once, see task_find(). */
struct exec_call {
	struct task_struct *task;
	struct task_struct *origin; /* the same, to load pointers from: task_untrusted_thread() */
	struct mm_struct *mm; /* the new one */
	struct files_struct *files;
	const char *filename;
	int argc;
	int old_tid; /* 0: unknown to the hook */
};

/* Returns what a hook knows of an exec. For `typed`, which concerns the binprm, see task.bpf.h. */
static __always_inline struct exec_call find_call(struct task_struct *task, int old_tid,
						  struct linux_binprm *bprm, bool typed)
{
	/* after an exec the process has one thread (fs/exec.c, de_thread()) */
	struct task_struct *origin = task_untrusted_thread(task);

	return (struct exec_call){
		.task = task,
		.origin = origin,
		.mm = READ_ONCE(origin->mm),
		.files = READ_ONCE(origin->files),
		.filename = READ(typed, bprm, filename),
		.argc = READ(typed, bprm, argc),
		.old_tid = old_tid,
	};
}

static __always_inline void send_exec(const struct exec_call *call)
{
	__u32 slot = scratch_claim(false), end = sizeof(struct record_exec);
	struct scratch *scratch = scratch_get(slot);
	struct task_struct *task = call->task, *parent = call->origin->real_parent;
	struct mm_struct *parent_mm = READ_ONCE(parent->mm);
	struct record_exec *exec;

	if (!scratch) {
		output_count_loss(RECORD_EXEC, RECORD_LOSS_NO_SCRATCH);
		caller_discard(task->pid);
		return;
	}
	exec = exec_begin(scratch, RECORD_EXEC, task, call->origin, parent, true);
	exec->keys.unreadable |= relation_fill(slot);
	exec->tid = call->old_tid;
	exec->argc = call->argc;
	exec_find_tail(exec, scratch, call->mm);
	caller_fill(exec, task);
	task_read_comm(exec->name, task, true);
	end = exec_append_filename(scratch, exec, call->filename, end);
	end = file_append_own_streams(exec, slot, task, call->files, end);
	end = exec_append_exe(exec, scratch, slot, call->mm, end);
	end = exec_append_cwd(exec, scratch, slot, task, end);
	end = exec_append_relatives(&EXEC_RELATIVES(exec, parent_mm), scratch, slot, parent, true,
				    end);
	end = exec_append_cgroup(&exec->keys, &exec->cgroup, scratch, slot, end);
	program_keep(scratch, slot, &exec->task, task, exec_send_with_tail(exec, scratch, end));
	scratch_release(slot);
}

/* Keeps the program of an exec that has no record, for other records. */
static __always_inline void keep_program(const struct exec_call *call)
{
	__u32 slot = scratch_claim(false);
	struct scratch *scratch = scratch_get(slot);
	struct task_struct *task = call->task;
	struct record_exec *exec;

	if (!scratch)
		return;
	exec = exec_begin(scratch, RECORD_EXEC, task, call->origin, call->origin->real_parent,
			  true);
	exec->argc = call->argc;
	exec_find_tail(exec, scratch, call->mm);
	exec_append_exe(exec, scratch, slot, call->mm, sizeof(*exec));
	program_keep(scratch, slot, &exec->task, task, 0);
	scratch_release(slot);
}

static __always_inline void handle_call(const struct exec_call *call)
{
	if (config_sends_execs)
		send_exec(call);
	else
		keep_program(call);
}

/* In RECORD_STATE_STANDBY the exec is left to handle_skipped_exec(), which may find another state.
 */
static __always_inline void claim_exec(const struct exec_call *call)
{
	enum record_state state = output_state();

	if (config_is_preemptible && config_sends_execs) {
		if (state == RECORD_STATE_STANDBY)
			return;
		__sync_fetch_and_add(&shared.claimed, 1);
	}
	if (state == RECORD_STATE_ON)
		handle_call(call);
	else if (config_sends_execs)
		caller_discard(call->task->pid);
}

SEC("tp_btf/task_rename")
int BPF_PROG(handle_task_rename, struct task_struct *task)
{
	caller_save_renamed(task);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(handle_exec, struct task_struct *task, int old_tid, struct linux_binprm *bprm)
{
	const struct exec_call call = find_call(task, old_tid, bprm, true);

	claim_exec(&call);
	return 0;
}

/*
 * Programs at tracepoints can be preempted from Linux 7.0 on. The kernel then skips a second run of
 * the same program on the same CPU as a recursion (kernel/trace/bpf_trace.c, __bpf_trace_run()).
 * Programs at functions run with preemption disabled (kernel/trace/fprobe.c,
 * fprobe_ftrace_entry()). Where the kernel has both, probe_begin_new_exec() and
 * probe_finalize_exec() take the place of handle_task_rename() and handle_exec().
 *
 * fs/exec.c: a binary format calls begin_new_exec() when the file is known to be executable, and
 * finalize_exec() when the new program is complete. After that the exec cannot fail.
 */
SEC("kprobe.multi/begin_new_exec")
int probe_begin_new_exec(void *context)
{
	caller_save(bpf_get_current_task_btf());
	return 0;
}

SEC("kprobe.multi/finalize_exec")
int probe_finalize_exec(struct pt_regs *regs)
{
	struct linux_binprm *bprm = (struct linux_binprm *)FUNCTION_ARGUMENT_1(regs);
	const struct exec_call call = find_call(bpf_get_current_task_btf(), 0, bprm, false);

	claim_exec(&call);
	return 0;
}

/*
 * The last program that sees an exec, where programs can be preempted. It claims the execs that the
 * one before it was skipped for. It must not jump into that one: both would use the one stack that
 * a program has on a CPU (kernel/bpf/verifier.c, bpf_enable_priv_stack(), from 6.13 on).
 *
 * An exec is claimed before it passes this program. Runs of this program, skipped ones included,
 * less the claims are therefore never more than the execs that no program has claimed. They are
 * less while claimed execs are on their way here.
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(handle_skipped_exec, struct task_struct *task, int old_tid, struct linux_binprm *bprm)
{
	const struct exec_call call = find_call(task, old_tid, bprm, true);

	if (output_state() == RECORD_STATE_STANDBY) {
		caller_discard(task->pid);
		return 0;
	}
	if (caller_is_pending(task->pid, task->self_exec_id))
		claim_exec(&call);
	__sync_fetch_and_add(&shared.passed, 1);
	return 0;
}

/*
 * The text after the slash is only a label; the loader sets the kernel's function.
 *
 * The context of an fexit program holds the arguments, then the result. The first argument is read
 * as memory: 5.10 refuses a load of it if the kernel's type information for the function has only a
 * declaration of struct pt_regs.
 */
static __always_inline struct pt_regs *entry_registers(unsigned long long *context)
{
	struct pt_regs *regs = NULL;

	bpf_probe_read_kernel(&regs, sizeof(regs), context);
	return regs;
}

SEC("fexit/execve")
int return_execve(unsigned long long *context)
{
	struct pt_regs *regs = entry_registers(context);

	return attempt_return(ENTRY_ARGUMENT_1(regs), ENTRY_ARGUMENT_2(regs), RECORD_FD_CWD, 8,
			      context[1]);
}

SEC("fexit/execveat")
int return_execveat(unsigned long long *context)
{
	struct pt_regs *regs = entry_registers(context);

	return attempt_return(ENTRY_ARGUMENT_2(regs), ENTRY_ARGUMENT_3(regs),
			      ENTRY_ARGUMENT_1(regs),
			      ENTRY_ARGUMENT_5(regs) & ATTEMPT_EXECVE_CHECK ? 0 : 8, context[1]);
}

SEC("fexit/compat_execve")
int return_compat_execve(unsigned long long *context)
{
	struct pt_regs *regs = entry_registers(context);

	return attempt_return((__u32)COMPAT_ARGUMENT_1(regs), (__u32)COMPAT_ARGUMENT_2(regs),
			      RECORD_FD_CWD, 4, context[1]);
}

SEC("fexit/compat_execveat")
int return_compat_execveat(unsigned long long *context)
{
	struct pt_regs *regs = entry_registers(context);

	return attempt_return((__u32)COMPAT_ARGUMENT_2(regs), (__u32)COMPAT_ARGUMENT_3(regs),
			      COMPAT_ARGUMENT_1(regs),
			      COMPAT_ARGUMENT_5(regs) & ATTEMPT_EXECVE_CHECK ? 0 : 4, context[1]);
}

SEC("tracepoint/syscalls/sys_enter_execve")
int enter_execve(struct attempt_enter_context *context)
{
	return attempt_enter(context->arguments[0], context->arguments[1], RECORD_FD_CWD, 0);
}

SEC("tracepoint/syscalls/sys_enter_execveat")
int enter_execveat(struct attempt_enter_context *context)
{
	return attempt_enter(context->arguments[1], context->arguments[2], context->arguments[0],
			     context->arguments[4]);
}

SEC("tracepoint/syscalls/sys_exit_execve")
int exit_execve(struct attempt_exit_context *context)
{
	return attempt_exit(context->result);
}

SEC("tracepoint/syscalls/sys_exit_execveat")
int exit_execveat(struct attempt_exit_context *context)
{
	return attempt_exit(context->result);
}

/* Appends the program that the process ran, if it `is_kept`. */
static __always_inline __u32 append_own_program(struct record_exit *exit, __u32 slot,
						struct task_struct *task, bool is_kept, __u32 end)
{
	if (config_program_bytes && is_kept)
		end = program_append(slot, &exit->program, exit->task.pid, exit->task.start_ns,
				     task->group_leader->self_exec_id, end);
	if (!exit->program.length && !(task->flags & PF_KTHREAD))
		exit->keys.unreadable |= RECORD_KEY_EXE | RECORD_KEY_ARGS;
	return end;
}

/* Fills what the records of the begin and the end of a process have. */
static __always_inline void fill_process(struct record_exit *exit, enum record_type type,
					 struct task_struct *task, struct task_struct *parent)
{
	const struct task_parts parts = task_find(task, parent, true);

	__builtin_memset(exit, 0,
			 type == RECORD_PROCESS ? sizeof(struct record_process) : sizeof(*exit));
	exit->header.version = RECORD_VERSION;
	exit->header.type = type;
	exit->header.time_ns = bpf_ktime_get_boot_ns();
	exit->keys.unreadable = task_fill(&exit->task, task, parent, &parts, true);
	if (type == RECORD_PROCESS && READ_ONCE(task->nsproxy) != parts.nsproxy)
		exit->task.mnt_ns = exit->task.net_ns = 0; /* of what can be freed memory */
	relation_fill_leaders(&exit->task, parts.signal, true);
	/* only a thread of the process changes its name: at its begin and end there is none */
	if (type != RECORD_PROCESS)
		bpf_probe_read_kernel_str(exit->comm, sizeof(exit->comm), parts.leader->comm);
	else if (!task_read_comm(exit->comm, parts.leader, false))
		exit->keys.unreadable |= RECORD_KEY_COMM | RECORD_KEY_NAME;
}

/* Fills what only the end of a process has. Returns the mask of the keys that are unreadable. */
static __always_inline __u32 fill_exit(struct record_exit *exit, struct scratch *scratch,
				       __u32 slot, struct task_struct *task)
{
	exit->max_rss_pages = task->signal->maxrss;
	exit->status = task->group_leader->exit_code;
	if (task->signal->flags & SIGNAL_GROUP_EXIT)
		exit->status = task->signal->group_exit_code;
	scratch->signal = (__u64)task->signal;
	return exit_fill_times(slot);
}

/* Sends a record of the end of a process, the current one, or of any that begins or runs. */
static __always_inline void send_process(enum record_type type, struct task_struct *task)
{
	__u32 slot = scratch_claim(type != RECORD_EXIT);
	__u32 end =
		type == RECORD_PROCESS ? sizeof(struct record_process) : sizeof(struct record_exit);
	struct task_struct *parent = task->real_parent;
	struct mm_struct *parent_mm = READ_ONCE(parent->mm);
	struct scratch *scratch = scratch_get(slot);
	struct record_exit *exit;
	bool is_kept;

	if (!scratch) {
		output_count_loss(type, RECORD_LOSS_NO_SCRATCH);
		return;
	}
	exit = (struct record_exit *)scratch->record;
	fill_process(exit, type, task, parent);
	exec_find_cgroup(scratch, task, true);
	if (type == RECORD_EXIT) {
		exit->keys.unreadable |= relation_fill(slot);
		exit->keys.unreadable |= fill_exit(exit, scratch, slot, task);
	} else {
		exit->keys.unreadable |= relation_fill_begun(&exit->task, task);
	}
	is_kept = type != RECORD_PROCESS || running_begin(scratch, task);
	end = append_own_program(exit, slot, task, is_kept, end);
	if (type == RECORD_PROCESS)
		end = running_append(scratch, slot, task, end);
	end = exec_append_relatives(&EXEC_RELATIVES(exit, parent_mm), scratch, slot, parent, true,
				    end);
	end = exec_append_cgroup(&exit->keys, &exit->cgroup, scratch, slot, end);
	exit->header.size = end;
	if (type != RECORD_PROCESS || !running_has_ended(task))
		output_scratch(scratch, type, end);
	scratch_release(slot);
}

/* Ends a process with its last thread; of threads that end at the same time each may be the last.
 */
static __always_inline void end_program(struct task_struct *task)
{
	if (config_program_bytes && !task->signal->live.counter)
		program_end(task);
}

SEC("tp_btf/sched_process_exit")
int handle_exit(unsigned long long *context)
{
	struct task_struct *task = (struct task_struct *)context[0];

	if (task->flags & PF_KTHREAD)
		return 0;
	if (config_sends_exits && output_state() == RECORD_STATE_ON &&
	    exit_is_last_thread(context, task))
		send_process(RECORD_EXIT, task);
	end_program(task);
	return 0;
}

/* do_exit() (kernel/exit.c) calls it just before sched_process_exit, with group_dead. */
SEC("kprobe.multi/taskstats_exit")
int probe_taskstats_exit(struct pt_regs *regs)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (task->flags & PF_KTHREAD)
		return 0;
	if (config_sends_exits && output_state() == RECORD_STATE_ON &&
	    (__u32)FUNCTION_ARGUMENT_2(regs))
		send_process(RECORD_EXIT, task);
	end_program(task);
	return 0;
}

/* Threads have the program of their process. Kernel threads have none. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(handle_fork, struct task_struct *parent, struct task_struct *child)
{
	if (child->pid != child->tgid)
		return 0;
	if (config_program_bytes && !(child->flags & PF_KTHREAD))
		program_fork(parent, child);
	if (config_sends_forks && output_state() == RECORD_STATE_ON)
		send_process(RECORD_FORK, child);
	return 0;
}

/*
 * Lists the processes without a known program, with the part of it that user space cannot read:
 * its path as the hooks read it, and the number of its exec.
 */
SEC("iter/task")
int list_running(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	__u32 slot;
	struct scratch *scratch;

	if (!task || task->pid != task->tgid || task->flags & PF_KTHREAD ||
	    program_is_known(task->tgid, task->start_boottime))
		return 0;
	slot = scratch_claim(true);
	scratch = scratch_get(slot);
	if (!scratch)
		return 0;
	running_fill(scratch, task);
	running_write(context->meta->seq, scratch,
		      exec_walk_exe_of(scratch, slot, task, sizeof(struct record_running)));
	scratch_release(slot);
	return 0;
}

/*
 * Sends a record for each process that runs. A read(2) of the iterator goes on until the consumer
 * would be woken, and fails then; the next one continues with this process (kernel/bpf/bpf_iter.c,
 * bpf_seq_read()).
 */
SEC("iter/task")
int report_running(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;

	if (!task || task->pid != task->tgid)
		return 0;
	if (output_is_pending())
		return 1;
	send_process(RECORD_PROCESS, task);
	return 0;
}
