/* SPDX-License-Identifier: BSD-2-Clause */
/* The pipe: record -> decode -> enrich -> filter -> redact -> encode -> output, and the confession
 * of what was lost. */
#ifndef EXECTAP_PIPELINE_H
#define EXECTAP_PIPELINE_H

#include "capture/capture.h"
#include "encode/encode.h"
#include "event/enrich.h"
#include "event/filter.h"
#include "output/output.h"
#include "redact/redact.h"

struct pipeline;

/* What the pipe is made of. */
struct pipeline_stages {
	struct capture *capture;
	struct enricher *enricher;
	struct filter *filter;
	struct redactor *redactor;
	const struct encode_format *format;
	size_t line_max_bytes; /* what the output has room for, too */
	struct output *output;
};

/* The stages stay the caller's. Returns 0 or -ENOMEM; free with pipeline_free(). */
int pipeline_new(struct pipeline **pipeline, const struct pipeline_stages *stages);
void pipeline_free(struct pipeline *pipeline);

/*
 * Turns every record that is there into a line, adds a line for each kind of loss, and writes them
 * out. A record's room in the ring buffer is given back when its line is written. Returns the
 * number of records (at least 0) or -errno: what output_flush() says, of which -EAGAIN and
 * -ENOTCONN mean to call again.
 */
long pipeline_drain(struct pipeline *pipeline);

/* Adds a line of the heartbeat: EVENT_START, EVENT_STATS or EVENT_STOP. Returns as pipeline_drain()
 * does. */
int pipeline_heartbeat(struct pipeline *pipeline, enum event_type type);

/* How many events have lines that are in the output, and how many are known to be lost, since the
 * start of this run. */
void pipeline_get_totals(const struct pipeline *pipeline, uint64_t *written, uint64_t *lost);

/* Whether everything that the kernel held at the time `end` (capture_written()) is written. */
bool pipeline_has_passed(const struct pipeline *pipeline, uint64_t end);

#endif
