/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of one ring buffer record -> struct event. Pure: no state, and nothing asked of the
 * system but its page size. */
#ifndef EXECTAP_DECODE_H
#define EXECTAP_DECODE_H

#include "event/event.h"

#include <stddef.h>

/*
 * Fills the fields that event.h lists under "decode" from `length` bytes (8-byte aligned, as the
 * kernel lays them: kernel/bpf/ringbuf.c), of which nothing is trusted. The event borrows them.
 * Returns 0, -EPROTONOSUPPORT for a record of another version or an unknown type, -EBADMSG for one
 * that contradicts itself; the event's content is undefined then.
 */
int decode_record(const void *bytes, size_t length, struct event *event);

#endif
