/* SPDX-License-Identifier: BSD-2-Clause */
/* A minimal 32-bit program that exits at once. exit is system call 1 of i386. */
	.globl _start
_start:
	xorl %ebx, %ebx
	movl $1, %eax
	int $0x80
