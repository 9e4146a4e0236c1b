#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What is cleared before a guest is entered, and how often.  The kernel is booted
# with asi_flush=MODE; with "force" it clears what this CPU has no need of.
#
# Or without that, MODE l1d: with vmentry_l1d_flush=always, on a CPU that has L1TF.
# MODE verw: on a CPU whose last instructions before a guest clear buffers.
#
# usage: flush.sh MODE
. "$(dirname "$0")/../lib/tap.sh"

mode=$1
exits=20000
[ -e /dev/kvm ] || skip_all "no /dev/kvm"
asi_is_on || skip_all "isolation is off"

# What is looked at: one thing that is cleared, or all of them.
case $mode in
l1d)	what=l1d told=auto ;;
verw)	what=buffers told=auto ;;
*)	what='.*' told=$mode ;;
esac

# flushes COLUMN: of machines that ended, the sum over what is cleared.
flushes() {
	sed -n '/^vm ended/,/^$/p' $D/asi/kvm | grep -x "flush $what done .*" |
		awk -v k="$1" '{ for (i = 3; i < NF; i++) if ($i == k) n += $(i + 1) } END { print n + 0 }'
}
kinds=$(sed -n '/^vm ended/,/^$/p' $D/asi/kvm | grep -cx "flush $what done .*")

# Of all three, those that this CPU can do, forced or not.
able=$kinds
[ "$what" != '.*' ] || grep -qw ibpb /proc/cpuinfo || able=$((kinds - 1))

# run_guest OPERATION: sets done and avoided.
run_guest() {
	done=$(flushes done) avoided=$(flushes avoided)
	"$MINIVM" exits --op="$1" --count=$exits >/dev/null || return 1
	done=$(($(flushes done) - done)) avoided=$(($(flushes avoided) - avoided))
	note "$1: $done flushes done, $avoided avoided, of $kinds kinds"
}

as_told() { grep -qx "$told" /sys/kernel/asi/kvm/flush; }
no_more_than() { [ "$done" -le "$1" ] || { echo "$done flushes"; return 1; }; }
no_less_than() { [ "$done" -ge "$1" ] || { echo "$done flushes"; return 1; }; }
counted() { [ $((done + avoided)) -ge $((exits * kinds)) ]; }
# A mitigation that is told of is told of with what isolation makes of it.
texts() { grep -v '^Not affected' /sys/devices/system/cpu/vulnerabilities/$1 | grep -c "isolated guests.*: $2\$"; }
text_is_true() {
	when=$1
	shift
	for bug in ${*:-l1tf mds mmio_stale_data}; do
		affected=$(grep -vc '^Not affected' /sys/devices/system/cpu/vulnerabilities/$bug)
		[ "$(texts $bug "$when")" = "$affected" ] ||
			{ cat /sys/devices/system/cpu/vulnerabilities/$bug; return 1; }
	done
}

for bug in l1tf mds tsa; do
	note "$bug: $(cat /sys/devices/system/cpu/vulnerabilities/$bug 2>/dev/null)"
done
plan 7
check "asi_flush=$told is in force" as_told
run_guest cpuid || not_ok "the guest ran"
case $mode in
auto,force|verw)
	check "exits handled inside: at least 50 times fewer flushes than entries" \
		no_more_than $((exits * kinds / 50)) ;;
always,force|l1d)
	check "exits handled inside: everything is flushed at every entry" \
		no_less_than $((exits * able)) ;;
*)	check "exits handled inside: nothing is flushed" no_more_than 0 ;;
esac
check "each entry is counted, done or avoided" counted
run_guest out || not_ok "the guest ran"
case $mode in
auto,force)
	check "exits to user space: L1D and buffers at every entry" no_less_than $((exits * 2)) ;;
always,force|l1d|verw)
	check "exits to user space: everything at every entry" no_less_than $((exits * able)) ;;
*)	check "exits to user space: nothing is flushed" no_more_than 0 ;;
esac
check "each entry is counted, done or avoided" counted
case $mode in
auto*)	check "the vulnerabilities files say so" text_is_true "flushed on return to isolation" ;;
always*) check "the vulnerabilities files say so" text_is_true "flushed at every entry" ;;
never*)	check "the vulnerabilities files say so" text_is_true "not flushed.*" ;;
l1d)	check "the vulnerabilities file says so" text_is_true "flushed at every entry" l1tf ;;
verw)	check "the vulnerabilities file says so" text_is_true "flushed on return to isolation" tsa ;;
esac
check "no warning in the kernel's log" log_is_clean
finish
