/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layout of the data that the BPF programs hand to user space: the records in the ring buffer
 * and the page of shared words beside it. Both sides include this header, so it uses nothing but
 * <linux/types.h>.
 *
 * Fixed fields come first, 8-byte members before 4-byte ones, so that no compiler pads. Variable
 * data follows; {offset, length} slices refer to it. Offsets count from the record's first byte.
 */
#ifndef EXECTAP_RECORD_H
#define EXECTAP_RECORD_H

#include <linux/types.h>

/* Incremented for every layout that a consumer of the previous one would misread. */
#define RECORD_VERSION 8

#define RECORD_COMM_BYTES 16 /* TASK_COMM_LEN, include/linux/sched.h */
#define RECORD_PATH_BYTES 4096 /* PATH_MAX: maximum for exe, cwd, parent_exe, cgroup */
#define RECORD_FILENAME_BYTES (4096 + 32) /* a path after "/dev/fd/NUMBER/", execveat(2) */
#define RECORD_STREAM_NAME_BYTES 64 /* a longer name of an anonymous inode is left out */
#define RECORD_STREAMS 3 /* stdin, stdout, stderr */

#define RECORD_PROGRAM_STRINGS_BYTES 4096 /* maximum of --parent-args */
/* Most programs have no more; an element with as many takes 256 bytes of kernel memory. */
#define RECORD_PROGRAM_SHORT_BYTES 144
#define RECORD_PROGRAM_MAX_BYTES (40 + RECORD_PROGRAM_STRINGS_BYTES) /* struct record_program */

/*
 * Maximum bytes of everything but the argument strings: fixed fields, three paths, the programs of
 * the parent, or its path, and of the entry, one more name, and a filename or the process's own
 * program, which is longer.
 */
#define RECORD_NAME_BYTES 4096 /* FUSE_NAME_MAX (fs/fuse/fuse_i.h) and a NUL */
#define RECORD_HEAD_MAX_BYTES                                                                      \
	(1024 + 3 * RECORD_PATH_BYTES + 3 * RECORD_PROGRAM_MAX_BYTES + RECORD_NAME_BYTES)

/*
 * Argument strings longer than this reserve a power of two in the ring buffer, up to
 * RECORD_MAX_BYTES.
 */
#define RECORD_SHORT_ARGS_BYTES (24 * 1024)
#define RECORD_MAX_BYTES (8 * 1024 * 1024)

/* No audit login: AUDIT_UID_UNSET and AUDIT_SID_UNSET, include/uapi/linux/audit.h */
#define RECORD_AUDIT_UNSET ((__u32)-1)

/* In a failed attempt: argv was not read to its end. */
#define RECORD_ARGC_UNKNOWN ((__u32)-1)
#define RECORD_ARGS_BYTES_UNKNOWN ((__u64)-1)

/* AT_FDCWD, include/uapi/linux/fcntl.h */
#define RECORD_FD_CWD (-100)

enum record_type {
	RECORD_EXEC = 0,
	RECORD_EXIT = 1,
	RECORD_EXEC_FAILED = 2, /* a struct record_exec too, without exe */
	RECORD_FORK = 3, /* a struct record_exit too, without status and resources */
	RECORD_PROCESS = 4, /* a process that runs when the programs are attached */
	RECORD_TYPES,
};

/* Reasons for an event without a record. Indexes record_shared.lost. */
enum record_loss {
	RECORD_LOSS_BUFFER_FULL = 0, /* no room in the ring buffer */
	RECORD_LOSS_NO_SCRATCH = 1, /* every scratch slot of this CPU was claimed */
	RECORD_LOSS_RECURSION =
		2, /* the kernel skipped the run and counted it: bpf_prog_info.recursion_misses */
	RECORD_LOSS_NO_ENTRY =
		3, /* a failed attempt whose entry was not seen, or was dropped for newer ones */
	RECORD_LOSSES,
};

/*
 * The state of a set of programs while new programs replace old ones (--pin). At a tracepoint the
 * old programs run first (kernel/tracepoint.c, func_add()). RECORD_STATE_ON is stored for the new
 * ones before RECORD_STATE_OFF for the old ones, so no event is missed by both. At the return of a
 * function the new programs run first (kernel/bpf/trampoline.c, __bpf_trampoline_link_prog());
 * there the old ones continue until they are detached.
 */
enum record_state {
	RECORD_STATE_STANDBY = 0, /* not yet on */
	RECORD_STATE_ON = 1,
	RECORD_STATE_OFF = 2, /* replaced */
};

