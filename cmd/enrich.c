// SPDX-License-Identifier: BSD-2-Clause
#include "enrich.h"

#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define HOST_BYTES 65 /* __NEW_UTS_LEN + 1, include/uapi/linux/utsname.h */
#define BOOT_ID_BYTES 37 /* a UUID and its NUL */
#define BOOT_KEY_BYTES 17 /* the first 64 bits of the boot id, in hex, and a NUL */

struct enricher {
	int64_t wall_minus_boot_ns;
	bool fixed;
	char host[HOST_BYTES];
	char kernel[EVENT_KERNEL_BYTES];
	char boot_id[BOOT_ID_BYTES];
	char boot_key[BOOT_KEY_BYTES];
};

static void boot_key_set(struct enricher *enricher)
{
	char *digit = enricher->boot_key;

	for (const char *from = enricher->boot_id; *from && digit < enricher->boot_key + BOOT_KEY_BYTES - 1; from++)
		if (*from != '-')
			*digit++ = *from;
}

static int boot_id_read(char boot_id[BOOT_ID_BYTES])
{
	static const char path[] = "/proc/sys/kernel/random/boot_id"; /* random(4) */
	FILE *file = fopen(path, "re");
	int result = 0;

	if (!file)
		return -errno;
	if (!fgets(boot_id, BOOT_ID_BYTES, file) || strlen(boot_id) != BOOT_ID_BYTES - 1)
		result = -EIO;
	fclose(file);
	return result;
}

int enrich_new(struct enricher **enricher)
{
	struct enricher *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	result = boot_id_read(created->boot_id);
	if (result) {
		free(created);
		return result;
	}
	boot_key_set(created);
	created->wall_minus_boot_ns = clock_wall_minus_boot_ns();
	enrich_refresh(created);
	*enricher = created;
	return 0;
}

int enrich_new_fixed(struct enricher **enricher, const char *host, const char *boot_id, int64_t wall_minus_boot_ns)
{
	struct enricher *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	snprintf(created->host, sizeof(created->host), "%s", host);
	snprintf(created->boot_id, sizeof(created->boot_id), "%s", boot_id);
	boot_key_set(created);
	created->wall_minus_boot_ns = wall_minus_boot_ns;
	created->fixed = true;
	*enricher = created;
	return 0;
}

void enrich_free(struct enricher *enricher)
{
	free(enricher);
}

void enrich_refresh(struct enricher *enricher)
{
	struct utsname name;

	if (enricher->fixed)
		return;
	enricher->wall_minus_boot_ns = clock_follow(enricher->wall_minus_boot_ns, clock_wall_minus_boot_ns());
	if (uname(&name))
		return;
	snprintf(enricher->host, sizeof(enricher->host), "%s", name.nodename);
	snprintf(enricher->kernel, sizeof(enricher->kernel), "%s", name.release);
}

/* Documentation/admin-guide/devices.txt */
static void tty_name(char tty[EVENT_TTY_BYTES], uint32_t major, uint32_t minor)
{
	tty[0] = '\0';
	if (major >= 136 && major <= 143)
		snprintf(tty, EVENT_TTY_BYTES, "pts/%u", (major - 136) * 256 + minor);
	else if (major == 4 && minor < 64)
		snprintf(tty, EVENT_TTY_BYTES, "tty%u", minor);
	else if (major == 4)
		snprintf(tty, EVENT_TTY_BYTES, "ttyS%u", minor - 64);
	else if (major || minor)
		snprintf(tty, EVENT_TTY_BYTES, "%u:%u", major, minor);
}

/* A boot's id, a time on that boot's clock and a pid: never the same twice on any host. */
static void id_name(char id[EVENT_ID_BYTES], const struct enricher *enricher, uint64_t boot_ns, uint32_t pid)
{
	snprintf(id, EVENT_ID_BYTES, "%s-%llu-%u", enricher->boot_key, (unsigned long long)boot_ns, pid);
}

static uint64_t wall_ns(const struct enricher *enricher, uint64_t boot_ns)
{
	return boot_ns + (uint64_t)enricher->wall_minus_boot_ns;
}

static void enrich_process(const struct enricher *enricher, struct event *event)
{
	struct event_process *process = &event->process;
	const struct record_task *task = &process->task;

	process->start_wall_ns = wall_ns(enricher, task->start_ns);
	tty_name(process->tty, task->tty_major, task->tty_minor);
	id_name(process->id, enricher, task->start_ns, task->pid);
	id_name(process->parent_id, enricher, task->parent_start_ns, task->ppid);
	id_name(process->event_id, enricher, event->time_ns, task->pid);
}

void enrich_event(const struct enricher *enricher, struct event *event)
{
	event->wall_ns = wall_ns(enricher, event->time_ns);
	event->host = enricher->host;
	event->boot_id = enricher->boot_id;
	if (event->type == EVENT_LOST) {
		event->lost.from_wall_ns = wall_ns(enricher, event->lost.from_ns);
		event->lost.to_wall_ns = wall_ns(enricher, event->lost.to_ns);
		return;
	}
	if (event->type > EVENT_LOST) {
		snprintf(event->heartbeat.kernel, sizeof(event->heartbeat.kernel), "%s", enricher->kernel);
		return;
	}
	enrich_process(enricher, event);
	if (event->type != EVENT_EXIT)
		container_from_cgroup(event->exec.paths[EVENT_PATH_CGROUP], &event->exec.container);
}
