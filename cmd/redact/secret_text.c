// SPDX-License-Identifier: BSD-2-Clause
#include "redact/secret.h"

#include <string.h>

enum class {
	CLASS_NAME = 1 << 0, /* names of variables, options and headers */
	CLASS_BLANK = 1 << 1,
	CLASS_QUOTE = 1 << 2,
	CLASS_SEPARATOR = 1 << 3, /* between name and value */
	CLASS_CAPITAL = 1 << 4, /* A-Z 0-9 */
	CLASS_WORD = 1 << 5, /* A-Z a-z 0-9 _ */
	CLASS_BASE64URL = 1 << 6, /* and - */
	CLASS_TOKEN = 1 << 7, /* and . + / = ~: RFC 9110, token68 */
	CLASS_SPACE = 1 << 8,
	CLASS_COMMA = 1 << 9,
};

#define SUBSTITUTIONS_MAX 64

/* Lines of a PEM body have 64 bytes (RFC 7468), 70 (OpenSSH) or up to 76 */
#define PEM_LINE_MIN_BYTES 48

#define CLASS_ALWAYS (CLASS_NAME | CLASS_WORD | CLASS_BASE64URL | CLASS_TOKEN)

static const unsigned short classes[256] = {
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
	[' '] = CLASS_BLANK | CLASS_SPACE,
	[','] = CLASS_COMMA,
	['\t'] = CLASS_BLANK,
	['\n'] = CLASS_BLANK,
	['\r'] = CLASS_BLANK,
	['"'] = CLASS_QUOTE,
	['\''] = CLASS_QUOTE,
	['`'] = CLASS_QUOTE,
};

/* State of the scan of one string. All pointers are into it. */
struct scan {
	const char *start;
	const char *end;
	const char *resumed; /* end of the last match */
	bool cut; /* the string's end is missing */
	bool code; /* the string is a command line */
	bool has_code; /* secret_is_code_like(), once is_examined */
	bool is_examined;
	unsigned int substitutions; /* found in values */
	const struct secret_index *index;
	struct mask *mask;
};

static bool is(char byte, unsigned int class)
{
	return classes[(unsigned char)byte] & class;
}

/* Returns the first byte from `from` on that is not of the class. */
static const char *skip(const struct scan *scan, const char *from, unsigned int class)
{
	while (from < scan->end && is(*from, class))
		from++;
	return from;
}

static struct text text_from(const struct scan *scan, const char *from)
{
	return (struct text){ from, (size_t)(scan->end - from) };
}

/* Masks from one byte up to another, and returns where to continue. */
static const char *mask_part(const struct scan *scan, const char *from, const char *to)
{
	mask_add(scan->mask, (struct text){ from, (size_t)(to - from) });
	return to;
}

/* --- values: the part that cannot be a command */

static bool is_command_end(char byte)
{
	return byte == ';' || byte == '|' || byte == '&' || byte == '\n';
}

/* Returns the end of the command substitution at `at`, or `at` if there is none. */
static const char *substitution_end(const char *at, const char *end)
{
	const char *next = at;
	size_t depth = 0;

	if (*at == '`') {
		next = memchr(at + 1, '`', (size_t)(end - at) - 1);
		return next ? next + 1 : end;
	}
	if (*at != '$' || at + 1 == end || at[1] != '(')
		return at;
	do {
		next++;
		depth += next < end && *next == '(';
		depth -= next < end && *next == ')';
	} while (next < end && depth);
	return next < end ? next + 1 : end;
}

bool secret_is_code_like(struct text string)
{
	for (size_t i = 0; i < string.length; i++)
		if (strchr(" \t\n`(){}<>$", string.bytes[i]))
			return true;
	return false;
}

void secret_value_mask(struct text value, struct mask *mask)
{
	const char *from = value.bytes, *end = value.bytes + value.length;

	for (const char *at = from; at < end;) {
		const char *next = substitution_end(at, end);

		if (next == at) {
			at++;
			continue;
		}
		mask_add(mask, (struct text){ from, (size_t)(at - from) });
		from = at = next;
	}
	mask_add(mask, (struct text){ from, (size_t)(end - from) });
}

