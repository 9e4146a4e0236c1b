#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Booted with asi_break=: the oracle has to notice, without being told what.
#
# usage: break-boot.sh WHAT
. "$(dirname "$0")/../lib/tap.sh"

T=$D/asi_test
asi_is_on || skip_all "isolation is off"
grep -q broken $D/asi/break || skip_all "not booted with asi_break="
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"

# The domain is entered on this CPU only, which has all it needs.
noticed() {
	taskset -c 0 sh -c "echo nothing >$T/corrupt" || return 1
	oracle=$(cat $D/asi/verify)
	echo end >$T/corrupt
	printf '%s\n' "$oracle" | head -5
	printf '%s\n' "$oracle" | grep -q " what $1\$" &&
	! printf '%s\n' "$oracle" | grep -q ' violations 0$'
}

plan 1
check "without '$(awk '$2 == "broken" { print $1 }' $D/asi/break)': $1" noticed "$1"
rmmod asi_test
finish
