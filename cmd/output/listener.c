// SPDX-License-Identifier: BSD-2-Clause
/*
 * unix-listen: a socket that serves any number of clients. They share one buffer of lines, in which
 * each has its own position. A line leaves the buffer when some client has read it and no client
 * needs it any more. While the buffer is full no more lines are taken, unless the clients that hold
 * it up have stalled, or the ring buffer fills up: these clients then lose lines, and get a line
 * with their number.
 */
#include "output/output_ops.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/unix_address.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTEN_BACKLOG 128
/* Maximum bytes in the buffer, without the last line. */
#define BUFFER_BYTES (1024 * 1024)
/* The buffer is divided into parts. The earliest time of the lines is known for each of them. */
#define PARTS 64
/* A client that takes nothing for this time has stalled. */
#define STALLED_NS 5000000000ull
/* Interval at which a full buffer is looked at again. */
#define FULL_PAUSE_MS 20
#define NO_CLIENT_PAUSE_MS 5000
/* Time until connections are accepted again after accept4(2) has failed. */
#define ACCEPT_PAUSE_NS 1000000000ull
/* Maximum time to wait at the start for another process that creates a socket there. */
#define LOCK_ATTEMPTS 100
#define LOCK_INTERVAL_US 20000

/* Offsets count the bytes of all lines since the start. */
struct client {
	struct client *next;
	int fd;
	bool closed;
	bool reset; /* closed with bytes unread */
	uint64_t position; /* offset of the next byte to be sent */
	uint64_t acked; /* everything before it has been read, or lost */
	uint64_t progress_ns; /* CLOCK_BOOTTIME of the last byte that it took */
	char *own; /* to be sent before `position`: the rest of a line, or a lost line */
	size_t own_bytes;
	size_t own_sent;
	uint64_t lost; /* lines that have not been reported to it */
	uint64_t reported; /* lines that `own` reports; 0: it is the rest of a line */
	uint64_t lost_from_ns; /* CLOCK_BOOTTIME: the earliest time of their events */
};

struct listener {
	struct output_device device; /* fd: the epoll set below */
	struct unix_address address;
	dev_t socket_device; /* identity of the socket file, so that no other is removed */
	ino_t socket_inode;
	int fd;
	bool accepts; /* fd is polled */
	uint64_t accept_ns; /* time to poll it again */
	bool refusal_logged;
	struct client *first;
	size_t count;
	drop_notice_fn encode_drop_notice;
	void *drop_notice_context;
	char *notice; /* a buffer for one line */
	char *lines;
	size_t limit_bytes; /* maximum bytes in the buffer, which has twice the size */
	size_t start; /* index of the line at `base` */
	uint64_t base; /* offset of the first line in the buffer */
	uint64_t end;
	uint64_t base_seq; /* number of the line at `base` */
	size_t part_bytes;
	uint64_t part_ns[PARTS]; /* CLOCK_BOOTTIME, at offset / part_bytes % PARTS */
	uint64_t received; /* everything before it has been read by a client */
	uint64_t client_lost; /* sum of the lines that single clients lost */
};

static struct listener *to_listener(struct output_device *device)
{
	return (struct listener *)device;
}

static uint64_t count_lines(const char *lines, size_t length)
{
	uint64_t count = 0;

	for (const char *end = lines + length; lines < end; count++) {
		const char *newline = memchr(lines, '\n', (size_t)(end - lines));

		lines = newline ? newline + 1 : end;
	}
	return count;
}

/* --- the socket */

static int epoll_set(int epoll, int operation, int fd, uint32_t events, void *pointer)
{
	struct epoll_event event = { .events = events, .data.ptr = pointer };

	return epoll_ctl(epoll, operation, fd, &event) ? -errno : 0;
}

/* Returns true if a process accepts connections there. */
static bool is_live(const struct unix_address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;

	if (connect(fd, (const struct sockaddr *)&address->address, address->length))
		error = errno;
	if (fd >= 0)
		close(fd);
	return error != ECONNREFUSED;
}

/* Removes the socket of a dead process, and nothing else. Does not follow symbolic links. */
static int remove_stale(const char *path, const struct unix_address *address)
{
	struct stat status;

	if (lstat(path, &status))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	if (is_live(address))
		return -EADDRINUSE;
	return unlink(path) ? -errno : 0;
}

/* Gives the socket file to the group, and remembers its identity. Nobody can connect before
 * listen(2). */
