/* SPDX-License-Identifier: BSD-2-Clause */
/* The map with the program of each process. A part of capture. */
#ifndef EXECTAP_PROGRAM_MAP_H
#define EXECTAP_PROGRAM_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct exectap; /* the skeleton */

/*
 * Sets what the programs need to keep `bytes` bytes of exe and args of each process, and the size
 * of the map's values; 0: no map. Call it before loading. Returns 0 or -errno.
 */
int program_map_choose(struct exectap *skeleton, size_t bytes);

/* Returns the map's descriptor, owned by the skeleton, or -1 if there is none. */
int program_map_fd(const struct exectap *skeleton);

/*
 * Stores the programs of the processes that run already, unless the hooks have stored one. Call it
 * when the programs are attached. What cannot be known of them is unreadable later. Only processes
 * of the initial pid namespace are found, and only from within it.
 */
void program_map_fill(const struct exectap *skeleton);

/*
 * Returns a descriptor for program_map_continue(), which the caller closes, or -1; what fails is
 * logged.
 */
int program_map_report(const struct exectap *skeleton);

/*
 * Sends records of the processes that run, as many as the ring buffer has room for. Returns false
 * after the last one; what fails is logged.
 */
bool program_map_continue(int report_fd);

#endif
