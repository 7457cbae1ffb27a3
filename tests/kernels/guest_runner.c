// SPDX-License-Identifier: BSD-2-Clause
/*
 * guest_runner: runs exectap in the guest with each way to execute, to fail and to exit. Writes
 * facts (facts.h) about its actions; the executed programs write their own facts (probe.c).
 * verify_guest compares both with the lines.
 *
 * Each way runs in its own process, named by-NAME. It does not return if it executes a program
 * itself. Without a fact of kind "case" one exec is expected, with the keys of probe's fact.
 */
#include "facts.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define PROBE "/bin/probe"
#define WORK "/work"
#define TRACING "/sys/kernel/tracing"
#define PIN_DIRECTORY "/sys/fs/bpf/exectap"
#define NAME_BYTES 16 /* TASK_COMM_LEN */
#define STATUS_BROKEN 99
#define STORM_WORKERS_MAX 24
#define ABSENT "/absent"

extern char **environ;

static const char *case_name;
static bool has_failed, has_exit, has_env, has_pin;

/* --- wrappers that exit on failure */

static void broken(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", case_name, what, strerror(errno));
	_exit(STATUS_BROKEN);
}

static int done(int result, const char *what)
{
	if (result < 0)
		broken(what);
	return result;
}

static void skip(const char *why)
{
	fact_begin("skip", case_name);
	fact_string("why", why);
	fact_send();
	_exit(0);
}

static void make_file(const char *path, const void *bytes, size_t length, mode_t mode)
{
	int fd = done(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), path);

	if (write(fd, bytes, length) != (ssize_t)length)
		broken(path);
	done(fchmod(fd, mode), path);
	close(fd);
}

static void write_to(const char *path, const char *string)
{
	int fd = done(open(path, O_WRONLY | O_CLOEXEC), path);

	done((int)write(fd, string, strlen(string)), path);
	close(fd);
}

static void copy_to_fd(int to, const char *path)
{
	static char bytes[1 << 16];
	int from = done(open(path, O_RDONLY | O_CLOEXEC), path);
	ssize_t length;

	while ((length = read(from, bytes, sizeof(bytes))) > 0)
		done((int)write(to, bytes, (size_t)length), "write");
	close(from);
}

static const char *copy_probe(const char *path)
{
	int fd = done(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755), path);

	copy_to_fd(fd, PROBE);
	close(fd);
	return path;
}

static void make_dir(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		broken(path);
}

/* Writes a fact of kind "case", which replaces values of probe's facts for this case. */
static void expect_begin(void)
{
	fact_begin("case", case_name);
}

static void expect_number(const char *key, long long value)
{
	expect_begin();
	fact_number(key, value);
	fact_send();
}

static void reap(pid_t pid)
{
	int status;

	done(waitpid(pid, &status, 0), "waitpid");
	fact_begin("exit", case_name);
	fact_number("pid", pid);
	fact_number("status", status);
	fact_send();
}

static void execute(const char *path)
{
	char *arguments[] = { (char *)path, "one two", "", "\xff\x01", NULL };

	execve(path, arguments, environ);
	broken(path);
}

/* --- ways to execute */

static void way_execve(void)
{
	execute(PROBE);
}

static void way_execveat_directory(void)
{
	char *arguments[] = { "probe", NULL };

	syscall(SYS_execveat, done(open("/bin", O_PATH), "/bin"), "probe", arguments, environ, 0);
	broken("execveat");
}

static void way_execveat_empty_path(void)
{
	char *arguments[] = { "probe", "", NULL };

	syscall(SYS_execveat, done(open(PROBE, O_RDONLY), PROBE), "", arguments, environ,
		AT_EMPTY_PATH);
	broken("execveat");
}

static void execute_fd(int fd)
{
	char *arguments[] = { "probe", "by descriptor", NULL };

	fexecve(fd, arguments, environ);
	broken("fexecve");
}

static void way_memfd(void)
{
	int fd = done(memfd_create("some name", 0), "memfd_create");

	copy_to_fd(fd, PROBE);
	expect_begin();
	fact_string("exe", "/memfd:some name");
	fact_number("memfd", 1);
	fact_send();
	execute_fd(fd);
}

static void way_deleted(void)
{
	const char *path = copy_probe(WORK "/gone");
	int fd = done(open(path, O_RDONLY), path);

	unlink(path);
	expect_begin();
	fact_string("exe", path);
	fact_number("deleted", 1);
	fact_send();
	execute_fd(fd);
}

static void way_script(void)
{
	static const char script[] = "#! " PROBE " -x y\n";

	make_file(WORK "/script", script, strlen(script), 0755);
	execute(WORK "/script");
}

static void way_script_of_script(void)
{
	static const char inner[] = "#!" PROBE "\n", outer[] = "#!" WORK "/inner z\n";

	make_file(WORK "/inner", inner, strlen(inner), 0755);
	make_file(WORK "/outer", outer, strlen(outer), 0755);
	execute(WORK "/outer");
}

