// SPDX-License-Identifier: BSD-2-Clause
/*
 * The native format, version 1, with jansson. One tree is kept and its values replaced, which takes
 * half the time of a tree for each event; only when an event has other keys than the one before is the
 * root linked anew, so that keys always stand in the order of key_names.
 */
#include "encode.h"

#include "clock.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA_VERSION 1

enum key {
	KEY_TIMESTAMP,
	KEY_TYPE,
	KEY_SEQ,
	KEY_HOST,
	KEY_BOOT_ID,
	KEY_SCHEMA,
	KEY_EVENT_ID,
	KEY_ID,
	KEY_PID,
	KEY_TID,
	KEY_PPID,
	KEY_PGID,
	KEY_SID,
	KEY_COMM,
	KEY_FILENAME,
	KEY_ARGS,
	KEY_ARGC,
	KEY_ARGS_BYTES,
	KEY_EXE,
	KEY_CWD,
	KEY_MEMFD,
	KEY_DELETED,
	KEY_UID,
	KEY_GID,
	KEY_EUID,
	KEY_EGID,
	KEY_AUID,
	KEY_SES,
	KEY_CAP_EFF,
	KEY_TTY,
	KEY_START,
	KEY_PARENT_COMM,
	KEY_PARENT_EXE,
	KEY_PARENT_ID,
	KEY_CGROUP,
	KEY_NS_PID,
	KEY_PID_NS,
	KEY_MNT_NS,
	KEY_NET_NS,
	KEY_USER_NS,
	KEY_COUNT,
	KEY_REASON,
	KEY_EVENT_TYPE,
	KEY_FROM,
	KEY_TO,
	KEY_TRUNCATED,
	KEY_UNREADABLE,
	KEY_RAW,
	KEYS,
};

static const struct {
	const char *name;
	json_type type;
} keys[KEYS] = {
	[KEY_TIMESTAMP] = { "timestamp", JSON_STRING },
	[KEY_TYPE] = { "type", JSON_STRING },
	[KEY_SEQ] = { "seq", JSON_INTEGER },
	[KEY_HOST] = { "host", JSON_STRING },
	[KEY_BOOT_ID] = { "boot_id", JSON_STRING },
	[KEY_SCHEMA] = { "schema", JSON_INTEGER },
	[KEY_EVENT_ID] = { "event_id", JSON_STRING },
	[KEY_ID] = { "id", JSON_STRING },
	[KEY_PID] = { "pid", JSON_INTEGER },
	[KEY_TID] = { "tid", JSON_INTEGER },
	[KEY_PPID] = { "ppid", JSON_INTEGER },
	[KEY_PGID] = { "pgid", JSON_INTEGER },
	[KEY_SID] = { "sid", JSON_INTEGER },
	[KEY_COMM] = { "comm", JSON_STRING },
	[KEY_FILENAME] = { "filename", JSON_STRING },
	[KEY_ARGS] = { "args", JSON_ARRAY },
	[KEY_ARGC] = { "argc", JSON_INTEGER },
	[KEY_ARGS_BYTES] = { "args_bytes", JSON_INTEGER },
	[KEY_EXE] = { "exe", JSON_STRING },
	[KEY_CWD] = { "cwd", JSON_STRING },
	[KEY_MEMFD] = { "memfd", JSON_TRUE },
	[KEY_DELETED] = { "deleted", JSON_TRUE },
	[KEY_UID] = { "uid", JSON_INTEGER },
	[KEY_GID] = { "gid", JSON_INTEGER },
	[KEY_EUID] = { "euid", JSON_INTEGER },
	[KEY_EGID] = { "egid", JSON_INTEGER },
	[KEY_AUID] = { "auid", JSON_INTEGER },
	[KEY_SES] = { "ses", JSON_INTEGER },
	[KEY_CAP_EFF] = { "cap_eff", JSON_STRING },
	[KEY_TTY] = { "tty", JSON_STRING },
	[KEY_START] = { "start", JSON_STRING },
	[KEY_PARENT_COMM] = { "parent_comm", JSON_STRING },
	[KEY_PARENT_EXE] = { "parent_exe", JSON_STRING },
	[KEY_PARENT_ID] = { "parent_id", JSON_STRING },
	[KEY_CGROUP] = { "cgroup", JSON_STRING },
	[KEY_NS_PID] = { "ns_pid", JSON_INTEGER },
	[KEY_PID_NS] = { "pid_ns", JSON_INTEGER },
	[KEY_MNT_NS] = { "mnt_ns", JSON_INTEGER },
	[KEY_NET_NS] = { "net_ns", JSON_INTEGER },
	[KEY_USER_NS] = { "user_ns", JSON_INTEGER },
	[KEY_COUNT] = { "count", JSON_INTEGER },
	[KEY_REASON] = { "reason", JSON_STRING },
	[KEY_EVENT_TYPE] = { "event_type", JSON_STRING },
	[KEY_FROM] = { "from", JSON_STRING },
	[KEY_TO] = { "to", JSON_STRING },
	[KEY_TRUNCATED] = { "truncated", JSON_ARRAY },
	[KEY_UNREADABLE] = { "unreadable", JSON_ARRAY },
	[KEY_RAW] = { "raw", JSON_OBJECT },
};

