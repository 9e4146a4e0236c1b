#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Attack a system call from inside: returns and jumps into code that the call has
# no business with, reads and writes of what is others'.  The module asi_test has
# the bugs, see selftests/asi/module/attack.c.
#
# A process that is not isolated: each attack reaches its end.  An isolated one:
# it is stopped before, recorded with call, kind and access, and the machine goes
# on, whatever the process held.  Mode log: recorded and let through.
. "$(dirname "$0")/../lib/tap.sh"
. "$here/sci.sh"

T=$D/asi_test
[ -f "$KERNEL_DIR/asi-test/asi_test.ko" ] || skip_all "asi_test.ko is not built"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"
[ -e $T/attack ] || skip_all "asi_test.ko has no attacks"

work=$(mktemp -d)
"$BIN/victim" >"$work/victim" &
victim=$!
trap 'kill -9 $victim 2>/dev/null; wait 2>/dev/null; rmmod asi_test; rm -rf "$work"' EXIT
sleep 1
va=$(cat "$work/victim")
dmesg -C

# ATTACK, secret to plant for it or -, kind and access that are recorded
attacks='rop_gadget - kernel_text x
rop_function - kernel_text x
rop_function_odd - kernel_text x
rop_function_called - kernel_text x
rop_function_called_odd - kernel_text x
rop_function_indirect - kernel_text x
rop_function_indirect_odd - kernel_text x
rop_behind_trace - kernel_text x
rop_behind_trace_odd - kernel_text x
rop_jump_target_odd - kernel_text x
return_noncall - kernel_text x
call_middle - kernel_text x
jump_middle - kernel_text x
jump_behind - kernel_text x
jump_behind_odd - kernel_text x
jump_behind_memory - kernel_text x
jump_behind_memory_odd - kernel_text x
jump_data - vmalloc x
read user_page user_page r
read page_table page_table r
read root_table page_table r
read other_stack other_stack r
read stack_alias other_stack r
read free_page free_page r
write user_page user_page w
fixup user_page user_page r'
nr_attacks=26

plant() {
	case $1 in
	-)	;;
	*)	echo "$1 $victim $va" >$T/plant ;;
	esac
}

result() { r=$(cat $T/result); printf '%s\n' "$r"; }

# With what is planted.  The planted secret is what is there now.
is_written() { echo here >$T/fire && [ "$(field match "$(cat $T/result)")" = 0 ]; }

reached() { # ATTACK
	result
	[ "$(field started "$r")" = 1 ] && [ "$(field reached "$r")" = 1 ] || return 1
	case $1 in
	read|fixup)	[ "$(field value "$r")" = "$(field expected "$r")" ] ;;
	write)		is_written ;;
	esac
}

failed() { # ATTACK
	result
	[ "$(field started "$r")" = 1 ] && [ "$(field reached "$r")" = 0 ] &&
	[ "$(field value "$r")" = 0x0 ] || return 1
	[ "$1" != write ] || ! is_written
}

# The shell says so itself if it survives.
# shellcheck disable=SC2016
fire='read -r go <"$1"; echo "$0" >/sys/kernel/debug/asi_test/attack; echo "survived $?"'
mkfifo "$work/go"

# attack_from MODE ATTACK SECRET: planted when the process that attacks is there, so
# that its start does not take the page; sets $said and $status.
attack_from() {
	isolated "$1" sh -c "$fire" "$2" "$work/go" >"$work/said" 2>&1 &
	attacker=$!
	exec 3>"$work/go"
	plant "$3"
	echo go >&3
	exec 3>&-
	wait $attacker
	status=$?
	said=$(cat "$work/said")
}

recorded() { # KIND ACCESS ACTION
	cat $V
	[ "$(grep -c . $V)" = 1 ] &&
	grep -q "^violation .* call 1 kind $1 access $2 .* action $3 " $V
}

# What the kernel said since: so many refusals, no oops and nothing else bad.
log_has_refusals() { # N
	log=$(dmesg)
	dmesg -C
	refusals=$(printf '%s\n' "$log" | grep -c 'asi: domain [0-9]*: denied')
	bad=$(printf '%s\n' "$log" |
		grep -E 'Oops|WARNING|BUG:|INFO: (task|possible|suspicious|rcu)|general protection|KASAN:|inconsistent lock|not all mapped|double fault|unchecked MSR' |
		grep -v 'BUG: unable to handle')
	[ "$refusals" = "$1" ] && [ -z "$bad" ] || { printf '%s\n' "$log"; return 1; }
}

# ---- One attack ------------------------------------------------------------

# Somebody may take the free page meanwhile.
again() { # SECRET COMMAND...
	tries=1
	[ "$1" != free_page ] || tries=5
	shift
	while ! "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
	done
}

succeeds() { # ATTACK SECRET
	plant "$2" && echo "$1" >$T/attack && reached "$1"
}

