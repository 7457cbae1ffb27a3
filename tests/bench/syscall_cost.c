// SPDX-License-Identifier: BSD-2-Clause
/*
 * syscall_cost BATCHES: prints the nanoseconds of a getppid(2), a call unrelated to execs, as the
 * median of BATCHES batches of BATCH_CALLS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCH_CALLS 20000

static double batch_ns(void)
{
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < BATCH_CALLS; i++)
		syscall(SYS_getppid);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) /
	       BATCH_CALLS;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
	int batches = argc == 2 ? atoi(argv[1]) : 0;
	double *ns;

	if (batches <= 0) {
		fprintf(stderr, "usage: syscall_cost BATCHES\n");
		return 2;
	}
	ns = calloc((size_t)batches, sizeof(*ns));
	if (!ns)
		return 1;
	for (int i = 0; i < batches; i++)
		ns[i] = batch_ns();
	qsort(ns, (size_t)batches, sizeof(*ns), compare);
	printf("%.2f\n", ns[batches / 2]);
	free(ns);
	return 0;
}
