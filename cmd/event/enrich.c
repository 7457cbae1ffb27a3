// SPDX-License-Identifier: BSD-2-Clause
#include "event/enrich.h"

#include "event/container_state.h"
#include "event/context.h"
#include "event/device.h"
#include "event/field.h"
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

#define HOST_UNSET "localhost" /* hostname(5): the name of a host that has none */
#define NAME_MAX_BYTES 4096 /* longer names match no glob */
#define BOOT_KEY_BYTES 17 /* the first 64 bits of the boot id, in hex, and a dash */

/* include/linux/proc_ns.h, PROC_USER_INIT_INO */
#define USER_NAMESPACE_INIT 0xEFFFFFFDu

/* More variables of one environment are not shown: each costs a search among the others. */
#define VARIABLES_MAX 256

#define REFRESH_INTERVAL_NS 1000000000ull

/* The id of a process, and what it is made of. */
struct id {
	uint64_t start_ns; /* 0: none */
	uint32_t pid;
	struct text text; /* in bytes */
	char bytes[EVENT_ID_BYTES];
};

struct enricher {
	struct enrich_facts facts;
	struct text host; /* of facts, as are the next ones */
	struct text kernel;
	struct text boot_id;
	struct text machine_id;
	struct text version;
	struct text tags; /* the user's, as is host_name */
	const char *host_name; /* NULL: the node name */
	bool has_other_labels; /* since the last enrich_refresh() */
	char boot_key[BOOT_KEY_BYTES]; /* what every id begins with */
	struct clock_last last_time, last_start; /* of an event, and of a process */
	struct id last_leader; /* of a process group */
	struct container container; /* the last one found, in the cgroup of this path */
	struct text systemd_unit; /* likewise */
	size_t cgroup_length;
	char cgroup[EVENT_PATH_BYTES];
	struct event_variable *variables; /* VARIABLES_MAX, of the current event */
	char *names; /* patterns, each ended by a NUL */
	size_t names_bytes;
	struct users *users; /* NULL: the files of names are not those of the host */
	struct container_states *states; /* NULL: the names of containers are left out */
	uint64_t now_ns; /* CLOCK_BOOTTIME of the last enrich_refresh() */
	uint64_t refreshed_ns; /* CLOCK_BOOTTIME of the last look at the names; 0: none yet */
	uint64_t own_events; /* about exectap itself, so far */
};