static int own_socket_file(struct listener *listener)
{
	const struct output_target *target = listener->device.target;
	int fd = open(target->path, O_PATH | O_NOFOLLOW | O_CLOEXEC), result = 0;
	struct stat status;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) || !S_ISSOCK(status.st_mode))
		result = -EEXIST; /* another process has replaced it */
	else if (target->options.socket_group != (gid_t)-1 &&
		 fchownat(fd, "", (uid_t)-1, target->options.socket_group, AT_EMPTY_PATH))
		result = -errno;
	close(fd);
	if (result)
		return result;
	listener->socket_device = status.st_dev;
	listener->socket_inode = status.st_ino;
	return 0;
}

static int bind_and_listen(struct listener *listener)
{
	const struct output_target *target = listener->device.target;
	bool is_abstract = target->path[0] == '@';
	int result = is_abstract ? 0 : remove_stale(target->path, &listener->address);
	mode_t previous;

	if (result)
		return result;
	previous = umask(~target->options.socket_mode & 0777);
	if (bind(listener->fd, (struct sockaddr *)&listener->address.address,
		 listener->address.length))
		result = -errno;
	umask(previous);
	if (!result && !is_abstract)
		result = own_socket_file(listener);
	if (!result && listen(listener->fd, LISTEN_BACKLOG))
		result = -errno;
	return result;
}

/*
 * Locks the directory of the socket, so that two processes that start at once do not take each
 * other's socket, bound but not yet listening, for that of a dead process. Returns a descriptor to
 * be closed, -EBUSY, or -1 if the directory cannot be read: then there is no lock.
 */
static int lock_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory =
		slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	free(directory);
	if (fd < 0)
		return -1;
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK; i++) {
		if (i == LOCK_ATTEMPTS) {
			close(fd);
			return -EBUSY;
		}
		usleep(LOCK_INTERVAL_US);
	}
	return fd;
}

static int start_listening(struct listener *listener)
{
	const char *path = listener->device.target->path;
	int result = unix_address_make(&listener->address, path), lock = -1;

	if (!result && path[0] != '@')
		lock = lock_directory(path);
	if (lock == -EBUSY)
		return lock;
	if (!result)
		result = bind_and_listen(listener);
	if (lock >= 0)
		close(lock);
	return result;
}

static int listener_check(const struct output_target *target)
{
	return output_unix_stream_ops.check(target);
}

static struct output_device *listener_new(const struct output_target *target)
{
	struct listener *created = calloc(1, sizeof(*created));

	if (!created)
		return NULL;
	created->device.target = target;
	created->device.fd = -1;
	created->fd = -1;
	return &created->device;
}

static int listener_open(struct output_device *device)
{
	struct listener *listener = to_listener(device);
	size_t line_max_bytes = device->target->options.line_max_bytes;
	int result;

	listener->limit_bytes = BUFFER_BYTES + line_max_bytes;
	listener->part_bytes = listener->limit_bytes / (PARTS - 2); /* some bytes remain */
	listener->lines = malloc(2 * listener->limit_bytes);
	listener->notice = malloc(line_max_bytes);
	if (!listener->lines || !listener->notice)
		return -ENOMEM;
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return -errno;
	device->fd = epoll_create1(EPOLL_CLOEXEC);
	if (device->fd < 0)
		return -errno;
	result = start_listening(listener);
	if (!result)
		result = epoll_set(device->fd, EPOLL_CTL_ADD, listener->fd, EPOLLIN, NULL);
	listener->accepts = !result;
	return result;
}

static void remove_own_socket(const struct listener *listener)
{
	const char *path = listener->device.target->path;
	struct stat status;

	if (!listener->socket_inode || lstat(path, &status))
		return;
	if (status.st_dev == listener->socket_device && status.st_ino == listener->socket_inode)
		unlink(path);
}

/* --- the buffer */

static const char *line_at(const struct listener *listener, uint64_t offset)
{
	return listener->lines + listener->start + (offset - listener->base);
}

/* Returns the start of the line that contains, or begins at, an offset. */
static uint64_t line_start(const struct listener *listener, uint64_t offset)
{
	const char *newline =
		memrchr(line_at(listener, listener->base), '\n', (size_t)(offset - listener->base));

	return newline ? listener->base +
				 (uint64_t)(newline + 1 - line_at(listener, listener->base))
		       : listener->base;
}

/* Drops the lines that a client has read and that no client needs. */
static void drop_received(struct listener *listener)
{
	uint64_t base = listener->received;

	for (const struct client *client = listener->first; client; client = client->next)
		base = client->position < base ? client->position : base;
	base = line_start(listener, base);
	listener->base_seq +=
		count_lines(line_at(listener, listener->base), (size_t)(base - listener->base));
	listener->start += (size_t)(base - listener->base);
	listener->base = base;
}

