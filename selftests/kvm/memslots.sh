#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Memory slots, what is mapped behind them, and dirty logs, all changed while
# the vCPUs use that memory and check what they find in it.
#
# usage: memslots.sh [SECONDS [SEED]]
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/watched.sh"

seconds=${1:-10}
seed=${2:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}

# Three machines: the seed decides how they clear their logs, and how they talk
# to their APICs.
slots() {
	watch "$MINIVM" stress --smp="$1" --slots="$2" --with="$3" --seconds="$seconds" \
		--round="$(awk "BEGIN { print $seconds / 3 }")" --seed="$seed" || return
	cp "$work/out" "$work/counts"
}

plan 9
note "seed $seed, $seconds s each"
"$MINIVM" stress --smp=2 --slots=8 --seconds=1 --with=slots,memory >"$work/out" 2>&1
before=$(unaccounted)
ran "slots come, go, move and are logged: 2 vCPUs, 24 slots" slots 2 24 slots,memory
note "$(paste -sd' ' "$work/out")"
check "each change happened" each_ran created deleted moved flagged made_again logs cleared \
	migrated unmapped replaced discarded protected lost forks
ran "and all else with it: 4 vCPUs, 80 slots" slots 4 80 slots,memory,vcpus,events
note "$(paste -sd' ' "$work/out")"
check "each change happened to many slots" each_ran created deleted moved unmapped forks \
	vcpus_swapped irqfds_fired doorbells
nothing_is_left "$before"
finish
