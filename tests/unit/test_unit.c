// SPDX-License-Identifier: BSD-2-Clause
/* cgroup paths, and the units that sd_pid_get_unit(3) names: systemd's src/test/test-cgroup-util.c
 * has most of these. */
#include "event/unit.h"
#include "tap.h"

static const struct {
	const char *path, *unit;
} paths[] = {
	{ "/system.slice/foobar.service/sdfdsaf", "foobar.service" },
	{ "/system.slice/getty@tty5.service", "getty@tty5.service" },
	{ "/system.slice/getty@tty5.service/aaa/bbb", "getty@tty5.service" },
	{ "/system.slice/getty@tty5.service/", "getty@tty5.service" },
	{ "/system.slice/getty@tty6.service/tty5", "getty@tty6.service" },
	{ "/sadfdsafsda", "" },
	{ "/system.slice/getty####@tty6.service/xxx", "" },
	{ "/system.slice/system-waldo.slice/foobar.service/sdfdsaf", "foobar.service" },
	{ "/system.slice/system-waldo.slice/_cpu.service/sdfdsaf", "cpu.service" },
	{ "/user.slice/user-1000.slice/user@1000.service/server.service", "user@1000.service" },
	{ "/user.slice/user-1000.slice/user@1000.service", "user@1000.service" },
	{ "/user.slice/user-1000.slice/session-2.scope/aaa", "session-2.scope" },
	{ "/init.scope", "init.scope" },
	{ "/system.slice/docker-0123.scope/init.scope", "docker-0123.scope" },
	{ "/system.slice/delegated.service/evil.slice/sshd.service", "delegated.service" },
	{ "/machine.slice/systemd-nspawn@my\\x2dct.service/payload",
	  "systemd-nspawn@my\\x2dct.service" },
	{ "/system.slice/dbus.socket", "dbus.socket" },
	{ "/system.slice/tmp.mount", "tmp.mount" },
	{ "/system.slice/dev-sda2.swap", "dev-sda2.swap" },
	{ "/foo.slice//foo.service", "" },
	{ "/system.slice", "" },
	{ "/", "" },
	{ "", "" },
	{ "system.slice/foobar.service", "" }, /* cut */
	{ "//foobar.service", "" },
	{ "/_foobar.service", "foobar.service" },
	{ "/foo@.service", "" }, /* a template */
	{ "/@bar.service", "" },
	{ "/.service", "" },
	{ "/foo.timer", "" },
	{ "/foo\n.service", "" },
	{ "/foo bar.service", "" },
	{ "/not a.slice/foo.service", "" },
	{ "/docker/0123/system.slice/ssh.service", "" },
};

static void every_path(void)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct text unit = unit_from_cgroup(text_from_string(paths[i].path));

		if (!text_equals(unit, paths[i].unit))
			printf("# %s: '%.*s'\n", paths[i].path, (int)unit.length, unit.bytes);
		CHECK(text_equals(unit, paths[i].unit));
	}
}

static void longest_name(void)
{
	char path[300] = "/";

	memset(path + 1, 'u', sizeof(path) - 1);
	memcpy(path + 256 - 8, ".service", 9);
	CHECK(unit_from_cgroup(text_from_string(path)).length == 255);
	memcpy(path + 257 - 8, ".service", 9);
	CHECK(unit_from_cgroup(text_from_string(path)).length == 0);
}

int main(void)
{
	tap_run("the unit of a path is that of sd_pid_get_unit(3)", every_path);
	tap_run("a unit's name has at most 255 bytes", longest_name);
	return tap_end();
}