static void way_relative(void)
{
	make_dir(WORK "/sub");
	copy_probe(WORK "/probe");
	done(chdir(WORK "/sub"), "chdir");
	execute("../probe");
}

static void way_chroot(void)
{
	make_dir(WORK "/root");
	make_dir(WORK "/root/bin");
	copy_probe(WORK "/root" PROBE);
	expect_begin();
	fact_string("exe", WORK "/root" PROBE);
	fact_string("cwd", WORK "/root");
	fact_send();
	done(chroot(WORK "/root"), "chroot");
	done(chdir("/"), "chdir");
	execute(PROBE);
}

static void own_mounts(void)
{
	done(unshare(CLONE_NEWNS), "unshare");
	done(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount");
}

static void way_bind_mount(void)
{
	own_mounts();
	make_dir(WORK "/from");
	make_dir(WORK "/from/sub");
	make_dir(WORK "/bound");
	copy_probe(WORK "/from/sub/probe");
	done(mount(WORK "/from", WORK "/bound", NULL, MS_BIND, NULL), "mount");
	done(chdir(WORK "/bound/sub"), "chdir");
	execute(WORK "/bound/sub/probe");
}

static void mount_overlay(void)
{
	own_mounts();
	make_dir(WORK "/lower");
	make_dir(WORK "/upper");
	make_dir(WORK "/index");
	make_dir(WORK "/merged");
	copy_probe(WORK "/lower/probe");
	if (mount("overlay", WORK "/merged", "overlay", 0,
		  "lowerdir=" WORK "/lower,upperdir=" WORK "/upper,workdir=" WORK "/index"))
		skip(errno == ENODEV ? "this kernel has no overlayfs" : strerror(errno));
	done(chdir(WORK "/merged"), "chdir");
}

static void way_overlay(void)
{
	mount_overlay();
	execute(WORK "/merged/probe");
}

static void way_overlay_upper(void)
{
	mount_overlay();
	done(chmod(WORK "/merged/probe", 0750), "chmod");
	expect_begin();
	fact_number("exe_upper", 1);
	fact_send();
	execute(WORK "/merged/probe");
}

static void way_namespaces(void)
{
	pid_t child;

	done(unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET), "unshare");
	child = done(fork(), "fork");
	if (!child) {
		/* no ids are mapped, so that this process sees itself as nobody */
		expect_begin();
		fact_number("uid", 0);
		fact_number("gid", 0);
		fact_number("euid", 0);
		fact_number("egid", 0);
		fact_number("exe_uid", 0);
		fact_number("exe_gid", 0);
		fact_number("ns_pid", 1);
		fact_send();
		execute(PROBE);
	}
	reap(child);
	_exit(0);
}

static void *execute_as_thread(void *unused)
{
	(void)unused;
	prctl(PR_SET_NAME, "some-thread");
	expect_begin();
	fact_number("tid", syscall(SYS_gettid));
	fact_string("comm", "some-thread");
	fact_send();
	execute(PROBE);
	return NULL;
}

static void way_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, execute_as_thread, NULL))
		broken("pthread_create");
	for (;;)
		pause();
}

static void way_setuid_setgid(void)
{
	const char *path = copy_probe(WORK "/suid");

	done(chown(path, 3456, 4567), "chown");
	done(chmod(path, 06755), "chmod");
	done(setgid(2000), "setgid");
	done(setuid(1000), "setuid");
	execute(path);
}

static void way_32_bit(void)
{
	if (access("/bin/bits32", X_OK))
		skip("no compiler for it on this host");
	/* this program writes no facts */
	fact_begin("exec", case_name);
	fact_number("pid", getpid());
	fact_bytes("args", "/bin/bits32\0one two\0\0\xff\x01", 24);
	fact_string("filename", "/bin/bits32");
	fact_string("exe", "/bin/bits32");
	fact_string("cwd", "/");
	fact_unknown("parent_exe");
	fact_send();
	execute("/bin/bits32");
}

static void way_kernel_helper(void)
{
	pid_t child;

	write_to("/proc/sys/kernel/core_pattern", "|" PROBE " kernel_helper %P");
	expect_begin();
	fact_unknown("comm");
	fact_unknown("parent_comm");
	fact_send();
	child = done(fork(), "fork");
	if (!child) {
		prctl(PR_SET_DUMPABLE, 1);
		raise(SIGSEGV);
	}
	reap(child);
	write_to("/proc/sys/kernel/core_pattern", "core");
	_exit(0);
}

static void way_argc_0(void)
{
	char *arguments[] = { NULL };

	execve(PROBE, arguments, environ);
	broken("execve");
}

static void way_vfork(void)
{
	pid_t child = vfork();

	if (!child)
		execute(PROBE);
	reap(child);
	_exit(0);
}

static void way_posix_spawn(void)
{
	char *arguments[] = { "probe", NULL };
	pid_t child;

	if (posix_spawn(&child, PROBE, NULL, NULL, arguments, environ))
		broken("posix_spawn");
	reap(child);
	_exit(0);
}

