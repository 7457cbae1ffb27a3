/* SPDX-License-Identifier: BSD-2-Clause */
/* The native keys of an event by name, for those who choose among them. Pure. */
#ifndef EXECTAP_FIELD_H
#define EXECTAP_FIELD_H

#include "event.h"

#include <stdbool.h>
#include <stddef.h>

#define FIELD_ROOM_BYTES 32

struct field;

/* The key of that name, `length` bytes long; NULL if there is none that has one value, or a list of strings. */
const struct field *field_find(const char *name, size_t length);

/*
 * The value of an event that enrich has seen, as the line will show it: number `index` of args, else index 0 only. It
 * is a view into the event, or into room. False where the line will not have it.
 */
bool field_get(const struct field *field, const struct event *event, size_t index, char room[FIELD_ROOM_BYTES],
	       struct text *value);

#endif
