/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cache of contexts (struct event_context). A shell or a build executes many programs: the
 * children of one parent have their users, terminal, parent, entry, cgroup and namespaces in
 * common, which are most of a line. So it is with calls (struct event_call): most programs are
 * executed again, in the same directory.
 *
 *	decode	context_find() compares all bytes that a context follows from with those of an
 *		earlier record. Where they are equal, the event gets the earlier context;
 *		else decode and enrich fill event->own_context. context_find_call() does so for
 *		the call, else decode fills it and context_store_call() copies it.
 *	enrich	context_store() copies a new context with the bytes of its texts.
 *	encode	context_text_find() and context_text_add() keep parts of lines with the context.
 *
 * Nothing of a context depends on the time or on the process itself. Who knows that a context would
 * be enriched differently now calls context_clear() or context_forget(). A stage that changes the
 * context of an event calls context_own(), and such a context has no text.
 */
#ifndef EXECTAP_CONTEXT_H
#define EXECTAP_CONTEXT_H

#include "event/event.h"

/* The keys that a context is made from. */
#define CONTEXT_KEYS                                                                               \
	(RECORD_KEY_PARENT_EXE | RECORD_KEY_CGROUP | RECORD_KEY_PARENT_COMM |                      \
	 RECORD_KEY_PARENT_ARGS | RECORD_KEY_PARENT_EVENT | RECORD_KEY_ANCESTORS |                 \
	 RECORD_KEY_ENTRY | RECORD_KEY_ENTRY_EXE)

/* Slices of a record that belong to the context. */
enum context_slice {
	CONTEXT_PARENT_EXE,
	CONTEXT_PARENT,
	CONTEXT_ENTRY,
	CONTEXT_CGROUP,
	CONTEXT_SLICES,
};

/* What the context of a record follows from: views into the record. Of the task these are all
 * members but start_ns, group_start_ns, pid, pgid and ns_pid; of the keys the bits of CONTEXT_KEYS.
 */
struct context_source {
	const struct record_task *task; /* ancestor_count is at most RECORD_ANCESTORS */
	const struct record_keys *keys;
	struct text slices[CONTEXT_SLICES];
	bool has_parent_exe; /* the record has the slice, perhaps of length 0 */
};

/* Keys that a call is made from. */
#define CONTEXT_CALL_KEYS                                                                          \
	(RECORD_KEY_COMM | RECORD_KEY_NAME | RECORD_KEY_FILENAME | RECORD_KEY_EXE |                \
	 RECORD_KEY_CWD | RECORD_KEY_EXE_FILE | RECORD_KEY_EXE_SIZE | RECORD_KEY_EXE_MTIME |       \
	 RECORD_KEY_EXE_UPPER)

/* Slices of a record that belong to the call. */
enum context_call_slice {
	CONTEXT_CALL_FILENAME,
	CONTEXT_CALL_EXE,
	CONTEXT_CALL_CWD,
	CONTEXT_CALL_SLICES,
};

/* What the call of a record follows from. Of the record these are file, flags, comm and name, and
 * the bits of CONTEXT_CALL_KEYS. */
struct context_call_source {
	const struct record_exec *exec;
	struct text slices[CONTEXT_CALL_SLICES];
};

struct contexts;

/* Makes an empty cache. Returns 0 or -ENOMEM; free with context_free(). */
int context_new(struct contexts **contexts);
void context_free(struct contexts *contexts);

/* Removes all contexts. */
void context_clear(struct contexts *contexts);

/*
 * Sets event->context to that of an earlier record with an equal source, if the cache has it. Else
 * returns false, and event->context is event->own_context, which the caller fills. A process that
 * is its own entry shares no context, because its program is a part of it.
 */
bool context_find(struct event *event, const struct context_source *source);

/* Adds event->own_context to the cache, if the last context_find() did not find it there, and
 * shares it. The source is still valid. */
void context_store(struct event *event);

/* Returns the context of the event for a change, which other events do not see. */
struct event_context *context_own(struct event *event);

/* Removes the context of the event from the cache; the event keeps it until the next
 * context_store(). */
void context_forget(struct event *event);

/*
 * Sets event->exec.call, and adds the bits of keys without a value to event->process.unreadable, as
 * an earlier exec with an equal source had them, if the cache has it. Else returns false, and the
 * caller sets them.
 */
bool context_find_call(struct event *event, const struct context_call_source *source);

/* Adds event->exec.call to the cache, if the last context_find_call() did not find it there.
 * `unreadable` has the bits of keys without a value that are not in the record. */
void context_store_call(struct event *event, const struct context_call_source *source,
			uint32_t unreadable);

/* Makes a change of event->exec.call possible, which other events do not see. */
static inline void context_own_call(struct event *event)
{
	event->shared_call = NULL;
}

/*
 * Texts of runs: parts of a line that follow from the call alone, or from the context and the host.
 * Each format has its own. They belong to a selection of fields, and the marks of the event; a text
 * with U+FFFD for ill-formed parts is marked.
 */
enum context_run {
	CONTEXT_RUN_CALL_FIELDS, /* as in the native format */
	CONTEXT_RUN_FILE_FIELDS,
	CONTEXT_RUN_CALL, /* as in the schema of another format */
	CONTEXT_RUN_MESSAGE,
	CONTEXT_CALL_RUNS, /* those of the context follow */
	CONTEXT_RUN_HOST_FIELDS = CONTEXT_CALL_RUNS, /* as in the native format */
	CONTEXT_RUN_FIELDS,
	CONTEXT_RUN_MARKS,
	CONTEXT_RUN_HOST, /* as in the schema of another format */
	CONTEXT_RUN_PROCESS,
	CONTEXT_RUN_OBJECTS,
	CONTEXT_RUNS,
};

struct context_text {
	struct text text; /* bytes NULL: there is none */
	bool ill_formed;
};

/* Returns the text of a run that context_text_add() kept. `format` is an address that no other
 * format has. */
struct context_text context_text_find(const struct event *event, const void *format,
				      enum context_run run);

/* Keeps a copy of the text, if there is room. */
void context_text_add(const struct event *event, const void *format, enum context_run run,
		      struct context_text text);

#endif
