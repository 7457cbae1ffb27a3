/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXECTAP_SIGNAL_NAME_H
#define EXECTAP_SIGNAL_NAME_H

#define SIGNAL_NAME_BYTES 16

/* "SIGKILL", "SIGRTMIN+3"; for any number. The name is static, or written to room. sigabbrev_np(3)
 * is glibc 2.32's only. */
const char *signal_name(int number, char room[SIGNAL_NAME_BYTES]);

#endif
