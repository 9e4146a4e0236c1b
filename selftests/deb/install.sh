#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The packages of `make deb`: in a Debian system that is made for it they are installed,
# a module is built against the headers, and they are purged.  A disk with the system as
# it was before that boots.  TAP.
#
# Debian alone is kept in $ASI_CACHE (default ~/.cache/asi-linux).
#
# usage: install.sh [FLAVOUR]      default base
set -u
. "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1

flavour=${1:-base}
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
work=${BUILD:-$top/build}/selftest/deb
log=$work/install.log
console=$work/console.log
show() { tools/lib/progress.py run "$@" 2>&1; }

# same_checks FILE: the results of another script are this one's.
same_checks() {
	tap_then=$(uptime)
	while IFS= read -r line; do
		name=$(printf '%s\n' "$line" | sed -E 's/^(not )?ok [0-9]+ //')
		case $line in
		ok\ *)		ok "$name" ;;
		"not ok "*)	not_ok "$name" ;;
		'# '*)		printf '%s\n' "$line" ;;
		esac
	done < <(tr -d '\r' <"$1" 2>/dev/null)
}

tools/install-packages dpkg-dev mmdebstrap uidmap e2fsprogs qemu-system-x86 || exit 1
plan 17
check "packages are made" tools/make-deb "$flavour"
[ $tap_bad -eq 0 ] || exit 1

# Processes of a user namespace write here, too.
rm -rf "$work"
mkdir -p "$work"
chmod 1777 "$work"
# Debian alone does not change with the packages.
cache=${ASI_CACHE-${XDG_CACHE_HOME:-$HOME/.cache}/asi-linux}
debian=${cache:-$work}/debian-$suite.tar
mkdir -p "${debian%/*}"
if [ ! -f "$debian" ]; then
	show "a Debian system" -- mmdebstrap --variant=apt --aptopt='APT::Install-Recommends "false"' \
		--include=initramfs-tools,systemd-sysv,udev,gcc,make,xz-utils --format=tar \
		"$suite" "$debian.tmp" | sed -u 's/^/# /'
	if [ "${PIPESTATUS[0]}" -ne 0 ] || ! mv "$debian.tmp" "$debian"; then
		not_ok "a Debian system"
		exit 1
	fi
fi
packages=$(echo "$BUILD"/deb/*.deb)
show "the packages in it" -- mmdebstrap --variant=custom --format=null \
	--setup-hook="mmtarfilter '--path-exclude=/dev/*' <'$debian' | tar -C \"\$1\" -x" \
	--customize-hook="'$here/in-root.sh' \"\$1\" '$work' $packages" '' | sed -u 's/^/# /'
same_checks "$work/in-root.tap"
if [ ! -f "$work/disk" ]; then
	[ ! -f "$log" ] || tail -30 "$log" | sed 's/^/# /'
	not_ok "a disk with the system"
	exit 1
fi

# One processor: see "Interrupts of nested guests under TCG" in Documentation/emulators.rst.
show "booting the disk" -- timeout 1500 qemu-system-x86_64 -machine q35 -accel tcg,thread=single \
	-cpu max -smp 1 -m 2G -display none -nodefaults -no-reboot \
	-serial "file:$console" -serial "file:$work/machine.tap" \
	-drive "file=$work/disk,format=raw,if=virtio" \
	-kernel "$work/vmlinuz" -initrd "$work/initrd.img" \
	-append "root=/dev/vda rw console=ttyS0 no_timer_check asi=on systemd.unit=checks.service panic=-1" | sed 's/^/# /'
same_checks "$work/machine.tap"
[ $tap_n -eq $tap_plan ] || tail -30 "$console" | tr -d '\r' | sed 's/^/# /'
rm -f "$work/disk"
finish
