// SPDX-License-Identifier: BSD-2-Clause
/* Start and end of the program: options, attach, drop privileges, make the stages, run, exit
 * status. */
#include "capture/capture.h"
#include "capture/pin.h"
#include "encode/encode.h"
#include "event/container_state.h"
#include "event/enrich.h"
#include "event/field.h"
#include "event/filter.h"
#include "host/check.h"
#include "host/landlock.h"
#include "host/metrics.h"
#include "host/notify.h"
#include "host/sandbox.h"
#include "host/terminal.h"
#include "loop.h"
#include "options.h"
#include "output/output.h"
#include "pipeline.h"
#include "redact/redact.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/number.h"
#include "util/regular_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum status {
	STATUS_STOPPED = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_PERMITTED = 3,
	STATUS_KERNEL = 4,
};

/* What a reload needs of the start, and makes. */
struct reload {
	int argc;
	char **argv;
	const struct options *running; /* those of the start */
	struct capture *capture;
	struct pipeline *pipeline;
	struct enricher *enricher;
	/* of the last reload; NULL: none */
	struct options *options;
	struct filter *filter;
	struct redactor *redactor;
};

/* Maps -errno of the check, capture and pin functions to the exit status. */
static enum status status_from_error(int result)
{
	switch (result) {
	case 0:
		return STATUS_STOPPED;
	case -EPERM:
		return STATUS_NOT_PERMITTED;
	case -EOPNOTSUPP:
		return STATUS_KERNEL;
	default:
		return STATUS_FAILED;
	}
}

/*
 * Returns the bits of enum record_key that are not read. The hooks keep the program of a process
 * for the lines about its children and its end.
 */
static uint32_t omitted_keys(const struct options *options, const struct options *running)
{
	uint32_t needed = options_record_keys(options);

	if (running->parent_args_bytes && needed & RECORD_KEY_PARENT_EXE)
		needed |= RECORD_KEY_EXE;
	if (running->parent_args_bytes && needed & RECORD_KEY_PARENT_ARGS)
		needed |= RECORD_KEY_ARGS;
	return RECORD_KEY_ALL & ~needed;
}

/* Attaches the programs. This is the first step, because it needs privileges; the ring buffer keeps
 * every exec from then on. */
static enum status attach(const struct options *options, struct pin *pin, struct capture **capture)
{
	const struct capture_options capture_options = {
		.pin = pin,
		.buffer_bytes = options->buffer_bytes,
		.args_max_bytes = options->no_args ? 0 : options->line_max_bytes,
		.events = options->events,
		.env = options->env_names != NULL,
		.parent_args_bytes = options->parent_args_bytes,
		.omitted_keys = omitted_keys(options, options),
	};
	int result = capture_new(capture, &capture_options);

	if (result == -ECANCELED)
		return STATUS_FAILED;
	return result ? status_from_error(check_diagnose(result, options->events)) : STATUS_STOPPED;
}

static enum status drop_privileges(const struct options *options)
{
	const struct sandbox_identity identity = {
		.change_user = options->user != NULL,
		.uid = options->uid,
		.gid = options->gid,
		.reads_any_file = options->containers,
		.socket_group = options->socket_group,
	};
	int result = sandbox_drop_privileges(&identity);

	if (!result)
		return STATUS_STOPPED;
	if (result == -EACCES) {
		log_error("--containers: CAP_DAC_READ_SEARCH is missing; run exectap as root, or "
			  "with this capability, see containers.conf in exectap(8)");
		return STATUS_NOT_PERMITTED;
	}
	if (result != -EPERM || !options->user) {
		log_error("cannot drop privileges: %s", strerror(-result));
		return STATUS_FAILED;
	}
	log_error("cannot change to user %s: %s; run exectap as root, "
		  "or with CAP_SETUID and CAP_SETGID",
		  options->user, strerror(-result));
	return STATUS_NOT_PERMITTED;
}

static enum status new_enricher(const struct options *options, struct enricher **enricher)
{
	struct enrich_facts facts;
	int result = enrich_read_facts(&facts);

	if (!result)
		result = enrich_new(enricher, options->env_names, &facts);
	if (!result && options->containers)
		result = enrich_use_containers(*enricher, "");
	if (!result) {
		enrich_set_labels(*enricher, options->host, options_tags(options));
		return STATUS_STOPPED;
	}
	log_error("cannot start: %s%s", strerror(-result),
		  result == -ENOMEM ? "" : "; mount /proc, " ENRICH_BOOT_ID_PATH " is needed");
	return STATUS_FAILED;
}

/* Pinned programs hold the records of lines that are not written for the next start: with a backlog
 * their lines would be lost with the process. */
