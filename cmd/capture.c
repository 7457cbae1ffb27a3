// SPDX-License-Identifier: BSD-2-Clause
#include "capture.h"

#include "exectap.skel.h"
#include "log.h"
#include "ring.h"
#include "tracefs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
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
	bool attempts_by_return;
	char hooks[HOOKS_BYTES];
	size_t hooks_length;
	int program_fds[RECORD_TYPES]; /* -1: not loaded */
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

/*
 * Attempts are seen at their system call: by programs at the return of its entry points, where the kernel lets
 * them be attached, else by programs at its tracepoints. (libbpf could attach the latter itself where
 * tracefs is mounted, which need not be.)
 */
struct attempt_program {
	struct bpf_program *program;
	struct bpf_link **link;
	const char *target; /* a function of the kernel, or a tracepoint; NULL: this machine has none */
	bool required;
};

#define RETURN_PROGRAMS 4
#define TRACEPOINT_PROGRAMS 4

/* arch/ARCH/include/asm/syscall_wrapper.h */
#if defined(__x86_64__)
#define ENTRY_POINT(name) "__x64_sys_" name
#define COMPAT_ENTRY_POINT(name) "__ia32_compat_sys_" name
#elif defined(__aarch64__)
#define ENTRY_POINT(name) "__arm64_sys_" name
#define COMPAT_ENTRY_POINT(name) "__arm64_compat_sys_" name
#else
#define ENTRY_POINT(name) "sys_" name
#define COMPAT_ENTRY_POINT(name) "compat_sys_" name
#endif

static void list_returns(struct exectap *skeleton, struct attempt_program list[RETURN_PROGRAMS])
{
	list[0] = (struct attempt_program){ skeleton->progs.return_execve, NULL, ENTRY_POINT("execve"), true };
	list[1] = (struct attempt_program){ skeleton->progs.return_execveat, NULL, ENTRY_POINT("execveat"), true };
	list[2] = (struct attempt_program){ skeleton->progs.return_compat_execve, NULL, COMPAT_ENTRY_POINT("execve"),
					    false };
	list[3] = (struct attempt_program){ skeleton->progs.return_compat_execveat, NULL,
					    COMPAT_ENTRY_POINT("execveat"), false };
}

/* The ends first, so that no attempt is seen to begin that is not seen to end. */
static void list_tracepoints(struct exectap *skeleton, struct attempt_program list[TRACEPOINT_PROGRAMS])
{
	list[0] = (struct attempt_program){ skeleton->progs.exit_execve, &skeleton->links.exit_execve,
					    "sys_exit_execve", true };
	list[1] = (struct attempt_program){ skeleton->progs.exit_execveat, &skeleton->links.exit_execveat,
					    "sys_exit_execveat", true };
	list[2] = (struct attempt_program){ skeleton->progs.enter_execve, &skeleton->links.enter_execve,
					    "sys_enter_execve", true };
	list[3] = (struct attempt_program){ skeleton->progs.enter_execveat, &skeleton->links.enter_execveat,
					    "sys_enter_execveat", true };
}

static void note_hook(struct capture *capture, const char *group, const char *name)
{
	size_t room = sizeof(capture->hooks) - capture->hooks_length;
	int length = snprintf(capture->hooks + capture->hooks_length, room, "%s%s%s", group, *name ? "/" : "", name);

	if (length > 0 && (size_t)length < room)
		capture->hooks_length += (size_t)length + 1;
}

/* Attaches a program that does nothing to the return of a function, for a trial. */
static int try_return(struct btf *btf, const char *function)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FEXIT);
	int id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC), program, link, result = 0;

	if (id < 0)
		return id;
	options.attach_btf_id = (__u32)id;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "exectap_trial", "GPL", nothing, 2, &options);
	if (program < 0)
		return -errno;
	link = bpf_raw_tracepoint_open(NULL, program);
	if (link < 0)
		result = -errno;
	else
		close(link);
	close(program);
	return result;
}

/* kernel.ftrace_enabled = 0: since some kernel between 5.10 and 6.1 such programs can be attached then, but never run.
 */
static bool ftrace_is_off(void)
{
	FILE *file = fopen("/proc/sys/kernel/ftrace_enabled", "re");
	int first = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return first == '0';
}

int capture_try_returns(void)
{
	struct btf *btf;
	int result;

	if (ftrace_is_off())
		return -EOPNOTSUPP;
	btf = btf__load_vmlinux_btf();
	result = btf ? try_return(btf, ENTRY_POINT("execve")) : -errno;
	if (!result)
		result = try_return(btf, ENTRY_POINT("execveat"));
	btf__free(btf);
	return result;
}

/* Loads those of the programs that have a target here. */
static int target_returns(struct capture *capture)
{
	struct attempt_program list[RETURN_PROGRAMS];
	struct btf *btf = btf__load_vmlinux_btf();
	int result = btf ? 0 : -errno;

	list_returns(capture->skeleton, list);
	for (int i = 0; i < RETURN_PROGRAMS && !result; i++) {
		if (!list[i].required && try_return(btf, list[i].target))
			continue;
		bpf_program__set_autoload(list[i].program, true);
		note_hook(capture, "fexit", list[i].target);
		result = bpf_program__set_attach_target(list[i].program, 0, list[i].target);
	}
	btf__free(btf);
	return result;
}

