/* SPDX-License-Identifier: BSD-2-Clause */
/* Selects and attaches the programs that see failed attempts on this kernel. A part of capture. */
#ifndef EXECTAP_ATTEMPTS_H
#define EXECTAP_ATTEMPTS_H

#define ATTEMPTS_PROGRAMS 4

struct bpf_program;
struct exectap; /* the skeleton */

enum failed_exec_method {
	ATTEMPTS_UNSEEN,
	ATTEMPTS_BY_RETURN, /* fexit on the entry points of execve(2) and execveat(2): no cost for
			       other system calls */
	ATTEMPTS_BY_TRACEPOINT, /* the syscalls tracepoints: they slow every system call */
};

/* Tests if ATTEMPTS_BY_RETURN is possible. Returns 0 or -errno of the test. */
int attempts_try_returns(void);

/* Sets the programs to load. Call it before loading. Returns 0 or -errno. */
int attempts_choose(struct exectap *skeleton, enum failed_exec_method method);

/*
 * Lists the programs of the method whose skipped runs are losses; NULL: none. If a program at the
 * entry of a system call is skipped, the one at its exit counts the loss.
 */
void attempts_list(struct exectap *skeleton, enum failed_exec_method method,
		   const struct bpf_program *list[ATTEMPTS_PROGRAMS]);

/*
 * Attaches the programs that libbpf does not. Call it after the skeleton was attached. Returns 0 or
 * -errno.
 */
int attempts_attach(struct exectap *skeleton, enum failed_exec_method method);

#endif
