// SPDX-License-Identifier: BSD-2-Clause
/* Masked and unmasked strings. In the tables '|' separates arguments, and "[X]" stands for the
 * replacement. */
#include "redact/redact.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEX20 "0123456789abcdef0123"
#define HEX40 HEX20 HEX20

/* Larger allocations fail, which tests the path without memory. The sanitizers call this
 * function. */
#define ALLOCATION_MAX_MB 16
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:max_allocation_size_mb=16";
}

struct row {
	const char *given;
	const char *shown; /* NULL: unchanged */
};

static struct event event;

static struct redactor *new_redactor(bool builtin, const char *const patterns[])
{
	struct redactor *redactor;
	char why[128];

	CHECK(redact_new(&redactor) == 0);
	if (builtin)
		redact_add_builtin(redactor);
	for (; *patterns; patterns++)
		CHECK(redact_add_pattern(redactor, *patterns, why, sizeof(why)) == 0);
	return redactor;
}

#define BUILTIN new_redactor(true, (const char *const[]){ NULL })
#define PATTERNS(...) new_redactor(false, (const char *const[]){ __VA_ARGS__, NULL })

/* Returns "a|b" as strings with a final NUL each, the last one only if it is not truncated, in a
 * block of the exact size. */
static struct text strings_of(const char *row, bool cut)
{
	size_t length = strlen(row) + !cut;
	char *bytes = malloc(length ? length : 1);

	memcpy(bytes, row, length);
	for (size_t i = 0; i < length; i++)
		if (bytes[i] == '|')
			bytes[i] = '\0';
	return (struct text){ bytes, length };
}

/* The inverse. */
static void show(struct text strings, bool cut, char *out)
{
	static const char replacement[] = "[REDACTED]";

	while (strings.length > !cut) {
		if (strings.length >= sizeof(replacement) - 1 &&
		    !memcmp(strings.bytes, replacement, sizeof(replacement) - 1)) {
			out = stpcpy(out, "[X]");
			strings.bytes += sizeof(replacement) - 1;
			strings.length -= sizeof(replacement) - 1;
			continue;
		}
		*out++ = *strings.bytes ? *strings.bytes : '|';
		strings.bytes++;
		strings.length--;
	}
	*out = '\0';
}

static void expect(const struct row *row, bool cut, bool marked, const char *shown)
{
	const char *wanted = row->shown ? row->shown : row->given;

	if (strcmp(shown, wanted) || marked != (row->shown != NULL)) {
		printf("# given  %s\n# shown  %s%s\n# wanted %s%s\n", row->given, shown,
		       marked ? " (marked)" : "", wanted, cut ? " (cut)" : "");
		tap_good = false;
	}
}

static void give_args(struct redactor *redactor, const char *filename, struct text args)
{
	event = (struct event){ .context = &event.own_context, .type = EVENT_EXEC };
	event.exec.filename = text_from_string(filename);
	event.exec.args = args;
	redact_event(redactor, &event);
}

static void check_args(struct redactor *redactor, const struct row *rows, size_t count, bool cut)
{
	char shown[4096];

	for (size_t i = 0; i < count; i++) {
		struct text args = strings_of(rows[i].given, cut);

		give_args(redactor, "", args);
		show(event.exec.args, cut, shown);
		expect(&rows[i], cut, event.process.redacted == RECORD_KEY_ARGS, shown);
		CHECK(!event.exec.args_hidden);
		if (!rows[i].shown)
			CHECK(event.exec.args.bytes == args.bytes);
		free((void *)args.bytes);
	}
	redact_free(redactor);
}

#define CHECK_ARGS(redactor, rows)                                                                 \
	check_args(redactor, rows, sizeof(rows) / sizeof((rows)[0]), false)
#define CHECK_CUT(redactor, rows) check_args(redactor, rows, sizeof(rows) / sizeof((rows)[0]), true)

