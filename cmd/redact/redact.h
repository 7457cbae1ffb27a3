/* SPDX-License-Identifier: BSD-2-Clause */
/* Masks secrets in what a line will show of arguments and environment. */
#ifndef EXECTAP_REDACT_H
#define EXECTAP_REDACT_H

#include "event/event.h"

#include <stddef.h>

struct redactor;

/* A redactor that masks nothing. Returns 0 or -ENOMEM; free with redact_free(). */
int redact_new(struct redactor **redactor);
void redact_free(struct redactor *redactor);

/* Masks the built-in set of secrets from now on: secret.h. */
void redact_add_builtin(struct redactor *redactor);

/*
 * Masks what matches the extended regular expression (regex(7), by bytes: the locale is "C") in an
 * argument or in a variable's value: its first group if that took part, else all of the match.
 * Returns 0, -ENOMEM, or -EINVAL after writing what is wrong with it to `why` (room for why_bytes).
 */
int redact_add_pattern(struct redactor *redactor, const char *ere, char *why, size_t why_bytes);

/* Leaves out all arguments. */
void redact_hide_args(struct redactor *redactor);

/*
 * Replaces the args and the variables of an event that enrich has seen by copies without the
 * secrets, which live until the next call, and notes in event->process.redacted which of them had
 * any. The filename and other paths stay as they are. Where memory is short, all of args or of the
 * variable's value counts as secret.
 */
void redact_event(struct redactor *redactor, struct event *event);

#endif
