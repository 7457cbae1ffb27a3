// SPDX-License-Identifier: BSD-2-Clause
#include "capture/ring_source.h"

#include "capture/prog_misses.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct ring_source {
	struct ring_source_fds fds;
	int misses[RECORD_TYPES][RING_SOURCE_PROGRAMS_MAX]; /* prog_misses.h; negative: none */
	struct ring *ring;
	struct record_shared *shared;
	struct record_shared unknown; /* target of shared if there is no such map */
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

static int map_ring(struct ring_source *source)
{
	struct bpf_map_info info;
	int result = map_info(source->fds.events, BPF_MAP_TYPE_RINGBUF, &info);

	return result ? result : ring_new(&source->ring, source->fds.events, info.max_entries);
}

static int map_shared(struct ring_source *source)
{
	struct bpf_map_info info;
	int result = map_info(source->fds.shared, BPF_MAP_TYPE_ARRAY, &info);
	void *page;

	if (result)
		return result;
	if (info.value_size != sizeof(struct record_shared))
		return -EPROTO;
	page = mmap(NULL, sizeof(struct record_shared), PROT_READ | PROT_WRITE, MAP_SHARED,
		    source->fds.shared, 0);
	if (page == MAP_FAILED)
		return -errno;
	source->shared = page;
	return 0;
}

int ring_source_new(struct ring_source **source, const struct ring_source_fds *fds)
{
	static const struct ring_source_fds none = RING_SOURCE_NO_FDS;
	struct ring_source *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	created->fds = *fds;
	created->shared = &created->unknown;
	for (int type = 0; type < RECORD_TYPES; type++)
		for (int i = 0; i < RING_SOURCE_PROGRAMS_MAX; i++)
			created->misses[type][i] = prog_misses_open(fds->programs[type][i]);
	result = map_ring(created);
	if (!result && fds->shared >= 0)
		result = map_shared(created);
	if (result) {
		created->fds = none;
		ring_source_free(created);
		return result;
	}
	*source = created;
	return 0;
}

void ring_source_free(struct ring_source *source)
{
	if (!source)
		return;
	if (source->shared != &source->unknown)
		munmap(source->shared, sizeof(*source->shared));
	ring_free(source->ring);
	for (int type = 0; type < RECORD_TYPES; type++)
		for (int i = 0; i < RING_SOURCE_PROGRAMS_MAX; i++)
			close_fd(source->misses[type][i]);
	ring_source_close_fds(&source->fds);
	free(source);
}

void ring_source_close_fds(const struct ring_source_fds *fds)
{
	close_fd(fds->events);
	close_fd(fds->shared);
	for (int type = 0; type < RECORD_TYPES; type++)
		for (int i = 0; i < RING_SOURCE_PROGRAMS_MAX; i++)
			close_fd(fds->programs[type][i]);
}

struct ring *ring_source_ring(const struct ring_source *source)
{
	return source->ring;
}

int ring_source_fd(const struct ring_source *source)
{
	return source->fds.events;
}

enum record_state ring_source_state(const struct ring_source *source)
{
	return __atomic_load_n(&source->shared->state, __ATOMIC_RELAXED);
}

void ring_source_set_state(struct ring_source *source, enum record_state state)
{
	__atomic_store_n(&source->shared->state, state, __ATOMIC_SEQ_CST);
}

void ring_source_set_omitted_keys(struct ring_source *source, uint32_t keys)
{
	__atomic_store_n(&source->shared->omitted_keys, keys, __ATOMIC_RELAXED);
}

void ring_source_set_consumer_sleeps(struct ring_source *source, bool sleeps)
{
	__atomic_store_n(&source->shared->consumer_sleeps, sleeps, __ATOMIC_RELAXED);
}

static uint64_t count_misses(const struct ring_source *source, enum record_type type)
{
	uint64_t count = 0;

	for (int i = 0; i < RING_SOURCE_PROGRAMS_MAX; i++)
		count += prog_misses_read(source->misses[type][i]);
	return count;
}

/*
 * Returns the execs that no program at the hook has claimed, or less while execs are at the hook
 * (exectap.bpf.c, handle_skipped_exec()). The claims must be read last.
 */
static uint64_t count_skipped_execs(const struct ring_source *source)
{
	const struct record_shared *shared = source->shared;
	uint64_t ended = count_misses(source, RECORD_EXEC) +
			 __atomic_load_n(&shared->passed, __ATOMIC_SEQ_CST);
	uint64_t claimed = __atomic_load_n(&shared->claimed, __ATOMIC_SEQ_CST);

	return ended > claimed ? ended - claimed : 0;
}

uint64_t ring_source_count_flagged(const struct ring_source *source)
{
	uint64_t count = 0;

	for (int type = 0; type < RECORD_TYPES; type++)
		for (int reason = 0; reason < RECORD_LOSSES; reason++)
			count += __atomic_load_n(&source->shared->lost[type][reason],
						 __ATOMIC_RELAXED);
	return count;
}

void ring_source_get_lost(const struct ring_source *source, struct capture_lost *lost)
{
	for (int type = 0; type < RECORD_TYPES; type++) {
		for (int reason = 0; reason < RECORD_LOSSES; reason++)
			lost->counts[type][reason] = __atomic_load_n(
				&source->shared->lost[type][reason], __ATOMIC_RELAXED);
		lost->counts[type][RECORD_LOSS_RECURSION] += type == RECORD_EXEC
								     ? count_skipped_execs(source)
								     : count_misses(source, type);
	}
}

void ring_source_get_reported(const struct ring_source *source, struct capture_lost *reported)
{
	memcpy(reported->counts, source->shared->reported, sizeof(reported->counts));
	reported->until_ns = source->shared->reported_until_ns;
}

void ring_source_set_reported(struct ring_source *source, const struct capture_lost *reported)
{
	memcpy(source->shared->reported, reported->counts, sizeof(reported->counts));
	source->shared->reported_until_ns = reported->until_ns;
}

void ring_source_take_lost(struct ring_source *source, struct ring_source *from)
{
	struct capture_lost lost, reported;

	ring_source_get_lost(from, &lost);
	ring_source_get_reported(from, &reported);
	for (int type = 0; type < RECORD_TYPES; type++)
		for (int reason = 0; reason < RECORD_LOSSES; reason++) {
			uint64_t *count = &reported.counts[type][reason];
			uint64_t unreported = lost.counts[type][reason] - *count;

			if (lost.counts[type][reason] <= *count)
				continue;
			__atomic_fetch_add(&source->shared->lost[type][reason], unreported,
					   __ATOMIC_RELAXED);
			*count += unreported;
		}
	ring_source_set_reported(from, &reported);
	if (!source->shared->reported_until_ns)
		source->shared->reported_until_ns = reported.until_ns;
}