static size_t backlog_bytes(const struct options *options)
{
	return options->pin_directory ? 0 : options->buffer_bytes;
}

static enum status new_output(const struct options *options, struct output **output)
{
	const struct output_options output_options = {
		.destination = options->output,
		.line_max_bytes = options->line_max_bytes,
		.backlog_bytes = backlog_bytes(options),
		.file_mode = options->file_mode,
		.rotate_bytes = options->rotate_bytes,
		.rotate_count = options->rotate_count,
		.socket_mode = options->socket_mode,
		.socket_group = options->socket_group,
		.max_clients = options->max_clients,
	};
	int result = output_new(output, &output_options);

	if (!result)
		return STATUS_STOPPED;
	if (result != -ECANCELED)
		log_error("cannot start: %s", strerror(-result));
	return STATUS_FAILED;
}

static struct pipeline_rules rules_of(const struct options *options)
{
	return (struct pipeline_rules){ .filter = options->filter,
					.redactor = options->redactor,
					.selection = options->selection,
					.limit = options->limit };
}

/* Adapts lines for people to the terminal, if standard output is one. */
static void adapt_format(const struct options *options, struct encode_format *format)
{
	bool is_shown = !strcmp(options->output, "-");

	*format = *options->format;
	if (format->write != encode_text.write)
		return;
	terminal_init();
	format->terminal.columns = is_shown ? terminal_columns(STDOUT_FILENO) : 0;
	format->terminal.colors =
		terminal_has_colors(is_shown ? STDOUT_FILENO : -1, options->color);
}

/* Makes the stages behind the capture. */
static enum status new_stages(const struct options *options, struct pipeline_stages *stages)
{
	enum status status;

	stages->rules = rules_of(options);
	if (options->no_args)
		redact_hide_args(options->redactor);
	adapt_format(options, &stages->format);
	stages->line_max_bytes = options->line_max_bytes;
	stages->buffer_bytes = options->buffer_bytes;
	stages->has_backlog = backlog_bytes(options) > 0;
	status = new_enricher(options, &stages->enricher);
	return status ? status : new_output(options, &stages->output);
}

static void free_stages(const struct pipeline_stages *stages)
{
	output_free(stages->output);
	enrich_free(stages->enricher);
	capture_free(stages->capture);
}

#define FILES_OF_OPTIONS 6

/* Lists the files that are opened while the program runs. Returns their number. */
static size_t list_files(const struct options *options, const struct output_needs *output,
			 const char *const names[ENRICH_FILES],
			 struct landlock_file files[FILES_OF_OPTIONS + CONTAINER_STATE_DIRECTORIES])
{
	size_t count = 0;

	files[count++] =
		(struct landlock_file){ output->path,
					output->open_flags ? LANDLOCK_WRITE : LANDLOCK_REMOVE };
	files[count++] = (struct landlock_file){ options->metrics_path, LANDLOCK_WRITE };
	files[count++] = (struct landlock_file){ options->config_path, LANDLOCK_READ };
	files[count++] = (struct landlock_file){ names[0], LANDLOCK_READ };
	files[count++] = (struct landlock_file){ names[1], LANDLOCK_READ };
	files[count++] = (struct landlock_file){ options->pin_directory, LANDLOCK_REMOVE_TREE };
	for (size_t i = 0; options->containers && i < CONTAINER_STATE_DIRECTORIES; i++)
		files[count++] = (struct landlock_file){ container_state_directories[i],
							 LANDLOCK_READ_TREE };
	return count;
}

/*
 * Limits the use of files to those that are opened while the program runs. It is a second line of
 * defence, as the seccomp filter: without it exectap continues, unless it can read every file.
 */
static enum status limit_files(const struct options *options, const struct output_needs *output,
			       const char *const names[ENRICH_FILES])
{
	struct landlock_file files[FILES_OF_OPTIONS + CONTAINER_STATE_DIRECTORIES];
	int result = landlock_limit(files, list_files(options, output, names, files));

	if (result && options->containers) {
		log_error("--containers: cannot limit file access: %s; it needs Landlock, or "
			  "--no-sandbox",
			  strerror(-result));
		return STATUS_FAILED;
	}
	if (result == -ENOSYS || result == -EOPNOTSUPP)
		log_detail("the kernel has no Landlock; file access is not limited");
	else if (result)
		log_warning("cannot limit file access: %s; continuing without the limit",
			    strerror(-result));
	return STATUS_STOPPED;
}

