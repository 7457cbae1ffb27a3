// SPDX-License-Identifier: BSD-2-Clause
/*
 * paths CASE PROGRAM MARKER DIRECTORY: brings a process into a situation in which its paths are
 * hard to read, and executes a copy of PROGRAM, or PROGRAM, with the argument MARKER. DIRECTORY is
 * empty, and on a file system of its own where the case unmounts something.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* linux/mount.h, which conflicts with sys/mount.h */
#ifndef FSCONFIG_CMD_CREATE
#define FSCONFIG_CMD_CREATE 6
#endif
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif

#define STACK_BYTES (64 * 1024)
#define STACKED_MOUNTS 2200
#define STORM_EXECS 3000
#define LONG_FILENAME_BYTES 4095
#define LONG_NAME_BYTES 1000
#define DESCRIPTOR 250

static const char *program, *marker, *directory;

static long check(long result, const char *what)
{
	if (result >= 0)
		return result;
	perror(what);
	_exit(1);
}

static char *path_in(const char *parent, const char *name)
{
	char *path;

	check(asprintf(&path, "%s/%s", parent, name), "asprintf");
	return path;
}

/* Copies PROGRAM to an open file. */
static void copy_to(int to)
{
	int from = (int)check(open(program, O_RDONLY | O_CLOEXEC), program);
	struct stat status;

	check(fstat(from, &status), "fstat");
	for (off_t at = 0; at < status.st_size;)
		check(sendfile(to, from, &at, (size_t)(status.st_size - at)), "sendfile");
	close(from);
}

static void copy_at(int directory_fd, const char *name)
{
	int to = (int)check(openat(directory_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0755), name);

	copy_to(to);
	close(to);
}

static void execute(const char *path)
{
	char *arguments[] = { (char *)path, (char *)marker, NULL };

	execv(path, arguments);
	perror(path);
	_exit(127);
}

static void execute_at(int fd, const char *path)
{
	char *arguments[] = { (char *)program, (char *)marker, NULL }, *none[] = { NULL };

	syscall(SYS_execveat, fd, path, arguments, none, *path ? 0 : AT_EMPTY_PATH);
	perror("execveat");
	_exit(127);
}

static void wait_for(pid_t child)
{
	int status;

	check(child, "fork");
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
}

