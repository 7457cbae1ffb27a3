// SPDX-License-Identifier: BSD-2-Clause
#include "encode/encode.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const struct encode_format *const formats[] = { &encode_native, &encode_ecs, &encode_ocsf };

const struct encode_format *encode_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}

/* The arguments of write_event(). */
struct encoding {
	const struct encode_format *format;
	struct event *event;
	char *bytes;
	size_t max_bytes;
};

/* Writes the event as it is now. Returns the bytes of the line; it is not whole where they are more
 * than max_bytes. */
static size_t write_event(const struct encoding *encoding)
{
	struct json_writer json = json_writer_new(encoding->bytes, encoding->max_bytes);

	encoding->format->write(&json, encoding->event);
	json_writer_append(&json, "\n", 1);
	return json.length;
}

static size_t decimal_length(size_t number)
{
	char digits[TEXT_DECIMAL_BYTES];

	return text_to_decimal(number, digits);
}

static size_t argument_cost(const struct encode_format *format, struct text value, size_t index)
{
	size_t cost =
		format->argument_times * text_json_length(value) + format->argument_around_bytes;

	if (!text_is_utf8(value))
		cost += decimal_length(index) + TEXT_BASE64_LENGTH(value.length) +
			format->argument_raw_bytes;
	return cost;
}

/* Cuts an argument to the longest beginning that costs at most `capacity`. Returns false where not
 * even the empty string fits. */
static bool argument_cut(const struct encode_format *format, struct text *value, size_t index,
			 size_t capacity)
{
	size_t overhead = argument_cost(format, (struct text){ "", 0 }, index);

	if (overhead > capacity)
		return false;
	*value = text_cut(*value, (capacity - overhead) / format->argument_times);
	/* with a raw entry each byte costs up to 3 + 4/3, so this converges in a few rounds */
	while (value->length && argument_cost(format, *value, index) > capacity)
		*value = text_cut(*value, text_json_length(*value) * 2 / 3);
	return true;
}

/* Returns the first strings, the last of them perhaps cut, that add at most `capacity` bytes to a
 * line. */
static struct text arguments_cut(const struct encode_format *format, struct text strings,
				 size_t capacity)
{
	struct text remaining = strings, value;
	size_t kept_bytes = 0;

	for (size_t index = 0; text_next_string(&remaining, &value); index++) {
		size_t cost = argument_cost(format, value, index);

		if (cost > capacity) {
			if (argument_cut(format, &value, index, capacity) && value.length)
				kept_bytes = (size_t)(value.bytes - strings.bytes) + value.length;
			break;
		}
		capacity -= cost;
		kept_bytes = (size_t)(remaining.bytes - strings.bytes);
	}
	return (struct text){ strings.bytes, kept_bytes };
}

/* Bytes that a new raw list adds around its entries. */
#define RAW_OVERHEAD (sizeof(",\"raw\":[],") - 1)

/* Returns the bytes, as JSON, that remain of a string where the line has to get `excess` bytes
 * shorter. */
static size_t remaining_bytes(struct text string, size_t excess)
{
	size_t length = text_json_length(string);

	if (!text_is_utf8(string))
		excess =
			excess * 3 / 5 +
			1; /* its raw entry shrinks along, by 4/9 of what the string does or more */
	return length > excess ? length - excess : 0;
}

/* Cuts the values of the environment, all to the same length, until the line fits. */
static size_t fit_variables(const struct encoding *encoding, size_t length)
{
	struct event_exec *exec = &encoding->event->exec;

	for (size_t most = encoding->max_bytes / 2;
	     length > encoding->max_bytes && exec->variable_count && most; most /= 2) {
		for (size_t i = 0; i < exec->variable_count; i++)
			exec->variables[i].value = text_cut(exec->variables[i].value, most - 1);
		encoding->event->process.truncated |= RECORD_KEY_ENV;
		length = write_event(encoding);
	}
	return length;
}

/*
 * Cuts the paths until the line fits, first those that say least about the exec itself. A path from
 * the root loses its beginning, as on the kernel side, for its last part is the name of the file.
 */
static size_t fit_paths(const struct encoding *encoding, size_t length)
{
	struct event_exec *exec = &encoding->event->exec;
	const struct {
		struct text *string;
		enum record_key key;
		struct text (*cut)(struct text text, size_t json_bytes);
	} order[] = {
		{ &exec->paths[EVENT_PATH_CGROUP], RECORD_KEY_CGROUP, text_tail },
		{ &exec->container.id, RECORD_KEY_CGROUP, text_cut },
		{ &exec->paths[EVENT_PATH_PARENT_EXE], RECORD_KEY_PARENT_EXE, text_tail },
		{ &exec->paths[EVENT_PATH_CWD], RECORD_KEY_CWD, text_tail },
		{ &exec->paths[EVENT_PATH_EXE], RECORD_KEY_EXE, text_tail },
		{ &exec->filename, RECORD_KEY_FILENAME, text_cut },
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		while (length > encoding->max_bytes && order[i].string->length) {
			*order[i].string = order[i].cut(
				*order[i].string,
				remaining_bytes(*order[i].string, length - encoding->max_bytes));
			encoding->event->process.truncated |= order[i].key;
			length = write_event(encoding);
		}
	return length;
}

/* Shortens the event's strings until the line fits: args from the end, and where the line is too
 * long without any, the environment and the paths. */
static size_t fit(const struct encoding *encoding)
{
	struct event_exec *exec = &encoding->event->exec;
	struct text args = exec->args;
	size_t length, capacity;

	if (args.length)
		encoding->event->process.truncated |= RECORD_KEY_ARGS;
	exec->args.length = 0;
	length = write_event(encoding);
	length = fit_variables(encoding, length);
	length = fit_paths(encoding, length);
	if (length + RAW_OVERHEAD > encoding->max_bytes || !args.length)
		return length;
	capacity = encoding->max_bytes - length;
	exec->args = arguments_cut(encoding->format, args,
				   text_is_utf8(args) ? capacity : capacity - RAW_OVERHEAD);
	return write_event(encoding);
}

size_t encode_event(const struct encode_format *format, struct event *event, char *line,
		    size_t line_max_bytes)
{
	const struct encoding encoding = { format, event, line, line_max_bytes };
	size_t length = write_event(&encoding);

	if (length > line_max_bytes && event_is_exec(event))
		length = fit(&encoding);
	return length;
}
