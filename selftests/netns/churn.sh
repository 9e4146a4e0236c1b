#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Many namespaces, one after the other: made, isolated, used, and left, every other one with
# payload in a queue.  All memory comes back.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/netns.sh"

netns_is_on || skip_all "boot with asi=on netns_asi=on"
NAMESPACES=${1:-1000}
memory() { grep -E '^(free|promised) ' "$N/reserve"; }
memory_comes_back() {
	for i in $(seq 300); do
		[ "$(memory)" != "$before" ] || return 0
		sleep 0.1
	done
	cat "$N/reserve" "$N/namespaces"
	return 1
}

plan 4
before=$(memory)
check "namespaces_come_and_go" "$BIN/tenants" churn "$NAMESPACES"
check "memory_comes_back" memory_comes_back
check "no_private_frame_is_elsewhere" netns_is_right
check "log_is_clean" log_is_clean
finish
