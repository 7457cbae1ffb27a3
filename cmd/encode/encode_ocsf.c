// SPDX-License-Identifier: BSD-2-Clause
/*
 * The Open Cybersecurity Schema Framework 1.8.0: Process Activity, and for lines about exectap
 * itself Application Error and Application Lifecycle. What it has no attribute for goes into its
 * object "unmapped". schema/exectap-ocsf.schema.json
 */
#include "encode/encode.h"
#include "encode/encode_mapped.h"
#include "util/error_name.h"

#include <ctype.h>
#include <string.h>
#include <sys/wait.h>

#define NS_PER_MS 1000000

#define CLASS(category, class, activity, name, type)                                               \
	"\"category_uid\":" category ",\"class_uid\":" class ",\"activity_id\":" activity          \
							     ",\"activity_name\":\"" name          \
							     "\",\"type_uid\":" class type
#define SUCCESS ",\"severity_id\":1,\"status_id\":1,\"status\":\"Success\","
#define FAILURE(severity) ",\"severity_id\":" severity ",\"status_id\":2,\"status\":\"Failure\","
#define LAUNCH CLASS("1", "1007", "1", "Launch", "01") ",\"launch_type_id\":3"
#define TERMINATE CLASS("1", "1007", "2", "Terminate", "02")
#define GENERAL_ERROR CLASS("6", "6008", "1", "General Error", "01")
#define LIFECYCLE(activity, name, type) CLASS("6", "6002", activity, name, type)

/* A product, up to the value of its version. */
#define PRODUCT(key) "\"" key "\":{\"name\":\"exectap\",\"vendor_name\":\"exectap\",\"version\":"
#define PRODUCT_OF_METADATA "\"metadata\":{\"version\":\"1.8.0\"," PRODUCT("product")

/* The profiles that attributes are of, up to the value of metadata.sequence. */
#define OF_PROCESS(type)                                                                                 \
	ENCODE_MAPPED_JSON(                                                                              \
		"\"profiles\":[\"container\",\"datetime\",\"linux/linux_users\"],\"event_code\":\"" type \
		"\",\"sequence\":")
#define OF_HOST(type)                                                                              \
	ENCODE_MAPPED_JSON("\"profiles\":[\"datetime\",\"host\"],\"event_code\":\"" type           \
			   "\",\"sequence\":")

static const struct {
	struct text class; /* up to the version of the product */
	struct text profiles;
} heads[] = {
	[EVENT_EXEC] = { ENCODE_MAPPED_JSON(LAUNCH SUCCESS PRODUCT_OF_METADATA),
			 OF_PROCESS("exec") },
	[EVENT_EXEC_FAILED] = { ENCODE_MAPPED_JSON(LAUNCH FAILURE("1") PRODUCT_OF_METADATA),
				OF_PROCESS("exec_failed") },
	[EVENT_EXIT] = { ENCODE_MAPPED_JSON(TERMINATE SUCCESS PRODUCT_OF_METADATA),
			 OF_PROCESS("exit") },
	[EVENT_LOST] = { ENCODE_MAPPED_JSON(GENERAL_ERROR FAILURE("3") PRODUCT_OF_METADATA),
			 OF_HOST("lost") },
	[EVENT_START] = { ENCODE_MAPPED_JSON(LIFECYCLE("3", "Start", "03")
						     SUCCESS PRODUCT_OF_METADATA),
			  OF_HOST("start") },
	[EVENT_STATS] = { ENCODE_MAPPED_JSON(LIFECYCLE("99", "Heartbeat", "99")
						     SUCCESS PRODUCT_OF_METADATA),
			  OF_HOST("stats") },
	[EVENT_STOP] = { ENCODE_MAPPED_JSON(LIFECYCLE("4", "Stop", "04")
						    SUCCESS PRODUCT_OF_METADATA),
			 OF_HOST("stop") },
};

/* A time has two attributes: milliseconds, and with the profile datetime RFC 3339. */
static void write_time(struct json_writer *line, struct text key, struct text datetime_key,
		       uint64_t wall_ns)
{
	encode_mapped_number(line, key, wall_ns / NS_PER_MS);
	encode_mapped_time(line, datetime_key, wall_ns);
}

