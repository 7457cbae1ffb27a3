/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports which requirements the kernel and the process meet, by trying each one. */
#ifndef EXECTAP_CHECK_H
#define EXECTAP_CHECK_H

/*
 * Prints all facts to stdout, one per line: "ok" or "missing", the name, and the finding. Returns 0
 * if exectap can run, -EPERM if it is not permitted, -EOPNOTSUPP if the kernel is unsupported, or
 * another -errno if memory or descriptors are missing.
 */
int check_print(void);

/*
 * Logs why capture_new() failed with `error` for these events (enum event_type, as bits): the first
 * missing requirement, or else the error. Returns -errno as check_print() does.
 */
int check_diagnose(int error, unsigned int events);

#endif
