// SPDX-License-Identifier: BSD-2-Clause
#include "util/signal_name.h"

#include <signal.h>
#include <stdio.h>

#define KERNEL_SIGRTMIN 32 /* include/uapi/asm-generic/signal.h; libc reserves the first ones */

const char *signal_name(int number, char buf[SIGNAL_NAME_BYTES])
{
	static const char *const names[KERNEL_SIGRTMIN] = {
		[SIGHUP] = "SIGHUP",	   [SIGINT] = "SIGINT",	      [SIGQUIT] = "SIGQUIT",
		[SIGILL] = "SIGILL",	   [SIGTRAP] = "SIGTRAP",     [SIGABRT] = "SIGABRT",
		[SIGBUS] = "SIGBUS",	   [SIGFPE] = "SIGFPE",	      [SIGKILL] = "SIGKILL",
		[SIGUSR1] = "SIGUSR1",	   [SIGSEGV] = "SIGSEGV",     [SIGUSR2] = "SIGUSR2",
		[SIGPIPE] = "SIGPIPE",	   [SIGALRM] = "SIGALRM",     [SIGTERM] = "SIGTERM",
		[SIGSTKFLT] = "SIGSTKFLT", [SIGCHLD] = "SIGCHLD",     [SIGCONT] = "SIGCONT",
		[SIGSTOP] = "SIGSTOP",	   [SIGTSTP] = "SIGTSTP",     [SIGTTIN] = "SIGTTIN",
		[SIGTTOU] = "SIGTTOU",	   [SIGURG] = "SIGURG",	      [SIGXCPU] = "SIGXCPU",
		[SIGXFSZ] = "SIGXFSZ",	   [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF",
		[SIGWINCH] = "SIGWINCH",   [SIGIO] = "SIGIO",	      [SIGPWR] = "SIGPWR",
		[SIGSYS] = "SIGSYS",
	};

	if (number > 0 && number < KERNEL_SIGRTMIN && names[number])
		return names[number];
	if (number >= SIGRTMIN)
		snprintf(buf, SIGNAL_NAME_BYTES, "SIGRTMIN+%d", number - SIGRTMIN);
	else
		snprintf(buf, SIGNAL_NAME_BYTES, "SIG%d", number);
	return buf;
}
