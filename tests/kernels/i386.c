// SPDX-License-Identifier: BSD-2-Clause
/* A 32-bit program without a libc: exit(0). With FAIL it first tries to execute what is not there. */
void _start(void);

void _start(void)
{
#ifdef FAIL
	static const char *const arguments[] = { "x", "", 0 };
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(11), "b"("/not/there"), "c"(arguments), "d"(0) : "memory");
#endif
	__asm__ volatile("int $0x80" : : "a"(1), "b"(0));
}
