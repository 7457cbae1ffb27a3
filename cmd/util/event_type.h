/* SPDX-License-Identifier: BSD-2-Clause */
/* Event types, their names, and sets of them. */
#ifndef EXECTAP_EVENT_TYPE_H
#define EXECTAP_EVENT_TYPE_H

#include <stddef.h>

/* The types that have a record have its number; decode.c checks that. */
enum event_type {
	EVENT_EXEC = 0,
	EVENT_EXIT = 1,
	EVENT_EXEC_FAILED = 2,
	EVENT_FORK = 3,
	EVENT_PROCESS = 4, /* one that runs at the start */
	EVENT_LOST = 5, /* this type and the later ones are about exectap itself */
	EVENT_SUPPRESSED,
	EVENT_START,
	EVENT_STATS,
	EVENT_STOP,
	EVENT_TYPES,
};

/* A set of event types is an unsigned int with the bits of its members. */
#define EVENT_BIT(type) (1u << (type))
#define EVENT_BITS_EXEC (EVENT_BIT(EVENT_EXEC) | EVENT_BIT(EVENT_EXEC_FAILED))
#define EVENT_BITS_BEGUN (EVENT_BIT(EVENT_FORK) | EVENT_BIT(EVENT_PROCESS))
#define EVENT_BITS_PROCESS (EVENT_BITS_EXEC | EVENT_BIT(EVENT_EXIT) | EVENT_BITS_BEGUN)
#define EVENT_BITS_HEARTBEAT                                                                       \
	(EVENT_BIT(EVENT_START) | EVENT_BIT(EVENT_STATS) | EVENT_BIT(EVENT_STOP))
#define EVENT_BITS_ALL (EVENT_BIT(EVENT_TYPES) - 1)

/* Returns the value of the key "type". Inline, so that it is constant where the type is. */
static inline const char *event_type_name(enum event_type type)
{
	static const char *const names[EVENT_TYPES] = {
		[EVENT_EXEC] = "exec",
		[EVENT_EXIT] = "exit",
		[EVENT_EXEC_FAILED] = "exec_failed",
		[EVENT_FORK] = "fork",
		[EVENT_PROCESS] = "process",
		[EVENT_LOST] = "lost",
		[EVENT_SUPPRESSED] = "suppressed",
		[EVENT_START] = "start",
		[EVENT_STATS] = "stats",
		[EVENT_STOP] = "stop",
	};

	return names[type];
}

/* Returns the type with the name of `length` bytes, or EVENT_TYPES if there is none. */
enum event_type event_type_find(const char *name, size_t length);

#endif