static void boot_key_set(struct enricher *enricher)
{
	char *digit = enricher->boot_key;

	for (const char *from = enricher->facts.boot_id;
	     *from && digit < enricher->boot_key + BOOT_KEY_BYTES - 1; from++)
		if (*from != '-')
			*digit++ = *from;
	enricher->boot_key[BOOT_KEY_BYTES - 1] = '-';
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
static const char *find_names_directory(void)
{
	if (users_are_of_host())
		return "/etc";
	log_detail("in a container: the names of users and groups are left out");
	return NULL;
}

/* Returns true if the string was another one. */
static bool copy_changed(char *to, size_t capacity, const char *from)
{
	if (!strcmp(to, from))
		return false;
	snprintf(to, capacity, "%s", from);
	return true;
}

/* Returns true if a name was another one. */
static bool read_uts_names(struct enrich_facts *facts)
{
	struct utsname name;
	bool has_changed;

	if (uname(&name))
		return false;
	has_changed = copy_changed(facts->host, sizeof(facts->host),
				   *name.nodename ? name.nodename : HOST_UNSET);
	return copy_changed(facts->kernel, sizeof(facts->kernel), name.release) || has_changed;
}

int enrich_read_facts(struct enrich_facts *facts)
{
	struct enrich_facts found = { .version = EXECTAP_VERSION,
				      .names_directory = find_names_directory(),
				      .wall_minus_boot_ns = clock_wall_minus_boot_ns(),
				      .pid = getpid() };
	int result = id_read(ENRICH_BOOT_ID_PATH, found.boot_id, sizeof(found.boot_id));

	if (result)
		return result;
	if (id_read("/etc/machine-id", found.machine_id, sizeof(found.machine_id)) ||
	    strspn(found.machine_id, "0123456789abcdef") != sizeof(found.machine_id) - 1)
		found.machine_id[0] = '\0';
	read_uts_names(&found);
	*facts = found;
	return 0;
}

static void set_host_texts(struct enricher *enricher)
{
	enricher->host =
		text_from_string(enricher->host_name ? enricher->host_name : enricher->facts.host);
	enricher->kernel = text_from_string(enricher->facts.kernel);
}

int enrich_new(struct enricher **enricher, const char *env_names, const struct enrich_facts *facts)
{
	struct enricher *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	created->facts = *facts;
	result = enrich_set_env_names(created, env_names);
	if (!result && facts->names_directory)
		result = users_new(&created->users, facts->names_directory);
	if (result) {
		enrich_free(created);
		return result;
	}
	set_host_texts(created);
	created->boot_id = text_from_string(created->facts.boot_id);
	created->machine_id = text_from_string(created->facts.machine_id);
	created->version = text_from_string(created->facts.version);
	boot_key_set(created);
	created->last_leader.text = text_from_string("");
	*enricher = created;
	return 0;
}

void enrich_set_labels(struct enricher *enricher, const char *host, struct text tags)
{
	enricher->host_name = host;
	enricher->tags = tags;
	enricher->has_other_labels = true;
	set_host_texts(enricher);
}

int enrich_use_containers(struct enricher *enricher, const char *root)
{
	return container_state_new(&enricher->states, root);
}

void enrich_free(struct enricher *enricher)
{
	if (!enricher)
		return;
	container_state_free(enricher->states);
	users_free(enricher->users);
	free(enricher->variables);
	free(enricher->names);
	free(enricher);
}

_Static_assert(ENRICH_FILES == USERS_FILES, "the files of names are all that it reads");

void enrich_find_files(const struct enricher *enricher, const char *paths[ENRICH_FILES])
{
	if (enricher->users)
		users_find_files(enricher->users, paths);
	else
		paths[0] = paths[1] = NULL;
}

bool enrich_refresh(struct enricher *enricher)
{
	struct enrich_facts *facts = &enricher->facts;
	uint64_t now_ns = clock_boot_ns();
	bool has_changed = enricher->has_other_labels;

	enricher->now_ns = now_ns;
	enricher->has_other_labels = false;
	facts->wall_minus_boot_ns =
		clock_follow(facts->wall_minus_boot_ns, clock_wall_minus_boot_ns());
	if (enricher->refreshed_ns && now_ns - enricher->refreshed_ns < REFRESH_INTERVAL_NS)
		return has_changed;
	enricher->refreshed_ns = now_ns;
	if (enricher->users && users_refresh(enricher->users, now_ns))
		has_changed = true;
	if (read_uts_names(facts))
		has_changed = true;
	set_host_texts(enricher);
	return has_changed;
}

static char *append_number(char *out, uint64_t number)
{
	return out + text_to_decimal(number, out);
}

/* The digits of a pid: with room, because all of it is copied. */
struct digits {
	char bytes[TEXT_DECIMAL_BYTES];
	size_t length;
};

static struct digits digits_of(uint32_t number)
{
	struct digits digits;

	digits.length = text_to_decimal(number, digits.bytes);
	return digits;
}

static struct text tty_name(char tty[DEVICE_NAME_BYTES], uint32_t major, uint32_t minor)
{
	size_t length = device_terminal(tty, major, minor);

	if (!length && (major || minor))
		length = device_number(tty, major, minor);
	return (struct text){ tty, length };
}

/* A boot's id, a time on that boot's clock and a pid: never the same twice on any host. */
static struct text id_from_digits(char id[EVENT_ID_BYTES], const struct enricher *enricher,
				  uint64_t boot_ns, const struct digits *pid)
{
	char *end = mempcpy(id, enricher->boot_key, BOOT_KEY_BYTES);

	end = append_number(end, boot_ns);
	*end++ = '-';
	memcpy(end, pid->bytes, sizeof(pid->bytes));
	return (struct text){ id, (size_t)(end - id) + pid->length };
}

static struct text id_name(char id[EVENT_ID_BYTES], const struct enricher *enricher,
			   uint64_t boot_ns, uint32_t pid)
{
	const struct digits digits = digits_of(pid);

	return id_from_digits(id, enricher, boot_ns, &digits);
}

static uint64_t wall_ns(const struct enricher *enricher, uint64_t boot_ns)
{
	return boot_ns + (uint64_t)enricher->facts.wall_minus_boot_ns;
}

/* Sets the names of the ids. Those of another user namespace are not the host's users, but mapped
 * to ids of the host that it has set aside for them. */
static void set_names(struct users *users, const struct record_task *task,
		      struct event_context *context)
{
	const struct text none = { "", 0 };

	context->names_unknown = !task->user_ns || (task->user_ns == USER_NAMESPACE_INIT &&
						    (!users || !users_are_complete(users)));
	context->user = context->group = context->euser = context->egroup = context->auser = none;
	if (task->user_ns != USER_NAMESPACE_INIT || !users)
		return;
	context->user = users_find_user(users, task->uid);
	context->euser = users_find_user(users, task->euid);
	context->group = users_find_group(users, task->gid);
	context->egroup = users_find_group(users, task->egid);
	if (task->auid != RECORD_AUDIT_UNSET)
		context->auser = users_find_user(users, task->auid);
}

/* Returns the id of a process that started then, or nothing if that is 0. */
static struct text id_of_start(char id[EVENT_ID_BYTES], const struct enricher *enricher,
			       uint64_t start_ns, uint32_t pid)
{
	return start_ns ? id_name(id, enricher, start_ns, pid) : (struct text){ "", 0 };
}

static void set_relations(const struct enricher *enricher, struct event *event)
{
	const struct record_task *task = &event->process.task;
	struct event_context *context = &event->own_context;
	struct event_context_bytes *bytes = &event->own_bytes;

	context->parent_id = id_name(bytes->parent_id, enricher, task->parent_start_ns, task->ppid);
	context->parent_event_id = id_of_start(bytes->parent_event_id, enricher,
					       context->parent_exec_ns, context->parent_exec_pid);
	context->session_leader_id =
		id_of_start(bytes->session_leader_id, enricher, task->session_start_ns, task->sid);
	context->entry_id =
		id_of_start(bytes->entry_id, enricher, task->entry_start_ns, task->entry_pid);
	for (size_t i = 0; i < context->ancestor_count; i++) {
		struct event_ancestor *ancestor = &context->ancestors[i];

		ancestor->id = i ? id_name(bytes->ancestor_ids[i], enricher, ancestor->start_ns,
					   ancestor->pid)
				 : context->parent_id;
	}
}

/* Keeps the last result: successive contexts are mostly in one cgroup. */
static void set_cgroup(struct enricher *enricher, struct event_context *context)
{
	struct text path = context->cgroup;

	if (path.length != enricher->cgroup_length ||
	    memcmp(path.bytes, enricher->cgroup, path.length)) {
		memcpy(enricher->cgroup, path.bytes, path.length);
		enricher->cgroup_length = path.length;
		path.bytes = enricher->cgroup;
		container_from_cgroup(path, &enricher->container);
		enricher->systemd_unit = unit_from_cgroup(path);
	}
	if (enricher->states && enricher->container.id.length)
		container_state_find(enricher->states, &enricher->container, enricher->now_ns);
	context->container = enricher->container;
	context->systemd_unit = enricher->systemd_unit;
}

/* Completes event->own_context. */
static void enrich_context(struct enricher *enricher, struct event *event)
{
	const struct record_task *task = &event->process.task;
	struct event_context *context = &event->own_context;

	set_names(enricher->users, task, context);
	context->tty = tty_name(event->own_bytes.tty, task->tty_major, task->tty_minor);
	set_relations(enricher, event);
	set_cgroup(enricher, context);
}

static bool is_same_text(struct text a, struct text b)
{
	return a.length == b.length && (!a.length || !memcmp(a.bytes, b.bytes, a.length));
}

static bool are_same_names(const struct container_names *a, const struct container_names *b)
{
	return a->is_read == b->is_read && is_same_text(a->name, b->name) &&
	       is_same_text(a->image, b->image) && is_same_text(a->pod_name, b->pod_name) &&
	       is_same_text(a->pod_namespace, b->pod_namespace);
}

/* Looks again for the names of the container of a context from the cache: its runtime may have
 * written them since, and they may have changed. */
static void update_container(struct enricher *enricher, struct event *event)
{
	struct container container;

	if (!enricher->states || !event->context->container.id.length)
		return;
	container = event->context->container;
	container_state_find(enricher->states, &container, enricher->now_ns);
	if (are_same_names(&container.names, &event->context->container.names))
		return;
	context_forget(event);
	context_own(event)->container.names = container.names;
}

/* The leader of a process group is often the process itself, or that of the event before. */
static struct text group_leader_id(struct enricher *enricher, const struct event_process *process)
{
	const struct record_task *task = &process->task;
	struct id *last = &enricher->last_leader;

	if (task->group_start_ns == task->start_ns && task->pgid == task->pid)
		return process->id;
	if (task->group_start_ns != last->start_ns || task->pgid != last->pid) {
		last->start_ns = task->group_start_ns;
		last->pid = task->pgid;
		last->text = id_of_start(last->bytes, enricher, last->start_ns, last->pid);
	}
	return last->text;
}

/* Threads of a process can fail at the same time, so that an attempt is named by its thread. */
static struct text event_id(const struct enricher *enricher, struct event *event,
			    const struct digits *pid)
{
	if (event->type == EVENT_EXEC_FAILED && event_has_tid(event))
		return id_name(event->event_id_bytes, enricher, event->time_ns, event->exec.tid);
	return id_from_digits(event->event_id_bytes, enricher, event->time_ns, pid);
}

static void enrich_process(struct enricher *enricher, struct event *event)
{
	struct event_process *process = &event->process;
	const struct record_task *task = &process->task;
	const struct digits pid = digits_of(task->pid);

	process->start_wall_ns = wall_ns(enricher, task->start_ns);
	clock_rfc3339_next(&enricher->last_start, process->start, process->start_wall_ns);
	process->id = id_from_digits(process->id_bytes, enricher, task->start_ns, &pid);
	process->pid = text_skip(process->id, process->id.length - pid.length);
	process->group_leader_id = group_leader_id(enricher, process);
	event->event_id = event_id(enricher, event, &pid);
	if (event->shared) {
		update_container(enricher, event);
	} else {
		enrich_context(enricher, event);
		context_store(event);
	}
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

/* Returns an id that no event about a process has, nor one of another run. */
static struct text own_event_id(struct enricher *enricher, struct event *event)
{
	struct text id = id_name(event->event_id_bytes, enricher, event->time_ns,
				 (uint32_t)enricher->facts.pid);
	char *end = event->event_id_bytes + id.length;

	*end++ = '-';
	end = append_number(end, enricher->own_events++);
	return (struct text){ id.bytes, (size_t)(end - id.bytes) };
}

static void set_time(struct enricher *enricher, struct event *event)
{
	event->wall_ns = wall_ns(enricher, event->time_ns);
	clock_rfc3339_next(&enricher->last_time, event->timestamp, event->wall_ns);
}

static void set_interval(const struct enricher *enricher, struct event *event)
{
	event->lost.from_wall_ns = wall_ns(enricher, event->lost.from_ns);
	event->lost.to_wall_ns = wall_ns(enricher, event->lost.to_ns);
}

void enrich_summary(struct enricher *enricher, struct event *event)
{
	event->type = EVENT_SUPPRESSED;
	event->time_ns = event->lost.to_ns;
	set_time(enricher, event);
	event->event_id = own_event_id(enricher, event);
	set_interval(enricher, event);
}

void enrich_event(struct enricher *enricher, struct event *event)
{
	event->source = event->type;
	set_time(enricher, event);
	event->omitted = FIELD_SET_EXTRA;
	event->host = enricher->host;
	event->boot_id = enricher->boot_id;
	event->machine_id = enricher->machine_id;
	event->kernel = enricher->kernel;
	event->version = enricher->version;
	event->tags = enricher->tags;
	if (event->type == EVENT_LOST)
		set_interval(enricher, event);
	if (event_is_process(event)) {
		enrich_process(enricher, event);
		set_variables(enricher, event);
	} else {
		event->event_id = own_event_id(enricher, event);
		event->context = &event->own_context;
		event->shared = NULL;
		event->shared_call = NULL;
	}
}
