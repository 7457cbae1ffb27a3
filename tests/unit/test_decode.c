// SPDX-License-Identifier: BSD-2-Clause
/* decode() validates everything: each test corrupts a valid record in one way. */
#include "event/decode.h"
#include "fixture.h"
#include "tap.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>

static const struct fixture_strings plain = {
	.filename = "./x",
	.exe = "x",
	.cwd = "d",
	.parent_exe = "p",
	.cgroup = "c",
	.args = "a\0b\0c",
	.args_length = 6,
	.comm = "sh",
};

static struct event event;

static struct record_exec *good(size_t *length)
{
	return fixture_record(&plain, length);
}

static bool is(struct text text, const char *expected)
{
	return text.length == strlen(expected) && !memcmp(text.bytes, expected, text.length);
}

static void good_record(void)
{
	size_t length;
	struct record_exec *exec = good(&length);

	CHECK(decode_record(exec, length, &event) == 0);
	CHECK(event.type == EVENT_EXEC && event.time_ns == 5000000000);
	CHECK(is(event.exec.filename, "./x") && is(event.process.comm, "sh"));
	CHECK(is(event.exec.paths[EVENT_PATH_EXE], "/x") && is(event.context->cgroup, "/c"));
	CHECK(event.exec.args.length == 6 && event.exec.memfd && event.exec.deleted);
	free(exec);
}

static void marks_are_of_one_path_each(void)
{
	size_t length;
	struct record_exec *exec = good(&length);

	exec->keys.detached = RECORD_KEY_EXE;
	exec->keys.deleted = RECORD_KEY_CWD;
	CHECK(decode_record(exec, length, &event) == 0);
	CHECK(event.process.detached == RECORD_KEY_EXE);
	CHECK(event.exec.exe_detached && !event.exec.cwd_detached &&
	      !event.context->parent_exe_detached);
	CHECK(!event.exec.deleted && event.exec.cwd_deleted && !event.context->parent_exe_deleted);
	exec->keys.detached = RECORD_KEY_CWD | RECORD_KEY_PARENT_EXE;
	exec->keys.deleted = RECORD_KEY_PARENT_EXE;
	CHECK(decode_record(exec, length, &event) == 0);
	CHECK(!event.exec.exe_detached && event.exec.cwd_detached &&
	      event.context->parent_exe_detached);
	CHECK(!event.exec.deleted && !event.exec.cwd_deleted && event.context->parent_exe_deleted);
	free(exec);
}

static void paths_are_turned_around(void)
{
	struct fixture_strings strings = plain;
	struct record_exec *exec;
	size_t length;

	strings.cwd = "leaf";
	exec = fixture_record(&strings, &length);
	/* "leaf\0p\0" spans cwd and parent_exe */
	exec->cwd.length += 2;
	CHECK(decode_record(exec, length, &event) == 0);
	CHECK(is(event.exec.paths[EVENT_PATH_CWD], "/p/leaf"));
	exec->keys.truncated = RECORD_KEY_CWD;
	CHECK(decode_record(exec, length, &event) == 0);
	CHECK(is(event.exec.paths[EVENT_PATH_CWD], "p/leaf"));
	exec->cwd.length = 0;
	exec->keys.truncated = 0;
	CHECK(decode_record(exec, length, &event) == 0);
	CHECK(is(event.exec.paths[EVENT_PATH_CWD], "/"));
	free(exec);
}

static const struct fixture_strings with_parent = {
	.filename = "./x",
	.exe = "x",
	.cwd = "d",
	.parent_exe = "p",
	.cgroup = "c",
	.args = "a",
	.args_length = 2,
	.comm = "sh",
	.parent_args = "p\0-c\0",
	.parent_args_length = 5,
};

/* Decodes a record with the parent's program, whose flags and lengths are changed. */
static void decode_parent(void (*change)(struct record_program *program, char *strings), bool sign)
{
	struct record_program program;
	size_t length;
	struct record_exec *exec = fixture_record(&with_parent, &length);
	char *bytes = (char *)exec + exec->parent.offset;

	memcpy(&program, bytes, sizeof(program));
	change(&program, bytes + sizeof(program));
	memcpy(bytes, &program, sizeof(program));
	if (sign)
		fixture_sign(bytes);
	CHECK(decode_record(exec, length, &event) == 0);
	free(exec);
}

