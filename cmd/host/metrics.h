/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes counters to a file in the text format of Prometheus (version 0.0.4), for the textfile
 * collector of node_exporter.
 */
#ifndef EXECTAP_METRICS_H
#define EXECTAP_METRICS_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

/* Time between two versions of the file. */
#define METRICS_INTERVAL_NS 15000000000ull

/* Flags of open(2) for the file while the program runs. */
#define METRICS_OPEN_FLAGS (O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

struct metrics;

enum metrics_type {
	METRICS_COUNTER,
	METRICS_GAUGE,
};

/* Borrows path. Returns 0, -ENOMEM, or -ENAMETOOLONG; free with metrics_free(). */
int metrics_new(struct metrics **metrics, const char *path);
void metrics_free(struct metrics *metrics);

/* Begins a new version. */
void metrics_begin(struct metrics *metrics);

/* Begins a metric. help is one sentence without backslash and newline. */
void metrics_add(struct metrics *metrics, const char *name, enum metrics_type type,
		 const char *help);

/* Adds a value to the metric, with labels such as `type="exec"`, or NULL for none. */
void metrics_value(struct metrics *metrics, const char *labels, uint64_t value);

/* Likewise, a time in seconds. */
void metrics_seconds(struct metrics *metrics, uint64_t value_ns);

/*
 * Replaces the file by the new version with rename(2), so that a reader sees all of one version.
 * Logs the first of a row of failures, and their end. Returns 0 or -errno.
 */
int metrics_commit(struct metrics *metrics);

#endif
