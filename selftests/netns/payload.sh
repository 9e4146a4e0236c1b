#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What a tenant has put into a socket, looked for by content and read by address.
#
# Isolation off: found, and read from anywhere.  On: not found, zeroes from
# anywhere, each logged; and the tenant receives its bytes throughout.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/netns.sh"

load_test_module
trap 'rmmod asi_test 2>/dev/null' EXIT

# Where a load comes from is of no matter to how the payload was sent: all of them once.
contexts='kthread softirq timer interrupt'
KINDS=${KINDS:-tcp unix dgram udp udpcork raw rawicmp rawhdr packet}
# The scan reads all of memory, which takes a while: once a protocol.
scanned='tcp unix udp raw packet'
streams='tcp unix dgram udp udpfrag udpcork raw rawicmp rawhdr packet'
switch=- wanted=found
if netns_is_on; then switch=1 wanted=hidden; fi
# No word of these bytes is anywhere else.
word() { head -c 8 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
count() { echo $#; }
is_in() { case " $2 " in *" $1 "*) ;; *) false ;; esac; }

n=0
for kind in $KINDS; do
	n=$((n + 4))
	! is_in "$kind" "$scanned" || n=$((n + 1))
done
# shellcheck disable=SC2086
plan $((n + $(count $contexts) + $(count $streams) + 4))

scan_for() { echo "scan $1" >$P && $wanted; }
found() { [ "$(hits)" -gt 0 ] || { cat $P; return 1; }; }
hidden() { [ "$(hits)" -eq 0 ] || { cat $P; return 1; }; }

# What a read of the payload gives: the tenant's word, or zeroes.
gives() { # CONTEXT COMPLEMENT
	say "read $1" || return
	[ $wanted = found ] || set -- "$1" ffffffffffffffff
	[ "$(complement)" = "0x$2" ] || { cat $P; return 1; }
}

for kind in $KINDS; do
	complement=$(word)
	if hold $kind "$complement" $switch; then
		ok "a_tenant_sends: $kind"
	else
		not_ok "a_tenant_sends: $kind"
		finish
	fi
	! is_in "$kind" "$scanned" || check "payload_is_$wanted: $kind" scan_for "$complement"
	check "payload_has_an_address: $kind" say 'socket FD AT'
	check "payload_is_${wanted}_from: $kind, task" gives task "$complement"
	if [ "$kind" = tcp ]; then
		for context in $contexts; do
			check "payload_is_${wanted}_from: $kind, $context" gives "$context" "$complement"
		done
	fi
	# Here: another shell could not wait for it.
	if release; then
		ok "the_tenant_receives_its_bytes: $kind"
	else
		not_ok "the_tenant_receives_its_bytes: $kind"
	fi
done

if netns_is_on; then
	check "each_touch_was_refused_and_logged" test "$(grep -c ' action deny ' $N/refused)" -ge 10
	check "the_core_logs_private_payload" grep -q 'kind private' $D/asi/faults
	check "no_private_frame_is_elsewhere" netns_is_right
else
	for name in each_touch_was_refused_and_logged the_core_logs_private_payload \
		no_private_frame_is_elsewhere; do
		skip "$name: netns_asi is off"
	done
fi
# Isolated, at least 95 % of each is private.
for kind in $streams; do
	check "streams_arrive_whole: $kind" "$BIN/traffic" stream $kind 4000000 $switch
done
check "log_is_clean" log_is_clean
finish