static void write_metadata(struct json_writer *line, const struct event *event)
{
	encode_mapped_plain(line, heads[event->type].class, event->version);
	json_writer_close(line, '}');
	encode_mapped_number(line, heads[event->type].profiles, event->seq);
	if (event_is_process(event)) {
		encode_mapped_plain(line, JSON_WRITER_KEY("uid"), event->process.event_id);
		if (event->process.truncated) {
			json_writer_key(line, JSON_WRITER_KEY("is_truncated"));
			json_writer_literal(line, ENCODE_MAPPED_JSON("true"));
		}
	}
	json_writer_close(line, '}');
}

/* machine-id(5) as a UUID is written; not where it has not the length of one. */
static void write_machine_id(struct json_writer *line, struct text machine_id)
{
	static const size_t groups[] = { 8, 4, 4, 4, 12 };

	if (machine_id.length != 32)
		return;
	encode_mapped_plain(line, JSON_WRITER_KEY("uid"), machine_id);
	json_writer_key(line, JSON_WRITER_KEY("os_machine_uuid"));
	json_writer_append(line, "\"", 1);
	for (size_t i = 0; i < 5; machine_id.bytes += groups[i++]) {
		json_writer_append(line, "-", i > 0);
		json_writer_append(line, machine_id.bytes, groups[i]);
	}
	json_writer_literal(line, ENCODE_MAPPED_JSON("\""));
}

static void write_device(struct json_writer *line, const struct event *event)
{
	encode_mapped_text(line, ENCODE_MAPPED_JSON("\"device\":{\"type_id\":0,\"hostname\":"),
			   event->host);
	write_machine_id(line, event->machine_id);
	encode_mapped_plain(line, JSON_WRITER_KEY("boot_uid"), event->boot_id);
	encode_mapped_text(
		line,
		ENCODE_MAPPED_JSON(
			"\"os\":{\"name\":\"Linux\",\"type_id\":200,\"kernel_release\":"),
		event->kernel);
	json_writer_close(line, '}');
	json_writer_close(line, '}');
}

/* An object with a uid as its only key, which `key` ends with. */
static void write_uid(struct json_writer *line, struct text key, uint32_t uid)
{
	encode_mapped_id(line, key, uid);
	json_writer_close(line, '}');
}

/* Who called. execve(2) changes its effective ids and its name, but not its real user id. */
static void write_actor(struct json_writer *line, const struct event *event)
{
	const struct event_process *process = &event->process;

	encode_mapped_number(line, ENCODE_MAPPED_JSON("\"actor\":{\"process\":{\"pid\":"),
			     process->task.pid);
	encode_mapped_plain(line, JSON_WRITER_KEY("uid"), process->id);
	if (encode_mapped_is_readable(event, RECORD_KEY_COMM))
		encode_mapped_text(line, JSON_WRITER_KEY("name"), process->comm);
	if (event_is_exec(event) && event->exec.tid != process->task.pid)
		encode_mapped_number(line, JSON_WRITER_KEY("ptid"), event->exec.tid);
	json_writer_close(line, '}');
	write_uid(line, ENCODE_MAPPED_JSON("\"user\":{\"uid\":"), process->task.uid);
	json_writer_close(line, '}');
}

/* An executable file; the object stays open. */
static void open_file(struct json_writer *line, struct text path)
{
	encode_mapped_text(line, ENCODE_MAPPED_JSON("\"file\":{\"type_id\":8,\"name\":"),
			   text_base_name(path));
	encode_mapped_text(line, JSON_WRITER_KEY("path"), path);
}

static void write_exe(struct json_writer *line, const struct event_exec *exec)
{
	open_file(line, exec->paths[EVENT_PATH_EXE]);
	if (exec->deleted) {
		json_writer_key(line, JSON_WRITER_KEY("is_deleted"));
		json_writer_literal(line, ENCODE_MAPPED_JSON("true"));
	}
	json_writer_close(line, '}');
}

static void write_variables(struct json_writer *line, const struct event_exec *exec)
{
	if (!exec->variable_count)
		return;
	json_writer_key(line, JSON_WRITER_KEY("environment_variables"));
	json_writer_open(line, '[');
	for (size_t i = 0; i < exec->variable_count; i++) {
		encode_mapped_text(line, ENCODE_MAPPED_JSON("{\"name\":"), exec->variables[i].name);
		encode_mapped_text(line, JSON_WRITER_KEY("value"), exec->variables[i].value);
		json_writer_close(line, '}');
	}
	json_writer_close(line, ']');
}

