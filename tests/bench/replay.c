// SPDX-License-Identifier: BSD-2-Clause
/*
 * replay [RECORDS]: passes the recorded ring buffer bytes of tests/unit/records through the stages
 * of user space to /dev/null, in each format, without the kernel side: RECORDS (default EVENTS)
 * records, ROUNDS times.
 *
 * Prints the events per second of CPU time (there is one thread) and the nanoseconds of each stage.
 * The time of a stage is the difference between the pipe that ends with it and the one that ends
 * before it, so that no clock is read in between; each is the median of the rounds. Times of a few
 * nanoseconds can result in 0.
 *
 * Then the cost of an exec by the bytes that its caller chooses: for each of `shapes` the
 * nanoseconds of all stages, in each format, and their ratio to those of 15,200 plain bytes in one
 * argument.
 *
 * replay --shapes: passes one record of each shape, in each format, and prints neither.
 */
#include "encode/encode.h"
#include "event/context.h"
#include "event/decode.h"
#include "event/enrich.h"
#include "event/filter.h"
#include "fixture.h"
#include "output/output.h"
#include "redact/redact.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 200000
#define ROUNDS 5
#define LINE_MAX_BYTES 15360
#define MIX_RECORDS 1000

enum stage {
	DECODE,
	ENRICH,
	FILTER,
	REDACT,
	ENCODE,
	SINK,
	STAGES,
};

static const char *const stage_names[STAGES] = { "decode", "enrich", "filter",
						 "redact", "encode", "output" };
/* The default options with each format, and native with --redact. */
static const struct kind {
	const char *name;
	const char *format;
	bool redact;
} kinds[] = {
	{ "native", "native", false },
	{ "ecs", "ecs", false },
	{ "ocsf", "ocsf", false },
	{ "redact", "native", true },
};

#define SHAPE_ARGS_BYTES 15200
#define SHAPE_RECORDS 200

/* The caller's strings: args, or with `paths` each path, repeat the unit. */
static const struct shape {
	const char *name;
	struct text unit;
	bool paths;
} shapes[] = {
	{ "plain", { "a", 1 }, false },
	{ "control", { "\x01", 1 }, false },
	{ "quote", { "\"", 1 }, false },
	{ "newline", { "\n", 1 }, false },
	{ "mixed", { "a\x01", 2 }, false },
	{ "0xff", { "\xff", 1 }, false },
	{ "truncated", { "\xf0\x9f\x98", 3 }, false },
	{ "surrogate", { "\xed\xa0\x80", 3 }, false },
	{ "mixed 0xff", { "a\xff", 2 }, false },
	{ "mixed cut", { "a\xf0\x9f\x98", 4 }, false },
	{ "two-byte", { "\xc3\xa9", 2 }, false },
	{ "four-byte", { "\xf0\x9f\x98\x80", 4 }, false },
	{ "c1", { "\xc2\x9b", 2 }, false },
	{ "bidi", { "\xe2\x80\xae", 3 }, false },
	{ "empty", { "\0", 1 }, false },
	{ "tiny", { "a\0", 2 }, false },
	{ "words", { "ab\0", 3 }, false },
	{ "tiny 0xff", { "\xff\0", 2 }, false },
	{ "mixed bidi", { "\xe2\x80\xae\xc3\xa9", 5 }, false },
	{ "words 0xff", { "\xff\0ab\0", 5 }, false },
	{ "lines", { "a \0", 3 }, false },
	{ "options", { "-a\0", 3 }, false },
	{ "paths 0x01", { "\x01", 1 }, true },
	{ "paths 0xff", { "\xff", 1 }, true },
	{ "paths a", { "a", 1 }, true },
	{ "paths cut", { "a\xf0\x9f\x98", 4 }, true },
	{ "paths bidi", { "a\xe2\x80\xae", 4 }, true },
};

struct replay {
	struct {
		const void *bytes;
		size_t length;
	} mix[MIX_RECORDS];
	struct enricher *enricher;
	struct filter *filter;
	struct redactor *redactor;
	const struct encode_format *format;
	struct output *output;
	struct event event;
	uint64_t seq;
};

/*
 * A mix like that of a host: short commands, some with bytes that are not UTF-8, and one in
 * MIX_RECORDS each that the kernel side truncated, and whose line has the maximum length.
 */
