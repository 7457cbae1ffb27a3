// SPDX-License-Identifier: BSD-2-Clause
#include "reference.h"

#include "event/field.h"
#include "util/clock.h"
#include "util/error_name.h"
#include "util/signal_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

size_t reference_to_utf8(struct text text, char *out)
{
	char *start = out;

	while (text.length) {
		bool well_formed;
		size_t length = text_step(text, &well_formed);

		if (well_formed)
			out = mempcpy(out, text.bytes, length);
		else
			out = mempcpy(out, TEXT_REPLACEMENT, TEXT_REPLACEMENT_BYTES);
		text = text_skip(text, length);
	}
	return (size_t)(out - start);
}

static void set_integer(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_string(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, json_string_nocheck(value));
}

static void set_time(json_t *object, const char *key, uint64_t wall_ns)
{
	char time[CLOCK_RFC3339_BYTES];

	clock_rfc3339(time, wall_ns);
	set_string(object, key, time);
}

static void set_seconds(json_t *object, const char *key, uint64_t ns)
{
	char seconds[48];

	snprintf(seconds, sizeof(seconds), "%llu.%06llu", (unsigned long long)(ns / 1000000000),
		 (unsigned long long)(ns % 1000000000 / 1000));
	json_object_set_new(object, key, json_real(strtod(seconds, NULL)));
}

static json_t *string_of(struct text value)
{
	char *room = malloc(REFERENCE_UTF8_MAX(value.length) + 1);
	json_t *string = json_stringn_nocheck(room, reference_to_utf8(value, room));

	free(room);
	return string;
}

static json_t *raw_of(json_t *object)
{
	json_t *raw = json_object_get(object, "raw");

	if (!raw) {
		raw = json_array();
		json_object_set_new(object, "raw", raw);
	}
	return raw;
}

/* Adds an entry to raw, with `place` (borrowed; NULL: none) as its member `place_key`. */
static void add_raw(json_t *object, const char *key, const char *place_key, json_t *place,
		    struct text value)
{
	char *base64 = malloc(TEXT_BASE64_LENGTH(value.length) + 1);
	json_t *entry = json_object();

	set_string(entry, "key", key);
	if (place)
		json_object_set(entry, place_key, place);
	json_object_set_new(entry, "base64", json_stringn(base64, text_to_base64(value, base64)));
	json_array_append_new(raw_of(object), entry);
	free(base64);
}

static void set_text(json_t *object, const char *key, struct text value)
{
	json_object_set_new(object, key, string_of(value));
	if (!text_is_utf8(value))
		add_raw(object, key, NULL, NULL, value);
}

static void set_strings(json_t *object, const char *key, struct text strings)
{
	json_t *array = json_array();
	struct text value;

	json_object_set_new(object, key, array);
	while (text_next_string(&strings, &value)) {
		json_t *index = json_integer((json_int_t)json_array_size(array));

		json_array_append_new(array, string_of(value));
		if (!text_is_utf8(value))
			add_raw(object, key, "index", index, value);
		json_decref(index);
	}
}

static void set_joined(json_t *object, const char *key, struct text strings)
{
	const char *first = strings.bytes;
	char *joined = calloc(1, strings.length + 1);
	struct text value;
	size_t length = 0;

	while (text_next_string(&strings, &value)) {
		if (value.bytes != first)
			joined[length++] = ' ';
		memcpy(joined + length, value.bytes, value.length);
		length += value.length;
	}
	json_object_set_new(object, key, string_of((struct text){ joined, length }));
	free(joined);
}

static void set_tags(json_t *object, struct text tags)
{
	json_t *members = json_object();
	struct text key, value;

	while (text_next_string(&tags, &key) && text_next_string(&tags, &value))
		json_object_setn_new_nocheck(members, key.bytes, key.length, string_of(value));
	if (json_object_size(members))
		json_object_set(object, "tags", members);
	json_decref(members);
}

