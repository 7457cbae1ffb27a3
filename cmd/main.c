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

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* While there is something to do, records are drained in batches, and none of them wakes the reader. */
#define BATCH_MS 20

enum status {
	STATUS_STOPPED = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_PERMITTED = 3,
	STATUS_KERNEL = 4,
};

static volatile sig_atomic_t stop_signals;

/* The first signal asks for an orderly end; the second one won't wait for a reader that has stalled. */
static void handle_stop(int signal)
{
	static const char message[] = "exectap: stopped by a second signal: what was not written yet is dropped\n";

	(void)signal;
	if (stop_signals++) {
		ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);

		(void)ignored;
		_exit(STATUS_STOPPED);
	}
}

static void handle_signals(void)
{
	struct sigaction stop = { .sa_handler = handle_stop };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/* Waits like epoll_wait(2), but a stop signal that came before the call ends the wait as well. */
static int wait_for(int epoll, struct epoll_event *event, int timeout_ms)
{
	sigset_t stops, former;
	int found;

	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	sigprocmask(SIG_BLOCK, &stops, &former);
	found = stop_signals ? 0 : epoll_pwait(epoll, event, 1, timeout_ms, &former);
	sigprocmask(SIG_SETMASK, &former, NULL);
	if (found < 0)
		return errno == EINTR ? 0 : -errno;
	return found;
}

static int epoll_add(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* The descriptors that end a wait: the ring buffer when it wakes us, the output when its reader leaves. */
static int epoll_open(const struct capture *capture, const struct sink *sink)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int result;

	if (epoll < 0)
		return -errno;
	result = epoll_add(epoll, capture_fd(capture), EPOLLIN | EPOLLET);
	if (!result)
		result = epoll_add(epoll, sink_fd(sink), 0);
	if (result && result != -EPERM) { /* regular files can't be polled: epoll_ctl(2) */
		close(epoll);
		return result;
	}
	return epoll;
}

/* Drains until a signal comes or the reader leaves. Returns 0 or -errno. */
static int watch(struct capture *capture, struct stream *stream, const struct sink *sink)
{
	int epoll = epoll_open(capture, sink), result = epoll < 0 ? epoll : 0;
	long drained = 0;

	while (!result && !stop_signals) {
		bool sleeps = !drained && capture_sleep(capture);
		struct epoll_event event = {};

		result = wait_for(epoll, &event, sleeps ? -1 : BATCH_MS);
		capture_wake(capture);
		if (result > 0 && event.data.fd == sink_fd(sink))
			result = -EPIPE;
		if (result < 0)
			break;
		drained = stream_drain(stream);
		result = drained < 0 ? (int)drained : 0;
	}
	if (epoll >= 0)
		close(epoll);
	if (!result)
		result = stream_finish(stream);
	return result;
}

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
				const struct sink *sink)
{
	int result;

	log_info("watching every exec on this host (lines up to %zu bytes, buffer of %zu KiB)", options->line_max_bytes,
		 options->buffer_bytes / 1024);
	result = watch(capture, stream, sink);
	if (!result || result == -EPIPE) /* the reader has seen enough */
		return STATUS_STOPPED;
	log_error("cannot go on writing to standard output: %s", strerror(-result));
	return STATUS_FAILED;
}

/* Makes every stage, the last one to be attached, and takes them down again. */
static enum status run(const struct options *options)
{
	const struct capture_options capture_options = {
		.buffer_bytes = options->buffer_bytes,
		.args_max_bytes = options->line_max_bytes,
		.exec = options->events & OPTIONS_EVENT_EXEC,
		.exec_failed = options->events & OPTIONS_EVENT_EXEC_FAILED,
		.exit = options->events & OPTIONS_EVENT_EXIT,
		.env = options->env_names != NULL,
	};
	const struct encode_options encode_options = {
		.line_max_bytes = options->line_max_bytes,
		.env_names = options->env_names,
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
		result = sink_new(&sink, STDOUT_FILENO, options->line_max_bytes);
	if (result) {
		log_error("cannot start: %s", strerror(-result));
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
	handle_signals();
	return run(&options);
}