static void change_nothing(struct record_program *program, char *strings)
{
	(void)program;
	(void)strings;
}

static void change_args(struct record_program *program, char *strings)
{
	strings[program->exe_length]++;
}

static void change_time(struct record_program *program, char *strings)
{
	(void)strings;
	program->exec_ns++;
}

static void cut_both(struct record_program *program, char *strings)
{
	strings[1] = 'q';
	program->flags |= RECORD_PROGRAM_EXE_TRUNCATED;
	program->args_bytes++;
}

static void hide_both(struct record_program *program, char *strings)
{
	(void)strings;
	program->flags |= RECORD_PROGRAM_EXE_UNREADABLE | RECORD_PROGRAM_ARGS_UNREADABLE;
}

static void programs_are_whole_or_unreadable(void)
{
	const uint32_t all =
		RECORD_KEY_PARENT_EXE | RECORD_KEY_PARENT_ARGS | RECORD_KEY_PARENT_EVENT;

	decode_parent(change_nothing, false);
	CHECK(!event.process.unreadable && !(event.process.truncated & all));
	CHECK(is(event.context->parent_exe, "/p"));
	CHECK(event.context->parent_has_args && event.context->parent_args.length == 5);
	CHECK(event.context->parent_exec_ns == 3500000000 &&
	      event.context->parent_exec_pid == 4194302);
	CHECK(event.context->parent_exe_deleted && event.context->parent_exe_detached);
	decode_parent(change_args, false);
	CHECK((event.process.unreadable & all) == all && !event.context->parent_has_args);
	decode_parent(change_time, false);
	CHECK((event.process.unreadable & all) == all && !event.context->parent_exec_ns);
	decode_parent(change_args, true);
	CHECK(!event.process.unreadable);
}

/* Decodes a record whose entry has these ids and no program of its own in the record. */
static void decode_entry_of(__u32 pid, __u64 start_ns)
{
	size_t length;
	struct record_exec *exec = fixture_record(&with_parent, &length);

	exec->entry.length = 0;
	exec->task.entry_pid = pid;
	exec->task.entry_start_ns = start_ns;
	exec->keys.truncated = RECORD_KEY_EXE;
	exec->keys.detached = RECORD_KEY_PARENT_EXE;
	CHECK(decode_record(exec, length, &event) == 0);
	free(exec);
}

/* The same without a program or path of the parent, in a record of that type. */
static void decode_entry_without_programs(enum record_type type, __u32 pid, __u64 start_ns)
{
	size_t length;
	struct record_exec *exec = fixture_record(&with_parent, &length);

	exec->header.type = (__u16)type;
	exec->entry = exec->parent = exec->parent_exe = (struct record_slice){};
	exec->task.entry_pid = pid;
	exec->task.entry_start_ns = start_ns;
	CHECK(decode_record(exec, length, &event) == 0);
	free(exec);
}

static void the_entry_may_be_the_process_or_its_parent(void)
{
	const struct text *exe = &event.own_context.entry_exe;

	decode_parent(change_nothing, false);
	CHECK(is(*exe, "/p") && !(event.process.unreadable & RECORD_KEY_ENTRY_EXE));
	decode_entry_of(4194303, 4000000000); /* the process */
	CHECK(is(*exe, "x") && event.process.truncated & RECORD_KEY_ENTRY_EXE);
	decode_entry_of(4194302, 3000000000); /* the parent, whose path is detached */
	CHECK(event.process.unreadable == RECORD_KEY_ENTRY_EXE);
	CHECK(!(event.process.detached & RECORD_KEY_ENTRY_EXE));
	decode_entry_of(4194303, 3999999999); /* another one with the same id */
	CHECK(!exe->length && !event.process.unreadable);
	decode_entry_without_programs(RECORD_EXEC, 4194302, 3000000000); /* a kernel thread */
	CHECK(!exe->length && !event.process.unreadable);
	decode_entry_without_programs(RECORD_EXEC_FAILED, 4194303, 4000000000);
	CHECK(!exe->length);
}

static void cut_programs_are_marked(void)
{
	decode_parent(hide_both, true);
	CHECK(event.process.unreadable == (RECORD_KEY_PARENT_EXE | RECORD_KEY_PARENT_ARGS));
	decode_parent(cut_both, true); /* no name is whole */
	CHECK(event.process.unreadable == RECORD_KEY_PARENT_EXE);
	CHECK(event.process.truncated == RECORD_KEY_PARENT_ARGS);
}

