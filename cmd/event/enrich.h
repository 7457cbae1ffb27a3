/* SPDX-License-Identifier: BSD-2-Clause */
/* Adds to an event what is not in its record: wall clock, host, ids, names, container, variables.
 */
#ifndef EXECTAP_ENRICH_H
#define EXECTAP_ENRICH_H

#include "event/event.h"

#include <sys/types.h>

struct enricher;

#define ENRICH_BOOT_ID_PATH "/proc/sys/kernel/random/boot_id" /* random(4) */

/* What is known of the host and of this process. */
struct enrich_facts {
	char host[65]; /* __NEW_UTS_LEN + 1, include/uapi/linux/utsname.h */
	char kernel[65];
	char boot_id[37]; /* a UUID */
	char machine_id[33]; /* machine-id(5); empty: none */
	const char *version; /* of exectap; static */
	const char *names_directory; /* as in users_new(); static; NULL: no names */
	int64_t wall_minus_boot_ns;
	pid_t pid;
};

/* Reads the facts. Returns 0, or -errno if there is no boot id. */
int enrich_read_facts(struct enrich_facts *facts);

/*
 * Copies the facts. env_names are globs of the names of the variables that events show of their
 * environment, with commas between; NULL: none. Returns 0 or -ENOMEM; free with enrich_free().
 */
int enrich_new(struct enricher **enricher, const char *env_names, const struct enrich_facts *facts);

/* Replaces the globs of env_names, which are copied. Returns 0 or -ENOMEM with nothing changed. */
int enrich_set_env_names(struct enricher *enricher, const char *env_names);

/*
 * Sets the name of the host, NULL: that of uname(2), and the tags, in the form of tags_strings().
 * Both are borrowed until the next call.
 */
void enrich_set_labels(struct enricher *enricher, const char *host, struct text tags);

/* Adds the names of containers to events. `root` as in container_state_new(). To be called once.
 * Returns 0 or -ENOMEM. */
int enrich_use_containers(struct enricher *enricher, const char *root);

void enrich_free(struct enricher *enricher);

#define ENRICH_FILES 2

/* Stores the paths of the files that enrich_refresh() reads, valid as long as the enricher, or NULL
 * for each if it reads none. They are opened with REGULAR_FILE_OPEN_FLAGS. */
void enrich_find_files(const struct enricher *enricher, const char *paths[ENRICH_FILES]);

/*
 * Samples the clocks again and, at most once a second, the node name and the files of names. To be
 * called for each batch of events. Returns true if the contexts of earlier events are out of date,
 * also by enrich_set_labels(): context_clear().
 */
bool enrich_refresh(struct enricher *enricher);

/* Fills the fields that event.h lists under "enrich", and adds its context to the cache. The event
 * borrows from the enricher. */
void enrich_event(struct enricher *enricher, struct event *event);

/* Turns an enriched event about a process into the EVENT_SUPPRESSED of event->lost. */
void enrich_summary(struct enricher *enricher, struct event *event);

#endif
