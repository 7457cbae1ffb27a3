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
#include <sys/eventfd.h>
#include <unistd.h>

/* Interval of the drains at the end. */
#define STOPPING_MS 20
/* The end waits that long for a consumer that takes nothing, and for a record that a program has
 * reserved and not yet submitted. */
#define SHUTDOWN_STALLED_NS 2500000000ull
/* Maximum time of the end, however much the consumer takes. */
#define SHUTDOWN_MAX_NS 30000000000ull

static volatile sig_atomic_t stop_signals;
static volatile sig_atomic_t reload_signals;
static volatile sig_atomic_t signal_fd = -1; /* eventfd(2), readable after a signal */

/* The registration of the output's descriptor with epoll(7). */
struct polled {
	int fd;
	uint32_t events;
	unsigned int opens; /* output_opens() */
};

struct loop {
	struct loop_stages stages;
	int epoll;
	struct polled output;
	int blocked; /* result of the last pipeline_drain(): -EAGAIN, -ENOTCONN, or else 0 */
	long drained; /* records of the last pipeline_drain() */
	bool was_asleep; /* the last wait had no timeout for records */
	uint64_t drained_ns; /* CLOCK_BOOTTIME of the last drain that found records */
	uint64_t heartbeat_ns; /* 0: none */
	uint64_t next_heartbeat_ns; /* CLOCK_BOOTTIME; UINT64_MAX: no more */
	uint64_t next_metrics_ns; /* likewise */
};

/* Ends the wait of the loop, or the next one: write(2) to an eventfd needs no lock. */
static void wake_loop(void)
{
	const uint64_t one = 1;
	ssize_t ignored = write(signal_fd, &one, sizeof(one));

	(void)ignored;
}

/* The first signal requests an orderly end. The second one ends the process at once, for a consumer
 * that has stalled. */
static void handle_stop(int signal)
{
	static const char message[] =
		"exectap: stopped by a second signal; lines not yet written are dropped\n";

	(void)signal;
	if (stop_signals++) {
		ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);

		(void)ignored;
		_exit(0);
	}
	wake_loop();
}

static void handle_reload(int signal)
{
	(void)signal;
	reload_signals = 1;
	wake_loop();
}

int loop_handle_signals(void)
{
	struct sigaction stop = { .sa_handler = handle_stop };
	struct sigaction reload = { .sa_handler = handle_reload };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t handled;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	signal_fd = fd;
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &reload, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL); /* write(2) then fails with EFBIG */
	/* a parent may have left them blocked, which execve(2) keeps */
	sigemptyset(&handled);
	sigaddset(&handled, SIGINT);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &handled, NULL);
	return 0;
}

/* Waits like epoll_wait(2). A signal that has arrived before the call ends it too, by signal_fd. */
static int wait_for(int epoll, struct epoll_event *event, int timeout_ms)
{
	int found = epoll_wait(epoll, event, 1, timeout_ms);

	if (found < 0)
		return errno == EINTR ? 0 : -errno;
	return found;
}

/* Registers the output's descriptor if it, or what it waits for, has changed. A regular file cannot
 * be polled, and never blocks (epoll_ctl(2)). */
static void poll_output(struct loop *loop)
{
	const struct polled polled = { .fd = output_fd(loop->stages.output),
				       .events = output_events(loop->stages.output, loop->blocked),
				       .opens = output_opens(loop->stages.output) };
	struct epoll_event event = { .events = polled.events, .data.fd = polled.fd };

	if (!memcmp(&polled, &loop->output, sizeof(polled)))
		return;
	loop->output = polled;
	if (polled.fd >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_MOD, polled.fd, &event) &&
	    errno == ENOENT)
		epoll_ctl(loop->epoll, EPOLL_CTL_ADD, polled.fd, &event);
}

