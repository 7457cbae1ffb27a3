// SPDX-License-Identifier: BSD-2-Clause
#include "redact/secret.h"

#include <string.h>

enum class {
	CLASS_NAME = 1 << 0, /* of the name of a variable, an option or a header */
	CLASS_BLANK = 1 << 1,
	CLASS_QUOTE = 1 << 2,
	CLASS_SEPARATOR = 1 << 3, /* between name and value */
	CLASS_CAPITAL = 1 << 4, /* A-Z 0-9 */
	CLASS_WORD = 1 << 5, /* A-Z a-z 0-9 _ */
	CLASS_BASE64URL = 1 << 6, /* and - */
	CLASS_TOKEN = 1 << 7, /* and . + / = ~: RFC 9110, token68 */
};

#define CLASS_ALWAYS (CLASS_NAME | CLASS_WORD | CLASS_BASE64URL | CLASS_TOKEN)

static const unsigned char classes[256] = {
	['A' ... 'Z'] = CLASS_ALWAYS | CLASS_CAPITAL,
	['0' ... '9'] = CLASS_ALWAYS | CLASS_CAPITAL,
	['a' ... 'z'] = CLASS_ALWAYS,
	['_'] = CLASS_ALWAYS,
	['-'] = CLASS_NAME | CLASS_BASE64URL | CLASS_TOKEN,
	['.'] = CLASS_NAME | CLASS_TOKEN,
	['+'] = CLASS_TOKEN,
	['/'] = CLASS_TOKEN,
	['~'] = CLASS_TOKEN,
	['='] = CLASS_TOKEN | CLASS_SEPARATOR,
	[':'] = CLASS_SEPARATOR,
	[' '] = CLASS_BLANK,
	['\t'] = CLASS_BLANK,
	['\n'] = CLASS_BLANK,
	['\r'] = CLASS_BLANK,
	['"'] = CLASS_QUOTE,
	['\''] = CLASS_QUOTE,
	['`'] = CLASS_QUOTE,
};

/* A string under way. All pointers are into it. */
struct scan {
	const char *start;
	const char *end;
	const char *resumed; /* what is before this has been dealt with */
	bool cut; /* what is missing came right after the end */
	const struct secret_index *index;
	struct mask *mask;
};

static bool is(char byte, unsigned int class)
{
	return classes[(unsigned char)byte] & class;
}

/* The first byte from `from` on that is not of the class. */
static const char *skip(const struct scan *scan, const char *from, unsigned int class)
{
	while (from < scan->end && is(*from, class))
		from++;
	return from;
}

static bool begins_with(const struct scan *scan, const char *from, const char *prefix)
{
	size_t length = strlen(prefix);

	return (size_t)(scan->end - from) >= length && !memcmp(from, prefix, length);
}

/* Masks from one byte up to another, and says where to go on. */
static const char *mask_part(const struct scan *scan, const char *from, const char *to)
{
	mask_add(scan->mask, (struct text){ from, (size_t)(to - from) });
	return to;
}

/* --- shapes: secrets that show what they are */

/* The end of a private key in PEM (RFC 7468), which begins at `at`, or NULL. */
static const char *private_key_end(const struct scan *scan, const char *at)
{
	static const char label[] = "PRIVATE KEY", end[] = "-----END ", dashes[] = "-----";
	const char *line = at + strlen("-----BEGIN "), *found;
	size_t label_room =
		48; /* "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK" */

	if (label_room > (size_t)(scan->end - line))
		label_room = (size_t)(scan->end - line);
	found = memmem(line, label_room, label, sizeof(label) - 1);
	if (!found)
		return NULL;
	found = memmem(found, (size_t)(scan->end - found), end, sizeof(end) - 1);
	if (!found)
		return scan->end;
	found += sizeof(end) - 1;
	found = memmem(found, (size_t)(scan->end - found), dashes, sizeof(dashes) - 1);
	return found ? found + sizeof(dashes) - 1 : scan->end;
}

/* The end of a JSON Web Token (RFC 7519: two JSON objects and a signature, each base64url), or
 * NULL. */
static const char *web_token_end(const struct scan *scan, const char *at)
{
	/* a start amid other letters is none; it would also be looked at again and again */
	if (at > scan->resumed && is(at[-1], CLASS_BASE64URL))
		return NULL;
	at = skip(scan, at, CLASS_BASE64URL);
	if (!begins_with(scan, at, ".eyJ"))
		return NULL;
	while (at < scan->end && *at == '.')
		at = skip(scan, at + 1, CLASS_BASE64URL);
	return at;
}

/*
 * A secret begins with the prefix (at least three bytes), goes on with at least that many bytes of
 * the class, and ends before the first other byte; or end() tells where it ends. `keep` bytes at
 * its beginning are no secret.
 */
