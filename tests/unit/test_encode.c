// SPDX-License-Identifier: BSD-2-Clause
/* Encodes recorded and constructed records; jansson parses every line. */
#include "event/decode.h"
#include "event/field.h"
#include "event/limit.h"
#include "event/selection.h"
#include "fixture.h"
#include "reference.h"
#include "tap.h"

#include <errno.h>
#include <glob.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define LINE_ROOM (1 << 20)

static char line[LINE_ROOM];
static struct enricher *enricher;
static struct event event;

static const struct encode_format *const formats[] = { &encode_native, &encode_ecs, &encode_ocsf };
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

/* Encodes a record with the given limit. */
static int line_as(const struct encode_format *format, const void *record, size_t length,
		   size_t limit, size_t *line_length)
{
	return fixture_line(enricher, format, record, length, &event, line, limit, line_length);
}

static int line_of(const void *record, size_t length, size_t limit, size_t *line_length)
{
	return line_as(&encode_native, record, length, limit, line_length);
}

static json_t *parse(size_t length)
{
	if (!length || line[length - 1] != '\n' || memchr(line, '\n', length - 1))
		return NULL;
	return json_loadb(line, length - 1, JSON_REJECT_DUPLICATES, NULL);
}

/* Compares the line with the one that jansson makes of the event. */
static bool is_reference(size_t length)
{
	json_t *json = parse(length), *expected = reference_native(&event);
	bool same = json && json_equal(json, expected);

	json_decref(json);
	json_decref(expected);
	return same;
}

/*
 * Compares the line with STEM.json or STEM.FORMAT.json. EXECTAP_GOLDEN=write writes that file.
 * tests/mapping compares the lines of the other formats with the native ones.
 */
static bool is_golden(const struct encode_format *format, const char *stem, size_t line_length)
{
	const char *dot = format == &encode_native ? "" : ".", *name = *dot ? format->name : "";
	char path[512];
	size_t length;
	void *golden;
	bool same;

	snprintf(path, sizeof(path), "%s%s%s.json", stem, dot, name);
	if (getenv("EXECTAP_GOLDEN")) {
		FILE *file = fopen(path, "wb");

		fwrite(line, 1, line_length, file);
		fclose(file);
	}
	golden = fixture_read(path, &length);
	same = length == line_length && !memcmp(golden, line, line_length);
	free(golden);
	if (!same)
		printf("# %s\n", path);
	return same;
}

static void golden_record(const char *stem, const void *record, size_t length)
{
	size_t line_length = 0;

	for (size_t i = 0; i < FORMATS; i++) {
		CHECK(line_as(formats[i], record, length, 15360, &line_length) == 0);
		CHECK(formats[i] != &encode_native || is_reference(line_length));
		CHECK(is_golden(formats[i], stem, line_length));
	}
}

static void golden_lines(void)
{
	glob_t records;

	CHECK(glob("tests/unit/records/*.bin", 0, NULL, &records) == 0 && records.gl_pathc >= 6);
	for (size_t i = 0; i < records.gl_pathc; i++) {
		const char *path = records.gl_pathv[i];
		size_t length;
		void *record = fixture_read(path, &length);
		char stem[512];

		snprintf(stem, sizeof(stem), "%.*s", (int)(strlen(path) - strlen(".bin")), path);
		golden_record(stem, record, length);
		free(record);
	}
	globfree(&records);
}

/* Returns a record of an exec in a container, with every key except env and raw. */
static struct record_exec *contained_record(const char *cgroup, size_t *length)
{
	static const char args[] = "sh\0-c\0exit 3", parent_args[] = "runc\0create";
	const struct fixture_strings strings = { .filename = "/bin/sh",
						 .exe = "busybox",
						 .cwd = "srv",
						 .parent_exe = "runc",
						 .cgroup = cgroup,
						 .args = args,
						 .args_length = sizeof(args),
						 .comm = "runc:[2:INIT]",
						 .parent_args = parent_args,
						 .parent_args_length = sizeof(parent_args) };

	return fixture_record(&strings, length);
}

#define CONTAINER_ID "8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c"

/* Makes an enricher that knows the names of containers. */
static void use_containers(void)
{
	enrich_free(enricher);
	enricher = fixture_enricher("HOME,LANG,EVIL");
	CHECK(enrich_use_containers(enricher, "tests/unit/states") == 0);
}

static void forget_containers(void)
{
	enrich_free(enricher);
	enricher = fixture_enricher("HOME,LANG,EVIL");
}

