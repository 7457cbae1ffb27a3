// SPDX-License-Identifier: BSD-2-Clause
/* A 32-bit program without libc: exit(0). With FAIL it tries to execute a missing file first. */
/* the same on i386 and arm */
#define CALL_EXECVE 11
#define CALL_EXIT 1

void _start(void);

static void call(long number, long first, long second, long third)
{
#ifdef __arm__
	register long r7 __asm__("r7") = number;
	register long r0 __asm__("r0") = first;
	register long r1 __asm__("r1") = second;
	register long r2 __asm__("r2") = third;

	__asm__ volatile("svc #0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2) : "memory");
#else
	__asm__ volatile("int $0x80"
			 : "+a"(number)
			 : "b"(first), "c"(second), "d"(third)
			 : "memory");
#endif
}

void _start(void)
{
#ifdef FAIL
	static const char *const arguments[] = { "x", "", 0 };

	call(CALL_EXECVE, (long)"/not/there", (long)arguments, 0);
#endif
	call(CALL_EXIT, 0, 0, 0);
}
