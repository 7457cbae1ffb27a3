// SPDX-License-Identifier: BSD-2-Clause
/*
 * The Elastic Common Schema 9.4.0, as nested objects. Keys without an ECS field go to the object
 * "exectap", as ECS asks for custom fields. A path has one type in every event, since Elasticsearch
 * refuses documents otherwise. schema/exectap-ecs.schema.json
 */
#include "encode/encode.h"
#include "encode/encode_mapped.h"
#include "encode/encode_native.h"
#include "encode/encode_run.h"
#include "util/error_name.h"

#include <sys/wait.h>

/* The members of "event" that depend on the type alone. A failed attempt starts no process, so that
 * rules for process starts do not match it. */
#define EVENT_MEMBERS(type, action, kind)                                                          \
	JSON_WRITER_MEMBERS("\"kind\":" kind ",\"action\":\"" action                               \
			    "\",\"module\":\"exectap\",\"dataset\":\"exectap." type                \
			    "\",\"provider\":\"exectap\"")
#define KIND_PROCESS(type) "\"event\",\"category\":[\"process\"],\"type\":[\"" type "\"]"

static void write_event_exit(struct json_writer *json, const struct event *event)
{
	if (FIELD_IS_WRITTEN(event, start))
		encode_mapped_time_text(json, JSON_WRITER_KEY("start"), event->process.start);
	if (FIELD_IS_WRITTEN(event, duration)) {
		encode_mapped_time_text(json, JSON_WRITER_KEY("end"), event->timestamp);
		encode_mapped_number(json, JSON_WRITER_KEY("duration"), event->exit.duration_ns);
	}
}

static void write_event(struct json_writer *json, const struct event *event)
{
	static const struct text members[] = {
		[EVENT_EXEC] = EVENT_MEMBERS("exec", "exec",
					     KIND_PROCESS("start") ",\"outcome\":\"success\""),
		[EVENT_EXEC_FAILED] =
			EVENT_MEMBERS("exec_failed", "exec_failed",
				      KIND_PROCESS("info") ",\"outcome\":\"failure\""),
		[EVENT_EXIT] = EVENT_MEMBERS("exit", "end", KIND_PROCESS("end")),
		[EVENT_FORK] = EVENT_MEMBERS("fork", "fork",
					     KIND_PROCESS("start") ",\"outcome\":\"success\""),
		[EVENT_PROCESS] =
			EVENT_MEMBERS("process", "process_snapshot",
				      "\"state\",\"category\":[\"process\"],\"type\":[\"info\"]"),
		[EVENT_LOST] = EVENT_MEMBERS("lost", "lost", "\"pipeline_error\""),
		[EVENT_SUPPRESSED] = EVENT_MEMBERS("suppressed", "suppressed", "\"metric\""),
		[EVENT_START] = EVENT_MEMBERS("start", "start", "\"metric\""),
		[EVENT_STATS] = EVENT_MEMBERS("stats", "stats", "\"metric\""),
		[EVENT_STOP] = EVENT_MEMBERS("stop", "stop", "\"metric\""),
	};

	json_writer_members(json, JSON_WRITER_MEMBERS("\"ecs\":{\"version\":\"9.4.0\"}"));
	json_writer_object_begin(json, JSON_WRITER_KEY("event"));
	json_writer_members(json, members[event->type]);
	if (FIELD_IS_WRITTEN(event, seq))
		encode_mapped_number(json, JSON_WRITER_KEY("sequence"), event->seq);
	if (FIELD_IS_WRITTEN(event, event_id))
		encode_mapped_ascii(json, JSON_WRITER_KEY("id"), event->event_id);
	if (event->type == EVENT_EXIT) {
		write_event_exit(json, event);
	} else if (event->type == EVENT_LOST || event->type == EVENT_SUPPRESSED) {
		if (event->lost.reason)
			encode_mapped_ascii(json, JSON_WRITER_KEY("reason"),
					    text_from_string(event->lost.reason));
		encode_mapped_time(json, JSON_WRITER_KEY("start"), event->lost.from_wall_ns);
		encode_mapped_time(json, JSON_WRITER_KEY("end"), event->lost.to_wall_ns);
	}
	json_writer_object_end(json);
}

