#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Guests of Debian's QEMU: saved and loaded again, moved to another QEMU while they run, with
# guests of their own, with a network that the kernel serves.  What they see is the same with
# isolation on and off; on, the oracle is asked all the time, and most exits stay inside.
#
# usage: qemu.sh [CASE...]
# CASE: savevm precopy postcopy machines tap vhost broken; without any, all
# ROUNDS and MOVES in the environment: how many times
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/watched.sh"

rounds=${ROUNDS:-20}
moves=${MOVES:-4}
image=${IMAGE:-$KERNEL_DIR/arch/x86/boot/bzImage}
counter=$BUILD/selftest/counter
[ $# -gt 0 ] || set -- savevm precopy postcopy machines tap vhost broken
for program in qemu-system-x86_64 python3 ip busybox; do
	command -v $program >/dev/null || skip_all "no $program"
done
[ -x "$counter" ] || skip_all "$counter is not built: make -C selftests/kvm"
"$MINIVM" mkinitrd --out="$work/initrd" --add="$(command -v busybox):/bin/busybox" \
	--add="$top/bench/nested/guest:/bin/guest" --add="$counter:/bin/counter" \
	--add="$MINIVM:/bin/minivm" || skip_all "no initial file system"

# What the helper says of its progress is to be seen at once.
exec 3>&1
qemu() {
	watch "$here/qemu.py" --image="$image" --initrd="$work/initrd" --share="$work/share" \
		--quiet="$work/quiet" --notes=3 "$@"
}

# One finding is enough: a look that finds much takes long.
inquire() {
	[ ! -e "$work/quiet" ] && [ ! -s "$work/wrong" ] || return 0
	ask
	no_foreign_objects kvm >>"$work/foreign"
}
foreign_is_empty() { cat "$work/foreign"; [ ! -s "$work/foreign" ]; }

# Of the exits that the kernel handled, switches to other tasks and others' interrupts apart.
share_is_at_least() { cat "$work/share"; awk -v p="$1" '{ seen = 1; bad = $NF < p } END { exit !seen || bad }' "$work/share"; }

# same NAME PERCENT ARGUMENT...: what the helper does with these, and what is to be said of it:
# 4 tests.
same() {
	name=$1
	percent=$2
	shift 2
	asked=0
	: >"$work/wrong"
	: >"$work/foreign"
	ran "$name" qemu "$@"
	if asi_is_on; then
		note "looked $asked times"
		check "$1: meanwhile the oracle found no violation" oracle_found_nothing
		check "$1: nothing of others lay on the slab pages of its domains" foreign_is_empty
		note "$(cat "$work/share")"
		check "$1: at least $percent % of the exits handled in the kernel stayed inside" \
			share_is_at_least "$percent"
	else
		skip "isolation is off: no oracle"
		skip "isolation is off: no domains"
		skip "isolation is off: nothing is inside"
	fi
}

# On one processor, where QEMU's other threads run as well, a guest that sleeps most of the time
# leaves for their timers, too.  While its writes are logged it leaves for tables that another
# thread split and for the log; with guests of its own, for their control blocks, which are in
# its memory; with vhost, to wake its task.
savevm() { same "a guest is saved and loaded $rounds times, and goes on where it was" 90 savevm "$rounds"; }
precopy() { same "it moves $moves times while it runs" 20 precopy "$moves"; }
postcopy() { same "it moves $moves times and runs before its memory is there" 80 postcopy "$moves"; }
machines() { same "it has guests of its own" 10 machines; }

load() { # A part of the kernel, where it is a module.
	for path in "$@"; do
		ko=$KERNEL_DIR/drivers/$path.ko
		[ ! -e "$ko" ] || [ -d "/sys/module/$(basename "$path")" ] || insmod "$ko"
	done
}
load net/tun net/tap vhost/vhost_iotlb vhost/vhost vhost/vhost_net

# bench/nested/guest knows its own address and that of the host.
through_tap() { # NAME PERCENT NETDEV-OPTIONS
	ip tuntap add asi0 mode tap && ip address add 10.0.2.2/24 dev asi0 && ip link set asi0 up
	same "$1" "$2" net "tap,ifname=asi0,script=no,downscript=no,$3" 10.0.2.2
	ip tuntap del asi0 mode tap
}
tap() { through_tap "it talks to the host through a tap that QEMU serves" 90 vhost=off; }
vhost() {
	if [ -e /dev/vhost-net ]; then
		through_tap "it talks to the host through vhost-net" 50 vhost=on,vhostforce=on
	else
		for _ in 1 2 3 4; do skip "no CONFIG_VHOST_NET: no vhost-net"; done
	fi
}

# In postcopy the old QEMU gives back the guest's memory while its machine still is.
oracle_found_something() { tail -3 "$work/wrong"; [ -s "$work/wrong" ]; }
broken() {
	if ! asi_is_on || [ ! -e $D/asi/break ]; then
		for _ in 1 2 3 4; do skip "no isolation or no CONFIG_ASI_BREAK: nothing to break"; done
		return
	fi
	: >"$work/wrong"
	echo user >$D/asi/break
	ran "it moves where domains do not follow changes of its memory" qemu postcopy 1
	echo none >$D/asi/break
	check "broken: the oracle found that" oracle_found_something
	note "$(sort "$work/wrong" | uniq -c | head -5)"
	check "broken: the domains are gone" comes_to_0 domains 10
	check "broken: what is left is right" domains_are_right
}

plan $(($# * 4 + 4))
for case in "$@"; do
	$case
done
if asi_is_on; then
	check "no critical section was lost" test "$(asi_stat critical_lost)" = 0
	check "no domain is left behind" comes_to_0 domains 10
	check "every other domain is right" domains_are_right
else
	skip "isolation is off: no critical section"
	skip "isolation is off: no domain"
	skip "isolation is off: no oracle"
fi
check "no warning in the kernel's log" log_is_clean
finish
