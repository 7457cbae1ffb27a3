/* SPDX-License-Identifier: BSD-2-Clause */
/* What an event needs from outside its record: wall clock, host, names that last. */
#ifndef EXECTAP_ENRICH_H
#define EXECTAP_ENRICH_H

#include "event.h"

struct enricher;

/* Reads host name and boot id. Returns 0 or -errno; the caller frees *enricher with enrich_free(). */
int enrich_new(struct enricher **enricher);
/* The same with given values and a fixed clock offset, for reproducible lines. */
int enrich_new_fixed(struct enricher **enricher, const char *host, const char *boot_id, int64_t wall_minus_boot_ns);
void enrich_free(struct enricher *enricher);

/* Samples host name and clocks anew: once for each batch of events, so that a change of either is followed. */
void enrich_refresh(struct enricher *enricher);

/* Fills the fields that event.h lists under "enrich". The event borrows from the enricher. */
void enrich_event(const struct enricher *enricher, struct event *event);

#endif
