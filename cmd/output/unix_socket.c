// SPDX-License-Identifier: BSD-2-Clause
/* unix: and unixgram: connect to a socket that the consumer listens on. */
#include "output/output_ops.h"
#include "util/log.h"
#include "util/unix_address.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* net/unix/af_unix.c, unix_dgram_sendmsg(): EMSGSIZE for more than sk_sndbuf - 32 */
#define DATAGRAM_OVERHEAD_BYTES 32
#define BUFFER_LIMIT_BYTES ((size_t)1 << 28)

struct unix_socket {
	struct output_device device;
	int type; /* SOCK_STREAM or SOCK_DGRAM */
	bool reset; /* the consumer closed it with bytes unread */
};

static int unix_socket_check(const struct output_target *target)
{
	struct unix_address address;

	if (unix_address_make(&address, target->path)) {
		log_error(
			"--output %s: the path is longer than %zu bytes, which no socket can have",
			target->name, sizeof(address.address.sun_path) - 1);
		return -EINVAL;
	}
	if (strcmp(target->path, "@"))
		return 0;
	log_error("--output %s: give @NAME for an abstract socket", target->name);
	return -EINVAL;
}

static void set_buffer(int fd, size_t wanted_bytes)
{
	int bytes = (int)(wanted_bytes > BUFFER_LIMIT_BYTES ? BUFFER_LIMIT_BYTES : wanted_bytes);

	/* limited by net.core.wmem_max, which is no failure */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static size_t datagram_max_bytes(size_t wanted_bytes)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), bytes = 0;
	socklen_t length = sizeof(bytes);

	if (fd < 0)
		return wanted_bytes;
	set_buffer(fd, wanted_bytes + DATAGRAM_OVERHEAD_BYTES);
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &length))
		bytes = 0;
	close(fd);
	if (bytes <= DATAGRAM_OVERHEAD_BYTES ||
	    (size_t)bytes - DATAGRAM_OVERHEAD_BYTES > wanted_bytes)
		return wanted_bytes;
	return (size_t)bytes - DATAGRAM_OVERHEAD_BYTES;
}

static struct output_device *unix_socket_new(const struct output_target *target)
{
	struct unix_socket *created = calloc(1, sizeof(*created));

	if (!created)
		return NULL;
	created->device.target = target;
	created->device.fd = -1;
	created->type = target->ops == &output_unix_stream_ops ? SOCK_STREAM : SOCK_DGRAM;
	return &created->device;
}

static void unix_socket_close(struct output_device *device)
{
	if (device->fd >= 0)
		close(device->fd);
	device->fd = -1;
}

static void unix_socket_free(struct output_device *device)
{
	unix_socket_close(device);
	free(device);
}

/* Connects without waiting: -EAGAIN if the listener's backlog is full. Returns the descriptor or
 * -errno. */
static int connect_socket(const struct output_target *target, int type, size_t buffer_bytes)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct unix_address address;
	int result = unix_address_make(&address, target->path);

	if (fd < 0)
		return -errno;
	set_buffer(fd, buffer_bytes);
	if (!result && connect(fd, (struct sockaddr *)&address.address, address.length))
		result = -errno;
	if (result) {
		close(fd);
		return result;
	}
	return fd;
}

/* Logs which type of socket is there, after EPROTOTYPE. */
static void log_other_type(const struct unix_socket *output)
{
	const struct output_target *target = output->device.target;
	int other = output->type == SOCK_STREAM ? SOCK_DGRAM : SOCK_STREAM;
	int fd = connect_socket(target, other, 0);

	if (fd == -EPROTOTYPE)
		log_error("%s: a socket of type SOCK_SEQPACKET; exectap needs SOCK_STREAM or "
			  "SOCK_DGRAM",
			  target->name);
	else
		log_error("%s: is the other type of socket: give %s:%s", target->name,
			  other == SOCK_DGRAM ? "unixgram" : "unix", target->path);
	if (fd >= 0)
		close(fd);
}

