/* SPDX-License-Identifier: BSD-2-Clause */
/* Configures, loads and attaches the BPF programs. A part of capture. */
#ifndef EXECTAP_PROGRAMS_H
#define EXECTAP_PROGRAMS_H

#include "capture/capture.h"
#include "capture/program_map.h"
#include "capture/ring_source.h"

#define PROGRAMS_IDENTITY_BYTES 256
#define PROGRAMS_HOOKS_BYTES 512
#define PROGRAMS_LINKS_MAX 16

struct programs;

/* The attachment of a program to its hook. */
struct programs_link {
	const char *name; /* the program's */
	int fd;
};

/*
 * Loads the programs in RECORD_STATE_STANDBY. Returns 0 or -errno. Free with programs_free(), which
 * detaches programs that are not pinned.
 */
int programs_new(struct programs **programs, const struct capture_options *options);
void programs_free(struct programs *programs);

/* Duplicates the descriptors for ring_source_new(). Returns 0 or -errno. */
int programs_get_fds(const struct programs *programs, struct ring_source_fds *fds);

/* Stores the programs of the processes that run already. Returns a descriptor that makes records of
 * these processes, program_map.h, or -1 if EVENT_PROCESS is not selected. Call it when the programs
 * are on. */
int programs_begin(const struct programs *programs);

/*
 * Frees the memory that only loading needs, most of exectap's. The programs stay attached, and
 * their descriptors open for tools such as bpftool(8). Only programs_hooks() and programs_free()
 * may follow. Call it last; on failure nothing changes.
 */
void programs_release_memory(struct programs *programs);

/* Returns the maps with the programs of processes, owned by programs. */
struct program_map_fds programs_map_fds(const struct programs *programs);

/* Returns the number of links; they are owned by programs. */
size_t programs_get_links(const struct programs *programs,
			  struct programs_link links[PROGRAMS_LINKS_MAX]);

/* Returns the names of the hooks, each with a NUL, the last one with two. Owned by programs. */
const char *programs_hooks(const struct programs *programs);

/* Formats a text that identifies the programs and their options: equal texts mean equal programs.
 */
void programs_identify(const struct capture_options *options,
		       char identity[PROGRAMS_IDENTITY_BYTES]);

#endif
