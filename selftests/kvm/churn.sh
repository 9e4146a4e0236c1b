#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Create and destroy VMs in a loop; kill some in the middle.  Nothing stays.
. "$(dirname "$0")/../lib/tap.sh"

[ -e /dev/kvm ] || skip_all "no /dev/kvm"
count=${1:-40}

nothing_left() { sleep 0.5; [ "$(asi_stat domains)" = 0 ]; }

plan 5
check "$count VMs with one vCPU" "$MINIVM" churn --count="$count" --smp=1
check "$count VMs with two vCPUs" "$MINIVM" churn --count="$count" --smp=2
check "VMs killed at random moments" "$MINIVM" churn --count="$count" --smp=2 --kill
if asi_is_on; then check "no domain is left behind" nothing_left
else skip "isolation is off"; fi
check "no warning in the kernel's log" log_is_clean
finish
