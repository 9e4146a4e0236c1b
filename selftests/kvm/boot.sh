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
	wait $vm
	status=$?
	[ $status -eq 0 ] && grep -q 'guest: done' "$work/out" || { tail -40 "$work/out"; return 1; }
	tail -3 "$work/out"
}

# Looking takes a debug kernel seconds.
pause=0.3
! is_debug_kernel || pause=4

# One more boot, looked at while it runs: looking disturbs the figures.
look() {
	boot >"$work/log" &
	while kill -0 $! 2>/dev/null; do
		domains_are_right >>"$work/wrong"
		no_foreign_objects kvm >>"$work/foreign"
		cp $D/asi/domains "$work/now"
		[ ! -s "$work/now" ] || mv "$work/now" "$work/domains"
		sleep "$pause"
	done
	wait $!
}

wrong_is_empty() { cat "$work/wrong"; [ ! -s "$work/wrong" ]; }
foreign_is_empty() { cat "$work/foreign"; [ ! -s "$work/foreign" ]; }

# Kinds that no domain may ever hold.
no_secret_kind() {
	! grep -E '^kind (unknown|user_page|free_page|page_table|other_stack|text_alias|device) ' "$work/domains"
}

below_5_percent() {
	awk '/^tables/ { seen = 1; bad = bad || $8 * 20 >= $10 } END { exit !seen || bad }' "$work/domains"
}

# Whose the bytes of each kind are.  The image is the same in all kernels of a version.
# Pages of the kernel's are those that it shares: no domain grows by them.
owners='entry_text image
kernel_text image
rodata image
module kernel
data kernel
percpu kernel
cpu_entry kernel
irq_stack kernel
fixmap kernel
vmemmap kernel
vmalloc kernel
reserved kernel
kernel_page kernel
slab kernel
other_task kernel
own_stack machine
own_task machine
object machine
own_table machine
guest_memory guest'
by_owner() {
	{ echo "$owners"; cat "$work/domains"; } | awk 'NF == 2 { owner[$1] = $2 }
		$1 == "kind" { n[$2 in owner ? owner[$2] : "nobody"] += $4 }
		END { for (o in n) print o, n[o] }'
}
every_byte_has_an_owner() { by_owner; by_owner | grep -q '^kernel ' && ! by_owner | grep -q '^nobody '; }
# Text and constants of KVM, where it is no part of the image: whole pages, start-up code apart.
module_constants() {
	for ko in $(kvm_modules); do size -A -d "$ko"; done | awk '
		/^\.(text|static_call\.text|noinstr\.text|rodata|orc_unwind)/ {
			n += int($2 / 4096) * 4096
		}
		END { print n + 0 }'
}
# Beside the guest's own memory and the kernel's text and constants: of 2 GiB.
below_1_percent() {
	by_owner | awk -v constants="$(module_constants)" '
		$1 == "kernel" || $1 == "machine" { n += $2 }
		END { print n, "of these text and constants of modules", constants
		      n -= constants
		      exit n <= 0 || n * 100 >= 2 ^ 31 }'
}

if ! asi_is_on; then
	plan $((count + 1))
	for i in $(seq "$count"); do
		check "off: boot $i with $vcpus vCPUs" boot
	done
	check "no warning in the kernel's log" log_is_clean
	finish
fi

plan $((count + 12))
for i in $(seq "$count"); do
	check "boot $i with $vcpus vCPUs" boot
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

if is_debug_kernel; then
	skip "the share that stays inside: a debug kernel's checks touch everything"
else
	check "at least 90 % of the exits handled in the kernel stay inside" \
		test $((inside * 10)) -ge $(((inside + left) * 9))
fi
check "one more boot, looked at while it runs" look
note "$(cat "$work/domains")"
note "$(awk '/^tables/ { printf "reachable host memory: %.2f %% of RAM", $8 * 100 / $10 }' "$work/domains")"
check "all the time its mappings were right" wrong_is_empty
check "nothing of others lay on its slab pages" foreign_is_empty
check "reachable host memory is below 5 % of RAM" below_5_percent
note "$(by_owner)"
check "every byte of it has an owner" every_byte_has_an_owner
if is_debug_kernel; then
	skip "what the kernel keeps of its own is below 1 % of 2 GiB: lockdep keeps more"
else
	check "without the kernel's text and constants and the guest's memory it is below 1 % of 2 GiB" \
		below_1_percent
fi
check "no kind of memory that may hold a secret is mapped" no_secret_kind
check "no critical section was lost" test "$(asi_stat critical_lost)" = 0
check "no domain is left behind" test "$(asi_stat domains)" = 0
check "the guests ran restricted" test "$(asi_stat enter)" -gt 0
check "no warning in the kernel's log" log_is_clean
finish
