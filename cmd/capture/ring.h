/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a BPF ring buffer in place. libbpf's reader gives each record's room back as soon as its
 * callback returns; here that happens when the lines are written, for the ring buffer is the queue.
 * The layout is that of kernel/bpf/ringbuf.c (5.8 and later) and Documentation/bpf/ringbuf.rst.
 */
#ifndef EXECTAP_RING_H
#define EXECTAP_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring;

/* Maps the ring buffer map `fd` of `size_bytes`. Returns 0 or -errno; free with ring_free(). */
int ring_new(struct ring **ring, int fd, size_t size_bytes);
void ring_free(struct ring *ring);

/*
 * The next committed record: 8-byte aligned, valid until ring_release(). False where there is none,
 * or where the next one is still being written.
 */
bool ring_next(struct ring *ring, const void **record, size_t *length);

/* Gives the room of all records that ring_next() returned back to the kernel. */
void ring_release(struct ring *ring);

/* Where the kernel will write next, and where ring_next() will read next: bytes since the ring was
 * made. */
uint64_t ring_written(const struct ring *ring);
uint64_t ring_read(const struct ring *ring);

#endif
