#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The packages and the service: builds packages in a copy of the tree, installs them in a Debian tree, and boots it.

load lib

setup_file() {
	export tree=$BATS_FILE_TMPDIR/tree
	copy_tree "$tree"
	export packages=$tree/build/packages
}

copy_tree() {
	mkdir -p "$1"
	tar -C "$BATS_TEST_DIRNAME/.." --exclude=./build --exclude=./.git -cf - . | tar -C "$1" -xf -
}

need() {
	local command
	for command in "$@"; do
		command -v "$command" >/dev/null || skip "no $command"
	done
}

# build TARGET: runs make without the variables of an outer make
build() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "${2:-$tree}" -j2 "$1" >"$BATS_TEST_TMPDIR/make.log" 2>&1 3>&- || {
		tail -n 50 "$BATS_TEST_TMPDIR/make.log"
		return 1
	}
}

# built TARGET PATTERN: builds the package if it is missing, and sets $package to its path
built() {
	compgen -G "$packages/$2" >/dev/null || build "$1"
	package=$(compgen -G "$packages/$2")
}

# unit_for_analysis: sets $unit to a copy of the unit whose program exists on this host
unit_for_analysis() {
	unit=$BATS_TEST_TMPDIR/exectap.service
	sed "s|/usr/sbin/exectap|$exectap|" "$top/packaging/systemd/exectap.service" >"$unit"
}

@test "systemd finds nothing wrong with the unit" {
	need systemd-analyze
	unit_for_analysis
	run systemd-analyze verify --man=no "$unit"
	echo "$output"
	[ "$status" = 0 ]
	[ "$output" = "" ]
}

@test "the unit's exposure is 1.2 or lower, by systemd's own count" {
	need systemd-analyze
	unit_for_analysis
	systemd-analyze security --offline=true --no-pager --threshold=12 "$unit"
}

@test "the version is the same in every package" {
	version=$(sed -n 's/^VERSION := //p' "$top/Makefile")
	[ "$("$exectap" --version | grep -oE '[0-9.]+$')" = "$version" ]
	[ "$(sed -n '1s/.*(\(.*\)).*/\1/p' "$top/packaging/debian/changelog")" = "$version" ]
	grep -q "exectap_version $version}\$" "$top/packaging/rpm/exectap.spec"
}

@test "two tarballs of the same source, built in different folders, are equal byte for byte" {
	other=$BATS_TEST_TMPDIR/another/folder
	copy_tree "$other"
	export SOURCE_DATE_EPOCH=1700000000
	build tarball "$tree"
	(umask 077 && build tarball "$other")
	package=$(compgen -G "$packages/exectap-*.tar.gz")
	[ "$(tar -tzvf "$package" | grep -c ' 2023-11-14 .*exectap-')" -gt 5 ]
	cmp "$package" "$other/build/packages/$(basename "$package")"
}

@test "the tarball, unpacked, runs without any library, and its program has at most 2.5 MiB" {
	built tarball 'exectap-*.tar.gz'
	tar -xzf "$package" --strip-components=1 -C "$BATS_TEST_TMPDIR"
	env -i "$BATS_TEST_TMPDIR/sbin/exectap" --version
	stat -c %s "$BATS_TEST_TMPDIR/sbin/exectap"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/sbin/exectap")" -le $((2560 * 1024)) ]
	run readelf --program-headers "$BATS_TEST_TMPDIR/sbin/exectap"
	[[ $output != *INTERP* ]]
	[ -f "$BATS_TEST_TMPDIR/share/exectap/exectap.schema.json" ]
	grep -q '^ExecStart=/usr/local/sbin/exectap ' "$BATS_TEST_TMPDIR/lib/systemd/system/exectap.service"
}

# --- Debian's package

need_deb() {
	need dpkg-buildpackage dh bpftool
}

