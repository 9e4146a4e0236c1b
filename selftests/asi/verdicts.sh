#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest of verdicts.py: lines "verdict NAME RESULT" of the kernel's own tests of what patches,
# probes and compiles code, and last "refused N", the reads of text that were refused.
#
# usage: verdicts.sh KERNEL FTRACE, the folders of the kernel and of its ftracetest
set -u
kernel=$1 ftrace=$2
here=$(cd "$(dirname "$0")" && pwd)

verdict() { echo "verdict $(printf '%s' "$1" | tr ' ' '_') $2"; }

# Its files are written where it lies: in a copy.
ftracetest() {
	cp -r "$ftrace" /tmp/ftrace && cd /tmp/ftrace || return
	grep -v '^#' "$here/ftrace.list" | while read -r test; do
		[ -e "test.d/$test" ] || { verdict "$test" missing; continue; }
		result=$(timeout 120 ./ftracetest --logdir - "test.d/$test" 2>/dev/null |
			sed -n 's/^\[1\].*\[\([A-Z]*\)\].*/\1/p' | tail -1)
		verdict "$test" "${result:-none}"
	done
}

# said PATTERN: of what the kernel said since the last time.
# The part of it that is the same in each boot: no address.
said() { dmesg -c | grep -oE "$1" | tail -1 | sed "s|0x[0-9a-f]*\|[0-9a-f]\{16\}||g"; }

# module NAME PATTERN [ARGUMENTS]: loaded, what it reports, and unloaded.
module() {
	local file name=$1 pattern=$2
	shift 2
	file=$(find "$kernel" -name "$name.ko" | head -1)
	[ -n "$file" ] || { verdict "$name" missing; return; }
	dmesg -c >/dev/null
	timeout 600 insmod "$file" "$@" 2>/dev/null
	status=$?
	rmmod "$name" 2>/dev/null
	verdict "$name" "$status:$(said "$pattern" | tr ' ' '_')"
}

# A live patch replaces a function, and gives it back.
livepatch() {
	local patch=/sys/kernel/livepatch/livepatch_sample before during after
	file=$(find "$kernel" -name livepatch-sample.ko | head -1)
	[ -n "$file" ] || { verdict livepatch missing; return; }
	before=$(grep -c 'live patched' /proc/cmdline)
	insmod "$file"
	sleep 1
	during=$(grep -c 'live patched' /proc/cmdline)
	echo 0 >$patch/enabled
	for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e $patch ] || break; sleep 1; done
	rmmod livepatch_sample
	after=$(grep -c 'live patched' /proc/cmdline)
	verdict livepatch "$before$during$after"
}

# Run at boot.
dmesg | grep -oE 'ok [0-9]+ fprobe_test' | while read -r line; do verdict fprobe_test "${line% *}"; done
ftracetest
module test_bpf 'test_bpf: Summary: [0-9]+ PASSED, [0-9]+ FAILED, \[[0-9]+/[0-9]+ JIT'
module test_kprobes '(not )?ok [0-9]+ kprobes_test'
module test_static_keys 'test_static_key.*'
module kprobe_example 'kprobe at .* unregistered'
module kretprobe_example 'Missed probing'
module fprobe_example 'fprobe at .* unregistered'
module ftrace-direct 'ftrace-direct: [a-z]*'
livepatch
awk '$1 == "refused" { print }' /sys/kernel/asi/xom
