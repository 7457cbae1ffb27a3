/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Walks paths from the leaf to the root: bpf_d_path() is not allowed in tp_btf programs. The model
 * is fs/d_path.c, prepend_path() (5.10 and 6.18), up to the root of the task's mount namespace.
 *
 * Each path is walked twice. The first walk copies the names. The second one checks that neither a
 * dentry on the way (d_seq changes with every rename) nor a mount has changed since. So the path
 * existed as a whole at the end of the first walk.
 *
 * The walkers are global functions, which the verifier checks once on their own instead of once for
 * each call. Their arguments are numbers (kernels before 5.12 allow no pointers there), the rest is
 * in scratch->walk. They append "name\0name\0..." to the scratch record.
 */
#ifndef EXECTAP_PATH_BPF_H
#define EXECTAP_PATH_BPF_H

#include "kernel_types.h"
#include "record.h"
#include "scratch.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define PATH_END_MASK 0xffffff
/* longer than RECORD_PATH_BYTES: the names next to the root are missing */
#define PATH_TRUNCATED (1 << 24)
#define PATH_UNREADABLE (1 << 25) /* nothing was appended */
/* not below the root of the task's mount namespace */
#define PATH_DETACHED (1 << 26)
#define PATH_DELETED (1 << 27) /* the leaf is unlinked */
#define PATH_MEMORY (1 << 28) /* the leaf is an anonymous file in memory, memfd_create(2) */
#define PATH_DONE (1 << 29) /* inside the walkers only */
#define PATH_ROOTLESS (1 << 30) /* inside the walkers only: ends at a dentry without a parent */

/*
 * A loop is checked once for each of its rounds, a global function once: the walk goes in strides,
 * so that 4,096 bytes of one-letter names cost the verifier no more than 32.
 */
#define PATH_STRIDE_STEPS 32
#define PATH_STRIDES (RECORD_PATH_BYTES / 2 / PATH_STRIDE_STEPS + 2)
#define PATH_STEPS_MAX (PATH_STRIDES * PATH_STRIDE_STEPS)
#define PATH_CGROUP_STEPS_MAX 64

/* Walks of one path until one is undisturbed by renames. */
#define PATH_TRIES 8

/* Appends one name at `end`. Returns its bytes with the NUL, or a value <= 0 on failure. */
static __always_inline long path_append_name(struct scratch *scratch, __u32 end, const void *name)
{
	if (end > RECORD_HEAD_MAX_BYTES - RECORD_NAME_BYTES)
		return -1;
	return bpf_probe_read_kernel_str(&scratch->record[end], RECORD_NAME_BYTES, name);
}

/* Members of a dentry, in its own order (include/linux/dcache.h, 5.10 to 7.2). */
struct path_step {
	__u32 flags;
	__u32 sequence;
	__u64 hash_next;
	__u64 hash_pprev; /* 0: unhashed */
	struct dentry *parent;
	__u64 hash_and_length;
	const void *name;
};

#define PATH_STEP_OFFSET(member)                                                                   \
	(offsetof(struct path_step, member) - offsetof(struct path_step, sequence))

/* Every read of kernel memory is a call: reads all members at once if they are contiguous. */
static __always_inline long path_read_step(struct path_step *step, struct dentry *dentry)
{
	__u64 sequence_at = bpf_core_field_offset(dentry->d_seq);

	if (bpf_core_field_offset(dentry->d_hash) - sequence_at == PATH_STEP_OFFSET(hash_next) &&
	    bpf_core_field_offset(dentry->d_parent) - sequence_at == PATH_STEP_OFFSET(parent) &&
	    bpf_core_field_offset(dentry->d_name.name) - sequence_at == PATH_STEP_OFFSET(name))
		return bpf_probe_read_kernel(step, sizeof(*step),
					     (const void *)dentry + sequence_at -
						     offsetof(struct path_step, sequence));
	step->hash_pprev = (__u64)BPF_CORE_READ(dentry, d_hash.pprev);
	step->parent = BPF_CORE_READ(dentry, d_parent);
	step->name = BPF_CORE_READ(dentry, d_name.name);
	return bpf_core_read(&step->sequence, sizeof(step->sequence), &dentry->d_seq);
}

