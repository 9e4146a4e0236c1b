#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Everything at once: domains that come and go with what they map, guests, other
# processes, modules, CPUs, interrupts, NMIs and, on the debug kernel, memory
# that runs out.  All the time the oracle asks whether the domains are right.
#
# The same seed gives each worker the same operations; how they interleave is
# up to the machine.
#
# usage: torture.sh [SECONDS [SEED]]
. "$(dirname "$0")/../lib/tap.sh"

seconds=${1:-30}
seed=${2:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
T=$D/asi_test
cpus=$(getconf _NPROCESSORS_CONF)

asi_is_on || skip_all "isolation is off"
[ -x "$BUILD/selftest/torture" ] || skip_all "no torture: make -C selftests/asi"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" 2>/dev/null || skip_all "cannot load asi_test.ko"
work=$(mktemp -d)
pids=
# The root is a network file system, whose client does not recover from each
# failed allocation: what allocations fail for reads memory only.
torture=$work/torture
minivm=$work/minivm
calls=$work/calls
image=$work/bzImage
initrd=$work/initrd
cp "$BUILD/selftest/torture" "$torture" && cp "$MINIVM" "$minivm" &&
	cp "$BUILD/selftest/calls" "$calls" &&
	cp "${IMAGE:-$KERNEL_DIR/arch/x86/boot/bzImage}" "$image" && cp "$INITRD" "$initrd" ||
	skip_all "cannot copy minivm, calls, a kernel and an initramfs"

# Ends each disturber and waits for it; none is left that could hold a domain.
stop_all() {
	: >"$work/stop"
	for pid in $pids; do wait "$pid"; done
	pids=
}
trap 'faults 0; stop_all; all_cpus; rmmod asi_loadme asi_test 2>/dev/null; rm -rf "$work"' EXIT

going_on() { [ ! -e "$work/stop" ]; }
# number NAME LIMIT: the next random number of a disturber, in $random.
number() {
	eval "state=\${state_$1:-$seed}"
	state=$(((state * 1103515245 + 12345) % 2147483648))
	eval "state_$1=$state"
	random=$((state / 65536 % $2))
}
nap() { sleep "$(printf '0.%03d' "$1")"; }
# tell NAME WORDS...: what a disturber did.
tell() { name=$1; shift; echo "$*" >"$work/$name"; }

# Whoever is left of a command that setsid started, with the first of them gone:
# children of one that was killed may wait for ever.
end_session() { kill -9 -"$1" 2>/dev/null; }

# Guests that end or are killed at any moment.
guests() {
	n=0 killed=0
	while going_on; do
		number guests 3
		case $random in
		0)	set -- loop --op=cpuid --smp=2 --seconds=4 ;;
		1)	set -- churn --count=4 --smp=2 ;;
		*)	set -- boot --kernel="$image" --initrd="$initrd" --smp=1 --mem=128M \
				--append=quiet --timeout=20 ;;
		esac
		setsid "$torture" failing "$minivm" "$@" >/dev/null 2>&1 &
		guest=$!
		number guests 3000
		nap $((random % 1000))
		[ "$random" -lt 1000 ] || sleep $((random / 1000))
		number guests 2
		if [ "$random" = 1 ]; then
			kill -9 $guest 2>/dev/null && killed=$((killed + 1))
		else
			kill -TERM $guest 2>/dev/null
			for i in 1 2 3 4 5; do kill -0 $guest 2>/dev/null && sleep 0.2; done
			kill -9 $guest 2>/dev/null
		fi
		wait $guest 2>/dev/null
		end_session $guest
		n=$((n + 1))
		tell guests "guests $n killed $killed"
	done
}

set_cpu() { echo "$2" >"/sys/devices/system/cpu/cpu$1/online"; } 2>/dev/null
all_cpus() {
	cpu=1
	while [ $cpu -lt "$cpus" ]; do
		set_cpu $cpu 1
		cpu=$((cpu + 1))
	done
}

# Never the first: it keeps the emulated timers.
hotplug() {
	n=0
	while going_on; do
		number hotplug $((cpus - 1))
		cpu=$((random + 1))
		number hotplug 400
		set_cpu $cpu 0 && n=$((n + 1))
		nap "$random"
		set_cpu $cpu 1
		nap "$random"
		tell hotplug "offline $n"
	done
}

modules() {
	n=0
	while going_on; do
		insmod "$KERNEL_DIR/asi-test/asi_loadme.ko" 2>/dev/null && n=$((n + 1))
		number modules 200
		nap "$random"
		rmmod asi_loadme 2>/dev/null
		tell modules "modules $n"
	done
}

# What isolated processes do that read no files: steps of sci/calls_*.cc.
set -- fork_and_exit many_threads exit_group migrate preempted interrupted_sleep \
	signals_while_copying memory_changes_while_copying memory_of_another_thread \
	shared_memory futexes pipes crowd unix_sockets events timers ring
isolated_steps=$*
nr_isolated_steps=$#