static void golden_container(void)
{
	size_t length;
	struct record_exec *exec =
		contained_record("kubepods-pod01234567_89ab_cdef_0123_456789abcdef.slice:"
				 "cri-containerd:" CONTAINER_ID,
				 &length);

	use_containers();
	golden_record("tests/unit/records/made-container", exec, length);
	forget_containers();
	free(exec);
}

/* Processes that run, as the end of one does: its file is deleted, or its name, file and
 * descriptors are not read, or its path is that of the kept program, or it is a kernel thread. */
static void golden_running(const struct record_exit *ended)
{
	size_t length;
	struct record_process *process = fixture_process(ended, &length);
	struct record_keys *keys = &process->begun.keys;

	process->flags = RECORD_FLAG_EXE_UPPER;
	keys->deleted = RECORD_KEY_EXE | RECORD_KEY_CWD;
	keys->detached = RECORD_KEY_CWD;
	golden_record("tests/unit/records/made-process", process, length);
	*keys = (struct record_keys){
		.unreadable = RECORD_KEY_COMM | RECORD_KEY_NAME | RECORD_KEY_CWD |
			      RECORD_KEY_EXE_FILE | RECORD_KEY_EXE_SIZE | RECORD_KEY_EXE_MTIME |
			      RECORD_KEY_EXE_UPPER | RECORD_KEY_STREAMS,
	};
	process->exe = (struct record_slice){};
	golden_record("tests/unit/records/made-process-ended", process, length);
	*keys = (struct record_keys){};
	process->begun.program = process->begun.parent = (struct record_slice){};
	process->file = (struct record_file){};
	process->flags = 0;
	memset(process->streams, 0, sizeof(process->streams));
	golden_record("tests/unit/records/made-kthread", process, length);
	free(process);
}

static void golden_processes(void)
{
	size_t length;
	struct record_exit *ended = fixture_read("tests/unit/records/exit.bin", &length);

	ended->status = SIGSEGV | 0x80;
	ended->task.tty_major = 4;
	ended->task.tty_minor = 1;
	ended->task.ns_pid = 0;
	golden_record("tests/unit/records/made-signal", ended, length);
	ended->header.type = RECORD_FORK;
	golden_record("tests/unit/records/made-fork", ended, length);
	golden_running(ended);
	free(ended);
}

/* Cases that the recorded records do not contain. */
static void golden_made_up(void)
{
	static const char tags[] = "env\0prod\0owner_2\0\"\xc3\xa9quipe\" <a@b>";
	size_t length;
	struct record_exec *exec =
		contained_record("kubepods-burstable-pod01234567_89ab_cdef_0123_456789abcdef"
				 ".slice:cri-containerd:" CONTAINER_ID,
				 &length);

	golden_record("tests/unit/records/made-pod", exec, length);
	exec->keys.unreadable =
		RECORD_KEY_COMM | RECORD_KEY_FILENAME | RECORD_KEY_EXE | RECORD_KEY_CWD;
	memset(exec->streams, 0, sizeof(exec->streams));
	exec->task.tty_major = 137;
	exec->task.tty_minor = 2;
	golden_record("tests/unit/records/made-unreadable", exec, length);
	free(exec);

	exec = contained_record(
		"kubepods-pod0123456789abcdef0123456789abcdef.slice:cri-containerd:" CONTAINER_ID,
		&length);
	exec->task.tty_major = 4;
	exec->task.tty_minor = 65;
	exec->task.cap_effective = 1ull << 63 | 1ull << 41 | 1ull << 40 | 1;
	exec->task.cap_permitted = 0x1fffffffffeull;
	golden_record("tests/unit/records/made-static-pod", exec, length);
	free(exec);

	exec = contained_record("ssh.service", &length);
	exec->task.user_ns = 4026532000;
	exec->keys.unreadable = RECORD_KEY_EXE_FILE | RECORD_KEY_EXE_UPPER | RECORD_KEY_STREAMS;
	exec->file.size++;
	exec->file.mtime_s = -1;
	golden_record("tests/unit/records/made-unit", exec, length);
	free(exec);

	exec = contained_record("ssh.service", &length);
	enrich_set_labels(enricher, "\xc3\xa4lter.example", (struct text){ tags, sizeof(tags) });
	golden_record("tests/unit/records/made-tags", exec, length);
	enrich_set_labels(enricher, NULL, (struct text){ "", 0 });
	free(exec);

	golden_container();
	golden_processes();
}

