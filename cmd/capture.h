/* SPDX-License-Identifier: BSD-2-Clause */
/* The BPF side's life: load, attach, read records and counters. The only module that knows libbpf and the skeleton. */
#ifndef EXECTAP_CAPTURE_H
#define EXECTAP_CAPTURE_H

#include "record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture;

struct capture_options {
	size_t buffer_bytes; /* a power of two, and of pages */
	size_t args_max_bytes; /* argument bytes worth keeping of one exec */
	bool exec;
	bool exec_failed;
	bool exit;
	bool env; /* the whole environment of each exec goes along */
};

/* Why events have no record: those the programs count, and runs that the kernel skipped. */
enum capture_loss {
	CAPTURE_LOSS_BUFFER_FULL = RECORD_LOSS_BUFFER_FULL,
	CAPTURE_LOSS_NO_SCRATCH = RECORD_LOSS_NO_SCRATCH,
	CAPTURE_LOSS_RECURSION = RECORD_LOSSES,
	CAPTURE_LOSSES,
};

struct capture_lost {
	uint64_t counts[RECORD_TYPES][CAPTURE_LOSSES]; /* since the programs were loaded */
};

/*
 * Loads and attaches the programs: from its return on, every exec is a record or is counted. Returns
 * 0 or -errno (support_diagnose() tells why); free with capture_free().
 */
int capture_new(struct capture **capture, const struct capture_options *options);
void capture_free(struct capture *capture);

/* Readable (edge-triggered epoll) when the programs wake the reader. Owned by capture. */
int capture_fd(const struct capture *capture);

/* ring_next(), ring_release(), ring_written(), ring_read() */
bool capture_next(struct capture *capture, const void **record, size_t *length);
void capture_release(struct capture *capture);
uint64_t capture_written(const struct capture *capture);
uint64_t capture_read(const struct capture *capture);

/*
 * Announces a wait without a timeout: the next record will wake capture_fd(). False, and nothing is
 * announced, where records are there already. capture_wake() takes the announcement back.
 */
bool capture_sleep(struct capture *capture);
void capture_wake(struct capture *capture);

/* The names of the hooks in use, each ended by a NUL: "tp_btf/sched_process_exec". Owned by capture. */
void capture_get_hooks(const struct capture *capture, const char **names, size_t *length);

/* What was lost so far. */
void capture_get_lost(const struct capture *capture, struct capture_lost *lost);

#endif
