// SPDX-License-Identifier: BSD-2-Clause
#include "fixture.h"

#include "event/decode.h"

#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FIXTURE_WALL_MINUS_BOOT_NS 1700000000000000000

void *fixture_read(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	void *bytes;
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0 ||
	    fseek(file, 0, SEEK_SET)) {
		perror(path);
		exit(1);
	}
	bytes = malloc((size_t)size);
	*length = fread(bytes, 1, (size_t)size, file);
	fclose(file);
	return bytes;
}

static struct record_slice append(char *record, __u32 *end, const void *bytes, size_t length)
{
	struct record_slice slice = { .offset = *end, .length = (__u32)length };

	memcpy(record + *end, bytes, length);
	*end += (__u32)length;
	return slice;
}

static size_t length_of(const struct fixture_strings *strings)
{
	return sizeof(struct record_exec) + strlen(strings->filename) + strlen(strings->exe) +
	       strlen(strings->cwd) + strlen(strings->parent_exe) + strlen(strings->cgroup) + 4 +
	       strings->args_length + 2 * sizeof(struct record_program) +
	       strings->parent_args_length + strlen(strings->parent_exe) + 1;
}

void fixture_sign(void *bytes)
{
	struct record_program program;

	memcpy(&program, bytes, sizeof(program));
	program.checksum = record_program_sum(&program, (char *)bytes + sizeof(program));
	memcpy(bytes, &program, sizeof(program));
}

static struct record_slice append_parent(char *record, __u32 *end,
					 const struct fixture_strings *strings)
{
	const struct record_program program = {
		.exec_ns = 3500000000,
		.exec_pid = 4194302,
		.args_bytes = (__u32)strings->parent_args_length,
		.argc = RECORD_ARGC_UNKNOWN - 1,
		.exe_length = (__u16)(strlen(strings->parent_exe) + 1),
		.args_length = (__u16)strings->parent_args_length,
		.flags = RECORD_PROGRAM_EXE_DETACHED | RECORD_PROGRAM_EXE_DELETED,
	};
	struct record_slice slice = append(record, end, &program, sizeof(program));

	slice.length +=
		append(record, end, strings->parent_exe, strlen(strings->parent_exe) + 1).length;
	slice.length +=
		append(record, end, strings->parent_args, strings->parent_args_length).length;
	fixture_sign(record + slice.offset);
	return slice;
}

static struct record_slice append_entry(char *record, __u32 *end,
					const struct fixture_strings *strings)
{
	const size_t length = strlen(strings->parent_exe) + 1;
	const struct record_program program = { .exe_length = (__u16)length };
	struct record_slice slice = append(record, end, &program, sizeof(program));

	slice.length += append(record, end, strings->parent_exe, length).length;
	fixture_sign(record + slice.offset);
	return slice;
}

void *fixture_record(const struct fixture_strings *strings, size_t *length)
{
	struct record_exec *exec;
	__u32 end = sizeof(*exec);

	*length = length_of(strings);
	exec = calloc(1, *length);
	exec->header = (struct record_header){ .version = RECORD_VERSION,
					       .type = RECORD_EXEC,
					       .time_ns = 5000000000 };
	exec->task = (struct record_task){
		.start_ns = 4000000000,
		.parent_start_ns = 3000000000,
		.group_start_ns = 2900000000,
		.session_start_ns = 2800000000,
		.entry_start_ns = 2700000000,
		.entry_pid = 4194297,
		.entry_type = RECORD_ENTRY_CONTAINER,
		.cap_effective = 0x1ffffffffff,
		.cap_permitted = 0x1ffffffffff,
		.pid = 4194303,
		.ppid = 4194302,
		.pgid = 4194301,
		.sid = 4194300,
		.uid = 4294967294,
		.gid = 4294967293,
		.euid = 4294967292,
		.egid = 4294967291,
		.auid = 4294967290,
		.ses = 4294967289,
		.tty_major = 4095,
		.tty_minor = 1048575,
		.ns_pid = 4194299,
		.pid_ns = 4026531836,
		.mnt_ns = 4026531841,
		.net_ns = 4026531840,
		.user_ns = 4026531837,
	};
	exec->file = (struct record_file){
		.inode = UINT64_MAX,
		.size = 9007199254740992,
		.mtime_s = 16725225599,
		.mtime_ns = 999999999,
		.device = UINT32_MAX,
		.mode = 0107777,
		.uid = 4294967288,
		.gid = 4294967287,
	};
	exec->streams[0] =
		(struct record_stream){ { 18446744073709551615u }, S_IFSOCK, SOCKFS_MAGIC };
	exec->streams[1] =
		(struct record_stream){ { 18446744073709551614u }, S_IFIFO, PIPEFS_MAGIC };
	exec->streams[2] = (struct record_stream){ {}, S_IFCHR, UINT32_MAX };
	memcpy(exec->name, strings->comm, strnlen(strings->comm, sizeof(exec->name)));
	exec->tid = 4194298;
	exec->argc = 3;
	exec->args_bytes = strings->args_length;
	exec->flags = RECORD_FLAG_MEMFD | RECORD_FLAG_EXE_UPPER;
	exec->keys.detached = RECORD_KEY_EXE | RECORD_KEY_CWD | RECORD_KEY_PARENT_EXE;
	exec->keys.deleted = RECORD_KEY_EXE | RECORD_KEY_CWD | RECORD_KEY_PARENT_EXE;
	memcpy(exec->comm, strings->comm, strnlen(strings->comm, sizeof(exec->comm)));
	memcpy(exec->task.parent_comm, strings->comm, strnlen(strings->comm, sizeof(exec->comm)));
	for (__u32 i = 0; i < RECORD_ANCESTORS; i++) {
		struct record_ancestor *ancestor = &exec->task.ancestors[i];

		*ancestor = (struct record_ancestor){ 2000000000 + i, 4194200 + i };
		memcpy(ancestor->comm, strings->comm, strnlen(strings->comm, sizeof(exec->comm)));
	}
	exec->task.ancestor_count = RECORD_ANCESTORS;
	exec->filename = append((char *)exec, &end, strings->filename, strlen(strings->filename));
	exec->exe = append((char *)exec, &end, strings->exe, strlen(strings->exe) + 1);
	exec->cwd = append((char *)exec, &end, strings->cwd, strlen(strings->cwd) + 1);
	if (strings->parent_args)
		exec->parent = append_parent((char *)exec, &end, strings);
	else
		exec->parent_exe = append((char *)exec, &end, strings->parent_exe,
					  strlen(strings->parent_exe) + 1);
	exec->entry = append_entry((char *)exec, &end, strings);
	exec->cgroup = append((char *)exec, &end, strings->cgroup, strlen(strings->cgroup) + 1);
	exec->args = append((char *)exec, &end, strings->args, strings->args_length);
	*length = exec->header.size = end;
	return exec;
}