need_debian() {
	local ID=
	need_deb
	need debootstrap unshare
	. /etc/os-release
	[ "$ID" = debian ] || skip "not on Debian"
	cd "$top" || return
	. tests/kernels/debian.bash
	. tests/packages/tree.bash
	[ -n "$(mirror)" ] || skip "no mirror of Debian in the package sources"
}

# debian: creates a fresh Debian tree once, for tests to copy
debian() {
	debian=$BATS_FILE_TMPDIR/debian
	[ ! -e "$debian.made" ] || return 0
	make_tree "$debian" >"$BATS_TEST_TMPDIR/debootstrap.log" 2>&1 3>&- || {
		tail -n 50 "$BATS_TEST_TMPDIR/debootstrap.log"
		rm -rf --one-file-system "$debian" # the next test begins anew
		! grep -qE "^E: (Couldn't download|Failed getting release)" "$BATS_TEST_TMPDIR/debootstrap.log" ||
			skip "the mirror of Debian cannot be reached"
		return 1
	}
	touch "$debian.made"
}

# copy_debian: sets $copy to a copy of it
copy_debian() {
	debian
	copy=$BATS_TEST_TMPDIR/debian
	cp -a "$debian" "$copy"
}

@test "lintian has nothing to say of the Debian package" {
	need_deb
	need lintian
	built deb 'exectap_*.changes'
	run lintian --allow-root "$package"
	echo "$output"
	# without the manual in the tree, the package lacks it too
	[ -e "$top/packaging/man/exectap.8" ] || output=$(grep -v no-manual-page <<<"$output") || true
	[ "$output" = "" ]
}

@test "every link of the documents resolves in the Debian package" {
	need_deb
	built deb 'exectap_*.deb'
	dpkg-deb -x "$package" "$BATS_TEST_TMPDIR/root"
	"$top/tests/links" "$BATS_TEST_TMPDIR/root/usr/share/doc/exectap"
}

@test "the Debian package asks for what make deps installs to build it" {
	diff <(sed -n '/^	cat <<.END.$/,/^END$/p' "$top/packaging/deps" | awk '$1 == "build" { print $3 }' |
		grep -vE '^(make|gcc|libc6-dev|linux-libc-dev)$' | sort) \
		<(sed -n '/^Build-Depends:/,/^[^ ]*$/p' "$top/packaging/debian/control" | grep -oE '^ [a-z0-9.+-]+' |
			tr -d ' ' | grep -v debhelper-compat | sort)
}

@test "the Debian package, in a fresh Debian, works, starts nothing, and leaves nothing when it is purged" {
	need_debian
	built deb 'exectap_*.deb'
	copy_debian
	files() {
		(cd "$copy" && find . -path ./var/cache -prune -o -path ./var/lib/apt -prune -o -path ./var/lib/dpkg -prune -o \
			-path ./var/log/apt -prune -o -path ./etc/resolv.conf -prune -o -print | sort)
	}
	files >"$BATS_TEST_TMPDIR/before"
	install_deb "$copy" "$package"
	inside "$copy" exectap --check
	inside "$copy" exectap --version
	run inside "$copy" systemctl is-enabled exectap.service
	[ "$output" = disabled ]
	inside "$copy" test -f /etc/exectap/exectap.conf -a -f /usr/lib/sysusers.d/exectap.conf -a -f /usr/lib/tmpfiles.d/exectap.conf -a -f /usr/share/exectap/exectap.schema.json
	inside "$copy" logrotate --debug /usr/share/doc/exectap/examples/logrotate.conf
	inside "$copy" systemctl enable exectap.service
	# the file that the service leaves
	install -D /dev/null "$copy/var/log/exectap/exec.jsonl"
	inside "$copy" apt-get -qq -o APT::Sandbox::User=root purge -y --autoremove exectap
	diff "$BATS_TEST_TMPDIR/before" <(files)
}

# --- the service, in a guest