/* Fields of the user's choice; ECS wants no objects among them. */
static void write_labels(struct json_writer *json, const struct event *event)
{
	struct text tags = event->tags, key, value;

	if (!tags.length || !FIELD_IS_WRITTEN(event, tags))
		return;
	json_writer_object_begin(json, JSON_WRITER_KEY("labels"));
	while (encode_mapped_next_tag(&tags, &key, &value)) {
		json_writer_item(json);
		json_writer_ascii(json, key);
		json_writer_append(json, ":", 1);
		json_writer_text(json, value);
	}
	json_writer_object_end(json);
}

static void write_host(struct json_writer *json, const struct event *event)
{
	const struct json_writer before = *json;

	json_writer_object_begin(json, JSON_WRITER_KEY("host"));
	if (FIELD_IS_WRITTEN(event, host)) {
		encode_mapped_text(json, JSON_WRITER_KEY("hostname"), event->host);
		encode_mapped_text(json, JSON_WRITER_KEY("name"), event->host);
		if (event->machine_id.length)
			encode_mapped_ascii(json, JSON_WRITER_KEY("id"), event->machine_id);
	}
	if (FIELD_IS_WRITTEN(event, boot_id)) {
		json_writer_object_begin(json, JSON_WRITER_KEY("boot"));
		encode_mapped_ascii(json, JSON_WRITER_KEY("id"), event->boot_id);
		json_writer_object_end(json);
	}
	if (FIELD_IS_WRITTEN(event, kernel)) {
		json_writer_object_begin(json, JSON_WRITER_KEY("os"));
		json_writer_members(json, JSON_WRITER_MEMBERS("\"type\":\"linux\""));
		encode_mapped_text(json, JSON_WRITER_KEY("kernel"), event->kernel);
		json_writer_object_end(json);
	}
	encode_mapped_object_end(json, &before);
}

static void write_labels_and_host(struct json_writer *json, const struct event *event)
{
	struct json_writer before;

	if (!encode_run_begin(json, event, &encode_ecs, CONTEXT_RUN_HOST, &before))
		return;
	write_labels(json, event);
	write_host(json, event);
	encode_run_end(json, event, &encode_ecs, CONTEXT_RUN_HOST, &before);
}

static void write_account(struct json_writer *json, struct text key,
			  const struct encode_mapped_account *account)
{
	const struct json_writer before = *json;

	json_writer_object_begin(json, key);
	encode_mapped_account_members(json, JSON_WRITER_KEY("id"), account);
	encode_mapped_object_end(json, &before);
}

/* Writes a process of which the pid and the id are known; NULL, or an empty id: not. */
static void write_leader(struct json_writer *json, struct text key, const uint32_t *pid,
			 struct text id)
{
	const struct json_writer before = *json;

	json_writer_object_begin(json, key);
	if (id.length)
		encode_mapped_ascii(json, JSON_WRITER_KEY("entity_id"), id);
	if (pid)
		encode_mapped_number(json, JSON_WRITER_KEY("pid"), *pid);
	encode_mapped_object_end(json, &before);
}

static void write_group_leader(struct json_writer *json, const struct event *event)
{
	const struct event_process *process = &event->process;
	const struct text none = { "", 0 };

	write_leader(json, JSON_WRITER_KEY("group_leader"),
		     FIELD_IS_WRITTEN(event, pgid) ? &process->task.pgid : NULL,
		     FIELD_IS_WRITTEN(event, group_leader_id) ? process->group_leader_id : none);
}

static void write_session_leader(struct json_writer *json, const struct event *event)
{
	const struct text none = { "", 0 };

	write_leader(json, JSON_WRITER_KEY("session_leader"),
		     FIELD_IS_WRITTEN(event, sid) ? &event->process.task.sid : NULL,
		     FIELD_IS_WRITTEN(event, session_leader_id) ? event->context->session_leader_id
								: none);
}