size_t secret_value_length(struct text text)
{
	const char *closing = NULL;
	size_t length = 0;

	if (text.length && (*text.bytes == '"' || *text.bytes == '\''))
		closing = memchr(text.bytes + 1, *text.bytes, text.length - 1);
	if (closing)
		return (size_t)(closing + 1 - text.bytes);
	while (length < text.length && !is_command_end(text.bytes[length]) &&
	       text.bytes[length] != '"' && text.bytes[length] != '\'')
		length++;
	return length;
}

/*
 * Masks a value from one byte up to another, and returns where to continue: at its first command
 * substitution, which can contain other secrets. At most SUBSTITUTIONS_MAX, to keep the time
 * linear.
 */
static const char *mask_value_part(struct scan *scan, const char *from, const char *to)
{
	const char *at = from;

	secret_value_mask((struct text){ from, (size_t)(to - from) }, scan->mask);
	while (at < to && substitution_end(at, to) == at)
		at++;
	return at == to || scan->substitutions++ < SUBSTITUTIONS_MAX ? at : to;
}

/* --- shapes: secrets that show what they are */

/* Skips white space, also as the escapes of a string literal: \\n, \\r. */
static const char *skip_line_end(const struct scan *scan, const char *at)
{
	for (;; at += 2) {
		at = skip(scan, at, CLASS_BLANK);
		if (!text_has_prefix(text_from(scan, at), "\\n") &&
		    !text_has_prefix(text_from(scan, at), "\\r"))
			return at;
	}
}

/* Skips the headers of RFC 1421 at the start of a body: "Proc-Type: 4,ENCRYPTED". */
static const char *skip_pem_headers(const struct scan *scan, const char *at)
{
	static const char *const names[] = { "Proc-Type: ", "DEK-Info: ", "Version: ",
					     "Comment: " };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!text_has_prefix(text_from(scan, at), names[i]))
			continue;
		at = skip(scan, at + strlen(names[i]), CLASS_TOKEN | CLASS_SEPARATOR | CLASS_COMMA);
		at = skip_line_end(scan, at);
	}
	return at;
}

/*
 * Returns the end of a base64 body. All its lines but the last have the same length of at least
 * PEM_LINE_MIN_BYTES, so that words of a command do not count as lines. "=" starts the checksum of
 * an OpenPGP key.
 */
static const char *pem_body_end(const struct scan *scan, const char *at)
{
	const char *end = at;
	size_t first = 0, length;

	do {
		const char *line = skip_line_end(scan, end);

		if (text_has_prefix(text_from(scan, line), "-----"))
			break;
		at = skip(scan, line, CLASS_TOKEN);
		length = (size_t)(at - line);
		if (!length || (first && length > first && !scan->cut))
			break;
		if (!first)
			first = length;
		end = at;
	} while (length == first && length >= PEM_LINE_MIN_BYTES);
	at = skip_line_end(scan, end);
	return at < scan->end && *at == '=' ? skip(scan, at, CLASS_TOKEN) : end;
}

/* Returns the end of a private key in PEM (RFC 7468) that begins at `at`, or NULL. */
static const char *private_key_end(const struct scan *scan, const char *at)
{
	static const char label[] = "PRIVATE KEY", dashes[] = "-----", footer[] = "-----END ";
	const char *found, *end;

	at = skip(scan, at + strlen("-----BEGIN "), CLASS_CAPITAL | CLASS_SPACE);
	found = at - (sizeof(label) - 1);
	if (text_has_suffix((struct text){ scan->start, (size_t)(at - scan->start) }, " BLOCK"))
		found -= strlen(" BLOCK");
	if (found < scan->start || !text_has_prefix(text_from(scan, found), label) ||
	    !text_has_prefix(text_from(scan, at), dashes))
		return NULL;
	at = skip_pem_headers(scan, skip_line_end(scan, at + sizeof(dashes) - 1));
	end = pem_body_end(scan, at);
	at = skip_line_end(scan, end);
	if (!text_has_prefix(text_from(scan, at), footer))
		return end;
	at = skip(scan, at + sizeof(footer) - 1, CLASS_CAPITAL | CLASS_SPACE);
	return text_has_prefix(text_from(scan, at), dashes) ? at + sizeof(dashes) - 1 : at;
}

