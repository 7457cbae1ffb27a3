# SPDX-License-Identifier: BSD-2-Clause
# Guests in QEMU without KVM, that send an archive of what they found through a serial port. To be sourced; the caller
# sets $boot_timeout_s and $memory_mib, and calls end_guest when it ends.

qemu=

# use_machine ARCHITECTURE: the emulator, its machine, and the names of its serial ports
use_machine() {
	case $1 in
	amd64)
		emulator="qemu-system-x86_64"
		console=ttyS0 port=ttyS1
		# Without cx16: QEMU 7.2 spoils the flags now and then when it emulates cmpxchg16b, and kernels since 6.12 use
		# it for every allocation.
		machine=(-cpu "max,cx16=off")
		;;
	arm64)
		emulator="qemu-system-aarch64"
		console=ttyAMA0 port=ttyS0
		# the authentication of pointers takes most of the time, if it is the architecture's own
		machine=(-M virt -cpu "max,pauth-impdef=on")
		;;
	esac
}

# boot KERNEL INITRAMFS DIR [ARGUMENT...]: the guest's archive comes through the second serial port, which its init is
# told by the environment, and is unpacked in DIR, beside what it wrote to its console. ARGUMENTs are for the kernel.
boot() {
	local kernel=$1 initramfs=$2 dir=$3 second
	shift 3
	second=(-serial "file:$dir/archive")
	# virt has but one port of its own
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

# The emulator also loses a kernel on its way up once in a while. That is tried again; once init runs, it counts.
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
