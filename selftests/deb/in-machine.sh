#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs in the machine that booted the disk, see install.sh, and powers it off.
#
# usage: in-machine.sh RELEASE
stty -F /dev/ttyS1 raw -echo
exec >/dev/ttyS1 2>&1
MINIVM=/usr/bin/minivm ASICTL=/usr/sbin/asictl
. "$(dirname "$0")/../lib/tap.sh"
work=/run/checks
mkdir -p $work
mountpoint -q $D || mount -t debugfs none $D

kernel_is() {
	echo "$(uname -r), not $1"
	[ "$(uname -r)" = "$1" ]
}

# Of initramfs-tools, which leaves this folder.
has_initramfs() { [ -d /run/initramfs ]; }
is_on() { "$ASICTL" status && "$ASICTL" status | grep -E '^state +on'; }
kvm_loads() { modprobe kvm_amd && [ -e /dev/kvm ]; }

runs_inside() {
	"$MINIVM" exits --op=cpuid --count=3000 >$work/out 2>&1 || { cat $work/out; return 1; }
	line=$(sed -n '/^vm ended/,/^$/p' $D/asi/kvm | grep '^exits')
	echo "$line"
	[ "$(field inside "$line")" -ge 2900 ]
}

module_loads() {
	modprobe deb_test && dmesg | grep 'deb_test: built for' && rmmod deb_test || return
	! grep -q '^CONFIG_MODVERSIONS=y' "/boot/config-$(uname -r)" ||
		modprobe --dump-modversions "$(modinfo -n deb_test)" | grep module_layout
}

check "the kernel is the package's" kernel_is "$1"
check "it was booted with the installed initramfs" has_initramfs
check "isolation is on" is_on
check "modprobe loads kvm_amd" kvm_loads
check "exits of a guest are handled inside" runs_inside
check "the module that was built against the headers loads" module_loads
check "every domain is right" "$ASICTL" verify
check "no warning in the kernel's log" log_is_clean
systemctl poweroff --force
