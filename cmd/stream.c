// SPDX-License-Identifier: BSD-2-Clause
#include "stream.h"

#include "clock.h"
#include "decode.h"
#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Records that can't be decoded are lost here, not in the kernel. */
enum undecoded {
	UNDECODED_CORRUPT,
	UNDECODED_VERSION,
	UNDECODED_REASONS,
};

struct lost_count {
	uint64_t now;
	uint64_t told;
};

struct stream {
	struct stages stages;
	uint64_t seq;
	uint64_t seen;
	uint64_t written;
	uint64_t filtered;
	uint64_t lost;
	struct capture_lost lost_told; /* until_ns: when confess() last found nothing left to tell */
	struct lost_count undecoded[UNDECODED_REASONS];
	struct event event; /* the one under way */
};

static const char *const record_type_names[RECORD_TYPES] = {
	[RECORD_EXEC] = "exec",
	[RECORD_EXIT] = "exit",
	[RECORD_EXEC_FAILED] = "exec_failed",
};

static const char *const record_loss_names[RECORD_LOSSES] = {
	[RECORD_LOSS_BUFFER_FULL] = "buffer_full",
	[RECORD_LOSS_NO_SCRATCH] = "no_scratch",
	[RECORD_LOSS_RECURSION] = "recursion",
};

static const char *const undecoded_names[UNDECODED_REASONS] = {
	[UNDECODED_CORRUPT] = "corrupt_record",
	[UNDECODED_VERSION] = "unknown_record_version",
};

/* The line for a reader that lost lines which others got. Its number is that of the last one lost. */
static size_t tell_reader(void *context, uint64_t count, uint64_t from_ns, uint64_t to_ns, uint64_t seq, char *line)
{
	struct stream *stream = context;
	struct event *event = &stream->event;

	event->type = EVENT_LOST;
	event->time_ns = to_ns;
	event->seq = seq;
	event->lost =
		(struct event_lost){ .count = count, .reason = "reader_stalled", .from_ns = from_ns, .to_ns = to_ns };
	enrich_event(stream->stages.enricher, event);
	return encode_event(stream->stages.format, event, line, stream->stages.line_max_bytes);
}

int stream_new(struct stream **stream, const struct stages *stages)
{
	struct stream *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	created->stages = *stages;
	capture_get_told(created->stages.capture, &created->lost_told);
	if (!created->lost_told.until_ns)
		created->lost_told.until_ns = clock_boot_ns();
	sink_set_tell(created->stages.sink, tell_reader, created);
	*stream = created;
	return 0;
}

void stream_free(struct stream *stream)
{
	free(stream);
}

/* Writes what has been gathered; only then are the records behind it done with. */
static int flush(struct stream *stream)
{
	int result = sink_flush(stream->stages.sink);

	if (!result)
		capture_release(stream->stages.capture, &stream->lost_told);
	return result;
}

/* Makes stream->event the next line, unless it is filtered out. The sink must have room. */
static void write_event(struct stream *stream)
{
	char *line = sink_room(stream->stages.sink);
	size_t length;

	stream->event.seq = stream->seq;
	enrich_event(stream->stages.enricher, &stream->event);
	if (!filter_passes(stream->stages.filter, &stream->event)) {
		stream->filtered++;
		return;
	}
	redact_event(stream->stages.redactor, &stream->event);
	length = encode_event(stream->stages.format, &stream->event, line, stream->stages.line_max_bytes);
	sink_commit(stream->stages.sink, length, stream->event.seq);
	stream->seq++;
	stream->written += stream->event.type < EVENT_LOST;
}

static void write_record(struct stream *stream, const void *record, size_t length)
{
	int result = decode_record(record, length, &stream->event);
	enum undecoded reason = result == -EBADMSG ? UNDECODED_CORRUPT : UNDECODED_VERSION;

	stream->seen++;
	if (!result)
		write_event(stream);
	else if (!stream->undecoded[reason].now++)
		log_error("a record of %zu bytes can't be decoded: %s: each one is counted in a lost line", length,
			  undecoded_names[reason]);
}

static int write_lost(struct stream *stream, const char *event_type, const char *reason, uint64_t count, uint64_t to_ns)
{
	struct event *event = &stream->event;
	int result = sink_room(stream->stages.sink) ? 0 : flush(stream);

	if (result)
		return result;
	event->type = EVENT_LOST;
	event->time_ns = to_ns;
	event->lost = (struct event_lost){
		.count = count,
		.reason = reason,
		.event_type = event_type,
		.from_ns = stream->lost_told.until_ns,
		.to_ns = to_ns,
	};
	write_event(stream);
	stream->lost += count;
	return 0;
}

static int confess_captured(struct stream *stream, uint64_t now_ns)
{
	struct capture_lost lost;
	int result = 0;

	capture_get_lost(stream->stages.capture, &lost);
	for (int type = 0; type < RECORD_TYPES; type++)
		for (int reason = 0; reason < RECORD_LOSSES && !result; reason++) {
			uint64_t *told = &stream->lost_told.counts[type][reason];
			uint64_t count = lost.counts[type][reason];

			if (count <= *told)
				continue;
			result = write_lost(stream, record_type_names[type], record_loss_names[reason], count - *told,
					    now_ns);
			if (!result)
				*told = count;
		}
	return result;
}

/* A line for every kind of loss that grew since the last time. */
static int confess(struct stream *stream)
{
	uint64_t now_ns = clock_boot_ns();
	int result = confess_captured(stream, now_ns);

	for (int reason = 0; reason < UNDECODED_REASONS && !result; reason++) {
		struct lost_count *count = &stream->undecoded[reason];

		if (count->now == count->told)
			continue;
		result = write_lost(stream, NULL, undecoded_names[reason], count->now - count->told, now_ns);
		if (!result)
			count->told = count->now;
	}
	if (!result)
		stream->lost_told.until_ns = now_ns;
	return result;
}

long stream_drain(struct stream *stream)
{
	const void *record;
	long records = 0;
	size_t length;
	int result;

	enrich_refresh(stream->stages.enricher);
	result = flush(stream); /* what is left from the last time */
	while (!result) {
		if (!sink_room(stream->stages.sink)) {
			result = flush(stream);
			continue;
		}
		if (!capture_next(stream->stages.capture, &record, &length))
			break;
		write_record(stream, record, length);
		records++;
	}
	if (!result)
		result = confess(stream);
	if (!result)
		result = flush(stream);
	return result ? result : records;
}

int stream_heartbeat(struct stream *stream, enum event_type type)
{
	struct event *event = &stream->event;
	int result = sink_room(stream->stages.sink) ? 0 : flush(stream);

	if (result)
		return result;
	event->type = type;
	event->time_ns = clock_boot_ns();
	event->heartbeat = (struct event_heartbeat){
		.seen = stream->seen,
		.written = stream->written,
		.filtered = stream->filtered,
		.lost = stream->lost,
	};
	capture_get_hooks(stream->stages.capture, &event->heartbeat.hooks.bytes, &event->heartbeat.hooks.length);
	write_event(stream);
	return flush(stream);
}

void stream_get_totals(const struct stream *stream, uint64_t *written, uint64_t *lost)
{
	*written = stream->written;
	*lost = stream->lost;
}

bool stream_has_passed(const struct stream *stream, uint64_t end)
{
	return capture_read(stream->stages.capture) >= end && !sink_is_pending(stream->stages.sink);
}
