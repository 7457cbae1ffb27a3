// SPDX-License-Identifier: BSD-2-Clause
#include "event/container_state.h"

#include "util/regular_file.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID_BYTES 64
#define FILE_MAX_BYTES ((size_t)64 * 1024)
/* A list of all containers; one of them is parsed at a time. */
#define LIST_MAX_BYTES ((size_t)1024 * 1024)
/* A longer name is left out. */
#define NAME_MAX_BYTES 255
#define IMAGE_MAX_BYTES 1024
/* Namespaces of containerd that are searched. */
#define NAMESPACES_MAX 64

#define WAYS 4
#define SETS (CONTAINER_STATES_MAX / WAYS)
#define RETRY_NS 1000000000ull
#define EXPIRY_NS (60 * RETRY_NS)

enum directory {
	DIRECTORY_CONTAINERD,
	DIRECTORY_STORAGE_RUN,
	DIRECTORY_STORAGE,
	DIRECTORY_DOCKER,
};

const char *const container_state_directories[CONTAINER_STATE_DIRECTORIES] = {
	[DIRECTORY_CONTAINERD] = "/run/containerd/io.containerd.runtime.v2.task",
	[DIRECTORY_STORAGE_RUN] = "/run/containers/storage/overlay-containers",
	[DIRECTORY_STORAGE] = "/var/lib/containers/storage/overlay-containers",
	[DIRECTORY_DOCKER] = "/var/lib/docker/containers",
};

/* A remembered container. */
struct entry {
	char id[ID_BYTES];
	uint64_t read_ns; /* of the last attempt to read its file; 0: the entry is free */
	uint64_t used; /* value of container_states.uses at the last use */
	struct container_names names; /* views into `block` */
	char *block; /* NULL: nothing is known */
};

struct container_states {
	const char *root;
	uint64_t uses;
	struct entry *last;
	struct entry entries[SETS][WAYS];
};

/* What a file says: NULL where it says nothing. The strings belong to the JSON value. */
struct found {
	const char *name;
	const char *image;
	const char *pod_name;
	const char *pod_namespace;
};

int container_state_new(struct container_states **states, const char *root)
{
	struct container_states *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	created->root = root;
	json_object_seed(0);
	*states = created;
	return 0;
}

void container_state_free(struct container_states *states)
{
	if (!states)
		return;
	for (size_t set = 0; set < SETS; set++)
		for (size_t way = 0; way < WAYS; way++)
			free(states->entries[set][way].block);
	free(states);
}

/* Opens one of container_state_directories. */
static int open_top(const struct container_states *states, enum directory directory)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s%s", states->root,
		     container_state_directories[directory]) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, CONTAINER_STATE_TOP_FLAGS);
	return fd < 0 ? -errno : fd;
}

static int open_directory(int parent, const char *name)
{
	int fd = openat(parent, name, CONTAINER_STATE_DIRECTORY_FLAGS);

	return fd < 0 ? -errno : fd;
}

/* Reads the file in the directory, which is closed. The caller frees *bytes. */
static int read_file(int directory, const char *name, size_t most_bytes, char **bytes,
		     size_t *length)
{
	int fd, result;

	if (directory < 0)
		return directory;
	fd = openat(directory, name, CONTAINER_STATE_FILE_FLAGS);
	result = fd < 0 ? -errno : 0;
	close(directory);
	if (!result) {
		result = regular_file_read(fd, most_bytes, bytes, length);
		close(fd);
	}
	return result;
}

/* Reads the object of the file in the directory, which is closed. Returns NULL if there is none. */
static json_t *read_object(int directory, const char *name)
{
	size_t length;
	json_t *json;
	char *bytes;

	if (read_file(directory, name, FILE_MAX_BYTES, &bytes, &length))
		return NULL;
	json = json_loadb(bytes, length, 0, NULL);
	free(bytes);
	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

/* Returns a member that is a string and not empty, or NULL. */
static const char *string_of(const json_t *object, const char *key)
{
	const char *string = json_string_value(json_object_get(object, key));

	return string && *string ? string : NULL;
}

/* Bytes of a string that is kept: 0 if it is too long. */
static size_t kept_bytes(const char *string, size_t most_bytes)
{
	size_t length = string ? strlen(string) : 0;

	return length <= most_bytes ? length : 0;
}

/* Remembers copies of the names. Without memory nothing changes. */
static void store(struct entry *entry, const struct found *found)
{
	const struct {
		const char *from;
		size_t length;
		struct text *to;
	} parts[] = {
		{ found->name, kept_bytes(found->name, NAME_MAX_BYTES), &entry->names.name },
		{ found->image, kept_bytes(found->image, IMAGE_MAX_BYTES), &entry->names.image },
		{ found->pod_name, kept_bytes(found->pod_name, NAME_MAX_BYTES),
		  &entry->names.pod_name },
		{ found->pod_namespace, kept_bytes(found->pod_namespace, NAME_MAX_BYTES),
		  &entry->names.pod_namespace },
	};
	size_t bytes = 1;
	char *block, *end;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		bytes += parts[i].length;
	block = end = malloc(bytes);
	if (!block)
		return;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		*parts[i].to = (struct text){ end, parts[i].length };
		end = mempcpy(end, parts[i].from ? parts[i].from : "", parts[i].length);
	}
	free(entry->block);
	entry->block = block;
	entry->names.is_read = true;
}