static struct record_slice moved(struct record_slice slice)
{
	if (slice.offset)
		slice.offset += (__u32)(sizeof(struct record_process) - sizeof(struct record_exit));
	return slice;
}

struct record_process *fixture_process(const struct record_exit *ended, size_t *length)
{
	static const char exe[] = "busybox\0bin", cwd[] = "\xc3\xa9quipe\0srv",
			  name[] = "[eventpoll]";
	const size_t variable_bytes = ended->header.size - sizeof(*ended);
	__u32 end = (__u32)(sizeof(struct record_process) + variable_bytes);
	struct record_process *process = calloc(1, end + sizeof(exe) + sizeof(cwd) + sizeof(name));
	struct record_exit *begun = &process->begun;

	*begun = *ended;
	memcpy(process + 1, ended + 1, variable_bytes);
	begun->header.type = RECORD_PROCESS;
	begun->program = moved(ended->program);
	begun->parent_exe = moved(ended->parent_exe);
	begun->parent = moved(ended->parent);
	begun->entry = moved(ended->entry);
	begun->cgroup = moved(ended->cgroup);
	process->file = (struct record_file){
		.inode = 131,
		.size = 1234567,
		.mtime_s = 1700000000,
		.mtime_ns = 1,
		.device = 254 << RECORD_DEVICE_MINOR_BITS | 1,
		.mode = S_IFREG | 04755,
		.uid = 1000,
		.gid = 100,
	};
	process->exe = append((char *)process, &end, exe, sizeof(exe));
	process->cwd = append((char *)process, &end, cwd, sizeof(cwd));
	process->streams[0] = (struct record_stream){ { 4711 }, S_IFIFO, PIPEFS_MAGIC };
	process->streams[2] = (struct record_stream){ .detail = ANON_INODE_FS_MAGIC };
	process->streams[2].name = append((char *)process, &end, name, sizeof(name) - 1);
	*length = begun->header.size = end;
	return process;
}

struct enricher *fixture_enricher(const char *env_names)
{
	static const struct enrich_facts facts = {
		.host = "host.example",
		.boot_id = FIXTURE_BOOT_ID,
		.machine_id = "fedcba9876543210fedcba9876543210",
		.kernel = "6.1.0-example",
		.version = "1.2.3",
		.names_directory = "tests/unit/etc",
		.wall_minus_boot_ns = FIXTURE_WALL_MINUS_BOOT_NS,
	};
	struct enricher *enricher;

	if (enrich_new(&enricher, env_names, &facts)) {
		perror("enrich_new");
		exit(1);
	}
	return enricher;
}

int fixture_line(struct enricher *enricher, const struct encode_format *format, const void *record,
		 size_t length, struct event *event, char *line, size_t line_max_bytes,
		 size_t *line_length)
{
	int result = decode_record(record, length, event);

	if (result)
		return result;
	event->seq = 7;
	enrich_event(enricher, event);
	*line_length = encode_event(format, event, line, line_max_bytes);
	return 0;
}

int fixture_full_line(struct enricher *enricher, const void *record, size_t length,
		      struct event *event, char *line, size_t line_max_bytes, size_t *line_length)
{
	int result = decode_record(record, length, event);

	if (result)
		return result;
	event->seq = 7;
	enrich_event(enricher, event);
	event->omitted = (struct field_set){};
	*line_length = encode_event(&encode_native, event, line, line_max_bytes);
	return 0;
}
