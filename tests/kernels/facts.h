// SPDX-License-Identifier: BSD-2-Clause
/*
 * Facts that the programs in the guest report about themselves: one JSON object per line, each in
 * one write(2). Strings are written as hexadecimal digits of their bytes, since file names and
 * arguments can contain any bytes.
 */
#ifndef EXECTAP_FACTS_H
#define EXECTAP_FACTS_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Descriptors that every process inherits, with any root directory and namespaces. */
#define PROC_FD 100
#define FACTS_FD 101

#define FACTS_PATH "/out/facts.jsonl"

static char fact_line[6 << 20];
static size_t fact_length;

static void fact_begin(const char *kind, const char *name)
{
	fact_length = (size_t)sprintf(fact_line, "{\"kind\":\"%s\",\"case\":\"%s\"", kind, name);
}

static inline void fact_number(const char *key, long long value)
{
	fact_length += (size_t)sprintf(fact_line + fact_length, ",\"%s\":%lld", key, value);
}

/* The key is not compared. */
static inline void fact_unknown(const char *key)
{
	fact_length += (size_t)sprintf(fact_line + fact_length, ",\"%s\":null", key);
}

static inline void fact_bytes(const char *key, const void *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *byte = bytes;

	fact_length += (size_t)sprintf(fact_line + fact_length, ",\"%s\":\"", key);
	for (size_t i = 0; i < length; i++) {
		fact_line[fact_length++] = digits[byte[i] >> 4];
		fact_line[fact_length++] = digits[byte[i] & 15];
	}
	fact_line[fact_length++] = '"';
}

static inline void fact_string(const char *key, const char *string)
{
	fact_bytes(key, string, strlen(string));
}

static void fact_send(void)
{
	memcpy(fact_line + fact_length, "}\n", 2);
	if (write(FACTS_FD, fact_line, fact_length + 2) != (ssize_t)fact_length + 2)
		perror("facts");
}

#endif