/* Encodes a record with a selection of fields. */
static size_t selected_line(const struct encode_format *format, const struct selection *selection,
			    const void *record, size_t length)
{
	CHECK(decode_record(record, length, &event) == 0);
	event.seq = 7;
	enrich_event(enricher, &event);
	selection_apply(selection, &event);
	return encode_event(format, &event, line, LINE_ROOM);
}

static struct selection *selection_of(const char *fields, const char *omit)
{
	struct selection *selection = NULL;
	size_t length;
	const char *word;

	CHECK(selection_new(&selection) == 0);
	CHECK(!fields || selection_add_fields(selection, fields, &word, &length) == 0);
	CHECK(!omit || selection_add_omit(selection, omit, &word, &length) == 0);
	return selection;
}

/* Compares the lines with the kept ones, which tests/mapping compares with each other. */
static void golden_selection(const char *stem, const char *fields, const char *omit,
			     const void *record, size_t length)
{
	struct selection *selection = selection_of(fields, omit);

	for (size_t i = 0; i < FORMATS; i++)
		CHECK(is_golden(formats[i], stem,
				selected_line(formats[i], selection, record, length)));
	selection_free(selection);
}

static void golden_selections(void)
{
	size_t length, exit_length, failed_length;
	struct record_exec *exec =
		contained_record("kubepods-pod01234567_89ab_cdef_0123_456789abcdef.slice:"
				 "cri-containerd:" CONTAINER_ID,
				 &length);
	void *ended = fixture_read("tests/unit/records/exit.bin", &exit_length),
	     *failed = fixture_read("tests/unit/records/failed.bin", &failed_length);

	golden_selection("tests/unit/selected/minimal", "@minimal", NULL, exec, length);
	golden_selection("tests/unit/selected/minimal-exit", "@minimal", NULL, ended, exit_length);
	golden_selection("tests/unit/selected/ids", NULL, "@ids,@parent", exec, length);
	golden_selection("tests/unit/selected/programs", "@default",
			 "exe,comm,filename,args,raw,deleted,container_id", exec, length);
	golden_selection("tests/unit/selected/failed", NULL,
			 "error,cwd,comm,@namespaces,seq,event_id,boot_id,raw", failed,
			 failed_length);
	golden_selection("tests/unit/selected/exit", NULL, "duration,start,exit_code,euid,uid",
			 ended, exit_length);
	golden_selection("tests/unit/selected/one", "argc", NULL, exec, length);
	golden_selection("tests/unit/selected/command", "@default,command_line,parent_command_line",
			 NULL, exec, length);
	free(exec);
	free(ended);
	free(failed);
}

/* Leaves out one field after the other: all others stay as they are. */
static void omitted_one_by_one(const void *record, size_t length)
{
	size_t line_length;

	CHECK(line_of(record, length, LINE_ROOM, &line_length) == 0);
	for (unsigned int id = 0; id < FIELD_COUNT; id++) {
		const struct field *field = field_get((enum field_id)id);
		json_t *expected, *found;
		char name[64];

		if (field->groups & (FIELD_GROUP_FIXED | FIELD_GROUP_EXTRA))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)field_key(field).length - 3,
			 field_key(field).bytes + 1);
		CHECK(line_of(record, length, LINE_ROOM, &line_length) == 0);
		expected = parse(line_length);
		json_object_del(expected, name);
		if (!json_object_get(expected, "raw")) {
			struct selection *selection = selection_of(NULL, name);

			found = parse(selected_line(&encode_native, selection, record, length));
			CHECK(json_equal(expected, found));
			json_decref(found);
			selection_free(selection);
		}
		json_decref(expected);
	}
}

static void every_field_can_be_omitted(void)
{
	static const char *const paths[] = { "tests/unit/records/plain.bin",
					     "tests/unit/records/exit.bin",
					     "tests/unit/records/user.bin" };
	size_t length;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		void *record = fixture_read(paths[i], &length);

		omitted_one_by_one(record, length);
		free(record);
	}
}

