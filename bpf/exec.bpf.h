/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Builds the record of a task that has just executed a program. */
#ifndef EXECTAP_EXEC_BPF_H
#define EXECTAP_EXEC_BPF_H

#include "caller.bpf.h"
#include "file.bpf.h"
#include "kernel_types.h"
#include "output.bpf.h"
#include "path.bpf.h"
#include "program.bpf.h"
#include "record.h"
#include "relation.bpf.h"
#include "scratch.bpf.h"
#include "task.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Sets a slice and its marks from the result of a path walk. Returns the end of the variable data.
 */
static __always_inline __u32 exec_set_slice(struct record_keys *keys, struct record_slice *slice,
					    enum record_key key, __u32 offset, int walked)
{
	__u32 end = walked & PATH_END_MASK;

	if (walked & ~PATH_END_MASK) {
		if (walked & PATH_TRUNCATED)
			keys->truncated |= key;
		if (walked & PATH_UNREADABLE)
			keys->unreadable |= key;
		if (walked & PATH_DETACHED)
			keys->detached |= key;
		if (walked & PATH_DELETED)
			keys->deleted |= key;
	}
	slice->offset = offset;
	slice->length = end - offset;
	return end;
}

/* Reports if nobody needs the key, and marks it: a consumer that needs it later finds it absent. */
static __always_inline bool exec_omits(struct record_keys *keys, enum record_key key)
{
	if (!output_omits(key))
		return false;
	keys->unreadable |= key;
	return true;
}

/* Adds the filename that a helper has read to `end`, with its result. Returns where it ends. */
static __always_inline __u32 exec_end_filename(struct record_exec *exec, __u32 end, long length)
{
	exec->filename.offset = end;
	exec->filename.length = 0;
	if (length <= 0) {
		exec->keys.unreadable |= RECORD_KEY_FILENAME;
		return end;
	}
	if (length == RECORD_FILENAME_BYTES)
		exec->keys.truncated |= RECORD_KEY_FILENAME;
	exec->filename.length = length - 1;
	return end + length;
}

static __always_inline __u32 exec_append_filename(struct scratch *scratch, struct record_exec *exec,
						  const char *filename, __u32 end)
{
	return exec_end_filename(exec, end,
				 bpf_probe_read_kernel_str(&scratch->record[sizeof(*exec)],
							   RECORD_FILENAME_BYTES, filename));
}

/* What exec_append_short() appends the path of. */
enum exec_own_path {
	EXEC_OWN_EXE,
	EXEC_OWN_CWD,
};

/* Loads the working directory of a task. Returns false if another task changes it meanwhile. */
static __always_inline bool exec_load_cwd(struct task_struct *task, struct dentry **dentry,
					  struct vfsmount **mount)
{
	struct fs_struct *fs = task->fs;
	__u32 before = READ_U32(fs, seq);

	*dentry = READ_ONCE(fs->pwd.dentry);
	*mount = READ_ONCE(fs->pwd.mnt);
	return !(before & 1) && before == READ_U32(fs, seq);
}

/*
 * Appends a path of the current task at scratch->walk.start, as path_append_short() does. The
 * verifier checks a global function once, and not for each path. It needs a current task with a
 * type (5.11).
 */
__noinline int exec_append_short(__u32 slot, __u32 which)
{
	struct scratch *scratch = scratch_get(slot);
	struct dentry *dentry;
	struct vfsmount *mount;
	struct task_struct *task;
	struct file *file;

	if (!scratch ||
	    !bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))
		return 0;
	task = bpf_get_current_task_btf();
	if (which == EXEC_OWN_EXE) {
		file = task->mm->exe_file;
		dentry = file->f_path.dentry;
		mount = file->f_path.mnt;
	} else if (!exec_load_cwd(task, &dentry, &mount)) {
		return 0;
	}
	return path_append_short(scratch, dentry, mount, task->nsproxy->mnt_ns);
}

