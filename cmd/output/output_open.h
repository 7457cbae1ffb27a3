/* SPDX-License-Identifier: BSD-2-Clause */
/* Where lines go: from the text of --output to an open descriptor. */
#ifndef EXECTAP_OUTPUT_OPEN_H
#define EXECTAP_OUTPUT_OPEN_H

#include <fcntl.h>
#include <stddef.h>

/* How much a stream socket takes that its reader has not read yet, counted as the kernel does
 * (socket(7), SO_SNDBUF) */
#define OUTPUT_STREAM_BUFFER_BYTES (128 * 1024)

enum output_kind {
	OUTPUT_STDOUT,
	OUTPUT_FILE,
	OUTPUT_UNIX_STREAM,
	OUTPUT_UNIX_DATAGRAM,
	OUTPUT_UNIX_LISTEN, /* readers.h */
};

struct output_target {
	enum output_kind kind;
	const char *name; /* as it was given; borrowed */
	const char *path; /* behind the colon; borrowed */
	size_t line_max_bytes; /* a datagram's socket is made large enough for this, if the host
				  allows it */
};

/* How a file is opened: for writing alone, open(2) would wait for the reader of a FIFO. */
#define OUTPUT_FILE_FLAGS (O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY)

/* Returns 0, or -EINVAL for what is no destination. */
int output_target_parse(const char *destination, struct output_target *target);

/*
 * Opens or connects. A file is created with mode 0600, appended to and not reached through a
 * symbolic link; where its last line was left unfinished, that is taken out if it is one of
 * exectap's, and ended if not. Returns the descriptor, which is the caller's (but 1 for stdout), or
 * -errno: EPROTOTYPE where a socket is of the other type.
 */
int output_target_open(const struct output_target *target);

/* The longest datagram that a socket sends whose buffer was made as large for wanted_bytes as this
 * host allows. */
size_t output_datagram_max_bytes(size_t wanted_bytes);

#endif
