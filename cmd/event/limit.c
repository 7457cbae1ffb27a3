// SPDX-License-Identifier: BSD-2-Clause
#include "event/limit.h"

#include "event/field.h"
#include "util/number.h"
#include "util/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#define NS_PER_S 1000000000ull
#define BUCKETS (2 * LIMIT_WINDOWS_MAX)
#define DEFAULT_KEYS "uid,exe,parent_exe,args"

/* Events above the limit. */
struct suppressed {
	struct limit_summary summary;
	char record[]; /* of the first event */
};

struct window {
	uint64_t hash[2]; /* of the type and the values */
	uint64_t start_ns;
	struct suppressed *suppressed; /* NULL: none */
	unsigned int passed;
	unsigned int next; /* in the bucket: number + 1; 0: none */
};

struct limiter {
	struct limit_rule rule;
	uint64_t key[2];
	/* windows is a ring, in the order of the starts: [first, first + count) modulo its size */
	unsigned int first;
	unsigned int count;
	unsigned int ended; /* the first ones, by another rule */
	unsigned int suppressing; /* those with suppressed events */
	uint64_t due_ns;
	uint64_t last_start_ns;
	size_t records_bytes;
	uint64_t evicted;
	bool is_early; /* the summary that limit_next_summary() has found */
	unsigned int buckets[BUCKETS]; /* number of a window + 1; 0: empty */
	struct window windows[LIMIT_WINDOWS_MAX];
};

/* Reports whether events can have equal values of the field, and others of it. */
static bool is_comparable(const struct field *field)
{
	return field->events & EVENT_BITS_PROCESS && !(field->events & EVENT_BIT(EVENT_LOST)) &&
	       field->kind != FIELD_KIND_SECONDS && field->kind != FIELD_KIND_TIME &&
	       field->kind != FIELD_KIND_KEYS;
}

static int parse_keys(const char *list, struct field_set *keys, const char **word, size_t *length)
{
	const char *item = list;

	do {
		size_t item_length = strcspn(item, ",");
		enum field_id id = field_find_id(item, item_length);

		if (id == FIELD_COUNT || !is_comparable(field_get(id))) {
			*word = item;
			*length = item_length;
			return -ENOENT;
		}
		field_set_add(keys, id);
		item += item_length + 1;
	} while (item[-1] == ',');
	return 0;
}

int limit_parse(const char *text, struct limit_rule *rule, const char **word, size_t *length)
{
	struct limit_rule parsed = {};
	uint64_t count, seconds;
	int result;

	if (number_read(&text, 10, &count) || *text++ != '/' || number_read(&text, 10, &seconds) ||
	    !count || count > LIMIT_COUNT_MAX || !seconds || seconds > LIMIT_SECONDS_MAX ||
	    (*text && *text != ':'))
		return -EINVAL;
	result = parse_keys(*text ? text + 1 : DEFAULT_KEYS, &parsed.keys, word, length);
	if (result)
		return result;
	parsed.is_default = !*text;
	parsed.count = (unsigned int)count;
	parsed.seconds = (unsigned int)seconds;
	*rule = parsed;
	return 0;
}

bool limit_applies(const struct limit_rule *rule, enum event_type type)
{
	if (!rule->count || !(EVENT_BIT(type) & EVENT_BITS_PROCESS) ||
	    (rule->is_default && !(EVENT_BIT(type) & EVENT_BITS_EXEC)))
		return false;
	for (unsigned int id = 0; id < FIELD_COUNT; id++)
		if (field_set_has(&rule->keys, id) &&
		    !(field_get((enum field_id)id)->events & EVENT_BIT(type)) &&
		    !(type == EVENT_EXEC_FAILED && id == FIELD_ID_exe))
			return false;
	return true;
}

uint32_t limit_record_keys(const struct limit_rule *rule)
{
	uint32_t keys = 0;

	for (unsigned int id = 0; rule->count && id < FIELD_COUNT; id++)
		if (field_set_has(&rule->keys, id))
			keys |= field_get((enum field_id)id)->record_key |
				field_get((enum field_id)id)->derived_from;
	return keys;
}

bool limit_uses(const struct limit_rule *rule, const char *key)
{
	return rule->count && field_set_has(&rule->keys, field_find_id(key, strlen(key)));
}

/* The kernel gives each process 16 random bytes, getauxval(3). */
int limit_new(struct limiter **limiter)
{
	struct limiter *created = calloc(1, sizeof(*created));
	const void *random = (const void *)getauxval(AT_RANDOM); /* NOLINT: an address */

	if (!created)
		return -ENOMEM;
	if (random)
		memcpy(created->key, random, sizeof(created->key));
	created->due_ns = UINT64_MAX;
	*limiter = created;
	return 0;
}

