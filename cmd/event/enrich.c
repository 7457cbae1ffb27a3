// SPDX-License-Identifier: BSD-2-Clause
#include "event/enrich.h"

#include "event/unit.h"
#include "event/users.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define UTS_BYTES 65 /* __NEW_UTS_LEN + 1, include/uapi/linux/utsname.h */
#define BOOT_ID_BYTES 37 /* a UUID and its NUL */
#define HOST_UNSET "localhost" /* hostname(5): the name of a host that has none */
#define MACHINE_ID_BYTES 33 /* machine-id(5), and a NUL */
#define NAME_MAX_BYTES 4096 /* longer names match no glob */
#define BOOT_KEY_BYTES 17 /* the first 64 bits of the boot id, in hex, and a NUL */

/* include/linux/proc_ns.h, PROC_USER_INIT_INO */
#define USER_NAMESPACE_INIT 0xEFFFFFFDu

/* More variables of one environment are not shown: each costs a search among the others. */
#define VARIABLES_MAX 256

struct enricher {
	int64_t wall_minus_boot_ns;
	bool fixed;
	struct text host;
	struct text kernel;
	struct text boot_id;
	struct text machine_id;
	struct text version;
	char host_bytes[UTS_BYTES];
	char kernel_bytes[UTS_BYTES];
	char boot_id_bytes[BOOT_ID_BYTES];
	char machine_id_bytes[MACHINE_ID_BYTES];
	char boot_key[BOOT_KEY_BYTES];
	struct container container; /* the last one found, in the cgroup of this path */
	struct text systemd_unit; /* likewise */
	size_t cgroup_length;
	char cgroup[EVENT_PATH_BYTES];
	struct event_variable *variables; /* VARIABLES_MAX, of the current event */
	char *names; /* patterns, each ended by a NUL */
	size_t names_bytes;
	struct users *users; /* NULL: the files of names are not those of the host */
	pid_t pid;
	uint64_t own_events; /* about exectap itself, so far */
};

static void boot_key_set(struct enricher *enricher)
{
	char *digit = enricher->boot_key;

	for (const char *from = enricher->boot_id_bytes;
	     *from && digit < enricher->boot_key + BOOT_KEY_BYTES - 1; from++)
		if (*from != '-')
			*digit++ = *from;
}

/* An id that a file holds as its first line. */
static int id_read(const char *path, char *id, size_t bytes)
{
	FILE *file = fopen(path, "re");
	int result = 0;

	if (!file)
		return -errno;
	if (!fgets(id, (int)bytes, file) || strlen(id) != bytes - 1)
		result = -EIO;
	fclose(file);
	return result;
}

static struct text keep_string(const char *string, char *bytes, size_t buf)
{
	snprintf(bytes, buf, "%s", string);
	return text_from_string(bytes);
}

int enrich_set_env_names(struct enricher *enricher, const char *env_names)
{
	char *names = env_names ? strdup(env_names) : NULL;

	if (!enricher->variables)
		enricher->variables = calloc(VARIABLES_MAX, sizeof(*enricher->variables));
	if (!enricher->variables || (env_names && !names)) {
		free(names);
		return -ENOMEM;
	}
	free(enricher->names);
	enricher->names = names;
	enricher->names_bytes = names ? strlen(names) + 1 : 0;
	for (char *comma = names; comma && (comma = strchr(comma, ',')); comma++)
		*comma = '\0';
	return 0;
}

/* In a container /etc/passwd is not that of the users whose ids events have. */
static int users_set(struct enricher *enricher)
{
	if (users_are_of_host())
		return users_new(&enricher->users, "/etc");
	log_detail("in a container: the names of users and groups are left out");
	return 0;
}

int enrich_new(struct enricher **enricher, const char *env_names)
{
	struct enricher *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	result = id_read(ENRICH_BOOT_ID_PATH, created->boot_id_bytes,
			 sizeof(created->boot_id_bytes));
	if (!result)
		result = enrich_set_env_names(created, env_names);
	if (!result)
		result = users_set(created);
	if (result) {
		enrich_free(created);
		return result;
	}
	if (id_read("/etc/machine-id", created->machine_id_bytes,
		    sizeof(created->machine_id_bytes)) ||
	    strspn(created->machine_id_bytes, "0123456789abcdef") != MACHINE_ID_BYTES - 1)
		created->machine_id_bytes[0] = '\0';
	created->host = text_from_string(created->host_bytes);
	created->kernel = text_from_string(created->kernel_bytes);
	created->boot_id = text_from_string(created->boot_id_bytes);
	created->machine_id = text_from_string(created->machine_id_bytes);
	created->version = text_from_string(EXECTAP_VERSION);
	created->pid = getpid();
	boot_key_set(created);
	created->wall_minus_boot_ns = clock_wall_minus_boot_ns();
	enrich_refresh(created);
	*enricher = created;
	return 0;
}

