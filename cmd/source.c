// SPDX-License-Identifier: BSD-2-Clause
#include "source.h"

#include "misses.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct source {
	struct source_fds fds;
	int misses[RECORD_TYPES]; /* misses.h; below 0: none */
	struct ring *ring;
	struct record_shared *shared;
	struct record_shared unknown; /* what shared points to where there is no such map */
};

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int map_info(int fd, enum bpf_map_type type, struct bpf_map_info *info)
{
	__u32 length = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (bpf_obj_get_info_by_fd(fd, info, &length))
		return -errno;
	return info->type == type ? 0 : -EPROTO;
}

static int map_ring(struct source *source)
{
	struct bpf_map_info info;
	int result = map_info(source->fds.events, BPF_MAP_TYPE_RINGBUF, &info);

	return result ? result : ring_new(&source->ring, source->fds.events, info.max_entries);
}

static int map_shared(struct source *source)
{
	struct bpf_map_info info;
	int result = map_info(source->fds.shared, BPF_MAP_TYPE_ARRAY, &info);
	void *page;

	if (result)
		return result;
	if (info.value_size != sizeof(struct record_shared))
		return -EPROTO;
	page = mmap(NULL, sizeof(struct record_shared), PROT_READ | PROT_WRITE, MAP_SHARED, source->fds.shared, 0);
	if (page == MAP_FAILED)
		return -errno;
	source->shared = page;
	return 0;
}

int source_new(struct source **source, const struct source_fds *fds)
{
	static const struct source_fds none = SOURCE_NO_FDS;
	struct source *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	created->fds = *fds;
	created->shared = &created->unknown;
	for (int type = 0; type < RECORD_TYPES; type++)
		created->misses[type] = misses_open(fds->programs[type]);
	result = map_ring(created);
	if (!result && fds->shared >= 0)
		result = map_shared(created);
	if (result) {
		created->fds = none;
		source_free(created);
		return result;
	}
	*source = created;
	return 0;
}

void source_free(struct source *source)
{
	if (!source)
		return;
	if (source->shared != &source->unknown)
		munmap(source->shared, sizeof(*source->shared));
	ring_free(source->ring);
	for (int type = 0; type < RECORD_TYPES; type++)
		close_fd(source->misses[type]);
	source_close_fds(&source->fds);
	free(source);
}

void source_close_fds(const struct source_fds *fds)
{
	close_fd(fds->events);
	close_fd(fds->shared);
	for (int type = 0; type < RECORD_TYPES; type++)
		close_fd(fds->programs[type]);
}

struct ring *source_ring(const struct source *source)
{
	return source->ring;
}

int source_fd(const struct source *source)
{
	return source->fds.events;
}

enum record_state source_state(const struct source *source)
{
	return __atomic_load_n(&source->shared->state, __ATOMIC_RELAXED);
}

void source_set_state(struct source *source, enum record_state state)
{
	__atomic_store_n(&source->shared->state, state, __ATOMIC_SEQ_CST);
}

void source_set_consumer_sleeps(struct source *source, bool sleeps)
{
	__atomic_store_n(&source->shared->consumer_sleeps, sleeps, __ATOMIC_RELAXED);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void source_get_lost(const struct source *source, struct capture_lost *lost)
{
	uint64_t rescued = __atomic_load_n(&source->shared->rescued, __ATOMIC_RELAXED);

	for (int type = 0; type < RECORD_TYPES; type++) {
		uint64_t misses = misses_read(source->misses[type]);

		for (int reason = 0; reason < RECORD_LOSSES; reason++)
			lost->counts[type][reason] =
				__atomic_load_n(&source->shared->lost[type][reason], __ATOMIC_RELAXED);
		if (type == RECORD_EXEC) /* the skip is counted before the rescue, which may come a moment after this */
			misses -= min_u64(misses, rescued);
		lost->counts[type][RECORD_LOSS_RECURSION] += misses;
	}
}

void source_get_told(const struct source *source, struct capture_lost *told)
{
	memcpy(told->counts, source->shared->told, sizeof(told->counts));
	told->until_ns = source->shared->told_until_ns;
}

void source_set_told(struct source *source, const struct capture_lost *told)
{
	memcpy(source->shared->told, told->counts, sizeof(told->counts));
	source->shared->told_until_ns = told->until_ns;
}

void source_take_lost(struct source *source, struct source *from)
{
	struct capture_lost lost, told;

	source_get_lost(from, &lost);
	source_get_told(from, &told);
	for (int type = 0; type < RECORD_TYPES; type++)
		for (int reason = 0; reason < RECORD_LOSSES; reason++) {
			uint64_t *count = &told.counts[type][reason];
			uint64_t untold = lost.counts[type][reason] - *count;

			if (lost.counts[type][reason] <= *count)
				continue;
			__atomic_fetch_add(&source->shared->lost[type][reason], untold, __ATOMIC_RELAXED);
			*count += untold;
		}
	source_set_told(from, &told);
	if (!source->shared->told_until_ns)
		source->shared->told_until_ns = told.until_ns;
}