static __always_inline __u32 exec_append_exe(struct record_exec *exec, struct scratch *scratch,
					     __u32 slot, struct mm_struct *mm, __u32 end)
{
	struct file *file = mm->exe_file;
	struct path path;
	int walked;

	if (!file) {
		exec->keys.unreadable |= RECORD_KEY_EXE | FILE_KEYS_EXE;
		return end;
	}
	file_fill(&exec->file, &exec->keys, &exec->flags, file, true);
	if (exec_omits(&exec->keys, RECORD_KEY_EXE))
		return end;
	path.dentry = file->f_path.dentry;
	path.mnt = file->f_path.mnt;
	path_begin(scratch, end, &path, scratch->namespace_root, true);
	walked = exec_append_short(slot, EXEC_OWN_EXE);
	if (!walked)
		walked = path_append(slot);
	if (walked & PATH_MEMORY)
		exec->flags |= RECORD_FLAG_MEMFD;
	return exec_set_slice(&exec->keys, &exec->exe, RECORD_KEY_EXE, end, walked);
}

/* Reads of a directory that another task with the same fs_struct (CLONE_FS) changes meanwhile. */
#define EXEC_CWD_TRIES 8

/* Copies the working directory. Returns false on failure. */
static __always_inline bool exec_read_cwd(struct path *path, struct task_struct *task)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	for (int try = 0; try < EXEC_CWD_TRIES; try++) {
		__u32 before = 0, after = 0;

		if (bpf_core_read(&before, sizeof(before), &fs->seq) ||
		    bpf_core_read(path, sizeof(*path), &fs->pwd) ||
		    bpf_core_read(&after, sizeof(after), &fs->seq))
			return false;
		if (before == after && !(before & 1))
			return true;
	}
	return false;
}

static __always_inline __u32 exec_append_cwd(struct record_exec *exec, struct scratch *scratch,
					     __u32 slot, struct task_struct *task, __u32 end)
{
	struct path path = {};
	int walked;

	if (exec_omits(&exec->keys, RECORD_KEY_CWD))
		return end;
	scratch->walk.start = end;
	walked = exec_append_short(slot, EXEC_OWN_CWD);
	if (!walked) {
		if (!exec_read_cwd(&path, task)) {
			exec->keys.unreadable |= RECORD_KEY_CWD;
			return end;
		}
		path_begin(scratch, end, &path, scratch->namespace_root, false);
		walked = path_append(slot);
	}
	return exec_set_slice(&exec->keys, &exec->cwd, RECORD_KEY_CWD, end, walked);
}

/*
 * Appends the path of the program of another task, as path_append() does. The task may be exiting
 * on another CPU. Its task_struct stays (RCU). exit_mm() clears ->mm before it releases the address
 * space, so the data is valid if ->mm is unchanged after the walk; likewise for ->nsproxy.
 */
static __always_inline int exec_walk_exe_of(struct scratch *scratch, __u32 slot,
					    struct task_struct *task, __u32 end)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct nsproxy *nsproxy = BPF_CORE_READ(task, nsproxy);
	struct file *file = BPF_CORE_READ(mm, exe_file);
	struct path path = {};
	int walked;

	if (!file || bpf_core_read(&path, sizeof(path), &file->f_path))
		return end | PATH_UNREADABLE;
	path_begin(scratch, end, &path, task_namespace_root(nsproxy, false), true);
	walked = path_append(slot);
	if (BPF_CORE_READ(task, mm) != mm || BPF_CORE_READ(mm, exe_file) != file ||
	    BPF_CORE_READ(task, nsproxy) != nsproxy)
		return end | PATH_UNREADABLE;
	return walked;
}

/* The parts of a record that describe the parent and the entry. */
struct exec_relatives {
	const struct record_header *header;
	struct record_keys *keys;
	const struct record_task *task;
	struct record_slice *parent_exe;
	struct record_slice *parent;
	struct record_slice *entry;
	struct mm_struct *parent_mm;
};

#define EXEC_RELATIVES(record, parent_mm)                                                          \
	((const struct exec_relatives){ &(record)->header, &(record)->keys, &(record)->task,       \
					&(record)->parent_exe, &(record)->parent,                  \
					&(record)->entry, parent_mm })

/*
 * Appends the program of the parent, or its path alone where no more is known. `parent` is the
 * thread that forked the task, or the one that took over its children.
 */
static __always_inline __u32 exec_append_parent(const struct exec_relatives *out,
						struct scratch *scratch, __u32 slot,
						struct task_struct *parent, bool typed, __u32 end)
{
	struct record_keys *keys = out->keys;
	struct mm_struct *mm = out->parent_mm;

