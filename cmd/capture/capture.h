/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the BPF side: loads the programs (programs.h) or takes over pinned ones (pin.h), attaches
 * them, and reads records and counters (ring_source.h). libbpf is used in this folder and in
 * host/check.c only.
 */
#ifndef EXECTAP_CAPTURE_H
#define EXECTAP_CAPTURE_H

#include "record.h"
#include "util/event_type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture;
struct pin;

struct capture_options {
	struct pin *
		pin; /* borrowed while the capture lives; NULL: the programs end with the process */
	size_t buffer_bytes; /* a power of two and a multiple of the page size */
	size_t args_max_bytes; /* maximum argument bytes of one exec */
	unsigned int events; /* EVENT_BIT()s */
	bool env; /* collect the whole environment of each exec */
	size_t parent_args_bytes; /* maximum bytes of exe and args that are kept of each process, at
				     most RECORD_PROGRAM_STRINGS_BYTES; 0: none */
	uint32_t omitted_keys; /* as in capture_set_omitted_keys() */
};

struct capture_lost {
	uint64_t counts[RECORD_TYPES][RECORD_LOSSES]; /* since the programs were loaded */
	uint64_t until_ns; /* CLOCK_BOOTTIME; 0: the start of the programs */
};

/*
 * Loads and attaches the programs. After its return every exec has a record or is counted. Returns
 * 0 or -errno (check_diagnose() finds the cause); free with capture_free().
 *
 * With pin, the programs outlive the process. Programs that an earlier process pinned with the same
 * options are taken over, with the records they hold. Others are replaced: their records come
 * first, and no event between these and the new ones is missing. Returns -ECANCELED for an error
 * with the pins, which has been logged.
 */
int capture_new(struct capture **capture, const struct capture_options *options);
void capture_free(struct capture *capture);

/*
 * Sets the bits of enum record_key of what nobody needs. Paths, arguments and environment of these
 * keys are not read, and are `unreadable` in records from then on.
 */
void capture_set_omitted_keys(struct capture *capture, uint32_t keys);

/* Returns a descriptor that is readable (edge-triggered epoll) after a wakeup. Owned by capture. */
int capture_fd(const struct capture *capture);

/*
 * Returns a descriptor that is readable after a change of the pins, until capture_check_pins(), or
 * -1 without pins. Owned by capture.
 */
int capture_pin_fd(const struct capture *capture);

/*
 * Reports if the pins were removed: the programs are detached when the process ends. Logs it the
 * first time.
 */
bool capture_check_pins(struct capture *capture);

/*
 * Reports if the pins were removed in this run, or the programs were detached before it, or what
 * those before have counted cannot be read: losses that no count contains.
 */
bool capture_has_gap(const struct capture *capture);
void capture_clear_gap(struct capture *capture);

/* Like ring_next(), over all sets. Running processes get records while there are no others. */
bool capture_next(struct capture *capture, const void **record, size_t *length);

/* Reports whether running processes have no record yet, for which the ring buffer had no room. */
bool capture_is_reporting(const struct capture *capture);

/* Like ring_written() and ring_read(), over all sets. */
uint64_t capture_written(const struct capture *capture);
uint64_t capture_read(const struct capture *capture);

/* Like ring_used(), for the set that gets new records. */
uint64_t capture_used(const struct capture *capture);

/*
 * Returns the space of all records that capture_next() returned to the kernel, and stores the
 * losses that lines have reported.
 */
void capture_release(struct capture *capture, const struct capture_lost *reported);

/*
 * Announces a wait without a timeout: the next record makes capture_fd() readable. Returns false,
 * and announces nothing, if there are records. capture_wake() withdraws the announcement.
 */
bool capture_sleep(struct capture *capture);
void capture_wake(struct capture *capture);

/*
 * Returns the names of the hooks in use, each with a NUL: "tp_btf/sched_process_exec". Owned by
 * capture.
 */
void capture_get_hooks(const struct capture *capture, const char **names, size_t *length);

/* Returns a number that grows with the losses that the programs count themselves: a reason to call
 * capture_get_lost() at once. */
uint64_t capture_count_flagged(const struct capture *capture);

/*
 * Copies the losses so far, and the part of them that has been reported, also by an earlier
 * process.
 */
void capture_get_lost(const struct capture *capture, struct capture_lost *lost);
void capture_get_reported(const struct capture *capture, struct capture_lost *reported);

#endif
