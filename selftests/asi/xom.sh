#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Execute-only text: each kind of text executes, and its first and last bytes are not
# read in any way; with text that is readable each of these reads gives the byte.
#
# usage: [LOADS=N] [PROBES=N] [FAULTS=N] [STRIDE=N] xom.sh
. "$(dirname "$0")/../lib/tap.sh"
. "$here/../sci/sci.sh"

T=$D/asi_test
S=/sys/kernel/asi/xom
P=$BUILD/selftest/xom
[ -e $S ] || skip_all "no execute-only text in this kernel"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"
vm=
cleanup() {
	echo nop >$D/tracing/current_tracer
	echo >$D/tracing/dynamic_events
	[ -z "$vm" ] || kill -9 "$vm" 2>/dev/null
	rmmod asi_test 2>/dev/null
}
trap cleanup EXIT

state() { awk -v key="$1" '$1 == key { sub(/^[^ ]* /, ""); print }' $S; }
on() { [ "$(state backend)" = pks ]; }
if grep -qwE 'xom=(auto|pks)' /proc/cmdline && ! on; then
	plan 1
	not_ok "text is execute-only: $(state reason)"
	finish
fi
# What a read has to bring: nothing, or a byte.
want=0
broken() { grep -qE "asi_break=([a-z]*,)*$1" /proc/cmdline; }
on && ! broken pkrs && ! broken key || want=1
alias_want=0
on && ! broken alias || alias_want=1
[ $want = 1 ] || alias_want=0

symbol() { awk -v name="$1" '$3 == name { print $1; exit }' /proc/kallsyms; }
# The last byte of the page that an address is on; of the byte before.
page_end() { printf '%x\n' $((0x$1 | 0xfff)); }
before() { printf '%x\n' $((0x$1 - 1)); }
behind() { printf '%x\n' $((0x$1 + 1)); }

# try HOW ADDRESS [TGID]: what came of it is in $r.
try() {
	case $1 in
	map)	"$P" map "$2" && r=$(cat $T/xom) ;;
	bpf)	r=$("$P" bpf "$2" "$(behind "$2")" 1) ;;
	# A call whose own text is in the domain; it may leave for what else it does.
	sci)	isolated log sh -c 'echo "$0" >$1' "load $2" $T/xom && r=$(cat $T/xom) &&
			[ "$(field inside "$r")" = 1 ] ;;
	*)	echo "$*" >$T/xom && r=$(cat $T/xom) ;;
	esac
}

# as_wanted WANTED HOW ADDRESS [TGID]
as_wanted() {
	wanted=$1
	shift
	try "$@" || { echo "$*: not tried"; return 1; }
	[ "$(field got "$r")" = "$wanted" ] || { echo "wanted $wanted: $r"; return 1; }
}

# Each way to the byte at ADDRESS.
unreadable() {
	for how in load nofault user bpf alias softirq nmi; do
		as_wanted $want $how "$1" || return 1
	done
	for how in vmap map; do
		as_wanted $alias_want $how "$1" || return 1
	done
}

in_guest() { as_wanted $want kvm "$1" $vm; }

first_and_last() { unreadable "$1" && unreadable "$2"; }

