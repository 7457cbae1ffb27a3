// SPDX-License-Identifier: BSD-2-Clause
#include "host/check.h"

#include "capture/attempts.h"
#include "capture/capture.h"
#include "capture/tracefs.h"
#include "host/sandbox.h"
#include "util/log.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define WHY_BYTES 192
#define BTF_PATH "/sys/kernel/btf/vmlinux"

/* The smallest buffer that the programs work with. */
#define TRIAL_BUFFER_BYTES (128 * 1024)
#define TRIAL_ARGS_BYTES 4096

struct fact {
	const char *name;
	int (*probe)(char why[WHY_BYTES]); /* 0 or -errno; what was found, or what to do */
	bool required;
};

static void explain(char why[WHY_BYTES], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void explain(char why[WHY_BYTES], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, WHY_BYTES, format, arguments);
	va_end(arguments);
}

/* In this process's effective set */
static bool has_capability(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	return !syscall(SYS_capget, &header, data) &&
	       data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

/* capabilities(7): CAP_BPF and CAP_PERFMON came with 5.8; CAP_SYS_ADMIN contains both. */
static int probe_privileges(char why[WHY_BYTES])
{
	if (has_capability(CAP_SYS_ADMIN)) {
		explain(why, "CAP_SYS_ADMIN");
		return 0;
	}
	if (has_capability(CAP_BPF) && has_capability(CAP_PERFMON)) {
		explain(why, "CAP_BPF and CAP_PERFMON");
		return 0;
	}
	explain(why, "run it as root, or with CAP_BPF and CAP_PERFMON");
	return -EPERM;
}

static int probe_btf(char why[WHY_BYTES])
{
	if (access(BTF_PATH, R_OK)) {
		explain(why, BTF_PATH ": %s: use a kernel built with CONFIG_DEBUG_INFO_BTF=y",
			strerror(errno));
		return -EOPNOTSUPP;
	}
	explain(why, BTF_PATH);
	return 0;
}

static int probe_ring_buffer(char why[WHY_BYTES])
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "exectap_probe", 0, 0,
				(__u32)sysconf(_SC_PAGESIZE), NULL);

	if (fd >= 0) {
		explain(why, "BPF_MAP_TYPE_RINGBUF");
		close(fd);
		return 0;
	}
	explain(why, "BPF_MAP_TYPE_RINGBUF: %s: %s", strerror(errno),
		errno == EPERM ? "run it as root, or with CAP_BPF and CAP_PERFMON"
			       : "use Linux 5.8 or later");
	return errno == EPERM ? -EPERM : -EOPNOTSUPP;
}

/* A tp_btf program can attach where the kernel's type information has the tracepoint's prototype.
 */
static int probe_tracepoint(const char *type_name, char why[WHY_BYTES])
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id;

	if (!btf) {
		explain(why, "no type information: %s", strerror(errno));
		return -EOPNOTSUPP;
	}
	id = btf__find_by_name_kind(btf, type_name, BTF_KIND_TYPEDEF);
	btf__free(btf);
	explain(why, id < 0 ? "%s is not in the kernel's type information" : "%s", type_name);
	return id < 0 ? -EOPNOTSUPP : 0;
}

static int probe_sched_process_exec(char why[WHY_BYTES])
{
	return probe_tracepoint("btf_trace_sched_process_exec", why);
}

static int probe_task_rename(char why[WHY_BYTES])
{
	return probe_tracepoint("btf_trace_task_rename", why);
}

static int probe_sched_process_exit(char why[WHY_BYTES])
{
	return probe_tracepoint("btf_trace_sched_process_exit", why);
}

static int probe_tracefs(char why[WHY_BYTES])
{
	int id = tracefs_event_id("syscalls", "sys_enter_execve");

	if (id >= 0) {
		explain(why, "syscalls:sys_enter_execve, for --events exec_failed");
		return 0;
	}
	if (id == -EPERM)
		explain(why,
			"for --events exec_failed: run it with CAP_DAC_READ_SEARCH, or CAP_SYS_ADMIN where tracefs "
			"is not mounted");
	else
		explain(why,
			"for --events exec_failed: %s: run 'mount -t tracefs tracefs /sys/kernel/tracing'",
			strerror(-id));
	return id == -EPERM ? id : -EOPNOTSUPP;
}

static int probe_returns(char why[WHY_BYTES])
{
	int result = attempts_try_returns();

	if (result)
		explain(why,
			"%s: failed attempts come from the tracepoints, which slow all system calls",
			strerror(-result));
	else
		explain(why, "for --events exec_failed, with no cost to other system calls");
	return result;
}