static const struct {
	const char *file;
	int weight;
} weights[] = {
	{ "plain", 498 }, { "root", 150 }, { "script", 150 }, { "user", 150 },
	{ "bytes", 50 },  { "cut", 1 },	   { "long", 1 },
};

static void fail(const char *what)
{
	fprintf(stderr, "replay: %s failed\n", what);
	exit(1);
}

/* Distributes each kind over the mix, in a fixed order. */
static void load_mix(struct replay *replay)
{
	size_t place = 0;

	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		char path[256];
		size_t length;
		void *bytes;

		snprintf(path, sizeof(path), "tests/unit/records/%s.bin", weights[i].file);
		bytes = fixture_read(path, &length);
		for (int k = 0; k < weights[i].weight; k++) {
			replay->mix[place].bytes = bytes;
			replay->mix[place].length = length;
			place = (place + 37) % MIX_RECORDS; /* 37 and MIX_RECORDS are coprime */
		}
	}
}

static void open_pipe(struct replay *replay, const struct kind *kind)
{
	struct output_options output = { .destination = "-", .line_max_bytes = LINE_MAX_BYTES };
	struct enrich_facts facts;

	replay->format = encode_find(kind->format);
	if (enrich_read_facts(&facts) || enrich_new(&replay->enricher, NULL, &facts) ||
	    filter_new(&replay->filter) || redact_new(&replay->redactor) ||
	    output_new(&replay->output, &output) || context_new(&replay->event.contexts))
		fail("opening the pipe");
	if (kind->redact)
		redact_add_builtin(replay->redactor);
}

static void close_pipe(struct replay *replay)
{
	context_free(replay->event.contexts);
	output_free(replay->output);
	redact_free(replay->redactor);
	filter_free(replay->filter);
	enrich_free(replay->enricher);
}

/* Passes one record through the stages up to `last`, like pipeline.c. */
static void push(struct replay *replay, const void *bytes, size_t bytes_length, enum stage last)
{
	struct event *event = &replay->event;
	char *line;
	size_t length;

	if (decode_record(bytes, bytes_length, event))
		fail("decode");
	if (last == DECODE)
		return;
	event->seq = replay->seq++;
	enrich_event(replay->enricher, event);
	if (last == ENRICH)
		return;
	if (!filter_passes(replay->filter, event))
		fail("filter");
	if (last == FILTER)
		return;
	redact_event(replay->redactor, event);
	if (last == REDACT)
		return;
	line = output_buf(replay->output);
	if (!line) {
		if (output_flush(replay->output))
			fail("output");
		line = output_buf(replay->output);
	}
	length = encode_event(replay->format, event, line, LINE_MAX_BYTES);
	if (length > LINE_MAX_BYTES)
		fail("encode");
	if (last == SINK)
		output_commit(replay->output, length, event->seq, event->time_ns);
}