static void filter_calls(const struct options *options, const struct output_needs *output,
			 const char *const names[ENRICH_FILES])
{
	static const int tree_flags[] = { CONTAINER_STATE_TOP_FLAGS,
					  CONTAINER_STATE_DIRECTORY_FLAGS,
					  CONTAINER_STATE_FILE_FLAGS, 0 };
	const struct sandbox_needs needs = {
		.open_flags = output->open_flags,
		.renames = options->rotate_bytes || options->metrics_path,
		.connects = output->connects,
		.accepts = output->accepts,
		.lists = options->containers,
		.reports = options->events & EVENT_BIT(EVENT_PROCESS),
		.tree_flags = options->containers ? tree_flags : NULL,
		.metrics_flags = options->metrics_path ? METRICS_OPEN_FLAGS : 0,
		.read_flags = names[0] || options->config_path ? REGULAR_FILE_OPEN_FLAGS : 0,
		.pin_flags = options->pin_directory ? PIN_SET_FLAGS : 0,
	};
	int result = sandbox_filter_calls(&needs);

	if (result)
		log_warning("cannot install the seccomp filter: %s; continuing without it",
			    strerror(-result));
}

static enum status enter_sandbox(const struct options *options,
				 const struct pipeline_stages *stages)
{
	struct output_needs output = {};
	const char *names[ENRICH_FILES];
	enum status status;

	if (options->no_sandbox || output_find_needs(options->output, &output))
		return STATUS_STOPPED;
	enrich_find_files(stages->enricher, names);
	status = limit_files(options, &output, names);
	if (!status)
		filter_calls(options, &output, names);
	return status;
}

/* Reports the events that are not written at the end, and why. */
static void report_unwritten(const struct options *options, const struct pipeline_stages *stages,
			     struct pipeline *pipeline, const char *cause)
{
	bool is_pinned = options->pin_directory && !capture_check_pins(stages->capture);
	struct pipeline_unwritten unwritten;
	unsigned long long dropped;

	pipeline_count_unwritten(pipeline, is_pinned, &unwritten);
	dropped = unwritten.dropped + (is_pinned ? 0 : unwritten.held);
	if (is_pinned && (unwritten.held || !dropped))
		log_error("%s: %llu events are not written: %s; the next start emits them",
			  options->output, (unsigned long long)unwritten.held, cause);
	if (dropped || (!is_pinned && !output_may_lack_clients(stages->output)))
		log_error("%s: the last lines are dropped, %llu: %s", options->output, dropped,
			  cause);
	if (unwritten.lost)
		log_error("%s: %llu events were lost before, and no line counts them",
			  options->output, (unsigned long long)unwritten.lost);
	if (unwritten.suppressed)
		log_error("%s: %llu events were suppressed, and no line counts them",
			  options->output, (unsigned long long)unwritten.suppressed);
	if (capture_has_gap(stages->capture))
		log_error("%s: the programs were detached for a time, and no line says so",
			  options->output);
}

/* Maps the result of loop_run() to the exit status, and logs a failure. */
static enum status loop_status(const struct options *options, const struct pipeline_stages *stages,
			       struct pipeline *pipeline, int result)
{
	const char *outage = output_outage(stages->output);

	if (!result || result == -EPIPE) /* the consumer of standard output has closed it */
		return STATUS_STOPPED;
	if (result == -ENOTCONN && output_may_lack_clients(stages->output)) {
		report_unwritten(options, stages, pipeline, "no client is connected");
		return STATUS_STOPPED;
	}
	if (result == -ENOTCONN || result == -ETIMEDOUT || result == -ECANCELED)
		report_unwritten(options, stages, pipeline,
				 outage ? outage : "the consumer takes nothing");
	else
		log_error("cannot continue: %s", strerror(-result));
	return STATUS_FAILED;
}

static void report_pins(const struct options *options, struct capture *capture)
{
	if (capture_check_pins(capture))
		log_warning("%s: the pins were removed; the programs are detached, and events "
			    "until the next start are not recorded",
			    options->pin_directory);
	else
		log_info("%s: the programs stay attached and record for the next start; "
			 "remove them with 'exectap --unpin %s'",
			 options->pin_directory, options->pin_directory);
}

/* Reports the totals to the reader of lines for people. */
static void report_totals(const struct options *options, const struct pipeline *pipeline)
{
	const char *what = options->events == EVENT_BIT(EVENT_EXEC) ? "execs" : "events";
	char written[NUMBER_GROUPED_BYTES], lost[NUMBER_GROUPED_BYTES];
	uint64_t written_count, lost_count;

	pipeline_get_totals(pipeline, &written_count, &lost_count);
	number_group(written_count, written);
	number_group(lost_count, lost);
	log_info("%s %s, %s lost", written, what, lost);
}

