/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps lines in a regular file whole: when a write ends within a line, and after a crash. */
#ifndef EXECTAP_PARTIAL_LINE_H
#define EXECTAP_PARTIAL_LINE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Writes lines. Where write(2) fails within a line, its beginning is cut off, so that the file ends
 * with a whole line, unless the file is append-only. Returns the bytes that are in the file, or
 * -errno if there are none.
 */
ssize_t partial_line_write(int fd, const char *lines, size_t length);

/*
 * Repairs the end of a file that a killed process or a crash of the host left. NUL bytes at the end
 * are removed, and so is the beginning of a line of exectap's: its event was not done with. Any
 * other unfinished line gets a newline. Logs what it removes. Returns 0 or -errno.
 */
int partial_line_repair(int fd, const char *path);

#endif
