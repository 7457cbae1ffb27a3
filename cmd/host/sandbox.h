/* SPDX-License-Identifier: BSD-2-Clause */
/* Drops privileges and system calls once the programs are attached. */
#ifndef EXECTAP_SANDBOX_H
#define EXECTAP_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

struct sandbox_identity {
	bool change_user; /* to uid and gid, with no supplementary groups */
	uid_t uid;
	gid_t gid;
	bool reads_any_file; /* keeps CAP_DAC_READ_SEARCH */
	gid_t socket_group; /* one supplementary group more, to give a socket to; (gid_t)-1: none */
};

/*
 * Changes to that user, and drops all capabilities but the one that identity names from every set
 * for good: also from the bounding set where CAP_SETPCAP allows it, and by no_new_privs. What is
 * opened from then on is opened as that user, root included, without other capabilities. Returns 0
 * or -errno: -EPERM where CAP_SETUID and CAP_SETGID would be needed, -EACCES where
 * CAP_DAC_READ_SEARCH is missing.
 */
int sandbox_drop_privileges(const struct sandbox_identity *identity);

/* Returns true if the kernel lets this process install a filter of system calls, see seccomp(2). */
bool sandbox_can_filter_calls(void);

/* System calls while the program runs, besides those on descriptors that are open. */
struct sandbox_needs {
	int open_flags; /* flags of open(2) for its file; 0: it opens none */
	bool renames; /* files */
	bool connects; /* to unix sockets */
	bool accepts; /* connections to a unix socket */
	bool lists; /* directories */
	bool reports; /* running processes */
	const int *tree_flags; /* flags of open(2) below the directories that it reads; ends with 0;
				  NULL: none */
	int metrics_flags; /* flags of open(2) for the file of --metrics; 0: none */
	int read_flags; /* flags of open(2) for files that it reads; 0: none */
	int pin_flags; /* flags of open(2) for the directories of pins that it removes; 0: none */
};

/*
 * Installs the filter: a system call that the program does not make while it runs kills it
 * (SIGSYS). Returns 0, or -errno with nothing changed.
 */
int sandbox_filter_calls(const struct sandbox_needs *needs);

#endif
