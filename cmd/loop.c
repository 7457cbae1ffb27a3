// SPDX-License-Identifier: BSD-2-Clause
#include "loop.h"

#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* While there is something to do, records are drained in batches, and none of them wakes the
 * reader. */
#define BATCH_MS 20
/* Of those that come sooner, so many may wake it all the same: 0.1 % of a CPU. */
#define WAKES_PER_S 20
/* Not more than so many at once: a storm begins with them, and each costs its exec as much as it
 * takes anyway. */
#define WAKES_MAX 4
/* How long the end waits for a record that a program is in the middle of writing. */
#define FINISH_ROUNDS 250

static volatile sig_atomic_t stop_signals;
static volatile sig_atomic_t reopen_signals;

struct loop {
	struct capture *capture;
	struct pipeline *pipeline;
	struct output *output;
	struct notify *notify;
	int epoll;
	int blocked; /* what kept pipeline_drain() from going on: 0, -EAGAIN or -ENOTCONN */
	long drained; /* records, the last time */
	unsigned int wakes; /* how often it may still be woken between two batches */
	uint64_t wakes_ns; /* CLOCK_BOOTTIME: when another one was added */
	uint64_t heartbeat_ns; /* 0: none */
	uint64_t next_heartbeat_ns; /* CLOCK_BOOTTIME; UINT64_MAX: no more */
};

/* The first signal asks for an orderly end; the second one won't wait for a reader that has
 * stalled. */
static void handle_stop(int signal)
{
	static const char message[] =
		"exectap: stopped by a second signal: what was not written yet is dropped\n";

	(void)signal;
	if (stop_signals++) {
		ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);

		(void)ignored;
		_exit(0);
	}
}

static void handle_reopen(int signal)
{
	(void)signal;
	reopen_signals = 1;
}

void loop_handle_signals(void)
{
	struct sigaction stop = { .sa_handler = handle_stop };
	struct sigaction reopen = { .sa_handler = handle_reopen };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &reopen, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/* Waits like epoll_wait(2), but a signal that came before the call ends the wait as well. */
static int wait_for(int epoll, struct epoll_event *event, int timeout_ms, bool stopping)
{
	sigset_t ours, former;
	int found;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigprocmask(SIG_BLOCK, &ours, &former);
	found = (stop_signals && !stopping) || reopen_signals
			? 0
			: epoll_pwait(epoll, event, 1, timeout_ms, &former);
	sigprocmask(SIG_SETMASK, &former, NULL);
	if (found < 0)
		return errno == EINTR ? 0 : -errno;
	return found;
}

/* The output's descriptor may be another one each time; a file can't be polled, and need not be
 * (epoll_ctl(2)). */
static void loop_output(const struct loop *loop)
{
	struct epoll_event event = { .events = output_events(loop->output, loop->blocked),
				     .data.fd = output_fd(loop->output) };

	if (event.data.fd >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_MOD, event.data.fd, &event) &&
	    errno == ENOENT)
		epoll_ctl(loop->epoll, EPOLL_CTL_ADD, event.data.fd, &event);
}

static int loop_open(struct loop *loop)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET,
				     .data.fd = capture_fd(loop->capture) };
	int error;

	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return -errno;
	if (!epoll_ctl(loop->epoll, EPOLL_CTL_ADD, event.data.fd, &event))
		return 0;
	error = errno;
	close(loop->epoll);
	return -error;
}

/* The time until the next heartbeat, or until the service manager has to hear from us, if that is
 * sooner. */
static int limit_timeout_ms(const struct loop *loop, int timeout_ms)
{
	uint64_t now_ns = clock_boot_ns(), due_ns = notify_due_ns(loop->notify), left_ms;

	if (loop->next_heartbeat_ns < due_ns)
		due_ns = loop->next_heartbeat_ns;
	left_ms = due_ns > now_ns ? (due_ns - now_ns) / 1000000 + 1 : 0;
	if (due_ns == UINT64_MAX || (timeout_ms >= 0 && (uint64_t)timeout_ms <= left_ms))
		return timeout_ms;
	return left_ms < INT32_MAX ? (int)left_ms : INT32_MAX;
}

/* To be called when we have gone round, and not only then when there is something to do. */
static void tell_manager(const struct loop *loop, bool stopping)
{
	uint64_t now_ns = clock_boot_ns(), written, lost;
	char status[128];

	if (!notify_is_wanted(loop->notify, now_ns))
		return;
	pipeline_get_totals(loop->pipeline, &written, &lost);
	snprintf(status, sizeof(status), "%s: %" PRIu64 " written, %" PRIu64 " lost%s",
		 stopping ? "stopping" : "watching", written, lost,
		 loop->blocked ? "; the output takes none now" : "");
	notify_alive(loop->notify, now_ns, status);
}

/* While the output takes nothing, a heartbeat is left out: it would come late, and the next one
 * says more. */
