/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXECTAP_TRACEFS_H
#define EXECTAP_TRACEFS_H

/*
 * The id that perf_event_open(2) takes for a tracepoint. Where tracefs is not mounted, a child
 * mounts it for a moment in a mount namespace of its own, which takes CAP_SYS_ADMIN. Returns it, or
 * -errno.
 */
int tracefs_event_id(const char *group, const char *event);

#endif
