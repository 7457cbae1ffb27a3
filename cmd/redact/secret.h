/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The built-in set of --redact: where secrets stand in arguments and variables. Each kind of
 * knowledge is a table in a file of its own: names (secret_name.c), shapes and notations
 * (secret_text.c), options of programs (secret_args.c). Pure; the time taken grows with the length
 * of the strings, whatever they hold.
 */
#ifndef EXECTAP_SECRET_H
#define EXECTAP_SECRET_H

#include "redact/mask.h"
#include "util/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Which rows of the tables to look at, so that most strings cost no look at any. */
struct secret_index {
	uint32_t text_starts[3][256]; /* bits, by the first three bytes */
	uint64_t name_ends[256]; /* a bit for each row, by the last byte */
	uint64_t program_starts[256]; /* a bit for each rule, by the first byte */
	uint32_t program_seconds[256]; /* by the first byte, a bit for each low half of a second one
					*/
};

void secret_index_init(struct secret_index *index);
/* Each table's part of it. */
void secret_name_index(struct secret_index *index);
void secret_text_index(struct secret_index *index);
void secret_args_index(struct secret_index *index);

enum secret_name {
	SECRET_NAME_NONE,
	SECRET_NAME_HEADER, /* of an HTTP header whose value is secret; no word about an option or a
			       variable */
	SECRET_NAME_VALUE, /* of anything: its value is secret */
};

/*
 * What a name without its dashes, "GITHUB_TOKEN" or "db.password", says of its value. Letter case
 * does not matter. What holds other bytes than letters, digits and _ - . is no name.
 */
enum secret_name secret_name(const struct secret_index *index, struct text name);

/*
 * Masks what is secret in a string by itself: shapes, credentials in URLs, headers, NAME=value and
 * "NAME": "value" anywhere in it. The string is a view into mask->text; `cut` if its end is
 * missing.
 */
void secret_text_mask(const struct secret_index *index, struct text string, bool cut,
		      struct mask *mask);

/*
 * Masks what is secret in mask->text, strings each ended by a NUL but the last if it was cut,
 * because of the string before it or of the program: `filename`, or what the first string names.
 */
void secret_args_mask(const struct secret_index *index, struct text filename, struct mask *mask);

/* Likewise in mask->text, the value of a variable of that name; `cut` if its end may be missing. */
void secret_variable_mask(const struct secret_index *index, struct text name, bool cut,
			  struct mask *mask);

#endif
