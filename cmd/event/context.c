// SPDX-License-Identifier: BSD-2-Clause
#include "event/context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_FACTOR 0x9e3779b97f4a7c15 /* Fibonacci hashing */

/* Children of so many parents may execute programs in turn. Each parent has one place. */
#define ENTRIES_LOG2 6
#define ENTRIES (1u << ENTRIES_LOG2)

/* Bytes of an entry for the slices, the texts of the context, and the runs: some 150, 600 and 1,900
 * for a child of a shell, and those of the parent's arguments four times. A context with longer
 * paths is not shared. */
#define ENTRY_BYTES 7000

/* The part of a source that has the same length in each record. */
struct head {
	struct record_keys keys;
	uint32_t lengths[CONTEXT_SLICES];
	bool has_parent_exe;
	struct record_task task; /* without the ancestors behind ancestor_count */
};

/* What the texts of runs depend on besides their context or call. */
struct selected {
	const void *format; /* NULL: there are no texts */
	struct field_set omitted; /* the event's, as are the next three */
	uint32_t truncated; /* of the keys of the run */
	uint32_t unreadable; /* likewise */
	bool parent_args_hidden;
};

/* The bytes of an entry: slices, texts of the context or the call, and texts of runs. */
struct store {
	char *bytes;
	uint16_t capacity;
	uint16_t begin_bytes; /* where the texts of runs begin */
	uint16_t used_bytes;
	struct selected selected;
	struct context_text texts[CONTEXT_RUNS];
};

struct context_entry {
	bool is_used;
	struct head head;
	struct event_context context;
	struct store store;
	char bytes[ENTRY_BYTES];
};

/* So many programs are executed in turn. Each file and caller has one place. */
#define CALLS_LOG2 5
#define CALLS (1u << CALLS_LOG2)

/* Bytes of an entry: some 150 for the slices and texts, and 350 for the runs. */
#define CALL_BYTES 2000

struct call_entry {
	bool is_used;
	struct record_keys keys; /* of the record, as are the next four */
	struct record_file file;
	uint32_t flags;
	char comm[RECORD_COMM_BYTES];
	char name[RECORD_COMM_BYTES];
	size_t lengths[CONTEXT_CALL_SLICES];
	struct event_call call;
	uint32_t unreadable; /* bits that are not in `keys` */
	struct store store;
	char bytes[CALL_BYTES];
};

struct contexts {
	struct context_entry *place; /* for the source that was looked for last; NULL: none */
	struct call_entry *call_place; /* likewise */
	struct context_source source;
	struct context_entry entries[ENTRIES];
	struct call_entry calls[CALLS];
};

int context_new(struct contexts **contexts)
{
	*contexts = calloc(1, sizeof(**contexts));
	return *contexts ? 0 : -ENOMEM;
}

void context_free(struct contexts *contexts)
{
	free(contexts);
}

void context_clear(struct contexts *contexts)
{
	for (size_t i = 0; i < ENTRIES; i++)
		contexts->entries[i].is_used = false;
}

static void make_head(const struct context_source *source, struct head *head)
{
	head->keys = *source->keys;
	for (size_t i = 0; i < CONTEXT_SLICES; i++)
		head->lengths[i] = (uint32_t)source->slices[i].length;
	head->has_parent_exe = source->has_parent_exe;
	memcpy(&head->task, source->task,
	       offsetof(struct record_task, ancestors) +
		       source->task->ancestor_count * sizeof(head->task.ancestors[0]));
}

/* Compares the bits `mask` of all masks. */
static bool are_same_keys(const struct record_keys *a, const struct record_keys *b, uint32_t mask)
{
	return !(((a->truncated ^ b->truncated) | (a->unreadable ^ b->unreadable) |
		  (a->detached ^ b->detached) | (a->deleted ^ b->deleted)) &
		 mask);
}

/* Compares the members from `first` up to that before `end`. */
#define ARE_SAME(a, b, first, end)                                                                 \
	(!memcmp(&(a)->first, &(b)->first,                                                         \
		 offsetof(struct record_task, end) - offsetof(struct record_task, first)))

/* Compares all members but those of the process itself: start_ns, group_start_ns, pid, pgid and
 * ns_pid. ancestor_count is among those that are compared before it is used. */
static bool are_same_tasks(const struct record_task *a, const struct record_task *b)
{
	return a->parent_start_ns == b->parent_start_ns && a->ppid == b->ppid &&
	       ARE_SAME(a, b, session_start_ns, pid) && ARE_SAME(a, b, sid, ns_pid) &&
	       ARE_SAME(a, b, pid_ns, ancestors) &&
	       !memcmp(a->ancestors, b->ancestors, a->ancestor_count * sizeof(a->ancestors[0]));
}

static bool is_same_head(const struct head *head, const struct context_source *source)
{
	for (size_t i = 0; i < CONTEXT_SLICES; i++)
		if (head->lengths[i] != source->slices[i].length)
			return false;
	return head->has_parent_exe == source->has_parent_exe &&
	       are_same_keys(&head->keys, source->keys, CONTEXT_KEYS) &&
	       are_same_tasks(&head->task, source->task);
}

