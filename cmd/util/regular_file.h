/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads small regular files whole: configuration, passwd(5), group(5). */
#ifndef EXECTAP_REGULAR_FILE_H
#define EXECTAP_REGULAR_FILE_H

#include <fcntl.h>
#include <stddef.h>

/* Flags of open(2) for the files: O_NONBLOCK for a FIFO in their place. */
#define REGULAR_FILE_OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/*
 * Reads the open file to a new block of *length bytes and one more, a NUL; the caller frees it.
 * Returns 0, -EINVAL if it is not a regular file, -EFBIG if it has more than most_bytes, or another
 * -errno of fstat(2), malloc(3) and pread(2).
 */
int regular_file_read(int fd, size_t most_bytes, char **bytes, size_t *length);

#endif