int enrich_new_fixed(struct enricher **enricher, const char *env_names,
		     const struct enrich_facts *facts)
{
	struct enricher *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	if (enrich_set_env_names(created, env_names) ||
	    users_new(&created->users, facts->names_directory)) {
		enrich_free(created);
		return -ENOMEM;
	}
	created->host = keep_string(facts->host, created->host_bytes, sizeof(created->host_bytes));
	created->kernel =
		keep_string(facts->kernel, created->kernel_bytes, sizeof(created->kernel_bytes));
	created->boot_id =
		keep_string(facts->boot_id, created->boot_id_bytes, sizeof(created->boot_id_bytes));
	created->machine_id = keep_string(facts->machine_id, created->machine_id_bytes,
					  sizeof(created->machine_id_bytes));
	created->version = text_from_string(facts->version);
	created->wall_minus_boot_ns = facts->wall_minus_boot_ns;
	boot_key_set(created);
	created->fixed = true;
	*enricher = created;
	return 0;
}

void enrich_free(struct enricher *enricher)
{
	if (!enricher)
		return;
	users_free(enricher->users);
	free(enricher->variables);
	free(enricher->names);
	free(enricher);
}

int enrich_open_flags(const struct enricher *enricher)
{
	return enricher->users ? USERS_OPEN_FLAGS : 0;
}

void enrich_refresh(struct enricher *enricher)
{
	struct utsname name;

	if (enricher->fixed)
		return;
	if (enricher->users)
		users_refresh(enricher->users, clock_boot_ns());
	enricher->wall_minus_boot_ns =
		clock_follow(enricher->wall_minus_boot_ns, clock_wall_minus_boot_ns());
	if (uname(&name))
		return;
	if (!enricher->host.length || strcmp(name.nodename, enricher->host_bytes))
		enricher->host = keep_string(*name.nodename ? name.nodename : HOST_UNSET,
					     enricher->host_bytes, sizeof(enricher->host_bytes));
	if (strcmp(name.release, enricher->kernel_bytes))
		enricher->kernel = keep_string(name.release, enricher->kernel_bytes,
					       sizeof(enricher->kernel_bytes));
}

static char *append_number(char *out, uint64_t number)
{
	return out + text_to_decimal(number, out);
}

/* Documentation/admin-guide/devices.txt */
static struct text tty_name(char tty[EVENT_TTY_BYTES], uint32_t major, uint32_t minor)
{
	char *end = tty;

	if (major >= 136 && major <= 143)
		end = append_number(mempcpy(end, "pts/", 4), (major - 136) * 256 + minor);
	else if (major == 4 && minor < 64)
		end = append_number(mempcpy(end, "tty", 3), minor);
	else if (major == 4)
		end = append_number(mempcpy(end, "ttyS", 4), minor - 64);
	else if (major || minor)
		end = append_number(mempcpy(append_number(end, major), ":", 1), minor);
	return (struct text){ tty, (size_t)(end - tty) };
}

/* A boot's id, a time on that boot's clock and a pid: never the same twice on any host. */
static struct text id_name(char id[EVENT_ID_BYTES], const struct enricher *enricher,
			   uint64_t boot_ns, uint32_t pid)
{
	char *end = mempcpy(id, enricher->boot_key, BOOT_KEY_BYTES - 1);

	*end++ = '-';
	end = append_number(end, boot_ns);
	*end++ = '-';
	end = append_number(end, pid);
	return (struct text){ id, (size_t)(end - id) };
}

static uint64_t wall_ns(const struct enricher *enricher, uint64_t boot_ns)
{
	return boot_ns + (uint64_t)enricher->wall_minus_boot_ns;
}

/* Sets the names of the ids. Those of another user namespace are not the host's users, but mapped
 * to ids of the host that it has set aside for them. */
static void set_names(struct users *users, struct event_process *process)
{
	const struct record_task *task = &process->task;
	const struct text none = { "", 0 };

	process->names_unknown = !task->user_ns || (task->user_ns == USER_NAMESPACE_INIT &&
						    (!users || !users_are_complete(users)));
	process->user = process->group = process->euser = process->egroup = process->auser = none;
	if (task->user_ns != USER_NAMESPACE_INIT || !users)
		return;
	process->user = users_find_user(users, task->uid);
	process->euser = users_find_user(users, task->euid);
	process->group = users_find_group(users, task->gid);
	process->egroup = users_find_group(users, task->egid);
	if (task->auid != RECORD_AUDIT_UNSET)
		process->auser = users_find_user(users, task->auid);
}

