#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kmemleak looks for pointers in all that was allocated, modules, trampolines and BPF's packs
# included, and passes over what is text.
. "$(dirname "$0")/../lib/tap.sh"

S=/sys/kernel/asi/xom
L=$D/kmemleak
tracing=$D/tracing
[ -e $L ] || skip_all "no kmemleak in this kernel"
grep -qx 'backend pks' $S || skip_all "text can be read"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"
trap 'echo >$tracing/kprobe_events; rmmod asi_test 2>/dev/null' EXIT

scans() {
	echo bpf >$D/asi_test/xom || return
	echo 'p:leak vfs_read' >$tracing/kprobe_events && echo 1 >$tracing/events/kprobes/leak/enable ||
		return
	for _ in 1 2; do
		echo scan >$L || return
	done
	echo 0 >$tracing/events/kprobes/leak/enable
	cat $L
}
refused_nothing() {
	cat $S
	grep -qx 'refused 0' $S
}

plan 3
check "kmemleak scans" scans
check "nothing was refused" refused_nothing
check "no warning in the kernel's log" log_is_clean
finish
