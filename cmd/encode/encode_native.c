// SPDX-License-Identifier: BSD-2-Clause
/* The native format, version 1. schema/exectap.schema.json */
#include "encode/encode_native.h"

#include "encode/encode_run.h"
#include "event/field_value.h"

/* Copies a block of strings up to the first byte that is not plain. Returns the bytes. */
static inline size_t copy_plain_block(char *to, const char *from)
{
	text_block block;

	memcpy(&block, from, sizeof(block));
	memcpy(to, &block, sizeof(block));
	return text_block_first((block < ' ') | (block == '"') | (block == '\\') | (block == 0x7f));
}

/*
 * Appends strings as json_writer_strings() does if all their bytes are plain, as most are: one pass
 * finds their ends, checks and copies them. Returns false, with the line unchanged, where one is
 * not, or where they may not fit.
 */
static bool write_plain_strings(struct json_writer *json, struct text strings,
				const struct text_json_table *table)
{
	const struct text_json_byte *separator = &table->bytes[0];
	struct text left = field_value_strings(strings);
	char *to = json->bytes + json->length;
	char last[sizeof(text_block)] = {};

	if (json->length + left.length * separator->length + sizeof(last) > json->capacity)
		return false;
	while (left.length) {
		const char *from = left.bytes;
		size_t plain;

		if (left.length < sizeof(last))
			from = memcpy(last, left.bytes, left.length);
		plain = copy_plain_block(to, from);
		if (plain >= left.length) {
			to += left.length;
			break;
		}
		to += plain;
		left = text_skip(left, plain);
		if (plain == sizeof(last))
			continue;
		if (left.bytes[0])
			return false;
		memcpy(to, separator, sizeof(*separator));
		to += separator->length;
		left = text_skip(left, 1);
	}
	json->length = (size_t)(to - json->bytes);
	return true;
}

/* Maximum bytes of strings that are copied in one pass. The caller of an exec can choose more and
 * shorter ones, whose ends cost more by blocks than byte by byte. */
#define FEW_ARGS_BYTES 512

static void write_strings(struct json_writer *json, struct text strings,
			  const struct text_json_table *table)
{
	json_writer_text_begin(json);
	if (strings.length > FEW_ARGS_BYTES || !write_plain_strings(json, strings, table))
		json_writer_strings(json, strings, table);
	json_writer_text_end(json);
}

void encode_native_args(struct json_writer *json, struct text args)
{
	json_writer_array_begin(json, JSON_WRITER_NO_KEY);
	if (args.length)
		write_strings(json, args, &text_json_list_table);
	json_writer_array_end(json);
}

void encode_native_command_line(struct json_writer *json, struct text args)
{
	write_strings(json, args, &text_json_words_table);
}

static void write_list(struct json_writer *json, const struct field *field,
		       const struct event *event)
{
	struct field_cursor cursor = {};
	char buf[FIELD_BUF_BYTES];
	struct text value;

	if (field->kind == FIELD_KIND_ARGS || field->kind == FIELD_KIND_PARENT_ARGS) {
		encode_native_args(json, field->kind == FIELD_KIND_ARGS
						 ? event->exec.args
						 : event->context->parent_args);
		return;
	}
	json_writer_array_begin(json, JSON_WRITER_NO_KEY);
	while (json->length <= json->capacity && field_next(field, event, &cursor, buf, &value)) {
		json_writer_item(json);
		json_writer_text(json, value);
	}
	json_writer_array_end(json);
}

/* A name is UTF-8, as a key has to be: options.c refuses other names. */
static void write_map(struct json_writer *json, const struct field *field,
		      const struct event *event)
{
	struct field_cursor cursor = {};
	char buf[FIELD_BUF_BYTES];
	struct text value;

	json_writer_object_begin(json, JSON_WRITER_NO_KEY);
	while (field_next(field, event, &cursor, buf, &value)) {
		json_writer_item(json);
		json_writer_text(json, value);
		json_writer_append(json, ":", 1);
		field_next(field, event, &cursor, buf, &value);
		json_writer_text(json, value);
	}
	json_writer_object_end(json);
}

