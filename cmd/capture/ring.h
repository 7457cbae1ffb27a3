/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a BPF ring buffer in place. libbpf's reader releases each record as soon as its callback
 * returns; here records are released after their lines are written, because the ring buffer is the
 * queue. The layout is that of kernel/bpf/ringbuf.c (5.8 and later) and
 * Documentation/bpf/ringbuf.rst.
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
 * Returns the next committed record: 8-byte aligned, valid until ring_release(). Returns false if
 * there is none, or if the next one is not committed yet.
 */
bool ring_next(struct ring *ring, const void **record, size_t *length);

/* Returns the space of all records that ring_next() returned to the kernel. */
void ring_release(struct ring *ring);

/*
 * Return the positions of the next write by the kernel and of the next ring_next(), in bytes since
 * the ring was created.
 */
uint64_t ring_written(const struct ring *ring);
uint64_t ring_read(const struct ring *ring);

/* Returns the bytes of records that are not released yet. */
uint64_t ring_used(const struct ring *ring);

#endif
