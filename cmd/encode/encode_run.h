/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs (event/context.h): members that the lines of successive events have in common. The first
 * line keeps their text, the others copy it:
 *
 *	if (encode_run_begin(json, event, format, run, &before)) {
 *		… write the members …
 *		encode_run_end(json, event, format, run, &before);
 *	}
 */
#ifndef EXECTAP_ENCODE_RUN_H
#define EXECTAP_ENCODE_RUN_H

#include "encode/encode.h"
#include "encode/json_writer.h"
#include "event/context.h"

/* Appends the members of the run as an earlier line had them. Returns true if the caller has to
 * write them. */
static inline bool encode_run_begin(struct json_writer *json, const struct event *event,
				    const struct encode_format *format, enum context_run run,
				    struct json_writer *before)
{
	struct context_text kept = context_text_find(event, format, run);

	*before = *json;
	if (!kept.text.bytes) {
		json->ill_formed = false;
		return true;
	}
	if (kept.text.length)
		json_writer_members(json, kept.text);
	if (kept.ill_formed)
		json->ill_formed = true;
	return false;
}

/* Keeps the members that were appended since encode_run_begin(). A line that does not fit lacks
 * some. */
static inline void encode_run_end(struct json_writer *json, const struct event *event,
				  const struct encode_format *format, enum context_run run,
				  const struct json_writer *before)
{
	struct text text = { json->bytes + before->length, json->length - before->length };

	if (text.length)
		text = text_skip(text, before->needs_comma);
	if (json->length <= json->capacity)
		context_text_add(event, format, run,
				 (struct context_text){ text, json->ill_formed });
	if (before->ill_formed)
		json->ill_formed = true;
}

#endif