static void write_ancestors(struct json_writer *json, const struct event_context *context)
{
	json_writer_array_begin(json, JSON_WRITER_NO_KEY);
	for (size_t i = 0; i < context->ancestor_count; i++) {
		const struct event_ancestor *ancestor = &context->ancestors[i];

		json_writer_object_begin(json, JSON_WRITER_NO_KEY);
		json_writer_key(json, JSON_WRITER_KEY("pid"));
		json_writer_number(json, ancestor->pid);
		json_writer_key(json, JSON_WRITER_KEY("comm"));
		json_writer_text(json, ancestor->comm);
		json_writer_key(json, JSON_WRITER_KEY("id"));
		json_writer_ascii(json, ancestor->id);
		json_writer_object_end(json);
	}
	json_writer_array_end(json);
}

/* Begins an entry of raw: a string, an argument, or a variable. */
static void raw_begin(struct json_writer *json, const struct field *field)
{
	json_writer_object_begin(json, JSON_WRITER_NO_KEY);
	json_writer_key(json, JSON_WRITER_KEY("key"));
	/* a key of the table, but for its colon */
	json_writer_literal(json,
			    (struct text){ field_key(field).bytes, field_key(field).length - 1 });
}

static void raw_end(struct json_writer *json, struct text value)
{
	json_writer_key(json, JSON_WRITER_KEY("base64"));
	json_writer_base64(json, value);
	json_writer_object_end(json);
}

/* Skips the strings in front of the one with the first ill-formed part. Returns their number, and
 * nothing is left in *strings where all are well-formed. */
static size_t skip_well_formed(struct text *strings)
{
	size_t prefix = text_utf8_prefix(*strings);
	const char *start = strings->bytes, *nul;

	if (!prefix)
		return 0;
	nul = memrchr(start, '\0', prefix);
	if (prefix < strings->length)
		prefix = nul ? (size_t)(nul - start) + 1 : 0;
	*strings = text_skip(*strings, prefix);
	return text_count_nuls((struct text){ start, prefix });
}

static JSON_WRITER_FLATTEN void write_raw_args(struct json_writer *json, const struct field *field,
					       struct text args)
{
	struct json_writer local = *json;
	struct text value;

	for (size_t index = skip_well_formed(&args);
	     local.length <= local.capacity && text_next_string(&args, &value);
	     index += 1 + skip_well_formed(&args)) {
		raw_begin(&local, field);
		json_writer_key(&local, JSON_WRITER_KEY("index"));
		json_writer_number(&local, index);
		raw_end(&local, value);
	}
	*json = local;
}

static void write_raw_variables(struct json_writer *json, const struct field *field,
				const struct event_exec *exec)
{
	for (size_t i = 0; i < exec->variable_count && json->length <= json->capacity; i++) {
		const struct event_variable *variable = &exec->variables[i];

		if (text_is_utf8(variable->value))
			continue;
		raw_begin(json, field);
		json_writer_key(json, JSON_WRITER_KEY("name"));
		json_writer_text(json, variable->name);
		raw_end(json, variable->value);
	}
}

static void write_raw_ancestors(struct json_writer *json, const struct field *field,
				const struct event_context *context)
{
	for (size_t i = 0; i < context->ancestor_count && json->length <= json->capacity; i++) {
		if (text_is_utf8(context->ancestors[i].comm))
			continue;
		raw_begin(json, field);
		json_writer_key(json, JSON_WRITER_KEY("index"));
		json_writer_number(json, i);
		raw_end(json, context->ancestors[i].comm);
	}
}

/* A command line has the bytes of the arguments. */
static bool has_bytes_of(const struct event *event, unsigned int id)
{
	return !field_set_has(&event->omitted, id) ||
	       (id == FIELD_ID_args && FIELD_IS_WRITTEN(event, command_line)) ||
	       (id == FIELD_ID_parent_args && FIELD_IS_WRITTEN(event, parent_command_line));
}

/* A list, and not an object: a store that indexes documents by their keys would get a field for
 * each index of each ill-formed argument, and refuse documents with too many. */
