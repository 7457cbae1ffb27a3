// SPDX-License-Identifier: BSD-2-Clause
#include "util/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static bool log_verbose;
static bool log_to_journal;
static const char *log_file;
static unsigned int log_file_line;

void log_init(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat status;

	if (!stream || fstat(STDERR_FILENO, &status))
		return;
	snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino);
	log_to_journal = !strcmp(stream, own);
}

void log_set_verbose(bool verbose)
{
	log_verbose = verbose;
}

void log_set_place(const char *file, unsigned int line)
{
	log_file = file;
	log_file_line = line;
}

/* A message is one line, whatever the names in it contain. */
static void replace_controls(char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') || *text == '\177')
			*text = '?';
}

/* Writes the line with one write(2), so that lines of several processes on one stderr do not mix.
 */
static void log_line(int level, const char *format, va_list arguments)
{
	char line[1024];
	int prefix = log_to_journal ? snprintf(line, sizeof(line), "<%d>exectap: ", level)
				    : snprintf(line, sizeof(line), "exectap: ");

	if (log_file)
		prefix += snprintf(line + prefix, sizeof(line) / 2, "%.500s:%u: ", log_file,
				   log_file_line);
	vsnprintf(line + prefix, sizeof(line) - (size_t)prefix - 1, format, arguments);
	replace_controls(line);
	strcat(line, "\n");
	fputs(line, stderr);
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_ERR, format, arguments);
	va_end(arguments);
}

void log_warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_WARNING, format, arguments);
	va_end(arguments);
}

void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_INFO, format, arguments);
	va_end(arguments);
}

void log_detail(const char *format, ...)
{
	va_list arguments;

	if (!log_verbose)
		return;
	va_start(arguments, format);
	log_line(LOG_DEBUG, format, arguments);
	va_end(arguments);
}