/* Registers a descriptor; below 0: none. */
static int poll_input(const struct loop *loop, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return fd >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int poll_inputs(const struct loop *loop)
{
	int result = poll_input(loop, capture_fd(loop->stages.capture), EPOLLIN | EPOLLET);

	if (!result)
		result = poll_input(loop, capture_pin_fd(loop->stages.capture), EPOLLIN);
	/* edge-triggered: nothing reads it */
	return result ? result : poll_input(loop, signal_fd, EPOLLIN | EPOLLET);
}

static int open_epoll(struct loop *loop)
{
	int result;

	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return -errno;
	result = poll_inputs(loop);
	if (result)
		close(loop->epoll);
	return result;
}

/* Shortens the timeout to the next check of the losses, heartbeat, version of the metrics, summary
 * or watchdog notification. */
static int limit_timeout_ms(const struct loop *loop, int timeout_ms)
{
	uint64_t now_ns = clock_boot_ns(), due_ns = notify_due_ns(loop->stages.notify), left_ms;

	if (!loop->blocked && pipeline_check_due_ns(loop->stages.pipeline) < due_ns)
		due_ns = pipeline_check_due_ns(loop->stages.pipeline);
	if (loop->next_heartbeat_ns < due_ns)
		due_ns = loop->next_heartbeat_ns;
	if (loop->next_metrics_ns < due_ns)
		due_ns = loop->next_metrics_ns;
	if (!loop->blocked && pipeline_due_ns(loop->stages.pipeline) < due_ns)
		due_ns = pipeline_due_ns(loop->stages.pipeline);
	left_ms = due_ns > now_ns ? (due_ns - now_ns) / 1000000 + 1 : 0;
	if (due_ns == UINT64_MAX || (timeout_ms >= 0 && (uint64_t)timeout_ms <= left_ms))
		return timeout_ms;
	return left_ms < INT32_MAX ? (int)left_ms : INT32_MAX;
}

/* Notifies the service manager, if it is time. Called once per loop iteration. */
static void ping_watchdog(const struct loop *loop, bool stopping)
{
	uint64_t now_ns = clock_boot_ns(), written, lost;
	char status[128];

	if (!notify_is_due(loop->stages.notify, now_ns))
		return;
	pipeline_get_totals(loop->stages.pipeline, &written, &lost);
	snprintf(status, sizeof(status), "%s: %" PRIu64 " written, %" PRIu64 " lost%s",
		 stopping ? "stopping" : "watching", written, lost,
		 loop->blocked ? "; the output is blocked" : "");
	notify_watchdog(loop->stages.notify, now_ns, status);
}

int loop_write_metrics(const struct loop_stages *stages, bool is_blocked)
{
	struct metrics *metrics = stages->metrics;
	char labels[64];

	snprintf(labels, sizeof(labels), "version=\"%s\",format=\"%s\"", EXECTAP_VERSION,
		 stages->format);
	metrics_begin(metrics);
	metrics_add(metrics, "exectap_build_info", METRICS_GAUGE, "Version and format; always 1.");
	metrics_value(metrics, labels, 1);
	metrics_add(metrics, "exectap_start_time_seconds", METRICS_GAUGE,
		    "Start of the process, in seconds since the epoch.");
	metrics_seconds(metrics, stages->started_wall_ns);
	metrics_add(metrics, "exectap_cpu_seconds_total", METRICS_COUNTER,
		    "User and system time of the process.");
	metrics_seconds(metrics, clock_cpu_ns());
	pipeline_add_metrics(stages->pipeline, metrics);
	metrics_add(metrics, "exectap_output_blocked", METRICS_GAUGE,
		    "1 while the output takes nothing.");
	metrics_value(metrics, NULL, is_blocked);
	return metrics_commit(metrics);
}

/* Writes the metrics, if it is time. */
static void refresh_metrics(struct loop *loop)
{
	uint64_t now_ns = clock_boot_ns();

	if (now_ns < loop->next_metrics_ns)
		return;
	loop->next_metrics_ns = now_ns + METRICS_INTERVAL_NS;
	loop_write_metrics(&loop->stages, loop->blocked);
}

/* Emits the stats line, if it is time. While the output is blocked it is skipped: the totals of the
 * next one include it. */
static int heartbeat(struct loop *loop)
{
	uint64_t now_ns = clock_boot_ns();
	int result;

	if (now_ns < loop->next_heartbeat_ns)
		return 0;
	loop->next_heartbeat_ns = now_ns + loop->heartbeat_ns;
	if (loop->blocked)
		return 0;
	result = pipeline_heartbeat(loop->stages.pipeline, EVENT_STATS);
	if (result == -EAGAIN || result == -ENOTCONN) {
		loop->blocked = result;
		return 0;
	}
	return result;
}

/*
 * Reports whether the next record may end the wait. A wakeup costs its exec about 30 us, and a
 * drain of one record as much as one of many. It may if the last drain found no record, or if the
 * records come at a greater distance than that of the drains by time.
 */
static bool may_sleep(struct loop *loop)
{
	uint64_t now_ns = clock_boot_ns(), since_ns = now_ns - loop->drained_ns;

	if (!pipeline_drained(loop->stages.pipeline))
		return true;
	loop->drained_ns = now_ns;
	return loop->was_asleep && since_ns >= loop->stages.latency_ms * 1000000ull;
}

/* Returns the lesser of two timeouts; below 0: none. */
static int least_timeout_ms(int timeout_ms, int other_ms)
{
	return timeout_ms < 0 || timeout_ms > other_ms ? other_ms : timeout_ms;
}

static int choose_timeout_ms(struct loop *loop, bool stopping)
{
	int timeout_ms;

	if (pipeline_is_interrupted(loop->stages.pipeline))
		return 0;
	timeout_ms = loop->blocked ? output_retry_ms(loop->stages.output) : -1;
	if (stopping)
		return least_timeout_ms(timeout_ms, STOPPING_MS);
	if (loop->blocked && !pipeline_takes_records(loop->stages.pipeline))
		return timeout_ms;
	loop->was_asleep = may_sleep(loop) && capture_sleep(loop->stages.capture);
	return loop->was_asleep ? timeout_ms
				: least_timeout_ms(timeout_ms, (int)loop->stages.latency_ms);
}

static void set_heartbeat(struct loop *loop, unsigned int heartbeat_s)
{
	uint64_t heartbeat_ns = heartbeat_s * 1000000000ull;

	if (heartbeat_ns == loop->heartbeat_ns)
		return;
	loop->heartbeat_ns = heartbeat_ns;
	/* after a signal to stop there is no heartbeat to wait for, only the stop line */
	loop->next_heartbeat_ns =
		heartbeat_ns && !stop_signals ? clock_boot_ns() + heartbeat_ns : UINT64_MAX;
}

/* Opens the output's file again, and reads the options again. */
static void reload(struct loop *loop)
{
	int error = output_reopen(loop->stages.output);

	if (error && error != -ECANCELED)
		log_warning("cannot reopen the output's file: %s; continuing with the old one",
			    strerror(-error));
	set_heartbeat(loop, loop->stages.reload(loop->stages.context));
}

/* Handles an event of the output's descriptor, and SIGHUP. */
static int handle_output(struct loop *loop, const struct epoll_event *event, int found)
{
	int result = 0;

	if (found && event->data.fd == output_fd(loop->stages.output))
		result = output_handle(loop->stages.output, event->events);
	if (!result && reload_signals) {
		reload_signals = 0;
		reload(loop);
	}
	return result;
}

static int wait_and_drain(struct loop *loop, bool stopping)
{
	struct epoll_event event = {};
	int timeout_ms, found, result;

	poll_output(loop);
	timeout_ms = choose_timeout_ms(loop, stopping);
	found = wait_for(loop->epoll, &event, limit_timeout_ms(loop, timeout_ms));
	capture_wake(loop->stages.capture);
	if (found < 0)
		return found;
	if (found && event.data.fd == capture_pin_fd(loop->stages.capture))
		capture_check_pins(loop->stages.capture);
	result = handle_output(loop, &event, found);
	if (result)
		return result;
	loop->drained = pipeline_drain(loop->stages.pipeline);
	loop->blocked = 0;
	if (loop->drained == -EAGAIN || loop->drained == -ENOTCONN)
		loop->blocked = (int)loop->drained;
	ping_watchdog(loop, stopping);
	refresh_metrics(loop);
	if (loop->drained < 0 && !loop->blocked)
		return (int)loop->drained;
	return stopping ? 0 : heartbeat(loop);
}

/* Drains and writes up to the position `end`. Returns -ETIMEDOUT if there is no progress for
 * SHUTDOWN_STALLED_NS. */
static int drain_until(struct loop *loop, uint64_t end)
{
	uint64_t started_ns = clock_boot_ns(), progress_ns = started_ns, now_ns = started_ns;
	uint64_t progress = output_progress(loop->stages.output);
	long drained = pipeline_drain(loop->stages.pipeline);

	while (!pipeline_has_passed(loop->stages.pipeline, end)) {
		int result;

		if (drained < 0 && drained != -EAGAIN)
			return (int)drained;
		if (!drained && output_lacks_clients(loop->stages.output))
			return -ENOTCONN;
		if (now_ns - progress_ns > SHUTDOWN_STALLED_NS ||
		    now_ns - started_ns > SHUTDOWN_MAX_NS)
			return -ETIMEDOUT;
		loop->blocked = (int)(drained < 0 ? drained : 0);
		result = wait_and_drain(loop, true);
		if (result)
			return result;
		drained = loop->drained;
		now_ns = clock_boot_ns();
		if (output_progress(loop->stages.output) != progress)
			progress_ns = now_ns;
		progress = output_progress(loop->stages.output);
	}
	return 0;
}

/* Waits for room where `result` says that the output had none. */
static int drain_rest(struct loop *loop, uint64_t end, int result)
{
	return result == -EAGAIN ? drain_until(loop, end) : result;
}

/* Writes what the kernel holds at the time of the call, and the stop line. */
static int shutdown_drain(struct loop *loop)
{
	uint64_t end = capture_written(loop->stages.capture);
	int result;

	loop->next_heartbeat_ns = UINT64_MAX;
	output_retry_now(loop->stages.output);
	pipeline_end_windows(loop->stages.pipeline);
	result = drain_until(loop, end);
	if (!result)
		result = drain_rest(loop, end, pipeline_check(loop->stages.pipeline));
	if (!result && loop->heartbeat_ns)
		result = drain_rest(loop, end,
				    pipeline_heartbeat(loop->stages.pipeline, EVENT_STOP));
	return result;
}

int loop_run(const struct loop_stages *stages, unsigned int heartbeat_s)
{
	/* -ENOTCONN makes the first iteration connect without a record to write */
	struct loop loop = { .stages = *stages,
			     .output = { .fd = -1 },
			     .blocked = -ENOTCONN,
			     .next_heartbeat_ns = UINT64_MAX,
			     .next_metrics_ns = UINT64_MAX };
	int result = open_epoll(&loop);

	if (result)
		return result;
	if (stages->metrics)
		loop.next_metrics_ns = clock_boot_ns() + METRICS_INTERVAL_NS;
	set_heartbeat(&loop, heartbeat_s);
	if (heartbeat_s) {
		result = pipeline_heartbeat(stages->pipeline, EVENT_START);
		if (result == -EAGAIN || result == -ENOTCONN)
			result = 0; /* the output has queued the line */
	}
	while (!result && !stop_signals)
		result = wait_and_drain(&loop, false);
	notify_stopping(stages->notify);
	if (!result)
		result = shutdown_drain(&loop);
	if (stages->metrics)
		loop_write_metrics(stages, result);
	close(loop.epoll);
	return result;
}
