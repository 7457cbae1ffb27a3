// SPDX-License-Identifier: BSD-2-Clause
#include "capture/programs.h"

#include "capture/attempts.h"
#include "capture/probes.h"
#include "capture/program_map.h"
#include "exectap.skel.h"
#include "util/log.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The consumer is woken from its batches when 1/WAKE_MARK_DIVISOR of the buffer is full. */
#define WAKE_MARK_DIVISOR 4
/* The last 1/RESERVE_DIVISOR of the buffer is for records without args and env. */
#define RESERVE_DIVISOR 4
/* Maximum bytes of a verifier log that are shown. */
#define VERIFIER_LOG_TAIL_BYTES 4096
/* A long record takes at most 1/LONG_RECORD_DIVISOR of the buffer. */
#define LONG_RECORD_DIVISOR 2

/* Maximum links, programs and maps of the object. */
#define OBJECT_FDS_MAX 64

struct programs {
	struct exectap *skeleton; /* NULL after programs_release_memory() */
	int fds[OBJECT_FDS_MAX]; /* of the released object */
	size_t fd_count;
	enum failed_exec_method attempts;
	bool are_probed; /* probes.h, in place of programs at tracepoints */
	char hooks[PROGRAMS_HOOKS_BYTES];
	size_t hooks_length;
};

_Static_assert(offsetof(struct exectap__bss, shared) == 0 &&
		       sizeof(struct exectap__bss) == sizeof(struct record_shared),
	       "the map with the shared words holds nothing else");

/*
 * Logs libbpf's warnings as details; check_diagnose() reports the cause to the user. A warning may
 * contain the verifier's whole log; only its end matters.
 */
static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char *text, *rest, *line;
	int length;

	if (level == LIBBPF_DEBUG)
		return 0;
	length = vasprintf(&text, format, arguments);
	if (length < 0)
		return length;
	rest = length > VERIFIER_LOG_TAIL_BYTES ? text + length - VERIFIER_LOG_TAIL_BYTES : text;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			log_detail("%s", line);
	free(text);
	return length;
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Returns the maximum bytes of args in a long record; env has as much (output.bpf.h). */
static size_t long_tail_bytes(const struct capture_options *options)
{
	size_t longest = min_size(options->buffer_bytes / LONG_RECORD_DIVISOR, RECORD_MAX_BYTES);

	return longest / 2 > RECORD_HEAD_MAX_BYTES ? longest / 2 - RECORD_HEAD_MAX_BYTES : 0;
}

/* Without env, short args are sent from the scratch, regardless of the buffer's size. */
static size_t args_max_bytes(const struct capture_options *options)
{
	size_t most = long_tail_bytes(options);

	if (!options->env && most < RECORD_SHORT_ARGS_BYTES)
		most = RECORD_SHORT_ARGS_BYTES;
	return min_size(options->args_max_bytes, most);
}

static size_t env_max_bytes(const struct capture_options *options)
{
	return options->env ? long_tail_bytes(options) : 0;
}

/*
 * Tests the tracepoint's prototype: (void *, struct task_struct *) before 6.16, with a third
 * argument group_dead since.
 */
static bool exit_has_group_dead(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "btf_trace_sched_process_exit", BTF_KIND_TYPEDEF);
	const struct btf_type *type;

	if (id < 0)
		return false;
	type = btf__type_by_id(
		btf, btf__type_by_id(btf, (__u32)id)->type); /* a pointer to the prototype */
	type = btf__type_by_id(btf, type->type);
	return btf_vlen(type) > 2;
}

/*
 * Tracepoints that do not disable preemption are protected by tracepoint_srcu (kernel/tracepoint.c,
 * 7.0). Up to 6.12 another structure had that name. The new one needs SRCU-fast, which came with
 * 6.15 and has struct srcu_ctr.
 */
static bool tracepoints_are_preemptible(const struct btf *btf)
{
	return btf__find_by_name_kind(btf, "srcu_ctr", BTF_KIND_STRUCT) > 0 &&
	       btf__find_by_name_kind(btf, "tracepoint_srcu_srcu_data", BTF_KIND_VAR) > 0;
}

/* Without type information the programs can't be loaded; loading them reports that. */
static void learn_kernel(struct programs *programs)
{
	struct exectap *skeleton = programs->skeleton;
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return;
	skeleton->rodata->config_exit_has_group_dead = exit_has_group_dead(btf);
	skeleton->rodata->config_is_preemptible = tracepoints_are_preemptible(btf);
	if (skeleton->rodata->config_is_preemptible) {
		int result = probes_try(btf);

		programs->are_probed = !result;
		if (result)
			log_detail("programs can be preempted, and skipped then: no probes: %s",
				   strerror(-result));
	}
	btf__free(btf);
}