static void every_length(void)
{
	size_t length;
	struct record_exec *exec = good(&length);

	for (size_t shorter = 0; shorter < length; shorter++) {
		void *copy = malloc(shorter ? shorter : 1); /* the sanitizer's limit */

		memcpy(copy, exec, shorter);
		CHECK(decode_record(copy, shorter, &event) == -EBADMSG);
		free(copy);
	}
	free(exec);
}

static void other_versions_and_types(void)
{
	size_t length;
	struct record_exec *exec = good(&length);

	exec->header.version = RECORD_VERSION + 1;
	CHECK(decode_record(exec, length, &event) == -EPROTONOSUPPORT);
	exec->header.version = 0;
	CHECK(decode_record(exec, length, &event) == -EPROTONOSUPPORT);
	exec->header.version = RECORD_VERSION;
	exec->header.type = RECORD_TYPES;
	CHECK(decode_record(exec, length, &event) == -EPROTONOSUPPORT);
	free(exec);
}

static void sizes_that_lie(void)
{
	size_t length;
	struct record_exec *exec = good(&length);

	exec->header.size = (__u32)length + 1;
	CHECK(decode_record(exec, length, &event) == -EBADMSG);
	exec->header.size = sizeof(*exec) - 1;
	CHECK(decode_record(exec, length, &event) == -EBADMSG);
	exec->header.size = 0;
	CHECK(decode_record(exec, length, &event) == -EBADMSG);
	free(exec);
}

static void slices_that_lie(void)
{
	static const struct record_slice lies[] = {
		{ 0, 1 },
		{ sizeof(struct record_exec) - 1, 2 },
		{ sizeof(struct record_exec), 0xffffffff },
		{ 0xffffffff, 1 },
		{ 0xfffffff0, 0x20 },
		{ 1 << 20, 1 },
	};

	for (int slice = 0; slice < 8; slice++)
		for (size_t lie = 0; lie < sizeof(lies) / sizeof(lies[0]); lie++) {
			size_t length;
			struct record_exec *exec = good(&length);

			(&exec->filename)[slice] = lies[lie];
			CHECK(decode_record(exec, length, &event) == -EBADMSG);
			free(exec);
		}
}

static void contents_that_lie(void)
{
	size_t length;
	struct record_exec *exec = good(&length);

	exec->args_bytes = exec->args.length - 1;
	CHECK(decode_record(exec, length, &event) == -EBADMSG);
	exec->args_bytes = exec->args.length;
	exec->filename.length += 3; /* extends into the next string */
	CHECK(decode_record(exec, length, &event) == -EBADMSG);
	exec->filename.length -= 3;
	exec->exe.length -= 1; /* a path without its last NUL */
	CHECK(decode_record(exec, length, &event) == -EBADMSG);
	exec->exe.length += 1;
	CHECK(decode_record(exec, length, &event) == 0);
	exec->streams[1] = (struct record_stream){ .detail = ANON_INODE_FS_MAGIC };
	exec->streams[1].name = (struct record_slice){ (__u32)length - 1, 2 };
	CHECK(decode_record(exec, length, &event) == -EBADMSG);
	free(exec);
}

static uint32_t unreadable_of_file(uint64_t size, int64_t mtime_s, uint32_t mtime_ns)
{
	size_t length;
	struct record_exec *exec = good(&length);

	exec->file.size = size;
	exec->file.mtime_s = mtime_s;
	exec->file.mtime_ns = mtime_ns;
	CHECK(decode_record(exec, length, &event) == 0);
	free(exec);
	return event.process.unreadable;
}

static void file_out_of_range(void)
{
	CHECK(unreadable_of_file(1ull << 53, 0, 999999999) == 0);
	CHECK(event.exec.exe_mtime_ns == 999999999);
	CHECK(unreadable_of_file((1ull << 53) + 1, 0, 999999999) == RECORD_KEY_EXE_SIZE);
	CHECK(unreadable_of_file(0, -1, 999999999) == RECORD_KEY_EXE_MTIME);
	CHECK(unreadable_of_file(0, 18446744072, 999999999) == 0);
	CHECK(unreadable_of_file(0, 0, 1000000000) == RECORD_KEY_EXE_MTIME);
	CHECK(unreadable_of_file(0, 0, UINT32_MAX) == RECORD_KEY_EXE_MTIME);
	CHECK(unreadable_of_file(UINT64_MAX, INT64_MAX, 999999999) ==
	      (RECORD_KEY_EXE_SIZE | RECORD_KEY_EXE_MTIME));
}

