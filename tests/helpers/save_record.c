// SPDX-License-Identifier: BSD-2-Clause
/*
 * save_record ARGS_MAX MARKER FILE PROGRAM [ARG...]: executes PROGRAM and writes the bytes of the
 * last record that contains MARKER to FILE, for tests without a kernel side. SAVE_RECORD=exit or
 * exec_failed selects records of these types.
 */
#include "capture/capture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int save(const char *path, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	return fd < 0 || write(fd, bytes, length) != (ssize_t)length || close(fd);
}

int main(int argc, char **argv)
{
	struct capture_options options = { .buffer_bytes = 16 << 20,
					   .events = EVENT_BIT(EVENT_EXEC),
					   .parent_args_bytes = 512 };
	const char *kind = getenv("SAVE_RECORD");
	struct capture *capture;
	const void *record, *last = NULL;
	size_t length, last_length = 0;

	if (argc < 5)
		return 2;
	options.args_max_bytes = (size_t)atol(argv[1]);
	if (kind) {
		options.events = EVENT_BIT(event_type_find(kind, strlen(kind)));
	}
	if (capture_new(&capture, &options)) {
		fprintf(stderr, "save_record: cannot capture\n");
		return 1;
	}
	if (fork() == 0) {
		execvp(argv[4], argv + 4);
		_exit(127);
	}
	wait(NULL);
	while (capture_next(capture, &record, &length))
		if (memmem(record, length, argv[2], strlen(argv[2]))) {
			last = record;
			last_length = length;
		}
	if (last)
		return save(argv[3], last, last_length);
	fprintf(stderr, "save_record: no record with %s\n", argv[2]);
	return 1;
}
