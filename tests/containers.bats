#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --containers: the names of containers, with real runtimes and with recorded state files. Everything runs in a mount
# namespace of its own, where the directories of the runtimes are empty at first.

load lib
load containers

# in tests/unit/states
id_a=8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# in tests/unit/recorded: a container and the sandbox of its pod
recorded_docker=f0e84800fca73459efd1c52bbeddf7399f49279dacc40d8c0c8d347aa6fe4385
recorded_containerd=(a68cce22d0be18fb9e43508bfb0560ff1340e13a9cc5cde2e8e8f475337c6e1b 56c1c95a2f154b78692ff5cdb64ef5a73abcd90cbebc951554e529be2f21ce65)
recorded_crio=(d491647bac2f5dde13262a4c49a5e90c631dae4c9582fa3a7c4dbf31023d39fa aadcaef79291f60c3432628cc0e4ce0aa6ab89532ab8679875b82d37efd9031d)

# copy_states: the files that runtimes have written, and those that are made after the definitions of the runtimes
copy_states() {
	local directory
	inside mkdir -p "$tasks"
	for directory in "$BATS_TEST_DIRNAME"/unit/{recorded,states}/{run,var}; do
		inside cp -r "$directory/." "/${directory##*/}/"
	done
}

# execute CGROUP ARGUMENT: executes noop in a new cgroup
execute() {
	made_cgroups+=("${1%%/*}")
	in_cgroup "$1" "$helpers/noop" "$2"
}

# has_names ARGUMENT NAMES: compares the four names in the line of the helper with that argument; sets $line.
has_names() {
	poll have_line ".args[1] == \"$1\" and (.args[0] | test(\"/(noop|hold)$\"))"
	expect '| [.container_name, .container_image, .pod_name, .pod_namespace] | tojson' "$2"
}

# Prints the number of lines of noop.
count_noop() {
	jq -c 'select(.args[0]? // "" | endswith("/noop"))' "$lines" | grep -c .
}

@test "a cgroup whose path is cut has no container, whatever its end looks like" {
	local deep
	deep=$marker.slice$(printf '/a%.0s' {1..70})/docker/$id_a
	make_namespace
	copy_states
	landlock || options=--no-sandbox
	start_exectap --containers --only "args=$marker*" --skip "container_id=$id_a" $options
	execute "$deep" "$marker-deep"
	has_names "$marker-deep" '[null,null,null,null]'
	expect '| [.container_id, .container_runtime, .pod_uid, .truncated] | tojson' '[null,null,null,["cgroup"]]'
}

@test "recorded files of Kubernetes, CRI-O, Docker and podman give the names; without the option there are none" {
	local pod=$marker.slice/kubepods.slice/kubepods-pod01234567_89ab_cdef_0123_456789abcdef.slice id runtime
	make_namespace
	copy_states
	landlock || options=--no-sandbox
	start_exectap --containers --only "args=$marker*" $options
	execute "$pod/cri-containerd-${recorded_containerd[0]}.scope" "$marker-k8s"
	execute "$pod/cri-containerd-${recorded_containerd[1]}.scope" "$marker-k8s-sandbox"
	execute "$marker.slice/kubepods/besteffort/pod0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9/crio-${recorded_crio[0]}" "$marker-crio"
	execute "$marker.slice/kubepods/besteffort/pod0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9/crio-${recorded_crio[1]}" "$marker-crio-sandbox"
	execute "$marker.slice/docker/$recorded_docker" "$marker-docker"
	execute "$marker.slice/libpod-$(printf '22%.0s' {1..32}).scope" "$marker-podman"
	execute "$marker.slice/docker-$(printf 'd9%.0s' {1..32}).scope" "$marker-unknown"
	"$helpers/noop" "$marker-none"
	for runtime in k8s crio; do
		has_names "$marker-$runtime" '["web","docker.io/library/nginx:1.25.3","web-0","shop"]'
	done
	has_names "$marker-k8s-sandbox" '[null,null,"web-0","shop"]'
	has_names "$marker-crio-sandbox" '["POD","registry.k8s.io/pause:3.9","web-0","shop"]'
	has_names "$marker-docker" '["shop-db-1","shop/db:8.3",null,null]'
	has_names "$marker-podman" '["cache","docker.io/library/redis:7",null,null]'
	has_names "$marker-unknown" '[null,null,null,null]'
	has_names "$marker-none" '[null,null,null,null]'
	grep -qE '^CapEff:\s*0000000000000004$' "/proc/$exectap_pid/status"
	grep -qE '^CapBnd:\s*0000000000000000$' "/proc/$exectap_pid/status"
	stop_exectap
	[ "$(count_noop)" = 8 ]

	start_exectap --only "args=$marker*" --format ecs
	execute "$pod/cri-containerd-$id_a.scope" "$marker-off"
	poll grep -q "$marker-off" "$lines"
	grep -qE '^CapEff:\s*0000000000000000$' "/proc/$exectap_pid/status"
	stop_exectap
	[ "$(jq -c 'select(.container) | [.container | keys[]]' "$lines" | tail -n 1)" = '["id","runtime"]' ]
}

