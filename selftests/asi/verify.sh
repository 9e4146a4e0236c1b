#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# asi/verify finds each thing that can be wrong in a domain, and nothing in
# domains that are in use.
. "$(dirname "$0")/../lib/tap.sh"

T=$D/asi_test
asi_is_on || skip_all "isolation is off"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"
work=$(mktemp -d)
"$BUILD/selftest/victim" >"$work/victim" &
victim=$!
"$MINIVM" loop --seconds=1000 --op=cpuid --smp=2 >"$work/vm" 2>&1 &
vm=$!
trap 'echo end >$T/corrupt; kill -9 $victim $vm 2>/dev/null; wait 2>/dev/null; rmmod asi_test; rm -rf "$work"' EXIT
sleep 2
va=$(cat "$work/victim")

# wrong HOW WHAT: exactly one violation is found, and it is called WHAT.
wrong() {
	echo "$1" >$T/corrupt || return 1
	oracle_counts 1 || return
	printf '%s\n' "$oracle" | grep "^violation" | grep " what $2\$" ||
		{ printf '%s\n' "$oracle"; return 1; }
}
wrong_secret() { # PLANTED WHAT [HOW]
	echo "$1" >$T/plant && wrong "${3:-secret}" "$2"
}
# Nobody takes it out of the quarantine meanwhile.
wrong_quarantine() {
	echo drain >$D/asi/break || return 1
	wrong quarantine "page in quarantine"
	status=$?
	echo end >$T/corrupt
	echo none >$D/asi/break
	return $status
}
wrong_note() {
	echo rmap >$D/asi/break || return 1
	echo nothing >$T/corrupt && cat $D/asi/verify >"$work/noted" &&
	grep -q ' what a free would not find it$' "$work/noted"
	status=$?
	echo end >$T/corrupt
	echo none >$D/asi/break
	return $status
}
# Somebody may have allocated the page before the oracle looks.
wrong_free() {
	for try in 1 2 3 4 5; do
		wrong free "free page" && return
	done
	return 1
}
right() { echo "$1" >$T/corrupt && domains_are_right; }

plan 22
check "no violation in domains that are in use" domains_are_right
check "a domain with one page more: no violation" right nothing
check "a Global entry" wrong global Global
check "another frame than the kernel's" wrong frame "another frame"
check "executable where the kernel is not" wrong executable executable
check "writable where the kernel is not" wrong writable writable
check "a page that user mode may touch" wrong user "user access"
check "a page with another cache mode" wrong cache "another cache mode"
check "a free page" wrong_free
check "a page in quarantine" wrong_quarantine
check "a table of the domain's own that is not marked as such" \
	wrong borrowed "borrowed from nobody"
check "a page missing from a CPU's per-CPU area" \
	wrong percpu "a CPU's per-CPU area is missing"
check "an address that the kernel no longer maps" wrong unmapped "not mapped by the kernel"
check "another process's page" wrong_secret "user_page $victim $va" "user memory"
check "a page table" wrong_secret "page_table $victim $va" "page table"
check "another process's page table, read-only" \
	wrong_secret "page_table $victim $va" "page table" secret_readonly
check "a page table of the process itself, writable" wrong own_table_writable "page table"
check "the same, read-only: no violation" right own_table
check "another process's stack" wrong_secret other_stack "stack of another process"
check "another process's task_struct" wrong_secret "task $victim" "task_struct of another process"
# Last: what the machine needs meanwhile stays without a note.
check "a page that no free would find" wrong_note
check "no warning in the kernel's log" log_is_clean
finish
