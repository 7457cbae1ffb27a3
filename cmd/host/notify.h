/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notifications of a service manager by the protocol of sd_notify(3) and sd_watchdog_enabled(3).
 * Without a manager, or if it cannot be reached, all functions do nothing.
 */
#ifndef EXECTAP_NOTIFY_H
#define EXECTAP_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify;

/* Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID. Returns 0 or -ENOMEM; free with
 * notify_free(). */
int notify_new(struct notify **notify);
void notify_free(struct notify *notify);

/* Both wait up to NOTIFY_TIMEOUT_S for a manager that does not receive. */
#define NOTIFY_TIMEOUT_S 5
void notify_ready(struct notify *notify);
void notify_stopping(struct notify *notify);

/* Returns the time of the next watchdog notification, CLOCK_BOOTTIME; UINT64_MAX without a
 * watchdog. */
uint64_t notify_due_ns(const struct notify *notify);

/* True if the watchdog notification is due, or the last reported status is old. */
bool notify_is_due(const struct notify *notify, uint64_t now_ns);

/* Sends the watchdog notification and the status, one line. Never blocks. */
void notify_watchdog(struct notify *notify, uint64_t now_ns, const char *status);

#endif