/* Returns the end of a JSON Web Token (RFC 7519: two JSON objects and a signature, each base64url),
 * or NULL. */
static const char *web_token_end(const struct scan *scan, const char *at)
{
	/* a token does not start within a word; this also keeps the time linear */
	if (at > scan->resumed && is(at[-1], CLASS_BASE64URL))
		return NULL;
	at = skip(scan, at, CLASS_BASE64URL);
	if (!text_has_prefix(text_from(scan, at), ".eyJ"))
		return NULL;
	while (at < scan->end && *at == '.')
		at = skip(scan, at + 1, CLASS_BASE64URL);
	return at;
}

/*
 * A secret starts with the prefix (at least three bytes), continues with at least `least` bytes of
 * the class and the rest of the word (CLASS_BASE64URL), or ends where end() returns. The first
 * `keep` bytes are not masked.
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
#define SHAPE_BITS 31 /* shared by several rows; the last one is for separators */
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
		index->text_starts[1][byte] |= SEPARATOR_BIT; /* any next byte */
		index->text_starts[2][byte] |= SEPARATOR_BIT;
	}
}

/* Returns the end of the shape that begins at `at`, or NULL. */
static const char *shape_end(const struct scan *scan, const struct shape *shape, const char *at)
{
	const char *run, *end;

	if (!text_has_prefix(text_from(scan, at), shape->prefix))
		return NULL;
	if (shape->end)
		return shape->end(scan, at);
	run = at + strlen(shape->prefix);
	for (end = run; end < run + shape->least; end++)
		if (end == scan->end)
			return scan->cut ? end : NULL;
		else if (!is(*end, shape->class))
			return NULL;
	/* to the end of the word: the beginning of another token may be a part of this one */
	return skip(scan, skip(scan, end, shape->class), CLASS_BASE64URL);
}

/* Masks the shape at `at`, one of those in `starts`. Returns where to continue, or `at` if there is
 * none. */
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

/* --- notations: a name or a position that makes a value secret */

/* Returns the name directly before `to`: bytes of CLASS_NAME behind the last match. */
static struct text name_before(const struct scan *scan, const char *to)
{
	const char *from = to;

	while (from > scan->resumed && is(from[-1], CLASS_NAME))
		from--;
	return (struct text){ from, (size_t)(to - from) };
}

/* True if the quote at `at` of the other type ends a quoted value: in a command line the value's
 * own quotes may be within these. */
static bool is_outer_quote(const struct scan *scan, const char *at)
{
	return is(*at, CLASS_QUOTE) &&
	       (at + 1 == scan->end || is_command_end(at[1]) || is(at[1], CLASS_BLANK));
}

/*
 * Masks a value in quotes, each perhaps with a backslash before it. Without a closing quote, the
 * value ends at the newline. A value of JSON can contain ; | and &.
 */
static const char *mask_quoted(struct scan *scan, const char *at, bool json)
{
	bool escaped = *at == '\\';
	const char *from = at + escaped + 1, *next;
	char quote = from[-1];

	for (at = from; at < scan->end && *at != '\n'; at++) {
		if (escaped ? *at == '\\' && at + 1 < scan->end && at[1] == quote : *at == quote)
			break;
		if ((!json && is_command_end(*at)) || is_outer_quote(scan, at))
			break;
		next = substitution_end(at, scan->end);
		if (next != at)
			at = next - 1;
		else if (!escaped && *at == '\\' && quote != '\'' && at + 1 < scan->end)
			at++;
	}
	return mask_value_part(scan, from, at < scan->end ? at : scan->end);
}

static bool at_quote(const struct scan *scan, const char *at)
{
	if (at < scan->end && *at == '\\')
		at++;
	return at < scan->end && is(*at, CLASS_QUOTE);
}

