// SPDX-License-Identifier: BSD-2-Clause
#include "redact/redact.h"

#include "event/context.h"
#include "redact/mask.h"
#include "redact/secret.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Maximum CPU time for the user's patterns per event. A string that would exceed it is masked
 * whole. */
#define PATTERNS_BUDGET_NS 10000000

/* A string of this length or less is matched without an estimate of the time. */
#define PROBE_BYTES 256

/* Twice the length takes at most this many times as long, for patterns up to cubic time. */
#define PROBE_GROWTH 8

/* Events with a secret are rare: each masked text is a separate allocation. */
struct copy {
	struct copy *next;
	char *bytes;
};

struct redactor {
	bool builtin;
	bool hides_args;
	bool in_time; /* the budget is not used up */
	uint64_t patterns_end_ns; /* CLOCK_THREAD_CPUTIME_ID: the end of the budget */
	regex_t *patterns;
	size_t pattern_count;
	struct copy *copies; /* the masked texts of the last event */
	struct secret_index index;
};

int redact_new(struct redactor **redactor)
{
	struct redactor *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	secret_index_init(&created->index);
	*redactor = created;
	return 0;
}

static void free_copies(struct redactor *redactor)
{
	while (redactor->copies) {
		struct copy *copy = redactor->copies;

		redactor->copies = copy->next;
		free(copy->bytes);
		free(copy);
	}
}

void redact_free(struct redactor *redactor)
{
	if (!redactor)
		return;
	free_copies(redactor);
	for (size_t i = 0; i < redactor->pattern_count; i++)
		regfree(&redactor->patterns[i]);
	free(redactor->patterns);
	free(redactor);
}

void redact_add_builtin(struct redactor *redactor)
{
	redactor->builtin = true;
}

int redact_add_pattern(struct redactor *redactor, const char *ere, char *why, size_t why_bytes)
{
	regex_t *larger =
		reallocarray(redactor->patterns, redactor->pattern_count + 1, sizeof(*larger));
	int result;

	if (!larger)
		return -ENOMEM;
	redactor->patterns = larger;
	result = regcomp(&larger[redactor->pattern_count], ere, REG_EXTENDED);
	if (result) {
		regerror(result, &larger[redactor->pattern_count], why, why_bytes);
		return -EINVAL;
	}
	redactor->pattern_count++;
	return 0;
}

void redact_hide_args(struct redactor *redactor)
{
	redactor->hides_args = true;
}

/* Finds the next match in the string at or behind `from`. Offsets count from the start of the
 * string.
 */
#ifdef REG_STARTEND
static bool find_match(const regex_t *pattern, struct text string, size_t from,
		       regmatch_t matches[2])
{
	matches[0] = (regmatch_t){ .rm_so = (regoff_t)from, .rm_eo = (regoff_t)string.length };
	return !regexec(pattern, string.bytes, 2, matches, REG_STARTEND);
}
#else
/* Other C libraries than glibc need a NUL-terminated string. Without memory for it, the whole
 * string is a match. */
static bool find_match(const regex_t *pattern, struct text string, size_t from,
		       regmatch_t matches[2])
{
	char *copy = strndup(string.bytes + from, string.length - from);
	bool found;

	if (!copy) {
		matches[0] =
			(regmatch_t){ .rm_so = (regoff_t)from, .rm_eo = (regoff_t)string.length };
		matches[1].rm_so = -1;
		return true;
	}
	found = !regexec(pattern, copy, 2, matches, from ? REG_NOTBOL : 0);
	free(copy);
	for (int i = 0; found && i < 2; i++)
		if (matches[i].rm_so >= 0) {
			matches[i].rm_so += (regoff_t)from;
			matches[i].rm_eo += (regoff_t)from;
		}
	return found;
}
#endif

