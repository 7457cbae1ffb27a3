// SPDX-License-Identifier: BSD-2-Clause
#include "encode/encode.h"

#include "event/context.h"
#include "event/field.h"
#include "util/text_json.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const struct encode_format *const formats[] = { &encode_native, &encode_ecs, &encode_ocsf,
						       &encode_text };

const struct encode_format *encode_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}

/* Maximum bytes around all tags, and around each of them. */
#define TAGS_BYTES sizeof("\"labels\":[],")
#define TAG_BYTES sizeof("\"\":\"\",")

/* Maximum occurrences of the name of the host in a line */
#define HOST_TIMES 2

size_t encode_least_bytes(const struct encode_format *format, const char *host, struct text tags)
{
	size_t bytes = format->line_min_bytes + (tags.length ? TAGS_BYTES : 0);
	struct text string;

	if (host)
		bytes += HOST_TIMES * text_json_length(text_from_string(host));
	while (text_next_string(&tags, &string))
		bytes += text_json_length(string) + TAG_BYTES / 2 + 1;
	return bytes;
}

/* The arguments of write_event(). */
struct encoding {
	const struct encode_format *format;
	const struct encode_format *parent_format; /* with the cost of the parent's arguments */
	struct event *event;
	char *bytes;
	size_t max_bytes;
};

/* Writes the event as it is now. Returns the length of the line, which is not whole where that is
 * above max_bytes. */
static size_t write_event(const struct encoding *encoding)
{
	struct json_writer json = json_writer_new(encoding->bytes, encoding->max_bytes);

	encoding->format->write(&json, encoding->event, encoding->format);
	json_writer_append(&json, "\n", 1);
	return json.length;
}

static size_t decimal_length(size_t number)
{
	size_t length = 1;

	for (; number >= 10; number /= 10)
		length++;
	return length;
}

/* Bytes that a new raw list adds around its entries. */
#define RAW_OVERHEAD (sizeof(",\"raw\":[],") - 1)

/* Maximum bytes of a path's entry in raw, without the base64. */
#define RAW_PATH_BYTES (RAW_OVERHEAD + sizeof("{\"key\":\"parent_exe\",\"base64\":\"\"},"))

/* Maximum bytes around a variable: in the list, and of its entry in raw without name and base64. */
#define VARIABLE_BYTES sizeof("{\"name\":\"\",\"value\":\"\"},")
#define RAW_VARIABLE_BYTES                                                                         \
	(RAW_OVERHEAD + sizeof("{\"key\":\"env\",\"name\":\"\",\"base64\":\"\"},"))

/* Maximum bytes that a line has more with a container id of no bytes than without one. */
#define CONTAINER_BYTES 128
/* The same for a name of a container or of a pod. */
#define CONTAINER_NAME_AROUND_BYTES 128
#define UNIT_BYTES sizeof("\"systemd_unit\":\"\",")
#define ENTRY_EXE_BYTES (sizeof("\"name\":\"\",\"executable\":\"\",") - 1)

/* Removes strings, which are well-formed, from the front of *left. Returns false, with what is not
 * shown in *left, at the end of the budget. */
static bool cut_strings(const struct encode_format *format, struct text strings, struct text *left,
			size_t *index, struct text_json_budget *budget)
{
	size_t separators, shown, length = strings.length;

	if (!length)
		return true;
	if (!strings.bytes[length - 1])
		strings.length--;
	budget->bytes -= format->argument_around_bytes;
	shown = text_json_cut_strings(strings, format->argument_around_bytes, budget, &separators)
			.length;
	*index += separators + 1;
	*left = text_skip(*left, shown < strings.length ? shown : length);
	return shown == strings.length;
}

/* Bytes that are validated and measured in turn: what does not fit is not read. */
#define RUN_BYTES 1024

/* Returns the well-formed beginning of strings, of about RUN_BYTES. Sets *is_last if an ill-formed
 * part follows it. */