/* Keys whose strings can be cut or unreadable: their name, and their bit in the record. */
static const struct {
	enum key key;
	enum record_key bit;
} cuttable[] = {
	{ KEY_COMM, RECORD_KEY_COMM },	   { KEY_FILENAME, RECORD_KEY_FILENAME },
	{ KEY_ARGS, RECORD_KEY_ARGS },	   { KEY_EXE, RECORD_KEY_EXE },
	{ KEY_CWD, RECORD_KEY_CWD },	   { KEY_PARENT_EXE, RECORD_KEY_PARENT_EXE },
	{ KEY_CGROUP, RECORD_KEY_CGROUP },
};
#define CUTTABLE (sizeof(cuttable) / sizeof(cuttable[0]))

struct encoder {
	size_t line_max_bytes;
	json_t *root;
	json_t *values[KEYS];
	uint64_t present; /* bit n: the event at hand has key n */
	uint64_t linked; /* the keys that root holds now */
	json_t *raw_args; /* inside raw, by index */
	char *scratch; /* one string on its way into the tree */
	size_t scratch_bytes;
	int error; /* the first failure since encode_event() began */
};

/* What an event shows of its strings; cut step by step where a line would be too long. */
struct excerpt {
	struct text filename;
	struct text args;
	struct text paths[EVENT_PATHS];
	uint32_t truncated;
};

static json_t *value_new(json_type type)
{
	switch (type) {
	case JSON_STRING:
		return json_string("");
	case JSON_INTEGER:
		return json_integer(0);
	case JSON_ARRAY:
		return json_array();
	case JSON_OBJECT:
		return json_object();
	default:
		return json_true();
	}
}

int encode_new(struct encoder **encoder, size_t line_max_bytes)
{
	struct encoder *created = calloc(1, sizeof(*created));
	bool complete;

	if (!created)
		return -ENOMEM;
	created->line_max_bytes = line_max_bytes;
	created->root = json_object();
	created->raw_args = json_object();
	complete = created->root && created->raw_args;
	for (int key = 0; key < KEYS; key++) {
		created->values[key] = value_new(keys[key].type);
		complete = complete && created->values[key];
	}
	if (!complete) {
		encode_free(created);
		return -ENOMEM;
	}
	*encoder = created;
	return 0;
}

void encode_free(struct encoder *encoder)
{
	if (!encoder)
		return;
	json_decref(encoder->root);
	json_decref(encoder->raw_args);
	for (int key = 0; key < KEYS; key++)
		json_decref(encoder->values[key]);
	free(encoder->scratch);
	free(encoder);
}

/* Notes what a jansson call returned. */
static void check(struct encoder *encoder, int result)
{
	if (result && !encoder->error)
		encoder->error = -ENOMEM;
}

static void mark_present(struct encoder *encoder, enum key key)
{
	encoder->present |= 1ull << key;
}

static void set_integer(struct encoder *encoder, enum key key, uint64_t value)
{
	check(encoder, json_integer_set(encoder->values[key], (json_int_t)value));
	mark_present(encoder, key);
}

/* For strings that are ours, thus UTF-8. */
static void set_string(struct encoder *encoder, enum key key, const char *value)
{
	check(encoder, json_string_set_nocheck(encoder->values[key], value));
	mark_present(encoder, key);
}

static void set_time(struct encoder *encoder, enum key key, uint64_t wall_ns)
{
	char time[CLOCK_RFC3339_BYTES];

	clock_rfc3339(time, wall_ns);
	set_string(encoder, key, time);
}

static char *scratch(struct encoder *encoder, size_t bytes)
{
	char *larger;

	if (bytes <= encoder->scratch_bytes)
		return encoder->scratch;
	larger = realloc(encoder->scratch, bytes);
	if (!larger) {
		encoder->error = -ENOMEM;
		return NULL;
	}
	encoder->scratch = larger;
	encoder->scratch_bytes = bytes;
	return larger;
}

