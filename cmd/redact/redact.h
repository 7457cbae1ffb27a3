/* SPDX-License-Identifier: BSD-2-Clause */
/* Masks secrets in arguments and environment variables. */
#ifndef EXECTAP_REDACT_H
#define EXECTAP_REDACT_H

#include "event/event.h"

#include <stddef.h>

struct redactor;

/* Makes a redactor that masks nothing. Returns 0 or -ENOMEM; free with redact_free(). */
int redact_new(struct redactor **redactor);
void redact_free(struct redactor *redactor);

/* Enables the built-in set of secrets (secret.h). */
void redact_add_builtin(struct redactor *redactor);

/*
 * Masks what matches the extended regular expression (regex(7), by bytes: the locale is "C") in an
 * argument or in a variable's value: its first group if that participates, else the whole match.
 * Returns 0, -ENOMEM, or -EINVAL with the reason in `why` (why_bytes long).
 */
int redact_add_pattern(struct redactor *redactor, const char *ere, char *why, size_t why_bytes);

/* Leaves out all arguments. */
void redact_hide_args(struct redactor *redactor);

/*
 * Replaces the args and the variables of an enriched event by masked copies, which live until the
 * next call. Sets redacted and redacted_bytes in event->process. The filename and other paths are
 * not changed. Without memory the whole of args, or of the variable's value, is masked. The time
 * for patterns is limited: the strings for which it does not suffice are masked whole.
 */
void redact_event(struct redactor *redactor, struct event *event);

#endif