static void set_env(json_t *object, const struct event_exec *exec)
{
	json_t *env = json_object(), *duplicates = json_array();

	for (size_t i = 0; i < exec->variable_count; i++) {
		const struct event_variable *variable = &exec->variables[i];
		json_t *name = json_stringn(variable->name.bytes, variable->name.length);

		json_object_set_new(env, json_string_value(name), string_of(variable->value));
		if (!text_is_utf8(variable->value))
			add_raw(object, "env", "name", name, variable->value);
		json_decref(name);
	}
	if (exec->variable_count)
		json_object_set(object, "env", env);
	json_decref(env);
	for (size_t i = 0; i < exec->variable_count; i++)
		if (exec->variables[i].is_duplicate)
			json_array_append_new(duplicates, string_of(exec->variables[i].name));
	if (json_array_size(duplicates))
		json_object_set(object, "env_duplicates", duplicates);
	json_decref(duplicates);
}

/* The names of extra keys are in lines that have these. */
static bool is_written(const struct event *event, const char *name)
{
	const struct field *field = field_find(name, strlen(name));

	return !(field->groups & FIELD_GROUP_EXTRA) ||
	       !field_set_has(&event->omitted, field_find_id(name, strlen(name)));
}

static void set_marks(json_t *object, const char *key, uint32_t mask, const struct event *event)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{ RECORD_KEY_COMM, "comm" },
		{ RECORD_KEY_FILENAME, "filename" },
		{ RECORD_KEY_NAME, "name" },
		{ RECORD_KEY_ARGS, "args" },
		{ RECORD_KEY_ARGS, "command_line" },
		{ RECORD_KEY_ENV, "env" },
		{ RECORD_KEY_EXE, "exe" },
		{ RECORD_KEY_CWD, "cwd" },
		{ RECORD_KEY_EXE_FILE, "exe_dev" },
		{ RECORD_KEY_EXE_FILE, "exe_ino" },
		{ RECORD_KEY_EXE_FILE, "exe_mode" },
		{ RECORD_KEY_EXE_FILE, "exe_uid" },
		{ RECORD_KEY_EXE_FILE, "exe_gid" },
		{ RECORD_KEY_EXE_SIZE, "exe_size" },
		{ RECORD_KEY_EXE_MTIME, "exe_mtime" },
		{ RECORD_KEY_EXE_UPPER, "exe_upper" },
		{ RECORD_KEY_STREAMS, "stdin" },
		{ RECORD_KEY_STREAMS, "stdout" },
		{ RECORD_KEY_STREAMS, "stderr" },
		{ RECORD_KEY_PARENT_COMM, "parent_comm" },
		{ RECORD_KEY_PARENT_EXE, "parent_exe" },
		{ RECORD_KEY_PARENT_ARGS, "parent_args" },
		{ RECORD_KEY_PARENT_ARGS, "parent_command_line" },
		{ RECORD_KEY_PARENT_EVENT, "parent_event_id" },
		{ RECORD_KEY_ANCESTORS, "ancestors" },
		{ RECORD_KEY_ENTRY, "entry_type" },
		{ RECORD_KEY_ENTRY, "entry_id" },
		{ RECORD_KEY_ENTRY_EXE, "entry_exe" },
		{ RECORD_KEY_CGROUP, "cgroup" },
		{ RECORD_KEY_TIMES, "user_time" },
		{ RECORD_KEY_TIMES, "system_time" },
	};
	json_t *array = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (mask & names[i].bit && is_written(event, names[i].name))
			json_array_append_new(array, json_string(names[i].name));
	if (json_array_size(array))
		json_object_set(object, key, array);
	json_decref(array);
}

