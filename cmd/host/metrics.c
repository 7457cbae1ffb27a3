// SPDX-License-Identifier: BSD-2-Clause
#include "host/metrics.h"

#include "util/log.h"
#include "util/next_path.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX_BYTES (16 * 1024)
#define NS_PER_S 1000000000ull

struct metrics {
	const char *path;
	char next_path[PATH_MAX];
	const char *name; /* of the current metric */
	char text[TEXT_MAX_BYTES];
	size_t length;
	bool has_failed; /* and that has been logged */
};

int metrics_new(struct metrics **metrics, const char *path)
{
	struct metrics *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	created->path = path;
	result = next_path_format(created->next_path, sizeof(created->next_path), path);
	if (result) {
		free(created);
		return result;
	}
	*metrics = created;
	return 0;
}

void metrics_free(struct metrics *metrics)
{
	free(metrics);
}

void metrics_begin(struct metrics *metrics)
{
	metrics->length = 0;
}

/* Appends text; what does not fit makes metrics_commit() fail. */
static void append(struct metrics *metrics, const char *format, ...)
{
	size_t capacity = sizeof(metrics->text) - metrics->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(metrics->text + metrics->length, capacity, format, arguments);
	va_end(arguments);
	metrics->length += length < 0 || (size_t)length >= capacity ? capacity : (size_t)length;
}

void metrics_add(struct metrics *metrics, const char *name, enum metrics_type type,
		 const char *help)
{
	metrics->name = name;
	append(metrics, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
	       type == METRICS_COUNTER ? "counter" : "gauge");
}

void metrics_value(struct metrics *metrics, const char *labels, uint64_t value)
{
	if (labels)
		append(metrics, "%s{%s} %" PRIu64 "\n", metrics->name, labels, value);
	else
		append(metrics, "%s %" PRIu64 "\n", metrics->name, value);
}

void metrics_seconds(struct metrics *metrics, uint64_t value_ns)
{
	append(metrics, "%s %" PRIu64 ".%09" PRIu64 "\n", metrics->name, value_ns / NS_PER_S,
	       value_ns % NS_PER_S);
}

static int write_text(const struct metrics *metrics, int fd)
{
	ssize_t written = write(fd, metrics->text, metrics->length);

	if (written < 0)
		return -errno;
	return (size_t)written == metrics->length ? 0 : -ENOSPC;
}

static int replace_file(const struct metrics *metrics)
{
	int fd, result;

	if (metrics->length >= sizeof(metrics->text))
		return -E2BIG;
	fd = open(metrics->next_path, METRICS_OPEN_FLAGS, 0644);
	if (fd < 0)
		return -errno;
	result = write_text(metrics, fd);
	if (close(fd) && !result)
		result = -errno;
	if (!result && rename(metrics->next_path, metrics->path))
		result = -errno;
	return result;
}

int metrics_commit(struct metrics *metrics)
{
	int result = replace_file(metrics);

	if (result && !metrics->has_failed)
		log_error("cannot write %s: %s; metrics are stale until it works", metrics->path,
			  strerror(-result));
	if (!result && metrics->has_failed)
		log_info("%s: goes on", metrics->path);
	metrics->has_failed = result;
	return result;
}
