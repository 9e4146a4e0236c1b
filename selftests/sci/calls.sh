#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Everything a system call can do, isolated and not: what it says is the same, and
# nothing is refused on the way.  Then prctl(PR_SYSCALL_ISOLATION) itself.
#
# usage: calls.sh [STEP...]	steps of build/selftest/calls, default all
. "$(dirname "$0")/../lib/tap.sh"
. "$here/sci.sh"

CALLS=$BIN/calls
[ -x "$CALLS" ] || skip_all "build/selftest/calls is not built"

says() { # MODE STEP
	timeout 300 "$CALLS" "$1" "$2" 2>&1
	echo "status $?"
}

if ! sci_is_on; then
	cannot_isolate() { says enforce sleep | grep -q 'Operation not supported'; }
	plan 2
	check "off: the process is told so" cannot_isolate
	check "no warning in the kernel's log" log_is_clean
	finish
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
survive_oopses
loopback_up

same() { # STEP
	says plain "$1" >"$work/plain"
	forget_violations
	count_isolated
	says enforce "$1" >"$work/isolated"
	grep -qx 'status 0' "$work/plain" || { cat "$work/plain"; return 1; }
	diff "$work/plain" "$work/isolated" && no_violations && were_isolated
}

# Nothing would be refused either.
would_be_same() { # STEP
	says plain "$1" >"$work/plain"
	forget_violations
	count_isolated
	says log "$1" >"$work/isolated"
	diff "$work/plain" "$work/isolated" && no_violations && were_isolated
}

api() { # STEP
	"$CALLS" plain "$1"
}

compat_call_is_recorded() {
	"$CALLS" plain calls_of_32_bits && dmesg | grep 'calls\[[0-9]*\]: call 20 .* refused'
}

learns() {
	says learn:sci_calls_learnt read_and_write
	cat $D/asi/sci/profiles
	[ "$(profile_field sci_calls_learnt learned_pages)" -gt 0 ] &&
	[ "$(profile_field sci_calls_learnt calls)" -gt 0 ] || return 1
	"$ASICTL" sci export sci_calls_learnt >"$work/profile" || return 1
	head -5 "$work/profile"
	# write() and pread()
	grep -q '^call 1 text 0x' "$work/profile" && grep -q '^call 17 text 0x' "$work/profile" &&
	grep -q '^call 1 data ' "$work/profile"
}

# Tracing keeps names by process number in an allocation of several pages, which was
# made before anybody noted which are in use.
is_traced() {
	tracing=/sys/kernel/tracing
	mountpoint -q $tracing || mount -t tracefs none $tracing || return 1
	# Into its second page.
	i=0
	while [ $i -lt 1100 ]; do (:); i=$((i + 1)); done
	forget_violations
	count_isolated
	echo 1 >$tracing/events/sched/enable
	isolated enforce sh -c 'for i in 1 2 3 4 5; do (exit 0) & sleep 0.01; done; wait'
	status=$?
	echo 0 >$tracing/events/sched/enable
	[ $status -eq 0 ] && no_violations && were_isolated
}

nobody_is_left() {
	sleep 1
	[ "$(profile_field default tasks)" = 0 ]
}

steps=${*:-$("$CALLS" list)}
api_steps=$("$CALLS" list_api)
log_steps='fork_and_exit memory_changes_while_copying other_memory tcp ring'
count() { echo $#; }
# shellcheck disable=SC2086
plan $(($(count $steps) + $(count $log_steps) + $(count $api_steps) + 6))
for step in $steps; do
	check "$step: isolated as not isolated" same "$step"
done
for step in $log_steps; do
	check "$step: nothing that mode log would record" would_be_same "$step"
done
for step in $api_steps; do
	check "prctl: $step" api "$step"
done
check "a 32-bit call of an isolated process is recorded" compat_call_is_recorded
check "mode learn makes a profile that says what write() needs" learns
check "tracing the scheduler: isolated processes with high numbers go on" is_traced
check "no isolated process is left" nobody_is_left
check "no violation in asi/verify" domains_are_right
check "no warning in the kernel's log" log_is_clean
finish
