// SPDX-License-Identifier: BSD-2-Clause
/* What descriptors are called. tests/file.bats compares with /proc. */
#include "event/stream.h"
#include "tap.h"

#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>

#define DEVICE(major, minor) ((uint32_t)(major) << RECORD_DEVICE_MINOR_BITS | (minor))
#define MAGIC_OF_EXT4 0xef53

static const struct {
	struct record_stream stream;
	const char *name, *text;
} streams[] = {
	{ { { 0 }, 0, 0 }, "", "" },
	{ { { 48128 }, S_IFIFO, PIPEFS_MAGIC }, "", "pipe:[48128]" },
	{ { { UINT64_MAX }, S_IFIFO, PIPEFS_MAGIC }, "", "pipe:[18446744073709551615]" },
	{ { { 12 }, S_IFIFO, MAGIC_OF_EXT4 }, "", "fifo" },
	{ { { 48129 }, S_IFSOCK, SOCKFS_MAGIC }, "", "socket:[48129]" },
	{ { { 13 }, S_IFSOCK, MAGIC_OF_EXT4 }, "", "socket" },
	{ { { 14 }, S_IFREG, MAGIC_OF_EXT4 }, "", "file" },
	{ { { 14 }, S_IFDIR, MAGIC_OF_EXT4 }, "", "directory" },
	{ { { 14 }, S_IFLNK, MAGIC_OF_EXT4 }, "", "symlink" },
	{ { { 0 }, S_IFCHR, DEVICE(136, 3) }, "", "pts/3" },
	{ { { 0 }, S_IFCHR, DEVICE(137, 2) }, "", "pts/258" },
	{ { { 0 }, S_IFCHR, DEVICE(143, 255) }, "", "pts/2047" },
	{ { { 0 }, S_IFCHR, DEVICE(144, 0) }, "", "char:144:0" },
	{ { { 0 }, S_IFCHR, DEVICE(4, 0) }, "", "tty0" },
	{ { { 0 }, S_IFCHR, DEVICE(4, 63) }, "", "tty63" },
	{ { { 0 }, S_IFCHR, DEVICE(4, 64) }, "", "ttyS0" },
	{ { { 0 }, S_IFCHR, DEVICE(1, 3) }, "", "/dev/null" },
	{ { { 0 }, S_IFCHR, DEVICE(1, 4) }, "", "char:1:4" },
	{ { { 0 }, S_IFCHR, DEVICE(1, 11) }, "", "/dev/kmsg" },
	{ { { 0 }, S_IFCHR, DEVICE(1, 12) }, "", "char:1:12" },
	{ { { 0 }, S_IFCHR, DEVICE(5, 0) }, "", "/dev/tty" },
	{ { { 0 }, S_IFCHR, DEVICE(5, 2) }, "", "/dev/ptmx" },
	{ { { 0 }, S_IFCHR, DEVICE(5, 3) }, "", "char:5:3" },
	{ { { 0 }, S_IFCHR, UINT32_MAX }, "", "char:4095:1048575" },
	{ { { 0 }, S_IFCHR, ANON_INODE_FS_MAGIC }, "x", "char:144:268596" },
	{ { { 0 }, S_IFBLK, DEVICE(254, 1) }, "", "block:254:1" },
	{ { { 0 }, 0, ANON_INODE_FS_MAGIC }, "[eventfd]", "anon_inode:[eventfd]" },
	{ { { 0 }, S_IFREG, ANON_INODE_FS_MAGIC }, "bpf-map", "anon_inode:bpf-map" },
	{ { { 0 }, 0, ANON_INODE_FS_MAGIC }, "seccomp notify", "anon_inode:seccomp notify" },
	{ { { 0 }, 0, ANON_INODE_FS_MAGIC }, "", "anon_inode" },
	{ { { 0 }, 0, ANON_INODE_FS_MAGIC }, "a\"b", "anon_inode" },
	{ { { 0 }, 0, ANON_INODE_FS_MAGIC }, "a\\b", "anon_inode" },
	{ { { 0 }, 0, ANON_INODE_FS_MAGIC }, "a\nb", "anon_inode" },
	{ { { 0 }, 0, ANON_INODE_FS_MAGIC }, "caf\xc3\xa9", "anon_inode" },
	{ { { 0 }, S_IFREG, 0x50494446 }, "", "anon_inode:[pidfd]" },
	{ { { 0 }, 0, 1 }, "", "anon_inode" },
};

static bool is(size_t i)
{
	struct text name = { streams[i].name, strlen(streams[i].name) }, text;
	char buf[STREAM_BYTES];

	text = stream_text(buf, &streams[i].stream, name);
	if (text.length == strlen(streams[i].text) &&
	    !memcmp(text.bytes, streams[i].text, text.length))
		return true;
	printf("# %zu: found '%.*s', expected '%s'\n", i, (int)text.length, text.bytes,
	       streams[i].text);
	return false;
}

static void kinds(void)
{
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		CHECK(is(i));
}

static void longest_name(void)
{
	static const struct record_stream stream = { .detail = ANON_INODE_FS_MAGIC };
	char name[RECORD_STREAM_NAME_BYTES], buf[STREAM_BYTES];

	memset(name, 'n', sizeof(name));
	CHECK(stream_text(buf, &stream, (struct text){ name, sizeof(name) - 1 }).length ==
	      strlen("anon_inode:") + sizeof(name) - 1);
	CHECK(stream_text(buf, &stream, (struct text){ name, sizeof(name) }).length ==
	      strlen("anon_inode"));
}

int main(void)
{
	tap_run("each kind of descriptor has its text", kinds);
	tap_run("a name is whole or left out", longest_name);
	return tap_end();
}
