// SPDX-License-Identifier: BSD-2-Clause
#include "pipeline.h"

#include "event/context.h"
#include "event/decode.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Losses in user space: records that cannot be decoded */
enum undecoded {
	UNDECODED_CORRUPT,
	UNDECODED_VERSION,
	UNDECODED_REASONS,
};

/* Interval of the checks for losses that only the kernel counts */
#define CHECK_INTERVAL_NS 1000000000ull
/* Records between two readings of the clock in a drain */
#define DRAIN_CLOCK_RECORDS 16

struct lost_count {
	uint64_t now;
	uint64_t reported;
};

struct pipeline {
	struct pipeline_stages stages;
	uint64_t seq;
	uint64_t released_seq; /* the records of all lines before it are released */
	uint64_t seen;
	uint64_t filtered;
	uint64_t suppressed;
	uint64_t summarized; /* of these, counted in a line */
	uint64_t released_suppressed; /* not summarized, and their records are released */
	uint64_t held_summaries; /* lines behind released_seq that are summaries */
	uint64_t lost;
	uint64_t written[EVENT_TYPES];
	uint64_t line_bytes;
	uint64_t used_peak_bytes; /* of the ring buffer */
	/* until_ns: the last time when report_losses() had reported everything */
	struct capture_lost lost_reported;
	struct lost_count undecoded[UNDECODED_REASONS];
	uint64_t checked_ns; /* CLOCK_BOOTTIME of the last pipeline_check() */
	uint64_t checked_losses; /* count_known_losses() then */
	bool is_unchecked; /* records came after it */
	struct limiter *limiter;
	struct selection *limit_selection; /* of summaries */
	uint64_t limit_now_ns; /* CLOCK_BOOTTIME: all earlier events are counted */
	bool ends_windows;
	bool interrupted; /* the last drain ended at its time limit, or made room for more */
	long drained; /* records of the last drain */
	struct event event; /* the current one */
};

static const char *const record_loss_names[RECORD_LOSSES] = {
	[RECORD_LOSS_BUFFER_FULL] = "buffer_full",
	[RECORD_LOSS_NO_SCRATCH] = "no_scratch",
	[RECORD_LOSS_RECURSION] = "recursion",
	[RECORD_LOSS_NO_ENTRY] = "no_entry",
};

static const char *const undecoded_names[UNDECODED_REASONS] = {
	[UNDECODED_CORRUPT] = "corrupt_record",
	[UNDECODED_VERSION] = "unknown_record_version",
};

/* Encodes the lost line for one client of a listening socket. Its seq is that of the last lost
 * line.
 */
static size_t encode_drop_notice(void *context, uint64_t count, uint64_t from_ns, uint64_t to_ns,
				 uint64_t seq, char *line)
{
	struct pipeline *pipeline = context;
	struct event *event = &pipeline->event;

	event->type = EVENT_LOST;
	event->time_ns = to_ns;
	event->seq = seq;
	event->lost = (struct event_lost){
		.count = count, .reason = "reader_stalled", .from_ns = from_ns, .to_ns = to_ns
	};
	enrich_event(pipeline->stages.enricher, event);
	selection_apply(pipeline->stages.rules.selection, event);
	return encode_event(&pipeline->stages.format, event, line, pipeline->stages.line_max_bytes);
}

int pipeline_new(struct pipeline **pipeline, const struct pipeline_stages *stages)
{
	struct pipeline *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	created->stages = *stages;
	capture_get_reported(created->stages.capture, &created->lost_reported);
	if (!created->lost_reported.until_ns)
		created->lost_reported.until_ns = clock_boot_ns();
	output_set_drop_notice(created->stages.output, encode_drop_notice, created);
	if (limit_new(&created->limiter) || selection_new(&created->limit_selection) ||
	    context_new(&created->event.contexts)) {
		pipeline_free(created);
		return -ENOMEM;
	}
	limit_set_rule(created->limiter, &stages->rules.limit);
	*pipeline = created;
	return 0;
}