static void own_mounts(void)
{
	check(unshare(CLONE_NEWNS), "unshare");
	check(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount");
}

/* --- mounts that are in no namespace */

static void case_fsmount(void)
{
	int fs = (int)check(syscall(SYS_fsopen, "tmpfs", 0), "fsopen"), fd;

	check(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "fsconfig");
	fd = (int)check(syscall(SYS_fsmount, fs, 0, 0), "fsmount");
	check(mkdirat(fd, "bin", 0755), "mkdirat");
	copy_at(fd, "bin/sshd");
	execute_at(fd, "bin/sshd");
}

static void case_open_tree(void)
{
	int fd = (int)check(syscall(SYS_open_tree, AT_FDCWD, directory, OPEN_TREE_CLONE),
			    "open_tree");

	check(mkdirat(fd, "bin", 0755), "mkdirat");
	copy_at(fd, "bin/sshd");
	check(fchdir(fd), "fchdir");
	execute("bin/sshd");
}

/* A mount whose root is a file. */
static void case_file_mount(void)
{
	char *target = path_in(directory, "target"), *source = path_in(directory, "source");
	int fd;

	copy_at(AT_FDCWD, source);
	close((int)check(creat(target, 0755), target));
	check(mount(source, target, NULL, MS_BIND, NULL), "mount");
	fd = (int)check(open(target, O_PATH), target);
	check(umount2(target, MNT_DETACH), "umount");
	execute_at(fd, "");
}

static void case_lazy_umount(void)
{
	char *mount_point = path_in(directory, "mount");

	check(mkdir(mount_point, 0755), "mkdir");
	check(mount("none", mount_point, "tmpfs", 0, NULL), "mount");
	check(chdir(mount_point), "chdir");
	check(mkdir("sub", 0755), "mkdir");
	check(chdir("sub"), "chdir");
	check(umount2(mount_point, MNT_DETACH), "umount");
	execute(program);
}

/* A file that was moved out of the tree of the bind mount through which it is reached. */
static void case_moved_out(void)
{
	char *inside = path_in(directory, "a"), *mount_point = path_in(directory, "b");

	check(mkdir(inside, 0755), "mkdir");
	check(mkdir(mount_point, 0755), "mkdir");
	check(mount(inside, mount_point, NULL, MS_BIND, NULL), "mount");
	check(chdir(mount_point), "chdir");
	check(mkdir("sub", 0755), "mkdir");
	check(chdir("sub"), "chdir");
	check(rename(path_in(inside, "sub"), path_in(directory, "out")), "rename");
	copy_at(AT_FDCWD, "memfd:x");
	execute("./memfd:x");
}

/* A file of which the kernel has no path: DIRECTORY/image is a file system that has PROGRAM. */
static void case_by_handle(void)
{
	union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} found = { .handle.handle_bytes = MAX_HANDLE_SZ };
	char *mount_point = path_in(directory, "mount");
	const char *device = getenv("DEVICE");
	int mount_id, fd;

	check(mount(device, mount_point, "ext4", 0, NULL), "mount");
	copy_at(AT_FDCWD, path_in(mount_point, "program"));
	check(name_to_handle_at(AT_FDCWD, path_in(mount_point, "program"), &found.handle, &mount_id,
				0),
	      "name_to_handle_at");
	check(umount(mount_point), "umount");
	check(mount(device, mount_point, "ext4", 0, NULL), "mount");
	fd = (int)check(open(mount_point, O_RDONLY | O_DIRECTORY), mount_point);
	fd = (int)check(open_by_handle_at(fd, &found.handle, O_RDONLY | O_CLOEXEC),
			"open_by_handle_at");
	check(umount2(mount_point, MNT_DETACH), "umount");
	execute_at(fd, "");
}

/* --- files in memory */

static void execute_mapped(void *start, size_t bytes)
{
	int from = (int)check(open(program, O_RDONLY), program), fd;
	char path[96];

	check(read(from, start, bytes), "read");
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)start,
		 (unsigned long)start + bytes);
	fd = (int)check(open(path, O_RDONLY | O_CLOEXEC), path);
	execute_at(fd, "");
}

static size_t program_bytes(void)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	struct stat status;

	check(stat(program, &status), program);
	return ((size_t)status.st_size + page_bytes - 1) / page_bytes * page_bytes;
}

static void case_shared_memory(void)
{
	size_t bytes = program_bytes();
	void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	check(start == MAP_FAILED ? -1 : 0, "mmap");
	execute_mapped(start, bytes);
}

