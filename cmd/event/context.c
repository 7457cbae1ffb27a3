// SPDX-License-Identifier: BSD-2-Clause
#include "event/context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	uint32_t has_parent_exe;
	uint32_t reserved;
	struct record_task task; /* without the ancestors behind ancestor_count */
};

_Static_assert(sizeof(struct head) == sizeof(struct record_keys) + sizeof(struct record_task) +
					      4 * CONTEXT_SLICES + 8,
	       "a comparison of heads reads no padding");

/* What the texts of runs depend on besides their context or file. */
struct selected {
	const void *format; /* NULL: there are no texts */
	struct field_set omitted; /* the event's, as are the next two */
	uint32_t unreadable; /* of the keys of the run */
	bool parent_args_hidden;
};

struct context_entry {
	bool is_used;
	uint16_t context_bytes; /* of the slices and the texts of the context, in front of the runs
				 */
	uint16_t used_bytes;
	struct head head;
	struct event_context context;
	struct selected selected;
	struct context_text texts[CONTEXT_RUNS];
	char bytes[ENTRY_BYTES];
};

/* Files of so many programs are executed in turn. */
#define FILES_LOG2 5
#define FILES (1u << FILES_LOG2)
#define FILE_BYTES 320 /* seven members with numbers of up to 20 digits */
#define FILE_KEYS (RECORD_KEY_EXE_FILE | RECORD_KEY_EXE_SIZE | RECORD_KEY_EXE_MTIME)

struct file_entry {
	struct record_file file;
	struct selected selected;
	size_t length; /* of the text */
	char bytes[FILE_BYTES];
};

struct contexts {
	struct context_entry *place; /* for the source that was looked for last; NULL: none */
	struct context_source source;
	struct head head;
	struct context_entry entries[ENTRIES];
	struct file_entry files[FILES];
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

static size_t head_bytes(const struct head *head)
{
	return offsetof(struct head, task.ancestors) +
	       head->task.ancestor_count * sizeof(head->task.ancestors[0]);
}

static void make_head(const struct context_source *source, struct head *head)
{
	const struct record_keys *keys = source->keys;

	head->keys =
		(struct record_keys){ keys->truncated & CONTEXT_KEYS,
				      keys->unreadable & CONTEXT_KEYS,
				      keys->detached & CONTEXT_KEYS, keys->deleted & CONTEXT_KEYS };
	for (size_t i = 0; i < CONTEXT_SLICES; i++)
		head->lengths[i] = (uint32_t)source->slices[i].length;
	head->has_parent_exe = source->has_parent_exe;
	memcpy(&head->task, source->task,
	       offsetof(struct record_task, ancestors) +
		       source->task->ancestor_count * sizeof(head->task.ancestors[0]));
	head->task.start_ns = head->task.group_start_ns = 0;
	head->task.pid = head->task.pgid = head->task.ns_pid = 0;
}

/* Returns the place of the children of a parent: Fibonacci hashing. */
static struct context_entry *find_place(struct contexts *contexts, const struct record_task *task)
{
	uint64_t hash = (task->parent_start_ns ^ task->ppid) * 0x9e3779b97f4a7c15;