	if (READ(typed, parent, flags) & PF_KTHREAD)
		return end;
	if (config_program_bytes && (*(volatile __u64 *)&shared.omitted_keys &
				     PROGRAM_KEYS_PARENT) != PROGRAM_KEYS_PARENT) {
		end = program_append(slot, out->parent, out->task->ppid, out->task->parent_start_ns,
				     READ(typed, parent, self_exec_id), end);
		if (out->parent->length) {
			/* of an address space that the parent has still, see exec_walk_exe_of() */
			if (program_is_deleted(mm, typed) && BPF_CORE_READ(parent, mm) == mm)
				keys->deleted |= RECORD_KEY_PARENT_EXE;
			return end;
		}
	}
	if (config_program_bytes)
		keys->unreadable |= RECORD_KEY_PARENT_ARGS | RECORD_KEY_PARENT_EVENT;
	if (exec_omits(keys, RECORD_KEY_PARENT_EXE))
		return end;
	return exec_set_slice(keys, out->parent_exe, RECORD_KEY_PARENT_EXE, end,
			      exec_walk_exe_of(scratch, slot, parent, end));
}

/*
 * Reports if the record has the program of the entry already: it is the parent, or the process
 * itself, whose program a failed attempt lacks.
 */
static __always_inline bool exec_has_entry(const struct exec_relatives *out)
{
	const struct record_task *task = out->task;

	return (task->entry_pid == task->ppid && task->entry_start_ns == task->parent_start_ns) ||
	       (task->entry_pid == task->pid && task->entry_start_ns == task->start_ns &&
		out->header->type != RECORD_EXEC_FAILED);
}

/* Appends the program of the entry. */
static __always_inline __u32 exec_append_entry(const struct exec_relatives *out, __u32 slot,
					       __u32 end)
{
	const struct record_task *task = out->task;

	if (!task->entry_exec_id || exec_has_entry(out) ||
	    exec_omits(out->keys, RECORD_KEY_ENTRY_EXE))
		return end;
	if (config_program_bytes)
		end = program_append(slot, out->entry, task->entry_pid, task->entry_start_ns,
				     task->entry_exec_id, end);
	if (!out->entry->length)
		out->keys->unreadable |= RECORD_KEY_ENTRY_EXE;
	return end;
}

static __always_inline __u32 exec_append_relatives(const struct exec_relatives *out,
						   struct scratch *scratch, __u32 slot,
						   struct task_struct *parent, bool typed,
						   __u32 end)
{
	end = exec_append_parent(out, scratch, slot, parent, typed, end);
	return exec_append_entry(out, slot, end);
}

/* Sets the directory of the task's cgroup. */
static __always_inline void exec_find_cgroup(struct scratch *scratch, struct task_struct *task,
					     bool typed)
{
	struct cgroup *cgroup = READ(typed, READ(typed, task, cgroups), dfl_cgrp);
	struct kernfs_node *node = READ(typed, cgroup, kn);

	scratch->cgroup = (__u64)node;
	scratch->cgroup_id = READ(typed, node, id);
}

/* Appends the path of exec_find_cgroup(). */
static __always_inline __u32 exec_append_cgroup(struct record_keys *keys,
						struct record_slice *slice, struct scratch *scratch,
						__u32 slot, __u32 end)
{
	if (exec_omits(keys, RECORD_KEY_CGROUP))
		return end;
	return exec_set_slice(keys, slice, RECORD_KEY_CGROUP, end, path_append_cgroup(slot, end));
}

/* Sets where args and env are. They lie next to each other at the top of the new stack
 * (fs/binfmt_elf.c). */
static __always_inline void exec_find_tail(struct record_exec *exec, struct scratch *scratch,
					   struct mm_struct *mm)
{
	scratch->tail.args = mm->arg_start;
	scratch->tail.env = mm->env_start;
	scratch->tail.env_bytes = mm->env_end - scratch->tail.env;
	exec->args_bytes = mm->arg_end - scratch->tail.args;
}

