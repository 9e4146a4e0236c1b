#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Plant secrets of every kind and read them from inside a vCPU's loop.
#
# Isolation off: each is read.  On, with the built-in policy for all of these
# kinds: none is mapped in
# the address space the loop runs in; the touch leaves first and is logged with
# its kind.  On, with a policy that denies: the read fails and the loop stays
# inside.
. "$(dirname "$0")/../lib/tap.sh"

T=$D/asi_test
[ -e /dev/kvm ] || skip_all "no /dev/kvm"
[ -f "$KERNEL_DIR/asi-test/asi_test.ko" ] || skip_all "asi_test.ko is not built"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"

work=$(mktemp -d)
"$BUILD/selftest/victim" >"$work/victim" &
victim=$!
# Never at rest, and not in this shell's way.
nice "$MINIVM" loop --seconds=1000 --op=hlt_irq >"$work/other" 2>&1 &
other=$!
nice "$MINIVM" loop --seconds=1000 --op=hlt_irq >"$work/vm" 2>&1 &
vm=$!
trap 'kill -9 $victim $other $vm 2>/dev/null; wait 2>/dev/null; rmmod asi_test 2>/dev/null; rm -rf "$work"' EXIT
sleep 2
va=$(cat "$work/victim")

# The address, in minivm, of some byte of another guest's memory that is not zero.
find_guest_memory() {
	awk '$2 ~ /^rw/ { split($1, a, "-"); print a[1], a[2] }' /proc/$other/maps |
	while read -r from to; do
		for off in 0 1000 2000 3000 4000 5000 6000 7000 8000 9000 10000 100000; do
			at=$(printf '%x' $((0x$from + 0x$off)))
			[ $((0x$at)) -lt $((0x$to)) ] || break
			[ $((0x$to - 0x$from)) -ge 1048576 ] || break
			echo "user_page $other $at" >$T/plant 2>/dev/null || continue
			[ "$(field expected "$(cat $T/result)")" != 0x0 ] && { echo "$at"; return; }
		done
	done
}
plant_guest() {
	[ -s "$work/guest" ] || find_guest_memory >"$work/guest"
	[ -s "$work/guest" ] && echo "user_page $other $(cat "$work/guest")" >$T/plant
}

plant() {
	case $1 in
	task)			echo "task $victim" >$T/plant ;;
	user_page|page_table)	echo "$1 $victim $va" >$T/plant ;;
	guest_memory)		plant_guest ;;
	own_*)			echo "guest_${1#own_} $vm" >$T/plant ;;
	guest_*)		echo "$1 $other" >$T/plant ;;
	freed_mapped)		true ;;
	*)			echo "$1" >$T/plant ;;
	esac
}

fire() {
	case $1 in
	freed_mapped)	echo "freed $vm" >$T/fire ;;
	*)		echo "$vm" >$T/fire ;;
	esac
}

logged() { grep -q "kind $1 .*access r action $2 " $D/asi/faults; }

# SECRET, KIND in the log, POLICY words to deny it (- where denying would also
# hit what the host's own interrupts read).
secrets='user_page user_page user_page
guest_memory user_page user_page
slab slab slab:asi_secret
other_stack other_stack -
stack_alias other_stack -
page_table page_table page_table
task slab slab:task_struct
free_page free_page free_page
freed_mapped free_page free_page
guest_vm vmalloc -
guest_vcpu slab slab:kvm_vcpu
guest_run kernel_page -
guest_pio kernel_page -
guest_registers vmalloc -
guest_emulator slab slab:x86_emulator
guest_apic kernel_page -
guest_apic_page kernel_page -
guest_vmcb kernel_page -
guest_slot kernel_page -'
# The same of the guest that attacks: mapped, or the test would prove nothing.
own='vm vcpu run pio registers emulator apic apic_page vmcb slot'

read_off() {
	plant "$1" && fire "$1" || return 1
	r=$(cat $T/result); echo "$r"
	[ "$(field fired "$r")" = 1 ] && [ "$(field inside_before "$r")" = 0 ] &&
	[ "$(field match "$r")" = 1 ]
}

read_on() {
	echo clear >$D/asi/faults
	plant "$1" && fire "$1" || return 1
	r=$(cat $T/result); echo "$r"; cat $D/asi/faults
	[ "$(field fired "$r")" = 1 ] && [ "$(field inside_before "$r")" = 1 ] &&
	[ "$(field reachable "$r")" = 0 ] && [ "$(field inside_after "$r")" = 0 ] &&
	logged "$2" exit
}

read_own() {
	plant "own_$1" && fire "own_$1" || return 1
	r=$(cat $T/result); echo "$r"
	[ "$(field fired "$r")" = 1 ] && [ "$(field inside_before "$r")" = 1 ] &&
	[ "$(field reachable "$r")" = 1 ] && [ "$(field inside_after "$r")" = 1 ] &&
	[ "$(field match "$r")" = 1 ]
}

read_denied() {
	echo "$base_policy; kvm $3 r deny,log" >$D/asi/policy || return 1
	echo clear >$D/asi/faults
	plant "$1" && fire "$1"
	status=$?
	echo "$base_policy" >$D/asi/policy
	r=$(cat $T/result); echo "$r"; cat $D/asi/faults
	[ $status -eq 0 ] && [ "$(field inside_before "$r")" = 1 ] &&
	[ "$(field faulted "$r")" = 1 ] && [ "$(field inside_after "$r")" = 1 ] &&
	[ "$(field reachable "$r")" = 0 ] && logged "$2" deny
}

# The probe is called through a table on a slab page of this kind; without it
# the loop would leave before the probe runs.
base_policy='default; kvm slab:kmalloc-64 r grow'

if asi_is_on; then
	plan 49
	echo "$base_policy" >$D/asi/policy
	while read -r secret kind rule; do
		check "on: $secret is not reachable, the touch leaves and is logged as $kind" \
			read_on "$secret" "$kind"
		if [ "$rule" = - ]; then
			skip "on, denied: $secret: the host's own interrupts read this kind"
		else
			check "on, denied: $secret cannot be read" read_denied "$secret" "$kind" "$rule"
		fi
	done <<-END
	$secrets
	END
	for secret in $own; do
		check "on: the guest's own $secret is read, inside" read_own "$secret"
	done
else
	plan 20
	while read -r secret kind rule; do
		check "off: $secret is read from the vCPU loop" read_off "$secret"
	done <<-END
	$secrets
	END
fi
check "no warning in the kernel's log" log_is_clean
finish
