#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Policy text: what is wrong is named and changes nothing; what is read can be
# written back.
. "$(dirname "$0")/../lib/tap.sh"

asi_is_on || skip_all "isolation is off"
P=$D/asi/policy

refused() { # TEXT WORD-IN-MESSAGE
	before=$(cat $P)
	printf '%s' "$1" >$P 2>/dev/null && { echo "accepted"; return 1; }
	cat $D/asi/policy_error
	grep -q "$2" $D/asi/policy_error && [ "$(cat $P)" = "$before" ]
}

round_trip() {
	echo 'kvm slab:kmalloc-64 rw grow; kvm user_page r deny' >$P || return 1
	before=$(cat $P)
	printf '%s' "$before" >$P || return 1
	[ "$(cat $P)" = "$before" ] && echo "$before" | grep -q kmalloc-64
}

back_to_default() {
	echo default >$P && ! grep -q kmalloc-64 $P
}

plan 9
check "unknown kind is named" refused 'kvm slob r grow' slob
check "unknown class is named" refused 'kwm slab r grow' kwm
check "unknown action is named" refused 'kvm slab r allow' allow
check "unknown access is named" refused 'kvm slab q grow' q
check "a kind that is never safe cannot grow" refused 'kvm free_page r grow' free_page
check "one bad rule among good ones changes nothing" \
	refused 'kvm slab:kmalloc-64 r grow
kvm slob r grow' 'line 2'
check "what is read can be written back" round_trip
check "the word default restores the built-in policy" back_to_default
check "asictl names the mistake too" sh -c "! $ASICTL policy check 'kvm slob r grow' 2>/tmp/e && grep -q slob /tmp/e"
finish
