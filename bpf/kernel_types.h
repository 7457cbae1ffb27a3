/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel structures that the programs read, with only the members used. CO-RE relocates each
 * access to the member's offset in the running kernel, so order and completeness do not matter. A
 * member that not every kernel has is accessed where bpf_core_field_exists() says so.
 */
#ifndef EXECTAP_KERNEL_TYPES_H
#define EXECTAP_KERNEL_TYPES_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* include/linux/pid.h, enum pid_type (unchanged since 4.19) */
enum { PIDTYPE_TGID = 1, PIDTYPE_PGID = 2, PIDTYPE_SID = 3, PIDTYPE_COUNT = 4 };

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */
#define SIGNAL_GROUP_EXIT 0x00000004 /* include/linux/sched/signal.h */
#define MNT_INTERNAL 0x4000 /* include/linux/mount.h */
#define TMPFS_MAGIC 0x01021994 /* include/uapi/linux/magic.h */
#define HUGETLBFS_MAGIC 0x958458f6
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define ANON_INODE_FS_MAGIC 0x09041934

/* include/uapi/linux/stat.h */
#define S_IFMT 0170000
#define S_IFBLK 0060000
#define S_IFCHR 0020000

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

struct ns_common {
	unsigned int inum;
};

struct user_namespace {
	struct ns_common ns;
};

struct pid_namespace {
	struct ns_common ns;
};

struct mount;

struct mnt_namespace {
	struct ns_common ns;
	struct mount *root;
	__u64 event;
};

struct net {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct pid {
	unsigned int level;
	struct hlist_head tasks[PIDTYPE_COUNT];
	struct upid numbers[1];
};

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t euid;
	kgid_t egid;
	/* {u32 cap[2]} up to 6.2, {u64 val} since: the same 8 bytes on little-endian machines */
	struct {
	} cap_permitted;
	struct {
	} cap_effective;
	struct user_namespace *user_ns;
};

struct tty_driver {
	int major;
	int minor_start;
};

struct tty_struct {
	struct tty_driver *driver;
	int index;
};

typedef struct {
	int counter;
} atomic_t;

struct list_head {
	struct list_head *next;
};

struct seqcount {
	unsigned int sequence;
};

struct seqcount_spinlock {
	struct seqcount seqcount;
};

typedef struct {
	struct seqcount_spinlock seqcount;
} seqlock_t;

struct signal_struct {
	struct task_struct *curr_target;
	atomic_t live;
	struct list_head thread_head;
	int group_exit_code;
	unsigned int flags;
	struct pid *pids[PIDTYPE_COUNT];
	struct tty_struct *tty;
	seqlock_t stats_lock;
	__u64 utime;
	__u64 stime;
	unsigned long maxrss;
	unsigned long long sum_sched_runtime;
};

struct sched_entity {
	__u64 sum_exec_runtime;
};

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct inode;
struct super_block;

union shortname_store {
	unsigned char string[40];
};

struct dentry {
	struct {
	} d_seq; /* begins with the sequence number */
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	union shortname_store d_shortname; /* since 6.14 */
	unsigned char d_iname[40]; /* before 6.14 */
	struct super_block *d_sb;
};

struct super_block {
	unsigned int s_dev;
	unsigned long s_magic;
	struct dentry *s_root;
};

struct timespec64 {
	long long tv_sec;
	long tv_nsec;
};

struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_rdev;
	long long i_size;
	long long i_mtime_sec; /* since 6.11 */
	unsigned int i_mtime_nsec;
	struct timespec64 __i_mtime; /* 6.6 to 6.10 */
	struct timespec64 i_mtime; /* before 6.6 */
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	int mnt_flags;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
	struct file *fd_array[64]; /* NR_OPEN_DEFAULT: the first table */
};

struct fs_struct {
	struct {
	} seq; /* seqcount_spinlock_t or seqlock_t: both begin with the sequence number */
	struct path pwd;
};

struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long env_start;
	unsigned long env_end;
};

struct kernfs_node {
	struct kernfs_node *__parent; /* since 6.15 */
	struct kernfs_node *parent; /* before 6.15 */
	const char *name;
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	unsigned int flags;
	struct sched_entity se;
	struct mm_struct *mm;
	int exit_code;
	unsigned in_execve : 1;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct hlist_node pid_links[PIDTYPE_COUNT];
	struct list_head thread_node;
	__u64 utime;
	__u64 stime;
	__u64 start_boottime;
	__u64 self_exec_id;
	const struct cred *real_cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	kuid_t loginuid; /* CONFIG_AUDIT */
	unsigned int sessionid; /* CONFIG_AUDIT */
	struct css_set *cgroups;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r8;
	unsigned long dx;
	unsigned long cx;
	unsigned long si;
	unsigned long di;
	unsigned long bx;
};

/* Arguments of the function at its entry, in the context of a kprobe program */
#define FUNCTION_ARGUMENT_1(regs) ((regs)->di)
#define FUNCTION_ARGUMENT_2(regs) ((regs)->si)
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
};

#define FUNCTION_ARGUMENT_1(registers) ((registers)->regs[0])
#define FUNCTION_ARGUMENT_2(registers) ((registers)->regs[1])
#endif

struct linux_binprm {
	int argc;
	const char *filename;
};

#pragma clang attribute pop

#endif
