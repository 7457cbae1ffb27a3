// SPDX-License-Identifier: BSD-2-Clause
/*
 * The native format, version 1, with jansson. One tree is kept and its values replaced, which takes
 * half the time of a tree for each event; only when an event has other keys than the one before is the
 * root linked anew, so that keys always stand in the order of key_names.
 */
#include "encode.h"

#include "clock.h"
#include "error_name.h"
#include "signal_name.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define SCHEMA_VERSION 1

/* The names of lxc and nspawn have no limit of their own. */
#define CONTAINER_ID_SHOWN_BYTES 255

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
	KEY_ERROR,
	KEY_ERRNO,
	KEY_ARGS,
	KEY_ARGC,
	KEY_ARGS_BYTES,
	KEY_ENV,
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
	KEY_CONTAINER_ID,
	KEY_CONTAINER_RUNTIME,
	KEY_POD_UID,
	KEY_NS_PID,
	KEY_PID_NS,
	KEY_MNT_NS,
	KEY_NET_NS,
	KEY_USER_NS,
	KEY_EXIT_CODE,
	KEY_SIGNAL,
	KEY_CORE_DUMPED,
	KEY_DURATION,
	KEY_USER_TIME,
	KEY_SYSTEM_TIME,
	KEY_MAX_RSS,
	KEY_COUNT,
	KEY_REASON,
	KEY_EVENT_TYPE,
	KEY_FROM,
	KEY_TO,
	KEY_VERSION,
	KEY_KERNEL,
	KEY_HOOKS,
	KEY_SEEN,
	KEY_WRITTEN,
	KEY_FILTERED,
	KEY_LOST,
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
	[KEY_ERROR] = { "error", JSON_STRING },
	[KEY_ERRNO] = { "errno", JSON_INTEGER },
	[KEY_ARGS] = { "args", JSON_ARRAY },
	[KEY_ARGC] = { "argc", JSON_INTEGER },
	[KEY_ARGS_BYTES] = { "args_bytes", JSON_INTEGER },
	[KEY_ENV] = { "env", JSON_OBJECT },
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
	[KEY_CONTAINER_ID] = { "container_id", JSON_STRING },
	[KEY_CONTAINER_RUNTIME] = { "container_runtime", JSON_STRING },
	[KEY_POD_UID] = { "pod_uid", JSON_STRING },
	[KEY_NS_PID] = { "ns_pid", JSON_INTEGER },
	[KEY_PID_NS] = { "pid_ns", JSON_INTEGER },
	[KEY_MNT_NS] = { "mnt_ns", JSON_INTEGER },
	[KEY_NET_NS] = { "net_ns", JSON_INTEGER },
	[KEY_USER_NS] = { "user_ns", JSON_INTEGER },
	[KEY_EXIT_CODE] = { "exit_code", JSON_INTEGER },
	[KEY_SIGNAL] = { "signal", JSON_STRING },
	[KEY_CORE_DUMPED] = { "core_dumped", JSON_TRUE },
	[KEY_DURATION] = { "duration", JSON_REAL },
	[KEY_USER_TIME] = { "user_time", JSON_REAL },
	[KEY_SYSTEM_TIME] = { "system_time", JSON_REAL },
	[KEY_MAX_RSS] = { "max_rss", JSON_INTEGER },
	[KEY_COUNT] = { "count", JSON_INTEGER },
	[KEY_REASON] = { "reason", JSON_STRING },
	[KEY_EVENT_TYPE] = { "event_type", JSON_STRING },
	[KEY_FROM] = { "from", JSON_STRING },
	[KEY_TO] = { "to", JSON_STRING },
	[KEY_VERSION] = { "version", JSON_STRING },
	[KEY_KERNEL] = { "kernel", JSON_STRING },
	[KEY_HOOKS] = { "hooks", JSON_ARRAY },
	[KEY_SEEN] = { "seen", JSON_INTEGER },
	[KEY_WRITTEN] = { "written", JSON_INTEGER },
	[KEY_FILTERED] = { "filtered", JSON_INTEGER },
	[KEY_LOST] = { "lost", JSON_INTEGER },
	[KEY_TRUNCATED] = { "truncated", JSON_ARRAY },
	[KEY_UNREADABLE] = { "unreadable", JSON_ARRAY },
	[KEY_RAW] = { "raw", JSON_OBJECT },
};

