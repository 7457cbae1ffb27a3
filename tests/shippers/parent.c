// SPDX-License-Identifier: BSD-2-Clause
// parent [ARGUMENT...]: starts the program of the variable EXE in a child with the arguments of the
// variables 0, 1, ... and waits for it. Its own path and arguments are those that a rule names.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ARGUMENTS = 256 };

int main(void)
{
	char *arguments[MAX_ARGUMENTS + 1], *empty[] = { NULL }, name[16];
	int count = 0, status;
	pid_t child;

	do {
		snprintf(name, sizeof(name), "%d", count);
		arguments[count] = getenv(name);
	} while (arguments[count] && ++count < MAX_ARGUMENTS);
	arguments[count] = NULL;
	child = fork();
	if (child < 0)
		return EXIT_FAILURE;
	if (!child) {
		execve(getenv("EXE"), arguments, empty);
		_exit(errno);
	}
	if (waitpid(child, &status, 0) != child)
		return EXIT_FAILURE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}
