// SPDX-License-Identifier: BSD-2-Clause
#include "host/notify.h"

#include "util/clock.h"
#include "util/log.h"
#include "util/number.h"
#include "util/unix_address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* The status is sent again after this time, if the loop runs anyway. */
#define STATUS_AGE_NS 10000000000ull
#define STATUS_BYTES 128

struct notify {
	const char *name; /* $NOTIFY_SOCKET */
	struct unix_address address;
	int fd; /* -1: no manager */
	bool outage_logged;
	uint64_t watchdog_ns; /* interval of the watchdog notifications; 0: none */
	uint64_t watchdog_due_ns;
	uint64_t status_due_ns;
	char status[STATUS_BYTES]; /* the last one sent */
};

static void log_outage_once(struct notify *notify, int error)
{
	if (!notify->outage_logged)
		log_detail("cannot notify %s (NOTIFY_SOCKET): %s; continuing without it",
			   notify->name, strerror(error));
	notify->outage_logged = true;
}

/* Does not connect: a restarted manager has a new socket with the same name. */
static void open_socket(struct notify *notify)
{
	const struct timeval timeout = { .tv_sec = NOTIFY_TIMEOUT_S };
	int result = notify->name[0] == '/' || notify->name[0] == '@' ? 0 : -EAFNOSUPPORT;

	if (!result)
		result = unix_address_make(&notify->address, notify->name);
	if (!result) {
		notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		result = notify->fd < 0 ? -errno : 0;
	}
	if (result)
		log_outage_once(notify, -result);
	else
		setsockopt(notify->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

/* Returns the variable's number, or 0 if it is unset or not a number. */
static uint64_t environment_number(const char *name)
{
	const char *value = getenv(name);
	uint64_t number = 0;

	if (value)
		number_parse(value, 10, 0, UINT64_MAX, &number);
	return number;
}

/* Returns half the interval after which the manager acts. */
static uint64_t watchdog_half_ns(void)
{
	uint64_t pid = environment_number("WATCHDOG_PID"),
		 interval_us = environment_number("WATCHDOG_USEC");

	if ((getenv("WATCHDOG_PID") && pid != (uint64_t)getpid()) ||
	    interval_us > UINT64_MAX / 1000)
		return 0;
	return interval_us * 1000 / 2;
}

int notify_new(struct notify **notify)
{
	struct notify *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	created->fd = -1;
	created->name = getenv("NOTIFY_SOCKET");
	if (created->name)
		open_socket(created);
	if (created->fd >= 0)
		created->watchdog_ns = watchdog_half_ns();
	*notify = created;
	return 0;
}

void notify_free(struct notify *notify)
{
	if (!notify)
		return;
	if (notify->fd >= 0)
		close(notify->fd);
	free(notify);
}

static void send_message(struct notify *notify, const char *message, int flags)
{
	const struct sockaddr *address = (const struct sockaddr *)&notify->address.address;
	ssize_t sent;

	if (notify->fd < 0)
		return;
	do
		sent = sendto(notify->fd, message, strlen(message), MSG_NOSIGNAL | flags, address,
			      notify->address.length);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		log_outage_once(notify, errno);
}

void notify_ready(struct notify *notify)
{
	uint64_t now_ns = clock_boot_ns();

	notify->watchdog_due_ns = now_ns + notify->watchdog_ns;
	notify->status_due_ns = now_ns + STATUS_AGE_NS;
	send_message(notify, "READY=1\nSTATUS=watching", 0);
}

void notify_stopping(struct notify *notify)
{
	send_message(notify, "STOPPING=1\nSTATUS=stopping", 0);
}

uint64_t notify_due_ns(const struct notify *notify)
{
	return notify->watchdog_ns ? notify->watchdog_due_ns : UINT64_MAX;
}

bool notify_is_due(const struct notify *notify, uint64_t now_ns)
{
	return notify->fd >= 0 &&
	       (now_ns >= notify_due_ns(notify) || now_ns >= notify->status_due_ns);
}

void notify_watchdog(struct notify *notify, uint64_t now_ns, const char *status)
{
	char message[STATUS_BYTES + 32];

	notify->status_due_ns = now_ns + STATUS_AGE_NS;
	if (!notify->watchdog_ns && !strncmp(status, notify->status, STATUS_BYTES - 1))
		return;
	notify->watchdog_due_ns = now_ns + notify->watchdog_ns;
	snprintf(notify->status, sizeof(notify->status), "%s", status);
	snprintf(message, sizeof(message), "%sSTATUS=%s", notify->watchdog_ns ? "WATCHDOG=1\n" : "",
		 notify->status);
	send_message(notify, message, MSG_DONTWAIT);
}