static int choose_attempts(struct capture *capture, bool wanted)
{
	struct attempt_program list[TRACEPOINT_PROGRAMS];
	struct exectap *skeleton = capture->skeleton;

	list_returns(skeleton, list);
	for (int i = 0; i < RETURN_PROGRAMS; i++)
		bpf_program__set_autoload(list[i].program, false);
	capture->attempts_by_return = wanted && !capture_try_returns();
	list_tracepoints(skeleton, list);
	for (int i = 0; i < TRACEPOINT_PROGRAMS; i++) {
		bpf_program__set_autoload(list[i].program, wanted && !capture->attempts_by_return);
		bpf_program__set_autoattach(list[i].program, false);
	}
	return capture->attempts_by_return ? target_returns(capture) : 0;
}

static int choose_programs(struct capture *capture, const struct capture_options *options)
{
	struct exectap *skeleton = capture->skeleton;
	struct bpf_program *program;
	int result;

	bpf_program__set_autoload(skeleton->progs.handle_exec, options->exec);
	bpf_program__set_autoload(skeleton->progs.handle_task_rename, options->exec || options->exec_failed);
	bpf_program__set_autoload(skeleton->progs.handle_exit, options->exit);
	if (options->exit)
		skeleton->rodata->config_exit_has_group_dead = exit_has_group_dead();
	result = choose_attempts(capture, options->exec_failed);
	bpf_object__for_each_program(program, skeleton->obj) if (bpf_program__autoload(program) &&
								 strcmp(bpf_program__section_name(program), "fexit"))
		note_hook(capture, bpf_program__section_name(program), "");
	return result;
}

static int attach_tracepoint(struct attempt_program *attach)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attributes) };
	int id = tracefs_event_id("syscalls", attach->target), fd;
	struct bpf_link *link;

	if (id < 0)
		return id;
	attributes.config = (__u64)id;
	/* a tracepoint's program runs on every CPU, whichever one its event is opened on */
	fd = (int)syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	link = bpf_program__attach_perf_event(attach->program, fd);
	if (!link) {
		int error = errno;

		close(fd);
		return -error;
	}
	*attach->link = link; /* which owns fd now */
	return 0;
}

static int attach_tracepoints(struct exectap *skeleton)
{
	struct attempt_program list[TRACEPOINT_PROGRAMS];
	int result = 0;

	list_tracepoints(skeleton, list);
	for (int i = 0; i < TRACEPOINT_PROGRAMS && !result; i++) {
		result = attach_tracepoint(&list[i]);
		if (result)
			log_detail("cannot attach to syscalls:%s: %s", list[i].target, strerror(-result));
	}
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

static int start(struct capture *capture, const struct capture_options *options)
{
	int result = configure(capture->skeleton, options);

	if (!result)
		result = choose_programs(capture, options);
	if (!result)
		result = exectap__load(capture->skeleton);
	if (result)
		return result;
	result = ring_new(&capture->ring, bpf_map__fd(capture->skeleton->maps.events), options->buffer_bytes);
	if (result)
		return result;
	capture->shared = &capture->skeleton->bss->shared;
	capture->program_fds[RECORD_EXEC] = bpf_program__fd(capture->skeleton->progs.handle_exec);
	capture->program_fds[RECORD_EXIT] = bpf_program__fd(capture->skeleton->progs.handle_exit);
	capture->program_fds[RECORD_EXEC_FAILED] =
		bpf_program__fd(capture->attempts_by_return ? capture->skeleton->progs.return_execve
							    : capture->skeleton->progs.exit_execve);
	result = exectap__attach(capture->skeleton);
	if (!result && options->exec_failed && !capture->attempts_by_return)
		result = attach_tracepoints(capture->skeleton);
	if (!result && options->exec_failed)
		log_detail("failed attempts are seen at %s",
			   capture->attempts_by_return ? "the entry points' return" : "the system calls' tracepoints");
	return result;
}

int capture_new(struct capture **capture, const struct capture_options *options)
{
	struct capture *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	libbpf_set_print(print_libbpf);
	created->skeleton = exectap__open();
	result = created->skeleton ? start(created, options) : -errno;
	if (result) {
		capture_free(created);
		return result;
	}
	*capture = created;
	return 0;
}

void capture_free(struct capture *capture)
{
	if (!capture)
		return;
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

/* Runs of the program that the kernel skipped as recursions (5.12 and later; 0 before). */
static uint64_t recursion_misses(int program_fd)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);

	if (program_fd < 0 || bpf_obj_get_info_by_fd(program_fd, &info, &length))
		return 0;
	return info.recursion_misses;
}

void capture_get_lost(const struct capture *capture, struct capture_lost *lost)
{
	for (int type = 0; type < RECORD_TYPES; type++) {
		for (int reason = 0; reason < RECORD_LOSSES; reason++)
			lost->counts[type][reason] =
				__atomic_load_n(&capture->shared->lost[type][reason], __ATOMIC_RELAXED);
		lost->counts[type][CAPTURE_LOSS_RECURSION] = recursion_misses(capture->program_fds[type]);
	}
}
