// SPDX-License-Identifier: BSD-2-Clause
/*
 * storm WORKERS COUNT MARKER PROGRAM [RATE]: each of WORKERS processes executes PROGRAM COUNT times, one after the
 * other, with the arguments PROGRAM and MARKER-WORKER-NUMBER, and waits for each; RATE times a second, if the host
 * is that fast, else as fast as it goes. Prints the nanoseconds that an exec took on average. Exits with 1 if one of
 * them failed.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int execute(const char *program, char *argument)
{
	char *arguments[] = { (char *)program, argument, NULL };
	pid_t child = vfork();
	int status;

	if (child == 0) {
		execv(program, arguments);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static void wait_until(const struct timespec *start, double s)
{
	struct timespec then = *start;

	then.tv_sec += (time_t)s;
	then.tv_nsec += (long)((s - (double)(time_t)s) * 1e9);
	if (then.tv_nsec >= 1000000000) {
		then.tv_nsec -= 1000000000;
		then.tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
}

static int work(int worker, int count, const char *marker, const char *program, int rate)
{
	struct timespec start;
	char argument[256];

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < count; i++) {
		if (rate)
			wait_until(&start, (double)i / rate);
		snprintf(argument, sizeof(argument), "%s-%d-%d", marker, worker, i);
		if (execute(program, argument))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct timespec start, end;
	int workers, count, rate, failed = 0, status;
	double ns;

	if (argc != 5 && argc != 6) {
		fprintf(stderr, "usage: storm WORKERS COUNT MARKER PROGRAM [RATE]\n");
		return 2;
	}
	workers = atoi(argv[1]);
	count = atoi(argv[2]);
	rate = argc == 6 ? atoi(argv[5]) : 0;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int worker = 0; worker < workers; worker++)
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL); /* a killed storm is over */
			_exit(work(worker, count, argv[3], argv[4], rate));
		}
	for (int worker = 0; worker < workers; worker++)
		if (wait(&status) < 0 || status)
			failed = 1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
	printf("%.0f\n", ns / count / workers);
	return failed;
}