static void doubtful_names_are_of_written_keys(void)
{
	size_t length;
	struct record_exec *exec = contained_record("x", &length);
	struct selection *selection = selection_of("container_id,exe,cwd", NULL);
	const char *word;
	json_t *json;

	exec->keys.truncated = RECORD_KEY_EXE | RECORD_KEY_ARGS | RECORD_KEY_PARENT_EXE;
	exec->keys.unreadable = RECORD_KEY_CGROUP | RECORD_KEY_COMM;
	json = parse(selected_line(&encode_native, selection, exec, length));
	CHECK(json_array_size(json_object_get(json, "truncated")) == 1);
	CHECK(json_array_size(json_object_get(json, "unreadable")) == 1); /* of container_id */
	CHECK(!strcmp(json_string_value(json_array_get(json_object_get(json, "unreadable"), 0)),
		      "cgroup"));
	CHECK(json_is_true(json_object_get(json, "exe_detached")));
	json_decref(json);
	CHECK(selection_record_keys(selection) ==
	      (RECORD_KEY_EXE | RECORD_KEY_CWD | RECORD_KEY_CGROUP));
	CHECK(selection_add_omit(selection, "exe_detached,unreadable,exe", &word, &length) == 0);
	CHECK(selection_record_keys(selection) == (RECORD_KEY_CWD | RECORD_KEY_CGROUP));
	json = parse(selected_line(&encode_native, selection, exec, length));
	CHECK(!json_object_get(json, "unreadable") && !json_object_get(json, "exe_detached"));
	CHECK(json_object_size(json) == 5); /* timestamp, type, cwd, cwd_detached and
						parent_exe_detached */
	json_decref(json);
	selection_free(selection);
	free(exec);
}

static void wrong_words_are_found(void)
{
	static const struct {
		const char *list, *word;
	} wrong[] = { { "pid,nonsense,foo", "nonsense" },
		      { "", "" },
		      { "pid,", "" },
		      { "@ids,@no", "@no" },
		      { "@", "@" },
		      { "ids", "ids" },
		      { " pid", " pid" },
		      { "PID", "PID" } };
	struct selection *selection = selection_of(NULL, NULL);
	const char *word;
	size_t length;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK(selection_add_fields(selection, wrong[i].list, &word, &length) == -EINVAL);
		CHECK(length == strlen(wrong[i].word) && !memcmp(word, wrong[i].word, length));
	}
	CHECK(selection_add_fields(selection, "timestamp,raw,@default", &word, &length) == 0);
	CHECK(selection_add_omit(selection, "pid,type", &word, &length) == -EINVAL);
	CHECK(length == 4 && !memcmp(word, "type", 4));
	selection_free(selection);
}

/* Fills a path of RECORD_PATH_BYTES with the byte. */
static char *filled(char byte)
{
	char *path = malloc(RECORD_PATH_BYTES);

	memset(path, byte, RECORD_PATH_BYTES - 1);
	path[RECORD_PATH_BYTES - 1] = '\0';
	return path;
}

/* Returns the names of the truncated keys. */
static const json_t *truncated_of(const json_t *json)
{
	static const char *const parents[] = { "exectap", "unmapped" };

	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++)
		if (json_object_get(json, parents[i]))
			json = json_object_get(json, parents[i]);
	return json_object_get(json, "truncated");
}

/* Sets tags and a name of the host, both long. Returns the least limit of the format. */
static size_t label_worst(const struct encode_format *format)
{
	static char tags[4096], host[254];
	struct text strings = { tags, sizeof(tags) };

	memset(tags, 'k', sizeof(tags));
	for (size_t i = 63; i < sizeof(tags); i += 64)
		tags[i] = '\0';
	memset(host, 'h', sizeof(host) - 1);
	enrich_set_labels(enricher, host, strings);
	return encode_least_bytes(format, host, strings);
}

/* Gives the descriptors the longest names. They share their bytes with the arguments. */
static void name_streams(struct record_exec *exec)
{
	memset((char *)exec + exec->args.offset, 'n', RECORD_STREAM_NAME_BYTES - 1);
	for (int i = 0; i < RECORD_STREAMS; i++) {
		exec->streams[i] = (struct record_stream){ .detail = ANON_INODE_FS_MAGIC };
		exec->streams[i].name =
			(struct record_slice){ exec->args.offset, RECORD_STREAM_NAME_BYTES - 1 };
	}
}