/* Puts the exact bytes of a string that is no UTF-8 into `object`. */
static void set_raw(struct encoder *encoder, json_t *object, const char *name, struct text value)
{
	char *room = scratch(encoder, TEXT_BASE64_LENGTH(value.length));

	if (!room)
		return;
	check(encoder,
	      json_object_set_new_nocheck(object, name, json_stringn_nocheck(room, text_to_base64(value, room))));
	mark_present(encoder, KEY_RAW);
}

/* Sets a JSON string to a text that is known not to be UTF-8. */
static void set_replaced(struct encoder *encoder, json_t *string, struct text value)
{
	char *room = scratch(encoder, TEXT_UTF8_MAX(value.length));

	if (room)
		check(encoder, json_string_setn_nocheck(string, room, text_to_utf8(value, room)));
}

static void set_text(struct encoder *encoder, enum key key, struct text value)
{
	mark_present(encoder, key);
	if (text_is_utf8(value)) {
		check(encoder, json_string_setn_nocheck(encoder->values[key], value.bytes, value.length));
		return;
	}
	set_replaced(encoder, encoder->values[key], value);
	set_raw(encoder, encoder->values[KEY_RAW], keys[key].name, value);
}

static void set_argument(struct encoder *encoder, size_t index, struct text value)
{
	json_t *array = encoder->values[KEY_ARGS], *string = json_array_get(array, index);
	char name[24];

	if (!string) {
		string = json_string("");
		check(encoder, json_array_append_new(array, string));
		if (encoder->error)
			return;
	}
	if (text_is_utf8(value)) {
		check(encoder, json_string_setn_nocheck(string, value.bytes, value.length));
		return;
	}
	snprintf(name, sizeof(name), "%zu", index);
	set_replaced(encoder, string, value);
	set_raw(encoder, encoder->raw_args, name, value);
}

static void set_arguments(struct encoder *encoder, struct text strings)
{
	json_t *array = encoder->values[KEY_ARGS];
	struct text value;
	size_t count = 0;

	while (!encoder->error && text_next_string(&strings, &value))
		set_argument(encoder, count++, value);
	while (!encoder->error && json_array_size(array) > count)
		check(encoder, json_array_remove(array, json_array_size(array) - 1));
	if (json_object_size(encoder->raw_args))
		check(encoder, json_object_set(encoder->values[KEY_RAW], keys[KEY_ARGS].name, encoder->raw_args));
	mark_present(encoder, KEY_ARGS);
}

/* The names of the keys whose bits are set in mask, as an array; no key where there are none. */
static void set_names(struct encoder *encoder, enum key key, uint32_t mask)
{
	json_t *array = encoder->values[key];

	if (!mask)
		return;
	check(encoder, json_array_clear(array));
	for (size_t i = 0; i < CUTTABLE; i++)
		if (mask & cuttable[i].bit)
			check(encoder, json_array_append_new(array, json_string(keys[cuttable[i].key].name)));
	mark_present(encoder, key);
}

static void set_task(struct encoder *encoder, const struct record_task *task)
{
	char capabilities[17];

	set_integer(encoder, KEY_PID, task->pid);
	set_integer(encoder, KEY_PPID, task->ppid);
	set_integer(encoder, KEY_PGID, task->pgid);
	set_integer(encoder, KEY_SID, task->sid);
	set_integer(encoder, KEY_UID, task->uid);
	set_integer(encoder, KEY_GID, task->gid);
	set_integer(encoder, KEY_EUID, task->euid);
	set_integer(encoder, KEY_EGID, task->egid);
	if (task->auid != RECORD_AUDIT_UNSET)
		set_integer(encoder, KEY_AUID, task->auid);
	if (task->ses != RECORD_AUDIT_UNSET)
		set_integer(encoder, KEY_SES, task->ses);
	snprintf(capabilities, sizeof(capabilities), "%016llx", (unsigned long long)task->cap_effective);
	set_string(encoder, KEY_CAP_EFF, capabilities);
}

static void set_namespaces(struct encoder *encoder, const struct record_task *task)
{
	const struct {
		enum key key;
		uint32_t value;
	} numbers[] = {
		{ KEY_NS_PID, task->ns_pid }, { KEY_PID_NS, task->pid_ns },   { KEY_MNT_NS, task->mnt_ns },
		{ KEY_NET_NS, task->net_ns }, { KEY_USER_NS, task->user_ns },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].value)
			set_integer(encoder, numbers[i].key, numbers[i].value);
}