/* Sets the earliest time of `length` bytes that are appended, in each part that they touch. */
static void set_part_times(struct listener *listener, size_t length, uint64_t earliest_ns)
{
	uint64_t begun = listener->end % listener->part_bytes;
	uint64_t part = listener->end / listener->part_bytes;
	uint64_t last = (listener->end + length - 1) / listener->part_bytes;

	if (begun && listener->part_ns[part % PARTS] < earliest_ns)
		part++;
	for (; part <= last; part++)
		listener->part_ns[part % PARTS] = earliest_ns;
}

/* Returns a time that no line between two offsets precedes. */
static uint64_t find_earliest_ns(const struct listener *listener, uint64_t from, uint64_t to)
{
	uint64_t earliest = UINT64_MAX;

	for (uint64_t part = from / listener->part_bytes; part <= (to - 1) / listener->part_bytes;
	     part++)
		if (listener->part_ns[part % PARTS] < earliest)
			earliest = listener->part_ns[part % PARTS];
	return earliest;
}

/* Appends lines, for which there is room. */
static void append(struct listener *listener, const char *lines, size_t length,
		   const struct output_batch *batch)
{
	size_t used = (size_t)(listener->end - listener->base);
	uint64_t now_ns = clock_boot_ns();

	if (!used) {
		listener->start = 0;
		listener->base_seq = batch->first_seq;
	}
	if (listener->start + used + length > 2 * listener->limit_bytes) {
		memmove(listener->lines, listener->lines + listener->start, used);
		listener->start = 0;
	}
	memcpy(listener->lines + listener->start + used, lines, length);
	for (struct client *client = listener->first; client; client = client->next)
		if (client->position == listener->end && !client->own)
			client->progress_ns = now_ns;
	set_part_times(listener, length, batch->earliest_ns);
	listener->end += length;
}

/* --- clients */

/* Stores the error of the client's socket. */
static void check_error(struct client *client)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length) || !error)
		return;
	client->closed = true;
	client->reset = true;
}

/* Advances client->acked. A client that closes sets the error before it frees what it has not read
 * (net/unix/af_unix.c, unix_release_sock()). */
static void update_acked(struct listener *listener, struct client *client)
{
	uint64_t acked = client->position;
	int unread = 0;

	if (client->acked == client->position || client->closed ||
	    ioctl(client->fd, SIOCOUTQ, &unread))
		return;
	check_error(client);
	if (client->closed)
		return;
	acked = acked > (uint64_t)unread ? acked - (uint64_t)unread : 0;
	if (acked <= client->acked)
		return;
	client->acked = acked;
	client->progress_ns = clock_boot_ns();
	if (acked > listener->received)
		listener->received = acked;
}

/* Adds what a client has read that closed its socket with nothing unread. */
static void update_acked_closed(struct listener *listener, struct client *client)
{
	if (!client->reset) {
		shutdown(client->fd, SHUT_WR); /* waits for the other end's close(2) */
		check_error(client);
	}
	if (!client->reset && client->position > listener->received)
		listener->received = client->position;
}

static void client_free(struct client *client)
{
	close(client->fd);
	free(client->own);
	free(client);
}

static void set_accepting(struct listener *listener, bool accepts)
{
	if (listener->accepts == accepts)
		return;
	listener->accepts = accepts;
	listener->accept_ns = clock_boot_ns() + ACCEPT_PAUSE_NS;
	epoll_set(listener->device.fd, EPOLL_CTL_MOD, listener->fd, accepts ? EPOLLIN : 0, NULL);
}

/* Removes the clients that are marked as closed. */
static void reap_closed(struct listener *listener)
{
	struct client **link = &listener->first;

	while (*link) {
		struct client *client = *link;

		if (!client->closed) {
			link = &client->next;
			continue;
		}
		update_acked_closed(listener, client);
		*link = client->next;
		listener->count--;
		client_free(client);
		set_accepting(listener, true);
		if (listener->count + 1 < listener->device.target->options.max_clients)
			listener->refusal_logged = false;
	}
}

/* Sends bytes without waiting. Returns the number that was taken. */
static size_t send_bytes(struct listener *listener, struct client *client, const char *bytes,
			 size_t length)
{
	size_t done = 0;

	while (done < length && !client->closed) {
		ssize_t sent =
			send(client->fd, bytes + done, length - done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0)
			done += (size_t)sent;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR) {
			client->closed = true;
			client->reset = errno == ECONNRESET;
		}
	}
	if (done) {
		client->progress_ns = clock_boot_ns();
		listener->device.progress++;
	}
	return done;
}

