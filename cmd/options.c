// SPDX-License-Identifier: BSD-2-Clause
#include "options.h"

#include "encode/encode.h"
#include "event/filter.h"
#include "event/selection.h"
#include "event/tags.h"
#include "host/account.h"
#include "host/config.h"
#include "output/output.h"
#include "redact/redact.h"
#include "util/event_type.h"
#include "util/log.h"
#include "util/number.h"
#include "util/text.h"
#include "util/text_json.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

#define LINE_MAX_DEFAULT_BYTES 15360 /* Fluent Bit's in_stdin cuts at 16,000 */
#define LINE_MAX_LIMIT_BYTES (64 * MIB)
#define BUFFER_DEFAULT_BYTES (8 * MIB)
#define BUFFER_MIN_BYTES (128 * KIB)
#define BUFFER_LIMIT_BYTES (1024 * MIB)

#define PARENT_ARGS_DEFAULT_BYTES 512
#define PARENT_ARGS_MIN_BYTES 64

#define ROTATE_MIN_BYTES (64 * KIB)
#define ROTATE_LIMIT_BYTES (1024 * 1024 * MIB)
#define ROTATE_COUNT_DEFAULT 4
#define ROTATE_COUNT_LIMIT 999

#define MAX_CLIENTS_LIMIT 65536
#define HEARTBEAT_LIMIT_S (24 * 60 * 60)
#define LATENCY_DEFAULT_MS 100
#define LATENCY_LIMIT_MS 10000

#define HOST_BYTES 253 /* a name of the DNS, RFC 1035 */

#define HINT "see 'exectap --help'"

struct option_row {
	const char *group; /* the heading before it in --help; NULL: the group of the row before */
	const char *name;
	const char *argument; /* NULL: none; "[=...]": optional */
	const char *help; /* NULL: shares a line with the next row */
	int (*parse)(struct options *options, const char *name, const char *value);
	size_t flag; /* without parse: offset of the bool in struct options to set */
	char letter; /* 0: none */
	bool repeats; /* its values accumulate */
	bool reloads; /* a change takes effect at SIGHUP */
	bool opens_files; /* which the sandbox denies: not parsed at SIGHUP */
	bool is_action; /* no option of a file */
};

/* Logs what is wrong with the command line; its value is -EINVAL. */
#define usage_error(...) (log_error(__VA_ARGS__), -EINVAL)

/* Parses a whole number with an optional K, M or G (powers of 1024). */
static int parse_size(const char *name, const char *value, size_t min, size_t max, size_t *size)
{
	static const char units[] = "KMG";
	const char *end = value, *unit;
	uint64_t number;
	int result = number_read(&end, 10, &number), shift;

	if (!result && *end) {
		unit = strchr(units, *end);
		shift = unit ? 10 * (int)(unit - units + 1) : 0;
		if (!unit || end[1])
			result = -EINVAL;
		else if (number > max >> shift)
			result = -ERANGE;
		else
			number <<= shift;
	}
	if (result == -EINVAL)
		return usage_error("invalid --%s '%s' (a number of bytes, or one with K, M or G)",
				   name, value);
	if (result || number < min || number > max)
		return usage_error("invalid --%s '%s' (%zu to %zu bytes)", name, value, min, max);
	*size = number;
	return 0;
}

/* A second destination would replace the first one unnoticed. */
static int parse_output(struct options *options, const char *name, const char *value)
{
	if (options->output_is_given)
		return usage_error("--%s is given twice ('%s' and '%s'); run one exectap for each",
				   name, options->output, value);
	options->output = value;
	options->output_is_given = true;
	return output_check_destination(value);
}

static int parse_format(struct options *options, const char *name, const char *value)
{
	options->format = encode_find(value);
	if (!options->format)
		return usage_error("invalid %s '%s' (choose native, ecs, ocsf, text)", name, value);
	return 0;
}

static int parse_color(struct options *options, const char *name, const char *value)
{
	static const char *const words[] = {
		[TERMINAL_COLOR_AUTO] = "auto",
		[TERMINAL_COLOR_ALWAYS] = "always",
		[TERMINAL_COLOR_NEVER] = "never",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(value, words[i])) {
			options->color = (enum terminal_color)i;
			return 0;
		}
	return usage_error("invalid --%s '%s' (choose auto, always, never)", name, value);
}

