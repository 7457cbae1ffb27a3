/* SPDX-License-Identifier: BSD-2-Clause */
/* What a descriptor is, as /proc/PID/fd shows it, but without a path. Pure. */
#ifndef EXECTAP_STREAM_H
#define EXECTAP_STREAM_H

#include "record.h"
#include "util/text.h"

/* "anon_inode:" and a name, or a word, a number in brackets and a NUL */
#define STREAM_BYTES (RECORD_STREAM_NAME_BYTES + 16)

/*
 * Returns what the descriptor is, in buf or static; empty if it is closed. name is the name of an
 * anonymous inode (fs/anon_inodes.c, anon_inodefs_dname()), empty if it is unknown. One with a
 * quote, a backslash, or bytes that are not printable ASCII is left out.
 */
struct text stream_text(char buf[STREAM_BYTES], const struct record_stream *stream,
			struct text name);

#endif