is_stopped() { # ATTACK SECRET KIND ACCESS [LOCKED]
	forget_violations
	attack_from enforce "${5:+locked $5 }$1" "$2"
	echo "status $status: $said"
	if [ "$1" = fixup ]; then
		# The read fails, the process goes on.
		[ $status -eq 0 ] && [ "${said##*survived }" != 0 ] && failed "$1" &&
		recorded "$3" "$4" fixed && log_has_refusals 0
	else
		[ $status -gt 128 ] && [ "$said" = "${said%survived*}" ] && failed "$1" &&
		recorded "$3" "$4" killed &&
		dmesg | grep "asi: domain [0-9]*: denied: access $4 kind $3 address 0x" &&
		log_has_refusals 1
	fi
}

is_logged() { # ATTACK SECRET KIND ACCESS
	forget_violations
	attack_from log "$1" "$2"
	echo "$said"
	[ "$said" = "survived 0" ] && reached "$1" && recorded "$3" "$4" logged &&
	log_has_refusals 0
}

# ---- Where the attacks lead ------------------------------------------------

low() { printf '%s\n' "$1" | sed 's/.*\(........\)$/\1/'; }
text=$(awk '$3 == "_text" { print $1; exit }' /proc/kallsyms)

# is_mapped TARGET: is its page executable for those who use the built-in profile?
is_mapped() {
	page=$(( (0x$(low "$(field "$1" "$(cat $T/result)")") - 0x$(low "$text")) >> 12 ))
	awk '$1 == "default" { print $2, $3 }' $D/asi/sci/map >"$work/map"
	while read -r first last; do
		[ $((first)) -gt $page ] || [ $((last)) -lt $page ] || return 0
	done <"$work/map"
	return 1
}

# The map itself says something, and not that.
targets_are_not_mapped() {
	isolated enforce true
	[ -n "$(grep '^default ' $D/asi/sci/map)" ] || { echo "nothing is mapped"; return 1; }
	for target in function gadget middle behind inside; do
		! is_mapped $target || { echo "$target: page $page is"; return 1; }
	done
}

# What arrives the ordinary way gets in, so it was the way that was refused.
ordinary_call_gets_in() {
	forget_violations
	attack_from enforce call_function -
	echo "$said"
	result
	[ "$said" = "survived 0" ] && [ "$(field reached "$r")" = 1 ] && no_violations &&
	is_mapped function
}

# A jump to a page, at the end of a function, is no call of what follows.
jump_to_last_bytes_gets_in() {
	forget_violations
	attack_from enforce call_edge -
	echo "$said"
	result
	[ "$said" = "survived 0" ] && [ "$(field reached "$r")" = 1 ] && no_violations
}

# It looks like a free page, and is none.
later_page_is_read() {
	forget_violations
	attack_from enforce read tail
	echo "$said"
	[ "$said" = "survived 0" ] && reached read && no_violations
}

# What stops these is validation, and nothing else.
not_asked() {
	echo edge >$D/asi/break || return 1
	status=0
	for attack in rop_function_indirect_odd jump_behind return_noncall; do
		forget_violations
		attack_from enforce $attack -
		echo "$said"
		[ "$said" = "survived 0" ] && reached $attack && no_violations || status=1
	done
	echo none >$D/asi/break
	return $status
}

goes_on() {
	kill -0 $victim && [ "$(sh -c 'echo good')" = good ] &&
	[ "$(isolated enforce sh -c 'echo good')" = good ]
}

# ---------------------------------------------------------------------------

if sci_is_on; then plan $((1 + nr_attacks * 3 + 2 + 6 + 7)); else plan $((1 + nr_attacks + 1)); fi
prepare() { echo prepare >$T/attack && result; }
check "the attacks find their targets" prepare
while read -r attack secret kind access; do
	check "not isolated: $attack $secret reaches its end" \
		again "$secret" succeeds "$attack" "$secret"
done <<-END
$attacks
END

if sci_is_on; then
	check "the targets are on pages that no isolated call executes" targets_are_not_mapped
	while read -r attack secret kind access; do
		check "enforce: $attack $secret is stopped and recorded" \
			again "$secret" is_stopped "$attack" "$secret" "$kind" "$access"
	done <<-END
	$attacks
	END
	for mode in spin bh irq; do
		check "locked $mode: the machine survives the end of rop_gadget" \
			is_stopped rop_gadget - kernel_text x $mode
		check "locked $mode: the machine survives the end of read" \
			is_stopped read user_page user_page r $mode
	done
	while read -r attack secret kind access; do
		check "log: $attack $secret is recorded and reaches its end" \
			again "$secret" is_logged "$attack" "$secret" "$kind" "$access"
	done <<-END
	$attacks
	END
	check "nothing of that made the targets executable" targets_are_not_mapped
	check "an ordinary call of the same function gets in" ordinary_call_gets_in
	check "so does a jump to the last bytes of a function" jump_to_last_bytes_gets_in
	check "a later page of an allocation is no free page" later_page_is_read
	if [ -e $D/asi/break ]; then
		check "the attacks reach their ends when nobody asks how they came" not_asked
	else
		skip "what is not asked: no CONFIG_ASI_BREAK"
	fi
	check "other processes, isolated and not, go on" goes_on
	check "no violation in asi/verify" domains_are_right
	check "no warning in the kernel's log" log_has_refusals 0
else
	check "no warning in the kernel's log" log_has_refusals 0
fi
finish
