/* SPDX-License-Identifier: BSD-2-Clause */
/* When to drain, when to wait, when to end. */
#ifndef EXECTAP_LOOP_H
#define EXECTAP_LOOP_H

#include "capture/capture.h"
#include "host/notify.h"
#include "output/output.h"
#include "pipeline.h"

/*
 * SIGINT and SIGTERM: the first one ends loop_run() in order, the second one the process at once,
 * with status 0. SIGHUP has a file opened again. SIGPIPE is ignored.
 */
void loop_handle_signals(void);

/*
 * With heartbeat_s, a start line comes first, a stats line that often, a stop line last; 0: none.
 *
 * A service manager hears of the end when it begins, and until then that the program goes round, if
 * it wants to.
 *
 * Drains until a signal comes and what the kernel held by then is written, or the reader of stdout
 * leaves. Returns 0, -ENOTCONN if there was no reader left to write the last lines to, or another
 * -errno of the output.
 */
int loop_run(struct capture *capture, struct pipeline *pipeline, struct output *output,
	     struct notify *notify, unsigned int heartbeat_s);

#endif