static int parse_events(struct options *options, const char *name, const char *value)
{
	const char *item = value;
	size_t length;

	(void)name;
	do {
		enum event_type event;

		length = strcspn(item, ",");
		event = event_type_find(item, length);
		if (event >= EVENT_TYPES || !(EVENT_BIT(event) & EVENT_BITS_PROCESS))
			return usage_error(
				"invalid event type '%.*s' (choose exec, exec_failed, exit, fork, "
				"process)",
				(int)length, item);
		options->events |= EVENT_BIT(event);
		item += length + 1;
	} while (item[-1] == ',');
	return 0;
}

/* Appends the list to those of earlier --env options. */
static int add_env_names(struct options *options, const char *value)
{
	const char *before = options->env_names ? options->env_names : "";
	char *joined;

	if (asprintf(&joined, "%s%s%s", before, *before ? "," : "", value) < 0) {
		log_error("cannot start: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	free(options->env_names);
	options->env_names = joined;
	return 0;
}

static int parse_env(struct options *options, const char *name, const char *value)
{
	const char *item = value;
	size_t length;

	do {
		length = strcspn(item, ",");
		if (!length || memchr(item, '=', length) ||
		    !text_is_utf8((struct text){ item, length }))
			return usage_error(
				"invalid --%s '%s' (names in UTF-8, separated by commas)", name,
				value);
		item += length + 1;
	} while (item[-1] == ',');
	return add_env_names(options, value);
}

/* Reports the result of selection_add_fields() and selection_add_omit(). */
static int check_list(const char *name, const char *word, size_t length, int result)
{
	if (!result)
		return 0;
	if (selection_is_fixed(word, length))
		return usage_error("invalid --%s '%.*s' (every line has this key)", name,
				   (int)length, word);
	return usage_error("unknown field '%.*s' in --%s (see exectap-events(5))", (int)length,
			   word, name);
}

static int parse_limit(struct options *options, const char *name, const char *value)
{
	size_t length = 0;
	const char *word;
	int result = limit_parse(value, &options->limit, &word, &length);

	if (result == -ENOENT)
		return usage_error("--%s cannot compare '%.*s' (see exectap-events(5))", name,
				   (int)length, word);
	if (result)
		return usage_error("invalid --%s '%s' (COUNT/SECONDS[:KEY,...], at most %d/%d)",
				   name, value, LIMIT_COUNT_MAX, LIMIT_SECONDS_MAX);
	return 0;
}

static int parse_fields(struct options *options, const char *name, const char *value)
{
	size_t length = 0;
	const char *word;
	int result = selection_add_fields(options->selection, value, &word, &length);

	return check_list(name, word, length, result);
}

static int parse_omit(struct options *options, const char *name, const char *value)
{
	size_t length = 0;
	const char *word;
	int result = selection_add_omit(options->selection, value, &word, &length);

	return check_list(name, word, length, result);
}

static int parse_host(struct options *options, const char *name, const char *value)
{
	struct text host = text_from_string(value);

	options->host = value;
	if (!host.length || host.length > HOST_BYTES || !text_is_utf8(host) ||
	    text_json_length(host) != host.length)
		return usage_error("invalid --%s '%s' (1 to %d bytes of UTF-8, without quotes, "
				   "backslashes and control characters)",
				   name, value, HOST_BYTES);
	return 0;
}

static int parse_tag(struct options *options, const char *name, const char *value)
{
	int result = options->tags ? 0 : tags_new(&options->tags);

	if (!result)
		result = tags_add(options->tags, value);
	if (result == -EINVAL)
		return usage_error("invalid --%s '%s' (KEY=VALUE; KEY: a letter, then letters, "
				   "digits, '_', '-', at most %d; VALUE: 1 to %d bytes of UTF-8)",
				   name, value, TAGS_KEY_BYTES, TAGS_VALUE_BYTES);
	if (result == -EEXIST)
		return usage_error("invalid --%s '%s' (this key is given twice)", name, value);
	if (result)
		log_error("--%s '%s': %s", name, value, strerror(-result));
	return result;
}

static int parse_max_line(struct options *options, const char *name, const char *value)
{
	return parse_size(name, value, ENCODE_LINE_MIN_BYTES, LINE_MAX_LIMIT_BYTES,
			  &options->line_max_bytes);
}

/* The kernel requires a power of two (kernel/bpf/ringbuf.c, ringbuf_map_alloc()): rounds up. */
static int parse_buffer(struct options *options, const char *name, const char *value)
{
	size_t wanted, size = BUFFER_MIN_BYTES;
	int result = parse_size(name, value, BUFFER_MIN_BYTES, BUFFER_LIMIT_BYTES, &wanted);

	if (result)
		return result;
	while (size < wanted)
		size *= 2;
	options->buffer_bytes = size;
	return 0;
}

static int parse_parent_args(struct options *options, const char *name, const char *value)
{
	uint64_t bytes;

	if (number_parse(value, 10, 0, RECORD_PROGRAM_STRINGS_BYTES, &bytes) ||
	    (bytes && bytes < PARENT_ARGS_MIN_BYTES))
		return usage_error("invalid --%s '%s' (0, or %d to %d bytes)", name, value,
				   PARENT_ARGS_MIN_BYTES, RECORD_PROGRAM_STRINGS_BYTES);
	options->parent_args_bytes = bytes;
	return 0;
}

/* Reports the result of filter_add_only() and filter_add_skip(). */
static int check_rule(const char *name, const char *value, int result)
{
	if (result == -EINVAL)
		return usage_error("invalid --%s '%s' (KEY=GLOB, with a key of exectap-events(5))",
				   name, value);
	if (result)
		log_error("--%s '%s': %s", name, value, strerror(-result));
	return result;
}

static int parse_only(struct options *options, const char *name, const char *value)
{
	return check_rule(name, value, filter_add_only(options->filter, value));
}

static int parse_skip(struct options *options, const char *name, const char *value)
{
	return check_rule(name, value, filter_add_skip(options->filter, value));
}

/* Parses what a line of the file says of an option that needs no value. Returns false if it is
 * another value. */
static bool parse_switch(const char *value, bool *on)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

	*on = true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && value; i++)
		if (!strcmp(value, words[i])) {
			*on = i % 2;
			return true;
		}
	return !value;
}

