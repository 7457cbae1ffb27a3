/* SPDX-License-Identifier: BSD-2-Clause */
/* Parses the command line. */
#ifndef EXECTAP_OPTIONS_H
#define EXECTAP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct filter;
struct redactor;

struct options {
	const char *output; /* output.h */
	const struct encode_format *format;
	size_t line_max_bytes;
	size_t buffer_bytes; /* a power of two */
	unsigned int events; /* EVENT_BIT()s of the types to report */
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
	const char *metrics_path; /* NULL: none */
	const char *user; /* NULL: no change of user */
	uid_t uid; /* the user's */
	gid_t gid;
	const char *pin_directory; /* NULL: none */
	const char *unpin_directory;
	bool no_args;
	bool no_sandbox;
	bool verbose;
	bool check;
	bool help;
	bool list_keys;
	bool version;
};

/*
 * Fills *options, and adds rules and patterns to the filter and the redactor. Returns 0, or -EINVAL
 * or -ENOMEM after logging one line; call options_free() in each case.
 */
int options_parse(struct options *options, struct filter *filter, struct redactor *redactor,
		  int argc, char **argv);
void options_free(struct options *options);

/* Prints the text of --help to stdout. */
void options_print_help(void);

#endif
