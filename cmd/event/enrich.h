/* SPDX-License-Identifier: BSD-2-Clause */
/* Adds to an event what is not in its record: wall clock, host, ids, names, container, variables.
 */
#ifndef EXECTAP_ENRICH_H
#define EXECTAP_ENRICH_H

#include "event/event.h"

struct enricher;

#define ENRICH_BOOT_ID_PATH "/proc/sys/kernel/random/boot_id" /* random(4) */

/*
 * Reads host name, boot id and machine id. env_names are globs of the names of the variables that
 * events show of their environment, with commas between; NULL: none. Returns 0 or -errno; the
 * caller frees *enricher with enrich_free().
 */
int enrich_new(struct enricher **enricher, const char *env_names);

/* Replaces the globs of env_names, which are copied. Returns 0 or -ENOMEM with nothing changed. */
int enrich_set_env_names(struct enricher *enricher, const char *env_names);

/* Facts that enrich_new() reads. */
struct enrich_facts {
	const char *host;
	const char *boot_id;
	const char *machine_id;
	const char *kernel;
	const char *version;
	const char *names_directory; /* as in users_new() */
	int64_t wall_minus_boot_ns;
};

/* The same with given facts, for reproducible lines. */
int enrich_new_fixed(struct enricher **enricher, const char *env_names,
		     const struct enrich_facts *facts);
void enrich_free(struct enricher *enricher);

/* Returns the flags of open(2) for the files that enrich_refresh() reads; 0: it reads none. */
int enrich_open_flags(const struct enricher *enricher);

/* Samples host name and clocks again, and reads changed files of names, once for each batch of
 * events. */
void enrich_refresh(struct enricher *enricher);

/* Fills the fields that event.h lists under "enrich". The event borrows from the enricher. */
void enrich_event(struct enricher *enricher, struct event *event);

#endif
