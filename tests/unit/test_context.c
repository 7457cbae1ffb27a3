// SPDX-License-Identifier: BSD-2-Clause
/*
 * Lines of events that share contexts and texts, compared with those of events that share nothing.
 * Each record is freed behind its line, so that a view into it is found by the address sanitizer.
 */
#include "event/context.h"

#include "event/decode.h"
#include "event/field.h"
#include "event/selection.h"
#include "fixture.h"
#include "redact/redact.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 15360
#define CONTAINER_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct encode_format *const formats[] = { &encode_native, &encode_ecs, &encode_ocsf,
						       &encode_text };
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static const char *const files[] = { "plain", "root", "script", "user",	 "bytes",
				     "cut",   "long", "exit",	"failed" };
#define FILES (sizeof(files) / sizeof(files[0]))

static const struct fixture_strings strings = {
	.filename = "./x",
	.exe = "x",
	.cwd = "d",
	.parent_exe = "make",
	.cgroup = "docker-" CONTAINER_ID ".scope",
	.args = "a\0b\0c",
	.args_length = 6,
	.comm = "sh",
	.parent_args = "make\0--password=hunter2",
	.parent_args_length = 24,
};

static struct event sharing, alone;
static struct enricher *enricher;
static struct redactor *redactor; /* NULL: events are not redacted */
static struct selection *selection; /* NULL: the default */
static size_t line_max_bytes = LINE_BYTES;

/* Passes a copy of the record through all stages. Returns the bytes of the line, 0 if there is
 * none.
 */
static size_t make_line(struct event *event, const struct encode_format *format, const void *record,
			size_t length, char *line)
{
	size_t line_length = 0;
	void *copy = malloc(length);

	memcpy(copy, record, length);
	if (!decode_record(copy, length, event)) {
		event->seq = 7;
		enrich_event(enricher, event);
		if (redactor)
			redact_event(redactor, event);
		if (selection)
			selection_apply(selection, event);
		line_length = encode_event(format, event, line, line_max_bytes);
	}
	free(copy);
	return line_length;
}

/* Compares the lines of the record. */
static bool is_same(const struct encode_format *format, const void *record, size_t length)
{
	static char shared_line[LINE_BYTES], line[LINE_BYTES];
	size_t shared_bytes = make_line(&sharing, format, record, length, shared_line);
	size_t bytes = make_line(&alone, format, record, length, line);

	if (bytes == shared_bytes && !memcmp(shared_line, line, bytes))
		return true;
	printf("# shared %.*s# alone  %.*s", (int)shared_bytes, shared_line, (int)bytes, line);
	return false;
}

/* Reports whether the last line had, or left behind, the text of the run. */
static bool has_text(const struct encode_format *format, enum context_run run)
{
	return context_text_find(&sharing, format, run).text.bytes;
}

static void *read_record(size_t i, size_t *length)
{
	char path[256];

	snprintf(path, sizeof(path), "tests/unit/records/%s.bin", files[i]);
	return fixture_read(path, length);
}

static struct record_exec *make_record(size_t *length)
{
	struct fixture_strings given = strings;

	return fixture_record(&given, length);
}

static bool line_has(const struct encode_format *format, const struct record_exec *exec,
		     size_t length, const char *string)
{
	static char line[LINE_BYTES];
	size_t bytes = make_line(&sharing, format, exec, length, line);

	return memmem(line, bytes, string, strlen(string));
}

static void equal_records_share(void)
{
	size_t length;
	struct record_exec *exec = make_record(&length);

	context_clear(sharing.contexts);
	CHECK(is_same(&encode_native, exec, length));
	CHECK(sharing.shared && has_text(&encode_native, CONTEXT_RUN_FIELDS));
	exec->header.time_ns++;
	exec->task.pid++;
	exec->task.ns_pid++;
	exec->task.pgid++;
	exec->task.start_ns++;
	exec->task.group_start_ns++;
	CHECK(decode_record(exec, length, &sharing) == 0);
	CHECK(sharing.shared && sharing.context != &sharing.own_context);
	for (size_t i = 0; i < FORMATS; i++)
		CHECK(is_same(formats[i], exec, length) && is_same(formats[i], exec, length));
	CHECK(is_same(&encode_ecs, exec, length) && has_text(&encode_ecs, CONTEXT_RUN_PROCESS) &&
	      has_text(&encode_ecs, CONTEXT_RUN_OBJECTS) &&
	      has_text(&encode_ecs, CONTEXT_RUN_HOST) &&
	      has_text(&encode_ecs, CONTEXT_RUN_FILE_FIELDS));
	CHECK(!has_text(&encode_native, CONTEXT_RUN_FIELDS));
	CHECK(has_text(&encode_ecs, CONTEXT_RUN_CALL_FIELDS) &&
	      has_text(&encode_ecs, CONTEXT_RUN_CALL) && has_text(&encode_ecs, CONTEXT_RUN_MARKS));
	CHECK(is_same(&encode_ocsf, exec, length) && has_text(&encode_ocsf, CONTEXT_RUN_MESSAGE));
	free(exec);
}

