/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where records come from: the ring buffer and the shared page of one set of loaded programs, whoever loaded them. A
 * part of capture.
 */
#ifndef EXECTAP_SOURCE_H
#define EXECTAP_SOURCE_H

#include "capture.h"
#include "record.h"
#include "ring.h"

struct source;

struct source_fds {
	int events; /* the ring buffer map */
	int shared; /* the array map with struct record_shared; -1: laid out in a way unknown here */
	int programs[RECORD_TYPES]; /* of which the kernel counts the skipped runs; -1: none */
};

#define SOURCE_NO_FDS                                                                                                  \
	{                                                                                                              \
		-1, -1,                                                                                                \
		{                                                                                                      \
			-1, -1, -1                                                                                     \
		}                                                                                                      \
	}

/*
 * Maps what there is. The descriptors are the source's then; they stay the caller's where this fails. Returns 0 or
 * -errno: -EPROTO where the maps are others than they should be. Free with source_free().
 */
int source_new(struct source **source, const struct source_fds *fds);
void source_free(struct source *source);
void source_close_fds(const struct source_fds *fds);

/* Owned by source. */
struct ring *source_ring(const struct source *source);
int source_fd(const struct source *source);

enum record_state source_state(const struct source *source);
void source_set_state(struct source *source, enum record_state state);
void source_set_consumer_sleeps(struct source *source, bool sleeps);

/* What was lost since the programs were loaded, and what of it lines have told; record.h. */
void source_get_lost(const struct source *source, struct capture_lost *lost);
void source_get_told(const struct source *source, struct capture_lost *told);
void source_set_told(struct source *source, const struct capture_lost *told);

/* What `from` lost and no line has told is to be told for `source`. */
void source_take_lost(struct source *source, struct source *from);

#endif