# booted: boots the guest once, and sets $found to the folder of its results
booted() {
	need_debian
	need cpio "qemu-system-x86_64" rpmbuild rpm2cpio
	[ "$architecture" = amd64 ] || skip "made for a host that is x86-64"
	[ -z "${EXECTAP_NO_KERNELS:-}" ] || skip "EXECTAP_NO_KERNELS is set"
	found=$BATS_FILE_TMPDIR/guest
	if [ ! -e "$found" ]; then
		mkdir "$found"
		built deb 'exectap_*.deb'
		copy_debian
		install_deb "$copy" "$package"
		cp "$package" "$copy/root/older.deb"
		newer_deb "$package" "$copy/root/newer.deb"
		built rpm 'exectap-*.rpm'
		copy_rpm "$copy"
		cp "$package" "$copy/root/older.rpm"
		newer_rpm "$package" "$copy/root/newer.rpm"
		tests/packages/boot "$copy" "$found" 3>&-
		mkdir -p "$captured"
		cp "$found/lines.jsonl" "$captured/packages-guest.jsonl" || true
	fi
	[ -s "$found/journal" ] || {
		tail -n 50 "$found/console"
		return 1
	}
	# printed if the test fails
	cat "$found/journal"
}

# newer_deb DEB NEWER: makes the same package with a higher version
newer_deb() {
	local unpacked=$BATS_TEST_TMPDIR/newer
	dpkg-deb -R "$1" "$unpacked"
	sed -i 's/^Version: .*/&+newer/' "$unpacked/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$unpacked" "$2"
}