/* Reports whether the last line's texts are found, and none after the bits of a mask change. */
static bool belong_to_marks(uint32_t *mask)
{
	bool have = has_text(&encode_native, CONTEXT_RUN_MARKS) &&
		    has_text(&encode_native, CONTEXT_RUN_CALL_FIELDS);

	*mask ^= RECORD_KEY_CGROUP | RECORD_KEY_CWD;
	return have && !has_text(&encode_native, CONTEXT_RUN_MARKS) &&
	       !has_text(&encode_native, CONTEXT_RUN_CALL_FIELDS);
}

static void texts_belong_to_marks(void)
{
	size_t length;
	struct record_exec *exec = make_record(&length);

	CHECK(is_same(&encode_native, exec, length));
	CHECK(belong_to_marks(&sharing.process.truncated));
	CHECK(is_same(&encode_native, exec, length));
	CHECK(belong_to_marks(&sharing.process.unreadable));
	/* a summary of execs has other fields of the call */
	CHECK(is_same(&encode_native, exec, length));
	CHECK(has_text(&encode_native, CONTEXT_RUN_CALL_FIELDS));
	sharing.type = EVENT_SUPPRESSED;
	CHECK(!has_text(&encode_native, CONTEXT_RUN_CALL_FIELDS));
	free(exec);
}

/* The call of a process that is its own entry is shared as well, and that of another parent's
 * child; an attempt has none to share. */
static void equal_calls_share(void)
{
	size_t length;
	struct record_exec *exec = make_record(&length);
	const struct call_entry *call;

	CHECK(is_same(&encode_native, exec, length) && sharing.shared_call);
	call = sharing.shared_call;
	exec->task.ppid++;
	CHECK(is_same(&encode_native, exec, length) && sharing.shared_call == call);
	CHECK(has_text(&encode_native, CONTEXT_RUN_CALL_FIELDS) &&
	      has_text(&encode_native, CONTEXT_RUN_FILE_FIELDS));
	exec->header.type = RECORD_EXEC_FAILED;
	CHECK(is_same(&encode_native, exec, length) && !sharing.shared_call);
	free(exec);
}

/* Records with other lengths of the slices of the call, which contain the same bytes. */
static void bytes_belong_to_one_slice_of_a_call(void)
{
	static const char *const names[] = { "ab", "a", "", "b" };
	struct fixture_strings given = strings;

	for (size_t i = 0; i < 64; i++) {
		struct record_exec *exec;
		size_t length;

		given.filename = names[i % 4];
		given.exe = names[i / 4 % 4];
		given.cwd = names[i / 16];
		exec = fixture_record(&given, &length);
		for (size_t k = 0; k < FORMATS; k++)
			CHECK(is_same(formats[k], exec, length));
		free(exec);
	}
}

/* Most other programs have another place in the cache, but not all of so many. */
static void another_program_is_another_call(void)
{
	size_t length;
	struct record_exec *exec = make_record(&length);

	for (uint32_t i = 0; i < 1000; i++) {
		exec->file.inode ^= i;
		CHECK(is_same(&encode_native, exec, length));
		exec->file.inode ^= i;
		CHECK(is_same(&encode_native, exec, length));
	}
	free(exec);
}

/* Calls that are too long for the cache. */
static void long_calls(void)
{
	static char path[4001];
	struct fixture_strings given = strings;
	struct record_exec *exec;
	size_t length;

	memset(path, 'p', sizeof(path) - 1);
	given.filename = given.exe = given.cwd = path;
	for (size_t bytes = 1; bytes < sizeof(path); bytes += 97) {
		path[bytes] = '\0';
		exec = fixture_record(&given, &length);
		for (size_t i = 0; i < FORMATS * 2; i++)
			CHECK(is_same(formats[i / 2], exec, length));
		path[bytes] = 'p';
		free(exec);
	}
}

