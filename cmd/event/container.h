/* SPDX-License-Identifier: BSD-2-Clause */
/* The container that a cgroup path belongs to. Pure. */
#ifndef EXECTAP_CONTAINER_H
#define EXECTAP_CONTAINER_H

#include "util/text.h"

#include <stdbool.h>

#define CONTAINER_POD_UID_BYTES 64
#define CONTAINER_NAME_BYTES 256 /* NAME_MAX and one */

/* What the runtime's state file says; empty: nothing. Views into the cache of container_state.h. */
struct container_names {
	bool is_read; /* the file */
	struct text name;
	struct text image;
	struct text pod_name;
	struct text pod_namespace;
};

struct container {
	struct text id; /* a view into the path or into name; length 0: no container */
	const char *runtime; /* static; NULL: unknown */
	char pod_uid[CONTAINER_POD_UID_BYTES]; /* with dashes; empty: no pod */
	char name[CONTAINER_NAME_BYTES]; /* unescaped name of a unit */
	bool is_of_user; /* below the manager of a user, who can have chosen its id */
	struct container_names names; /* container_state_find() */
};

/*
 * Finds the outermost container: what is inside it may have given its own cgroups any names. Below
 * the manager of a user, only the shapes of rootless runtimes are taken for containers. Finds none
 * in a path without its beginning, which does not show what is outermost.
 */
void container_from_cgroup(struct text path, struct container *container);

#endif