/* Returns the CPU time of this thread, user and system. */
static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Returns the nanoseconds per record of the pipe that ends with `last`. */
static double measure(struct replay *replay, long records, enum stage last)
{
	double start = cpu_ns();

	for (long i = 0; i < records; i++) {
		size_t k = (size_t)(i % MIX_RECORDS);

		push(replay, replay->mix[k].bytes, replay->mix[k].length, last);
	}
	if (output_flush(replay->output))
		fail("output");
	return (cpu_ns() - start) / (double)records;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static void report(FILE *table, const char *name, double ns[STAGES][ROUNDS])
{
	double before = 0;

	for (int stage = 0; stage < STAGES; stage++)
		qsort(ns[stage], ROUNDS, sizeof(ns[stage][0]), compare);
	fprintf(table, "%-8s %10.0f", name, 1e9 / ns[SINK][ROUNDS / 2]);
	for (int stage = 0; stage < STAGES; stage++) {
		double median = ns[stage][ROUNDS / 2];

		fprintf(table, " %8.0f", median > before ? median - before : 0.);
		before = median;
	}
	fprintf(table, "\n");
}

static void replay_kind(FILE *table, struct replay *replay, const struct kind *kind, long records)
{
	double ns[STAGES][ROUNDS];

	open_pipe(replay, kind);
	measure(replay, records / 10, SINK); /* warm-up */
	for (int round = 0; round < ROUNDS; round++)
		for (int stage = 0; stage < STAGES; stage++)
			ns[stage][round] = measure(replay, records, stage);
	report(table, kind->name, ns);
	close_pipe(replay);
}

/* Makes /dev/null standard output, which the lines go to. Returns a stream to what it was. */
static FILE *redirect_stdout(void)
{
	int report_fd = dup(STDOUT_FILENO), null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	FILE *table = report_fd < 0 ? NULL : fdopen(report_fd, "w");

	if (!table || null_fd < 0 || dup2(null_fd, STDOUT_FILENO) < 0)
		fail("redirecting standard output");
	close(null_fd);
	return table;
}

/* Returns a record whose strings have the shape. */
static void *shape_record(const struct shape *shape, size_t *length)
{
	static char filled[SHAPE_ARGS_BYTES];
	static char path[RECORD_PATH_BYTES];
	struct fixture_strings strings = { "/bin/true",	 "true", "home",	 "sh",
					   "user.slice", filled, sizeof(filled), "sh" };

	for (size_t i = 0; i < sizeof(filled); i++)
		filled[i] = shape->unit.bytes[i % shape->unit.length];
	if (shape->paths) {
		memcpy(path, filled, sizeof(path) - 1);
		strings.filename = strings.exe = strings.cwd = strings.parent_exe = path;
		strings.cgroup = path;
	}
	return fixture_record(&strings, length);
}

/* Passes a record through all stages. tests/bench/count_instructions counts what a call executes.
 * Returns 1, the count of records. */
__attribute__((noinline)) double push_once(struct replay *replay, const void *bytes, size_t length);

double push_once(struct replay *replay, const void *bytes, size_t length)
{
	push(replay, bytes, length, SINK);
	return 1;
}

/* Returns the median of the nanoseconds of all stages for a record. */
static double measure_ns(struct replay *replay, const void *bytes, size_t length)
{
	double ns[ROUNDS];

	for (size_t i = 0; i < MIX_RECORDS; i++) {
		replay->mix[i].bytes = bytes;
		replay->mix[i].length = length;
	}
	for (int round = 0; round < ROUNDS; round++)
		ns[round] = measure(replay, SHAPE_RECORDS, SINK);
	qsort(ns, ROUNDS, sizeof(ns[0]), compare);
	return ns[ROUNDS / 2];
}

typedef double measure_fn(struct replay *replay, const void *bytes, size_t length);

static void report_shape(FILE *table, const struct shape *shape, measure_fn *measure_record,
			 double plain[])
{
	static struct replay replay; /* an event is large */
	size_t length;
	void *record = shape_record(shape, &length);

	fprintf(table, "%-10s", shape->name);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		double cost;

		open_pipe(&replay, &kinds[i]);
		cost = measure_record(&replay, record, length);
		close_pipe(&replay);
		if (!plain[i])
			plain[i] = cost;
		fprintf(table, " %10.0f %5.2f", cost, cost / plain[i]);
	}
	fprintf(table, "\n");
	free(record);
}

static void report_shapes(FILE *table, const char *unit, measure_fn *measure_record)
{
	double plain[sizeof(kinds) / sizeof(kinds[0])] = {};

	fprintf(table, "%-10s", "shape");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		fprintf(table, " %7s %s ratio", kinds[i].name, unit);
	fprintf(table, "\n");
	for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++)
		report_shape(table, &shapes[k], measure_record, plain);
}

static void report_stages(FILE *table, long records)
{
	static struct replay replay;

	load_mix(&replay);
	fprintf(table, "%-8s %10s", "format", "events/s");
	for (int stage = 0; stage < STAGES; stage++)
		fprintf(table, " %5s ns", stage_names[stage]);
	fprintf(table, "\n");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (encode_find(kinds[i].format))
			replay_kind(table, &replay, &kinds[i], records);
	fprintf(table, "\n");
}

int main(int argc, char **argv)
{
	bool once = argc == 2 && !strcmp(argv[1], "--shapes");
	long records = argc > 1 ? atol(argv[1]) : EVENTS;
	FILE *table;

	if (argc > 2 || (records <= 0 && !once)) {
		fprintf(stderr, "usage: replay [RECORDS | --shapes]\n");
		return 2;
	}
	table = redirect_stdout();
	if (once) {
		report_shapes(table, "  ", push_once);
	} else {
		report_stages(table, records);
		report_shapes(table, "ns", measure_ns);
	}
	return fclose(table) != 0;
}
