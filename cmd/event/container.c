// SPDX-License-Identifier: BSD-2-Clause
#include "event/container.h"

#include <ctype.h>
#include <string.h>

#define HEX_ID_LENGTH 64
#define UUID_LENGTH 36
#define UUID_HEX_LENGTH 32 /* static pods: the hash of their manifest, without dashes */
#define BUILD_ID_LENGTH 25
#define TASK_ID_LENGTH 32

/* Form of a container's id. */
enum form {
	FORM_HEX, /* 64 digits */
	FORM_NAME, /* any characters */
	FORM_UNIT_NAME, /* escaped as systemd.unit(5) describes */
	FORM_BUILD, /* 25 characters a-z, 0-9 */
	FORM_TASK, /* the directory's 32 digits, "-", and a number */
};

/*
 * Names of container cgroups: prefix, id, suffix. `under` is the directory above, `top` the one
 * above that; NULL: any. `rootless`: a runtime without privileges makes it below its user's
 * manager.
 */
static const struct shape {
	const char *top;
	const char *under;
	const char *prefix;
	const char *suffix;
	enum form form;
	bool rootless;
	const char *runtime; /* NULL: not known by the shape */
} shapes[] = {
	/* scopes of the systemd driver */
	{ NULL, NULL, "docker-", ".scope", FORM_HEX, true, "docker" },
	{ NULL, NULL, "cri-containerd-", ".scope", FORM_HEX, false, "containerd" },
	{ NULL, NULL, "nerdctl-", ".scope", FORM_HEX, true, "containerd" },
	{ NULL, NULL, "crio-", ".scope", FORM_HEX, false, "cri-o" },
	{ NULL, NULL, "libpod-", ".scope", FORM_HEX, true, "podman" },
	/* podman --cgroups=split, as in units made by quadlet */
	{ NULL, NULL, "libpod-payload-", "", FORM_HEX, true, "podman" },
	/* SLICE:RUNTIME:ID, by drivers that take a systemd path for a directory */
	{ NULL, NULL, "docker:", "", FORM_HEX, false, "docker" },
	{ NULL, NULL, "cri-containerd:", "", FORM_HEX, false, "containerd" },
	{ NULL, NULL, "crio:", "", FORM_HEX, false, "cri-o" },
	{ NULL, NULL, "libpod:", "", FORM_HEX, false, "podman" },
	/* directories of the cgroupfs driver */
	{ NULL, "docker", "", "", FORM_HEX, false, "docker" },
	{ NULL, "actions_job", "", "", FORM_HEX, false, "docker" }, /* GitHub's runners */
	{ "docker", "buildkit", "", "", FORM_BUILD, false, "docker" },
	{ NULL, "default", "", "", FORM_HEX, false, "containerd" }, /* namespaces of containerd */
	{ NULL, "k8s.io", "", "", FORM_HEX, false, "containerd" },
	{ NULL, NULL, "crio-", "", FORM_HEX, false, "cri-o" },
	{ NULL, NULL, "libpod-", "", FORM_HEX, false, "podman" },
	{ NULL, "/pod", "cri-containerd-", "", FORM_HEX, false, "containerd" },
	{ NULL, "/pod", "", "", FORM_HEX, false, NULL },
	{ "ecs", NULL, "", "", FORM_HEX, false, "docker" }, /* Amazon ECS: ecs/TASK/ID */
	{ "ecs", NULL, "", "", FORM_TASK, false, NULL }, /* on Fargate */
	{ NULL, NULL, "lxc.payload.", "", FORM_NAME, false, "lxc" },
	{ NULL, "lxc.payload", "", "", FORM_NAME, false, "lxc" },
	{ NULL, "lxc", "", "", FORM_NAME, false, "lxc" },
	{ NULL, NULL, "systemd-nspawn@", ".service", FORM_UNIT_NAME, false, "systemd-nspawn" },
	{ NULL, "machine.slice", "machine-", ".scope", FORM_UNIT_NAME, false, "systemd-nspawn" },
	/* the scope of a container that is not registered */
	{ NULL, "machine.slice", "", ".scope", FORM_UNIT_NAME, false, "systemd-nspawn" },
};

static bool is_hex(struct text text, size_t length)
{
	if (text.length != length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isxdigit((unsigned char)text.bytes[i]) ||
		    isupper((unsigned char)text.bytes[i]))
			return false;
	return true;
}

static bool is_build_id(struct text text)
{
	if (text.length != BUILD_ID_LENGTH)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (!islower((unsigned char)text.bytes[i]) &&
		    !isdigit((unsigned char)text.bytes[i]))
			return false;
	return true;
}

/* Reports whether text is the task's id, a dash, and a number. */
static bool is_task_id(struct text text, struct text task)
{
	if (!is_hex(task, TASK_ID_LENGTH) || text.length < TASK_ID_LENGTH + 2 ||
	    memcmp(text.bytes, task.bytes, TASK_ID_LENGTH) || text.bytes[TASK_ID_LENGTH] != '-')
		return false;
	for (size_t i = TASK_ID_LENGTH + 1; i < text.length; i++)
		if (!isdigit((unsigned char)text.bytes[i]))
			return false;
	return true;
}

/* Reports whether a unit below machine.slice is another one than of systemd-nspawn: libvirt's
 * machines, and the scopes that container runtimes make for themselves. */