/* True if the byte ends an unquoted value. `before` is the byte before the name: it shows which
 * notation this is. */
static bool ends_value(const struct scan *scan, char byte, char before)
{
	if (is(byte, CLASS_QUOTE) || is_command_end(byte))
		return true;
	switch (before) {
	case '"':
	case '\'':
	case '`':
		return false;
	case ';': /* Server=db;Password=a b; */
		return scan->code && is(byte, CLASS_BLANK);
	case '?':
	case '&':
		return byte == '#' || is(byte, CLASS_BLANK);
	case ',':
	case '(':
		return byte == ',' || byte == ')' || is(byte, CLASS_BLANK);
	case '{':
		return byte == ',' || byte == '}' || is(byte, CLASS_BLANK);
	default:
		return is(byte, CLASS_BLANK);
	}
}

/* Masks the value at `at`. In "NAME=", the quote behind the sign is the closing one. */
static const char *mask_value(struct scan *scan, const char *at, char before, bool json)
{
	const char *from = at;

	if (at < scan->end && *at == '`')
		return mask_value_part(scan, at, substitution_end(at, scan->end));
	if (at_quote(scan, at))
		return *at == before ? at : mask_quoted(scan, at, json);
	while (at < scan->end && !ends_value(scan, *at, before)) {
		const char *next = substitution_end(at, scan->end);

		at = next == at ? at + 1 : next;
	}
	return mask_value_part(scan, from, at);
}

/* Handles NAME=value. */
static const char *mask_assignment(struct scan *scan, const char *equals)
{
	struct text name = name_before(scan, equals);

	if (!name.length || secret_name(scan->index, name) != SECRET_NAME_VALUE)
		return equals;
	return mask_value(scan, equals + 1, name.bytes > scan->start ? name.bytes[-1] : '\0',
			  false);
}

/* Handles "NAME": "value" (JSON), with or without backslashes before the quotes. `closing` is the
 * quote behind the name. */
static const char *mask_member(struct scan *scan, const char *closing, const char *colon)
{
	const char *name_end =
		closing > scan->resumed && closing[-1] == '\\' ? closing - 1 : closing;
	struct text name = name_before(scan, name_end);
	const char *value = skip(scan, colon + 1, CLASS_BLANK);

	if (!name.length || name.bytes == scan->start || name.bytes[-1] != *closing ||
	    secret_name(scan->index, name) != SECRET_NAME_VALUE)
		return colon;
	return mask_value(scan, value, '{', true);
}

/* Returns the credentials behind an authentication scheme (RFC 9110, 11.6.2), or `at` if the scheme
 * is unknown. */
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

/* Returns the end of the cookie pair behind the semicolon at `at`, or `at` if there is none. */
static const char *cookie_pair_end(const struct scan *scan, const char *at)
{
	const char *name = skip(scan, at + 1, CLASS_SPACE),
		   *sign = skip(scan, name, CLASS_BASE64URL);

	if (*at != ';' || sign == name || sign >= scan->end || *sign != '=')
		return at;
	return skip(scan, sign + 1, CLASS_TOKEN);
}

size_t secret_cookies_length(struct text text)
{
	const struct scan scan = { .end = text.bytes + text.length };
	const char *at = text.bytes + secret_value_length(text), *next;

	while (at < scan.end && (next = cookie_pair_end(&scan, at)) != at)
		at = next + secret_value_length(text_from(&scan, next));
	return (size_t)(at - text.bytes);
}

/* Returns the end of the quoted string in a parameter, NAME="value", or `at` if there is none. */
static const char *parameter_end(const struct scan *scan, const char *at)
{
	const char *next = at + 1;

	if (*at != '"' || at == scan->start || at[-1] != '=')
		return at;
	while (next < scan->end && *next != '"' && !is_command_end(*next))
		next++;
	return next < scan->end && *next == '"' ? next + 1 : at;
}

/*
 * Masks the value of a header at `at` but its scheme. It ends at a quote, and where a command could
 * begin: cookies and quoted parameters are the only ones with a ; or a quote in them.
 */