/* For each program at a tracepoint, one at a function that can take its place. */
static void choose_hooks(struct programs *programs, const struct capture_options *options)
{
	struct exectap *skeleton = programs->skeleton;
	bool sends_execs = options->events & EVENT_BIT(EVENT_EXEC),
	     execs = sends_execs || options->parent_args_bytes,
	     callers = options->events & EVENT_BITS_EXEC,
	     sends_exits = options->events & EVENT_BIT(EVENT_EXIT),
	     exits = sends_exits || options->parent_args_bytes, probed = programs->are_probed;

	skeleton->rodata->config_sends_execs = sends_execs;
	skeleton->rodata->config_sends_exits = sends_exits;
	probes_choose(skeleton, callers && probed, execs && probed, exits && probed);
	bpf_program__set_autoload(skeleton->progs.handle_task_rename, callers && !probed);
	bpf_program__set_autoload(skeleton->progs.handle_exec, execs && !probed);
	bpf_program__set_autoload(skeleton->progs.handle_skipped_exec,
				  sends_execs && skeleton->rodata->config_is_preemptible);
	bpf_program__set_autoload(skeleton->progs.handle_exit, exits && !probed);
	skeleton->rodata->config_sends_forks = options->events & EVENT_BIT(EVENT_FORK);
	bpf_program__set_autoload(skeleton->progs.handle_fork,
				  options->parent_args_bytes ||
					  options->events & EVENT_BIT(EVENT_FORK));
	bpf_program__set_autoload(skeleton->progs.list_running, options->parent_args_bytes);
	bpf_program__set_autoattach(skeleton->progs.list_running, false);
	bpf_program__set_autoload(skeleton->progs.report_running,
				  options->events & EVENT_BIT(EVENT_PROCESS));
	bpf_program__set_autoattach(skeleton->progs.report_running, false);
}

/* Adds a name once; programs may share a hook. */
static void add_hook(struct programs *programs, const char *name)
{
	size_t length = strlen(name) + 1;

	if (memmem(programs->hooks, programs->hooks_length, name, length) ||
	    length >= sizeof(programs->hooks) - programs->hooks_length)
		return; /* the last name has a second NUL */
	memcpy(programs->hooks + programs->hooks_length, name, length);
	programs->hooks_length += length;
}

/* Adds the hooks of the programs that will be loaded. */
static void add_hooks(struct programs *programs)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, programs->skeleton->obj)
		if (bpf_program__autoload(program) &&
		    program != programs->skeleton->progs.list_running &&
		    program != programs->skeleton->progs.report_running)
			add_hook(programs, bpf_program__section_name(program));
}

static int choose_programs(struct programs *programs, const struct capture_options *options)
{
	int result;

	learn_kernel(programs);
	choose_hooks(programs, options);
	result = attempts_choose(programs->skeleton, programs->attempts);
	add_hooks(programs);
	return result;
}

/* Maps that no loaded program uses are not created. */
static int choose_maps(const struct programs *programs, const struct capture_options *options)
{
	const struct exectap *skeleton = programs->skeleton;
	bool execs = options->events & EVENT_BITS_EXEC;
	int result = bpf_map__set_autocreate(skeleton->maps.callers, execs);

	if (!result)
		result = bpf_map__set_autocreate(skeleton->maps.caller_slots, execs);
	if (!result)
		result = bpf_map__set_autocreate(skeleton->maps.attempts,
						 programs->attempts == ATTEMPTS_BY_TRACEPOINT);
	if (!result)
		result = bpf_map__set_autocreate(
			skeleton->maps.exited,
			options->events & EVENT_BIT(EVENT_EXIT) &&
				!skeleton->rodata->config_exit_has_group_dead);
	return result;
}

