// SPDX-License-Identifier: BSD-2-Clause
/* The life of the program: options, stages, watch, stop. */
#include "capture.h"
#include "encode.h"
#include "enrich.h"
#include "log.h"
#include "options.h"
#include "sink.h"
#include "stream.h"
#include "support.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum status {
	STATUS_STOPPED = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_PERMITTED = 3,
	STATUS_KERNEL = 4,
};

/* The status for what support_print() and support_diagnose() return. */
static enum status status_of_support(int result)
{
	switch (result) {
	case 0:
		return STATUS_STOPPED;
	case -EPERM:
		return STATUS_NOT_PERMITTED;
	case -EOPNOTSUPP:
		return STATUS_KERNEL;
	default:
		return STATUS_FAILED;
	}
}

static enum status run_attached(const struct options *options, struct capture *capture, struct stream *stream,
				struct sink *sink)
{
	int result;

	log_info("watching every exec on this host (lines up to %zu bytes, buffer of %zu KiB)", options->line_max_bytes,
		 options->buffer_bytes / 1024);
	result = watch_run(capture, stream, sink);
	if (!result || result == -EPIPE) /* the reader has seen enough */
		return STATUS_STOPPED;
	if (result == -ENOTCONN)
		log_error("%s: the last lines are dropped: there was no one to write them to", options->output);
	else
		log_error("%s: cannot go on writing: %s", options->output, strerror(-result));
	return STATUS_FAILED;
}

/* Makes every stage, the last one to be attached, and takes them down again. */
static enum status run(const struct options *options)
{
	const struct capture_options capture_options = {
		.buffer_bytes = options->buffer_bytes,
		.args_max_bytes = options->no_args ? 0 : options->line_max_bytes,
		.exec = options->events & OPTIONS_EVENT_EXEC,
		.exec_failed = options->events & OPTIONS_EVENT_EXEC_FAILED,
		.exit = options->events & OPTIONS_EVENT_EXIT,
		.env = options->env_names != NULL,
	};
	const struct encode_options encode_options = {
		.line_max_bytes = options->line_max_bytes,
		.env_names = options->env_names,
		.no_args = options->no_args,
	};
	enum status status = STATUS_FAILED;
	struct enricher *enricher = NULL;
	struct encoder *encoder = NULL;
	struct capture *capture = NULL;
	struct stream *stream = NULL;
	struct sink *sink = NULL;
	int result;

	result = enrich_new(&enricher);
	if (!result)
		result = encode_new(&encoder, &encode_options);
	if (!result)
		result = sink_new(&sink, options->output, options->line_max_bytes);
	if (result) {
		log_error("cannot start: %s: %s", options->output, strerror(-result));
		goto out;
	}
	result = capture_new(&capture, &capture_options);
	if (result) {
		status = status_of_support(support_diagnose(result));
		goto out;
	}
	result = stream_new(&stream, capture, enricher, encoder, sink);
	if (result)
		log_error("cannot start: %s", strerror(-result));
	else
		status = run_attached(options, capture, stream, sink);
out:
	stream_free(stream);
	capture_free(capture);
	sink_free(sink);
	encode_free(encoder);
	enrich_free(enricher);
	return status;
}

/* A closed standard descriptor would be given to the next file that is opened, and lines would end up in it. */
static int open_standard_descriptors(void)
{
	int fd;

	if (fcntl(STDOUT_FILENO, F_GETFD) < 0) {
		log_error("standard output is closed: give it a file, a pipe or a terminal");
		return -EBADF;
	}
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	struct options options;

	if (open_standard_descriptors())
		return STATUS_FAILED;
	if (options_parse(&options, argc, argv))
		return STATUS_USAGE;
	log_set_verbose(options.verbose);
	if (options.help) {
		options_print_help();
		return STATUS_STOPPED;
	}
	if (options.version) {
		puts("exectap " EXECTAP_VERSION);
		return STATUS_STOPPED;
	}
	if (options.check)
		return status_of_support(support_print());
	options.line_max_bytes = sink_line_max_bytes(options.output, options.line_max_bytes);
	watch_handle_signals();
	return run(&options);
}
