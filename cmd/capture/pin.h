/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pins programs that outlive the process: --pin and --unpin. A directory on a bpf file system holds
 * sets of pinned objects, each in a numbered subdirectory; the newest one is in use. A set is
 * complete if it has a manifest, which is pinned last and removed first. Errors are logged here.
 */
#ifndef EXECTAP_PIN_H
#define EXECTAP_PIN_H

#include "capture/programs.h"
#include "capture/ring_source.h"

#include <fcntl.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define PIN_SETS_MAX 16

/* Describes a set, in a map of its own. Other versions read it too, so this layout never changes.
 */
struct pin_manifest {
	__u32 record_version;
	__u32 links; /* number of pinned links */
	char identity[PROGRAMS_IDENTITY_BYTES]; /* programs_identify() */
	char hooks[PROGRAMS_HOOKS_BYTES]; /* programs_hooks() */
};

struct pin_set {
	unsigned int number;
	size_t links; /* number of links still pinned */
	struct pin_manifest manifest;
};

struct pin;

/* Flags for opening a set's directory in order to remove its entries. */
#define PIN_SET_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/*
 * Creates the directory if necessary, and locks it until pin_close(): one process at a time.
 * Incomplete sets of earlier processes are removed. pin_close() removes the directory if nothing
 * stays pinned in it. The first set stays pinned only after pin_keep(). Returns 0 or -errno: -EPERM
 * if more privileges are needed.
 */
int pin_open(struct pin **pin, const char *directory);
void pin_keep(struct pin *pin);
void pin_close(struct pin *pin);

/* Returns the directory as it was given. Owned by pin. */
const char *pin_directory(const struct pin *pin);

/* Returns the complete sets that pin_open() found, oldest first. Owned by pin. */
const struct pin_set *pin_sets(const struct pin *pin, size_t *count);

/* Opens the objects of a set, for ring_source_new(). Returns 0 or -errno. */
int pin_get_fds(const struct pin *pin, const struct pin_set *set, struct ring_source_fds *fds);

/*
 * Calls `each` with the descriptor of the set's directory and the name of each object, until it
 * returns nonzero. Returns that value, or -errno.
 */
int pin_each_object(const struct pin *pin, unsigned int number,
		    int (*each)(void *context, int directory, const char *name), void *context);

/* Returns a descriptor of the object if it is a link, or -ENOENT, or another -errno. */
int pin_get_link(const struct pin *pin, unsigned int number, const char *name);

/* Pins programs as a new set, the newest. Returns 0, or -errno and removes its parts. */
int pin_add(struct pin *pin, const struct programs *programs, const char *identity,
	    struct pin_set *set);

/*
 * Detaches the programs of a set from their hooks; its records stay. The kernel finishes this after
 * a delay of about 100 ms.
 */
void pin_detach(const struct pin *pin, unsigned int number);

/* Removes the set. Returns 0 or -errno. */
int pin_drop(const struct pin *pin, unsigned int number);

/*
 * Removes all sets (--unpin), and the directory if exectap created it. Removes nothing if the
 * directory holds anything else. Returns 0 or -errno like pin_open(); -ENOENT if nothing is pinned.
 */
int pin_remove(const char *directory);

#endif