static int probe_programs(char why[WHY_BYTES])
{
	const struct capture_options options = { .buffer_bytes = TRIAL_BUFFER_BYTES,
						 .args_max_bytes = TRIAL_ARGS_BYTES,
						 .events = EVENT_BIT(EVENT_EXEC) |
							   EVENT_BIT(EVENT_EXIT) };
	struct capture *capture;
	int result = capture_new(&capture, &options);

	if (result) {
		explain(why, "%s: --verbose shows the kernel's reasons", strerror(-result));
		return result == -EPERM ? -EPERM : -EOPNOTSUPP;
	}
	capture_free(capture);
	explain(why, "loaded and attached for a trial");
	return 0;
}

/* bpf_prog_info.recursion_misses came with 5.12, as did the type of the helper's field. */
static int probe_recursion_misses(char why[WHY_BYTES])
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	int id, members = 0;
	bool found = false;

	id = btf ? btf__find_by_name_kind(btf, "bpf_prog_info", BTF_KIND_STRUCT) : -1;
	type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	if (type)
		members = btf_vlen(type);
	for (int i = 0; i < members && !found; i++)
		found = !strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off),
				"recursion_misses");
	btf__free(btf);
	explain(why, found ? "runs that the kernel skips are counted as lost"
			   : "before Linux 5.12 no such run is skipped, or none is told");
	return found ? 0 : -EOPNOTSUPP;
}

static int probe_change_of_user(char why[WHY_BYTES])
{
	bool can = has_capability(CAP_SETUID) && has_capability(CAP_SETGID);

	explain(why, can ? "CAP_SETUID and CAP_SETGID, for --user"
			 : "for --user: run it as root, or with CAP_SETUID and CAP_SETGID");
	return can ? 0 : -EPERM;
}

static int probe_bounding_set(char why[WHY_BYTES])
{
	bool can = has_capability(CAP_SETPCAP);

	explain(why,
		can ? "CAP_SETPCAP"
		    : "without CAP_SETPCAP it stays, and no_new_privs keeps it from mattering");
	return can ? 0 : -EPERM;
}

static int probe_call_filter(char why[WHY_BYTES])
{
	bool can = sandbox_can_filter_calls();

	explain(why, can ? "seccomp"
			 : "seccomp is not there, or not for this process: it would go on without");
	return can ? 0 : -EOPNOTSUPP;
}

static const struct fact facts[] = {
	{ "privileges", probe_privileges, true },
	{ "type information (BTF)", probe_btf, true },
	{ "ring buffer", probe_ring_buffer, true },
	{ "hook sched_process_exec", probe_sched_process_exec, true },
	{ "hook task_rename", probe_task_rename, true },
	{ "hook sched_process_exit", probe_sched_process_exit, false },
	{ "tracepoint sys_enter_execve", probe_tracefs, false },
	{ "fexit on execve", probe_returns, false },
	{ "programs", probe_programs, true },
	{ "count of skipped runs", probe_recursion_misses, false },
	{ "change of user", probe_change_of_user, false },
	{ "drop of the bounding set", probe_bounding_set, false },
	{ "filter of system calls", probe_call_filter, false },
};
#define FACTS (sizeof(facts) / sizeof(facts[0]))

static int silence(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

int check_print(void)
{
	struct utsname name;
	int result = 0;

	libbpf_set_print(silence);
	if (!uname(&name))
		printf("%-8s %-28s %s %s %s\n", "ok", "kernel", name.sysname, name.release,
		       name.machine);
	for (size_t i = 0; i < FACTS; i++) {
		char why[WHY_BYTES] = "";
		int missing = facts[i].probe(why);

		printf("%-8s %-28s %s\n", missing ? "missing" : "ok", facts[i].name, why);
		if (missing && facts[i].required && !result)
			result = missing;
	}
	return result;
}

int check_diagnose(int error)
{
	for (size_t i = 0; i < FACTS; i++) {
		char why[WHY_BYTES] = "";
		int missing;

		if (!facts[i].required || facts[i].probe == probe_programs)
			continue;
		missing = facts[i].probe(why);
		if (missing) {
			log_error("cannot watch: missing %s: %s", facts[i].name, why);
			return missing;
		}
	}
	log_error("cannot watch: %s: %s", strerror(-error),
		  error == -ENOMEM
			  ? "try a smaller --buffer"
			  : "--check tells what each option needs, --verbose the kernel's reasons");
	return error;
}
