// SPDX-License-Identifier: BSD-2-Clause
/*
 * idle PID SECONDS: prints the CPU time in clock ticks and the context switches of process PID
 * during SECONDS, a measured interval, without executing anything.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct usage {
	long ticks;
	long switches;
};

static int read_usage(const char *pid, struct usage *usage)
{
	char path[64], line[512], *fields;
	long user, system, count;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	file = fopen(path, "r");
	if (!file || !fgets(line, sizeof(line), file))
		return -1;
	fclose(file);
	fields = strrchr(line, ')');
	if (!fields || sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld",
			      &user, &system) != 2)
		return -1;
	usage->ticks = user + system;
	usage->switches = 0;
	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &count) == 1 ||
		    sscanf(line, "nonvoluntary_ctxt_switches: %ld", &count) == 1)
			usage->switches += count;
	if (file)
		fclose(file);
	return file ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct usage before, after;
	struct timespec time = { 0 };

	if (argc != 3)
		return 2;
	time.tv_sec = atoi(argv[2]);
	if (read_usage(argv[1], &before) || nanosleep(&time, NULL) || read_usage(argv[1], &after))
		return 1;
	printf("%ld %ld\n", after.ticks - before.ticks, after.switches - before.switches);
	return 0;
}
