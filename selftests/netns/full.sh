#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# More namespaces than the reserve has floors for: those too many are not made, and nothing
# else happens.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/netns.sh"

netns_is_on || skip_all "boot with asi=on netns_asi=on,4M"
MANY=${MANY:-30}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# One that lives until the folder says so; what unshare complains about goes to a file.
live() {
	unshare -n sh -c "touch $dir/alive.$1; while [ ! -e $dir/end ]; do sleep 0.2; done" \
		>/dev/null 2>"$dir/error.$1" || :
}
alive() { find "$dir" -name 'alive.*' | wc -l; }
failed() { find "$dir" -name 'error.*' -size +0 | wc -l; }
each_lives_or_fails() {
	for i in $(seq 200); do
		[ $(($(alive) + $(failed))) -lt "$MANY" ] || return 0
		sleep 0.1
	done
	echo "$(alive) live and $(failed) failed of $MANY"
	return 1
}
some_live_and_some_fail() {
	echo "$(alive) live, $(failed) were not made"
	[ "$(alive)" -gt 0 ] && [ "$(failed)" -gt 0 ]
}
for_want_of_space() { ! cat "$dir"/error.* | grep -v 'No space left on device'; }
# What ended gives its memory back in its own time.
memory() { grep -E '^(free|promised) ' "$N/reserve"; }
memory_comes_back() {
	for i in $(seq 100); do
		[ "$(memory)" != "$before" ] || return 0
		sleep 0.1
	done
	cat "$N/reserve" "$N/namespaces"
	return 1
}

plan 6
before=$(memory)
echo 1 >/proc/sys/net/asi/isolate_new
# In the background of this shell, not of what check reads from.
for i in $(seq "$MANY"); do live "$i" & done
check "each_lives_or_fails" each_lives_or_fails
check "some_live_and_some_fail" some_live_and_some_fail
check "those_fail_for_want_of_space" for_want_of_space
touch "$dir/end"
wait
check "memory_comes_back" memory_comes_back
echo 0 >/proc/sys/net/asi/isolate_new
check "no_private_frame_is_elsewhere" netns_is_right
check "log_is_clean" log_is_clean
finish
