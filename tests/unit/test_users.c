// SPDX-License-Identifier: BSD-2-Clause
/* Names of users and groups, from this host's files, constructed ones, and ones that change. */
#include "event/name_table.h"
#include "event/users.h"
#include "tap.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
#define MANY 100000

static char directory[] = "/tmp/exectap-users-XXXXXX";
static char passwd_path[64], group_path[64], other_path[64];
static uint64_t now_ns; /* of users_refresh(), later than any real time */

static void write_file(const char *path, const char *contents, size_t length)
{
	FILE *file = fopen(path, "w");

	if (!file || fwrite(contents, 1, length, file) != length || fclose(file)) {
		perror(path);
		exit(1);
	}
}

static void write_passwd(const char *contents)
{
	write_file(passwd_path, contents, strlen(contents));
}

static struct users *new_users(const char *passwd, const char *group)
{
	struct users *users;

	write_passwd(passwd);
	write_file(group_path, group, strlen(group));
	if (users_new(&users, directory))
		exit(1);
	now_ns = 1000000 * SECOND_NS * 1000;
	return users;
}

/* Two seconds later, so that the files are checked. */
static void refresh(struct users *users)
{
	users_refresh(users, now_ns += 2 * SECOND_NS);
}

static bool is_user(struct users *users, uint32_t uid, const char *name)
{
	struct text found = users_find_user(users, uid);
	bool same = text_equals(found, name);

	if (!same)
		printf("# uid %u: '%.*s', expected '%s'\n", uid, (int)found.length, found.bytes,
		       name);
	return same;
}

/* Standard error goes to a file from here on; count_messages() ends that. */
static int stderr_copy;
static FILE *messages;

static void catch_messages(void)
{
	messages = tmpfile();
	stderr_copy = dup(STDERR_FILENO);
	dup2(fileno(messages), STDERR_FILENO);
}

/* Returns the number of lines that contain the text. */
static int count_messages(const char *text)
{
	char line[1024];
	int count = 0;

	dup2(stderr_copy, STDERR_FILENO);
	close(stderr_copy);
	rewind(messages);
	while (fgets(line, sizeof(line), messages)) {
		count += strstr(line, text) != NULL;
		if (!strstr(line, text))
			printf("# %s", line);
	}
	fclose(messages);
	return count;
}

/* getpwuid(3) would ask other services as well. */
static void names_of_this_host(void)
{
	FILE *passwd_file = fopen("/etc/passwd", "r"), *group_file = fopen("/etc/group", "r");
	const struct passwd *user;
	const struct group *group;
	struct users *users;
	int count = 0;

	CHECK(!users_new(&users, "/etc"));
	CHECK(users_are_complete(users));
	while (passwd_file && (user = fgetpwent(passwd_file))) {
		struct text first = users_find_user(users, user->pw_uid);
		FILE *again = fopen("/etc/passwd", "r");
		const struct passwd *same;
		char name[256];

		snprintf(name, sizeof(name), "%s", user->pw_name);
		while ((same = fgetpwent(again)) && !text_equals(first, same->pw_name))
			;
		CHECK(same && first.length);
		fclose(again);
		count++;
	}
	while (group_file && (group = fgetgrent(group_file)))
		CHECK(text_equals(users_find_group(users, group->gr_gid), group->gr_name));
	CHECK(count > 0 && is_user(users, 0, "root"));
	fclose(passwd_file);
	fclose(group_file);
	users_free(users);
}

static void entries_of_every_form(void)
{
	static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
				     "toor:x:0:0::/:/bin/sh\n"
				     "\n"
				     "# comment:x:1:\n"
				     "  blanks:x:2:2::/:\n"
				     "+nis:x:3:\n"
				     "-nis:x:3:\n"
				     "empty-password::4:4::/:\n"
				     "m\xc3\xbcller:x:5:5::/:\n"
				     "dom\\user:x:6:6::/:\n"
				     "highest:x:4294967294:0::/:\n"
				     "last:x:7:7::/:";
	struct users *users;

	catch_messages();
	users = new_users(passwd, "");
	CHECK(count_messages("exectap:") == 0);
	CHECK(is_user(users, 0, "root") && is_user(users, 1, "") && is_user(users, 2, "blanks"));
	CHECK(is_user(users, 3, "") && is_user(users, 4, "empty-password"));
	CHECK(is_user(users, 5, "m\xc3\xbcller") && is_user(users, 6, "dom\\user"));
	CHECK(is_user(users, 4294967294, "highest") && is_user(users, 7, "last"));
	CHECK(is_user(users, 0, "root")); /* after another one */
	CHECK(!users_find_group(users, 0).length && users_are_complete(users));
	users_free(users);
}