# Isolated processes that end or are killed at any moment.
isolated() {
	n=0 killed=0
	while going_on; do
		number isolated $nr_isolated_steps
		if [ "$random" = 0 ]; then
			# shellcheck disable=SC2016
			setsid "$ASICTL" sci run -- sh -c 'for i in 1 2 3; do
				(echo "$i"; ls -l /proc/self/fd; cat /proc/meminfo) | sort | tail -1
				dd if=/dev/zero of="$0" bs=64k count=$i; rm -f "$0"
			done' "$work/file" >/dev/null 2>&1 &
		else
			step=$(echo "$isolated_steps" | cut -d' ' -f$((random + 1)))
			setsid "$torture" failing "$calls" enforce "$step" >/dev/null 2>&1 &
		fi
		process=$!
		number isolated 3000
		nap $((random % 1000))
		number isolated 3
		[ "$random" != 1 ] || ! kill -9 $process 2>/dev/null || killed=$((killed + 1))
		wait $process 2>/dev/null
		end_session $process
		n=$((n + 1))
		tell isolated "isolated $n killed $killed"
	done
}

# may_fail COMMAND...: allocations of COMMAND and its children may fail.
may_fail() { exec "$torture" failing "$@"; }

# faults N: one in N allocations of tasks that may_fail fails; 0: none.
faults() {
	for f in $D/failslab $D/fail_page_alloc; do
		[ -d $f ] || continue
		echo 0 >$f/probability
		[ "$1" != 0 ] || continue
		echo Y >$f/task-filter
		echo N >$f/ignore-gfp-wait
		echo 0 >$f/verbose
		echo -1 >$f/times
		echo $(($1 / 10)) >$f/interval
		echo 10 >$f/probability
	done 2>/dev/null
}

disturb() { "$@" & pids="$pids $!"; }

run_all() {
	: >"$work/violations"
	disturb may_fail "$torture" users "$seconds" "$seed" >"$work/users"
	disturb may_fail "$torture" workers "$seconds" "$seed" "$cpus" >"$work/workers"
	disturb kernel_threads
	[ ! -e /dev/kvm ] || disturb guests
	[ "$cpus" -eq 1 ] || disturb hotplug
	disturb modules
	! sci_is_on || disturb isolated
	faults 200
	"$torture" oracle "$seconds" "$work/violations" >"$work/oracle"
	asked=$?
	faults 0
	stop_all
	all_cpus
	return $asked
}

# Sessions of different length, so that the domains of all come and go, too.
kernel_threads() {
	while going_on; do
		number threads 5000
		echo "$((seed + random)) $((random + 100)) $cpus" >$T/torture
	done 2>/dev/null
}

sci_is_on() { grep -qx 'sci on' /sys/kernel/asi/status; }
no_call_was_refused() {
	cat "$work/isolated" $D/asi/sci/violations
	! grep -q '^isolated 0 ' "$work/isolated" && ! grep -q . $D/asi/sci/violations
}
oracle_found_nothing() { cat "$work/violations" && [ ! -s "$work/violations" ]; }
was_right() {
	cat "$T/torture"
	grep -qx 'wrong 0' "$T/torture"
}
# Each operation ran: a torture of nothing proves nothing.
all_ran() {
	cat $T/torture >"$work/counts" || return
	! grep -E '^(create|destroy|free|free_mapped|map|map_reserved|unmap|protect|visit|sleep|move|kthread|ipi|nmi|nmis_taken|read|refused|beacon) 0$' "$work/counts"
}
no_domain() {
	comes_to_0 domains 5 && return
	cat $D/asi/domains
	ps -e -o pid,ppid,stat,wchan:20,args | grep -v ']$'
	return 1
}
# An object counts when it is some seconds old and no reference was found twice.
no_leak() {
	sleep 6
	echo scan >$D/kmemleak && echo scan >$D/kmemleak || return
	leaks=$(cat $D/kmemleak) || return
	[ -z "$leaks" ] || { printf '%s\n' "$leaks" | head -60; return 1; }
}

plan 10
note "seed $seed, $seconds s, $cpus CPUs"
if [ -d $D/failslab ]; then note "allocations fail"; fi
# Refused when the kernel was not booted with kmemleak=on.
kmemleak=
if [ -e $D/kmemleak ] && { echo scan=off; } 2>/dev/null >$D/kmemleak; then
	kmemleak=1
	echo clear >$D/kmemleak
fi
check "the oracle was asked for the whole time" run_all
note "$(cat "$work/oracle" "$work/users" "$work/workers" "$work/guests" "$work/hotplug" "$work/modules" "$work/isolated" 2>/dev/null)"
note "$(paste -sd' ' <$T/torture)"
check "the oracle found no violation" oracle_found_nothing
check "nobody saw what he must not, or missed what he mapped" was_right
check "every operation ran" all_ran
if sci_is_on; then
	check "no isolated call was refused" no_call_was_refused
else
	skip "sci is off"
fi
check "the last look of the oracle" domains_are_right
check "no domain is left behind" no_domain
check "no page is left in quarantine" comes_to_0 quarantine_pages 5
if [ "$kmemleak" ]; then
	check "no memory is lost" no_leak
else
	skip "no kmemleak"
fi
check "no warning in the kernel's log" log_is_clean
finish
