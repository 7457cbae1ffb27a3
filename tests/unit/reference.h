/* SPDX-License-Identifier: BSD-2-Clause */
/* The native format once more, as plainly as it can be written, with jansson: what the encoder is
 * judged by. */
#ifndef EXECTAP_REFERENCE_H
#define EXECTAP_REFERENCE_H

#include "event/event.h"

#include <jansson.h>

/* A new reference. Of an event that encode_event() has seen, it equals the line. */
json_t *reference_native(const struct event *event);

#endif
