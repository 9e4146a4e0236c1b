#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A strict domain under timer interrupts, IPIs and NMIs: after every one of
# them the CPU is back inside, and CR3 agrees with the record.
. "$(dirname "$0")/../lib/tap.sh"

T=$D/asi_test
# "quick": for debug kernels under emulation, which are slow.
processes=300
[ "${1:-}" != quick ] || processes=20
asi_is_on || skip_all "isolation is off"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" 2>/dev/null || skip_all "cannot load asi_test.ko"
trap 'rmmod asi_test 2>/dev/null' EXIT

stay() { # ms
	echo "$1" >$T/states || return 1
	r=$(cat $T/result); echo "$r"
	[ "$(field rounds "$r")" -gt 100 ] && [ "$(field wrong "$r")" = 0 ]
}

# Most NMIs find the CPU outside, or the one that sends them.
stay_under_nmi() {
	before=$(asi_stat nmi_step)
	for i in $(seq 10); do
		( while sleep 0.1; do echo l >/proc/sysrq-trigger; done ) &
		nmis=$!
		stay 3000
		status=$?
		kill $nmis
		wait $nmis
		after=$(asi_stat nmi_step)
		echo "NMIs that met a restricted CPU: $((after - before))"
		[ $status -eq 0 ] || return 1
		[ $((after - before)) -eq 0 ] || return 0
	done
	return 1
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