static void path_that_is_too_long(void)
{
	struct fixture_strings strings = plain;
	struct record_exec *exec;
	char args[EVENT_PATH_BYTES + 2];
	size_t length;

	memset(args, 'a', sizeof(args));
	args[sizeof(args) - 1] = '\0';
	args[sizeof(args) - 2] = '\0';
	strings.args = args;
	strings.args_length = sizeof(args);
	exec = fixture_record(&strings, &length);
	exec->cwd = exec->args;
	CHECK(decode_record(exec, length, &event) == -EBADMSG);
	exec->cwd.offset++;
	exec->cwd.length -= 2;
	CHECK(decode_record(exec, length, &event) == 0);
	CHECK(event.exec.paths[EVENT_PATH_CWD].length == EVENT_PATH_BYTES);
	free(exec);
}

/* CLOCK_BOOTTIME is signed, and no process exits before it starts. */
static void impossible_times(void)
{
	size_t length;
	struct record_exit *ended = fixture_read("tests/unit/records/exit.bin", &length);
	uint64_t time_ns = ended->header.time_ns;

	CHECK(decode_record(ended, length, &event) == 0);
	CHECK(event.exit.duration_ns == time_ns - ended->task.start_ns);
	ended->header.time_ns = (uint64_t)INT64_MAX + 1;
	CHECK(decode_record(ended, length, &event) == -EBADMSG);
	ended->header.time_ns = ended->task.start_ns - 1;
	CHECK(decode_record(ended, length, &event) == -EBADMSG);
	free(ended);
}

static struct record_process *running(size_t *length)
{
	struct record_exit *ended = fixture_read("tests/unit/records/exit.bin", length);
	struct record_process *process = fixture_process(ended, length);

	free(ended);
	return process;
}

static void a_running_process(void)
{
	size_t length;
	struct record_process *process = running(&length);
	struct record_keys *keys = &process->begun.keys;
	struct event_exec *exec = &event.exec;

	process->flags = RECORD_FLAG_MEMFD;
	keys->truncated = RECORD_KEY_CWD;
	keys->detached = RECORD_KEY_EXE;
	CHECK(decode_record(process, length, &event) == 0);
	CHECK(is(exec->paths[EVENT_PATH_EXE], "/bin/busybox") && exec->memfd && exec->exe_detached);
	CHECK(is(exec->paths[EVENT_PATH_CWD], "srv/\xc3\xa9quipe") && !exec->cwd_detached);
	CHECK(is(exec->name, "sh") && is(event.process.comm, "sh"));
	CHECK(exec->argc == 4 && exec->args.length && !exec->args_hidden);
	CHECK(is(exec->streams[0], "pipe:[4711]") && !exec->streams[1].length &&
	      is(exec->streams[2], "anon_inode:[eventpoll]"));
	CHECK(exec->exe_file.inode == 131 && exec->exe_mtime_ns == 1700000000000000001);
	CHECK(!event.process.unreadable);
	free(process);
}

/* Its program is kept, its path was not read; or the other way around; or it has neither. */
static void a_running_process_without_its_program(void)
{
	size_t length;
	struct record_process *process = running(&length);
	struct record_slice *program = &process->begun.program, none = {};
	struct record_keys *keys = &process->begun.keys;
	const struct record_slice exe = process->exe;

	process->exe = none;
	CHECK(decode_record(process, length, &event) == 0);
	CHECK(is(event.exec.paths[EVENT_PATH_EXE], "/usr/bin/dash") && !event.process.unreadable);
	*program = none;
	keys->unreadable = RECORD_KEY_EXE | RECORD_KEY_ARGS;
	CHECK(decode_record(process, length, &event) == 0);
	CHECK(event.exec.has_exe && event.process.unreadable == keys->unreadable);
	process->exe = exe;
	keys->unreadable = RECORD_KEY_ARGS;
	CHECK(decode_record(process, length, &event) == 0);
	CHECK(is(event.exec.paths[EVENT_PATH_EXE], "/bin/busybox") && !event.exec.args.length);
	CHECK(event.process.unreadable == RECORD_KEY_ARGS);
	process->exe = none;
	keys->unreadable = 0; /* a kernel thread */
	CHECK(decode_record(process, length, &event) == 0);
	CHECK(!event.exec.has_exe && event.exec.args_hidden && !event.process.unreadable);
	free(process);
}