static void set_task(json_t *object, const struct record_task *task)
{
	char capabilities[17];

	set_integer(object, "pid", task->pid);
	set_integer(object, "ppid", task->ppid);
	set_integer(object, "pgid", task->pgid);
	set_integer(object, "sid", task->sid);
	set_integer(object, "uid", task->uid);
	set_integer(object, "gid", task->gid);
	set_integer(object, "euid", task->euid);
	set_integer(object, "egid", task->egid);
	if (task->auid != RECORD_AUDIT_UNSET)
		set_integer(object, "auid", task->auid);
	if (task->ses != RECORD_AUDIT_UNSET)
		set_integer(object, "ses", task->ses);
	snprintf(capabilities, sizeof(capabilities), "%016llx",
		 (unsigned long long)task->cap_effective);
	set_string(object, "cap_eff", capabilities);
	snprintf(capabilities, sizeof(capabilities), "%016llx",
		 (unsigned long long)task->cap_permitted);
	set_string(object, "cap_prm", capabilities);
	if (task->ns_pid)
		set_integer(object, "ns_pid", task->ns_pid);
	if (task->pid_ns)
		set_integer(object, "pid_ns", task->pid_ns);
	if (task->mnt_ns)
		set_integer(object, "mnt_ns", task->mnt_ns);
	if (task->net_ns)
		set_integer(object, "net_ns", task->net_ns);
	if (task->user_ns)
		set_integer(object, "user_ns", task->user_ns);
}

static void set_name(json_t *object, const char *key, struct text name)
{
	if (name.length)
		set_text(object, key, name);
}

static json_t *ancestor_of(struct text comm, struct text id, uint32_t pid)
{
	json_t *ancestor = json_object();

	set_integer(ancestor, "pid", pid);
	json_object_set_new(ancestor, "comm", string_of(comm));
	json_object_set_new(ancestor, "id", string_of(id));
	return ancestor;
}

static void set_ancestors(json_t *object, const struct event *event)
{
	json_t *array = json_array();

	for (size_t i = 0; i < event->context->ancestor_count; i++) {
		const struct event_ancestor *ancestor = &event->context->ancestors[i];
		json_t *index = json_integer((json_int_t)i);

		json_array_append_new(array,
				      ancestor_of(ancestor->comm, ancestor->id, ancestor->pid));
		if (!text_is_utf8(ancestor->comm))
			add_raw(object, "ancestors", "index", index, ancestor->comm);
		json_decref(index);
	}
	if (json_array_size(array))
		json_object_set(object, "ancestors", array);
	json_decref(array);
}

static void set_relations(json_t *object, const struct event *event)
{
	const struct event_process *process = &event->process;

	if (process->group_leader_id.length)
		set_text(object, "group_leader_id", process->group_leader_id);
	if (event->context->session_leader_id.length)
		set_text(object, "session_leader_id", event->context->session_leader_id);
	if (!(process->unreadable & RECORD_KEY_ANCESTORS))
		set_ancestors(object, event);
	if (process->unreadable & RECORD_KEY_ENTRY)
		return;
	if (event->context->entry_type)
		set_string(object, "entry_type", event->context->entry_type);
	if (event->context->entry_id.length)
		set_text(object, "entry_id", event->context->entry_id);
}

static void set_process(json_t *object, const struct event *event)
{
	const struct event_process *process = &event->process;

	set_text(object, "id", process->id);
	set_text(object, "parent_id", event->context->parent_id);
	set_time(object, "start", process->start_wall_ns);
	set_task(object, &process->task);
	set_name(object, "user", event->context->user);
	set_name(object, "group", event->context->group);
	set_name(object, "euser", event->context->euser);
	set_name(object, "egroup", event->context->egroup);
	set_name(object, "auser", event->context->auser);
	if (event->context->tty.length)
		set_text(object, "tty", event->context->tty);
	if (!(process->unreadable & RECORD_KEY_COMM))
		set_text(object, "comm", process->comm);
	if (!(process->unreadable & RECORD_KEY_PARENT_COMM))
		set_text(object, "parent_comm", event->context->parent_comm);
	set_relations(object, event);
	set_marks(object, "truncated", process->truncated, event);
	set_marks(object, "unreadable", process->unreadable, event);
	set_marks(object, "redacted", process->redacted, event);
	if (process->redacted_bytes)
		set_integer(object, "redacted_bytes", process->redacted_bytes);
}

static void set_exec_strings(json_t *object, const struct event *event)
{
	const struct event_exec *exec = &event->exec;
	uint32_t unreadable = event->process.unreadable;

	if (!(unreadable & RECORD_KEY_FILENAME))
		set_text(object, "filename", exec->filename);
	set_env(object, exec);
}

