/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXECTAP_SIGNAL_NAME_H
#define EXECTAP_SIGNAL_NAME_H

#define SIGNAL_NAME_BYTES 16

/* Returns "SIGKILL", "SIGRTMIN+3", or "SIG99" for a number without a name: a static string, or buf.
 * sigabbrev_np(3) needs glibc 2.32. */
const char *signal_name(int number, char buf[SIGNAL_NAME_BYTES]);

#endif
