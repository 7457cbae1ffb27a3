// SPDX-License-Identifier: BSD-2-Clause
/* Sleeps, with any arguments, so that a test can read its /proc entry. */
#include <unistd.h>

int main(void)
{
	for (;;)
		pause();
}
