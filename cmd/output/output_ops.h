/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interface between output.c, which queues lines, and the kinds of output, which write them.
 * Each kind has a file of its own.
 */
#ifndef EXECTAP_OUTPUT_OPS_H
#define EXECTAP_OUTPUT_OPS_H

#include "output/output.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes that a stream socket takes before the consumer reads them, in the kernel's units
 * (socket(7), SO_SNDBUF). */
#define OUTPUT_STREAM_BUFFER_BYTES (128 * 1024)

struct output_target {
	const struct output_ops *ops;
	const char *name; /* for messages; borrowed */
	const char *path; /* the part of the destination behind the colon; borrowed */
	struct output_options options;
};

/* Base of each kind's own structure: its first member. */
struct output_device {
	const struct output_target *target; /* borrowed */
	int fd; /* to be polled; -1: not open */
	int pause_ms; /* set with OUTPUT_PAUSE */
	uint64_t progress; /* output_progress() */
	bool urgent; /* output_set_urgent() */
};

/* Reaction to an event or an error of write(). */
enum output_action {
	OUTPUT_CONTINUE,
	OUTPUT_POLL, /* write again when the descriptor is writable */
	OUTPUT_PAUSE, /* write again after pause_ms; this is no outage. ENOTCONN: no consumer */
	OUTPUT_RETRY, /* an outage: write again later, to the same descriptor */
	OUTPUT_RECONNECT, /* an outage: open again */
	OUTPUT_END, /* the consumer has closed the output, and that ends the program */
	OUTPUT_FAIL,
};

/* Lines that are written together. */
struct output_batch {
	uint64_t first_seq; /* number of the first line */
	uint64_t earliest_ns; /* CLOCK_BOOTTIME: the earliest time of their events */
};

struct output_ops {
	const char *prefix; /* start of the destination: "file:" */
	struct output_needs needs;
	bool opens_later; /* open() may fail at the start: the consumer is not there yet */
	uint32_t idle_events; /* to be polled for while nothing is blocked */

	/* Logs an error in the destination and returns -EINVAL, or returns 0. NULL: no check. */
	int (*check)(const struct output_target *target);
	/* Returns the longest line up to wanted_bytes that can be written. NULL: any. */
	size_t (*line_max_bytes)(size_t wanted_bytes);
	/* Allocates a device that is not open. Returns NULL without memory. */
	struct output_device *(*new)(const struct output_target *target);
	/* Closes and frees. */
	void (*free)(struct output_device *device);
	/* Opens or connects. Returns 0 or -errno: -ECANCELED for an error that has been logged and
	 * stays. */
	int (*open)(struct output_device *device);
	/* NULL: cannot be closed and opened again. */
	void (*close)(struct output_device *device);
	/* Writes whole lines, the first of which may be the rest of one. Returns the bytes that
	 * were taken, or -errno. */
	ssize_t (*write)(struct output_device *device, const char *lines, size_t length,
			 const struct output_batch *batch);
	/* Maps an error of write(). */
	enum output_action (*classify)(struct output_device *device, int error);
	/* Handles poll events on fd. NULL: none are of interest. */
	enum output_action (*on_event)(struct output_device *device, uint32_t events);
	/* Opens the path anew, for SIGHUP. Returns 1; 0 if the path leads to the open file; or
	 * -errno, and the old file stays open. NULL: nothing to do. */
	int (*reopen)(struct output_device *device);
	/* Returns an upper bound of the bytes that the consumer has not read. NULL: 0. */
	size_t (*unacked_bytes)(struct output_device *device);
	/* Returns true if the consumer has closed the connection with bytes unread, after `error`
	 * of write(), or 0. NULL: false. */
	bool (*was_left_unread)(struct output_device *device, int error);
	/* Returns the number of lines that were taken but not delivered. NULL: 0. */
	uint64_t (*count_pending)(const struct output_device *device);
	/* Returns true if nobody is there to take lines. NULL: false. */
	bool (*lacks_clients)(const struct output_device *device);
	/* Returns the sum of the lines that single clients lost. NULL: 0. */
	uint64_t (*count_client_lost)(const struct output_device *device);
	void (*set_drop_notice)(struct output_device *device, drop_notice_fn encode, void *context);
};

extern const struct output_ops output_stdout_ops;
extern const struct output_ops output_file_ops;
extern const struct output_ops output_unix_stream_ops;
extern const struct output_ops output_unix_datagram_ops;
extern const struct output_ops output_listener_ops;

#endif