static struct window *window_at(struct limiter *limiter, unsigned int place)
{
	return &limiter->windows[(limiter->first + place) % LIMIT_WINDOWS_MAX];
}

void limit_free(struct limiter *limiter)
{
	if (!limiter)
		return;
	for (unsigned int i = 0; i < limiter->count; i++)
		free(window_at(limiter, i)->suppressed);
	free(limiter);
}

static uint64_t end_of(const struct limiter *limiter, const struct window *window)
{
	return window->start_ns + limiter->rule.seconds * NS_PER_S;
}

/* Sets due_ns: windows end in the order of their starts. */
static void update_due(struct limiter *limiter)
{
	limiter->due_ns = UINT64_MAX;
	for (unsigned int i = 0; limiter->suppressing && i < limiter->count; i++)
		if (window_at(limiter, i)->suppressed) {
			limiter->due_ns =
				limiter->ended ? 0 : end_of(limiter, window_at(limiter, i));
			return;
		}
}

static bool is_same_rule(const struct limit_rule *a, const struct limit_rule *b)
{
	return a->count == b->count && a->seconds == b->seconds && a->is_default == b->is_default &&
	       !memcmp(&a->keys, &b->keys, sizeof(a->keys));
}

void limit_set_rule(struct limiter *limiter, const struct limit_rule *rule)
{
	if (is_same_rule(&limiter->rule, rule))
		return;
	limiter->rule = *rule;
	limiter->ended = limiter->count;
	memset(limiter->buckets, 0, sizeof(limiter->buckets));
	update_due(limiter);
}

/* Adds joined strings: different strings can be the same when they are joined. */
static void add_joined(struct siphash *hash, struct text strings)
{
	const char *nul;

	while ((nul = memchr(strings.bytes, '\0', strings.length))) {
		siphash_add(hash, strings.bytes, (size_t)(nul - strings.bytes));
		siphash_add(hash, " ", 1);
		strings = text_skip(strings, (size_t)(nul - strings.bytes) + 1);
	}
	siphash_add(hash, strings.bytes, strings.length);
}

/* Adds the values of a field. Returns false if they are not all known. */
static bool add_values(struct siphash *hash, const struct field *field, const struct event *event)
{
	struct field_cursor cursor = {};
	char buf[FIELD_BUF_BYTES];
	struct text value;
	bool present = false;

	while (field_next(field, event, &cursor, buf, &value)) {
		present = true;
		siphash_add(hash, &value.length, sizeof(value.length));
		if (field->form == FIELD_JSON_JOINED)
			add_joined(hash, value);
		else
			siphash_add(hash, value.bytes, value.length);
	}
	siphash_add(hash, &(size_t){ SIZE_MAX }, sizeof(size_t));
	return field_is_complete(field, event, present);
}

static bool hash_event(const struct limiter *limiter, const struct event *event, uint64_t result[2])
{
	const struct field_set *keys = &limiter->rule.keys;
	struct siphash hash;

	siphash_begin(&hash, limiter->key);
	siphash_add(&hash, &event->type, sizeof(event->type));
	for (unsigned int id = 0; id < FIELD_COUNT; id++)
		if (field_set_has(keys, id) &&
		    !add_values(&hash, field_get((enum field_id)id), event))
			return false;
	siphash_end(&hash, result);
	return true;
}

/* Returns the link to the window with this hash, which holds 0 if there is none. */
static unsigned int *find_link(struct limiter *limiter, const uint64_t hash[2])
{
	unsigned int *link = &limiter->buckets[hash[0] % BUCKETS];

	while (*link) {
		struct window *window = &limiter->windows[*link - 1];

		if (window->hash[0] == hash[0] && window->hash[1] == hash[1])
			break;
		link = &window->next;
	}
	return link;
}

static size_t suppressed_bytes(const struct suppressed *suppressed)
{
	return sizeof(*suppressed) + suppressed->summary.record_bytes;
}

/* Removes the first window from the ring. */
static void drop_first(struct limiter *limiter)
{
	struct window *window = window_at(limiter, 0);
	unsigned int *link = find_link(limiter, window->hash);

	/* another window can have taken its place in the bucket */
	if (*link == limiter->first + 1)
		*link = window->next;
	if (window->suppressed) {
		limiter->suppressing--;
		limiter->records_bytes -= suppressed_bytes(window->suppressed);
		free(window->suppressed);
	}
	limiter->first = (limiter->first + 1) % LIMIT_WINDOWS_MAX;
	limiter->count--;
	limiter->ended -= limiter->ended > 0;
}

