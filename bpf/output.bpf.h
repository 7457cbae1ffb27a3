/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The ring buffer, and who wakes its reader.
 *
 * A wake-up costs an exec some 29 us, so records are committed without one. While user space drains
 * in batches it needs none but the one when the buffer passes a mark. Before it waits without a
 * timeout it stores consumer_sleeps, issues a full barrier, and looks at the buffer once more; here
 * the record is committed (an xchg, a full barrier, kernel/bpf/ringbuf.c bpf_ringbuf_commit()) and
 * then consumer_sleeps is read. One of the two sees the other: no wake-up gets lost.
 */
#ifndef EXECTAP_OUTPUT_BPF_H
#define EXECTAP_OUTPUT_BPF_H

#include "kernel_types.h"
#include "record.h"
#include "scratch.bpf.h"
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024); /* the loader sets --buffer */
} events SEC(".maps");

struct record_shared shared;

/* Set by the loader before loading. */
const volatile __u64 config_args_max_bytes = RECORD_SHORT_ARGS_BYTES;
const volatile __u64 config_env_max_bytes = 0; /* 0: env is not asked for */
const volatile __u64 config_wake_mark_bytes = 2 * 1024 * 1024;

static __always_inline enum record_state output_state(void)
{
	return *(volatile __u32 *)&shared.state;
}

static __always_inline void output_count_loss(enum record_type type, enum record_loss reason)
{
	__sync_fetch_and_add(&shared.lost[type][reason], 1);
}

/* After a commit of record_bytes. A discarded reservation is how a program wakes the reader with no
 * record. */
static __always_inline void output_wake(__u64 record_bytes)
{
	__u64 pending;
	void *none;

	if (!*(volatile __u32 *)&shared.consumer_sleeps) {
		pending = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
		if (pending < config_wake_mark_bytes ||
		    pending - record_bytes >= config_wake_mark_bytes)
			return;
	}
	none = bpf_ringbuf_reserve(&events, 8, 0);
	if (!none)
		return;
	*(volatile __u32 *)&shared.consumer_sleeps =
		0; /* once is enough, all the more where no one is left to wake */
	bpf_ringbuf_discard(none, BPF_RB_FORCE_WAKEUP);
}

/* Sends the first `size` bytes of a scratch record. */
static __always_inline void output_scratch(struct scratch *scratch, enum record_type type,
					   __u32 size)
{
	barrier_var(size); /* the compiler knows the bound from elsewhere and would drop the check
			      that the verifier needs */
	if (size > SCRATCH_RECORD_BYTES ||
	    bpf_ringbuf_output(&events, scratch->record, size, BPF_RB_NO_WAKEUP)) {
		output_count_loss(type, RECORD_LOSS_BUFFER_FULL);
		return;
	}
	output_wake(size);
}

/*
 * Reads head and tail into a reservation of twice half_bytes. Each length is loaded and checked
 * right before its use: one that has to be kept on the stack over a call loses its bounds on
 * kernels up to 6.1.
 */
static __always_inline bool fill_long(__u8 *room, const struct scratch *scratch, __u32 head_bytes,
				      __u64 half_bytes)
{
	__u64 args_bytes, env_bytes;

	if (bpf_probe_read_kernel(room, head_bytes, scratch->record))
		return false;
	args_bytes = *(const volatile __u64 *)&scratch->tail.args_bytes;
	if (args_bytes > half_bytes - RECORD_HEAD_MAX_BYTES ||
	    bpf_probe_read_user(room + head_bytes, args_bytes, (const void *)scratch->tail.args))
		return false;
	env_bytes = *(const volatile __u64 *)&scratch->tail.env_bytes;
	return env_bytes <= half_bytes &&
	       !bpf_probe_read_user(room + head_bytes + args_bytes, env_bytes,
				    (const void *)scratch->tail.env);
}

/*
 * Sends a record whose tail (scratch->tail) is too long for the scratch, or is not in one piece: it
 * is read straight into the ring buffer, behind the `head_bytes` of the scratch.
 * bpf_ringbuf_reserve() takes constant sizes only (bpf-helpers(7)), so the reservation is a power
 * of two; args may fill one half of it with the head, and env the other. Returns false where a read
 * failed (nothing was sent then); a full buffer is counted here.
 */
#define OUTPUT_TRY_RESERVE(reserve_bytes)                                                          \
	do {                                                                                       \
		__u8 *room;                                                                        \
		if (args_bytes > (reserve_bytes) / 2 - RECORD_HEAD_MAX_BYTES ||                    \
		    env_bytes > (reserve_bytes) / 2)                                               \
			break;                                                                     \
		room = bpf_ringbuf_reserve(&events, reserve_bytes, 0);                             \
		if (!room) {                                                                       \
			output_count_loss(type, RECORD_LOSS_BUFFER_FULL);                          \
			return true;                                                               \
		}                                                                                  \
		if (!fill_long(room, scratch, head_bytes, (reserve_bytes) / 2)) {                  \
			bpf_ringbuf_discard(room, BPF_RB_NO_WAKEUP);                               \
			return false;                                                              \
		}                                                                                  \
		bpf_ringbuf_submit(room, BPF_RB_NO_WAKEUP);                                        \
		output_wake(reserve_bytes);                                                        \
		return true;                                                                       \
	} while (0)

static __noinline bool output_long(struct scratch *scratch, enum record_type type, __u32 head_bytes)
{
	__u64 args_bytes = scratch->tail.args_bytes, env_bytes = scratch->tail.env_bytes;

	if (head_bytes > RECORD_HEAD_MAX_BYTES)
		head_bytes = RECORD_HEAD_MAX_BYTES;
	OUTPUT_TRY_RESERVE(64 << 10);
	OUTPUT_TRY_RESERVE(128 << 10);
	OUTPUT_TRY_RESERVE(256 << 10);
	OUTPUT_TRY_RESERVE(512 << 10);
	OUTPUT_TRY_RESERVE(1 << 20);
	OUTPUT_TRY_RESERVE(2 << 20);
	OUTPUT_TRY_RESERVE(4 << 20);
	OUTPUT_TRY_RESERVE(RECORD_MAX_BYTES);
	return false;
}

#endif
