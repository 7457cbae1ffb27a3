/* SPDX-License-Identifier: BSD-2-Clause */
/* The path of a file that is going to replace another one. */
#ifndef EXECTAP_NEXT_PATH_H
#define EXECTAP_NEXT_PATH_H

#include <stddef.h>

/*
 * Writes the path: in the same directory, for rename(2), and hidden, so that no pattern of a log
 * shipper or a collector matches it. Returns 0 or -ENAMETOOLONG.
 */
int next_path_format(char *next, size_t capacity, const char *path);

#endif