static int configure(struct exectap *skeleton, const struct capture_options *options)
{
	int possible_cpus = libbpf_num_possible_cpus();
	__u32 cpus = 1;
	int result;

	if (possible_cpus < 0)
		return possible_cpus;
	while (cpus < (__u32)possible_cpus)
		cpus *= 2;
	skeleton->rodata->config_cpu_mask = cpus - 1;
	skeleton->rodata->config_args_max_bytes = args_max_bytes(options);
	skeleton->rodata->config_env_max_bytes = env_max_bytes(options);
	skeleton->rodata->config_wake_mark_bytes = options->buffer_bytes / WAKE_MARK_DIVISOR;
	skeleton->rodata->config_reserve_mark_bytes =
		options->buffer_bytes - options->buffer_bytes / RESERVE_DIVISOR;
	result = bpf_map__set_max_entries(skeleton->maps.events, (__u32)options->buffer_bytes);
	if (result)
		return result;
	if (options->events &
	    (EVENT_BIT(EVENT_EXEC_FAILED) | EVENT_BIT(EVENT_FORK) | EVENT_BIT(EVENT_PROCESS)))
		skeleton->rodata->config_scratch_slots =
			bpf_map__max_entries(skeleton->maps.scratch_slots);
	/* the object declares the most slots of a CPU */
	return bpf_map__set_max_entries(skeleton->maps.scratch_slots,
					cpus * skeleton->rodata->config_scratch_slots);
}

static int load_and_attach(struct programs *programs, const struct capture_options *options)
{
	struct exectap *skeleton = programs->skeleton;
	int result = configure(skeleton, options);

	if (!result)
		result = choose_programs(programs, options);
	if (!result)
		result = choose_maps(programs, options);
	if (!result)
		result = program_map_choose(skeleton, options->parent_args_bytes);
	if (!result)
		result = exectap__load(skeleton);
	if (result)
		return result;
	result = exectap__attach(skeleton);
	if (!result)
		result = probes_attach(skeleton);
	return result ? result : attempts_attach(skeleton, programs->attempts);
}

/* Loads and attaches with one method for failed attempts. */
static int programs_try(struct programs **programs, const struct capture_options *options,
			enum failed_exec_method attempts)
{
	struct programs *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	created->attempts = attempts;
	created->skeleton = exectap__open();
	result = created->skeleton ? load_and_attach(created, options) : -errno;
	if (result) {
		programs_free(created);
		return result;
	}
	*programs = created;
	return 0;
}

/* Loads and attaches with the best method for failed attempts. */
static int try_methods(struct programs **programs, const struct capture_options *options)
{
	if (!(options->events & EVENT_BIT(EVENT_EXEC_FAILED)))
		return programs_try(programs, options, ATTEMPTS_UNSEEN);
	if (!attempts_try_returns() && !programs_try(programs, options, ATTEMPTS_BY_RETURN)) {
		log_detail("failed attempts: programs at the return of the entry points");
		return 0;
	}
	log_detail("failed attempts: programs at the system calls' tracepoints");
	return programs_try(programs, options, ATTEMPTS_BY_TRACEPOINT);
}

/* Drops the pages of the BPF object from this process: libbpf has copied what it needs. */
static void drop_object_pages(void)
{
	size_t length, page = (size_t)sysconf(_SC_PAGESIZE), skipped;
	const char *object = exectap__elf_bytes(&length);

	skipped = -(uintptr_t)object & (page - 1); /* of a page that begins with other data */
	if (length > skipped)
		madvise((void *)(object + skipped), (length - skipped) & -page, MADV_DONTNEED);
}

int programs_new(struct programs **programs, const struct capture_options *options)
{
	int result;

	libbpf_set_print(print_libbpf);
	result = try_methods(programs, options);
	drop_object_pages();
	return result;
}

static void close_fds(struct programs *programs)
{
	while (programs->fd_count)
		close(programs->fds[--programs->fd_count]);
}

void programs_free(struct programs *programs)
{
	if (!programs)
		return;
	exectap__destroy(programs->skeleton);
	close_fds(programs);
	free(programs);
}

/* Duplicates a descriptor; a negative one becomes -1. Returns false on failure. */
static bool duplicate(int fd, int *copy)
{
	*copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 || *copy >= 0;
}

/* Lists the programs whose skipped runs are losses; of an exec, the last one that sees it. */
static void list_counted(const struct programs *programs,
			 const struct bpf_program *list[RECORD_TYPES][RING_SOURCE_PROGRAMS_MAX])
{
	struct exectap *skeleton = programs->skeleton;

	if (skeleton->rodata->config_sends_execs)
		list[RECORD_EXEC][0] = skeleton->rodata->config_is_preemptible
					       ? skeleton->progs.handle_skipped_exec
					       : skeleton->progs.handle_exec;
	if (skeleton->rodata->config_sends_exits)
		list[RECORD_EXIT][0] = programs->are_probed ? skeleton->progs.probe_taskstats_exit
							    : skeleton->progs.handle_exit;
	if (skeleton->rodata->config_sends_forks)
		list[RECORD_FORK][0] = skeleton->progs.handle_fork;
	attempts_list(skeleton, programs->attempts, list[RECORD_EXEC_FAILED]);
}