static void way_loop(void)
{
	expect_begin();
	fact_number("execs", 21);
	fact_unknown("comm"); /* the first exec has another one */
	fact_send();
	setenv("LOOP", "20", 1);
	execute(PROBE);
}

static void way_long_path(void)
{
	static char path[4096] = WORK, name[251];
	char *arguments[] = { "probe", NULL };

	memset(name, 'n', 250);
	for (int depth = 0; depth < 15; depth++) {
		strcat(path, "/");
		strcat(path, name);
		make_dir(path);
	}
	done(chdir(path), "chdir");
	strcat(path, "/");
	strncat(path, name, sizeof(path) - 1 - strlen(path));
	execve(copy_probe(path), arguments, environ);
	broken("execve");
}

static void way_cgroup(void)
{
	make_dir("/sys/fs/cgroup/outer");
	make_dir("/sys/fs/cgroup/outer/some group");
	write_to("/sys/fs/cgroup/outer/some group/cgroup.procs", "0");
	execute(PROBE);
}

static void way_terminal(void)
{
	int master = done(posix_openpt(O_RDWR | O_NOCTTY), "posix_openpt"), slave;

	done(unlockpt(master), "unlockpt");
	slave = done(open(ptsname(master), O_RDWR | O_NOCTTY), "pts");
	done(setsid(), "setsid");
	done(ioctl(slave, TIOCSCTTY, 0), "TIOCSCTTY");
	execute(PROBE);
}

static void way_audit_login(void)
{
	if (access("/proc/self/loginuid", W_OK))
		skip("this kernel has no audit logins");
	write_to("/proc/self/loginuid", "4321");
	execute(PROBE);
}

static void way_environment(void)
{
	if (!has_env)
		skip("this exectap has no --env");
	setenv("EMPTY", "", 1);
	setenv("BYTES", "\xff\xc3\xa9=,\"", 1);
	execute(PROBE);
}

static void way_descriptors(void)
{
	int pipes[2], sockets[2];

	done(pipe(pipes), "pipe");
	done(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), "socketpair");
	dup2(pipes[0], STDIN_FILENO);
	dup2(sockets[0], STDOUT_FILENO);
	dup2(done(open("/dev/null", O_RDWR), "/dev/null"), STDERR_FILENO);
	execute(PROBE);
}

/* A table that is not in files_struct, as the children of a shell with a script have */
static void way_large_table(void)
{
	done(fcntl(STDIN_FILENO, F_DUPFD, 300), "fcntl");
	way_descriptors();
}

/* --- ways to fail */

/* The attempt that this thread makes next; `error` 0: unknown */
static void fact_failure(int error, const char *filename, const char *arguments,
			 size_t arguments_bytes)
{
	fact_begin("failed", case_name);
	fact_number("pid", getpid());
	if (syscall(SYS_gettid) != getpid())
		fact_number("tid", syscall(SYS_gettid));
	if (error)
		fact_number("errno", error);
	if (filename)
		fact_string("filename", filename);
	if (arguments)
		fact_bytes("args", arguments, arguments_bytes);
	fact_send();
}

/*
 * The strings are on the stack, whose pages are resident. If the kernel finds no file it does not
 * read the strings, and does not fault in pages that this process has not touched.
 */
static void fail(const char *path)
{
	char words[] = "a b", byte[] = "\xff", empty[] = "";
	char *arguments[] = { words, empty, byte, empty, NULL };

	execve(path, arguments, environ);
	fact_failure(errno, path, "a b\0\0\xff\0", 8);
}

static void *fail_as_thread(void *name)
{
	prctl(PR_SET_NAME, name);
	fail("/not/there/either");
	return NULL;
}

static void way_failed(void)
{
	static char long_name[301];
	char word[] = "x", *arguments[] = { word, NULL };
	char name[NAME_BYTES];
	pthread_t thread;

	if (!has_failed)
		skip("this exectap has no exec_failed");
	expect_number("execs", 0);
	make_file(WORK "/plain", "", 0, 0644);
	make_file(WORK "/text", "hello\n", 6, 0755);
	if (symlink("loop", WORK "/loop") && errno != EEXIST)
		broken("symlink");
	memset(long_name, 'n', 300);
	fail("./not-there");
	fail("");
	fail(WORK);
	fail(WORK "/plain");
	fail(WORK "/text");
	fail(WORK "/loop");
	fail(WORK "/plain/x");
	fail(long_name);
	syscall(SYS_execve, 1, arguments, NULL);
	fact_failure(errno, NULL, "x", 2);
	syscall(SYS_execve, PROBE, 16, NULL);
	fact_failure(errno, PROBE, NULL, 0);
	dup2(done(open(WORK, O_RDONLY), WORK), 77);
	syscall(SYS_execveat, 77, "sub/not-there", arguments, NULL, 0);
	fact_failure(errno, "/dev/fd/77/sub/not-there", "x", 2);
	prctl(PR_GET_NAME, name);
	if (pthread_create(&thread, NULL, fail_as_thread, name))
		broken("pthread_create");
	pthread_join(thread, NULL);
	_exit(0);
}