/* What the bits of the truncated and unreadable masks stand for. */
static const struct {
	const char *name;
	uint32_t bit;
} marks[] = {
	{ "comm", RECORD_KEY_COMM },
	{ "filename", RECORD_KEY_FILENAME },
	{ "args", RECORD_KEY_ARGS },
	{ "env", RECORD_KEY_ENV },
	{ "exe", RECORD_KEY_EXE },
	{ "cwd", RECORD_KEY_CWD },
	{ "parent_exe", RECORD_KEY_PARENT_EXE },
	{ "cgroup", RECORD_KEY_CGROUP },
	{ "user_time", RECORD_KEY_TIMES },
	{ "system_time", RECORD_KEY_TIMES },
};
#define MARKS (sizeof(marks) / sizeof(marks[0]))

/* Bit n stands for key n. */
typedef unsigned __int128 key_set;

_Static_assert(KEYS <= 128, "a key_set has a bit for each key");

static key_set key_bit(int key)
{
	return (key_set)1 << key;
}

struct encoder {
	size_t line_max_bytes;
	const char *env_names;
	bool no_args;
	json_t *root;
	json_t *values[KEYS];
	key_set present; /* of the event at hand */
	key_set linked; /* what root holds now */
	json_t *raw_args; /* inside raw, by index */
	json_t *raw_env; /* inside raw, by name */
	char *scratch; /* one string on its way into the tree */
	size_t scratch_bytes;
	int error; /* the first failure since encode_event() began */
};

/* What an event shows of its strings; cut step by step where a line would be too long. */
struct excerpt {
	struct text filename;
	struct text args;
	size_t env_value_bytes; /* of each value, at the most, as JSON */
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
	case JSON_REAL:
		return json_real(0);
	default:
		return json_true();
	}
}

int encode_new(struct encoder **encoder, const struct encode_options *options)
{
	struct encoder *created = calloc(1, sizeof(*created));
	bool complete;

	if (!created)
		return -ENOMEM;
	created->line_max_bytes = options->line_max_bytes;
	created->env_names = options->env_names;
	created->no_args = options->no_args;
	created->root = json_object();
	created->raw_args = json_object();
	created->raw_env = json_object();
	complete = created->root && created->raw_args && created->raw_env;
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
	json_decref(encoder->raw_env);
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
	encoder->present |= key_bit(key);
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
	for (size_t i = 0; i < MARKS; i++)
		if (mask & marks[i].bit)
			check(encoder, json_array_append_new(array, json_string(marks[i].name)));
	mark_present(encoder, key);
}

/* The value of the variable in the environment, the first of that name, as getenv(3) finds it. */
static bool find_variable(struct text env, const char *name, size_t name_length, struct text *value)
{
	struct text entry;

	while (text_next_string(&env, &entry))
		if (entry.length > name_length && entry.bytes[name_length] == '=' &&
		    !memcmp(entry.bytes, name, name_length)) {
			*value = (struct text){ entry.bytes + name_length + 1, entry.length - name_length - 1 };
			return true;
		}
	return false;
}

static void set_variable(struct encoder *encoder, const char *name, struct text value)
{
	json_t *string = json_string("");

	check(encoder, json_object_set_new(encoder->values[KEY_ENV], name, string));
	if (encoder->error)
		return;
	if (text_is_utf8(value)) {
		check(encoder, json_string_setn_nocheck(string, value.bytes, value.length));
		return;
	}
	set_replaced(encoder, string, value);
	set_raw(encoder, encoder->raw_env, name, value);
}

