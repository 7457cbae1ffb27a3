/* SPDX-License-Identifier: BSD-2-Clause */
/* What the other formats show as the native one does. */
#ifndef EXECTAP_ENCODE_NATIVE_H
#define EXECTAP_ENCODE_NATIVE_H

#include "field.h"
#include "line.h"

/* Appends the key and its value to an object; nothing where the event has none. */
void encode_field(struct line *line, const struct field *field, const struct event *event);

/* Appends the key "raw": the exact bytes of those of the event's strings that are no UTF-8, of which there is one. */
void encode_raw(struct line *line, const struct event *event);

#endif