static void case_memfd(void)
{
	int fd = (int)check(memfd_create("name", MFD_CLOEXEC), "memfd_create"), readable;
	char path[64];

	copy_to(fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	readable = (int)check(open(path, O_RDONLY | O_CLOEXEC), path);
	close(fd);
	execute_at(readable, "");
}

/* --- length */

static void case_stacked_mounts(void)
{
	own_mounts();
	for (int i = 0; i < STACKED_MOUNTS; i++)
		check(mount("none", directory, "tmpfs", 0, "size=4k"), "mount");
	check(chdir(directory), "chdir");
	execute(program);
}

/* A file system of user space with one file, which has the content of PROGRAM and every name. */
#define FUSE_FILE 2
#define FUSE_REPLY_BYTES (1024 * 1024)

static const char *fuse_content;
static size_t fuse_content_bytes;

static void fuse_fill_attributes(struct fuse_attr *attributes, uint64_t node)
{
	memset(attributes, 0, sizeof(*attributes));
	attributes->ino = node;
	attributes->nlink = 1;
	attributes->blksize = 4096;
	attributes->mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0755;
	attributes->size = node == FUSE_ROOT_ID ? 0 : fuse_content_bytes;
}

static size_t fuse_read(const struct fuse_read_in *request, void *reply)
{
	size_t bytes = request->size;

	if (request->offset >= fuse_content_bytes)
		return 0;
	if (bytes > fuse_content_bytes - request->offset)
		bytes = fuse_content_bytes - request->offset;
	memcpy(reply, fuse_content + request->offset, bytes);
	return bytes;
}

/* Returns the bytes of the reply, or -errno. */
static long fuse_answer(const struct fuse_in_header *request, void *reply)
{
	const struct fuse_init_in *init = (const void *)(request + 1);
	struct fuse_entry_out *entry = reply;
	struct fuse_attr_out *attributes = reply;
	struct fuse_init_out *capabilities = reply;

	switch (request->opcode) {
	case FUSE_INIT:
		memset(capabilities, 0, sizeof(*capabilities));
		capabilities->major = FUSE_KERNEL_VERSION;
		capabilities->minor = init->minor < FUSE_KERNEL_MINOR_VERSION
					      ? init->minor
					      : FUSE_KERNEL_MINOR_VERSION;
		capabilities->max_write = 4096;
		return sizeof(*capabilities);
	case FUSE_LOOKUP:
		memset(entry, 0, sizeof(*entry));
		entry->nodeid = FUSE_FILE;
		fuse_fill_attributes(&entry->attr, FUSE_FILE);
		return sizeof(*entry);
	case FUSE_GETATTR:
		memset(attributes, 0, sizeof(*attributes));
		fuse_fill_attributes(&attributes->attr, request->nodeid);
		return sizeof(*attributes);
	case FUSE_OPEN:
		memset(reply, 0, sizeof(struct fuse_open_out));
		return sizeof(struct fuse_open_out);
	case FUSE_READ:
		return (long)fuse_read((const void *)(request + 1), reply);
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		return 0;
	default:
		return -ENOSYS;
	}
}

static int fuse_serve(int fuse)
{
	static char request[FUSE_MIN_READ_BUFFER * 16], reply[FUSE_REPLY_BYTES];
	const struct fuse_in_header *in = (const void *)request;
	struct fuse_out_header *out = (void *)reply;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(fuse, request, sizeof(request)) > 0) {
		long bytes;

		if (in->opcode == FUSE_FORGET || in->opcode == FUSE_BATCH_FORGET)
			continue;
		bytes = fuse_answer(in, out + 1);
		out->unique = in->unique;
		out->error = bytes < 0 ? (int)bytes : 0;
		out->len = (uint32_t)(sizeof(*out) + (bytes < 0 ? 0 : (size_t)bytes));
		if (write(fuse, reply, out->len) < 0)
			return 1;
	}
	return 0;
}

static void case_long_name(void)
{
	int fuse = (int)check(open("/dev/fuse", O_RDWR | O_CLOEXEC), "/dev/fuse"), from;
	char options[128], name[LONG_NAME_BYTES + 1];
	pid_t server, child;

	fuse_content_bytes = program_bytes();
	from = (int)check(open(program, O_RDONLY | O_CLOEXEC), program);
	fuse_content = mmap(NULL, fuse_content_bytes, PROT_READ, MAP_PRIVATE, from, 0);
	own_mounts();
	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=0,group_id=0", fuse);
	check(mount("exectap-test", directory, "fuse", 0, options), "mount");
	server = (pid_t)check(fork(), "fork");
	if (!server)
		_exit(fuse_serve(fuse));
	memset(name, 'n', LONG_NAME_BYTES);
	name[LONG_NAME_BYTES] = '\0';
	child = fork();
	if (!child)
		execute(path_in(directory, name));
	wait_for(child);
	kill(server, SIGKILL);
	wait_for(server);
}

