// SPDX-License-Identifier: BSD-2-Clause
/*
 * The Open Cybersecurity Schema Framework 1.8.0: Process Activity, and for lines about exectap itself Application
 * Error and Application Lifecycle. What it has no attribute for goes into its object "unmapped".
 * schema/exectap-ocsf.schema.json
 */
#include "encode.h"
#include "encode_mapped.h"
#include "error_name.h"

#include <ctype.h>
#include <string.h>
#include <sys/wait.h>

#define NS_PER_MS 1000000

#define CLASS(category, class, activity, name, type)                                                                   \
	"\"category_uid\":" category ",\"class_uid\":" class ",\"activity_id\":" activity ",\"activity_name\":\"" name \
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
#define OF_PROCESS(type)                                                                                               \
	MAPPED_JSON("\"profiles\":[\"container\",\"datetime\",\"linux/linux_users\"],\"event_code\":\"" type           \
		    "\",\"sequence\":")
#define OF_HOST(type) MAPPED_JSON("\"profiles\":[\"datetime\",\"host\"],\"event_code\":\"" type "\",\"sequence\":")

static const struct {
	struct text class; /* up to the version of the product */
	struct text profiles;
} heads[] = {
	[EVENT_EXEC] = { MAPPED_JSON(LAUNCH SUCCESS PRODUCT_OF_METADATA), OF_PROCESS("exec") },
	[EVENT_EXEC_FAILED] = { MAPPED_JSON(LAUNCH FAILURE("1") PRODUCT_OF_METADATA), OF_PROCESS("exec_failed") },
	[EVENT_EXIT] = { MAPPED_JSON(TERMINATE SUCCESS PRODUCT_OF_METADATA), OF_PROCESS("exit") },
	[EVENT_LOST] = { MAPPED_JSON(GENERAL_ERROR FAILURE("3") PRODUCT_OF_METADATA), OF_HOST("lost") },
	[EVENT_START] = { MAPPED_JSON(LIFECYCLE("3", "Start", "03") SUCCESS PRODUCT_OF_METADATA), OF_HOST("start") },
	[EVENT_STATS] = { MAPPED_JSON(LIFECYCLE("99", "Heartbeat", "99") SUCCESS PRODUCT_OF_METADATA),
			  OF_HOST("stats") },
	[EVENT_STOP] = { MAPPED_JSON(LIFECYCLE("4", "Stop", "04") SUCCESS PRODUCT_OF_METADATA), OF_HOST("stop") },
};

/* A time has two attributes: milliseconds, and with the profile datetime RFC 3339. */
static void write_time(struct line *line, struct text key, struct text datetime_key, uint64_t wall_ns)
{
	mapped_number(line, key, wall_ns / NS_PER_MS);
	mapped_time(line, datetime_key, wall_ns);
}

static void write_metadata(struct line *line, const struct event *event)
{
	mapped_plain(line, heads[event->type].class, event->version);
	line_close(line, '}');
	mapped_number(line, heads[event->type].profiles, event->seq);
	if (event->type < EVENT_LOST) {
		mapped_plain(line, LINE_KEY("uid"), event->process.event_id);
		if (event->process.truncated) {
			line_key(line, LINE_KEY("is_truncated"));
			line_bare(line, MAPPED_JSON("true"));
		}
	}
	line_close(line, '}');
}

/* machine-id(5) as a UUID is written; not where it has not the length of one. */
static void write_machine_id(struct line *line, struct text machine_id)
{
	static const size_t groups[] = { 8, 4, 4, 4, 12 };

	if (machine_id.length != 32)
		return;
	mapped_plain(line, LINE_KEY("uid"), machine_id);
	line_key(line, LINE_KEY("os_machine_uuid"));
	line_append(line, "\"", 1);
	for (size_t i = 0; i < 5; machine_id.bytes += groups[i++]) {
		line_append(line, "-", i > 0);
		line_append(line, machine_id.bytes, groups[i]);
	}
	line_bare(line, MAPPED_JSON("\""));
}

static void write_device(struct line *line, const struct event *event)
{
	mapped_text(line, MAPPED_JSON("\"device\":{\"type_id\":0,\"hostname\":"), event->host);
	write_machine_id(line, event->machine_id);
	mapped_plain(line, LINE_KEY("boot_uid"), event->boot_id);
	mapped_text(line, MAPPED_JSON("\"os\":{\"name\":\"Linux\",\"type_id\":200,\"kernel_release\":"), event->kernel);
	line_close(line, '}');
	line_close(line, '}');
}

