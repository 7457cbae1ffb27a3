/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The arguments of an attempt that failed: the kernel's copy is gone by then, so they are read from
 * the caller's argv, pointer by pointer, when the call returns. Where the attempt got as far as to
 * copy them, the kernel has faulted their pages in; where the file was not even found, a page that
 * the caller never touched is not there to be read, and args are told to be unreadable.
 */
#ifndef EXECTAP_ARGS_BPF_H
#define EXECTAP_ARGS_BPF_H

#include "output.bpf.h"
#include "scratch.bpf.h"
#include <bpf/bpf_helpers.h>

#define ARGS_DONE 1
#define ARGS_UNREADABLE 2

#define ARGS_CHUNK_BYTES 1024
#define ARGS_STRIDE_STEPS 32
#define ARGS_STRIDES 512

/* bpf_probe_read_user_str(), which returns 0 for an empty string up to 6.13 (mm/maccess.c,
 * strncpy_from_user_nofault()). */
static __always_inline long args_read_string(__u8 *to, __u32 size, const void *from)
{
	long length = bpf_probe_read_user_str(to, size, from);

	if (length)
		return length;
	to[0] = '\0';
	return 1;
}

/* Reads up to ARGS_STRIDE_STEPS pointers or chunks on from scratch->args. Returns 0 to be called
 * again, or ARGS_*. */
__noinline int args_stride(__u32 slot)
{
	struct scratch *scratch = scratch_get(slot);
	__u64 limit;

	if (!scratch)
		return ARGS_UNREADABLE;
	limit = scratch->args.start + config_args_max_bytes;
	for (int step = 0; step < ARGS_STRIDE_STEPS; step++) {
		__u32 end = scratch->args.end;
		long length;

		if (!scratch->args.string) {
			__u64 pointer = scratch->args.vector +
					(__u64)scratch->args.index * scratch->args.pointer_bytes;

			if (scratch->args.pointer_bytes == 4
				    ? bpf_probe_read_user(&scratch->args.string, 4,
							  (const void *)pointer)
				    : bpf_probe_read_user(&scratch->args.string, 8,
							  (const void *)pointer))
				return ARGS_UNREADABLE;
			if (!scratch->args.string)
				return ARGS_DONE;
			scratch->args.index++;
		}
		/* what does not fit is counted only */
		if (scratch->args.cut || end >= limit ||
		    end > SCRATCH_RECORD_BYTES - ARGS_CHUNK_BYTES) {
			scratch->args.cut = 1;
			scratch->args.string = 0;
			continue;
		}
		length = args_read_string(&scratch->record[end], ARGS_CHUNK_BYTES,
					  (const void *)scratch->args.string);
		if (length <= 0)
			return ARGS_UNREADABLE;
		if (length ==
		    ARGS_CHUNK_BYTES) { /* perhaps not its end: go on where the NUL was put */
			scratch->args.string += length - 1;
			scratch->args.end = end + length - 1;
		} else {
			scratch->args.string = 0;
			scratch->args.end = end + length;
		}
	}
	return 0;
}

/* Appends the strings of the argv at the user address `vector` to the record at `offset`. */
static __always_inline int args_append(struct scratch *scratch, __u32 slot, __u32 offset,
				       __u64 vector, __u32 pointer_bytes)
{
	int result = 0;

	scratch->args.vector = vector;
	scratch->args.string = 0;
	scratch->args.index = 0;
	scratch->args.start = offset;
	scratch->args.end = offset;
	scratch->args.cut = 0;
	scratch->args.pointer_bytes = pointer_bytes;
	if (!vector)
		return ARGS_DONE;
	for (int stride = 0; stride < ARGS_STRIDES && !result; stride++)
		result = args_stride(slot);
	return result;
}

#endif