# newer_rpm RPM NEWER: makes the package again, of the spec and the files of the first one, with a higher release
newer_rpm() {
	local top=$BATS_TEST_TMPDIR/rpm
	mkdir -p "$top/BUILD"
	ln -s "$tree" "$top/BUILD/exectap-$(rpm -qp --queryformat '%{VERSION}' "$1")"
	printf '#!/bin/sh\nfor word; do case $word in DESTDIR=*) cd "${word#*=}" && rpm2cpio %q | cpio -idm --quiet ;; esac; done\n' \
		"$1" >"$top/make"
	chmod 755 "$top/make"
	rpmbuild -bb --nodeps --noprep --define "_topdir $top" --define "__make $top/make" --define 'dist .newer' \
		"$tree/packaging/rpm/exectap.spec" >"$top/log" 2>&1 || {
		tail -n 20 "$top/log"
		return 1
	}
	cp "$top"/RPMS/*/*.rpm "$2"
}

# ended STEP STATUS: prints the step's output, and fails if its status differs
ended() {
	cat "$found/$1"
	[ "$(tail -n 1 "$found/$1")" = "status $2" ]
}

# in_file FILTER FILE: fails unless exactly one line of the file matches
in_file() {
	[ "$(jq -c "select($1)" "$found/$2" | wc -l)" = 1 ]
}

# clean STEP: fails unless the service's properties are those after a clean stop
clean() {
	cat "$found/$1"
	grep -qx ActiveState=inactive "$found/$1"
	grep -qx Result=success "$found/$1"
	grep -qx ExecMainCode=1 "$found/$1" # CLD_EXITED
	grep -qx ExecMainStatus=0 "$found/$1"
	grep -qx NRestarts=0 "$found/$1"
}

@test "the service is disabled as it is installed, starts, writes the next exec into its file, and stops clean" {
	booted
	[ "$(head -n 1 "$found/enabled")" = disabled ]
	[ "$(head -n 1 "$found/before")" = inactive ]
	ended start 0
	ended arrives 0
	in_file '.args == ["/bin/true", "at-once"] and .exe == "/usr/bin/true"' rotated.jsonl
	ended stop 0
	clean stopped
	in_file '.args == ["/bin/true", "last"]' lines.jsonl
}

@test "the service runs as a user of its own, with no more than two capabilities" {
	booted
	cat "$found/process" "$found/folders"
	[ "$(awk '$1 == "Uid:" { print $2 }' "$found/process")" != 0 ]
	[ "$(awk '$1 == "CapBnd:" { print $2 }' "$found/process")" = 000000c000000000 ] # 38 and 39
	capabilities=$(awk '$1 == "CapEff:" { print $2 }' "$found/process")
	[ $((0x$capabilities & ~0xc000000000)) = 0 ]
	[ "$(awk '$1 == "NoNewPrivs:" { print $2 }' "$found/process")" = 1 ]
	[ "$(awk '$1 == "Seccomp:" { print $2 }' "$found/process")" = 2 ]
	grep -qx "/var/log/exectap 750 exectap exectap" "$found/folders"
	grep -qx "/run/exectap 2770 exectap exectap" "$found/folders"
	grep -qx "/var/log/exectap/exec.jsonl 640 exectap exectap" "$found/folders"
}

@test "a shipper whose user is in group exectap reads the file and listens in /run/exectap; a stranger cannot read" {
	booted
	ended shipper_reads 0
	ended stranger_reads 1
	ended shipper_start 0
	ended shipper_arrives 0
	ended shipper_stop 0
}

@test "logrotate has the service open a new file, and no line is missing" {
	booted
	ended rotate 0
	ended arrives_rotated 0
	ended rotate_again 0
	ended reload 0
	[ "$(grep -v status "$found/folder" | tr '\n' ' ')" = "exec.jsonl exec.jsonl.1 exec.jsonl.2.gz " ]
	[ "$(cat "$found/rotated.jsonl" "$found/lines.jsonl" | jq -s '[.[].seq] | . == [range(length)]')" = true ]
}

@test "the service serves clients of the group" {
	booted
	ended socket_start 0
	[ "$(head -n 1 "$found/socket")" = "660 exectap" ]
	ended socket_arrives 0
	ended socket_stop 0
	clean socket_stopped
}

@test "from its start to its removal, with restarts, upgrades, reloads and rotations, the service loses no exec of a storm" {
	booted
	for step in install configure enable restart upgrade upgraded upgraded_active reload_changed lifecycle_stop upgrade_stopped \
		start_again remove rotated_itself; do
		ended "$step" 0
	done
	[ "$(head -n 1 "$found/installed")" != active ]
	ended reload_invalid 1
	grep -q '/etc/exectap/exectap.conf: applied' "$found/journal"
	clean lifecycle_stopped
	first=$(cat "$found/storm.first") last=$(cat "$found/storm.last")
	echo "from $first to $last"
	[ "$((last - first))" -gt 100 ]
	jq -r 'select(.type == "exec") | .args[1] // "" | select(startswith("storm-")) | .[6:]' "$found/storm.jsonl" >"$found/storm.numbers"
	# the exec at either end may be on either side of the start or the removal
	diff <(awk -v first="$first" -v last="$last" '$1 > first && $1 < last' "$found/storm.numbers" | sort -n) \
		<(seq "$((first + 1))" "$((last - 1))")
	[ "$(sort "$found/storm.numbers" | uniq -d)" = "" ]
	[ "$(jq -c 'select(.type == "lost")' "$found/storm.jsonl")" = "" ]
}

@test "with the drop-in for --containers the service reads the names of containers, and has that one capability" {
	booted
	ended names_start 0
	ended names_arrive 0
	[ "$(awk '{ print $2; exit }' "$found/names_capabilities")" = 0000000000000004 ]
	ended names_stop 0
	clean names_stopped
	# the unit leaves the calls of Landlock to it
	[ "$(grep -c 'cannot limit file access' "$found/journal")" = 0 ]
}

@test "an upgrade does not start an enabled service that is stopped" {
	booted
	ended upgrade_stopped 0
	[ "$(head -n 1 "$found/upgrade_stopped_active")" = inactive ]
}

@test "removing the package stops the service and removes the pinned programs" {
	booted
	ended remove 0
	cat "$found/remove_active" "$found/remove_left"
	[ "$(head -n 1 "$found/remove_active")" = inactive ]
	[[ $(cat "$found/remove_left") != */comm* ]]
	grep -q 'No such file' "$found/remove_left"
}

