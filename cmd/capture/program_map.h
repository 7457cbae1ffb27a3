/* SPDX-License-Identifier: BSD-2-Clause */
/* The maps with the program of each process. A part of capture. */
#ifndef EXECTAP_PROGRAM_MAP_H
#define EXECTAP_PROGRAM_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct exectap; /* the skeleton */

/* The descriptors of the maps, owned by the skeleton; -1: there is none. */
struct program_map_fds {
	int slots; /* programs that the hooks have stored; only they know the layout */
	int all; /* programs without a slot, of up to RECORD_PROGRAM_SHORT_BYTES */
	int longer;
};

/*
 * Sets what the programs need to keep `bytes` bytes of exe and args of each process, and the size
 * of the maps' values; 0: no maps. Call it before loading. Returns 0 or -errno.
 */
int program_map_choose(struct exectap *skeleton, size_t bytes);

/* Returns the maps' descriptors. */
struct program_map_fds program_map_fds(const struct exectap *skeleton);

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
