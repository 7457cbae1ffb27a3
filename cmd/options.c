// SPDX-License-Identifier: BSD-2-Clause
#include "options.h"

#include "encode/encode.h"
#include "event/filter.h"
#include "host/account.h"
#include "output/output.h"
#include "redact/redact.h"
#include "util/event_type.h"
#include "util/log.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

#define LINE_MAX_DEFAULT_BYTES 15360 /* Fluent Bit's stdin ends at 16,000 */
#define LINE_MAX_LIMIT_BYTES (64 * MIB)
#define BUFFER_DEFAULT_BYTES (8 * MIB)
#define BUFFER_MIN_BYTES (128 * KIB)
#define BUFFER_LIMIT_BYTES (1024 * MIB)

#define HEARTBEAT_LIMIT_S (24 * 60 * 60)

#define HINT "see 'exectap --help'"

struct option_row {
	const char *group; /* the heading before it in --help; NULL: the same as the row before */
	char letter; /* 0: none */
	const char *name;
	const char *argument; /* NULL: takes none; "[=...]": may have one */
	const char *help; /* NULL: shares a line with the next row */
	int (*take)(struct options *options, const char *name, const char *value);
	size_t flag; /* without take: offset of the bool in struct options that it sets */
};

/* A whole number with an optional K, M or G (powers of 1024). */
static int parse_size(const char *name, const char *value, size_t least, size_t most, size_t *size)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || errno)
		goto no_size;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1] || number > most)
			goto no_size;
		number <<= 10 * (unit - units + 1);
	}
	if (number < least || number > most) {
		log_error("--%s %s: must be from %zu to %zu bytes", name, value, least, most);
		return -EINVAL;
	}
	*size = number;
	return 0;

no_size:
	log_error("--%s %s: not a size: give bytes, or a number with K, M or G", name, value);
	return -EINVAL;
}

static int take_output(struct options *options, const char *name, const char *value)
{
	(void)name;
	options->output = value;
	return output_check_destination(value);
}

static int take_format(struct options *options, const char *name, const char *value)
{
	options->format = encode_find(value);
	if (options->format)
		return 0;
	log_error("--%s %s: unknown: there are native, ecs and ocsf", name, value);
	return -EINVAL;
}

static int take_events(struct options *options, const char *name, const char *value)
{
	const char *rest = value;
	size_t length;

	options->events = 0;
	do {
		enum event_type event;

		length = strcspn(rest, ",");
		event = event_type_find(rest, length);
		if (event >= EVENT_TYPES || !(EVENT_BIT(event) & EVENT_BITS_PROCESS)) {
			log_error(
				"--%s %s: unknown event '%.*s': there are exec, exec_failed and exit",
				name, value, (int)length, rest);
			return -EINVAL;
		}
		options->events |= EVENT_BIT(event);
		rest += length + 1;
	} while (rest[-1] == ',');
	return 0;
}

static int take_env(struct options *options, const char *name, const char *value)
{
	const char *rest = value;
	size_t length;

	do {
		length = strcspn(rest, ",");
		if (!length || memchr(rest, '=', length) ||
		    !text_is_utf8((struct text){ rest, length })) {
			log_error(
				"--%s %s: not a list of variable names: give NAME or NAME,NAME in UTF-8",
				name, value);
			return -EINVAL;
		}
		rest += length + 1;
	} while (rest[-1] == ',');
	options->env_names = value;
	return 0;
}

static int take_max_line(struct options *options, const char *name, const char *value)
{
	return parse_size(name, value, ENCODE_LINE_MIN_BYTES, LINE_MAX_LIMIT_BYTES,
			  &options->line_max_bytes);
}

/* The kernel wants a power of two (kernel/bpf/ringbuf.c, ringbuf_map_alloc()); what was asked for
 * is the least. */
static int take_buffer(struct options *options, const char *name, const char *value)
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

static int refuse_rule(const char *name, const char *value)
{
	log_error("--%s %s: not a rule: give KEY=GLOB, with a key of the lines", name, value);
	return -EINVAL;
}