static int parse_redact(struct options *options, const char *name, const char *value)
{
	char why[128];
	bool on;
	int result;

	redact_add_builtin(options->redactor);
	if (!value)
		return 0;
	if (!*value || parse_switch(value, &on)) /* "no" would mask each "no" */
		return usage_error("invalid --%s '%s' (a value is an extended regular expression)",
				   name, value);
	result = redact_add_pattern(options->redactor, value, why, sizeof(why));
	if (result == -EINVAL)
		return usage_error("invalid --%s '%s' (an extended regular expression: %s)", name,
				   value, why);
	if (result)
		log_error("--%s '%s': %s", name, value, strerror(-result));
	return result;
}

static int parse_heartbeat(struct options *options, const char *name, const char *value)
{
	uint64_t seconds;

	if (number_parse(value, 10, 1, HEARTBEAT_LIMIT_S, &seconds))
		return usage_error("invalid --%s '%s' (1 to %d seconds)", name, value,
				   HEARTBEAT_LIMIT_S);
	options->heartbeat_s = (unsigned int)seconds;
	return 0;
}

static int parse_latency(struct options *options, const char *name, const char *value)
{
	uint64_t milliseconds;

	if (number_parse(value, 10, 0, LATENCY_LIMIT_MS, &milliseconds))
		return usage_error("invalid --%s '%s' (0 to %d milliseconds)", name, value,
				   LATENCY_LIMIT_MS);
	options->latency_ms = (unsigned int)milliseconds;
	return 0;
}

static int parse_mode(const char *name, const char *value, mode_t *mode)
{
	uint64_t number;

	if (number_parse(value, 8, 0, 0777, &number))
		return usage_error("invalid --%s '%s' (octal digits, at most 0777)", name, value);
	*mode = (mode_t)number;
	return 0;
}

