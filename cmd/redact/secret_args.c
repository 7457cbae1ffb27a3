// SPDX-License-Identifier: BSD-2-Clause
#include "redact/secret.h"

#include <stdint.h>
#include <string.h>

enum place {
	PLACE_ATTACHED = 1 << 0, /* -pSECRET; of a long option --option=SECRET */
	PLACE_NEXT = 1 << 1, /* -p SECRET */
	PLACE_EITHER = PLACE_ATTACHED | PLACE_NEXT,
	PLACE_CLUSTER = 1 << 2, /* -sSp SECRET */
	PLACE_ANY = PLACE_EITHER | PLACE_CLUSTER,
};

/* Options (or words) with a secret value in some programs only. For names that are secret in all
 * programs see secret_name.c. */
static const struct rule {
	const char *programs; /* a trailing * matches any end */
	const char *option;
	enum place places;
	char behind; /* the secret begins behind the first such byte of the value, '=': of cookies;
			0: the whole value */
	const char *after; /* applies behind this word only; NULL: everywhere */
	const char *until; /* applies before these words only; NULL: everywhere */
} rules[] = {
	{ "mysql* mariadb* xtrabackup innobackupex", "-p", PLACE_ATTACHED },
	{ "mycli mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop",
	  "-p", PLACE_EITHER },
	{ "sshpass", "-p", PLACE_EITHER, .until = "ssh scp sftp rsync" },
	{ "useradd usermod groupadd groupmod", "-p", PLACE_EITHER },
	{ "curl", "-u", PLACE_ANY, ':' },
	{ "curl", "-U", PLACE_ANY, ':' },
	{ "curl", "--user", PLACE_EITHER, ':' },
	{ "curl", "--proxy-user", PLACE_EITHER, ':' },
	{ "curl", "-b", PLACE_ANY, '=' },
	{ "curl", "--cookie", PLACE_EITHER, '=' },
	{ "http https xh", "-a", PLACE_EITHER, ':' },
	{ "http https xh", "--auth", PLACE_EITHER, ':' },
	{ "docker podman buildah nerdctl skopeo helm oras crane az", "-p", PLACE_EITHER,
	  .after = "login" },
	{ "ldap*", "-w", PLACE_EITHER },
	{ "redis-cli valkey-cli", "-a", PLACE_NEXT },
	{ "redis-cli valkey-cli", "requirepass", PLACE_NEXT },
	{ "smbclient rpcclient smbget net", "-U", PLACE_ANY, '%' },
	{ "smbclient rpcclient smbget net", "--user", PLACE_EITHER, '%' },
	{ "zip unzip sqlcmd bcp ipmitool", "-P", PLACE_EITHER },
	{ "7z 7za 7zr 7zz rar unrar", "-p", PLACE_ATTACHED },
	{ "xfreerdp*", "/p:", PLACE_ATTACHED },
	{ "rdesktop", "-p", PLACE_EITHER },
	{ "lftp", "-u", PLACE_EITHER, ',' },
	{ "openssl", "-k", PLACE_NEXT },
	{ "openssl", "-K", PLACE_NEXT },
	{ "snmp*", "-A", PLACE_EITHER },
	{ "snmp*", "-X", PLACE_EITHER },
	{ "snmp*", "-c", PLACE_EITHER },
	{ "nmcli", "password", PLACE_NEXT },
	{ "aws", "aws_secret_access_key", PLACE_NEXT },
	{ "aws", "aws_session_token", PLACE_NEXT },
	{ "ngrok", "authtoken", PLACE_NEXT },
	{ "ngrok", "add-authtoken", PLACE_NEXT },
	{ "vault", "login", PLACE_NEXT },
};
#define RULES (sizeof(rules) / sizeof(rules[0]))
_Static_assert(RULES <= 64, "one bit each in struct words");

/* Programs with another program and its arguments among their own arguments */
static const char wrappers[] =
	"sudo doas su runuser pkexec env nice ionice chrt taskset nohup setsid timeout stdbuf time "
	"strace ltrace xargs parallel watch flock script unshare nsenter chroot setpriv prlimit "
	"systemd-run systemd-nspawn bwrap docker podman nerdctl kubectl crictl oc lxc sshpass ssh "
	"sh "
	"bash dash ash zsh ksh busybox tini dumb-init gosu su-exec";

