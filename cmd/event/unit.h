/* SPDX-License-Identifier: BSD-2-Clause */
/* The systemd unit that a cgroup path belongs to. Pure. */
#ifndef EXECTAP_UNIT_H
#define EXECTAP_UNIT_H

#include "util/text.h"

/*
 * Returns the unit of the system manager, as sd_pid_get_unit(3) does: the first component below the
 * slices, a view into the path. What is inside it belongs to the unit, which may have given it any
 * name: for units of a user's manager it is user@UID.service. Empty: none, or the path lacks its
 * beginning.
 */
struct text unit_from_cgroup(struct text path);

#endif
