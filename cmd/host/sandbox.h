/* SPDX-License-Identifier: BSD-2-Clause */
/* Drops privileges and system calls once the programs are attached. */
#ifndef EXECTAP_SANDBOX_H
#define EXECTAP_SANDBOX_H

#include "output/output_open.h"

#include <stdbool.h>
#include <sys/types.h>

struct sandbox_identity {
	bool change_user; /* to uid and gid, with no supplementary groups */
	uid_t uid;
	gid_t gid;
	gid_t socket_group; /* one supplementary group more, to give a socket to; (gid_t)-1: none */
};

/*
 * Changes to that user, and drops all capabilities from every set for good: also from the bounding
 * set where CAP_SETPCAP allows it, and by no_new_privs. What is opened from then on is opened as
 * that user, root included, without capabilities. Returns 0 or -errno: -EPERM where CAP_SETUID and
 * CAP_SETGID would be needed.
 */
int sandbox_drop_privileges(const struct sandbox_identity *identity);

/* Whether sandbox_filter_calls() can do something here. */
bool sandbox_can_filter_calls(void);

/*
 * From then on a system call that the program does not make while it runs kills it (SIGSYS). Of
 * those that open something, only the ones for this kind of output are left, and with has_pins
 * those that remove what was pinned (pin.h). Returns 0 or -errno, and nothing is changed then.
 */
int sandbox_filter_calls(enum output_kind output, bool has_pins);

#endif
