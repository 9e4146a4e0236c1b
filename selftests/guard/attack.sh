#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A guest locks pages and pins registers; it, KVM and its VMM attack both.
#
# Without the guard each attack reaches its end; with it each is stopped and recorded; with
# its mechanism switched off it reaches its end again.
. "$(dirname "$0")/../lib/tap.sh"

[ -e /dev/kvm ] || skip_all "no /dev/kvm"
[ -e /dev/guard ] || skip_all "no /dev/guard"
grep -qw svm /proc/cpuinfo || skip_all "no SVM"
# What KVM emulates when a guest asks for it.
fep=$(cat /sys/module/kvm/parameters/force_emulation_prefix 2>/dev/null || echo 0)

# NAME WAY BREAK: the attack, how the record calls it ("-": nobody records it), and the
# mechanism that stops it.
attacks='write write guard-npt
alias write guard-npt
movs_mmio emulated guard-emulator
rep_ins emulated guard-emulator
walk walk guard-npt
event event guard-npt
steal_time area guard-kvm
kvmclock area guard-kvm
wall_clock area guard-kvm
cr0_wp cr0 guard-pin
cr4_smep cr4 guard-pin
cr4_smap cr4 guard-pin
efer_nx msr guard-pin
lstar msr guard-pin
star msr guard-pin
sysenter_eip msr guard-pin
sysenter_esp msr guard-pin
lidt idt guard-pin
slot_delete slot guard-slot
slot_move slot guard-slot
vmm_store - guard-seal
vmm_writev - guard-seal
vmm_child - guard-seal
vmm_proc_mem - guard-seal
vmm_read - guard-seal'
[ "$fep" = 0 ] || attacks="$attacks
emulated_write emulated guard-emulator
emulated_cmpxchg emulated guard-emulator"

attack() { timeout 60 "$MINIVM" attack --name="$@" 2>&1; }
break_it() { echo "$1" >$D/asi/break; }

reaches() { # NAME [OPTION]...
	out=$(attack "$@") && printf '%s\n' "$out" | grep -q "^$1: reached" ||
		{ printf '%s\n' "$out"; return 1; }
}

is_stopped() { # NAME WAY
	out=$(attack "$1") && printf '%s\n' "$out" | grep -q "^$1: stopped" &&
		{ [ "$2" = - ] || printf '%s\n' "$out" | grep -q "^refused $2 .* count [1-9]"; } ||
		{ printf '%s\n' "$out"; return 1; }
}

reaches_without() { # NAME BREAK
	break_it "$2" || return
	out=$(reaches "$1")
	broken=$?
	break_it none
	[ $broken -eq 0 ] || printf '%s\n' "$out"
	return $broken
}

count=$(printf '%s\n' "$attacks" | wc -l)
plan $((3 * count + 4))

# Without the VMM's memory being sealed: it is anonymous there.
while read -r name way switch; do
	check "unguarded_attack_reaches_its_end: $name" \
		reaches "$name" --unguarded --backing=anonymous
	check "guarded_attack_is_stopped: $name" is_stopped "$name" "$way"
	if [ -e $D/asi/break ]; then
		check "attack_reaches_its_end_without_$switch: $name" reaches_without "$name" "$switch"
	else
		skip "no $D/asi/break"
	fi
done <<END
$attacks
END

check "legal_writes_of_registers_and_memory_work" reaches legal
# Expected to succeed: memory that is not the guard's is not sealed, and the report says so.
vmm_writes_to_other_memory() { reaches vmm_store --backing=anonymous; }
check "the_vmm_writes_to_memory_that_is_not_sealed" vmm_writes_to_other_memory
report_tells() { attack write --backing="$1" | grep -q "^locked text .* vmm $2"; }
check "the_report_tells_what_is_not_sealed" report_tells anonymous writes
check "the_report_tells_what_is_sealed" report_tells guard sealed
finish
