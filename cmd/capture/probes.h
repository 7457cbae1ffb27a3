/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs at the entry of kernel functions (fprobe), which run with preemption disabled. They
 * take the place of programs at tracepoints that can be preempted. A part of capture.
 */
#ifndef EXECTAP_PROBES_H
#define EXECTAP_PROBES_H

#include <stdbool.h>

struct btf;
struct exectap; /* the skeleton */

/*
 * Reads kernel.ftrace_enabled. If it is 0, kernels after 5.10 let programs attach to functions but
 * never run them.
 */
bool probes_are_off(void);

/*
 * Tests if the kernel has the functions and lets a program attach to them. `btf` is the kernel's.
 * Returns 0 or -errno.
 */
int probes_try(const struct btf *btf);

/* Sets the programs to load. Call it before loading. */
void probes_choose(struct exectap *skeleton, bool callers, bool execs, bool exits);

/* Attaches the programs that were loaded; libbpf does not. Returns 0 or -errno. */
int probes_attach(struct exectap *skeleton);

#endif
