// SPDX-License-Identifier: BSD-2-Clause
/*
 * execveat DIRECTORY NAME [ARG...]: prints the number of a descriptor of DIRECTORY and executes
 * NAME relative to it. With an empty NAME it executes the file DIRECTORY (AT_EMPTY_PATH, like
 * fexecve(3)).
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char *no_environment[] = { NULL };
	int fd;

	if (argc < 3)
		return 2;
	fd = open(argv[1], O_PATH);
	printf("%d\n", fd);
	fflush(stdout);
	syscall(SYS_execveat, fd, argv[2], argv + 2, no_environment,
		argv[2][0] ? 0 : AT_EMPTY_PATH);
	perror(argv[2]);
	return 127;
}
