/* SPDX-License-Identifier: BSD-2-Clause */
/* The native keys of an event: their names, their event types, and their values. Pure. */
#ifndef EXECTAP_FIELD_H
#define EXECTAP_FIELD_H

#include "event/event.h"
#include "event/field_set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Form of the value in JSON. */
enum field_form {
	FIELD_JSON_LITERAL, /* a number or true, as it stands */
	FIELD_JSON_ASCII, /* a string of ours, with nothing to escape */
	FIELD_JSON_STRING, /* a string of any bytes */
	FIELD_JSON_JOINED, /* a string: strings with a space between each two */
	FIELD_JSON_LIST, /* an array of strings */
	FIELD_JSON_MAP, /* an object of strings: name and value take turns */
	FIELD_JSON_OBJECTS, /* an array of objects; the values are one member of each */
};

/* Source of the value. Up to FIELD_KIND_SECONDS it is the member at the field's offset, whose type
 * is given here; the others are computed. */
enum field_kind {
	FIELD_KIND_TEXT, /* struct text */
	FIELD_KIND_TEXT_OR_NONE, /* struct text; empty: absent */
	FIELD_KIND_ACCOUNT, /* struct text, the name of a user or group; empty: absent */
	FIELD_KIND_CONTAINER_NAME, /* struct text, a name that every container has; empty: absent */
	FIELD_KIND_POD_NAME, /* struct text, a name that containers of pods have; empty: absent */
	FIELD_KIND_CHARS, /* char array; empty: absent */
	FIELD_KIND_POINTER, /* const char *; NULL: absent */
	FIELD_KIND_U32,
	FIELD_KIND_U32_OR_NONE, /* 0: absent */
	FIELD_KIND_AUDIT, /* uint32_t; RECORD_AUDIT_UNSET: absent */
	FIELD_KIND_U64,
	FIELD_KIND_U64_OR_NONE, /* 0: absent */
	FIELD_KIND_FLAG, /* bool; false: absent */
	FIELD_KIND_CAPABILITIES, /* uint64_t: bit n is capability n */
	FIELD_KIND_DEVICE, /* uint32_t, as struct record_file has it */
	FIELD_KIND_MODE, /* uint32_t: mode of a file */
	FIELD_KIND_STRINGS, /* struct text: strings, each ended by a NUL */
	FIELD_KIND_TAGS, /* struct text: keys and values in turn, each ended by a NUL; empty: absent
			  */
	FIELD_KIND_KEYS, /* uint32_t: enum record_key; 0: absent */
	FIELD_KIND_TIME, /* uint64_t: nanoseconds since 1970 */
	FIELD_KIND_SECONDS, /* uint64_t: nanoseconds */
	FIELD_KIND_TYPE,
	FIELD_KIND_SCHEMA,
	FIELD_KIND_TID,
	FIELD_KIND_ERROR,
	FIELD_KIND_ERRNO,
	FIELD_KIND_ARGS,
	FIELD_KIND_COMMAND_LINE,
	FIELD_KIND_ARGC,
	FIELD_KIND_ARGS_BYTES,
	FIELD_KIND_ENV,
	FIELD_KIND_ENV_DUPLICATES,
	FIELD_KIND_PARENT_EXE,
	FIELD_KIND_PARENT_ARGS,
	FIELD_KIND_PARENT_COMMAND_LINE,
	FIELD_KIND_PARENT_ARGC,
	FIELD_KIND_ANCESTORS, /* the values are the names */
	FIELD_KIND_EXIT_CODE,
	FIELD_KIND_SIGNAL,
	FIELD_KIND_CORE_DUMPED,
};

/* Sets of fields that --fields names by a word, as bits. */
enum field_group {
	FIELD_GROUP_IDS = 1 << 0,
	FIELD_GROUP_NAMESPACES = 1 << 1,
	FIELD_GROUP_FILE = 1 << 2, /* attributes of the file that runs */
	FIELD_GROUP_PARENT = 1 << 3,
	FIELD_GROUP_CONTAINER = 1 << 4,
	FIELD_GROUP_DESCRIPTORS = 1 << 5,
	FIELD_GROUP_MINIMAL = 1 << 6,
	FIELD_GROUP_MARK = 1 << 7, /* no group with a name: they restrict what other fields say */
	FIELD_GROUP_FIXED = 1 << 8, /* likewise: they cannot be left out */
	FIELD_GROUP_EXTRA = 1 << 9, /* likewise: only in lines of which --fields names them */
};

