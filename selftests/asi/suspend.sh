#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Suspend to idle while a strict domain and a guest are in use.
#
# The root file system does not survive it: 9p over virtio does not set its
# queues up again.  So everything that runs afterwards lies in a tmpfs.
. "$(dirname "$0")/../lib/tap.sh"

T=$D/asi_test
S=/tmp/suspend
if [ "${1:-}" != moved ]; then
	asi_is_on || skip_all "isolation is off"
	[ -e /dev/kvm ] || skip_all "no /dev/kvm"
	grep -qw freeze /sys/power/state || skip_all "no suspend to idle"
	insmod "$KERNEL_DIR/asi-test/asi_test.ko" 2>/dev/null || skip_all "cannot load asi_test.ko"
	mkdir -p $S/bin $S/asi $S/lib
	cp "$(command -v busybox)" "$MINIVM" $S/bin && cp "$0" $S/asi && cp "$here/../lib/tap.sh" $S/lib ||
		skip_all "no busybox"
	$S/bin/busybox --install -s $S/bin
	cd $S || exit 1
	PATH=$S/bin exec $S/bin/busybox sh $S/asi/suspend.sh moved
fi

# Signals stop the stay in the domain and the vCPU: both are met on their way.
( while [ -e $S/asi ]; do echo 50 >$T/states && cat $T/result || break; done ) >$S/results 2>&1 &
$S/bin/minivm loop --seconds=60 --op=cpuid >$S/loop 2>&1 &
vm=$!
sleep 1

suspend() {
	before=$(cat /sys/power/suspend_stats/success)
	inside=$(asi_stat enter)
	echo 1500 >$T/wake && echo freeze >/sys/power/state || return
	[ "$(cat /sys/power/suspend_stats/success)" -gt "$before" ] || return
	# Those who were in a domain go on.
	sleep 1
	after=$(asi_stat enter)
	echo "entered $((after - inside)) times since"
	[ $((after - inside)) -gt 100 ]
}
loop_lasted() {
	cat $S/loop
	return "$1"
}
stay_lasted() {
	awk '{ for (i = 1; i < NF; i += 2) v[$i] = $(i + 1); rounds += v["rounds"]; wrong += v["wrong"] }
		END { print NR, "stays, rounds", rounds, "wrong", wrong; exit NR < 10 || wrong }' $S/results
}

# On each CPU.
text_as_before() {
	first=$(awk '$3 == "_text" { print $1; exit }' /proc/kallsyms)
	want=1
	! grep -qx 'xom pks' /sys/kernel/asi/status || want=0
	for cpu in 1 2; do
		taskset $cpu sh -c "echo 'load $first' >$T/xom" || return
		r=$(cat $T/xom); echo "$r"
		[ "$(field got "$r")" = $want ] || return
	done
}

plan 7
check "suspend to idle and wake up" suspend
check "a second time" suspend
kill -TERM $vm
wait $vm
check "the vCPU loop went on" loop_lasted $?
check "the strict domain is as it was" stay_lasted
check "text is read as before, and not where it is execute-only" text_as_before
check "domains are right" domains_are_right
check "no warning in the kernel's log" log_is_clean
finish
