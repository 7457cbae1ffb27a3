// SPDX-License-Identifier: BSD-2-Clause
#include "capture.h"

#include "attempts.h"
#include "exectap.skel.h"
#include "log.h"
#include "misses.h"
#include "ring.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The reader is woken from its batches when this part of the buffer is full. */
#define WAKE_MARK_DIVISOR 4
#define HOOKS_BYTES 512
/* What is shown of a verifier log. */
#define VERIFIER_LOG_TAIL_BYTES 4096
/* A long record may take this part of the buffer at the most. */
#define LONG_RECORD_DIVISOR 2

struct capture {
	struct exectap *skeleton;
	struct ring *ring;
	struct record_shared *shared;
	enum attempts_way attempts;
	char hooks[HOOKS_BYTES];
	size_t hooks_length;
	int misses[RECORD_TYPES]; /* misses.h; below 0: none */
};

/*
 * libbpf's warnings are details to us: what they mean for the user is said by support_diagnose(). One of them may be
 * the verifier's whole log, of which the end tells why.
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

/* What a long record can hold of args, and as much of env (output.bpf.h). */
static size_t long_tail_bytes(const struct capture_options *options)
{
	size_t longest = min_size(options->buffer_bytes / LONG_RECORD_DIVISOR, RECORD_MAX_BYTES);

	return longest / 2 > RECORD_HEAD_MAX_BYTES ? longest / 2 - RECORD_HEAD_MAX_BYTES : 0;
}

/* Short args alone go through the scratch, however small the buffer is. */
static size_t args_max_bytes(const struct capture_options *options)
{
	size_t most = long_tail_bytes(options);

	if (!options->env && most < RECORD_SHORT_ARGS_BYTES)
		most = RECORD_SHORT_ARGS_BYTES;
	return min_size(options->args_max_bytes, most);
}

/* The prototype has (void *, struct task_struct *) before 6.16, and group_dead behind them since. */
static bool exit_has_group_dead(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	bool has = false;
	int id;

	id = btf ? btf__find_by_name_kind(btf, "btf_trace_sched_process_exit", BTF_KIND_TYPEDEF) : -1;
	if (id > 0) {
		type = btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type); /* a pointer to the prototype */
		type = btf__type_by_id(btf, type->type);
		has = btf_vlen(type) > 2;
	}
	btf__free(btf);
	return has;
}

/* Two programs may share one. */
static void note_hook(struct capture *capture, const char *name)
{
	size_t length = strlen(name) + 1;

	if (memmem(capture->hooks, capture->hooks_length, name, length) ||
	    length > sizeof(capture->hooks) - capture->hooks_length)
		return;
	memcpy(capture->hooks + capture->hooks_length, name, length);
	capture->hooks_length += length;
}

/* Names the hooks of the programs that are going to be loaded. */
static void note_hooks(struct capture *capture)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, capture->skeleton->obj)
		if (bpf_program__autoload(program))
			note_hook(capture, bpf_program__section_name(program));
}

static int choose_programs(struct capture *capture, const struct capture_options *options)
{
	struct exectap *skeleton = capture->skeleton;
	int result;

	bpf_program__set_autoload(skeleton->progs.handle_exec, options->exec);
	bpf_program__set_autoload(skeleton->progs.handle_skipped_exec, options->exec);
	bpf_program__set_autoload(skeleton->progs.handle_task_rename, options->exec || options->exec_failed);
	bpf_program__set_autoload(skeleton->progs.handle_exit, options->exit);
	if (options->exit)
		skeleton->rodata->config_exit_has_group_dead = exit_has_group_dead();
	result = attempts_choose(skeleton, capture->attempts);
	note_hooks(capture);
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
	skeleton->rodata->config_env_max_bytes = options->env ? long_tail_bytes(options) : 0;
	skeleton->rodata->config_wake_mark_bytes = options->buffer_bytes / WAKE_MARK_DIVISOR;
	result = bpf_map__set_max_entries(skeleton->maps.events, (__u32)options->buffer_bytes);
	if (result)
		return result;
	/* the object declares the slots of one CPU */
	return bpf_map__set_max_entries(skeleton->maps.scratch_slots,
					cpus * bpf_map__max_entries(skeleton->maps.scratch_slots));
}

static int set_continuation(struct exectap *skeleton)
{
	__u32 index = 0, program = (__u32)bpf_program__fd(skeleton->progs.handle_exec);

	if (!bpf_program__autoload(skeleton->progs.handle_exec))
		return 0;
	return bpf_map__update_elem(skeleton->maps.continuation, &index, sizeof(index), &program, sizeof(program),
				    BPF_ANY);
}

