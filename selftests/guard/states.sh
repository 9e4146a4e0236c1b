#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Has the kernel patch its text in several ways.  In each state it waits until the host has
# looked at the memory.
#
# usage: states.sh FOLDER     the host makes FOLDER/go.STATE when it has seen FOLDER/ready.STATE
set -u
folder=$1
tracing=/sys/kernel/tracing

state() {
	: >"$folder/ready.$1"
	local i
	for ((i = 0; i < 1200; i++)); do
		[ -e "$folder/go.$1" ] && return
		sleep 0.1
	done
	echo "states.sh: the host does not look at state $1" >&2
	exit 1
}

# set FILE VALUE
set_file() {
	echo "$2" >"$1" && return
	echo "states.sh: $1 does not take '$2'" >&2
	exit 1
}

state boot

set_file /proc/sys/kernel/timer_migration 0
state keys

for group in sched irq timer kmem syscalls; do
	set_file "$tracing/events/$group/enable" 1
done
state events

# A second user of each event: static calls go to the iterator.
mkdir "$tracing/instances/second"
for group in sched irq timer kmem syscalls; do
	set_file "$tracing/instances/second/events/$group/enable" 1
done
state iterators
for group in sched irq timer kmem syscalls; do
	set_file "$tracing/events/$group/enable" 0
	set_file "$tracing/instances/second/events/$group/enable" 0
done

# With two users no function has a trampoline that is made for one of them.
set_file "$tracing/instances/second/current_tracer" function
set_file "$tracing/current_tracer" function
state functions
set_file "$tracing/current_tracer" nop
set_file "$tracing/instances/second/current_tracer" nop

set_file "$tracing/current_tracer" function
state trampolines
set_file "$tracing/current_tracer" nop

[ ! -e /proc/sys/debug/kprobes-optimization ] ||
	set_file /proc/sys/debug/kprobes-optimization 0
set_file "$tracing/kprobe_events" 'p:guard/entry do_sys_openat2'
echo 'r:guard/exit vfs_read' >>"$tracing/kprobe_events"
# Behind what ftrace uses the kernel puts a breakpoint.
echo 'p:guard/inner vfs_write+9' >>"$tracing/kprobe_events" || exit 1
set_file "$tracing/events/guard/enable" 1
state kprobes
set_file "$tracing/events/guard/enable" 0
set_file /proc/sys/kernel/timer_migration 1
: >"$tracing/kprobe_events"

if [ -e /sys/devices/system/cpu/cpu1/online ]; then
	set_file /sys/devices/system/cpu/cpu1/online 0
	set_file /sys/devices/system/cpu/cpu1/online 1
fi
state after
