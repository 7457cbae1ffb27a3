// SPDX-License-Identifier: BSD-2-Clause
/*
 * reap PROGRAM [ARG...]: executes PROGRAM and prints the result of wait4(2) as JSON: pid, status,
 * user, system and wall time in microseconds, maximum resident size in bytes.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	long long begun = now_us();
	struct rusage usage;
	pid_t child;
	int status;

	if (argc < 2)
		return 2;
	child = fork();
	if (child == 0) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child)
		return 1;
	printf("{\"pid\":%d,\"status\":%d,\"user_us\":%lld,\"system_us\":%lld,"
	       "\"wall_us\":%lld,\"max_rss\":%ld}\n",
	       child, status, usage.ru_utime.tv_sec * 1000000ll + usage.ru_utime.tv_usec,
	       usage.ru_stime.tv_sec * 1000000ll + usage.ru_stime.tv_usec, now_us() - begun,
	       usage.ru_maxrss * 1024);
	return 0;
}
