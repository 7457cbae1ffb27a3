// SPDX-License-Identifier: BSD-2-Clause
#include "capture/capture.h"

#include "capture/pin.h"
#include "capture/pin_watch.h"
#include "capture/program_map.h"
#include "capture/programs.h"
#include "capture/ring_source.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Maximum time for which detached programs may still run: a few RCU grace periods. */
#define RETIRED_RUNS_NS 1000000000ull
/*
 * Time between the stores that turn the new programs on and the old ones off; longer than a store
 * takes to become visible to other CPUs.
 */
#define OVERLAP_NS 10000

/* A set that this process has replaced, and whose ring buffer may still hold records. */
struct retired_set {
	struct ring_source *source;
	unsigned int number; /* the set's number, pin.h */
	bool was_off; /* an earlier process replaced it */
	uint64_t replaced_ns; /* CLOCK_BOOTTIME */
};

struct capture {
	struct programs *programs; /* NULL if they are pinned */
	struct pin *pin; /* NULL: no --pin */
	struct pin_watch *pin_watch; /* NULL: the pins are not watched */
	int report_fd; /* program_map_continue(); -1: all running processes have records */
	bool is_unpinned; /* the pins were removed */
	bool has_gap; /* not reported yet, capture_has_gap() */
	struct ring_source *source;
	struct retired_set retired[PIN_SETS_MAX]; /* oldest first */
	size_t retired_count;
	uint64_t retired_bytes; /* read from sets that have been dropped since */
	char hooks[PROGRAMS_HOOKS_BYTES];
	size_t hooks_length;
};

/* Copies the hook names. Each ends with a NUL, the last one with two. */
static void set_hooks(struct capture *capture, const char *hooks)
{
	const char *end = hooks;

	while (*end)
		end += strlen(end) + 1;
	capture->hooks_length = (size_t)(end - hooks);
	memcpy(capture->hooks, hooks, capture->hooks_length);
}

static int open_loaded(struct capture *capture, const struct capture_options *options)
{
	struct ring_source_fds fds;
	int result = programs_new(&capture->programs, options);

	if (!result)
		result = programs_get_fds(capture->programs, &fds);
	if (result)
		return result;
	result = ring_source_new(&capture->source, &fds);
	if (result) {
		ring_source_close_fds(&fds);
		return result;
	}
	set_hooks(capture, programs_hooks(capture->programs));
	ring_source_set_omitted_keys(capture->source, options->omitted_keys);
	ring_source_set_state(capture->source, RECORD_STATE_ON);
	capture->report_fd = programs_begin(capture->programs);
	programs_release_memory(capture->programs);
	return 0;
}

/* --- pinned programs */

static int open_set(const struct pin *pin, const struct pin_set *set, struct ring_source **source)
{
	struct ring_source_fds fds;
	int result = pin_get_fds(pin, set, &fds);

	if (result)
		return result;
	result = ring_source_new(source, &fds);
	if (result)
		ring_source_close_fds(&fds);
	return result;
}

static bool has_other_format(const struct pin_set *set)
{
	return set->manifest.record_version != RECORD_VERSION;
}

/* Opens the newest set that is complete, has the same identity, and was not replaced. */
static const struct pin_set *take_over(struct capture *capture, const char *identity)
{
	size_t count;
	const struct pin_set *sets = pin_sets(capture->pin, &count);

	while (count--) {
		const struct pin_set *set = &sets[count];

		if (strcmp(set->manifest.identity, identity) || has_other_format(set) ||
		    set->links != set->manifest.links ||
		    open_set(capture->pin, set, &capture->source))
			continue;
		if (ring_source_state(capture->source) != RECORD_STATE_OFF)
			return set;
		ring_source_free(capture->source);
		capture->source = NULL;
	}
	return NULL;
}

