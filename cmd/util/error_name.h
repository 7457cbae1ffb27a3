/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXECTAP_ERROR_NAME_H
#define EXECTAP_ERROR_NAME_H

#define ERROR_NAME_BYTES 16

/* "ENOENT"; for any number, "E1234" where it has no name. Static, or written to room.
 * strerrorname_np(3) is glibc 2.32's only. */
const char *error_name(int number, char room[ERROR_NAME_BYTES]);

#endif