static void write_raw(struct json_writer *json, const struct event *event)
{
	char buf[FIELD_BUF_BYTES];
	struct text value;

	json_writer_array_begin(json, JSON_WRITER_KEY("raw"));
	for (size_t i = 0; i < FIELD_COUNT && json->length <= json->capacity; i++) {
		const struct field *field = &field_table[i];
		struct field_cursor cursor = {};

		if (field->form == FIELD_JSON_LITERAL || field->form == FIELD_JSON_ASCII ||
		    !(field->events & EVENT_BIT(event->type)) ||
		    !has_bytes_of(event, (unsigned int)i) || !field_value_is_present(field, event))
			continue;
		if (field->kind == FIELD_KIND_ARGS)
			write_raw_args(json, field, event->exec.args);
		if (field->kind == FIELD_KIND_PARENT_ARGS)
			write_raw_args(json, field, event->context->parent_args);
		if (field->kind == FIELD_KIND_ENV)
			write_raw_variables(json, field, &event->exec);
		if (field->kind == FIELD_KIND_ANCESTORS)
			write_raw_ancestors(json, field, event->context);
		if (field->form == FIELD_JSON_STRING &&
		    field_next(field, event, &cursor, buf, &value) && !text_is_utf8(value)) {
			raw_begin(json, field);
			raw_end(json, value);
		}
	}
	json_writer_array_end(json);
}

/*
 * The functions for one kind of field each are not inline, but their calls are in a loop that the
 * compiler unrolls: the tests of a field and the place of its value are constants then, and the
 * code is small enough to be read from memory for a line now and then.
 */
#define OUT_OF_LINE __attribute__((noinline))

/* Appends the key of a field. Returns where the value goes, or NULL if it has to be appended with
 * the functions of the writer: where FIELD_BUF_BYTES and two quotes may not fit. */
static inline char *begin_value(struct json_writer *json, const struct field *field)
{
	char *to = json->bytes + json->length;
	size_t without_comma = !json->needs_comma;

	if (json->length + FIELD_KEY_BYTES + FIELD_BUF_BYTES + 2 > json->capacity) {
		json_writer_key(json, field_key(field));
		return NULL;
	}
	memcpy(to, field->key + without_comma, FIELD_KEY_BYTES);
	json->length += field->key_length - without_comma;
	json->needs_comma = true;
	return json->bytes + json->length;
}

static OUT_OF_LINE void append_number(struct json_writer *json, const struct field *field,
				      uint64_t number)
{
	char *to = begin_value(json, field);

	if (to)
		json->length += text_to_decimal(number, to);
	else
		json_writer_number(json, number);
}

static OUT_OF_LINE void append_number_string(struct json_writer *json, const struct field *field,
					     uint64_t number)
{
	char *to = begin_value(json, field);
	size_t length;

	if (!to) {
		json_writer_number_string(json, number);
		return;
	}
	length = text_to_decimal(number, to + 1);
	to[0] = to[length + 1] = '"';
	json->length += length + 2;
}

/* Appends a value of at most FIELD_BUF_BYTES as it is. */
static OUT_OF_LINE void append_literal(struct json_writer *json, const struct field *field,
				       struct text value)
{
	begin_value(json, field);
	json_writer_literal(json, value);
}

static OUT_OF_LINE void append_ascii(struct json_writer *json, const struct field *field,
				     struct text value)
{
	begin_value(json, field);
	json_writer_ascii(json, value);
}

static OUT_OF_LINE void append_text(struct json_writer *json, const struct field *field,
				    struct text value)
{
	begin_value(json, field);
	json_writer_text(json, value);
}

static OUT_OF_LINE void append_true(struct json_writer *json, const struct field *field)
{
	begin_value(json, field);
	json_writer_literal(json, (struct text){ "true", 4 });
}

