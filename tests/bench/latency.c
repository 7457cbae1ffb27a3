// SPDX-License-Identifier: BSD-2-Clause
/*
 * latency MARKER: reads a tracer's lines from stdin to the end. For each line with
 * MARKER-WORKER-NUMBER-TIME (storm -t) it measures the time from the exec until read(2) returned
 * the end of the line. Prints the number of such lines and the 50th, 99th, 99.9th percentile and
 * maximum of the latency in microseconds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_BYTES (1 << 20)

struct latencies {
	long long *ns;
	size_t count;
	size_t room;
};

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void add(struct latencies *latencies, long long ns)
{
	if (latencies->count == latencies->room) {
		latencies->room = latencies->room ? 2 * latencies->room : 65536;
		latencies->ns = realloc(latencies->ns, latencies->room * sizeof(*latencies->ns));
		if (!latencies->ns)
			exit(1);
	}
	latencies->ns[latencies->count++] = ns;
}

/* Handles each complete line; returns their total length in bytes. */
static size_t take_lines(struct latencies *latencies, const char *marker, const char *bytes,
			 size_t length, long long read_ns)
{
	const char *line = bytes, *end;
	size_t marker_length = strlen(marker);

	while ((end = memchr(line, '\n', length - (size_t)(line - bytes)))) {
		const char *found = memmem(line, (size_t)(end - line), marker, marker_length);
		long long executed_ns;

		if (found && sscanf(found + marker_length, "-%*d-%*d-%lld", &executed_ns) == 1)
			add(latencies, read_ns - executed_ns);
		line = end + 1;
	}
	return (size_t)(line - bytes);
}

static int read_all(struct latencies *latencies, const char *marker)
{
	char *bytes = malloc(BLOCK_BYTES + 1);
	size_t length = 0, done;
	ssize_t got;

	if (!bytes)
		return -ENOMEM;
	while ((got = read(STDIN_FILENO, bytes + length, BLOCK_BYTES - length)) > 0) {
		long long read_ns = now_ns();

		length += (size_t)got;
		bytes[length] = '\0'; /* the end for sscanf() */
		done = take_lines(latencies, marker, bytes, length, read_ns);
		if (length - done == BLOCK_BYTES) /* the line exceeds the buffer */
			done = length;
		memmove(bytes, bytes + done, length - done);
		length -= done;
	}
	free(bytes);
	return got < 0 ? -errno : 0;
}

static int compare(const void *a, const void *b)
{
	long long left = *(const long long *)a, right = *(const long long *)b;

	return (left > right) - (left < right);
}

static double percentile_us(const struct latencies *latencies, double part)
{
	size_t rank = (size_t)((double)latencies->count * part);

	return (double)latencies->ns[rank < latencies->count ? rank : latencies->count - 1] / 1e3;
}

int main(int argc, char **argv)
{
	struct latencies latencies = { 0 };

	if (argc != 2) {
		fprintf(stderr, "usage: latency MARKER\n");
		return 2;
	}
	if (read_all(&latencies, argv[1]) || !latencies.count) {
		fprintf(stderr, "latency: no line with %s\n", argv[1]);
		return 1;
	}
	qsort(latencies.ns, latencies.count, sizeof(*latencies.ns), compare);
	printf("%zu %.0f %.0f %.0f %.0f\n", latencies.count, percentile_us(&latencies, 0.5),
	       percentile_us(&latencies, 0.99), percentile_us(&latencies, 0.999),
	       percentile_us(&latencies, 1));
	free(latencies.ns);
	return 0;
}
