/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of devices, and the names of some: Documentation/admin-guide/devices.txt. Pure. */
#ifndef EXECTAP_DEVICE_H
#define EXECTAP_DEVICE_H

#include "util/text.h"

#include <stdbool.h>
#include <stdint.h>

#define DEVICE_NAME_BYTES 24 /* two numbers of ten digits, with a colon and a NUL */

/* Writes "MAJOR:MINOR" to buf. Returns its length. */
size_t device_number(char buf[DEVICE_NAME_BYTES], uint32_t major, uint32_t minor);

/* Writes the name of a terminal, as below /dev, to buf. Returns its length, or 0 if the character
 * device is none that has a name by its number. */
size_t device_terminal(char buf[DEVICE_NAME_BYTES], uint32_t major, uint32_t minor);

/* Returns the path of a character device that is no terminal, or NULL. The text is static. */
const char *device_path(uint32_t major, uint32_t minor);

#endif
