// SPDX-License-Identifier: BSD-2-Clause
#include "encode.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const struct encode_format *const formats[] = { &encode_native };

const struct encode_format *encode_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}

/* One attempt. */
struct encoding {
	const struct encode_format *format;
	struct event *event;
	char *bytes;
	size_t max_bytes;
};

/* Writes the event as it is now. Returns the bytes of the line, which is not whole where they are more than max_bytes.
 */
static size_t write_event(const struct encoding *encoding)
{
	struct line line = line_begin(encoding->bytes, encoding->max_bytes);

	encoding->format->write(&line, encoding->event);
	line_append(&line, "\n", 1);
	return line.length;
}

static size_t decimal_length(size_t number)
{
	char digits[TEXT_DECIMAL_BYTES];

	return text_to_decimal(number, digits);
}

/* What one argument adds to a line: quotes and comma, and where it is no UTF-8 its entry in raw as well. */
static size_t argument_cost(struct text value, size_t index, size_t shown)
{
	size_t cost = shown * (text_json_length(value) + sizeof("\"\",") - 1);

	if (!text_is_utf8(value))
		cost += decimal_length(index) + TEXT_BASE64_LENGTH(value.length) + sizeof("\"\":\"\",") - 1;
	return cost;
}

/* The longest beginning of an argument that costs no more than room; not even the empty string is `false`. */
static bool argument_cut(struct text *value, size_t index, size_t shown, size_t room)
{
	size_t overhead = argument_cost((struct text){ "", 0 }, index, shown);

	if (overhead > room)
		return false;
	*value = text_cut(*value, (room - overhead) / shown);
	/* with a raw entry each byte costs up to 3 + 4/3, so this converges in a few rounds */
	while (value->length && argument_cost(*value, index, shown) > room)
		*value = text_cut(*value, text_json_length(*value) * 2 / 3);
	return true;
}

/* As many of the strings, from the first, as add at most `room` bytes to a line. */
static struct text arguments_cut(struct text strings, size_t shown, size_t room)
{
	struct text rest = strings, value;
	size_t kept_bytes = 0;

	for (size_t index = 0; text_next_string(&rest, &value); index++) {
		size_t cost = argument_cost(value, index, shown);

		if (cost > room) {
			if (argument_cut(&value, index, shown, room) && value.length)
				kept_bytes = (size_t)(value.bytes - strings.bytes) + value.length;
			break;
		}
		room -= cost;
		kept_bytes = (size_t)(rest.bytes - strings.bytes);
	}
	return (struct text){ strings.bytes, kept_bytes };
}

/* Bytes that a raw object adds around its entries when there was none. */
#define RAW_OVERHEAD (sizeof(",\"raw\":{\"args\":{}},") - 1)

/* Cuts one string so that the line gets `excess` bytes shorter, or until it is empty. */
static void string_cut(struct text *string, size_t excess)
{
	size_t length = text_json_length(*string);

	if (!text_is_utf8(*string))
		excess = excess * 3 / 5 + 1; /* its raw entry shrinks along, by 4/9 of what the string does or more */
	*string = text_cut(*string, length > excess ? length - excess : 0);
}

/* Cuts the values of the environment, all to the same length, until the line fits. */
static size_t fit_variables(const struct encoding *encoding, size_t length)
{
	struct event_exec *exec = &encoding->event->exec;

	for (size_t most = encoding->max_bytes / 2; length > encoding->max_bytes && exec->variable_count && most;
	     most /= 2) {
		for (size_t i = 0; i < exec->variable_count; i++)
			exec->variables[i].value = text_cut(exec->variables[i].value, most - 1);
		encoding->event->process.truncated |= RECORD_KEY_ENV;
		length = write_event(encoding);
	}
	return length;
}

/* Cuts the paths, those first that tell least about the exec itself, until the line fits. */
static size_t fit_paths(const struct encoding *encoding, size_t length)
{
	struct event_exec *exec = &encoding->event->exec;
	const struct {
		struct text *string;
		enum record_key key;
	} order[] = {
		{ &exec->paths[EVENT_PATH_CGROUP], RECORD_KEY_CGROUP },
		{ &exec->paths[EVENT_PATH_PARENT_EXE], RECORD_KEY_PARENT_EXE },
		{ &exec->paths[EVENT_PATH_CWD], RECORD_KEY_CWD },
		{ &exec->paths[EVENT_PATH_EXE], RECORD_KEY_EXE },
		{ &exec->filename, RECORD_KEY_FILENAME },
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		while (length > encoding->max_bytes && order[i].string->length) {
			string_cut(order[i].string, length - encoding->max_bytes);
			encoding->event->process.truncated |= order[i].key;
			length = write_event(encoding);
		}
	return length;
}

/* Shortens the event's strings until the line fits: args from the end, and where it is too long without any, others. */
static size_t fit(const struct encoding *encoding)
{
	struct event_exec *exec = &encoding->event->exec;
	struct text args = exec->args;
	size_t length, room;

	if (args.length)
		encoding->event->process.truncated |= RECORD_KEY_ARGS;
	exec->args.length = 0;
	length = write_event(encoding);
	length = fit_variables(encoding, length);
	length = fit_paths(encoding, length);
	if (length + RAW_OVERHEAD > encoding->max_bytes || !args.length)
		return length;
	room = encoding->max_bytes - length;
	exec->args = arguments_cut(args, encoding->format->args_shown, text_is_utf8(args) ? room : room - RAW_OVERHEAD);
	return write_event(encoding);
}

size_t encode_event(const struct encode_format *format, struct event *event, char *line, size_t line_max_bytes)
{
	const struct encoding encoding = { format, event, line, line_max_bytes };
	size_t length = write_event(&encoding);

	if (length > line_max_bytes && (event->type == EVENT_EXEC || event->type == EVENT_EXEC_FAILED))
		length = fit(&encoding);
	return length;
}
