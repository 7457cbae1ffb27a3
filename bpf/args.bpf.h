/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reads the arguments of a failed attempt. The kernel's own copy is freed by then, so they are read
 * from the caller's argv, pointer by pointer, when the call returns. If the attempt copied them,
 * the kernel has faulted their pages in. If the file was not found, a page that the caller never
 * touched is not resident, and args are unreadable.
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

/*
 * Wraps bpf_probe_read_user_str(), which returns 0 for an empty string up to 6.13 (mm/maccess.c,
 * strncpy_from_user_nofault()).
 */
static __always_inline long args_read_string(__u8 *to, __u32 size, const void *from)
{
	long length = bpf_probe_read_user_str(to, size, from);

	if (length)
		return length;
	to[0] = '\0';
	return 1;
}

/*
 * Reads up to ARGS_STRIDE_STEPS pointers or chunks at the position in scratch->args. Returns 0 if
 * there is more, or ARGS_*.
 */
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
		/* strings that do not fit are only counted */
		if (scratch->args.truncated || end >= limit ||
		    end > SCRATCH_RECORD_BYTES - ARGS_CHUNK_BYTES) {
			scratch->args.truncated = 1;
			scratch->args.string = 0;
			continue;
		}
		length = args_read_string(&scratch->record[end], ARGS_CHUNK_BYTES,
					  (const void *)scratch->args.string);
		if (length <= 0)
			return ARGS_UNREADABLE;
		if (length == ARGS_CHUNK_BYTES) { /* the string may be longer: continue at the
						     position of this NUL */
			scratch->args.string += length - 1;
			scratch->args.end = end + length - 1;
		} else {
			scratch->args.string = 0;
			scratch->args.end = end + length;
		}
	}
	return 0;
}

/*
 * Appends the strings of the argv at the user address `vector` to the record at `offset`. Returns
 * ARGS_*, or 0 if argv has more entries than the loops reach.
 */
static __always_inline int args_append(struct scratch *scratch, __u32 slot, __u32 offset,
				       __u64 vector, __u32 pointer_bytes)
{
	int result = 0;

	scratch->args.vector = vector;
	scratch->args.string = 0;
	scratch->args.index = 0;
	scratch->args.start = offset;
	scratch->args.end = offset;
	scratch->args.truncated = 0;
	scratch->args.pointer_bytes = pointer_bytes;
	if (!vector)
		return ARGS_DONE;
	for (int stride = 0; stride < ARGS_STRIDES && !result; stride++)
		result = args_stride(slot);
	return result;
}

#endif