static bool is_other_unit(struct text name)
{
	static const char *const prefixes[] = { "qemu\\x2d", "lxc\\x2d",       "machine-",
						"libpod-",   "docker-",	       "crio-",
						"nerdctl-",  "cri-containerd-" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (text_has_prefix(name, prefixes[i]))
			return true;
	return false;
}

static int hex_digit(char digit)
{
	return isdigit((unsigned char)digit) ? digit - '0'
					     : tolower((unsigned char)digit) - 'a' + 10;
}

/* Decodes "\xHH" of systemd.unit(5). Returns false if the name does not fit. */
static bool unescape(struct text name, char out[CONTAINER_NAME_BYTES], struct text *unescaped)
{
	size_t length = 0;

	for (size_t i = 0; i < name.length; i++) {
		char byte = name.bytes[i];

		if (name.length - i >= 4 && byte == '\\' && name.bytes[i + 1] == 'x' &&
		    isxdigit((unsigned char)name.bytes[i + 2]) &&
		    isxdigit((unsigned char)name.bytes[i + 3])) {
			byte = (char)(hex_digit(name.bytes[i + 2]) << 4 |
				      hex_digit(name.bytes[i + 3]));
			i += 3;
		}
		if (length == CONTAINER_NAME_BYTES)
			return false;
		out[length++] = byte;
	}
	*unescaped = (struct text){ out, length };
	return true;
}

/* Copies the uid of a component "podUID" or "kubepods-burstable-podU_I_D.slice", with dashes.
 * Returns false if there is none. */
static bool pod_uid(struct text component, char uid[CONTAINER_POD_UID_BYTES])
{
	const char *pod;
	struct text digits;

	if (text_has_suffix(component, ".slice"))
		component.length -= strlen(".slice");
	pod = text_has_prefix(component, "pod")
		      ? component.bytes
		      : memmem(component.bytes, component.length, "-pod", 4);
	if (!pod)
		return false;
	pod += *pod == '-';
	digits.bytes = pod + strlen("pod");
	digits.length = (size_t)(component.bytes + component.length - digits.bytes);
	if (digits.length != UUID_LENGTH && digits.length != UUID_HEX_LENGTH)
		return false;
	for (size_t i = 0; i < digits.length; i++) {
		char digit = digits.bytes[i];

		if (!isxdigit((unsigned char)digit) && digit != '-' && digit != '_')
			return false;
		uid[i] = digit == '_' ? '-' : digit;
	}
	uid[digits.length] = '\0';
	return true;
}

static bool is_directory(const char *wanted, struct text name)
{
	char unused[CONTAINER_POD_UID_BYTES];

	if (!wanted)
		return true;
	if (!strcmp(wanted, "/pod"))
		return pod_uid(name, unused);
	return text_equals(name, wanted);
}

/* A component of a cgroup path, and the two above it. */
struct place {
	struct text name;
	struct text above;
	struct text top;
	bool is_of_user; /* below the manager of a user, who can give cgroups any name */
};

static bool has_form(const struct shape *shape, const struct place *place, struct text id)
{
	switch (shape->form) {
	case FORM_HEX:
		return is_hex(id, HEX_ID_LENGTH);
	case FORM_BUILD:
		return is_build_id(id);
	case FORM_TASK:
		return is_task_id(id, place->above);
	case FORM_UNIT_NAME:
		return !is_other_unit(id);
	default:
		return true;
	}
}

/* Returns what is behind the last ".slice:" of SLICE:RUNTIME:ID, or the component. */
static struct text after_slice(struct text component)
{
	const char *colon = memmem(component.bytes, component.length, ".slice:", 7);

	if (!colon)
		return component;
	colon += 7;
	return (struct text){ colon, (size_t)(component.bytes + component.length - colon) };
}

static bool matches(const struct shape *shape, const struct place *place, struct text *id)
{
	struct text name = after_slice(place->name);
	size_t around = strlen(shape->prefix) + strlen(shape->suffix);

	if (name.length <= around || (place->is_of_user && !shape->rootless) ||
	    !is_directory(shape->under, place->above) || !is_directory(shape->top, place->top) ||
	    !text_has_prefix(name, shape->prefix) || !text_has_suffix(name, shape->suffix))
		return false;
	*id = (struct text){ name.bytes + strlen(shape->prefix), name.length - around };
	return has_form(shape, place, *id);
}

/* Fills the container of a component; false if it has none. */
static bool find_container(const struct place *place, struct container *container)
{
	struct text name = after_slice(place->name), slice = place->name, id;

	if (name.bytes != slice.bytes)
		slice.length = (size_t)(name.bytes - 1 - slice.bytes);
	if (!place->is_of_user)
		pod_uid(slice, container->pod_uid);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (!matches(&shapes[i], place, &id))
			continue;
		container->id = id;
		container->runtime = shapes[i].runtime;
		container->is_of_user = place->is_of_user;
		return shapes[i].form != FORM_UNIT_NAME ||
		       unescape(id, container->name, &container->id);
	}
	return false;
}

/* user@UID.service, the manager of a user's units */
static bool is_user_manager(struct text name)
{
	return text_has_prefix(name, "user@") && text_has_suffix(name, ".service");
}

void container_from_cgroup(struct text path, struct container *container)
{
	struct place place = { .above = { "", 0 }, .top = { "", 0 } };

	memset(container, 0, sizeof(*container));
	if (!text_has_prefix(path, "/"))
		return;
	while (path.length) {
		const char *slash = memchr(path.bytes, '/', path.length);

		place.name = (struct text){ path.bytes,
					    slash ? (size_t)(slash - path.bytes) : path.length };
		if (find_container(&place, container))
			return;
		place.is_of_user = place.is_of_user || is_user_manager(place.name);
		place.top = place.above;
		place.above = place.name;
		path.bytes += place.name.length + (slash != NULL);
		path.length -= place.name.length + (slash != NULL);
	}
}