static bool has_fexit(void)
{
#ifdef __aarch64__
	int major = 0, minor = 0;
	struct utsname name;

	done(uname(&name), "uname");
	return sscanf(name.release, "%d.%d", &major, &minor) == 2 && major * 1000 + minor >= 6004;
#else
	return true;
#endif
}

static void way_32_bit_failed(void)
{
	if (!has_failed)
		skip("this exectap has no exec_failed");
	if (access("/bin/bits32-fail", X_OK))
		skip("no compiler for it on this host");
	if (!has_fexit())
		skip("arm64 has no fexit before 6.4, and no tracepoints of 32-bit calls");
	expect_begin();
	fact_unknown("comm");
	fact_send();
	fact_begin("exec", case_name);
	fact_number("pid", getpid());
	fact_bytes("args", "/bin/bits32-fail\0one two\0\0\xff\x01", 29);
	fact_string("exe", "/bin/bits32-fail");
	fact_unknown("parent_exe");
	fact_send();
	fact_failure(ENOENT, "/not/there", "x\0", 3);
	execute("/bin/bits32-fail");
}

#ifdef __aarch64__
#define ELF_MACHINE EM_AARCH64
#else
#define ELF_MACHINE EM_X86_64
#endif

/* An executable whose fault the kernel detects after it destroyed the old program */
static void way_failed_too_late(void)
{
	static const struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
		char rest[4096];
	} file = {
		.header = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
				     ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = ELF_MACHINE,
			.e_version = EV_CURRENT,
			.e_entry = 0x400000,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
		},
		.segment = {
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_vaddr = 1UL << 60, /* outside the address space */
			.p_filesz = 1UL << 60,
			.p_memsz = 1UL << 60,
			.p_align = 0x1000,
		},
	};

	if (!has_failed)
		skip("this exectap has no exec_failed");
	expect_number("execs", 0);
	make_file(WORK "/broken", &file, sizeof(file), 0755);
	fact_failure(0, NULL, NULL, 0);
	execute(WORK "/broken");
}

/* --- ways to end */

static void need_exit(void)
{
	if (!has_exit)
		skip("this exectap has no exit");
	expect_number("execs", 0);
}

static void way_exit_code(void)
{
	need_exit();
	_exit(42);
}

static void way_exit_signal(void)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGUSR1 };

	need_exit();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		pid_t child = done(fork(), "fork");

		if (!child) {
			signal(signals[i], SIG_DFL);
			raise(signals[i]);
		}
		reap(child);
	}
	_exit(0);
}

#define THREADS 64

enum ending { END_TOGETHER, END_GROUP, END_KILLED, ENDINGS };

static pthread_barrier_t barrier;

static void *end_thread(void *ending)
{
	pthread_barrier_wait(&barrier);
	switch ((enum ending)(long)ending) {
	case END_TOGETHER:
		syscall(SYS_exit, 0);
		break;
	case END_GROUP:
		syscall(SYS_exit_group, 3);
		break;
	default:
		kill(getpid(), SIGKILL);
		pause();
	}
	return NULL;
}

static void way_exit_threads(void)
{
	need_exit();
	for (long round = 0; round < 8 * ENDINGS; round++) {
		void *ending = (void *)(round % ENDINGS);
		pid_t child = done(fork(), "fork");
		pthread_attr_t attributes;
		pthread_t thread;

		if (!child) {
			pthread_barrier_init(&barrier, NULL, THREADS);
			pthread_attr_init(&attributes);
			pthread_attr_setstacksize(&attributes, 64 << 10);
			for (int i = 1; i < THREADS; i++)
				if (pthread_create(&thread, &attributes, end_thread, ending))
					broken("pthread_create");
			end_thread(ending);
		}
		reap(child);
	}
	_exit(0);
}

/* The events that follow have the time of the clock that was set. */
static void way_clock_set(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += 3600;
	done(clock_settime(CLOCK_REALTIME, &now), "clock_settime");
	execute(PROBE);
}

/* --- long arguments */

/* `count` arguments of `length` bytes, all values but 0; every third one and the last are empty */
static void execute_long(int count, size_t length)
{
	char **arguments = calloc((size_t)count + 1, sizeof(*arguments));

	for (int i = 0; i < count; i++) {
		bool empty = i % 3 == 2 || i == count - 1;
		char *argument = calloc(1, length + 1);

		for (size_t j = 0; j < length && !empty; j++)
			argument[j] = (char)(1 + (j * 7 + (size_t)i * 11) % 255);
		arguments[i] = argument;
	}
	execve(PROBE, arguments, environ);
	broken("execve");
}

static void way_long_arguments(void)
{
	execute_long(24, 120000); /* 15 are not empty: 1.8 MB */
}