/* A value that has no place in a line is unreadable in the second line too. */
static void unreadable_calls_share(void)
{
	size_t length;
	struct record_exec *exec = make_record(&length);

	exec->file.size = UINT64_MAX;
	exec->file.mtime_s = -1;
	for (size_t i = 0; i < FORMATS * 2; i++)
		CHECK(is_same(formats[i / 2], exec, length) && sharing.shared_call &&
		      sharing.process.unreadable & RECORD_KEY_EXE_SIZE &&
		      sharing.process.unreadable & RECORD_KEY_EXE_MTIME);
	free(exec);
}

/* Returns a record of the end of the process, with the same bytes behind its fixed part. */
static struct record_exit *make_exit(const struct record_exec *exec, size_t length)
{
	struct record_exit *ended = calloc(1, length);

	memcpy(ended, exec, length);
	memset(ended->comm, 'c', sizeof(ended->comm));
	ended->user_ns = ended->system_ns = ended->runtime_ns = ended->max_rss_pages = 1;
	ended->status = ended->reserved = 0;
	ended->program = exec->parent;
	ended->parent_exe = exec->parent_exe;
	ended->parent = exec->parent;
	ended->entry = exec->entry;
	ended->cgroup = exec->cgroup;
	return ended;
}

/* Events of all types have the context of one process. */
static void types_share_contexts(void)
{
	size_t length;
	struct record_exec *exec = make_record(&length);
	struct record_exit *ended = make_exit(exec, length);
	size_t process_length;
	struct record_process *process = fixture_process(ended, &process_length);

	for (size_t i = 0; i < FORMATS * 2 * 3; i++) {
		const struct encode_format *format = formats[i / 6];

		exec->header.type = i % 2 ? RECORD_EXEC_FAILED : RECORD_EXEC;
		CHECK(is_same(format, exec, length));
		ended->header.type = i % 3 ? RECORD_EXIT : RECORD_FORK;
		if (i % 3 < 2)
			CHECK(is_same(format, ended, length) && sharing.shared);
		else
			CHECK(is_same(format, process, process_length) && sharing.shared);
	}
	free(exec);
	free(process);
	free(ended);
}

/* Each of two records after each other one. */
static void recorded_records_in_any_order(void)
{
	size_t lengths[FILES];
	void *records[FILES];

	for (size_t i = 0; i < FILES; i++)
		records[i] = read_record(i, &lengths[i]);
	for (size_t format = 0; format < FORMATS; format++)
		for (size_t step = 1; step < 2 * FILES; step++)
			for (size_t i = 0; i < FILES * 2; i++) {
				size_t k = i * step % FILES;

				CHECK(is_same(formats[(format + i * (step % 2)) % FORMATS],
					      records[k], lengths[k]));
			}
	for (size_t i = 0; i < FILES; i++)
		free(records[i]);
}

/* Compares the line of a record with one byte changed, after that of the record itself. */
static bool byte_is_compared(const struct encode_format *format, unsigned char *record,
			     size_t length, size_t place, unsigned char bits)
{
	bool same = is_same(format, record, length);

	record[place] ^= bits;
	same = same && is_same(format, record, length);
	record[place] ^= bits;
	return same;
}

static void check_each_byte(void *record, size_t length)
{
	for (size_t format = 0; format < FORMATS; format++)
		for (size_t place = 0; place < length; place++)
			for (unsigned int bit = 0; bit < 8; bit++)
				CHECK(byte_is_compared(formats[format], record, length, place,
						       (unsigned char)(1 << bit)));
}

static void a_changed_byte_is_another_record(void)
{
	size_t length;
	void *record = make_record(&length);

	check_each_byte(record, length);
	free(record);
	record = read_record(1, &length);
	check_each_byte(record, length);
	free(record);
}

/* The checksums of the programs are right. */
static void a_changed_program_is_another_record(void)
{
	size_t length;
	struct record_exec *exec = make_record(&length);
	const struct record_slice slices[] = { exec->parent, exec->entry };

	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < slices[i].length; k++) {
			char *program = (char *)exec + slices[i].offset;

			/* the checksum is of so many bytes */
			if (k >= offsetof(struct record_program, exe_length) &&
			    k < offsetof(struct record_program, flags))
				continue;
			CHECK(is_same(&encode_native, exec, length));
			program[k] ^= 1;
			fixture_sign(program);
			CHECK(is_same(&encode_native, exec, length));
			program[k] ^= 1;
			fixture_sign(program);
		}
	free(exec);
}

