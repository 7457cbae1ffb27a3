/* SPDX-License-Identifier: BSD-2-Clause */
/* The terminal that standard output may be. */
#ifndef EXECTAP_TERMINAL_H
#define EXECTAP_TERMINAL_H

#include <stdbool.h>

enum terminal_color {
	TERMINAL_COLOR_AUTO,
	TERMINAL_COLOR_ALWAYS,
	TERMINAL_COLOR_NEVER,
};

/* Returns the columns of the terminal; 0: it is none, or does not know them. */
unsigned int terminal_columns(int fd);

/*
 * Reports whether lines for people have colours. TERMINAL_COLOR_AUTO: on a terminal that has some,
 * unless the variable NO_COLOR is set and not empty.
 */
bool terminal_has_colors(int fd, enum terminal_color color);

/*
 * Sets the locale to UTF-8, for the columns of characters (wcwidth(3)), and reads the time zone.
 * To be called while files can be opened. A system without that locale shows ASCII.
 */
void terminal_init(void);

#endif
