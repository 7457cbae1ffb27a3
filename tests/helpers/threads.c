// SPDX-License-Identifier: BSD-2-Clause
/*
 * threads HOW COUNT [ARG...]: starts COUNT threads that use some CPU time, wait for each other, and
 * terminate: "together" by returning at once after the leader exited, "group" by one exit_group(2)
 * with status 3, "killed" by SIGKILL.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BURN_NS 3000000

static pthread_barrier_t barrier;
static const char *how;

static void burn(void)
{
	struct timespec used;

	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	while (used.tv_sec == 0 && used.tv_nsec < BURN_NS);
}

static void *work(void *number)
{
	burn();
	pthread_barrier_wait(&barrier);
	if (!strcmp(how, "group") && !number)
		_exit(3);
	if (!strcmp(how, "killed") && !number)
		kill(getpid(), SIGKILL);
	while (strcmp(how, "together"))
		pause();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	long count;

	if (argc < 3)
		return 2;
	how = argv[1];
	count = atol(argv[2]);
	pthread_barrier_init(&barrier, NULL, (unsigned int)count);
	for (long i = 0; i < count; i++)
		if (pthread_create(&thread, NULL, work, (void *)i))
			return 2;
	pthread_exit(NULL);
}
