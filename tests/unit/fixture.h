/* SPDX-License-Identifier: BSD-2-Clause */
/* What the unit tests and the fuzzer make events from: recorded or made-up record bytes. */
#ifndef EXECTAP_FIXTURE_H
#define EXECTAP_FIXTURE_H

#include "encode/encode.h"
#include "event/enrich.h"
#include "record.h"

#include <stddef.h>

#define FIXTURE_BOOT_ID "01234567-89ab-cdef-0123-456789abcdef"
#define FIXTURE_BOOT_KEY "0123456789abcdef"

/* The file's bytes, 8-byte aligned, in a block of just that size; freed by the caller. Ends the
 * program on failure. */
void *fixture_read(const char *path, size_t *length);

/* A record with these strings (variable data in the order of struct record_exec); freed by the
 * caller. */
struct fixture_strings {
	const char *filename, *exe, *cwd, *parent_exe, *cgroup, *args;
	size_t args_length;
	const char *comm;
};
void *fixture_record(const struct fixture_strings *strings, size_t *length);

/* An enricher with fixed host, boot and clock. Ends the program on failure. */
struct enricher *fixture_enricher(const char *env_names);

/*
 * decode, enrich and encode as that format. Returns what the failing stage did, or 0. The event
 * that the line was made of is good until the record or the enricher is freed.
 */
int fixture_line(struct enricher *enricher, const struct encode_format *format, const void *record,
		 size_t length, struct event *event, char *line, size_t line_max_bytes,
		 size_t *line_length);

#endif
