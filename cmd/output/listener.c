// SPDX-License-Identifier: BSD-2-Clause
#include "output/listener.h"

#include "util/clock.h"
#include "util/unix_address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTEN_BACKLOG 128

struct reader {
	struct reader *next;
	int fd;
	bool gone;
	char *backlog; /* whole lines, but the first may be under way; allocated while there are any
			*/
	size_t backlog_used;
	size_t backlog_done;
	uint64_t lost; /* lines that it has not been told of */
	uint64_t lost_from_ns;
};

struct listener {
	struct listener_options options;
	struct unix_address address;
	dev_t device; /* of the socket, so that no one else's is removed */
	ino_t inode;
	int listener;
	int epoll;
	struct reader *first;
	size_t count;
	drop_notice_fn tell;
	void *tell_context;
	char *line; /* room for the line that tell() writes */
};

static int epoll_add(int epoll, int fd, uint32_t events, void *pointer)
{
	struct epoll_event event = { .events = events, .data.ptr = pointer };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* Whether someone accepts connections there. */
static bool is_live(const struct unix_address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int result = connect(fd, (const struct sockaddr *)&address->address, address->length)
			     ? errno
			     : 0;

	if (fd >= 0)
		close(fd);
	return result != ECONNREFUSED;
}

/* Clears the way for bind(2): only a socket, not through a symbolic link, and only one that no one
 * listens on. */
static int remove_stale(const char *path, const struct unix_address *address)
{
	struct stat status;

	if (path[0] == '@' || (lstat(path, &status) && errno == ENOENT))
		return 0;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	if (is_live(address))
		return -EADDRINUSE;
	return unlink(path) ? -errno : 0;
}

/* The socket has its mode before anyone can connect: bind(2) applies the umask, listen(2) comes
 * later. */
static int bind_socket(struct listener *listener)
{
	const char *path = listener->options.path;
	struct stat status;
	mode_t former = umask(0777);
	int result = bind(listener->listener, (struct sockaddr *)&listener->address.address,
			  listener->address.length);

	result = result ? -errno : 0;
	umask(former);
	if (result || path[0] == '@')
		return result;
	if (lstat(path, &status))
		return -errno;
	listener->device = status.st_dev;
	listener->inode = status.st_ino;
	if (listener->options.group != (gid_t)-1 &&
	    lchown(path, (uid_t)-1, listener->options.group))
		return -errno;
	return chmod(path, listener->options.mode) ? -errno : 0;
}

static int start_listening(struct listener *listener)
{
	int result = unix_address_make(&listener->address, listener->options.path);

	if (!result)
		result = remove_stale(listener->options.path, &listener->address);
	if (!result)
		result = bind_socket(listener);
	if (!result && listen(listener->listener, LISTEN_BACKLOG))
		result = -errno;
	return result ? result : epoll_add(listener->epoll, listener->listener, EPOLLIN, NULL);
}

int listener_new(struct listener **listener, const struct listener_options *options)
{
	struct listener *created = calloc(1, sizeof(*created));
	int result = 0;

	if (!created)
		return -ENOMEM;
	created->options = *options;
	created->line = malloc(options->line_max_bytes);
	created->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (created->listener < 0)
		result = -errno;
	created->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!result && created->epoll < 0)
		result = -errno;
	if (!result)
		result = created->line ? start_listening(created) : -ENOMEM;
	if (result) {
		listener_free(created);
		return result;
	}
	*listener = created;
	return 0;
}

static void reader_free(struct reader *reader)
{
	close(reader->fd);
	free(reader->backlog);
	free(reader);
}

/* Readers that are marked as gone leave the list; nobody else holds on to them. */
static void bury(struct listener *listener)
{
	struct reader **link = &listener->first;

	while (*link) {
		struct reader *reader = *link;

		if (!reader->gone) {
			link = &reader->next;
			continue;
		}
		*link = reader->next;
		listener->count--;
		reader_free(reader);
	}
}

static void remove_own_socket(const struct listener *listener)
{
	struct stat status;

	if (!listener->inode || lstat(listener->options.path, &status))
		return;
	if (status.st_dev == listener->device && status.st_ino == listener->inode)
		unlink(listener->options.path);
}

void listener_free(struct listener *listener)
{
	if (!listener)
		return;
	for (struct reader *reader = listener->first; reader; reader = reader->next)
		reader->gone = true;
	bury(listener);
	remove_own_socket(listener);
	if (listener->listener >= 0)
		close(listener->listener);
	if (listener->epoll >= 0)
		close(listener->epoll);
	free(listener->line);
	free(listener);
}