/* Bits of the masks of a record, one for each key that can be in them. */
enum record_key {
	RECORD_KEY_COMM = 1 << 0,
	RECORD_KEY_FILENAME = 1 << 1,
	RECORD_KEY_ARGS = 1 << 2,
	RECORD_KEY_EXE = 1 << 3,
	RECORD_KEY_CWD = 1 << 4,
	RECORD_KEY_PARENT_EXE = 1 << 5,
	RECORD_KEY_CGROUP = 1 << 6,
	RECORD_KEY_ENV = 1 << 7,
	RECORD_KEY_TIMES = 1 << 8, /* user_time and system_time */
	RECORD_KEY_PARENT_COMM = 1 << 9,
	RECORD_KEY_PARENT_ARGS = 1 << 10,
	RECORD_KEY_EXE_FILE = 1 << 11, /* exe_ino, exe_dev, exe_mode, exe_uid, exe_gid */
	RECORD_KEY_EXE_SIZE = 1 << 12,
	RECORD_KEY_EXE_MTIME = 1 << 13,
	RECORD_KEY_EXE_UPPER = 1 << 14,
	RECORD_KEY_STREAMS = 1 << 15, /* stdin, stdout, stderr */
	RECORD_KEY_PARENT_EVENT = 1 << 16, /* parent_event_id */
	RECORD_KEY_ANCESTORS = 1 << 17,
	RECORD_KEY_ENTRY = 1 << 18, /* entry_type, entry_id */
	RECORD_KEY_ENTRY_EXE = 1 << 19,
	RECORD_KEY_NAME = 1 << 20,
	RECORD_KEY_ALL = (1 << 21) - 1,
};

/* Bits of record_exec.flags and record_process.flags */
enum record_flag {
	RECORD_FLAG_MEMFD =
		1 << 0, /* the program is an anonymous file in memory, memfd_create(2) */
	RECORD_FLAG_EXE_UPPER =
		1 << 1, /* the program's file is in the upper layer of an overlayfs */
};

#pragma GCC diagnostic push
#pragma GCC diagnostic warning "-Wpadded"

/*
 * A part of the record's variable data. A path slice (exe, cwd, parent_exe, cgroup) holds names
 * from the leaf up to the root, each with a NUL; length 0 is the root itself. filename is a string
 * without its NUL. args and env are strings, each with a NUL unless the last one was cut.
 */
struct record_slice {
	__u32 offset; /* bytes from the start of the record */
	__u32 length; /* bytes */
};

/* The start of every record. */
struct record_header {
	__u32 size; /* bytes of the whole record, slices included */
	__u16 version; /* RECORD_VERSION */
	__u16 type; /* enum record_type */
	__u64 time_ns; /* CLOCK_BOOTTIME at the hook */
};

/* The keys whose values are not what the kernel had, or are restricted, as bits of enum record_key.
 */
struct record_keys {
	__u32 truncated; /* cut by the BPF program */
	__u32 unreadable; /* a read failed, its slice is empty */
	__u32 detached; /* a path that is not below the root of the task's mount namespace */
	__u32 deleted; /* a path whose file or directory is unlinked */
};

/* Bits of record_program.flags, of exe and args as in struct record_keys */
enum record_program_flag {
	RECORD_PROGRAM_EXE_TRUNCATED = 1 << 0,
	RECORD_PROGRAM_EXE_UNREADABLE = 1 << 1,
	RECORD_PROGRAM_EXE_DETACHED = 1 << 2,
	RECORD_PROGRAM_EXE_DELETED = 1 << 3, /* at its exec */
	RECORD_PROGRAM_MEMFD = 1 << 4,
	RECORD_PROGRAM_ARGS_UNREADABLE = 1 << 5,
};

/*
 * The program that a process runs: the value of a map with an element for each process, and a slice
 * of records, which need not be aligned. The bytes of exe, in the form of a path slice, and the
 * first bytes of args follow. --parent-args limits their sum; exe comes first. Bytes of exe that
 * were cut are those next to the root, perhaps within a name.
 */
struct record_program {
	__u64 exec_ns; /* time_ns of the exec that loaded it; 0: it was loaded before the start */
	__u64 checksum; /* record_program_checksum(): another CPU may write while one reads */
	__u32 exec_pid; /* pid of that exec */
	__u32 exec_id; /* low bits of task_struct.self_exec_id: counts execs, seen or not */
	__u32 args_bytes; /* full length */
	__u32 argc; /* RECORD_ARGC_UNKNOWN */
	__u16 exe_length; /* bytes that follow */
	__u16 args_length; /* bytes that follow those of exe */
	__u16 flags; /* enum record_program_flag */
	__u16 reserved;
};