static const struct shape {
	const char *prefix;
	unsigned char class;
	unsigned char least;
	unsigned char keep;
	const char *(*end)(const struct scan *scan, const char *at);
} shapes[] = {
	{ "AKIA", CLASS_CAPITAL, 16 }, /* AWS */
	{ "ASIA", CLASS_CAPITAL, 16 },
	{ "ghp_", CLASS_WORD, 30 }, /* GitHub */
	{ "gho_", CLASS_WORD, 30 },
	{ "ghu_", CLASS_WORD, 30 },
	{ "ghs_", CLASS_WORD, 30 },
	{ "ghr_", CLASS_WORD, 30 },
	{ "github_pat_", CLASS_WORD, 22 },
	{ "glpat-", CLASS_BASE64URL, 20 }, /* GitLab */
	{ "gldt-", CLASS_BASE64URL, 20 },
	{ "glrt-", CLASS_BASE64URL, 20 },
	{ "glptt-", CLASS_BASE64URL, 20 },
	{ "glcbt-", CLASS_BASE64URL, 20 },
	{ "glsoat-", CLASS_BASE64URL, 20 },
	{ "xoxa-", CLASS_BASE64URL, 10 }, /* Slack */
	{ "xoxb-", CLASS_BASE64URL, 10 },
	{ "xoxc-", CLASS_BASE64URL, 10 },
	{ "xoxd-", CLASS_BASE64URL, 10 },
	{ "xoxe-", CLASS_BASE64URL, 10 },
	{ "xoxo-", CLASS_BASE64URL, 10 },
	{ "xoxp-", CLASS_BASE64URL, 10 },
	{ "xoxr-", CLASS_BASE64URL, 10 },
	{ "xoxs-", CLASS_BASE64URL, 10 },
	{ "xapp-", CLASS_BASE64URL, 10 },
	{ "hooks.slack.com/services/", CLASS_TOKEN, 20, 25 },
	{ "hooks.slack.com/workflows/", CLASS_TOKEN, 20, 26 },
	{ "sk_live_", CLASS_WORD, 16 }, /* Stripe */
	{ "rk_live_", CLASS_WORD, 16 },
	{ "sk_test_", CLASS_WORD, 16 },
	{ "rk_test_", CLASS_WORD, 16 },
	{ "whsec_", CLASS_TOKEN, 20 },
	{ "AIza", CLASS_BASE64URL, 35 }, /* Google */
	{ "ya29.", CLASS_BASE64URL, 20 },
	{ "GOCSPX-", CLASS_BASE64URL, 20 },
	{ "npm_", CLASS_WORD, 30 },
	{ "pypi-AgE", CLASS_BASE64URL, 50 },
	{ "dckr_pat_", CLASS_BASE64URL, 20 },
	{ "dop_v1_", CLASS_WORD, 40 }, /* DigitalOcean */
	{ "glsa_", CLASS_WORD, 32 }, /* Grafana */
	{ "hvs.", CLASS_BASE64URL, 20 }, /* Vault */
	{ "hvb.", CLASS_BASE64URL, 20 },
	{ "tskey-", CLASS_BASE64URL, 16 }, /* Tailscale */
	{ "SG.", CLASS_TOKEN, 50 }, /* SendGrid */
	{ "shpat_", CLASS_WORD, 32 }, /* Shopify */
	{ "hf_", CLASS_WORD, 30 }, /* Hugging Face */
	{ "sk-ant-", CLASS_BASE64URL, 20 },
	{ "sk-proj-", CLASS_BASE64URL, 20 }, /* OpenAI */
	{ "sk-", CLASS_WORD, 40 },
	{ "AGE-SECRET-KEY-1", CLASS_CAPITAL, 50 }, /* age(1) */
	{ "Bearer ", CLASS_TOKEN, 16, 7 },
	{ "bearer ", CLASS_TOKEN, 16, 7 },
	{ "eyJ", 0, 0, 0, web_token_end },
	{ "-----BEGIN ", 0, 0, 0, private_key_end },
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))
#define SHAPE_BITS 31 /* rows share them; the last is that of separators */
#define SEPARATOR_BIT (1u << SHAPE_BITS)

void secret_text_index(struct secret_index *index)
{
	for (size_t i = 0; i < SHAPES; i++)
		for (int at = 0; at < 3; at++)
			index->text_starts[at][(unsigned char)shapes[i].prefix[at]] |=
				1u << i % SHAPE_BITS;
	for (int byte = 0; byte < 256; byte++) {
		if (classes[byte] & CLASS_SEPARATOR)
			index->text_starts[0][byte] |= SEPARATOR_BIT;
		index->text_starts[1][byte] |= SEPARATOR_BIT; /* whatever comes next */
		index->text_starts[2][byte] |= SEPARATOR_BIT;
	}
}

