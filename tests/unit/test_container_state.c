// SPDX-License-Identifier: BSD-2-Clause
/* Names of containers from recorded state files, and from hostile ones. */
#include "event/container_state.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND 1000000000ull
/* Built after the published definitions of the runtimes' files. */
#define STATES "tests/unit/states"
/* Written by Docker 20.10.24, and for a pod by containerd 1.6.20 and CRI-O 1.37.0, by the calls
 * that the kubelet makes. The pod shares the network of the host; the images have one program. */
#define RECORDED "tests/unit/recorded"
#define ID_A "8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c"
#define TASKS "/run/containerd/io.containerd.runtime.v2.task"
#define STORAGE "/var/lib/containers/storage/overlay-containers"
#define DOCKER "/var/lib/docker/containers"

static char root[64]; /* a directory of this run */
static struct container_states *states;
static struct container container;
static uint64_t now_ns = SECOND;

static void begin(const char *directory)
{
	CHECK(container_state_new(&states, directory) == 0);
}

static void end(void)
{
	container_state_free(states);
	states = NULL;
}

static void find(const char *id, const char *runtime)
{
	container = (struct container){ .id = text_from_string(id), .runtime = runtime };
	container_state_find(states, &container, now_ns);
}

/* Compares the names, of which "" is none. */
static bool are(const char *name, const char *image, const char *pod_name,
		const char *pod_namespace)
{
	const struct container_names *names = &container.names;

	return names->is_read && text_equals(names->name, name) &&
	       text_equals(names->image, image) && text_equals(names->pod_name, pod_name) &&
	       text_equals(names->pod_namespace, pod_namespace);
}

static bool are_unknown(void)
{
	const struct container_names *names = &container.names;

	return !names->is_read && !names->name.length && !names->image.length &&
	       !names->pod_name.length && !names->pod_namespace.length;
}

/* Returns an id that repeats these two digits. */
static const char *id_of(const char *digits)
{
	static char id[65];

	for (size_t i = 0; i < 64; i++)
		id[i] = digits[i % 2];
	return id;
}

static void recorded_files_are_read(void)
{
	begin(RECORDED);
	find("f0e84800fca73459efd1c52bbeddf7399f49279dacc40d8c0c8d347aa6fe4385", "docker");
	CHECK(are("shop-db-1", "shop/db:8.3", "", ""));
	find("a68cce22d0be18fb9e43508bfb0560ff1340e13a9cc5cde2e8e8f475337c6e1b", "containerd");
	CHECK(are("web", "docker.io/library/nginx:1.25.3", "web-0", "shop"));
	find("56c1c95a2f154b78692ff5cdb64ef5a73abcd90cbebc951554e529be2f21ce65", "containerd");
	CHECK(are("", "", "web-0", "shop"));
	find("d491647bac2f5dde13262a4c49a5e90c631dae4c9582fa3a7c4dbf31023d39fa", "cri-o");
	CHECK(are("web", "docker.io/library/nginx:1.25.3", "web-0", "shop"));
	find("aadcaef79291f60c3432628cc0e4ce0aa6ab89532ab8679875b82d37efd9031d", "cri-o");
	CHECK(are("POD", "registry.k8s.io/pause:3.9", "web-0", "shop"));
	end();
}

static void files_of_all_runtimes_are_read(void)
{
	begin(STATES);
	find(ID_A, "containerd");
	CHECK(are("web", "docker.io/library/nginx:1.25.3", "web-0", "shop"));
	find(id_of("5e"), "containerd");
	CHECK(are("", "", "web-0", "shop"));
	find(id_of("4e"), "containerd");
	CHECK(are("proxy", "", "", ""));
	find(id_of("c7"), "containerd");
	CHECK(are("", "", "", ""));
	find(id_of("c1"), "cri-o");
	CHECK(are("server", "quay.io/acme/api:2.1", "api-5d9c7b7f5-x2x4q", "prod"));
	find(id_of("d0"), "docker");
	CHECK(are("shop-db-1", "mysql:8.3", "", ""));
	find(id_of("22"), "podman");
	CHECK(are("cache", "docker.io/library/redis:7", "", ""));
	find(id_of("33"), "podman");
	CHECK(are("b\xc3\xbcro \"x\"", "", "", ""));
	find(id_of("44"), "podman");
	CHECK(are("once", "localhost/job:latest", "", ""));
	end();
}

