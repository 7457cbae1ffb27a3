// SPDX-License-Identifier: BSD-2-Clause
/*
 * The Elastic Common Schema 9.4.0, as nested objects. What it has no field for goes into the object
 * "exectap", which is where it asks for custom fields. A path has one type in every event, or
 * Elasticsearch would refuse some. schema/exectap-ecs.schema.json
 */
#include "encode/encode.h"
#include "encode/encode_mapped.h"
#include "util/error_name.h"

#include <sys/wait.h>

/* Up to the value of event.sequence. A failed attempt is a process start too, whose outcome is
 * failure. */
#define EVENT_HEAD(type, kind)                                                                     \
	ENCODE_MAPPED_JSON("\"ecs\":{\"version\":\"9.4.0\"},\"event\":{\"kind\":" kind             \
			   ",\"action\":\"" type                                                   \
			   "\",\"module\":\"exectap\",\"dataset\":\"exectap." type                 \
			   "\",\"provider\":\"exectap\","                                          \
			   "\"sequence\":")
#define KIND_PROCESS(type) "\"event\",\"category\":[\"process\"],\"type\":[\"" type "\"]"

static void write_event(struct json_writer *line, const struct event *event)
{
	static const struct text heads[] = {
		[EVENT_EXEC] = EVENT_HEAD("exec", KIND_PROCESS("start") ",\"outcome\":\"success\""),
		[EVENT_EXEC_FAILED] =
			EVENT_HEAD("exec_failed", KIND_PROCESS("start") ",\"outcome\":\"failure\""),
		[EVENT_EXIT] = EVENT_HEAD("exit", KIND_PROCESS("end")),
		[EVENT_LOST] = EVENT_HEAD("lost", "\"pipeline_error\""),
		[EVENT_START] = EVENT_HEAD("start", "\"metric\""),
		[EVENT_STATS] = EVENT_HEAD("stats", "\"metric\""),
		[EVENT_STOP] = EVENT_HEAD("stop", "\"metric\""),
	};

	encode_mapped_number(line, heads[event->type], event->seq);
	if (event_is_process(event))
		encode_mapped_plain(line, JSON_WRITER_KEY("id"), event->process.event_id);
	if (event->type == EVENT_EXIT) {
		encode_mapped_time(line, JSON_WRITER_KEY("start"), event->process.start_wall_ns);
		encode_mapped_time(line, JSON_WRITER_KEY("end"), event->wall_ns);
		encode_mapped_number(line, JSON_WRITER_KEY("duration"), event->exit.duration_ns);
	} else if (event->type == EVENT_LOST) {
		encode_mapped_plain(line, JSON_WRITER_KEY("reason"),
				    text_from_string(event->lost.reason));
		encode_mapped_time(line, JSON_WRITER_KEY("start"), event->lost.from_wall_ns);
		encode_mapped_time(line, JSON_WRITER_KEY("end"), event->lost.to_wall_ns);
	}
	json_writer_close(line, '}');
}

static void write_host(struct json_writer *line, const struct event *event)
{
	struct text name = event->host;

	encode_mapped_text(line, ENCODE_MAPPED_JSON("\"host\":{\"hostname\":"), name);
	encode_mapped_text(line, JSON_WRITER_KEY("name"), name);
	if (event->machine_id.length)
		encode_mapped_plain(line, JSON_WRITER_KEY("id"), event->machine_id);
	encode_mapped_plain(line, ENCODE_MAPPED_JSON("\"boot\":{\"id\":"), event->boot_id);
	json_writer_close(line, '}');
	encode_mapped_text(line, ENCODE_MAPPED_JSON("\"os\":{\"type\":\"linux\",\"kernel\":"),
			   event->kernel);
	json_writer_close(line, '}');
	json_writer_close(line, '}');
}

/* An object with an id or a pid as its only key, which `key` ends with. */
static void write_id(struct json_writer *line, struct text key, uint32_t id)
{
	encode_mapped_id(line, key, id);
	json_writer_close(line, '}');
}

static void write_leader(struct json_writer *line, struct text key, uint32_t pid)
{
	encode_mapped_number(line, key, pid);
	json_writer_close(line, '}');
}

/* include/uapi/linux/capability.h, in the order of their numbers */
#define CAPABILITIES(each)                                                                         \
	each(CHOWN) each(DAC_OVERRIDE) each(DAC_READ_SEARCH) each(FOWNER) each(FSETID) each(       \
		KILL) each(SETGID) each(SETUID) each(SETPCAP) each(LINUX_IMMUTABLE)                \
		each(NET_BIND_SERVICE) each(NET_BROADCAST) each(NET_ADMIN) each(NET_RAW) each(     \
			IPC_LOCK) each(IPC_OWNER) each(SYS_MODULE) each(SYS_RAWIO)                 \
			each(SYS_CHROOT) each(SYS_PTRACE) each(SYS_PACCT) each(SYS_ADMIN) each(    \
				SYS_BOOT) each(SYS_NICE) each(SYS_RESOURCE) each(SYS_TIME)         \
				each(SYS_TTY_CONFIG) each(MKNOD) each(LEASE) each(AUDIT_WRITE)     \
					each(AUDIT_CONTROL) each(SETFCAP) each(MAC_OVERRIDE)       \
						each(MAC_ADMIN) each(SYSLOG) each(WAKE_ALARM)      \
							each(BLOCK_SUSPEND) each(AUDIT_READ)       \
								each(PERFMON) each(BPF)            \
									each(CHECKPOINT_RESTORE)

