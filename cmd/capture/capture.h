/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The BPF side's life: load (programs.h) or take over what is pinned (pin.h), attach, read records
 * and counters (source.h). The only modules that know libbpf are these parts of it.
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
	struct pin *pin; /* borrowed as long as the capture lives; NULL: the programs end with the
			    process */
	size_t buffer_bytes; /* a power of two, and of pages */
	size_t args_max_bytes; /* argument bytes worth keeping of one exec */
	unsigned int events; /* EVENT_BIT()s */
	bool env; /* the whole environment of each exec goes along */
};

struct capture_lost {
	uint64_t counts[RECORD_TYPES][RECORD_LOSSES]; /* since the programs were loaded */
	uint64_t until_ns; /* CLOCK_BOOTTIME; 0: since always */
};

/*
 * Loads and attaches the programs: from its return on, every exec is a record or is counted.
 * Returns 0 or -errno (check_diagnose() tells why); free with capture_free().
 *
 * With pin, they outlive the process; those that an earlier one left there with the same options
 * are taken over instead, with all that happened meanwhile, and others are replaced: their records
 * come first, and nothing between these and the new ones is missing. -ECANCELED: something is wrong
 * with the pins, which has been said on stderr.
 */
int capture_new(struct capture **capture, const struct capture_options *options);
void capture_free(struct capture *capture);

/* Readable (edge-triggered epoll) when the programs wake the reader. Owned by capture. */
int capture_fd(const struct capture *capture);

/* As ring_next(), ring_written() and ring_read() */
bool capture_next(struct capture *capture, const void **record, size_t *length);
uint64_t capture_written(const struct capture *capture);
uint64_t capture_read(const struct capture *capture);

/*
 * All records that capture_next() returned are done with, and their room is the kernel's again;
 * what `told` says was lost has been reported.
 */
void capture_release(struct capture *capture, const struct capture_lost *reported);

/*
 * Announces a wait without a timeout: the next record will wake capture_fd(). False, and nothing is
 * announced, where records are there already. capture_wake() takes the announcement back.
 */
bool capture_sleep(struct capture *capture);
void capture_wake(struct capture *capture);

/* The names of the hooks in use, each ended by a NUL: "tp_btf/sched_process_exec". Owned by
 * capture. */
void capture_get_hooks(const struct capture *capture, const char **names, size_t *length);

/* What was lost so far, and what of it has been reported, also by an earlier process. */
void capture_get_lost(const struct capture *capture, struct capture_lost *lost);
void capture_get_reported(const struct capture *capture, struct capture_lost *reported);

#endif