/* Sizes at which the kernel side changes to another kind of memory or reservation */
static void way_argument_lengths(void)
{
	static const int kib[] = { 1,  2,  4,	8,   12,  16,  20,  24,	 28,   32,  43,
				   44, 64, 108, 128, 236, 256, 492, 512, 1004, 1024 };
	const int sizes = sizeof(kib) / sizeof(kib[0]);

	expect_number("execs", 3 * sizes);
	for (int i = 0; i < 3 * sizes; i++) {
		/* the number of arguments below MAX_ARG_STRLEN, each with its NUL */
		int length = kib[i / 3] * 1024 - 1 + i % 3, parts = length / 100000 + 1;
		pid_t child = done(fork(), "fork");
		char *arguments[16] = {};

		if (!child) {
			for (int part = 0; part < parts; part++) {
				int bytes = length / parts + (part < length % parts) - 1;

				arguments[part] = calloc(1, (size_t)bytes + 1);
				memset(arguments[part], 'a' + part, (size_t)bytes);
			}
			execve(PROBE, arguments, environ);
			broken("execve");
		}
		reap(child);
	}
	_exit(0);
}

/* --- exectap, and the cases that it watches */

struct way {
	const char *name;
	void (*go)(void);
};

static const struct way ways[] = {
	{ "execve", way_execve },
	{ "execveat_directory", way_execveat_directory },
	{ "execveat_empty_path", way_execveat_empty_path },
	{ "memfd", way_memfd },
	{ "deleted", way_deleted },
	{ "script", way_script },
	{ "script_of_script", way_script_of_script },
	{ "relative", way_relative },
	{ "chroot", way_chroot },
	{ "bind_mount", way_bind_mount },
	{ "overlay", way_overlay },
	{ "overlay_upper", way_overlay_upper },
	{ "namespaces", way_namespaces },
	{ "thread", way_thread },
	{ "setuid_setgid", way_setuid_setgid },
	{ "32_bit", way_32_bit },
	{ "kernel_helper", way_kernel_helper },
	{ "argc_0", way_argc_0 },
	{ "vfork", way_vfork },
	{ "posix_spawn", way_posix_spawn },
	{ "loop", way_loop },
	{ "long_path", way_long_path },
	{ "cgroup", way_cgroup },
	{ "terminal", way_terminal },
	{ "audit_login", way_audit_login },
	{ "environment", way_environment },
	{ "descriptors", way_descriptors },
	{ "large_table", way_large_table },
	{ "failed", way_failed },
	{ "failed_too_late", way_failed_too_late },
	{ "32_bit_failed", way_32_bit_failed },
	{ "exit_code", way_exit_code },
	{ "exit_signal", way_exit_signal },
	{ "exit_threads", way_exit_threads },
	{ "clock_set", way_clock_set },
	{},
};

static const struct way long_ways[] = {
	{ "long_arguments", way_long_arguments },
	{ "argument_lengths", way_argument_lengths },
	{},
};

/* For kernels whose system call entry points cannot be traced */
static const struct way tracepoint_ways[] = {
	{ "by_tracepoint_execve", way_execve },
	{ "by_tracepoint_thread", way_thread },
	{ "by_tracepoint_failed", way_failed },
	{ "by_tracepoint_failed_too_late", way_failed_too_late },
	{},
};

/* For programs that run when exectap starts */
static const struct way running_ways[] = {
	{ "running_execve", way_execve },
	{ "running_descriptors", way_descriptors },
	{ "running_memfd", way_memfd },
	{ "running_deleted", way_deleted },
	{ "running_script", way_script },
	{ "running_relative", way_relative },
	{ "running_chroot", way_chroot },
	{ "running_bind_mount", way_bind_mount },
	{ "running_overlay_upper", way_overlay_upper },
	{ "running_setuid_setgid", way_setuid_setgid },
	{ "running_long_path", way_long_path },
	{ "running_terminal", way_terminal },
	{},
};
#define RUNNING_WAYS (sizeof(running_ways) / sizeof(running_ways[0]))

static void run_ways(const struct way *way)
{
	for (; way->go; way++) {
		char comm[NAME_BYTES];
		pid_t child;

		case_name = way->name;
		snprintf(comm, sizeof(comm), "by-%s", way->name);
		setenv("CASE", way->name, 1);
		expect_begin();
		fact_string("comm", comm);
		fact_number("execs", 1);
		fact_send();
		child = done(fork(), "fork");
		if (!child) {
			prctl(PR_SET_NAME, comm);
			way->go();
			broken("came back");
		}
		reap(child);
	}
}

static bool file_has(const char *path, const char *text)
{
	static char bytes[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes) - 1);

	close(fd);
	bytes[length < 0 ? 0 : length] = '\0';
	return strstr(bytes, text);
}

/* Starts exectap with its lines in /out/NAME.jsonl and its diagnostics in /out/NAME.log */
static pid_t start(const char *name, const char *options[])
{
	const char *arguments[16] = { "exectap" };
	pid_t child = done(fork(), "fork");
	char path[64];

	if (child)
		return child;
	snprintf(path, sizeof(path), "/out/%s.jsonl", name);
	dup2(done(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), path), STDOUT_FILENO);
	snprintf(path, sizeof(path), "/out/%s.log", name);
	dup2(done(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), path), STDERR_FILENO);
	for (int i = 0; options[i]; i++)
		arguments[i + 1] = options[i];
	execv("/bin/exectap", (char **)arguments);
	broken("exectap");
	return -1;
}

