#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# asictl mitigations against the running kernel: a row for each of its vulnerabilities files, and
# what is in force as the machine, the parameters and sibling threads have it.  The emulated
# processor and the parameters force bugs that another boot does not have.
#
# usage: mitigations.sh BUG/VECTOR=STATE[:BY] ...
#   What has to come out.  "BUG=affected" and "BUG=not" say it of the bug as a whole.
. "$(dirname "$0")/../lib/tap.sh"

V=/sys/devices/system/cpu/vulnerabilities
SMT=/sys/devices/system/cpu/smt

[ -d $V ] || skip_all "no $V"

# An emulated processor takes a while to start it: what it says is asked for once.
ask() { "$ASICTL" mitigations --json >/tmp/json; }
# states: lines BUG/VECTOR=STATE[:BY], from the JSON, which has a key in each line.
states() {
	awk -F'"' '
		$2 == "bug" { bug = $4 }
		$2 ~ /^(user_kernel|user_user|guest_host|guest_guest|sibling)$/ { vector = $2 }
		$2 == "state" { state = $4 }
		$2 == "by" { print bug "/" vector "=" state ($4 ? ":" $4 : "") }' /tmp/json
}
# value KEY: the first of that name.
value() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\).*/\1/p" /tmp/json | head -1; }
count() { set -- "$V"/*; echo $#; }

each_file_has_a_row() {
	sed -n 's/^ *"bug": "\(.*\)",$/\1/p' /tmp/json | sort >/tmp/rows
	printf '%s\n' "$V"/* | sed 's|.*/||' | sort | diff - /tmp/rows &&
		[ "$(grep -c '"known": true' /tmp/json)" = "$(count)" ]
}
each_row_has_every_vector() {
	cut -d= -f1 /tmp/states | sort -u >/tmp/ways
	echo "$(wc -l </tmp/ways) ways of $(count) bugs"
	[ "$(wc -l </tmp/ways)" -eq $(($(count) * 5)) ]
}
texts_are_the_kernels() {
	sed -n -e 's/^ *"bug": "\(.*\)",$/\1/p' -e 's/^ *"kernel_says": "\(.*\)",$/\1/p' /tmp/json |
		paste -d: - - | sort >/tmp/said
	grep . "$V"/* | sed 's|^[^:]*/||' | sort | diff - /tmp/said
}
machine_is_told() {
	state=$(awk '$1 == "state" { print $2 }' /sys/kernel/asi/status)
	flush=$(cat /sys/kernel/asi/kvm/flush 2>/dev/null || echo null)
	smt=$(awk '$1 == "smt" { print $2 }' /sys/kernel/asi/status)
	echo "$(value isolation) $state; $(value asi_flush) $flush; $(value smt_control)"
	[ "$(value isolation)" = "$state" ] && [ "$(value asi_flush)" = "${flush%,*}" ] &&
		[ "$(value smt_control)" = "$(cat $SMT/control)" ] && [ "$(value asi_smt)" = "$smt" ]
}
comes_out() {
	bug=${1%%[/=]*}
	case $1 in
	*/*)	grep "^${1%%=*}=" /tmp/states
		grep -qxF -e "$1" -e "$1:kernel" -e "$1:isolation" /tmp/states ;;
	*=affected) cat "$V/$bug"; ! grep -q '^Not affected' "$V/$bug" ;;
	*=not)	cat "$V/$bug"; grep -q '^Not affected' "$V/$bug" ;;
	*)	echo "bad argument $1"; return 1 ;;
	esac
}

# Isolation's account of a kind of flush.
flushed() { grep -A1 "\"flush\": \"$1\"" /tmp/json | sed -n 's/.*"done": \([0-9]*\),/\1/p'; }
# Buffers are counted when the files say that guests have them flushed, and not otherwise.
account_moves() {
	before=$(flushed buffers)
	"$MINIVM" exits --op=out --count=500 >/dev/null && ask || return 1
	after=$(flushed buffers)
	echo "buffers: $before, then $after"
	if grep 'isolated guests: flushed' "$V/tsa" "$V/mds"; then
		[ "$after" -ge $((before + 500)) ]
	else
		[ "$after" -eq "$before" ]
	fi
}
without_siblings() {
	echo off >$SMT/control || return 1
	ask
	states >/tmp/after
	echo on >$SMT/control
	diff /tmp/states /tmp/after >/tmp/changed
	cat /tmp/changed
	# Some rows change, to that no sibling runs, and only those of siblings.
	grep -q '^> .*/sibling=mitigated:no_sibling$' /tmp/changed &&
		! grep '^[<>]' /tmp/changed | grep -v '/sibling='
}
refuses_what_it_does_not_know() {
	"$ASICTL" mitigations rowhammer >/tmp/out 2>&1
	[ $? -eq 2 ] && grep "'rowhammer' is no processor bug" /tmp/out
}

plan $((7 + $#))
ask && states >/tmp/states
check "each vulnerabilities file has a row, and each row a file" each_file_has_a_row
check "each row says something of every vector" each_row_has_every_vector
note "$("$ASICTL" mitigations)"
check "the kernel's texts are shown as they are" texts_are_the_kernels
check "isolation, asi_flush= and sibling threads are as the kernel's files have them" machine_is_told
for expected; do
	check "$expected" comes_out "$expected"
done
if [ ! -e /dev/kvm ] || ! asi_is_on; then
	skip "isolation's account of flushes moves with guests: no isolated guests"
elif ! grep -q 'isolated guests' $V/tsa $V/mds; then
	skip "isolation's account of flushes moves with guests: nothing to clear here"
else
	check "isolation's account of flushes moves with guests" account_moves
fi
if [ "$(cat $SMT/active)" = 1 ]; then
	check "sibling threads off: their column changes, and nothing else" without_siblings
else
	skip "sibling threads off: none runs"
fi
check "a bug that is not known is refused" refuses_what_it_does_not_know
finish