/* OCSF takes a UUID only; the id of a static pod is none. */
static bool is_uuid(const char *string)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < sizeof(shape); i++)
		if (shape[i] == 'x' ? !isxdigit((unsigned char)string[i]) : string[i] != shape[i])
			return false;
	return true;
}

static bool has_pod_uuid(const struct container *container)
{
	return container->id.length && is_uuid(container->pod_uid);
}

static void write_container(struct json_writer *line, const struct container *container)
{
	if (!container->id.length)
		return;
	encode_mapped_text(line, ENCODE_MAPPED_JSON("\"container\":{\"uid\":"), container->id);
	if (container->runtime)
		encode_mapped_plain(line, JSON_WRITER_KEY("runtime"),
				    text_from_string(container->runtime));
	if (has_pod_uuid(container))
		encode_mapped_plain(line, JSON_WRITER_KEY("pod_uuid"),
				    text_from_string(container->pod_uid));
	json_writer_close(line, '}');
}

/* What only an exec or an attempt at one has. */
static void write_call(struct json_writer *line, const struct event *event)
{
	const struct event_exec *exec = &event->exec;

	if (encode_mapped_has_exe(event))
		write_exe(line, exec);
	if (encode_mapped_has_args(event))
		*line = encode_mapped_command_line(*line, JSON_WRITER_KEY("cmd_line"), event);
	if (encode_mapped_is_readable(event, RECORD_KEY_CWD))
		encode_mapped_text(line, JSON_WRITER_KEY("working_directory"),
				   exec->paths[EVENT_PATH_CWD]);
	write_variables(line, exec);
	write_container(line, &exec->container);
}

/* With the profile linux_users the effective ids have attributes of their own, so user and group
 * are the real ones. */
static void write_users(struct json_writer *line, const struct record_task *task)
{
	write_uid(line, ENCODE_MAPPED_JSON("\"user\":{\"uid\":"), task->uid);
	write_uid(line, ENCODE_MAPPED_JSON("\"group\":{\"uid\":"), task->gid);
	encode_mapped_number(line, JSON_WRITER_KEY("euid"), task->euid);
	encode_mapped_number(line, JSON_WRITER_KEY("egid"), task->egid);
	if (task->auid != RECORD_AUDIT_UNSET)
		encode_mapped_number(line, JSON_WRITER_KEY("auid"), task->auid);
}

static void write_session(struct json_writer *line, const struct event_process *process)
{
	bool in_session = process->task.ses != RECORD_AUDIT_UNSET;

	if (!in_session && !process->tty.length)
		return;
	json_writer_key(line, JSON_WRITER_KEY("session"));
	json_writer_open(line, '{');
	if (in_session)
		encode_mapped_id(line, JSON_WRITER_KEY("uid"), process->task.ses);
	if (process->tty.length)
		encode_mapped_plain(line, JSON_WRITER_KEY("terminal"), process->tty);
	json_writer_close(line, '}');
}

static void write_parent(struct json_writer *line, const struct event *event)
{
	const struct event_process *process = &event->process;

	encode_mapped_number(line, ENCODE_MAPPED_JSON("\"parent_process\":{\"pid\":"),
			     process->task.ppid);
	encode_mapped_plain(line, JSON_WRITER_KEY("uid"), process->parent_id);
	encode_mapped_text(line, JSON_WRITER_KEY("name"), process->parent_comm);
	if (encode_mapped_has_parent_exe(event)) {
		open_file(line, event->exec.paths[EVENT_PATH_PARENT_EXE]);
		json_writer_close(line, '}');
	}
	json_writer_close(line, '}');
}