static int parse_file_mode(struct options *options, const char *name, const char *value)
{
	options->file_option = name;
	return parse_mode(name, value, &options->file_mode);
}

/* Parses SIZE[:COUNT]. */
static int parse_rotate(struct options *options, const char *name, const char *value)
{
	const char *colon = strchr(value, ':');
	char size[32];
	uint64_t count = ROTATE_COUNT_DEFAULT;

	options->file_option = name;
	if (colon == value || snprintf(size, sizeof(size), "%.*s",
				       (int)(colon ? (size_t)(colon - value) : strlen(value)),
				       value) >= (int)sizeof(size))
		return usage_error("invalid --%s '%s' (SIZE[:COUNT])", name, value);
	if (colon && number_parse(colon + 1, 10, 1, ROTATE_COUNT_LIMIT, &count))
		return usage_error("invalid --%s '%s' (1 to %d files)", name, value,
				   ROTATE_COUNT_LIMIT);
	options->rotate_count = (unsigned int)count;
	return parse_size(name, size, ROTATE_MIN_BYTES, ROTATE_LIMIT_BYTES, &options->rotate_bytes);
}

static int parse_socket_mode(struct options *options, const char *name, const char *value)
{
	options->socket_option = name;
	options->socket_file_option = name;
	return parse_mode(name, value, &options->socket_mode);
}

static int parse_socket_group(struct options *options, const char *name, const char *value)
{
	options->socket_option = name;
	options->socket_file_option = name;
	if (account_find_group(value, &options->socket_group))
		return usage_error("invalid --%s '%s' (a name in /etc/group, or a gid)", name,
				   value);
	return 0;
}

static int parse_max_clients(struct options *options, const char *name, const char *value)
{
	uint64_t clients;

	options->socket_option = name;
	if (number_parse(value, 10, 1, MAX_CLIENTS_LIMIT, &clients))
		return usage_error("invalid --%s '%s' (1 to %d)", name, value, MAX_CLIENTS_LIMIT);
	options->max_clients = (unsigned int)clients;
	return 0;
}

static int parse_user(struct options *options, const char *name, const char *value)
{
	options->user = value;
	if (account_find_user(value, &options->uid, &options->gid))
		return usage_error("invalid --%s '%s' (a name or a uid in /etc/passwd, or UID:GID)",
				   name, value);
	return 0;
}

static int parse_path(const char *name, const char *value, const char **path)
{
	if (!*value)
		return usage_error("invalid --%s '' (a path)", name);
	*path = value;
	return 0;
}

static int parse_pin(struct options *options, const char *name, const char *value)
{
	return parse_path(name, value, &options->pin_directory);
}

static int parse_metrics(struct options *options, const char *name, const char *value)
{
	return parse_path(name, value, &options->metrics_path);
}

static int parse_config(struct options *options, const char *name, const char *value)
{
	return parse_path(name, value, &options->config_path);
}

static int parse_unpin(struct options *options, const char *name, const char *value)
{
	return parse_path(name, value, &options->unpin_directory);
}

#define HIDDEN "" /* help of an option that --help does not show */
#define FLAG(member) NULL, offsetof(struct options, member)

