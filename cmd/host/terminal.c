// SPDX-License-Identifier: BSD-2-Clause
#include "host/terminal.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

unsigned int terminal_columns(int fd)
{
	struct winsize size;

	return isatty(fd) && !ioctl(fd, TIOCGWINSZ, &size) ? size.ws_col : 0;
}

bool terminal_has_colors(int fd, enum terminal_color color)
{
	const char *none = getenv("NO_COLOR"), *kind = getenv("TERM");

	if (color != TERMINAL_COLOR_AUTO)
		return color == TERMINAL_COLOR_ALWAYS;
	return isatty(fd) && !(none && *none) && kind && *kind && strcmp(kind, "dumb");
}

void terminal_init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	tzset();
}
