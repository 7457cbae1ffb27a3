// SPDX-License-Identifier: BSD-2-Clause
/* Counts events of a constructed record in windows of time. */
#include "event/decode.h"
#include "event/limit.h"
#include "fixture.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000ull

static struct enricher *enricher;
static struct limiter *limiter;
static struct event event;
static struct record_exec *record;
static size_t record_bytes;

static struct limit_rule rule_of(const char *text)
{
	struct limit_rule rule = {};
	const char *word;
	size_t length;

	CHECK(limit_parse(text, &rule, &word, &length) == 0);
	return rule;
}

static void begin(const char *text)
{
	struct limit_rule rule = rule_of(text);

	CHECK(limit_new(&limiter) == 0);
	limit_set_rule(limiter, &rule);
}

static struct limit_summary summary;

/* Reports whether there is a summary before this time, and removes it. */
static bool next_summary(uint64_t now_ns)
{
	if (!limit_next_summary(limiter, now_ns, &summary))
		return false;
	limit_drop_summary(limiter);
	return true;
}

/* Counts an exec of the user at this time, after the summaries before it. */
static bool passes(uint32_t uid, uint64_t time_ns)
{
	while (next_summary(time_ns))
		;
	record->header.time_ns = time_ns;
	record->task.uid = uid;
	CHECK(decode_record(record, record_bytes, &event) == 0);
	enrich_event(enricher, &event);
	return limit_passes(limiter, &event, record, record_bytes);
}

static void equal_ones_are_suppressed(void)
{
	begin("3/10");
	for (uint64_t i = 0; i < 100; i++) {
		CHECK(passes(1, 50 * SECOND + i) == (i < 3));
		CHECK(passes(2, 50 * SECOND + i) == (i < 3));
	}
	CHECK(passes(3, 51 * SECOND));
	CHECK(limit_due_ns(limiter) == 60 * SECOND);
	CHECK(!next_summary(60 * SECOND - 1));
	CHECK(next_summary(60 * SECOND) && summary.count == 97);
	CHECK(summary.from_ns == 50 * SECOND + 3 && summary.to_ns == 50 * SECOND + 99);
	CHECK(next_summary(60 * SECOND) && summary.count == 97 && !next_summary(60 * SECOND));
	CHECK(limit_due_ns(limiter) == UINT64_MAX && !next_summary(UINT64_MAX));
	/* a new window */
	CHECK(passes(1, 60 * SECOND) && passes(1, 60 * SECOND) && passes(1, 60 * SECOND));
	CHECK(!passes(1, 61 * SECOND));
	CHECK(next_summary(UINT64_MAX) && summary.count == 1 && !next_summary(UINT64_MAX));
	CHECK(limit_count_evicted(limiter) == 0);
	limit_free(limiter);
}

static void unknown_values_pass(void)
{
	begin("1/10");
	CHECK(passes(1, SECOND) && !passes(1, SECOND));
	record->keys.truncated = RECORD_KEY_ARGS;
	CHECK(passes(1, SECOND) && passes(1, SECOND));
	record->keys.truncated = RECORD_KEY_CWD; /* is not compared */
	CHECK(!passes(1, SECOND));
	record->keys.truncated = 0;
	record->header.type = RECORD_EXEC_FAILED; /* has no exe */
	CHECK(passes(1, SECOND) && !passes(1, SECOND));
	record->header.type = RECORD_EXEC;
	limit_free(limiter);
}

/* Different arguments can be the same command line. */
static void joined_arguments_are_equal(void)
{
	char *args = (char *)record + record->args.offset;

	begin("1/10:command_line");
	CHECK(passes(1, SECOND));
	args[strlen("program")] = ' ';
	CHECK(!passes(1, SECOND));
	args[0] = 'q';
	CHECK(passes(1, SECOND));
	limit_free(limiter);
	memcpy(args, "program", sizeof("program"));
}