static enum status watch(const struct options *options, const struct pipeline_stages *stages,
			 const struct loop_stages *loop)
{
	int result;

	log_info("watching every exec on this host (lines up to %zu bytes, buffer of %zu KiB)",
		 options->line_max_bytes, options->buffer_bytes / 1024);
	notify_ready(loop->notify);
	result = loop_run(loop, options->heartbeat_s);
	if (options->pin_directory)
		report_pins(options, stages->capture);
	if (options->format->write == encode_text.write)
		report_totals(options, loop->pipeline);
	return loop_status(options, stages, loop->pipeline, result);
}

static void free_reload(const struct reload *reload)
{
	if (reload->options)
		options_free(reload->options);
	free(reload->options);
	redact_free(reload->redactor);
	filter_free(reload->filter);
}

/* Logs the options that differ and take effect at a restart. */
static void log_restart_options(const struct reload *reload, const struct options *options)
{
	size_t position = 0;
	const char *name;

	while ((name = options_find_change(options, reload->running, &position)))
		log_warning("--%s has changed; restart exectap to apply it", name);
	if (options->env_names && !reload->running->env_names)
		log_warning("--env is new; restart exectap to apply it");
}

/* Applies options that have been read without an error, and frees those of the last reload. */
static int apply_reload(struct reload *reload, const struct reload *next)
{
	const struct options *options = next->options;
	struct pipeline_rules rules;
	int result = options_check_line(options, reload->running->format,
					reload->running->line_max_bytes);

	if (!result)
		result = enrich_set_env_names(
			reload->enricher, reload->running->env_names ? options->env_names : NULL);
	if (result)
		return result;
	enrich_set_labels(reload->enricher, options->host, options_tags(options));
	if (reload->running->no_args)
		redact_hide_args(next->redactor);
	rules = rules_of(options);
	pipeline_set_rules(reload->pipeline, &rules);
	capture_set_omitted_keys(reload->capture, omitted_keys(options, reload->running));
	log_set_verbose(options->verbose);
	log_restart_options(reload, options);
	free_reload(reload);
	reload->options = next->options;
	reload->filter = next->filter;
	reload->redactor = next->redactor;
	return 0;
}

static int read_again(struct reload *reload, struct reload *next)
{
	int result = next->options ? filter_new(&next->filter) : -ENOMEM;

	if (!result)
		result = redact_new(&next->redactor);
	if (!result)
		result = options_reload(next->options, reload->running, next->filter,
					next->redactor, reload->argc, reload->argv);
	return result ? result : apply_reload(reload, next);
}

/* Reads the options again. If there is an error in them, nothing changes. */
static unsigned int reload_options(void *context)
{
	struct reload *reload = context, next = {};
	const struct options *current = reload->options ? reload->options : reload->running;

	if (!current->config_path)
		return current->heartbeat_s;
	next.options = calloc(1, sizeof(*next.options));
	if (read_again(reload, &next)) {
		log_error("%s: not applied; continuing with the options before",
			  current->config_path);
		free_reload(&next);
		return current->heartbeat_s;
	}
	log_info("%s: applied", next.options->config_path);
	return next.options->heartbeat_s;
}

/* Makes what the loop needs besides the stages, and writes the first version of the metrics. */
static enum status new_loop(const struct options *options, const struct pipeline_stages *stages,
			    struct loop_stages *loop)
{
	int result = pipeline_new(&loop->pipeline, stages);

	loop->capture = stages->capture;
	loop->output = stages->output;
	loop->latency_ms = options->latency_ms;
	loop->format = options->format->name;
	loop->started_wall_ns = clock_boot_ns() + (uint64_t)clock_wall_minus_boot_ns();
	if (!result)
		result = notify_new(&loop->notify);
	if (!result && options->metrics_path)
		result = metrics_new(&loop->metrics, options->metrics_path);
	if (result) {
		log_error("cannot start: %s", strerror(-result));
		return STATUS_FAILED;
	}
	return loop->metrics && loop_write_metrics(loop, false) ? STATUS_FAILED : STATUS_STOPPED;
}

static void free_loop(const struct loop_stages *loop)
{
	metrics_free(loop->metrics);
	notify_free(loop->notify);
	pipeline_free(loop->pipeline);
}

static enum status run(const struct options *options, struct pin *pin, struct reload *reload)
{
	struct pipeline_stages stages = {};
	struct loop_stages loop = { .reload = reload_options, .context = reload };
	enum status status = attach(options, pin, &stages.capture);

