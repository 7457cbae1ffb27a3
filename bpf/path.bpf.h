/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Walks paths from the leaf to the root: bpf_d_path() is not allowed in tp_btf programs. The model
 * is fs/d_path.c, prepend_path() (5.10 and 6.18), up to the root of the task's mount namespace.
 *
 * Each path is walked twice. The first walk copies the names. The second one checks that neither a
 * dentry on the way (d_seq changes with every rename) nor a mount has changed since. So the path
 * existed as a whole at the end of the first walk. Most paths are short and below the top mount:
 * path_append_short() does the same for them by loads, and leaves the others to path_append().
 *
 * The walkers are global functions, which the verifier checks once on their own instead of once for
 * each call. Their arguments are numbers (kernels before 5.12 allow no pointers there), the rest is
 * in scratch->walk. They append "name\0name\0..." to the scratch record.
 */
#ifndef EXECTAP_PATH_BPF_H
#define EXECTAP_PATH_BPF_H

#include "kernel_types.h"
#include "read.bpf.h"
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

#define PATH_PRIME 0x100000001b3 /* FNV-1a, 64 bits (RFC 9923) */

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
	scratch->walk.checksum = (scratch->walk.checksum ^ value) * PATH_PRIME;
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

/*
 * Ends a walk at the root of a mount that is its own parent: the root of a namespace, a mount in
 * none, or one that is being moved (fs/namespace.c, 5.10 and 6.18, unhash_mnt()). A moved mount
 * stays in its namespace, and an unmounted one leaves it first.
 */
