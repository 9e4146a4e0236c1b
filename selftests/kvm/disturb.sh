#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What can interrupt a vCPU's loop: NMIs, signals, preemption, migration.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/loop.sh"

nothing() { sleep 2; }
backtrace() { echo l >/proc/sysrq-trigger && sleep 0.3; }
nmi() { for_a_while backtrace; }
# Stopped and continued: the run loop is left and entered again.
stop_and_go() { kill -STOP $vm && kill -CONT $vm && sleep 0.05; }
signals() { for_a_while stop_and_go; }
move() {
	for cpu in 0 1; do
		for t in /proc/$vm/task/*; do
			taskset -p -c $cpu "${t##*/}" >/dev/null || return
		done
		sleep 0.05
	done
}
migration() { for_a_while move; }
preemption() {
	for i in 1 2 3 4; do sh -c 'while :; do :; done' & hogs="$hogs $!"; done
	sleep 2
	kill -9 $hogs
	hogs=
}

asked() { ! asi_is_on || for_a_while domains_are_right; }

plan 8
check "undisturbed" loop nothing
check "NMI backtraces" loop nmi
check "signals" loop signals
check "migration" loop migration
check "preemption" loop preemption
check "domains asked whether they are right" loop asked 2
check "two vCPUs, NMI backtraces" loop nmi 2
check "no warning in the kernel's log" log_is_clean
finish