static void set_entry_exe(json_t *object, const struct event *event)
{
	const struct text exe = event->context->entry_exe;

	if (exe.length && !(event->process.unreadable & RECORD_KEY_ENTRY_EXE))
		set_text(object, "entry_exe", exe);
}

static void set_parent(json_t *object, const struct event *event)
{
	const struct event_exec *exec = &event->exec;
	uint32_t unreadable = event->process.unreadable;

	if (event->context->parent_has_exe && !(unreadable & RECORD_KEY_PARENT_EXE))
		set_text(object, "parent_exe", event->context->parent_exe);
	if (event->context->parent_exe_detached)
		json_object_set_new(object, "parent_exe_detached", json_true());
	if (event->context->parent_exe_deleted)
		json_object_set_new(object, "parent_exe_deleted", json_true());
	if (event->context->parent_has_args && !exec->parent_args_hidden &&
	    !(unreadable & RECORD_KEY_PARENT_ARGS)) {
		set_strings(object, "parent_args", event->context->parent_args);
		if (FIELD_IS_WRITTEN(event, parent_command_line))
			set_joined(object, "parent_command_line", event->context->parent_args);
	}
	if (event->context->parent_argc != RECORD_ARGC_UNKNOWN)
		set_integer(object, "parent_argc", event->context->parent_argc);
	if (event->context->parent_event_id.length && !(unreadable & RECORD_KEY_PARENT_EVENT))
		set_text(object, "parent_event_id", event->context->parent_event_id);
}

/* Sets the keys that an exec, a failed attempt and an exit have. */
static void set_program(json_t *object, const struct event *event)
{
	const struct event_exec *exec = &event->exec;
	uint32_t unreadable = event->process.unreadable;
	bool has_exe = event->source != EVENT_EXEC_FAILED;

	if (has_exe && exec->has_exe && !(unreadable & RECORD_KEY_EXE))
		set_text(object, "exe", exec->paths[EVENT_PATH_EXE]);
	if (has_exe && exec->memfd)
		json_object_set_new(object, "memfd", json_true());
	if (has_exe && exec->deleted)
		json_object_set_new(object, "deleted", json_true());
	if (has_exe && exec->exe_detached)
		json_object_set_new(object, "exe_detached", json_true());
	if (!exec->args_hidden && !(unreadable & RECORD_KEY_ARGS))
		set_strings(object, "args", exec->args);
	if (!exec->args_hidden && !(unreadable & RECORD_KEY_ARGS))
		if (FIELD_IS_WRITTEN(event, command_line))
			set_joined(object, "command_line", exec->args);
	if (exec->argc != RECORD_ARGC_UNKNOWN)
		set_integer(object, "argc", exec->argc);
	if (event->process.truncated & RECORD_KEY_ARGS &&
	    exec->args_bytes != RECORD_ARGS_BYTES_UNKNOWN)
		set_integer(object, "args_bytes", exec->args_bytes);
	if (!(unreadable & RECORD_KEY_CGROUP))
		set_text(object, "cgroup", event->context->cgroup);
	if (event->context->container.id.length)
		set_text(object, "container_id", event->context->container.id);
	if (event->context->container.runtime)
		set_string(object, "container_runtime", event->context->container.runtime);
	if (event->context->container.pod_uid[0])
		set_string(object, "pod_uid", event->context->container.pod_uid);
	set_name(object, "container_name", event->context->container.names.name);
	set_name(object, "container_image", event->context->container.names.image);
	set_name(object, "pod_name", event->context->container.names.pod_name);
	set_name(object, "pod_namespace", event->context->container.names.pod_namespace);
	if (event->context->systemd_unit.length)
		set_text(object, "systemd_unit", event->context->systemd_unit);
	set_parent(object, event);
	set_entry_exe(object, event);
}