static void malformed_lines_are_ignored(void)
{
	static const char *const lines[] = {
		"nothing",
		"a:x",
		"a:x:",
		"a:x:1",
		"a:x:one:",
		":x:1:",
		"a:x:-1:",
		"a:x:4294967295:",
		"a:x: 1:",
		"a:x:1 :",
		"a\x01:x:1:",
		"a\xff:x:1:",
		"a\xc2\x9b:x:1:",
		"a\x7f:x:1:",
		"a:x:18446744073709551617:",
		"a:x:4294967297:",
	};
	char contents[256];
	struct users *users;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(contents, sizeof(contents), "root:x:0:\n%s\nb:x:2:\n%s\n", lines[i],
			 lines[i]);
		catch_messages();
		users = new_users(contents, "");
		CHECK(count_messages("passwd: line 2 is malformed") == 1);
		CHECK(is_user(users, 0, "root") && is_user(users, 1, "") && is_user(users, 2, "b"));
		users_free(users);
	}
}

static void lengths_are_limited(void)
{
	char line[NAME_TABLE_NAME_BYTES + 16], name[NAME_TABLE_NAME_BYTES + 2], *long_line;
	struct users *users;

	memset(name, 'n', sizeof(name));
	name[NAME_TABLE_NAME_BYTES + 1] = '\0';
	snprintf(line, sizeof(line), "%s:x:1:\n", name + 1);
	users = new_users(line, "");
	CHECK(is_user(users, 1, name + 1));
	users_free(users);
	snprintf(line, sizeof(line), "%s:x:1:\n", name);
	catch_messages();
	users = new_users(line, "");
	CHECK(count_messages("line 1 is malformed") == 1 && is_user(users, 1, ""));
	users_free(users);

	long_line = malloc(1 << 20);
	memset(long_line, ',', 1 << 20);
	memcpy(long_line, "group:x:1:", 10);
	memcpy(long_line + (1 << 20) - 11, "\nnext:x:2:", 11);
	users = new_users("", long_line);
	CHECK(text_equals(users_find_group(users, 1), "group") &&
	      text_equals(users_find_group(users, 2), "next"));
	users_free(users);
	free(long_line);
}

static double cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void many_users(void)
{
	char *contents = malloc(MANY * 64), *end = contents, expected[16];
	struct users *users;
	double begin;

	for (unsigned int i = 0; i < MANY; i++)
		end += sprintf(end, "u%u:x:%u:%u:User %u:/home/u%u:/bin/sh\n", i, i * 7, i, i, i);
	users = new_users(contents, "");
	begin = cpu_s();
	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(expected, sizeof(expected), "u%u", i);
		CHECK(text_equals(users_find_user(users, i * 7), expected));
		CHECK(!users_find_user(users, i * 7 + 1).length);
	}
	/* a search through all entries would take 10^10 steps */
	CHECK(cpu_s() - begin < 5);
	users_free(users);
	free(contents);
}

static void changes_are_seen(void)
{
	struct users *users = new_users("old:x:1:\n", "");
	const struct timespec times[2] = { { 1000, 0 }, { 1000, 0 } };

	write_passwd("new:x:1:\n"); /* as long, perhaps in the same tick */
	CHECK(is_user(users, 1, "old"));
	users_refresh(users, now_ns += 2 * SECOND_NS);
	CHECK(is_user(users, 1, "new"));
	write_file(other_path, "renamed:x:1:\n", 13);
	CHECK(!rename(other_path, passwd_path));
	users_refresh(users, now_ns + SECOND_NS / 2);
	CHECK(is_user(users, 1, "new")); /* not within the same second */
	refresh(users);
	CHECK(is_user(users, 1, "renamed") && is_user(users, 2, ""));
	write_passwd("another:x:1:\nadded:x:2:\n");
	CHECK(!utimensat(AT_FDCWD, passwd_path, times, 0));
	refresh(users);
	CHECK(is_user(users, 1, "another") && is_user(users, 2, "added"));
	users_free(users);
}