	if (!status)
		status = drop_privileges(options);
	if (!status)
		status = new_stages(options, &stages);
	if (!status)
		status = new_loop(options, &stages, &loop);
	if (!status) {
		reload->capture = stages.capture;
		reload->pipeline = loop.pipeline;
		reload->enricher = stages.enricher;
		if (pin)
			pin_keep(pin);
		status = enter_sandbox(options, &stages);
	}
	if (!status)
		status = watch(options, &stages, &loop);
	free_loop(&loop);
	free_stages(&stages);
	return status;
}

static enum status run_pinned(const struct options *options, struct reload *reload)
{
	enum status status;
	struct pin *pin;
	int result = pin_open(&pin, options->pin_directory);

	if (result)
		return status_from_error(result);
	status = run(options, pin, reload);
	pin_close(pin);
	return status;
}

/* Opens /dev/null in place of a closed standard descriptor: the next file would get its number, and
 * receive what is written to it. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/*
 * Makes standard output non-blocking, because a full pipe must not block the whole program: the
 * watchdog would end it. O_NONBLOCK belongs to the open file description, which other processes may
 * share. Therefore a pipe or a terminal is opened again where that is possible.
 */
static void unblock_stdout(void)
{
	struct stat status;
	int fd;

	if (fstat(STDOUT_FILENO, &status) || (!S_ISFIFO(status.st_mode) && !isatty(STDOUT_FILENO)))
		return;
	fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return;
	dup2(fd, STDOUT_FILENO);
	close(fd);
}

/* Returns why standard output takes no lines, or NULL. */
static const char *find_stdout_fault(void)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags < 0)
		return "is closed";
	return (flags & O_ACCMODE) == O_RDONLY ? "is open for reading only" : NULL;
}

/* Reports the fault that standard output had at the start, where it is needed. */
static int check_stdout(const struct options *options, const char *fault)
{
	bool prints = options->help || options->version || options->check || options->list_keys;

	if (!fault || (!prints && (options->unpin_directory || strcmp(options->output, "-"))))
		return 0;
	log_error("standard output %s; redirect it to a file, a pipe or a terminal", fault);
	return -EBADF;
}

/* Flushes standard output after --help, --version and --check. */
static enum status flush_stdout(enum status status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	log_error("cannot write to standard output: %s", strerror(errno));
	return STATUS_FAILED;
}

static enum status start(struct options *options, int argc, char **argv)
{
	struct reload reload = { .argc = argc, .argv = argv, .running = options };
	enum status status;
	int result;

	log_set_verbose(options->verbose);
	if (options->help) {
		options_print_help();
		return flush_stdout(STATUS_STOPPED);
	}
	if (options->version) {
		puts("exectap " EXECTAP_VERSION);
		return flush_stdout(STATUS_STOPPED);
	}
	if (options->list_keys) {
		field_list(stdout);
		return flush_stdout(STATUS_STOPPED);
	}
	if (options->test_config)
		return STATUS_STOPPED;
	if (options->check)
		return flush_stdout(status_from_error(check_print()));
	if (options->unpin_directory)
		return status_from_error(pin_remove(options->unpin_directory));
	options->line_max_bytes = output_line_max_bytes(options->output, options->line_max_bytes);
	if (options_check_line(options, options->format, options->line_max_bytes))
		return STATUS_USAGE;
	if (options->containers && !options->no_sandbox && landlock_version() < 0) {
		log_error("--containers needs Landlock (Linux 5.13), which the kernel lacks or has "
			  "disabled: without it exectap could read every file; add --no-sandbox to "
			  "accept that");
		return STATUS_KERNEL;
	}
	clock_init();
	result = loop_handle_signals();
	if (result) {
		log_error("cannot start: %s", strerror(-result));
		return STATUS_FAILED;
	}
	unblock_stdout();
	status =
		options->pin_directory ? run_pinned(options, &reload) : run(options, NULL, &reload);
	free_reload(&reload);
	return status;
}

int main(int argc, char **argv)
{
	struct options options = {};
	struct redactor *redactor = NULL;
	struct filter *filter = NULL;
	enum status status = STATUS_FAILED;
	const char *stdout_fault = find_stdout_fault();
	int result;

	log_init();
	open_standard_descriptors();
	if (filter_new(&filter) || redact_new(&redactor)) {
		log_error("cannot start: %s", strerror(ENOMEM));
	} else {
		result = options_parse(&options, filter, redactor, argc, argv);
		if (!result && !check_stdout(&options, stdout_fault))
			status = start(&options, argc, argv);
		else if (result == -EINVAL)
			status = STATUS_USAGE;
	}
	options_free(&options);
	redact_free(redactor);
	filter_free(filter);
	return status;
}