static void set_exe_file(json_t *object, const struct event *event)
{
	const struct record_file *file = &event->exec.exe_file;
	uint32_t unreadable = event->process.unreadable;
	char number[32];

	if (!(unreadable & RECORD_KEY_NAME))
		set_text(object, "name", event->exec.name);
	if (!event->exec.has_exe) /* a kernel thread */
		return;
	if (!(unreadable & RECORD_KEY_EXE_FILE)) {
		snprintf(number, sizeof(number), "%u:%u", file->device / (1 << 20),
			 file->device % (1 << 20));
		set_string(object, "exe_dev", number);
		snprintf(number, sizeof(number), "%llu", (unsigned long long)file->inode);
		set_string(object, "exe_ino", number);
		snprintf(number, sizeof(number), "%04o", file->mode % 010000);
		set_string(object, "exe_mode", number);
		set_integer(object, "exe_uid", file->uid);
		set_integer(object, "exe_gid", file->gid);
	}
	if (!(unreadable & RECORD_KEY_EXE_SIZE))
		set_integer(object, "exe_size", file->size);
	if (!(unreadable & RECORD_KEY_EXE_MTIME))
		set_time(object, "exe_mtime", event->exec.exe_mtime_ns);
	if (!(unreadable & RECORD_KEY_EXE_UPPER) && event->exec.exe_upper)
		json_object_set_new(object, "exe_upper", json_true());
}

static void set_streams(json_t *object, const struct event *event)
{
	static const char *const keys[] = { "stdin", "stdout", "stderr" };

	for (int i = 0; i < RECORD_STREAMS; i++)
		if (!(event->process.unreadable & RECORD_KEY_STREAMS) &&
		    event->exec.streams[i].length)
			set_text(object, keys[i], event->exec.streams[i]);
}

/* Sets the keys that an exec, a failed attempt and a process that runs have. */
static void set_place(json_t *object, const struct event *event)
{
	const struct event_exec *exec = &event->exec;

	if (!(event->process.unreadable & RECORD_KEY_CWD))
		set_text(object, "cwd", exec->paths[EVENT_PATH_CWD]);
	if (exec->cwd_detached)
		json_object_set_new(object, "cwd_detached", json_true());
	if (exec->cwd_deleted)
		json_object_set_new(object, "cwd_deleted", json_true());
	set_streams(object, event);
}

static void set_exec(json_t *object, const struct event *event)
{
	const struct event_exec *exec = &event->exec;

	if (event->source == EVENT_EXEC_FAILED) {
		set_string(object, "error", error_name(exec->error, (char[ERROR_NAME_BYTES]){ 0 }));
		set_integer(object, "errno", (uint64_t)exec->error);
	}
	if (exec->tid && exec->tid != event->process.task.pid)
		set_integer(object, "tid", exec->tid);
	set_exec_strings(object, event);
}

static void set_exit(json_t *object, const struct event *event)
{
	const struct event_exit *ended = &event->exit;

	set_seconds(object, "duration", ended->duration_ns);
	set_integer(object, "max_rss", ended->max_rss_bytes);
	if (!(event->process.unreadable & RECORD_KEY_TIMES)) {
		set_seconds(object, "user_time", ended->user_ns);
		set_seconds(object, "system_time", ended->system_ns);
	}
	if (!WTERMSIG(ended->status)) {
		set_integer(object, "exit_code", WEXITSTATUS(ended->status));
		return;
	}
	set_string(object, "signal",
		   signal_name(WTERMSIG(ended->status), (char[SIGNAL_NAME_BYTES]){ 0 }));
	if (WCOREDUMP(ended->status))
		json_object_set_new(object, "core_dumped", json_true());
}

static void set_lost(json_t *object, const struct event_lost *lost)
{
	if (lost->count)
		set_integer(object, "count", lost->count);
	if (lost->reason)
		set_string(object, "reason", lost->reason);
	if (lost->event_type)
		set_string(object, "event_type", lost->event_type);
	set_time(object, "from", lost->from_wall_ns);
	set_time(object, "to", lost->to_wall_ns);
}