/* Records with other lengths of the slices, which contain the same bytes. */
static void bytes_belong_to_one_slice(void)
{
	static const char *const exes[] = { "ab", "a", "", "b" };
	struct fixture_strings given = strings;

	given.parent_args = NULL;
	for (size_t i = 0; i < 16; i++) {
		struct record_exec *exec;
		size_t length;

		given.parent_exe = exes[i % 4];
		given.cgroup = exes[i / 4];
		exec = fixture_record(&given, &length);
		exec->entry = (struct record_slice){};
		CHECK(is_same(&encode_native, exec, length));
		exec->parent_exe.length = 0;
		CHECK(is_same(&encode_native, exec, length));
		exec->parent_exe.offset = 0; /* none, and not the root */
		CHECK(is_same(&encode_native, exec, length));
		free(exec);
	}
}

/* Most other parents have another place in the cache, but not all of so many. */
static void another_parent_is_another_context(void)
{
	size_t length;
	struct record_exec *exec = make_record(&length);

	for (uint32_t i = 0; i < 1000; i++) {
		exec->task.ppid ^= i;
		CHECK(is_same(&encode_native, exec, length));
		exec->task.ppid ^= i;
		CHECK(is_same(&encode_native, exec, length));
	}
	free(exec);
}

/* A process that is its own entry has its own program in the context. */
static void an_entry_shares_nothing(void)
{
	size_t length;
	struct record_exec *exec = make_record(&length);

	exec->entry = (struct record_slice){};
	exec->task.entry_pid = exec->task.pid;
	exec->task.entry_start_ns = exec->task.start_ns;
	for (int i = 0; i < 3; i++) {
		CHECK(is_same(&encode_native, exec, length) && !sharing.shared);
		((char *)exec)[exec->exe.offset]++;
	}
	free(exec);
}

/* Contexts that are too long for the cache. */
static void long_contexts(void)
{
	static char path[4001], args[4000];
	struct fixture_strings given = strings;
	struct record_exec *exec;
	size_t length;

	memset(path, 'p', sizeof(path) - 1);
	memset(args, 'q', sizeof(args));
	given.parent_exe = given.cgroup = path;
	given.parent_args = args;
	for (size_t bytes = 1; bytes <= sizeof(args); bytes += 333) {
		path[bytes] = '\0';
		given.parent_args_length = bytes;
		exec = fixture_record(&given, &length);
		for (size_t i = 0; i < FORMATS * 2; i++)
			CHECK(is_same(formats[i / 2], exec, length));
		path[bytes] = 'p';
		free(exec);
	}
}

/* Lines of any limit, between whole lines of the same context. */
static void cut_lines(void)
{
	struct fixture_strings given = strings;
	static char args[3000], path[1001];
	struct record_exec *exec;
	size_t length;

	memset(args, 'a', sizeof(args));
	memset(path, 'p', sizeof(path) - 1);
	given.args = args;
	given.args_length = sizeof(args);
	given.filename = given.exe = given.cwd = given.cgroup = path;
	exec = fixture_record(&given, &length);
	for (size_t i = 0; i < 3 * 40; i++) {
		const struct encode_format *format = formats[i / 40];

		line_max_bytes = format->line_min_bytes + i % 40 * 150;
		CHECK(is_same(format, exec, length));
		line_max_bytes = LINE_BYTES;
		CHECK(is_same(format, exec, length) && sharing.shared);
	}
	free(exec);
}

/* The same where the paths of the call are short enough to be shared. */
static void cut_lines_of_shared_calls(void)
{
	static char cgroup[2601], path[301];
	struct fixture_strings given = strings;
	struct record_exec *exec;
	size_t length;

	memset(cgroup, 'c', sizeof(cgroup) - 1);
	memset(path, 'p', sizeof(path) - 1);
	given.cgroup = cgroup;
	given.filename = given.exe = given.cwd = path;
	for (size_t i = 0; i < 3 * 40; i++) {
		const struct encode_format *format = formats[i / 40];

		path[20 + i % 40 * 7] = '\0';
		exec = fixture_record(&given, &length);
		path[20 + i % 40 * 7] = 'p';
		CHECK(is_same(format, exec, length) && sharing.shared_call);
		line_max_bytes = format->line_min_bytes;
		CHECK(is_same(format, exec, length));
		line_max_bytes = LINE_BYTES;
		CHECK(is_same(format, exec, length) && sharing.shared_call);
		free(exec);
	}
}

