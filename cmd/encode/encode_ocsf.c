// SPDX-License-Identifier: BSD-2-Clause
/*
 * The Open Cybersecurity Schema Framework 1.8.0: Process Activity, and for events of exectap itself
 * Application Error and Application Lifecycle. Keys without an attribute go to the object
 * "unmapped". schema/exectap-ocsf.schema.json
 */
#include "encode/encode.h"
#include "encode/encode_mapped.h"
#include "encode/encode_native.h"
#include "encode/encode_run.h"
#include "util/error_name.h"

#include <ctype.h>
#include <string.h>
#include <sys/wait.h>

#define NS_PER_MS 1000000

#define CLASS(category, class, activity, name, type)                                               \
	"\"category_uid\":" category ",\"class_uid\":" class ",\"activity_id\":" activity          \
							     ",\"activity_name\":\"" name          \
							     "\",\"type_uid\":" class type
#define SUCCESS ",\"severity_id\":1,\"status_id\":1,\"status\":\"Success\""
#define FAILURE(severity) ",\"severity_id\":" severity ",\"status_id\":2,\"status\":\"Failure\""
#define LAUNCH CLASS("1", "1007", "1", "Launch", "01") ",\"launch_type_id\":3"
#define FORK CLASS("1", "1007", "1", "Launch", "01") ",\"launch_type_id\":2"
#define SNAPSHOT CLASS("1", "1007", "99", "Snapshot", "99")
#define TERMINATE CLASS("1", "1007", "2", "Terminate", "02")
#define GENERAL_ERROR CLASS("6", "6008", "1", "General Error", "01")
#define LIFECYCLE(activity, name, type) CLASS("6", "6002", activity, name, type)

/* The profiles that the attributes are of, and the code of the event. */
#define OF_PROCESS(type)                                                                           \
	"\"profiles\":[\"container\",\"datetime\",\"linux/linux_users\"],\"event_code\":\"" type   \
	"\""
#define OF_HOST(type) "\"profiles\":[\"datetime\",\"host\"],\"event_code\":\"" type "\""

/* The members that depend on the type of the event alone: of the event, and of its metadata. */
#define MEMBERS(class, metadata)                                                                   \
	{                                                                                          \
		JSON_WRITER_MEMBERS(class), JSON_WRITER_MEMBERS(metadata)                          \
	}

static const struct {
	struct text class;
	struct text metadata;
} members[] = {
	[EVENT_EXEC] = MEMBERS(LAUNCH SUCCESS, OF_PROCESS("exec")),
	[EVENT_EXEC_FAILED] = MEMBERS(LAUNCH FAILURE("1"), OF_PROCESS("exec_failed")),
	[EVENT_EXIT] = MEMBERS(TERMINATE SUCCESS, OF_PROCESS("exit")),
	[EVENT_FORK] = MEMBERS(FORK SUCCESS, OF_PROCESS("fork")),
	[EVENT_PROCESS] = MEMBERS(SNAPSHOT SUCCESS, OF_PROCESS("process")),
	[EVENT_LOST] = MEMBERS(GENERAL_ERROR FAILURE("3"), OF_HOST("lost")),
	[EVENT_SUPPRESSED] = MEMBERS("", OF_PROCESS("suppressed")), /* the class of its source */
	[EVENT_START] = MEMBERS(LIFECYCLE("3", "Start", "03") SUCCESS, OF_HOST("start")),
	[EVENT_STATS] = MEMBERS(LIFECYCLE("99", "Heartbeat", "99") SUCCESS, OF_HOST("stats")),
	[EVENT_STOP] = MEMBERS(LIFECYCLE("4", "Stop", "04") SUCCESS, OF_HOST("stop")),
};

/* Writes the two attributes of a time that is formatted: milliseconds, and with the profile
 * datetime RFC 3339. */
static void write_time_text(struct json_writer *json, struct text key, struct text datetime_key,
			    uint64_t wall_ns, const char time[CLOCK_RFC3339_BYTES])
{
	encode_mapped_number(json, key, wall_ns / NS_PER_MS);
	encode_mapped_time_text(json, datetime_key, time);
}

/* The same of any time. */
static void write_time(struct json_writer *json, struct text key, struct text datetime_key,
		       uint64_t wall_ns)
{
	encode_mapped_number(json, key, wall_ns / NS_PER_MS);
	encode_mapped_time(json, datetime_key, wall_ns);
}