/* Returns the names of a path that is not readable as a file of names. */
static void expect_unreadable(struct users *users, const char *reason)
{
	catch_messages();
	refresh(users);
	refresh(users);
	CHECK(count_messages(reason) == 1);
	CHECK(is_user(users, 1, "") && !users_are_complete(users));
	remove(passwd_path);
	write_passwd("good:x:1:\n");
	catch_messages();
	refresh(users);
	CHECK(count_messages("exectap:") == 0);
	CHECK(is_user(users, 1, "good") && users_are_complete(users));
}

static bool absent_files_have_no_names(void)
{
	struct users *users;
	bool found;

	if (users_new(&users, "/nonexistent"))
		exit(1);
	found = users_find_user(users, 0).length || users_are_complete(users);
	users_free(users);
	return !found;
}

static void hostile_files(void)
{
	struct users *users = new_users("good:x:1:\n", "");

	catch_messages();
	CHECK(absent_files_have_no_names());
	CHECK(count_messages("exectap:") == 0);
	CHECK(!remove(passwd_path));
	expect_unreadable(users, "/passwd: No such file or directory; its names are left out");
	CHECK(!remove(passwd_path) && !mkfifo(passwd_path, 0644));
	expect_unreadable(users, "/passwd: not a regular file");
	CHECK(!remove(passwd_path) && !mkdir(passwd_path, 0755));
	expect_unreadable(users, "/passwd: not a regular file");
	CHECK(!remove(passwd_path) && !symlink("/dev/zero", passwd_path));
	expect_unreadable(users, "/passwd: not a regular file");
	CHECK(!remove(passwd_path) && !symlink("passwd", passwd_path));
	expect_unreadable(users, "/passwd: Too many levels of symbolic links");
	write_passwd("good:x:1:\n");
	CHECK(!truncate(passwd_path, NAME_TABLE_FILE_BYTES + 1));
	expect_unreadable(users, "/passwd: larger than 16 MiB");
	users_free(users);
}

static void binary_files(void)
{
	static const char nuls[] = "good:x:1:\n\0\0:x:2:\nb\0d:x:3:\nc:\0:4:\n\xff\xfe\n:\n::\n:::";
	struct users *users = new_users("", "");

	write_file(passwd_path, nuls, sizeof(nuls));
	catch_messages();
	refresh(users);
	CHECK(count_messages("line 2 is malformed") == 1);
	CHECK(is_user(users, 1, "good") && is_user(users, 2, "") && is_user(users, 3, "") &&
	      is_user(users, 4, "c"));
	CHECK(!truncate(passwd_path, NAME_TABLE_FILE_BYTES)); /* NULs for the greater part */
	refresh(users);
	CHECK(is_user(users, 1, "good") && users_are_complete(users));
	users_free(users);
}

int main(void)
{
	if (!mkdtemp(directory))
		return 1;
	snprintf(passwd_path, sizeof(passwd_path), "%s/passwd", directory);
	snprintf(group_path, sizeof(group_path), "%s/group", directory);
	snprintf(other_path, sizeof(other_path), "%s/passwd+", directory);
	tap_run("the names of this host's ids are those of fgetpwent(3) and fgetgrent(3)",
		names_of_this_host);
	tap_run("every form of an entry has its name, and the first name of an id counts",
		entries_of_every_form);
	tap_run("malformed lines are ignored and reported once", malformed_lines_are_ignored);
	tap_run("a name is short, a line may be long", lengths_are_limited);
	tap_run("of 100,000 users each is found in constant time", many_users);
	tap_run("a changed or replaced file is read again, at most once a second",
		changes_are_seen);
	tap_run("what is no file of names is reported once, and read once it is one",
		hostile_files);
	tap_run("a file that is no text has the names that it has", binary_files);
	remove(passwd_path);
	remove(group_path);
	rmdir(directory);
	return tap_end();
}