/* One call, whose filename is cut to other lengths. */
static void calls_cut_differently(void)
{
	static char filename[951], cgroup[2601];
	struct fixture_strings given = strings;
	struct record_exec *exec;
	size_t length;

	memset(filename, 'f', sizeof(filename) - 1);
	memset(cgroup, 'c', sizeof(cgroup) - 1);
	given.filename = filename;
	given.cgroup = cgroup;
	exec = fixture_record(&given, &length);
	/* cutting them changes no mark */
	exec->keys.truncated = RECORD_KEY_FILENAME | RECORD_KEY_EXE | RECORD_KEY_CWD;
	CHECK(is_same(&encode_native, exec, length) && sharing.shared_call);
	for (size_t i = 0; i < 40; i++) {
		line_max_bytes = encode_native.line_min_bytes + i * 10;
		CHECK(is_same(&encode_native, exec, length));
	}
	line_max_bytes = LINE_BYTES;
	free(exec);
}

/* The id of a process group's leader follows from both of its parts. */
static void another_group_has_another_leader(void)
{
	size_t length;
	struct record_exec *exec = make_record(&length);

	for (uint32_t i = 0; i < 12; i++) {
		char expected[128];

		exec->task.pgid = 77 + i / 2 % 3;
		exec->task.group_start_ns = 1000 + i / 3;
		snprintf(expected, sizeof(expected), "-%u-%u\",\"start\":", 1000 + i / 3,
			 77 + i / 2 % 3);
		CHECK(line_has(&encode_native, exec, length, expected));
	}
	exec->task.group_start_ns = 0;
	CHECK(!line_has(&encode_native, exec, length, "group_leader_id"));
	free(exec);
}

static void other_selections(void)
{
	static const char *const lists[] = { "pid,args",    "@minimal", "cgroup,parent_args",
					     "parent_args", "@default", "uid,entry_exe" };
	size_t length;
	struct record_exec *exec = make_record(&length);

	for (size_t i = 0; i < FORMATS * 6 * 2; i++) {
		const struct encode_format *format = formats[i / 12];
		const char *word;
		size_t word_length;

		CHECK(is_same(format, exec, length));
		CHECK(selection_new(&selection) == 0);
		if (i % 2)
			CHECK(selection_add_omit(selection, lists[i / 2 % 6], &word,
						 &word_length) == 0);
		else
			CHECK(selection_add_fields(selection, lists[i / 2 % 6], &word,
						   &word_length) == 0);
		CHECK(is_same(format, exec, length) && is_same(format, exec, length));
		exec->keys.unreadable ^= RECORD_KEY_PARENT_COMM;
		CHECK(is_same(format, exec, length));
		selection_free(selection);
		selection = NULL;
	}
	free(exec);
}

/* Redacted events, between others of the same context. */
static void redacted_events(void)
{
	size_t length;
	struct record_exec *exec = make_record(&length);

	for (size_t i = 0; i < FORMATS * 4; i++) {
		const struct encode_format *format = formats[i / 4];

		CHECK(is_same(format, exec, length));
		CHECK(redact_new(&redactor) == 0);
		if (i % 2)
			redact_add_builtin(redactor);
		else
			redact_hide_args(redactor);
		CHECK(is_same(format, exec, length) && is_same(format, exec, length));
		CHECK((sharing.shared == NULL) == (i % 2 == 1));
		redact_free(redactor);
		redactor = NULL;
		CHECK(is_same(format, exec, length) && sharing.shared);
	}
	free(exec);
}

