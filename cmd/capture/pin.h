/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that outlive the process: --pin and --unpin. A directory on a bpf file system holds sets
 * of pinned objects, a subdirectory each, named by a number; the newest one is in use. A set is
 * complete once it says what it is about, which is its last object to come and the first to go.
 * What is wrong is said on stderr here.
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

/* What a set says of itself, in a map of its own. Other versions read it too: this layout never
 * changes. */
struct pin_manifest {
	__u32 record_version;
	__u32 links; /* hooks times programs at them */
	char identity[PROGRAMS_IDENTITY_BYTES]; /* programs_identify() */
	char hooks[PROGRAMS_HOOKS_BYTES]; /* programs_hooks() */
};

struct pin_set {
	unsigned int number;
	size_t links; /* those that are still pinned */
	struct pin_manifest manifest;
};

struct pin;

/* How the directory of a set is opened to remove what is in it. */
#define PIN_SET_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/*
 * Makes the directory if need be, and locks it until pin_close(): one process at a time. What an
 * earlier one left half done is removed; so is the directory at last, if nothing stays pinned in
 * it. What was pinned as the first set stays only after pin_keep(). Returns 0 or -errno: -EPERM
 * where more privileges are needed.
 */
int pin_open(struct pin **pin, const char *directory);
void pin_keep(struct pin *pin);
void pin_close(struct pin *pin);

/* The directory as it was given. Owned by pin. */
const char *pin_directory(const struct pin *pin);

/* The complete sets that pin_open() found, oldest first. Owned by pin. */
const struct pin_set *pin_sets(const struct pin *pin, size_t *count);

/* The objects of a set, for ring_source_new(). Returns 0 or -errno. */
int pin_get_fds(const struct pin *pin, const struct pin_set *set, struct ring_source_fds *fds);

/* Pins programs as a new set, the newest. Returns 0, or -errno, and then nothing is left of it. */
int pin_add(struct pin *pin, const struct programs *programs, const char *identity,
	    struct pin_set *set);

/*
 * Detaches the programs of a set from their hooks; what they recorded stays. (The kernel is done
 * with that some 100 ms later.)
 */
void pin_detach(const struct pin *pin, unsigned int number);

/* Removes the set. Returns 0 or -errno. */
int pin_drop(const struct pin *pin, unsigned int number);

/*
 * --unpin: removes all sets, and the directory if pin_open() has made it. Where something else is
 * in there, nothing is touched. Returns 0 or -errno, as pin_open() does: -ENOENT where nothing is
 * pinned.
 */
int pin_remove(const char *directory);

#endif