static void write_entry(struct json_writer *json, const struct event *event)
{
	const struct event_process *process = &event->process;
	const struct text exe = event->context->entry_exe;
	const struct json_writer before = *json;

	if (!encode_mapped_is_readable(event, RECORD_KEY_ENTRY) || !event->context->entry_type)
		return;
	json_writer_object_begin(json, JSON_WRITER_KEY("entry_leader"));
	if (FIELD_IS_WRITTEN(event, entry_id)) {
		encode_mapped_ascii(json, JSON_WRITER_KEY("entity_id"), event->context->entry_id);
		encode_mapped_number(json, JSON_WRITER_KEY("pid"), process->task.entry_pid);
	}
	if (exe.length && FIELD_IS_WRITTEN(event, entry_exe) &&
	    encode_mapped_is_readable(event, RECORD_KEY_ENTRY_EXE)) {
		encode_mapped_text(json, JSON_WRITER_KEY("name"), text_base_name(exe));
		encode_mapped_text(json, JSON_WRITER_KEY("executable"), exe);
	}
	if (FIELD_IS_WRITTEN(event, entry_type)) {
		json_writer_object_begin(json, JSON_WRITER_KEY("entry_meta"));
		encode_mapped_ascii(json, JSON_WRITER_KEY("type"),
				    text_from_string(event->context->entry_type));
		json_writer_object_end(json);
	}
	encode_mapped_object_end(json, &before);
}

/* The items of a list of all capabilities, and the place of each: neighbours are written at once.
 */
#define CAPABILITY(name) "\"CAP_" #name "\","
static const char capability_items[] =
#include "encode/capability_table.h"
	;
#undef CAPABILITY
#define CAPABILITY(name) char name[sizeof("\"CAP_" #name "\",") - 1];
struct capability_items {
#include "encode/capability_table.h"
};
#undef CAPABILITY
#define CAPABILITY(name) offsetof(struct capability_items, name),
static const uint16_t capability_offsets[] = {
#include "encode/capability_table.h"
	sizeof(struct capability_items)
};
#undef CAPABILITY
#define CAPABILITY_COUNT (sizeof(capability_offsets) / sizeof(capability_offsets[0]) - 1)
#define CAPABILITY_FULL_SET ((1ull << CAPABILITY_COUNT) - 1)

/* Writes the capabilities from `first` that follow each other in the mask. Returns the next number.
 */
static unsigned int write_capability_run(struct json_writer *json, uint64_t mask,
					 unsigned int first)
{
	uint64_t missing = ~(mask >> first) | 1ull << (CAPABILITY_COUNT - first);
	unsigned int end = first + (unsigned int)__builtin_ctzll(missing);
	unsigned int offset = capability_offsets[first];

	json_writer_members(json, (struct text){ capability_items + offset,
						 capability_offsets[end] - offset - 1u });
	return end;
}

/* Writes a list of capabilities; a number where one has no name, as ECS accepts. */
static void write_capability_list(struct json_writer *json, struct text key, uint64_t mask)
{
	json_writer_array_begin(json, key);
	while (mask) {
		unsigned int first = (unsigned int)__builtin_ctzll(mask), end = first + 1;

		if (first < CAPABILITY_COUNT) {
			end = write_capability_run(json, mask, first);
		} else {
			json_writer_item(json);
			json_writer_number_string(json, first);
		}
		mask = end < 64 ? mask >> end << end : 0;
	}
	json_writer_array_end(json);
}

/* The list of all capabilities is a third of a line of root's; exectap.cap_full and
 * exectap.cap_prm_full stand for it. */
static bool is_full_set(uint64_t capabilities)
{
	return capabilities == CAPABILITY_FULL_SET;
}

static void write_capabilities(struct json_writer *json, const struct event *event)
{
	const struct record_task *task = &event->process.task;
	bool effective = FIELD_IS_WRITTEN(event, cap_eff) && !is_full_set(task->cap_effective);
	bool permitted = FIELD_IS_WRITTEN(event, cap_prm) && !is_full_set(task->cap_permitted);

	if (!effective && !permitted)
		return;
	json_writer_object_begin(json, JSON_WRITER_KEY("thread"));
	json_writer_object_begin(json, JSON_WRITER_KEY("capabilities"));
	if (effective)
		write_capability_list(json, JSON_WRITER_KEY("effective"), task->cap_effective);
	if (permitted)
		write_capability_list(json, JSON_WRITER_KEY("permitted"), task->cap_permitted);
	json_writer_object_end(json);
	json_writer_object_end(json);
}

static void write_full_sets(struct json_writer *json, const struct event *event)
{
	const struct record_task *task = &event->process.task;

	if (FIELD_IS_WRITTEN(event, cap_eff) && is_full_set(task->cap_effective))
		json_writer_members(json, JSON_WRITER_MEMBERS("\"cap_full\":true"));
	if (FIELD_IS_WRITTEN(event, cap_prm) && is_full_set(task->cap_permitted))
		json_writer_members(json, JSON_WRITER_MEMBERS("\"cap_prm_full\":true"));
}