static int ask(const char *name, const char *option)
{
	const char *options[] = { option, NULL };
	int status;

	done(waitpid(start(name, options), &status, 0), "waitpid");
	return status;
}

/* Waits until its diagnostics contain the text, or it has exited. */
static void wait_for(const char *name, pid_t exectap, const char *text)
{
	siginfo_t ended = {};
	char log[64];

	snprintf(log, sizeof(log), "/out/%s.log", name);
	while (!file_has(log, text) && !ended.si_pid) {
		if (waitid(P_PID, (id_t)exectap, &ended, WEXITED | WNOHANG | WNOWAIT))
			break; /* it has been waited for already */
		usleep(10000);
	}
}

static void begin_run(const char *name)
{
	int console = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);

	dprintf(console, "run: %s\n", name);
	close(console);
	case_name = name;
	fact_begin("run", name);
	fact_send();
}

static pid_t start_watching(const char *name, const char *options[])
{
	pid_t exectap = start(name, options);

	wait_for(name, exectap, "exectap: watching");
	return exectap;
}

static pid_t watch(const char *name, const char *options[])
{
	pid_t exectap = start_watching(name, options);

	begin_run(name);
	return exectap;
}

/* Terminates exectap; then all lines are written. */
static void stop(const char *name, pid_t exectap)
{
	int status = -1;

	kill(exectap, SIGTERM);
	waitpid(exectap, &status, 0);
	fact_begin("stop", name);
	fact_number("status", status);
	fact_send();
}

/* Runs processes that execute a program `count` times each */
static void run_storm(const char *name, int workers, int count)
{
	pid_t pids[STORM_WORKERS_MAX];
	char number[16], total[16];

	snprintf(total, sizeof(total), "%d", count);
	for (int i = 0; i < workers; i++) {
		pids[i] = done(fork(), "fork");
		if (!pids[i]) {
			snprintf(number, sizeof(number), "%d", i);
			execl(PROBE, "probe", "storm", number, "0", total, "", NULL);
			broken(PROBE);
		}
		fact_begin("storm", name);
		fact_number("pid", pids[i]);
		fact_number("worker", i);
		fact_number("count", count);
		fact_send();
	}
	for (int i = 0; i < workers; i++) {
		int status;

		if (waitpid(pids[i], &status, 0) < 0 || status)
			broken("storm");
	}
}

static void run_overflow(const char *name)
{
	const char *options[] = { "--buffer", "128K", NULL };
	pid_t exectap = watch(name, options);
	int status;

	kill(exectap, SIGSTOP);
	waitpid(exectap, &status, WUNTRACED);
	run_storm(name, 2, 500);
	kill(exectap, SIGCONT);
	stop(name, exectap);
}

/* Execs without a running exectap; the next instance reports them, with other options as well. */
static void run_pinned(const char *name)
{
	const char *options[] = { "--pin",    PIN_DIRECTORY,
				  "--events", has_exit ? "exec,exit" : "exec",
				  NULL,	      "1M",
				  NULL };
	const char *unpin[] = { "--unpin", PIN_DIRECTORY, NULL };
	pid_t exectap;
	int status;

	if (!has_pin)
		return;
	exectap = start_watching("pin_first", options);
	kill(exectap, SIGKILL);
	waitpid(exectap, &status, 0);
	begin_run(name);
	run_storm(name, 2, 100);
	stop(name, start_watching(name, options));
	begin_run("pin_replaced");
	run_storm("pin_replaced", 2, 100);
	options[4] = "--buffer";
	stop("pin_replaced", start_watching("pin_replaced", options));
	done(waitpid(start("unpin", unpin), &status, 0), "waitpid");
	fact_begin("stop", "unpin");
	fact_number("status", status || !access(PIN_DIRECTORY, F_OK));
	fact_send();
}

/* Skips the cases of failed attempts: the kernel's own tracing of the calls has seen none either.
 */
static void skip_failed_by_tracepoint(void)
{
	for (const struct way *way = tracepoint_ways; way->go; way++) {
		if (way->go != way_failed && way->go != way_failed_too_late)
			continue;
		fact_begin("skip", way->name);
		fact_string("why", "the kernel's own tracing shows no system call");
		fact_send();
	}
}

/* kernel/trace/ftrace.c, FTRACE_OPS_FL_PERMANENT: fexit programs cannot be attached while ftrace is
 * disabled. */
static void run_tracepoints(const char *name)
{
	const char *options[] = { "--verbose", "--events", "exec,exec_failed", NULL };
	pid_t exectap;

	if (!has_failed)
		return;
	write_to("/proc/sys/kernel/ftrace_enabled", "0");
	exectap = watch(name, options);
	write_to(TRACING "/events/syscalls/sys_exit_execve/enable", "1");
	run_ways(tracepoint_ways);
	write_to(TRACING "/events/syscalls/sys_exit_execve/enable", "0");
	if (!file_has(TRACING "/trace", "sys_execve -> "))
		skip_failed_by_tracepoint();
	stop(name, exectap);
	write_to("/proc/sys/kernel/ftrace_enabled", "1");
}