@test "rules decide by the names; what is not known passes" {
	make_namespace
	copy_states
	landlock || options=--no-sandbox
	start_exectap --containers --only "args=$marker*" --only container_name=web --skip pod_namespace=prod $options
	execute "$marker.slice/cri-containerd-$id_a.scope" "$marker-web"
	execute "$marker.slice/docker-$(printf 'd0%.0s' {1..32}).scope" "$marker-db"
	execute "$marker.slice/docker-$(printf 'd9%.0s' {1..32}).scope" "$marker-unknown"
	"$helpers/noop" "$marker-none"
	has_names "$marker-web" '["web","docker.io/library/nginx:1.25.3","web-0","shop"]'
	has_names "$marker-unknown" '[null,null,null,null]'
	stop_exectap
	[ "$(count_noop)" = 2 ]
	rejects 'a rule for the names of containers needs --containers' --only container_name=web
	rejects 'a rule for the names of containers needs --containers' --limit 1/1:pod_name
}

@test "a FIFO, a symbolic link to another file and a huge file give no names, and no event waits" {
	local docker=/var/lib/docker/containers kind id
	make_namespace
	inside mkdir -p "$docker"
	echo '{"Name":"/secret"}' >"$BATS_TEST_TMPDIR/secret"
	landlock || options=--no-sandbox
	start_exectap --containers --only "args=$marker*" $options
	for kind in a1 a2 a3 a4; do
		id=$(printf "$kind%.0s" {1..32})
		inside mkdir "$docker/$id"
		case $kind in
		a1) inside mkfifo "$docker/$id/config.v2.json" ;;
		a2) inside ln -s "$BATS_TEST_TMPDIR/secret" "$docker/$id/config.v2.json" ;;
		a3) inside sh -c "yes '{\"Name\":\"/a\",' | head -c 100000 >$docker/$id/config.v2.json" ;;
		a4) inside rmdir "$docker/$id" && inside ln -s "$BATS_TEST_TMPDIR" "$docker/$id" && cp "$BATS_TEST_TMPDIR/secret" "$BATS_TEST_TMPDIR/config.v2.json" ;;
		esac
		execute "$marker.slice/docker-$id.scope" "$marker-$kind"
		has_names "$marker-$kind" '[null,null,null,null]'
	done
	stop_exectap
}

@test "a directory that takes the place of one of the start is not read; with --no-sandbox it is" {
	local docker=/var/lib/docker/containers id
	id=$(printf 'd0%.0s' {1..32})
	landlock || skip "no Landlock here"
	make_namespace
	copy_states
	for sandbox in '' --no-sandbox; do
		start_exectap --containers --only "args=$marker*" $sandbox
		inside sh -c "mv $docker $docker.old && cp -r $docker.old $docker && rm -r $docker.old"
		execute "$marker.slice/docker-$id.scope" "$marker-moved$sandbox"
		if [ "$sandbox" ]; then
			has_names "$marker-moved$sandbox" '["shop-db-1","mysql:8.3",null,null]'
		else
			has_names "$marker-moved" '[null,null,null,null]'
		fi
		stop_exectap
	done
}