/* An object with a uid as its only key, which `key` ends with. */
static void write_uid(struct line *line, struct text key, uint32_t uid)
{
	mapped_id(line, key, uid);
	line_close(line, '}');
}

/* Who called. execve(2) changes its effective ids and its name, but not its real user id. */
static void write_actor(struct line *line, const struct event *event)
{
	const struct event_process *process = &event->process;

	mapped_number(line, MAPPED_JSON("\"actor\":{\"process\":{\"pid\":"), process->task.pid);
	mapped_plain(line, LINE_KEY("uid"), process->id);
	if (mapped_is_readable(event, RECORD_KEY_COMM))
		mapped_text(line, LINE_KEY("name"), process->comm);
	if (mapped_is_call(event) && event->exec.tid != process->task.pid)
		mapped_number(line, LINE_KEY("ptid"), event->exec.tid);
	line_close(line, '}');
	write_uid(line, MAPPED_JSON("\"user\":{\"uid\":"), process->task.uid);
	line_close(line, '}');
}

/* An executable file; the object stays open. */
static void open_file(struct line *line, struct text path)
{
	mapped_text(line, MAPPED_JSON("\"file\":{\"type_id\":8,\"name\":"), text_base_name(path));
	mapped_text(line, LINE_KEY("path"), path);
}

static void write_exe(struct line *line, const struct event_exec *exec)
{
	open_file(line, exec->paths[EVENT_PATH_EXE]);
	if (exec->deleted) {
		line_key(line, LINE_KEY("is_deleted"));
		line_bare(line, MAPPED_JSON("true"));
	}
	line_close(line, '}');
}

