/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of users and groups, from passwd(5) and group(5), which are read again when they change. */
#ifndef EXECTAP_USERS_H
#define EXECTAP_USERS_H

#include "util/text.h"

#include <stdbool.h>
#include <stdint.h>

struct users;

/*
 * Reads `passwd` and `group` of a directory. A file that cannot be read, or has a malformed line,
 * is reported once; one that is absent from the start is not. Returns 0 or -ENOMEM; free with
 * users_free().
 */
int users_new(struct users **users, const char *directory);
void users_free(struct users *users);

/*
 * Reads the files again that have changed, at most once a second; now_ns is CLOCK_BOOTTIME. Call it
 * between events: it ends the life of names. Returns true if a file was read again.
 */
bool users_refresh(struct users *users, uint64_t now_ns);

/* Returns the name of a user or a group, valid until users_refresh(); empty: none is known. */
struct text users_find_user(struct users *users, uint32_t uid);
struct text users_find_group(struct users *users, uint32_t gid);

#define USERS_FILES 2

/* Stores the paths of the files, valid as long as `users`. */
void users_find_files(const struct users *users, const char *paths[USERS_FILES]);

/* Reports whether both files could be read: an id without a name has none then. */
bool users_are_complete(const struct users *users);

/*
 * Reports whether this process has the host's /etc: false in a container, by its pid and cgroup
 * namespaces and its cgroup path.
 */
bool users_are_of_host(void);

#endif
