// SPDX-License-Identifier: BSD-2-Clause
#include "capture/probes.h"

/* used by the skeleton */
#include "record.h"

#include "exectap.skel.h"
#include "util/log.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROBES 3

struct probe {
	struct bpf_program *program;
	struct bpf_link **link;
	const char *function;
};

static const char *const functions[PROBES] = { "begin_new_exec", "finalize_exec",
					       "taskstats_exit" };

static void list_probes(struct exectap *skeleton, struct probe list[PROBES])
{
	list[0] = (struct probe){ skeleton->progs.probe_begin_new_exec,
				  &skeleton->links.probe_begin_new_exec, functions[0] };
	list[1] = (struct probe){ skeleton->progs.probe_finalize_exec,
				  &skeleton->links.probe_finalize_exec, functions[1] };
	list[2] = (struct probe){ skeleton->progs.probe_taskstats_exit,
				  &skeleton->links.probe_taskstats_exit, functions[2] };
}

bool probes_are_off(void)
{
	FILE *file = fopen("/proc/sys/kernel/ftrace_enabled", "re");
	int first = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return first == '0';
}

/* Attaches a program that does nothing to all functions, and detaches it. */
static int try_attach(void)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, load, .expected_attach_type = BPF_TRACE_KPROBE_MULTI);
	LIBBPF_OPTS(bpf_link_create_opts, attach, .kprobe_multi.syms = (const char **)functions,
		    .kprobe_multi.cnt = PROBES);
	int program =
		bpf_prog_load(BPF_PROG_TYPE_KPROBE, "exectap_trial", "GPL", nothing, 2, &load);
	int link, result = 0;

	if (program < 0)
		return -errno;
	link = bpf_link_create(program, 0, BPF_TRACE_KPROBE_MULTI, &attach);
	if (link < 0)
		result = -errno;
	else
		close(link);
	close(program);
	return result;
}

/*
 * Without fprobe_ftrace_entry() (6.19) a probe uses the function graph tracer, which costs every
 * task of the host a page.
 */
int probes_try(const struct btf *btf)
{
	if (probes_are_off())
		return -EOPNOTSUPP;
	if (btf__find_by_name_kind(btf, "fprobe_ftrace_entry", BTF_KIND_FUNC) < 0)
		return -ENOENT;
	return try_attach();
}

/*
 * libbpf's own way to attach takes addresses from /proc/kallsyms, which has none for a process
 * without CAP_SYSLOG.
 */
void probes_choose(struct exectap *skeleton, bool callers, bool execs, bool exits)
{
	const bool wanted[PROBES] = { callers, execs, exits };
	struct probe list[PROBES];

	list_probes(skeleton, list);
	for (int i = 0; i < PROBES; i++) {
		bpf_program__set_autoload(list[i].program, wanted[i]);
		bpf_program__set_autoattach(list[i].program, false);
	}
}

int probes_attach(struct exectap *skeleton)
{
	struct probe list[PROBES];

	list_probes(skeleton, list);
	for (int i = 0; i < PROBES; i++) {
		LIBBPF_OPTS(bpf_kprobe_multi_opts, options, .syms = &list[i].function, .cnt = 1);

		if (!bpf_program__autoload(list[i].program))
			continue;
		*list[i].link =
			bpf_program__attach_kprobe_multi_opts(list[i].program, NULL, &options);
		if (!*list[i].link) {
			int error = errno;

			log_detail("cannot attach to %s(): %s", list[i].function, strerror(error));
			return -error;
		}
	}
	return 0;
}
