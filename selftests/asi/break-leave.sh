#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A CPU that does not leave must not get to user mode unnoticed.  Needs a kernel
# with CONFIG_ASI_DEBUG; the warning it provokes is the result.
. "$(dirname "$0")/../lib/tap.sh"

[ -e /dev/kvm ] || skip_all "no /dev/kvm"
asi_is_on || skip_all "isolation is off"
[ -e $D/asi/break ] || skip_all "no CONFIG_ASI_BREAK"
is_debug_kernel || skip_all "not a debug kernel"

# Each of these exits returns to user mode.
noticed() {
	"$MINIVM" exits --op=out --count=100 || return 1
	dmesg | grep 'restricted on return to user mode'
}
unnoticed() { ! noticed; }
# With the built-in policy something else makes the CPU leave on the way.
noticed_without() {
	echo policy,leave >$D/asi/break || return 1
	noticed
	status=$?
	echo none >$D/asi/break
	return $status
}

plan 2
check "with 'leave': every return to user mode is unrestricted" unnoticed
check "without it the one that is not is noticed" noticed_without
finish