static void a_pod_may_have_any_runtime(void)
{
	begin(STATES);
	find(ID_A, NULL);
	CHECK(are("web", "docker.io/library/nginx:1.25.3", "web-0", "shop"));
	find(id_of("c1"), NULL);
	CHECK(are("server", "quay.io/acme/api:2.1", "api-5d9c7b7f5-x2x4q", "prod"));
	find(id_of("d1"), NULL);
	CHECK(container.names.is_read && text_equals(container.names.pod_name, "web-0") &&
	      text_equals(container.names.pod_namespace, "shop"));
	find(id_of("22"), NULL); /* podman has no such cgroups */
	CHECK(are_unknown());
	end();
}

static void other_containers_are_unknown(void)
{
	begin(STATES);
	find(id_of("9f"), "containerd");
	CHECK(are_unknown());
	find(id_of("d0"), "containerd");
	CHECK(are_unknown());
	find("guest", "lxc");
	CHECK(are_unknown());
	find("../../../../../../../../../../../../../../../../etc/passwd/aaaaaaa", "docker");
	CHECK(are_unknown());
	container = (struct container){ .id = { id_of("d0"), 64 },
					.runtime = "docker",
					.is_of_user = true };
	container_state_find(states, &container, now_ns);
	CHECK(are_unknown());
	end();
	begin("/nonexistent");
	find(id_of("d0"), NULL);
	CHECK(are_unknown());
	end();
}

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
	char command[1024] = "cd ", *end = command + strlen(command);
	va_list arguments;

	end += snprintf(end, sizeof(command) / 2, "%s && ", root);
	va_start(arguments, format);
	vsnprintf(end, sizeof(command) - (size_t)(end - command), format, arguments);
	va_end(arguments);
	CHECK(system(command) == 0); /* NOLINT(cert-env33-c): a test */
}

/* Writes a file with a name of that many bytes. */
static void write_long_name(const char *id, unsigned int bytes)
{
	shell("{ printf '{\"Name\":\"/'; yes x | head -n %u | tr -d '\\n'; printf '\"}'; } "
	      ">./" DOCKER "/%s/config.v2.json",
	      bytes, id);
}

/* Writes the file of a container of Docker. */
static void write_docker(const char *id, const char *json)
{
	shell("mkdir -p ./" DOCKER "/%s && printf '%%s' '%s' >./" DOCKER "/%s/config.v2.json", id,
	      json, id);
}

static void hostile_files_are_no_names(void)
{
	const char *id = id_of("a0");

	begin(root);
	write_docker(id, "{\"Name\":\"/a\"");
	find(id, "docker");
	CHECK(are_unknown());
	write_docker(id, "[\"Name\"]");
	now_ns += SECOND;
	find(id, "docker");
	CHECK(are_unknown());
	write_docker(id, "{\"Name\":7,\"Config\":[]}");
	now_ns += SECOND;
	find(id, "docker");
	CHECK(are("", "", "", ""));
	end();

	begin(root);
	shell("yes [ | head -n 60000 | tr -d '\\n' >./" DOCKER "/%s/config.v2.json", id); /* deep */
	find(id, "docker");
	CHECK(are_unknown());
	write_long_name(id, 70000);
	now_ns += SECOND;
	find(id, "docker");
	CHECK(are_unknown());
	write_long_name(id, 300);
	now_ns += SECOND;
	find(id, "docker");
	CHECK(are("", "", "", "")); /* a name that is too long */
	end();
}

static void only_files_are_read(void)
{
	char other[65];
	const char *id;

	snprintf(other, sizeof(other), "%s", id_of("a1"));
	write_docker(other, "{\"Name\":\"/secret\"}");
	id = id_of("b0");
	begin(root);
	shell("mkdir -p ./" DOCKER "/%s && mkfifo ./" DOCKER "/%s/config.v2.json", id, id);
	find(id, "docker"); /* does not wait for a writer */
	CHECK(are_unknown());
	shell("cd ./" DOCKER "/%s && rm config.v2.json && ln -s ../%s/config.v2.json . && "
	      "test -s config.v2.json",
	      id, other);
	now_ns += SECOND;
	find(id, "docker");
	CHECK(are_unknown());
	shell("cd ./" DOCKER " && rm -r %s && ln -s %s %s && test -s %s/config.v2.json", id, other,
	      id, id);
	now_ns += SECOND;
	find(id, "docker");
	CHECK(are_unknown());
	shell("cd ./" DOCKER " && rm %s && mkdir -p %s/config.v2.json", id, id);
	now_ns += SECOND;
	find(id, "docker");
	CHECK(are_unknown());
	end();
}

