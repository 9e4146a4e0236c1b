#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every way into the kernel, met by a CPU inside a domain: afterwards it is
# where it was, or where the policy sends it, and CR3 agrees with the record.
#
# All of it is in Documentation/entry-paths.rst.  Code is patched: for emulators
# that run one CPU at a time.
#
# usage: entries.sh [MILLISECONDS that each disturbance lasts]
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../kvm/loop.sh"

T=$D/asi_test
lasts=${1:-2000}
asi_is_on || skip_all "isolation is off"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" 2>/dev/null || skip_all "cannot load asi_test.ko"
trap 'kill -9 $hogs 2>/dev/null; rm -rf "$work"; rmmod asi_test 2>/dev/null' EXIT
# Events are provoked on the processor that is never taken away.
taskset -p -c 0 $$ >/dev/null
others=$(cd /sys/devices/system/cpu && grep -lx 1 cpu[1-9]*/online 2>/dev/null |
	sed 's|^cpu\(.*\)/online|\1|')

# provoke EVENT RULE: RULE holds for what the module counted, each way of doing it.
provoke() {
	echo "$1" >$T/entries || return
	cat $T/entries
	awk '{
		for (i = 1; i < NF; i += 2) v[$i] = $(i + 1)
		strict = v["class"] == "strict"; critical = v["section"] == "critical"
		rounds = v["rounds"]; seen = v["seen"]; seen_inside = v["seen_inside"]
		inside = v["inside"]; outside = v["outside"]
		if (v["wrong"] || rounds == 0 || !('"$2"')) { print "not so:", $0; bad = 1 }
	}
	END { exit bad || NR == 0 }' $T/entries
}

# The handler runs unrestricted, and the CPU is back inside.
nmi_like='seen >= rounds && seen_inside == 0 && inside == rounds'
# The same in a strict domain.  A transparent one stays; what the handler needs
# beyond it may end a relaxed stretch, not a critical section.
steps_out='strict ? seen_inside == 0 && inside == rounds : \
	critical ? inside == rounds : inside + outside == rounds'
irq_like="seen >= rounds && (strict || seen_inside > 0) && ($steps_out)"
# Its argument is on another task's stack.
call_like="seen >= rounds && ($steps_out)"
corrected='seen == rounds && inside == rounds'

machine_checks() { awk '$1 == "MCE:" { for (i = 2; i <= NF; i++) if ($i ~ /^[0-9]+$/) n += $i } END { print n + 0 }' /proc/interrupts; }
machine_check() {
	before=$(machine_checks)
	provoke mc 'inside == rounds' || return
	came=$(($(machine_checks) - before))
	echo "machine checks: $came"
	[ $came -eq 80 ]
}

# fault ACTION RULE: reading a page of the kernel's when the policy says so.
fault() {
	old=$(mktemp "$work/XXXXXX")
	cat $D/asi/policy >"$old"
	for class in kvm test; do
		echo "$class kernel_page r $1" >$D/asi/policy || return
	done
	provoke pf_page "$2"
	r=$?
	cat "$old" >$D/asi/policy && return $r
}

again() { stop=$(($(now_ms) + lasts)); while [ "$(now_ms)" -lt $stop ]; do "$@" || return; done; }

# in_domain DISTURBANCE: meanwhile a strict domain is in use on the first CPU.
in_domain() {
	: >"$work/stay"
	( while [ -e "$work/stay" ]; do
		echo 100 >$T/states && cat $T/result || break
	done ) >"$work/results" 2>&1 &
	stayer=$!
	sleep 0.2
	"$1"
	disturbed=$?
	rm "$work/stay"
	wait $stayer
	awk '{ for (i = 1; i < NF; i += 2) v[$i] = $(i + 1); rounds += v["rounds"]; wrong += v["wrong"] }
		END { print NR, "stays, rounds", rounds, "wrong", wrong; exit NR < 2 || rounds < 200 || wrong }' \
		"$work/results" || { tail -3 "$work/results"; return 1; }
	return $disturbed
}

switch_cpu() { # 0|1
	for c in $others; do echo $1 >/sys/devices/system/cpu/cpu$c/online || return; done
}
hotplug_once() { switch_cpu 0 && switch_cpu 1; }
hotplug() { again hotplug_once; }
module_once() { insmod "$KERNEL_DIR/asi-test/asi_loadme.ko" && rmmod asi_loadme; }
modules() { again module_once; }
jit() { "$BUILD/selftest/jit" "$lasts"; }
sampling() { "$BUILD/selftest/sampling" "$lasts"; }

needs_others() { # NAME COMMAND...
	if [ -n "$others" ]; then check "$@"; else skip "$1: one processor"; fi
}
on_a_new_cpu() {
	hotplug_once || return
	(
		taskset -p -c "$(echo "$others" | tail -1)" "$(exec sh -c 'echo $PPID')" >/dev/null
		provoke nmi "$nmi_like" && provoke irq "$irq_like" && provoke int3 "$nmi_like"
	)
}

plan 31
note "$(getconf _NPROCESSORS_ONLN) processors, preempt $(cat $D/sched/preempt), $(cat /proc/cmdline)"
check "NMI" provoke nmi "$nmi_like"
check "#BP" provoke int3 "$nmi_like"
check "kprobe" provoke kprobe "$nmi_like"
check "#DB: single steps" provoke step "$nmi_like && seen >= 4 * rounds"
check "#DB after each instruction of a switch" provoke switch \
	"seen > 20 * rounds && seen_inside == 0 && inside == rounds"
check "#DB: data breakpoint" provoke watch "$nmi_like"
check "#MC" machine_check
check "#UD" provoke ud "$corrected"
check "#GP" provoke gp "$corrected"
check "#PF: nothing is mapped there" provoke pf_unmapped \
	'seen == rounds && (strict ? inside == rounds : outside == rounds)'
check "#PF: the policy says grow" fault grow 'seen == 0 && inside == rounds'
check "#PF: the policy says exit" fault exit 'seen == 0 && outside == rounds'
check "#PF: the policy says deny" fault deny "$corrected"
check "interrupt" provoke irq "$irq_like"
check "timer interrupt" provoke timer "$irq_like"
check "soft interrupt" provoke softirq "$irq_like"
needs_others "call from another processor" provoke ipi "$call_like"
check "preemption" provoke preempt 'seen >= rounds && outside == rounds'
needs_others "preemption and migration" provoke migrate 'seen >= rounds && outside == rounds'
needs_others "processors go and come, strict domain" in_domain hotplug
needs_others "processors go and come, vCPU loop" loop hotplug
needs_others "events on a processor that came back" on_a_new_cpu
check "modules come and go, strict domain" in_domain modules
check "modules come and go, vCPU loop" loop modules
check "BPF programs are translated, strict domain" in_domain jit
check "BPF programs are translated, vCPU loop" loop jit
check "sampling, strict domain" in_domain sampling
check "sampling, vCPU loop" loop sampling
check "no domain is left behind" test "$(asi_stat domains)" = 0
check "no warning in the kernel's log" log_is_clean
# Last, for that reason.  What writes the report is in no domain.
check "warning" provoke "warn 2 transparent" 'seen == rounds && outside == rounds'
finish
