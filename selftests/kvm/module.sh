#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# KVM as a module comes and goes, while domains live and while it has machines.
. "$(dirname "$0")/../lib/tap.sh"

[ -d /sys/module/kvm/holders ] || skip_all "KVM is not a module"
asi_is_on || skip_all "isolation is off"
[ -f "$KERNEL_DIR/asi-test/asi_test.ko" ] || skip_all "asi_test.ko is not built"
T=$D/asi_test
work=$(mktemp -d)
vm=
trap 'kill -9 $vm 2>/dev/null; wait 2>/dev/null; [ ! -e $T ] || echo end >$T/corrupt; rmmod asi_test 2>/dev/null; rm -rf "$work"' EXIT

unload_kvm() {
	for holder in /sys/module/kvm/holders/kvm_*; do
		rmmod "${holder##*/}" || return
	done
	rmmod kvm
}

# None of its functions is there any more.
is_gone() {
	[ ! -e /dev/kvm ] && [ ! -e $D/asi/kvm ] && [ ! -d /sys/module/kvm ] &&
	! grep -q '\[kvm\]' /proc/kallsyms
}
goes() { unload_kvm && is_gone; }
comes() { load_kvm && [ -e /dev/kvm ] && [ -e $D/asi/kvm ]; }

start() {
	"$MINIVM" loop --op=cpuid --smp=2 --seconds=1000 >"$work/vm" 2>&1 &
	vm=$!
	for i in $(seq 40); do
		[ "$(asi_stat domains)" -lt "$1" ] || return 0
		sleep 0.25
	done
	cat "$work/vm"
	return 1
}
stop() { kill -9 $vm; wait $vm 2>/dev/null; vm=; }

runs_inside() {
	"$MINIVM" exits --op=cpuid --count=3000 >"$work/out" 2>&1 || { cat "$work/out"; return 1; }
	line=$(sed -n '/^vm ended/,/^$/p' $D/asi/kvm | grep '^exits')
	echo "$line"
	[ "$(field inside "$line")" -ge 2900 ]
}

stays_while_used() {
	start "$1" && ! rmmod kvm_amd 2>/dev/null && ! rmmod kvm_intel 2>/dev/null &&
	! rmmod kvm 2>/dev/null && domains_are_right
	status=$?
	stop
	return $status
}

runs() {
	before=$(asi_stat enter)
	"$MINIVM" exits --op=cpuid --count=300 >"$work/out" 2>&1 || { cat "$work/out"; return 1; }
	[ "$(asi_stat enter)" -gt "$before" ]
}

# Others' domains live on while its text and data come and go.
comes_and_goes() {
	insmod "$KERNEL_DIR/asi-test/asi_test.ko" && echo nothing >$T/corrupt || return
	for i in $(seq 10); do
		runs && goes && domains_are_right && echo 5 >$T/states && comes || return
	done
	[ "$(asi_stat domains)" -ge 1 ]
}

# Machines end just before.
right_after_machines() {
	for i in $(seq 10); do
		"$MINIVM" churn --count=3 --smp=2 --kill >"$work/out" 2>&1 ||
			{ cat "$work/out"; return 1; }
		goes && comes || return
	done
}

plan 8
check "it goes, and all of it" goes
check "it comes again" comes
check "exits of a guest are handled inside" runs_inside
check "it stays while a machine lives" stays_while_used 1
check "it goes and comes while another domain lives" comes_and_goes
check "it goes right after its machines" right_after_machines
check "every domain is right" domains_are_right
check "no warning in the kernel's log" log_is_clean
finish
