# SPDX-License-Identifier: GPL-2.0-only
#
# TAP for shell self tests, and what they share.  Source it, call `plan N`,
# then `ok`, `not_ok`, `skip` or `check`; end with `finish`.

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
BUILD=${BUILD:-$top/build}
# The kernel that runs, and so its modules and the image for nested guests.
KERNEL_DIR=${KERNEL_DIR:-$BUILD/base}
MINIVM=${MINIVM:-$BUILD/host/minivm/minivm}
ASICTL=${ASICTL:-$BUILD/host/asictl/asictl}
INITRD=${INITRD:-$BUILD/selftest/guest.cpio}
D=/sys/kernel/debug
KSFT_SKIP=4

tap_n=0
tap_bad=0

plan() { echo "TAP version 13"; echo "1..$1"; tap_plan=$1; }
ok() { tap_n=$((tap_n + 1)); echo "ok $tap_n $1"; tell_time; }
not_ok() { tap_n=$((tap_n + 1)); tap_bad=$((tap_bad + 1)); echo "not ok $tap_n $1"; tell_time; }
skip() { tap_n=$((tap_n + 1)); echo "ok $tap_n # SKIP $1"; }

# Where a slow script's seconds go.
uptime() { read -r now _ </proc/uptime; echo "${now%.*}"; }
tap_then=$(uptime)
tell_time() {
	tap_now=$(uptime)
	[ $((tap_now - tap_then)) -lt 3 ] || echo "# took $((tap_now - tap_then)) s"
	tap_then=$tap_now
}
note() { printf '%s\n' "$*" | sed 's/^/# /'; }

# check NAME COMMAND...: passes when the command does.
check() {
	tap_name=$1
	shift
	if tap_out=$("$@" 2>&1); then
		ok "$tap_name"
	else
		note "$tap_out"
		not_ok "$tap_name"
	fi
}

finish() {
	[ "$tap_n" -eq "$tap_plan" ] || { note "planned $tap_plan tests, ran $tap_n"; exit 1; }
	[ "$tap_bad" -eq 0 ]
	exit
}

skip_all() { echo "TAP version 13"; echo "1..0 # SKIP $1"; exit $KSFT_SKIP; }

# Where KVM is a module.  In the order that they need each other.
kvm_modules() {
	vendor=intel
	! grep -qw svm /proc/cpuinfo || vendor=amd
	find "$KERNEL_DIR/virt/lib/irqbypass.ko" "$KERNEL_DIR/arch/x86/kvm/kvm.ko" \
		"$KERNEL_DIR/arch/x86/kvm/kvm-$vendor.ko" 2>/dev/null
}
load_kvm() {
	for tap_ko in $(kvm_modules); do
		[ -d "/sys/module/$(basename "$tap_ko" .ko | tr - _)" ] || insmod "$tap_ko" || return
	done
}
[ -e /dev/kvm ] || load_kvm 2>/dev/null || :

# Nothing in the kernel's log that a maintainer would frown at.
log_is_clean() {
	! dmesg | grep -E 'WARNING|BUG:|INFO: (task|possible|suspicious|rcu)|Oops|general protection|KASAN|possible recursive|inconsistent lock|not all mapped|double fault|unchecked MSR'
}

# oracle_counts N: what asi/verify says, kept in $oracle, ends with N violations.
oracle_counts() {
	oracle=$(cat $D/asi/verify) && printf '%s\n' "$oracle" | grep -q "^domains .* violations $1\$" ||
		{ printf '%s\n' "$oracle"; return 1; }
}
domains_are_right() { oracle_counts 0; }

# foreign_pages CLASS: domain, address and cache of each slab page that a domain of that class
# maps and that holds what is neither its own nor everybody's.
foreign_pages() {
	awk -v c="$1" '$1 == "domain" { id = $2; mine = $4 == c }
		mine && $1 == "page" && $(NF - 4) > 0 { print id, $2, $4 }' $D/asi/slabs | sort
}
# What is being mapped or taken out shows for a moment only.
no_foreign_objects() {
	foreign=$(foreign_pages "$1")
	for try in 1 2 3; do
		[ -n "$foreign" ] || return 0
		sleep 0.2
		foreign=$({ printf '%s\n' "$foreign"; foreign_pages "$1"; } | sort | uniq -d)
	done
	[ -z "$foreign" ] || { printf '%s\n' "$foreign"; return 1; }
}

is_debug_kernel() { case $(uname -r) in *debug*) ;; *) false ;; esac; }
asi_is_on() { grep -qx 'state on' /sys/kernel/asi/status; }
asi_stat() { awk -v k="$1" '$1 == k { print $2 }' $D/asi/stats; }

# comes_to_0 KEY SECONDS: that counter of asi/stats does, within that time.
comes_to_0() {
	for i in $(seq $(($2 * 2))); do
		[ "$(asi_stat "$1")" != 0 ] || return 0
		sleep 0.5
	done
	echo "$1 $(asi_stat "$1")"
	return 1
}

# field KEY LINE: the word after KEY.
field() { printf '%s\n' "$2" | awk -v k="$1" '{ for (i = 1; i < NF; i++) if ($i == k) { print $(i + 1); exit } }'; }
