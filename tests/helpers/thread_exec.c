// SPDX-License-Identifier: BSD-2-Clause
/* thread_exec PROGRAM [ARG...]: prints the id of a thread that is not the leader, and executes
 * PROGRAM from it. */
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *execute(void *arguments)
{
	char **argv = arguments;

	printf("%ld\n", syscall(SYS_gettid));
	fflush(stdout);
	execv(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 2 || pthread_create(&thread, NULL, execute, argv + 1))
		return 2;
	for (;;)
		pause();
}