/* The program that is kept has a short path. */
static void marks_of_the_kept_program(void)
{
	size_t length;
	struct record_process *process = running(&length);
	char *bytes = (char *)process + process->begun.program.offset;
	struct record_program program;
	const uint32_t marks = RECORD_KEY_EXE | RECORD_KEY_ARGS;

	memcpy(&program, bytes, sizeof(program));
	program.flags = RECORD_PROGRAM_EXE_UNREADABLE | RECORD_PROGRAM_EXE_DETACHED |
			RECORD_PROGRAM_EXE_DELETED | RECORD_PROGRAM_MEMFD;
	program.args_bytes++;
	memcpy(bytes, &program, sizeof(program));
	fixture_sign(bytes);
	CHECK(decode_record(process, length, &event) == 0);
	CHECK(event_doubtful_keys(&event) == RECORD_KEY_ARGS && !event.exec.deleted &&
	      !event.exec.memfd && !event.exec.exe_detached);
	CHECK(is(event.exec.paths[EVENT_PATH_EXE], "/bin/busybox"));
	process->exe = (struct record_slice){};
	CHECK(decode_record(process, length, &event) == 0);
	CHECK(event_doubtful_keys(&event) == marks && event.process.unreadable == RECORD_KEY_EXE);
	CHECK(event.exec.deleted && event.exec.memfd);
	free(process);
}

static void running_processes_that_lie(void)
{
	size_t length;
	struct record_process *process = running(&length), changed;
	struct record_slice *const slices[] = { &process->exe, &process->cwd,
						&process->streams[2].name };

	memcpy(&changed, process, sizeof(changed));
	for (size_t shorter = 0; shorter < length; shorter++) {
		void *copy = malloc(shorter ? shorter : 1); /* the sanitizer's limit */

		memcpy(copy, process, shorter);
		CHECK(decode_record(copy, shorter, &event) == -EBADMSG);
		free(copy);
	}
	process->begun.header.size = sizeof(struct record_exit);
	CHECK(decode_record(process, length, &event) == -EBADMSG);
	process->begun.header.size = (__u32)length;
	for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
		*slices[i] = (struct record_slice){ (__u32)length - 1, 2 };
		CHECK(decode_record(process, length, &event) == -EBADMSG);
		*slices[i] = (struct record_slice){ sizeof(*process) - 1, 1 };
		CHECK(decode_record(process, length, &event) == -EBADMSG);
		memcpy(process, &changed, sizeof(changed));
	}
	process->file.mtime_ns = 1000000000;
	CHECK(decode_record(process, length, &event) == 0);
	CHECK(event.process.unreadable & RECORD_KEY_EXE_MTIME);
	free(process);
}

int main(void)
{
	tap_run("a process that runs has its own path, and what an exec has", a_running_process);
	tap_run("a process that runs may lack its program, its path, or both",
		a_running_process_without_its_program);
	tap_run("its marks are those of its own path, or of the program's",
		marks_of_the_kept_program);
	tap_run("a process that runs with a slice out of its record is refused",
		running_processes_that_lie);
	tap_run("the entry may be the process or its parent",
		the_entry_may_be_the_process_or_its_parent);
	tap_run("a good record is decoded", good_record);
	tap_run("marks are of one path each", marks_are_of_one_path_each);
	tap_run("paths are turned around, and a cut one is not absolute", paths_are_turned_around);
	tap_run("a program of which a part was changed is unreadable",
		programs_are_whole_or_unreadable);
	tap_run("a program that was cut, or not read, is marked", cut_programs_are_marked);
	tap_run("a record that ends anywhere too early is refused", every_length);
	tap_run("another version and an unknown type differ from corruption",
		other_versions_and_types);
	tap_run("a size that is not the record's is refused", sizes_that_lie);
	tap_run("a slice out of the record is refused", slices_that_lie);
	tap_run("lengths and strings that contradict each other are refused", contents_that_lie);
	tap_run("a path longer than there is room for is refused", path_that_is_too_long);
	tap_run("a file's size or time that no line can have is unreadable", file_out_of_range);
	tap_run("an exit at an impossible time is corrupt", impossible_times);
	return tap_end();
}
