/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reads members of kernel structures. A load through a pointer whose type the verifier knows costs
 * a tenth of a call of bpf_probe_read_kernel(). Both yield 0 for memory that is not mapped: a load
 * faults to the exception table (kernel/bpf/verifier.c, BPF_PROBE_MEM; 5.5).
 *
 * A pointer that can be NULL is compared first. On arm64 a load at a low address faults like one of
 * user memory, and a kernel that does not count preemption may sleep then (arch/arm64/mm/fault.c,
 * 6.1, do_page_fault()): another task's run of the program is skipped meanwhile.
 */
#ifndef EXECTAP_READ_BPF_H
#define EXECTAP_READ_BPF_H

#include "kernel_types.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Reads a member. `typed` is a constant: the verifier knows the type of `object`. */
#define READ(typed, object, member)                                                                \
	({                                                                                         \
		typeof(object) object_ = (object);                                                 \
		(typed) ? object_->member : BPF_CORE_READ(object_, member);                        \
	})

/* Reads a member exactly once, in the order of the statements. */
#define READ_ONCE(member) (*(const volatile typeof(member) *)&(member))

/*
 * Read 4 or 8 bytes at a byte offset in a member as a number, likewise. The verifier knows the type
 * of `object` and allows any access within a member (kernel/bpf/btf.c, btf_struct_walk()). libbpf
 * does not relocate a load whose size differs from the member's, so the offset is in a register.
 */
#define READ_BYTES(type, object, member, at)                                                       \
	({                                                                                         \
		__u64 offset_ = bpf_core_field_offset((object)->member);                           \
		barrier_var(offset_);                                                              \
		*(const volatile type *)((const void *)(object) + offset_ + (at));                 \
	})
#define READ_U32(object, member) READ_BYTES(__u32, object, member, 0)
#define READ_U64(object, member, at) READ_BYTES(__u64, object, member, at)

#endif
