// SPDX-License-Identifier: BSD-2-Clause
#include "host/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Without CAP_SETPCAP it stays, and no_new_privs alone keeps it from being made use of. */
static void drop_bounding_set(void)
{
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		if (prctl(PR_CAPBSET_DROP, capability))
			return;
}

/* With an empty inheritable set the ambient one is empty as well: capabilities(7). */
static int drop_capabilities(bool keeps_read_search)
{
	const uint32_t kept = keeps_read_search ? 1u << CAP_DAC_READ_SEARCH : 0;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = kept, .permitted = kept }
	};

	if (!syscall(SYS_capset, &header, sets))
		return 0;
	return errno == EPERM ? -EACCES : -errno;
}

/* The permitted set survives the change until drop_capabilities() where it is needed. */
static int change_user(const struct sandbox_identity *identity)
{
	if (prctl(PR_SET_KEEPCAPS, identity->reads_any_file, 0, 0, 0) ||
	    setresgid(identity->gid, identity->gid, identity->gid) ||
	    setresuid(identity->uid, identity->uid, identity->uid) ||
	    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0))
		return -errno;
	return 0;
}

static int set_groups(const struct sandbox_identity *identity)
{
	int present = getgroups(0, NULL), count = identity->change_user ? 0 : present, result = 0;
	gid_t *groups = malloc(((size_t)present + 1) * sizeof(*groups));

	if (!groups)
		return -ENOMEM;
	if (count)
		count = getgroups(present, groups);
	if (identity->socket_group != (gid_t)-1)
		groups[count++] = identity->socket_group;
	if (count != present && setgroups((size_t)count, groups))
		result = -errno;
	free(groups);
	/* without a change of user, setgroups(2) may fail: chown(2) of the socket reports it */
	return identity->change_user ? result : 0;
}

int sandbox_drop_privileges(const struct sandbox_identity *identity)
{
	int result;

	drop_bounding_set();
	result = set_groups(identity);
	if (!result && identity->change_user)
		result = change_user(identity);
	if (!result)
		result = drop_capabilities(identity->reads_any_file);
	if (!result && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		result = -errno;
	/* no ptrace(2), no core dump: its memory holds command lines of all users */
	if (!result && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		result = -errno;
	return result;
}

/* An allowed system call: its uses, and the value of the bits `mask` in one of its arguments. */
struct allowed_call {
	int number; /* libseccomp's; below 0, and ignored, where the architecture lacks the call */
	unsigned int uses; /* bits of what follows, or ALWAYS */
	unsigned int argument; /* 0 is the first one */
	uint32_t mask; /* 0: any value; an int argument has no meaning in its upper half */
	uint32_t value;
};

#define ALWAYS UINT_MAX
#define FILES (1u << 0)
#define CONNECTS (1u << 1)
#define ACCEPTS (1u << 2)
#define PINS (1u << 3)
#define RENAMES (1u << 4)
#define READS (1u << 5)
#define LISTS (1u << 6)
#define REPORTS (1u << 7)

/* C libraries differ in the calls that they make, also by architecture: the table has them all. */
static const struct allowed_call allowed_calls[] = {
	/* wait and exit */
	{ SCMP_SYS(epoll_create1), ALWAYS },
	{ SCMP_SYS(epoll_ctl), ALWAYS },
	{ SCMP_SYS(epoll_pwait), ALWAYS },
	{ SCMP_SYS(epoll_wait), ALWAYS },
	{ SCMP_SYS(exit_group), ALWAYS },
	{ SCMP_SYS(restart_syscall), ALWAYS },
	{ SCMP_SYS(rt_sigprocmask), ALWAYS },
	{ SCMP_SYS(rt_sigreturn), ALWAYS },
	/* lines, diagnostics, service manager, recursion misses */
	{ SCMP_SYS(close), ALWAYS },
	{ SCMP_SYS(pread64), ALWAYS },
	{ SCMP_SYS(sendto), ALWAYS },
	{ SCMP_SYS(write), ALWAYS },
	{ SCMP_SYS(writev), ALWAYS },
	/* time, where the vDSO has no clock; host name */
	{ SCMP_SYS(clock_gettime), ALWAYS },
	{ SCMP_SYS(uname), ALWAYS },
	/* memory that is not executable */
	{ SCMP_SYS(brk), ALWAYS },
	{ SCMP_SYS(madvise), ALWAYS },
	{ SCMP_SYS(mmap), ALWAYS, 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mprotect), ALWAYS, 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mremap), ALWAYS },
	{ SCMP_SYS(munmap), ALWAYS },
	/* detaching a program from a tracepoint */
	{ SCMP_SYS(ioctl), ALWAYS, 1, UINT32_MAX, PERF_EVENT_IOC_DISABLE },
	/* reopening a file */
	{ SCMP_SYS(flock), FILES },
	{ SCMP_SYS(lstat), FILES | ACCEPTS },
	/* rotating it */
	{ SCMP_SYS(rename), RENAMES },
	{ SCMP_SYS(renameat), RENAMES },
	{ SCMP_SYS(renameat2), RENAMES },
	/* cutting a partial line off a file, which standard output can be as well */
	{ SCMP_SYS(fstat), ALWAYS },
	{ SCMP_SYS(newfstatat), ALWAYS },
	{ SCMP_SYS(lseek), ALWAYS },
	{ SCMP_SYS(ftruncate), ALWAYS },
	/* a pipe or terminal that cannot be made non-blocking */
	{ SCMP_SYS(poll), ALWAYS },
	{ SCMP_SYS(ppoll), ALWAYS },
	/* reconnecting a socket */
	{ SCMP_SYS(socket), CONNECTS, 0, UINT32_MAX, AF_UNIX },
	{ SCMP_SYS(connect), CONNECTS },
	{ SCMP_SYS(geteuid), FILES | CONNECTS },
	{ SCMP_SYS(setsockopt), CONNECTS, 2, UINT32_MAX, SO_SNDBUF },
	/* bytes that the last consumer left unread */
	{ SCMP_SYS(ioctl), CONNECTS | ACCEPTS, 1, UINT32_MAX, SIOCOUTQ },
	{ SCMP_SYS(shutdown), CONNECTS | ACCEPTS },
	{ SCMP_SYS(getsockopt), CONNECTS | ACCEPTS, 2, UINT32_MAX, SO_ERROR },
	/* accepting clients, removing the socket at the end */
	{ SCMP_SYS(accept4), ACCEPTS },
	{ SCMP_SYS(unlink), ACCEPTS },
	{ SCMP_SYS(unlinkat), ACCEPTS | PINS },
	/* changes of a file: the call of musl and of old versions of glibc */
	{ SCMP_SYS(stat), READS },
	/* removal of a retired set of pins; search for the state of a container */
	{ SCMP_SYS(fcntl), PINS | LISTS, 1, UINT32_MAX, F_GETFL },
	{ SCMP_SYS(fcntl), PINS | LISTS, 1, UINT32_MAX, F_SETFD },
	{ SCMP_SYS(getdents64), PINS | LISTS },
	/* records of running processes, by an iterator, which takes no pread(2) */
	{ SCMP_SYS(read), REPORTS },
};