static int unix_socket_open(struct output_device *device)
{
	struct unix_socket *output = (struct unix_socket *)device;
	size_t buffer_bytes = output->type == SOCK_STREAM ? OUTPUT_STREAM_BUFFER_BYTES / 2
							  : device->target->options.line_max_bytes +
								    DATAGRAM_OVERHEAD_BYTES;
	int fd = connect_socket(device->target, output->type, buffer_bytes);

	if (fd == -EPROTOTYPE) {
		log_other_type(output);
		return -ECANCELED;
	}
	if (fd < 0)
		return fd;
	output->reset = false;
	device->fd = fd;
	return 0;
}

/* A datagram is one line. */
static ssize_t unix_socket_write(struct output_device *device, const char *lines, size_t length,
				 const struct output_batch *batch)
{
	ssize_t sent;

	(void)batch;
	if (((struct unix_socket *)device)->type == SOCK_DGRAM)
		length = (size_t)((const char *)memchr(lines, '\n', length) - lines) + 1;
	sent = send(device->fd, lines, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	return sent < 0 ? -errno : sent;
}

static enum output_action unix_socket_classify(struct output_device *device, int error)
{
	(void)device;
	switch (error) {
	case EINTR:
		return OUTPUT_CONTINUE;
	case EAGAIN:
		return OUTPUT_POLL;
	case ENOBUFS:
		return OUTPUT_RETRY;
	case EPIPE:
	case ECONNRESET:
	case ECONNREFUSED:
	case ENOTCONN:
		return OUTPUT_RECONNECT;
	default:
		return OUTPUT_FAIL;
	}
}

static enum output_action unix_socket_on_event(struct output_device *device, uint32_t events)
{
	(void)device;
	return events & (EPOLLERR | EPOLLHUP) ? OUTPUT_RECONNECT : OUTPUT_CONTINUE;
}

/*
 * A consumer that closes its socket with bytes unread leaves ECONNRESET (net/unix/af_unix.c,
 * unix_release_sock()), a moment after send(2) begins to fail with EPIPE; shutdown(2) waits for the
 * lock held between.
 */
static bool unix_socket_was_left_unread(struct output_device *device, int error)
{
	struct unix_socket *output = (struct unix_socket *)device;
	int pending = 0;
	socklen_t length = sizeof(pending);

	if (output->reset || error == ECONNRESET)
		return true;
	shutdown(device->fd, SHUT_WR);
	return !getsockopt(device->fd, SOL_SOCKET, SO_ERROR, &pending, &length) &&
	       pending == ECONNRESET;
}

/* An upper bound, because SIOCOUTQ counts the memory of the bytes (net/unix/af_unix.c,
 * unix_outq_len()). A consumer that closes sets the error before it frees what it has not read. */
static size_t unix_socket_unacked_bytes(struct output_device *device)
{
	struct unix_socket *output = (struct unix_socket *)device;
	int unread = 0, error = 0;
	socklen_t length = sizeof(error);

	if (output->reset || ioctl(device->fd, SIOCOUTQ, &unread))
		return SIZE_MAX;
	output->reset = !getsockopt(device->fd, SOL_SOCKET, SO_ERROR, &error, &length) && error;
	return output->reset ? SIZE_MAX : (size_t)unread;
}

const struct output_ops output_unix_stream_ops = {
	.prefix = "unix:",
	.needs = { .connects = true },
	.opens_later = true,
	.check = unix_socket_check,
	.new = unix_socket_new,
	.free = unix_socket_free,
	.open = unix_socket_open,
	.close = unix_socket_close,
	.write = unix_socket_write,
	.classify = unix_socket_classify,
	.on_event = unix_socket_on_event,
	.unacked_bytes = unix_socket_unacked_bytes,
	.was_left_unread = unix_socket_was_left_unread,
};

const struct output_ops output_unix_datagram_ops = {
	.prefix = "unixgram:",
	.needs = { .connects = true },
	.opens_later = true,
	.check = unix_socket_check,
	.line_max_bytes = datagram_max_bytes,
	.new = unix_socket_new,
	.free = unix_socket_free,
	.open = unix_socket_open,
	.close = unix_socket_close,
	.write = unix_socket_write,
	.classify = unix_socket_classify,
	.on_event = unix_socket_on_event,
};