static void another_rule_ends_windows(void)
{
	struct limit_rule none = {}, same = rule_of("1/1000"), other = rule_of("2/10:uid,comm");

	begin("1/1000");
	CHECK(passes(1, SECOND) && !passes(1, SECOND) && !passes(1, SECOND));
	limit_set_rule(limiter, &same);
	CHECK(!passes(1, SECOND));
	limit_set_rule(limiter, &other);
	CHECK(limit_due_ns(limiter) == 0);
	CHECK(limit_next_summary(limiter, 0, &summary) && summary.count == 3);
	CHECK(!memcmp(&summary.keys, &same.keys, sizeof(same.keys)));
	CHECK(passes(1, SECOND) && passes(1, SECOND) && !passes(1, SECOND));
	limit_set_rule(limiter, &none);
	CHECK(passes(1, SECOND) && passes(1, SECOND));
	CHECK(!next_summary(0)); /* passes() has taken it */
	limit_free(limiter);
}

static void memory_is_bounded(void)
{
	uint64_t suppressed = 0, counted = 0;
	unsigned int early = 0;

	begin("1/1000:uid");
	for (uint32_t uid = 0; uid < LIMIT_WINDOWS_MAX + 1000; uid++)
		for (int i = 0; i < 3; i++) {
			while (next_summary(SECOND)) {
				counted += summary.count;
				early++;
			}
			suppressed += !passes(uid, SECOND);
		}
	CHECK(suppressed == (LIMIT_WINDOWS_MAX + 1000) * 2);
	CHECK(early > 1000);
	CHECK(limit_count_evicted(limiter) == early);
	while (next_summary(UINT64_MAX))
		counted += summary.count;
	CHECK(counted == suppressed);
	limit_free(limiter);
}

static void rules_are_parsed(void)
{
	static const char *const invalid[] = { "",	   "5",
					       "5/",	   "/10",
					       "0/10",	   "5/0",
					       "5/10x",	   "5/10:x",
					       "5/10:",	   "-1/1",
					       "1/ 2",	   "5/86401",
					       "5/10,uid", "99999999999/1" },
				 *const incomparable[] = { "1/1:timestamp", "1/1:seq",
							   "1/1:start",	    "1/1:uid,duration",
							   "1/1:truncated", "1/1:nonsense",
							   "1/1:uid," };
	struct limit_rule rule = { .count = 7 };
	const char *word;
	size_t length;

	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		CHECK(limit_parse(invalid[i], &rule, &word, &length) < 0 && rule.count == 7);
	for (size_t i = 0; i < sizeof(incomparable) / sizeof(incomparable[0]); i++)
		CHECK(limit_parse(incomparable[i], &rule, &word, &length) == -ENOENT);
	CHECK(limit_parse("5/10", &rule, &word, &length) == 0);
	CHECK(rule.count == 5 && rule.seconds == 10);
	CHECK(limit_applies(&rule, EVENT_EXEC) && limit_applies(&rule, EVENT_EXEC_FAILED));
	CHECK(!limit_applies(&rule, EVENT_LOST) && !limit_applies(&rule, EVENT_STATS));
	CHECK(limit_record_keys(&rule) ==
	      (RECORD_KEY_ARGS | RECORD_KEY_EXE | RECORD_KEY_PARENT_EXE));
}

int main(void)
{
	static const char args[] = "program\0argument";
	const struct fixture_strings strings = { .filename = "/bin/program",
						 .exe = "program",
						 .cwd = "home",
						 .parent_exe = "sh",
						 .cgroup = "user.slice",
						 .args = args,
						 .args_length = sizeof(args),
						 .comm = "sh" };

	enricher = fixture_enricher(NULL);
	record = fixture_record(&strings, &record_bytes);
	record->keys.detached = 0;
	tap_run("equal events above the limit are suppressed and counted in each window",
		equal_ones_are_suppressed);
	tap_run("an event of unknown values passes", unknown_values_pass);
	tap_run("command lines are compared as lines have them", joined_arguments_are_equal);
	tap_run("another rule ends the windows, the same one does not", another_rule_ends_windows);
	tap_run("the number of windows and the bytes of records are bounded, and no event is "
		"uncounted",
		memory_is_bounded);
	tap_run("rules are parsed", rules_are_parsed);
	free(record);
	enrich_free(enricher);
	return tap_end();
}
