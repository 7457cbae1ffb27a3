// SPDX-License-Identifier: BSD-2-Clause
/* A 32-bit program without a libc: exit(0). */
void _start(void);

void _start(void)
{
	__asm__ volatile("int $0x80" : : "a"(1), "b"(0));
}
