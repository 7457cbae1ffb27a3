/* SPDX-License-Identifier: BSD-2-Clause */
/* The container of a process, by its cgroup path. Pure. */
#ifndef EXECTAP_CONTAINER_H
#define EXECTAP_CONTAINER_H

#include "util/text.h"

#define CONTAINER_POD_UID_BYTES 64

struct container {
	struct text id; /* a view into the path; length 0: no container */
	const char *runtime; /* static; NULL: the path does not name it */
	char pod_uid[CONTAINER_POD_UID_BYTES]; /* with dashes; empty: no pod */
};

/* Of containers inside containers, the innermost. */
void container_from_cgroup(struct text path, struct container *container);

#endif
