/* SPDX-License-Identifier: BSD-2-Clause */
/* A second, simple implementation of the native format with jansson, for comparison with the
 * encoder. */
#ifndef EXECTAP_REFERENCE_H
#define EXECTAP_REFERENCE_H

#include "event/event.h"

#include <jansson.h>

/* Maximum bytes that reference_to_utf8() writes for `length` bytes. */
#define REFERENCE_UTF8_MAX(length) ((length)*TEXT_REPLACEMENT_BYTES)

/*
 * Writes text as well-formed UTF-8 to out, without a NUL, and returns the bytes written. Each
 * maximal ill-formed part becomes one U+FFFD (Unicode 15, 3.9, "substitution of maximal subparts").
 */
size_t reference_to_utf8(struct text text, char *out);

/* Returns a new reference; for an event after encode_event(), it equals the line. */
json_t *reference_native(const struct event *event);

#endif
