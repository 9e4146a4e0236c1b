#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A hook of mmdebstrap, see install.sh: what is done in the new system.  WORK gets the
# results, in-root.tap, and what the machine boots: disk, vmlinuz, initrd.img.
#
# usage: in-root.sh ROOT WORK PACKAGE...
set -u
. "$(dirname "$0")/../lib/tap.sh"
root=$1 work=$2
shift 2
exec >"$work/in-root.tap" 3>&2 2>>"$work/install.log"
say() { echo "I: $*" >&3; }

release=
for package; do
	name=${package##*/}
	case $name in
	linux-image-*) release=${name#linux-image-} release=${release%%_*} ;;
	esac
done
modules=/lib/modules/$release
in_root() {
	chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@" >"$work/out" 2>&1
	status=$?
	tee -a "$work/install.log" <"$work/out"
	return $status
}

# apt gets what they depend on, dpkg runs their scripts.
installs() {
	mkdir -p "$root/packages"
	cp "$@" "$root/packages/" || return
	in_root sh -c 'apt-get install -y --no-install-recommends /packages/*.deb'
	status=$?
	rm -rf "$root/packages"
	return $status
}

# made FILE...: they exist below ROOT.
made() {
	for file; do
		[ -e "$root$file" ] || { echo "there is no $file"; return 1; }
	done
}

is_whole() {
	in_root dpkg --verify "linux-image-$release" "linux-headers-$release" asi-tools
	[ ! -s "$work/out" ]
}

no_test_module() { [ -z "$(find "$root/lib" "$root/usr" -name '*asi_test*' -o -name '*asi-test*')" ]; }

module_builds() {
	mkdir -p "$root/deb_test"
	cp "$here/deb_test.c" "$root/deb_test/"
	echo 'obj-m := deb_test.o' >"$root/deb_test/Makefile"
	in_root make -C "$modules/build" M=/deb_test modules && ! grep -i warning "$work/out" &&
	in_root make -C "$modules/build" M=/deb_test modules_install && in_root depmod "$release" &&
	made "$modules/updates/deb_test.ko"
}

# What the machine's systemd starts, and nothing else: an emulator is slow.
add_checks() {
	mkdir -p "$root/selftests/lib" "$root/selftests/deb"
	cp "$here/../lib/tap.sh" "$root/selftests/lib/" &&
	cp "$here/in-machine.sh" "$root/selftests/deb/" &&
	cat >"$root/etc/systemd/system/checks.service" <<-END
	[Unit]
	DefaultDependencies=no

	[Service]
	Type=oneshot
	ExecStart=/selftests/deb/in-machine.sh $release
	END
}

makes_disk() {
	add_checks &&
	cp "$root/boot/vmlinuz-$release" "$work/vmlinuz" &&
	cp "$root/boot/initrd.img-$release" "$work/initrd.img" || return
	size=$(($(du -sxm "$root" | cut -f1) * 5 / 4 + 256))
	# Without what is mounted below it.
	mkdir -p "$work/files"
	mount --bind "$root" "$work/files" || return
	mke2fs -q -t ext4 -d "$work/files" "$work/disk.tmp" ${size}M
	status=$?
	umount "$work/files"
	[ $status -eq 0 ] && mv "$work/disk.tmp" "$work/disk"
}

purges() {
	rm -rf "$root$modules/updates"
	in_root dpkg --purge "linux-headers-$release" "linux-image-$release" asi-tools
}

nothing_is_left() {
	left=$(find "$root/boot" "$root/lib/modules" "$root/usr/src" "$root/var/lib/dpkg/info" \
		"$root/var/lib/initramfs-tools" -path "*$release*" -o -name 'asi-tools*')
	[ -z "$left" ] || { printf '%s\n' "$left"; return 1; }
}

say "installing the packages..."
check "packages are installed" installs "$@"
check "their scripts made the initramfs and the list of modules" \
	made "/boot/initrd.img-$release" "/boot/vmlinuz-$release" "$modules/modules.dep"
check "what is installed is what was packed" is_whole
check "the module of the self tests is not there" no_test_module
say "building a module..."
check "a module is built against the headers" module_builds
say "making a disk..."
check "a disk with the system" makes_disk
say "purging the packages..."
check "packages are purged" purges
check "nothing of them is left" nothing_is_left
