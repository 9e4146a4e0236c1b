#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What the kernel answers anyhow is no violation: random system calls with bad pointers
# give the same answers isolated as not, and leave no record.
#
# usage: bad_pointers.sh [CALLS [SECONDS [SEED]]]	at least so many, and so long; default 5000
. "$(dirname "$0")/../lib/tap.sh"
. "$here/sci.sh"

sci_is_on || skip_all "system-call isolation is off"
[ -x "$BIN/bad_pointers" ] || skip_all "build/selftest/bad_pointers is not built"
survive_oopses
dmesg -C

same() { # CALLS SECONDS SEED
	forget_violations
	count_isolated
	"$BIN/bad_pointers" compare "$3" "$1" "$2" && no_violations && were_isolated
}

# It can fail.
is_recorded() {
	echo answer >$D/asi/break || return 1
	forget_violations
	"$BIN/bad_pointers" compare 1 1000
	echo none >$D/asi/break
	grep 'kind unknown .* action fixed' $V
}

plan 4
seed=${3:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
note "seed $seed"
check "random calls with bad pointers: the same answers, and no record" \
	same "${1:-5000}" "${2:-0}" "$seed"
if [ -e $D/asi/break ]; then
	check "with asi_break=answer they are recorded" is_recorded
else
	skip "no CONFIG_ASI_BREAK"
fi
forget_violations
check "no violation in asi/verify" domains_are_right
check "no warning in the kernel's log" log_is_clean
finish
