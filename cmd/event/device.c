// SPDX-License-Identifier: BSD-2-Clause
#include "event/device.h"

#include <string.h>

#define MEMORY_MAJOR 1
#define TTY_MAJOR 4
#define TTY_AUXILIARY_MAJOR 5
#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST 143

static char *append_number(char *out, uint64_t number)
{
	return out + text_to_decimal(number, out);
}

size_t device_number(char buf[DEVICE_NAME_BYTES], uint32_t major, uint32_t minor)
{
	char *end = append_number(buf, major);

	*end++ = ':';
	return (size_t)(append_number(end, minor) - buf);
}

size_t device_terminal(char buf[DEVICE_NAME_BYTES], uint32_t major, uint32_t minor)
{
	char *end = buf;

	if (major >= PTS_MAJOR_FIRST && major <= PTS_MAJOR_LAST)
		end = append_number(mempcpy(end, "pts/", 4),
				    (major - PTS_MAJOR_FIRST) * 256 + minor);
	else if (major == TTY_MAJOR && minor < 64)
		end = append_number(mempcpy(end, "tty", 3), minor);
	else if (major == TTY_MAJOR)
		end = append_number(mempcpy(end, "ttyS", 4), minor - 64);
	return (size_t)(end - buf);
}

const char *device_path(uint32_t major, uint32_t minor)
{
	static const char *const memory[] = {
		[3] = "/dev/null",   [5] = "/dev/zero",	   [7] = "/dev/full",
		[8] = "/dev/random", [9] = "/dev/urandom", [11] = "/dev/kmsg",
	};
	static const char *const auxiliary[] = { "/dev/tty", "/dev/console", "/dev/ptmx" };

	if (major == MEMORY_MAJOR && minor < sizeof(memory) / sizeof(memory[0]))
		return memory[minor];
	if (major == TTY_AUXILIARY_MAJOR && minor < sizeof(auxiliary) / sizeof(auxiliary[0]))
		return auxiliary[minor];
	return NULL;
}