static const struct option_row rows[] = {
	{ "Output", "output", "DEST", "- (stdout), file:, unix:, unixgram:, unix-listen:PATH",
	  parse_output, .letter = 'o' },
	{ NULL, "rotate", "SIZE[:COUNT]", "rotate the file, keep COUNT old ones (default 4)",
	  parse_rotate },
	{ NULL, "file-mode", "MODE", "permissions of new files (default 0600)", parse_file_mode },
	{ NULL, "socket-mode", "MODE", "permissions of the listening socket (default 0600)",
	  parse_socket_mode },
	{ NULL, "socket-group", "NAME", "group of the listening socket", parse_socket_group,
	  .opens_files = true },
	{ NULL, "max-clients", "N", "clients of the listening socket (default 64)",
	  parse_max_clients },
	{ "Events and keys", "format", "NAME", "native (default), ecs, ocsf, text", parse_format,
	  .letter = 'f' },
	{ NULL, "color", "WHEN", "colors of text: auto (default), always, never", parse_color },
	{ NULL, "events", "LIST", "exec (default), exec_failed, exit, fork, process", parse_events,
	  .repeats = true, .letter = 'e' },
	{ NULL, "env", "NAME[,NAME]", "report environment variables, globs; repeatable", parse_env,
	  .repeats = true, .reloads = true },
	{ NULL, "fields", "LIST", "keys of lines, and groups of keys as @minimal", parse_fields,
	  .repeats = true, .reloads = true },
	{ NULL, "omit", "LIST", "leave out keys and groups", parse_omit, .repeats = true,
	  .reloads = true },
	{ NULL, "host", "NAME", NULL, parse_host, .reloads = true },
	{ NULL, "tag", "KEY=VALUE", "name of the host; label of every line", parse_tag,
	  .repeats = true, .reloads = true },
	{ NULL, "only", "KEY=GLOB", "include only matching events", parse_only, .repeats = true,
	  .reloads = true },
	{ NULL, "skip", "KEY=GLOB", "exclude matching events", parse_skip, .repeats = true,
	  .reloads = true },
	{ NULL, "limit", "N/SECS[:KEY,KEY]", "at most N equal events in SECS seconds", parse_limit,
	  .reloads = true },
	{ NULL, "redact", "[=ERE]", "mask secrets, and what ERE matches, in args and env",
	  parse_redact, .repeats = true, .reloads = true },
	{ NULL, "parent-args", "BYTES", "bytes of each parent's program (default 512, 0: none)",
	  parse_parent_args },
	{ NULL, "no-args", NULL, "leave out arguments", FLAG(no_args) },
	{ NULL, "containers", NULL, "add the names of containers", FLAG(containers) },
	{ NULL, "max-line", "BYTES", "maximum length of a line (default 15360)", parse_max_line },
	{ NULL, "heartbeat", "SECS", "emit start, stats and stop lines", parse_heartbeat,
	  .reloads = true },
	{ NULL, "metrics", "FILE", "write counters for Prometheus every 15 s", parse_metrics },
	{ "Operation", "buffer", "SIZE", "size of the ring buffer (default 8M)", parse_buffer },
	{ NULL, "latency", "MS", "delay of events that follow others (default 100)",
	  parse_latency },
	{ NULL, "user", "NAME", "drop privileges to NAME or UID:GID once attached", parse_user,
	  .opens_files = true },
	{ NULL, "no-sandbox", NULL, "no seccomp filter, no limit of file access",
	  FLAG(no_sandbox) },
	{ NULL, "pin", "DIR", "keep recording between runs; DIR on a bpf file system", parse_pin },
	{ NULL, "verbose", NULL, "more diagnostics on stderr", FLAG(verbose), .reloads = true,
	  .letter = 'v' },
	{ NULL, "config", "FILE", "read options from FILE, and again at SIGHUP", parse_config,
	  .is_action = true },
	{ "Other actions", "test-config", NULL, "check the configuration file", FLAG(test_config),
	  .is_action = true },
	{ NULL, "check", NULL, "report what this host supports", FLAG(check), .is_action = true },
	{ NULL, "unpin", "DIR", "remove the programs of --pin DIR", parse_unpin,
	  .is_action = true },
	{ NULL, "list-keys", NULL, HIDDEN, FLAG(list_keys), .is_action = true },
	{ NULL, "version", NULL, NULL, FLAG(version), .is_action = true, .letter = 'V' },
	{ NULL, "help", NULL, "print the version, this help", FLAG(help), .is_action = true,
	  .letter = 'h' },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* getopt_long(3) returns ROW_VALUE_BASE + i for rows[i]: above every letter. */
#define ROW_VALUE_BASE 256

static int argument_kind(const struct option_row *row)
{
	if (!row->argument)
		return no_argument;
	return row->argument[0] == '[' ? optional_argument : required_argument;
}

static void fill_getopt(struct option long_options[ROWS + 1], char letters[2 * ROWS + 2])
{
	*letters++ = ':';
	for (size_t i = 0; i < ROWS; i++) {
		long_options[i] = (struct option){
			.name = rows[i].name,
			.has_arg = argument_kind(&rows[i]),
			.val = ROW_VALUE_BASE + (int)i,
		};
		if (rows[i].letter) {
			*letters++ = rows[i].letter;
			if (rows[i].argument)
				*letters++ = ':';
		}
	}
	long_options[ROWS] = (struct option){};
	*letters = '\0';
}

static const struct option_row *find_row(int value)
{
	if (value >= ROW_VALUE_BASE)
		return &rows[value - ROW_VALUE_BASE];
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].letter == value)
			return &rows[i];
	return NULL;
}