int programs_get_fds(const struct programs *programs, struct ring_source_fds *fds)
{
	const struct bpf_program *list[RECORD_TYPES][RING_SOURCE_PROGRAMS_MAX] = {};
	const struct exectap *skeleton = programs->skeleton;
	struct ring_source_fds copies = RING_SOURCE_NO_FDS;
	bool all = duplicate(bpf_map__fd(skeleton->maps.events), &copies.events) &&
		   duplicate(bpf_map__fd(skeleton->maps.bss), &copies.shared);

	list_counted(programs, list);
	for (int type = 0; type < RECORD_TYPES; type++)
		for (int i = 0; i < RING_SOURCE_PROGRAMS_MAX && all; i++)
			if (list[type][i])
				all = duplicate(bpf_program__fd(list[type][i]),
						&copies.programs[type][i]);
	if (!all) {
		ring_source_close_fds(&copies);
		return -EMFILE;
	}
	*fds = copies;
	return 0;
}

size_t programs_get_links(const struct programs *programs,
			  struct programs_link links[PROGRAMS_LINKS_MAX])
{
	const struct bpf_object_skeleton *skeleton = programs->skeleton->skeleton;
	size_t count = 0;

	for (int i = 0; i < skeleton->prog_cnt && count < PROGRAMS_LINKS_MAX; i++)
		if (*skeleton->progs[i].link)
			links[count++] =
				(struct programs_link){ skeleton->progs[i].name,
							bpf_link__fd(*skeleton->progs[i].link) };
	return count;
}

/* Duplicates a descriptor of the object; a negative one is skipped. Returns false on failure. */
static bool save_fd(struct programs *programs, int fd)
{
	int *copy = &programs->fds[programs->fd_count];

	if (fd < 0)
		return true;
	if (programs->fd_count == OBJECT_FDS_MAX || !duplicate(fd, copy))
		return false;
	programs->fd_count++;
	return true;
}

static bool save_fds(struct programs *programs)
{
	const struct bpf_object_skeleton *list = programs->skeleton->skeleton;
	bool all = true;

	for (int i = 0; i < list->prog_cnt && all; i++) {
		const struct bpf_link *link = *list->progs[i].link;

		all = save_fd(programs, bpf_program__fd(*list->progs[i].prog)) &&
		      save_fd(programs, link ? bpf_link__fd(link) : -1);
	}
	for (int i = 0; i < list->map_cnt && all; i++)
		all = save_fd(programs, bpf_map__fd(*list->maps[i].map));
	return all;
}

void programs_release_memory(struct programs *programs)
{
	/* libbpf disables a perf event when it frees its link */
	if (programs->attempts == ATTEMPTS_BY_TRACEPOINT)
		return;
	if (!save_fds(programs)) {
		close_fds(programs);
		return;
	}
	exectap__destroy(programs->skeleton);
	programs->skeleton = NULL;
}

int programs_begin(const struct programs *programs)
{
	program_map_fill(programs->skeleton);
	return bpf_program__autoload(programs->skeleton->progs.report_running)
		       ? program_map_report(programs->skeleton)
		       : -1;
}

struct program_map_fds programs_map_fds(const struct programs *programs)
{
	return program_map_fds(programs->skeleton);
}

const char *programs_hooks(const struct programs *programs)
{
	return programs->hooks;
}

/* FNV-1a, 64 bits (RFC 9923); distinguishes builds, it is no protection. */
static uint64_t hash(const unsigned char *bytes, size_t length)
{
	uint64_t value = 0xcbf29ce484222325;

	for (size_t i = 0; i < length; i++)
		value = (value ^ bytes[i]) * 0x100000001b3;
	return value;
}

void programs_identify(const struct capture_options *options,
		       char identity[PROGRAMS_IDENTITY_BYTES])
{
	size_t length;
	const unsigned char *object = exectap__elf_bytes(&length);
	char *end = identity + PROGRAMS_IDENTITY_BYTES, *to = identity;

	to += snprintf(to, (size_t)(end - to),
		       "exectap " EXECTAP_VERSION " (%016" PRIx64 "), events",
		       hash(object, length));
	for (int type = 0; type < RECORD_TYPES; type++)
		if (options->events & EVENT_BIT(type))
			to += snprintf(to, (size_t)(end - to), " %s",
				       event_type_name((enum event_type)type));
	snprintf(to, (size_t)(end - to), ", buffer %zu, args %zu, env %zu, parent args %zu",
		 options->buffer_bytes, args_max_bytes(options), env_max_bytes(options),
		 options->parent_args_bytes);
}