/* Loads programs and pins them; then opens them like a set that was taken over. */
static int load_set(struct capture *capture, const struct capture_options *options,
		    const char *identity, struct pin_set *set)
{
	int result = programs_new(&capture->programs, options);

	if (result)
		return result;
	result = pin_add(capture->pin, capture->programs, identity, set);
	if (result)
		return -ECANCELED;
	result = open_set(capture->pin, set, &capture->source);
	if (result)
		log_error("%s: cannot open the new pinned set: %s", pin_directory(capture->pin),
			  strerror(-result));
	return result ? -ECANCELED : 0;
}

static void drop_retired(struct capture *capture, struct retired_set *retired)
{
	ring_source_take_lost(capture->source, retired->source);
	capture->retired_bytes += ring_read(ring_source_ring(retired->source));
	ring_source_free(retired->source);
	/* a process that has dropped its privileges may not remove it; the next start does */
	if (pin_drop(capture->pin, retired->number))
		log_detail("%s/%u: cannot remove the set; the next start removes it",
			   pin_directory(capture->pin), retired->number);
}

static bool is_empty(const struct retired_set *retired)
{
	const struct ring *ring = ring_source_ring(retired->source);

	return ring_read(ring) == ring_written(ring);
}

/* An earlier process has replaced the set. The state of another format cannot be read. */
static bool is_replaced(const struct pin_set *set, const struct ring_source *source)
{
	return has_other_format(set) ? !set->links : ring_source_state(source) == RECORD_STATE_OFF;
}

/*
 * Reports if events were lost that no count contains. A set in use lacks links: someone removed
 * them, and the last process that held them has ended. What another format has counted cannot be
 * read.
 */
static bool has_gap(const struct pin_set *set, const struct ring_source *source)
{
	return !is_replaced(set, source) &&
	       (has_other_format(set) || set->links != set->manifest.links);
}

/* Opens all sets except the one in use. A set that cannot be opened is removed by the caller. */
static void open_retired(struct capture *capture, const struct pin_set *used)
{
	size_t count;
	const struct pin_set *sets = pin_sets(capture->pin, &count);

	for (size_t i = 0; i < count; i++) {
		struct retired_set *retired = &capture->retired[capture->retired_count];
		int result;

		if (sets[i].number == used->number)
			continue;
		result = open_set(capture->pin, &sets[i], &retired->source);
		if (result) {
			log_error("%s/%u: cannot open the pinned set, its records are dropped: %s",
				  pin_directory(capture->pin), sets[i].number, strerror(-result));
			capture->has_gap = true;
			continue;
		}
		if (has_other_format(&sets[i]))
			log_error(
				"%s/%u: has another record format, its records are counted as lost",
				pin_directory(capture->pin), sets[i].number);
		retired->number = sets[i].number;
		retired->was_off = is_replaced(&sets[i], retired->source);
		retired->replaced_ns = clock_boot_ns();
		capture->has_gap |= has_gap(&sets[i], retired->source);
		capture->retired_count++;
	}
}

/*
 * Turns the new programs on, then the old ones off: no event is missed by both. An event within
 * OVERLAP_NS may be recorded by both.
 */
static void switch_over(struct capture *capture)
{
	uint64_t begin_ns;

	ring_source_set_state(capture->source, RECORD_STATE_ON);
	begin_ns = clock_boot_ns();
	while (clock_boot_ns() - begin_ns < OVERLAP_NS)
		;
	for (size_t i = 0; i < capture->retired_count; i++)
		ring_source_set_state(capture->retired[i].source, RECORD_STATE_OFF);
}

/*
 * Detaches the retired sets; they receive no more records. Drops the empty ones that an earlier
 * process had replaced.
 */
static void detach_retired(struct capture *capture)
{
	size_t kept = 0;

	for (size_t i = 0; i < capture->retired_count; i++) {
		struct retired_set *retired = &capture->retired[i];

		pin_detach(capture->pin, retired->number);
		ring_source_take_lost(capture->source, retired->source);
		if (retired->was_off && is_empty(retired))
			drop_retired(capture, retired);
		else
			capture->retired[kept++] = *retired;
	}
	capture->retired_count = kept;
}