/* Reports what getopt_long(3) has found, in the words of getopt. */
static int getopt_error(int found, char **argv)
{
	const char *option = argv[optind - 1];
	char letter[] = { '-', (char)optopt, '\0' };

	if (optopt > 0 && optopt < ROW_VALUE_BASE)
		option = letter;
	if (found == ':')
		return usage_error("option '%s' requires an argument; " HINT, option);
	if (optopt >= ROW_VALUE_BASE)
		return usage_error("option '--%s' does not allow an argument; " HINT,
				   rows[optopt - ROW_VALUE_BASE].name);
	return usage_error("unrecognized or ambiguous option '%s'; " HINT, option);
}

/* Reports whether the limit applies to a selected type. */
static bool limits_events(const struct options *options)
{
	for (int type = 0; type < EVENT_TYPES; type++)
		if (options->events & EVENT_BIT(type) &&
		    limit_applies(&options->limit, (enum event_type)type))
			return true;
	return false;
}

/* Reports whether --only, --skip or --limit name one of the keys, which end with a NULL. */
static bool rules_name(const struct options *options, const char *const *keys)
{
	for (; *keys; keys++)
		if (filter_uses(options->filter, *keys) ||
		    (!options->limit.is_default && limit_uses(&options->limit, *keys)))
			return true;
	return false;
}

/* Returns what makes values that a rule compares unknown, or NULL. */
static const char *find_unknown_values(const struct options *options)
{
	static const char *const names[] = { "container_name", "container_image", "pod_name",
					     "pod_namespace", NULL };
	static const char *const env[] = { "env", "env_duplicates", NULL };
	static const char *const args[] = { "args", "parent_args", "command_line",
					    "parent_command_line", NULL };
	static const char *const programs[] = { "parent_args", "parent_argc", "parent_event_id",
						"parent_command_line", NULL };

	if (options->no_args && rules_name(options, args))
		return "a rule for args cannot match with --no-args";
	if (!options->parent_args_bytes && rules_name(options, programs))
		return "a rule for parent_args needs --parent-args above 0";
	if (!options->containers && rules_name(options, names))
		return "a rule for the names of containers needs --containers";
	if (!options->env_names && rules_name(options, env))
		return "a rule for env needs --env NAME";
	return NULL;
}

/* Checks that every rule can match, once all options are known. */
static int check_rules(const struct options *options)
{
	const char *rule, *fault = filter_fault(options->filter, options->events, &rule);

	if (fault)
		return usage_error("rule '%s': %s", rule, fault);
	if (options->limit.count && !limits_events(options))
		return usage_error("--limit: no selected event has all of its keys, see --events");
	fault = find_unknown_values(options);
	return fault ? usage_error("%s", fault) : 0;
}

static bool has_scheme(const struct options *options, const char *scheme)
{
	return text_has_prefix(text_from_string(options->output), scheme);
}

uint32_t options_record_keys(const struct options *options)
{
	return selection_record_keys(options->selection) | filter_record_keys(options->filter) |
	       limit_record_keys(&options->limit);
}

struct text options_tags(const struct options *options)
{
	return options->tags ? tags_strings(options->tags) : (struct text){ "", 0 };
}

int options_check_line(const struct options *options, const struct encode_format *format,
		       size_t line_max_bytes)
{
	struct text tags = options_tags(options);
	size_t least = encode_least_bytes(format, options->host, tags);

	if (line_max_bytes >= least)
		return 0;
	return usage_error("invalid --max-line '%zu' (at least %zu for --format %s%s)",
			   line_max_bytes, least, format->name,
			   least > format->line_min_bytes ? " with this --host and --tag" : "");
}

