/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the number of runs of a program that the kernel skipped as recursions. Linux counts them
 * since 5.12 (9ed9e9ba2337). They are read from the program's file in /proc/self/fdinfo, which
 * stays readable while it is open. bpf(2) has the number too, but before 5.19 (c8644cd0efe7) only
 * for privileged processes.
 */
#ifndef EXECTAP_PROG_MISSES_H
#define EXECTAP_PROG_MISSES_H

#include <stdint.h>

/* Returns a descriptor for prog_misses_read(), which the caller closes, or -errno. */
int prog_misses_open(int program_fd);

/* Returns the number so far; 0 if the kernel does not count, and for a negative descriptor. */
uint64_t prog_misses_read(int fd);

#endif
