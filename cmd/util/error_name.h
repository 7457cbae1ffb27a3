/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXECTAP_ERROR_NAME_H
#define EXECTAP_ERROR_NAME_H

#define ERROR_NAME_BYTES 16

/* Returns "ENOENT", or "E1234" for a number without a name: a static string, or buf.
 * strerrorname_np(3) needs glibc 2.32. */
const char *error_name(int number, char buf[ERROR_NAME_BYTES]);

#endif