static void options_by_name(void)
{
	static const struct row rows[] = {
		{ "app|--password=hunter2", "app|--password=[X]" },
		{ "app|--password|hunter2|x", "app|--password|[X]|x" },
		{ "app|-password|hunter2", "app|-password|[X]" },
		{ "app|--PASSWORD|hunter2", "app|--PASSWORD|[X]" },
		{ "app|--token=abc|--user|bob", "app|--token=[X]|--user|bob" },
		{ "app|--token|abc", "app|--token|[X]" },
		{ "app|--api-key|k", "app|--api-key|[X]" },
		{ "app|--apiKey=k", "app|--apiKey=[X]" },
		{ "app|--client-secret|s", "app|--client-secret|[X]" },
		{ "app|--dbPass|s", "app|--dbPass|[X]" },
		{ "app|--db.pass=a=b", "app|--db.pass=[X]" },
		{ "app|--password|two words", "app|--password|[X]" },
		{ "app|--password|-starts-with-a-dash", "app|--password|[X]" },
		{ "app|--password=\xff\xfe", "app|--password=[X]" },
		{ "app|--password=[X]", "app|--password=[X]" },
		{ "java|-Djavax.net.ssl.trustStorePassword=changeit",
		  "java|-Djavax.net.ssl.trustStorePassword=[X]" },
		{ "keytool|-storepass|changeit", "keytool|-storepass|[X]" },
		{ "openssl|rsa|-passin|pass:x", "openssl|rsa|-passin|[X]" },
		{ "app|--password|--token=abc", "app|--password|--token=[X]" },
		{ "app|--password", NULL },
		{ "app|--password=", NULL },
		{ "app|--password||x", NULL },
		{ "psql|--password|-h|localhost", NULL },
		{ "psql|--no-password|mydb", NULL },
		{ "ansible|--ask-pass|all", NULL },
		{ "docker|login|--password-stdin|x", NULL },
		{ "app|--password-file=/x", NULL },
		{ "app|--password-file|/x", NULL },
		{ "app|--token-ttl|5", NULL },
		{ "app|--tokens=5", NULL },
		{ "app|--bypass|x", NULL },
		{ "app|--bypass=x", NULL },
		{ "app|--compass|x|--passes|2", NULL },
		{ "app|password|x", NULL },
		{ "app|--|password", NULL },
		{ "app|--pwd|/home", NULL },
		{ "", NULL },
		{ "|", NULL },
		{ "||-|--|=|--=|:|-=", NULL },
	};

	CHECK_ARGS(BUILTIN, rows);
}

static void options_of_programs(void)
{
	static const struct row rows[] = {
		{ "mysql|-phunter2|-uroot", "mysql|-p[X]|-uroot" },
		{ "/usr/bin/mysqldump|-phunter2", "/usr/bin/mysqldump|-p[X]" },
		{ "mariadb|-phunter2", "mariadb|-p[X]" },
		{ "mysql|-p|db", NULL },
		{ "sudo|-u|root|mysql|-phunter2", "sudo|-u|root|mysql|-p[X]" },
		{ "docker|exec|-it|db|mysql|-phunter2", "docker|exec|-it|db|mysql|-p[X]" },
		{ "find|.|-exec|mysql|-phunter2|;", "find|.|-exec|mysql|-p[X]|;" },
		{ "find|/|-name|mysql|-prune", NULL },
		{ "grep|mysql|-path", NULL },
		{ "sshpass|-p|hunter2|ssh|-p|22|host", "sshpass|-p|[X]|ssh|-p|22|host" },
		{ "sshpass|-phunter2|ssh|host", "sshpass|-p[X]|ssh|host" },
		{ "sshpass|-e|ssh|host", NULL },
		{ "curl|-u|bob:hunter2|https://h/", "curl|-u|bob:[X]|https://h/" },
		{ "curl|-ubob:hunter2", "curl|-ubob:[X]" },
		{ "curl|-sSu|bob:hunter2", "curl|-sSu|bob:[X]" },
		{ "curl|--user|bob:hun:ter", "curl|--user|bob:[X]" },
		{ "curl|--user=bob:hunter2", "curl|--user=bob:[X]" },
		{ "curl|--proxy-user|bob:hunter2", "curl|--proxy-user|bob:[X]" },
		{ "curl|-u|bob|https://h/", NULL },
		{ "curl|-fou|https://h/", NULL },
		{ "curl|-b|session=abc", "curl|-b|session=[X]" },
		{ "curl|-b|theme=dark; session=a%3Db; c=d", "curl|-b|theme=[X]" },
		{ "curl|-b|theme=dark; session=a; id", "curl|-b|theme=[X]; id" },
		{ "curl|--cookie=theme=dark; session=\"a b\"; c=d", "curl|--cookie=theme=[X]" },
		{ "curl|-b|theme=\"dark\"; session=a & id", "curl|-b|theme=[X]& id" },
		{ "curl|-b|cookies.txt", NULL },
		{ "docker|login|-u|bob|-p|hunter2|reg", "docker|login|-u|bob|-p|[X]|reg" },
		{ "redis-cli|-a|hunter2|ping", "redis-cli|-a|[X]|ping" },
		{ "ldapsearch|-x|-w|hunter2", "ldapsearch|-x|-w|[X]" },
		{ "mongosh|-u|bob|-p|hunter2", "mongosh|-u|bob|-p|[X]" },
		{ "smbclient|-U|bob%hunter2|//h/s", "smbclient|-U|bob%[X]|//h/s" },
		{ "zip|-P|hunter2|a.zip|f", "zip|-P|[X]|a.zip|f" },
		{ "7z|x|-phunter2|a.7z", "7z|x|-p[X]|a.7z" },
		{ "nmcli|device|wifi|connect|home|password|hunter2",
		  "nmcli|device|wifi|connect|home|password|[X]" },
		{ "aws|configure|set|aws_secret_access_key|abc",
		  "aws|configure|set|aws_secret_access_key|[X]" },
		{ "vault|login|-method=userpass|username=x", NULL },
		{ "tar|-pxf|x.tar", NULL },
		{ "ssh|-p|22|host", NULL },
		{ "mkdir|-p|dir", NULL },
		{ "docker|run|-p|80:80|nginx", NULL },
		{ "ps|-p|1234|-u|bob:x", NULL },
		{ "cp|-a|x|y", NULL },
		{ "postgres|-p|5432", NULL },
	};

	CHECK_ARGS(BUILTIN, rows);
}

