// SPDX-License-Identifier: BSD-2-Clause
/* Paths of files that replace others. */
#include "tap.h"
#include "util/next_path.h"

#include <errno.h>
#include <string.h>

static void the_next_file_is_hidden_in_the_same_directory(void)
{
	char next[32];

	CHECK(!next_path_format(next, sizeof(next), "/var/log/x.jsonl"));
	CHECK(!strcmp(next, "/var/log/.x.jsonl.next"));
	CHECK(!next_path_format(next, sizeof(next), "x"));
	CHECK(!strcmp(next, ".x.next"));
	CHECK(next_path_format(next, 7, "x") == -ENAMETOOLONG);
	CHECK(!next_path_format(next, 8, "x"));
}

int main(void)
{
	tap_run("the next file is hidden", the_next_file_is_hidden_in_the_same_directory);
	return tap_end();
}
