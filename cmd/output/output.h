/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queues whole lines and writes them to the destination of --output. A line that was begun is
 * finished. Where a connection breaks within a line, the whole line is sent again to the next
 * consumer, and so are lines that a stream socket had taken and its consumer did not read, possibly
 * with some lines before them that it did read.
 */
#ifndef EXECTAP_OUTPUT_H
#define EXECTAP_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OUTPUT_MAX_CLIENTS_DEFAULT 64

struct output;

struct output_options {
	const char *destination; /* borrowed */
	size_t line_max_bytes;
	size_t backlog_bytes; /* maximum memory for lines while the output takes nothing; 0: none */
	/* for file */
	mode_t file_mode; /* of a file that is created; umask(2) applies */
	size_t rotate_bytes; /* maximum size of the file; 0: none */
	unsigned int rotate_count; /* files that are kept besides */
	/* for unix-listen */
	mode_t socket_mode;
	gid_t socket_group; /* (gid_t)-1: unchanged */
	unsigned int max_clients; /* 0: OUTPUT_MAX_CLIENTS_DEFAULT */
};

/* System calls of a destination while the program runs. */
struct output_needs {
	int open_flags; /* for open(2); 0: opens no file */
	bool connects;
	bool accepts;
	const char *path; /* of the file that it opens, or of the socket that it removes, while the
			     program runs; NULL: none. Borrowed from the destination. */
};

/*
 * Encodes the line that reports `count` lost lines to one client of unix-listen; seq is the number
 * of the last of them. Returns its bytes, like encode_event().
 */
typedef size_t (*drop_notice_fn)(void *context, uint64_t count, uint64_t from_ns, uint64_t to_ns,
				 uint64_t seq, char *line);

/* Logs what is wrong with a destination and returns -EINVAL, or returns 0. */
int output_check_destination(const char *destination);

/* Returns true if the destination makes a socket file, which has a mode and a group. */
bool output_has_socket_file(const char *destination);

/* Copies the needs of a destination. Returns 0 or -EINVAL. */
int output_find_needs(const char *destination, struct output_needs *needs);

/*
 * Returns the longest line up to line_max_bytes that the destination takes: a datagram has to fit
 * into the buffer of its socket.
 */
size_t output_line_max_bytes(const char *destination, size_t line_max_bytes);

/*
 * Opens the destination. A consumer that is not there yet is no failure. Returns 0 or -errno:
 * -ECANCELED for an error that has been logged. Free with output_free(), which writes nothing.
 */
int output_new(struct output **output, const struct output_options *options);
void output_free(struct output *output);

/* Sets the function that encodes the `lost` line of one client of unix-listen. */
void output_set_drop_notice(struct output *output, drop_notice_fn encode, void *context);

/* Returns the descriptor to be polled for output_events(); -1 while there is no connection. */
int output_fd(const struct output *output);

/* Returns the number of times that the destination was opened: a descriptor of the same number is
 * another one after that. */
unsigned int output_opens(const struct output *output);

/* Returns the epoll(7) events to be polled for on output_fd(). `blocked`: output_flush() has
 * returned -EAGAIN or -ENOTCONN. */
uint32_t output_events(const struct output *output, bool blocked);

/*
 * Handles poll events on output_fd(). Returns 0, or -EPIPE where the consumer has closed the output
 * and that ends the program (stdout).
 */
int output_handle(struct output *output, uint32_t events);

/* Returns true if an output without a consumer is normal (unix-listen). */
bool output_may_lack_clients(const struct output *output);

/* Returns true if it has no consumer now, and that is normal. */
bool output_lacks_clients(const struct output *output);

/* Returns the sum of the lines that single clients of unix-listen lost. */
uint64_t output_count_client_lost(const struct output *output);

/*
 * Opens a file again, which logrotate(8) has moved away. Returns 0, also if the path leads to the
 * open file; or -errno, and lines go to the old file.
 */
int output_reopen(struct output *output);

/* Returns the buffer for one line, or NULL if output_flush() has to come first. */
char *output_buf(struct output *output);

/*
 * To be called after output_flush() has returned -EAGAIN or -ENOTCONN. Reports whether output_buf()
 * returns a buffer all the same, in a backlog, until output_flush() has written that.
 */
bool output_use_backlog(struct output *output);

/* Returns the bytes of lines in the backlog. */
size_t output_backlog_bytes(const struct output *output);

/*
 * Queues the line of `length` bytes with number seq that was written into output_buf(). time_ns is
 * that of its event (CLOCK_BOOTTIME).
 */
void output_commit(struct output *output, size_t length, uint64_t seq, uint64_t time_ns);

/* Reports if lines that were committed are not delivered yet. */
bool output_is_pending(const struct output *output);

/* Returns the number of lines that were committed and not delivered. */
uint64_t output_count_pending(const struct output *output);

/* Returns the text of the error that keeps the output from writing, or NULL. */
const char *output_outage(const struct output *output);

/* Returns a number that grows while the output takes bytes. */
uint64_t output_progress(const struct output *output);

/* Sets that the ring buffer is at least half full: clients of unix-listen that hold it up lose
 * lines. */
void output_set_urgent(struct output *output, bool urgent);

/*
 * Writes what was committed. Returns 0; -EAGAIN if the consumer takes no more now, or -ENOTCONN if
 * there is no consumer or the disk is full: nothing is lost, and it is to be called again when
 * output_fd() is ready or output_retry_ms() have passed. -EPIPE if the consumer of stdout has
 * closed it; -ECANCELED after another error, which has been logged.
 */
int output_flush(struct output *output);

/* Returns the time to wait after -EAGAIN and -ENOTCONN; -1: for output_fd() only. */
int output_retry_ms(const struct output *output);

/* Makes the next output_flush() connect without waiting for output_retry_ms(). */
void output_retry_now(struct output *output);

#endif
