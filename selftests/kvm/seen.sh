#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What an operator sees of a machine: counters in sysfs and among KVM's statistics.
. "$(dirname "$0")/../lib/tap.sh"

[ -e /dev/kvm ] || skip_all "no /dev/kvm"
asi_is_on || skip_all "isolation is off"
S=/sys/kernel/asi/kvm

"$MINIVM" loop --seconds=1000 --op=cpuid >/dev/null 2>&1 &
vm=$!
trap 'kill -9 $vm 2>/dev/null; wait 2>/dev/null' EXIT
sleep 2

dir_of() { grep -lx "$1" $S/*/pid | head -1 | xargs -r dirname; }
dir=$(dir_of $vm)
counts_up() {
	before=$(cat "$dir/inside")
	sleep 1
	after=$(cat "$dir/inside")
	echo "$before $after"
	[ "$after" -gt "$before" ]
}
are_numbers() { for file in "$dir"/*; do grep -qxE '[0-9]+' "$file" || { echo "$file"; return 1; }; done; }
# The loop goes on between the two looks.
agrees() {
	low=$(cat "$dir/inside")
	shown=$(awk -v p="$vm" '$1 == "vm" { mine = $4 == p } mine && $1 == "exits" { print }' $D/asi/kvm)
	high=$(cat "$dir/inside")
	echo "$low $shown $high"
	[ "$(field inside "$shown")" -ge "$low" ] && [ "$(field inside "$shown")" -le "$high" ]
}
statistics() {
	"$MINIVM" exits --op=cpuid --count=1000 --statistics >/tmp/statistics || return 1
	cat /tmp/statistics
	[ "$(awk -F= '$1 == "asi_inside" { print $2 }' /tmp/statistics)" -ge 990 ] &&
	[ "$(awk -F= '$1 == "asi_user" { print $2 }' /tmp/statistics)" -ge 1 ] &&
	grep -q '^asi_left=' /tmp/statistics && grep -q '^asi_first_touch=' /tmp/statistics &&
	grep -q '^asi_flushes=' /tmp/statistics
}
is_gone() {
	kill -9 $vm
	wait $vm 2>/dev/null
	for i in 1 2 3 4 5; do
		[ -e "$dir" ] || return 0
		sleep 1
	done
	ls -l $S
	return 1
}
plan 7
check "the machine has a directory in $S" test -n "$dir"
check "each file holds a number" are_numbers
check "exits inside are counted while it runs" counts_up
check "debugfs has the same number" agrees
check "KVM's statistics of a vCPU have them" statistics
check "the directory goes with the machine" is_gone
check "no warning in the kernel's log" log_is_clean
finish
