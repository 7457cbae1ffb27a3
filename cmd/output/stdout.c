// SPDX-License-Identifier: BSD-2-Clause
/* Standard output: a pipe, a file, a terminal or a socket. */
#include "output/output_ops.h"
#include "output/partial_line.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct standard_output {
	struct output_device device;
	bool is_socket;
	bool is_regular;
	bool is_terminal;
	bool may_block; /* write(2) could wait for the consumer */
};

static struct output_device *stdout_new(const struct output_target *target)
{
	struct standard_output *created = calloc(1, sizeof(*created));
	struct stat status;
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (!created)
		return NULL;
	created->device.target = target;
	created->device.fd = STDOUT_FILENO;
	if (fstat(STDOUT_FILENO, &status))
		return &created->device;
	created->is_socket = S_ISSOCK(status.st_mode);
	created->is_regular = S_ISREG(status.st_mode);
	created->is_terminal = isatty(STDOUT_FILENO);
	created->may_block = (S_ISFIFO(status.st_mode) || created->is_terminal) && flags >= 0 &&
			     !(flags & O_NONBLOCK);
	return &created->device;
}

static void stdout_free(struct output_device *device)
{
	free(device);
}

static int stdout_open(struct output_device *device)
{
	(void)device;
	return 0;
}

/* Writes without waiting: a pipe that is writable takes PIPE_BUF bytes (pipe(7)). */
static ssize_t write_polled(const char *lines, size_t length)
{
	struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };
	ssize_t written;

	if (poll(&output, 1, 0) < 0)
		return -errno;
	if (!(output.revents & POLLOUT) && !(output.revents & (POLLERR | POLLHUP)))
		return -EAGAIN;
	length = length < PIPE_BUF ? length : PIPE_BUF;
	written = write(STDOUT_FILENO, lines, length);
	return written < 0 ? -errno : written;
}

static ssize_t stdout_write(struct output_device *device, const char *lines, size_t length,
			    const struct output_batch *batch)
{
	const struct standard_output *output = (const struct standard_output *)device;
	ssize_t written;

	(void)batch;
	if (output->is_regular)
		return partial_line_write(STDOUT_FILENO, lines, length);
	if (output->may_block)
		return write_polled(lines, length);
	if (output->is_socket)
		written = send(STDOUT_FILENO, lines, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		written = write(STDOUT_FILENO, lines, length);
	return written < 0 ? -errno : written;
}

static enum output_action stdout_classify(struct output_device *device, int error)
{
	const struct standard_output *output = (const struct standard_output *)device;

	switch (error) {
	case EINTR:
		return OUTPUT_CONTINUE;
	case EAGAIN:
		return output->is_regular ? OUTPUT_RETRY : OUTPUT_POLL;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
	case ENOBUFS:
		return OUTPUT_RETRY;
	case EPIPE:
		return output->is_regular ? OUTPUT_FAIL : OUTPUT_END;
	case ECONNRESET:
		return output->is_socket ? OUTPUT_END : OUTPUT_FAIL;
	case EIO: /* a terminal that was hung up */
		return output->is_terminal ? OUTPUT_END : OUTPUT_FAIL;
	default:
		return OUTPUT_FAIL;
	}
}

static enum output_action stdout_on_event(struct output_device *device, uint32_t events)
{
	(void)device;
	return events & (EPOLLERR | EPOLLHUP) ? OUTPUT_END : OUTPUT_CONTINUE;
}

const struct output_ops output_stdout_ops = {
	.prefix = "-",
	.new = stdout_new,
	.free = stdout_free,
	.open = stdout_open,
	.write = stdout_write,
	.classify = stdout_classify,
	.on_event = stdout_on_event,
};
