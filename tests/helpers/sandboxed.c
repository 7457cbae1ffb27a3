// SPDX-License-Identifier: BSD-2-Clause
/*
 * sandboxed OUTPUT SYSCALL [ARGUMENT...]: installs the seccomp filter of exectap with that
 * --output, and makes the named system call with the numbers as arguments. The argument "text"
 * stands for the address of the last argument, a string. Prints "done" and the resulting errno,
 * unless the call kills it.
 */
#include "host/sandbox.h"
#include "output/output.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS 6

int main(int argc, char **argv)
{
	long arguments[ARGUMENTS] = {};
	struct output_needs needs;
	struct sandbox_needs allowed;
	char said[64];
	int number, length;

	if (argc < 3 || argc > 3 + ARGUMENTS + 1 || output_find_needs(argv[1], &needs))
		return 2;
	number = seccomp_syscall_resolve_name(argv[2]);
	if (number < 0)
		return 4; /* unknown on this architecture */
	for (int i = 3; i < argc && i < 3 + ARGUMENTS; i++)
		arguments[i - 3] =
			strcmp(argv[i], "text") ? strtol(argv[i], NULL, 0) : (long)argv[argc - 1];
	allowed = (struct sandbox_needs){ .open_flags = needs.open_flags,
					  .connects = needs.connects,
					  .accepts = needs.accepts };
	if (sandbox_filter_calls(&allowed))
		return 3;
	errno = 0;
	syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		arguments[5]);
	length = snprintf(said, sizeof(said), "done %d\n", errno);
	return write(STDOUT_FILENO, said, (size_t)length) != length;
}
