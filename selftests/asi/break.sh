#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# For each mechanism of the core: a probe of its invariant that succeeds while
# the mechanism works, and fails when it is switched off.  A probe that cannot
# fail proves nothing.
. "$(dirname "$0")/../lib/tap.sh"

T=$D/asi_test
[ -e /dev/kvm ] || skip_all "no /dev/kvm"
asi_is_on || skip_all "isolation is off"
[ -e $D/asi/break ] || skip_all "no CONFIG_ASI_BREAK"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"

work=$(mktemp -d)
"$MINIVM" loop --seconds=1000 --op=cpuid >"$work/vm" 2>&1 &
vm=$!
trap 'echo none >$D/asi/break; kill -9 $vm 2>/dev/null; wait 2>/dev/null; rmmod asi_test 2>/dev/null; rm -rf "$work"' EXIT
sleep 1
# The probe in the vCPU loop is called through a table on such a page.
echo "kvm slab:kmalloc-64 r grow" >$D/asi/policy

# ---- Probes: 0 if the invariant holds --------------------------------------

# A domain to which this happens stays right.
stays_right() {
	echo "$1" >$T/corrupt && domains_are_right
	status=$?
	echo end >$T/corrupt
	return $status
}

secret_is_kept() {
	echo slab >$T/plant && echo "$vm" >$T/fire || return 1
	r=$(cat $T/result); echo "$r"
	[ "$(field inside_before "$r")" = 1 ] && [ "$(field inside_after "$r")" = 0 ]
}

freed_memory_is_unmapped() { stays_right freed; }
vunmapped_memory_is_unmapped() { stays_right vunmapped; }
unmapped_registers_are_unmapped() { stays_right registers; }
changed_memory_is_followed() { stays_right uncached; }
freed_object_is_unmapped() {
	echo freed_object >$T/corrupt && no_foreign_objects test && domains_are_right
	status=$?
	echo end >$T/corrupt
	return $status
}

sleepers() {
	taskset -c 0 sh -c 'for i in 1 2 3 4; do sleep 30 & done; wait' &
	sleepers="$sleepers $!"
}

# A CPU keeps a few stacks for the next tasks.  Room is made for the dead
# task's, and others are given it.  No stack is kept while a CPU might reach it,
# so nobody is inside meanwhile.
dead_stack_is_unmapped() {
	sleepers=
	kill -STOP $vm
	sleepers
	sleep 0.5
	echo deadstack >$T/corrupt || return 1
	sleepers
	sleep 0.5
	domains_are_right
	status=$?
	for parent in $sleepers; do pkill -P "$parent"; done
	kill -CONT $vm
	echo end >$T/corrupt
	return $status
}

# Several looks of the oracle long, which takes a debug kernel seconds.
seconds=2
! is_debug_kernel || seconds=10
guest_memory_follows_the_process() {
	"$MINIVM" loop --seconds=$seconds --op=mmio --replace=0.3 >"$work/replace" &
	pid=$!
	status=0
	while kill -0 $pid 2>/dev/null; do
		domains_are_right || status=1
		sleep 0.2
	done
	# Emulating what is no longer the guest's code ends it.
	wait $pid || status=1
	return $status
}

stale() { echo "$1" >$T/stale && r=$(cat $T/result) && echo "$r"; }

not_reused_while_held() {
	stale stay && [ "$(field reused "$r")" = 0 ] && [ "$(field stayed "$r")" = 1 ]
}

not_seen_while_held() {
	stale stay && [ "$(field seen "$r")" = 0 ]
}

# The idle CPU must have been inside, and the page must have come back, to say anything.
not_seen_by_an_idle_cpu() {
	kill -STOP $vm
	stale idle
	status=$?
	kill -CONT $vm
	[ $status -eq 0 ] && [ "$(field stayed "$r")" = 1 ] && [ "$(field reused "$r")" = 1 ] &&
	[ "$(field seen "$r")" = 0 ]
}

# Without the quarantine, so that entering is all that protects.
not_seen_after_entering() {
	also=$(awk '$2 == "broken" { printf ",%s", $1 }' $D/asi/break)
	echo "quarantine$also" >$D/asi/break
	stale enter
	status=$?
	echo "${also:-none}" >$D/asi/break
	[ $status -eq 0 ] && [ "$(field reused "$r")" = 1 ] && [ "$(field seen "$r")" = 0 ]
}

records_agree() { echo 5 >$T/states && domains_are_right; }

# ---- Each with and without -------------------------------------------------

probes='free freed_memory_is_unmapped
vunmap vunmapped_memory_is_unmapped
vunmap unmapped_registers_are_unmapped
changed changed_memory_is_followed
pages freed_object_is_unmapped
stack dead_stack_is_unmapped
user guest_memory_follows_the_process
lazy not_seen_by_an_idle_cpu
quarantine not_reused_while_held
quarantine not_seen_while_held
generation not_seen_after_entering
record records_agree
rmap freed_memory_is_unmapped
policy secret_is_kept'

# What chance decides, which stack a new task is given and where, is tried some times.
fails() {
	echo "$1" >$D/asi/break || return 1
	for try in 1 2 3 4 5; do
		"$2" || return 0
	done
	return 1
}

unknown_is_refused() {
	echo free >$D/asi/break && ! echo free,nonsense >$D/asi/break 2>/dev/null &&
	grep -qx 'free broken' $D/asi/break && echo none >$D/asi/break
}

# What is kept waits for a worker.
quarantine_is_empty() {
	sleep 0.2
	[ "$(asi_stat quarantine_pages)" = 0 ]
}

plan 31
check "a switch that does not exist is refused and changes nothing" unknown_is_refused
while read -r switch probe; do
	check "with '$switch': $probe" "$probe"
	check "without it not" fails "$switch" "$probe"
	echo none >$D/asi/break
	# What is wrong by now must not be blamed on the next.
	echo 5 >$T/states
done <<-END
$probes
END
kill -9 $vm
wait $vm 2>/dev/null
check "with everything on again all is right" domains_are_right
check "no page is left in quarantine" quarantine_is_empty
finish
