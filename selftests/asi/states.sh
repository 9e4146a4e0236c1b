#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A strict domain under timer interrupts, IPIs and NMIs: after every one of
# them the CPU is back inside, and CR3 agrees with the record.
. "$(dirname "$0")/../lib/tap.sh"

T=$D/asi_test
# "quick": for debug kernels under emulation, which are slow.
bursts=8 processes=300
[ "${1:-}" != quick ] || bursts=2 processes=20
asi_is_on || skip_all "isolation is off"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" 2>/dev/null || skip_all "cannot load asi_test.ko"
trap 'rmmod asi_test 2>/dev/null' EXIT

stay() { # ms
	echo "$1" >$T/states || return 1
	r=$(cat $T/result); echo "$r"
	[ "$(field rounds "$r")" -gt 100 ] && [ "$(field wrong "$r")" = 0 ]
}

stay_under_nmi() {
	before=$(asi_stat nmi_step)
	( for i in $(seq $bursts); do echo l >/proc/sysrq-trigger; sleep 0.1; done ) &
	stay 3000 || return 1
	wait
	after=$(asi_stat nmi_step)
	echo "NMIs that met a restricted CPU: $((after - before))"
	[ $((after - before)) -gt 0 ]
}

stay_under_load() {
	( i=0; while [ $i -lt $processes ]; do /bin/true; i=$((i + 1)); done ) &
	stay 2000
	status=$?
	wait
	return $status
}

plan 5
check "interrupts step out and back in" stay 1000
check "NMIs restore exactly what they found" stay_under_nmi
check "processes created and ended on the other CPU" stay_under_load
check "no domain is left behind" test "$(asi_stat domains)" = 0
check "no warning in the kernel's log" log_is_clean
finish