/* Appends a field of any kind that has at most one value; nothing where the event has none. */
static OUT_OF_LINE void append_any(struct json_writer *json, const struct field *field,
				   const struct event *event)
{
	char buf[FIELD_BUF_BYTES];
	struct text value = {};

	if (!field_value_get(field, event, buf, &value))
		return;
	begin_value(json, field);
	if (field->form == FIELD_JSON_STRING)
		json_writer_text(json, value);
	else if (field->form == FIELD_JSON_ASCII)
		json_writer_ascii(json, value);
	else
		json_writer_literal(json, value);
}

/* Appends a field that is a list, a map, or a command line. */
static OUT_OF_LINE void append_items(struct json_writer *json, const struct field *field,
				     const struct event *event)
{
	json_writer_key(json, field_key(field));
	if (field->form == FIELD_JSON_JOINED)
		encode_native_command_line(json,
					   *(const struct text *)field_value_member(field, event));
	else if (field->form == FIELD_JSON_LIST)
		write_list(json, field, event);
	else if (field->form == FIELD_JSON_MAP)
		write_map(json, field, event);
	else
		write_ancestors(json, event->context);
}

static inline void append_text_of_form(struct json_writer *json, const struct field *field,
				       struct text value)
{
	if (!value.length && field->kind != FIELD_KIND_TEXT)
		return;
	if (field->form == FIELD_JSON_STRING)
		append_text(json, field, value);
	else
		append_ascii(json, field, value);
}

/* Appends a time. Those of the event and of the start of the process are formatted. */
static inline void append_time(struct json_writer *json, const struct field *field,
			       const struct event *event, const uint64_t *member)
{
	char out[CLOCK_RFC3339_BYTES];
	const char *time = out;

	if (member == &event->wall_ns)
		time = event->timestamp;
	else if (member == &event->process.start_wall_ns)
		time = event->process.start;
	else
		clock_rfc3339(out, *member);
	append_ascii(json, field, (struct text){ time, CLOCK_RFC3339_LENGTH });
}

static inline void append_number_of_form(struct json_writer *json, const struct field *field,
					 uint64_t number)
{
	if (field->form == FIELD_JSON_ASCII)
		append_number_string(json, field, number);
	else
		append_number(json, field, number);
}

/* Appends a field that is present. `field` is a constant. */
static inline __attribute__((always_inline)) void
append_field(struct json_writer *json, const struct field *field, const struct event *event)
{
	const void *member = field_value_member(field, event);

	if (field->form >= FIELD_JSON_JOINED) {
		append_items(json, field, event);
		return;
	}
	switch (field->kind) {
	case FIELD_KIND_TEXT:
	case FIELD_KIND_TEXT_OR_NONE:
	case FIELD_KIND_ACCOUNT:
	case FIELD_KIND_CONTAINER_NAME:
	case FIELD_KIND_POD_NAME:
		append_text_of_form(json, field, *(const struct text *)member);
		break;
	case FIELD_KIND_U32:
	case FIELD_KIND_U32_OR_NONE:
		if (member == &event->process.task.pid) {
			append_literal(json, field, event->process.pid);
			break;
		}
		append_number_of_form(json, field, *(const uint32_t *)member);
		break;
	case FIELD_KIND_U64:
		append_number_of_form(json, field, *(const uint64_t *)member);
		break;
	case FIELD_KIND_TIME:
		append_time(json, field, event, member);
		break;
	case FIELD_KIND_FLAG:
		append_true(json, field);
		break;
	case FIELD_KIND_TYPE:
		append_ascii(json, field, text_from_string(event_type_name(event->type)));
		break;
	case FIELD_KIND_TID:
		if (event_has_tid(event))
			append_number(json, field, event->exec.tid);
		break;
	case FIELD_KIND_ARGC:
		if (event->exec.argc != RECORD_ARGC_UNKNOWN)
			append_number(json, field, event->exec.argc);
		break;
	default:
		append_any(json, field, event);
	}
}

/* Appends the fields from `first` up to that before `end`: constants, as is `unmapped`. */
static inline __attribute__((always_inline)) void append_range(struct json_writer *json,
							       const struct event *event,
							       unsigned int unmapped,
							       unsigned int first, unsigned int end)
{
#pragma GCC unroll 128
	for (unsigned int id = first; id < end; id++) {
		const struct field *field = &field_table[id];

		if ((!unmapped || field->unmapped & unmapped) &&
		    field->events & EVENT_BIT(event->type) && !field_set_has(&event->omitted, id) &&
		    field_value_is_present(field, event))
			append_field(json, field, event);
	}
}