static struct text well_formed_part(struct text strings, bool *is_last)
{
	struct text part = { strings.bytes,
			     strings.length < RUN_BYTES ? strings.length : RUN_BYTES };
	size_t prefix = text_utf8_prefix(part);
	bool cut_in_character = part.length < strings.length && part.length - prefix < 4;

	*is_last = prefix < part.length && !cut_in_character;
	return (struct text){ part.bytes, prefix };
}

/* Returns the strings in front of the one with an ill-formed part behind its first bytes, or that
 * one's beginning as well if the bytes of a budget end there. */
static struct text strings_before(struct text strings, size_t before, size_t budget_bytes)
{
	const char *nul = memrchr(strings.bytes, '\0', before);

	if (budget_bytes < strings.length && budget_bytes < before + 4)
		return (struct text){ strings.bytes, before };
	return (struct text){ strings.bytes, nul ? (size_t)(nul - strings.bytes) + 1 : 0 };
}

/* Removes the strings in front of the first one with an ill-formed part from *left. Returns false,
 * with what is not shown in *left, at the end of the budget and of the strings. */
static bool cut_run(const struct encode_format *format, struct text *left, size_t *index,
		    struct text_json_budget *budget)
{
	const size_t around = format->argument_around_bytes, bytes = budget->bytes;
	struct text behind = *left, part;
	size_t separators, shown, before;
	bool is_last;

	if (!left->length || bytes < around)
		return false;
	if (!behind.bytes[behind.length - 1])
		behind.length--;
	budget->bytes -= around;
	do {
		part = well_formed_part(behind, &is_last);
		if (is_last) {
			before = (size_t)(part.bytes - left->bytes) + part.length;
			budget->bytes = bytes;
			return cut_strings(format, strings_before(*left, before, bytes), left,
					   index, budget);
		}
		shown = text_json_cut_strings(part, around, budget, &separators).length;
		behind = text_skip(behind, shown);
	} while (behind.length && shown == part.length);
	/* of the last string, its NUL is not left alone */
	*left = behind.length ? text_skip(*left, (size_t)(behind.bytes - left->bytes)) : behind;
	return false;
}

/* The same for one string. */
static bool cut_argument(const struct encode_format *format, struct text *left, size_t *index,
			 struct text_json_budget *budget)
{
	struct text behind = *left, string;
	size_t shown;

	if (budget->bytes < format->argument_around_bytes || !text_next_string(&behind, &string))
		return false;
	budget->bytes -= format->argument_around_bytes;
	budget->raw_bytes = format->argument_raw_bytes + decimal_length((*index)++) +
			    (budget->ill_formed ? 0 : RAW_OVERHEAD);
	shown = text_json_cut(string, budget).length;
	*left = shown < string.length ? text_skip(*left, shown) : behind;
	return shown == string.length;
}

/* Returns the first strings, the last of them perhaps cut, that the capacity holds. A string is
 * read up to the end of the capacity, and again if it is in front of an ill-formed one. */
static struct text arguments_cut(const struct encode_format *format, struct text strings,
				 size_t capacity)
{
	struct text_json_budget budget = { .bytes = capacity, .times = format->argument_times };
	struct text left = strings;
	size_t index = 0;

	while (cut_run(format, &left, &index, &budget) &&
	       cut_argument(format, &left, &index, &budget))
		;
	return (struct text){ strings.bytes, strings.length - left.length };
}

/* Cuts the values of the environment to equal shares of the capacity; a value passes on what it
 * does not need. Variables whose names do not fit are left out. */