static void worst_fits(char byte)
{
	char *path = filled(byte), *cgroup = filled(byte), comm[RECORD_COMM_BYTES];
	struct fixture_strings strings = { .filename = path,
					   .exe = path,
					   .cwd = path,
					   .parent_exe = path,
					   .cgroup = cgroup,
					   .args = path,
					   .args_length = RECORD_PATH_BYTES,
					   .comm = comm,
					   .parent_args = path,
					   .parent_args_length = RECORD_PATH_BYTES };
	size_t length, line_length, least;
	struct record_exec *exec;

	memcpy(cgroup, "lxc.payload.", sizeof("lxc.payload.") - 1); /* ends with filled() */
	memset(comm, byte, sizeof(comm));
	exec = fixture_record(&strings, &length);
	exec->task.cap_effective = UINT64_MAX;
	exec->task.uid = exec->task.gid = 9000; /* ids with the longest names */
	exec->task.euid = exec->task.egid = 9001;
	exec->task.auid = 9002;
	exec->task.cap_permitted = UINT64_MAX;
	name_streams(exec);
	for (size_t i = 0; i < FORMATS; i++) {
		json_t *json;

		CHECK(line_as(formats[i], exec, length, formats[i]->line_min_bytes, &line_length) ==
		      0);
		CHECK(line_length <= formats[i]->line_min_bytes);
		json = parse(line_length);
		CHECK(json && json_array_size(truncated_of(json)) >= 5);
		json_decref(json);
		CHECK(formats[i] != &encode_native ||
		      (fixture_full_line(enricher, exec, length, &event, line,
					 ENCODE_LINE_MIN_BYTES, &line_length) == 0 &&
		       line_length <= ENCODE_LINE_MIN_BYTES));
		least = label_worst(formats[i]);
		CHECK(line_as(formats[i], exec, length, least, &line_length) == 0);
		CHECK(line_length <= least && line_length > formats[i]->line_min_bytes);
		enrich_set_labels(enricher, NULL, (struct text){ "", 0 });
	}
	free(exec);
	free(cgroup);
	free(path);
}

static void worst_case_fits(void)
{
	static const char bytes[] = { '\x01', '"', '\xff', 'a', '\xc3' };

	for (size_t i = 0; i < sizeof(bytes); i++)
		worst_fits(bytes[i]);
}

/* Arguments of every kind: plain, empty, escaped, two bytes per character, not UTF-8, long. */
static struct record_exec *mixed_record(size_t *length)
{
	static char args[6000];
	struct fixture_strings strings = { .filename = "./program",
					   .exe = "program",
					   .cwd = "home",
					   .parent_exe = "sh",
					   .cgroup = "user.slice",
					   .args = args,
					   .args_length = sizeof(args),
					   .comm = "sh" };
	static const char *const patterns[] = {
		"plain",       "", "tab\t\"quote\"", "\xc3\xa9t\xc3\xa9", "\xff\x80\xe2\x82",
		"\x01\x02\x03"
	};
	size_t end = 0;

	for (size_t i = 0; end < sizeof(args); i++)
		end += (size_t)snprintf(args + end, sizeof(args) - end, "%s", patterns[i % 6]) + 1;
	args[sizeof(args) - 1] = '\0';
	return fixture_record(&strings, length);
}

/* The formats have the arguments at different paths. */
static const json_t *args_of(const json_t *json)
{
	static const char *const parents[] = { "process", "unmapped" };
	const json_t *args = json_object_get(json, "args");

	for (size_t i = 0; !args && i < sizeof(parents) / sizeof(parents[0]); i++)
		args = json_object_get(json_object_get(json, parents[i]), "args");
	return args;
}

/* Coprime to the length of the patterns, so that a limit falls on each byte of each pattern. */
#define LIMIT_STEP 11

/* Returns each of the last 512 limits, and a sample of the others. */
static size_t next_limit(size_t limit, size_t whole)
{
	return limit + (limit + 512 < whole ? LIMIT_STEP : 1);
}

static void limits_are_kept(const struct encode_format *format)
{
	size_t length, line_length, whole, shown = 0;
	struct record_exec *exec = mixed_record(&length);

	CHECK(line_as(format, exec, length, LINE_ROOM, &whole) == 0);
	for (size_t limit = format->line_min_bytes; limit <= whole;
	     limit = next_limit(limit, whole)) {
		json_t *json;
		const json_t *args;

		CHECK(line_as(format, exec, length, limit, &line_length) == 0);
		CHECK(line_length <= limit);
		CHECK(line_length + 64 >= limit); /* truncated, but no more than necessary */
		CHECK(format != &encode_native || is_reference(line_length));
		json = parse(line_length);
		args = args_of(json);
		CHECK(json && json_array_size(args) >= shown);
		CHECK((truncated_of(json) != NULL) == (limit < whole));
		CHECK(!!(event.process.truncated & RECORD_KEY_ARGS) == (limit < whole));
		shown = json_array_size(args);
		json_decref(json);
	}
	free(exec);
}