/* An option with a secret value by its name */
static const struct rule named = { .option = "--", .places = PLACE_NEXT };

/* State of a walk over arguments, or over the words of a command line */
struct words {
	const struct secret_index *index;
	struct mask *mask;
	uint64_t programs; /* rules of the programs seen so far */
	uint64_t ready; /* the subset of `programs` that applies now */
	const struct rule *awaited; /* rule for which the next string is the value; or NULL */
	bool begun; /* behind the first string, the program's name */
	bool wraps; /* any string may name a program */
	bool code; /* the next string is a command line: sh -c */
	bool is_line; /* the strings are the words of a command line */
};

/* Maximum nesting of command lines in arguments: sudo sh -c "ssh host 'mysql -pSECRET'" */
#define WORDS_DEPTH 2

/* Most words are shorter, and one pass over their bytes costs less than the calls that search for
 * each of these. */
#define WORD_SHORT_BYTES 16

enum mark {
	MARK_DASH = 1 << 0,
	MARK_SIGN = 1 << 1, /* between name and value */
	MARK_SLASH = 1 << 2,
	MARK_BLANK = 1 << 3, /* of a line */
	MARK_GAP = 1 << 4, /* between two words */
	MARK_END = 1 << 5, /* between two commands */
	MARK_QUOTING = 1 << 6,
	MARK_ALL = (1 << 7) - 1,
};

static const unsigned char byte_marks[256] = {
	['-'] = MARK_DASH,
	['='] = MARK_SIGN,
	[':'] = MARK_SIGN,
	['/'] = MARK_SLASH,
	[' '] = MARK_BLANK | MARK_GAP,
	['\t'] = MARK_GAP,
	['\r'] = MARK_GAP,
	[')'] = MARK_GAP,
	['<'] = MARK_GAP,
	['>'] = MARK_GAP,
	['\n'] = MARK_BLANK | MARK_GAP | MARK_END,
	[';'] = MARK_GAP | MARK_END,
	['|'] = MARK_GAP | MARK_END,
	['&'] = MARK_GAP | MARK_END,
	['('] = MARK_GAP | MARK_END,
	['`'] = MARK_GAP | MARK_END,
	['"'] = MARK_QUOTING,
	['\''] = MARK_QUOTING,
	['\\'] = MARK_QUOTING,
};

/* Returns the marks of the bytes of a word, or of a longer one all. */
static inline unsigned int marks_of(struct text word)
{
	unsigned int found = 0;

	if (word.length > WORD_SHORT_BYTES)
		return MARK_ALL;
	for (size_t i = 0; i < word.length; i++)
		found |= byte_marks[(unsigned char)word.bytes[i]];
	return found;
}

static bool is_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Returns the word without the quotes that enclose it. */
static struct text unquoted(struct text word)
{
	if (word.length >= 2 && (word.bytes[0] == '"' || word.bytes[0] == '\'') &&
	    word.bytes[word.length - 1] == word.bytes[0])
		return (struct text){ word.bytes + 1, word.length - 2 };
	return word;
}

/* True if the word is in a list of names separated by blanks. */
static bool is_listed(struct text word, const char *list)
{
	while (*list) {
		size_t same = 0;

		while (same < word.length && word.bytes[same] == list[same])
			same++;
		if (list[same] == '*' ||
		    (same == word.length && (list[same] == ' ' || !list[same])))
			return true;
		list = strchrnul(list + same, ' ');
		list += *list == ' ';
	}
	return false;
}

/* False if no list has a program with these first two bytes. */
static bool may_be_listed(const struct secret_index *index, struct text word)
{
	return word.length >= 2 &&
	       index->program_seconds[(unsigned char)word.bytes[0]] & 1u << (word.bytes[1] & 31);
}

static void index_list(struct secret_index *index, const char *list, uint64_t rule)
{
	for (; *list; list += strcspn(list, " "), list += *list == ' ') {
		index->program_starts[(unsigned char)list[0]] |= rule;
		index->program_seconds[(unsigned char)list[0]] |= 1u << (list[1] & 31);
	}
}