# Thunks against ITS, of which a module has pages where the processor needs them.
its_thunks() {
	echo its >$T/xom || return 1
	its=$(field address "$(cat $T/xom)")
	its=${its#0x}
	if [ $((0x$its)) = 0 ]; then
		! grep -q indirect_target_selection=force /proc/cmdline
		return
	fi
	first_and_last "$its" "$(page_end "$its")"
}

module_section() { sed 's/^0x//' "/sys/module/asi_test/sections/$1"; }
last_of_module() {
	page_end "$(awk '$4 == "[asi_test]" && $2 ~ /[tT]/ { print $1 }' /proc/kallsyms | sort | tail -1)"
}

compile_bpf() {
	echo bpf >$T/xom || return 1
	r=$(cat $T/xom)
	bpf_first=$(field address "$r"); bpf_first=${bpf_first#0x}
	bpf_last=$(printf '%x\n' $((0x$bpf_first + $(field tried "$r") - 1)))
	echo "$r"
	[ $((0x$bpf_first)) != 0 ]
}

trampoline() {
	echo function >$D/tracing/current_tracer || return 1
	tramp=$(symbol ftrace_trampoline)
	[ -n "$tramp" ]
}

# A probe behind a function's first instructions, at the first place that is one's start.
probe_inside() {
	for offset in 5 6 7 8 9 10 11 12 13 14 15 16; do
		echo "p:xom_probe $1+$offset" >>$D/tracing/kprobe_events 2>/dev/null || continue
		echo 1 >$D/tracing/events/kprobes/xom_probe/enable && return
	done
	echo "no probe in $1"
	return 1
}

probes() {
	probe_inside ksys_read || return 1
	# Jumps come a little later.
	sleep 0.5
	slot=$(symbol kprobe_insn_page)
	optslot=$(symbol kprobe_optinsn_page)
	cat /proc/version >/dev/null
	echo "slots $slot $optslot"
	[ -n "$slot" ] && [ -n "$optslot" ]
}

# While the reader itself is traced the file has no end.
hits() {
	echo 0 >$D/tracing/tracing_on
	grep -c xom_probe $D/tracing/trace
	echo 1 >$D/tracing/tracing_on
}

oracle() {
	! on && return
	o=$(cat $D/asi/xom_verify); echo "$o"
	printf '%s\n' "$o" | grep -q '^violations 0$' &&
		[ "$(printf '%s\n' "$o" | awk '$1 == "text_frames" { print $2 }')" -gt 1000 ]
}

# Of text there may be more than the key where memory keeps it that is free again.
text_has_key() {
	if broken key; then
		oracle | grep 'text without the key'
	elif broken unkey; then
		! { oracle | grep 'text without the key'; }
	else
		oracle
	fi
}
no_key_stays() {
	if broken unkey || broken key; then ! oracle; else oracle; fi
}

# scan HOW START END STRIDE LEAST: of what is executable there a byte at each STRIDE.
scan() {
	if [ "$1" = bpf ]; then
		r=$("$P" bpf "$2" "$3" "$4")
	else
		echo "scan $1 $2 $3 $4" >$T/xom && r=$(cat $T/xom)
	fi || return 1
	echo "$r"
	all=$(field tried "$r") got=$(field got "$r")
	[ "$all" -ge "$5" ] || return 1
	case $1 in
	vmap)	wanted=$alias_want ;;
	*)	wanted=$want ;;
	esac
	[ "$got" = $((wanted * all)) ]
}

# The kernel's, in each way; and that of modules, BPF, trampolines and slots.
scan_gets_nothing() {
	for how in load nofault user alias; do
		scan $how "$first" "$(behind "$last")" "${STRIDE:-4096}" 1000 &&
		scan $how ffffffffc0000000 ffffffffff000000 "${STRIDE:-4096}" 10 || return 1
	done
	scan vmap "$first" "$(behind "$last")" 16384 100 &&
		scan bpf "$first" "$(behind "$last")" 16384 100
}

dies_alone() {
	[ $want = 0 ] || return 0
	echo 0 >/proc/sys/kernel/panic_on_oops
	sh -c "echo 'die $first' >$T/xom"
	survived=$?
	echo 1 >/proc/sys/kernel/panic_on_oops
	[ $survived != 0 ] || return 1
	dmesg | tail -60 | grep -q 'xom: text is execute-only' &&
		dmesg | tail -60 | grep -q 'Code: [0-9a-f][0-9a-f] '
	status=$?
	dmesg -c >/dev/null
	return $status
}

# A CPU that comes online forbids the key, too.
new_cpu() {
	echo 0 >/sys/devices/system/cpu/cpu1/online && echo 1 >/sys/devices/system/cpu/cpu1/online ||
		return 1
	taskset 2 sh -c 'echo "load $0" >$1' "$first" $T/xom || return 1
	r=$(cat $T/xom); echo "$r"
	[ "$(field got "$r")" = $want ]
}

# What the kernel prints of an instruction that it was asked to report.
warns() {
	dmesg -c >/dev/null
	echo warn >$T/xom || return 1
	warning=$(dmesg -c); echo "$warning"
	printf '%s\n' "$warning" | grep -q 'WARNING: .* xom_do+' &&
		printf '%s\n' "$warning" | grep -q 'Code: .*<0f> 0b '
}

# Its selector is the one that has a page of its own.
verw() {
	! grep -qw mitigations=auto /proc/cmdline ||
		grep 'Clear CPU buffers' /sys/devices/system/cpu/vulnerabilities/mds
}

in_log() {
	[ $want = 0 ] || return 0
	grep '^class xom ' $D/asi/faults | head -5
	grep -q '^class xom .* access r action deny .* symbol xom_load' $D/asi/faults
}

counts() {
	cat $S
	[ "$(state reason)" = - ] && ! broken key || return 0
	[ "$(state kernel_pages)" -gt 1000 ] && [ "$(state module_pages)" -gt 0 ] &&
		[ "$(state other_pages)" -gt 0 ] && [ "$(state windows)" -gt 0 ] || return 1
	[ $want = 1 ] || grep -q '^reader refused [1-9][0-9]* logged 0 symbol xom_load' $S
}
# While there are a trampoline and slots.
counts_of_tracing() {
	cat $S
	! on || broken key || { [ "$(state ftrace_pages)" -gt 0 ] && [ "$(state probe_pages)" -gt 0 ]; }
}

