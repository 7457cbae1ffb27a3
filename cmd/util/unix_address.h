/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXECTAP_UNIX_ADDRESS_H
#define EXECTAP_UNIX_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>

struct unix_address {
	struct sockaddr_un address;
	socklen_t length;
};

/* Fills in the address of a path, or of the abstract socket NAME for "@NAME" (unix(7)). Returns 0
 * or -ENAMETOOLONG. */
int unix_address_make(struct unix_address *made, const char *path);

#endif