/* Adds a window at the end of the ring. */
static struct window *add_window(struct limiter *limiter, const uint64_t hash[2], uint64_t time_ns)
{
	unsigned int number = (limiter->first + limiter->count) % LIMIT_WINDOWS_MAX;
	unsigned int *bucket = &limiter->buckets[hash[0] % BUCKETS];
	struct window *window = &limiter->windows[number];

	if (time_ns > limiter->last_start_ns)
		limiter->last_start_ns = time_ns;
	*window = (struct window){ .hash = { hash[0], hash[1] },
				   .start_ns = limiter->last_start_ns,
				   .next = *bucket };
	*bucket = number + 1;
	limiter->count++;
	return window;
}

/* Makes the suppressed events of a window, without any. Returns false without memory. */
static bool begin_suppressing(struct limiter *limiter, struct window *window,
			      const struct event *event, const void *record, size_t record_bytes)
{
	struct suppressed *created = malloc(sizeof(*created) + record_bytes);

	if (!created)
		return false;
	memcpy(created->record, record, record_bytes);
	created->summary = (struct limit_summary){ .from_ns = event->time_ns,
						   .to_ns = event->time_ns,
						   .record = created->record,
						   .record_bytes = record_bytes,
						   .keys = limiter->rule.keys };
	window->suppressed = created;
	limiter->records_bytes += suppressed_bytes(created);
	limiter->suppressing++;
	if (end_of(limiter, window) < limiter->due_ns)
		limiter->due_ns = end_of(limiter, window);
	return true;
}

/* Counts an event above the limit. Returns false without memory for its record. */
static bool suppress(struct limiter *limiter, struct window *window, const struct event *event,
		     const void *record, size_t record_bytes)
{
	struct limit_summary *summary;

	if (!window->suppressed && !begin_suppressing(limiter, window, event, record, record_bytes))
		return false;
	summary = &window->suppressed->summary;
	summary->count++;
	if (event->time_ns > summary->to_ns)
		summary->to_ns = event->time_ns;
	return true;
}

bool limit_passes(struct limiter *limiter, const struct event *event, const void *record,
		  size_t record_bytes)
{
	struct window *window;
	unsigned int *link, number;
	uint64_t hash[2];

	if (!limit_applies(&limiter->rule, event->type) || !hash_event(limiter, event, hash))
		return true;
	link = find_link(limiter, hash);
	number = *link;
	if (number && event->time_ns >= end_of(limiter, &limiter->windows[number - 1])) {
		*link = limiter->windows[number - 1].next; /* its summary follows */
		number = 0;
	}
	window = number ? &limiter->windows[number - 1] : add_window(limiter, hash, event->time_ns);
	if (window->passed < limiter->rule.count) {
		window->passed++;
		return true;
	}
	return !suppress(limiter, window, event, record, record_bytes);
}

bool limit_next_summary(struct limiter *limiter, uint64_t now_ns, struct limit_summary *summary)
{
	while (limiter->count) {
		const struct window *window = window_at(limiter, 0);
		bool has_ended = limiter->ended || now_ns >= end_of(limiter, window);

		if (!has_ended && limiter->count < LIMIT_WINDOWS_MAX &&
		    limiter->records_bytes <= LIMIT_RECORDS_BYTES)
			return false;
		if (window->suppressed) {
			limiter->is_early = !has_ended;
			*summary = window->suppressed->summary;
			return true;
		}
		limiter->evicted += !has_ended;
		drop_first(limiter);
	}
	return false;
}

void limit_drop_summary(struct limiter *limiter)
{
	limiter->evicted += limiter->is_early;
	drop_first(limiter);
	update_due(limiter);
}

uint64_t limit_due_ns(const struct limiter *limiter)
{
	return limiter->due_ns;
}

uint64_t limit_count_evicted(const struct limiter *limiter)
{
	return limiter->evicted;
}

void limit_summarize(const struct limit_summary *summary, struct event *event)
{
	for (unsigned int id = 0; id < FIELD_COUNT; id++) {
		unsigned int events = field_get((enum field_id)id)->events & EVENT_BITS_PROCESS;

		if (events && !(events & EVENT_BIT(event->source)))
			field_set_add(&event->omitted, id);
	}
	event->lost = (struct event_lost){ .count = summary->count,
					   .event_type = event_type_name(event->source),
					   .from_ns = summary->from_ns,
					   .to_ns = summary->to_ns };
}
