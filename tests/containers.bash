# SPDX-License-Identifier: BSD-2-Clause
# Functions for tests with --containers: a mount namespace where the directories of the runtimes are empty at first.

tasks=/run/containerd/io.containerd.runtime.v2.task

# Makes the namespace. Afterwards $exectap and `inside` run in it.
make_namespace() {
	local directory
	unshare --mount --propagation private mount -t cgroup2 none /sys/fs/cgroup || skip "no cgroup v2 can be mounted here"
	# the places of the mounts
	made_directories=()
	for directory in /var/lib/containers /run/containers /run/containerd /var/lib/containerd /var/lib/docker /run/libpod; do
		[ -d "$directory" ] || { mkdir "$directory" && made_directories+=("$directory"); }
	done
	unshare --mount --propagation private sh -c '
		for directory in /var/lib/containers /run/containers /run/containerd /var/lib/containerd /var/lib/docker /run/libpod; do
			mount -t tmpfs none "$directory" || exit
		done
		mount -t cgroup2 none /sys/fs/cgroup && touch "$0" && exec sleep 1000' "$BATS_TEST_TMPDIR/made" 3>&- &
	namespace_pid=$!
	namespace=/proc/$namespace_pid/ns/mnt
	poll test -e "$BATS_TEST_TMPDIR/made"
	namespace_id=$(readlink "$namespace")
	printf '#!/bin/sh\nexec nsenter --mount=%q -- %q "$@"\n' "$namespace" "$exectap" >"$BATS_TEST_TMPDIR/exectap-inside"
	chmod 755 "$BATS_TEST_TMPDIR/exectap-inside"
	exectap=$BATS_TEST_TMPDIR/exectap-inside
}

inside() {
	nsenter --mount="$namespace" -- "$@"
}

# Ends what runs in the namespace and in the cgroups of a test, and removes these.
more_teardown() {
	local process cgroup
	[ -n "${namespace_pid:-}" ] || return 0
	for process in /proc/[0-9]*; do
		[ "${process#/proc/}" != "$namespace_pid" ] && [ "$(readlink "$process/ns/mnt")" = "$namespace_id" ] && kill -KILL "${process#/proc/}"
	done
	for cgroup in "${made_cgroups[@]}"; do
		inside find "/sys/fs/cgroup/$cgroup" -name cgroup.procs -exec cat {} + 2>/dev/null | xargs -r kill -KILL
		poll is_removed "$cgroup"
	done
	kill -KILL "$namespace_pid"
	wait "$namespace_pid" 2>/dev/null || true
	for cgroup in "${made_directories[@]}"; do rmdir "$cgroup" 2>/dev/null || true; done
}

is_removed() {
	inside find "/sys/fs/cgroup/$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
	! inside test -e "/sys/fs/cgroup/$1"
}

# in_cgroup CGROUP COMMAND...: runs the command in the namespace, in a new cgroup. The test adds the first part of the
# cgroup's path to made_cgroups.
in_cgroup() {
	# shellcheck disable=SC2016
	inside sh -c 'mkdir -p "/sys/fs/cgroup/$0" && echo $$ >"/sys/fs/cgroup/$0/cgroup.procs" && exec "$@"' "$@" 3>&-
}

landlock() {
	"$exectap" --check | grep -q '^ok *limit of file access'
}
