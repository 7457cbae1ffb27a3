/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watches the pins of the set in use: their removal by others, and that of their file system. Holds
 * the descriptors of the links, so that the programs stay attached while the process runs. A part
 * of capture.
 */
#ifndef EXECTAP_PIN_WATCH_H
#define EXECTAP_PIN_WATCH_H

#include <stdbool.h>

struct pin;
struct pin_watch;

/* Returns 0 or -errno; free with pin_watch_free(). */
int pin_watch_new(struct pin_watch **watch, const struct pin *pin, unsigned int set_number);
void pin_watch_free(struct pin_watch *watch);

/* Returns a descriptor that is readable after a change, until pin_watch_check(). Owned by watch. */
int pin_watch_fd(const struct pin_watch *watch);

/*
 * Reports if a pin, or its file system, has been removed: the programs are then detached at the end
 * of the process. Uses no path, so that it works without privileges.
 */
bool pin_watch_check(struct pin_watch *watch);

#endif
