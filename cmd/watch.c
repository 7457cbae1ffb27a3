// SPDX-License-Identifier: BSD-2-Clause
#include "watch.h"

#include "clock.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* While there is something to do, records are drained in batches, and none of them wakes the reader. */
#define BATCH_MS 20
/* Of those that come sooner, so many may wake it all the same: 0.1 % of a CPU. */
#define WAKES_PER_S 20
/* Not more than so many at once: a storm begins with them, and each costs its exec as much as it takes anyway. */
#define WAKES_MAX 4
/* How long the end waits for a record that a program is in the middle of writing. */
#define FINISH_ROUNDS 250

static volatile sig_atomic_t stop_signals;
static volatile sig_atomic_t reopen_signals;

struct watch {
	struct capture *capture;
	struct stream *stream;
	struct sink *sink;
	struct notify *notify;
	int epoll;
	int blocked; /* what kept stream_drain() from going on: 0, -EAGAIN or -ENOTCONN */
	long drained; /* records, the last time */
	unsigned int wakes; /* how often it may still be woken between two batches */
	uint64_t wakes_ns; /* CLOCK_BOOTTIME: when another one was added */
	uint64_t heartbeat_ns; /* 0: none */
	uint64_t next_heartbeat_ns; /* CLOCK_BOOTTIME; UINT64_MAX: no more */
};

/* The first signal asks for an orderly end; the second one won't wait for a reader that has stalled. */
static void handle_stop(int signal)
{
	static const char message[] = "exectap: stopped by a second signal: what was not written yet is dropped\n";

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

void watch_handle_signals(void)
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
	found = (stop_signals && !stopping) || reopen_signals ? 0 : epoll_pwait(epoll, event, 1, timeout_ms, &former);
	sigprocmask(SIG_SETMASK, &former, NULL);
	if (found < 0)
		return errno == EINTR ? 0 : -errno;
	return found;
}

/* The output's descriptor may be another one each time; a file can't be polled, and need not be (epoll_ctl(2)). */
static void watch_output(const struct watch *watch)
{
	struct epoll_event event = { .events = sink_events(watch->sink, watch->blocked),
				     .data.fd = sink_fd(watch->sink) };

	if (event.data.fd >= 0 && epoll_ctl(watch->epoll, EPOLL_CTL_MOD, event.data.fd, &event) && errno == ENOENT)
		epoll_ctl(watch->epoll, EPOLL_CTL_ADD, event.data.fd, &event);
}

static int watch_open(struct watch *watch)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.fd = capture_fd(watch->capture) };
	int error;

	watch->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (watch->epoll < 0)
		return -errno;
	if (!epoll_ctl(watch->epoll, EPOLL_CTL_ADD, event.data.fd, &event))
		return 0;
	error = errno;
	close(watch->epoll);
	return -error;
}

/* The time until the next heartbeat, or until the service manager has to hear from us, if that is sooner. */
static int limit_timeout_ms(const struct watch *watch, int timeout_ms)
{
	uint64_t now_ns = clock_boot_ns(), due_ns = notify_due_ns(watch->notify), left_ms;

	if (watch->next_heartbeat_ns < due_ns)
		due_ns = watch->next_heartbeat_ns;
	left_ms = due_ns > now_ns ? (due_ns - now_ns) / 1000000 + 1 : 0;
	if (due_ns == UINT64_MAX || (timeout_ms >= 0 && (uint64_t)timeout_ms <= left_ms))
		return timeout_ms;
	return left_ms < INT32_MAX ? (int)left_ms : INT32_MAX;
}

/* To be called when we have gone round, and not only then when there is something to do. */
static void tell_manager(const struct watch *watch, bool stopping)
{
	uint64_t now_ns = clock_boot_ns(), written, lost;
	char status[128];

	if (!notify_is_wanted(watch->notify, now_ns))
		return;
	stream_get_totals(watch->stream, &written, &lost);
	snprintf(status, sizeof(status), "%s: %" PRIu64 " written, %" PRIu64 " lost%s",
		 stopping ? "stopping" : "watching", written, lost,
		 watch->blocked ? "; the output takes none now" : "");
	notify_alive(watch->notify, now_ns, status);
}

/* While the output takes nothing, a heartbeat is left out: it would come late, and the next one says more. */
static int beat(struct watch *watch)
{
	uint64_t now_ns = clock_boot_ns();
	int result;

	if (now_ns < watch->next_heartbeat_ns)
		return 0;
	watch->next_heartbeat_ns = now_ns + watch->heartbeat_ns;
	if (watch->blocked)
		return 0;
	result = stream_heartbeat(watch->stream, EVENT_STATS);
	if (result == -EAGAIN || result == -ENOTCONN) {
		watch->blocked = result;
		return 0;
	}
	return result;
}

