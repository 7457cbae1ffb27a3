/* SPDX-License-Identifier: BSD-2-Clause */
/* The BPF programs as they are loaded by this process: configured, loaded, attached. A part of
 * capture. */
#ifndef EXECTAP_PROGRAMS_H
#define EXECTAP_PROGRAMS_H

#include "capture/capture.h"
#include "capture/ring_source.h"

#define PROGRAMS_IDENTITY_BYTES 256
#define PROGRAMS_HOOKS_BYTES 512
#define PROGRAMS_LINKS_MAX 16

struct programs;

/* A program's hold on its hook. */
struct programs_link {
	const char *name; /* of the program */
	int fd;
};

/* In RECORD_STATE_STANDBY. Returns 0 or -errno; free with programs_free(), which detaches what is
 * not pinned. */
int programs_new(struct programs **programs, const struct capture_options *options);
void programs_free(struct programs *programs);

/* Duplicates of the descriptors, for ring_source_new(). Returns 0 or -errno. */
int programs_get_fds(const struct programs *programs, struct ring_source_fds *fds);

/* Returns how many; they are owned by programs. */
size_t programs_get_links(const struct programs *programs,
			  struct programs_link links[PROGRAMS_LINKS_MAX]);

/* The names of the hooks, each ended by a NUL, the last one by two. Owned by programs. */
const char *programs_hooks(const struct programs *programs);

/* What programs that were loaded with these options do, and which programs they are: the same text,
 * the same programs.
 */
void programs_identify(const struct capture_options *options,
		       char identity[PROGRAMS_IDENTITY_BYTES]);

#endif
