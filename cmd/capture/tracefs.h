/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXECTAP_TRACEFS_H
#define EXECTAP_TRACEFS_H

/*
 * Returns the id of a tracepoint for perf_event_open(2), or -errno. If tracefs is not mounted, a
 * child mounts it for a moment in its own mount namespace, which needs CAP_SYS_ADMIN.
 */
int tracefs_event_id(const char *group, const char *event);

#endif
