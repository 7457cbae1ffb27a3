/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs of a program that the kernel skipped as recursions, which Linux counts since 5.12
 * (9ed9e9ba2337): from the program's file in /proc/self/fdinfo, which can be read for as long as it
 * is open. bpf(2) knows the number as well, but before 5.19 (c8644cd0efe7) not for a process
 * without capabilities.
 */
#ifndef EXECTAP_PROG_MISSES_H
#define EXECTAP_PROG_MISSES_H

#include <stdint.h>

/* A descriptor for prog_misses_read(), which is the caller's, or -errno. */
int prog_misses_open(int program_fd);

/* The number so far; 0 where the kernel tells none, and for a descriptor below 0. */
uint64_t prog_misses_read(int fd);

#endif