void secret_args_index(struct secret_index *index)
{
	index_list(index, wrappers, 0);
	for (size_t i = 0; i < RULES; i++) {
		const struct rule *rule = &rules[i];
		uint64_t bit = UINT64_C(1) << i;

		index_list(index, rule->programs, bit);
		index->option_starts[(unsigned char)rule->option[0]] |= bit;
		if (rule->after || rule->until)
			index->conditional |= bit;
	}
}

/* Returns the file name of a path, and "bash" for a login shell's "-bash". */
static struct text base_name(struct text path)
{
	struct text name = text_base_name(path);

	return name.length == path.length && text_has_prefix(name, "-") ? text_skip(name, 1) : name;
}

static void add_program(struct words *words, struct text name)
{
	for (uint64_t left = words->index->program_starts[(unsigned char)name.bytes[0]]; left;
	     left &= left - 1) {
		int i = __builtin_ctzll(left);

		if (!is_listed(name, rules[i].programs))
			continue;
		words->programs |= UINT64_C(1) << i;
		if (!rules[i].after)
			words->ready |= UINT64_C(1) << i;
	}
}

/* Handles a word that is neither option nor assignment. */
static void visit_plain(struct words *words, struct text word)
{
	struct text name = base_name(word);

	for (uint64_t left = words->programs & words->index->conditional; left; left &= left - 1) {
		int i = __builtin_ctzll(left);

		if (rules[i].after && text_equals(word, rules[i].after))
			words->ready |= UINT64_C(1) << i;
		if (rules[i].until && is_listed(name, rules[i].until))
			words->ready &= ~(UINT64_C(1) << i);
	}
	if ((words->begun && !words->wraps) || !may_be_listed(words->index, name))
		return;
	add_program(words, name);
	words->wraps = words->wraps || is_listed(name, wrappers);
}

/*
 * True if the word is an option (-x, --xyz) instead of the awaited value. A value can begin with
 * one dash too, unless the rule's option is a plain word.
 */
static bool is_option(const struct rule *awaited, struct text word)
{
	if (!word.length || word.bytes[0] != '-')
		return false;
	return word.length <= 2 || word.bytes[1] == '-' || awaited->option[0] != '-';
}

/* Returns the length up to the first newline. */
static size_t line_length(struct text text)
{
	const char *newline = memchr(text.bytes, '\n', text.length);

	return newline ? (size_t)(newline - text.bytes) : text.length;
}

/* True if the word was split between the two bytes of "$(". */
static bool ends_before_substitution(const struct words *words, struct text word)
{
	const char *end = word.bytes + word.length;

	return text_has_suffix(word, "$") &&
	       end < words->mask->text.bytes + words->mask->text.length && *end == '(';
}

/* Masks the value of an option or a variable, whose length find_length() returns. A word of a
 * command line has been split already; it can still contain a newline, in quotes. */
static void add_value(const struct words *words, struct text value,
		      size_t (*find_length)(struct text))
{
	if (!secret_is_code_like(value)) {
		mask_add(words->mask, value);
		return;
	}
	if (words->is_line)
		value.length = line_length(value) - ends_before_substitution(words, value);
	else
		value.length = find_length(value);
	secret_value_mask(value, words->mask);
}

static void mask_behind(const struct words *words, struct text value, char byte)
{
	const char *found = byte ? memchr(value.bytes, byte, value.length) : NULL;

	if (byte && !found)
		return;
	if (found)
		value = text_skip(value, (size_t)(found + 1 - value.bytes));
	if (byte == ':' && text_has_prefix(value, "//"))
		return;
	add_value(words, unquoted(value),
		  byte == '=' ? secret_cookies_length : secret_value_length);
}

/* True for a cluster such as -sSu: letters only, the last one being the option's */
static bool is_cluster(struct text word, const char *option)
{
	if (word.length <= 2 || word.bytes[0] != '-' || word.bytes[word.length - 1] != option[1])
		return false;
	for (size_t i = 1; i < word.length; i++)
		if (!is_letter(word.bytes[i]))
			return false;
	return true;
}

