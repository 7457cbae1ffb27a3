// SPDX-License-Identifier: BSD-2-Clause
#include "host/check.h"

#include "capture/attempts.h"
#include "capture/capture.h"
#include "capture/tracefs.h"
#include "host/landlock.h"
#include "host/sandbox.h"
#include "util/log.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define WHY_BYTES 192
#define BTF_PATH "/sys/kernel/btf/vmlinux"

/* The smallest buffer of --buffer */
#define TRIAL_BUFFER_BYTES (128 * 1024)
#define TRIAL_ARGS_BYTES 4096

struct fact {
	const char *name;
	int (*probe)(
		char why[WHY_BYTES]); /* returns 0 or -errno; writes the finding, or the remedy */
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

/* True if the capability is in the effective set. */
static bool has_capability(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	return !syscall(SYS_capget, &header, data) &&
	       data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

/* True in a user namespace that is not the initial one: its capabilities do not allow bpf(2). */
static bool in_user_namespace(void)
{
	FILE *file = fopen("/proc/self/uid_map", "re");
	unsigned long long inside = 0, outside = 0, count = UINT32_MAX;
	bool is_initial;

	if (!file)
		return false;
	is_initial = fscanf(file, "%llu %llu %llu", &inside, &outside, &count) != 3 ||
		     (!inside && !outside && count == UINT32_MAX);
	fclose(file);
	return !is_initial;
}

/* kernel_lockdown(7): the mode "confidentiality" refuses BPF programs that read kernel memory. */
static bool is_locked_down(void)
{
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");
	char modes[64] = "";

	if (!file)
		return false;
	if (!fgets(modes, sizeof(modes), file))
		modes[0] = '\0';
	fclose(file);
	return strstr(modes, "[confidentiality]");
}

/* capabilities(7): CAP_BPF and CAP_PERFMON came with 5.8; CAP_SYS_ADMIN contains both. */
static bool has_bpf_capabilities(void)
{
	return has_capability(CAP_SYS_ADMIN) ||
	       (has_capability(CAP_BPF) && has_capability(CAP_PERFMON));
}

/* Returns the likely cause of EPERM from bpf(2), and its remedy. */
static const char *explain_eperm(void)
{
	if (!has_bpf_capabilities())
		return "run exectap as root, or with CAP_BPF and CAP_PERFMON";
	if (in_user_namespace())
		return "exectap is in a user namespace; run it in the initial one";
	if (is_locked_down())
		return "kernel lockdown is in mode confidentiality";
	return "a seccomp filter (of a container?) or a security module refuses bpf(2)";
}

/* Returns the remedy for an error of resources, or NULL for another error. */
static const char *explain_shortage(int error)
{
	switch (error) {
	case ENOMEM:
		return "free memory, raise RLIMIT_AS or MemoryMax, or use a smaller --buffer";
	case EMFILE:
		return "raise the limit of open files (RLIMIT_NOFILE)";
	case ENFILE:
		return "raise fs.file-max";
	default:
		return NULL;
	}
}

static int probe_privileges(char why[WHY_BYTES])
{
	if (!has_bpf_capabilities() || in_user_namespace()) {
		explain(why, "%s", explain_eperm());
		return -EPERM;
	}
	explain(why, "%s",
		has_capability(CAP_SYS_ADMIN) ? "CAP_SYS_ADMIN" : "CAP_BPF and CAP_PERFMON");
	return 0;
}

static int probe_btf(char why[WHY_BYTES])
{
	int error = access(BTF_PATH, R_OK) ? errno : 0;

	if (!error) {
		explain(why, BTF_PATH);
		return 0;
	}
	if (access("/sys/kernel", F_OK))
		explain(why, "/sys is empty: run 'mount -t sysfs sysfs /sys', or pass "
			     "/sys/kernel/btf to the container");
	else
		explain(why, BTF_PATH ": %s: use a kernel built with CONFIG_DEBUG_INFO_BTF=y",
			strerror(error));
	return -EOPNOTSUPP;
}

static int probe_ring_buffer(char why[WHY_BYTES])
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "exectap_probe", 0, 0,
				(__u32)sysconf(_SC_PAGESIZE), NULL);
	int error = errno;

	if (fd >= 0) {
		explain(why, "BPF_MAP_TYPE_RINGBUF");
		close(fd);
		return 0;
	}
	if (error == EPERM)
		explain(why, "%s: %s", strerror(error), explain_eperm());
	else if (explain_shortage(error))
		explain(why, "%s: %s", strerror(error), explain_shortage(error));
	else
		explain(why, "BPF_MAP_TYPE_RINGBUF: %s: use Linux 5.8 or later", strerror(error));
	return error == EPERM || explain_shortage(error) ? -error : -EOPNOTSUPP;
}

/* Loads the kernel's types. Returns 0 or -errno with the reason in why. */
static int load_btf(struct btf **btf, char why[WHY_BYTES])
{
	int error;

	*btf = btf__load_vmlinux_btf();
	if (*btf)
		return 0;
	error = errno;
	explain(why, "no type information: %s%s%s", strerror(error),
		explain_shortage(error) ? ": " : "",
		explain_shortage(error) ? explain_shortage(error) : "");
	return explain_shortage(error) ? -error : -EOPNOTSUPP;
}

