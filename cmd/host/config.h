/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a configuration file: one `option = value` a line, with the names of the command line
 * without dashes. An option without a value has a line with its name alone. Blank lines and lines
 * that start with # are skipped. A value is the text up to the end of the line, without the blanks
 * around it.
 */
#ifndef EXECTAP_CONFIG_H
#define EXECTAP_CONFIG_H

#include <stddef.h>

struct config;

struct config_entry {
	unsigned int line; /* from 1 */
	const char *name;
	const char *value; /* NULL: none */
};

/*
 * Reads the file, a regular one of at most 1 MiB without NUL bytes. Returns 0, -ENOMEM, -EINVAL,
 * -EFBIG or another -errno of open(2) and pread(2); free with config_free().
 */
int config_read(struct config **config, const char *path);
void config_free(struct config *config);

/* Returns the next entry, or NULL behind the last one. *position is 0 at first. */
const struct config_entry *config_next(const struct config *config, size_t *position);

#endif