void listener_set_drop_notice(struct listener *listener, drop_notice_fn tell, void *context)
{
	listener->tell = tell;
	listener->tell_context = context;
}

int listener_fd(const struct listener *listener)
{
	return listener->epoll;
}

size_t listener_count(const struct listener *listener)
{
	return listener->count;
}

static void accept_reader(struct listener *listener)
{
	int fd = accept4(listener->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct reader *reader;

	if (fd < 0)
		return;
	reader = calloc(1, sizeof(*reader));
	/* what readers send is not read: it stays in their own buffer until that is full, and costs
	 * us nothing */
	if (!reader || epoll_add(listener->epoll, fd, EPOLLOUT | EPOLLET, reader)) {
		free(reader);
		close(fd);
		return;
	}
	reader->fd = fd;
	reader->next = listener->first;
	listener->first = reader;
	listener->count++;
}

/* Writes what it can of the bytes; returns how many. */
static size_t send_some(struct reader *reader, const char *bytes, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t sent =
			send(reader->fd, bytes + done, length - done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			done += (size_t)sent;
		} else if (errno != EINTR) {
			reader->gone = errno != EAGAIN;
			break;
		}
	}
	return done;
}

static void send_backlog(struct reader *reader)
{
	reader->backlog_done += send_some(reader, reader->backlog + reader->backlog_done,
					  reader->backlog_used - reader->backlog_done);
	if (reader->backlog_done < reader->backlog_used)
		return;
	free(reader->backlog);
	reader->backlog = NULL;
	reader->backlog_used = 0;
	reader->backlog_done = 0;
}

static void count_lost(struct reader *reader, const char *lines, size_t length)
{
	if (!reader->lost)
		reader->lost_from_ns = clock_boot_ns();
	for (const char *end = lines + length; lines < end;
	     lines = (const char *)memchr(lines, '\n', end - lines) + 1)
		reader->lost++;
}

/* Keeps lines (the first of which may have been begun) for later, as far as there is room for whole
 * ones. */
static void keep(struct listener *listener, struct reader *reader, const char *lines, size_t length)
{
	size_t most = LISTENER_BACKLOG_BYTES + listener->options.line_max_bytes, fits = 0;

	if (!reader->backlog)
		reader->backlog = malloc(most);
	if (reader->backlog)
		fits = most - reader->backlog_used < length ? most - reader->backlog_used : length;
	while (fits && lines[fits - 1] != '\n')
		fits--;
	if (fits)
		memcpy(reader->backlog + reader->backlog_used, lines, fits);
	reader->backlog_used += fits;
	if (fits < length)
		count_lost(reader, lines + fits, length - fits);
}

/* A reader that lost lines hears of it before it gets others. */
static void send_drop_notice(struct listener *listener, struct reader *reader, uint64_t first_seq)
{
	size_t length, sent;

	if (!reader->lost || reader->backlog || !listener->tell)
		return;
	length = listener->tell(listener->tell_context, reader->lost, reader->lost_from_ns,
				clock_boot_ns(), first_seq ? first_seq - 1 : 0, listener->line);
	reader->lost = 0;
	sent = send_some(reader, listener->line, length);
	if (sent < length)
		keep(listener, reader, listener->line + sent, length - sent);
}

static void write_to(struct listener *listener, struct reader *reader, const char *lines,
		     size_t length, uint64_t first_seq)
{
	size_t sent = 0;

	if (reader->backlog)
		send_backlog(reader);
	send_drop_notice(listener, reader, first_seq);
	if (!reader->backlog && !reader->lost)
		sent = send_some(reader, lines, length);
	if (sent == length || reader->gone)
		return;
	if (reader->lost)
		count_lost(reader, lines, length);
	else
		keep(listener, reader, lines + sent, length - sent);
}

void listener_write(struct listener *listener, const char *lines, size_t length, uint64_t first_seq)
{
	for (struct reader *reader = listener->first; reader; reader = reader->next)
		write_to(listener, reader, lines, length, first_seq);
	bury(listener);
}

void listener_handle(struct listener *listener)
{
	struct epoll_event events[16];
	int found = epoll_wait(listener->epoll, events, 16, 0);

	for (int i = 0; i < found; i++) {
		struct reader *reader = events[i].data.ptr;

		if (!reader)
			accept_reader(listener);
		else if (events[i].events & (EPOLLERR | EPOLLHUP))
			reader->gone = true;
		else if (reader->backlog)
			send_backlog(reader);
	}
	bury(listener);
}

bool listener_are_pending(const struct listener *listener)
{
	for (const struct reader *reader = listener->first; reader; reader = reader->next)
		if (reader->backlog)
			return true;
	return false;
}
