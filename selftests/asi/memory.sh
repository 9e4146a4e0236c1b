#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Memory that comes and goes, and whatever else changes the kernel's own map while
# domains show it.  For a machine with three DIMMs of 128 MiB beside its 2 GiB, whose
# kernel finds them after it has booted.
. "$(dirname "$0")/../lib/tap.sh"

T=$D/asi_test
memory=/sys/devices/system/memory
asi_is_on || skip_all "isolation is off"
[ -e $D/asi/break ] || skip_all "no CONFIG_ASI_BREAK"
# Blocks of 128 MiB, the first of them at 4 GiB, behind the end of what was there at boot.
[ -d $memory/memory34 ] || skip_all "no plugged memory"
[ "$(cat $memory/block_size_bytes)" = 8000000 ] || skip_all "memory blocks are not of 128 MiB"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"
trap 'echo end >$T/corrupt; echo none >$D/asi/break; rmmod asi_test' EXIT

# What a switch has hidden from the base map stays there: nothing asks for it again.
known=0
count_violations() { oracle=$(cat $D/asi/verify); violations=$(field violations "$(printf '%s\n' "$oracle" | grep '^domains')"); }
nothing_new() {
	count_violations
	[ "$violations" -le $known ] || { printf '%s\n' "$oracle" | tail -5; return 1; }
}

# ---- Probes: 0 if the invariant holds --------------------------------------

# What is allocated comes from there now: the machine has no other memory that high.
onlined_memory_is_used() {
	echo online_kernel >$memory/memory32/state &&
	awk '$4 == "Normal" { zone = 1 } zone && $1 == "present" { found = $2 == 32768; exit }
		END { exit !found }' /proc/zoneinfo
}

# Mapped and freed; or not mapped at all.
frame_behind_the_end_is_unmapped() {
	echo freed >$T/corrupt 2>/dev/null || return 0
	nothing_new
	status=$?
	echo end >$T/corrupt
	return $status
}

memmap_follows_hugetlb() {
	status=0
	echo memmap >$T/corrupt || return 1
	echo 1 >/proc/sys/vm/hugetlb_optimize_vmemmap || return 1
	echo 32 >/proc/sys/vm/nr_hugepages
	[ "$(cat /proc/sys/vm/nr_hugepages)" -gt 0 ] || status=1
	nothing_new || status=1
	echo 0 >/proc/sys/vm/nr_hugepages
	nothing_new || status=1
	echo end >$T/corrupt
	return $status
}

fenced_object_is_unmapped() {
	echo 10 >/sys/module/kfence/parameters/sample_interval &&
	echo fenced >$T/corrupt && nothing_new
	status=$?
	echo 0 >/sys/module/kfence/parameters/sample_interval
	echo end >$T/corrupt
	return $status
}

# removed_memory_is_unmapped N: the DIMM with that number.
removed_memory_is_unmapped() {
	block=$memory/memory$((32 + $1))
	echo online_movable >$block/state &&
	echo memmap >$T/corrupt && nothing_new &&
	echo offline >$block/state &&
	echo 1 >/sys/bus/acpi/devices/PNP0C80:0"$1"/eject || return 1
	for i in $(seq 50); do
		[ -e $block ] || break
		sleep 0.1
	done
	[ ! -e $block ] && nothing_new
	status=$?
	echo end >$T/corrupt
	return $status
}

# fails SWITCH PROBE...
fails() {
	echo "$1" >$D/asi/break
	shift
	! "$@"
	status=$?
	echo none >$D/asi/break
	count_violations
	known=$violations
	return $status
}

# The emulator shows the kernel an old memory map when hugetlb gives pages back, with isolation
# off as well: see "Memory map" in Documentation/emulators.rst.
log_is_clean_beside_hugetlb() {
	! dmesg | grep -v 'BUG: Bad page state in process memory.sh' | grep -E 'WARNING|BUG:|Oops|KASAN'
}

plan 9
check "a DIMM is used" onlined_memory_is_used
check "frame_behind_the_end_is_unmapped" frame_behind_the_end_is_unmapped
check "with 'changed': memmap_follows_hugetlb" memmap_follows_hugetlb
check "with 'changed': fenced_object_is_unmapped" fenced_object_is_unmapped
check "with 'vunmap': removed_memory_is_unmapped" removed_memory_is_unmapped 1
check "without 'changed' not: memmap_follows_hugetlb" fails changed memmap_follows_hugetlb
check "without 'changed' not: fenced_object_is_unmapped" fails changed fenced_object_is_unmapped
check "without 'vunmap' not: removed_memory_is_unmapped" fails vunmap removed_memory_is_unmapped 2
check "no warning in the kernel's log" log_is_clean_beside_hugetlb
finish