/* Sets the mount that the walk is in. The members are contiguous in fs/mount.h, 5.10 to 7.2. */
static __always_inline void path_enter_mount(struct scratch *scratch, struct mount *mount)
{
	struct path_mount *members = &scratch->walk.members;
	__u64 parent_at = bpf_core_field_offset(mount->mnt_parent);

	scratch->walk.mount = (__u64)mount;
	if (bpf_core_field_offset(mount->mnt_mountpoint) - parent_at ==
		    offsetof(struct path_mount, mountpoint) &&
	    bpf_core_field_offset(mount->mnt.mnt_root) - parent_at ==
		    offsetof(struct path_mount, root) &&
	    bpf_core_field_offset(mount->mnt.mnt_sb) - parent_at ==
		    offsetof(struct path_mount, super_block)) {
		bpf_probe_read_kernel(members, sizeof(*members), (const void *)mount + parent_at);
		return;
	}
	members->parent = (__u64)BPF_CORE_READ(mount, mnt_parent);
	members->mountpoint = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
	members->root = (__u64)BPF_CORE_READ(mount, mnt.mnt_root);
	members->super_block = (__u64)BPF_CORE_READ(mount, mnt.mnt_sb);
}

/* Adds to the checksum of all that has been read on the way. */
static __always_inline void path_add(struct scratch *scratch, __u64 value)
{
	scratch->walk.checksum = (scratch->walk.checksum ^ value) * 0x100000001b3;
}

/*
 * Ends a walk at a dentry that is its own parent, but not the root of the mount. The root of the
 * file system is reached if the leaf was moved out of the tree of a bind mount.
 */
static __always_inline int path_end_at_root(struct scratch *scratch, __u64 dentry)
{
	struct super_block *super_block = (void *)scratch->walk.members.super_block;

	if (dentry == (__u64)BPF_CORE_READ(super_block, s_root))
		return PATH_DONE | PATH_DETACHED;
	return PATH_DONE | PATH_ROOTLESS;
}

/* Walks one step. Returns 0 to be called again, or PATH_DONE with further bits. */
static __always_inline int path_walk_step(struct scratch *scratch)
{
	__u64 dentry = scratch->walk.dentry;
	struct path_step step = {};
	long length;

	if (dentry == scratch->walk.members.root) {
		path_add(scratch, scratch->walk.members.parent);
		if (scratch->walk.members.parent == scratch->walk.mount)
			return scratch->walk.mount == scratch->walk.namespace_root
				       ? PATH_DONE
				       : PATH_DONE | PATH_DETACHED;
		scratch->walk.dentry = scratch->walk.members.mountpoint;
		path_enter_mount(scratch, (void *)scratch->walk.members.parent);
		return 0;
	}
	if (path_read_step(&step, (void *)dentry))
		return PATH_DONE | PATH_UNREADABLE;
	path_add(scratch, dentry + step.sequence);
	if (step.sequence & 1) /* a rename is in progress */
		path_add(scratch, ++scratch->walk.disturbances);
	if ((__u64)step.parent == dentry)
		return path_end_at_root(scratch, dentry);
	if (scratch->walk.copy_names) {
		__u32 end = scratch->walk.end;

		length = path_append_name(scratch, end, step.name);
		if (length <= 0)
			return PATH_DONE | PATH_UNREADABLE;
		if (end + length - scratch->walk.start > RECORD_PATH_BYTES)
			return PATH_DONE | PATH_TRUNCATED;
		scratch->walk.end = end + length;
	}
	if (dentry == scratch->walk.leaf)
		scratch->walk.deleted = !step.hash_pprev; /* linux/dcache.h, d_unlinked() */
	scratch->walk.dentry = (__u64)step.parent;
	return 0;
}

/* Walks up to PATH_STRIDE_STEPS steps. Returns as path_walk_step(). */
__noinline int path_stride(__u32 slot)
{
	struct scratch *scratch = scratch_get(slot);
	int result = 0;

	if (!scratch)
		return PATH_DONE | PATH_UNREADABLE;
	for (int step = 0; step < PATH_STRIDE_STEPS && !result; step++) {
		if (!scratch->walk.steps)
			return PATH_DONE | PATH_TRUNCATED;
		scratch->walk.steps--;
		result = path_walk_step(scratch);
	}
	return result;
}

