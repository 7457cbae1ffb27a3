/* SPDX-License-Identifier: BSD-2-Clause */
/* The native keys of an event: what each is called, who has it, and its value. Pure. */
#ifndef EXECTAP_FIELD_H
#define EXECTAP_FIELD_H

#include "event/event.h"

#include <stdbool.h>
#include <stddef.h>

/* What the value is in JSON. */
enum field_form {
	FIELD_JSON_LITERAL, /* a number or true, as it stands */
	FIELD_JSON_ASCII, /* a string of ours, with nothing to escape */
	FIELD_JSON_STRING, /* a string of any bytes */
	FIELD_JSON_LIST, /* an array of strings */
	FIELD_JSON_MAP, /* an object of strings: name and value take turns */
};

/* The formats that map events to another schema, as bits. */
enum field_format {
	FIELD_ECS = 1 << 0,
	FIELD_OCSF = 1 << 1,
};

/* Room for any value that is made, and not found in the event. */
#define FIELD_ROOM_BYTES 32

struct field {
	struct text key; /* as json_writer_key() takes it */
	enum field_form form;
	int kind; /* where the value is found: enum field_kind in field_table.h */
	unsigned int events; /* that have it: EVENT_BIT()s */
	unsigned int rest; /* enum field_format: those that have no place for it, and show it as the
			      native one does */
	size_t offset; /* in struct event */
	uint32_t unreadable; /* enum record_key */
};

/* The key of that name, `length` bytes long; NULL if there is none. */
const struct field *field_find(const char *name, size_t length);

/* Where field_next() is; zero before the first call. */
struct field_cursor {
	bool begun;
	size_t index;
	struct text rest;
};

/*
 * The next value of an event that enrich has seen, as the line will show it. It is a view into the
 * event, or into room. False behind the last one, and where the line has none.
 */
bool field_next(const struct field *field, const struct event *event, struct field_cursor *cursor,
		char room[FIELD_ROOM_BYTES], struct text *value);

#endif
