/* SPDX-License-Identifier: BSD-2-Clause */
/* The pipe: record -> decode -> enrich -> filter -> redact -> encode -> sink, and the confession of what was lost. */
#ifndef EXECTAP_STREAM_H
#define EXECTAP_STREAM_H

#include "capture.h"
#include "encode.h"
#include "enrich.h"
#include "filter.h"
#include "redact.h"
#include "sink.h"

struct stream;

/* What the pipe is made of. */
struct stages {
	struct capture *capture;
	struct enricher *enricher;
	struct filter *filter;
	struct redactor *redactor;
	const struct encode_format *format;
	size_t line_max_bytes; /* what the sink has room for, too */
	struct sink *sink;
};

/* The stages stay the caller's. Returns 0 or -ENOMEM; free with stream_free(). */
int stream_new(struct stream **stream, const struct stages *stages);
void stream_free(struct stream *stream);

/*
 * Turns every record that is there into a line, adds a line for each kind of loss, and writes them
 * out. A record's room in the ring buffer is given back when its line is written. Returns the number of
 * records (at least 0) or -errno: what sink_flush() says, of which -EAGAIN and -ENOTCONN mean to call again.
 */
long stream_drain(struct stream *stream);

/* Adds a line of the heartbeat: EVENT_START, EVENT_STATS or EVENT_STOP. Returns as stream_drain() does. */
int stream_heartbeat(struct stream *stream, enum event_type type);

/* How many events have lines that are in the sink, and how many are known to be lost, since the start of this run. */
void stream_get_totals(const struct stream *stream, uint64_t *written, uint64_t *lost);

/* Whether everything that the kernel held at the time `end` (capture_written()) is written. */
bool stream_has_passed(const struct stream *stream, uint64_t end);

#endif
