/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Scratch memory in which a record is built before it goes to the ring buffer as a whole.
 *
 * Programs at the return of a function can be preempted, those at tracepoints on kernels 7.x too
 * (kernel/bpf/trampoline.c, __bpf_prog_enter_recur()), and another program of ours can then run on
 * the same CPU, so a CPU's scratch has to be claimed. Kernels before 5.12 have no atomic
 * instruction that returns the old value; counting up and *then* looking whether one is alone works
 * on all of them: whoever reads 1 after its own increment is the only one until it counts down. Two
 * that meet may both be turned away, which is why there is more than one slot to a CPU.
 */
#ifndef EXECTAP_SCRATCH_BPF_H
#define EXECTAP_SCRATCH_BPF_H

#include "kernel_types.h"
#include "record.h"
#include <bpf/bpf_helpers.h>

#define SCRATCH_SLOTS_MAX 3
/*
 * Programs that a task can be preempted in claim one of these only, so that they take the last one
 * away from nobody: execs and exits, whose programs are not preempted where there are probes
 * (exectap.bpf.c).
 */
#define SCRATCH_SLOTS_SHARED 2
#define SCRATCH_NONE ((__u32)-1)

/* A record with as many argument bytes as fit into the default --max-line. */
#define SCRATCH_RECORD_BYTES (RECORD_HEAD_MAX_BYTES + RECORD_SHORT_ARGS_BYTES)

/* Maximum bytes of a cgroup's path that is kept for the next record. */
#define SCRATCH_CGROUP_BYTES 512

/* Programs that are kept for the next records, and maximum bytes of each: by default all of it. */
#define SCRATCH_PROGRAMS 4
#define SCRATCH_PROGRAM_BYTES (40 + 512)

/* A program that was found in a map, program.bpf.h */
struct scratch_program {
	__u64 start_ns; /* of its process */
	__u32 pid; /* likewise */
	__u32 exec_id;
	__u64 length; /* 0: none */
	__u8 bytes[SCRATCH_PROGRAM_BYTES];
};

/* Addresses in a struct mount. */
struct path_mount {
	__u64 parent;
	__u64 mountpoint;
	__u64 root;
	__u64 super_block;
};

struct scratch {
	__u32 users;
	__u32 reserved;
	__u64 namespace_root; /* root mount of the task's mount namespace */
	__u64 cgroup; /* kernfs node of the task's cgroup in the v2 hierarchy */
	__u64 cgroup_id; /* its id; 0: unknown */
	struct { /* path.bpf.h */
		__u64 id; /* of the kernfs node; 0: none */
		__u64 length;
		__u8 names[SCRATCH_CGROUP_BYTES];
	} last_cgroup;
	struct scratch_program last_programs[SCRATCH_PROGRAMS]; /* by process id */
	struct { /* the mount at the root of a namespace, path.bpf.h */
		__u64 namespace; /* its address */
		__u64 event; /* the number of its last change; 0: none */
		__u64 mount; /* the address of the mount */
	} top_mount;
	struct { /* a path walk, path.bpf.h */
		__u64 leaf;
		__u64 leaf_mount;
		__u64 namespace_root;
		__u64 dentry; /* current position */
		__u64 mount;
		struct path_mount members; /* the current mount's */
		__u64 checksum;
		__u32 start; /* offsets in the record */
		__u32 end;
		__u32 steps; /* left */
		__u32 disturbances; /* renames and moves in progress that were seen */
		__u32 copy_names; /* booleans */
		__u32 is_file;
		__u32 leaf_is_root; /* the mount's root */
		__u32 deleted;
	} walk;
	struct { /* user memory at the end of the record: args, then env */
		__u64 args;
		__u64 args_bytes;
		__u64 env;
		__u64 env_bytes;
	} tail;
	struct { /* user memory that is read string by string, args.bpf.h */
		__u64 vector;
		__u64 string;
		__u32 index;
		__u32 start;
		__u32 end;
		__u32 truncated;
		__u32 pointer_bytes; /* 4 for a 32-bit caller */
		__u32 reserved;
	} args;
	__u64 signal; /* signal_struct of the process that ends, exit.bpf.h */
	struct { /* a process that runs, and its address space, running.bpf.h */
		__u64 task;
		__u64 mm;
	} running;
	/* struct record_program, of an exec; its last word is filled up with zeros */
	__u8 program[RECORD_PROGRAM_MAX_BYTES + sizeof(__u64)];
	__u8 record[SCRATCH_RECORD_BYTES];
};

/*
 * A power of two minus one, set by the loader. CPUs that are equal under this mask share slots,
 * which claiming makes safe.
 */
const volatile __u32 config_cpu_mask = 0;

/* Slots of a CPU, set by the loader: more than SCRATCH_SLOTS_SHARED if other events than execs and
 * exits have records. */
const volatile __u32 config_scratch_slots = SCRATCH_SLOTS_SHARED;

/* Slot k of CPU c has the index c * config_scratch_slots + k; the loader sets max_entries
 * accordingly. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS_MAX);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch_slots SEC(".maps");

static __always_inline struct scratch *scratch_get(__u32 slot)
{
	return bpf_map_lookup_elem(&scratch_slots, &slot);
}

/* Returns a slot that belongs to the program until scratch_release(), or SCRATCH_NONE. A task can
 * be preempted in the program if it `is_preemptible`: it gets none that execs and exits rely on. */
static __always_inline __u32 scratch_claim(bool is_preemptible)
{
	__u32 first = (bpf_get_smp_processor_id() & config_cpu_mask) * config_scratch_slots;

	/* a separate counter: between two unknown bounds the verifier follows thousands of rounds
	 */
	for (__u32 i = 0; i < SCRATCH_SLOTS_MAX; i++) {
		struct scratch *scratch;

		if (i == SCRATCH_SLOTS_SHARED && (is_preemptible || i == config_scratch_slots))
			break;
		scratch = scratch_get(first + i);
		if (!scratch)
			break;
		__sync_fetch_and_add(&scratch->users, 1);
		if (*(volatile __u32 *)&scratch->users == 1)
			return first + i;
		__sync_fetch_and_add(&scratch->users, -1);
	}
	return SCRATCH_NONE;
}

static __always_inline void scratch_release(__u32 slot)
{
	struct scratch *scratch = scratch_get(slot);

	if (scratch)
		__sync_fetch_and_add(&scratch->users, -1);
}

#endif
