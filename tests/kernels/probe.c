// SPDX-License-Identifier: BSD-2-Clause
/*
 * The program that the cases execute. Writes a fact with the values of /proc and the kernel about
 * itself. $CASE names the case, or argv[1] if the kernel started it. With $LOOP it then executes
 * itself that many times. With $HOLD it stops behind its fact, whose kind is "running".
 *
 * probe storm WORKER NUMBER COUNT LETTERS: executes itself with NUMBER incremented up to COUNT; the
 * number of equal LETTERS follows from WORKER and NUMBER.
 */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#define PROBE "/bin/probe"

extern char **environ;

static char text[4 << 20];

/* Reads a file below /proc into text. Returns its length, or -1 if it cannot be read. */
static ssize_t read_proc(const char *path)
{
	int fd = openat(PROC_FD, path, O_RDONLY | O_CLOEXEC);
	ssize_t length = 0, got;

	if (fd < 0)
		return -1;
	while ((got = read(fd, text + length, sizeof(text) - 1 - (size_t)length)) > 0)
		length += got;
	close(fd);
	text[length] = '\0';
	return length;
}

static void write_link(const char *key, const char *path)
{
	ssize_t length = readlinkat(PROC_FD, path, text, sizeof(text));

	if (length >= 0)
		fact_bytes(key, text, (size_t)length);
	else if (errno == EACCES || errno == EPERM)
		fact_unknown(key);
}

static void write_file(void)
{
	struct stat file;
	char number[32];

	if (fstatat(PROC_FD, "self/exe", &file, 0))
		return;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)file.st_ino);
	fact_string("exe_ino", number);
	snprintf(number, sizeof(number), "%u:%u", major(file.st_dev), minor(file.st_dev));
	fact_string("exe_dev", number);
	snprintf(number, sizeof(number), "%04o", file.st_mode & 07777);
	fact_string("exe_mode", number);
	fact_number("exe_uid", file.st_uid);
	fact_number("exe_gid", file.st_gid);
	fact_number("exe_size", file.st_size);
	fact_number("exe_mtime_ns", file.st_mtim.tv_sec * 1000000000LL + file.st_mtim.tv_nsec);
}

/* Writes what a descriptor is, where its link says so without a path. */
static void write_descriptor(const char *key, const char *path)
{
	ssize_t length = readlinkat(PROC_FD, path, text, sizeof(text) - 1);

	text[length < 0 ? 0 : length] = '\0';
	if (strstr(text, ":[") || !strcmp(text, "/dev/null"))
		fact_string(key, text);
}

/* Does not use /proc/self/environ, which a setuid program cannot read. */
static void write_environment(void)
{
	size_t length = 0;

	for (char **variable = environ; *variable; variable++) {
		memcpy(text + length, *variable, strlen(*variable) + 1);
		length += strlen(*variable) + 1;
	}
	fact_bytes("env", text, length);
}

static void write_namespace(const char *key, const char *path)
{
	ssize_t length = readlinkat(PROC_FD, path, text, sizeof(text) - 1);

	if (length < 0)
		return;
	text[length] = '\0';
	fact_number(key, atoll(strchr(text, '[') + 1));
}

static void write_number_in(const char *key, const char *path)
{
	if (read_proc(path) > 0)
		fact_number(key, atoll(text));
}

/* proc(5), /proc/PID/stat: field 3 is the first one after the name in parentheses */
static long long stat_field(const char *path, int wanted)
{
	char *field;

	if (read_proc(path) <= 0)
		return -1;
	if (wanted == 1)
		return atoll(text);
	field = strrchr(text, ')') + 2;
	for (int number = 3; number < wanted; number++)
		field = strchr(field, ' ') + 1;
	return atoll(field);
}

static void write_status(void)
{
	long long real, effective;
	char *line;

	read_proc("self/status");
	line = strstr(text, "\nUid:");
	if (line && sscanf(line, "\nUid: %lld %lld", &real, &effective) == 2) {
		fact_number("uid", real);
		fact_number("euid", effective);
	}
	line = strstr(text, "\nGid:");
	if (line && sscanf(line, "\nGid: %lld %lld", &real, &effective) == 2) {
		fact_number("gid", real);
		fact_number("egid", effective);
	}
	line = strstr(text, "\nCapPrm:\t");
	if (line)
		fact_bytes("cap_prm", line + strlen("\nCapPrm:\t"), 16);
	line = strstr(text, "\nCapEff:\t");
	if (line)
		fact_bytes("cap_eff", line + strlen("\nCapEff:\t"), 16);
}