static void cut_variables(const struct encoding *encoding, size_t count, size_t capacity)
{
	struct event_exec *exec = &encoding->event->exec;
	bool truncated = false;

	exec->variable_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct event_variable *variable = &exec->variables[i];
		size_t share = capacity / (count - i);
		size_t name_bytes = text_json_length(variable->name), length;
		struct text_json_budget budget = { .times = 1,
						   .raw_bytes = RAW_VARIABLE_BYTES + name_bytes };

		truncated = truncated || share < VARIABLE_BYTES + name_bytes;
		if (share < VARIABLE_BYTES + name_bytes)
			break;
		length = variable->value.length;
		budget.bytes = share - VARIABLE_BYTES - name_bytes;
		variable->value = text_json_cut(variable->value, &budget);
		truncated = truncated || variable->value.length < length;
		capacity -= share - budget.bytes;
		exec->variable_count++;
	}
	if (truncated)
		encoding->event->process.truncated |= RECORD_KEY_ENV;
}

/* Returns the text, or none where the budget does not pay for all of it: a part of a name or of an
 * id is another one. */
static struct text whole_or_none(struct text text, struct text_json_budget *budget)
{
	struct text_json_budget before = *budget;
	struct text shown = text_json_cut(text, budget);

	if (shown.length == text.length)
		return shown;
	*budget = before;
	return (struct text){ text.bytes, 0 };
}

/* Maximum bytes of an ancestor in the list, and in raw without the base64. */
#define ANCESTOR_BYTES (sizeof("{\"pid\":,\"comm\":,\"id\":\"\"},") - 1)
#define RAW_ANCESTOR_BYTES                                                                         \
	(RAW_OVERHEAD + sizeof("{\"key\":\"ancestors\",\"index\":0,\"base64\":\"\"},") - 1)
#define ANCESTORS_BYTES (sizeof("\"ancestors\":[],") - 1)

static size_t ancestor_bytes(const struct event_ancestor *ancestor)
{
	size_t bytes = ANCESTOR_BYTES + decimal_length(ancestor->pid) + ancestor->id.length +
		       text_json_length(ancestor->comm);

	if (!text_is_utf8(ancestor->comm))
		bytes += RAW_ANCESTOR_BYTES + TEXT_BASE64_LENGTH(ancestor->comm.length);
	return bytes;
}

/* Cuts the `count` ancestors to those that the capacity holds. Returns the bytes that are used of
 * it. */
static size_t cut_ancestors(const struct encoding *encoding, size_t count, size_t capacity)
{
	struct event_context *context = context_own(encoding->event);
	size_t taken = ANCESTORS_BYTES, bytes = 0;

	context->ancestor_count = 0;
	for (size_t i = 0; i < count; i++) {
		taken += ancestor_bytes(&context->ancestors[i]);
		if (taken > capacity) {
			encoding->event->process.truncated |= RECORD_KEY_ANCESTORS;
			break;
		}
		context->ancestor_count++;
		bytes = taken;
	}
	return bytes;
}

/* Returns the length of the line without arguments. */
static size_t write_without_arguments(const struct encoding *encoding)
{
	struct text *args = &encoding->event->exec.args, whole = *args;
	size_t length;

	args->length = 0;
	length = write_event(encoding);
	*args = whole;
	return length;
}

/* Cuts the arguments of the parent to the capacity. Returns the bytes that are used of it. */
static size_t cut_parent_args(const struct encoding *encoding, struct text whole, size_t capacity)
{
	struct event *event = encoding->event;
	struct text *args = &context_own(event)->parent_args;
	struct encode_format format = *encoding->parent_format;

	format.argument_raw_bytes += sizeof("parent_") - 1;
	*args = arguments_cut(&format, whole, capacity);
	if (args->length < whole.length)
		event->process.truncated |= RECORD_KEY_PARENT_ARGS;
	return args->length ? capacity : 0;
}

/* Returns the bytes that a line leaves without its strings, as if each were cut: the names of these
 * keys occupy bytes of the line too. */
