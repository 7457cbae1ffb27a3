/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line -> one struct. */
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
	unsigned int events; /* EVENT_BIT()s of those that the hooks report */
	const char *env_names; /* separated by commas; NULL: none */
	struct filter *filter; /* the caller's */
	struct redactor *redactor; /* likewise */
	mode_t socket_mode;
	gid_t socket_group; /* (gid_t)-1: as it is */
	unsigned int heartbeat_s; /* 0: none */
	const char *user; /* to change to; NULL: stay */
	uid_t uid; /* of user */
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
 * Adds to the filter and the redactor, which the caller has made. Returns 0, or -EINVAL after one
 * line on stderr that says what is wrong with which argument.
 */
int options_parse(struct options *options, struct filter *filter, struct redactor *redactor,
		  int argc, char **argv);

/* --help, to stdout. */
void options_print_help(void);

#endif