/* Returns the place of the children of a parent. */
static struct context_entry *find_place(struct contexts *contexts, const struct record_task *task)
{
	uint64_t hash = (task->parent_start_ns ^ task->ppid) * HASH_FACTOR;

	return &contexts->entries[hash >> (64 - ENTRIES_LOG2)];
}

/* Compares slices with bytes that are as long. */
static bool are_same_slices(const char *bytes, const struct text slices[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (memcmp(bytes, slices[i].bytes, slices[i].length))
			return false;
		bytes += slices[i].length;
	}
	return true;
}

static bool is_own_entry(const struct context_source *source)
{
	const struct record_task *task = source->task;

	return !source->slices[CONTEXT_ENTRY].length && task->entry_pid == task->pid &&
	       task->entry_start_ns == task->start_ns;
}

bool context_find(struct event *event, const struct context_source *source)
{
	struct contexts *contexts = event->contexts;
	struct context_entry *place;

	event->context = &event->own_context;
	event->shared = NULL;
	event->shared_call = NULL;
	if (!contexts)
		return false;
	contexts->place = NULL;
	contexts->call_place = NULL;
	if (is_own_entry(source))
		return false;
	place = find_place(contexts, source->task);
	if (!place->is_used || !is_same_head(&place->head, source) ||
	    !are_same_slices(place->bytes, source->slices, CONTEXT_SLICES)) {
		contexts->place = place;
		contexts->source = *source;
		return false;
	}
	event->context = &place->context;
	event->shared = place;
	return true;
}

static void begin_store(struct store *store, char *bytes, size_t capacity)
{
	store->bytes = bytes;
	store->capacity = (uint16_t)capacity;
	store->used_bytes = 0;
	store->selected.format = NULL;
}

/* Appends bytes; returns them, or NULL where they do not fit. */
static const char *append(struct store *store, const char *bytes, size_t length)
{
	char *to = store->bytes + store->used_bytes;

	if (length > (size_t)(store->capacity - store->used_bytes))
		return NULL;
	memcpy(to, bytes, length);
	store->used_bytes += (uint16_t)length;
	return to;
}

static bool store_slices(struct store *store, const struct text slices[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!append(store, slices[i].bytes, slices[i].length))
			return false;
	return true;
}

/* Makes a text a view into the entry. */
static bool store_text(struct store *store, struct text *text)
{
	if (text->length)
		text->bytes = append(store, text->bytes, text->length);
	return !text->length || text->bytes;
}

/* Makes all texts of the entry's context views into the entry. */
static bool store_texts(struct context_entry *entry)
{
	struct event_context *context = &entry->context;
	struct container_names *names = &context->container.names;
	struct text *const texts[] = {
		&context->parent_comm,	   &context->parent_args, &context->parent_exe,
		&context->entry_exe,	   &context->cgroup,	  &context->user,
		&context->group,	   &context->euser,	  &context->egroup,
		&context->auser,	   &context->tty,	  &context->parent_id,
		&context->parent_event_id, &context->entry_id,	  &context->session_leader_id,
		&context->container.id,	   &names->name,	  &names->image,
		&names->pod_name,	   &names->pod_namespace, &context->systemd_unit,
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!store_text(&entry->store, texts[i]))
			return false;
	for (size_t i = 0; i < context->ancestor_count; i++)
		if (!store_text(&entry->store, &context->ancestors[i].comm) ||
		    !store_text(&entry->store, &context->ancestors[i].id))
			return false;
	return true;
}

/* Reports if an entry holds the slices, and their texts once more. */
static bool fits(const struct text slices[], size_t count, size_t capacity)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += slices[i].length;
	return 2 * bytes <= capacity;
}

void context_store(struct event *event)
{
	struct contexts *contexts = event->contexts;
	struct context_entry *entry = contexts ? contexts->place : NULL;

	if (!entry || !fits(contexts->source.slices, CONTEXT_SLICES, ENTRY_BYTES))
		return;
	contexts->place = NULL;
	make_head(&contexts->source, &entry->head);
	entry->context = event->own_context;
	begin_store(&entry->store, entry->bytes, sizeof(entry->bytes));
	entry->is_used = store_slices(&entry->store, contexts->source.slices, CONTEXT_SLICES) &&
			 store_texts(entry);
	entry->store.begin_bytes = entry->store.used_bytes;
	if (!entry->is_used)
		return;
	event->context = &entry->context;
	event->shared = entry;
}

struct event_context *context_own(struct event *event)
{
	if (event->shared)
		event->own_context = *event->context;
	event->context = &event->own_context;
	event->shared = NULL;
	return &event->own_context;
}

void context_forget(struct event *event)
{
	if (event->shared)
		event->shared->is_used = false;
}

/* --- calls */

/* Returns the place of the execs of a file by callers of one name. */
static struct call_entry *find_call_place(struct contexts *contexts, const struct record_exec *exec)
{
	uint64_t comm;