static void write_product(struct json_writer *json, struct text key, struct text version)
{
	json_writer_object_begin(json, key);
	json_writer_members(
		json, JSON_WRITER_MEMBERS("\"name\":\"exectap\",\"vendor_name\":\"exectap\""));
	encode_mapped_ascii(json, JSON_WRITER_KEY("version"), version);
	json_writer_object_end(json);
}

/* A list of strings, as in the examples of metadata.labels: "connection.ip:destination". */
static void write_labels(struct json_writer *json, const struct event *event)
{
	struct text tags = event->tags, key, value;

	if (!tags.length || !FIELD_IS_WRITTEN(event, tags))
		return;
	json_writer_array_begin(json, JSON_WRITER_KEY("labels"));
	while (encode_mapped_next_tag(&tags, &key, &value)) {
		json_writer_item(json);
		json_writer_text_begin(json);
		json_writer_text_part(json, key);
		json_writer_append(json, ":", 1);
		json_writer_text_part(json, value);
		json_writer_text_end(json);
	}
	json_writer_array_end(json);
}

static void write_metadata(struct json_writer *json, const struct event *event)
{
	json_writer_object_begin(json, JSON_WRITER_KEY("metadata"));
	json_writer_members(json, JSON_WRITER_MEMBERS("\"version\":\"1.8.0\""));
	write_product(json, JSON_WRITER_KEY("product"), event->version);
	json_writer_members(json, members[event->type].metadata);
	if (FIELD_IS_WRITTEN(event, seq))
		encode_mapped_number(json, JSON_WRITER_KEY("sequence"), event->seq);
	if (FIELD_IS_WRITTEN(event, event_id))
		encode_mapped_ascii(json, JSON_WRITER_KEY("uid"), event->event_id);
	write_labels(json, event);
	if (event_is_process(event) && event->process.truncated &&
	    FIELD_IS_WRITTEN(event, truncated))
		json_writer_members(json, JSON_WRITER_MEMBERS("\"is_truncated\":true"));
	json_writer_object_end(json);
}

/* Writes machine-id(5) as an id and as a UUID; nothing where it is too short for one. */
static void write_machine_id(struct json_writer *json, struct text machine_id)
{
	static const size_t groups[] = { 8, 4, 4, 4, 12 };

	if (machine_id.length != 32)
		return;
	encode_mapped_ascii(json, JSON_WRITER_KEY("uid"), machine_id);
	json_writer_key(json, JSON_WRITER_KEY("os_machine_uuid"));
	json_writer_append(json, "\"", 1);
	for (size_t i = 0; i < 5; machine_id.bytes += groups[i++]) {
		json_writer_append(json, "-", i > 0);
		json_writer_append(json, machine_id.bytes, groups[i]);
	}
	json_writer_literal(json, ((struct text){ "\"", 1 }));
}

static void write_device(struct json_writer *json, const struct event *event)
{
	struct json_writer before;

	if (!encode_run_begin(json, event, &encode_ocsf, CONTEXT_RUN_HOST, &before))
		return;
	json_writer_object_begin(json, JSON_WRITER_KEY("device"));
	json_writer_members(json, JSON_WRITER_MEMBERS("\"type_id\":0"));
	if (FIELD_IS_WRITTEN(event, host)) {
		encode_mapped_text(json, JSON_WRITER_KEY("hostname"), event->host);
		write_machine_id(json, event->machine_id);
	}
	if (FIELD_IS_WRITTEN(event, boot_id))
		encode_mapped_ascii(json, JSON_WRITER_KEY("boot_uid"), event->boot_id);
	if (FIELD_IS_WRITTEN(event, kernel)) {
		json_writer_object_begin(json, JSON_WRITER_KEY("os"));
		json_writer_members(json,
				    JSON_WRITER_MEMBERS("\"name\":\"Linux\",\"type_id\":200"));
		encode_mapped_text(json, JSON_WRITER_KEY("kernel_release"), event->kernel);
		json_writer_object_end(json);
	}
	json_writer_object_end(json);
	encode_run_end(json, event, &encode_ocsf, CONTEXT_RUN_HOST, &before);
}