void pipeline_free(struct pipeline *pipeline)
{
	if (!pipeline)
		return;
	limit_free(pipeline->limiter);
	selection_free(pipeline->limit_selection);
	context_free(pipeline->event.contexts);
	free(pipeline);
}

static bool is_blocked(int result)
{
	return result == -EAGAIN || result == -ENOTCONN;
}

/* Reports whether lines may wait in the backlog: if events are left out, whose records would fill
 * the ring buffer meanwhile, or if lines are there already. */
static bool may_use_backlog(const struct pipeline *pipeline)
{
	const struct pipeline_rules *rules = &pipeline->stages.rules;

	return pipeline->stages.has_backlog &&
	       (!filter_is_empty(rules->filter) || rules->limit.count ||
		output_backlog_bytes(pipeline->stages.output));
}

/* Writes the committed lines, then releases their records. With a backlog these are released while
 * the output is blocked, too: their lines are in memory, and what was filtered needs no room. */
static int flush(struct pipeline *pipeline)
{
	struct output *output = pipeline->stages.output;
	uint64_t used_bytes = capture_used(pipeline->stages.capture);
	int result;

	if (used_bytes > pipeline->used_peak_bytes)
		pipeline->used_peak_bytes = used_bytes;
	output_set_urgent(output, used_bytes + output_backlog_bytes(output) >=
					  pipeline->stages.buffer_bytes / 2);
	result = output_flush(output);
	if (!result || (is_blocked(result) && may_use_backlog(pipeline))) {
		capture_release(pipeline->stages.capture, &pipeline->lost_reported);
		pipeline->released_seq = pipeline->seq;
		pipeline->released_suppressed = pipeline->suppressed - pipeline->summarized;
		pipeline->held_summaries = 0;
	}
	return result;
}

/* Reports whether a blocked output takes records all the same. */
static bool goes_on(const struct pipeline *pipeline, int result)
{
	return is_blocked(result) && may_use_backlog(pipeline) &&
	       output_use_backlog(pipeline->stages.output);
}

/* Writes the committed lines. Returns 0 if there is room for another line then, be it in the
 * backlog, or the result of flush(). */
static int flush_or_queue(struct pipeline *pipeline)
{
	int result = flush(pipeline);

	return goes_on(pipeline, result) ? 0 : result;
}

/* Enriches pipeline->event. Returns false if it is filtered out. */
static bool enrich_and_filter(struct pipeline *pipeline)
{
	pipeline->event.seq = pipeline->seq;
	enrich_event(pipeline->stages.enricher, &pipeline->event);
	return filter_passes(pipeline->stages.rules.filter, &pipeline->event);
}

/* Encodes pipeline->event as the next line. The output must have a free buffer. */
static void write_line(struct pipeline *pipeline)
{
	char *line = output_buf(pipeline->stages.output);
	size_t length;

	length = encode_event(&pipeline->stages.format, &pipeline->event, line,
			      pipeline->stages.line_max_bytes);
	output_commit(pipeline->stages.output, length, pipeline->event.seq,
		      pipeline->event.time_ns);
	pipeline->seq++;
	pipeline->written[pipeline->event.type]++;
	pipeline->line_bytes += length;
}

/* Writes a line for an event, unless it is left out. `record`: that of an event about a process. */
static void write_event(struct pipeline *pipeline, const void *record, size_t record_bytes)
{
	const struct pipeline_rules *rules = &pipeline->stages.rules;
	struct event *event = &pipeline->event;

	if (!enrich_and_filter(pipeline)) {
		pipeline->filtered++;
		return;
	}
	redact_event(rules->redactor, event);
	if (record && !limit_passes(pipeline->limiter, event, record, record_bytes)) {
		pipeline->suppressed++;
		return;
	}
	selection_apply(rules->selection, event);
	write_line(pipeline);
}