static void write_parent(long long ppid)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "%lld/comm", ppid);
	length = read_proc(path);
	if (length > 0)
		fact_bytes("parent_comm", text, (size_t)length - 1);
	snprintf(path, sizeof(path), "%lld/exe", ppid);
	write_link("parent_exe", path);
	snprintf(path, sizeof(path), "%lld/cmdline", ppid);
	length = read_proc(path);
	if (length > 0)
		fact_bytes("parent_args", text, (size_t)length);
	snprintf(path, sizeof(path), "%lld/stat", ppid);
	fact_number("parent_start_ticks", stat_field(path, 22));
}

static void write_cgroup(void)
{
	char *line, *end;

	read_proc("self/cgroup");
	line = strstr(text, "0::");
	end = line ? strchr(line, '\n') : NULL;
	if (end)
		fact_bytes("cgroup", line + 3, (size_t)(end - line - 3));
}

static long long clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* The wall clock is read between two readings of the boot clock: its offset is between the two
 * differences. */
static void write_facts(const char *name)
{
	long long before_ns = clock_ns(CLOCK_BOOTTIME), wall_ns = clock_ns(CLOCK_REALTIME);
	long long boot_ns = clock_ns(CLOCK_BOOTTIME);
	ssize_t length;

	fact_begin(getenv("HOLD") ? "running" : "exec", name);
	fact_number("boot_ns", boot_ns);
	fact_number("wall_minus_boot_min", wall_ns - boot_ns);
	fact_number("wall_minus_boot_max", wall_ns - before_ns);
	fact_number("pid", stat_field("self/stat", 1));
	fact_number("ppid", stat_field("self/stat", 4));
	fact_number("pgid", stat_field("self/stat", 5));
	fact_number("sid", stat_field("self/stat", 6));
	fact_number("tty_device", stat_field("self/stat", 7));
	fact_number("start_ticks", stat_field("self/stat", 22));
	fact_number("ns_pid", getpid());
	fact_string("filename", (const char *)getauxval(AT_EXECFN));
	length = read_proc("self/cmdline");
	fact_bytes("args", text, length > 0 ? (size_t)length : 0);
	write_environment();
	write_link("exe", "self/exe");
	write_link("cwd", "self/cwd");
	write_file();
	write_descriptor("stdin", "self/fd/0");
	write_descriptor("stdout", "self/fd/1");
	write_descriptor("stderr", "self/fd/2");
	length = read_proc("self/comm");
	if (length > 0)
		fact_bytes("name", text, (size_t)length - 1);
	write_status();
	write_number_in("auid", "self/loginuid");
	write_number_in("ses", "self/sessionid");
	write_namespace("pid_ns", "self/ns/pid");
	write_namespace("mnt_ns", "self/ns/mnt");
	write_namespace("net_ns", "self/ns/net");
	write_namespace("user_ns", "self/ns/user");
	write_cgroup();
	write_parent(stat_field("self/stat", 4));
	fact_send();
}

static int storm(char **argv)
{
	int worker = atoi(argv[2]), number = atoi(argv[3]) + 1;
	char next[16], letters[3001];
	int length = 300 + number * 37 % 2700;

	if (number >= atoi(argv[4]))
		return 0;
	snprintf(next, sizeof(next), "%d", number);
	memset(letters, 'a' + (worker * 13 + number) % 26, (size_t)length);
	letters[length] = '\0';
	execl(PROBE, argv[0], argv[1], argv[2], next, argv[4], letters, NULL);
	return 1;
}

/* A usermode helper of the kernel inherits no descriptors. */
static void open_descriptors(void)
{
	if (fcntl(PROC_FD, F_GETFD) >= 0)
		return;
	dup2(open("/proc", O_RDONLY | O_DIRECTORY), PROC_FD);
	dup2(open(FACTS_PATH, O_WRONLY | O_APPEND), FACTS_FD);
	while (read(STDIN_FILENO, text, sizeof(text)) > 0)
		; /* reads all: the core flag depends on it */
}

int main(int argc, char **argv)
{
	const char *loop = getenv("LOOP"), *name = getenv("CASE");
	char left[16];

	if (argc == 6 && !strcmp(argv[1], "storm"))
		return storm(argv);
	open_descriptors();
	write_facts(name ? name : argc > 1 ? argv[1] : "unnamed");
	if (getenv("HOLD"))
		raise(SIGSTOP);
	if (loop && atoi(loop) > 0) {
		snprintf(left, sizeof(left), "%d", atoi(loop) - 1);
		setenv("LOOP", left, 1);
		execve(PROBE, argv, environ);
		return 1;
	}
	return 0;
}