static int add_rules(scmp_filter_ctx filter, unsigned int uses)
{
	int result = 0;

	for (size_t i = 0; i < sizeof(allowed_calls) / sizeof(allowed_calls[0]) && !result; i++) {
		const struct allowed_call *call = &allowed_calls[i];
		const struct scmp_arg_cmp argument = { call->argument, SCMP_CMP_MASKED_EQ,
						       call->mask, call->value };

		if (call->uses == ALWAYS || call->uses & uses)
			result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call->number,
							call->mask != 0, &argument);
	}
	return result;
}

/* Errors are ignored: an older library or kernel lacks some of the attributes. */
static void set_attributes(scmp_filter_ctx filter)
{
	seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	/* binary search by the number of the call */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* before 5.16 kernels mitigate speculative store bypass in every filtered process, which
	 * costs time and protects against foreign code only */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
}

bool sandbox_can_filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS); /* asks the kernel */

	if (filter)
		seccomp_release(filter);
	return filter;
}

/* Allows opening files with exactly these flags. */
static int add_open_rules(scmp_filter_ctx filter, int flags)
{
	const uint32_t mask = ~(uint32_t)O_LARGEFILE;
	const struct scmp_arg_cmp open_flags = { 1, SCMP_CMP_MASKED_EQ, mask, (uint32_t)flags };
	const struct scmp_arg_cmp openat_flags = { 2, SCMP_CMP_MASKED_EQ, mask, (uint32_t)flags };
	int result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, &open_flags);

	return result ? result
		      : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
					       &openat_flags);
}

int sandbox_filter_calls(const struct sandbox_needs *needs)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	unsigned int uses = (needs->open_flags ? FILES : 0) | (needs->connects ? CONNECTS : 0) |
			    (needs->accepts ? ACCEPTS : 0) | (needs->pin_flags ? PINS : 0) |
			    (needs->renames ? RENAMES : 0) | (needs->read_flags ? READS : 0) |
			    (needs->lists ? LISTS : 0) | (needs->reports ? REPORTS : 0);
	int result;

	if (!filter)
		return -EOPNOTSUPP;
	set_attributes(filter);
	result = add_rules(filter, uses);
	if (!result && needs->open_flags)
		result = add_open_rules(filter, needs->open_flags);
	if (!result && needs->metrics_flags)
		result = add_open_rules(filter, needs->metrics_flags);
	if (!result && needs->read_flags)
		result = add_open_rules(filter, needs->read_flags);
	if (!result && needs->pin_flags)
		result = add_open_rules(filter, needs->pin_flags);
	for (const int *flags = needs->tree_flags; flags && *flags && !result; flags++)
		result = add_open_rules(filter, *flags);
	if (!result)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result;
}