static void write_tty(struct json_writer *json, const struct event *event)
{
	if (!event->context->tty.length) {
		json_writer_members(json, JSON_WRITER_MEMBERS("\"interactive\":false"));
		return;
	}
	json_writer_members(json, JSON_WRITER_MEMBERS("\"interactive\":true"));
	json_writer_object_begin(json, JSON_WRITER_KEY("tty"));
	json_writer_object_begin(json, JSON_WRITER_KEY("char_device"));
	encode_mapped_number(json, JSON_WRITER_KEY("major"), event->process.task.tty_major);
	encode_mapped_number(json, JSON_WRITER_KEY("minor"), event->process.task.tty_minor);
	json_writer_object_end(json);
	json_writer_object_end(json);
}

static void write_parent_args(struct json_writer *json, const struct event *event)
{
	if (encode_mapped_has_parent_args(event)) {
		if (FIELD_IS_WRITTEN(event, parent_args))
			encode_mapped_args(json, JSON_WRITER_KEY("args"),
					   event->context->parent_args);
		encode_mapped_command_line(json, JSON_WRITER_KEY("command_line"),
					   event->context->parent_args);
	}
	if (event->context->parent_argc != RECORD_ARGC_UNKNOWN &&
	    FIELD_IS_WRITTEN(event, parent_argc))
		encode_mapped_number(json, JSON_WRITER_KEY("args_count"),
				     event->context->parent_argc);
}

static void write_parent(struct json_writer *json, const struct event *event)
{
	const struct event_process *process = &event->process;
	const struct json_writer before = *json;
	struct text name;

	json_writer_object_begin(json, JSON_WRITER_KEY("parent"));
	if (FIELD_IS_WRITTEN(event, parent_id))
		encode_mapped_ascii(json, JSON_WRITER_KEY("entity_id"), event->context->parent_id);
	if (FIELD_IS_WRITTEN(event, ppid))
		encode_mapped_number(json, JSON_WRITER_KEY("pid"), process->task.ppid);
	if (encode_mapped_parent_name(event, &name))
		encode_mapped_text(json, JSON_WRITER_KEY("name"), name);
	if (encode_mapped_has_parent_exe(event))
		encode_mapped_text(json, JSON_WRITER_KEY("executable"), event->context->parent_exe);
	write_parent_args(json, event);
	encode_mapped_object_end(json, &before);
}

static void write_variables(struct json_writer *json, const struct event *event)
{
	const struct event_exec *exec = &event->exec;

	if (!exec->variable_count || !FIELD_IS_WRITTEN(event, env))
		return;
	json_writer_array_begin(json, JSON_WRITER_KEY("env_vars"));
	for (size_t i = 0; i < exec->variable_count; i++) {
		json_writer_item(json);
		json_writer_text_begin(json);
		json_writer_text_part(json, exec->variables[i].name);
		json_writer_append(json, "=", 1);
		json_writer_text_part(json, exec->variables[i].value);
		json_writer_text_end(json);
	}
	json_writer_array_end(json);
}

/* Writes the members of "process" that follow from the call. */
static void write_call(struct json_writer *json, const struct event *event)
{
	const struct event_exec *exec = &event->exec;
	struct json_writer before;
	struct text name;

	if (!encode_run_begin(json, event, &encode_ecs, CONTEXT_RUN_CALL, &before))
		return;
	if (encode_mapped_name(event, &name))
		encode_mapped_text(json, JSON_WRITER_KEY("name"), name);
	if (encode_mapped_has_exe(event))
		encode_mapped_text(json, JSON_WRITER_KEY("executable"),
				   exec->paths[EVENT_PATH_EXE]);
	if (encode_mapped_has_cwd(event))
		encode_mapped_text(json, JSON_WRITER_KEY("working_directory"),
				   exec->paths[EVENT_PATH_CWD]);
	encode_run_end(json, event, &encode_ecs, CONTEXT_RUN_CALL, &before);
}

static void write_args(struct json_writer *json, const struct event *event)
{
	const struct event_exec *exec = &event->exec;

	if (encode_mapped_has_args(event)) {
		if (FIELD_IS_WRITTEN(event, args))
			encode_mapped_args(json, JSON_WRITER_KEY("args"), exec->args);
		encode_mapped_command_line(json, JSON_WRITER_KEY("command_line"), exec->args);
	}
	if (exec->argc != RECORD_ARGC_UNKNOWN && FIELD_IS_WRITTEN(event, argc))
		encode_mapped_number(json, JSON_WRITER_KEY("args_count"), exec->argc);
	write_variables(json, event);
}

