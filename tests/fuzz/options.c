// SPDX-License-Identifier: BSD-2-Clause
/*
 * libFuzzer entry: a command line, each argument with a final NUL. options_parse() either rejects
 * it with one message, or prints nothing and returns valid options, the same ones each time.
 */
#include "options.h"

#include "encode/encode.h"
#include "event/filter.h"
#include "redact/redact.h"
#include "util/log.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int errors;

/* Replaces the function of log.c: counts the messages. */
void log_error(const char *format, ...)
{
	char line[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	errors++;
}

void log_warning(const char *format, ...)
{
	(void)format;
}

void log_info(const char *format, ...)
{
	(void)format;
}

void log_detail(const char *format, ...)
{
	(void)format;
}

void log_set_place(const char *file, unsigned int line)
{
	(void)file;
	(void)line;
}

static bool is_between(size_t value, size_t least, size_t most)
{
	return value >= least && value <= most;
}

static void verify(const struct options *options)
{
	const unsigned int every =
		EVENT_BIT(EVENT_EXEC) | EVENT_BIT(EVENT_EXEC_FAILED) | EVENT_BIT(EVENT_EXIT);

	if (!options->output || !options->format || !options->filter)
		abort();
	if (!options->events || options->events & ~every)
		abort();
	if (!is_between(options->buffer_bytes, 128 << 10, 1 << 30) ||
	    options->buffer_bytes & (options->buffer_bytes - 1))
		abort();
	if (!is_between(options->line_max_bytes, ENCODE_LINE_MIN_BYTES, 64 << 20))
		abort();
	if (options->heartbeat_s > 24 * 60 * 60 || options->socket_mode > 0777 ||
	    options->file_mode > 0777)
		abort();
	if (options->host && strlen(options->host) > 253)
		abort();
	if (options->env_names && (!*options->env_names || strchr(options->env_names, '=')))
		abort();
}

static bool same_text(const char *one, const char *other)
{
	return one == other || (one && other && !strcmp(one, other));
}

static bool same(const struct options *one, const struct options *other)
{
	return one->format == other->format && one->events == other->events &&
	       one->buffer_bytes == other->buffer_bytes &&
	       one->line_max_bytes == other->line_max_bytes &&
	       one->heartbeat_s == other->heartbeat_s && one->socket_mode == other->socket_mode &&
	       one->file_mode == other->file_mode && one->socket_group == other->socket_group &&
	       same_text(one->output, other->output) &&
	       same_text(one->env_names, other->env_names) && same_text(one->host, other->host) &&
	       one->uid == other->uid && one->gid == other->gid;
}

static int parse(struct options *options, int argc, char **argv)
{
	struct redactor *redactor;
	struct filter *filter;
	int result;

	if (filter_new(&filter) || redact_new(&redactor))
		abort();
	errors = 0;
	optind = 0; /* getopt(3): reset */
	result = options_parse(options, filter, redactor, argc, argv);
	if (errors != (result ? 1 : 0))
		abort();
	if (!result)
		verify(options);
	redact_free(redactor);
	filter_free(filter);
	options->filter = NULL;
	return result;
}

/* glibc's regcomp(3) copies repeated expressions: nested repetitions, which only the user can
 * request, need unlimited memory. */
static bool is_costly(const char *argument)
{
	unsigned int repetitions = 0;

	if (strncmp(argument, "--r", 3) != 0)
		return false;
	for (; *argument; argument++)
		repetitions += *argument == '{' ? 8 : *argument == '+';
	return repetitions >= 8;
}

/* Files are no input of this fuzzer, and each error in one has a message. */
static bool is_config(const char *argument)
{
	return !strncmp(argument, "--co", 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *argv[ARGUMENTS_MAX + 2] = { "exectap" };
	struct options first = {}, second = {};
	int argc = 1, result;

	memcpy(text, data, size);
	text[size] = '\0';
	for (char *argument = text; argument < text + size && argc <= ARGUMENTS_MAX;
	     argument += strlen(argument) + 1)
		if (!is_costly(argument) && !is_config(argument))
			argv[argc++] = argument;
	result = parse(&first, argc, argv);
	/* getopt_long(3) has moved the non-options to the end. That changes which error is found
	 * first, but not the result. */
	if (!!parse(&second, argc, argv) != !!result || (!result && !same(&first, &second)))
		abort();
	options_free(&first);
	options_free(&second);
	free(text);
	return 0;
}
