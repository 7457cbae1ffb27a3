/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Users and groups. /etc/passwd and /etc/group are read here rather than by getpwnam(3) and
 * getgrnam(3), which a static program can't rely on.
 */
#ifndef EXECTAP_ACCOUNT_H
#define EXECTAP_ACCOUNT_H

#include <sys/types.h>

/* A name, a uid that has a name, or UID:GID. Returns 0, or -ENOENT for what is none of these. */
int account_find_user(const char *text, uid_t *uid, gid_t *gid);

/* A name or a gid. Returns 0 or -ENOENT. */
int account_find_group(const char *text, gid_t *gid);

#endif