static void case_long_filename(void)
{
	char name[LONG_FILENAME_BYTES + 1] = {}, *own = strdup(program);
	const char *base = strrchr(own, '/') + 1;
	size_t base_bytes = strlen(base), at = 0;
	int fd;

	own[base - own - 1] = '\0';
	fd = (int)check(open(own, O_PATH), own);
	check(dup2(fd, DESCRIPTOR), "dup2");
	while (at + base_bytes + 2 <= LONG_FILENAME_BYTES) {
		memcpy(name + at, "./", 2);
		at += 2;
	}
	strcpy(name + at, base);
	execute_at(DESCRIPTOR, name);
}

/* --- unlinked */

static void case_removed_cwd(void)
{
	check(chdir(directory), "chdir");
	check(mkdir("removed", 0755), "mkdir");
	check(chdir("removed"), "chdir");
	check(rmdir("../removed"), "rmdir");
	execute(program);
}

/* The parent's program is replaced, as an update would do. */
static void case_replaced_parent(void)
{
	char self[4096] = {};
	pid_t child;

	check(readlink("/proc/self/exe", self, sizeof(self) - 1), "readlink");
	copy_at(AT_FDCWD, path_in(directory, "new"));
	check(rename(path_in(directory, "new"), self), "rename");
	child = fork();
	if (!child)
		execute(program);
	wait_for(child);
}

/* --- parents that end */

static void *fork_and_execute(void *leader)
{
	pid_t child;

	pthread_join(*(pthread_t *)leader, NULL);
	child = fork();
	if (!child)
		execute(program);
	wait_for(child);
	_exit(0);
}

static void case_leader_exited(void)
{
	static pthread_t leader;
	pthread_t thread;

	leader = pthread_self();
	check(-pthread_create(&thread, NULL, fork_and_execute, &leader), "pthread_create");
	pthread_exit(NULL);
}

static void case_exiting_parent(void)
{
	pid_t child = fork();

	if (!child)
		execute(program);
	_exit(child < 0);
}

/* Executes programs while their parents, DIRECTORY/exiting, exit; the next parent is the caller. */
static void case_exiting_parents(void)
{
	char *exiting = path_in(directory, "exiting");
	char *const arguments[] = { exiting,	    "exiting_parent",  (char *)program,
				    (char *)marker, (char *)directory, NULL };

	check(prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
	for (int i = 0; i < STORM_EXECS; i++) {
		pid_t child = (pid_t)check(fork(), "fork");

		if (!child) {
			execv(exiting, arguments);
			_exit(127);
		}
		wait_for(child);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* --- changes during the walk */

static char *names[2];

static int flip_cwd(void *unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		check(chdir(names[0]), names[0]);
		check(chdir(names[1]), names[1]);
	}
	return 0;
}

static int flip_name(void *unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		check(rename(names[0], names[1]), names[0]);
		check(rename(names[1], names[0]), names[1]);
	}
	return 0;
}

static int flip_mount(void *unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		check(mount(names[0], names[1], NULL, MS_MOVE, NULL), names[0]);
		check(mount(names[1], names[0], NULL, MS_MOVE, NULL), names[1]);
	}
	return 0;
}

static pid_t run_beside(int (*function)(void *), int flags)
{
	char *stack = malloc(STACK_BYTES);

	return (pid_t)check(clone(function, stack + STACK_BYTES, flags | SIGCHLD, NULL), "clone");
}

static int execute_program(void *path)
{
	execute(path);
	return 1;
}

/* Executes a program many times in processes that share their working directory with the caller. */
static void storm(char *path, int flags)
{
	char *stack = malloc(STACK_BYTES);

	for (int i = 0; i < STORM_EXECS; i++)
		wait_for(clone(execute_program, stack + STACK_BYTES,
			       CLONE_VM | CLONE_VFORK | SIGCHLD | flags, path));
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	wait_for(pid);
}