static void write_exit(struct json_writer *json, const struct event *event)
{
	uint32_t status = event->exit.status;

	if (FIELD_IS_WRITTEN(event, duration))
		encode_mapped_time_text(json, JSON_WRITER_KEY("end"), event->timestamp);
	if (!WTERMSIG(status) && FIELD_IS_WRITTEN(event, exit_code))
		encode_mapped_number(json, JSON_WRITER_KEY("exit_code"), WEXITSTATUS(status));
}

static void write_accounts(struct json_writer *json, const struct event *event)
{
	write_account(json, JSON_WRITER_KEY("user"), &ENCODE_MAPPED_ACCOUNT(event, euid, euser));
	write_account(json, JSON_WRITER_KEY("real_user"), &ENCODE_MAPPED_ACCOUNT(event, uid, user));
	write_account(json, JSON_WRITER_KEY("group"), &ENCODE_MAPPED_ACCOUNT(event, egid, egroup));
	write_account(json, JSON_WRITER_KEY("real_group"),
		      &ENCODE_MAPPED_ACCOUNT(event, gid, group));
}

/* Writes the members of "process" that follow from the context. */
static void write_process_context(struct json_writer *json, const struct event *event)
{
	struct json_writer before;

	if (!encode_run_begin(json, event, &encode_ecs, CONTEXT_RUN_PROCESS, &before))
		return;
	if (FIELD_IS_WRITTEN(event, tty))
		write_tty(json, event);
	write_accounts(json, event);
	write_capabilities(json, event);
	write_parent(json, event);
	write_session_leader(json, event);
	write_entry(json, event);
	encode_run_end(json, event, &encode_ecs, CONTEXT_RUN_PROCESS, &before);
}

static void write_process(struct json_writer *json, const struct event *event)
{
	const struct event_process *process = &event->process;
	const struct record_task *task = &process->task;
	const struct json_writer before = *json;

	json_writer_object_begin(json, JSON_WRITER_KEY("process"));
	if (FIELD_IS_WRITTEN(event, id))
		encode_mapped_ascii(json, JSON_WRITER_KEY("entity_id"), process->id);
	if (FIELD_IS_WRITTEN(event, pid))
		encode_mapped_pid(json, JSON_WRITER_KEY("pid"), event);
	if (task->ns_pid && FIELD_IS_WRITTEN(event, ns_pid))
		encode_mapped_number(json, JSON_WRITER_KEY("vpid"), task->ns_pid);
	write_call(json, event);
	write_args(json, event);
	if (FIELD_IS_WRITTEN(event, start))
		encode_mapped_time_text(json, JSON_WRITER_KEY("start"), process->start);
	if (event->source == EVENT_EXIT)
		write_exit(json, event);
	write_group_leader(json, event);
	write_process_context(json, event);
	encode_mapped_object_end(json, &before);
}

/* The user at the root is the one who acted; "effective" is the user whose privileges it used,
 * where that is another one. */
static void write_user(struct json_writer *json, const struct event *event)
{
	const struct record_task *task = &event->process.task;
	const struct json_writer before = *json;

	json_writer_object_begin(json, JSON_WRITER_KEY("user"));
	encode_mapped_account_members(json, JSON_WRITER_KEY("id"),
				      &ENCODE_MAPPED_ACCOUNT(event, uid, user));
	if (FIELD_IS_WRITTEN(event, uid) && FIELD_IS_WRITTEN(event, euid) &&
	    task->euid != task->uid)
		write_account(json, JSON_WRITER_KEY("effective"),
			      &ENCODE_MAPPED_ACCOUNT(event, euid, euser));
	encode_mapped_object_end(json, &before);
}