/* The annotations of containerd's CRI plugin (pkg/cri/annotations), of nerdctl (pkg/labels) and of
 * CRI-O (pkg/annotations). The sandbox of a pod has no name of its own in the first. */
static void find_annotations(const json_t *config, bool is_crio, struct found *found)
{
	const json_t *annotations = json_object_get(config, "annotations");

	if (is_crio) {
		*found = (struct found){
			.name = string_of(annotations, "io.kubernetes.container.name"),
			.image = string_of(annotations, "io.kubernetes.cri-o.ImageName"),
			.pod_name = string_of(annotations, "io.kubernetes.pod.name"),
			.pod_namespace = string_of(annotations, "io.kubernetes.pod.namespace"),
		};
		return;
	}
	*found = (struct found){
		.name = string_of(annotations, "io.kubernetes.cri.container-name"),
		.image = string_of(annotations, "io.kubernetes.cri.image-name"),
		.pod_name = string_of(annotations, "io.kubernetes.cri.sandbox-name"),
		.pod_namespace = string_of(annotations, "io.kubernetes.cri.sandbox-namespace"),
	};
	if (!found->name && !found->pod_name)
		found->name = string_of(annotations, "nerdctl/name");
}

/* Reads DIRECTORY/ID/config.json, below the directory that is closed. */
static bool read_bundle(struct entry *entry, int parent, const char *below)
{
	char id[ID_BYTES + 1] = "";
	struct found found;
	json_t *config;
	int directory;

	if (parent < 0)
		return false;
	memcpy(id, entry->id, ID_BYTES);
	directory = open_directory(parent, id);
	close(parent);
	if (below && directory >= 0) {
		parent = directory;
		directory = open_directory(parent, below);
		close(parent);
	}
	config = read_object(directory, "config.json");
	if (!config)
		return false;
	find_annotations(config, below, &found);
	store(entry, &found);
	json_decref(config);
	return true;
}

/* Reads the file of a container in any of containerd's namespaces. */
static bool read_containerd(struct container_states *states, struct entry *entry)
{
	int top = open_top(states, DIRECTORY_CONTAINERD);
	DIR *directory = top < 0 ? NULL : fdopendir(top);
	const struct dirent *namespace;
	bool is_read = false;

	if (!directory) {
		if (top >= 0)
			close(top);
		return false;
	}
	for (int i = 0; i < NAMESPACES_MAX && !is_read && (namespace = readdir(directory)); i++)
		if (namespace->d_name[0] != '.')
			is_read = read_bundle(entry, open_directory(top, namespace->d_name), NULL);
	closedir(directory);
	return is_read;
}

/* The directory below /run is lost with a reboot, the one below /var stays until the removal. */
static bool read_crio(struct container_states *states, struct entry *entry)
{
	return read_bundle(entry, open_top(states, DIRECTORY_STORAGE_RUN), "userdata") ||
	       read_bundle(entry, open_top(states, DIRECTORY_STORAGE), "userdata");
}

/* The name begins with a slash. cri-dockerd keeps the names of the pod in labels. */
static bool read_docker(struct container_states *states, struct entry *entry)
{
	char id[ID_BYTES + 1] = "";
	const json_t *config, *labels;
	int top = open_top(states, DIRECTORY_DOCKER);
	struct found found;
	json_t *state;

	if (top < 0)
		return false;
	memcpy(id, entry->id, ID_BYTES);
	state = read_object(open_directory(top, id), "config.v2.json");
	close(top);
	if (!state)
		return false;
	config = json_object_get(state, "Config");
	labels = json_object_get(config, "Labels");
	found = (struct found){
		.name = string_of(state, "Name"),
		.image = string_of(config, "Image"),
		.pod_name = string_of(labels, "io.kubernetes.pod.name"),
		.pod_namespace = string_of(labels, "io.kubernetes.pod.namespace"),
	};
	found.name += found.name && *found.name == '/';
	store(entry, &found);
	json_decref(state);
	return true;
}

/* Reports whether an item of containers/storage is the container, and remembers its names. Their
 * image is in `metadata`, which is JSON in a string. */
