// SPDX-License-Identifier: BSD-2-Clause
#include "capture/attempts.h"

/* used by the skeleton */
#include "record.h"

#include "capture/probes.h"
#include "capture/tracefs.h"
#include "exectap.skel.h"
#include "util/log.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A program that sees failed attempts: at the return of a system call's entry point, or, if the
 * kernel does not let it attach there, at the system call's tracepoint. libbpf can attach the
 * latter only where tracefs is mounted.
 */
struct attempt_program {
	struct bpf_program *program;
	struct bpf_link **link;
	const char *target; /* a kernel function or a tracepoint */
	bool required;
};

#define ENOTSUPP                                                                                   \
	524 /* include/linux/errno.h; not for user space, but arm64 before 6.4 returns it */

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

static void list_returns(struct exectap *skeleton, struct attempt_program list[ATTEMPTS_PROGRAMS])
{
	list[0] = (struct attempt_program){ skeleton->progs.return_execve, NULL,
					    ENTRY_POINT("execve"), true };
	list[1] = (struct attempt_program){ skeleton->progs.return_execveat, NULL,
					    ENTRY_POINT("execveat"), true };
	list[2] = (struct attempt_program){ skeleton->progs.return_compat_execve, NULL,
					    COMPAT_ENTRY_POINT("execve"), false };
	list[3] = (struct attempt_program){ skeleton->progs.return_compat_execveat, NULL,
					    COMPAT_ENTRY_POINT("execveat"), false };
}

#define EXIT_TRACEPOINTS 2

/* The exit hooks come first, so that no attempt is recorded at entry only. */
static void list_tracepoints(struct exectap *skeleton,
			     struct attempt_program list[ATTEMPTS_PROGRAMS])
{
	list[0] = (struct attempt_program){ skeleton->progs.exit_execve,
					    &skeleton->links.exit_execve, "sys_exit_execve", true };
	list[1] = (struct attempt_program){ skeleton->progs.exit_execveat,
					    &skeleton->links.exit_execveat, "sys_exit_execveat",
					    true };
	list[2] =
		(struct attempt_program){ skeleton->progs.enter_execve,
					  &skeleton->links.enter_execve, "sys_enter_execve", true };
	list[3] = (struct attempt_program){ skeleton->progs.enter_execveat,
					    &skeleton->links.enter_execveat, "sys_enter_execveat",
					    true };
}

/* Attaches a program that does nothing to the return of a function, and detaches it. */
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
	program =
		bpf_prog_load(BPF_PROG_TYPE_TRACING, "exectap_trial", "GPL", nothing, 2, &options);
	if (program < 0)
		return -errno;
	link = bpf_raw_tracepoint_open(NULL, program);
	if (link < 0)
		result = errno == ENOTSUPP ? -EOPNOTSUPP : -errno;
	else
		close(link);
	close(program);
	return result;
}

int attempts_try_returns(void)
{
	struct btf *btf;
	int result;

	if (probes_are_off())
		return -EOPNOTSUPP;
	btf = btf__load_vmlinux_btf();
	result = btf ? try_return(btf, ENTRY_POINT("execve")) : -errno;
	if (!result)
		result = try_return(btf, ENTRY_POINT("execveat"));
	btf__free(btf);
	return result;
}

/* Enables the programs whose target exists on this machine. */
static int choose_returns(struct exectap *skeleton)
{
	struct attempt_program list[ATTEMPTS_PROGRAMS];
	struct btf *btf = btf__load_vmlinux_btf();
	int result = btf ? 0 : -errno;

	list_returns(skeleton, list);
	for (int i = 0; i < ATTEMPTS_PROGRAMS && !result; i++) {
		if (!list[i].required && try_return(btf, list[i].target))
			continue;
		bpf_program__set_autoload(list[i].program, true);
		result = bpf_program__set_attach_target(list[i].program, 0, list[i].target);
	}
	btf__free(btf);
	return result;
}

int attempts_choose(struct exectap *skeleton, enum failed_exec_method method)
{
	struct attempt_program list[ATTEMPTS_PROGRAMS];

	list_returns(skeleton, list);
	for (int i = 0; i < ATTEMPTS_PROGRAMS; i++)
		bpf_program__set_autoload(list[i].program, false);
	list_tracepoints(skeleton, list);
	for (int i = 0; i < ATTEMPTS_PROGRAMS; i++) {
		bpf_program__set_autoload(list[i].program, method == ATTEMPTS_BY_TRACEPOINT);
		bpf_program__set_autoattach(list[i].program, false);
	}
	return method == ATTEMPTS_BY_RETURN ? choose_returns(skeleton) : 0;
}

void attempts_list(struct exectap *skeleton, enum failed_exec_method method,
		   const struct bpf_program *list[ATTEMPTS_PROGRAMS])
{
	static const int counts[] = { [ATTEMPTS_UNSEEN] = 0,
				      [ATTEMPTS_BY_RETURN] = ATTEMPTS_PROGRAMS,
				      [ATTEMPTS_BY_TRACEPOINT] = EXIT_TRACEPOINTS };
	struct attempt_program programs[ATTEMPTS_PROGRAMS];
	const int count = counts[method];

	if (method == ATTEMPTS_BY_RETURN)
		list_returns(skeleton, programs);
	else
		list_tracepoints(skeleton, programs);
	for (int i = 0; i < ATTEMPTS_PROGRAMS; i++)
		list[i] = i < count ? programs[i].program : NULL;
}

static int attach_tracepoint(struct attempt_program *attach)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_TRACEPOINT,
					      .size = sizeof(attributes) };
	int id = tracefs_event_id("syscalls", attach->target), fd;
	struct bpf_link *link;

	if (id < 0)
		return id;
	attributes.config = (__u64)id;
	/* a tracepoint's program runs on every CPU; the CPU of the event does not matter */
	fd = (int)syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	link = bpf_program__attach_perf_event(attach->program, fd);
	if (!link) {
		int error = errno;

		close(fd);
		return -error;
	}
	*attach->link = link; /* the link owns fd now */
	return 0;
}

int attempts_attach(struct exectap *skeleton, enum failed_exec_method method)
{
	struct attempt_program list[ATTEMPTS_PROGRAMS];
	int result = 0;

	if (method != ATTEMPTS_BY_TRACEPOINT)
		return 0; /* libbpf has attached these programs */
	list_tracepoints(skeleton, list);
	for (int i = 0; i < ATTEMPTS_PROGRAMS && !result; i++) {
		result = attach_tracepoint(&list[i]);
		if (result)
			log_detail("cannot attach to syscalls:%s: %s", list[i].target,
				   strerror(-result));
	}
	return result;
}