static void filename_names_the_program_too(void)
{
	struct redactor *redactor = BUILTIN;
	struct text args = strings_of("x|-phunter2", false);
	char shown[128];

	give_args(redactor, "/opt/bin/mysql", args);
	show(event.exec.args, false, shown);
	CHECK(!strcmp(shown, "x|-p[X]"));
	give_args(redactor, "/opt/bin/tar", args);
	CHECK(!event.process.redacted);
	free((void *)args.bytes);
	redact_free(redactor);
}

/* Words of the length that one pass examines, and those before and behind them. */
static void short_words(void)
{
	static const struct row rows[] = {
		{ "cat|a|b|/bin/curl|-ua:b", NULL },
		{ "sudo|a|b|curl|-ua:b", "sudo|a|b|curl|-ua:[X]" },
		{ "sudo|a|b|/bin/curl|-ua:b", "sudo|a|b|/bin/curl|-ua:[X]" },
		{ "sudo|a|/usr/local/curl|-ua:b", "sudo|a|/usr/local/curl|-ua:[X]" },
		{ "sudo|a|/usr/loca1/b/curl|-ua:b", "sudo|a|/usr/loca1/b/curl|-ua:[X]" },
		{ "cat|curl -ua:b", "cat|curl -ua:[X]" },
		{ "cat|a\ncurl -ua:b", "cat|a\ncurl -ua:[X]" },
		{ "cat|a;curl -ua:b", "cat|a;curl -ua:[X]" },
		{ "cat|a;curl -ua12:bcd", "cat|a;curl -ua12:[X]" },
		{ "cat|a;curl -ua123:bcd", "cat|a;curl -ua123:[X]" },
		{ "a|token=b", "a|token=[X]" },
		{ "a|the_token=abcdef", "a|the_token=[X]" },
		{ "a|the_token=abcdefg", "a|the_token=[X]" },
		{ "a|--token|b|c", "a|--token|[X]|c" },
		{ "a|--the-new_token|bc|d", "a|--the-new_token|[X]|d" },
		{ "a|--the-new-_token|bc|d", "a|--the-new-_token|[X]|d" },
		{ "redis-cli|requirepass|ab|c", "redis-cli|requirepass|[X]|c" },
		{ "redis-cli|a|requirepass|b c|d", "redis-cli|a|requirepass|[X]|d" },
		{ "docker|a|login|b|-pcd", "docker|a|login|b|-p[X]" },
		{ "docker|a|b|-pcd", NULL },
		{ "sshpass|a|ssh|-pcd", NULL },
		{ "sshpass|a|-pcd", "sshpass|a|-p[X]" },
		{ "sh|-c|a=b mysql -pcd", "sh|-c|a=b mysql -p[X]" },
		{ "qq|curl|-ua:b", NULL },
		{ "cat|vault login ab", "cat|vault login [X]" },
		{ "cat|mysql\t-pab\nc", "cat|mysql\t-p[X]\nc" },
		{ "cat|mysql\t-pabcdefgh", NULL },
		{ "cat|mysql\t-pabcdefghi", NULL },
		{ "sh|-c|token=abcdefghi ", "sh|-c|token=[X] " },
		{ "sh|-c|qq|token=b c", "sh|-c|qq|token=[X]" },
	};

	CHECK_ARGS(BUILTIN, rows);
}

/* Each byte between two words of a line. */
static void bytes_between_words(void)
{
	struct redactor *redactor = BUILTIN;
	char args[32];

	for (int byte = 1; byte < 256; byte++) {
		bool is_end = strchr("\n;|&(`", byte), is_gap = is_end || strchr(" \t\r)<>", byte);
		size_t length = (size_t)sprintf(args, "x%cmysql%c-pab c", '\0', byte);

		give_args(redactor, "", (struct text){ args, length });
		CHECK(event.process.redacted_bytes == (is_gap && !is_end ? 2 : 0));
		length = (size_t)sprintf(args, "x%ca%cmysql -pab", '\0', byte);
		give_args(redactor, "", (struct text){ args, length });
		CHECK(event.process.redacted_bytes == (is_gap || byte == '/' ? 2 : 0));
	}
	redact_free(redactor);
}

