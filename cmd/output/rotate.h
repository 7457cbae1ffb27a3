/* SPDX-License-Identifier: BSD-2-Clause */
/* Rotation of a file by its size: NAME becomes NAME.1, NAME.1 becomes NAME.2, and so on. */
#ifndef EXECTAP_ROTATE_H
#define EXECTAP_ROTATE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Returns how many of `length` bytes of lines may be appended to a file of `size` bytes, in whole
 * lines, so that it does not exceed `limit` bytes. 0: it has to be rotated first. An empty file
 * takes one line of any length.
 */
size_t rotate_fitting_bytes(const char *lines, size_t length, off_t size, size_t limit);

/*
 * Renames path.COUNT-1 to path.COUNT, which is replaced, and so on, path to path.1, and `next` to
 * path. What is not there is skipped. Returns 0 or -errno; the files then keep their names, but
 * for numbers that are already higher by one.
 */
int rotate_files(const char *path, const char *next, unsigned int count);

#endif
