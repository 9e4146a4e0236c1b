#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What traces, probes and samples the kernel does so where its text cannot be read, as where it
# can, and is refused nothing meanwhile.
#
# usage: [PROBES=N] xom-tracing.sh
. "$(dirname "$0")/../lib/tap.sh"

S=/sys/kernel/asi/xom
P=$top/build/selftest/xom
tracing=$D/tracing
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"
work=$(mktemp -d)
cleanup() {
	echo nop >$tracing/current_tracer
	echo 0 >$tracing/events/enable
	echo >$tracing/dynamic_events
	rmmod asi_test 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT

state() { awk -v key="$1" '$1 == key { sub(/^[^ ]* /, ""); print }' $S; }
on() { [ "$(state backend)" = pks ]; }
symbol() { awk -v name="$1" '$3 == name { print $1; exit }' /proc/kallsyms; }
work() { cat /proc/self/maps /proc/net/tcp "$0" >/dev/null; ls /proc >/dev/null; }

# While its reader is traced the trace has no end.
trace() {
	echo 0 >$tracing/tracing_on
	cat $tracing/trace
	echo >$tracing/trace
	echo 1 >$tracing/tracing_on
}

# traced_by TRACER PATTERN: what it says of a few calls.
traced_by() {
	echo "$1" >$tracing/current_tracer || return 1
	work
	trace >"$work/trace"
	echo nop >$tracing/current_tracer
	grep -m3 "$2" "$work/trace"
}

# A function of its own for each probe and no other: at its start and its return.
probes_on() {
	awk '$2 == "[tT]" || $3 !~ /^(__|[a-z_]*(idle|nmi|irq|rcu|trace|probe|lock|sched|clock|time))/ { print $3 }' \
		/proc/kallsyms | grep -xE '[a-z][a-z0-9_]{4,30}' | sort | uniq -u >"$work/names"
	grep -xE '[a-z0-9_]+' $tracing/available_filter_functions | sort | uniq -u |
		comm -12 - "$work/names" | grep -E '^(ext4|tcp|ip|udp|inet|sock|vfs|proc|do|pipe|blk|bio|jbd2|kvm|virtio|p9|v9fs|seq|shmem|ksys|path|page|filemap)' |
		head -"$1" >"$work/probed"
	awk '{ printf "p:p%d %s\nr:r%d %s\n", NR, $1, NR, $1 }' "$work/probed" |
		while read -r line; do echo "$line" >>$tracing/kprobe_events 2>/dev/null; done
	made=$(grep -c . $tracing/kprobe_events)
	echo "$made probes"
	[ "$made" -ge $(($1 * 2 * 9 / 10)) ]
}
many_probes() {
	probes_on "$1" || return 1
	echo 1 >$tracing/events/kprobes/enable || return 1
	work
	# Where a probe is in the way of nobody its breakpoint becomes a jump.
	sleep 2
	grep -c 'OPTIMIZED\|FTRACE' $D/kprobes/list
	trace >"$work/trace"
	starts=$(grep -c ' p[0-9]*: (' "$work/trace") returns=$(grep -c ' r[0-9]*: (' "$work/trace")
	echo "starts $starts returns $returns"
	echo 0 >$tracing/events/kprobes/enable && echo >$tracing/kprobe_events || return 1
	[ "$starts" -gt 0 ] && [ "$returns" -gt 0 ]
}

# In the middle of a function a probe is a breakpoint first and a jump then.
optprobe() {
	for offset in 5 6 7 8 9 10 11 12 13 14 15 16; do
		echo "p:inside ksys_read+$offset" >$tracing/kprobe_events 2>/dev/null && break
	done
	echo 1 >$tracing/events/kprobes/inside/enable || return 1
	work
	sleep 2
	work
	list=$(cat $D/kprobes/list)
	trace >"$work/trace"
	echo 0 >$tracing/events/kprobes/inside/enable; echo >$tracing/kprobe_events
	echo "$list"
	printf '%s\n' "$list" | grep -q OPTIMIZED && grep -q ' inside: (' "$work/trace"
}

fprobe() {
	[ -e $tracing/dynamic_events ] && grep -q 'f\[' $tracing/README || { echo "none here"; return 0; }
	echo 'f:fentry vfs_read' >>$tracing/dynamic_events &&
		echo 'f:fexit vfs_read%return' >>$tracing/dynamic_events || return 1
	echo 1 >$tracing/events/fprobes/enable
	work
	trace >"$work/trace"
	echo 0 >$tracing/events/fprobes/enable; echo >$tracing/dynamic_events
	grep -m1 ' fentry: (' "$work/trace" && grep -m1 ' fexit: (' "$work/trace"
}

# Each event is a static key and a static call.
all_events() {
	for _ in 1 2 3; do
		for system in sched irq timer syscalls kmem workqueue signal; do
			echo 1 >$tracing/events/$system/enable || return 1
			work
			echo 0 >$tracing/events/$system/enable || return 1
		done
	done
	grep -m1 . $tracing/trace
}

# A program of BPF where a probe is, as tracers have it.
bpf_at_probe() {
	r=$("$P" kprobe ksys_read "$(symbol ksys_read)") || { echo "$r"; return 1; }
	echo "$r"
	[ "$(field hits "$r")" -gt 0 ] && [ "$(field right "$r")" = 1 ]
}
# Which read the function, too; that is an attack's way and not a tool's.
and_cannot_read() {
	r=$("$P" kprobe ksys_read "$(symbol ksys_read)") || { echo "$r"; return 1; }
	echo "$r"
	if on; then [ "$(field got "$r")" = 0 ]; else [ "$(field got "$r")" = 1 ]; fi
}

perf_probes() {
	command -v perf >/dev/null || { echo "no perf here"; return 0; }
	perf probe -q --add vfs_write >"$work/perf" 2>&1 || { cat "$work/perf"; return 1; }
	perf record -q -e probe:vfs_write -o "$work/data" -- sh -c 'echo >/dev/null' &&
		perf script -i "$work/data" | grep -m1 vfs_write
	status=$?
	perf probe -q --del vfs_write
	return $status
}
perf_records() {
	command -v perf >/dev/null || { echo "no perf here"; return 0; }
	# shellcheck disable=SC2016
	perf record -q -g -e cpu-clock -o "$work/data" -- \
		sh -c 'i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); echo >/dev/null; done' || return 1
	perf script -i "$work/data" >"$work/script" 2>/dev/null
	grep -m3 'do_syscall_64' "$work/script"
}

refused_nothing() {
	cat $S
	[ "$(state refused)" = 0 ] && [ "$(state logged)" = 0 ]
}

plan 13
check "function tracer" traced_by function 'vfs_read'
check "function graph tracer" traced_by function_graph 'vfs_read() {'
check "probes at functions and their returns" many_probes "${PROBES:-1000}"
check "a probe that becomes a jump" optprobe
check "fprobes" fprobe
check "static keys and calls" all_events
check "perf probe" perf_probes
check "perf record, with the callers" perf_records
check "nothing was refused" refused_nothing
check "BPF at a probe" bpf_at_probe
check "BPF at a probe does not read the function" and_cannot_read
check "modules come and go" insmod "$KERNEL_DIR/asi-test/asi_loadme.ko"
rmmod asi_loadme 2>/dev/null
check "no warning in the kernel's log" log_is_clean
finish
