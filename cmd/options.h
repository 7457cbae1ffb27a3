/* SPDX-License-Identifier: BSD-2-Clause */
/* Parses the command line. */
#ifndef EXECTAP_OPTIONS_H
#define EXECTAP_OPTIONS_H

#include "event/limit.h"
#include "host/terminal.h"
#include "util/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct config;
struct encode_format;
struct filter;
struct redactor;
struct selection;
struct tags;

struct options {
	const char *config_path; /* NULL: none */
	struct config *config; /* owned; other members borrow from it */
	char **given; /* owned; text of each option, to compare: options_find_change() */
	bool is_reload; /* by options_reload() */
	const char *output; /* output.h */
	bool output_is_given; /* on the command line, or in the file that is being read */
	const struct encode_format *format;
	enum terminal_color color; /* of format text */
	size_t line_max_bytes;
	size_t buffer_bytes; /* a power of two */
	unsigned int events; /* EVENT_BIT()s of the types to report */
	size_t parent_args_bytes; /* 0: off */
	const char *host; /* NULL: the node name */
	struct selection *selection; /* owned */
	struct limit_rule limit;
	struct tags *tags; /* owned; NULL: none */
	char *env_names; /* separated by commas; owned; NULL: none */
	struct filter *filter; /* borrowed */
	struct redactor *redactor; /* borrowed */
	mode_t file_mode;
	const char *file_option; /* name of an option that needs a file; NULL: none */
	size_t rotate_bytes; /* 0: no rotation */
	unsigned int rotate_count;
	mode_t socket_mode;
	gid_t socket_group; /* (gid_t)-1: unchanged */
	const char *socket_option; /* name of an option that needs a listening socket; NULL: none */
	const char *socket_file_option; /* likewise, a socket with a path */
	unsigned int max_clients; /* of a listening socket; 0: the default */
	unsigned int heartbeat_s; /* 0: none */
	unsigned int latency_ms;
	const char *metrics_path; /* NULL: none */
	const char *user; /* NULL: no change of user */
	uid_t uid; /* the user's */
	gid_t gid;
	const char *pin_directory; /* NULL: none */
	const char *unpin_directory;
	bool containers;
	bool no_args;
	bool no_sandbox;
	bool verbose;
	bool check;
	bool test_config;
	bool help;
	bool list_keys;
	bool version;
};

/*
 * Fills *options from the file of --config and then from the command line, whose options replace
 * those of the file unless they are repeatable. Adds rules and patterns to the filter and the
 * redactor. Returns 0, or -EINVAL or -ENOMEM after logging one line, or one for each error in the
 * file; call options_free() in each case.
 */
int options_parse(struct options *options, struct filter *filter, struct redactor *redactor,
		  int argc, char **argv);
void options_free(struct options *options);

/*
 * Does the same while exectap runs, but opens no file except that of --config: --user and
 * --socket-group are not parsed. A change of --env, --fields, --heartbeat, --host, --limit, --omit,
 * --only, --redact, --skip, --tag and --verbose can take effect then. Rules that need another
 * change are an error: `running` has the options of the start.
 */
int options_reload(struct options *options, const struct options *running, struct filter *filter,
		   struct redactor *redactor, int argc, char **argv);

/* Returns the bits of enum record_key that lines and rules need. */
uint32_t options_record_keys(const struct options *options);

/* Returns the strings of --tag, in the form of tags_strings(). */
struct text options_tags(const struct options *options);

/* Checks that `line_max_bytes` is enough for the shortest line of the format, with these --host and
 * --tag. Returns 0, or -EINVAL after logging one line. */
int options_check_line(const struct options *options, const struct encode_format *format,
		       size_t line_max_bytes);

/*
 * Returns the name of an option that differs from `running`'s and takes effect at a restart, or
 * NULL. *position is 0 at first; call it again to find the next one.
 */
const char *options_find_change(const struct options *options, const struct options *running,
				size_t *position);

/* Prints the text of --help to stdout. */
void options_print_help(void);

#endif