static void write_account(struct json_writer *json, struct text key,
			  const struct encode_mapped_account *account)
{
	const struct json_writer before = *json;

	json_writer_object_begin(json, key);
	encode_mapped_account_members(json, JSON_WRITER_KEY("uid"), account);
	encode_mapped_object_end(json, &before);
}

static void write_caller(struct json_writer *json, const struct event *event)
{
	const struct event_process *process = &event->process;
	const struct json_writer before = *json;

	json_writer_object_begin(json, JSON_WRITER_KEY("process"));
	if (FIELD_IS_WRITTEN(event, pid))
		encode_mapped_pid(json, JSON_WRITER_KEY("pid"), event);
	if (FIELD_IS_WRITTEN(event, id))
		encode_mapped_ascii(json, JSON_WRITER_KEY("uid"), process->id);
	if (encode_mapped_has_comm(event))
		encode_mapped_text(json, JSON_WRITER_KEY("name"), process->comm);
	if (event_is_exec(event) && event_has_tid(event) && FIELD_IS_WRITTEN(event, tid))
		encode_mapped_number(json, JSON_WRITER_KEY("ptid"), event->exec.tid);
	encode_mapped_object_end(json, &before);
}

/* Writes the caller. execve(2) changes its effective ids and its name, but not its real user id. */
static void write_actor(struct json_writer *json, const struct event *event)
{
	const struct json_writer before = *json;

	json_writer_object_begin(json, JSON_WRITER_KEY("actor"));
	write_caller(json, event);
	write_account(json, JSON_WRITER_KEY("user"), &ENCODE_MAPPED_ACCOUNT(event, uid, user));
	encode_mapped_object_end(json, &before);
}

/* Begins an executable file. */
static void file_begin(struct json_writer *json, struct text path)
{
	json_writer_object_begin(json, JSON_WRITER_KEY("file"));
	json_writer_members(json, JSON_WRITER_MEMBERS("\"type_id\":8"));
	encode_mapped_text(json, JSON_WRITER_KEY("name"), text_base_name(path));
	encode_mapped_text(json, JSON_WRITER_KEY("path"), path);
}

/* Reports whether the line has this key of the file that runs; an exit has no attributes of it. */
#define HAS_OF_FILE(event, name, key)                                                              \
	(encode_mapped_runs(event) && (event)->exec.has_exe && FIELD_IS_WRITTEN(event, name) &&    \
	 encode_mapped_is_readable(event, key))

static void write_owner(struct json_writer *json, uint32_t uid)
{
	json_writer_object_begin(json, JSON_WRITER_KEY("owner"));
	encode_mapped_id(json, JSON_WRITER_KEY("uid"), uid);
	json_writer_object_end(json);
}

static void write_exe(struct json_writer *json, const struct event *event)
{
	const struct event_exec *exec = &event->exec;

	file_begin(json, exec->paths[EVENT_PATH_EXE]);
	if (exec->deleted && FIELD_IS_WRITTEN(event, deleted))
		json_writer_members(json, JSON_WRITER_MEMBERS("\"is_deleted\":true"));
	if (HAS_OF_FILE(event, exe_ino, RECORD_KEY_EXE_FILE))
		encode_mapped_id(json, JSON_WRITER_KEY("uid"), exec->exe_file.inode);
	if (HAS_OF_FILE(event, exe_uid, RECORD_KEY_EXE_FILE))
		write_owner(json, exec->exe_file.uid);
	if (HAS_OF_FILE(event, exe_size, RECORD_KEY_EXE_SIZE))
		encode_mapped_number(json, JSON_WRITER_KEY("size"), exec->exe_file.size);
	if (HAS_OF_FILE(event, exe_mtime, RECORD_KEY_EXE_MTIME))
		write_time(json, JSON_WRITER_KEY("modified_time"),
			   JSON_WRITER_KEY("modified_time_dt"), exec->exe_mtime_ns);
	json_writer_object_end(json);
}

static void write_variables(struct json_writer *json, const struct event *event)
{
	const struct event_exec *exec = &event->exec;

	if (!exec->variable_count || !FIELD_IS_WRITTEN(event, env))
		return;
	json_writer_array_begin(json, JSON_WRITER_KEY("environment_variables"));
	for (size_t i = 0; i < exec->variable_count; i++) {
		json_writer_object_begin(json, JSON_WRITER_NO_KEY);
		encode_mapped_text(json, JSON_WRITER_KEY("name"), exec->variables[i].name);
		encode_mapped_text(json, JSON_WRITER_KEY("value"), exec->variables[i].value);
		json_writer_object_end(json);
	}
	json_writer_array_end(json);
}