@test "with its drop-in, the service reports failed attempts by the tracepoints" {
	booted
	ended failed_start 0
	ended failed_arrives 0
	ended failed_stop 0
	clean failed_stopped
}

@test "the service does not try wrong usage again" {
	booted
	grep -qx Result=exit-code "$found/wrong_stopped"
	grep -qx ExecMainStatus=2 "$found/wrong_stopped"
	grep -qx NRestarts=0 "$found/wrong_stopped"
}

@test "purged after it ran, the package leaves nothing" {
	booted
	ended purge 0
	cat "$found"/left*
	[ "$(wc -l <"$found/left")" = 1 ]
	[ "$(grep -c 'No such file' "$found/left_run")" = 2 ]
	[ "$(head -n 1 "$found/left_accounts")" = "status 1" ]
}

# --- rpm, container, Kubernetes

@test "the rpm starts nothing, is upgraded while the service runs and while it is stopped, and stops it when it is erased" {
	booted
	for step in rpm_install rpm_start rpm_arrives rpm_upgrade rpm_upgraded rpm_upgraded_active rpm_upgraded_enabled \
		rpm_upgrade_stopped rpm_erase; do
		ended "$step" 0
	done
	[ "$(head -n 1 "$found/rpm_enabled")" = disabled ]
	[ "$(head -n 1 "$found/rpm_active")" = inactive ]
	[ "$(head -n 2 "$found/rpm_folders" | tr '\n' ' ')" = "750 exectap exectap 2770 exectap exectap " ]
	[ "$(head -n 1 "$found/rpm_stopped")" = inactive ]
	[ "$(head -n 1 "$found/rpm_erased")" = inactive ]
	cat "$found/rpm_left"
	[[ $(cat "$found/rpm_left") != */comm* ]]
	[ "$(grep -c 'No such file' "$found/rpm_left")" = 3 ]
}

@test "the rpm holds what the others hold, and its program runs" {
	need rpmbuild rpm2cpio cpio bpftool
	built rpm 'exectap-*.rpm'
	rpm -qpl "$package" | sort >"$BATS_TEST_TMPDIR/files"
	cat "$BATS_TEST_TMPDIR/files"
	for file in /etc/exectap/exectap.conf /usr/lib/systemd/system/exectap.service /usr/lib/sysusers.d/exectap.conf \
		/usr/lib/tmpfiles.d/exectap.conf /usr/sbin/exectap /usr/share/exectap/exectap.schema.json; do
		grep -qx "$file" "$BATS_TEST_TMPDIR/files"
	done
	[ "$(rpm -qpc "$package" | sort | tr '\n' ' ')" = "/etc/exectap/exectap.conf " ]
	# the installation starts nothing
	[[ $(rpm -qp --scripts "$package") != *enable\ exectap* ]]
	cd "$BATS_TEST_TMPDIR"
	rpm2cpio "$package" | cpio -idm --quiet
	[ "$(usr/sbin/exectap --version)" = "exectap $(rpm -qp --queryformat '%{VERSION}' "$package")" ]
	grep -q '^ExecStart=/usr/sbin/exectap ' usr/lib/systemd/system/exectap.service
}

