// SPDX-License-Identifier: BSD-2-Clause
/* The life of the program: options, attach, give up privileges, stages, watch, stop. */
#include "capture/capture.h"
#include "capture/pin.h"
#include "encode/encode.h"
#include "event/enrich.h"
#include "event/field.h"
#include "event/filter.h"
#include "host/check.h"
#include "host/notify.h"
#include "host/sandbox.h"
#include "loop.h"
#include "options.h"
#include "output/output.h"
#include "pipeline.h"
#include "redact/redact.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum status {
	STATUS_STOPPED = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_PERMITTED = 3,
	STATUS_KERNEL = 4,
};

/* The status for what check_print() and check_diagnose() return. */
static enum status status_of_check(int result)
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

/* The first step, as it needs privileges: every exec from then on is kept for the steps that
 * follow. */
static enum status attach(const struct options *options, struct pin *pin, struct capture **capture)
{
	const struct capture_options capture_options = {
		.pin = pin,
		.buffer_bytes = options->buffer_bytes,
		.args_max_bytes = options->no_args ? 0 : options->line_max_bytes,
		.events = options->events,
		.env = options->env_names != NULL,
	};
	int result = capture_new(capture, &capture_options);

	if (result == -ECANCELED)
		return STATUS_FAILED;
	return result ? status_of_check(check_diagnose(result)) : STATUS_STOPPED;
}

static enum status drop_privileges(const struct options *options)
{
	const struct sandbox_identity identity = {
		.change_user = options->user != NULL,
		.uid = options->uid,
		.gid = options->gid,
		.socket_group = options->socket_group,
	};
	int result = sandbox_drop_privileges(&identity);

	if (!result)
		return STATUS_STOPPED;
	if (result != -EPERM || !options->user) {
		log_error("cannot drop privileges: %s", strerror(-result));
		return STATUS_FAILED;
	}
	log_error("--user %s: %s: it takes CAP_SETUID and CAP_SETGID to become someone else",
		  options->user, strerror(-result));
	return STATUS_NOT_PERMITTED;
}

static void explain_output(const struct options *options, int error)
{
	if (error == EACCES)
		log_error(
			"cannot start: %s: %s: it is opened as user %u without capabilities, see --user",
			options->output, strerror(error), (unsigned int)geteuid());
	else
		log_error("cannot start: %s: %s", options->output, strerror(error));
}

/* What the pipe has behind the capture. */
static enum status make_stages(const struct options *options, struct pipeline_stages *stages)
{
	const struct output_options output_options = {
		.destination = options->output,
		.line_max_bytes = options->line_max_bytes,
		.socket_mode = options->socket_mode,
		.socket_group = options->socket_group,
	};
	int result;

	stages->filter = options->filter;
	stages->redactor = options->redactor;
	if (options->no_args)
		redact_hide_args(options->redactor);
	stages->format = options->format;
	stages->line_max_bytes = options->line_max_bytes;
	result = enrich_new(&stages->enricher, options->env_names);
	if (!result)
		result = output_new(&stages->output, &output_options);
	if (result)
		explain_output(options, -result);
	return result ? STATUS_FAILED : STATUS_STOPPED;
}

static void free_stages(const struct pipeline_stages *stages)
{
	output_free(stages->output);
	enrich_free(stages->enricher);
	capture_free(stages->capture);
}

/* A kernel, or a container's filter, that won't have it is no reason not to watch. */
static void filter_calls(const struct options *options, const struct output *output)
{
	int result = options->no_sandbox ? 0
					 : sandbox_filter_calls(output_kind(output),
								options->pin_directory != NULL);

	if (result)
		log_error("cannot filter system calls: %s: going on without", strerror(-result));
}

static enum status watch(const struct options *options, const struct pipeline_stages *stages,
			 struct pipeline *pipeline, struct notify *notify)
{
	int result;

	log_info("watching every exec on this host (lines up to %zu bytes, buffer of %zu KiB)",
		 options->line_max_bytes, options->buffer_bytes / 1024);
	notify_ready(notify);
	result = loop_run(stages->capture, pipeline, stages->output, notify, options->heartbeat_s);
	if (options->pin_directory)
		log_info(
			"%s: the hooks stay: what happens now waits for the next start, 'exectap --unpin %s' ends that",
			options->pin_directory, options->pin_directory);
	if (!result || result == -EPIPE) /* the reader has seen enough */
		return STATUS_STOPPED;
	if (result == -ENOTCONN || result == -ETIMEDOUT)
		log_error("%s: the last lines are dropped: there was no one to take them",
			  options->output);
	else
		log_error("%s: cannot go on writing: %s", options->output, strerror(-result));
	return STATUS_FAILED;
}

static enum status run(const struct options *options, struct pin *pin)
{
	struct pipeline_stages stages = {};
	struct pipeline *pipeline = NULL;
	struct notify *notify = NULL;
	enum status status = attach(options, pin, &stages.capture);

	if (!status)
		status = drop_privileges(options);
	if (!status)
		status = make_stages(options, &stages);
	if (!status && (pipeline_new(&pipeline, &stages) || notify_new(&notify))) {
		log_error("cannot start: %s", strerror(ENOMEM));
		status = STATUS_FAILED;
	}
	if (!status) {
		if (pin)
			pin_keep(pin);
		filter_calls(options, stages.output);
		status = watch(options, &stages, pipeline, notify);
	}
	notify_free(notify);
	pipeline_free(pipeline);
	free_stages(&stages);
	return status;
}

static enum status run_pinned(const struct options *options)
{
	enum status status;
	struct pin *pin;
	int result = pin_open(&pin, options->pin_directory);

	if (result)
		return status_of_check(result);
	status = run(options, pin);
	pin_close(pin);
	return status;
}

/* A closed standard descriptor would be given to the next file that is opened, and lines would end
 * up in it. */
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

/*
 * A pipe that is full must not stop the whole program: its manager may take that for a hang. Not
 * blocking is a property of the open file, which others may share: so it is opened anew, if that is
 * possible, for us alone.
 */
static void unblock_stdout(void)
{
	struct stat status;
	int fd;

	if (fstat(STDOUT_FILENO, &status) || !S_ISFIFO(status.st_mode))
		return;
	fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	dup2(fd, STDOUT_FILENO);
	close(fd);
}

static enum status start(struct options *options)
{
	log_set_verbose(options->verbose);
	if (options->help) {
		options_print_help();
		return STATUS_STOPPED;
	}
	if (options->version) {
		puts("exectap " EXECTAP_VERSION);
		return STATUS_STOPPED;
	}
	if (options->list_keys) {
		field_list(stdout);
		return STATUS_STOPPED;
	}
	if (options->check)
		return status_of_check(check_print());
	if (options->unpin_directory)
		return status_of_check(pin_remove(options->unpin_directory));
	options->line_max_bytes = output_line_max_bytes(options->output, options->line_max_bytes);
	loop_handle_signals();
	unblock_stdout();
	return options->pin_directory ? run_pinned(options) : run(options, NULL);
}

int main(int argc, char **argv)
{
	struct options options;
	struct redactor *redactor = NULL;
	struct filter *filter = NULL;
	enum status status = STATUS_FAILED;

	if (open_standard_descriptors())
		return STATUS_FAILED;
	if (filter_new(&filter) || redact_new(&redactor))
		log_error("cannot start: %s", strerror(ENOMEM));
	else
		status = options_parse(&options, filter, redactor, argc, argv) ? STATUS_USAGE
									       : start(&options);
	redact_free(redactor);
	filter_free(filter);
	return status;
}