/* Queues bytes to be sent before the lines of the buffer. */
static void set_own(struct client *client, const char *bytes, size_t length)
{
	client->own = malloc(length);
	if (!client->own) {
		client->closed = true; /* a torn or missing line would go unnoticed */
		client->reset = true;
		return;
	}
	memcpy(client->own, bytes, length);
	client->own_bytes = length;
	client->own_sent = 0;
}

/* Queues the line that reports the lost lines, which are those before client->position. */
static void queue_drop_notice(struct listener *listener, struct client *client)
{
	uint64_t seq =
		listener->base_seq + count_lines(line_at(listener, listener->base),
						 (size_t)(client->position - listener->base));
	size_t length = listener->encode_drop_notice(listener->drop_notice_context, client->lost,
						     client->lost_from_ns, clock_boot_ns(),
						     seq ? seq - 1 : 0, listener->notice);

	client->reported = client->lost;
	client->lost = 0;
	set_own(client, listener->notice, length);
}

/* Returns true if all of client->own has been sent. */
static bool send_own(struct listener *listener, struct client *client)
{
	client->own_sent += send_bytes(listener, client, client->own + client->own_sent,
				       client->own_bytes - client->own_sent);
	if (client->own_sent < client->own_bytes)
		return false;
	free(client->own);
	client->own = NULL;
	client->reported = 0;
	return true;
}

/* Takes back a lost line of which nothing has been sent, so that one line reports all losses. */
static void withdraw_drop_notice(struct client *client)
{
	if (!client->reported || client->own_sent)
		return;
	client->lost = client->reported;
	client->reported = 0;
	free(client->own);
	client->own = NULL;
}

static void send_pending(struct listener *listener, struct client *client)
{
	while (!client->closed && (client->own || client->lost)) {
		if (!client->own)
			queue_drop_notice(listener, client);
		if (client->own && !send_own(listener, client))
			return;
	}
	client->position += send_bytes(listener, client, line_at(listener, client->position),
				       (size_t)(listener->end - client->position));
}

static void send_to_all(struct listener *listener)
{
	for (struct client *client = listener->first; client; client = client->next) {
		send_pending(listener, client);
		update_acked(listener, client);
	}
	reap_closed(listener);
	drop_received(listener);
}

/* Makes a client lose its lines before the offset `to`, the start of a line. It gets the rest of
 * the line that was begun. */
static void skip_lines(struct listener *listener, struct client *client, uint64_t to)
{
	const char *from = line_at(listener, client->position);
	uint64_t from_ns, lost;

	if (client->position > listener->base && from[-1] != '\n') {
		size_t rest =
			(size_t)((const char *)memchr(from, '\n', (size_t)(to - client->position)) -
				 from) +
			1;

		set_own(client, from, rest);
		client->position += rest;
		from += rest;
	}
	if (client->position == to)
		return;
	withdraw_drop_notice(client);
	from_ns = find_earliest_ns(listener, client->position, to);
	if (!client->lost || from_ns < client->lost_from_ns)
		client->lost_from_ns = from_ns;
	lost = count_lines(from, (size_t)(to - client->position));
	client->lost += lost;
	listener->client_lost += lost;
	client->position = to;
	client->acked = to;
}

/*
 * Makes room for `length` more bytes. Returns false if that has to wait: nobody has read the first
 * lines yet, or a client that needs them makes progress and the ring buffer has room.
 */
static bool make_space(struct listener *listener, size_t length)
{
	uint64_t excess = listener->end - listener->base + length, now_ns = clock_boot_ns(), to;

	if (excess <= listener->limit_bytes)
		return true;
	to = listener->base + excess - listener->limit_bytes;
	to = line_start(listener, to - 1);
	to += (uint64_t)((const char *)memchr(line_at(listener, to), '\n',
					      (size_t)(listener->end - to)) -
			 line_at(listener, to)) +
	      1;
	if (listener->received < to)
		return false;
	for (const struct client *client = listener->first; client; client = client->next)
		if (client->position < to && !listener->device.urgent &&
		    now_ns - client->progress_ns < STALLED_NS)
			return false;
	for (struct client *client = listener->first; client; client = client->next)
		if (client->position < to)
			skip_lines(listener, client, to);
	drop_received(listener);
	return true;
}

