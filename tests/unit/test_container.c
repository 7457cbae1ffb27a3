// SPDX-License-Identifier: BSD-2-Clause
/* cgroup paths of container runtimes, and similar paths that are not. */
#include "event/container.h"
#include "tap.h"

#include <string.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID "8a5a1c22-3b4d-4e5f-8a6b-7c8d9e0f1a2b"
#define UID_ "8a5a1c22_3b4d_4e5f_8a6b_7c8d9e0f1a2b"
#define HASH "0123456789abcdef0123456789abcdef"

static const struct {
	const char *path, *id, *runtime, *pod;
} paths[] = {
	{ "/docker/" ID, ID, "docker", "" },
	{ "/system.slice/docker-" ID ".scope", ID, "docker", "" },
	{ "/system.slice/docker-" ID ".scope/init.scope", ID, "docker", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope", ID,
	  "docker", "" },
	{ "/system.slice/nerdctl-" ID ".scope", ID, "containerd", "" },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	  ".slice/cri-containerd-" ID ".scope",
	  ID, "containerd", UID },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" ID ".scope", ID,
	  "containerd", UID },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" HASH ".slice/crio-" ID
	  ".scope",
	  ID, "cri-o", HASH },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_ ".slice/crio-" ID
	  ".scope/container",
	  ID, "cri-o", UID },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_
	  ".slice/docker-" ID ".scope",
	  ID, "docker", UID },
	{ "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_
	  ".slice/cri-containerd-" ID ".scope",
	  ID, "containerd", UID },
	{ "/kubepods/besteffort/pod" UID "/" ID, ID, NULL, UID },
	{ "/kubepods/pod" UID "/" ID, ID, NULL, UID },
	{ "/kubepods/burstable/pod" UID "/crio-" ID, ID, "cri-o", UID },
	{ "/kubepods/burstable/pod" HASH "/" ID, ID, NULL, HASH },
	{ "/system.slice/containerd.service/kubepods-burstable-pod" UID_
	  ".slice:cri-containerd:" ID,
	  ID, "containerd", UID },
	{ "/machine.slice/libpod-" ID ".scope", ID, "podman", "" },
	{ "/machine.slice/libpod-" ID ".scope/container", ID, "podman", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
	  ID, "podman", "" },
	{ "/libpod_parent/libpod-" ID, ID, "podman", "" },
	{ "/lxc.payload.web/system.slice/ssh.service", "web", "lxc", "" },
	{ "/lxc.payload/web", "web", "lxc", "" },
	{ "/lxc/web/init.scope", "web", "lxc", "" },
	{ "/machine.slice/systemd-nspawn@web.service/payload", "web", "systemd-nspawn", "" },
	{ "/machine.slice/machine-web.scope/payload", "web", "systemd-nspawn", "" },
	{ "/docker/" ID "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_
	  ".slice/cri-containerd-" ID2 ".scope",
	  ID, "docker", "" },
	{ "/system.slice/docker-" ID ".scope/lxc/inner", ID, "docker", "" },
	{ "/system.slice/web.service/libpod-payload-" ID, ID, "podman", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/libpod-payload-" ID,
	  ID, "podman", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/nerdctl-" ID ".scope", ID,
	  "containerd", "" },
	{ "/system.slice/build.slice:docker:" ID, ID, "docker", "" },
	{ "/machine.slice:libpod:" ID, ID, "podman", "" },
	{ "/kubepods-burstable-pod" UID_ ".slice:crio:" ID, ID, "cri-o", UID },
	{ "/kubepods/burstable/pod" UID "/cri-containerd-" ID, ID, "containerd", UID },
	{ "/ecs/" HASH "/" ID, ID, "docker", "" },
	{ "/ecs/" HASH "/" HASH "-1234567890", HASH "-1234567890", NULL, "" },
	{ "/actions_job/" ID, ID, "docker", "" },
	{ "/default/" ID, ID, "containerd", "" },
	{ "/k8s.io/" ID, ID, "containerd", "" },
	{ "/docker/buildkit/abcdefghijklmno0123456789", "abcdefghijklmno0123456789", "docker", "" },
	{ "/machine.slice/web.scope", "web", "systemd-nspawn", "" },
	{ "/machine.slice/web.scope/payload/docker/" ID, "web", "systemd-nspawn", "" },
	{ "/machine.slice/machine-my\\x2dct.scope", "my-ct", "systemd-nspawn", "" },
	{ "/machine.slice/systemd-nspawn@my\\x2dct.service", "my-ct", "systemd-nspawn", "" },

	{ "/", "", NULL, "" },
	{ "/init.scope", "", NULL, "" },
	{ "/system.slice/docker.service", "", NULL, "" },
	{ "/system.slice/docker-short.scope", "", NULL, "" },
	{ "/system.slice/docker-" HASH ".scope", "", NULL, "" },
	{ "/machine.slice/libpod-conmon-" ID ".scope", "", NULL, "" },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-conmon-" ID ".scope", "", NULL, UID },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", "", NULL, "" },
	{ "/user.slice/user-1000.slice/user@1000.service/docker/" ID, "", NULL, "" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/lxc.payload.web", "", NULL, "" },
	{ "/user.slice/user-1000.slice/user@1000.service/machine.slice/web.scope", "", NULL, "" },
	{ "/user.slice/user-1000.slice/user@1000.service/kubepods/pod" UID "/" ID, "", NULL, "" },
	{ "/user.slice/user-1000.slice/user@1000.service/x.slice:docker:" ID, "", NULL, "" },
	{ "/machine.slice/libpod-short.scope", "", NULL, "" },
	{ "/machine.slice/qemu\\x2dvm.scope", "", NULL, "" },
	{ "/ecs/task/" HASH "-1", "", NULL, "" },
	{ "/ecs/" HASH "/" HASH "-", "", NULL, "" },
	{ "/ecs/" HASH "/" HASH "-1x", "", NULL, "" },
	{ "/docker/buildkit/short", "", NULL, "" },
	{ "/buildkit/abcdefghijklmno0123456789", "", NULL, "" },
	{ "/default/web", "", NULL, "" },
	{ "/lxc.monitor.web", "", NULL, "" },
	{ "/user.slice/" ID, "", NULL, "" },
	{ "/kubepods.slice/kubepods-burstable.slice", "", NULL, "" },
	{ "/kubepods/podinfo/" ID, "", NULL, "" },
	{ "/my-podcast.slice", "", NULL, "" },
	/* cut: what is outermost is not known */
	{ "docker/" ID, "", NULL, "" },
	{ "a/system.slice/docker-" ID ".scope", "", NULL, "" },
	{ "kubepods/besteffort/pod" UID "/" ID, "", NULL, "" },
	{ "//", "", NULL, "" },
	{ "", "", NULL, "" },
};

static void every_shape(void)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct container container;
		bool same;

		container_from_cgroup(text_from_string(paths[i].path), &container);
		same = container.id.length == strlen(paths[i].id) &&
		       !memcmp(container.id.length ? container.id.bytes : "", paths[i].id,
			       container.id.length);
		same = same && !strcmp(container.pod_uid, paths[i].pod);
		same = same && !strcmp(container.runtime ? container.runtime : "",
				       paths[i].runtime ? paths[i].runtime : "");
		if (!same)
			printf("# %s: '%.*s' '%s' '%s'\n", paths[i].path, (int)container.id.length,
			       container.id.length ? container.id.bytes : "",
			       container.runtime ? container.runtime : "", container.pod_uid);
		CHECK(same);
	}
}

int main(void)
{
	tap_run("container, runtime and pod are those of the cgroup path", every_shape);
	return tap_end();
}
