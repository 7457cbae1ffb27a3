// SPDX-License-Identifier: BSD-2-Clause
#include "readers.h"

#include "clock.h"
#include "unix_address.h"

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
	char *backlog; /* whole lines, but the first may be under way; allocated while there are any */
	size_t backlog_used;
	size_t backlog_done;
	uint64_t lost; /* lines that it has not been told of */
	uint64_t lost_from_ns;
};

struct readers {
	struct readers_options options;
	struct unix_address address;
	dev_t device; /* of the socket, so that no one else's is removed */
	ino_t inode;
	int listener;
	int epoll;
	struct reader *first;
	size_t count;
	readers_tell tell;
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
	int result = connect(fd, (const struct sockaddr *)&address->address, address->length) ? errno : 0;

	if (fd >= 0)
		close(fd);
	return result != ECONNREFUSED;
}

/* Clears the way for bind(2): only a socket, not through a symbolic link, and only one that no one listens on. */
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

/* The socket has its mode before anyone can connect: bind(2) applies the umask, listen(2) comes later. */
static int bind_socket(struct readers *readers)
{
	const char *path = readers->options.path;
	struct stat status;
	mode_t former = umask(0777);
	int result = bind(readers->listener, (struct sockaddr *)&readers->address.address, readers->address.length);

	result = result ? -errno : 0;
	umask(former);
	if (result || path[0] == '@')
		return result;
	if (lstat(path, &status))
		return -errno;
	readers->device = status.st_dev;
	readers->inode = status.st_ino;
	if (readers->options.group != (gid_t)-1 && lchown(path, (uid_t)-1, readers->options.group))
		return -errno;
	return chmod(path, readers->options.mode) ? -errno : 0;
}

static int start_listening(struct readers *readers)
{
	int result = unix_address_make(&readers->address, readers->options.path);

	if (!result)
		result = remove_stale(readers->options.path, &readers->address);
	if (!result)
		result = bind_socket(readers);
	if (!result && listen(readers->listener, LISTEN_BACKLOG))
		result = -errno;
	return result ? result : epoll_add(readers->epoll, readers->listener, EPOLLIN, NULL);
}

int readers_new(struct readers **readers, const struct readers_options *options)
{
	struct readers *created = calloc(1, sizeof(*created));
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
		readers_free(created);
		return result;
	}
	*readers = created;
	return 0;
}

static void reader_free(struct reader *reader)
{
	close(reader->fd);
	free(reader->backlog);
	free(reader);
}

/* Readers that are marked as gone leave the list; nobody else holds on to them. */
static void bury(struct readers *readers)
{
	struct reader **link = &readers->first;

	while (*link) {
		struct reader *reader = *link;

		if (!reader->gone) {
			link = &reader->next;
			continue;
		}
		*link = reader->next;
		readers->count--;
		reader_free(reader);
	}
}

static void remove_own_socket(const struct readers *readers)
{
	struct stat status;

	if (!readers->inode || lstat(readers->options.path, &status))
		return;
	if (status.st_dev == readers->device && status.st_ino == readers->inode)
		unlink(readers->options.path);
}

void readers_free(struct readers *readers)
{
	if (!readers)
		return;
	for (struct reader *reader = readers->first; reader; reader = reader->next)
		reader->gone = true;
	bury(readers);
	remove_own_socket(readers);
	if (readers->listener >= 0)
		close(readers->listener);
	if (readers->epoll >= 0)
		close(readers->epoll);
	free(readers->line);
	free(readers);
}

void readers_set_tell(struct readers *readers, readers_tell tell, void *context)
{
	readers->tell = tell;
	readers->tell_context = context;
}

int readers_fd(const struct readers *readers)
{
	return readers->epoll;
}

size_t readers_count(const struct readers *readers)
{
	return readers->count;
}

static void accept_reader(struct readers *readers)
{
	int fd = accept4(readers->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct reader *reader;

	if (fd < 0)
		return;
	reader = calloc(1, sizeof(*reader));
	/* what readers send is not read: it stays in their own buffer until that is full, and costs us nothing */
	if (!reader || epoll_add(readers->epoll, fd, EPOLLOUT | EPOLLET, reader)) {
		free(reader);
		close(fd);
		return;
	}
	reader->fd = fd;
	reader->next = readers->first;
	readers->first = reader;
	readers->count++;
}

/* Writes what it can of the bytes; returns how many. */
static size_t send_some(struct reader *reader, const char *bytes, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t sent = send(reader->fd, bytes + done, length - done, MSG_NOSIGNAL | MSG_DONTWAIT);

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
	reader->backlog_done +=
		send_some(reader, reader->backlog + reader->backlog_done, reader->backlog_used - reader->backlog_done);
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
	for (const char *end = lines + length; lines < end; lines = (const char *)memchr(lines, '\n', end - lines) + 1)
		reader->lost++;
}

/* Keeps lines (the first of which may have been begun) for later, as far as there is room for whole ones. */
static void keep(struct readers *readers, struct reader *reader, const char *lines, size_t length)
{
	size_t most = READERS_BACKLOG_BYTES + readers->options.line_max_bytes, fits = 0;

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
static void tell_lost(struct readers *readers, struct reader *reader, uint64_t first_seq)
{
	size_t length, sent;

	if (!reader->lost || reader->backlog || !readers->tell)
		return;
	length = readers->tell(readers->tell_context, reader->lost, reader->lost_from_ns, clock_boot_ns(),
			       first_seq ? first_seq - 1 : 0, readers->line);
	reader->lost = 0;
	sent = send_some(reader, readers->line, length);
	if (sent < length)
		keep(readers, reader, readers->line + sent, length - sent);
}

static void write_to(struct readers *readers, struct reader *reader, const char *lines, size_t length,
		     uint64_t first_seq)
{
	size_t sent = 0;

	if (reader->backlog)
		send_backlog(reader);
	tell_lost(readers, reader, first_seq);
	if (!reader->backlog && !reader->lost)
		sent = send_some(reader, lines, length);
	if (sent == length || reader->gone)
		return;
	if (reader->lost)
		count_lost(reader, lines, length);
	else
		keep(readers, reader, lines + sent, length - sent);
}

void readers_write(struct readers *readers, const char *lines, size_t length, uint64_t first_seq)
{
	for (struct reader *reader = readers->first; reader; reader = reader->next)
		write_to(readers, reader, lines, length, first_seq);
	bury(readers);
}

void readers_handle(struct readers *readers)
{
	struct epoll_event events[16];
	int found = epoll_wait(readers->epoll, events, 16, 0);

	for (int i = 0; i < found; i++) {
		struct reader *reader = events[i].data.ptr;

		if (!reader)
			accept_reader(readers);
		else if (events[i].events & (EPOLLERR | EPOLLHUP))
			reader->gone = true;
		else if (reader->backlog)
			send_backlog(reader);
	}
	bury(readers);
}

bool readers_are_pending(const struct readers *readers)
{
	for (const struct reader *reader = readers->first; reader; reader = reader->next)
		if (reader->backlog)
			return true;
	return false;
}