static void every_limit_is_kept(void)
{
	for (size_t i = 0; i < FORMATS; i++)
		limits_are_kept(formats[i]);
}

/* The id and the names of a container are whole, or left out and named by their source. */
static void container_names_are_whole(void)
{
	char *path = filled('a');
	struct fixture_strings strings = {
		.filename = path,
		.exe = path,
		.cwd = path,
		.parent_exe = path,
		.cgroup = "kubepods-pod01234567_89ab_cdef_0123_456789abcdef."
			  "slice:cri-containerd:" CONTAINER_ID,
		.args = path,
		.args_length = RECORD_PATH_BYTES,
		.comm = "sh"
	};
	size_t length, line_length, whole = 0, without_id = 0;
	struct record_exec *exec = fixture_record(&strings, &length);

	use_containers();
	for (size_t limit = ENCODE_LINE_MIN_BYTES; limit < 30000; limit += 997) {
		const struct container *container = &event.context->container;
		const struct container_names *names = &container->names;

		CHECK(line_of(exec, length, limit, &line_length) == 0 && line_length <= limit);
		CHECK(is_reference(line_length));
		CHECK(!names->image.length ||
		      text_equals(names->image, "docker.io/library/nginx:1.25.3"));
		CHECK(names->image.length || event.process.truncated & RECORD_KEY_CGROUP);
		CHECK(!container->id.length || text_equals(container->id, CONTAINER_ID));
		CHECK(container->id.length || event.process.truncated & RECORD_KEY_CGROUP);
		without_id += !container->id.length;
		whole += names->image.length && names->name.length && names->pod_name.length;
	}
	CHECK(whole > 5 && without_id > 0);
	for (size_t i = 0; i < FORMATS; i++)
		CHECK(line_as(formats[i], exec, length, formats[i]->line_min_bytes, &line_length) ==
			      0 &&
		      line_length <= formats[i]->line_min_bytes);
	forget_containers();
	free(exec);
	free(path);
}

/* With command_line a line has its arguments twice. */
static void limits_are_kept_with_command_line(void)
{
	size_t length, line_length, whole;
	struct record_exec *exec = mixed_record(&length);
	json_t *json, *names;

	CHECK(fixture_full_line(enricher, exec, length, &event, line, LINE_ROOM, &whole) == 0);
	CHECK(is_reference(whole));
	for (size_t limit = ENCODE_LINE_MIN_BYTES; limit < whole;
	     limit = next_limit(limit, whole)) {
		CHECK(fixture_full_line(enricher, exec, length, &event, line, limit,
					&line_length) == 0);
		CHECK(line_length <= limit && line_length + 64 >= limit);
		CHECK(is_reference(line_length));
	}
	json = parse(line_length);
	names = json_object_get(json, "truncated");
	CHECK(json_array_size(names) >= 2 &&
	      !strcmp(json_string_value(json_array_get(names, 1)), "command_line"));
	json_decref(json);
	free(exec);
}

/* The bytes of a command line that is not UTF-8 are those of its arguments. */
static void command_line_alone(void)
{
	static const char args[] = "sh\0caf\xe9\0\0b";
	struct fixture_strings strings = { "f", "e", "c", "p", "g", args, sizeof(args), "sh" };
	struct selection *selection = selection_of("command_line", NULL);
	size_t length, line_length;
	struct record_exec *exec = fixture_record(&strings, &length);

	CHECK(selection_record_keys(selection) == RECORD_KEY_ARGS);
	line_length = selected_line(&encode_native, selection, exec, length);
	line[line_length] = '\0';
	CHECK(strstr(line, ",\"command_line\":\"sh caf" TEXT_REPLACEMENT "  b\","));
	CHECK(strstr(line, ",\"raw\":[{\"key\":\"args\",\"index\":1,\"base64\":\"Y2Fm6Q==\"}]}"));
	CHECK(!strstr(line, "\"args\":"));
	selection_free(selection);
	free(exec);
}

static void extra_fields_are_those_of_the_table(void)
{
	struct field_set extra = {};

	for (unsigned int id = 0; id < FIELD_COUNT; id++)
		if (field_get((enum field_id)id)->groups & FIELD_GROUP_EXTRA)
			field_set_add(&extra, id);
	CHECK(field_set_equals(&extra, &FIELD_SET_EXTRA));
}

