#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Two threads of one core: a guest on one, kernel code on the other, which looks whether the
# guest goes on meanwhile.  Needs four CPUs, two threads a core.
#
# usage: smt.sh off|count|stun
#   As the kernel was booted, asi_smt=.
. "$(dirname "$0")/../lib/tap.sh"

mode=$1
T=$D/asi_test
# inc qword [COUNT], for ever.
COUNT=180000
SPIN="48 ff 04 25 00 00 18 00 eb f6"
siblings() { cat /sys/devices/system/cpu/cpu"$1"/topology/thread_siblings_list; }

[ -e /dev/kvm ] || skip_all "no /dev/kvm"
[ "$(siblings 0)" = 0-1 ] && [ "$(siblings 2)" = 2-3 ] || skip_all "the cores have one thread"
guest=
trap 'kill -9 $guest 2>/dev/null' EXIT
# A guest on that CPU, which counts.
start_guest() {
	taskset -c "$1" "$MINIVM" snippet --timeout=600 --hex="$SPIN" >/tmp/guest 2>&1 &
	guest=$!
}
it_starts() {
	for i in $(seq 50); do
		look 2 1 2>/dev/null && [ "$count" -gt 0 ] && return
		sleep 0.1
	done
	cat /tmp/guest
	return 1
}
stop_guest() { kill $guest && wait $guest 2>/dev/null; guest=; }

# look CPU US [WHERE]: sets $count, and by how much it $advanced.
look() {
	taskset -c "$1" sh -c "echo $guest $COUNT $2 $3 >$T/beside" || return
	read -r _ count _ advanced <$T/beside
}
# look_often CPU [WHERE]: the sum over some looks, in $sum.
look_often() {
	sum=0
	for i in $(seq 10); do
		look "$1" 3000 "$2" || return
		sum=$((sum + advanced))
	done
	echo "advanced by $sum beside kernel code"
}
goes_on() {
	look 2 1 && before=$count && sleep 0.3 && look 2 1 && echo "from $before to $count" &&
		[ "$count" -gt "$before" ]
}
runs_beside() { look_often "$@" && [ $sum -gt 0 ]; }
stands_still_beside() { look_often "$@" && [ $sum -eq 0 ]; }

# rises|stays|at_most N STATISTIC COMMAND...: of debugfs asi/stats.
change() {
	before_=$(asi_stat "$1")
	shift_=$1
	shift
	"$@" || return
	rise=$(($(asi_stat "$shift_") - before_))
	echo "$shift_ $before_ +$rise"
}
rises() { change "$@" && [ $rise -gt 0 ]; }
stays() { change "$@" && [ $rise -eq 0 ]; }

says_so() {
	cat /sys/kernel/asi/status
	grep -qx "smt $mode" /sys/kernel/asi/status && grep -qx 'smt_threads 2' /sys/kernel/asi/status
}
break_it() { echo "$1" >$D/asi/break; }

# In a shell of its own whose children have a cookie of core scheduling.
with_cookie() {
	# PR_SCHED_CORE, PR_SCHED_CORE_CREATE, itself, PIDTYPE_TGID.
	perl -e 'syscall(157, 62, 1, 0, 1, 0) == 0 or die "prctl: $!\n"; exec @ARGV' "$@"
}
has_core_scheduling() { with_cookie true 2>/dev/null; }
same_cookie_runs_beside() { with_cookie "$0" "$mode" cookie; }
if [ "$2" = cookie ]; then
	# In the middle of the test.
	start_guest 1
	it_starts && stays smt_overlaps runs_beside 0
	status=$?
	stop_guest
	exit $status
fi

# CPUS...: of a guest each, with a vCPU for each of them, which exits without pause.
stuns_per_1000_exits() {
	before=$(asi_stat smt_stuns)
	pids=
	for cpus in "$@"; do
		smp=$(case $cpus in *,*) echo 2 ;; *) echo 1 ;; esac)
		taskset -c "$cpus" "$MINIVM" loop --seconds=1 --op=cpuid --smp="$smp" \
			>/tmp/loop."$cpus" &
		pids="$pids $!"
	done
	for pid in $pids; do wait "$pid" || return; done
	exits=$(cat /tmp/loop.* | tr -dc '0-9\n ' | awk '{ n += $NF } END { print n }')
	rm /tmp/loop.*
	stuns=$((($(asi_stat smt_stuns) - before) * 1000 / (exits + 1)))
	echo "$stuns stuns in 1000 exits, $exits exits"
}
few_stuns() { stuns_per_1000_exits "$@" && [ $stuns -lt 20 ]; }
many_stuns() { stuns_per_1000_exits "$@" && [ $stuns -ge 20 ]; }

set_online() { echo "$2" >/sys/devices/system/cpu/cpu"$1"/online; }

case $mode in
off|count) plan 6 ;;
stun) plan 22 ;;
*) echo "usage: smt.sh off|count|stun"; exit 1 ;;
esac

check "the status file says $mode" says_so
if [ $mode = stun ]; then
	check "two guests on one core interrupt each other when they exit" many_stuns 0 1
	check "two vCPUs of one guest do not" few_stuns 0,1
	check "a guest beside an idle thread is not interrupted" few_stuns 0
fi
# It watches exits, which leaves.
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || { echo "no asi_test"; exit 1; }
start_guest 1
check "a guest starts" it_starts
check "it goes on beside an idle thread" goes_on
case $mode in
off)
	check "it runs beside kernel code" runs_beside 0
	;;
count)
	check "it runs beside kernel code, and that is counted" rises smt_overlaps runs_beside 0
	;;
stun)
	check "it stands still beside kernel code" stays smt_overlaps stands_still_beside 0
	check "it is interrupted for that" rises smt_stuns stands_still_beside 0
	check "it stands still beside an interrupt of an idle thread" \
		stays smt_overlaps stands_still_beside 2 "interrupt 0"
	check "it stands still beside a kernel thread" \
		stays smt_overlaps stands_still_beside 2 "thread 0"
	check "it runs beside kernel code on another core" runs_beside 2
	break_it stun
	check "without stunning it runs beside kernel code" rises smt_overlaps runs_beside 0
	check "and beside an interrupt" rises smt_overlaps runs_beside 2 "interrupt 0"
	check "and beside a kernel thread" rises smt_overlaps runs_beside 2 "thread 0"
	break_it none
	check "with it, it stands still again" stays smt_overlaps stands_still_beside 0
	check "it goes on" goes_on
	name="a guest that trusts the kernel code's task runs beside it"
	if has_core_scheduling; then check "$name" same_cookie_runs_beside
	else skip "$name: the kernel has no core scheduling"; fi
	check "a thread goes" set_online 3 0
	start_guest 2
	check "a guest beside it goes on" eval 'it_starts && goes_on'
	set_online 3 1
	check "the thread is back: a guest stands still beside it" stands_still_beside 3
	;;
esac
stop_guest
check "every domain is right" domains_are_right
check "the kernel's log is clean" log_is_clean
rmmod asi_test
finish
