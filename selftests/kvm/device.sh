#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A processor on which only guests with a device have buffers cleared (MMIO Stale Data and
# none of its kin): what is counted is what was executed.  For VMX, in an emulator that has
# no shared root.  No emulated processor has that bug alone: the kernel is booted without
# the mitigations of the others, and the module says that it has this one.
#
# usage: device.sh MODULE
. "$(dirname "$0")/../lib/tap.sh"

V=/sys/devices/system/cpu/vulnerabilities
note "mds: $(cat $V/mds)"
asi_is_on || skip_all "isolation is off"
grep -q 'Clear CPU buffers' $V/mds && skip_all "buffers are cleared for every guest"
insmod "$1" || skip_all "cannot load $1"

# Of the machine that runs: how many times buffers were cleared.
cleared() { awk '$1 == "flush" && $2 == "buffers" { print $4; exit }' $D/asi/kvm; }
exits() { awk '$1 == "exits" { print $3 + $5 + $7 + $9; exit }' $D/asi/kvm; }

"$MINIVM" loop --seconds=1000 --op=out >/dev/null 2>&1 &
vm=$!
trap 'kill -9 $vm 2>/dev/null' EXIT
sleep 3

# What is cleared in a second or two, by the account; all of these exits go to user mode.
in_a_while() {
	c=$(cleared) e=$(exits)
	sleep 2
	c=$(($(cleared) - c)) e=$(($(exits) - e))
	echo "$e exits, cleared $c times"
}
nobody_clears() { in_a_while; [ $e -gt 100 ] && [ $c -eq 0 ]; }
cleared_for_each() { in_a_while; [ $e -gt 100 ] && [ $c -ge $((e * 9 / 10)) ]; }
leak() { echo leaks >$D/asi_test/device; }
assign() { echo $vm >$D/asi_test/device; }

plan 6
check "a processor that leaks nothing: nothing is cleared, and nothing counted" nobody_clears
check "it leaks to devices" leak
check "a guest without a device: nothing is cleared, and nothing counted" nobody_clears
check "the guest gets a device" assign
check "from then on buffers are cleared after each way out" cleared_for_each
kill -9 $vm
check "no warning in the kernel's log" log_is_clean
finish