/* Where the shape ends that begins at `at`, or NULL. */
static const char *shape_end(const struct scan *scan, const struct shape *shape, const char *at)
{
	const char *run, *end;

	if (!begins_with(scan, at, shape->prefix))
		return NULL;
	if (shape->end)
		return shape->end(scan, at);
	run = at + strlen(shape->prefix);
	for (end = run; end < run + shape->least; end++)
		if (end == scan->end)
			return scan->cut ? end : NULL;
		else if (!is(*end, shape->class))
			return NULL;
	return skip(scan, end, shape->class);
}

/* Masks the shape at `at`, of those whose bits are set, and returns where to go on; `at` where
 * there is none. */
static const char *mask_shape(const struct scan *scan, const char *at, uint32_t starts)
{
	for (size_t i = 0; i < SHAPES; i++) {
		const char *end;

		if (!(starts & 1u << i % SHAPE_BITS))
			continue;
		end = shape_end(scan, &shapes[i], at);
		if (end)
			return mask_part(scan, at + shapes[i].keep, end);
	}
	return at;
}

/* --- notations: names or places that make a value secret */

/* The name right before `to`: what is of CLASS_NAME and has not been dealt with. */
static struct text name_before(const struct scan *scan, const char *to)
{
	const char *from = to;

	while (from > scan->resumed && is(from[-1], CLASS_NAME))
		from--;
	return (struct text){ from, (size_t)(to - from) };
}

/* From an opening quote, perhaps with a backslash before it, to the closing one or the end; masks
 * what is between. */
static const char *mask_quoted(const struct scan *scan, const char *at)
{
	bool escaped = *at == '\\';
	const char *from = at + escaped + 1;
	char quote = from[-1];

	for (at = from; at < scan->end; at++) {
		if (escaped ? *at == '\\' && at + 1 < scan->end && at[1] == quote : *at == quote)
			break;
		if (!escaped && *at == '\\' && quote != '\'' && at + 1 < scan->end)
			at++;
	}
	return mask_part(scan, from, at);
}

static bool at_quote(const struct scan *scan, const char *at)
{
	if (at < scan->end && *at == '\\')
		at++;
	return at < scan->end && is(*at, CLASS_QUOTE);
}

/* Whether a byte ends the value of a name that stands behind the byte `before`: the next name could
 * follow it. */
static bool ends_value(char byte, char before)
{
	if (is(before, CLASS_QUOTE))
		return byte == before;
	if (is(byte, CLASS_QUOTE))
		return true;
	switch (before) {
	case ';': /* Server=db;Password=a b; */
		return byte == ';';
	case '?':
	case '&':
		return byte == '&' || byte == '#' || is(byte, CLASS_BLANK);
	case ',':
	case '(':
		return byte == ',' || byte == ')' || is(byte, CLASS_BLANK);
	case '{':
		return byte == ',' || byte == '}' || is(byte, CLASS_BLANK);
	default:
		return is(byte, CLASS_BLANK);
	}
}

/* Masks the value at `at`. */
static const char *mask_value(const struct scan *scan, const char *at, char before)
{
	const char *from = at;

	if (at_quote(scan, at))
		return mask_quoted(scan, at);
	while (at < scan->end && !ends_value(*at, before))
		at++;
	return mask_part(scan, from, at);
}

/* NAME=value */
static const char *mask_assignment(const struct scan *scan, const char *equals)
{
	struct text name = name_before(scan, equals);

	if (!name.length || secret_name(scan->index, name) != SECRET_NAME_VALUE)
		return equals;
	return mask_value(scan, equals + 1, name.bytes > scan->start ? name.bytes[-1] : '\0');
}

/* "NAME": "value" (JSON), with or without backslashes before the quotes; `closing` is the quote
 * behind the name. */
static const char *mask_member(const struct scan *scan, const char *closing, const char *colon)
{
	const char *name_end =
		closing > scan->resumed && closing[-1] == '\\' ? closing - 1 : closing;
	struct text name = name_before(scan, name_end);
	const char *value = skip(scan, colon + 1, CLASS_BLANK);

	if (!name.length || name.bytes == scan->start || name.bytes[-1] != *closing ||
	    secret_name(scan->index, name) != SECRET_NAME_VALUE)
		return colon;
	return mask_value(scan, value, '{');
}

/* Where the credentials begin behind an authentication scheme (RFC 9110, 11.6.2), or `at` if that
 * is none that is known. */