static void set_exec_strings(struct encoder *encoder, const struct event_exec *exec, const struct excerpt *excerpt)
{
	uint32_t unreadable = exec->unreadable;

	if (!(unreadable & RECORD_KEY_COMM))
		set_text(encoder, KEY_COMM, exec->comm);
	if (!(unreadable & RECORD_KEY_FILENAME))
		set_text(encoder, KEY_FILENAME, excerpt->filename);
	if (!(unreadable & RECORD_KEY_EXE))
		set_text(encoder, KEY_EXE, excerpt->paths[EVENT_PATH_EXE]);
	if (!(unreadable & RECORD_KEY_CWD))
		set_text(encoder, KEY_CWD, excerpt->paths[EVENT_PATH_CWD]);
	if (!(unreadable & RECORD_KEY_CGROUP))
		set_text(encoder, KEY_CGROUP, excerpt->paths[EVENT_PATH_CGROUP]);
	if (exec->parent_has_exe && !(unreadable & RECORD_KEY_PARENT_EXE))
		set_text(encoder, KEY_PARENT_EXE, excerpt->paths[EVENT_PATH_PARENT_EXE]);
	if (!(unreadable & RECORD_KEY_ARGS))
		set_arguments(encoder, excerpt->args);
	set_text(encoder, KEY_PARENT_COMM, exec->parent_comm);
	if (excerpt->truncated & RECORD_KEY_ARGS)
		set_integer(encoder, KEY_ARGS_BYTES, exec->args_bytes);
	set_names(encoder, KEY_TRUNCATED, excerpt->truncated);
	set_names(encoder, KEY_UNREADABLE, unreadable);
}

static void set_exec(struct encoder *encoder, const struct event_exec *exec, const struct excerpt *excerpt)
{
	set_string(encoder, KEY_TYPE, "exec");
	set_string(encoder, KEY_EVENT_ID, exec->event_id);
	set_string(encoder, KEY_ID, exec->id);
	set_string(encoder, KEY_PARENT_ID, exec->parent_id);
	set_time(encoder, KEY_START, exec->start_wall_ns);
	set_task(encoder, &exec->task);
	set_namespaces(encoder, &exec->task);
	set_integer(encoder, KEY_ARGC, exec->argc);
	if (exec->tid != exec->task.pid)
		set_integer(encoder, KEY_TID, exec->tid);
	if (exec->tty[0])
		set_string(encoder, KEY_TTY, exec->tty);
	if (exec->memfd)
		mark_present(encoder, KEY_MEMFD);
	if (exec->deleted)
		mark_present(encoder, KEY_DELETED);
	set_exec_strings(encoder, exec, excerpt);
}

static void set_lost(struct encoder *encoder, const struct event_lost *lost)
{
	set_string(encoder, KEY_TYPE, "lost");
	set_integer(encoder, KEY_COUNT, lost->count);
	set_string(encoder, KEY_REASON, lost->reason);
	if (lost->event_type)
		set_string(encoder, KEY_EVENT_TYPE, lost->event_type);
	set_time(encoder, KEY_FROM, lost->from_wall_ns);
	set_time(encoder, KEY_TO, lost->to_wall_ns);
}

static void link_present(struct encoder *encoder)
{
	if (encoder->linked == encoder->present)
		return;
	check(encoder, json_object_clear(encoder->root));
	for (int key = 0; key < KEYS; key++)
		if (encoder->present & 1ull << key)
			check(encoder, json_object_set_nocheck(encoder->root, keys[key].name, encoder->values[key]));
	encoder->linked = encoder->error ? 0 : encoder->present;
}

/* Writes the event with that excerpt of its strings. Returns the bytes it takes, which may be more than the room. */
static size_t write_event(struct encoder *encoder, const struct event *event, const struct excerpt *excerpt, char *line)
{
	size_t length;

	encoder->present = 0;
	check(encoder, json_object_clear(encoder->values[KEY_RAW]));
	check(encoder, json_object_clear(encoder->raw_args));
	set_time(encoder, KEY_TIMESTAMP, event->wall_ns);
	set_integer(encoder, KEY_SEQ, event->seq);
	set_text(encoder, KEY_HOST, text_from_string(event->host));
	set_string(encoder, KEY_BOOT_ID, event->boot_id);
	set_integer(encoder, KEY_SCHEMA, SCHEMA_VERSION);
	if (event->type == EVENT_EXEC)
		set_exec(encoder, &event->exec, excerpt);
	else
		set_lost(encoder, &event->lost);
	link_present(encoder);
	if (encoder->error)
		return 0;
	length = json_dumpb(encoder->root, line, encoder->line_max_bytes - 1, JSON_COMPACT);
	check(encoder, length ? 0 : -1);
	return length + 1;
}

