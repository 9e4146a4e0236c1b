#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# With a kernel that KCOV instruments: the code that runs inside, handles faults and
# goes in and out is not disturbed by it, and what must not be instrumented is not.
. "$(dirname "$0")/../lib/tap.sh"

T=$D/asi_test
asi_is_on || skip_all "isolation is off"
[ -e $D/kcov ] || skip_all "the kernel has no KCOV"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" 2>/dev/null || skip_all "cannot load asi_test.ko"
work=$(mktemp -d)
trap 'rmmod asi_test; rm -rf "$work"' EXIT

# KCOV's addresses know no KASLR, so the kernel must be booted with nokaslr.
noted() { # NAME: some place lies in this function
	awk -v name="$1" '$3 == name { found = $1; next }
		found && $1 != found { print found, $1; exit }' "$work/symbols" >"$work/range"
	read -r from to <"$work/range" || { echo "no symbol $1"; return 1; }
	# As strings: these are no numbers that awk can hold.
	awk -v from="0x$from" -v to="0x$to" '($1 "") >= (from "") && ($1 "") < (to "") { n++ }
		END { exit !n }' "$work/places"
}
not_noted() { ! noted "$1"; }
runs() { "$BUILD/selftest/kcov" >"$work/places" 2>"$work/count"; }
stayed() { # the guest's exits were handled, inside or not, and each was noted
	[ "$(cat "$work/count")" -ge 1000 ] || { cat "$work/count"; return 1; }
}
strict() {
	echo 500 >$T/states && result=$(cat $T/result) || return
	echo "$result"
	[ "$(field rounds "$result")" -gt 100 ] && [ "$(field wrong "$result")" = 0 ]
}

# The kernel's own come first, by address.
grep -i ' t ' /proc/kallsyms >"$work/symbols"
plan 8
check "a guest that exits 1000 times runs while KCOV notes" runs
note "$(cat "$work/count") notes, $(wc -l <"$work/places") places"
check "its exits were noted" stayed
check "KVM's loop is among the places" noted kvm_arch_vcpu_ioctl_run
check "what loads CR3 is not" not_noted asi_switch_in
check "the entry into a domain is not" not_noted asi_enter
check "a strict domain runs" strict
check "the oracle found no violation" domains_are_right
check "no warning in the kernel's log" log_is_clean
finish