static const char *skip_scheme(const struct scan *scan, const char *at)
{
	static const char *const schemes[] = {
		"ApiKey",    "AWS4-HMAC-SHA256",
		"Basic",     "Bearer",
		"Bot",	     "Digest",
		"DPoP",	     "GenieKey",
		"JWT",	     "Key",
		"Negotiate", "NTLM",
		"OAuth",     "SharedAccessSignature",
		"SharedKey", "Splunk",
		"SSWS",	     "Token",
	};
	const char *end = skip(scan, at, CLASS_BASE64URL),
		   *credentials = skip(scan, end, CLASS_BLANK);

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]) && credentials > end; i++)
		if (strlen(schemes[i]) == (size_t)(end - at) &&
		    !strncasecmp(schemes[i], at, (size_t)(end - at)))
			return credentials;
	return at;
}

/* Masks the value of a header at `at`, up to the end of its line, or of the quotes it is in; a
 * scheme stays. */
static const char *mask_header(const struct scan *scan, const char *at, char before)
{
	const char *end = at, *credentials = skip_scheme(scan, at);

	while (end < scan->end && *end != '\n' && *end != '\r' &&
	       !(is(before, CLASS_QUOTE) && *end == before))
		end++;
	return mask_part(scan, credentials < end ? credentials : at, end);
}

static bool begins_word(struct text name, const char *word)
{
	return name.length >= strlen(word) && !strncasecmp(name.bytes, word, strlen(word));
}

/* NAME: value */
static const char *mask_field(const struct scan *scan, const char *colon)
{
	struct text name = name_before(scan, colon);
	const char *value = skip(scan, colon + 1, CLASS_BLANK);
	enum secret_name secret = name.length ? secret_name(scan->index, name) : SECRET_NAME_NONE;
	char before = name.bytes > scan->start ? name.bytes[-1] : '\0';

	if (secret == SECRET_NAME_HEADER)
		return mask_header(scan, value, before);
	if (secret == SECRET_NAME_VALUE && (value > colon + 1 || begins_word(name, "x-")))
		return mask_value(scan, value, before);
	return colon;
}

static bool ends_authority(char byte)
{
	return strchr("/?#\\<>", byte) || is(byte, CLASS_BLANK | CLASS_QUOTE);
}

/* scheme://user:password@host (RFC 3986, 3.2.1); where the end is cut, what could be a password is
 * taken for one. */
static const char *mask_url(const struct scan *scan, const char *colon)
{
	const char *authority = colon + strlen("://"), *end = authority, *at = NULL, *password;

	if (colon == scan->start || !is(colon[-1], CLASS_NAME))
		return colon;
	for (; end < scan->end && !ends_authority(*end); end++)
		if (*end == '@')
			at = end;
	if (!at && scan->cut && end == scan->end)
		at = end;
	password = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
	if (!password)
		return colon;
	/* a token may stand in the user's place */
	secret_text_mask(scan->index, (struct text){ authority, (size_t)(password - authority) },
			 false, scan->mask);
	return mask_part(scan, password + 1, at);
}

/* Masks what the separator at `at` makes a secret, and returns where to go on; `at` where that is
 * nothing. */
static const char *mask_separated(const struct scan *scan, const char *at)
{
	if (*at == '=')
		return mask_assignment(scan, at);
	if (begins_with(scan, at, "://"))
		return mask_url(scan, at);
	if (at > scan->resumed && is(at[-1], CLASS_QUOTE))
		return mask_member(scan, at - 1, at);
	return mask_field(scan, at);
}

/* The next place where a secret could begin, or the value of one behind a separator, and the bits
 * of what it could be.
 */
static const char *next_start(const struct scan *scan, const char *at, uint32_t *starts)
{
	const uint32_t(*table)[256] = scan->index->text_starts;
	const unsigned char *bytes = (const unsigned char *)at,
			    *end = (const unsigned char *)scan->end;

	for (; end - bytes >= 3; bytes++) {
		*starts = table[0][bytes[0]] & table[1][bytes[1]] & table[2][bytes[2]];
		if (*starts)
			return (const char *)bytes;
	}
	for (; bytes < end; bytes++) {
		*starts = table[0][bytes[0]] & SEPARATOR_BIT;
		if (*starts)
			break;
	}
	return (const char *)bytes;
}

void secret_text_mask(const struct secret_index *index, struct text string, bool cut,
		      struct mask *mask)
{
	struct scan scan = { string.bytes, string.bytes + string.length, string.bytes, cut, index,
			     mask };
	const char *at = scan.start;
	uint32_t starts = 0;

	while ((at = next_start(&scan, at, &starts)) < scan.end) {
		const char *next = starts & SEPARATOR_BIT ? mask_separated(&scan, at)
							  : mask_shape(&scan, at, starts);

		if (next == at)
			at++;
		else
			scan.resumed = at = next;
	}
}
