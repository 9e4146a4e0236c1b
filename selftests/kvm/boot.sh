#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Boot real Linux guests, one after the other, and look at their exits.
#
# usage: boot.sh COUNT [VCPUS]
. "$(dirname "$0")/../lib/tap.sh"

count=${1:-3}
vcpus=${2:-1}
[ -e /dev/kvm ] || skip_all "no /dev/kvm"
image=$KERNEL_DIR/arch/x86/boot/bzImage
[ -n "$IMAGE" ] && image=$IMAGE
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

boot() {
	"$MINIVM" boot --kernel="$image" --initrd="$INITRD" --smp="$vcpus" \
		--mem=256M --append=quiet >"$work/out" 2>&1 &
	vm=$!
	peak=0
	while kill -0 $vm 2>/dev/null; do
		now=$(awk '/^tables/ { print $8 * 10000 / $10 }' $D/asi/domains 2>/dev/null | sort -n | tail -1)
		now=${now%.*}
		if [ "${now:-0}" -gt "$peak" ]; then
			peak=$now
			cp $D/asi/domains "$work/domains" 2>/dev/null
		fi
		sleep 0.3
	done
	wait $vm
	status=$?
	tail -3 "$work/out"
	[ $status -eq 0 ] && grep -q 'guest: done' "$work/out"
}

if ! asi_is_on; then
	plan $((count + 1))
	for i in $(seq "$count"); do
		check "off: boot $i with $vcpus vCPUs" boot
	done
	check "no warning in the kernel's log" log_is_clean
	finish
fi

plan $((count + 6))
most=0
for i in $(seq "$count"); do
	if boot >"$work/log"; then ok "boot $i with $vcpus vCPUs"; else note "$(cat "$work/log")"; not_ok "boot $i with $vcpus vCPUs"; fi
	if [ "$peak" -gt "$most" ]; then
		most=$peak
		cp "$work/domains" "$work/most"
	fi
done

ended=$(sed -n '/^vm ended/,/^$/p' $D/asi/kvm)
exits=$(printf '%s\n' "$ended" | grep '^exits')
hlt=$(printf '%s\n' "$ended" | grep '^reason hlt')
inside=$(field inside "$exits")
left=$(field left "$exits")
hlt_left=$(field left "$hlt")
user=$(field user "$exits")
touch=$(field first_touch "$exits")
note "exits: inside $inside, left $left (of these HLT ${hlt_left:-0}), user space $user, first touch $touch"
printf '%s\n' "$ended" | grep '^cause' | awk '{ print $NF, $0 }' | sort -rn | head -8 |
	cut -d' ' -f2- | sed 's/^/# /'

# A HLT that blocks gives the CPU to another task, whose stack no domain maps.
# One vCPU rarely halts while booting; several wait for each other.
if [ "$vcpus" -eq 1 ]; then
	check "at least 90 % of the exits handled in the kernel stay inside" \
		test $((inside * 10)) -ge $(((inside + left) * 9))
else
	check "at least 90 % stay inside, halting apart" \
		test $((inside * 10)) -ge $(((inside + left - ${hlt_left:-0}) * 9))
fi
note "reachable host memory at most $((most / 100)).$(printf %02d $((most % 100))) % of RAM:"
note "$(cat "$work/most" 2>/dev/null)"
check "reachable host memory was seen and is below 5 % of RAM" \
	test "$most" -gt 0 -a "$most" -lt 500
check "no critical section was lost" test "$(asi_stat critical_lost)" = 0
check "no domain is left behind" test "$(asi_stat domains)" = 0
check "the guests ran restricted" test "$(asi_stat enter)" -gt 0
check "no warning in the kernel's log" log_is_clean
finish
