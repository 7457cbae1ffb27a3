/* SPDX-License-Identifier: BSD-2-Clause */
/* Stores the program of a process that ran before the start. A part of program_map.c. */
#ifndef EXECTAP_RUNNING_H
#define EXECTAP_RUNNING_H

#include "capture/program_map.h"
#include "record.h"

#include <stdbool.h>
#include <stddef.h>

/* The maps with the programs. */
struct running_target {
	struct program_map_fds maps;
	size_t program_bytes; /* maximum bytes of exe and args of a program */
};

/* Reports if /proc shows the processes by the ids that the kernel's list has. */
bool running_can_read(void);

/*
 * Adds the arguments, which proc_pid_cmdline(5) shows as they are now, to a process of the list,
 * and stores its program: -EEXIST if the hooks have stored one meanwhile, -ESRCH if the process has
 * ended. `exe` are running->program.exe_length bytes. Returns 0 or -errno.
 */
int running_store(const struct running_target *target, const struct record_running *running,
		  const char *exe);

#endif