/* Appends a range that is a run. */
static inline __attribute__((always_inline)) void
append_run(struct json_writer *json, const struct event *event, unsigned int unmapped,
	   unsigned int first, unsigned int end, const struct encode_format *format,
	   enum context_run run)
{
	struct json_writer before;

	if (!encode_run_begin(json, event, format, run, &before))
		return;
	append_range(json, event, unmapped, first, end);
	encode_run_end(json, event, format, run, &before);
}

/* Reports whether the marks of the event are of keys of its context alone. */
static bool has_marks_of_context(const struct event *event)
{
	const struct event_process *process = &event->process;

	return event_is_process(event) && !process->redacted && !process->redacted_bytes &&
	       !((process->truncated | process->unreadable) & ~(uint32_t)CONTEXT_KEYS);
}

static inline __attribute__((always_inline)) void append_fields(struct json_writer *json,
								const struct event *event,
								unsigned int unmapped,
								const struct encode_format *format)
{
	append_range(json, event, unmapped, 0, FIELD_HOST_FIRST);
	append_run(json, event, unmapped, FIELD_HOST_FIRST, FIELD_HOST_END, format,
		   CONTEXT_RUN_HOST_FIELDS);
	append_range(json, event, unmapped, FIELD_HOST_END, FIELD_CALL_FIRST);
	append_run(json, event, unmapped, FIELD_CALL_FIRST, FIELD_CALL_END, format,
		   CONTEXT_RUN_CALL_FIELDS);
	append_range(json, event, unmapped, FIELD_CALL_END, FIELD_FILE_FIRST);
	append_run(json, event, unmapped, FIELD_FILE_FIRST, FIELD_FILE_END, format,
		   CONTEXT_RUN_FILE_FIELDS);
	append_range(json, event, unmapped, FIELD_FILE_END, FIELD_CONTEXT_FIRST);
	append_run(json, event, unmapped, FIELD_CONTEXT_FIRST, FIELD_CONTEXT_END, format,
		   CONTEXT_RUN_FIELDS);
	if (event->type != EVENT_EXEC)
		append_range(json, event, unmapped, FIELD_CONTEXT_END, FIELD_MARKS_FIRST);
	if (has_marks_of_context(event))
		append_run(json, event, unmapped, FIELD_MARKS_FIRST, FIELD_COUNT, format,
			   CONTEXT_RUN_MARKS);
	else
		append_range(json, event, unmapped, FIELD_MARKS_FIRST, FIELD_COUNT);
	if (json->ill_formed && FIELD_IS_WRITTEN(event, raw))
		write_raw(json, event);
}

/* An instance for each format, so that the fields of each are known. */
void encode_native_fields(struct json_writer *json, const struct event *event,
			  unsigned int unmapped, const struct encode_format *format)
{
	if (!unmapped)
		append_fields(json, event, 0, format);
	else if (unmapped == FIELD_ECS)
		append_fields(json, event, FIELD_ECS, format);
	else
		append_fields(json, event, FIELD_OCSF, format);
}

static void write_native(struct json_writer *json, const struct event *event,
			 const struct encode_format *format)
{
	(void)format;
	json_writer_object_begin(json, JSON_WRITER_NO_KEY);
	encode_native_fields(json, event, 0, &encode_native);
	json_writer_object_end(json);
}

const struct encode_format encode_native = {
	.name = "native",
	.write = write_native,
	.argument_times = 1,
	.argument_around_bytes = sizeof("\"\",") - 1,
	.argument_raw_bytes = ENCODE_NATIVE_ARGUMENT_RAW_BYTES,
	.has_extra_command_line = true,
	.filename_times = 1,
	.exe_times = 1,
	.image_times = 1,
	.line_min_bytes = ENCODE_LINE_MIN_BYTES,
};
