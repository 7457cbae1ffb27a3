/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits the number of equal events in a window of time. A window begins with the first event of a
 * combination of values; its length counts in the time of events.
 */
#ifndef EXECTAP_LIMIT_H
#define EXECTAP_LIMIT_H

#include "event/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT_COUNT_MAX 1000000000
#define LIMIT_SECONDS_MAX 86400

/* Maximum combinations of values, and bytes of their suppressed events. Beyond these the oldest
 * window ends early. */
#define LIMIT_WINDOWS_MAX 65536
#define LIMIT_RECORDS_BYTES (16 << 20)

struct limiter;

struct limit_rule {
	unsigned int count; /* of a window; 0: no limit */
	unsigned int seconds; /* length of a window */
	struct field_set keys; /* fields of equal values */
	bool is_default; /* no keys were given: only execs and failed attempts are limited */
};

/* A window that has ended, in which events were suppressed. */
struct limit_summary {
	uint64_t count;
	uint64_t from_ns; /* CLOCK_BOOTTIME of the first suppressed event */
	uint64_t to_ns; /* and of the last one */
	const void *record; /* of the first one; owned by the limiter */
	size_t record_bytes;
	struct field_set keys;
};

/*
 * Parses "COUNT/SECONDS[:KEY,...]"; the default keys are uid, exe, parent_exe and args. Returns 0,
 * -EINVAL, or -ENOENT with *word and *length set to a key that is unknown or cannot be compared.
 */
int limit_parse(const char *text, struct limit_rule *rule, const char **word, size_t *length);

/* Reports whether events of the type are limited: it has all keys of the rule, but for exe in
 * exec_failed. Without keys in the option, execs and failed attempts are. */
bool limit_applies(const struct limit_rule *rule, enum event_type type);

/* Returns the bits of enum record_key of what the rule compares. */
uint32_t limit_record_keys(const struct limit_rule *rule);

/* Reports whether the limit compares the key of that name. */
bool limit_uses(const struct limit_rule *rule, const char *key);

/* Makes a limiter without a limit. Returns 0 or -ENOMEM; free with limit_free(). */
int limit_new(struct limiter **limiter);
void limit_free(struct limiter *limiter);

/* Sets another rule, which ends all windows; the same rule changes nothing. */
void limit_set_rule(struct limiter *limiter, const struct limit_rule *rule);

/*
 * Counts an enriched and redacted event with its record. Returns false if it is suppressed. An
 * event of which a compared value is not known as a whole passes, and is not counted.
 */
bool limit_passes(struct limiter *limiter, const struct event *event, const void *record,
		  size_t record_bytes);

/*
 * Finds the next summary of the windows that end before now_ns, or early; UINT64_MAX: all windows.
 * Returns false if there is none. To be called before each limit_passes(); the summary is a view
 * until limit_drop_summary().
 */
bool limit_next_summary(struct limiter *limiter, uint64_t now_ns, struct limit_summary *summary);
void limit_drop_summary(struct limiter *limiter);

/*
 * Makes an enriched event, of which selection_apply() has selected the keys of the summary, a
 * summary: sets event->lost, and leaves out the fields that its type does not have.
 * enrich_summary() follows.
 */
void limit_summarize(const struct limit_summary *summary, struct event *event);

/* Returns the time at which the next window with suppressed events ends; UINT64_MAX: none. */
uint64_t limit_due_ns(const struct limiter *limiter);

/* Returns the number of windows that ended early. */
uint64_t limit_count_evicted(const struct limiter *limiter);

#endif
