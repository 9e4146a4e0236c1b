#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Another kernel takes the place of this one while a strict domain and a guest
# are in use.  It starts the same test again, with a parameter of its own, and
# that part reports.
. "$(dirname "$0")/../lib/tap.sh"

T=$D/asi_test
asi_is_on || skip_all "isolation is off"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" 2>/dev/null || skip_all "cannot load asi_test.ko"
domains=$(sed -n 's/.* domains_at_kexec=\([0-9]*\).*/\1/p' /proc/cmdline)

first_kernel() {
	[ -e /dev/kvm ] || skip_all "no /dev/kvm"
	echo 60000 >$T/states &
	"$MINIVM" loop --seconds=60 --op=cpuid >/dev/null &
	sleep 1
	"$BUILD/selftest/kexec" "$KERNEL_DIR/arch/x86/boot/bzImage" \
		"$(cat /proc/cmdline) domains_at_kexec=$(asi_stat domains)"
	plan 1
	not_ok "the kernel was replaced"
	finish
}

stay() {
	echo 500 >$T/states || return
	r=$(cat $T/result); echo "$r"
	[ "$(field rounds "$r")" -gt 100 ] && [ "$(field wrong "$r")" = 0 ]
}

[ -n "$domains" ] || first_kernel
# A byte of it, as this kernel was booted.
text() {
	first=$(awk '$3 == "_text" { print $1; exit }' /proc/kallsyms)
	want=1
	! grep -qw xom=auto /proc/cmdline || want=0
	echo "load $first" >$T/xom || return
	r=$(cat $T/xom); echo "$r"
	[ "$(field got "$r")" = $want ]
}

plan 5
note "domains in the first kernel: $domains"
check "domains were in use when the kernel was replaced" test "$domains" -eq 2
check "a strict domain in the second kernel" stay
check "a guest in the second kernel" "$MINIVM" loop --seconds=1 --op=cpuid
check "text is not read in the second kernel where it is execute-only" text
check "no warning in the kernel's log" log_is_clean
finish