@test "with the macros of systemd the rpm's scriptlets are those of systemd" {
	need rpmspec
	rpmspec -P --define 'systemd_post() as-installed %1' --define 'systemd_preun() as-erased %1' \
		--define 'systemd_postun_with_restart() as-upgraded %1' "$top/packaging/rpm/exectap.spec" |
		sed -n '/^%post$/,/^%files/p' >"$BATS_TEST_TMPDIR/scriptlets"
	cat "$BATS_TEST_TMPDIR/scriptlets"
	[ "$(grep -E '^(%|as-)' "$BATS_TEST_TMPDIR/scriptlets" | tr '\n' ' ')" = "%post as-installed exectap.service %preun as-erased exectap.service %postun as-upgraded exectap.service %files -f installed " ]
	[ "$(grep -c systemctl "$BATS_TEST_TMPDIR/scriptlets")" = 0 ]
}

@test "the container image holds one program and its license, and the program runs with two capabilities" {
	need buildah
	built container 'exectap-*-container-*.tar'
	cd "$BATS_TEST_TMPDIR"
	tar -xf "$package"
	[ "$(jq -c '.[0].Layers | length' manifest.json)" -ge 1 ]
	config=$(jq -r '.[0].Config' manifest.json)
	jq -e '.config.Entrypoint == ["/exectap"] and .os == "linux"' "$config"
	mkdir root
	jq -r '.[0].Layers[]' manifest.json | while read -r layer; do tar -C root -xf "$layer"; done
	[ "$(cd root && find . -type f | sort | tr '\n' ' ')" = "./LICENSE ./exectap " ]
	env -i "$(command -v chroot)" root /exectap --version
	# root with the two capabilities of the manifests only
	run setpriv --bounding-set=-all,+bpf,+perfmon --inh-caps=-all root/exectap --check
	echo "$output"
	[ "$status" = 0 ]
}

python_with_yaml() {
	local python
	for python in python3 /usr/bin/python3; do
		"$python" -c 'import yaml' 2>/dev/null && echo "$python" && return
	done
	skip "no Python with yaml"
}

@test "the DaemonSet has the least privileges" {
	python=$(python_with_yaml)
	run "$python" "$top/tests/packages/kubernetes" privileges "$top/packaging/kubernetes/base/exectap.yaml"
	echo "$output"
	[ "$status" = 0 ]
	[ "$output" = "" ]
	# version and options are those of the other packages
	grep -q "image: exectap:$(sed -n 's/^VERSION := //p' "$top/Makefile")\$" "$top/packaging/kubernetes/base/exectap.yaml"
}

@test "the manifest fits the types that Kubernetes publishes" {
	need npm node
	python=$(python_with_yaml)
	cd "$BATS_TEST_TMPDIR"
	timeout 120 npm install --silent --no-audit --no-fund --ignore-scripts kubernetes-types@1.30.0 typescript@5 >npm.log 2>&1 3>&- ||
		skip "npm can't install the types"
	"$python" "$top/tests/packages/kubernetes" types "$top/packaging/kubernetes/base/exectap.yaml" >manifest.ts
	check_types() {
		node_modules/.bin/tsc --strict --noEmit --skipLibCheck --moduleResolution node10 "$1"
	}
	check_types manifest.ts
	# the check detects a key that does not exist
	sed 's/"readOnlyRootFilesystem"/"readonlyRootFilesystem"/' manifest.ts >wrong.ts
	run check_types wrong.ts
	[ "$status" != 0 ]
	[[ $output == *readonlyRootFilesystem* ]]
}

# rendered OVERLAY: prints the objects of the base with that overlay
rendered() {
	kustomize build "$top/packaging/kubernetes/overlays/$1"
}