static int beat(struct loop *loop)
{
	uint64_t now_ns = clock_boot_ns();
	int result;

	if (now_ns < loop->next_heartbeat_ns)
		return 0;
	loop->next_heartbeat_ns = now_ns + loop->heartbeat_ns;
	if (loop->blocked)
		return 0;
	result = pipeline_heartbeat(loop->pipeline, EVENT_STATS);
	if (result == -EAGAIN || result == -ENOTCONN) {
		loop->blocked = result;
		return 0;
	}
	return result;
}

/* Whether the next record may wake us at once although the last drain found some; it then costs its
 * exec some 30 us. */
static bool take_wake(struct loop *loop)
{
	uint64_t now_ns = clock_boot_ns(),
		 more = (now_ns - loop->wakes_ns) / (1000000000 / WAKES_PER_S);

	if (more) {
		loop->wakes = more < WAKES_MAX - loop->wakes ? loop->wakes + (unsigned int)more
							     : WAKES_MAX;
		loop->wakes_ns = now_ns;
	}
	if (!loop->wakes)
		return false;
	loop->wakes--;
	return true;
}

/*
 * Nothing is announced, and no record wakes us, unless the last drain found nothing more to do, or
 * that was rare lately: on a host with a few execs a second each of them is told at once, in a
 * storm they come in batches.
 */
static int choose_timeout_ms(struct loop *loop)
{
	if (loop->blocked == -EAGAIN)
		return -1;
	if (loop->blocked)
		return output_retry_ms(loop->output);
	return (!loop->drained || take_wake(loop)) && capture_sleep(loop->capture) ? -1 : BATCH_MS;
}

static int wait_and_drain(struct loop *loop, bool stopping)
{
	struct epoll_event event = {};
	int timeout_ms, found;

	loop_output(loop);
	timeout_ms = stopping && !loop->blocked ? BATCH_MS : choose_timeout_ms(loop);
	found = wait_for(loop->epoll, &event, limit_timeout_ms(loop, timeout_ms), stopping);
	capture_wake(loop->capture);
	if (found < 0)
		return found;
	if (found && event.data.fd == output_fd(loop->output)) {
		found = output_handle(loop->output, event.events);
		if (found)
			return found;
	}
	if (reopen_signals) {
		reopen_signals = 0;
		found = output_reopen(loop->output);
		if (found)
			log_error("cannot open the file again: %s: going on with the old one",
				  strerror(-found));
	}
	loop->drained = pipeline_drain(loop->pipeline);
	loop->blocked = 0;
	if (loop->drained == -EAGAIN || loop->drained == -ENOTCONN)
		loop->blocked = (int)loop->drained;
	tell_manager(loop, stopping);
	if (loop->drained < 0 && !loop->blocked)
		return (int)loop->drained;
	return stopping ? 0 : beat(loop);
}

/* Drains and writes up to `end`. A reader that is not there then has had its chance. */
static int deliver(struct loop *loop, uint64_t end)
{
	long drained = pipeline_drain(loop->pipeline);

	for (int round = 0; round < FINISH_ROUNDS && !pipeline_has_passed(loop->pipeline, end);
	     round += !loop->blocked) {
		int result;

		if (drained < 0 && drained != -EAGAIN)
			return (int)drained;
		loop->blocked = (int)(drained < 0 ? drained : 0);
		result = wait_and_drain(loop, true);
		if (result)
			return result;
		drained = loop->drained;
	}
	return pipeline_has_passed(loop->pipeline, end) ? 0 : -ETIMEDOUT;
}

/* Writes what the kernel holds at the call, and that this is the end. */
static int finish(struct loop *loop)
{
	uint64_t end = capture_written(loop->capture);
	int result;

	loop->next_heartbeat_ns = UINT64_MAX;
	result = deliver(loop, end);
	if (!result && loop->heartbeat_ns)
		result = pipeline_heartbeat(loop->pipeline, EVENT_STOP);
	if (result == -EAGAIN)
		result = deliver(loop, end);
	return result == -ENOTCONN && output_may_lack_clients(loop->output) ? 0 : result;
}

int loop_run(struct capture *capture, struct pipeline *pipeline, struct output *output,
	     struct notify *notify, unsigned int heartbeat_s)
{
	/* as if the output were gone: the first round connects without waiting for something to
	 * write */
	struct loop loop = { .capture = capture,
			     .pipeline = pipeline,
			     .output = output,
			     .notify = notify,
			     .blocked = -ENOTCONN,
			     .next_heartbeat_ns = UINT64_MAX };
	int result = loop_open(&loop);

	if (result)
		return result;
	if (heartbeat_s) {
		loop.heartbeat_ns = heartbeat_s * 1000000000ull;
		loop.next_heartbeat_ns = clock_boot_ns() + loop.heartbeat_ns;
		result = pipeline_heartbeat(pipeline, EVENT_START);
		if (result == -EAGAIN || result == -ENOTCONN)
			result = 0; /* it waits in the output */
	}
	while (!result && !stop_signals)
		result = wait_and_drain(&loop, false);
	notify_stopping(notify);
	if (!result)
		result = finish(&loop);
	close(loop.epoll);
	return result;
}
