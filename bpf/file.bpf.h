/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Reads the inodes of the program's file and of the first descriptors. */
#ifndef EXECTAP_FILE_BPF_H
#define EXECTAP_FILE_BPF_H

#include "kernel_types.h"
#include "read.bpf.h"
#include "record.h"
#include "scratch.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define FILE_KEYS_EXE                                                                              \
	(RECORD_KEY_EXE_FILE | RECORD_KEY_EXE_SIZE | RECORD_KEY_EXE_MTIME | RECORD_KEY_EXE_UPPER)

static __always_inline void file_fill_mtime(struct record_file *out, struct inode *inode,
					    bool typed)
{
	if (bpf_core_field_exists(inode->i_mtime_sec)) {
		out->mtime_s = READ(typed, inode, i_mtime_sec);
		out->mtime_ns = READ(typed, inode, i_mtime_nsec);
	} else if (bpf_core_field_exists(inode->__i_mtime)) {
		out->mtime_s = READ(typed, inode, __i_mtime.tv_sec);
		out->mtime_ns = READ(typed, inode, __i_mtime.tv_nsec);
	} else {
		out->mtime_s = READ(typed, inode, i_mtime.tv_sec);
		out->mtime_ns = READ(typed, inode, i_mtime.tv_nsec);
	}
}

/*
 * Sets the flag or the mark of exe_upper for an inode of overlayfs. In struct ovl_inode the pointer
 * to the upper dentry follows vfs_inode (fs/overlayfs/ovl_entry.h, 5.10 to 7.2). The type is not
 * used, because the kernel describes it only while the module is loaded. A pointer that is not to a
 * dentry makes the key unreadable.
 */
static __always_inline void file_fill_upper(struct record_keys *keys, __u32 *flags,
					    struct inode *inode)
{
	struct dentry *upper = NULL;
	struct super_block *super_block;

	if (bpf_probe_read_kernel(&upper, sizeof(upper),
				  (const void *)inode + bpf_core_type_size(struct inode))) {
		keys->unreadable |= RECORD_KEY_EXE_UPPER;
		return;
	}
	if (!upper)
		return;
	super_block = BPF_CORE_READ(upper, d_sb);
	if (super_block && super_block == BPF_CORE_READ(upper, d_inode, i_sb))
		*flags |= RECORD_FLAG_EXE_UPPER;
	else
		keys->unreadable |= RECORD_KEY_EXE_UPPER;
}

/* Fills in the program's file. For `typed` see task.bpf.h. */
static __always_inline void file_fill(struct record_file *out, struct record_keys *keys,
				      __u32 *flags, struct file *file, bool typed)
{
	struct inode *inode = READ(typed, file, f_inode);
	struct super_block *super_block = READ(typed, inode, i_sb);

	out->inode = READ(typed, inode, i_ino);
	out->size = READ(typed, inode, i_size);
	out->device = READ(typed, super_block, s_dev);
	out->mode = READ(typed, inode, i_mode);
	out->uid = READ(typed, inode, i_uid.val);
	out->gid = READ(typed, inode, i_gid.val);
	file_fill_mtime(out, inode, typed);
	if (READ(typed, super_block, s_magic) == OVERLAYFS_SUPER_MAGIC)
		file_fill_upper(keys, flags, inode);
}

/* Appends the name of an anonymous inode. Returns its bytes with the NUL, or 0 if it is too long.
 */
__noinline int file_append_name(__u32 slot, __u32 end, __u64 name)
{
	struct scratch *scratch = scratch_get(slot);
	long length;

	if (!scratch || end > RECORD_HEAD_MAX_BYTES - RECORD_STREAM_NAME_BYTES)
		return 0;
	length = bpf_probe_read_kernel_str(&scratch->record[end], RECORD_STREAM_NAME_BYTES,
					   (const void *)name);
	return length > 1 && length < RECORD_STREAM_NAME_BYTES ? length : 0;
}

static __always_inline __u32 file_append_stream(__u32 slot, struct record_stream *stream,
						struct file *file, bool typed, __u32 end)
{
	struct inode *inode;
	struct super_block *super_block;
	int length;

	if (!file)
		return end;
	inode = READ(typed, file, f_inode);
	stream->mode = READ(typed, inode, i_mode) & S_IFMT;
	if (stream->mode == S_IFCHR || stream->mode == S_IFBLK) {
		stream->detail = READ(typed, inode, i_rdev);
		return end;
	}
	super_block = READ(typed, inode, i_sb);
	stream->detail = READ(typed, super_block, s_magic);
	if (stream->detail == ANON_INODE_FS_MAGIC) {
		length = file_append_name(slot, end,
					  (__u64)BPF_CORE_READ(file, f_path.dentry, d_name.name));
		stream->name.offset = end;
		stream->name.length = length ? length - 1 : 0;
		return end + length;
	}
	stream->inode = READ(typed, inode, i_ino);
	return end;
}

/*
 * Appends the descriptors of a table that another thread may change meanwhile, or release: what was
 * read is true if the task has the same files afterwards. An exiting task has no table.
 */
static __always_inline __u32 file_append_streams(struct record_stream streams[RECORD_STREAMS],
						 struct record_keys *keys, __u32 slot,
						 struct task_struct *task, __u32 end)
{
	struct file *files[RECORD_STREAMS] = {}, *after[RECORD_STREAMS] = {};

	if (bpf_probe_read_kernel(files, sizeof(files), BPF_CORE_READ(task, files, fdt, fd)))
		keys->unreadable |= RECORD_KEY_STREAMS;
#pragma unroll
	for (int i = 0; i < RECORD_STREAMS; i++)
		end = file_append_stream(slot, &streams[i], files[i], false, end);
	if (bpf_probe_read_kernel(after, sizeof(after), BPF_CORE_READ(task, files, fdt, fd)))
		keys->unreadable |= RECORD_KEY_STREAMS;
	for (int i = 0; i < RECORD_STREAMS; i++)
		if (files[i] != after[i])
			keys->unreadable |= RECORD_KEY_STREAMS;
	return end;
}

/*
 * Appends the descriptors of the current task in the middle of its exec, when it is the only one
 * that changes them. Few tasks have more than NR_OPEN_DEFAULT of them; then the table is elsewhere.
 */
static __always_inline __u32 file_append_own_streams(struct record_exec *exec, __u32 slot,
						     struct task_struct *task,
						     struct files_struct *files, __u32 end)
{
	if ((__u64)files->fdt->fd != (__u64)files + bpf_core_field_offset(files->fd_array))
		return file_append_streams(exec->streams, &exec->keys, slot, task, end);
#pragma unroll
	for (int i = 0; i < RECORD_STREAMS; i++)
		end = file_append_stream(slot, &exec->streams[i], files->fd_array[i], true, end);
	return end;
}

#endif