static bool is_retired(const struct capture *capture, unsigned int number)
{
	for (size_t i = 0; i < capture->retired_count; i++)
		if (capture->retired[i].number == number)
			return true;
	return false;
}

/* Replaces all other sets with the one in use. */
static void replace_others(struct capture *capture, const struct pin_set *used)
{
	size_t count;
	const struct pin_set *sets = pin_sets(capture->pin, &count);

	open_retired(capture, used);
	switch_over(capture);
	for (size_t i = 0; i < count; i++)
		if (sets[i].number != used->number && !is_retired(capture, sets[i].number))
			pin_drop(capture->pin, sets[i].number);
	detach_retired(capture);
}

/* Without a watch the removal of the pins goes unnoticed; it still works. */
static void watch_pins(struct capture *capture, unsigned int set_number)
{
	int result = pin_watch_new(&capture->pin_watch, capture->pin, set_number);

	if (result)
		log_warning("%s: cannot watch the pins: %s; continuing without",
			    pin_directory(capture->pin), strerror(-result));
}

static int open_pinned(struct capture *capture, const struct capture_options *options)
{
	char identity[PROGRAMS_IDENTITY_BYTES];
	const struct pin_set *found;
	struct pin_set used;
	size_t count;
	const struct pin_set *sets = pin_sets(options->pin, &count);
	int result;

	capture->pin = options->pin;
	programs_identify(options, identity);
	found = take_over(capture, identity);
	if (found) {
		used = *found;
		log_info("%s: taken over; the events since the previous run come first",
			 pin_directory(capture->pin));
	} else {
		result = load_set(capture, options, identity, &used);
		if (result)
			return result;
	}
	if (!found && count)
		log_info("%s: replaced; its remaining events come first; was: %s; now: %s",
			 pin_directory(capture->pin), sets[count - 1].manifest.identity, identity);
	set_hooks(capture, used.manifest.hooks);
	ring_source_set_omitted_keys(capture->source, options->omitted_keys);
	replace_others(capture, &used);
	if (capture->programs)
		capture->report_fd = programs_begin(capture->programs);
	programs_free(capture->programs);
	capture->programs = NULL;
	watch_pins(capture, used.number);
	return 0;
}

/* Reports if a retired set can be dropped: it gets no more records, and all it had are written. */
static bool is_drained(const struct retired_set *retired)
{
	return is_empty(retired) && clock_boot_ns() - retired->replaced_ns > RETIRED_RUNS_NS;
}

static void drop_drained(struct capture *capture)
{
	size_t kept = 0;

	for (size_t i = 0; i < capture->retired_count; i++) {
		struct retired_set *retired = &capture->retired[i];

		if (is_drained(retired))
			drop_retired(capture, retired);
		else
			capture->retired[kept++] = *retired;
	}
	capture->retired_count = kept;
}

/* --- running processes */

static void end_report(struct capture *capture)
{
	if (capture->report_fd >= 0)
		close(capture->report_fd);
	capture->report_fd = -1;
}

/* Lets the kernel make records of further processes. Returns false if there are none. */
static bool continue_report(struct capture *capture)
{
	if (!capture_is_reporting(capture))
		return false;
	if (!program_map_continue(capture->report_fd))
		end_report(capture);
	return true;
}

/* --- */

