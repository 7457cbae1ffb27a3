/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the skeleton's programs see failed attempts on this kernel. A part of capture. */
#ifndef EXECTAP_ATTEMPTS_H
#define EXECTAP_ATTEMPTS_H

struct exectap; /* the skeleton */

enum failed_exec_method {
	ATTEMPTS_UNSEEN,
	ATTEMPTS_BY_RETURN, /* fexit on the entry points of execve(2) and execveat(2): costs other
			     * system calls nothing
			     */
	ATTEMPTS_BY_TRACEPOINT, /* the syscalls tracepoints: slow every system call */
};

/* Whether ATTEMPTS_BY_RETURN can be had: 0, or -errno of the trial. */
int attempts_try_returns(void);

/* Before loading: sets which programs are loaded. Returns 0 or -errno. */
int attempts_choose(struct exectap *skeleton, enum failed_exec_method way);

/* After the skeleton was attached: attaches what libbpf did not. Returns 0 or -errno. */
int attempts_attach(struct exectap *skeleton, enum failed_exec_method way);

#endif
