// SPDX-License-Identifier: BSD-2-Clause
#include "util/event_type.h"

#include <string.h>

enum event_type event_type_find(const char *name, size_t length)
{
	int type = 0;

	while (type < EVENT_TYPES && (strlen(event_type_name((enum event_type)type)) != length ||
				      memcmp(event_type_name((enum event_type)type), name, length)))
		type++;
	return (enum event_type)type;
}