static void unreadable_is_left_out(void)
{
	size_t length, line_length;
	struct record_exec *exec = mixed_record(&length);
	json_t *json;

	exec->keys.unreadable = RECORD_KEY_COMM | RECORD_KEY_ARGS | RECORD_KEY_EXE;
	exec->args.length = 0;
	CHECK(line_of(exec, length, LINE_ROOM, &line_length) == 0);
	json = parse(line_length);
	CHECK(!json_object_get(json, "comm") && !json_object_get(json, "args") &&
	      !json_object_get(json, "exe"));
	CHECK(json_object_get(json, "argc") &&
	      json_array_size(json_object_get(json, "unreadable")) == 3);
	json_decref(json);
	free(exec);
}

/* A hook that lacks the caller knows no thread of it. */
static void unknown_thread_is_left_out(void)
{
	size_t length, line_length;
	struct record_exec *exec = mixed_record(&length);

	exec->keys.unreadable = RECORD_KEY_COMM;
	exec->tid = 0;
	for (size_t i = 0; i < FORMATS; i++) {
		CHECK(line_as(formats[i], exec, length, LINE_ROOM, &line_length) == 0);
		line[line_length] = '\0';
		CHECK(!strstr(line, "tid\":"));
	}
	free(exec);
}

/* Text shows no directory where none could be read. */
static void unknown_directory_is_left_out(void)
{
	size_t length, line_length;
	struct record_exec *exec = mixed_record(&length);

	CHECK(line_as(&encode_text, exec, length, LINE_ROOM, &line_length) == 0);
	line[line_length] = '\0';
	CHECK(strstr(line, " in /home"));
	exec->keys.unreadable = RECORD_KEY_CWD;
	exec->cwd.length = 0;
	CHECK(line_as(&encode_text, exec, length, LINE_ROOM, &line_length) == 0);
	line[line_length] = '\0';
	CHECK(!strstr(line, " in /"));
	free(exec);
}

/* Encodes in all formats, with the reduced event; nothing is truncated here. */
static void golden_event(const char *stem)
{
	enrich_event(enricher, &event);
	for (size_t i = 0; i < FORMATS; i++) {
		size_t length = encode_event(formats[i], &event, line, ENCODE_LINE_MIN_BYTES);

		CHECK(formats[i] != &encode_native || is_reference(length));
		CHECK(is_golden(formats[i], stem, length));
	}
}

/* Events without a record. */
static void about_exectap(void)
{
	static const char hooks[] = "tp_btf/task_rename\0tp_btf/sched_process_exec";
	static const char *const stems[] = { [EVENT_START] = "tests/unit/records/start",
					     [EVENT_STATS] = "tests/unit/records/stats",
					     [EVENT_STOP] = "tests/unit/records/stop" };

	event = (struct event){ .type = EVENT_LOST,
				.time_ns = 8123456789,
				.seq = 18231,
				.lost = { .count = 412,
					  .reason = "buffer_full",
					  .event_type = "exec",
					  .from_ns = 7000000001,
					  .to_ns = 8123456789 } };
	golden_event("tests/unit/records/lost");
	event.lost = (struct event_lost){
		.count = 1, .reason = "corrupt_record", .from_ns = 1, .to_ns = 2
	};
	golden_event("tests/unit/records/lost-one");
	for (int type = EVENT_START; type <= EVENT_STOP; type++) {
		event = (struct event){ .type = (enum event_type)type,
					.time_ns = 9000000000,
					.heartbeat = { .hooks = { hooks, sizeof(hooks) },
						       .seen = type == EVENT_START ? 0 : 18231,
						       .written = type == EVENT_START ? 0 : 18012,
						       .filtered = type == EVENT_START ? 0 : 219,
						       .suppressed = 0,
						       .lost = type == EVENT_START ? 0 : 412 } };
		golden_event(stems[type]);
	}
}

/* Turns the current event into a summary of a limit. */
static void golden_summary(const char *stem, const char *rule, const void *record, size_t length)
{
	struct selection *selection = selection_of(NULL, NULL);
	struct limit_rule parsed;
	const char *word;
	size_t word_length;

	CHECK(limit_parse(rule, &parsed, &word, &word_length) == 0);
	selection_set_fields(selection, &parsed.keys);
	selected_line(&encode_native, selection, record, length);
	limit_summarize(&(struct limit_summary){ .count = 99995,
						 .from_ns = 7000000001,
						 .to_ns = 8123456789 },
			&event);
	enrich_summary(enricher, &event);
	for (size_t i = 0; i < FORMATS; i++) {
		size_t line_length = encode_event(formats[i], &event, line, LINE_ROOM);

		CHECK(formats[i] != &encode_native || is_reference(line_length));
		CHECK(is_golden(formats[i], stem, line_length));
	}
	selection_free(selection);
}

