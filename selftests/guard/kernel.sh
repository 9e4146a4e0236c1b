#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# This kernel as a guest that has its host guard it.
#
# usage: kernel.sh MANIFEST
. "$(dirname "$0")/../lib/tap.sh"

manifest=$1
[ -e /dev/guard ] || skip_all "no /dev/guard"
grep -qw svm /proc/cpuinfo || skip_all "no SVM"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

boot() { # FILE PARAMETER [OPTION]...
	boot_out=$1 boot_append=$2
	shift 2
	timeout 900 "$MINIVM" boot --kernel="$KERNEL_DIR/arch/x86/boot/bzImage" \
		--initrd="$INITRD" --mem=256M --append="console=ttyS0 panic=-1 $boot_append" \
		"$@" >"$work/$boot_out" 2>&1
	grep -q 'guest: done' "$work/$boot_out" || { tail -30 "$work/$boot_out"; return 1; }
}
says() { grep -q "$2" "$work/$1" || { grep -i guard "$work/$1"; return 1; }; }
says_not() { ! grep "$2" "$work/$1"; }

plan 9
check "a_guarded_kernel_boots" boot table guard=auto --guard --backing=guard \
	--manifest="$manifest"
check "its_text_and_constants_are_locked" \
	says table 'guard: text and constants are locked by the host, registers pinned'
check "the_vmm_cannot_write_to_them" says table 'locked text .* vmm sealed'
check "the_host_makes_its_patches" says table 'text patched patches [1-9]'
check "nothing_was_refused" says_not table '^refused '
check "without_a_table_constants_are_locked" boot none guard=auto --guard --backing=guard
check "and_the_log_says_that_text_is_not" says none 'text is not (the host has no table)'
check "guard_off_locks_nothing" boot off guard=off --guard --backing=guard \
	--manifest="$manifest"
check "and_the_report_has_nothing_locked" says_not off '^locked '
finish
