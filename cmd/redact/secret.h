/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The built-in set of --redact: finds secrets in arguments and variables. Each table is in its own
 * file: names (secret_name.c), shapes and notations (secret_text.c), options of programs
 * (secret_args.c). Pure; the time is linear in the length of the strings.
 *
 * A mask must not hide a command. Therefore a value ends at a quote, ;, |, & and newline, and
 * command substitutions in it are not masked.
 */
#ifndef EXECTAP_SECRET_H
#define EXECTAP_SECRET_H

#include "redact/mask.h"
#include "util/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Selects the rows of the tables to try, so that most positions need none. */
struct secret_index {
	uint32_t text_starts[3][256]; /* bits, by the first three bytes */
	uint64_t name_ends[256]; /* a bit for each row, by the last byte */
	uint64_t program_starts[256]; /* a bit for each rule, by the first byte */
	/* by the first byte, a bit for the low five bits of each second byte */
	uint32_t program_seconds[256];
	uint64_t option_starts[256]; /* a bit for each rule, by the first byte of its option */
	uint64_t conditional; /* the rules that apply behind or before other words only */
};

void secret_index_init(struct secret_index *index);
/* Each adds the rows of its table. */
void secret_name_index(struct secret_index *index);
void secret_text_index(struct secret_index *index);
void secret_args_index(struct secret_index *index);

enum secret_name {
	SECRET_NAME_NONE,
	SECRET_NAME_HEADER, /* an HTTP header with a secret value */
	SECRET_NAME_VALUE, /* a header, option or variable with a secret value */
};

/*
 * Classifies a name without its dashes, such as "GITHUB_TOKEN" or "db.password". Case is ignored. A
 * name consists of letters, digits and _ - . only.
 */
enum secret_name secret_name(const struct secret_index *index, struct text name);

/* A shorter string has no secret for secret_text_mask(). */
#define SECRET_SHAPE_MIN_BYTES 3

/* Properties of a string for secret_text_mask() */
enum secret_text {
	SECRET_TEXT_CUT = 1 << 0, /* its end is missing */
	SECRET_TEXT_CODE = 1 << 1, /* it is a command line */
};

/*
 * Masks secrets that the string itself shows: shapes, credentials in URLs, headers, NAME=value and
 * "NAME": "value". The string is a view into mask->text; flags are of enum secret_text.
 */
void secret_text_mask(const struct secret_index *index, struct text string, unsigned int flags,
		      struct mask *mask);

/* Masks a value but the command substitutions in it: $(...) and `...`. */
void secret_value_mask(struct text value, struct mask *mask);

/* Returns true if the string can be code of a shell or another language: it is more than a token.
 */
bool secret_is_code_like(struct text string);

/* Returns the length of the cookies at the front of text, behind the name of the first one: "a;
 * b=c" (RFC 6265, 4.2.1). */
size_t secret_cookies_length(struct text text);

/* Returns the length of the value at the front of text: quotes and what they enclose, or all before
 * the first quote, ; | & or newline. */
size_t secret_value_length(struct text text);

/*
 * Masks secrets in mask->text, NUL-terminated arguments of which the last may be cut: those that
 * their string shows, and the values of options. `filename` and the first string name the program.
 */
void secret_args_mask(const struct secret_index *index, struct text filename, struct mask *mask);

/* Masks secrets in mask->text, the value of the variable `name`; cut: its end may be missing. */
void secret_variable_mask(const struct secret_index *index, struct text name, bool cut,
			  struct mask *mask);

#endif
