/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Users and groups. Reads /etc/passwd and /etc/group itself: getpwnam(3) and getgrnam(3) do not
 * work in a static program.
 */
#ifndef EXECTAP_ACCOUNT_H
#define EXECTAP_ACCOUNT_H

#include <sys/types.h>

/* Finds a user by name, by a uid that has a name, or by UID:GID. Returns 0 or -ENOENT. */
int account_find_user(const char *text, uid_t *uid, gid_t *gid);

/* Finds a group by name or gid. Returns 0 or -ENOENT. */
int account_find_group(const char *text, gid_t *gid);

#endif
