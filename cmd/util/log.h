/* SPDX-License-Identifier: BSD-2-Clause */
/* Diagnostics: one line each, on stderr, never on stdout. */
#ifndef EXECTAP_LOG_H
#define EXECTAP_LOG_H

#include <stdbool.h>

#define LOG_FORMAT __attribute__((format(printf, 1, 2)))

/*
 * Reads $JOURNAL_STREAM: if stderr is the journal's stream (systemd.exec(5)), each line starts with
 * its level as in sd-daemon(3).
 */
void log_init(void);

/* Enables log_detail() (--verbose). */
void log_set_verbose(bool verbose);

/* Starts the following messages with "FILE:LINE: "; the string is borrowed. NULL: no more. */
void log_set_place(const char *file, unsigned int line);

/* A failure: what failed, on what, why, what to do. */
void log_error(const char *format, ...) LOG_FORMAT;
/* A degraded operation that continues */
void log_warning(const char *format, ...) LOG_FORMAT;
/* A change of state that every operator needs to know */
void log_info(const char *format, ...) LOG_FORMAT;
/* Help in finding a fault */
void log_detail(const char *format, ...) LOG_FORMAT;

#endif
