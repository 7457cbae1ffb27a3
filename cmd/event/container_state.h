/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of containers, from the state files of their runtimes: containerd (with Kubernetes and
 * nerdctl), CRI-O, Docker and podman. Those of rootless runtimes are not read.
 */
#ifndef EXECTAP_CONTAINER_STATE_H
#define EXECTAP_CONTAINER_STATE_H

#include "event/container.h"

#include <fcntl.h>
#include <stdint.h>

struct container_states;

/* Directories below which the state files are, and their number. */
#define CONTAINER_STATE_DIRECTORIES 4
extern const char *const container_state_directories[CONTAINER_STATE_DIRECTORIES];

/* Flags of open(2) for these directories, for those below them, and for the files. Only the first
 * ones may be symbolic links. O_NONBLOCK is for a FIFO in the place of a file. */
#define CONTAINER_STATE_TOP_FLAGS (O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC)
#define CONTAINER_STATE_DIRECTORY_FLAGS (CONTAINER_STATE_TOP_FLAGS | O_NOFOLLOW)
#define CONTAINER_STATE_FILE_FLAGS (O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC)

/* Maximum containers that are remembered. */
#define CONTAINER_STATES_MAX 1024

/*
 * Makes an empty cache. `root` is borrowed and put before the directories; "" for those of the
 * host. To be called before the sandbox is entered: jansson opens /dev/urandom for its first
 * object. Returns 0 or -ENOMEM; free with container_state_free().
 */
int container_state_new(struct container_states **states, const char *root);
void container_state_free(struct container_states *states);

/*
 * Sets container->names, valid until the next call. Reads the container's file if it is not in the
 * cache, and again one second after it was missing and a minute after it was read. now_ns is
 * CLOCK_BOOTTIME, or any clock that does not go backwards.
 */
void container_state_find(struct container_states *states, struct container *container,
			  uint64_t now_ns);

#endif
