// SPDX-License-Identifier: BSD-2-Clause
/*
 * swap ROUNDS MARKER CHILD OTHER: lets a child execute CHILD with the argument MARKER, and at that
 * moment executes OTHER, a copy of this program, with one round less. The parent of another such
 * child exits at that moment.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void execute_child(char **argv)
{
	execl(argv[3], argv[3], argv[2], (char *)NULL);
	_exit(127);
}

int main(int argc, char **argv)
{
	char rounds[16];

	if (argc < 5)
		return 2;
	signal(SIGCHLD, SIG_IGN); /* nothing is left to be reaped */
	if (!atoi(argv[1]))
		return 0;
	if (!fork()) {
		if (!fork())
			execute_child(argv);
		_exit(0);
	}
	if (!fork())
		execute_child(argv);
	snprintf(rounds, sizeof(rounds), "%d", atoi(argv[1]) - 1);
	execl(argv[4], argv[4], rounds, argv[2], argv[3], argv[0], (char *)NULL);
	return 127;
}