@test "the overlays of the DaemonSet are what they say, and fit the types too" {
	need kustomize
	python=$(python_with_yaml)
	for overlay in tls kube-system containers; do
		rendered "$overlay" >"$BATS_TEST_TMPDIR/$overlay.yaml"
	done
	"$python" - "$BATS_TEST_TMPDIR" <<'END'
import pathlib, sys, yaml
def load(name):
    return {thing["kind"]: thing for thing in yaml.safe_load_all((pathlib.Path(sys.argv[1]) / f"{name}.yaml").read_text())}
def pod_of(objects):
    pod = objects["DaemonSet"]["spec"]["template"]["spec"]
    return pod, {container["name"]: container for container in pod["containers"]}
pod, containers = pod_of(load("tls"))
variables = {variable["name"]: variable for variable in containers["fluent-bit"]["env"]}
assert variables["EXECTAP_STORE_TLS"]["value"] == "on" and variables["EXECTAP_STORE_HOST"]["value"]
for name in "EXECTAP_STORE_USER", "EXECTAP_STORE_PASSWORD":
    assert set(variables[name]) == {"name", "valueFrom"}, variables[name]
assert {"store", "config", "lines"} <= {mount["name"] for mount in containers["fluent-bit"]["volumeMounts"]}
objects = load("kube-system")
assert "Namespace" not in objects and {thing["metadata"]["namespace"] for thing in objects.values()} == {"kube-system"}
assert pod_of(objects)[0]["priorityClassName"] == "system-node-critical"
pod, containers = pod_of(load("containers"))
assert containers["exectap"]["args"][-1] == "--containers"
assert containers["exectap"]["securityContext"]["capabilities"]["add"] == ["BPF", "PERFMON", "DAC_READ_SEARCH"]
assert [mount["readOnly"] for mount in containers["exectap"]["volumeMounts"] if mount["name"] == "containerd"] == [True]
END
	need npm node
	cd "$BATS_TEST_TMPDIR"
	timeout 120 npm install --silent --no-audit --no-fund --ignore-scripts kubernetes-types@1.30.0 typescript@5 >npm.log 2>&1 3>&- ||
		skip "npm can't install the types"
	for overlay in tls kube-system containers; do
		"$python" "$top/tests/packages/kubernetes" types "$overlay.yaml" >"$overlay.ts"
		node_modules/.bin/tsc --strict --noEmit --skipLibCheck --moduleResolution node10 "$overlay.ts"
	done
}

# start_fluent_bit: starts the one of the manifest, and waits until it listens
start_fluent_bit() {
	fluent-bit --config "$folder/fluent-bit.yaml" >>"$folder/log" 2>&1 3>&- &
	fluent_bit_pid=$!
	held+=("$fluent_bit_pid")
	poll test -S "$folder/socket"
}

# taken_whole: returns 0 if all lines up to the stop line are stored (Fluent Bit sends a chunk again that was in
# flight when it stopped)
taken_whole() {
	[ "$(jq -s 'any(.event.action == "stop")' "$folder/taken" 2>/dev/null)" = true ] &&
		jq -s -e '[.[].event.sequence] | unique | . == [range(length)]' "$folder/taken" >/dev/null
}

@test "the DaemonSet's Fluent Bit takes every line, and again after it was stopped" {
	need fluent-bit
	fluent-bit --help | grep -q ' syslog  ' || skip "this fluent-bit was built without its syslog input"
	python=$(python_with_yaml)
	folder=$BATS_TEST_TMPDIR
	"$python" "$top/tests/packages/kubernetes" fluent-bit "$top/packaging/kubernetes/base/exectap.yaml" "$folder" >"$folder/fluent-bit.yaml"
	start_fluent_bit
	start_exectap --format ecs --host this-node --output "unix:$folder/socket" --heartbeat 300
	for i in {1..100}; do /bin/true "$marker-$i" "$(printf '%014000d' 0)"; done
	kill -TERM "$fluent_bit_pid"
	wait "$fluent_bit_pid" || true
	/bin/true "$marker-between"
	# on the socket file that the first one left behind
	start_fluent_bit
	/bin/true "$marker-after"
	poll grep -q "$marker-after" "$folder/taken"
	stop_exectap
	poll taken_whole
	for which in 1 100 between after; do
		[ "$(jq -c "select(.process.args[1] == \"$marker-$which\" and .host.name == \"this-node\")" "$folder/taken" | wc -l)" -ge 1 ]
	done
}
