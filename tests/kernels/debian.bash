# SPDX-License-Identifier: BSD-2-Clause
# Fetches packages of any Debian suite and architecture, with separate lists and downloads below $cache. To be sourced.
#
#   EXECTAP_KERNELS_CACHE    folder of downloads (default build/kernels/cache)
#   EXECTAP_KERNELS_MIRROR   the Debian mirror (default: the one in this host's apt sources)

cache=$(realpath -m "${EXECTAP_KERNELS_CACHE:-build/kernels/cache}")
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Prints the Debian mirror of this host's sources, of either format.
mirror() {
	if [ -n "${EXECTAP_KERNELS_MIRROR:-}" ]; then
		echo "$EXECTAP_KERNELS_MIRROR"
		return
	fi
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
		grep -E '^(deb|URIs:)' | grep -oE '[a-z+]+://[^ ]*/debian/?( |$)' | head -n 1 | tr -d ' '
}

# cached SUITE ARCHITECTURE: prints the folder of their lists and packages
cached() {
	echo "$cache/$1-$2"
}

# apt SUITE ARCHITECTURE COMMAND...: runs the command with that folder's configuration
apt() {
	local folder
	folder=$(cached "$1" "$2")
	shift 2
	APT_CONFIG=$folder/apt.conf "$@"
}

configure_apt() {
	local suite=$1 architecture=$2 signed_by='' uri folder
	folder=$(cached "$suite" "$architecture")
	uri=$(mirror)
	[ -n "$uri" ] || return
	[ ! -e "$keyring" ] || signed_by=" signed-by=$keyring"
	mkdir -p "$folder/lists/partial" "$folder/archives/partial"
	echo "deb [arch=$architecture$signed_by] $uri $suite main" >"$folder/sources.list"
	# no status: the machine's installed packages are irrelevant
	cat >"$folder/apt.conf" <<END
APT::Architecture "$architecture";
APT::Architectures "$architecture";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "2";
Dir::Etc::sourcelist "$folder/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$folder/lists";
Dir::State::status "/dev/null";
Dir::Cache "$folder";
END
}

# unpack SUITE ARCHITECTURE FOLDER PACKAGE...: unpacks the packages to FOLDER, unless they are there already.
unpack() {
	local suite=$1 architecture=$2 folder=$3 downloads package
	shift 3
	[ $# -gt 0 ] || return
	[ "$(cat "$folder.packages" 2>/dev/null)" != "$*" ] || return 0
	rm -rf "$folder" "$folder.packages"
	mkdir -p "$folder" || return
	downloads=$(mktemp -d "$(cached "$suite" "$architecture")/downloads.XXXXXX") || return
	(cd "$downloads" && apt "$suite" "$architecture" apt-get -qq download "$@") || { rm -rf "$downloads" && return 1; }
	for package in "$downloads"/*.deb; do
		dpkg-deb -x "$package" "$folder" || return
	done
	rm -rf "$downloads"
	echo "$*" >"$folder.packages"
}

# kernel_packages SUITE ARCHITECTURE: prints the packages of the suite's current cloud kernel: one up to trixie, then
# several
kernel_packages() {
	local suite=$1 architecture=$2 version package
	version=$(apt "$suite" "$architecture" apt-cache show --no-all-versions "linux-image-cloud-$architecture" 2>/dev/null |
		grep -oE "linux-image-[0-9][^ ,]*-cloud-$architecture" | head -n 1)
	version=${version#linux-image-}
	for package in "linux-image-$version" "linux-binary-$version" "linux-modules-$version"; do
		[ -z "$version" ] || ! apt "$suite" "$architecture" apt-cache show "$package" >/dev/null 2>&1 || echo "$package"
	done
}

# fetch_kernel SUITE ARCHITECTURE: unpacks the kernel's packages; without a network, those of the last time remain
fetch_kernel() {
	local packages
	configure_apt "$1" "$2" && apt "$1" "$2" apt-get -qq update || return
	mapfile -t packages < <(kernel_packages "$1" "$2")
	unpack "$1" "$2" "$(cached "$1" "$2")/root" "${packages[@]}"
}

# find_unpacked SUITE ARCHITECTURE NAME: prints the path of a file of the kernel's packages
find_unpacked() {
	find "$(cached "$1" "$2")/root" -name "$3" -type f 2>/dev/null | head -n 1
}