static bool apply_rule(struct words *words, const struct rule *rule, struct text word)
{
	size_t length = strlen(rule->option);
	bool is_long = text_has_prefix(text_from_string(rule->option), "--");

	if ((rule->places & PLACE_NEXT && text_equals(word, rule->option)) ||
	    (rule->places & PLACE_CLUSTER && is_cluster(word, rule->option))) {
		words->awaited = rule;
		return true;
	}
	if (!(rule->places & PLACE_ATTACHED) || word.length <= length + is_long ||
	    !text_has_prefix(word, rule->option) || (is_long && word.bytes[length] != '='))
		return false;
	mask_behind(words, text_skip(word, length + is_long), rule->behind);
	return true;
}

/* Returns the rules that apply now and have an option with the first byte of the word. */
static uint64_t rules_of(const struct words *words, struct text word)
{
	return word.length
		       ? words->ready & words->index->option_starts[(unsigned char)word.bytes[0]]
		       : 0;
}

static bool apply_rules(struct words *words, struct text word)
{
	for (uint64_t left = rules_of(words, word); left; left &= left - 1)
		if (apply_rule(words, &rules[__builtin_ctzll(left)], word))
			return true;
	return false;
}

/* True for --no-password, --ask-pass */
static bool has_no_value(struct text name)
{
	return text_has_prefix(name, "no-") || text_has_prefix(name, "ask-") ||
	       text_has_prefix(name, "skip-") || text_has_prefix(name, "prompt-");
}

/* --NAME=value, NAME=value, --option=NAME=value; --NAME before its value */
static void visit_named(struct words *words, struct text word)
{
	for (;;) {
		size_t dashes = 0;
		const char *sign;
		struct text name;

		while (dashes < word.length && word.bytes[dashes] == '-')
			dashes++;
		name = text_skip(word, dashes);
		sign = marks_of(name) & MARK_SIGN ? memchr(name.bytes, '=', name.length) : NULL;
		if (sign)
			name.length = (size_t)(sign - name.bytes);
		if ((sign || dashes) && secret_name(words->index, name) == SECRET_NAME_VALUE) {
			if (sign)
				add_value(
					words,
					unquoted(text_skip(word, (size_t)(sign + 1 - word.bytes))),
					secret_value_length);
			else if (!has_no_value(name))
				words->awaited = &named;
			return;
		}
		if (!sign && !dashes)
			visit_plain(words, word);
		if (!sign || !dashes)
			return;
		word = text_skip(word, (size_t)(sign + 1 - word.bytes));
	}
}

static void visit_word(struct words *words, struct text word)
{
	const struct rule *awaited = words->awaited;

	words->awaited = NULL;
	if (awaited && !is_option(awaited, word))
		mask_behind(words, word, awaited->behind);
	else if (!apply_rules(words, word))
		visit_named(words, word);
	words->begun = true;
	words->wraps |= text_equals(word, "-exec") || text_equals(word, "-execdir") ||
			text_equals(word, "-ok"); /* find(1) */
}

/* True for -c and -lc, before a command line */
static bool is_shell_code_flag(struct text word)
{
	return text_equals(word, "-c") || is_cluster(word, "-c");
}

/* Reports whether a word with these marks is neither option nor assignment, names no program, and
 * no rule applies to it. */
static bool is_inert(const struct words *words, struct text word, unsigned int found)
{
	if (found & (MARK_DASH | MARK_SIGN) || words->awaited || rules_of(words, word) ||
	    words->programs & words->index->conditional)
		return false;
	return (words->begun && !words->wraps) ||
	       (!(found & MARK_SLASH) && !may_be_listed(words->index, word));
}

static bool holds_blanks(struct text text)
{
	return memchr(text.bytes, ' ', text.length) || memchr(text.bytes, '\n', text.length);
}

/* True for bytes between two commands */
static inline bool is_end(char byte)
{
	return byte_marks[(unsigned char)byte] & MARK_END;
}

static bool holds_ends(struct text text)
{
	size_t i = 0;

	while (i < text.length && !is_end(text.bytes[i]))
		i++;
	return i < text.length;
}