static int take_only(struct options *options, const char *name, const char *value)
{
	return filter_add_only(options->filter, value) ? refuse_rule(name, value) : 0;
}

static int take_skip(struct options *options, const char *name, const char *value)
{
	return filter_add_skip(options->filter, value) ? refuse_rule(name, value) : 0;
}

static int take_redact(struct options *options, const char *name, const char *value)
{
	char why[128] = "no memory for it";

	redact_add_builtin(options->redactor);
	if (!value || !redact_add_pattern(options->redactor, value, why, sizeof(why)))
		return 0;
	log_error("--%s=%s: not an extended regular expression: %s", name, value, why);
	return -EINVAL;
}

static int take_heartbeat(struct options *options, const char *name, const char *value)
{
	unsigned long seconds;
	char *end;

	errno = 0;
	seconds = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno || !seconds ||
	    seconds > HEARTBEAT_LIMIT_S) {
		log_error("--%s %s: must be from 1 to %d seconds", name, value, HEARTBEAT_LIMIT_S);
		return -EINVAL;
	}
	options->heartbeat_s = (unsigned int)seconds;
	return 0;
}

static int take_socket_mode(struct options *options, const char *name, const char *value)
{
	unsigned long mode;
	char *end;

	errno = 0;
	mode = strtoul(value, &end, 8);
	if (value[0] < '0' || value[0] > '7' || *end || errno || mode > 0777) {
		log_error("--%s %s: not a mode: give octal digits up to 0777", name, value);
		return -EINVAL;
	}
	options->socket_mode = (mode_t)mode;
	return 0;
}

static int take_socket_group(struct options *options, const char *name, const char *value)
{
	if (!account_find_group(value, &options->socket_group))
		return 0;
	log_error("--%s %s: no such group: give a name from /etc/group or a number", name, value);
	return -EINVAL;
}

static int take_user(struct options *options, const char *name, const char *value)
{
	options->user = value;
	if (!account_find_user(value, &options->uid, &options->gid))
		return 0;
	log_error("--%s %s: no such user: give a name or a uid from /etc/passwd, or UID:GID", name,
		  value);
	return -EINVAL;
}

static int take_pin(struct options *options, const char *name, const char *value)
{
	(void)name;
	options->pin_directory = value;
	return 0;
}

static int take_unpin(struct options *options, const char *name, const char *value)
{
	(void)name;
	options->unpin_directory = value;
	return 0;
}

#define HIDDEN "" /* help of an option that --help does not show */
#define FLAG(member) NULL, offsetof(struct options, member)

