#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Bad boot parameters.  The kernel is booted with
#   asi=on asi=maybe kvm_asi=perhaps sci=yes asi_smt=all asi_policy="kvm slob r grow"
. "$(dirname "$0")/../lib/tap.sh"

grep -q asi=maybe /proc/cmdline || skip_all "not booted with the bad parameters"

one_line() { [ "$(dmesg | grep -c "$1")" = 1 ]; }

plan 10
check "asi=maybe is named in one line" one_line 'asi: asi=maybe: expected'
check "kvm_asi=perhaps is named in one line" one_line 'kvm-asi: kvm_asi=perhaps: expected'
check "sci=yes is named in one line" one_line 'sci: sci=yes: expected'
check "asi_smt=all is named in one line" one_line 'asi: asi_smt=all: expected "off", "count" or "stun"'
check "sibling threads are left alone" grep -qx 'smt off' /sys/kernel/asi/status
check "system calls keep their default" grep -qx 'sci off' /sys/kernel/asi/status
check "the policy's mistake is named in one line" one_line "asi: asi_policy: rule 1: .*slob"
check "isolation keeps its earlier value" asi_is_on
check "KVM keeps its default" grep -qx 'kvm on' /sys/kernel/asi/status
check "the built-in policy is in force" \
	sh -c "cat $D/asi/policy >/tmp/p; echo default >$D/asi/policy; cmp /tmp/p $D/asi/policy"
finish