/* Writes the next summary of a limit, if there is one. */
static bool write_summary(struct pipeline *pipeline)
{
	struct event *event = &pipeline->event;
	struct limit_summary summary;

	if (!limit_next_summary(pipeline->limiter, pipeline->limit_now_ns, &summary))
		return false;
	decode_record(summary.record, summary.record_bytes, event);
	event->seq = pipeline->seq;
	enrich_event(pipeline->stages.enricher, event);
	redact_event(pipeline->stages.rules.redactor, event);
	selection_set_fields(pipeline->limit_selection, &summary.keys);
	selection_apply(pipeline->limit_selection, event);
	limit_summarize(&summary, event);
	enrich_summary(pipeline->stages.enricher, event);
	write_line(pipeline);
	pipeline->summarized += summary.count;
	pipeline->held_summaries++;
	limit_drop_summary(pipeline->limiter);
	return true;
}

static void write_record(struct pipeline *pipeline, const void *record, size_t length)
{
	int result = decode_record(record, length, &pipeline->event);
	enum undecoded reason = result == -EBADMSG ? UNDECODED_CORRUPT : UNDECODED_VERSION;

	pipeline->seen++;
	if (!result && pipeline->event.time_ns > pipeline->limit_now_ns)
		pipeline->limit_now_ns = pipeline->event.time_ns;
	if (!result)
		write_event(pipeline, record, length);
	else if (!pipeline->undecoded[reason].now++)
		log_error("cannot decode a record of %zu bytes: %s; "
			  "such records are counted in lost lines",
			  length, undecoded_names[reason]);
}

static int write_lost(struct pipeline *pipeline, const char *event_type, const char *reason,
		      uint64_t count, uint64_t to_ns)
{
	struct event *event = &pipeline->event;
	int result = output_buf(pipeline->stages.output) ? 0 : flush_or_queue(pipeline);

	if (result)
		return result;
	event->type = EVENT_LOST;
	event->time_ns = to_ns;
	event->lost = (struct event_lost){
		.count = count,
		.reason = reason,
		.event_type = event_type,
		.from_ns = pipeline->lost_reported.until_ns,
		.to_ns = to_ns,
	};
	write_event(pipeline, NULL, 0);
	pipeline->lost += count;
	return 0;
}

static int report_kernel_losses(struct pipeline *pipeline, uint64_t now_ns)
{
	struct capture_lost lost;
	int result = 0;

	capture_get_lost(pipeline->stages.capture, &lost);
	for (int type = 0; type < RECORD_TYPES; type++)
		for (int reason = 0; reason < RECORD_LOSSES && !result; reason++) {
			uint64_t *reported = &pipeline->lost_reported.counts[type][reason];
			uint64_t count = lost.counts[type][reason];

			if (count <= *reported)
				continue;
			result = write_lost(pipeline, event_type_name((enum event_type)type),
					    record_loss_names[reason], count - *reported, now_ns);
			if (!result)
				*reported = count;
		}
	return result;
}

static int report_gap(struct pipeline *pipeline, uint64_t now_ns)
{
	int result;

	if (!capture_has_gap(pipeline->stages.capture))
		return 0;
	result = write_lost(pipeline, NULL, "detached", 0, now_ns);
	if (!result)
		capture_clear_gap(pipeline->stages.capture);
	return result;
}

/* Emits a line for each kind of loss that has grown since the last call. */
static int report_losses(struct pipeline *pipeline)
{
	uint64_t now_ns = clock_boot_ns();
	int result = report_kernel_losses(pipeline, now_ns);

	if (!result)
		result = report_gap(pipeline, now_ns);
	for (int reason = 0; reason < UNDECODED_REASONS && !result; reason++) {
		struct lost_count *count = &pipeline->undecoded[reason];

		if (count->now == count->reported)
			continue;
		result = write_lost(pipeline, NULL, undecoded_names[reason],
				    count->now - count->reported, now_ns);
		if (!result)
			count->reported = count->now;
	}
	if (!result)
		pipeline->lost_reported.until_ns = now_ns;
	return result;
}

