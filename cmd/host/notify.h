/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a service manager is reported, by the protocol of sd_notify(3) and sd_watchdog_enabled(3).
 * Where there is none, or it can't be reached, everything here does nothing.
 */
#ifndef EXECTAP_NOTIFY_H
#define EXECTAP_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify;

/* Asks the environment: $NOTIFY_SOCKET, $WATCHDOG_USEC, $WATCHDOG_PID. Returns 0 or -ENOMEM; free
 * with notify_free().
 */
int notify_new(struct notify **notify);
void notify_free(struct notify *notify);

/* These two wait up to NOTIFY_PATIENCE_S for a manager that takes nothing. */
#define NOTIFY_PATIENCE_S 5
void notify_ready(struct notify *notify);
void notify_stopping(struct notify *notify);

/* When notify_alive() has to be called, CLOCK_BOOTTIME; UINT64_MAX: nobody asks for it. */
uint64_t notify_due_ns(const struct notify *notify);

/* Whether to call it now: it is due, or the status that was told last is old. */
bool notify_is_wanted(const struct notify *notify, uint64_t now_ns);

/* The program goes round, and this is how it is: one line. Never waits. */
void notify_alive(struct notify *notify, uint64_t now_ns, const char *status);

#endif
