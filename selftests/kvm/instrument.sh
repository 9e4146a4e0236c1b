#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Sampling and tracing of a vCPU's loop.  All of it patches code, so it is for
# emulators that run one CPU at a time: before QEMU 8.1 multi-threaded TCG now
# and then executes a breakpoint that is no longer there.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/loop.sh"

T=$D/tracing

sampling() { perf record -q -F 500 -e cpu-clock -a -g -o "$work/perf" sleep 1 >/dev/null; }
each_event() { # 0|1
	for e in asi/asi_enter asi/asi_fault kvm/kvm_entry kvm/kvm_exit; do
		[ ! -e $T/events/$e ] || echo $1 >$T/events/$e/enable || return
	done
}
trace_once() { each_event 1 && sleep 0.2 && each_event 0; }
tracing() {
	for_a_while trace_once && cp $T/trace "$work/trace" &&
	grep -q kvm_exit: "$work/trace"
}
# Placed and removed again and again: each time it must hit.
probe_once() {
	echo 'p:asi_k kvm_emulate_cpuid' >$T/kprobe_events &&
	echo 1 >$T/events/kprobes/asi_k/enable && sleep 0.2 || return
	hits=$(awk '$1 == "asi_k" { print $2 }' $T/kprobe_profile)
	echo 0 >$T/events/kprobes/asi_k/enable && echo >$T/kprobe_events || return
	[ "${hits:-0}" -gt 0 ] || { echo "the probe was not hit"; return 1; }
}
kprobe() { for_a_while probe_once; }

plan 5
if command -v perf >/dev/null; then check "perf sampling" loop sampling
else skip "perf sampling: no perf"; fi
check "tracepoints switched on and off" loop tracing
check "kprobe in the exit path" loop kprobe
if asi_is_on; then
	check "tracepoints asi:asi_enter and asi:asi_fault were seen" \
		sh -c "grep -q 'enter: domain' $work/trace && grep -q 'fault: domain' $work/trace || { tail -3 $work/trace; false; }"
else
	skip "tracepoints: isolation is off"
fi
check "no warning in the kernel's log" log_is_clean
finish