#define RECORD_PROGRAM_CHECKSUM_BEGIN 0xcbf29ce484222325ull
#define RECORD_PROGRAM_CHECKSUM_ADD(sum, word) (((sum) ^ (__u64)(word)) * 0x100000001b3ull)

/* Returns the checksum of the fixed part. */
static inline __u64 record_program_checksum(const struct record_program *program)
{
	__u64 sum = RECORD_PROGRAM_CHECKSUM_BEGIN;

	sum = RECORD_PROGRAM_CHECKSUM_ADD(sum, program->exec_ns);
	sum = RECORD_PROGRAM_CHECKSUM_ADD(sum, (__u64)program->exec_pid << 32 | program->exec_id);
	sum = RECORD_PROGRAM_CHECKSUM_ADD(sum, (__u64)program->args_bytes << 32 | program->argc);
	return RECORD_PROGRAM_CHECKSUM_ADD(sum, (__u64)program->exe_length << 32 |
							(__u64)program->args_length << 16 |
							program->flags);
}

/*
 * Returns the checksum of the whole: that of the fixed part and of the bytes that follow, in words
 * of 8 bytes, the last one filled up with zeros. For user space: program.bpf.h has a loop of a
 * length that the verifier can follow.
 */
static inline __u64 record_program_sum(const struct record_program *program, const char *strings)
{
	__u32 length = (__u32)program->exe_length + program->args_length;
	__u64 sum = record_program_checksum(program), word;

	for (; length >= sizeof(word); length -= sizeof(word), strings += sizeof(word)) {
		__builtin_memcpy(&word, strings, sizeof(word));
		sum = RECORD_PROGRAM_CHECKSUM_ADD(sum, word);
	}
	if (length) {
		word = 0;
		__builtin_memcpy(&word, strings, length);
		sum = RECORD_PROGRAM_CHECKSUM_ADD(sum, word);
	}
	return sum;
}

/* A process that ran before the start, as the iterator lists it; its exe follows. */
struct record_running {
	__u64 start_ns; /* as in struct record_task */
	__u32 pid;
	__u32 size; /* bytes with what follows */
	struct record_program program; /* without args and checksum */
};

/* The entry: the process with which the work came to this host. It is the child of ... */
enum record_entry {
	RECORD_ENTRY_NONE = 0, /* unknown */
	RECORD_ENTRY_INIT = 1, /* init, or it is init */
	RECORD_ENTRY_KTHREAD = 2, /* kthreadd, or it is kthreadd */
	RECORD_ENTRY_SSHD = 3,
	RECORD_ENTRY_SSM = 4, /* the agent of a cloud provider */
	RECORD_ENTRY_TERMINAL = 5, /* login(1) */
	RECORD_ENTRY_CONTAINER = 6, /* the monitor of a container */
	RECORD_ENTRIES,
};

#define RECORD_ANCESTORS 7 /* besides the parent */

struct record_ancestor {
	__u64 start_ns; /* CLOCK_BOOTTIME at its fork */
	__u32 pid;
	__u32 reserved;
	char comm[RECORD_COMM_BYTES];
};

/* The acting task, read from the kernel's structures. Ids are those of the initial namespaces. */
struct record_task {
	__u64 start_ns; /* CLOCK_BOOTTIME at the fork of the process */
	__u64 parent_start_ns;
	__u64 group_start_ns; /* of the leader's process; 0: it has ended */
	__u64 session_start_ns;
	__u64 entry_start_ns;
	__u64 cap_effective; /* bit n is capability n */
	__u64 cap_permitted;
	__u32 pid; /* thread group ids */
	__u32 ppid;
	__u32 pgid;
	__u32 sid;
	__u32 uid;
	__u32 gid;
	__u32 euid;
	__u32 egid;
	__u32 auid; /* RECORD_AUDIT_UNSET: none */
	__u32 ses; /* RECORD_AUDIT_UNSET: none */
	__u32 tty_major; /* 0 with tty_minor 0: no controlling terminal */
	__u32 tty_minor;
	__u32 ns_pid; /* pid in the namespace of the process */
	__u32 pid_ns; /* inode numbers; 0: unknown */
	__u32 mnt_ns;
	__u32 net_ns;
	__u32 user_ns;
	__u32 entry_pid;
	__u32 entry_type; /* enum record_entry */
	__u32 ancestor_count;
	__u32 has_more_ancestors; /* boolean */
	__u32 entry_exec_id; /* low bits of self_exec_id; 0: a kernel thread, or unknown */
	char parent_comm[RECORD_COMM_BYTES];
	struct record_ancestor ancestors[RECORD_ANCESTORS]; /* from the parent's parent upwards */
};