	return &contexts->entries[hash >> (64 - ENTRIES_LOG2)];
}

static bool has_equal_slices(const struct context_entry *entry, const struct context_source *source)
{
	const char *bytes = entry->bytes;

	for (size_t i = 0; i < CONTEXT_SLICES; i++) {
		if (memcmp(bytes, source->slices[i].bytes, source->slices[i].length))
			return false;
		bytes += source->slices[i].length;
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
	if (!contexts)
		return false;
	contexts->place = NULL;
	if (is_own_entry(source))
		return false;
	make_head(source, &contexts->head);
	place = find_place(contexts, source->task);
	if (!place->is_used || memcmp(&place->head, &contexts->head, head_bytes(&contexts->head)) ||
	    !has_equal_slices(place, source)) {
		contexts->place = place;
		contexts->source = *source;
		return false;
	}
	event->context = &place->context;
	event->shared = place;
	return true;
}

/* Appends bytes to the entry; returns them, or NULL where they do not fit. */
static const char *append(struct context_entry *entry, const char *bytes, size_t length)
{
	char *to = entry->bytes + entry->used_bytes;

	if (length > sizeof(entry->bytes) - entry->used_bytes)
		return NULL;
	memcpy(to, bytes, length);
	entry->used_bytes += (uint16_t)length;
	return to;
}

static bool store_slices(struct context_entry *entry, const struct context_source *source)
{
	for (size_t i = 0; i < CONTEXT_SLICES; i++)
		if (!append(entry, source->slices[i].bytes, source->slices[i].length))
			return false;
	return true;
}

/* Makes a text a view into the entry. */
static bool store_text(struct context_entry *entry, struct text *text)
{
	if (text->length)
		text->bytes = append(entry, text->bytes, text->length);
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
		if (!store_text(entry, texts[i]))
			return false;
	for (size_t i = 0; i < context->ancestor_count; i++)
		if (!store_text(entry, &context->ancestors[i].comm) ||
		    !store_text(entry, &context->ancestors[i].id))
			return false;
	return true;
}

/* Reports if an entry holds the slices, and their texts once more. */
static bool fits(const struct context_source *source)
{
	size_t bytes = 0;

	for (size_t i = 0; i < CONTEXT_SLICES; i++)
		bytes += source->slices[i].length;
	return 2 * bytes <= ENTRY_BYTES;
}

void context_store(struct event *event)
{
	struct contexts *contexts = event->contexts;
	struct context_entry *entry = contexts ? contexts->place : NULL;

	if (!entry || !fits(&contexts->source))
		return;
	contexts->place = NULL;
	memcpy(&entry->head, &contexts->head, head_bytes(&contexts->head));
	entry->context = event->own_context;
	entry->selected.format = NULL;
	entry->used_bytes = 0;
	entry->is_used = store_slices(entry, &contexts->source) && store_texts(entry);
	entry->context_bytes = entry->used_bytes;
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

/* --- texts */

static struct selected select_of(const struct event *event, const void *format, uint32_t keys)
{
	return (struct selected){ format, event->omitted, event->process.unreadable & keys,
				  event->exec.parent_args_hidden };
}

static bool is_same_selected(const struct selected *a, const struct selected *b)
{
	return a->format == b->format && field_set_equals(&a->omitted, &b->omitted) &&
	       a->unreadable == b->unreadable && a->parent_args_hidden == b->parent_args_hidden;
}

/* Returns the place of the file that runs, or NULL. */
static struct file_entry *find_file(const struct event *event)
{
	uint64_t hash = event->exec.exe_file.inode * 0x9e3779b97f4a7c15;

	if (!event->contexts || event->type != EVENT_EXEC)
		return NULL;
	return &event->contexts->files[hash >> (64 - FILES_LOG2)];
}

static struct text find_file_text(const struct event *event, const void *format)
{
	const struct file_entry *entry = find_file(event);
	struct selected selected = select_of(event, format, FILE_KEYS);

	if (!entry || memcmp(&entry->file, &event->exec.exe_file, sizeof(entry->file)) ||
	    !is_same_selected(&entry->selected, &selected))
		return (struct text){ NULL, 0 };
	return (struct text){ entry->bytes, entry->length };
}

static void add_file_text(const struct event *event, const void *format, struct text text)
{
	struct file_entry *entry = find_file(event);

	if (!entry || text.length > sizeof(entry->bytes))
		return;
	entry->file = event->exec.exe_file;
	entry->selected = select_of(event, format, FILE_KEYS);
	entry->length = text.length;
	memcpy(entry->bytes, text.bytes, text.length);
}

struct context_text context_text_find(const struct event *event, const void *format,
				      enum context_run run)
{
	const struct context_entry *entry = event->shared;
	struct selected selected;

	if (run == CONTEXT_RUN_FILE_FIELDS)
		return (struct context_text){ find_file_text(event, format), false };
	if (!entry)
		return (struct context_text){};
	selected = select_of(event, format, CONTEXT_KEYS);
	return is_same_selected(&entry->selected, &selected) ? entry->texts[run]
							     : (struct context_text){};
}

/* Removes all texts of the context. */
static void reset_texts(struct context_entry *entry, const struct selected *selected)
{
	entry->selected = *selected;
	entry->used_bytes = entry->context_bytes;
	for (size_t i = 0; i < CONTEXT_RUNS; i++)
		entry->texts[i] = (struct context_text){};
}

void context_text_add(const struct event *event, const void *format, enum context_run run,
		      struct context_text text)
{
	struct context_entry *entry = event->shared;
	struct selected selected;

	if (run == CONTEXT_RUN_FILE_FIELDS)
		add_file_text(event, format, text.text);
	if (!entry || run == CONTEXT_RUN_FILE_FIELDS)
		return;
	selected = select_of(event, format, CONTEXT_KEYS);
	if (!is_same_selected(&entry->selected, &selected))
		reset_texts(entry, &selected);
	text.text.bytes = append(entry, text.text.bytes, text.text.length);
	if (text.text.bytes)
		entry->texts[run] = text;
}
