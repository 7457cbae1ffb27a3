/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line -> one struct. */
#ifndef EXECTAP_OPTIONS_H
#define EXECTAP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct options {
	size_t line_max_bytes;
	size_t buffer_bytes; /* a power of two */
	bool verbose;
	bool check;
	bool help;
	bool version;
};

/* Returns 0, or -EINVAL after one line on stderr that says what is wrong with which argument. */
int options_parse(struct options *options, int argc, char **argv);

/* --help, to stdout. */
void options_print_help(void);

#endif
