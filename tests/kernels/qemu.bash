# SPDX-License-Identifier: BSD-2-Clause
# Runs guests in QEMU without KVM, which send an archive of their results through a serial port. To be sourced. The
# caller sets $boot_timeout_s and $memory_mib, and calls end_guest when it exits.

qemu=

# use_machine ARCHITECTURE: sets the emulator, its machine, and the names of its serial ports
use_machine() {
	case $1 in
	amd64)
		emulator="qemu-system-x86_64"
		console=ttyS0 port=ttyS1
		# Without cx16: QEMU 7.2 sometimes corrupts the flags when it emulates cmpxchg16b, which kernels since
		# 6.12 use for every allocation.
		machine=(-cpu "max,cx16=off")
		;;
	arm64)
		emulator="qemu-system-aarch64"
		console=ttyAMA0 port=ttyS0
		# emulation of the architecture's pointer authentication algorithm would take most of the time
		machine=(-M virt -cpu "max,pauth-impdef=on")
		;;
	esac
}

# boot KERNEL INITRAMFS DIR [ARGUMENT...]: boots with the kernel ARGUMENTs. The guest sends its archive through the
# second serial port, whose name is in init's environment. Unpacks it in DIR, beside the console's output.
boot() {
	local kernel=$1 initramfs=$2 dir=$3 second
	shift 3
	second=(-serial "file:$dir/archive")
	# the machine virt has only one port
	[ "$port" != ttyS0 ] || second=(-chardev "file,id=archive,path=$dir/archive" -device "pci-serial,chardev=archive")
	timeout -k 5 "$boot_timeout_s" "$emulator" "${machine[@]}" -accel tcg -m "$memory_mib" -smp 2 -nodefaults -display none \
		-no-reboot -kernel "$kernel" -initrd "$initramfs" -append "console=$console archive=$port panic=-1 $*" \
		-serial "file:$dir/console" "${second[@]}" </dev/null &
	qemu=$!
	wait "$qemu"
	qemu=
	tar -C "$dir" -xzf "$dir/archive" 2>/dev/null
	rm -f "$dir/archive"
}

# The emulator sometimes loses a kernel during boot. Boots again then; after init has started, a loss is a failure.
boot_until_init() {
	local try
	for try in 1 2 3; do
		boot "$@"
		! grep -q '^init: started' "$3/console" || return
		echo "# the guest's kernel did not get to its init (try $try)" >&2
	done
}

end_guest() {
	[ -z "$qemu" ] || kill "$qemu" 2>/dev/null
}