/* All of them as the items of a list, and where in it each begins: neighbours are written in one
 * piece. */
#define ITEM(capability) "\"CAP_" #capability "\","
#define MEMBER(capability) char capability[sizeof(ITEM(capability)) - 1];
#define BEGIN(capability) offsetof(struct capability_items, capability),
struct capability_items {
	CAPABILITIES(MEMBER)
};
static const char capability_items[] = CAPABILITIES(ITEM);
static const uint16_t capability_begins[] = { CAPABILITIES(BEGIN) sizeof(struct capability_items) };
#define CAPABILITY_COUNT (sizeof(capability_begins) / sizeof(capability_begins[0]) - 1)

/* ECS takes a number where there is no name. */
static void write_capabilities(struct json_writer *line, uint64_t mask)
{
	json_writer_key(line, ENCODE_MAPPED_JSON("\"thread\":{\"capabilities\":{\"effective\":"));
	json_writer_open(line, '[');
	while (mask) {
		unsigned int first = (unsigned int)__builtin_ctzll(mask), end = first + 1;

		json_writer_item(line);
		if (first < CAPABILITY_COUNT) {
			uint64_t missing = ~(mask >> first) | 1ull << (CAPABILITY_COUNT - first);

			end = first + (unsigned int)__builtin_ctzll(missing);
			json_writer_literal(
				line, (struct text){ capability_items + capability_begins[first],
						     capability_begins[end] -
							     capability_begins[first] - 1u });
		} else {
			json_writer_number_string(line, first);
		}
		mask = end < 64 ? mask >> end << end : 0;
	}
	json_writer_close(line, ']');
	json_writer_close(line, '}');
	json_writer_close(line, '}');
}

static void write_tty(struct json_writer *line, const struct event_process *process)
{
	json_writer_key(line, JSON_WRITER_KEY("interactive"));
	if (!process->tty.length) {
		json_writer_literal(line, ENCODE_MAPPED_JSON("false"));
		return;
	}
	json_writer_literal(line, ENCODE_MAPPED_JSON("true"));
	encode_mapped_number(line, ENCODE_MAPPED_JSON("\"tty\":{\"char_device\":{\"major\":"),
			     process->task.tty_major);
	encode_mapped_number(line, JSON_WRITER_KEY("minor"), process->task.tty_minor);
	json_writer_close(line, '}');
	json_writer_close(line, '}');
}

static void write_parent(struct json_writer *line, const struct event *event)
{
	const struct event_process *process = &event->process;

	encode_mapped_plain(line, ENCODE_MAPPED_JSON("\"parent\":{\"entity_id\":"),
			    process->parent_id);
	encode_mapped_number(line, JSON_WRITER_KEY("pid"), process->task.ppid);
	encode_mapped_text(line, JSON_WRITER_KEY("name"), process->parent_comm);
	if (encode_mapped_has_parent_exe(event))
		encode_mapped_text(line, JSON_WRITER_KEY("executable"),
				   event->exec.paths[EVENT_PATH_PARENT_EXE]);
	json_writer_close(line, '}');
}

static void write_variables(struct json_writer *line, const struct event_exec *exec)
{
	if (!exec->variable_count)
		return;
	json_writer_key(line, JSON_WRITER_KEY("env_vars"));
	json_writer_open(line, '[');
	for (size_t i = 0; i < exec->variable_count; i++) {
		json_writer_item(line);
		json_writer_text_begin(line);
		json_writer_text_part(line, exec->variables[i].name);
		json_writer_append(line, "=", 1);
		json_writer_text_part(line, exec->variables[i].value);
		json_writer_text_end(line);
	}
	json_writer_close(line, ']');
}

/* What only an exec or an attempt at one has. */
static void write_call(struct json_writer *line, const struct event *event)
{
	const struct event_exec *exec = &event->exec;

	if (encode_mapped_has_exe(event))
		encode_mapped_text(line, JSON_WRITER_KEY("executable"),
				   exec->paths[EVENT_PATH_EXE]);
	if (encode_mapped_has_args(event)) {
		*line = encode_mapped_args(*line, JSON_WRITER_KEY("args"), event);
		*line = encode_mapped_command_line(*line, JSON_WRITER_KEY("command_line"), event);
	}
	if (exec->argc != RECORD_ARGC_UNKNOWN)
		encode_mapped_number(line, JSON_WRITER_KEY("args_count"), exec->argc);
	write_variables(line, exec);
	if (encode_mapped_is_readable(event, RECORD_KEY_CWD))
		encode_mapped_text(line, JSON_WRITER_KEY("working_directory"),
				   exec->paths[EVENT_PATH_CWD]);
}

