/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where records come from: the ring buffer and the shared page of one set of loaded programs,
 * whoever loaded them. A part of capture.
 */
#ifndef EXECTAP_RING_SOURCE_H
#define EXECTAP_RING_SOURCE_H

#include "capture/capture.h"
#include "capture/ring.h"
#include "record.h"

struct ring_source;

struct ring_source_fds {
	int events; /* the ring buffer map */
	int shared; /* the array map with struct record_shared; -1: laid out in a way unknown here
		     */
	int programs[RECORD_TYPES]; /* of which the kernel counts the skipped runs; -1: none */
};

#define RING_SOURCE_NO_FDS                                                                         \
	{                                                                                          \
		-1, -1,                                                                            \
		{                                                                                  \
			-1, -1, -1                                                                 \
		}                                                                                  \
	}

/*
 * Maps what there is. The descriptors are the source's then; they stay the caller's where this
 * fails. Returns 0 or -errno: -EPROTO where the maps are others than they should be. Free with
 * ring_source_free().
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

/* What was lost since the programs were loaded, and what of it lines have reported; record.h. */
void ring_source_get_lost(const struct ring_source *source, struct capture_lost *lost);
void ring_source_get_reported(const struct ring_source *source, struct capture_lost *reported);
void ring_source_set_reported(struct ring_source *source, const struct capture_lost *reported);

/* What `from` lost and no line has told is to be told for `source`. */
void ring_source_take_lost(struct ring_source *source, struct ring_source *from);

#endif