static void write_pod(struct json_writer *json, const struct event *event)
{
	const struct container *container = &event->context->container;
	const struct container_names *names = &container->names;
	bool has_uid = container->pod_uid[0] && FIELD_IS_WRITTEN(event, pod_uid);
	bool has_name = names->pod_name.length && FIELD_IS_WRITTEN(event, pod_name);

	if (!has_uid && !has_name &&
	    (!names->pod_namespace.length || !FIELD_IS_WRITTEN(event, pod_namespace)))
		return;
	json_writer_object_begin(json, JSON_WRITER_KEY("orchestrator"));
	json_writer_members(json, JSON_WRITER_MEMBERS("\"type\":\"kubernetes\""));
	ENCODE_MAPPED_TEXT(json, "namespace", event, pod_namespace, names->pod_namespace);
	if (has_uid || has_name) {
		json_writer_object_begin(json, JSON_WRITER_KEY("resource"));
		json_writer_members(json, JSON_WRITER_MEMBERS("\"type\":\"pod\""));
		if (has_uid)
			encode_mapped_ascii(json, JSON_WRITER_KEY("id"),
					    text_from_string(container->pod_uid));
		ENCODE_MAPPED_TEXT(json, "name", event, pod_name, names->pod_name);
		json_writer_object_end(json);
	}
	json_writer_object_end(json);
}

static void write_container(struct json_writer *json, const struct event *event)
{
	const struct container *container = &event->context->container;
	const struct json_writer before = *json;
	struct json_writer image;

	json_writer_object_begin(json, JSON_WRITER_KEY("container"));
	ENCODE_MAPPED_TEXT(json, "id", event, container_id, container->id);
	if (container->runtime && FIELD_IS_WRITTEN(event, container_runtime))
		encode_mapped_ascii(json, JSON_WRITER_KEY("runtime"),
				    text_from_string(container->runtime));
	ENCODE_MAPPED_TEXT(json, "name", event, container_name, container->names.name);
	image = *json;
	json_writer_object_begin(json, JSON_WRITER_KEY("image"));
	ENCODE_MAPPED_TEXT(json, "name", event, container_image, container->names.image);
	encode_mapped_object_end(json, &image);
	encode_mapped_object_end(json, &before);
	write_pod(json, event);
}

/* Writes the objects beside "process" that follow from the context. */
static void write_context(struct json_writer *json, const struct event *event)
{
	struct json_writer before;

	if (!encode_run_begin(json, event, &encode_ecs, CONTEXT_RUN_OBJECTS, &before))
		return;
	write_user(json, event);
	write_container(json, event);
	encode_run_end(json, event, &encode_ecs, CONTEXT_RUN_OBJECTS, &before);
}

static void write_error(struct json_writer *json, const struct event *event)
{
	char buf[ERROR_NAME_BYTES];

	if (event->type != EVENT_LOST &&
	    (event->source != EVENT_EXEC_FAILED || !FIELD_IS_WRITTEN(event, error)))
		return;
	json_writer_object_begin(json, JSON_WRITER_KEY("error"));
	if (event->type == EVENT_LOST)
		encode_mapped_message(json, JSON_WRITER_KEY("message"), event);
	else
		encode_mapped_ascii(json, JSON_WRITER_KEY("code"),
				    text_from_string(error_name(event->exec.error, buf)));
	json_writer_object_end(json);
}

static JSON_WRITER_FLATTEN void write_ecs(struct json_writer *json, const struct event *event,
					  const struct encode_format *format)
{
	struct json_writer local = *json, before, copy;

	(void)format;
	json_writer_object_begin(&local, JSON_WRITER_NO_KEY);
	encode_mapped_time_text(&local, JSON_WRITER_KEY("@timestamp"), event->timestamp);
	write_event(&local, event);
	write_labels_and_host(&local, event);
	if (event_is_process(event)) {
		write_process(&local, event);
		write_context(&local, event);
	}
	write_error(&local, event);
	before = local;
	json_writer_object_begin(&local, JSON_WRITER_KEY("exectap"));
	if (event_is_process(event))
		write_full_sets(&local, event);
	copy = local;
	encode_native_fields(&copy, event, FIELD_ECS, &encode_ecs);
	local = copy;
	encode_mapped_object_end(&local, &before);
	json_writer_object_end(&local);
	*json = local;
}

const struct encode_format encode_ecs = {
	.name = "ecs",
	.write = write_ecs,
	.argument_times = ENCODE_MAPPED_ARGUMENT_TIMES,
	.argument_around_bytes = ENCODE_MAPPED_ARGUMENT_AROUND_BYTES,
	.argument_raw_bytes = ENCODE_NATIVE_ARGUMENT_RAW_BYTES,
	.filename_times = 1,
	.exe_times = 2,
	.image_times = 1,
	.line_min_bytes = 6144,
};