static void write_exit(struct json_writer *line, const struct event *event)
{
	uint32_t status = event->exit.status;

	encode_mapped_time(line, JSON_WRITER_KEY("end"), event->wall_ns);
	if (!WTERMSIG(status))
		encode_mapped_number(line, JSON_WRITER_KEY("exit_code"), WEXITSTATUS(status));
}

static void write_process(struct json_writer *line, const struct event *event)
{
	const struct event_process *process = &event->process;
	const struct record_task *task = &process->task;
	struct text name;

	encode_mapped_plain(line, ENCODE_MAPPED_JSON("\"process\":{\"entity_id\":"), process->id);
	encode_mapped_number(line, JSON_WRITER_KEY("pid"), task->pid);
	if (task->ns_pid)
		encode_mapped_number(line, JSON_WRITER_KEY("vpid"), task->ns_pid);
	if (encode_mapped_name(event, &name))
		encode_mapped_text(line, JSON_WRITER_KEY("name"), name);
	if (event_is_exec(event))
		write_call(line, event);
	encode_mapped_time(line, JSON_WRITER_KEY("start"), process->start_wall_ns);
	if (event->type == EVENT_EXIT)
		write_exit(line, event);
	write_tty(line, process);
	write_id(line, ENCODE_MAPPED_JSON("\"user\":{\"id\":"), task->euid);
	write_id(line, ENCODE_MAPPED_JSON("\"real_user\":{\"id\":"), task->uid);
	write_id(line, ENCODE_MAPPED_JSON("\"group\":{\"id\":"), task->egid);
	write_id(line, ENCODE_MAPPED_JSON("\"real_group\":{\"id\":"), task->gid);
	write_capabilities(line, task->cap_effective);
	write_parent(line, event);
	write_leader(line, ENCODE_MAPPED_JSON("\"group_leader\":{\"pid\":"), task->pgid);
	write_leader(line, ENCODE_MAPPED_JSON("\"session_leader\":{\"pid\":"), task->sid);
	json_writer_close(line, '}');
}

/* At the root stands who acted, and where it acted with another one's privileges, under "effective"
 * whose they were. */
static void write_user(struct json_writer *line, const struct record_task *task)
{
	encode_mapped_id(line, ENCODE_MAPPED_JSON("\"user\":{\"id\":"), task->uid);
	if (task->euid != task->uid)
		write_id(line, ENCODE_MAPPED_JSON("\"effective\":{\"id\":"), task->euid);
	json_writer_close(line, '}');
}

static void write_container(struct json_writer *line, const struct container *container)
{
	if (container->id.length) {
		encode_mapped_text(line, ENCODE_MAPPED_JSON("\"container\":{\"id\":"),
				   container->id);
		if (container->runtime)
			encode_mapped_plain(line, JSON_WRITER_KEY("runtime"),
					    text_from_string(container->runtime));
		json_writer_close(line, '}');
	}
	if (container->pod_uid[0]) {
		encode_mapped_plain(
			line,
			ENCODE_MAPPED_JSON(
				"\"orchestrator\":{\"type\":\"kubernetes\",\"resource\":{\"type\":\"pod\",\"id\":"),
			text_from_string(container->pod_uid));
		json_writer_close(line, '}');
		json_writer_close(line, '}');
	}
}

static void write_error(struct json_writer *line, const struct event *event)
{
	char room[ERROR_NAME_BYTES];

	if (event->type == EVENT_EXEC_FAILED)
		encode_mapped_plain(line, ENCODE_MAPPED_JSON("\"error\":{\"code\":"),
				    text_from_string(error_name(event->exec.error, room)));
	else if (event->type == EVENT_LOST)
		*line = encode_mapped_message(*line, ENCODE_MAPPED_JSON("\"error\":{\"message\":"),
					      event);
	else
		return;
	json_writer_close(line, '}');
}

static JSON_WRITER_FLATTEN struct json_writer write_ecs(struct json_writer line,
							const struct event *event)
{
	json_writer_open(&line, '{');
	encode_mapped_time(&line, JSON_WRITER_KEY("@timestamp"), event->wall_ns);
	write_event(&line, event);
	write_host(&line, event);
	if (event_is_process(event)) {
		write_process(&line, event);
		write_user(&line, &event->process.task);
	}
	if (event_is_exec(event))
		write_container(&line, &event->exec.container);
	write_error(&line, event);
	json_writer_key(&line, JSON_WRITER_KEY("exectap"));
	json_writer_open(&line, '{');
	line = encode_mapped_rest(line, event, FIELD_ECS);
	json_writer_close(&line, '}');
	json_writer_close(&line, '}');
	return line;
}

const struct encode_format encode_ecs = {
	.name = "ecs",
	.write = write_ecs,
	.argument_times = ENCODE_MAPPED_ARGUMENT_TIMES,
	.argument_around_bytes = ENCODE_MAPPED_ARGUMENT_AROUND_BYTES,
	.argument_raw_bytes = ENCODE_MAPPED_ARGUMENT_RAW_BYTES,
	.line_min_bytes = 4096,
};
