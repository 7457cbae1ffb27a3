// SPDX-License-Identifier: BSD-2-Clause
#include "event/stream.h"

#include "event/device.h"

#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define PID_FS_MAGIC 0x50494446 /* include/uapi/linux/magic.h, since 6.9 */

static struct text device_text(char buf[STREAM_BYTES], const char *kind, uint32_t major,
			       uint32_t minor)
{
	char *end = stpcpy(buf, kind);

	end += device_number(end, major, minor);
	return (struct text){ buf, (size_t)(end - buf) };
}

static struct text character_text(char buf[STREAM_BYTES], uint32_t major, uint32_t minor)
{
	const char *path = device_path(major, minor);
	size_t length = device_terminal(buf, major, minor);

	if (length)
		return (struct text){ buf, length };
	return path ? text_from_string(path) : device_text(buf, "char:", major, minor);
}

/* fs/pipe.c, pipefs_dname(); net/socket.c, sockfs_dname() */
static struct text numbered_text(char buf[STREAM_BYTES], const char *kind, uint64_t inode)
{
	char *end = stpcpy(stpcpy(buf, kind), ":[");

	end += text_to_decimal(inode, end);
	*end++ = ']';
	return (struct text){ buf, (size_t)(end - buf) };
}

/* Reports whether a name, which the code that makes the inode has chosen, is one for a line as it
 * stands. */
static bool is_plain(struct text name)
{
	for (size_t i = 0; i < name.length; i++)
		if (name.bytes[i] < ' ' || name.bytes[i] > '~' || name.bytes[i] == '"' ||
		    name.bytes[i] == '\\')
			return false;
	return name.length && name.length < RECORD_STREAM_NAME_BYTES;
}

static struct text anonymous_text(char buf[STREAM_BYTES], struct text name)
{
	char *end = stpcpy(buf, "anon_inode");

	if (!is_plain(name))
		return (struct text){ buf, (size_t)(end - buf) };
	*end++ = ':';
	end = mempcpy(end, name.bytes, name.length);
	return (struct text){ buf, (size_t)(end - buf) };
}

/* Returns what an inode of another kind than a device is. */
static struct text inode_text(char buf[STREAM_BYTES], const struct record_stream *stream)
{
	switch (stream->mode) {
	case S_IFIFO:
		return stream->detail == PIPEFS_MAGIC ? numbered_text(buf, "pipe", stream->inode)
						      : text_from_string("fifo");
	case S_IFSOCK:
		return stream->detail == SOCKFS_MAGIC ? numbered_text(buf, "socket", stream->inode)
						      : text_from_string("socket");
	case S_IFREG:
		return text_from_string("file");
	case S_IFDIR:
		return text_from_string("directory");
	case S_IFLNK:
		return text_from_string("symlink");
	default:
		return anonymous_text(buf, (struct text){ "", 0 });
	}
}

struct text stream_text(char buf[STREAM_BYTES], const struct record_stream *stream,
			struct text name)
{
	uint32_t major = stream->detail >> RECORD_DEVICE_MINOR_BITS;
	uint32_t minor = stream->detail & ((1u << RECORD_DEVICE_MINOR_BITS) - 1);

	if (!stream->mode && !stream->detail)
		return (struct text){ "", 0 };
	if (stream->mode == S_IFCHR)
		return character_text(buf, major, minor);
	if (stream->mode == S_IFBLK)
		return device_text(buf, "block:", major, minor);
	if (stream->detail == ANON_INODE_FS_MAGIC)
		return anonymous_text(buf, name);
	if (stream->detail == PID_FS_MAGIC)
		return anonymous_text(buf, text_from_string("[pidfd]"));
	return inode_text(buf, stream);
}
