#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Code patched on every CPU, by IPI and #BP, while a CPU is restricted.
#
# For emulators that run one CPU at a time only: under multi-threaded TCG the
# unpatched kernel crashes too when the function tracer is switched under load.
. "$(dirname "$0")/../lib/tap.sh"

T=$D/asi_test
asi_is_on || skip_all "isolation is off"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" 2>/dev/null || skip_all "cannot load asi_test.ko"
trap 'rmmod asi_test 2>/dev/null' EXIT

tracer() {
	for i in 1 2; do
		echo function >$D/tracing/current_tracer
		echo nop >$D/tracing/current_tracer
	done
}

in_strict_domain() {
	tracer &
	echo 1500 >$T/states || return 1
	wait
	r=$(cat $T/result); echo "$r"
	[ "$(field rounds "$r")" -gt 100 ] && [ "$(field wrong "$r")" = 0 ]
}

in_vcpu_loop() {
	"$MINIVM" loop --seconds=3 --op=cpuid >/tmp/out 2>&1 &
	vm=$!
	tracer
	wait $vm
}

plan 3
check "function tracer on and off in a strict domain" in_strict_domain
check "function tracer on and off around a vCPU loop" in_vcpu_loop
check "no warning in the kernel's log" log_is_clean
finish