@test "1,200 containers are read with at most 8 MiB of anonymous memory" {
	make_namespace
	landlock || options=--no-sandbox
	# with the seccomp profile of containerd a file has 20 KiB and more
	# shellcheck disable=SC2016
	inside sh -c 'jq -c --arg image "registry.example/$(printf "%0200d" 0)" ".annotations.\"io.kubernetes.cri.image-name\" = \$image |
			.linux.seccomp.syscalls = [range(400) | {names: [\"call\(.)\"], action: \"SCMP_ACT_ALLOW\"}]" "$0" >"$2/template"
		for i in $(seq 1000 2199); do
			mkdir -p "$1/k8s.io/$i$(printf "%060d" 0)"
			ln "$2/template" "$1/k8s.io/$i$(printf "%060d" 0)/config.json" 2>/dev/null || cp "$2/template" "$1/k8s.io/$i$(printf "%060d" 0)/config.json"
		done' "$BATS_TEST_DIRNAME/unit/states$tasks/k8s.io/$id_a/config.json" "$tasks" "$BATS_TEST_TMPDIR" 3>&-
	start_exectap --containers --only "args=$marker*" $options
	made_cgroups+=("$marker.slice")
	# shellcheck disable=SC2016
	inside bash -c 'for i in $(seq 1000 2199); do
			cgroup=/sys/fs/cgroup/$0.slice/cri-containerd-$i$(printf "%060d" 0).scope
			mkdir -p "$cgroup" && echo $BASHPID >"$cgroup/cgroup.procs" && "$1" "$0-$i"
		done' "$marker" "$helpers/noop" 3>&-
	poll have_line ".args[1] == \"$marker-2199\""
	[ "$(awk '/^RssAnon/ { print $2 }' "/proc/$exectap_pid/status")" -le 8192 ]
	stop_exectap
	[ "$(jq -c 'select(.args[1] | startswith($marker)) | select(.container_image | length == 217) | .container_name' --arg marker "$marker-" "$lines" | sort | uniq -c | awk '{ print $1, $2 }')" = '1200 "web"' ]
}

@test "without Landlock or the capability it does not start with --containers, and says why in one line" {
	local status=0
	"$helpers/refuse" 444 -1 38 "$exectap" --containers >"$lines" 2>"$log" 3>&- || status=$?
	[ "$status" = 4 ]
	[ "$(cat "$log")" = "exectap: --containers needs Landlock (Linux 5.13), which the kernel lacks or has disabled: without it exectap could read every file; add --no-sandbox to accept that" ]
	"$helpers/refuse" 444 -1 38 "$exectap" --containers --no-sandbox >"$lines" 2>"$log" 3>&- &
	exectap_pid=$!
	poll grep -q watching "$log"
	stop_exectap
	if landlock; then
		status=0
		# landlock_restrict_self(2) alone
		"$helpers/refuse" 446 -1 1 "$exectap" --containers >"$lines" 2>"$log" 3>&- || status=$?
		[ "$status" = 1 ]
		[ "$(tail -n 1 "$log")" = "exectap: --containers: cannot limit file access: Operation not permitted; it needs Landlock, or --no-sandbox" ]
	fi
	status=0
	setpriv --bounding-set -dac_read_search --inh-caps -dac_read_search "$exectap" --containers --no-sandbox >"$lines" 2>"$log" 3>&- || status=$?
	[ "$status" = 3 ]
	[ "$(cat "$log")" = "exectap: --containers: CAP_DAC_READ_SEARCH is missing; run exectap as root, or with this capability, see containers.conf in exectap(8)" ]
}

# make_root: makes the root of a container from one static program
make_root() {
	mkdir -p "$BATS_TEST_TMPDIR/root"/{bin,proc,dev,sys,etc}
	cp "$helpers/hold" "$helpers/noop" "$BATS_TEST_TMPDIR/root/bin/"
}

@test "podman: a container of an image that has one program" {
	command -v podman >/dev/null && command -v runc >/dev/null || skip "podman and runc are not installed"
	make_namespace
	make_root
	landlock || options=--no-sandbox
	inside mkdir -p /var/lib/containers/storage/overlay-containers
	tar -C "$BATS_TEST_TMPDIR/root" -c . | inside podman --cgroup-manager cgroupfs import - "localhost/$marker:1" >"$BATS_TEST_TMPDIR/podman.log" 2>&1 ||
		skip "podman cannot make an image here: $(tail -n 1 "$BATS_TEST_TMPDIR/podman.log")"
	start_exectap --containers --only "args=$marker*" $options
	made_cgroups+=(libpod_parent)
	# without limits, which need controllers and CAP_SYS_RESOURCE
	inside podman --runtime runc --cgroup-manager cgroupfs run --detach --name "c$marker" --network none --pids-limit 0 --security-opt seccomp=unconfined \
		--ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "localhost/$marker:1" /bin/hold "$marker-in" >"$BATS_TEST_TMPDIR/podman.log" 2>&1 3>&- ||
		skip "podman cannot run a container here: $(tail -n 1 "$BATS_TEST_TMPDIR/podman.log")"
	has_names "$marker-in" "[\"c$marker\",\"localhost/$marker:1\",null,null]"
	expect container_runtime podman
	expect container_id "$(inside podman --cgroup-manager cgroupfs inspect --format '{{.Id}}' "c$marker")"
	inside podman --runtime runc --cgroup-manager cgroupfs rm -f "c$marker" 3>&-
	stop_exectap
}

# run_task CGROUP ID NAMESPACE ANNOTATIONS: runs the helper "hold" in a container
run_task() {
	made_cgroups+=("${1%%/*}")
	inside ctr oci spec | jq --arg cgroup "/$1/$2" --arg root "$BATS_TEST_TMPDIR/root" --arg argument "$marker-$3" --argjson annotations "$4" '
		del(.linux.resources, .process.rlimits) | .linux.cgroupsPath = $cgroup | .root = {path: $root} |
		.process.args = ["/bin/hold", $argument] | .annotations = $annotations' >"$BATS_TEST_TMPDIR/spec.json"
	inside ctr --namespace "$3" run --detach --null-io --config "$BATS_TEST_TMPDIR/spec.json" "$2" >"$BATS_TEST_TMPDIR/ctr.log" 2>&1 3>&- ||
		skip "containerd cannot run a container here: $(tail -n 1 "$BATS_TEST_TMPDIR/ctr.log")"
}

@test "containerd: tasks with the annotations of Kubernetes and of nerdctl, in two namespaces" {
	command -v containerd >/dev/null && command -v ctr >/dev/null && command -v runc >/dev/null || skip "containerd and runc are not installed"
	local id
	id=$(printf '%s' "$marker" | sha256sum | cut -d ' ' -f 1)
	make_namespace
	make_root
	landlock || options=--no-sandbox
	nsenter --mount="$namespace" -- containerd --log-level warn >"$BATS_TEST_TMPDIR/containerd.log" 2>&1 3>&- &
	held+=($!)
	poll inside ctr version
	poll inside test -d "$tasks"
	start_exectap --containers --only "args=$marker*" $options
	run_task k8s.io "$id" k8s.io '{"io.kubernetes.cri.container-name": "web", "io.kubernetes.cri.image-name": "localhost/web:1",
		"io.kubernetes.cri.sandbox-name": "web-0", "io.kubernetes.cri.sandbox-namespace": "shop"}'
	run_task default "$(tr 0-9a-f 1-9a-f0 <<<"$id")" default '{"nerdctl/name": "proxy"}'
	has_names "$marker-k8s.io" '["web","localhost/web:1","web-0","shop"]'
	expect container_runtime containerd
	has_names "$marker-default" '["proxy",null,null,null]'
	stop_exectap
}