static void assignments(void)
{
	static const struct row rows[] = {
		{ "env|PGPASSWORD=hunter2|psql", "env|PGPASSWORD=[X]|psql" },
		{ "env|FOO_TOKEN=x|cmd", "env|FOO_TOKEN=[X]|cmd" },
		{ "env|AWS_SECRET_ACCESS_KEY=a/b+c=|cmd", "env|AWS_SECRET_ACCESS_KEY=[X]|cmd" },
		{ "env|MYSQL_PWD=x|cmd", "env|MYSQL_PWD=[X]|cmd" },
		{ "docker|run|-e|DB_PASSWORD=a b|img", "docker|run|-e|DB_PASSWORD=[X]|img" },
		{ "docker|run|-eDB_PASSWORD=x|img", "docker|run|-eDB_PASSWORD=[X]|img" },
		{ "docker|run|--env=DB_PASSWORD=x|img", "docker|run|--env=DB_PASSWORD=[X]|img" },
		{ "helm|--set|a=b,auth.password=x,c=d", "helm|--set|a=b,auth.password=[X],c=d" },
		{ "mount|-o|user=a,password=b,vers=3", "mount|-o|user=a,password=[X],vers=3" },
		{ "app|Server=x;Password=a b;Port=1", "app|Server=x;Password=[X];Port=1" },
		{ "curl|https://h/p?a=1&token=abc&b=2#f", "curl|https://h/p?a=1&token=[X]&b=2#f" },
		{ "python|-c|connect(password=\"a b\", port=1)",
		  "python|-c|connect(password=[X] port=1)" },
		{ "env|PWD=/home|OLDPWD=/|cmd", NULL },
		{ "env|GIT_ASKPASS=/usr/bin/ask|cmd", NULL },
		{ "env|PASSWORD_STORE_DIR=/x|TOKENS=1|cmd", NULL },
		{ "dd|if=/etc/passwd|of=/dev/null", NULL },
		{ "make|CFLAGS=-O2", NULL },
	};

	CHECK_ARGS(BUILTIN, rows);
}

static void headers_and_json(void)
{
	static const struct row rows[] = {
		{ "curl|-H|Authorization: Bearer abc", "curl|-H|Authorization: Bearer [X]" },
		{ "curl|-H|authorization: basic YTpi", "curl|-H|authorization: basic [X]" },
		{ "curl|-H|Authorization:token abc", "curl|-H|Authorization:token [X]" },
		{ "curl|-H|Authorization: AWS4-HMAC-SHA256 Credential=x, Signature=y",
		  "curl|-H|Authorization: AWS4-HMAC-SHA256 [X]" },
		{ "curl|-H|Authorization: hunter2 x", "curl|-H|Authorization: [X]" },
		{ "curl|-H|Authorization: abc", "curl|-H|Authorization: [X]" },
		{ "curl|-HAuthorization: Bearer abc", "curl|-HAuthorization: Bearer [X]" },
		{ "curl|--header=Proxy-Authorization: Basic abc",
		  "curl|--header=Proxy-Authorization: Basic [X]" },
		{ "curl|-H|Authorization: Digest username=\"bob\", response=\"abc\"",
		  "curl|-H|Authorization: Digest [X]" },
		{ "curl|-H|Cookie: a=b; c=d", "curl|-H|Cookie: [X]" },
		{ "curl|-H|X-Api-Key: abc", "curl|-H|X-Api-Key: [X]" },
		{ "curl|-H|X-Auth-Token:abc", "curl|-H|X-Auth-Token:[X]" },
		{ "curl|-H|PRIVATE-TOKEN: abc", "curl|-H|PRIVATE-TOKEN: [X]" },
		{ "app|Authorization: Bearer abc\nAccept: x",
		  "app|Authorization: Bearer [X]\nAccept: x" },
		{ "app|--auth|Bearer 0123456789abcdef", "app|--auth|Bearer [X]" },
		{ "curl|-d|{\"user\":\"bob\",\"password\":\"hun\\\"ter2\",\"a\":1}",
		  "curl|-d|{\"user\":\"bob\",\"password\":\"[X]\",\"a\":1}" },
		{ "curl|-d|{\"api_key\" : \"x\"}", NULL },
		{ "curl|-d|{\"api_key\": \"x\"}", "curl|-d|{\"api_key\": \"[X]\"}" },
		{ "curl|-d|{\"pin_token\":1234,\"a\":1}", "curl|-d|{\"pin_token\":[X],\"a\":1}" },
		{ "sh|-c|curl -d \"{\\\"password\\\":\\\"x y\\\"}\" h",
		  "sh|-c|curl -d \"{\\\"password\\\":\\\"[X]\\\"}\" h" },
		{ "curl|-H|Accept: text/html", NULL },
		{ "curl|-H|Authorization:", NULL },
		{ "docker|pull|my-secret:latest", NULL },
		{ "app|\"author\":\"bob\"", NULL },
	};

	CHECK_ARGS(BUILTIN, rows);
}