/* OCSF accepts UUIDs only; the id of a static pod is none. */
static bool is_uuid(const char *string)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < sizeof(shape); i++)
		if (shape[i] == 'x' ? !isxdigit((unsigned char)string[i]) : string[i] != shape[i])
			return false;
	return true;
}

static bool has_pod_uuid(const struct event *event)
{
	const struct container *container = &event->context->container;

	return container->id.length && FIELD_IS_WRITTEN(event, container_id) &&
	       is_uuid(container->pod_uid);
}

static void write_container(struct json_writer *json, const struct event *event)
{
	const struct container *container = &event->context->container;
	const struct json_writer before = *json;
	struct json_writer image;

	json_writer_object_begin(json, JSON_WRITER_KEY("container"));
	ENCODE_MAPPED_TEXT(json, "uid", event, container_id, container->id);
	if (container->runtime && FIELD_IS_WRITTEN(event, container_runtime))
		encode_mapped_ascii(json, JSON_WRITER_KEY("runtime"),
				    text_from_string(container->runtime));
	if (has_pod_uuid(event) && FIELD_IS_WRITTEN(event, pod_uid))
		encode_mapped_ascii(json, JSON_WRITER_KEY("pod_uuid"),
				    text_from_string(container->pod_uid));
	ENCODE_MAPPED_TEXT(json, "name", event, container_name, container->names.name);
	image = *json;
	json_writer_object_begin(json, JSON_WRITER_KEY("image"));
	/* OCSF requires a uid */
	ENCODE_MAPPED_TEXT(json, "name", event, container_image, container->names.image);
	ENCODE_MAPPED_TEXT(json, "uid", event, container_image, container->names.image);
	encode_mapped_object_end(json, &image);
	encode_mapped_object_end(json, &before);
}

/* Writes the attributes of "process" that follow from the call. */
static void write_call(struct json_writer *json, const struct event *event)
{
	struct json_writer before;
	struct text name;

	if (!encode_run_begin(json, event, &encode_ocsf, CONTEXT_RUN_CALL, &before))
		return;
	if (encode_mapped_name(event, &name))
		encode_mapped_text(json, JSON_WRITER_KEY("name"), name);
	if (encode_mapped_has_exe(event))
		write_exe(json, event);
	if (encode_mapped_has_cwd(event))
		encode_mapped_text(json, JSON_WRITER_KEY("working_directory"),
				   event->exec.paths[EVENT_PATH_CWD]);
	encode_run_end(json, event, &encode_ocsf, CONTEXT_RUN_CALL, &before);
}

/* With the profile linux_users the effective ids have attributes of their own, so user and group
 * are the real ones. */
static void write_users(struct json_writer *json, const struct event *event)
{
	const struct record_task *task = &event->process.task;

	write_account(json, JSON_WRITER_KEY("user"), &ENCODE_MAPPED_ACCOUNT(event, uid, user));
	write_account(json, JSON_WRITER_KEY("group"), &ENCODE_MAPPED_ACCOUNT(event, gid, group));
	if (FIELD_IS_WRITTEN(event, euid))
		encode_mapped_number(json, JSON_WRITER_KEY("euid"), task->euid);
	if (FIELD_IS_WRITTEN(event, egid))
		encode_mapped_number(json, JSON_WRITER_KEY("egid"), task->egid);
	if (task->auid != RECORD_AUDIT_UNSET && FIELD_IS_WRITTEN(event, auid))
		encode_mapped_number(json, JSON_WRITER_KEY("auid"), task->auid);
}

static void write_session(struct json_writer *json, const struct event *event)
{
	const struct event_process *process = &event->process;
	const struct json_writer before = *json;

	json_writer_object_begin(json, JSON_WRITER_KEY("session"));
	if (process->task.ses != RECORD_AUDIT_UNSET && FIELD_IS_WRITTEN(event, ses))
		encode_mapped_id(json, JSON_WRITER_KEY("uid"), process->task.ses);
	if (event->context->tty.length && FIELD_IS_WRITTEN(event, tty))
		encode_mapped_ascii(json, JSON_WRITER_KEY("terminal"), event->context->tty);
	encode_mapped_object_end(json, &before);
}

