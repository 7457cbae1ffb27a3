/* SPDX-License-Identifier: BSD-2-Clause */
/* A second, simple implementation of the native format with jansson, for comparison with the
 * encoder. */
#ifndef EXECTAP_REFERENCE_H
#define EXECTAP_REFERENCE_H

#include "event/event.h"

#include <jansson.h>

/* Returns a new reference; for an event after encode_event(), it equals the line. */
json_t *reference_native(const struct event *event);

#endif
