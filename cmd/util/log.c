// SPDX-License-Identifier: BSD-2-Clause
#include "util/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool log_verbose;

void log_set_verbose(bool verbose)
{
	log_verbose = verbose;
}

/* One write(2), so that the lines of several processes on one stderr don't mix. */
static void log_line(const char *format, va_list arguments)
{
	char line[1024] = "exectap: ";
	size_t prefix = strlen(line);

	vsnprintf(line + prefix, sizeof(line) - prefix - 1, format, arguments);
	strcat(line, "\n");
	fputs(line, stderr);
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(format, arguments);
	va_end(arguments);
}

void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(format, arguments);
	va_end(arguments);
}

void log_detail(const char *format, ...)
{
	va_list arguments;

	if (!log_verbose)
		return;
	va_start(arguments, format);
	log_line(format, arguments);
	va_end(arguments);
}
