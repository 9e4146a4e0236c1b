#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# without-code-patching runs its command on all processors, or not at all.  Needs a
# machine with several, which were all started at boot.
. "$(dirname "$0")/tap.sh"

wrapped() { "$here/without-code-patching" "$@"; }
online() { grep -qx "$1" /sys/devices/system/cpu/online; }
set_second() { echo "$1" >/sys/devices/system/cpu/cpu1/online; }

refuses() {
	said=$(wrapped touch "$work/ran" 2>&1)
	status=$?
	echo "status $status: $said"
	[ $status = 1 ] && printf '%s\n' "$said" | grep -q 'maxcpus=1' && [ ! -e "$work/ran" ]
}
runs_on_all() {
	wrapped sh -c 'cat /sys/devices/system/cpu/online; exit 7' >"$work/said"
	status=$?
	echo "status $status: $(cat "$work/said")"
	[ $status = 7 ] && grep -qx 0-1 "$work/said"
}

online 0-1 || skip_all "it needs two processors that run"
[ -e /dev/kvm ] || skip_all "no /dev/kvm"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

plan 5
check "a machine that has started its processors is refused" refuses
check "they run as before" online 0-1
check "the second one stops" set_second 0
check "the command runs on all, and its status is passed on" runs_on_all
check "one is left" online 0
finish