	memcpy(&comm, exec->comm, sizeof(comm));
	return &contexts->calls[((exec->file.inode ^ comm) * HASH_FACTOR) >> (64 - CALLS_LOG2)];
}

static bool is_same_call(const struct call_entry *entry, const struct context_call_source *source)
{
	const struct record_exec *exec = source->exec;

	for (size_t i = 0; i < CONTEXT_CALL_SLICES; i++)
		if (entry->lengths[i] != source->slices[i].length)
			return false;
	return entry->is_used && entry->flags == exec->flags &&
	       are_same_keys(&entry->keys, &exec->keys, CONTEXT_CALL_KEYS) &&
	       !memcmp(&entry->file, &exec->file, sizeof(entry->file)) &&
	       !memcmp(entry->comm, exec->comm, sizeof(entry->comm)) &&
	       !memcmp(entry->name, exec->name, sizeof(entry->name)) &&
	       are_same_slices(entry->bytes, source->slices, CONTEXT_CALL_SLICES);
}

bool context_find_call(struct event *event, const struct context_call_source *source)
{
	struct contexts *contexts = event->contexts;
	struct call_entry *place;

	if (!contexts || event->type != EVENT_EXEC)
		return false;
	place = find_call_place(contexts, source->exec);
	if (!is_same_call(place, source)) {
		contexts->call_place = place;
		return false;
	}
	event->exec.call = place->call;
	event->process.unreadable |= place->unreadable;
	event->shared_call = place;
	return true;
}

/* Makes all texts of the entry's call views into the entry. */
static bool store_call_texts(struct call_entry *entry)
{
	struct event_call *call = &entry->call;

	call->name.bytes = entry->name;
	call->filename.bytes = entry->bytes;
	for (size_t i = 0; i < EVENT_PATHS; i++)
		if (!store_text(&entry->store, &call->paths[i]))
			return false;
	return true;
}

void context_store_call(struct event *event, const struct context_call_source *source,
			uint32_t unreadable)
{
	const struct record_exec *exec = source->exec;
	struct call_entry *entry = event->contexts ? event->contexts->call_place : NULL;

	if (!entry || !fits(source->slices, CONTEXT_CALL_SLICES, CALL_BYTES))
		return;
	entry->keys = exec->keys;
	entry->file = exec->file;
	entry->flags = exec->flags;
	memcpy(entry->comm, exec->comm, sizeof(entry->comm));
	memcpy(entry->name, exec->name, sizeof(entry->name));
	for (size_t i = 0; i < CONTEXT_CALL_SLICES; i++)
		entry->lengths[i] = source->slices[i].length;
	entry->call = event->exec.call;
	entry->unreadable = unreadable;
	begin_store(&entry->store, entry->bytes, sizeof(entry->bytes));
	entry->is_used = store_slices(&entry->store, source->slices, CONTEXT_CALL_SLICES) &&
			 store_call_texts(entry);
	entry->store.begin_bytes = entry->store.used_bytes;
	event->shared_call = entry->is_used ? entry : NULL;
}

/* --- texts */

static uint32_t keys_of(enum context_run run)
{
	return run < CONTEXT_CALL_RUNS ? CONTEXT_CALL_KEYS : CONTEXT_KEYS;
}

/* Returns where the texts of the run are, or NULL. A summary has other fields than an exec. */
static struct store *find_store(const struct event *event, enum context_run run)
{
	if (run >= CONTEXT_CALL_RUNS)
		return event->shared ? &event->shared->store : NULL;
	return event->shared_call && event->type == EVENT_EXEC ? &event->shared_call->store : NULL;
}

static bool is_selected(const struct selected *selected, const struct event *event,
			const void *format, uint32_t keys)
{
	return selected->format == format &&
	       field_set_equals(&selected->omitted, &event->omitted) &&
	       selected->truncated == (event->process.truncated & keys) &&
	       selected->unreadable == (event->process.unreadable & keys) &&
	       selected->parent_args_hidden == event->exec.parent_args_hidden;
}

struct context_text context_text_find(const struct event *event, const void *format,
				      enum context_run run)
{
	const struct store *store = find_store(event, run);

	if (!store || !is_selected(&store->selected, event, format, keys_of(run)))
		return (struct context_text){};
	return store->texts[run];
}

/* Removes all texts of runs. */
static void reset_texts(struct store *store, const struct event *event, const void *format,
			uint32_t keys)
{
	store->selected =
		(struct selected){ format, event->omitted, event->process.truncated & keys,
				   event->process.unreadable & keys,
				   event->exec.parent_args_hidden };
	store->used_bytes = store->begin_bytes;
	for (size_t i = 0; i < CONTEXT_RUNS; i++)
		store->texts[i] = (struct context_text){};
}

void context_text_add(const struct event *event, const void *format, enum context_run run,
		      struct context_text text)
{
	struct store *store = find_store(event, run);

	if (!store)
		return;
	if (!is_selected(&store->selected, event, format, keys_of(run)))
		reset_texts(store, event, format, keys_of(run));
	text.text.bytes = append(store, text.text.bytes, text.text.length);
	if (text.text.bytes)
		store->texts[run] = text;
}
