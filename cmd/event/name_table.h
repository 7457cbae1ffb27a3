/* SPDX-License-Identifier: BSD-2-Clause */
/* Names by id: the contents of a file in the form of passwd(5) or group(5). Pure. */
#ifndef EXECTAP_NAME_TABLE_H
#define EXECTAP_NAME_TABLE_H

#include "util/text.h"

#include <stddef.h>
#include <stdint.h>

#define NAME_TABLE_FILE_BYTES (1 << 24) /* maximum length of a file */
/* Maximum bytes of a name; the entry of a longer one, or of one with control
 * characters or invalid UTF-8, is malformed. */
#define NAME_TABLE_NAME_BYTES 64

struct name_table;

/*
 * Makes a table of the entries "NAME:PASSWORD:ID:...". `bytes` holds the file's `length` bytes, at
 * most NAME_TABLE_FILE_BYTES, and one byte more; the table takes ownership of it, also on failure.
 * Of an id that occurs more than once the first name counts, as in getpwuid(3). Empty lines,
 * comments, and the entries of nis that start with + or - are ignored. *malformed is the number of
 * the first line that is no entry; 0: none. Returns 0 or -ENOMEM; free with name_table_free().
 */
int name_table_new(struct name_table **table, char *bytes, size_t length, size_t *malformed);
void name_table_free(struct name_table *table);

/* Returns the name of the id, valid as long as the table; empty: none. */
struct text name_table_find(const struct name_table *table, uint32_t id);

#endif
