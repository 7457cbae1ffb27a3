// SPDX-License-Identifier: BSD-2-Clause
/*
 * libFuzzer entry: passes any bytes as arguments and as a variable's value through redact. The
 * first byte selects a secret that is appended. Invariants: the number of strings is unchanged, no
 * appended secret remains, strings without secrets are unchanged, and redacting the result again
 * changes nothing, except for command lines and truncated strings.
 */
#include "redact/redact.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "Zq7PlantedSecret0123456789abcdefghijk"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Templates of appended secrets: '|' stands for a NUL. A template that does not begin with one
 * continues the last string of the input. */
static const char *const plants[] = {
	"",
	"|--password=" SECRET,
	"|--password|" SECRET,
	"|PGPASSWORD=" SECRET,
	"|Authorization: Bearer " SECRET,
	"|https://user:" SECRET "@host/path",
	"|{\"token\":\"" SECRET "\"}",
	"|-----BEGIN PRIVATE KEY-----\n" SECRET "\n-----END PRIVATE KEY-----",
	"|sh|-c|mysql -p" SECRET,
	"ghp_" SECRET,
	"xoxb-" SECRET,
	"github_pat_" SECRET,
};
#define PLANTS (sizeof(plants) / sizeof(plants[0]))

static struct event event;

static bool has_secret(struct text text)
{
	return memmem(text.bytes, text.length, SECRET, strlen(SECRET));
}

/* Returns true if a string can be code, whose masks end where a command can begin. A masked string
 * may no longer look like code, and is masked to its end then. */
static bool can_be_code(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.bytes[i] && strchr(" \t\n\"'`\\(){}<>$;|&", text.bytes[i]))
			return true;
	return false;
}

static size_t count_strings(struct text strings)
{
	struct text string;
	size_t count = 0;

	while (text_next_string(&strings, &string))
		count++;
	return count;
}

static struct text redact(struct redactor *redactor, struct text args,
			  struct event_variable *variable)
{
	event = (struct event){ .context = &event.own_context, .type = EVENT_EXEC };
	event.exec.filename = text_from_string("/bin/x");
	event.exec.args = args;
	event.exec.variables = variable;
	event.exec.variable_count = 1;
	redact_event(redactor, &event);
	if (event.exec.args_hidden)
		abort();
	return event.exec.args;
}

static bool same(struct text one, struct text other)
{
	return one.length == other.length && !memcmp(one.bytes, other.bytes, one.length);
}

/* Returns the input without its first byte and with the appended secret, in a block of the exact
 * size. */
static char *make_args(const uint8_t *data, size_t size, struct text *args)
{
	const char *plant = plants[data[0] % PLANTS];
	char *bytes;

	args->length = size - 1 + strlen(plant);
	args->bytes = bytes = malloc(args->length ? args->length : 1);
	memcpy(bytes, data + 1, size - 1);
	for (size_t i = 0; plant[i]; i++)
		bytes[size - 1 + i] = plant[i] == '|' ? '\0' : plant[i];
	return bytes;
}

static void verify(struct redactor *redactor, struct redactor *again, struct text args,
		   bool planted)
{
	struct text value = { args.bytes, strnlen(args.bytes, args.length) };
	struct event_variable variable = { { "X", 1 }, value }, masked_variable;
	struct text masked = redact(redactor, args, &variable);
	uint32_t redacted = event.process.redacted;

	if (count_strings(masked) != count_strings(args) ||
	    (planted && (has_secret(masked) || !redacted)))
		abort();
	if (!(redacted & RECORD_KEY_ARGS) && masked.bytes != args.bytes)
		abort();
	if (!(redacted & RECORD_KEY_ENV) && variable.value.bytes != value.bytes)
		abort();
	if (can_be_code(args) || !args.length || args.bytes[args.length - 1])
		return;
	masked_variable = variable;
	if (!same(redact(again, masked, &masked_variable), masked) ||
	    !same(masked_variable.value, variable.value))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct redactor *redactor, *again;
	struct text args;
	char *bytes;

	if (!redactor) {
		if (redact_new(&redactor) || redact_new(&again))
			abort();
		redact_add_builtin(redactor);
		redact_add_builtin(again);
	}
	if (!size || has_secret((struct text){ (const char *)data, size }))
		return 0;
	bytes = make_args(data, size, &args);
	verify(redactor, again, args, plants[data[0] % PLANTS][0]);
	free(bytes);
	return 0;
}