static const char *mask_header(struct scan *scan, const char *at, char before)
{
	const char *end = at, *credentials = skip_scheme(scan, at), *next;

	while (end < scan->end && *end != '\r' && !(is(before, CLASS_QUOTE) && *end == before)) {
		next = substitution_end(end, scan->end);
		if (next == end)
			next = cookie_pair_end(scan, end);
		if (next == end)
			next = parameter_end(scan, end);
		if (next == end && (is(*end, CLASS_QUOTE) || is_command_end(*end)))
			break;
		end = next == end ? end + 1 : next;
	}
	return mask_value_part(scan, credentials < end ? credentials : at, end);
}

/* Handles NAME: value. */
static const char *mask_field(struct scan *scan, const char *colon)
{
	struct text name = name_before(scan, colon);
	const char *value = skip(scan, colon + 1, CLASS_BLANK);
	enum secret_name secret = name.length ? secret_name(scan->index, name) : SECRET_NAME_NONE;
	char before = name.bytes > scan->start ? name.bytes[-1] : '\0';

	if (secret == SECRET_NAME_HEADER)
		return mask_header(scan, value, before);
	if (secret == SECRET_NAME_VALUE &&
	    (value > colon + 1 || text_has_prefix_nocase(name, "x-")))
		return mask_value(scan, value, before, false);
	return colon;
}

/* Returns true if a command can begin in the string. */
static bool can_hold_command(struct scan *scan)
{
	if (!scan->is_examined)
		scan->has_code = secret_is_code_like(text_from(scan, scan->start));
	scan->is_examined = true;
	return scan->has_code;
}

/* `before` is the byte before the URL. A password can contain a quote (RFC 3986, 2.2, sub-delims;
 * and programs accept other ones), but not those around the URL or in a command line. */
static bool ends_authority(struct scan *scan, char byte, char before)
{
	if (is(byte, CLASS_QUOTE))
		return byte == before || can_hold_command(scan);
	return strchr("/?#\\<>", byte) || is(byte, CLASS_BLANK);
}

/* Handles scheme://user:password@host (RFC 3986, 3.2.1). If the end is cut, a possible password is
 * masked. */
static const char *mask_url(struct scan *scan, const char *colon)
{
	const char *authority = colon + strlen("://"), *end = authority, *at = NULL, *password;
	struct text scheme = name_before(scan, colon);
	char before = scheme.bytes > scan->start ? scheme.bytes[-1] : '\0';

	if (colon == scan->start || !is(colon[-1], CLASS_NAME))
		return colon;
	for (; end < scan->end && !ends_authority(scan, *end, before); end++)
		if (*end == '@')
			at = end;
	if (!at && scan->cut && end == scan->end)
		at = end;
	password = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
	if (!password)
		return colon;
	/* the user can be a token */
	secret_text_mask(scan->index, (struct text){ authority, (size_t)(password - authority) }, 0,
			 scan->mask);
	for (end = password + 1;
	     end < at && !(is_command_end(*end) && (scan->code || can_hold_command(scan)));)
		end++;
	return mask_value_part(scan, password + 1, end);
}

/* Masks the value that belongs to the separator at `at`. Returns where to continue, or `at` if
 * there is none. */
static const char *mask_separated(struct scan *scan, const char *at)
{
	if (*at == '=')
		return mask_assignment(scan, at);
	if (text_has_prefix(text_from(scan, at), "://"))
		return mask_url(scan, at);
	if (at > scan->resumed && is(at[-1], CLASS_QUOTE))
		return mask_member(scan, at - 1, at);
	return mask_field(scan, at);
}

/* Returns the next position where a secret, or the value of a separator, can begin, and its
 * candidates. */
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

void secret_text_mask(const struct secret_index *index, struct text string, unsigned int flags,
		      struct mask *mask)
{
	struct scan scan = { .start = string.bytes,
			     .end = string.bytes + string.length,
			     .resumed = string.bytes,
			     .cut = flags & SECRET_TEXT_CUT,
			     .code = flags & SECRET_TEXT_CODE,
			     .index = index,
			     .mask = mask };
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
