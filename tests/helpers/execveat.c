// SPDX-License-Identifier: BSD-2-Clause
/*
 * execveat DIRECTORY NAME [ARG...]: executes NAME relative to a descriptor of DIRECTORY, which it
 * first prints; where NAME is empty, DIRECTORY itself is the file that is executed (AT_EMPTY_PATH,
 * as fexecve(3) does it).
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