/* Numbers of the fields: their places in the table. */
enum field_id {
#define FIELD(name, ...) FIELD_ID_##name
#include "event/field_table.h"
#undef FIELD
	FIELD_COUNT,
	/* the runs (context.h): of the host, of the call, of its file, and of the context */
	FIELD_HOST_FIRST = FIELD_ID_host,
	FIELD_HOST_END = FIELD_ID_tags + 1,
	FIELD_CALL_FIRST = FIELD_ID_comm,
	FIELD_CALL_END = FIELD_ID_name + 1,
	FIELD_FILE_FIRST = FIELD_ID_exe,
	FIELD_FILE_END = FIELD_ID_cwd_deleted + 1,
	FIELD_CONTEXT_FIRST = FIELD_ID_uid,
	FIELD_CONTEXT_END = FIELD_ID_user_ns + 1,
	FIELD_MARKS_FIRST = FIELD_ID_truncated, /* those between have no exec */
	FIELD_ID_raw = FIELD_COUNT, /* no field: bytes of the others */
};

/* Reports whether the line of the event may have the field of that name, a token. */
#define FIELD_IS_WRITTEN(event, name) (!field_set_has(&(event)->omitted, FIELD_ID_##name))

/* Bit of a field, a token, in that word of a set. */
#define FIELD_BIT(word, name) (FIELD_ID_##name / 64 == (word) ? 1ull << FIELD_ID_##name % 64 : 0)

/* The fields of FIELD_GROUP_EXTRA: what lines lack by default. A constant for the encoders. */
#define FIELD_EXTRA_BITS(word)                                                                     \
	(FIELD_BIT(word, command_line) | FIELD_BIT(word, parent_command_line))
#define FIELD_SET_EXTRA ((struct field_set){ { FIELD_EXTRA_BITS(0), FIELD_EXTRA_BITS(1) } })

/* The formats that map events to another schema, as bits. */
enum field_format {
	FIELD_ECS = 1 << 0,
	FIELD_OCSF = 1 << 1,
};

/* Bytes of the longest value that is formatted, and not a view into the event. */
#define FIELD_BUF_BYTES 32

/* Bytes that hold every key with the comma before it, and its colon. */
#define FIELD_KEY_BYTES 24

/* Small, because a line goes through all of them. */
struct field {
	char key[FIELD_KEY_BYTES + 1]; /* ,"NAME": */
	uint8_t key_length; /* with the comma */
	enum field_form form : 8;
	enum field_kind kind : 8;
	uint8_t unmapped; /* enum field_format: the formats without a place for it */
	uint16_t groups; /* enum field_group */
	uint16_t events; /* EVENT_BIT()s of the types that have it */
	uint32_t
		offset; /* in struct event, or sizeof(struct event) and that in struct event_context
			 */
	uint32_t record_key; /* enum record_key: its bit in the masks of struct event_process */
	uint32_t derived_from; /* enum record_key: without these keys an absent value is unknown */
};

/* Returns the number of the field with the name of `length` bytes, or FIELD_COUNT. */
enum field_id field_find_id(const char *name, size_t length);

/* Returns the row of a field. */
const struct field *field_get(enum field_id id);

/* Returns the key of a field in the form of json_writer_key(). */
static inline struct text field_key(const struct field *field)
{
	return (struct text){ field->key + 1, field->key_length - 1u };
}

/* Returns the bit of the group with the name of `length` bytes, or 0 if there is none. */
enum field_group field_find_group(const char *name, size_t length);

/* Returns the field with the name of `length` bytes, or NULL if there is none. */
const struct field *field_find(const char *name, size_t length);

/* Prints one line for each field: its name, its event types and its groups, with tabs and commas
 * between. */
void field_list(FILE *out);

/* Position of field_next(); zero before the first call. */
struct field_cursor {
	bool begun;
	size_t index;
	struct text rest;
};

/*
 * Returns the next value of an enriched event, as its line shows it: a view into the event, or into
 * buf. False after the last value, and if the line does not have the key. A value in the form
 * FIELD_JSON_JOINED has NULs for the spaces between its strings.
 */
bool field_next(const struct field *field, const struct event *event, struct field_cursor *cursor,
		char buf[FIELD_BUF_BYTES], struct text *value);

/*
 * Reports whether the values that field_next() returns of an event, `present` if there is one, are
 * all that the kernel had. False if the key is truncated or unreadable, or absent because its value
 * is unknown; a key that is absent because there is nothing to report is complete.
 */
bool field_is_complete(const struct field *field, const struct event *event, bool present);

/* Reports whether a value of a field that is not complete is whole: an item of a list that was not
 * cut, or a value that was derived before its source was cut. */
bool field_value_is_whole(const struct field *field, const struct event *event, struct text value);

/* Reports whether a glob can match a value of the field: false for text of a number or a flag. */
bool field_accepts_glob(const struct field *field, const char *glob);

#endif