static __always_inline int path_end_at_mount(struct scratch *scratch)
{
	__u64 mount = scratch->walk.mount, namespace_root;

	if (mount == scratch->walk.namespace_root)
		return PATH_DONE;
	namespace_root = (__u64)BPF_CORE_READ((struct mount *)mount, mnt_ns, root);
	if (namespace_root && namespace_root != mount)
		path_add(scratch, ++scratch->walk.disturbances);
	return PATH_DONE | PATH_DETACHED;
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
			return path_end_at_mount(scratch);
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

/* Bytes of a name that a dentry itself holds (include/linux/dcache.h, DNAME_INLINE_LEN). */
#define PATH_INLINE_BYTES 40

/* Returns the offset of the name that the dentry itself holds. */
static __always_inline __u64 path_inline_offset(struct dentry *dentry)
{
	if (bpf_core_field_exists(dentry->d_shortname))
		return bpf_core_field_offset(dentry->d_shortname);
	return bpf_core_field_offset(dentry->d_iname);
}

/* Returns the bytes of its place. */
static __always_inline __u64 path_inline_bytes(struct dentry *dentry)
{
	if (bpf_core_field_exists(dentry->d_shortname))
		return bpf_core_field_size(dentry->d_shortname);
	return bpf_core_field_size(dentry->d_iname);
}

/*
 * Appends the name of a dentry, as path_append_name() does. A dentry holds a name that it has room
 * for, with its NUL (fs/dcache.c, __d_alloc(), swap_names()): then it is copied by loads.
 */
static __always_inline long path_append_name_of(struct scratch *scratch, __u32 end,
						struct dentry *dentry)
{
	__u64 offset = path_inline_offset(dentry), bytes = path_inline_bytes(dentry);
	__u32 length = READ_ONCE(dentry->d_name.len);
	const void *name = dentry;

	if (length >= bytes || length >= PATH_INLINE_BYTES)
		return path_append_name(scratch, end, dentry->d_name.name);
	if (end > RECORD_HEAD_MAX_BYTES - RECORD_NAME_BYTES)
		return -1;
	barrier_var(offset);
	name += offset;
#pragma unroll
	for (__u32 at = 0; at < PATH_INLINE_BYTES; at += sizeof(__u64))
		if (at < bytes)
			*(__u64 *)&scratch->record[end + at] = *(const volatile __u64 *)(name + at);
	return length + 1;
}

/* Names that a short walk reaches: those of most programs. The verifier follows each one. */
#define PATH_SHORT_STEPS 12

/*
 * Walks from a leaf up to the root of its mount, by loads. Returns false if it is farther away than
 * PATH_SHORT_STEPS, or a rename is in progress. The verifier knows the type of the pointers, and
 * lets no program calculate with them. A dentry keeps its parent while its sequence number stays,
 * so the checksum of these numbers stands for the dentries as well.
 */
static __always_inline bool path_walk_short(struct scratch *scratch, struct dentry *dentry,
					    const struct dentry *root, bool copy_names)
{
	__u64 checksum = 0;

	for (int step = 0; step < PATH_SHORT_STEPS; step++) {
		__u32 end = scratch->walk.end, sequence = READ_U32(dentry, d_seq);
		long length;

		if (dentry == root) {
			scratch->walk.checksum = checksum;
			return true;
		}
		if (sequence & 1)
			return false;
		checksum = (checksum ^ sequence) * PATH_PRIME;
		if (copy_names) {
			length = path_append_name_of(scratch, end, dentry);
			if (length <= 0 || end + length - scratch->walk.start > RECORD_PATH_BYTES)
				return false;
			scratch->walk.end = end + length;
		}
		dentry = READ_ONCE(dentry->d_parent);
	}
	return false;
}

/* Returns the number of the namespace's last change, or 0. */
static __always_inline __u64 path_namespace_event(struct mnt_namespace *namespace)
{
	return bpf_core_field_exists(namespace->event) ? READ_ONCE(namespace->event) : 0;
}

/*
 * Reports if the mount is at the root of the namespace: what a process sees at "/". That mount is
 * the first one's only child at its root, or the first one itself (fs/namespace.c, 5.10 to 7.2,
 * init_mount_tree() and pivot_root()).
 *
 * The last such mount is kept. Each change of a namespace's mounts gives it a higher number than
 * any namespace had before (touch_mnt_namespace()).
 */
static __always_inline bool path_is_top_mount(struct scratch *scratch, struct vfsmount *vfsmount,
					      struct mnt_namespace *namespace)
{
	__u64 mount = (__u64)vfsmount - bpf_core_field_offset(struct mount, mnt);
	__u64 event = path_namespace_event(namespace);
	struct mount *root = namespace->root;

	if (root->mnt_parent != root)
		return false;
	if (mount == (__u64)root)
		return true;
	if (event && event == scratch->top_mount.event && mount == scratch->top_mount.mount &&
	    (__u64) namespace == scratch->top_mount.namespace)
		return true;
	path_enter_mount(scratch, (void *)mount);
	if (scratch->walk.members.parent != (__u64)root ||
	    scratch->walk.members.mountpoint != (__u64)root->mnt.mnt_root)
		return false;
	if (event == path_namespace_event(namespace)) {
		scratch->top_mount.event = event;
		scratch->top_mount.mount = mount;
		scratch->top_mount.namespace = (__u64) namespace;
	}
	return true;
}

/*
 * Appends a path that is short, and that nothing changes meanwhile. Returns its end with PATH_*
 * bits, or 0: path_append() can do it. The verifier knows the type of the pointers.
 */
static __always_inline int path_append_short(struct scratch *scratch, struct dentry *leaf,
					     struct vfsmount *vfsmount,
					     struct mnt_namespace *namespace)
{
	struct dentry *root = vfsmount->mnt_root;
	__u64 checksum;
	bool unlinked;

	scratch->walk.end = scratch->walk.start;
	if (leaf == root || !path_is_top_mount(scratch, vfsmount, namespace) ||
	    !path_walk_short(scratch, leaf, root, true))
		return 0;
	checksum = scratch->walk.checksum;
	unlinked = !leaf->d_hash.pprev; /* linux/dcache.h, d_unlinked() */
	if (!path_walk_short(scratch, leaf, root, false) || checksum != scratch->walk.checksum ||
	    !path_is_top_mount(scratch, vfsmount, namespace))
		return 0;
	return (scratch->walk.end & PATH_END_MASK) | (unlinked ? PATH_DELETED : 0);
}

static __always_inline struct kernfs_node *path_kernfs_parent(struct kernfs_node *node)
{
	if (bpf_core_field_exists(node->__parent))
		return BPF_CORE_READ(node, __parent);
	return BPF_CORE_READ(node, parent);
}

/* Walks from the kernfs node up to the root, which has no parent. Returns as path_append(). */
static __always_inline int path_walk_cgroup(struct scratch *scratch, struct kernfs_node *node,
					    __u32 offset)
{
	__u32 end = offset;

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

/*
 * Appends the path of the directory of scratch->cgroup, from the leaf up. Directories of the v2
 * hierarchy are never renamed (kernel/cgroup/cgroup.c, cgroup_kf_syscall_ops), and an id is used
 * once, so the last path is kept. Returns as path_append().
 */
__noinline int path_append_cgroup(__u32 slot, __u32 offset)
{
	struct scratch *scratch = scratch_get(slot);
	__u64 id, length;
	int walked;

	if (!scratch || !scratch->cgroup || offset > RECORD_HEAD_MAX_BYTES - SCRATCH_CGROUP_BYTES)
		return offset | PATH_UNREADABLE;
	id = scratch->cgroup_id;
	length = scratch->last_cgroup.length;
	if (id && id == scratch->last_cgroup.id) {
		if (!length)
			return offset;
		if (length <= SCRATCH_CGROUP_BYTES &&
		    !bpf_probe_read_kernel(&scratch->record[offset], length,
					   scratch->last_cgroup.names))
			return offset + length;
	}
	walked = path_walk_cgroup(scratch, (void *)scratch->cgroup, offset);
	length = walked - offset;
	scratch->last_cgroup.id = 0;
	if (length > SCRATCH_CGROUP_BYTES ||
	    bpf_probe_read_kernel(scratch->last_cgroup.names, length, &scratch->record[offset]))
		return walked;
	scratch->last_cgroup.length = length;
	scratch->last_cgroup.id = id;
	return walked;
}

#endif
