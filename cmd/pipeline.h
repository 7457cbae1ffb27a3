/* SPDX-License-Identifier: BSD-2-Clause */
/* The pipeline: record -> decode -> enrich -> filter -> redact -> limit -> select -> encode ->
 * output, and the report of losses. */
#ifndef EXECTAP_PIPELINE_H
#define EXECTAP_PIPELINE_H

#include "capture/capture.h"
#include "encode/encode.h"
#include "event/enrich.h"
#include "event/filter.h"
#include "event/limit.h"
#include "event/selection.h"
#include "host/metrics.h"
#include "output/output.h"
#include "redact/redact.h"

struct pipeline;

/* The stages that a reload replaces. */
struct pipeline_rules {
	struct filter *filter;
	struct redactor *redactor;
	struct selection *selection;
	struct limit_rule limit;
};

struct pipeline_stages {
	struct capture *capture;
	struct enricher *enricher;
	struct pipeline_rules rules;
	struct encode_format format;
	size_t line_max_bytes; /* the same as in output_options */
	size_t buffer_bytes; /* size of the ring buffer */
	struct output *output;
	bool has_backlog; /* output_options.backlog_bytes is not 0 */
};

/* Borrows the stages. Returns 0 or -ENOMEM; free with pipeline_free(). */
int pipeline_new(struct pipeline **pipeline, const struct pipeline_stages *stages);
void pipeline_free(struct pipeline *pipeline);

/*
 * Converts the available records to lines, adds a line for each kind of loss at most once a second,
 * at once for those that the programs count, and writes them. The
 * space of a record in the ring buffer is released when its line is written or, while the output is
 * blocked, in the backlog. Returns the number of records (at least 0) or -errno of output_flush();
 * after -EAGAIN and -ENOTCONN call it again, at once or as after 0 with pipeline_takes_records().
 * Returns early after PIPELINE_DRAIN_MAX_MS, so that the caller can serve signals and the watchdog.
 */
#define PIPELINE_DRAIN_MAX_MS 200
long pipeline_drain(struct pipeline *pipeline);

/* Returns the number of records of the last pipeline_drain(), also of one that failed. */
long pipeline_drained(const struct pipeline *pipeline);

/* Reports whether pipeline_drain() takes records while the output is blocked. */
bool pipeline_takes_records(const struct pipeline *pipeline);

/* Adds a line for each kind of loss, and writes it. Returns 0 or -errno of output_flush(). */
int pipeline_check(struct pipeline *pipeline);

/* Returns the time of the next check for losses, CLOCK_BOOTTIME; UINT64_MAX: none is due. The next
 * pipeline_drain() after it makes the check. */
uint64_t pipeline_check_due_ns(const struct pipeline *pipeline);

/* True if the last pipeline_drain() returned early: call it again without waiting. */
bool pipeline_is_interrupted(const struct pipeline *pipeline);

/* Emits a heartbeat line: EVENT_START, EVENT_STATS or EVENT_STOP. Returns 0 or -errno of
 * output_flush(). */
int pipeline_heartbeat(struct pipeline *pipeline, enum event_type type);

/* Returns the numbers of events with a line in the output, and of known lost events, since the
 * start of this process. */
void pipeline_get_totals(const struct pipeline *pipeline, uint64_t *written, uint64_t *lost);

/*
 * Returns the time (CLOCK_BOOTTIME) at which pipeline_drain() has a summary to write, or
 * UINT64_MAX.
 */
uint64_t pipeline_due_ns(const struct pipeline *pipeline);

/* Ends all windows of the limit, and each that begins later: their summaries are part of what
 * pipeline_drain() writes. */
void pipeline_end_windows(struct pipeline *pipeline);

/* Replaces the rules, whose members are borrowed, between two events. */
void pipeline_set_rules(struct pipeline *pipeline, const struct pipeline_rules *rules);

/* Adds the counters and states of all stages to the metrics. */
void pipeline_add_metrics(const struct pipeline *pipeline, struct metrics *metrics);

/* True if everything up to the position `end` (capture_written()) is written, and after
 * pipeline_end_windows() all summaries. */
bool pipeline_has_passed(const struct pipeline *pipeline, uint64_t end);

/* Events whose lines are not delivered. */
struct pipeline_unwritten {
	uint64_t held; /* the ring buffer has their records */
	uint64_t dropped; /* their records are released: the output had taken their lines */
	uint64_t lost; /* no lost line counts them */
	uint64_t suppressed; /* no line counts them */
};

/*
 * Counts them. To be called once, at the end: it reads the records and releases none. With
 * is_pinned, the next start finds the records and the losses that the hooks have counted.
 */
void pipeline_count_unwritten(struct pipeline *pipeline, bool is_pinned,
			      struct pipeline_unwritten *unwritten);

#endif