static void summaries(void)
{
	size_t length, failed_length, exit_length;
	struct record_exec *exec = contained_record("ssh.service", &length);
	void *failed = fixture_read("tests/unit/records/failed.bin", &failed_length),
	     *ended = fixture_read("tests/unit/records/exit.bin", &exit_length);

	exec->keys.detached = 0;
	golden_summary("tests/unit/records/suppressed", "5/10", exec, length);
	golden_summary("tests/unit/records/suppressed-failed", "1/1:filename,error,comm,cwd",
		       failed, failed_length);
	golden_summary("tests/unit/records/suppressed-exit", "1/1:comm,exit_code,euid", ended,
		       exit_length);
	free(exec);
	free(failed);
	free(ended);
}

static void terminals_are_safe(void)
{
	static const char args[] = "\x1b[31m\0\x7f\0\xc2\x9b\x33\x31m\0\xc2\xa0\0\x9b"
				   "31m\0\t\r\n\b\f\v";
	struct fixture_strings strings = { "f", "e", "c", "p", "g", args, sizeof(args), "\x1b]0;" };
	size_t length, line_length;
	struct record_exec *exec = fixture_record(&strings, &length);

	CHECK(line_of(exec, length, LINE_ROOM, &line_length) == 0);
	CHECK(is_reference(line_length));
	for (size_t i = 0; i < line_length - 1; i++) {
		unsigned char byte = (unsigned char)line[i], next = (unsigned char)line[i + 1];

		CHECK(byte >= 0x20 && byte != 0x7f && !(byte == 0xc2 && next < 0xa0));
	}
	line[line_length] = '\0';
	CHECK(strstr(line, "\"args\":[\"\\u001b[31m\",\"\\u007f\",\"\\u009b31m\",\"\xc2\xa0\","
			   "\"" TEXT_REPLACEMENT "31m\",\"\\t\\r\\n\\b\\f\\u000b\"]"));
	free(exec);
}

static void keys_keep_their_order(void)
{
	event = (struct event){
		.type = EVENT_LOST,
		.lost = { .count = 3, .reason = "buffer_full", .event_type = "exec" }
	};
	enrich_event(enricher, &event);
	line[encode_event(&encode_native, &event, line, LINE_ROOM)] = '\0';
	CHECK(strstr(line, "{\"timestamp\":\"2023-11-14T22:13:20.000000000Z\",\"type\":\"lost\","
			   "\"seq\":0,") == line);
	CHECK(strstr(line,
		     ",\"count\":3,\"reason\":\"buffer_full\",\"event_type\":\"exec\",\"from\":"));
}

int main(void)
{
	enricher = fixture_enricher("HOME,LANG,EVIL");
	tap_run("recorded records give the recorded lines, in each format", golden_lines);
	tap_run("made-up ones give the lines kept for them", golden_made_up);
	tap_run("a selection of fields gives the lines kept for it", golden_selections);
	tap_run("each field can be left out, and the others stay", every_field_can_be_omitted);
	tap_run("what is truncated and unreadable is named if it is written, or the source of it",
		doubtful_names_are_of_written_keys);
	tap_run("wrong words of a list are found", wrong_words_are_found);
	tap_run("with the worst of bytes in every string a line fits into the least limit",
		worst_case_fits);
	tap_run("at every limit the line is whole, within it, and not cut more than needed",
		every_limit_is_kept);
	tap_run("the same with command_line, which is cut with args and named in truncated",
		limits_are_kept_with_command_line);
	tap_run("ids and names of containers are whole or left out", container_names_are_whole);
	tap_run("command_line without args has their bytes in raw", command_line_alone);
	tap_run("the fields that lines lack by default are those of the table",
		extra_fields_are_those_of_the_table);
	tap_run("what could not be read is left out and named", unreadable_is_left_out);
	tap_run("a thread that is not known is left out", unknown_thread_is_left_out);
	tap_run("text shows no directory that could not be read", unknown_directory_is_left_out);
	tap_run("lines about exectap itself are what jansson would write, and the recorded ones",
		about_exectap);
	tap_run("summaries of a limit are what jansson would write, and the recorded ones",
		summaries);
	tap_run("no byte of a string reaches a terminal as a control character",
		terminals_are_safe);
	tap_run("keys stand in the order of the contract", keys_keep_their_order);
	enrich_free(enricher);
	return tap_end();
}