static void enrich_process(const struct enricher *enricher, struct event *event)
{
	struct event_process *process = &event->process;
	const struct record_task *task = &process->task;

	process->start_wall_ns = wall_ns(enricher, task->start_ns);
	set_names(enricher->users, process);
	process->tty = tty_name(process->tty_bytes, task->tty_major, task->tty_minor);
	process->id = id_name(process->id_bytes, enricher, task->start_ns, task->pid);
	process->parent_id =
		id_name(process->parent_id_bytes, enricher, task->parent_start_ns, task->ppid);
	event->event_id = id_name(event->event_id_bytes, enricher, event->time_ns, task->pid);
}

static bool is_name_char_of_glob(char character)
{
	return character == '*' || character == '?' || character == '[' || character == '\\';
}

static bool name_matches(struct text name, struct text pattern)
{
	char copy[NAME_MAX_BYTES];

	for (size_t i = 0; i < pattern.length; i++) {
		if (!is_name_char_of_glob(pattern.bytes[i]))
			continue;
		if (name.length >= sizeof(copy))
			return false;
		memcpy(copy, name.bytes, name.length);
		copy[name.length] = '\0';
		return !fnmatch(pattern.bytes, copy, 0) && text_is_utf8(name);
	}
	return name.length == pattern.length && !memcmp(name.bytes, pattern.bytes, name.length);
}

static bool is_wanted(const struct enricher *enricher, struct text name)
{
	struct text patterns = { enricher->names, enricher->names_bytes }, pattern;

	while (text_next_string(&patterns, &pattern))
		if (name_matches(name, pattern))
			return true;
	return false;
}

static struct event_variable *find_variable(struct event_exec *exec, struct text name)
{
	for (size_t i = 0; i < exec->variable_count; i++)
		if (exec->variables[i].name.length == name.length &&
		    !memcmp(exec->variables[i].name.bytes, name.bytes, name.length))
			return &exec->variables[i];
	return NULL;
}

/* Adds a variable, or replaces its value: ld.so(8) and most programs use the last of a name.
 * Returns false if there are VARIABLES_MAX. */
static bool add_variable(struct event_exec *exec, struct text name, struct text value)
{
	struct event_variable *variable = find_variable(exec, name);
	bool is_duplicate = variable;

	if (!variable && exec->variable_count == VARIABLES_MAX)
		return false;
	if (!variable)
		variable = &exec->variables[exec->variable_count++];
	*variable = (struct event_variable){ name, value, is_duplicate };
	return true;
}

static void set_variables(const struct enricher *enricher, struct event *event)
{
	struct event_exec *exec = &event->exec;
	struct text rest = exec->env, entry;

	exec->variables = enricher->variables;
	exec->variable_count = 0;
	while (enricher->names && text_next_string(&rest, &entry)) {
		const char *equals = memchr(entry.bytes, '=', entry.length);
		struct text name = { entry.bytes, equals ? (size_t)(equals - entry.bytes) : 0 };

		if (!name.length || !is_wanted(enricher, name))
			continue;
		if (!add_variable(exec, name,
				  (struct text){ equals + 1, entry.length - name.length - 1 }))
			event->process.truncated |= RECORD_KEY_ENV;
	}
}

/* Keeps the last result: successive execs are mostly in one cgroup. */
static void set_cgroup(struct enricher *enricher, struct event_exec *exec)
{
	struct text path = exec->paths[EVENT_PATH_CGROUP];

	if (path.length != enricher->cgroup_length ||
	    memcmp(path.bytes, enricher->cgroup, path.length)) {
		memcpy(enricher->cgroup, path.bytes, path.length);
		enricher->cgroup_length = path.length;
		path.bytes = enricher->cgroup;
		container_from_cgroup(path, &enricher->container);
		enricher->systemd_unit = unit_from_cgroup(path);
	}
	exec->container = enricher->container;
	exec->systemd_unit = enricher->systemd_unit;
}

/* Returns an id that no event about a process has, nor one of another run. */
static struct text own_event_id(struct enricher *enricher, struct event *event)
{
	struct text id =
		id_name(event->event_id_bytes, enricher, event->time_ns, (uint32_t)enricher->pid);
	char *end = event->event_id_bytes + id.length;

	*end++ = '-';
	end = append_number(end, enricher->own_events++);
	return (struct text){ id.bytes, (size_t)(end - id.bytes) };
}

void enrich_event(struct enricher *enricher, struct event *event)
{
	event->wall_ns = wall_ns(enricher, event->time_ns);
	event->host = enricher->host;
	event->boot_id = enricher->boot_id;
	event->machine_id = enricher->machine_id;
	event->kernel = enricher->kernel;
	event->version = enricher->version;
	if (event->type == EVENT_LOST) {
		event->lost.from_wall_ns = wall_ns(enricher, event->lost.from_ns);
		event->lost.to_wall_ns = wall_ns(enricher, event->lost.to_ns);
	}
	if (event_is_process(event))
		enrich_process(enricher, event);
	else
		event->event_id = own_event_id(enricher, event);
	if (event_is_exec(event)) {
		set_cgroup(enricher, &event->exec);
		set_variables(enricher, event);
	}
}