static bool take_item(struct entry *entry, const json_t *item)
{
	const char *id = string_of(item, "id"), *metadata = string_of(item, "metadata");
	const json_t *names = json_object_get(item, "names");
	struct found found = {};
	json_t *details;

	if (!id || strlen(id) != ID_BYTES || memcmp(id, entry->id, ID_BYTES))
		return false;
	details = metadata ? json_loads(metadata, 0, NULL) : NULL;
	found.name = json_string_value(json_array_get(names, 0));
	found.image = string_of(details, "image-name");
	store(entry, &found);
	json_decref(details);
	return true;
}

static size_t skip_space(const char *bytes, size_t length)
{
	size_t skipped = 0;

	while (skipped < length && strchr(" \t\r\n", bytes[skipped]) && bytes[skipped])
		skipped++;
	return skipped;
}

/* Searches a list of containers. Its items are parsed one after the other, to save memory. */
static bool search_list(struct entry *entry, const char *bytes, size_t length)
{
	size_t place = skip_space(bytes, length);
	json_error_t error;
	bool is_read = false;

	if (place == length || bytes[place] != '[')
		return false;
	while (!is_read && ++place < length) {
		json_t *item =
			json_loadb(bytes + place, length - place, JSON_DISABLE_EOF_CHECK, &error);

		if (!item)
			return false;
		is_read = take_item(entry, item);
		json_decref(item);
		place += (size_t)error.position;
		place += skip_space(bytes + place, length - place);
		if (place < length && bytes[place] != ',')
			break;
	}
	return is_read;
}

static bool read_list(struct container_states *states, struct entry *entry,
		      enum directory directory, const char *name)
{
	size_t length;
	bool is_read;
	char *bytes;

	if (read_file(open_top(states, directory), name, LIST_MAX_BYTES, &bytes, &length))
		return false;
	is_read = search_list(entry, bytes, length);
	free(bytes);
	return is_read;
}

/* Containers of "podman run --rm" can be in the volatile list. */
static bool read_podman(struct container_states *states, struct entry *entry)
{
	return read_list(states, entry, DIRECTORY_STORAGE, "containers.json") ||
	       read_list(states, entry, DIRECTORY_STORAGE_RUN, "volatile-containers.json") ||
	       read_list(states, entry, DIRECTORY_STORAGE, "volatile-containers.json");
}

/* Readers by runtime; the last is for a cgroup that does not name it, as of the cgroupfs driver of
 * Kubernetes. */
static void read_state(struct container_states *states, struct entry *entry, const char *runtime)
{
	static const struct {
		const char *runtime;
		bool is_of_kubernetes;
		bool (*read)(struct container_states *states, struct entry *entry);
	} readers[] = { { "containerd", true, read_containerd },
			{ "cri-o", true, read_crio },
			{ "docker", true, read_docker },
			{ "podman", false, read_podman } };

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (runtime ? strcmp(runtime, readers[i].runtime) != 0
			    : !readers[i].is_of_kubernetes)
			continue;
		if (readers[i].read(states, entry))
			return;
	}
}

/* Returns the entries of the set of an id, which is hexadecimal and random. */
static struct entry *set_of(struct container_states *states, const char *id)
{
	unsigned int hash = 0;

	for (size_t i = 0; i < 8; i++)
		hash = hash * 31 + (unsigned char)id[i];
	return states->entries[hash % SETS];
}

/* Returns the entry of the id. If there is none, the one of its set that was used longest ago
 * becomes that. */
static struct entry *find_entry(struct container_states *states, const char *id)
{
	struct entry *set = set_of(states, id), *oldest = set;

	for (struct entry *entry = set; entry < set + WAYS; entry++) {
		if (entry->read_ns && !memcmp(entry->id, id, ID_BYTES))
			return entry;
		if (entry->used < oldest->used)
			oldest = entry;
	}
	free(oldest->block);
	*oldest = (struct entry){};
	memcpy(oldest->id, id, ID_BYTES);
	return oldest;
}

/* Reports whether the container can have a file that is read. */
static bool has_state(const struct container *container)
{
	if (container->id.length != ID_BYTES || container->is_of_user)
		return false;
	for (size_t i = 0; i < ID_BYTES; i++)
		if (!strchr("0123456789abcdef", container->id.bytes[i]) || !container->id.bytes[i])
			return false;
	return true;
}

void container_state_find(struct container_states *states, struct container *container,
			  uint64_t now_ns)
{
	struct entry *entry = states->last;

	container->names = (struct container_names){};
	if (!has_state(container))
		return;
	if (!entry || memcmp(entry->id, container->id.bytes, ID_BYTES))
		entry = find_entry(states, container->id.bytes);
	states->last = entry;
	entry->used = ++states->uses;
	if (!entry->read_ns ||
	    now_ns - entry->read_ns >= (entry->names.is_read ? EXPIRY_NS : RETRY_NS)) {
		entry->read_ns = now_ns ? now_ns : 1;
		read_state(states, entry, container->runtime);
	}
	container->names = entry->names;
}
