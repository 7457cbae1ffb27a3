/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An event as the stages after decode see it. The texts are views: into the record's bytes, into
 * the event itself, or into the cache of contexts, so an event is neither copied nor kept beyond
 * its record.
 */
#ifndef EXECTAP_EVENT_H
#define EXECTAP_EVENT_H

#include "event/container.h"
#include "event/device.h"
#include "event/field_set.h"
#include "event/stream.h"
#include "record.h"
#include "util/clock.h"
#include "util/event_type.h"
#include "util/text.h"

#include <stdbool.h>
#include <stdint.h>

/* A path of RECORD_PATH_BYTES of names with their NULs is as long with its slashes. */
#define EVENT_PATH_BYTES RECORD_PATH_BYTES
#define EVENT_PATH_BUF_BYTES                                                                       \
	(EVENT_PATH_BYTES + sizeof(text_block)) /* its names are copied by blocks */
/* "/dev/fd/NUMBER/" before a filename */
#define EVENT_FILENAME_BYTES (RECORD_FILENAME_BYTES + 32)
#define EVENT_ID_BYTES 80 /* boot, nanoseconds, pid, number, with dashes between */

enum event_path {
	EVENT_PATH_EXE,
	EVENT_PATH_CWD,
	EVENT_PATHS,
};

/* A process that the process of an event descends from. */
struct event_ancestor {
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	uint32_t pid;
	struct text comm;
	struct text id; /* enrich */
};

#define EVENT_ANCESTORS (RECORD_ANCESTORS + 1) /* the parent is the first one */

/* Bits of enum record_key. */
struct event_masks {
	uint32_t truncated;
	uint32_t unreadable;
	uint32_t detached; /* relative to another root than the task's */
};

/*
 * The context of a process: what it has in common with other children of its parent, besides the
 * members of struct record_task. It follows from the bytes of context.h alone, and from what the
 * enricher knows.
 */
struct event_context {
	/* decode */
	struct text parent_comm;
	struct text parent_args; /* as args */
	struct text parent_exe;
	struct text entry_exe; /* empty: none, or unknown */
	struct text cgroup; /* path */
	struct event_ancestor ancestors[EVENT_ANCESTORS]; /* from the parent upwards */
	size_t ancestor_count;
	uint64_t parent_exec_ns; /* of the exec that loaded the parent's program, CLOCK_BOOTTIME;
				    0: none was seen ... */
	uint32_t parent_exec_pid; /* ... and its pid */
	uint32_t parent_argc; /* or RECORD_ARGC_UNKNOWN */
	struct event_masks masks; /* the bits of CONTEXT_KEYS in those of the process */
	bool has_more_ancestors;
	bool parent_has_exe;
	bool parent_has_args; /* parent_args and parent_argc are known */
	bool parent_exe_detached;
	bool parent_exe_deleted;
	const char *entry_type; /* static; NULL: unknown */

	/* enrich */
	struct text user; /* name of uid; empty: none is known */
	struct text group;
	struct text euser;
	struct text egroup;
	struct text auser;
	bool names_unknown; /* a file of names could not be read */
	struct text tty; /* empty: none */
	struct text parent_id;
	struct text parent_event_id; /* empty: none */
	struct text session_leader_id; /* empty: the leader has ended, as is the next one */
	struct text entry_id; /* empty: unknown */
	struct container container;
	struct text systemd_unit; /* of the system manager; empty: none */
};

/* The bytes of the texts of a context that are made for it. */
struct event_context_bytes {
	char parent_exe[EVENT_PATH_BUF_BYTES];
	char entry_exe[EVENT_PATH_BUF_BYTES];
	char cgroup[EVENT_PATH_BUF_BYTES];
	char ancestor_ids[EVENT_ANCESTORS][EVENT_ID_BYTES];
	char tty[DEVICE_NAME_BYTES];
	char parent_id[EVENT_ID_BYTES];
	char parent_event_id[EVENT_ID_BYTES];
	char session_leader_id[EVENT_ID_BYTES];
	char entry_id[EVENT_ID_BYTES];
};

/* The process of an event. */
struct event_process {
	/* decode */
	struct record_task task; /* without its ancestors */
	struct text comm;
	uint32_t truncated; /* enum record_key; encode adds what it had to cut */
	uint32_t unreadable; /* enum record_key */
	uint32_t detached; /* enum record_key: relative to another root than the task's */
	uint32_t redacted; /* enum record_key */
	uint32_t redacted_bytes; /* masked bytes of these keys */
	uint32_t redacted_args_bytes; /* the part of args */
	uint32_t redacted_parent_args_bytes; /* the part of parent_args */

	/* enrich */
	uint64_t start_wall_ns; /* CLOCK_REALTIME */
	char start[CLOCK_RFC3339_BYTES]; /* the same as text */
	struct text id;
	struct text pid; /* the digits, a part of id */
	struct text group_leader_id; /* empty: the leader has ended */
	char id_bytes[EVENT_ID_BYTES];
};

/* A variable of the environment that was asked for. */
struct event_variable {
	struct text name;
	struct text value; /* the last one that the environment has of that name */
	bool is_duplicate; /* the environment has the name more than once */
};

/* What successive execs of one program by one caller have in common (context.h). These are members
 * of struct event_exec, and together its member `call`. */
#define EVENT_CALL_MEMBERS                                                                         \
	struct record_file exe_file;                                                               \
	uint64_t exe_mtime_ns; /* CLOCK_REALTIME */                                                \
	bool exe_upper;                                                                            \
	bool memfd;                                                                                \
	bool deleted;                                                                              \
	bool exe_detached;                                                                         \
	bool cwd_detached;                                                                         \
	bool cwd_deleted;                                                                          \
	struct text name; /* of the process after the exec */                                      \
	struct text filename;                                                                      \
	struct text paths[EVENT_PATHS];