static void mask_pattern(const regex_t *pattern, struct text string, struct mask *mask)
{
	size_t from = 0;
	regmatch_t matches[2];

	while (from < string.length && find_match(pattern, string, from, matches)) {
		const regmatch_t *part = &matches[pattern->re_nsub && matches[1].rm_so >= 0];

		mask_add(mask, (struct text){ string.bytes + part->rm_so,
					      (size_t)(part->rm_eo - part->rm_so) });
		from = (size_t)matches[0].rm_eo + (matches[0].rm_eo == matches[0].rm_so);
	}
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/*
 * regexec(3) cannot be interrupted, and its time can grow with the square of the length: (.*) took
 * 0.29 s for 15 KiB. This matches ever longer prefixes, each twice as long, and returns false when
 * the next one could exceed the budget.
 */
static bool is_affordable(const struct redactor *redactor, const regex_t *pattern,
			  struct text string)
{
	uint64_t before_ns = cpu_ns(), after_ns;
	regmatch_t matches[2];

	if (before_ns >= redactor->patterns_end_ns)
		return false;
	for (size_t length = PROBE_BYTES; length < string.length; length *= 2) {
		for (size_t from = 0; from < length;) {
			if (!find_match(pattern, (struct text){ string.bytes, length }, from,
					matches))
				break;
			from = (size_t)matches[0].rm_eo + (matches[0].rm_eo == matches[0].rm_so);
		}
		after_ns = cpu_ns();
		if (after_ns + (after_ns - before_ns) * PROBE_GROWTH >= redactor->patterns_end_ns)
			return false;
		before_ns = after_ns;
	}
	return true;
}

static void mask_patterns(struct redactor *redactor, struct mask *mask)
{
	for (size_t i = 0; i < redactor->pattern_count; i++) {
		const regex_t *pattern = &redactor->patterns[i];
		struct text left = mask->text, string;

		while (text_next_string(&left, &string)) {
			redactor->in_time =
				redactor->in_time && is_affordable(redactor, pattern, string);
			if (redactor->in_time)
				mask_pattern(pattern, string, mask);
			else
				mask_add(mask, string);
		}
	}
}

/* Replaces *text by a masked copy of mask->text. Returns 0 or -ENOMEM. */
static int add_copy(struct redactor *redactor, const struct mask *mask, struct text *text)
{
	struct copy *copy = malloc(sizeof(*copy));
	int result;

	if (!copy)
		return -ENOMEM;
	result = mask_apply(mask, &copy->bytes, &text->length);
	if (result) {
		free(copy);
		return result;
	}
	text->bytes = copy->bytes;
	copy->next = redactor->copies;
	redactor->copies = copy;
	return 0;
}

/* A set of arguments of an event. */
struct strings {
	enum record_key key;
	struct text args;
	bool *hidden;
	uint32_t *redacted_bytes;
	struct text program; /* its path or name */
};

static struct strings own_strings(struct event *event)
{
	struct event_exec *exec = &event->exec;

	return (struct strings){ RECORD_KEY_ARGS, exec->args, &exec->args_hidden,
				 &event->process.redacted_args_bytes,
				 exec->filename.length ? exec->filename
						       : exec->paths[EVENT_PATH_EXE] };
}

static struct strings parent_strings(struct event *event)
{
	return (struct strings){ RECORD_KEY_PARENT_ARGS, event->context->parent_args,
				 &event->exec.parent_args_hidden,
				 &event->process.redacted_parent_args_bytes,
				 event->context->parent_exe };
}

static void hide(struct event *event, const struct strings *strings)
{
	*strings->hidden = true;
	if (strings->key == RECORD_KEY_ARGS)
		event->exec.args.length = 0;
	event->process.truncated &= ~(uint32_t)strings->key;
}

/* Replaces the strings, of which only this event has the masked ones. */
static void set_args(struct event *event, enum record_key key, struct text args)
{
	if (key == RECORD_KEY_ARGS)
		event->exec.args = args;
	else
		context_own(event)->parent_args = args;
}

static void add_redacted(struct event *event, enum record_key key, const struct mask *mask)
{
	event->process.redacted |= key;
	event->process.redacted_bytes += (uint32_t)mask_bytes(mask);
}

static void redact_strings(struct redactor *redactor, struct event *event,
			   const struct strings *strings)
{
	struct mask mask = { .text = strings->args };
	struct text masked = strings->args;

	if (!strings->args.length)
		return;
	if (redactor->builtin)
		secret_args_mask(&redactor->index, strings->program, &mask);
	mask_patterns(redactor, &mask);
	if (!mask_is_empty(&mask)) {
		add_redacted(event, strings->key, &mask);
		*strings->redacted_bytes = (uint32_t)mask_bytes(&mask);
		if (add_copy(redactor, &mask, &masked))
			hide(event, strings);
		else
			set_args(event, strings->key, masked);
	}
	mask_clear(&mask);
}

static void hide_all_args(struct event *event)
{
	const struct strings own = own_strings(event), parent = parent_strings(event);

	hide(event, &own);
	hide(event, &parent);
	event->process.unreadable &= ~(uint32_t)(RECORD_KEY_ARGS | RECORD_KEY_PARENT_ARGS);
}

static void redact_all_args(struct redactor *redactor, struct event *event)
{
	const struct strings own = own_strings(event), parent = parent_strings(event);

	redact_strings(redactor, event, &own);
	redact_strings(redactor, event, &parent);
}

static void redact_variable(struct redactor *redactor, struct event *event,
			    struct event_variable *variable)
{
	struct mask mask = { .text = variable->value };

	if (redactor->builtin)
		secret_variable_mask(&redactor->index, variable->name,
				     event->process.truncated & RECORD_KEY_ENV, &mask);
	mask_patterns(redactor, &mask);
	if (!mask_is_empty(&mask)) {
		add_redacted(event, RECORD_KEY_ENV, &mask);
		if (add_copy(redactor, &mask, &variable->value))
			variable->value = text_from_string(MASK_REPLACEMENT);
	}
	mask_clear(&mask);
}

void redact_event(struct redactor *redactor, struct event *event)
{
	free_copies(redactor);
	if (!event_is_process(event) ||
	    (!redactor->builtin && !redactor->pattern_count && !redactor->hides_args))
		return;
	if (redactor->pattern_count) {
		redactor->in_time = true;
		redactor->patterns_end_ns = cpu_ns() + PATTERNS_BUDGET_NS;
	}
	if (redactor->hides_args)
		hide_all_args(event);
	else
		redact_all_args(redactor, event);
	for (size_t i = 0; i < event->exec.variable_count; i++)
		redact_variable(redactor, event, &event->exec.variables[i]);
}