static size_t digits(size_t number)
{
	return (size_t)snprintf(NULL, 0, "%zu", number);
}

/* What one argument adds to a line: quotes and comma, and where it is no UTF-8 its entry in raw as well. */
static size_t argument_cost(struct text value, size_t index)
{
	size_t cost = text_json_length(value) + sizeof("\"\",") - 1;

	if (!text_is_utf8(value))
		cost += digits(index) + TEXT_BASE64_LENGTH(value.length) + sizeof("\"\":\"\",") - 1;
	return cost;
}

/* The longest beginning of an argument that costs no more than room; not even the empty string is `false`. */
static bool argument_cut(struct text *value, size_t index, size_t room)
{
	size_t overhead = argument_cost((struct text){ "", 0 }, index);

	if (overhead > room)
		return false;
	*value = text_cut(*value, room - overhead);
	/* with a raw entry each byte costs up to 3 + 4/3, so this converges in a few rounds */
	while (value->length && argument_cost(*value, index) > room)
		*value = text_cut(*value, text_json_length(*value) * 2 / 3);
	return true;
}

/* As many of the strings, from the first, as add at most `room` bytes to a line. */
static struct text arguments_cut(struct text strings, size_t room)
{
	struct text rest = strings, value;
	size_t kept_bytes = 0;

	for (size_t index = 0; text_next_string(&rest, &value); index++) {
		size_t cost = argument_cost(value, index);

		if (cost > room) {
			if (argument_cut(&value, index, room) && value.length)
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
static void excerpt_cut(struct excerpt *excerpt, struct text *string, enum record_key bit, size_t excess)
{
	size_t length = text_json_length(*string);

	if (!text_is_utf8(*string))
		excess = excess * 3 / 5 + 1; /* its raw entry shrinks along, by 4/9 of what the string does or more */
	*string = text_cut(*string, length > excess ? length - excess : 0);
	excerpt->truncated |= bit;
}

/*
 * Shortens the excerpt until the line fits: args from the end; where the line is too long without
 * any, the paths, those first that tell least about the exec itself.
 */
static size_t fit(struct encoder *encoder, const struct event *event, struct excerpt *excerpt, char *line)
{
	const struct {
		struct text *string;
		enum record_key bit;
	} order[] = {
		{ &excerpt->paths[EVENT_PATH_CGROUP], RECORD_KEY_CGROUP },
		{ &excerpt->paths[EVENT_PATH_PARENT_EXE], RECORD_KEY_PARENT_EXE },
		{ &excerpt->paths[EVENT_PATH_CWD], RECORD_KEY_CWD },
		{ &excerpt->paths[EVENT_PATH_EXE], RECORD_KEY_EXE },
		{ &excerpt->filename, RECORD_KEY_FILENAME },
	};
	struct text args = excerpt->args;
	size_t length, room;

	if (args.length)
		excerpt->truncated |= RECORD_KEY_ARGS;
	excerpt->args.length = 0;
	length = write_event(encoder, event, excerpt, line);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		while (length > encoder->line_max_bytes && order[i].string->length) {
			excerpt_cut(excerpt, order[i].string, order[i].bit, length - encoder->line_max_bytes);
			length = write_event(encoder, event, excerpt, line);
		}
	if (length + RAW_OVERHEAD > encoder->line_max_bytes || !args.length)
		return length;
	room = encoder->line_max_bytes - length;
	excerpt->args = arguments_cut(args, text_is_utf8(args) ? room : room - RAW_OVERHEAD);
	return write_event(encoder, event, excerpt, line);
}

int encode_event(struct encoder *encoder, const struct event *event, char *line, size_t *length)
{
	struct excerpt excerpt = {};
	size_t written;

	encoder->error = 0;
	if (event->type == EVENT_EXEC) {
		excerpt.filename = event->exec.filename;
		excerpt.args = event->exec.args;
		memcpy(excerpt.paths, event->exec.paths, sizeof(excerpt.paths));
		excerpt.truncated = event->exec.truncated;
	}
	written = write_event(encoder, event, &excerpt, line);
	if (!encoder->error && written > encoder->line_max_bytes)
		written = fit(encoder, event, &excerpt, line);
	if (encoder->error)
		return encoder->error;
	line[written - 1] = '\n';
	*length = written;
	return 0;
}