/* Takes the lines for all clients, or none of them. */
static ssize_t listener_write(struct output_device *device, const char *lines, size_t length,
			      const struct output_batch *batch)
{
	struct listener *listener = to_listener(device);

	if (!listener->accepts && clock_boot_ns() > listener->accept_ns)
		set_accepting(listener, true);
	send_to_all(listener);
	if (!listener->count) {
		device->pause_ms = NO_CLIENT_PAUSE_MS;
		return -ENOTCONN;
	}
	if (!make_space(listener, length)) {
		device->pause_ms = FULL_PAUSE_MS;
		return -EBUSY;
	}
	append(listener, lines, length, batch);
	send_to_all(listener);
	return (ssize_t)length;
}

static enum output_action listener_classify(struct output_device *device, int error)
{
	(void)device;
	(void)error;
	return OUTPUT_PAUSE;
}

/* Adds a client, which begins with the first line that nobody has read. What it sends is not read:
 * that stays in its own socket buffer. */
static void add_client(struct listener *listener, int fd)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client ||
	    epoll_set(listener->device.fd, EPOLL_CTL_ADD, fd, EPOLLOUT | EPOLLET, client)) {
		free(client);
		close(fd);
		return;
	}
	client->fd = fd;
	client->position = line_start(listener, listener->received);
	client->acked = client->position;
	client->progress_ns = clock_boot_ns();
	client->next = listener->first;
	listener->first = client;
	listener->count++;
	send_pending(listener, client);
}

static void accept_client(struct listener *listener)
{
	const struct output_target *target = listener->device.target;
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0 && listener->count < target->options.max_clients) {
		add_client(listener, fd);
		return;
	}
	if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR))
		return;
	if (!listener->refusal_logged && fd < 0)
		log_error("%s: cannot accept another client: %s", target->name, strerror(errno));
	else if (!listener->refusal_logged)
		log_error("%s: %zu clients are connected; others are refused, see --max-clients",
			  target->name, listener->count);
	listener->refusal_logged = true;
	if (fd < 0)
		set_accepting(listener, false);
	else
		close(fd);
}

static enum output_action listener_on_event(struct output_device *device, uint32_t polled)
{
	struct listener *listener = to_listener(device);
	struct epoll_event events[16];
	int found = epoll_wait(device->fd, events, 16, 0);

	(void)polled;
	for (int i = 0; i < found; i++) {
		struct client *client = events[i].data.ptr;

		if (!client)
			accept_client(listener);
		else if (events[i].events & (EPOLLERR | EPOLLHUP))
			client->closed = true;
		else
			send_pending(listener, client);
	}
	reap_closed(listener);
	return OUTPUT_CONTINUE;
}

static bool listener_lacks_clients(const struct output_device *device)
{
	return !((const struct listener *)device)->first;
}

static uint64_t listener_count_client_lost(const struct output_device *device)
{
	return ((const struct listener *)device)->client_lost;
}

/* Returns the lines that the slowest client waits for; without a client, those that the next one
 * would get. */
static uint64_t listener_count_pending(const struct output_device *device)
{
	const struct listener *listener = (const struct listener *)device;
	uint64_t position = listener->end, own = 0;

	if (!listener->first)
		position = line_start(listener, listener->received);
	for (const struct client *client = listener->first; client; client = client->next) {
		position = client->position < position ? client->position : position;
		own |= client->own || client->lost;
	}
	if (position == listener->end)
		return own;
	return own + count_lines(line_at(listener, position), (size_t)(listener->end - position));
}

static void listener_set_drop_notice(struct output_device *device, drop_notice_fn encode,
				     void *context)
{
	to_listener(device)->encode_drop_notice = encode;
	to_listener(device)->drop_notice_context = context;
}

static void listener_free(struct output_device *device)
{
	struct listener *listener = to_listener(device);

	while (listener->first) {
		struct client *client = listener->first;

		listener->first = client->next;
		client_free(client);
	}
	remove_own_socket(listener);
	if (listener->fd >= 0)
		close(listener->fd);
	if (device->fd >= 0)
		close(device->fd);
	free(listener->lines);
	free(listener->notice);
	free(listener);
}

const struct output_ops output_listener_ops = {
	.prefix = "unix-listen:",
	.needs = { .accepts = true },
	.idle_events = EPOLLIN,
	.check = listener_check,
	.new = listener_new,
	.free = listener_free,
	.open = listener_open,
	.write = listener_write,
	.classify = listener_classify,
	.on_event = listener_on_event,
	.count_pending = listener_count_pending,
	.lacks_clients = listener_lacks_clients,
	.count_client_lost = listener_count_client_lost,
	.set_drop_notice = listener_set_drop_notice,
};