/* An output with the system calls that its seccomp filter has to allow: reopening, and removal at
 * the end. */
static void run_output(const char *name, const char *output, const char *reached)
{
	const char *options[] = { "--user", "65534:65534", "--output", output, NULL };
	pid_t exectap = start(name, options);
	int status = -1;

	wait_for(name, exectap, "exectap: watching");
	if (!strncmp(output, "file:", 5)) {
		unlink(output + 5);
		kill(exectap, SIGHUP);
		while (access(output + 5, F_OK) && !waitpid(exectap, &status, WNOHANG))
			usleep(10000);
	}
	wait_for(name, exectap, reached);
	ask("help", "--help"); /* an exec to be reported */
	kill(exectap, SIGTERM);
	waitpid(exectap, &status, 0);
	fact_begin("output", name);
	fact_number("status", status);
	fact_send();
}

static void run_outputs(const char *name)
{
	(void)name;
	done(mkdir(WORK "/outputs", 0700), "mkdir");
	done(chown(WORK "/outputs", 65534, 65534), "chown");
	run_output("file", "file:" WORK "/outputs/lines", "watching");
	run_output("unix", "unix:" WORK "/outputs/none", "trying again");
	run_output("unixgram", "unixgram:" WORK "/outputs/none", "trying again");
	run_output("unix-listen", "unix-listen:" WORK "/outputs/socket", "watching");
}

/* All event types of this exectap */
static const char *events(void)
{
	if (has_failed && has_exit)
		return "exec,exec_failed,exit";
	return has_exit ? "exec,exit" : "exec";
}

/* In a worker: processes that end after one failed attempt, one after the other. */
static void make_family(int count)
{
	char *arguments[] = { "absent", NULL };

	for (int i = 0; i < count; i++) {
		pid_t child = done(fork(), "fork");

		if (!child) {
			execve(ABSENT, arguments, environ);
			_exit(i % 256);
		}
		done(waitpid(child, NULL, 0), "waitpid");
	}
	_exit(0);
}

/* Attempts and ends of a crowd. */
static void run_families(const char *name)
{
	const char *options[] = { "--events", events(), NULL };
	const int workers = STORM_WORKERS_MAX, count = 50;
	pid_t pids[STORM_WORKERS_MAX], exectap;

	if (!has_failed || !has_exit)
		return;
	exectap = watch(name, options);

	for (int i = 0; i < workers; i++) {
		pids[i] = done(fork(), "fork");
		if (!pids[i])
			make_family(count);
		fact_begin("family", name);
		fact_number("pid", pids[i]);
		fact_number("count", count);
		fact_send();
	}
	for (int i = 0; i < workers; i++)
		done(waitpid(pids[i], NULL, 0), "waitpid");
	stop(name, exectap);
}

/* Cases of tests/helpers/paths.c; verify_guest has their paths. */
static const char *const path_cases[] = {
	"fsmount",	  "open_tree",	   "file_mount",    "lazy_umount",
	"moved_out",	  "shared_memory", "memfd",	    "removed_cwd",
	"stacked_mounts", "leader_exited", "long_filename",
};

/* Runs the case in a file system of its own. */
static void run_path_case(const char *path_case)
{
	static const char directory[] = WORK "/place";
	char marker[64];
	int status = -1;
	pid_t pid;

	done(mkdir(directory, 0755), "mkdir");
	done(mount("none", directory, "tmpfs", 0, NULL), "mount");
	snprintf(marker, sizeof(marker), "path:%s", path_case);
	pid = done(fork(), "fork");
	if (!pid) {
		execl("/bin/paths", "paths", path_case, "/bin/noop", marker, directory, NULL);
		broken("/bin/paths");
	}
	done(waitpid(pid, &status, 0), "waitpid");
	fact_begin("path", path_case);
	fact_number("status", status);
	fact_send();
	umount2(directory, MNT_DETACH);
	done(rmdir(directory), "rmdir");
}

static void run_paths(const char *name)
{
	const char *none[] = { NULL };
	pid_t exectap = watch(name, none);

	for (size_t i = 0; i < sizeof(path_cases) / sizeof(path_cases[0]); i++)
		run_path_case(path_cases[i]);
	stop(name, exectap);
}

#define PARENTS_ROUNDS 200