/* Advances the time of the limit, once there are no records. Returns false if it is that already.
 */
static bool advance_limit(struct pipeline *pipeline, uint64_t drain_ns)
{
	uint64_t now_ns = pipeline->ends_windows ? UINT64_MAX : drain_ns;

	if (pipeline->limit_now_ns >= now_ns)
		return false;
	pipeline->limit_now_ns = now_ns;
	return true;
}

/* Converts records to lines until none is left, the output is blocked, or the time is up. */
static int drain_records(struct pipeline *pipeline, long *records)
{
	uint64_t drain_ns = clock_boot_ns(), end_ns = drain_ns + PIPELINE_DRAIN_MAX_MS * 1000000ull;
	const void *record;
	size_t length;
	int result = 0;

	while (!result) {
		if (!output_buf(pipeline->stages.output)) {
			result = flush_or_queue(pipeline);
			continue;
		}
		if (write_summary(pipeline))
			continue;
		if (*records % DRAIN_CLOCK_RECORDS == DRAIN_CLOCK_RECORDS - 1 &&
		    clock_boot_ns() >= end_ns) {
			pipeline->interrupted = true;
			break;
		}
		if (!capture_next(pipeline->stages.capture, &record, &length)) {
			if (!advance_limit(pipeline, drain_ns))
				break;
			continue;
		}
		write_record(pipeline, record, length);
		(*records)++;
	}
	return result;
}

/* Returns a number that changes with each loss but those that only the kernel counts. */
static uint64_t count_known_losses(const struct pipeline *pipeline)
{
	uint64_t count = capture_count_flagged(pipeline->stages.capture) +
			 capture_has_gap(pipeline->stages.capture);

	for (int reason = 0; reason < UNDECODED_REASONS; reason++)
		count += pipeline->undecoded[reason].now;
	return count;
}

int pipeline_check(struct pipeline *pipeline)
{
	uint64_t losses = count_known_losses(pipeline);
	int result = report_losses(pipeline);

	if (result)
		return result;
	pipeline->checked_ns = clock_boot_ns();
	pipeline->checked_losses = losses;
	pipeline->is_unchecked = false;
	return flush(pipeline);
}

uint64_t pipeline_check_due_ns(const struct pipeline *pipeline)
{
	return pipeline->is_unchecked ? pipeline->checked_ns + CHECK_INTERVAL_NS : UINT64_MAX;
}

/*
 * The kernel's count of skipped runs costs a system call for each program. It is read after a loss
 * that is known, once a second while records come, and when they have ended.
 */
static bool must_check(const struct pipeline *pipeline, long records)
{
	if (count_known_losses(pipeline) != pipeline->checked_losses)
		return true;
	return pipeline->is_unchecked &&
	       (!records || clock_boot_ns() >= pipeline_check_due_ns(pipeline));
}

long pipeline_drain(struct pipeline *pipeline)
{
	long records = 0;
	int result;

	pipeline->interrupted = false;
	if (enrich_refresh(pipeline->stages.enricher))
		context_clear(pipeline->event.contexts);
	result = flush_or_queue(pipeline); /* the rest of the last drain */
	if (!result)
		result = drain_records(pipeline, &records);
	pipeline->is_unchecked |= records > 0;
	if (!result)
		result = must_check(pipeline, records) ? pipeline_check(pipeline) : flush(pipeline);
	pipeline->drained = records;
	pipeline->interrupted |= records > 0 && capture_is_reporting(pipeline->stages.capture);
	pipeline->interrupted &= !result || goes_on(pipeline, result);
	return result ? result : records;
}

long pipeline_drained(const struct pipeline *pipeline)
{
	return pipeline->drained;
}

bool pipeline_takes_records(const struct pipeline *pipeline)
{
	return may_use_backlog(pipeline) && output_use_backlog(pipeline->stages.output);
}

bool pipeline_is_interrupted(const struct pipeline *pipeline)
{
	return pipeline->interrupted;
}

