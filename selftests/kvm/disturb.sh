#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Everything that can interrupt a vCPU's loop: NMIs, sampling, signals,
# preemption, migration, tracing.
. "$(dirname "$0")/../lib/tap.sh"

[ -e /dev/kvm ] || skip_all "no /dev/kvm"
work=$(mktemp -d)
trap 'kill -9 $hogs 2>/dev/null; rm -rf "$work"' EXIT
hogs=

# loop DISTURBANCE: the VM's loop runs to its end while the other one works.
loop() {
	"$MINIVM" loop --seconds=4 --op=cpuid --smp="${2:-1}" >"$work/out" 2>&1 &
	vm=$!
	sleep 0.7
	"$1"
	wait $vm
	status=$?
	cat "$work/out"
	return $status
}

nothing() { :; }
nmi() { for i in 1 2 3 4 5; do echo l >/proc/sysrq-trigger; sleep 0.3; done; }
sampling() { perf record -q -F 2000 -e cpu-clock -a -g -o "$work/perf" sleep 2 >/dev/null 2>&1; }
# Stopped and continued: the run loop is left and entered again.
signals() { for i in $(seq 20); do kill -STOP $vm; kill -CONT $vm; sleep 0.05; done; }
migration() {
	for i in $(seq 20); do
		for t in /proc/$vm/task/*; do
			taskset -p -c $((i % 2)) "${t##*/}" >/dev/null 2>&1
		done
		sleep 0.05
	done
}
preemption() {
	for i in 1 2 3 4; do sh -c 'while :; do :; done' & hogs="$hogs $!"; done
	sleep 2
	kill -9 $hogs 2>/dev/null
}
tracing() {
	echo 1 >$D/tracing/events/asi/enable
	echo 1 >$D/tracing/events/kvm/enable
	sleep 0.5
	echo 0 >$D/tracing/events/kvm/enable
	echo 0 >$D/tracing/events/asi/enable
	cp $D/tracing/trace "$work/trace"
}
kprobe() {
	echo 'p:asi_k kvm_emulate_cpuid' >$D/tracing/kprobe_events &&
	echo 1 >$D/tracing/events/kprobes/asi_k/enable
	sleep 0.5
	echo 0 >$D/tracing/events/kprobes/asi_k/enable
	echo >$D/tracing/kprobe_events
}

plan 11
check "undisturbed" loop nothing
check "NMI backtraces" loop nmi
if command -v perf >/dev/null; then check "perf sampling" loop sampling
else skip "perf sampling: no perf"; fi
check "signals" loop signals
check "migration" loop migration
check "preemption" loop preemption
check "tracepoints switched on and off" loop tracing
check "kprobe in the exit path" loop kprobe
check "two vCPUs, NMI backtraces" loop nmi 2
if asi_is_on; then
	check "tracepoints asi:enter and asi:fault were seen" \
		sh -c "grep -q 'enter: domain' $work/trace && grep -q 'fault: domain' $work/trace || { tail -3 $work/trace; false; }"
else
	skip "tracepoints: isolation is off"
fi
check "no warning in the kernel's log" log_is_clean
finish
