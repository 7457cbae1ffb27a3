// SPDX-License-Identifier: BSD-2-Clause
/* Stays as it is, whatever its arguments, so that a test can read its /proc entry. */
#include <unistd.h>

int main(void)
{
	for (;;)
		pause();
}