/* Returns the lines about processes. */
static uint64_t count_written(const struct pipeline *pipeline)
{
	uint64_t count = 0;

	for (int type = 0; type < EVENT_TYPES; type++)
		if (EVENT_BIT(type) & EVENT_BITS_PROCESS)
			count += pipeline->written[type];
	return count;
}

int pipeline_heartbeat(struct pipeline *pipeline, enum event_type type)
{
	struct event *event = &pipeline->event;
	int result = output_buf(pipeline->stages.output) ? 0 : flush_or_queue(pipeline);

	if (result)
		return result;
	event->type = type;
	event->time_ns = clock_boot_ns();
	event->heartbeat = (struct event_heartbeat){
		.seen = pipeline->seen,
		.written = count_written(pipeline),
		.filtered = pipeline->filtered,
		.suppressed = pipeline->suppressed,
		.lost = pipeline->lost,
	};
	capture_get_hooks(pipeline->stages.capture, &event->heartbeat.hooks.bytes,
			  &event->heartbeat.hooks.length);
	write_event(pipeline, NULL, 0);
	return flush(pipeline);
}

void pipeline_get_totals(const struct pipeline *pipeline, uint64_t *written, uint64_t *lost)
{
	*written = count_written(pipeline);
	*lost = pipeline->lost;
}

void pipeline_set_rules(struct pipeline *pipeline, const struct pipeline_rules *rules)
{
	pipeline->stages.rules = *rules;
	limit_set_rule(pipeline->limiter, &rules->limit);
}

uint64_t pipeline_due_ns(const struct pipeline *pipeline)
{
	return limit_due_ns(pipeline->limiter);
}

void pipeline_end_windows(struct pipeline *pipeline)
{
	pipeline->ends_windows = true;
}

static void add_events(const struct pipeline *pipeline, struct metrics *metrics)
{
	char labels[64];

	metrics_add(metrics, "exectap_lines_total", METRICS_COUNTER,
		    "Lines that were written, by the type of their event.");
	for (int type = 0; type < EVENT_TYPES; type++) {
		snprintf(labels, sizeof(labels), "type=\"%s\"",
			 event_type_name((enum event_type)type));
		metrics_value(metrics, labels, pipeline->written[type]);
	}
	metrics_add(metrics, "exectap_line_bytes_total", METRICS_COUNTER,
		    "Bytes of lines that were written.");
	metrics_value(metrics, NULL, pipeline->line_bytes);
	metrics_add(metrics, "exectap_events_total", METRICS_COUNTER,
		    "Events that the kernel delivered.");
	metrics_value(metrics, NULL, pipeline->seen);
	metrics_add(metrics, "exectap_filtered_events_total", METRICS_COUNTER,
		    "Events that --only and --skip left out.");
	metrics_value(metrics, NULL, pipeline->filtered);
	metrics_add(metrics, "exectap_suppressed_events_total", METRICS_COUNTER,
		    "Events that --limit left out.");
	metrics_value(metrics, NULL, pipeline->suppressed);
	metrics_add(metrics, "exectap_limit_evicted_windows_total", METRICS_COUNTER,
		    "Windows of --limit that ended early, because there were too many.");
	metrics_value(metrics, NULL, limit_count_evicted(pipeline->limiter));
}

static void add_losses(const struct pipeline *pipeline, struct metrics *metrics)
{
	struct capture_lost lost;
	char labels[64];

	capture_get_lost(pipeline->stages.capture, &lost);
	metrics_add(
		metrics, "exectap_lost_events_total", METRICS_COUNTER,
		"Events without a line, by type and reason; of pinned programs, since they were "
		"loaded.");
	for (int type = 0; type < RECORD_TYPES; type++)
		for (int reason = 0; reason < RECORD_LOSSES; reason++) {
			snprintf(labels, sizeof(labels), "type=\"%s\",reason=\"%s\"",
				 event_type_name((enum event_type)type), record_loss_names[reason]);
			metrics_value(metrics, labels, lost.counts[type][reason]);
		}
	for (int reason = 0; reason < UNDECODED_REASONS; reason++) {
		snprintf(labels, sizeof(labels), "type=\"\",reason=\"%s\"",
			 undecoded_names[reason]);
		metrics_value(metrics, labels, pipeline->undecoded[reason].now);
	}
	metrics_add(metrics, "exectap_client_lost_lines_total", METRICS_COUNTER,
		    "Lines that single clients of unix-listen did not get.");
	metrics_value(metrics, NULL, output_count_client_lost(pipeline->stages.output));
}