static void urls(void)
{
	static const struct row rows[] = {
		{ "git|clone|https://bob:hunter2@host/x.git",
		  "git|clone|https://bob:[X]@host/x.git" },
		{ "app|--url=postgres://bob:p@ss:w@host:5432/db?x=y",
		  "app|--url=postgres://bob:[X]@host:5432/db?x=y" },
		{ "git|clone|https://ghp_" HEX40 ":x-oauth-basic@h/",
		  "git|clone|https://[X]:[X]@h/" },
		{ "app|redis://:hunter2@host", "app|redis://:[X]@host" },
		{ "git|clone|https://bob:it'sme@host/x", "git|clone|https://bob:[X]@host/x" },
		{ "psql|postgres://bob:pa&s;sw@h/db", "psql|postgres://bob:[X]@h/db" },
		{ "app|url='https://bob:pa&ss@h',x='a@b'", "app|url='https://bob:[X]@h',x='a@b'" },
		{ "sh|-c|x https://a:b@h'; echo c@d'", "sh|-c|x https://a:[X]@h'; echo c@d'" },
		{ "app|a https://b:c@d https://e:f@g", "app|a https://b:[X]@d https://e:[X]@g" },
		{ "app|jdbc:postgresql://b:c@d/e", "app|jdbc:postgresql://b:[X]@d/e" },
		{ "curl|https://host/path@x", NULL },
		{ "curl|https://host:8080/path@x", NULL },
		{ "curl|https://host:8080?q=a@b", NULL },
		{ "curl|http://[::1]:80/", NULL },
		{ "curl|https://bob@host/", NULL },
		{ "curl|https://bob:@host/", NULL },
		{ "git|clone|git@host:path/x.git", NULL },
		{ "rsync|a:b://c:d@e", "rsync|a:b://c:[X]@e" },
		{ "app|://b:c@d", NULL },
	};

	CHECK_ARGS(BUILTIN, rows);
}

