/* SPDX-License-Identifier: BSD-2-Clause */
/* Diagnostics: one line each, on stderr, never on stdout. */
#ifndef EXECTAP_LOG_H
#define EXECTAP_LOG_H

#include <stdbool.h>

#define LOG_FORMAT __attribute__((format(printf, 1, 2)))

/* Whether log_detail() says anything (--verbose). */
void log_set_verbose(bool verbose);

/* What failed, on what, why, what to do. */
void log_error(const char *format, ...) LOG_FORMAT;
/* What everyone wants to know, once. */
void log_info(const char *format, ...) LOG_FORMAT;
/* What helps in finding a fault. */
void log_detail(const char *format, ...) LOG_FORMAT;

#endif