/* Whether the next record may wake us at once although the last drain found some; it then costs its exec some 30 us. */
static bool take_wake(struct watch *watch)
{
	uint64_t now_ns = clock_boot_ns(), more = (now_ns - watch->wakes_ns) / (1000000000 / WAKES_PER_S);

	if (more) {
		watch->wakes = more < WAKES_MAX - watch->wakes ? watch->wakes + (unsigned int)more : WAKES_MAX;
		watch->wakes_ns = now_ns;
	}
	if (!watch->wakes)
		return false;
	watch->wakes--;
	return true;
}

/*
 * Nothing is announced, and no record wakes us, unless the last drain found nothing more to do, or that was rare
 * lately: on a host with a few execs a second each of them is told at once, in a storm they come in batches.
 */
static int choose_timeout_ms(struct watch *watch)
{
	if (watch->blocked == -EAGAIN)
		return -1;
	if (watch->blocked)
		return sink_retry_ms(watch->sink);
	return (!watch->drained || take_wake(watch)) && capture_sleep(watch->capture) ? -1 : BATCH_MS;
}

static int wait_and_drain(struct watch *watch, bool stopping)
{
	struct epoll_event event = {};
	int timeout_ms, found;

	watch_output(watch);
	timeout_ms = stopping && !watch->blocked ? BATCH_MS : choose_timeout_ms(watch);
	found = wait_for(watch->epoll, &event, limit_timeout_ms(watch, timeout_ms), stopping);
	capture_wake(watch->capture);
	if (found < 0)
		return found;
	if (found && event.data.fd == sink_fd(watch->sink)) {
		found = sink_handle(watch->sink, event.events);
		if (found)
			return found;
	}
	if (reopen_signals) {
		reopen_signals = 0;
		found = sink_reopen(watch->sink);
		if (found)
			log_error("cannot open the file again: %s: going on with the old one", strerror(-found));
	}
	watch->drained = stream_drain(watch->stream);
	watch->blocked = 0;
	if (watch->drained == -EAGAIN || watch->drained == -ENOTCONN)
		watch->blocked = (int)watch->drained;
	tell_manager(watch, stopping);
	if (watch->drained < 0 && !watch->blocked)
		return (int)watch->drained;
	return stopping ? 0 : beat(watch);
}

/* Drains and writes up to `end`. A reader that is not there then has had its chance. */
static int deliver(struct watch *watch, uint64_t end)
{
	long drained = stream_drain(watch->stream);

	for (int round = 0; round < FINISH_ROUNDS && !stream_has_passed(watch->stream, end); round += !watch->blocked) {
		int result;

		if (drained < 0 && drained != -EAGAIN)
			return (int)drained;
		watch->blocked = (int)(drained < 0 ? drained : 0);
		result = wait_and_drain(watch, true);
		if (result)
			return result;
		drained = watch->drained;
	}
	return stream_has_passed(watch->stream, end) ? 0 : -ETIMEDOUT;
}

/* Writes what the kernel holds at the call, and that this is the end. */
static int finish(struct watch *watch)
{
	uint64_t end = capture_written(watch->capture);
	int result;

	watch->next_heartbeat_ns = UINT64_MAX;
	result = deliver(watch, end);
	if (!result && watch->heartbeat_ns)
		result = stream_heartbeat(watch->stream, EVENT_STOP);
	if (result == -EAGAIN)
		result = deliver(watch, end);
	return result == -ENOTCONN && sink_may_lack_readers(watch->sink) ? 0 : result;
}

int watch_run(struct capture *capture, struct stream *stream, struct sink *sink, struct notify *notify,
	      unsigned int heartbeat_s)
{
	/* as if the output were gone: the first round connects without waiting for something to write */
	struct watch watch = { .capture = capture,
			       .stream = stream,
			       .sink = sink,
			       .notify = notify,
			       .blocked = -ENOTCONN,
			       .next_heartbeat_ns = UINT64_MAX };
	int result = watch_open(&watch);

	if (result)
		return result;
	if (heartbeat_s) {
		watch.heartbeat_ns = heartbeat_s * 1000000000ull;
		watch.next_heartbeat_ns = clock_boot_ns() + watch.heartbeat_ns;
		result = stream_heartbeat(stream, EVENT_START);
		if (result == -EAGAIN || result == -ENOTCONN)
			result = 0; /* it waits in the sink */
	}
	while (!result && !stop_signals)
		result = wait_and_drain(&watch, false);
	notify_stopping(notify);
	if (!result)
		result = finish(&watch);
	close(watch.epoll);
	return result;
}