static void shapes(void)
{
	static const struct row rows[] = {
		{ "x|AKIAIOSFODNN7EXAMPLE", "x|[X]" },
		{ "x|pre:ASIAIOSFODNN7EXAMPLE/s3", "x|pre:[X]/s3" },
		{ "x|ghp_" HEX40, "x|[X]" },
		{ "x|--x=gho_" HEX40 ",y", "x|--x=[X],y" },
		{ "x|ghu_" HEX40 " ghs_" HEX40 " ghr_" HEX40, "x|[X] [X] [X]" },
		{ "x|github_pat_" HEX40, "x|[X]" },
		{ "git|clone|https://ghp_" HEX40 "@github.com/x",
		  "git|clone|https://[X]@github.com/x" },
		{ "x|glpat-" HEX20, "x|[X]" },
		{ "x|xoxb-123456789012-abcdef", "x|[X]" },
		/* the beginning of the second token is a part of the first one */
		{ "x|ghs_" HEX40 "xoxb-123456789012-abcdef y", "x|[X] y" },
		{ "x|https://hooks.slack.com/services/T0/B0/" HEX20,
		  "x|https://hooks.slack.com/services/[X]" },
		{ "x|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_9 y", "x|[X] y" },
		{ "x|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.a.eyJb.c", "x|[X]" },
		{ "x|a,eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "x|a,[X]" },
		{ "x|-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nafter",
		  "x|[X]\nafter" },
		{ "x|-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl", "x|[X]" },
		{ "x|sk_live_" HEX20, "x|[X]" },
		{ "x|AIza0123456789abcdef0123456789abcdef012", "x|[X]" },
		{ "x|npm_" HEX40, "x|[X]" },
		{ "x|sk-" HEX40 HEX20, "x|[X]" },
		{ "AKIAIOSFODNN7EXAMPLE|x", "[X]|x" },
		{ "x|\xff"
		  "AKIAIOSFODNN7EXAMPLE\xff",
		  "x|\xff[X]\xff" },
		{ "x|AKIAIOSFODNN7", NULL },
		{ "x|ghp_short", NULL },
		{ "x|xoxb-1", NULL },
		{ "x|eyJhbGciOiJIUzI1NiJ9", NULL },
		{ "x|keyJa.eyJb.c", NULL },
		{ "x|-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", NULL },
		{ "x|-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----", NULL },
		{ "x|gh|gho|eyJ|AKI", NULL },
		{ "x|task-runner-with-a-name-that-is-rather-long-in-itself", NULL },
	};

	CHECK_ARGS(BUILTIN, rows);
}

static void command_lines(void)
{
	static const struct row rows[] = {
		{ "sh|-c|mysql -psecret db", "sh|-c|mysql -p[X] db" },
		{ "sh|-c|cd /x; mysql '-psecret' && tar -pxf y",
		  "sh|-c|cd /x; mysql '-p[X]' && tar -pxf y" },
		{ "sh|-c|PGPASSWORD=foo psql -h x", "sh|-c|PGPASSWORD=[X] psql -h x" },
		{ "bash|-lc|TOKEN='a b' cmd x", "bash|-lc|TOKEN='[X]' cmd x" },
		{ "sh|-c|app --password 'a b' --user c", "sh|-c|app --password '[X]' --user c" },
		{ "sh|-c|app --password=\"a b\" c", "sh|-c|app --password=\"[X]\" c" },
		{ "sh|-c|app --password a\\ b c", "sh|-c|app --password [X] c" },
		{ "sh|-c|curl -u bob:hunter2 h", "sh|-c|curl -u bob:[X] h" },
		{ "sh|-c|curl -H \"Authorization: Bearer abc\" h",
		  "sh|-c|curl -H \"Authorization: Bearer [X]\" h" },
		{ "ssh|host|sh -c \"mysql -psecret\"", "ssh|host|sh -c \"mysql -p[X]\"" },
		{ "sh|-c|don't --password foo", "sh|-c|don't --password [X]" },
		{ "sh|-c|(sshpass -p x ssh h)", "sh|-c|(sshpass -p [X] ssh h)" },
		{ "sh|-c|tar -pxf x; ssh -p 22 h; mkdir -p d", NULL },
		{ "sh|-c|PGPASSWORD=x", "sh|-c|PGPASSWORD=[X]" },
		{ "git|commit|-m|tokens and passwords", NULL },
	};

	CHECK_ARGS(BUILTIN, rows);
}

/* A mask ends where a command could begin. */
static void commands_stay(void)
{
	static const struct row rows[] = {
		{ "sh|-c|: -----BEGIN PRIVATE KEY; id > x; wget h", NULL },
		{ "sh|-c|: -----BEGIN PRIVATE KEY-----; id > x; wget h",
		  "sh|-c|: [X]; id > x; wget h" },
		{ "sh|-c|: -----BEGIN PRIVATE KEY-----\nid\nwget http://h\n",
		  "sh|-c|: [X]\nwget http://h\n" },
		{ "sh|-c|: Cookie: ; id > x; wget h", NULL },
		{ "sh|-c|: Cookie: a=b; id > x; wget h", "sh|-c|: Cookie: [X]; id > x; wget h" },
		{ "sh|-c|: Authorization: x|wget h&id", "sh|-c|: Authorization: [X]|wget h&id" },
		{ "sh|-c|: Authorization: $(id; wget h)", NULL },
		{ "sh|-c|x_token=\"$(id; cat /etc/shadow)\"", NULL },
		{ "sh|-c|x_token=\"abc$(id; cat /x)def\" cmd",
		  "sh|-c|x_token=\"[X]$(id; cat /x)[X]\" cmd" },
		{ "sh|-c|x_token=`id; cat /etc/shadow`", NULL },
		{ "sh|-c|x_token=$(curl -H 'Authorization: Bearer abc' h)",
		  "sh|-c|x_token=$(curl -H 'Authorization: Bearer [X]' h)" },
		{ "sh|-c|--|x_token=a; id; wget h", "sh|-c|--|x_token=[X]; id; wget h" },
		{ "sh|-c|:;token=1 wget h;x", "sh|-c|:;token=[X] wget h;x" },
		{ "sh|-c|echo \"token=\"; id; echo \"x\"", NULL },
		{ "sh|-c|echo 'a token=\"'; id; echo '\"'",
		  "sh|-c|echo 'a token=[X]'; id; echo '\"'" },
		{ "sh|-c|# token=\"\nid\n# \"", NULL },
		{ "sh|-c|: --password #'\nid\n#'", "sh|-c|: --password [X]\nid\n#'" },
		{ "sh|-c|: x://a:;id;@", NULL },
		{ "sh|-c|x://a:b;id;@", "sh|-c|x://a:[X];id;@" },
		{ "ssh|h|x://a:b;id;@", "ssh|h|x://a:[X];id;@" },
		{ "sh|-c|PASSWORD=x;id", "sh|-c|PASSWORD=[X];id" },
		{ "bash|-lc|--password=x&id", "bash|-lc|--password=[X]&id" },
		{ "awk|token=1;{system(\"id\")}", "awk|token=[X];{system(\"id\")}" },
		{ "sh|-c|: '\"token\":\"'; id; echo '\"'", NULL },
		{ "app|--password=ab;cd&e", "app|--password=[X]" },
	};

	CHECK_ARGS(BUILTIN, rows);
}

static void masked_bytes_are_counted(void)
{
	struct redactor *redactor = BUILTIN;
	struct text args = strings_of("app|--password=hunter2|--token|abc", false);

	give_args(redactor, "", args);
	CHECK(event.process.redacted_bytes == strlen("hunter2abc"));
	free((void *)args.bytes);
	redact_free(redactor);
}

/* regexec(3) took 0.29 s for this pattern and 15 KiB. */
static void patterns_have_a_time_limit(void)
{
	enum { LENGTH = 15 * 1024 };
	struct redactor *redactor = PATTERNS("(.*)");
	char *argument = calloc(1, LENGTH + 1); /* the sanitizer's regexec(3) reads up to a NUL */
	struct timespec before, after;
	double ms;

	memset(argument, 'a', LENGTH);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	give_args(redactor, "", (struct text){ argument, LENGTH });
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	ms = (double)(after.tv_sec - before.tv_sec) * 1e3 +
	     (double)(after.tv_nsec - before.tv_nsec) / 1e6;
	printf("# %.1f ms\n", ms);
	CHECK(ms < 50);
	CHECK(event.exec.args.length == strlen("[REDACTED]"));
	CHECK(event.process.redacted == RECORD_KEY_ARGS);
	CHECK(event.process.redacted_bytes == LENGTH);
	redact_free(redactor);
	redactor = PATTERNS("b+");
	argument[LENGTH - 1] = 'b';
	give_args(redactor, "", (struct text){ argument, LENGTH });
	CHECK(event.process.redacted_bytes == 1);
	redact_free(redactor);
	free(argument);
}

static void cut_strings(void)
{
	static const struct row rows[] = {
		{ "x|--password=hun", "x|--password=[X]" },
		{ "x|--password|hun", "x|--password|[X]" },
		{ "x|ghp_abc", "x|[X]" },
		{ "x|AKIA", "x|[X]" },
		{ "x|SG.", "x|[X]" },
		{ "x|SG", NULL },
		{ "x|https://bob:hun", "x|https://bob:[X]" },
		{ "x|eyJhbGciOiJub25lIn0.eyJz", "x|[X]" },
		{ "x|-----BEGIN PRIVATE KEY-----\nMI", "x|[X]" },
		{ "x|Authorization: Bearer a", "x|Authorization: Bearer [X]" },
		{ "x|{\"password\":\"hun", "x|{\"password\":\"[X]" },
		{ "ghp_abc|x", NULL },
		{ "x|https://host", NULL },
		{ "x|https://host:80/", NULL },
		{ "x|--password", NULL },
	};

	CHECK_CUT(BUILTIN, rows);
}

static void patterns_of_the_user(void)
{
	static const struct row whole[] = {
		{ "app|id-123-x-id-45", "app|[X]-x-[X]" },
		{ "id-1|\xff\xfeid-22\x80", "[X]|\xff\xfe[X]\x80" },
		{ "app|--password|x", NULL },
	};
	static const struct row group[] = {
		{ "app|--pin=1234|--pin=5 --pin=6", "app|--pin=[X]|--pin=[X] --pin=[X]" },
		{ "app|zz", "app|[X]" }, /* the group does not participate */
		{ "app|--pin=x", NULL },
	};
	static const struct row empty[] = {
		{ "app|bxxb", "app|b[X]b" },
		{ "", NULL },
	};
	static const struct row anchored[] = {
		{ "aa|aab|baa", "[X]a|[X]ab|baa" },
	};
	static const struct row two[] = {
		{ "abc|xabcx", "[X]|x[X]x" },
	};

	CHECK_ARGS(PATTERNS("id-[0-9]+"), whole);
	CHECK_ARGS(PATTERNS("--pin=([0-9]+)|zz"), group);
	CHECK_ARGS(PATTERNS("x*"), empty);
	CHECK_ARGS(PATTERNS("^a"), anchored);
	CHECK_ARGS(PATTERNS("ab", "bc"), two);
}

static void wrong_patterns(void)
{
	struct redactor *redactor;
	char why[128] = "";

	CHECK(redact_new(&redactor) == 0);
	CHECK(redact_add_pattern(redactor, "a(", why, sizeof(why)) == -EINVAL);
	CHECK(why[0]);
	CHECK(redact_add_pattern(redactor, "a", why, sizeof(why)) == 0);
	give_args(redactor, "", (struct text){ "bab", 4 });
	CHECK(event.process.redacted == RECORD_KEY_ARGS);
	redact_free(redactor);
}

static void variables(void)
{
	static const struct {
		const char *name, *given, *shown;
	} rows[] = {
		{ "PGPASSWORD", "hunter2", "[REDACTED]" },
		{ "GITHUB_TOKEN", "x y", "[REDACTED]" },
		{ "HOME", "/root", NULL },
		{ "PWD", "/root", NULL },
		{ "MYSQL_PWD", "", NULL },
		{ "DATABASE_URL", "postgres://bob:hunter2@host/db",
		  "postgres://bob:[REDACTED]@host/db" },
		{ "CMD", "mysql -psecret", "mysql -p[REDACTED]" },
		{ "X",
		  "\xff"
		  "AKIAIOSFODNN7EXAMPLE",
		  "\xff[REDACTED]" },
	};
	enum { COUNT = sizeof(rows) / sizeof(rows[0]) };
	struct event_variable given[COUNT];
	struct redactor *redactor = BUILTIN;

	event = (struct event){ .context = &event.own_context, .type = EVENT_EXEC_FAILED };
	event.exec.variables = given;
	event.exec.variable_count = COUNT;
	for (int i = 0; i < COUNT; i++)
		given[i] = (struct event_variable){ text_from_string(rows[i].name),
						    text_from_string(rows[i].given) };
	redact_event(redactor, &event);
	CHECK(event.process.redacted == RECORD_KEY_ENV);
	for (int i = 0; i < COUNT; i++) {
		const char *shown = rows[i].shown ? rows[i].shown : rows[i].given;

		CHECK(given[i].value.length == strlen(shown) &&
		      !memcmp(given[i].value.bytes, shown, strlen(shown)));
		CHECK(rows[i].shown || given[i].value.bytes == rows[i].given);
	}
	redact_free(redactor);
}

static void hidden_arguments(void)
{
	struct redactor *redactor = BUILTIN;

	redact_hide_args(redactor);
	give_args(redactor, "", text_from_string("--password=x"));
	CHECK(event.exec.args_hidden);
	CHECK(!event.process.redacted);
	redact_free(redactor);
}

static void other_events(void)
{
	struct redactor *redactor = BUILTIN;

	event = (struct event){ .context = &event.own_context,
				.type = EVENT_EXIT,
				.exit = { .status = 3 } };
	redact_event(redactor, &event);
	CHECK(event.exit.status == 3 && !event.process.redacted);
	event = (struct event){ .context = &event.own_context,
				.type = EVENT_LOST,
				.lost = { .count = 3 } };
	redact_event(redactor, &event);
	CHECK(event.lost.count == 3);
	redact_free(redactor);
}

/* Longer than the largest possible allocation: it cannot be copied. */
static void without_memory(void)
{
	static char huge[(ALLOCATION_MAX_MB + 1) << 20] = "--password=hunter2";
	struct redactor *redactor = BUILTIN;
	struct event_variable variable = { text_from_string("PGPASSWORD"), { huge, sizeof(huge) } };

	memset(huge + strlen(huge), 'x', sizeof(huge) - strlen(huge));
	event = (struct event){ .context = &event.own_context, .type = EVENT_EXEC };
	event.exec.args = (struct text){ huge, sizeof(huge) };
	event.exec.variables = &variable;
	event.exec.variable_count = 1;
	redact_event(redactor, &event);
	CHECK(event.process.redacted == (RECORD_KEY_ARGS | RECORD_KEY_ENV));
	CHECK(event.exec.args_hidden);
	CHECK(variable.value.length == 10 && !memcmp(variable.value.bytes, "[REDACTED]", 10));
	redact_free(redactor);
}

int main(void)
{
	tap_run("the value of an option that is secret by its name is masked", options_by_name);
	tap_run("the value of an option that is secret in some programs is masked there",
		options_of_programs);
	tap_run("a program is known by its filename as well", filename_names_the_program_too);
	tap_run("short words are examined in one pass", short_words);
	tap_run("a line is split into words and commands at the same bytes as by a shell",
		bytes_between_words);
	tap_run("NAME=value is masked where the name says so, up to where the value ends",
		assignments);
	tap_run("headers and members of JSON objects are masked, the scheme stays",
		headers_and_json);
	tap_run("passwords in URLs are masked", urls);
	tap_run("secrets that show what they are by their shape are masked", shapes);
	tap_run("command lines in arguments are looked into", command_lines);
	tap_run("a mask hides no command: a value ends where one could begin", commands_stay);
	tap_run("masked bytes are counted", masked_bytes_are_counted);
	tap_run("patterns have a time limit, above which a string is masked whole",
		patterns_have_a_time_limit);
	tap_run("a secret whose end was cut is masked", cut_strings);
	tap_run("every match of a pattern is masked, or its group", patterns_of_the_user);
	tap_run("a pattern that is none is refused, with a reason, and others are taken",
		wrong_patterns);
	tap_run("variables are masked by name and by what they hold", variables);
	tap_run("arguments can be hidden", hidden_arguments);
	tap_run("other events stay as they are", other_events);
	tap_run("what can't be copied is hidden", without_memory);
	return tap_end();
}