static size_t free_capacity(const struct encoding *encoding)
{
	struct event_process *process = &encoding->event->process;
	uint32_t truncated = process->truncated;
	size_t length;

	process->truncated |= RECORD_KEY_FILENAME | RECORD_KEY_EXE | RECORD_KEY_CWD |
			      RECORD_KEY_PARENT_EXE | RECORD_KEY_PARENT_ARGS | RECORD_KEY_CGROUP |
			      RECORD_KEY_ENV | RECORD_KEY_ANCESTORS | RECORD_KEY_ENTRY_EXE;
	length = write_without_arguments(encoding);
	process->truncated = truncated;
	return length < encoding->max_bytes ? encoding->max_bytes - length : 0;
}

/* A string of an event, and how it is cut. */
struct cut_string {
	enum field_id id;
	enum record_key key;
	struct text *string;
	struct text (*cut)(struct text text, struct text_json_budget *budget);
	size_t times;
	size_t around_bytes;
};

/* Returns the string as far as the line has it, and empties it. */
static struct text take_string(const struct event *event, const struct cut_string *row)
{
	struct text whole = *row->string;

	row->string->length = 0;
	return (struct text){ whole.bytes,
			      field_set_has(&event->omitted, row->id) ? 0 : whole.length };
}

/* Sets the string to what the capacity holds of `whole`. Returns the bytes that are used of it. */
static size_t cut_string(struct event *event, const struct cut_string *row, struct text whole,
			 size_t capacity)
{
	struct text_json_budget budget = { .bytes = capacity > row->around_bytes
							    ? capacity - row->around_bytes
							    : 0,
					   .times = row->times,
					   .raw_bytes = RAW_PATH_BYTES };

	*row->string = row->cut(whole, &budget);
	if (row->string->length < whole.length)
		event->process.truncated |= row->key;
	return row->string->length ? capacity - budget.bytes : 0;
}

/*
 * Cuts the paths, the most important first, each to at most half of what is left, so that no path
 * takes the place of the others; and then the parent's arguments and the environment. A path from
 * the root loses its beginning, as on the kernel side, because its last part is the name of the
 * file.
 */
static void cut_paths(const struct encoding *encoding)
{
	struct event *event = encoding->event;
	struct event_exec *exec = &event->exec;
	struct event_context *context = context_own(event);
	struct container_names *names = &context->container.names;
	const struct encode_format *format = encoding->format;
	size_t count = exec->variable_count, ancestors = context->ancestor_count, left;
	const struct cut_string order[] = {
		{ FIELD_ID_filename, RECORD_KEY_FILENAME, &exec->filename, text_json_cut,
		  format->filename_times, 0 },
		{ FIELD_ID_exe, RECORD_KEY_EXE, &exec->paths[EVENT_PATH_EXE], text_json_tail,
		  format->exe_times, 0 },
		{ FIELD_ID_cwd, RECORD_KEY_CWD, &exec->paths[EVENT_PATH_CWD], text_json_tail, 1,
		  0 },
		{ FIELD_ID_parent_exe, RECORD_KEY_PARENT_EXE, &context->parent_exe, text_json_tail,
		  format->exe_times, 0 },
		{ FIELD_ID_container_id, RECORD_KEY_CGROUP, &context->container.id, whole_or_none,
		  1, CONTAINER_BYTES },
		{ FIELD_ID_container_name, RECORD_KEY_CGROUP, &names->name, whole_or_none, 1,
		  CONTAINER_NAME_AROUND_BYTES },
		{ FIELD_ID_container_image, RECORD_KEY_CGROUP, &names->image, whole_or_none,
		  format->image_times, CONTAINER_NAME_AROUND_BYTES },
		{ FIELD_ID_pod_name, RECORD_KEY_CGROUP, &names->pod_name, whole_or_none, 1,
		  CONTAINER_NAME_AROUND_BYTES },
		{ FIELD_ID_pod_namespace, RECORD_KEY_CGROUP, &names->pod_namespace, whole_or_none,
		  1, CONTAINER_NAME_AROUND_BYTES },
		{ FIELD_ID_systemd_unit, RECORD_KEY_CGROUP, &context->systemd_unit, whole_or_none,
		  1, UNIT_BYTES },
		{ FIELD_ID_entry_exe, RECORD_KEY_ENTRY_EXE, &context->entry_exe, text_json_tail,
		  format->exe_times, ENTRY_EXE_BYTES },
		{ FIELD_ID_cgroup, RECORD_KEY_CGROUP, &context->cgroup, text_json_tail, 1, 0 },
	};
	struct text whole[sizeof(order) / sizeof(order[0])], parent_args = context->parent_args;

	context_own_call(event);
	if (exec->parent_args_hidden)
		parent_args.length = 0;
	exec->variable_count = 0;
	context->parent_args.length = 0;
	context->ancestor_count = 0;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		whole[i] = take_string(event, &order[i]);
	left = free_capacity(encoding);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		left -= cut_string(event, &order[i], whole[i], left / 2);
	left -= cut_parent_args(encoding, parent_args, left / 2);
	left -= cut_ancestors(encoding, ancestors, left / 2);
	cut_variables(encoding, count, left);
}

