// SPDX-License-Identifier: BSD-2-Clause
#include "capture/capture.h"

#include "capture/pin.h"
#include "capture/programs.h"
#include "capture/ring_source.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Programs that were detached can still be running: the kernel is done with them after some grace
 * periods. */
#define FORMER_RUNS_NS 1000000000ull
/* Between the stores that turn the new programs on and the old ones off: far more than a store
 * takes to be seen. */
#define OVERLAP_NS 10000

/* A source that this process has replaced, and which may still hold something. */
struct former {
	struct ring_source *source;
	unsigned int number; /* of its set, pin.h */
	bool was_off; /* by an earlier process */
	uint64_t replaced_ns; /* CLOCK_BOOTTIME */
};

struct capture {
	struct programs *programs; /* NULL where they are pinned */
	struct pin *pin; /* NULL: nothing is pinned */
	struct ring_source *source;
	struct former formers[PIN_SETS_MAX]; /* oldest first */
	size_t formers_count;
	uint64_t gone_bytes; /* read from formers that are no more */
	char hooks[PROGRAMS_HOOKS_BYTES];
	size_t hooks_length;
};

/* The names, each ended by a NUL, up to a second NUL. */
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
	ring_source_set_state(capture->source, RECORD_STATE_ON);
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

/* Takes over the newest of the sets that is whole, is the same as this process would load, and was
 * not replaced. */
