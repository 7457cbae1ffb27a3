/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits for records, drains them, and ends in an orderly way. */
#ifndef EXECTAP_LOOP_H
#define EXECTAP_LOOP_H

#include "capture/capture.h"
#include "host/metrics.h"
#include "host/notify.h"
#include "output/output.h"
#include "pipeline.h"

/*
 * Installs the handlers. The first SIGINT or SIGTERM makes loop_run() drain and return, the second
 * one ends the process at once with status 0. SIGHUP reopens the output's file and reads the
 * options again. SIGPIPE is ignored. Returns 0 or -errno of eventfd(2).
 */
int loop_handle_signals(void);

struct loop_stages {
	struct capture *capture;
	struct pipeline *pipeline;
	struct output *output;
	struct notify *notify;
	struct metrics *metrics; /* NULL: none */
	unsigned int latency_ms; /* interval of the drains while records keep coming */
	const char *format; /* its name, for the metrics */
	uint64_t started_wall_ns; /* start of the process, since the epoch */
	/* Called at SIGHUP, between two events. Returns the new heartbeat_s. */
	unsigned int (*reload)(void *context);
	void *context; /* borrowed */
};

/* Writes a version of the metrics, of which there must be some. Returns 0 or -errno; the failure
 * has been logged. */
int loop_write_metrics(const struct loop_stages *stages, bool is_blocked);

/*
 * Drains until a stop signal comes and everything that the kernel held by then is written, or until
 * the consumer of stdout closes it. With heartbeat_s, emits a start line first, a stats line every
 * heartbeat_s seconds and a stop line last; 0: none. Notifies the service manager's watchdog once
 * per loop iteration, and of the end when it begins. Returns 0; -EPIPE if the consumer of stdout
 * closed it; -ENOTCONN if no consumer was connected for the last lines; -ETIMEDOUT if the consumer
 * took nothing for 2.5 s at the end, or the end took 30 s; -ECANCELED after an error that has been
 * logged; or -errno of epoll(7).
 */
int loop_run(const struct loop_stages *stages, unsigned int heartbeat_s);

#endif