/* In a worker: two execs a round whose parent exits or executes at that moment. Waits for all. */
static void make_parents(void)
{
	char rounds[16];

	done(prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
	snprintf(rounds, sizeof(rounds), "%d", PARENTS_ROUNDS);
	if (!done(fork(), "fork")) {
		execl("/bin/swap", "/bin/swap", rounds, "parents", "/bin/noop", "/bin/swap2", NULL);
		broken("/bin/swap");
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
	_exit(0);
}

static void run_parents(const char *name)
{
	const char *options[] = { "--buffer", "16M", NULL };
	pid_t exectap = watch(name, options), worker = done(fork(), "fork");

	if (!worker)
		make_parents();
	done(waitpid(worker, NULL, 0), "waitpid");
	fact_begin("parents", name);
	fact_number("count", 2 * PARENTS_ROUNDS);
	fact_send();
	stop(name, exectap);
}

struct run {
	const char *name;
	void (*go)(const char *name);
};

static void run_all_ways(const char *name)
{
	const char *options[] = { "--events",
				  events(),
				  "--events",
				  "fork,process",
				  has_env ? "--env" : NULL,
				  "CASE,EMPTY,BYTES,ABSENT",
				  NULL };
	pid_t exectap = watch(name, options);

	run_ways(ways);
	stop(name, exectap);
}

/* Lets a way execute the program, which stops. Returns its pid, or 0 if the way was skipped. */
static pid_t hold(const struct way *way)
{
	pid_t child;
	int status;

	case_name = way->name;
	setenv("CASE", way->name, 1);
	expect_number("execs", 0);
	child = done(fork(), "fork");
	if (!child) {
		setenv("HOLD", "", 1);
		way->go();
		broken("came back");
	}
	done(waitpid(child, &status, WUNTRACED), "waitpid");
	return WIFSTOPPED(status) ? child : 0;
}

static void run_running(const char *name)
{
	const char *options[] = { "--events", "process", "--parent-args", "4096", NULL };
	pid_t pids[RUNNING_WAYS] = {}, exectap;
	char text[32], path[64];

	begin_run(name);
	for (size_t i = 0; running_ways[i].go; i++)
		pids[i] = hold(&running_ways[i]);
	exectap = start_watching(name, options);
	snprintf(path, sizeof(path), "/out/%s.jsonl", name);
	for (size_t i = 0; i < RUNNING_WAYS; i++) {
		if (!pids[i])
			continue;
		snprintf(text, sizeof(text), "\"pid\":%d,", pids[i]);
		while (!file_has(path, text))
			usleep(10000);
		kill(pids[i], SIGKILL);
		done(waitpid(pids[i], NULL, 0), "waitpid");
	}
	stop(name, exectap);
}

static void run_long(const char *name)
{
	const char *options[] = { "--max-line", "8M", "--buffer", "64M", NULL };
	pid_t exectap = watch(name, options);

	run_ways(long_ways);
	stop(name, exectap);
}

static void run_two(const char *name)
{
	const char *none[] = { NULL };
	pid_t exectap = watch(name, none);

	run_storm(name, 2, 2000);
	stop(name, exectap);
}

/* More workers than CPUs: kernels that can preempt a program within a record do so here. */
static void run_crowd(const char *name)
{
	const char *none[] = { NULL };
	pid_t exectap = watch(name, none);

	run_storm(name, STORM_WORKERS_MAX, 200);
	stop(name, exectap);
}

static const struct run runs[] = {
	{ "ways", run_all_ways },     { "long", run_long },
	{ "storm", run_two },	      { "crowd", run_crowd },
	{ "families", run_families }, { "overflow", run_overflow },
	{ "pin", run_pinned },	      { "tracepoints", run_tracepoints },
	{ "outputs", run_outputs },   { "paths", run_paths },
	{ "parents", run_parents },   { "running", run_running },
};

/* Runs the named one `count` times: as NAME, NAME_2 and so on. */
static void run_selected(const char *selected, int count)
{
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		if (selected && strcmp(selected, runs[i].name))
			continue;
		runs[i].go(runs[i].name);
		for (int number = 2; number <= count; number++) {
			char name[64];

			snprintf(name, sizeof(name), "%s_%d", runs[i].name, number);
			runs[i].go(name);
		}
	}
}

static void prepare(void)
{
	case_name = "guest";
	dup2(done(open("/proc", O_RDONLY | O_DIRECTORY), "/proc"), PROC_FD);
	dup2(done(open(FACTS_PATH, O_WRONLY | O_APPEND | O_CREAT, 0600), FACTS_PATH), FACTS_FD);
	ask("help", "--help");
	has_failed = file_has("/out/help.jsonl", "exec_failed");
	has_exit = file_has("/out/help.jsonl", "exit\n") || file_has("/out/help.jsonl", ", exit");
	has_env = file_has("/out/help.jsonl", "--env");
	has_pin = file_has("/out/help.jsonl", "--pin");
}

/* guest_runner [RUN [COUNT]] */
int main(int argc, char *argv[])
{
	prepare();
	if (argc < 2) {
		fact_begin("stop", "check");
		fact_number("status", ask("check", "--check"));
		fact_send();
	}
	run_selected(argc > 1 ? argv[1] : NULL, argc > 2 ? atoi(argv[2]) : 1);
	fact_begin("done", "guest");
	fact_number("all", argc < 2);
	fact_send();
	return 0;
}