/* The arguments of the process are redacted, and nothing of its context. */
static void redacted_args(void)
{
	static char args[] = "a\0--password=hunter2";
	struct fixture_strings given = strings;
	struct record_exec *exec;
	size_t length;

	given.args = args;
	given.args_length = sizeof(args);
	given.parent_args = NULL;
	exec = fixture_record(&given, &length);
	CHECK(redact_new(&redactor) == 0);
	redact_add_builtin(redactor);
	for (size_t i = 0; i < FORMATS * 4; i++) {
		char *first = (char *)exec + exec->args.offset + sizeof("a\0--") - 1;

		*first = i % 2 ? 'q' : 'p';
		CHECK(is_same(formats[i / 4], exec, length) && sharing.shared);
		CHECK(sharing.process.redacted == (i % 2 ? 0 : RECORD_KEY_ARGS));
	}
	redact_free(redactor);
	redactor = NULL;
	free(exec);
}

/* Polls enrich_refresh(), which looks at most once a second, until it reports a change. */
static bool refresh(void)
{
	for (int i = 0; i < 1000; i++) {
		const struct timespec tick = { .tv_nsec = 10000000 };

		if (enrich_refresh(enricher)) {
			context_clear(sharing.contexts);
			return true;
		}
		nanosleep(&tick, NULL);
	}
	return false;
}

static void write_file(const char *path, const char *contents)
{
	FILE *file = fopen(path, "we");

	CHECK(file && fputs(contents, file) >= 0);
	if (file)
		fclose(file);
}

/* Replaces the enricher by one with names of users from the directory. */
static void use_names(const char *directory)
{
	const struct enrich_facts facts = { .host = "host.example",
					    .boot_id = FIXTURE_BOOT_ID,
					    .version = "1.2.3",
					    .names_directory = directory };

	enrich_free(enricher);
	CHECK(enrich_new(&enricher, NULL, &facts) == 0);
	context_clear(sharing.contexts);
}

static void other_names_of_users(void)
{
	char directory[] = "/tmp/exectap-context.XXXXXX", passwd[64];
	size_t length;
	struct record_exec *exec = make_record(&length);

	CHECK(mkdtemp(directory) != NULL);
	snprintf(passwd, sizeof(passwd), "%s/passwd", directory);
	write_file(passwd, "before:x:1:\n");
	use_names(directory);
	exec->task.uid = 1;
	CHECK(line_has(&encode_native, exec, length, "\"user\":\"before\""));
	CHECK(is_same(&encode_native, exec, length) && sharing.shared);
	write_file(passwd, "afterwards:x:1:\n");
	CHECK(refresh());
	for (int i = 0; i < 10; i++)
		if (line_has(&encode_native, exec, length, "\"user\":\"afterwards\"") || !refresh())
			break;
	CHECK(line_has(&encode_native, exec, length, "\"user\":\"afterwards\""));
	for (size_t i = 0; i < FORMATS; i++)
		CHECK(is_same(formats[i], exec, length) && is_same(formats[i], exec, length));
	unlink(passwd);
	rmdir(directory);
	use_names("tests/unit/etc");
	free(exec);
}

static void other_labels(void)
{
	size_t length;
	struct record_exec *exec = make_record(&length);
	struct text tags = { "role\0db", 8 };

	for (size_t i = 0; i < FORMATS; i++) {
		enrich_set_labels(enricher, "one.example", (struct text){ "", 0 });
		CHECK(refresh() && is_same(formats[i], exec, length));
		enrich_set_labels(enricher, "two.example", tags);
		CHECK(refresh() && is_same(formats[i], exec, length));
	}
	CHECK(line_has(&encode_native, exec, length, "\"host\":\"two.example\"") &&
	      line_has(&encode_native, exec, length, "\"role\":\"db\""));
	enrich_set_labels(enricher, NULL, (struct text){ "", 0 });
	CHECK(refresh());
	free(exec);
}

static void make_directories(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
}

/* Removes the directories above the path, as far as `from` bytes of it. */
static void remove_directories(char *path, size_t from)
{
	for (char *slash = strrchr(path, '/'); slash >= path + from; slash = strrchr(path, '/')) {
		*slash = '\0';
		CHECK(rmdir(path) == 0);
	}
}

/* Polls until the line has the string: a file that was missing is looked for again after a second.
 */
static bool line_gets(const struct record_exec *exec, size_t length, const char *string)
{
	for (int i = 0; i < 1000; i++) {
		const struct timespec tick = { .tv_nsec = 10000000 };

		if (enrich_refresh(enricher))
			context_clear(sharing.contexts);
		if (line_has(&encode_native, exec, length, string))
			return true;
		nanosleep(&tick, NULL);
	}
	return false;
}