first=$(symbol _text)
last=$(before "$(symbol _etext)")
entry_first=$(symbol __entry_text_start)
entry_last=$(before "$(symbol __entry_text_end)")

bpf_image() {
	compile_bpf && first_and_last "$bpf_first" "$bpf_last" && unreadable "$(page_end "$bpf_last")"
}
ftrace_trampoline() { trampoline && first_and_last "$tramp" "$(page_end "$tramp")"; }
probe_slots() {
	probes && first_and_last "$slot" "$(page_end "$slot")" &&
		first_and_last "$optslot" "$(page_end "$optslot")"
}
probes_hit() { [ "$(hits)" -gt 0 ]; }
from_guest() {
	[ -e /dev/kvm ] || { echo "no KVM here"; return 0; }
	# Each check has a shell of its own.
	for address in "$first" "$last" "$(module_section .text)" "$(symbol ftrace_trampoline)"; do
		in_guest "$address" || return 1
	done
}
from_call() {
	sci_is_on || { echo "no isolated system calls here"; return 0; }
	# Of text that the call has: its domain maps it.
	as_wanted $want sci "$(symbol ksys_write)" && as_wanted $want sci "$(module_section .text)"
}
traced_and_untraced() {
	echo nop >$D/tracing/current_tracer
	echo 0 >$D/tracing/events/kprobes/enable
	echo >$D/tracing/kprobe_events
}

# loads N: modules and BPF programs come and go.
loads() {
	i=0
	while [ $i -lt "$1" ]; do
		insmod "$KERNEL_DIR/asi-test/asi_loadme.ko" && rmmod asi_loadme || return 1
		echo bpf >$T/xom || return 1
		i=$((i + 1))
	done
}

tracers() {
	for tracer in function function_graph nop; do
		grep -qw $tracer $D/tracing/available_tracers || continue
		echo $tracer >$D/tracing/current_tracer || return 1
		cat /proc/self/maps >/dev/null
	done
}

# Probes at the beginning of N functions, and at their return.
many_probes() {
	awk -v n="$1" '$2 == "t" && $4 == "" && $3 ~ /^(ext4|tcp|ip|udp)_[a-z_]*$/ && !seen[$3]++ &&
		i < n { i++; printf "p:p%d %s\nr:r%d %s\n", i, $3, i, $3 }' /proc/kallsyms |
	while read -r line; do
		echo "$line" >>$D/tracing/kprobe_events 2>/dev/null
	done
	made=$(wc -l <$D/tracing/kprobe_events)
	echo "$made probes"
	[ "$made" -gt "$1" ] || return 1
	echo 1 >$D/tracing/events/kprobes/enable || return 1
	cat /proc/net/tcp "$0" >/dev/null
	echo 0 >$D/tracing/events/kprobes/enable && echo >$D/tracing/kprobe_events
}

fixups_of_bpf() { "$P" faults "$1"; }

"$MINIVM" loop --seconds=1000 --op=cpuid >/dev/null 2>&1 &
vm=$!

plan 25
check "the kernel's text: first and last byte" first_and_last "$first" "$last"
check "entry text" first_and_last "$entry_first" "$entry_last"
check "a module's text" first_and_last "$(module_section .text)" "$(last_of_module)"
check "a BPF program's image, and the end of its page" bpf_image
check "ftrace's trampoline, and the end of its page" ftrace_trampoline
check "kprobes' slots, and the ends of their pages" probe_slots
check "thunks against ITS" its_thunks
check "from a guest's domain" from_guest
check "from an isolated system call" from_call
check "the probe is hit" probes_hit
check "every entry of text has the key, and no other has" text_has_key
check "the state counts a trampoline and slots" counts_of_tracing
check "tracer and probes are gone" traced_and_untraced
check "modules and BPF programs come and go" loads "${LOADS:-5}"
check "and leave no key behind" no_key_stays
check "tracers" tracers
check "probes at functions and their returns" many_probes "${PROBES:-20}"
check "faults of a BPF program's loads" fixups_of_bpf "${FAULTS:-10000}"
check "a scan of the kernel's text" scan_gets_nothing "${STRIDE:-4096}"
check "a CPU that was offline" new_cpu
check "the state says what it is, and who read" counts
check "VERW is executed where it is asked for" verw
check "a warning has its code in the log" warns
check "a plain read is the reader's end, with its code in the log" dies_alone
check "the fault log names the reader" in_log
finish
