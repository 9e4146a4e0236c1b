#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Each accessor reaches the payload of the namespace that is acted for, and nobody else's;
# taken away it does not reach it, and widened it reaches a stranger's.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/netns.sh"

netns_is_on || skip_all "boot with asi=on netns_asi=on"
[ -e $N/break ] || skip_all "the kernel is without CONFIG_ASI_BREAK"
load_test_module
trap 'echo none >$N/break; rmmod asi_test 2>/dev/null' EXIT

# Those that the module calls, and those that only a sender comes through: FUNCTION KIND.
CALLED='skb_copy_bits __skb_checksum skb_copy_and_csum_bits __skb_datagram_iter skb_find_text
	skb_store_bits skb_copy_datagram_from_iter'
SENT='skb_copy_to_page_nocache:tcp ip_generic_getfrag:udp raw_getfrag:rawicmp'

# Where the compiler put the one of TCP.
grep -q ' skb_copy_to_page_nocache$' /proc/kallsyms ||
	SENT="tcp_sendmsg_locked:${SENT#*:}"

reached() { field reached "$(grep '^call ' "$P")"; }
# reaches YES FUNCTION WHO BREAK: with that switched off.
reaches() {
	echo "$4" >$N/break || return
	say "call $3 $2 FD AT"
	said=$?
	echo none >$N/break
	[ $said -eq 0 ] && [ "$(reached)" = "$1" ] || { cat $P; return 1; }
}
# What the sender writes without its accessor goes to the page of zeroes.
arrives() { "$BIN/traffic" stream "$1" 100000 1; }
does_not_arrive() {
	echo "remove $2" >$N/break || return
	arrives "$1" && said=1 || said=0
	echo none >$N/break
	return $said
}
refuses() { ! echo "$1" >$N/break; }

# shellcheck disable=SC2086
set -- $CALLED
# shellcheck disable=SC2086
plan $(($# * 4 + $(echo $SENT | wc -w) * 2 + 5))
hold udp 0123456789abcdef 1 || { not_ok "a_tenant_sends"; finish; }
ok "a_tenant_sends"
for function in "$@"; do
	check "the_owner_reaches: $function" reaches 1 $function owner none
	check "a_stranger_does_not: $function" reaches 0 $function stranger none
	check "removed_the_owner_does_not: $function" reaches 0 $function owner "remove $function"
	check "widened_a_stranger_does: $function" reaches 1 $function stranger "widen $function"
done
if release; then
	ok "the_tenant_receives_its_bytes"
else
	not_ok "the_tenant_receives_its_bytes"
fi
for pair in $SENT; do
	check "bytes_arrive: ${pair#*:}" arrives "${pair#*:}"
	check "removed_they_do_not: $pair" does_not_arrive "${pair#*:}" "${pair%:*}"
done
check "names_of_nothing_are_refused" refuses "remove no_such_function"
check "no_private_frame_is_elsewhere" netns_is_right
check "log_is_clean" log_is_clean
finish