/* Sets the defaults of options that accumulate or must not be repeated, and checks combinations. */
static int complete(struct options *options)
{
	if (options->test_config && !options->config_path)
		return usage_error("--test-config needs --config FILE");
	if (!options->output)
		options->output = "-";
	if (!options->events)
		options->events = EVENT_BIT(EVENT_EXEC);
	if (options_check_line(options, options->format, options->line_max_bytes))
		return -EINVAL;
	if (options->file_option && !has_scheme(options, "file:"))
		return usage_error("--%s needs --output file:PATH", options->file_option);
	if (options->socket_option && !has_scheme(options, "unix-listen:"))
		return usage_error("--%s needs --output unix-listen:PATH", options->socket_option);
	if (options->socket_file_option && !output_has_socket_file(options->output))
		return usage_error("--%s: an abstract socket has neither mode nor group",
				   options->socket_file_option);
	return check_rules(options);
}

/* Adds the text to what is known of the option. */
static int add_given(struct options *options, size_t row, const char *value)
{
	char **given = &options->given[row], *joined;

	if (!value)
		value = "";
	if (asprintf(&joined, "%s%s\n", *given && rows[row].repeats ? *given : "", value) < 0) {
		log_error("cannot start: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	free(*given);
	*given = joined;
	return 0;
}

static int apply_option(struct options *options, const struct option_row *row, const char *value)
{
	int result = add_given(options, (size_t)(row - rows), value);

	if (result || (options->is_reload && row->opens_files))
		return result;
	if (row->parse)
		return row->parse(options, row->name, value);
	*(bool *)((char *)options + row->flag) = true;
	return 0;
}

static int apply_entry(struct options *options, const struct config_entry *entry)
{
	size_t i = 0;
	bool on;

	while (i < ROWS && (rows[i].is_action || strcmp(rows[i].name, entry->name)))
		i++;
	if (i == ROWS)
		return usage_error("unknown option '%s'; " HINT, entry->name);
	if (argument_kind(&rows[i]) == required_argument && (!entry->value || !*entry->value))
		return usage_error("option '%s' requires a value; " HINT, entry->name);
	if (argument_kind(&rows[i]) != required_argument && parse_switch(entry->value, &on))
		return on ? apply_option(options, &rows[i], NULL) : 0;
	if (argument_kind(&rows[i]) == no_argument)
		return usage_error("invalid %s '%s' (yes or no)", entry->name, entry->value);
	return apply_option(options, &rows[i], entry->value);
}

/* Applies the options of the file, and logs each error in it. */
static int apply_config(struct options *options)
{
	const struct config_entry *entry;
	size_t position = 0;
	int result = config_read(&options->config, options->config_path), error;

	if (result) {
		log_error("cannot read %s: %s", options->config_path,
			  result == -EINVAL ? "not a regular file of text" : strerror(-result));
		return -EINVAL;
	}
	while ((entry = config_next(options->config, &position)) && result != -ENOMEM) {
		log_set_place(options->config_path, entry->line);
		error = apply_entry(options, entry);
		result = error ? error : result;
	}
	log_set_place(NULL, 0);
	options->output_is_given = false;
	if (options->tags)
		tags_make_replaceable(options->tags);
	return result;
}

/* Finds --config, the last one, before the options are applied. Errors are reported later. */
static void find_config(struct options *options, int argc, char **argv)
{
	struct option long_options[ROWS + 1];
	char letters[2 * ROWS + 2];
	int found;

	fill_getopt(long_options, letters);
	while ((found = getopt_long(argc, argv, letters, long_options, NULL)) != -1)
		if (found >= ROW_VALUE_BASE && rows[found - ROW_VALUE_BASE].parse == parse_config)
			options->config_path = optarg;
	optind = 0; /* getopt(3): start again */
}

static int apply_arguments(struct options *options, int argc, char **argv)
{
	struct option long_options[ROWS + 1];
	char letters[2 * ROWS + 2];
	int found, result = 0;

	fill_getopt(long_options, letters);
	while (!result && (found = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		if (found == '?' || found == ':')
			return getopt_error(found, argv);
		result = apply_option(options, find_row(found), optarg);
	}
	if (!result && optind < argc)
		return usage_error("unexpected argument '%s'; " HINT, argv[optind]);
	return result;
}

static int parse_all(struct options *options, int argc, char **argv)
{
	int result = 0;

	options->given = calloc(ROWS, sizeof(*options->given));
	if (!options->given || selection_new(&options->selection)) {
		log_error("cannot start: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	find_config(options, argc, argv);
	if (options->config_path)
		result = apply_config(options);
	if (!result)
		result = apply_arguments(options, argc, argv);
	return result ? result : complete(options);
}

static int parse_from_start(struct options *options, bool is_reload, struct filter *filter,
			    struct redactor *redactor, int argc, char **argv)
{
	*options = (struct options){
		.is_reload = is_reload,
		.filter = filter,
		.redactor = redactor,
		.format = &encode_native,
		.file_mode = 0600,
		.socket_mode = 0600,
		.socket_group = (gid_t)-1,
		.line_max_bytes = LINE_MAX_DEFAULT_BYTES,
		.buffer_bytes = BUFFER_DEFAULT_BYTES,
		.parent_args_bytes = PARENT_ARGS_DEFAULT_BYTES,
		.latency_ms = LATENCY_DEFAULT_MS,
	};
	optind = 0; /* getopt(3): start again */
	return parse_all(options, argc, argv);
}

int options_parse(struct options *options, struct filter *filter, struct redactor *redactor,
		  int argc, char **argv)
{
	return parse_from_start(options, false, filter, redactor, argc, argv);
}

/* Checks that every rule can match with the events and values that exectap has from its start on.
 */
static int check_running(const struct options *options, const struct options *running)
{
	struct options mixed = *options;

	mixed.events = running->events;
	mixed.no_args = running->no_args;
	mixed.containers = running->containers;
	mixed.parent_args_bytes = running->parent_args_bytes;
	mixed.env_names = running->env_names;
	if (!check_rules(&mixed))
		return 0;
	log_error("restart exectap to apply rules together with the options that they need");
	return -EINVAL;
}

int options_reload(struct options *options, const struct options *running, struct filter *filter,
		   struct redactor *redactor, int argc, char **argv)
{
	int result = parse_from_start(options, true, filter, redactor, argc, argv);

	return result ? result : check_running(options, running);
}

const char *options_find_change(const struct options *options, const struct options *running,
				size_t *position)
{
	while (*position < ROWS) {
		size_t i = (*position)++;
		const char *text = options->given[i] ? options->given[i] : "",
			   *before = running->given[i] ? running->given[i] : "";

		if (!rows[i].reloads && strcmp(text, before))
			return rows[i].name;
	}
	return NULL;
}

void options_free(struct options *options)
{
	for (size_t i = 0; options->given && i < ROWS; i++)
		free(options->given[i]);
	free(options->given);
	free(options->env_names);
	tags_free(options->tags);
	selection_free(options->selection);
	config_free(options->config);
	options->given = NULL;
	options->env_names = NULL;
	options->tags = NULL;
	options->selection = NULL;
	options->config = NULL;
}

/* Appends "-o, --output DEST" to the synopsis of a line of --help. */
static int append_synopsis(char *out, size_t capacity, const struct option_row *row)
{
	const char *space = argument_kind(row) == required_argument ? " " : "",
		   *argument = row->argument ? row->argument : "";

	if (row->letter)
		return snprintf(out, capacity, "-%c, --%s%s%s", row->letter, row->name, space,
				argument);
	return snprintf(out, capacity, "--%s%s%s", row->name, space, argument);
}

void options_print_help(void)
{
	char synopsis[80];
	int length = 0;

	puts("Usage: exectap [options]     Writes one JSON line for every program execution.");
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].help && !*rows[i].help)
			continue;
		if (rows[i].group)
			printf("%s\n", rows[i].group);
		length += append_synopsis(synopsis + length, sizeof(synopsis) - (size_t)length,
					  &rows[i]);
		if (!rows[i].help) {
			length += snprintf(synopsis + length, sizeof(synopsis) - (size_t)length,
					   ", ");
			continue;
		}
		printf("  %-22s  %s\n", synopsis, rows[i].help);
		length = 0;
	}
	puts("Exit status: 0 stopped, 1 failed, 2 usage, 3 not permitted, 4 unsupported kernel");
}
