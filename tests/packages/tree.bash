# SPDX-License-Identifier: BSD-2-Clause
# Creates Debian trees of this host's suite, for packages built on this host. To be sourced, after
# tests/kernels/debian.bash.

suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
architecture=$(dpkg --print-architecture 2>/dev/null)

# make_tree DIR: creates a system with systemd, logrotate and socat
make_tree() {
	mkdir -p "$cache/debs"
	debootstrap --variant=minbase --include=logrotate,socat,systemd,systemd-sysv --cache-dir="$cache/debs" \
		"$suite" "$1" "$(mirror)"
}

# inside DIR COMMAND...: runs the command in a tree, with /proc and /sys mounted for the command only
inside() {
	local tree=$1
	shift
	# shellcheck disable=SC2016
	DEBIAN_FRONTEND=noninteractive LC_ALL=C unshare --mount --propagation private bash -c \
		'mount --rbind /proc "$0/proc" && mount --rbind /sys "$0/sys" && exec chroot "$0" "$@"' "$tree" "$@"
}

# copy_rpm DIR: copies this host's rpm, without what builds packages
copy_rpm() {
	local file
	{ command -v rpm && ldd "$(command -v rpm)" | grep -o '/[^ ]*'; } | while read -r file; do
		[ -e "$1$file" ] || cp -L --parents "$file" "$1"
	done
	cp --parents /usr/lib/rpm/{macros,rpmrc} "$1"
	mkdir -p "$1/var/lib/rpm"
}

# install_deb DIR DEB: installs the package with its dependencies
install_deb() {
	cp "$2" "$1/tmp/exectap.deb" && cp /etc/resolv.conf "$1/etc/" &&
		inside "$1" apt-get -qq -o APT::Sandbox::User=root install -y --no-install-recommends /tmp/exectap.deb &&
		rm "$1/tmp/exectap.deb"
}
