#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Many guests at once, killed and replaced; then one with eight vCPUs that come
# while the others run, send each other interrupts and change their threads,
# with irqfds, ioeventfds and routes that come and go.  The guests check all
# they see.
#
# usage: crowd.sh [SECONDS [SEED]]
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/watched.sh"

seconds=${1:-10}
seed=${2:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}

crowd() { watch "$MINIVM" crowd --guests=64 --seconds="$seconds" --seed="$seed"; }
all_at_once() { [ "$most_domains" -ge 48 ] || { echo "at most $most_domains"; return 1; }; }
vcpus() {
	watch "$MINIVM" stress --smp=8 --slots=8 --with=vcpus,events --seconds="$seconds" \
		--seed="$seed" || return
	cp "$work/out" "$work/counts"
}

plan 10
note "seed $seed, $seconds s each"
# What the first guests allocate for good.
"$MINIVM" crowd --guests=8 --seconds=1 --seed="$seed" >"$work/out" 2>&1
before=$(unaccounted)
ran "64 guests at once, some killed, replaced" crowd
note "$(cat "$work/out")"
if asi_is_on; then check "their domains were there at once" all_at_once
else skip "isolation is off: no domains"; fi
ran "8 vCPUs, added while others run; interrupts" vcpus
note "$(paste -sd' ' "$work/out")"
check "each vCPU and each kind of event took part" each_ran vcpus_added vcpus_swapped \
	threads_replaced op_ipi op_broadcast timer_ticks pit_ticks
check "interrupts and doorbells did, too" each_ran irqfds irqfds_gone irqfds_fired \
	ioeventfds ioeventfds_gone routings doorbells doorbell_exits
nothing_is_left "$before"
finish
