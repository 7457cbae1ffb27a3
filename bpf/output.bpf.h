/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Sends records through the ring buffer and wakes the consumer.
 *
 * A wakeup costs its exec about 29 us, so records are committed without one. A consumer that drains
 * in batches needs a wakeup only when the buffer passes a mark. Before it waits without a timeout
 * it stores consumer_sleeps, issues a full barrier, and checks the buffer again. This side commits
 * the record (an xchg, a full barrier, kernel/bpf/ringbuf.c bpf_ringbuf_commit()) and then reads
 * consumer_sleeps. One side always sees the other's store, so no wakeup is lost.
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

/* Set before the programs are loaded. */
const volatile __u64 config_args_max_bytes = RECORD_SHORT_ARGS_BYTES;
const volatile __u64 config_env_max_bytes = 0; /* 0: env is not collected */
const volatile __u64 config_wake_mark_bytes = 2 * 1024 * 1024;
const volatile __u64 config_reserve_mark_bytes = 6 * 1024 * 1024;

static __always_inline enum record_state output_state(void)
{
	return *(volatile __u32 *)&shared.state;
}

/* Reports if nobody needs the key. */
static __always_inline bool output_omits(__u64 keys)
{
	return *(volatile __u64 *)&shared.omitted_keys & keys;
}

static __always_inline void output_count_loss(enum record_type type, enum record_loss reason)
{
	__sync_fetch_and_add(&shared.lost[type][reason], 1);
}

/*
 * Reports if a record of this size would use the last part of the buffer, which is for records
 * without args and env.
 */
static __always_inline bool output_is_in_reserve(__u64 record_bytes)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) + record_bytes >
	       config_reserve_mark_bytes;
}

/* Reports if so much is pending that the consumer is woken for it. */
static __always_inline bool output_is_pending(void)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= config_wake_mark_bytes;
}

/*
 * Wakes the consumer if needed, after a commit of record_bytes. A discarded reservation wakes it
 * without a record.
 */
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
		0; /* one wakeup is enough, also if no consumer runs */
	bpf_ringbuf_discard(none, BPF_RB_FORCE_WAKEUP);
}

/* Sends the first `size` bytes of a scratch record. */
static __always_inline void output_scratch(struct scratch *scratch, enum record_type type,
					   __u32 size)
{
	barrier_var(size); /* the compiler knows the bound from elsewhere and would drop the check,
			      which the verifier needs */
	if (size > SCRATCH_RECORD_BYTES ||
	    bpf_ringbuf_output(&events, scratch->record, size, BPF_RB_NO_WAKEUP)) {
		output_count_loss(type, RECORD_LOSS_BUFFER_FULL);
		return;
	}
	output_wake(size);
}

/*
 * Copies head and tail into a reservation of twice half_bytes. Each length is loaded and checked
 * right before its use: on kernels up to 6.1 a value that is spilled to the stack over a call loses
 * its bounds.
 */
static __always_inline bool output_fill_long(__u8 *record, const struct scratch *scratch,
					     __u32 head_bytes, __u64 half_bytes)
{
	__u64 args_bytes, env_bytes;

	if (bpf_probe_read_kernel(record, head_bytes, scratch->record))
		return false;
	args_bytes = *(const volatile __u64 *)&scratch->tail.args_bytes;
	if (args_bytes > half_bytes - RECORD_HEAD_MAX_BYTES ||
	    bpf_probe_read_user(record + head_bytes, args_bytes, (const void *)scratch->tail.args))
		return false;
	env_bytes = *(const volatile __u64 *)&scratch->tail.env_bytes;
	return env_bytes <= half_bytes &&
	       !bpf_probe_read_user(record + head_bytes + args_bytes, env_bytes,
				    (const void *)scratch->tail.env);
}

enum output_result {
	OUTPUT_SENT = 0,
	OUTPUT_UNREADABLE = 1, /* a read of user memory failed, nothing was sent */
	OUTPUT_NO_ROOM = 2, /* not outside the reserve, nothing was sent */
	OUTPUT_TOO_LONG = 3, /* for the scratch, or not contiguous; nothing was sent */
};

/*
 * Sends a record whose tail (scratch->tail) is too long for the scratch, or is not contiguous. The
 * tail is read straight into the ring buffer, after the `head_bytes` of the scratch.
 * bpf_ringbuf_reserve() takes constant sizes only (bpf-helpers(7)), so the reservation is a power
 * of two: head and args have one half of it, env the other.
 */
#define OUTPUT_TRY_RESERVE(reserve_bytes)                                                          \
	do {                                                                                       \
		__u8 *record;                                                                      \
		if (args_bytes > (reserve_bytes) / 2 - RECORD_HEAD_MAX_BYTES ||                    \
		    env_bytes > (reserve_bytes) / 2)                                               \
			break;                                                                     \
		if (output_is_in_reserve(reserve_bytes))                                           \
			return OUTPUT_NO_ROOM;                                                     \
		record = bpf_ringbuf_reserve(&events, reserve_bytes, 0);                           \
		if (!record)                                                                       \
			return OUTPUT_NO_ROOM;                                                     \
		if (!output_fill_long(record, scratch, head_bytes, (reserve_bytes) / 2)) {         \
			bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);                             \
			return OUTPUT_UNREADABLE;                                                  \
		}                                                                                  \
		bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);                                      \
		output_wake(reserve_bytes);                                                        \
		return OUTPUT_SENT;                                                                \
	} while (0)

static __noinline enum output_result output_long(struct scratch *scratch, __u32 head_bytes)
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
	return OUTPUT_NO_ROOM;
}

#endif