/* Reports whether the arguments exceed the capacity even if no byte is escaped. */
static bool arguments_exceed(const struct encode_format *format, struct text args, size_t capacity)
{
	size_t nuls = text_count_nuls(args);

	return format->argument_times * (args.length - nuls) +
		       format->argument_around_bytes * nuls >
	       capacity;
}

/*
 * Shortens the event's strings until the line fits: args from the end, and where the line is too
 * long without any, the paths and the environment. Each string is measured once, and the line is
 * written at most four times.
 */
static size_t fit(const struct encoding *encoding, bool paths_exceed)
{
	struct event_exec *exec = &encoding->event->exec;
	size_t length;

	if (exec->args.length)
		encoding->event->process.truncated |= RECORD_KEY_ARGS;
	if (!paths_exceed)
		length = write_without_arguments(encoding);
	if (paths_exceed || length > encoding->max_bytes) {
		cut_paths(encoding);
		length = write_without_arguments(encoding);
	}
	if (length > encoding->max_bytes)
		exec->args.length = 0;
	else
		exec->args =
			arguments_cut(encoding->format, exec->args, encoding->max_bytes - length);
	return exec->args.length ? write_event(encoding) : length;
}

/* Returns the format with the cost of an argument that a command line repeats. */
static struct encode_format with_command_line(const struct encode_format *format)
{
	struct encode_format dearer = *format;

	dearer.argument_times++;
	dearer.argument_around_bytes++;
	return dearer;
}

static size_t encode(const struct encoding *encoding)
{
	const struct encode_format *format = encoding->format;
	struct event *event = encoding->event;
	size_t line_max_bytes = encoding->max_bytes;
	bool is_process = event_is_process(event);
	size_t length;

	/* an attempt to write what cannot fit would be work for nothing */
	if (is_process &&
	    event->exec.args.length * format->argument_around_bytes > line_max_bytes) {
		length = write_without_arguments(encoding);
		if (length > line_max_bytes ||
		    arguments_exceed(format, event->exec.args, line_max_bytes - length))
			return fit(encoding, length > line_max_bytes);
	}
	length = write_event(encoding);
	if (length > line_max_bytes && is_process)
		length = fit(encoding, false);
	return length;
}

size_t encode_event(const struct encode_format *format, struct event *event, char *line,
		    size_t line_max_bytes)
{
	struct encoding encoding = { format, format, event, line, line_max_bytes };
	struct encode_format dearer;

	if (!format->has_extra_command_line || (!FIELD_IS_WRITTEN(event, command_line) &&
						!FIELD_IS_WRITTEN(event, parent_command_line)))
		return encode(&encoding);
	dearer = with_command_line(format);
	if (FIELD_IS_WRITTEN(event, command_line))
		encoding.format = &dearer;
	if (FIELD_IS_WRITTEN(event, parent_command_line))
		encoding.parent_format = &dearer;
	return encode(&encoding);
}