static void open_misses(struct capture *capture)
{
	struct exectap *skeleton = capture->skeleton;

	capture->misses[RECORD_EXEC] = misses_open(bpf_program__fd(skeleton->progs.handle_exec));
	capture->misses[RECORD_EXIT] = misses_open(bpf_program__fd(skeleton->progs.handle_exit));
	capture->misses[RECORD_EXEC_FAILED] = misses_open(bpf_program__fd(
		capture->attempts == ATTEMPTS_BY_RETURN ? skeleton->progs.return_execve : skeleton->progs.exit_execve));
}

static int load_and_attach(struct capture *capture, const struct capture_options *options)
{
	struct exectap *skeleton = capture->skeleton;
	int result = configure(skeleton, options);

	if (!result)
		result = choose_programs(capture, options);
	if (!result)
		result = exectap__load(skeleton);
	if (result)
		return result;
	result = ring_new(&capture->ring, bpf_map__fd(skeleton->maps.events), options->buffer_bytes);
	if (result)
		return result;
	capture->shared = &skeleton->bss->shared;
	open_misses(capture);
	result = set_continuation(skeleton);
	if (!result)
		result = exectap__attach(skeleton);
	return result ? result : attempts_attach(skeleton, capture->attempts);
}

/* One try, with failed attempts seen that way. */
static int capture_try(struct capture **capture, const struct capture_options *options, enum attempts_way attempts)
{
	struct capture *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	created->attempts = attempts;
	for (int type = 0; type < RECORD_TYPES; type++)
		created->misses[type] = -1;
	created->skeleton = exectap__open();
	result = created->skeleton ? load_and_attach(created, options) : -errno;
	if (result) {
		capture_free(created);
		return result;
	}
	*capture = created;
	return 0;
}

int capture_new(struct capture **capture, const struct capture_options *options)
{
	libbpf_set_print(print_libbpf);
	if (!options->exec_failed)
		return capture_try(capture, options, ATTEMPTS_UNSEEN);
	if (!attempts_try_returns() && !capture_try(capture, options, ATTEMPTS_BY_RETURN)) {
		log_detail("failed attempts are seen at the return of the entry points");
		return 0;
	}
	log_detail("failed attempts are seen at the system calls' tracepoints");
	return capture_try(capture, options, ATTEMPTS_BY_TRACEPOINT);
}

void capture_free(struct capture *capture)
{
	if (!capture)
		return;
	for (int type = 0; type < RECORD_TYPES; type++)
		if (capture->misses[type] >= 0)
			close(capture->misses[type]);
	ring_free(capture->ring);
	exectap__destroy(capture->skeleton);
	free(capture);
}

int capture_fd(const struct capture *capture)
{
	return bpf_map__fd(capture->skeleton->maps.events);
}

bool capture_next(struct capture *capture, const void **record, size_t *length)
{
	return ring_next(capture->ring, record, length);
}

void capture_release(struct capture *capture)
{
	ring_release(capture->ring);
}

uint64_t capture_written(const struct capture *capture)
{
	return ring_written(capture->ring);
}

uint64_t capture_read(const struct capture *capture)
{
	return ring_read(capture->ring);
}

bool capture_sleep(struct capture *capture)
{
	__atomic_store_n(&capture->shared->consumer_sleeps, 1, __ATOMIC_RELAXED);
	/* the store above against the load in ring_written(): output.bpf.h has the other half */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (ring_written(capture->ring) == ring_read(capture->ring))
		return true;
	capture_wake(capture);
	return false;
}

void capture_wake(struct capture *capture)
{
	__atomic_store_n(&capture->shared->consumer_sleeps, 0, __ATOMIC_RELAXED);
}

void capture_get_hooks(const struct capture *capture, const char **names, size_t *length)
{
	*names = capture->hooks;
	*length = capture->hooks_length;
}

void capture_get_lost(const struct capture *capture, struct capture_lost *lost)
{
	uint64_t rescued = __atomic_load_n(&capture->shared->rescued, __ATOMIC_RELAXED);

	for (int type = 0; type < RECORD_TYPES; type++) {
		for (int reason = 0; reason < RECORD_LOSSES; reason++)
			lost->counts[type][reason] =
				__atomic_load_n(&capture->shared->lost[type][reason], __ATOMIC_RELAXED);
		lost->counts[type][CAPTURE_LOSS_RECURSION] = misses_read(capture->misses[type]);
	}
	/* the skip is counted before the rescue, which may come a moment after this */
	lost->counts[RECORD_EXEC][CAPTURE_LOSS_RECURSION] -=
		min_size(lost->counts[RECORD_EXEC][CAPTURE_LOSS_RECURSION], rescued);
}