/* Sets the parts of args and env that are sent. */
static __always_inline void exec_fill_tail(struct record_exec *exec, struct scratch *scratch,
					   __u32 end)
{
	__u64 args_bytes = exec->args_bytes, env_bytes = 0;

	if (exec_omits(&exec->keys, RECORD_KEY_ARGS)) {
		args_bytes = 0;
	} else if (args_bytes > config_args_max_bytes) {
		args_bytes = config_args_max_bytes;
		exec->keys.truncated |= RECORD_KEY_ARGS;
	}
	if (config_env_max_bytes && !exec_omits(&exec->keys, RECORD_KEY_ENV)) {
		env_bytes = scratch->tail.env_bytes;
		if (env_bytes > config_env_max_bytes) {
			env_bytes = config_env_max_bytes;
			exec->keys.truncated |= RECORD_KEY_ENV;
		}
		exec->env.offset = end + args_bytes;
		exec->env.length = env_bytes;
	}
	exec->args.offset = end;
	exec->args.length = args_bytes;
	exec->header.size = end + args_bytes + env_bytes;
	scratch->tail.args_bytes = args_bytes;
	scratch->tail.env_bytes = env_bytes;
}

/* Sends the record with a single read of user memory. */
static __always_inline enum output_result exec_send_short(struct scratch *scratch, __u32 end)
{
	__u64 length = scratch->tail.args_bytes + scratch->tail.env_bytes;

	if (scratch->tail.env_bytes &&
	    scratch->tail.args + scratch->tail.args_bytes != scratch->tail.env)
		return OUTPUT_TOO_LONG;
	if (length <= RECORD_SHORT_ARGS_BYTES && output_is_in_reserve(end + length))
		return OUTPUT_NO_ROOM;
	/* up to 6.1 the verifier forgets the bounds of what is on the stack during the call */
	barrier_var(end);
	barrier_var(length);
	if (end > RECORD_HEAD_MAX_BYTES || length > RECORD_SHORT_ARGS_BYTES)
		return OUTPUT_TOO_LONG;
	if (bpf_probe_read_user(&scratch->record[end], length, (const void *)scratch->tail.args))
		return OUTPUT_UNREADABLE;
	output_scratch(scratch, RECORD_EXEC, end + length);
	return OUTPUT_SENT;
}

/* Sends the record. Returns the offset in the scratch of args, or 0 if a program has more of them.
 */
static __always_inline __u32 exec_send_with_tail(struct record_exec *exec, struct scratch *scratch,
						 __u32 end)
{
	enum output_result result;
	__u32 tail = 0;

	exec_fill_tail(exec, scratch, end);
	if (scratch->tail.args_bytes)
		tail |= RECORD_KEY_ARGS;
	if (scratch->tail.env_bytes)
		tail |= RECORD_KEY_ENV;
	result = exec_send_short(scratch, end);
	if (result == OUTPUT_SENT)
		return scratch->tail.args_bytes == exec->args_bytes ||
				       scratch->tail.args_bytes >= config_program_bytes
			       ? end
			       : 0;
	if (result == OUTPUT_TOO_LONG)
		result = output_long(scratch, end);
	if (result == OUTPUT_SENT)
		return 0;
	if (result == OUTPUT_UNREADABLE) {
		exec->keys.truncated &= ~tail;
		exec->keys.unreadable |= tail;
	} else {
		exec->keys.truncated |= tail;
	}
	exec->args.length = 0;
	exec->env.length = 0;
	exec->header.size = end;
	output_scratch(scratch, RECORD_EXEC, end);
	return 0;
}

/*
 * Begins the record of an exec or of a failed attempt. `origin` is the task too, to load pointers
 * from. For `typed` see task.bpf.h.
 */
static __always_inline struct record_exec *
exec_begin(struct scratch *scratch, enum record_type type, struct task_struct *task,
	   struct task_struct *origin, struct task_struct *parent, bool typed)
{
	struct record_exec *exec = (struct record_exec *)scratch->record;
	const struct task_parts parts = task_find(origin, parent, typed);

	__builtin_memset(exec, 0, sizeof(*exec));
	exec->header.version = RECORD_VERSION;
	exec->header.type = type;
	exec->header.time_ns = bpf_ktime_get_boot_ns();
	exec_find_cgroup(scratch, origin, typed);
	scratch->namespace_root = task_namespace_root(parts.nsproxy, typed);
	exec->keys.unreadable |= task_fill(&exec->task, task, parent, &parts, typed);
	relation_fill_leaders(&exec->task, parts.signal, typed);
	return exec;
}

#endif
