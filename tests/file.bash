# SPDX-License-Identifier: BSD-2-Clause
# Functions that compare a line with stat(1) of the file that runs, and with /proc.

more_teardown() {
	unmount_made
}

# mtime_of FILE: its time of modification as lines have it
mtime_of() {
	date -u -d "@$(stat -L -c %.9Y "$1")" +%Y-%m-%dT%H:%M:%S.%NZ
}

# Compares the keys of the file with stat(1) of the link in /proc.
expect_stat() {
	local file=/proc/$pid/exe
	expect exe_ino "$(stat -L -c %i "$file")"
	expect exe_mode "$(printf %04d "$(stat -L -c %a "$file")")"
	expect exe_uid "$(stat -L -c %u "$file")"
	expect exe_gid "$(stat -L -c %g "$file")"
	expect exe_size "$(stat -L -c %s "$file")"
	expect exe_mtime "$(mtime_of "$file")"
}

# Prints a descriptor of $pid as lines have it: from its link in /proc, or from stat(1) where that is a path.
descriptor() {
	local link=/proc/$pid/fd/$1 path
	path=$(readlink "$link") || { echo null && return; }
	case $path in
	pipe:* | socket:* | anon_inode:* | /dev/null | /dev/zero | /dev/full | /dev/ptmx) echo "$path" ;;
	/dev/pts/*) echo "${path#/dev/}" ;;
	*)
		case $(stat -L -c %F "$link") in
		regular*) echo file ;;
		directory | fifo | socket) stat -L -c %F "$link" ;;
		character*) stat -L -c char:%Hr:%Lr "$link" ;;
		block*) stat -L -c block:%Hr:%Lr "$link" ;;
		esac
		;;
	esac
}

expect_descriptors() {
	expect stdin "$(descriptor 0)"
	expect stdout "$(descriptor 1)"
	expect stderr "$(descriptor 2)"
	expect_unreadable ''
}

# mount_overlay LOWER UPPER: mounts an overlayfs with two files of the lower directory, one of them with another mode.
mount_overlay() {
	mkdir -p "$1"/lower/{of-image,changed,dropped} "$2"/{upper,work} "$BATS_TEST_TMPDIR/merged"
	cp "$helpers/hold" "$1/lower/of-image/"
	cp "$helpers/hold" "$1/lower/changed/"
	mount -t overlay overlay -o "lowerdir=$1/lower,upperdir=$2/upper,workdir=$2/work,xino=off" "$BATS_TEST_TMPDIR/merged" ||
		skip "this kernel has no overlayfs"
	chmod 700 "$BATS_TEST_TMPDIR/merged/changed/hold"
	cp "$helpers/hold" "$BATS_TEST_TMPDIR/merged/dropped/"
}