static const struct pin_set *take_over(struct capture *capture, const char *identity)
{
	size_t count;
	const struct pin_set *sets = pin_sets(capture->pin, &count);

	while (count--) {
		const struct pin_set *set = &sets[count];

		if (strcmp(set->manifest.identity, identity) ||
		    set->manifest.record_version != RECORD_VERSION ||
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

/* Loads programs and pins them; they go on as if they had been taken over. */
static int load_set(struct capture *capture, const struct capture_options *options,
		    const char *identity, struct pin_set *set)
{
	struct programs *programs;
	int result = programs_new(&programs, options);

	if (result)
		return result;
	result = pin_add(capture->pin, programs, identity, set);
	programs_free(programs);
	if (result)
		return -ECANCELED;
	result = open_set(capture->pin, set, &capture->source);
	if (result)
		log_error("%s: what was just pinned can't be opened: %s",
			  pin_directory(capture->pin), strerror(-result));
	return result ? -ECANCELED : 0;
}

static void drop_former(struct capture *capture, struct former *former)
{
	ring_source_take_lost(capture->source, former->source);
	capture->gone_bytes += ring_read(ring_source_ring(former->source));
	ring_source_free(former->source);
	/* another user, which this process may be by now, is not permitted to: then the next start
	 * does it */
	if (pin_drop(capture->pin, former->number))
		log_detail("%s/%u: left to the next start", pin_directory(capture->pin),
			   former->number);
}

static bool is_empty(const struct former *former)
{
	const struct ring *ring = ring_source_ring(former->source);

	return ring_read(ring) == ring_written(ring);
}

/* All sets but the one in use. What can't be opened is left out, and can only be removed. */
static void open_formers(struct capture *capture, const struct pin_set *used)
{
	size_t count;
	const struct pin_set *sets = pin_sets(capture->pin, &count);

	for (size_t i = 0; i < count; i++) {
		struct former *former = &capture->formers[capture->formers_count];
		int result;

		if (sets[i].number == used->number)
			continue;
		result = open_set(capture->pin, &sets[i], &former->source);
		if (result) {
			log_error("%s/%u: can't be read, what it held is dropped: %s",
				  pin_directory(capture->pin), sets[i].number, strerror(-result));
			continue;
		}
		if (sets[i].manifest.record_version != RECORD_VERSION)
			log_error(
				"%s/%u: is of a version that this one can't read: each record that it holds is counted as lost",
				pin_directory(capture->pin), sets[i].number);
		former->number = sets[i].number;
		former->was_off = ring_source_state(former->source) == RECORD_STATE_OFF;
		former->replaced_ns = clock_boot_ns();
		capture->formers_count++;
	}
}

/* No event sees the old programs off and the new ones not yet on; one in OVERLAP_NS may be seen by
 * both. */
static void switch_over(struct capture *capture)
{
	uint64_t begin_ns;

	ring_source_set_state(capture->source, RECORD_STATE_ON);
	begin_ns = clock_boot_ns();
	while (clock_boot_ns() - begin_ns < OVERLAP_NS)
		;
	for (size_t i = 0; i < capture->formers_count; i++)
		ring_source_set_state(capture->formers[i].source, RECORD_STATE_OFF);
}

/* From here on nothing new comes from the formers; those that an earlier process has left and that
 * are empty go. */
static void retire_formers(struct capture *capture)
{
	size_t kept = 0;

	for (size_t i = 0; i < capture->formers_count; i++) {
		struct former *former = &capture->formers[i];

		pin_detach(capture->pin, former->number);
		ring_source_take_lost(capture->source, former->source);
		if (former->was_off && is_empty(former))
			drop_former(capture, former);
		else
			capture->formers[kept++] = *former;
	}
	capture->formers_count = kept;
}

static bool is_former(const struct capture *capture, unsigned int number)
{
	for (size_t i = 0; i < capture->formers_count; i++)
		if (capture->formers[i].number == number)
			return true;
	return false;
}

/* The set in use takes the place of all others. */
static void replace_others(struct capture *capture, const struct pin_set *used)
{
	size_t count;
	const struct pin_set *sets = pin_sets(capture->pin, &count);

	open_formers(capture, used);
	switch_over(capture);
	for (size_t i = 0; i < count; i++)
		if (sets[i].number != used->number && !is_former(capture, sets[i].number))
			pin_drop(capture->pin, sets[i].number);
	retire_formers(capture);
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
		log_info("%s: taken over: what happened meanwhile comes first",
			 pin_directory(capture->pin));
	} else {
		result = load_set(capture, options, identity, &used);
		if (result)
			return result;
	}
	if (!found && count)
		log_info("%s: replaced: what it still holds comes first: it was %s; now it is %s",
			 pin_directory(capture->pin), sets[count - 1].manifest.identity, identity);
	set_hooks(capture, used.manifest.hooks);
	replace_others(capture, &used);
	return 0;
}

/* A former source is done with when it can't get more, all it had is written, and its losses are
 * passed on. */
static bool is_done(const struct former *former)
{
	return is_empty(former) && clock_boot_ns() - former->replaced_ns > FORMER_RUNS_NS;
}

static void drop_formers(struct capture *capture)
{
	size_t kept = 0;

	for (size_t i = 0; i < capture->formers_count; i++) {
		struct former *former = &capture->formers[i];

		if (is_done(former))
			drop_former(capture, former);
		else
			capture->formers[kept++] = *former;
	}
	capture->formers_count = kept;
}

/* --- */

int capture_new(struct capture **capture, const struct capture_options *options)
{
	struct capture *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	result = options->pin ? open_pinned(created, options) : open_loaded(created, options);
	if (result) {
		capture_free(created);
		return result;
	}
	capture_wake(created); /* an earlier process may have been killed in its sleep */
	*capture = created;
	return 0;
}

void capture_free(struct capture *capture)
{
	if (!capture)
		return;
	for (size_t i = 0; i < capture->formers_count; i++)
		ring_source_free(capture->formers[i].source);
	ring_source_free(capture->source);
	programs_free(capture->programs);
	free(capture);
}

int capture_fd(const struct capture *capture)
{
	return ring_source_fd(capture->source);
}

bool capture_next(struct capture *capture, const void **record, size_t *length)
{
	for (size_t i = 0; i < capture->formers_count; i++)
		if (ring_next(ring_source_ring(capture->formers[i].source), record, length))
			return true;
	return ring_next(ring_source_ring(capture->source), record, length);
}

uint64_t capture_written(const struct capture *capture)
{
	uint64_t bytes = capture->gone_bytes + ring_written(ring_source_ring(capture->source));

	for (size_t i = 0; i < capture->formers_count; i++)
		bytes += ring_written(ring_source_ring(capture->formers[i].source));
	return bytes;
}

uint64_t capture_read(const struct capture *capture)
{
	uint64_t bytes = capture->gone_bytes + ring_read(ring_source_ring(capture->source));

	for (size_t i = 0; i < capture->formers_count; i++)
		bytes += ring_read(ring_source_ring(capture->formers[i].source));
	return bytes;
}

void capture_release(struct capture *capture, const struct capture_lost *reported)
{
	ring_source_set_reported(capture->source, reported);
	for (size_t i = 0; i < capture->formers_count; i++)
		ring_release(ring_source_ring(capture->formers[i].source));
	ring_release(ring_source_ring(capture->source));
	drop_formers(capture);
}

bool capture_sleep(struct capture *capture)
{
	const struct ring *ring = ring_source_ring(capture->source);

	if (capture->formers_count)
		return false;
	ring_source_set_consumer_sleeps(capture->source, true);
	/* the store above against the load in ring_written(): output.bpf.h has the other half */
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

void capture_get_lost(const struct capture *capture, struct capture_lost *lost)
{
	ring_source_get_lost(capture->source, lost);
}

void capture_get_reported(const struct capture *capture, struct capture_lost *reported)
{
	ring_source_get_reported(capture->source, reported);
}