/* Two directories on different mounts. */
static void case_shared_cwd(void)
{
	pid_t flipping;

	names[0] = path_in(directory, "short");
	names[1] = path_in(directory, "other/and/longer");
	check(mkdir(names[0], 0755), "mkdir");
	check(mkdir(path_in(directory, "other"), 0755), "mkdir");
	check(mount("none", path_in(directory, "other"), "tmpfs", 0, NULL), "mount");
	check(mkdir(path_in(directory, "other/and"), 0755), "mkdir");
	check(mkdir(names[1], 0755), "mkdir");
	check(chdir(names[0]), "chdir");
	flipping = run_beside(flip_cwd, CLONE_FS);
	storm((char *)program, CLONE_FS);
	end(flipping);
}

static int execute_relative(void *unused)
{
	(void)unused;
	execute("./program");
	return 1;
}

static void storm_relative(void)
{
	char *stack = malloc(STACK_BYTES);

	for (int i = 0; i < STORM_EXECS; i++)
		wait_for(clone(execute_relative, stack + STACK_BYTES,
			       CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
}

/* A directory whose name changes between a short one and a long one. */
static void case_renamed(void)
{
	pid_t flipping;

	names[0] = path_in(directory, "aaaa");
	names[1] =
		path_in(directory, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
	check(mkdir(names[0], 0755), "mkdir");
	check(chdir(names[0]), "chdir");
	copy_at(AT_FDCWD, "program");
	flipping = run_beside(flip_name, 0);
	storm_relative();
	end(flipping);
}

/* A mount that changes between two places of unequal depth. */
static void case_moved_mount(void)
{
	pid_t flipping;

	own_mounts();
	names[0] = path_in(directory, "mount");
	names[1] = path_in(directory, "other/and/longer");
	check(mkdir(names[0], 0755), "mkdir");
	check(mkdir(path_in(directory, "other"), 0755), "mkdir");
	check(mkdir(path_in(directory, "other/and"), 0755), "mkdir");
	check(mkdir(names[1], 0755), "mkdir");
	check(mount("none", names[0], "tmpfs", 0, NULL), "mount");
	check(chdir(names[0]), "chdir");
	check(mkdir("below", 0755), "mkdir");
	check(chdir("below"), "chdir");
	copy_at(AT_FDCWD, "program");
	flipping = run_beside(flip_mount, 0);
	storm_relative();
	end(flipping);
}

static void *flip_comm(void *tid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", *(int *)tid);
	fd = (int)check(open(path, O_WRONLY | O_CLOEXEC), path);
	for (;;) {
		check(write(fd, "aaaaaaaaaaaaaaa", 15), "write");
		check(write(fd, "bbbbbbbbbbbbbbb", 15), "write");
	}
	return NULL;
}

/* A parent whose name changes. */
static void case_renamed_parent(void)
{
	static int tid;
	pthread_t thread;

	tid = (int)getpid();
	prctl(PR_SET_NAME, "aaaaaaaaaaaaaaa");
	check(-pthread_create(&thread, NULL, flip_comm, &tid), "pthread_create");
	storm((char *)program, 0);
	exit(0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "fsmount", case_fsmount },
		{ "open_tree", case_open_tree },
		{ "file_mount", case_file_mount },
		{ "lazy_umount", case_lazy_umount },
		{ "moved_out", case_moved_out },
		{ "by_handle", case_by_handle },
		{ "shared_memory", case_shared_memory },
		{ "memfd", case_memfd },
		{ "stacked_mounts", case_stacked_mounts },
		{ "long_name", case_long_name },
		{ "long_filename", case_long_filename },
		{ "removed_cwd", case_removed_cwd },
		{ "replaced_parent", case_replaced_parent },
		{ "leader_exited", case_leader_exited },
		{ "exiting_parent", case_exiting_parent },
		{ "exiting_parents", case_exiting_parents },
		{ "shared_cwd", case_shared_cwd },
		{ "renamed", case_renamed },
		{ "moved_mount", case_moved_mount },
		{ "renamed_parent", case_renamed_parent },
	};

	if (argc != 5)
		return 2;
	program = argv[2];
	marker = argv[3];
	directory = argv[4];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(cases[i].name, argv[1])) {
			cases[i].run();
			return 0;
		}
	return 2;
}