static void write_parent(struct json_writer *json, const struct event *event)
{
	const struct event_process *process = &event->process;
	const struct json_writer before = *json;
	struct text name;

	json_writer_object_begin(json, JSON_WRITER_KEY("parent_process"));
	if (FIELD_IS_WRITTEN(event, ppid))
		encode_mapped_number(json, JSON_WRITER_KEY("pid"), process->task.ppid);
	if (FIELD_IS_WRITTEN(event, parent_id))
		encode_mapped_ascii(json, JSON_WRITER_KEY("uid"), event->context->parent_id);
	if (encode_mapped_parent_name(event, &name))
		encode_mapped_text(json, JSON_WRITER_KEY("name"), name);
	if (encode_mapped_has_parent_exe(event)) {
		file_begin(json, event->context->parent_exe);
		json_writer_object_end(json);
	}
	if (encode_mapped_has_parent_args(event))
		encode_mapped_command_line(json, JSON_WRITER_KEY("cmd_line"),
					   event->context->parent_args);
	encode_mapped_object_end(json, &before);
}

/* Writes the members of "process" that follow from the context. */
static void write_process_context(struct json_writer *json, const struct event *event)
{
	struct json_writer before;

	if (!encode_run_begin(json, event, &encode_ocsf, CONTEXT_RUN_PROCESS, &before))
		return;
	write_container(json, event);
	write_users(json, event);
	write_session(json, event);
	write_parent(json, event);
	encode_run_end(json, event, &encode_ocsf, CONTEXT_RUN_PROCESS, &before);
}

static void write_process(struct json_writer *json, const struct event *event)
{
	const struct event_process *process = &event->process;
	const struct json_writer before = *json;

	json_writer_object_begin(json, JSON_WRITER_KEY("process"));
	if (FIELD_IS_WRITTEN(event, pid))
		encode_mapped_pid(json, JSON_WRITER_KEY("pid"), event);
	if (FIELD_IS_WRITTEN(event, id))
		encode_mapped_ascii(json, JSON_WRITER_KEY("uid"), process->id);
	write_call(json, event);
	if (encode_mapped_has_args(event))
		encode_mapped_command_line(json, JSON_WRITER_KEY("cmd_line"), event->exec.args);
	write_variables(json, event);
	if (FIELD_IS_WRITTEN(event, start))
		write_time_text(json, JSON_WRITER_KEY("created_time"),
				JSON_WRITER_KEY("created_time_dt"), process->start_wall_ns,
				process->start);
	if (event->source == EVENT_EXIT && FIELD_IS_WRITTEN(event, duration))
		write_time_text(json, JSON_WRITER_KEY("terminated_time"),
				JSON_WRITER_KEY("terminated_time_dt"), event->wall_ns,
				event->timestamp);
	if (process->task.ns_pid && FIELD_IS_WRITTEN(event, ns_pid))
		encode_mapped_number(json, JSON_WRITER_KEY("namespace_pid"), process->task.ns_pid);
	write_process_context(json, event);
	encode_mapped_object_end(json, &before);
}

static void write_exit(struct json_writer *json, const struct event *event)
{
	uint32_t status = event->exit.status;

	if (!WTERMSIG(status) && FIELD_IS_WRITTEN(event, exit_code))
		encode_mapped_number(json, JSON_WRITER_KEY("exit_code"), WEXITSTATUS(status));
	if (FIELD_IS_WRITTEN(event, duration))
		encode_mapped_number(json, JSON_WRITER_KEY("duration"),
				     event->exit.duration_ns / NS_PER_MS);
}

static void write_lost(struct json_writer *json, const struct event_lost *lost)
{
	if (lost->reason)
		encode_mapped_ascii(json, JSON_WRITER_KEY("status_code"),
				    text_from_string(lost->reason));
	if (lost->count)
		encode_mapped_number(json, JSON_WRITER_KEY("count"), lost->count);
	write_time(json, JSON_WRITER_KEY("start_time"), JSON_WRITER_KEY("start_time_dt"),
		   lost->from_wall_ns);
	write_time(json, JSON_WRITER_KEY("end_time"), JSON_WRITER_KEY("end_time_dt"),
		   lost->to_wall_ns);
}

