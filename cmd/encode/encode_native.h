/* SPDX-License-Identifier: BSD-2-Clause */
/* The native format of a field, which the other formats use for keys without a place of their own.
 */
#ifndef EXECTAP_ENCODE_NATIVE_H
#define EXECTAP_ENCODE_NATIVE_H

#include "encode/encode.h"
#include "encode/json_writer.h"
#include "event/field_value.h"

/* For struct encode_format: bytes of an argument's entry in raw, without index and base64. */
#define ENCODE_NATIVE_ARGUMENT_RAW_BYTES                                                           \
	(sizeof("{\"key\":\"args\",\"index\":,\"base64\":\"\"},") - 1)

/* Appends arguments as an array of strings. */
void encode_native_args(struct json_writer *json, struct text args);

/* Appends arguments as one string, with a space between each two. */
void encode_native_command_line(struct json_writer *json, struct text args);

/*
 * Appends the fields of the event that its line has as members of an object: all, or those that
 * `unmapped` (enum field_format; 0: all) has no place for; and behind them "raw", where a text of
 * the line is not UTF-8. `format` is that of the line.
 */
void encode_native_fields(struct json_writer *json, const struct event *event,
			  unsigned int unmapped, const struct encode_format *format);

#endif