/* A device number is as the kernel has it: MKDEV(), include/linux/kdev_t.h. */
#define RECORD_DEVICE_MINOR_BITS 20

/* The inode of the program's file; zero in a failed attempt and for a kernel thread. */
struct record_file {
	__u64 inode;
	__u64 size;
	__s64 mtime_s; /* seconds since 1970 */
	__u32 mtime_ns;
	__u32 device; /* of the file system */
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 reserved;
};

/* A descriptor. mode and detail are 0 if it is closed. */
struct record_stream {
	union {
		__u64 inode;
		struct record_slice name; /* of an anonymous inode, without its NUL */
	};
	__u32 mode; /* S_IFMT bits of the inode's mode; some anonymous inodes have none */
	__u32 detail; /* the device's number, or else s_magic of the inode's file system */
};

struct record_exec {
	struct record_header header;
	struct record_task task;
	struct record_keys keys;
	struct record_file file;
	struct record_stream streams[RECORD_STREAMS];
	__u64 args_bytes; /* full length of the argument strings with their NULs; args.length may be
			     less */
	__u32 tid; /* id of the calling thread before the exec */
	__u32 argc; /* RECORD_ARGC_UNKNOWN */
	__u32 flags; /* enum record_flag */
	__u32 error; /* failed attempts: errno(3) */
	__s32 directory_fd; /* failed attempts: the descriptor that filename is relative to,
			       execveat(2) */
	__u32 reserved;
	char comm[RECORD_COMM_BYTES]; /* the caller's */
	char name[RECORD_COMM_BYTES]; /* the process's after the exec; empty in a failed attempt */
	struct record_slice filename;
	struct record_slice exe;
	struct record_slice cwd;
	struct record_slice parent_exe; /* where its program is not known; offset 0: none */
	struct record_slice parent; /* struct record_program; offset 0: not known, or none */
	struct record_slice entry; /* likewise; none if the entry is the process or the parent */
	struct record_slice cgroup;
	struct record_slice args;
	struct record_slice env; /* offset 0: not collected */
};

/* The end of a process, sent by its last thread; or its begin. */
struct record_exit {
	struct record_header header;
	struct record_task task;
	struct record_keys keys;
	__u64 user_ns; /* sampled by ticks, of all threads; kernel/sched/cputime.c scales it with
			  runtime_ns */
	__u64 system_ns;
	__u64 runtime_ns;
	__u64 max_rss_pages;
	__u32 status; /* wait4(2) status */
	__u32 reserved;
	char comm[RECORD_COMM_BYTES]; /* the leader's */
	struct record_slice program; /* struct record_program; offset 0: not known */
	struct record_slice parent_exe; /* as in struct record_exec */
	struct record_slice parent;
	struct record_slice entry;
	struct record_slice cgroup;
};

/* A process that runs: what its begin has, and of an exec what is still known. */
struct record_process {
	struct record_exit begun; /* comm is the name of the process as well */
	struct record_file file;
	struct record_stream streams[RECORD_STREAMS];
	__u32 flags; /* enum record_flag */
	__u32 reserved;
	struct record_slice exe; /* offset 0: none, or that of begun.program */
	struct record_slice cwd;
};

/*
 * Words that both sides access in a memory-mapped page. Access needs no system call and no
 * privileges.
 */
struct record_shared {
	__u32 consumer_sleeps; /* user space will wait without a timeout: wake it after the next
				  record */
	__u32 state; /* enum record_state */
	__u64 lost[RECORD_TYPES][RECORD_LOSSES]; /* user space adds the losses of the programs that
						    these replaced */
	__u64 claimed; /* execs that a program at the hook has claimed; 0 with one program */
	__u64 passed; /* execs that the last program at the hook has seen; 0 with one program */
	__u64 omitted_keys; /* enum record_key: nobody needs them. What is not read is unreadable */
	/* used by user space only, for the next process */
	__u64 reported[RECORD_TYPES][RECORD_LOSSES]; /* the part of lost that lines have reported */
	__u64 reported_until_ns; /* CLOCK_BOOTTIME; 0: no process has reported yet */
};

#pragma GCC diagnostic pop

#endif
