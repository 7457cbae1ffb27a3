// SPDX-License-Identifier: BSD-2-Clause
/*
 * storm [-c] [-t] [-r RATE] [-a BYTES] WORKERS COUNT MARKER PROGRAM: each of WORKERS processes
 * executes PROGRAM COUNT times with the arguments PROGRAM and MARKER-WORKER-NUMBER, and waits for
 * each one. Prints the mean nanoseconds of an exec. Exits with 1 if an exec failed.
 *
 *   -c        binds worker n to the n-th CPU of its affinity mask
 *   -t        appends the CLOCK_REALTIME nanoseconds just before the exec:
 *             MARKER-WORKER-NUMBER-TIME
 *   -r RATE   limits each worker to RATE execs per second
 *   -a BYTES  adds an argument of that length
 */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct storm {
	const char *marker;
	const char *program;
	int workers;
	int count;
	int rate; /* execs per second; 0: no limit */
	char *added; /* NULL: none */
	bool pinned;
	bool timed;
};

static long long clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static int execute(const char *program, char *argument, char *added)
{
	char *arguments[] = { (char *)program, argument, added, NULL };
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

static void pin(int worker)
{
	cpu_set_t allowed, one;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	worker %= CPU_COUNT(&allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && worker-- == 0) {
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			sched_setaffinity(0, sizeof(one), &one);
		}
}

static void wait_until(long long ns)
{
	struct timespec then = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
}

static int work(const struct storm *storm, int worker)
{
	long long start_ns = clock_ns(CLOCK_MONOTONIC);
	char argument[256];

	if (storm->pinned)
		pin(worker);
	for (int i = 0; i < storm->count; i++) {
		int length =
			snprintf(argument, sizeof(argument), "%s-%d-%d", storm->marker, worker, i);

		if (storm->rate)
			wait_until(start_ns + i * 1000000000ll / storm->rate);
		if (storm->timed)
			snprintf(argument + length, sizeof(argument) - (size_t)length, "-%lld",
				 clock_ns(CLOCK_REALTIME));
		if (execute(storm->program, argument, storm->added))
			return 1;
	}
	return 0;
}

/* Returns a string of that length, or NULL. */
static char *make_argument(int bytes)
{
	char *argument = calloc(1, (size_t)bytes + 1);

	return argument ? memset(argument, 'a', (size_t)bytes) : NULL;
}

/* Returns 0 on success; stores the nanoseconds of an exec to *ns. */
static int blow(const struct storm *storm, long long *ns)
{
	long long start = clock_ns(CLOCK_MONOTONIC);
	int failed = 0, status;

	for (int worker = 0; worker < storm->workers; worker++)
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL); /* workers exit with the storm */
			_exit(work(storm, worker));
		}
	for (int worker = 0; worker < storm->workers; worker++)
		if (wait(&status) < 0 || status)
			failed = 1;
	*ns = (clock_ns(CLOCK_MONOTONIC) - start) / storm->count / storm->workers;
	return failed;
}

int main(int argc, char **argv)
{
	struct storm storm = { 0 };
	int option, failed;
	long long ns;

	while ((option = getopt(argc, argv, "ctr:a:")) != -1)
		switch (option) {
		case 'c':
			storm.pinned = true;
			break;
		case 't':
			storm.timed = true;
			break;
		case 'r':
			storm.rate = atoi(optarg);
			break;
		case 'a':
			storm.added = make_argument(atoi(optarg));
			break;
		default:
			return 2;
		}
	if (argc - optind != 4) {
		fprintf(stderr, "usage: storm [-c] [-t] [-r RATE] [-a BYTES] WORKERS COUNT MARKER "
				"PROGRAM\n");
		return 2;
	}
	storm.workers = atoi(argv[optind]);
	storm.count = atoi(argv[optind + 1]);
	storm.marker = argv[optind + 2];
	storm.program = argv[optind + 3];
	failed = blow(&storm, &ns);
	printf("%lld\n", ns);
	return failed;
}
