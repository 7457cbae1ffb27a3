// SPDX-License-Identifier: BSD-2-Clause
#include "redact/secret.h"

#include <string.h>

/* Only this many bytes at the end of a longer name are examined. */
#define NAME_MAX_BYTES 128

enum ending {
	ENDING_ANY, /* any name with this end */
	ENDING_WORD, /* a word at the end: DB_PASS, db-pass, dbPass, pass; not bypass */
	ENDING_LATER_WORD, /* a word at the end, not the whole name: MYSQL_PWD, not PWD */
};

/* Ends of secret names. Case and the characters between words (_ - .) are ignored. */
static const struct row {
	const char *word;
	enum ending ending;
	enum secret_name secret;
} rows[] = {
	{ "password", ENDING_ANY, SECRET_NAME_VALUE },
	{ "passwd", ENDING_ANY, SECRET_NAME_VALUE },
	{ "passphrase", ENDING_ANY, SECRET_NAME_VALUE },
	{ "pass", ENDING_WORD, SECRET_NAME_VALUE },
	{ "sshpass", ENDING_ANY, SECRET_NAME_VALUE },
	{ "storepass", ENDING_ANY, SECRET_NAME_VALUE }, /* keytool(1) */
	{ "keypass", ENDING_ANY, SECRET_NAME_VALUE },
	{ "requirepass", ENDING_ANY, SECRET_NAME_VALUE }, /* redis.conf */
	{ "masterauth", ENDING_ANY, SECRET_NAME_VALUE },
	{ "rediscliauth", ENDING_ANY, SECRET_NAME_VALUE },
	{ "passin", ENDING_WORD, SECRET_NAME_VALUE }, /* openssl-passphrase-options(1) */
	{ "passout", ENDING_WORD, SECRET_NAME_VALUE },
	{ "pwd", ENDING_LATER_WORD, SECRET_NAME_VALUE },
	{ "token", ENDING_ANY, SECRET_NAME_VALUE },
	{ "secret", ENDING_ANY, SECRET_NAME_VALUE },
	{ "apikey", ENDING_ANY, SECRET_NAME_VALUE },
	{ "authkey", ENDING_ANY, SECRET_NAME_VALUE },
	{ "accesskey", ENDING_ANY, SECRET_NAME_VALUE },
	{ "secretkey", ENDING_ANY, SECRET_NAME_VALUE },
	{ "accountkey", ENDING_ANY, SECRET_NAME_VALUE },
	{ "storagekey", ENDING_ANY, SECRET_NAME_VALUE },
	{ "encryptionkey", ENDING_ANY, SECRET_NAME_VALUE },
	{ "signingkey", ENDING_ANY, SECRET_NAME_VALUE },
	{ "masterkey", ENDING_ANY, SECRET_NAME_VALUE },
	{ "licensekey", ENDING_ANY, SECRET_NAME_VALUE },
	{ "secretkeybase", ENDING_ANY, SECRET_NAME_VALUE },
	{ "connectionstring", ENDING_ANY, SECRET_NAME_VALUE },
	{ "sharedaccesssignature", ENDING_ANY, SECRET_NAME_VALUE },
	{ "xamzsignature", ENDING_ANY, SECRET_NAME_VALUE },
	{ "xgoogsignature", ENDING_ANY, SECRET_NAME_VALUE },
	{ "authorization", ENDING_ANY, SECRET_NAME_HEADER },
	{ "cookie", ENDING_ANY, SECRET_NAME_HEADER },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))
_Static_assert(ROWS <= 64, "one bit each in struct secret_index");

static bool is_upper(char byte)
{
	return byte >= 'A' && byte <= 'Z';
}

static bool is_lower(char byte)
{
	return byte >= 'a' && byte <= 'z';
}

static bool is_between_words(char byte)
{
	return byte == '_' || byte == '-' || byte == '.';
}

/* True if a word begins at name[at]. */
static bool begins_word(struct text name, size_t at)
{
	if (!at || is_between_words(name.bytes[at - 1]))
		return true;
	return is_upper(name.bytes[at]) && is_lower(name.bytes[at - 1]);
}

static bool ends_with(struct text name, const struct row *row)
{
	size_t left = strlen(row->word), at = name.length;

	while (left) {
		char byte;

		if (!at)
			return false;
		byte = name.bytes[--at];
		if (is_between_words(byte) && at + 1 < name.length)
			continue;
		if ((is_upper(byte) ? byte - 'A' + 'a' : byte) != row->word[--left])
			return false;
	}
	return row->ending == ENDING_ANY ||
	       (begins_word(name, at) && (at || row->ending == ENDING_WORD));
}

static bool is_name(struct text name)
{
	for (size_t i = 0; i < name.length; i++) {
		char byte = name.bytes[i];

		if (!is_upper(byte) && !is_lower(byte) && !is_between_words(byte) &&
		    (byte < '0' || byte > '9'))
			return false;
	}
	return true;
}

enum secret_name secret_name(const struct secret_index *index, struct text name)
{
	uint64_t left =
		name.length ? index->name_ends[(unsigned char)name.bytes[name.length - 1]] : 0;

	if (name.length > NAME_MAX_BYTES)
		name = (struct text){ name.bytes + name.length - NAME_MAX_BYTES, NAME_MAX_BYTES };
	for (; left; left &= left - 1) {
		const struct row *row = &rows[__builtin_ctzll(left)];

		if (ends_with(name, row))
			return is_name(name) ? row->secret : SECRET_NAME_NONE;
	}
	return SECRET_NAME_NONE;
}

void secret_name_index(struct secret_index *index)
{
	for (size_t i = 0; i < ROWS; i++) {
		unsigned char last = (unsigned char)rows[i].word[strlen(rows[i].word) - 1];

		index->name_ends[last] |= UINT64_C(1) << i;
		index->name_ends[last - 'a' + 'A'] |= UINT64_C(1) << i;
	}
}
