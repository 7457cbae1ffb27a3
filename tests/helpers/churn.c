// SPDX-License-Identifier: BSD-2-Clause
/*
 * churn COUNT PROGRAM: executes PROGRAM COUNT times, each time in a new process. Every third exec
 * is made by a thread that is not the leader. Every tenth process tries to execute
 * PROGRAM/absent first.
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void *execute(void *program)
{
	char *arguments[] = { program, "churn", NULL };

	execv(program, arguments);
	_exit(127);
}

static void live(long number, char *program)
{
	char absent[PATH_MAX];
	pthread_t thread;

	snprintf(absent, sizeof(absent), "%s/absent", program);
	if (number % 10 == 0)
		execl(absent, absent, NULL);
	if (number % 3 || pthread_create(&thread, NULL, execute, program))
		execute(program);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	long count;

	if (argc != 3)
		return 2;
	count = atol(argv[1]);
	for (long i = 0; i < count; i++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			live(i, argv[2]);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status)
			return 1;
	}
	return 0;
}
