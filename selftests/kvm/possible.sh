#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A machine of many processors, of which one runs.  KVM has memory for each that may come;
# a guest on a late one is handled inside as on the first.
. "$(dirname "$0")/../lib/tap.sh"

late=100
cpu=/sys/devices/system/cpu/cpu$late
[ -e /dev/kvm ] || skip_all "no /dev/kvm"
[ -d $cpu ] || skip_all "no CPU $late"

start_it() { echo 1 >$cpu/online && cat /sys/devices/system/cpu/online; }
# runs_inside CPU: of its exits at least 95 in 100 are handled inside.
runs_inside() {
	taskset -c "$1" "$MINIVM" loop --seconds=3 --op=cpuid >/tmp/loop &
	vm=$!
	sleep 1
	left_out=$(cat /sys/kernel/asi/kvm/*/left_out)
	inside=$(cat /sys/kernel/asi/kvm/*/inside)
	left=$(cat /sys/kernel/asi/kvm/*/left)
	wait $vm || return
	echo "$(cat /tmp/loop); inside $inside, left $left, objects left out $left_out"
	[ "$left_out" = 0 ] && [ "$inside" -gt 100 ] && [ $((left * 19)) -le "$inside" ]
}

plan 5
check "exits on CPU 0 are handled inside" runs_inside 0
check "CPU $late starts" start_it
check "exits on CPU $late are handled inside" runs_inside $late
check "every domain is right" domains_are_right
check "the kernel's log is clean" log_is_clean
finish