/* A tp_btf program can attach if the kernel's types include the tracepoint's prototype. */
static int probe_tracepoint(const char *type_name, char why[WHY_BYTES])
{
	struct btf *btf;
	int id, result = load_btf(&btf, why);

	if (result)
		return result;
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
		explain(why, "for --events exec_failed: run exectap with CAP_DAC_READ_SEARCH, "
			     "or CAP_SYS_ADMIN if tracefs is not mounted");
	else
		explain(why,
			"for --events exec_failed: %s: run "
			"'mount -t tracefs tracefs /sys/kernel/tracing'",
			strerror(-id));
	return id == -EPERM ? id : -EOPNOTSUPP;
}

/*
 * Returns why fexit programs cannot attach. EPERM with capabilities: a function without an entry
 * for ftrace, because the kernel lacks CONFIG_FUNCTION_TRACER (kernel/bpf/trampoline.c).
 */
static const char *explain_no_fexit(int error)
{
	switch (error) {
	case EPERM:
		return has_bpf_capabilities() ? "the kernel lacks CONFIG_FUNCTION_TRACER, "
						"or a security module refuses"
					      : explain_eperm();
	case EOPNOTSUPP:
		return "kernel.ftrace_enabled is 0, or the architecture lacks BPF trampolines";
	case ENOENT:
	case ESRCH:
		return "the kernel's types lack its entry points";
	default:
		return strerror(error);
	}
}

static int probe_returns(char why[WHY_BYTES])
{
	int result = attempts_try_returns();

	if (result)
		explain(why, "%s; exec_failed uses tracepoints, which slow all system calls",
			explain_no_fexit(-result));
	else
		explain(why, "for --events exec_failed, without cost to other system calls");
	return result;
}

static int probe_programs(char why[WHY_BYTES])
{
	const struct capture_options options = { .buffer_bytes = TRIAL_BUFFER_BYTES,
						 .args_max_bytes = TRIAL_ARGS_BYTES,
						 .parent_args_bytes = TRIAL_ARGS_BYTES,
						 .events = EVENT_BIT(EVENT_EXEC) |
							   EVENT_BIT(EVENT_EXIT) };
	struct capture *capture;
	int result = capture_new(&capture, &options);

	if (result) {
		const char *cause = result == -EPERM ? explain_eperm() : explain_shortage(-result);

		explain(why, "%s: %s", strerror(-result),
			cause ? cause : "--verbose shows the kernel's reasons");
		return cause ? result : -EOPNOTSUPP;
	}
	capture_free(capture);
	explain(why, "loaded and attached for a trial");
	return 0;
}

/* bpf_prog_info.recursion_misses came with Linux 5.12. */
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
			   : "Linux 5.12 and later report runs that the kernel skips");
	return found ? 0 : -EOPNOTSUPP;
}

static int probe_change_of_user(char why[WHY_BYTES])
{
	bool can = has_capability(CAP_SETUID) && has_capability(CAP_SETGID);

	explain(why, can ? "CAP_SETUID and CAP_SETGID, for --user"
			 : "for --user: run exectap as root, or with CAP_SETUID and CAP_SETGID");
	return can ? 0 : -EPERM;
}

static int probe_bounding_set(char why[WHY_BYTES])
{
	bool can = has_capability(CAP_SETPCAP);

	explain(why, can ? "CAP_SETPCAP"
			 : "without CAP_SETPCAP it remains, without effect: no_new_privs is set");
	return can ? 0 : -EPERM;
}

static int probe_call_filter(char why[WHY_BYTES])
{
	bool can = sandbox_can_filter_calls();

	explain(why, can ? "seccomp" : "the kernel or a filter refuses seccomp; it is left out");
	return can ? 0 : -EOPNOTSUPP;
}

static int probe_file_limit(char why[WHY_BYTES])
{
	int version = landlock_version();

	if (version < 0)
		explain(why, "Landlock: %s; file access is not limited", strerror(-version));
	else
		explain(why, "Landlock, version %d", version);
	return version < 0 ? version : 0;
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
	{ "limit of file access", probe_file_limit, false },
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

/* Reports whether these events need the fact. */
static bool is_needed(const struct fact *fact, unsigned int events)
{
	if (fact->probe == probe_tracefs)
		return events & EVENT_BIT(EVENT_EXEC_FAILED) && attempts_try_returns();
	return fact->required && fact->probe != probe_programs;
}

int check_diagnose(int error, unsigned int events)
{
	const char *remedy = explain_shortage(-error);

	for (size_t i = 0; i < FACTS && !remedy; i++) {
		char why[WHY_BYTES] = "";
		int missing;

		if (!is_needed(&facts[i], events))
			continue;
		missing = facts[i].probe(why);
		if (missing) {
			log_error("cannot watch: missing %s: %s", facts[i].name, why);
			return missing;
		}
	}
	if (!remedy)
		remedy = error == -EPERM ? explain_eperm()
					 : "see --check, and --verbose for the kernel's reasons";
	log_error("cannot watch: %s: %s", strerror(-error), remedy);
	return error;
}