static void visit_line(const struct secret_index *index, struct mask *mask, struct text line,
		       int depth);

/* Handles a string, of which `found` has the marks. */
static void visit(struct words *words, struct text string, unsigned int found, int depth)
{
	bool is_line =
		found & MARK_BLANK && (string.length <= WORD_SHORT_BYTES || holds_blanks(string));
	bool code;

	is_line |= words->code && found & MARK_END && holds_ends(string);
	if (is_inert(words, string, found)) {
		words->code = false;
		words->begun = true;
	} else {
		code = words->code && is_line && !words->awaited;
		words->code = is_shell_code_flag(string);
		if (!code) /* else the value of a leading NAME= would be the whole line */
			visit_word(words, string);
	}
	if (is_line && depth)
		visit_line(words->index, words->mask, string, depth - 1);
}

/* True for bytes between two words */
static inline bool is_gap(char byte)
{
	return byte_marks[(unsigned char)byte] & MARK_GAP;
}

/* Returns the quote that closes the one at `at`, or `at` if there is none. */
static const char *closing_quote(const char *at, const char *end)
{
	char quote = *at;

	for (const char *next = at + 1; next < end; next++) {
		if (*next == quote)
			return next;
		if (*next == '\\' && quote == '"')
			next++;
	}
	return at;
}

/* Removes the next word, quotes included, from the front of *line, split as a shell does. */
static bool next_word(struct text *line, struct text *word, bool *new_command)
{
	const char *at = line->bytes, *end = line->bytes + line->length, *start;

	*new_command = false;
	for (; at < end && is_gap(*at); at++)
		*new_command |= is_end(*at);
	for (start = at; at < end && !is_gap(*at); at++) {
		if (!(byte_marks[(unsigned char)*at] & MARK_QUOTING))
			continue;
		if (*at == '"' || *at == '\'')
			at = closing_quote(at, end);
		else if (at + 1 < end)
			at++;
	}
	*word = (struct text){ start, (size_t)(at - start) };
	*line = (struct text){ at, (size_t)(end - at) };
	return word->length;
}

/* Handles a string that may be a command line, such as the argument of sh -c. */
static void visit_line(const struct secret_index *index, struct mask *mask, struct text line,
		       int depth)
{
	const struct words start = { .index = index, .mask = mask, .wraps = true, .is_line = true };
	struct words words = start;
	bool new_command;
	struct text word;

	while (next_word(&line, &word, &new_command)) {
		if (new_command)
			words = start;
		word = unquoted(word);
		visit(&words, word, marks_of(word), depth);
	}
}

/* Handles a word that contains no secret and begins none, whatever precedes it. Returns false for
 * other words. */
static bool skip_short(struct words *words, struct text string)
{
	if (string.length > 1 || words->awaited || words->programs)
		return false;
	words->code = false;
	words->begun = true;
	return true;
}

void secret_args_mask(const struct secret_index *index, struct text filename, struct mask *mask)
{
	const char *end = mask->text.bytes + mask->text.length;
	struct words words = { .index = index, .mask = mask };
	struct text left = mask->text, string;

	filename = base_name(filename);
	if (may_be_listed(index, filename))
		add_program(&words, filename);
	while (text_next_string(&left, &string)) {
		unsigned int flags = string.bytes + string.length == end ? SECRET_TEXT_CUT : 0;

		if (skip_short(&words, string))
			continue;
		if (words.code || words.wraps)
			flags |= SECRET_TEXT_CODE;
		if (string.length >= SECRET_SHAPE_MIN_BYTES)
			secret_text_mask(index, string, flags, mask);
		visit(&words, string, marks_of(string), WORDS_DEPTH);
	}
}

void secret_variable_mask(const struct secret_index *index, struct text name, bool cut,
			  struct mask *mask)
{
	if (secret_name(index, name) == SECRET_NAME_VALUE) {
		mask_add(mask, mask->text);
		return;
	}
	secret_text_mask(index, mask->text, cut ? SECRET_TEXT_CUT : 0, mask);
	if (holds_blanks(mask->text))
		visit_line(index, mask, mask->text, WORDS_DEPTH);
}
