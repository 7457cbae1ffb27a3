/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads from one set of loaded programs: its ring buffer and its shared page. A part of capture. */
#ifndef EXECTAP_RING_SOURCE_H
#define EXECTAP_RING_SOURCE_H

#include "capture/capture.h"
#include "capture/ring.h"
#include "record.h"

struct ring_source;

/* Programs whose skipped runs are losses of one event type: four see failed attempts. */
#define RING_SOURCE_PROGRAMS_MAX 4

struct ring_source_fds {
	int events; /* the ring buffer map */
	int shared; /* the array map with struct record_shared; -1: its layout is unknown */
	int programs[RECORD_TYPES][RING_SOURCE_PROGRAMS_MAX]; /* -1: none */
};

#define RING_SOURCE_NO_FDS                                                                         \
	{                                                                                          \
		.events = -1, .shared = -1, .programs = {                                          \
			[0 ... RECORD_TYPES - 1] = { [0 ... RING_SOURCE_PROGRAMS_MAX - 1] = -1 }   \
		}                                                                                  \
	}

/*
 * Maps the ring buffer and the shared page. On success the source owns the descriptors; on failure
 * the caller keeps them. Returns 0 or -errno: -EPROTO if a map has the wrong type or size. Free
 * with ring_source_free().
 */
int ring_source_new(struct ring_source **source, const struct ring_source_fds *fds);
void ring_source_free(struct ring_source *source);
void ring_source_close_fds(const struct ring_source_fds *fds);

/* Owned by source. */
struct ring *ring_source_ring(const struct ring_source *source);
int ring_source_fd(const struct ring_source *source);

enum record_state ring_source_state(const struct ring_source *source);
void ring_source_set_state(struct ring_source *source, enum record_state state);
void ring_source_set_consumer_sleeps(struct ring_source *source, bool sleeps);

/* Sets the bits of enum record_key that the programs need not read. */
void ring_source_set_omitted_keys(struct ring_source *source, uint32_t keys);

/* Returns the losses that the programs have counted themselves, which costs no system call. */
uint64_t ring_source_count_flagged(const struct ring_source *source);

/* Copy the losses since the programs were loaded, and the part of them that lines have reported. */
void ring_source_get_lost(const struct ring_source *source, struct capture_lost *lost);
void ring_source_get_reported(const struct ring_source *source, struct capture_lost *reported);
void ring_source_set_reported(struct ring_source *source, const struct capture_lost *reported);

/* Moves the losses of `from` that no line has reported to `source`. */
void ring_source_take_lost(struct ring_source *source, struct ring_source *from);

#endif