static void write_variables(struct line *line, const struct event_exec *exec)
{
	if (!exec->variable_count)
		return;
	line_key(line, LINE_KEY("environment_variables"));
	line_open(line, '[');
	for (size_t i = 0; i < exec->variable_count; i++) {
		mapped_text(line, MAPPED_JSON("{\"name\":"), exec->variables[i].name);
		mapped_text(line, LINE_KEY("value"), exec->variables[i].value);
		line_close(line, '}');
	}
	line_close(line, ']');
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

static void write_container(struct line *line, const struct container *container)
{
	if (!container->id.length)
		return;
	mapped_text(line, MAPPED_JSON("\"container\":{\"uid\":"), container->id);
	if (container->runtime)
		mapped_plain(line, LINE_KEY("runtime"), text_from_string(container->runtime));
	if (has_pod_uuid(container))
		mapped_plain(line, LINE_KEY("pod_uuid"), text_from_string(container->pod_uid));
	line_close(line, '}');
}

/* What only an exec or an attempt at one has. */
static void write_call(struct line *line, const struct event *event)
{
	const struct event_exec *exec = &event->exec;

	if (mapped_has_exe(event))
		write_exe(line, exec);
	if (mapped_has_args(event))
		*line = mapped_command_line(*line, LINE_KEY("cmd_line"), event);
	if (mapped_is_readable(event, RECORD_KEY_CWD))
		mapped_text(line, LINE_KEY("working_directory"), exec->paths[EVENT_PATH_CWD]);
	write_variables(line, exec);
	write_container(line, &exec->container);
}

/* With the profile linux_users the effective ids have attributes of their own, so user and group are the real ones. */
static void write_users(struct line *line, const struct record_task *task)
{
	write_uid(line, MAPPED_JSON("\"user\":{\"uid\":"), task->uid);
	write_uid(line, MAPPED_JSON("\"group\":{\"uid\":"), task->gid);
	mapped_number(line, LINE_KEY("euid"), task->euid);
	mapped_number(line, LINE_KEY("egid"), task->egid);
	if (task->auid != RECORD_AUDIT_UNSET)
		mapped_number(line, LINE_KEY("auid"), task->auid);
}

static void write_session(struct line *line, const struct event_process *process)
{
	bool in_session = process->task.ses != RECORD_AUDIT_UNSET;

	if (!in_session && !process->tty.length)
		return;
	line_key(line, LINE_KEY("session"));
	line_open(line, '{');
	if (in_session)
		mapped_id(line, LINE_KEY("uid"), process->task.ses);
	if (process->tty.length)
		mapped_plain(line, LINE_KEY("terminal"), process->tty);
	line_close(line, '}');
}

static void write_parent(struct line *line, const struct event *event)
{
	const struct event_process *process = &event->process;

	mapped_number(line, MAPPED_JSON("\"parent_process\":{\"pid\":"), process->task.ppid);
	mapped_plain(line, LINE_KEY("uid"), process->parent_id);
	mapped_text(line, LINE_KEY("name"), process->parent_comm);
	if (mapped_has_parent_exe(event)) {
		open_file(line, event->exec.paths[EVENT_PATH_PARENT_EXE]);
		line_close(line, '}');
	}
	line_close(line, '}');
}

static void write_process(struct line *line, const struct event *event)
{
	const struct event_process *process = &event->process;
	struct text name;

	mapped_number(line, MAPPED_JSON("\"process\":{\"pid\":"), process->task.pid);
	mapped_plain(line, LINE_KEY("uid"), process->id);
	if (mapped_name(event, &name))
		mapped_text(line, LINE_KEY("name"), name);
	if (mapped_is_call(event))
		write_call(line, event);
	write_time(line, LINE_KEY("created_time"), LINE_KEY("created_time_dt"), process->start_wall_ns);
	if (event->type == EVENT_EXIT)
		write_time(line, LINE_KEY("terminated_time"), LINE_KEY("terminated_time_dt"), event->wall_ns);
	if (process->task.ns_pid)
		mapped_number(line, LINE_KEY("namespace_pid"), process->task.ns_pid);
	write_users(line, &process->task);
	write_session(line, process);
	write_parent(line, event);
	line_close(line, '}');
}

static void write_exit(struct line *line, const struct event *event)
{
	uint32_t status = event->exit.status;

	if (!WTERMSIG(status))
		mapped_number(line, LINE_KEY("exit_code"), WEXITSTATUS(status));
	mapped_number(line, LINE_KEY("duration"), event->exit.duration_ns / NS_PER_MS);
}

static void write_lost(struct line *line, const struct event_lost *lost)
{
	mapped_plain(line, LINE_KEY("status_code"), text_from_string(lost->reason));
	mapped_number(line, LINE_KEY("count"), lost->count);
	write_time(line, LINE_KEY("start_time"), LINE_KEY("start_time_dt"), lost->from_wall_ns);
	write_time(line, LINE_KEY("end_time"), LINE_KEY("end_time_dt"), lost->to_wall_ns);
}

/* The attributes of the class. */
static void write_class(struct line *line, const struct event *event)
{
	char room[ERROR_NAME_BYTES];

	if (event->type == EVENT_EXEC_FAILED)
		mapped_plain(line, LINE_KEY("status_code"), text_from_string(error_name(event->exec.error, room)));
	else if (event->type == EVENT_EXIT)
		write_exit(line, event);
	else if (event->type == EVENT_LOST)
		write_lost(line, &event->lost);
	if (event->type < EVENT_LOST) {
		write_actor(line, event);
		write_process(line, event);
	} else if (event->type > EVENT_LOST) {
		mapped_plain(line, MAPPED_JSON(PRODUCT("app")), event->version);
		line_close(line, '}');
	}
}

/* What has an attribute in some events only. */
static void write_homeless(struct line *line, const struct event_exec *exec, bool has_exe)
{
	if (exec->container.pod_uid[0] && !has_pod_uuid(&exec->container))
		mapped_plain(line, LINE_KEY("pod_uid"), text_from_string(exec->container.pod_uid));
	if (exec->deleted && !has_exe) {
		line_key(line, LINE_KEY("deleted"));
		line_bare(line, MAPPED_JSON("true"));
	}
}

static LINE_WRITER struct line write_ocsf(struct line line, const struct event *event)
{
	line_open(&line, '{');
	write_time(&line, LINE_KEY("time"), LINE_KEY("time_dt"), event->wall_ns);
	write_metadata(&line, event);
	line = mapped_message(line, LINE_KEY("message"), event);
	write_device(&line, event);
	write_class(&line, event);
	line_key(&line, LINE_KEY("unmapped"));
	line_open(&line, '{');
	if (mapped_is_call(event))
		write_homeless(&line, &event->exec, event->type == EVENT_EXEC_FAILED || mapped_has_exe(event));
	line = mapped_rest(line, event, FIELD_OCSF);
	line_close(&line, '}');
	line_close(&line, '}');
	return line;
}

const struct encode_format encode_ocsf = {
	.name = "ocsf",
	.write = write_ocsf,
	.argument_times = MAPPED_ARGUMENT_TIMES,
	.argument_around_bytes = MAPPED_ARGUMENT_AROUND_BYTES,
	.argument_raw_bytes = MAPPED_ARGUMENT_RAW_BYTES,
	.line_min_bytes = 4096,
};
