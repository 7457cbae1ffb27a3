// SPDX-License-Identifier: BSD-2-Clause
/*
 * refuse SYSCALL FIRST_ARGUMENT ERRNO PROGRAM [ARG...]: executes PROGRAM with a seccomp filter. The
 * system call of that number fails with ERRNO if its first argument is FIRST_ARGUMENT (-1: any).
 * All are decimal numbers. Emulates a kernel that lacks a feature.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned int number, first, error;
	int any;

	if (argc < 5) {
		fprintf(stderr, "usage: refuse SYSCALL FIRST_ARGUMENT ERRNO PROGRAM [ARG...]\n");
		return 2;
	}
	number = (unsigned int)atoi(argv[1]);
	any = atoi(argv[2]) < 0;
	first = (unsigned int)atoi(argv[2]);
	error = (unsigned int)atoi(argv[3]);

	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, any ? 0 : first, 0, any ? 0 : 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("refuse");
		return 1;
	}
	execvp(argv[4], argv + 4);
	perror(argv[4]);
	return 127;
}