/* Writes the attributes of the class. */
static void write_class(struct json_writer *json, const struct event *event)
{
	char buf[ERROR_NAME_BYTES];

	if (event->source == EVENT_EXEC_FAILED && FIELD_IS_WRITTEN(event, error))
		encode_mapped_ascii(json, JSON_WRITER_KEY("status_code"),
				    text_from_string(error_name(event->exec.error, buf)));
	else if (event->source == EVENT_EXIT)
		write_exit(json, event);
	if (event->type == EVENT_LOST || event->type == EVENT_SUPPRESSED)
		write_lost(json, &event->lost);
	if (event_is_process(event)) {
		write_actor(json, event);
		write_process(json, event);
	} else if (event_is_heartbeat(event)) {
		write_product(json, JSON_WRITER_KEY("app"), event->version);
	}
}

/* Writes what is known of a file whose path is not: OCSF has no file without a name. */
static void write_nameless_exe(struct json_writer *json, const struct event *event)
{
	const struct event_exec *exec = &event->exec;

	if (exec->deleted && FIELD_IS_WRITTEN(event, deleted))
		json_writer_members(json, JSON_WRITER_MEMBERS("\"deleted\":true"));
	if (HAS_OF_FILE(event, exe_ino, RECORD_KEY_EXE_FILE))
		encode_mapped_id(json, JSON_WRITER_KEY("exe_ino"), exec->exe_file.inode);
	if (HAS_OF_FILE(event, exe_uid, RECORD_KEY_EXE_FILE))
		encode_mapped_number(json, JSON_WRITER_KEY("exe_uid"), exec->exe_file.uid);
	if (HAS_OF_FILE(event, exe_size, RECORD_KEY_EXE_SIZE))
		encode_mapped_number(json, JSON_WRITER_KEY("exe_size"), exec->exe_file.size);
	if (HAS_OF_FILE(event, exe_mtime, RECORD_KEY_EXE_MTIME))
		encode_mapped_time(json, JSON_WRITER_KEY("exe_mtime"), exec->exe_mtime_ns);
}

/* Writes the keys that have an attribute in some events only. */
static void write_unmapped(struct json_writer *json, const struct event *event)
{
	if (FIELD_IS_WRITTEN(event, pod_uid) && event->context->container.pod_uid[0] &&
	    !has_pod_uuid(event))
		encode_mapped_ascii(json, JSON_WRITER_KEY("pod_uid"),
				    text_from_string(event->context->container.pod_uid));
	if (event_has_program(event) && !encode_mapped_has_exe(event))
		write_nameless_exe(json, event);
}

static void write_message(struct json_writer *json, const struct event *event)
{
	struct json_writer before;

	if (!encode_run_begin(json, event, &encode_ocsf, CONTEXT_RUN_MESSAGE, &before))
		return;
	encode_mapped_message(json, JSON_WRITER_KEY("message"), event);
	encode_run_end(json, event, &encode_ocsf, CONTEXT_RUN_MESSAGE, &before);
}

static JSON_WRITER_FLATTEN void write_ocsf(struct json_writer *json, const struct event *event,
					   const struct encode_format *format)
{
	struct json_writer local = *json, copy;

	(void)format;
	json_writer_object_begin(&local, JSON_WRITER_NO_KEY);
	write_time_text(&local, JSON_WRITER_KEY("time"), JSON_WRITER_KEY("time_dt"), event->wall_ns,
			event->timestamp);
	json_writer_members(&local, members[event->source].class);
	write_metadata(&local, event);
	write_message(&local, event);
	write_device(&local, event);
	write_class(&local, event);
	json_writer_object_begin(&local, JSON_WRITER_KEY("unmapped"));
	if (event_is_process(event))
		write_unmapped(&local, event);
	copy = local;
	encode_native_fields(&copy, event, FIELD_OCSF, &encode_ocsf);
	local = copy;
	json_writer_object_end(&local);
	json_writer_object_end(&local);
	*json = local;
}

const struct encode_format encode_ocsf = {
	.name = "ocsf",
	.write = write_ocsf,
	.argument_times = ENCODE_MAPPED_ARGUMENT_TIMES,
	.argument_around_bytes = ENCODE_MAPPED_ARGUMENT_AROUND_BYTES,
	.argument_raw_bytes = ENCODE_NATIVE_ARGUMENT_RAW_BYTES,
	.filename_times = 2,
	.exe_times = 3,
	.image_times = 2,
	.line_min_bytes = 6144,
};
