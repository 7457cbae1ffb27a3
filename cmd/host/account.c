// SPDX-License-Identifier: BSD-2-Clause
#include "host/account.h"

#include "util/number.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Reads the id at the front of text. Returns (id_t)-1, which is no valid id, if there is none. */
static id_t parse_id(const char *text, const char **end)
{
	uint64_t number;

	*end = text;
	if (number_read(end, 10, &number) || number >= (id_t)-1)
		return (id_t)-1;
	return (id_t)number;
}

static bool is_user(const struct passwd *user, const char *name, uid_t uid)
{
	return !strcmp(user->pw_name, name) || user->pw_uid == uid;
}

int account_find_user(const char *text, uid_t *uid, gid_t *gid)
{
	const char *rest, *end;
	id_t id = parse_id(text, &rest), group;
	const struct passwd *user;
	int result = -ENOENT;
	FILE *file;

	if (id != (id_t)-1 && *rest == ':') {
		group = parse_id(rest + 1, &end);
		if (group == (id_t)-1 || *end)
			return -ENOENT;
		*uid = id;
		*gid = group;
		return 0;
	}
	if (*rest)
		id = (id_t)-1;
	file = fopen("/etc/passwd", "re");
	while (file && result && (user = fgetpwent(file)))
		if (is_user(user, text, id)) {
			*uid = user->pw_uid;
			*gid = user->pw_gid;
			result = 0;
		}
	if (file)
		fclose(file);
	return result;
}

int account_find_group(const char *text, gid_t *gid)
{
	FILE *file = fopen("/etc/group", "re");
	const struct group *group;
	const char *end;
	id_t id;
	int result = -ENOENT;

	while (file && result && (group = fgetgrent(file)))
		if (!strcmp(group->gr_name, text)) {
			*gid = group->gr_gid;
			result = 0;
		}
	if (file)
		fclose(file);
	if (!result)
		return 0;
	id = parse_id(text, &end);
	if (id == (id_t)-1 || *end)
		return -ENOENT;
	*gid = id;
	return 0;
}