static void set_environment(struct encoder *encoder, struct text env, size_t value_bytes)
{
	const char *name = encoder->env_names;

	check(encoder, json_object_clear(encoder->values[KEY_ENV]));
	while (name && *name) {
		size_t length = strcspn(name, ",");
		char *copy = strndup(name, length);
		struct text value;

		check(encoder, copy ? 0 : -1);
		if (copy && find_variable(env, copy, length, &value))
			set_variable(encoder, copy, text_cut(value, value_bytes));
		free(copy);
		name += length + (name[length] == ',');
	}
	if (json_object_size(encoder->raw_env))
		check(encoder, json_object_set(encoder->values[KEY_RAW], keys[KEY_ENV].name, encoder->raw_env));
	if (json_object_size(encoder->values[KEY_ENV]))
		mark_present(encoder, KEY_ENV);
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

static void set_process(struct encoder *encoder, const struct event_process *process)
{
	set_string(encoder, KEY_EVENT_ID, process->event_id);
	set_string(encoder, KEY_ID, process->id);
	set_string(encoder, KEY_PARENT_ID, process->parent_id);
	set_time(encoder, KEY_START, process->start_wall_ns);
	set_task(encoder, &process->task);
	set_namespaces(encoder, &process->task);
	if (process->tty[0])
		set_string(encoder, KEY_TTY, process->tty);
	if (!(process->unreadable & RECORD_KEY_COMM))
		set_text(encoder, KEY_COMM, process->comm);
	set_text(encoder, KEY_PARENT_COMM, process->parent_comm);
	set_names(encoder, KEY_UNREADABLE, process->unreadable);
}

static void set_exec_strings(struct encoder *encoder, const struct event_exec *exec, uint32_t unreadable,
			     const struct excerpt *excerpt)
{
	if (!(unreadable & RECORD_KEY_FILENAME))
		set_text(encoder, KEY_FILENAME, excerpt->filename);
	if (exec->has_exe && !(unreadable & RECORD_KEY_EXE))
		set_text(encoder, KEY_EXE, excerpt->paths[EVENT_PATH_EXE]);
	if (!(unreadable & RECORD_KEY_CWD))
		set_text(encoder, KEY_CWD, excerpt->paths[EVENT_PATH_CWD]);
	if (!(unreadable & RECORD_KEY_CGROUP))
		set_text(encoder, KEY_CGROUP, excerpt->paths[EVENT_PATH_CGROUP]);
	if (exec->parent_has_exe && !(unreadable & RECORD_KEY_PARENT_EXE))
		set_text(encoder, KEY_PARENT_EXE, excerpt->paths[EVENT_PATH_PARENT_EXE]);
	if (!encoder->no_args && !(unreadable & RECORD_KEY_ARGS))
		set_arguments(encoder, excerpt->args);
	set_environment(encoder, exec->env, excerpt->env_value_bytes);
	if (excerpt->truncated & RECORD_KEY_ARGS && exec->args_bytes != RECORD_ARGS_BYTES_UNKNOWN)
		set_integer(encoder, KEY_ARGS_BYTES, exec->args_bytes);
	set_names(encoder, KEY_TRUNCATED, excerpt->truncated);
}

static void set_container(struct encoder *encoder, const struct container *container)
{
	if (container->id.length)
		set_text(encoder, KEY_CONTAINER_ID, text_cut(container->id, CONTAINER_ID_SHOWN_BYTES));
	if (container->runtime)
		set_string(encoder, KEY_CONTAINER_RUNTIME, container->runtime);
	if (container->pod_uid[0])
		set_string(encoder, KEY_POD_UID, container->pod_uid);
}

static void set_exec(struct encoder *encoder, const struct event *event, const struct excerpt *excerpt)
{
	const struct event_exec *exec = &event->exec;

	set_string(encoder, KEY_TYPE, event->type == EVENT_EXEC ? "exec" : "exec_failed");
	set_process(encoder, &event->process);
	if (event->type == EVENT_EXEC_FAILED) {
		set_string(encoder, KEY_ERROR, error_name(exec->error, (char[ERROR_NAME_BYTES]){ 0 }));
		set_integer(encoder, KEY_ERRNO, (uint64_t)exec->error);
	}
	if (exec->argc != RECORD_ARGC_UNKNOWN)
		set_integer(encoder, KEY_ARGC, exec->argc);
	if (exec->tid != event->process.task.pid)
		set_integer(encoder, KEY_TID, exec->tid);
	if (exec->memfd)
		mark_present(encoder, KEY_MEMFD);
	if (exec->deleted)
		mark_present(encoder, KEY_DELETED);
	set_container(encoder, &exec->container);
	set_exec_strings(encoder, exec, event->process.unreadable, excerpt);
}

/* In seconds; to the microsecond, so that no time is so long that its digits are not exact. */
static void set_seconds(struct encoder *encoder, enum key key, uint64_t ns)
{
	check(encoder, json_real_set(encoder->values[key], (double)(ns / 1000) / 1e6));
	mark_present(encoder, key);
}

static void set_exit(struct encoder *encoder, const struct event *event)
{
	const struct event_exit *ended = &event->exit;

	set_string(encoder, KEY_TYPE, "exit");
	set_process(encoder, &event->process);
	set_seconds(encoder, KEY_DURATION, ended->duration_ns);
	set_integer(encoder, KEY_MAX_RSS, ended->max_rss_bytes);
	if (!(event->process.unreadable & RECORD_KEY_TIMES)) {
		set_seconds(encoder, KEY_USER_TIME, ended->user_ns);
		set_seconds(encoder, KEY_SYSTEM_TIME, ended->system_ns);
	}
	if (!WTERMSIG(ended->status)) {
		set_integer(encoder, KEY_EXIT_CODE, WEXITSTATUS(ended->status));
		return;
	}
	set_string(encoder, KEY_SIGNAL, signal_name(WTERMSIG(ended->status), (char[SIGNAL_NAME_BYTES]){ 0 }));
	if (WCOREDUMP(ended->status))
		mark_present(encoder, KEY_CORE_DUMPED);
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

static void set_heartbeat(struct encoder *encoder, const struct event *event)
{
	const struct event_heartbeat *totals = &event->heartbeat;
	struct text hooks = totals->hooks, hook;

	set_string(encoder, KEY_TYPE,
		   event->type == EVENT_START	? "start"
		   : event->type == EVENT_STATS ? "stats"
						: "stop");
	set_string(encoder, KEY_VERSION, totals->version);
	set_text(encoder, KEY_KERNEL, text_from_string(totals->kernel));
	check(encoder, json_array_clear(encoder->values[KEY_HOOKS]));
	while (text_next_string(&hooks, &hook))
		check(encoder,
		      json_array_append_new(encoder->values[KEY_HOOKS], json_stringn(hook.bytes, hook.length)));
	mark_present(encoder, KEY_HOOKS);
	set_integer(encoder, KEY_SEEN, totals->seen);
	set_integer(encoder, KEY_WRITTEN, totals->written);
	set_integer(encoder, KEY_FILTERED, totals->filtered);
	set_integer(encoder, KEY_LOST, totals->lost);
}

static void link_present(struct encoder *encoder)
{
	if (encoder->linked == encoder->present)
		return;
	check(encoder, json_object_clear(encoder->root));
	for (int key = 0; key < KEYS; key++)
		if (encoder->present & key_bit(key))
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
	check(encoder, json_object_clear(encoder->raw_env));
	set_time(encoder, KEY_TIMESTAMP, event->wall_ns);
	set_integer(encoder, KEY_SEQ, event->seq);
	set_text(encoder, KEY_HOST, text_from_string(event->host));
	set_string(encoder, KEY_BOOT_ID, event->boot_id);
	set_integer(encoder, KEY_SCHEMA, SCHEMA_VERSION);
	if (event->type == EVENT_EXEC || event->type == EVENT_EXEC_FAILED)
		set_exec(encoder, event, excerpt);
	else if (event->type == EVENT_EXIT)
		set_exit(encoder, event);
	else if (event->type == EVENT_LOST)
		set_lost(encoder, &event->lost);
	else
		set_heartbeat(encoder, event);
	link_present(encoder);
	if (encoder->error)
		return 0;
	length = json_dumpb(encoder->root, line, encoder->line_max_bytes - 1, JSON_COMPACT | JSON_REAL_PRECISION(15));
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
 * any, the values of env, then the paths, those first that tell least about the exec itself.
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
	excerpt->env_value_bytes = encoder->line_max_bytes;
	while (length > encoder->line_max_bytes && (encoder->present & key_bit(KEY_ENV)) && excerpt->env_value_bytes) {
		excerpt->env_value_bytes /= 2;
		excerpt->truncated |= RECORD_KEY_ENV;
		length = write_event(encoder, event, excerpt, line);
	}
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
	if (event->type == EVENT_EXEC || event->type == EVENT_EXEC_FAILED) {
		excerpt.filename = event->exec.filename;
		excerpt.args = event->exec.args;
		memcpy(excerpt.paths, event->exec.paths, sizeof(excerpt.paths));
		excerpt.env_value_bytes = SIZE_MAX;
		excerpt.truncated = event->process.truncated;
		if (encoder->no_args) {
			excerpt.args.length = 0;
			excerpt.truncated &= ~(uint32_t)RECORD_KEY_ARGS;
		}
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
