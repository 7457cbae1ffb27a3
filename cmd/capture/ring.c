// SPDX-License-Identifier: BSD-2-Clause
#include "capture/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define RECORD_ALIGNMENT 8

struct ring {
	uint64_t *consumer_position; /* the first page, written by user space */
	const uint64_t *producer_position; /* the second page */
	const unsigned char *data; /* mapped twice in a row, so that no record wraps */
	size_t size_bytes; /* a power of two */
	size_t page_bytes;
	uint64_t next;
};

int ring_new(struct ring **ring, int fd, size_t size_bytes)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	struct ring *created = calloc(1, sizeof(*created));
	void *consumer, *producer;
	int error;

	if (!created)
		return -ENOMEM;
	consumer = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	error = errno;
	if (consumer == MAP_FAILED)
		goto fail_consumer;
	producer = mmap(NULL, page_bytes + 2 * size_bytes, PROT_READ, MAP_SHARED, fd,
			(off_t)page_bytes);
	error = errno;
	if (producer == MAP_FAILED)
		goto fail_producer;
	created->consumer_position = consumer;
	created->producer_position = producer;
	created->data = (const unsigned char *)producer + page_bytes;
	created->size_bytes = size_bytes;
	created->page_bytes = page_bytes;
	created->next = __atomic_load_n(created->consumer_position, __ATOMIC_ACQUIRE);
	*ring = created;
	return 0;

fail_producer:
	munmap(consumer, page_bytes);
fail_consumer:
	free(created);
	return -error;
}

void ring_free(struct ring *ring)
{
	if (!ring)
		return;
	munmap((void *)ring->producer_position, ring->page_bytes + 2 * ring->size_bytes);
	munmap(ring->consumer_position, ring->page_bytes);
	free(ring);
}

bool ring_next(struct ring *ring, const void **record, size_t *length)
{
	while (ring->next < ring_written(ring)) {
		const unsigned char *header = ring->data + (ring->next & (ring->size_bytes - 1));
		uint32_t word = __atomic_load_n((const uint32_t *)header, __ATOMIC_ACQUIRE);
		size_t bytes = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (word & BPF_RINGBUF_BUSY_BIT)
			return false;
		ring->next += (BPF_RINGBUF_HDR_SZ + bytes + RECORD_ALIGNMENT - 1) &
			      -(uint64_t)RECORD_ALIGNMENT;
		if (word & BPF_RINGBUF_DISCARD_BIT)
			continue;
		*record = header + BPF_RINGBUF_HDR_SZ;
		*length = bytes;
		return true;
	}
	return false;
}

void ring_release(struct ring *ring)
{
	__atomic_store_n(ring->consumer_position, ring->next, __ATOMIC_RELEASE);
}

uint64_t ring_written(const struct ring *ring)
{
	return __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE);
}

uint64_t ring_read(const struct ring *ring)
{
	return ring->next;
}

uint64_t ring_used(const struct ring *ring)
{
	return ring_written(ring) - *ring->consumer_position;
}