static void a_container_gets_its_name_later(void)
{
	static char root[] = "/tmp/exectap-context.XXXXXX", path[512];
	size_t length;
	struct record_exec *exec = make_record(&length);

	CHECK(mkdtemp(root) != NULL);
	CHECK(enrich_use_containers(enricher, root) == 0);
	context_clear(sharing.contexts);
	CHECK(is_same(&encode_native, exec, length) && is_same(&encode_ecs, exec, length));
	CHECK(!line_has(&encode_native, exec, length, "container_name") && sharing.shared);
	snprintf(path, sizeof(path), "%s/var/lib/docker/containers/" CONTAINER_ID "/config.v2.json",
		 root);
	make_directories(path);
	write_file(path, "{\"Name\":\"/web\",\"Config\":{\"Image\":\"nginx\"}}");
	CHECK(line_gets(exec, length, "\"container_name\":\"web\",\"container_image\":\"nginx\""));
	for (size_t i = 0; i < FORMATS; i++)
		CHECK(is_same(formats[i], exec, length) && is_same(formats[i], exec, length) &&
		      sharing.shared);
	unlink(path);
	remove_directories(path, strlen(root));
	free(exec);
}

/* The fields that a run of the context has are in each line about a process. */
static void runs_have_the_same_types(void)
{
	for (unsigned int id = FIELD_CONTEXT_FIRST; id < FIELD_CONTEXT_END; id++)
		CHECK(field_get((enum field_id)id)->events ==
		      (EVENT_BITS_PROCESS | EVENT_BIT(EVENT_SUPPRESSED)));
	for (unsigned int id = FIELD_HOST_FIRST; id < FIELD_HOST_END; id++)
		CHECK(field_get((enum field_id)id)->events == EVENT_BITS_ALL);
	for (unsigned int id = FIELD_MARKS_FIRST; id < FIELD_COUNT; id++)
		CHECK(field_get((enum field_id)id)->events ==
		      (EVENT_BITS_PROCESS | EVENT_BIT(EVENT_SUPPRESSED)));
	/* the line of an exec leaves these out */
	for (unsigned int id = FIELD_CONTEXT_END; id < FIELD_MARKS_FIRST; id++)
		CHECK(!(field_get((enum field_id)id)->events & EVENT_BIT(EVENT_EXEC)));
}

int main(void)
{
	enricher = fixture_enricher("HOME");
	if (context_new(&sharing.contexts))
		return 1;
	tap_run("events of equal records share a context and texts", equal_records_share);
	tap_run("texts belong to the marks of the event", texts_belong_to_marks);
	tap_run("events of equal calls share a call and texts", equal_calls_share);
	tap_run("what has no place in a line is unreadable in each", unreadable_calls_share);
	tap_run("slices of a call of other lengths with the same bytes are others",
		bytes_belong_to_one_slice_of_a_call);
	tap_run("another program is another call", another_program_is_another_call);
	tap_run("long calls are not shared", long_calls);
	tap_run("a run is in lines of all types", runs_have_the_same_types);
	tap_run("events of other types share contexts as well", types_share_contexts);
	tap_run("recorded records give the same lines in any order and format",
		recorded_records_in_any_order);
	tap_run("a record with one other byte gives its own line",
		a_changed_byte_is_another_record);
	tap_run("so does one with another program of the parent or the entry",
		a_changed_program_is_another_record);
	tap_run("slices of other lengths with the same bytes are others",
		bytes_belong_to_one_slice);
	tap_run("another parent is another context", another_parent_is_another_context);
	tap_run("a process that is its own entry shares no context", an_entry_shares_nothing);
	tap_run("long contexts are not shared", long_contexts);
	tap_run("a cut line changes no other line", cut_lines);
	tap_run("neither does one whose call is shared", cut_lines_of_shared_calls);
	tap_run("nor one whose call is cut in another way", calls_cut_differently);
	tap_run("another process group has another leader", another_group_has_another_leader);
	tap_run("each selection of fields has its own texts", other_selections);
	tap_run("a redacted event changes no other line", redacted_events);
	tap_run("redacted arguments of the process alone change no other line", redacted_args);
	tap_run("users with other names end the contexts", other_names_of_users);
	tap_run("so do another host and other tags", other_labels);
	tap_run("a container whose name is found later gets it", a_container_gets_its_name_later);
	enrich_free(enricher);
	context_free(sharing.contexts);
	return tap_end();
}
