#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The VMX side, in an emulator without a shared root: everything lies in /.
n=0
D=/sys/kernel/debug
t() { n=$((n + 1)); if "$@" >/tmp/out 2>&1; then echo "ok $n $*"; else tail -5 /tmp/out | sed 's/^/# /'; echo "not ok $n $*"; fi; }
# Bochs' CPUID contradicts itself in two places that any kernel warns of at boot.
log_is_clean() { ! dmesg | grep -vE 'fpu__init_system_xstate|parse_legacy' | grep -E 'WARNING|BUG:|Oops|double fault|general protection'; }
inside() { sed -n '/^vm ended/,/^$/p' $D/asi/kvm | awk '/^exits/ { i = $3; l = $5 } END { print i, l; exit !(i > 0) }'; }
no_lost() { grep -qx 'critical_lost 0' $D/asi/stats; }
no_domain() { grep -qx 'domains 0' $D/asi/stats; }

echo "TAP version 13"
echo 1..8
t grep -q 'state on' /sys/kernel/asi/status
t /minivm exits --op=cpuid --count=500
t /minivm exits --op=npf --count=200
t /minivm boot --kernel=/bzImage --initrd=/guest.cpio --smp=1 --mem=96M --append=quiet --until='guest: done'
sed -n '/^vm ended/,/^$/p' $D/asi/kvm | sed 's/^/# /'
t inside
t no_lost
t no_domain
t log_is_clean
