// SPDX-License-Identifier: BSD-2-Clause
#include "event/container.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define HEX_ID_LENGTH 64
#define UUID_LENGTH 36
#define UUID_HEX_LENGTH 32 /* static pods: the hash of their manifest, without dashes */

/*
 * Names of the cgroups of containers, by runtime: prefix, id, suffix. A hex id has 64 digits,
 * another id is any name. `under` is the directory above, where the name alone is ambiguous.
 */
static const struct shape {
	const char *under;
	const char *prefix;
	const char *suffix;
	bool hex_id;
	const char *runtime;
} shapes[] = {
	{ NULL, "docker-", ".scope", true, "docker" }, /* systemd driver */
	{ "docker", "", "", true, "docker" }, /* cgroupfs driver */
	{ NULL, "cri-containerd-", ".scope", true, "containerd" },
	{ NULL, "cri-containerd:", "", true,
	  "containerd" }, /* kubepods-...slice:cri-containerd:ID */
	{ NULL, "nerdctl-", ".scope", true, "containerd" },
	{ NULL, "crio-", ".scope", true, "cri-o" },
	{ NULL, "crio-", "", true, "cri-o" },
	{ NULL, "libpod-", ".scope", true, "podman" },
	{ NULL, "libpod-", "", true, "podman" },
	{ NULL, "lxc.payload.", "", false, "lxc" },
	{ "lxc.payload", "", "", false, "lxc" },
	{ "lxc", "", "", false, "lxc" },
	{ NULL, "systemd-nspawn@", ".service", false, "systemd-nspawn" },
	{ "machine.slice", "machine-", ".scope", false, "systemd-nspawn" },
	{ "/pod", "", "", true,
	  NULL }, /* kubepods by the cgroupfs driver, which names no runtime */
};

static bool starts_with(struct text text, const char *prefix)
{
	return text.length >= strlen(prefix) && !memcmp(text.bytes, prefix, strlen(prefix));
}

static bool ends_with(struct text text, const char *suffix)
{
	size_t length = strlen(suffix);

	return text.length >= length && !memcmp(text.bytes + text.length - length, suffix, length);
}

static bool equals(struct text text, const char *string)
{
	return text.length == strlen(string) && starts_with(text, string);
}

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

/* libvirt's machines share machine.slice with nspawn's: machine-qemu\x2d1\x2dname.scope */
static bool is_libvirt(struct text name)
{
	return starts_with(name, "qemu\\x2d") || starts_with(name, "lxc\\x2d");
}

/* The uid in a component "podUID" or "kubepods-burstable-podU_I_D.slice", with dashes; false where
 * it is none. */
static bool pod_uid(struct text component, char uid[CONTAINER_POD_UID_BYTES])
{
	const char *pod;
	struct text digits;

	if (ends_with(component, ".slice"))
		component.length -= strlen(".slice");
	pod = starts_with(component, "pod") ? component.bytes
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

static bool is_under(const struct shape *shape, struct text above)
{
	char unused[CONTAINER_POD_UID_BYTES];

	if (!shape->under)
		return true;
	if (!strcmp(shape->under, "/pod"))
		return pod_uid(above, unused);
	return equals(above, shape->under);
}

static bool matches(const struct shape *shape, struct text above, struct text component,
		    struct text *id)
{
	size_t around = strlen(shape->prefix) + strlen(shape->suffix);

	if (component.length <= around || !is_under(shape, above) ||
	    !starts_with(component, shape->prefix) || !ends_with(component, shape->suffix))
		return false;
	*id = (struct text){ component.bytes + strlen(shape->prefix), component.length - around };
	return shape->hex_id ? is_hex(*id, HEX_ID_LENGTH) : !is_libvirt(*id);
}

/* What follows the last colon: some drivers write "SLICE:RUNTIME:ID" where others nest directories.
 */
static struct text after_slice(struct text component)
{
	const char *colon = memmem(component.bytes, component.length, ".slice:", 7);

	if (!colon)
		return component;
	colon += 7;
	return (struct text){ colon, (size_t)(component.bytes + component.length - colon) };
}

static void take_component(struct text above, struct text component, struct container *container)
{
	struct text name = after_slice(component), slice = component;

	if (name.bytes != component.bytes)
		slice.length = (size_t)(name.bytes - 1 - component.bytes);
	pod_uid(slice, container->pod_uid);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct text id;

		if (!matches(&shapes[i], above, name, &id))
			continue;
		container->id = id;
		container->runtime = shapes[i].runtime;
		return;
	}
}

void container_from_cgroup(struct text path, struct container *container)
{
	struct text above = { "", 0 };

	memset(container, 0, sizeof(*container));
	while (path.length) {
		const char *slash = memchr(path.bytes, '/', path.length);
		struct text component = { path.bytes,
					  slash ? (size_t)(slash - path.bytes) : path.length };

		take_component(above, component, container);
		above = component;
		path.bytes += component.length + (slash != NULL);
		path.length -= component.length + (slash != NULL);
	}
}