static void set_heartbeat(json_t *object, const struct event *event)
{
	const struct event_heartbeat *totals = &event->heartbeat;
	struct text hooks = totals->hooks, hook;
	json_t *array = json_array();

	set_text(object, "version", event->version);
	set_text(object, "kernel", event->kernel);
	while (text_next_string(&hooks, &hook))
		json_array_append_new(array, json_stringn(hook.bytes, hook.length));
	json_object_set_new(object, "hooks", array);
	set_integer(object, "seen", totals->seen);
	set_integer(object, "written", totals->written);
	set_integer(object, "filtered", totals->filtered);
	set_integer(object, "suppressed", totals->suppressed);
	set_integer(object, "lost", totals->lost);
}

/* The entries of raw are in the order of their keys in the line. */
static void sort_raw(json_t *object)
{
	static const char *const keys[] = {
		"host",	     "comm",   "filename",     "name",	     "args",	    "env",
		"exe",	     "cwd",    "parent_comm",  "parent_exe", "parent_args", "ancestors",
		"entry_exe", "cgroup", "container_id", "kernel"
	};
	json_t *raw = json_object_get(object, "raw"), *sorted = json_array(), *entry;
	size_t index;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		json_array_foreach(raw, index, entry)
			if (!strcmp(json_string_value(json_object_get(entry, "key")), keys[i]))
				json_array_append(sorted, entry);
	if (raw)
		json_object_set(object, "raw", sorted);
	json_decref(sorted);
}

static void remove_raw_of(json_t *object, const char *key)
{
	json_t *raw = json_object_get(object, "raw"), *entry;
	size_t i = 0;

	while ((entry = json_array_get(raw, i)))
		if (!strcmp(json_string_value(json_object_get(entry, "key")), key))
			json_array_remove(raw, i);
		else
			i++;
	if (raw && !json_array_size(raw))
		json_object_del(object, "raw");
}

static void leave_out(json_t *object, const struct field_set *omitted)
{
	char name[64];

	for (unsigned int id = 0; id < FIELD_COUNT; id++) {
		const struct text key = field_key(field_get((enum field_id)id));

		snprintf(name, sizeof(name), "%.*s", (int)key.length - 3, key.bytes + 1);
		if (!field_set_has(omitted, id))
			continue;
		json_object_del(object, name);
		remove_raw_of(object, name);
	}
}

json_t *reference_native(const struct event *event)
{
	static const char *const types[] = {
		[EVENT_EXEC] = "exec",	 [EVENT_EXEC_FAILED] = "exec_failed",
		[EVENT_EXIT] = "exit",	 [EVENT_LOST] = "lost",
		[EVENT_START] = "start", [EVENT_STATS] = "stats",
		[EVENT_FORK] = "fork",	 [EVENT_PROCESS] = "process",
		[EVENT_STOP] = "stop",	 [EVENT_SUPPRESSED] = "suppressed",
	};
	json_t *object = json_object();

	set_time(object, "timestamp", event->wall_ns);
	set_string(object, "type", types[event->type]);
	set_integer(object, "seq", event->seq);
	set_text(object, "host", event->host);
	set_text(object, "boot_id", event->boot_id);
	set_integer(object, "schema", 1);
	set_text(object, "event_id", event->event_id);
	set_tags(object, event->tags);
	if (event->source < EVENT_LOST)
		set_process(object, event);
	if (event->source < EVENT_LOST)
		set_program(object, event);
	if (event->source == EVENT_EXEC || event->source == EVENT_EXEC_FAILED)
		set_exec(object, event);
	else if (event->source == EVENT_EXIT)
		set_exit(object, event);
	if (event->type == EVENT_EXEC || event->type == EVENT_PROCESS)
		set_exe_file(object, event);
	if (event->source == EVENT_EXEC || event->source == EVENT_EXEC_FAILED ||
	    event->source == EVENT_PROCESS)
		set_place(object, event);
	if (event->type == EVENT_LOST || event->type == EVENT_SUPPRESSED)
		set_lost(object, &event->lost);
	if (event->type >= EVENT_START)
		set_heartbeat(object, event);
	if (event->type == EVENT_SUPPRESSED)
		leave_out(object, &event->omitted);
	sort_raw(object);
	return object;
}