/* Walks from the leaf, up to `steps` steps. Returns PATH_* bits. */
__noinline int path_walk(__u32 slot, __u32 steps, __u32 copy_names)
{
	struct scratch *scratch = scratch_get(slot);
	int result = 0;

	if (!scratch)
		return PATH_UNREADABLE;
	scratch->walk.dentry = scratch->walk.leaf;
	scratch->walk.checksum = 0;
	scratch->walk.steps = steps;
	scratch->walk.copy_names = copy_names;
	path_enter_mount(scratch, (void *)scratch->walk.leaf_mount);
	scratch->walk.leaf_is_root = scratch->walk.leaf == scratch->walk.members.root;
	for (int stride = 0; stride < PATH_STRIDES && !result; stride++)
		result = path_stride(slot);
	return result ? result & ~PATH_DONE : PATH_TRUNCATED;
}

/* mm/memfd.c, mm/shmem.c, fs/hugetlbfs/inode.c: a file without a directory on an internal mount. */
static __always_inline bool path_is_in_memory(struct scratch *scratch)
{
	struct super_block *super_block = (void *)scratch->walk.members.super_block;
	struct mount *mount = (void *)scratch->walk.mount;
	__u64 magic = BPF_CORE_READ(super_block, s_magic);

	return BPF_CORE_READ(mount, mnt.mnt_flags) & MNT_INTERNAL &&
	       (magic == TMPFS_MAGIC || magic == HUGETLBFS_MAGIC) &&
	       scratch->walk.dentry == scratch->walk.leaf;
}

/*
 * Reads the leaf, if the walk has not: whether it is unlinked, and the name of a file that nothing
 * else names, because it is a mount's root or has no directory. Returns false on failure.
 */
static __always_inline bool path_read_leaf(struct scratch *scratch)
{
	struct dentry *leaf = (void *)scratch->walk.leaf;
	struct path_step before = {}, after = {};
	long length;

	if (path_read_step(&before, leaf))
		return false;
	scratch->walk.deleted = !before.hash_pprev && before.parent != leaf;
	if (!scratch->walk.is_file || scratch->walk.end != scratch->walk.start)
		return true;
	length = path_append_name(scratch, scratch->walk.end, before.name);
	if (length <= 0 || path_read_step(&after, leaf) || before.sequence & 1 ||
	    before.sequence != after.sequence)
		return false;
	scratch->walk.end += length;
	return true;
}

/* Completes the result of a walk. */
static __always_inline int path_complete(struct scratch *scratch, int result)
{
	if (result & PATH_ROOTLESS)
		result = path_is_in_memory(scratch) ? PATH_DETACHED | PATH_MEMORY : PATH_UNREADABLE;
	if ((result & PATH_MEMORY || scratch->walk.leaf_is_root) && !path_read_leaf(scratch))
		return PATH_UNREADABLE;
	if (result & PATH_TRUNCATED && scratch->walk.end == scratch->walk.start)
		return PATH_UNREADABLE;
	return scratch->walk.deleted ? result | PATH_DELETED : result;
}

/* Sets the path that path_append() appends; see struct scratch. */
static __always_inline void path_begin(struct scratch *scratch, __u32 offset,
				       const struct path *path, __u64 namespace_root, bool is_file)
{
	scratch->walk.leaf = (__u64)path->dentry;
	scratch->walk.leaf_mount = (__u64)path->mnt - bpf_core_field_offset(struct mount, mnt);
	scratch->walk.namespace_root = namespace_root;
	scratch->walk.start = offset;
	scratch->walk.is_file = is_file;
}

/* Appends the path of path_begin(). Returns its end with PATH_* bits. */
__noinline int path_append(__u32 slot)
{
	struct scratch *scratch = scratch_get(slot);

	if (!scratch)
		return PATH_UNREADABLE;
	for (int try = 0; try < PATH_TRIES; try++) {
		__u64 checksum;
		int result;

		scratch->walk.end = scratch->walk.start;
		scratch->walk.deleted = 0;
		result = path_walk(slot, PATH_STEPS_MAX, true);
		checksum = scratch->walk.checksum;
		path_walk(slot, PATH_STEPS_MAX - scratch->walk.steps, false);
		if (checksum != scratch->walk.checksum)
			continue;
		result = path_complete(scratch, result);
		if (result & PATH_UNREADABLE)
			break;
		return (scratch->walk.end & PATH_END_MASK) | result;
	}
	return (scratch->walk.start & PATH_END_MASK) | PATH_UNREADABLE;
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