static void write_process(struct json_writer *line, const struct event *event)
{
	const struct event_process *process = &event->process;
	struct text name;

	encode_mapped_number(line, ENCODE_MAPPED_JSON("\"process\":{\"pid\":"), process->task.pid);
	encode_mapped_plain(line, JSON_WRITER_KEY("uid"), process->id);
	if (encode_mapped_name(event, &name))
		encode_mapped_text(line, JSON_WRITER_KEY("name"), name);
	if (event_is_exec(event))
		write_call(line, event);
	write_time(line, JSON_WRITER_KEY("created_time"), JSON_WRITER_KEY("created_time_dt"),
		   process->start_wall_ns);
	if (event->type == EVENT_EXIT)
		write_time(line, JSON_WRITER_KEY("terminated_time"),
			   JSON_WRITER_KEY("terminated_time_dt"), event->wall_ns);
	if (process->task.ns_pid)
		encode_mapped_number(line, JSON_WRITER_KEY("namespace_pid"), process->task.ns_pid);
	write_users(line, &process->task);
	write_session(line, process);
	write_parent(line, event);
	json_writer_close(line, '}');
}

static void write_exit(struct json_writer *line, const struct event *event)
{
	uint32_t status = event->exit.status;

	if (!WTERMSIG(status))
		encode_mapped_number(line, JSON_WRITER_KEY("exit_code"), WEXITSTATUS(status));
	encode_mapped_number(line, JSON_WRITER_KEY("duration"),
			     event->exit.duration_ns / NS_PER_MS);
}

static void write_lost(struct json_writer *line, const struct event_lost *lost)
{
	encode_mapped_plain(line, JSON_WRITER_KEY("status_code"), text_from_string(lost->reason));
	encode_mapped_number(line, JSON_WRITER_KEY("count"), lost->count);
	write_time(line, JSON_WRITER_KEY("start_time"), JSON_WRITER_KEY("start_time_dt"),
		   lost->from_wall_ns);
	write_time(line, JSON_WRITER_KEY("end_time"), JSON_WRITER_KEY("end_time_dt"),
		   lost->to_wall_ns);
}

/* The attributes of the class. */
static void write_class(struct json_writer *line, const struct event *event)
{
	char room[ERROR_NAME_BYTES];

	if (event->type == EVENT_EXEC_FAILED)
		encode_mapped_plain(line, JSON_WRITER_KEY("status_code"),
				    text_from_string(error_name(event->exec.error, room)));
	else if (event->type == EVENT_EXIT)
		write_exit(line, event);
	else if (event->type == EVENT_LOST)
		write_lost(line, &event->lost);
	if (event_is_process(event)) {
		write_actor(line, event);
		write_process(line, event);
	} else if (event_is_heartbeat(event)) {
		encode_mapped_plain(line, ENCODE_MAPPED_JSON(PRODUCT("app")), event->version);
		json_writer_close(line, '}');
	}
}

/* What has an attribute in some events only. */
static void write_homeless(struct json_writer *line, const struct event_exec *exec, bool has_exe)
{
	if (exec->container.pod_uid[0] && !has_pod_uuid(&exec->container))
		encode_mapped_plain(line, JSON_WRITER_KEY("pod_uid"),
				    text_from_string(exec->container.pod_uid));
	if (exec->deleted && !has_exe) {
		json_writer_key(line, JSON_WRITER_KEY("deleted"));
		json_writer_literal(line, ENCODE_MAPPED_JSON("true"));
	}
}

static JSON_WRITER_FLATTEN struct json_writer write_ocsf(struct json_writer line,
							 const struct event *event)
{
	json_writer_open(&line, '{');
	write_time(&line, JSON_WRITER_KEY("time"), JSON_WRITER_KEY("time_dt"), event->wall_ns);
	write_metadata(&line, event);
	line = encode_mapped_message(line, JSON_WRITER_KEY("message"), event);
	write_device(&line, event);
	write_class(&line, event);
	json_writer_key(&line, JSON_WRITER_KEY("unmapped"));
	json_writer_open(&line, '{');
	if (event_is_exec(event))
		write_homeless(&line, &event->exec,
			       event->type == EVENT_EXEC_FAILED || encode_mapped_has_exe(event));
	line = encode_mapped_rest(line, event, FIELD_OCSF);
	json_writer_close(&line, '}');
	json_writer_close(&line, '}');
	return line;
}

const struct encode_format encode_ocsf = {
	.name = "ocsf",
	.write = write_ocsf,
	.argument_times = ENCODE_MAPPED_ARGUMENT_TIMES,
	.argument_around_bytes = ENCODE_MAPPED_ARGUMENT_AROUND_BYTES,
	.argument_raw_bytes = ENCODE_MAPPED_ARGUMENT_RAW_BYTES,
	.line_min_bytes = 4096,
};