/* Returns free memory to the system: loading takes more than all that follows. */
static void return_memory(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

int capture_new(struct capture **capture, const struct capture_options *options)
{
	struct capture *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	created->report_fd = -1;
	result = options->pin ? open_pinned(created, options) : open_loaded(created, options);
	if (result) {
		capture_free(created);
		return result;
	}
	return_memory();
	capture_wake(created); /* an earlier process may have been killed while it slept */
	*capture = created;
	return 0;
}

void capture_free(struct capture *capture)
{
	if (!capture)
		return;
	for (size_t i = 0; i < capture->retired_count; i++)
		ring_source_free(capture->retired[i].source);
	ring_source_free(capture->source);
	end_report(capture);
	pin_watch_free(capture->pin_watch);
	programs_free(capture->programs);
	free(capture);
}

void capture_set_omitted_keys(struct capture *capture, uint32_t keys)
{
	ring_source_set_omitted_keys(capture->source, keys);
}

int capture_fd(const struct capture *capture)
{
	return ring_source_fd(capture->source);
}

int capture_pin_fd(const struct capture *capture)
{
	return capture->pin_watch ? pin_watch_fd(capture->pin_watch) : -1;
}

bool capture_check_pins(struct capture *capture)
{
	if (!capture->pin_watch || capture->is_unpinned || !pin_watch_check(capture->pin_watch))
		return capture->is_unpinned;
	log_warning("%s: the pins were removed; the programs stay attached until exectap ends",
		    pin_directory(capture->pin));
	capture->is_unpinned = true;
	capture->has_gap = true;
	return true;
}

bool capture_has_gap(const struct capture *capture)
{
	return capture->has_gap;
}

void capture_clear_gap(struct capture *capture)
{
	capture->has_gap = false;
}

bool capture_next(struct capture *capture, const void **record, size_t *length)
{
	struct ring *ring = ring_source_ring(capture->source);

	for (size_t i = 0; i < capture->retired_count; i++)
		if (ring_next(ring_source_ring(capture->retired[i].source), record, length))
			return true;
	return ring_next(ring, record, length) ||
	       (continue_report(capture) && ring_next(ring, record, length));
}

bool capture_is_reporting(const struct capture *capture)
{
	return capture->report_fd >= 0;
}

uint64_t capture_written(const struct capture *capture)
{
	uint64_t bytes = capture->retired_bytes + ring_written(ring_source_ring(capture->source));

	for (size_t i = 0; i < capture->retired_count; i++)
		bytes += ring_written(ring_source_ring(capture->retired[i].source));
	return bytes;
}

uint64_t capture_read(const struct capture *capture)
{
	uint64_t bytes = capture->retired_bytes + ring_read(ring_source_ring(capture->source));

	for (size_t i = 0; i < capture->retired_count; i++)
		bytes += ring_read(ring_source_ring(capture->retired[i].source));
	return bytes;
}

uint64_t capture_used(const struct capture *capture)
{
	return ring_used(ring_source_ring(capture->source));
}

void capture_release(struct capture *capture, const struct capture_lost *reported)
{
	ring_source_set_reported(capture->source, reported);
	for (size_t i = 0; i < capture->retired_count; i++)
		ring_release(ring_source_ring(capture->retired[i].source));
	ring_release(ring_source_ring(capture->source));
	drop_drained(capture);
}

bool capture_sleep(struct capture *capture)
{
	const struct ring *ring = ring_source_ring(capture->source);

	if (capture->retired_count || capture_is_reporting(capture))
		return false;
	ring_source_set_consumer_sleeps(capture->source, true);
	/* pairs the store above with the load in ring_written(), see output.bpf.h */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (ring_written(ring) == ring_read(ring))
		return true;
	capture_wake(capture);
	return false;
}

void capture_wake(struct capture *capture)
{
	ring_source_set_consumer_sleeps(capture->source, false);
}

void capture_get_hooks(const struct capture *capture, const char **names, size_t *length)
{
	*names = capture->hooks;
	*length = capture->hooks_length;
}

uint64_t capture_count_flagged(const struct capture *capture)
{
	return ring_source_count_flagged(capture->source);
}

void capture_get_lost(const struct capture *capture, struct capture_lost *lost)
{
	ring_source_get_lost(capture->source, lost);
}

void capture_get_reported(const struct capture *capture, struct capture_lost *reported)
{
	ring_source_get_reported(capture->source, reported);
}
