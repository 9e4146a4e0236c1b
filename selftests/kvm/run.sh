#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What a KVM_RUN takes, what its domain has room for, and whom the scheduler may run in
# it.  Patches code, so it is for emulators that run one CPU at a time.
. "$(dirname "$0")/../lib/tap.sh"

[ -e /dev/kvm ] || skip_all "no /dev/kvm"
asi_is_on || skip_all "isolation is off"
[ -f "$KERNEL_DIR/asi-test/asi_test.ko" ] || skip_all "asi_test.ko is not built"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"
T=$D/tracing
S=/sys/kernel/asi/kvm
work=$(mktemp -d)
vm=
trap 'kill -9 $vm 2>/dev/null; wait 2>/dev/null; rmmod asi_test 2>/dev/null; rm -rf "$work"' EXIT

symbol() { awk -v s="$1" '$3 == s { print "0x" $1 }' /proc/kallsyms; }

# Mutexes that lie in the kernel's own data are everybody's.  Sets locks.
count_mutexes() { # RUNS
	echo 'p:asi_mutex mutex_lock lock=%di' >$T/kprobe_events &&
	echo "lock >= $(symbol _sdata) && lock < $(symbol _end) && comm == \"minivm\"" \
		>$T/events/kprobes/asi_mutex/filter &&
	echo >$T/trace && echo 1 >$T/events/kprobes/asi_mutex/enable || return
	"$MINIVM" exits --op=out --count="$1" >"$work/out" 2>&1
	status=$?
	echo 0 >$T/events/kprobes/asi_mutex/enable
	locks=$(grep -c 'asi_mutex:' $T/trace)
	echo >$T/kprobe_events
	echo "$1 KVM_RUN: $locks times a mutex of the kernel's own"
	[ $status -eq 0 ] || { cat "$work/out"; return 1; }
}
# Making and ending the machine take some.
global_mutexes() {
	count_mutexes 100 || return
	before=$locks
	count_mutexes 3000 && [ $((locks - before)) -lt 300 ]
}

# with_slots N: a machine that has them.
with_slots() {
	"$MINIVM" loop --slots="$1" --op=cpuid --seconds=100 >"$work/slots" 2>&1 &
	vm=$!
	dir=
	for i in $(seq 40); do
		dir=$(grep -lx $vm $S/*/pid 2>/dev/null | head -1 | xargs -r dirname)
		[ -z "$dir" ] || break
		sleep 0.5
	done
	[ -n "$dir" ] && cat "$dir/left_out" || cat "$work/slots"
	awk -v p=$vm '$1 == "vm" { mine = $4 == p } mine && $1 == "objects" { print $4 }' $D/asi/kvm
	kill -9 $vm
	wait $vm 2>/dev/null
	vm=
}
# In both files the same number: 0, or more.
none_left_out() { with_slots "$1" >"$work/n"; paste -sd' ' "$work/n" | grep -qx '0 0' || { cat "$work/n"; return 1; }; }
some_left_out() { with_slots "$1" >"$work/n"; paste -sd' ' "$work/n" | grep -qxE '([1-9][0-9]*) \1' || { cat "$work/n"; return 1; }; }

# A task that slept in the domain died, and another has its task_struct.  What the loop
# calls is called through a table on such a page.
strangers_stay_out() {
	echo "kvm slab:kmalloc-64 r grow" >$D/asi/policy
	"$MINIVM" loop --seconds=1000 --op=cpuid >/dev/null 2>&1 &
	vm=$!
	sleep 2
	echo $vm >$D/asi_test/asleep || return
	cat $D/asi_test/asleep
	kill -9 $vm
	wait $vm 2>/dev/null
	vm=
	grep -qx 'inside 1 stayed 0' $D/asi_test/asleep
}

plan 5
check "KVM_RUN takes no mutex that other machines take" global_mutexes
check "a machine with 40 memory slots: every object has room" none_left_out 40
check "with 80 slots: what found no room is counted" some_left_out 80
check "no stranger runs inside with a dead task's task_struct" strangers_stay_out
check "no warning in the kernel's log" log_is_clean
finish
