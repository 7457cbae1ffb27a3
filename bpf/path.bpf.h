/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Paths, walked from the leaf to the root: bpf_d_path() is not allowed in tp_btf programs.
 *
 * The walkers are global functions, which the verifier checks once on their own instead of once for
 * each call; their arguments therefore are numbers (kernels before 5.12 take no pointers there).
 * They append "name\0name\0..." to a scratch record at `offset` and return the end of what they
 * wrote, with the PATH_* bits above it.
 */
#ifndef EXECTAP_PATH_BPF_H
#define EXECTAP_PATH_BPF_H

#include "kernel_types.h"
#include "scratch.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define PATH_END_MASK 0xffffff
#define PATH_TRUNCATED                                                                             \
	(1 << 24) /* longer than RECORD_PATH_BYTES: the names next to the root are missing */
#define PATH_UNREADABLE (1 << 25) /* nothing was appended */
#define PATH_NAMELESS (1 << 26) /* the file is in no directory tree (memfd) */
#define PATH_DONE (1 << 27) /* inside the walkers only */

/*
 * A loop is checked once for each of its rounds, a global function once: the walk goes in strides,
 * so that 4,096 bytes of one-letter names cost the verifier no more than 32.
 */
#define PATH_STRIDE_STEPS 32
#define PATH_STRIDES (RECORD_PATH_BYTES / 2 / PATH_STRIDE_STEPS + 2)
#define PATH_CGROUP_STEPS_MAX 64

/* Appends one name at `end`. Returns the bytes written with the NUL, or what is <= 0 if it can't be
 * read. */
static __always_inline long path_append_name(struct scratch *scratch, __u32 end, const void *name)
{
	if (end > RECORD_HEAD_MAX_BYTES - RECORD_NAME_BYTES)
		return -1;
	return bpf_probe_read_kernel_str(&scratch->record[end], RECORD_NAME_BYTES, name);
}

/* d_parent and d_name of a dentry */
struct path_step {
	struct dentry *parent;
	__u64 hash_and_length;
	const void *name;
};

/* Every read of kernel memory is a call, and these two lie side by side
 * (include/linux/dcache.h, 5.10 to 7.2). */
static __always_inline void path_read_step(struct path_step *step, struct dentry *dentry)
{
	__u64 parent_at = bpf_core_field_offset(dentry->d_parent),
	      name_at = bpf_core_field_offset(dentry->d_name.name);

	if (name_at - parent_at == offsetof(struct path_step, name)) {
		bpf_probe_read_kernel(step, sizeof(*step), (const void *)dentry + parent_at);
		return;
	}
	step->parent = BPF_CORE_READ(dentry, d_parent);
	step->name = BPF_CORE_READ(dentry, d_name.name);
}

/*
 * Goes on with scratch->walk for up to PATH_STRIDE_STEPS names or mounts. Returns 0 to be called
 * again, PATH_DONE with the other PATH_* bits otherwise.
 */
__noinline int path_stride(__u32 slot)
{
	struct scratch *scratch = scratch_get(slot);
	struct dentry *dentry, *mount_root;
	struct mount *mount;
	__u32 end;

	if (!scratch)
		return PATH_DONE | PATH_UNREADABLE;
	dentry = (void *)scratch->walk.dentry;
	mount = (void *)scratch->walk.mount;
	mount_root = BPF_CORE_READ(mount, mnt.mnt_root);
	end = scratch->walk.end;
	for (int step = 0; step < PATH_STRIDE_STEPS; step++) {
		struct path_step next = {};
		long length;

		if (dentry == mount_root) {
			struct mount *mount_parent = BPF_CORE_READ(mount, mnt_parent);

			if (mount_parent == mount)
				return PATH_DONE;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = mount_parent;
			mount_root = BPF_CORE_READ(mount, mnt.mnt_root);
			continue;
		}
		path_read_step(&next, dentry);
		length = path_append_name(scratch, end, next.name);
		if (length <= 0)
			return PATH_DONE | PATH_UNREADABLE;
		if (end + length - scratch->walk.start > RECORD_PATH_BYTES)
			return PATH_DONE | PATH_TRUNCATED;
		end += length;
		scratch->walk.end = end;
		if (next.parent == dentry)
			return PATH_DONE | PATH_NAMELESS;
		dentry = next.parent;
	}
	scratch->walk.dentry = (__u64)dentry;
	scratch->walk.mount = (__u64)mount;
	return 0;
}

/* fs/d_path.c, prepend_path() (5.10 and 6.18) is the model: up to the root of the mount namespace.
 */
__noinline int path_append(__u32 slot, __u32 offset, __u64 vfsmount_address, __u64 dentry_address)
{
	struct scratch *scratch = scratch_get(slot);
	int result = 0;

	if (!scratch)
		return offset | PATH_UNREADABLE;
	scratch->walk.dentry = dentry_address;
	scratch->walk.mount = vfsmount_address - bpf_core_field_offset(struct mount, mnt);
	scratch->walk.start = offset;
	scratch->walk.end = offset;
	for (int stride = 0; stride < PATH_STRIDES && !result; stride++)
		result = path_stride(slot);
	if (result & PATH_UNREADABLE)
		return offset | PATH_UNREADABLE;
	if (!result)
		result = PATH_TRUNCATED;
	return (scratch->walk.end & PATH_END_MASK) | (result & ~PATH_DONE);
}

static __always_inline struct kernfs_node *path_kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___parent *older = (void *)node;

	if (bpf_core_field_exists(node->__parent))
		return BPF_CORE_READ(node, __parent);
	return BPF_CORE_READ(older, parent);
}

/* The same for a cgroup's directory in the v2 hierarchy; the root's kernfs node has no parent. */
__noinline int path_append_cgroup(__u32 slot, __u32 offset, __u64 kernfs_node_address)
{
	struct kernfs_node *node = (void *)kernfs_node_address;
	struct scratch *scratch = scratch_get(slot);
	__u32 end = offset;

	if (!scratch || !node)
		return offset | PATH_UNREADABLE;
	for (int step = 0; step < PATH_CGROUP_STEPS_MAX; step++) {
		struct kernfs_node *parent = path_kernfs_parent(node);
		long length;

		if (!parent)
			return end;
		length = path_append_name(scratch, end, BPF_CORE_READ(node, name));
		if (length <= 0)
			return offset | PATH_UNREADABLE;
		if (end + length - offset > RECORD_PATH_BYTES)
			return end | PATH_TRUNCATED;
		end += length;
		node = parent;
	}
	return end | PATH_TRUNCATED;
}

#endif