static const struct option_row rows[] = {
	{ "Where lines go", 'o', "output", "DEST",
	  "- (stdout), file:, unix:, unixgram:, unix-listen:PATH", take_output },
	{ NULL, 0, "socket-mode", "MODE", NULL, take_socket_mode },
	{ NULL, 0, "socket-group", "NAME", "of unix-listen's socket", take_socket_group },
	{ "What is in them", 'f', "format", "NAME", "native (the default), ecs, ocsf",
	  take_format },
	{ NULL, 'e', "events", "LIST", "exec (the default), exec_failed, exit", take_events },
	{ NULL, 0, "env", "NAME[,NAME]", "these environment variables", take_env },
	{ NULL, 0, "only", "KEY=GLOB", NULL, take_only },
	{ NULL, 0, "skip", "KEY=GLOB", "tell, or leave out, what matches; repeatable", take_skip },
	{ NULL, 0, "redact", "[=ERE]", "mask secrets, and what matches, in args and env",
	  take_redact },
	{ NULL, 0, "no-args", NULL, "leave arguments out", FLAG(no_args) },
	{ NULL, 0, "max-line", "BYTES", "longest line with its newline (default 15360)",
	  take_max_line },
	{ NULL, 0, "heartbeat", "SECS", "start, stats and stop lines", take_heartbeat },
	{ "How it runs", 0, "buffer", "SIZE", "ring buffer, a power of two (default 8M)",
	  take_buffer },
	{ NULL, 0, "user", "NAME", "who to be once attached, or UID:GID", take_user },
	{ NULL, 0, "no-sandbox", NULL, "without the filter of system calls", FLAG(no_sandbox) },
	{ NULL, 0, "pin", "DIR", "keep watching between runs; DIR on a bpf file system", take_pin },
	{ NULL, 'v', "verbose", NULL, "more diagnostics on stderr", FLAG(verbose) },
	{ "What it does instead", 0, "check", NULL, "say what this host supports", FLAG(check) },
	{ NULL, 0, "unpin", "DIR", "end what --pin DIR keeps", take_unpin },
	{ NULL, 0, "list-keys", NULL, HIDDEN, FLAG(list_keys) },
	{ NULL, 'V', "version", NULL, NULL, FLAG(version) },
	{ NULL, 'h', "help", NULL, "print that, or this", FLAG(help) },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* What getopt_long(3) returns for rows[i]: past every letter, so that rows without one have a
 * number too. */
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

static int refuse(int found, char **argv)
{
	const char *culprit = argv[optind - 1];
	char letter[] = { '-', (char)optopt, '\0' };

	if (optopt > 0 && optopt < ROW_VALUE_BASE)
		culprit = letter;
	if (found == ':')
		log_error("%s: needs an argument: " HINT, culprit);
	else if (optopt >= ROW_VALUE_BASE)
		log_error("%s: takes no argument: " HINT, culprit);
	else
		log_error("%s: unknown or ambiguous option: " HINT, culprit);
	return -EINVAL;
}

/* What each format needs of --max-line is known when all options are. */
static int check_line_max(const struct options *options)
{
	const struct encode_format *format = options->format;

	if (options->line_max_bytes >= format->line_min_bytes)
		return 0;
	log_error("--max-line %zu: too small for --format %s: at least %zu",
		  options->line_max_bytes, format->name, format->line_min_bytes);
	return -EINVAL;
}

int options_parse(struct options *options, struct filter *filter, struct redactor *redactor,
		  int argc, char **argv)
{
	struct option long_options[ROWS + 1];
	char letters[2 * ROWS + 2];
	int found, result = 0;

	*options = (struct options){
		.filter = filter,
		.redactor = redactor,
		.output = "-",
		.format = &encode_native,
		.socket_mode = 0600,
		.socket_group = (gid_t)-1,
		.line_max_bytes = LINE_MAX_DEFAULT_BYTES,
		.buffer_bytes = BUFFER_DEFAULT_BYTES,
		.events = EVENT_BIT(EVENT_EXEC),
	};
	fill_getopt(long_options, letters);
	while ((found = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		const struct option_row *row;

		if (found == '?' || found == ':')
			return refuse(found, argv);
		row = find_row(found);
		if (row->take)
			result = row->take(options, row->name, optarg);
		else
			*(bool *)((char *)options + row->flag) = true;
		if (result)
			return result;
	}
	if (optind < argc) {
		log_error("%s: takes no such argument: " HINT, argv[optind]);
		return -EINVAL;
	}
	return check_line_max(options);
}

/* "-o, --output DEST", behind what is there already. */
static int append_synopsis(char *out, size_t room, const struct option_row *row)
{
	const char *space = argument_kind(row) == required_argument ? " " : "",
		   *argument = row->argument ? row->argument : "";

	if (row->letter)
		return snprintf(out, room, "-%c, --%s%s%s", row->letter, row->name, space,
				argument);
	return snprintf(out, room, "--%s%s%s", row->name, space, argument);
}

void options_print_help(void)
{
	char synopsis[80];
	int length = 0;

	puts("Usage: exectap [options]     One JSON object a line for every program executed.");
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
		printf("  %-22s %s\n", synopsis, rows[i].help);
		length = 0;
	}
	puts("Exit status: 0 stopped, 1 failed, 2 wrong usage, 3 not permitted, 4 kernel can't");
}