/* Each beginning of a list, and lists that are none. */
static void lists_are_searched(void)
{
	static const char *const lists[] = { "", "[", "[]", "{}", "[,]", "[1 2]", "[null,", "[[[" };
	char list[] = "[ {\"id\":\"x\"} ,\n{\"id\":\"ffffffffffffffffffffffffffffffffffffffffffffff"
		      "ffffffffffffffffff\",\"names\":[\"n\"]}";
	const char *id = id_of("ff");

	begin(root);
	shell("mkdir -p ./" STORAGE);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		shell("printf '%%s' '%s' >./" STORAGE "/containers.json", lists[i]);
		now_ns += SECOND;
		find(id, "podman");
		CHECK(are_unknown());
	}
	for (size_t length = sizeof(list) - 2; length > 60; length -= 7) {
		shell("printf '%%s' '%.*s' >./" STORAGE "/containers.json", (int)length, list);
		now_ns += SECOND;
		find(id, "podman");
		CHECK(are_unknown());
	}
	shell("printf '%%s' '%s' >./" STORAGE "/containers.json", list); /* lacks its end */
	now_ns += SECOND;
	find(id, "podman");
	CHECK(are("n", "", "", ""));
	end();
}

static void names_are_read_once_a_minute(void)
{
	const char *id = id_of("e0");

	begin(root);
	find(id, "docker");
	CHECK(are_unknown());
	write_docker(id, "{\"Name\":\"/one\"}");
	now_ns += SECOND - 1;
	find(id, "docker");
	CHECK(are_unknown());
	now_ns += 1;
	find(id, "docker");
	CHECK(are("one", "", "", ""));
	write_docker(id, "{\"Name\":\"/two\"}");
	now_ns += 60 * SECOND - 1;
	find(id, "docker");
	CHECK(are("one", "", "", ""));
	now_ns += 1;
	find(id, "docker");
	CHECK(are("two", "", "", ""));
	/* the last processes of a container that is removed */
	shell("rm -r ./" DOCKER "/%s", id);
	now_ns += 60 * SECOND;
	find(id, "docker");
	CHECK(are("two", "", "", ""));
	end();
}

/* Many containers displace each other, and none has the names of another one. */
static void the_cache_is_bounded(void)
{
	char id[65], name[16];

	begin(root);
	shell("mkdir -p ./" DOCKER "; cd ./" DOCKER "; for i in $(seq 1000 1499); do d=$i$(printf "
	      "'%%060d' 0); mkdir -p $d; printf '{\"Name\":\"/n%%s\"}' $i >$d/config.v2.json; "
	      "done");
	for (int pass = 0; pass < 2; pass++)
		for (int i = 1000; i < 1500; i++) {
			snprintf(id, sizeof(id), "%d%060d", i, 0);
			snprintf(name, sizeof(name), "n%d", i);
			find(id, "docker");
			CHECK(are(name, "", "", ""));
		}
	for (unsigned int i = 0; i < 3 * CONTAINER_STATES_MAX; i++) {
		snprintf(id, sizeof(id), "%08x%056d", i * 2654435761u, 0);
		find(id, "docker");
	}
	find("1000000000000000000000000000000000000000000000000000000000000000", "docker");
	CHECK(are("n1000", "", "", ""));
	end();
}

int main(void)
{
	snprintf(root, sizeof(root), "/tmp/exectap-states-%d", getpid());
	CHECK(mkdir(root, 0700) == 0);
	tap_run("names come from recorded files", recorded_files_are_read);
	tap_run("names come from the files of each runtime", files_of_all_runtimes_are_read);
	tap_run("a cgroup of Kubernetes that names no runtime can be of any",
		a_pod_may_have_any_runtime);
	tap_run("containers without a file, with other ids or of users have no names",
		other_containers_are_unknown);
	tap_run("files that are huge, deep or no JSON give no names", hostile_files_are_no_names);
	tap_run("a FIFO, a symbolic link or a directory is not read", only_files_are_read);
	tap_run("a list is searched as far as it is well-formed", lists_are_searched);
	tap_run("a missing file is looked for after a second, a name read again after a minute",
		names_are_read_once_a_minute);
	tap_run("the number of containers is bounded", the_cache_is_bounded);
	shell("cd / && rm -rf %s", root);
	return tap_end();
}
