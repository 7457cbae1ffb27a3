// SPDX-License-Identifier: BSD-2-Clause
#include "event/unit.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define UNIT_NAME_BYTES 255 /* systemd.unit(5) */

static bool is_unit_char(char byte)
{
	return isalnum((unsigned char)byte) || (byte && strchr(":-_.\\@", byte));
}

/* Reports whether a name is that of a unit, and not of a template: systemd.unit(5). */
static bool is_unit_name(struct text name)
{
	const char *at = memchr(name.bytes, '@', name.length),
		   *dot = memrchr(name.bytes, '.', name.length);

	if (name.length > UNIT_NAME_BYTES || !dot || dot == name.bytes || at == name.bytes ||
	    (at && at + 1 == dot))
		return false;
	for (size_t i = 0; i < name.length; i++)
		if (!is_unit_char(name.bytes[i]))
			return false;
	return true;
}

static bool is_unit_with_processes(struct text name)
{
	static const char *const suffixes[] = { ".service", ".scope", ".socket", ".mount",
						".swap" };

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (text_has_suffix(name, suffixes[i]))
			return is_unit_name(name);
	return false;
}

/* Removes the first component, without its slash, from the front of the path. */
static struct text next_component(struct text *path)
{
	struct text rest = text_skip(*path, 1);
	const char *slash = memchr(rest.bytes, '/', rest.length);
	struct text name = { rest.bytes, slash ? (size_t)(slash - rest.bytes) : rest.length };

	*path = text_skip(rest, name.length);
	/* a name that might be one of the kernel's files in a cgroup has a "_" before it: systemd's
	 * cg_escape() */
	return text_has_prefix(name, "_") ? text_skip(name, 1) : name;
}

struct text unit_from_cgroup(struct text path)
{
	while (path.length && path.bytes[0] == '/') {
		struct text name = next_component(&path);

		if (text_has_suffix(name, ".slice") && is_unit_name(name))
			continue;
		if (is_unit_with_processes(name))
			return name;
		break;
	}
	return (struct text){ "", 0 };
}