struct event_call {
	EVENT_CALL_MEMBERS
};

/* An exec or a failed attempt. Other processes have the members of the program, and one that runs
 * those of its file, name, directory and streams; the other texts are empty. */
struct event_exec {
	/* decode */
	uint64_t args_bytes; /* the true length, or RECORD_ARGS_BYTES_UNKNOWN; args.length may be
				less */
	uint32_t tid; /* the calling thread's, before the exec; 0: unknown, as comm is */
	uint32_t argc; /* or RECORD_ARGC_UNKNOWN */
	int error; /* errno(3) of a failed attempt */
	union {
		struct {
			EVENT_CALL_MEMBERS
		};
		struct event_call call;
	};
	bool has_exe; /* false: a kernel thread, which has no args either */
	struct text streams[RECORD_STREAMS]; /* empty: closed */
	struct text args; /* strings, each ended by a NUL but perhaps the last */
	struct text env; /* likewise, "NAME=value" */
	char path_bytes[EVENT_PATHS][EVENT_PATH_BUF_BYTES];
	char filename_bytes[EVENT_FILENAME_BYTES];
	char stream_bytes[RECORD_STREAMS][STREAM_BYTES];

	/* enrich */
	struct event_variable *variables; /* selected from env; owned by the enricher */
	size_t variable_count;

	bool args_hidden; /* encode leaves args out */
	bool parent_args_hidden; /* parent_args as well, which keep their bytes */
};

struct event_exit {
	uint64_t user_ns; /* CPU time of all threads, as wait4(2) reports it */
	uint64_t system_ns;
	uint64_t max_rss_bytes;
	uint64_t duration_ns; /* from the fork to the exit */
	uint32_t status; /* wait(2) */
};

/* Events without a line: lost ones, or suppressed ones. */
struct event_lost {
	uint64_t count; /* 0: unknown */
	const char *reason; /* static; NULL in EVENT_SUPPRESSED */
	const char *event_type; /* static: the type of line that is missing; NULL where that can't
				   be known */
	uint64_t from_ns; /* CLOCK_BOOTTIME: lost after this; or the first suppressed one ... */
	uint64_t to_ns; /* ... before this; or the last one */
	uint64_t from_wall_ns; /* enrich: the same by CLOCK_REALTIME */
	uint64_t to_wall_ns;
};

/* Totals since the start of this run. */
struct event_heartbeat {
	struct text hooks; /* their names, each ended by a NUL */
	uint64_t seen; /* events taken from the kernel: written, filtered, suppressed, or impossible
			  to decode */
	uint64_t written; /* seen, and emitted as lines */
	uint64_t filtered;
	uint64_t suppressed; /* by a limit */
	uint64_t lost; /* reported in lost lines */
};

struct event {
	enum event_type type; /* of its line */
	enum event_type
		source; /* enrich: of the event; in EVENT_SUPPRESSED the type of the others */
	uint64_t time_ns; /* CLOCK_BOOTTIME */
	uint64_t seq; /* number of the line */

	/* enrich */
	uint64_t wall_ns; /* CLOCK_REALTIME */
	char timestamp[CLOCK_RFC3339_BYTES]; /* the same as text */
	struct text host; /* the enricher's, as the next four */
	struct text boot_id;
	struct text machine_id; /* machine-id(5); empty: unknown */
	struct text kernel; /* release */
	struct text version; /* exectap's */
	struct text event_id;
	struct text tags; /* keys and values in turn, each ended by a NUL */
	char event_id_bytes[EVENT_ID_BYTES];

	struct field_set omitted; /* selection_apply(): fields that its line lacks */

	struct event_lost lost; /* EVENT_LOST, EVENT_SUPPRESSED */
	struct event_process process;
	struct event_exec exec;
	union {
		struct event_exit exit;
		struct event_heartbeat heartbeat;
	};

	/* context.h: of a process */
	const struct event_context
		*context; /* own_context, or one that other events have as well:
			     the stages that change it call context_own() first */
	struct context_entry *shared; /* that of the latter; NULL: own_context */
	struct call_entry *shared_call; /* of exec.call; NULL: no other event has it */
	struct contexts *contexts; /* the cache, which its owner has set; NULL: none */
	struct event_context own_context;
	struct event_context_bytes own_bytes;
};

/* Reports whether the event is an exec or a failed attempt, which has no exe. */
static inline bool event_is_exec(const struct event *event)
{
	return EVENT_BIT(event->source) & EVENT_BITS_EXEC;
}

/* Reports whether a thread that is known, and not the leader, called exec. */
static inline bool event_has_tid(const struct event *event)
{
	return event->exec.tid && event->exec.tid != event->process.task.pid;
}

/* Reports whether event->process and event->exec are valid; the others are about exectap itself.
 */
static inline bool event_is_process(const struct event *event)
{
	return EVENT_BIT(event->source) & EVENT_BITS_PROCESS;
}

/* Reports whether the event is about a process that runs a program, or did. */
static inline bool event_has_program(const struct event *event)
{
	return event_is_process(event) && event->source != EVENT_EXEC_FAILED;
}

/* Reports whether event->heartbeat is valid. */
static inline bool event_is_heartbeat(const struct event *event)
{
	return EVENT_BIT(event->type) & EVENT_BITS_HEARTBEAT;
}

/* Returns the bits of enum record_key of the keys whose values are not what the kernel had. */
static inline uint32_t event_doubtful_keys(const struct event *event)
{
	return event->process.truncated | event->process.unreadable | event->process.detached;
}

#endif
