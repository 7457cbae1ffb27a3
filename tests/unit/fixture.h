/* SPDX-License-Identifier: BSD-2-Clause */
/* Events for the unit tests and fuzzers, from recorded or constructed record bytes. */
#ifndef EXECTAP_FIXTURE_H
#define EXECTAP_FIXTURE_H

#include "encode/encode.h"
#include "event/enrich.h"
#include "record.h"

#include <stddef.h>

#define FIXTURE_BOOT_ID "01234567-89ab-cdef-0123-456789abcdef"
#define FIXTURE_BOOT_KEY "0123456789abcdef"

/* Returns the file's bytes, 8-byte aligned, in a block of the exact size that the caller frees.
 * Exits on failure. */
void *fixture_read(const char *path, size_t *length);

/* Returns a record with these strings (variable data in the order of struct record_exec). The
 * caller frees it. */
struct fixture_strings {
	const char *filename, *exe, *cwd, *parent_exe, *cgroup, *args;
	size_t args_length;
	const char *comm;
	/* of the parent's program, whose exe is parent_exe; none: the record has its path alone */
	const char *parent_args;
	size_t parent_args_length;
};

/* Sets the checksum of a program and what follows it. */
void fixture_sign(void *bytes);
void *fixture_record(const struct fixture_strings *strings, size_t *length);

/*
 * Returns a record of a process that runs, with the parts of that of its end, and a path, file,
 * directory and descriptors of its own. The caller frees it.
 */
struct record_process *fixture_process(const struct record_exit *ended, size_t *length);

/* Returns an enricher with fixed host, boot id and clock. Exits on failure. */
struct enricher *fixture_enricher(const char *env_names);

/*
 * Decodes, enriches and encodes in the format. Returns 0 or the error of the failing stage. The
 * event is valid until the record or the enricher is freed.
 */
int fixture_line(struct enricher *enricher, const struct encode_format *format, const void *record,
		 size_t length, struct event *event, char *line, size_t line_max_bytes,
		 size_t *line_length);

/* The same in the native format, with the fields of FIELD_GROUP_EXTRA. */
int fixture_full_line(struct enricher *enricher, const void *record, size_t length,
		      struct event *event, char *line, size_t line_max_bytes, size_t *line_length);

#endif
