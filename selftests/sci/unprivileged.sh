#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Nobody unprivileged hurts the machine: who may isolate himself, long symbolic links, and
# refusals that somebody orders while the kernel holds locks for him, with panic_on_oops
# and oops_limit at their strictest.
#
# usage: unprivileged.sh [CALLS [REFUSALS [SEED]]]	default 10000 random calls, 30 refusals
. "$(dirname "$0")/../lib/tap.sh"
. "$here/sci.sh"

calls=${1:-10000} refusals=${2:-30}
seed=${3:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
P=$BIN/bad_pointers
K=/proc/sys/kernel
SWITCH=$K/unprivileged_syscall_isolation
T=$D/asi_test
sci_is_on || skip_all "system-call isolation is off"
[ -x "$P" ] || skip_all "build/selftest/bad_pointers is not built"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"
work=$(mktemp -d)
chmod 755 "$work"
trap 'rmmod asi_test; rm -rf "$work"' EXIT
echo 1 >$K/panic_on_oops
echo 1 >$K/oops_limit
dmesg -C

# ---- Who may ---------------------------------------------------------------

by_nobody() { "$P" nobody "$@"; }
isolated_by_nobody() { by_nobody "$ASICTL" sci run --no-new-privs -- "$@"; }

is_closed_at_first() { [ "$(cat $SWITCH)" = 0 ]; }

says_no() {
	said=$(isolated_by_nobody echo ran 2>&1)
	status=$?
	echo "status $status: $said"
	[ $status -ne 0 ] && [ "${said%ran*}" = "$said" ] &&
	printf '%s\n' "$said" | grep -q 'kernel.unprivileged_syscall_isolation is 0'
}

# Into the file, all in one write.
says() { printf %b "$1" >$SWITCH; } 2>/dev/null
bad_words_change_nothing() {
	for value in 0 1; do
		says $value || return 1
		for word in 2 -1 '' x 1x '0 1' '1 ' 01 0x1 '1\n0' 99999999999999999999; do
			dmesg -C
			[ -z "$word" ] || ! says "$word" || { echo "\"$word\" passes"; return 1; }
			[ "$(cat $SWITCH)" = $value ] || { echo "\"$word\" changes it"; return 1; }
			# Ten messages in five seconds are all that there are.
			[ -z "$word" ] || [ $value -ne 0 ] || dmesg | grep -q 'is neither 0 nor 1' ||
				{ echo "\"$word\": no message"; return 1; }
		done
	done
	says '0\n' && is_closed_at_first
}

may_if_open() {
	says 1 && [ "$(isolated_by_nobody echo ran)" = ran ]
}

nobody_opens_it() {
	says 0
	by_nobody sh -c "echo 1 >$SWITCH" 2>/dev/null
	is_closed_at_first
}

# ---- Long links ------------------------------------------------------------

zeros() { printf "%0$1d" 0; }
link_is_followed() { # LENGTH COMMAND...
	slashes=$(zeros $(($1 - ${#work} - 5)) | tr 0 /)
	shift
	echo content >"$work/file"
	ln -sfn "$work/${slashes}file" "$work/link"
	forget_violations
	[ "$("$@" cat "$work/link")" = content ] &&
	[ "$("$@" readlink "$work/link")" = "$work/${slashes}file" ] && no_violations
}
long_links_are_followed() {
	says 1
	for length in 127 128 129 1000 4000; do
		link_is_followed $length isolated enforce || { echo "$length"; return 1; }
		link_is_followed $length isolated_by_nobody || { echo "nobody: $length"; return 1; }
	done
}

# ---- Refusals --------------------------------------------------------------

told() { dmesg | grep -c "asi: .*$1"; }

held() { field "$1" "$(grep '^calls ' "$work/said")"; }

# As often as the test says that it held it.
is_told() { # WORD PATTERN
	times=$(held "$1")
	[ "${times:-0}" -gt 0 ] && [ "$(told "$2")" -ge "$times" ] ||
		{ echo "$1: ${times:-0} times, told $(told "$2") times"; return 1; }
}

has_lockdep() { [ -e /proc/lockdep ]; }

goes_on() {
	says 1
	forget_violations
	count_isolated
	dmesg -C
	"$P" provoke "$seed" "$calls" "$refusals" >"$work/said" 2>&1
	status=$?
	cat "$work/said"
	[ $status -eq 0 ] && were_isolated
}

what_was_held_is_told() {
	cat "$work/said"
	dmesg | grep 'asi: '
	is_told spin 'ended with preempt_count [1-9]' &&
	is_told bh 'ended with .* soft interrupts off [1-9]' &&
	is_told irq 'ended with .* interrupts off' &&
	is_told rcu 'ended with .* RCU [1-9]' &&
	is_told wait 'its stack stays' &&
	is_told poll 'others may wake it' || return 1
	if has_lockdep; then
		is_told mutex 'released .*asi_attack_mutex' &&
		[ "$(told 'released .*asi_attack_sem')" -ge $(($(held write) + $(held read))) ]
	else
		is_told mutex 'ended as the owner of a mutex or rw_semaphore at asi_attack_mutex' &&
		is_told write 'ended as the owner of a mutex or rw_semaphore at asi_attack_sem' &&
		is_told read 'ended as the owner of a rw_semaphore, for reading, at asi_attack_sem'
	fi
}

# Only lockdep is sure of them.
locks_are_released() {
	result=$(cat $T/result)
	echo "$result"
	has_lockdep || return 0
	[ "$(field spin "$result")" = 0 ] && [ "$(field mutex "$result")" = 0 ] &&
	[ "$(field sem "$result")" = 0 ]
}

# The records of those who ended are still in the queue, and whole.
queue_is_whole() {
	[ "$(field waiting "$(cat $T/result)")" = 1 ] && echo wake >$T/attack
}

no_oops() {
	! dmesg | grep -E 'Oops|Kernel panic|BUG:|general protection' &&
	[ "$(cat /sys/kernel/oops_count 2>/dev/null || echo 0)" = 0 ]
}

no_false_record() {
	cat $V
	! grep -v 'kind kernel_text access x ' $V | grep .
}

# What the slab allocator reads too late, and path lookup beyond the end, is no violation.
is_no_violation() { # ORDER VALUE
	# Somebody may take the free page meanwhile.
	for try in 1 2 3 4 5; do
		forget_violations
		echo "free_page" >$T/plant
		isolated enforce sh -c "echo $1 >$T/attack"
		cat $T/result
		[ "$(field reached "$(cat $T/result)")" = 1 ] && no_violations &&
		[ "$(field value "$(cat $T/result)")" = "$2" ] && return
	done
	return 1
}

# ---- It can fail -----------------------------------------------------------

broken() { # NAME
	echo "$1" >$D/asi/break
	says 1
	dmesg -C
	timeout 60 "$P" provoke 1 250 "$2"
	echo none >$D/asi/break
}
without_the_end_it_oopses() {
	survive_oopses
	echo 0 >$K/oops_limit
	broken end 1
	dmesg | grep 'Oops'
}
without_the_report_nothing_is_told() {
	broken held 3
	! dmesg | grep 'ended with' &&
	[ "$(dmesg | grep -c 'asi: domain .* denied')" = 3 ] &&
	{ ! has_lockdep || ! locks_are_released; }
}

plan 16
note "seed $seed"
check "the sysctl is closed at first" is_closed_at_first
check "then nobody may, and asictl says so" says_no
check "what is neither 0 nor 1 is told and changes nothing" bad_words_change_nothing
check "nobody unprivileged opens it" nobody_opens_it
check "open: whoever has no_new_privs may" may_if_open
check "long symbolic links are followed" long_links_are_followed
echo prepare >$T/attack
check "random calls and refusals of an unprivileged user: the machine goes on" goes_on
check "what was held is told" what_was_held_is_told
check "what is certain is released" locks_are_released
check "records on stacks of those who ended stay" queue_is_whole
check "only the refusals are recorded" no_false_record
check "a read of a freed object is no violation" is_no_violation load_freed 0x0
check "a word beyond the end of memory is no violation" is_no_violation zeropad 0x5a5a5a
check "no oops" no_oops
if [ -e $D/asi/break ]; then
	check "with asi_break=end a refusal is an oops" without_the_end_it_oopses
	check "with asi_break=held nothing is told" without_the_report_nothing_is_told
else
	skip "no CONFIG_ASI_BREAK"
	skip "no CONFIG_ASI_BREAK"
fi
finish