static void add_buffers(const struct pipeline *pipeline, struct metrics *metrics)
{
	metrics_add(metrics, "exectap_buffer_bytes", METRICS_GAUGE, "Size of the ring buffer.");
	metrics_value(metrics, NULL, pipeline->stages.buffer_bytes);
	metrics_add(metrics, "exectap_buffer_used_bytes", METRICS_GAUGE,
		    "Bytes of the ring buffer that hold records.");
	metrics_value(metrics, NULL, capture_used(pipeline->stages.capture));
	metrics_add(metrics, "exectap_buffer_used_peak_bytes", METRICS_GAUGE,
		    "Highest exectap_buffer_used_bytes since the start.");
	metrics_value(metrics, NULL, pipeline->used_peak_bytes);
	metrics_add(metrics, "exectap_pending_lines", METRICS_GAUGE,
		    "Lines that the output has not taken yet.");
	metrics_value(metrics, NULL, output_count_pending(pipeline->stages.output));
	metrics_add(metrics, "exectap_backlog_bytes", METRICS_GAUGE,
		    "Bytes of lines that wait for an output that takes nothing.");
	metrics_value(metrics, NULL, output_backlog_bytes(pipeline->stages.output));
}

void pipeline_add_metrics(const struct pipeline *pipeline, struct metrics *metrics)
{
	add_events(pipeline, metrics);
	add_losses(pipeline, metrics);
	add_buffers(pipeline, metrics);
}

bool pipeline_has_passed(const struct pipeline *pipeline, uint64_t end)
{
	return capture_read(pipeline->stages.capture) >= end &&
	       !output_is_pending(pipeline->stages.output) &&
	       (!pipeline->ends_windows || limit_due_ns(pipeline->limiter) == UINT64_MAX);
}

/* Returns the lost events that no line reports, with is_pinned not at the next start either. */
static uint64_t count_unreported(const struct pipeline *pipeline, bool is_pinned)
{
	struct capture_lost lost;
	uint64_t count = 0;

	capture_get_lost(pipeline->stages.capture, &lost);
	for (int type = 0; type < RECORD_TYPES && !is_pinned; type++)
		for (int reason = 0; reason < RECORD_LOSSES; reason++)
			count += lost.counts[type][reason] -
				 pipeline->lost_reported.counts[type][reason];
	for (int reason = 0; reason < UNDECODED_REASONS; reason++)
		count += pipeline->undecoded[reason].now - pipeline->undecoded[reason].reported;
	return count;
}

void pipeline_count_unwritten(struct pipeline *pipeline, bool is_pinned,
			      struct pipeline_unwritten *unwritten)
{
	/* the pending lines are the last ones */
	uint64_t pending = output_count_pending(pipeline->stages.output),
		 held = pipeline->seq - pipeline->released_seq;
	const void *record;
	size_t length;

	if (held > pending)
		held = pending;
	unwritten->dropped = pending - held;
	if (is_pinned) /* summaries have no records */
		held -= held < pipeline->held_summaries ? held : pipeline->held_summaries;
	while (capture_next(pipeline->stages.capture, &record, &length))
		if (decode_record(record, length, &pipeline->event) || enrich_and_filter(pipeline))
			held++;
	unwritten->held = held;
	unwritten->lost = count_unreported(pipeline, is_pinned);
	unwritten->suppressed = is_pinned ? pipeline->released_suppressed
					  : pipeline->suppressed - pipeline->summarized;
}
