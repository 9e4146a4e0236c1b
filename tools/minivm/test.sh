#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests of minivm, for root on a machine with a working /dev/kvm. TAP version 13; status 4: no
# /dev/kvm, skipped. Environment: MINIVM, the program; KERNEL, a bzImage with a serial console
# and initramfs support (without one the boot tests are skipped); BOOTS, how often to boot for
# each number of vCPUs; TIME, the seconds one boot may take.

here=$(cd "$(dirname "$0")" && pwd)
minivm=${MINIVM:-${BUILD:-$here/../../build}/host/minivm/minivm}
kernel=${KERNEL:-${BUILD:-$here/../../build}/unpatched/arch/x86/boot/bzImage}
boots=${BOOTS:-1}
time=${TIME:-300}

if ! [ -c /dev/kvm ]; then
	echo '1..0 # SKIP no /dev/kvm'
	exit 4
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

tests=0
failures=0

# ok NAME CONDITION-STATUS: one TAP line; shows what the last run printed if it failed.
ok() {
	tests=$((tests + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $tests $1"
		return
	fi
	failures=$((failures + 1))
	echo "not ok $tests $1"
	echo "# status $status"
	tail -n 25 "$work/out" "$work/err" 2>/dev/null | sed 's/^/# /'
}

skip() {
	tests=$((tests + 1))
	echo "ok $tests $1 # SKIP $2"
}

# run ARGUMENTS: minivm with them; sets status, fills $work/out and $work/err.
run() {
	"$minivm" "$@" >"$work/out" 2>"$work/err"
	status=$?
}

printed() {
	grep -qE -- "$1" "$work/out" "$work/err"
}

refuses_bad_input() {
	local name=$1
	shift
	run "$@"
	[ $status -eq 2 ] && [ "$(wc -l <"$work/err")" -eq 1 ] && ! [ -s "$work/out" ] && printed "$name"
	ok "bad_input_is_named: $*" $?
}

refuses_bad_input subcommand
refuses_bad_input --smp boot --kernel=/dev/null --smp=0
refuses_bad_input --smp exits --op=cpuid --smp=65
refuses_bad_input --mem boot --kernel=/dev/null --mem=12Q
refuses_bad_input --mem boot --kernel=/dev/null --mem=1M
refuses_bad_input --mem boot --kernel=/dev/null --mem=18446744073709551617
refuses_bad_input --kernel boot
refuses_bad_input /nonexistent boot --kernel=/nonexistent
refuses_bad_input bzImage boot --kernel="$0"
refuses_bad_input --op exits --op=nop
refuses_bad_input --count exits --op=in --count=0
refuses_bad_input --count exits --op=npf --count=100000000
refuses_bad_input --count churn --count=-1
refuses_bad_input --hex snippet --hex=f
refuses_bad_input --hex snippet --hex=zz
refuses_bad_input --hex snippet
refuses_bad_input --mode snippet --hex=f4 --mode=virtual
refuses_bad_input --seconds loop --seconds=soon
refuses_bad_input --op loop --op=npf
refuses_bad_input --backing loop --backing=paper
refuses_bad_input --backing boot --kernel=/dev/null --backing=
refuses_bad_input --backing stress --backing=shmem --with=memory
refuses_bad_input --with stress --with=balloon
refuses_bad_input --with stress --with=pageout,slots
refuses_bad_input --op loop --op=outs
refuses_bad_input --out mkinitrd
refuses_bad_input /nonexistent mkinitrd --out="$work/none" --add=/nonexistent
refuses_bad_input destination mkinitrd --out="$work/none" --add="$0:/a/../b"
refuses_bad_input twice mkinitrd --out="$work/none" --add="$0:/a" --add="$0:/a"
! [ -e "$work/none" ]
ok refused_mkinitrd_leaves_no_file $?

status=$(unshare -m sh -c 'mount -t tmpfs none /dev && "$0" snippet --hex=f4 >&2; echo $?' \
	"$minivm" 2>"$work/err")
[ "$status" -eq 4 ] && printed 'no usable /dev/kvm'
ok missing_kvm_is_status_4 $?

run snippet --hex='b0 2a e6 f4'
[ $status -eq 42 ] && printed 'rax=000000000000002a'
ok long_mode_snippet_returns_its_byte $?

# 64-bit only: mov $0x123456789abcdef0, %rax; hlt
run snippet --hex=48b8f0debc9a78563412f4
[ $status -eq 0 ] && printed 'rax=123456789abcdef0' && printed 'end: hlt'
ok long_mode_snippet_is_in_64_bit_mode $?

# mov $0xbeef, %ax; hlt, which in 64-bit mode would swallow the hlt
run snippet --mode=real --hex=b8efbef4
[ $status -eq 0 ] && printed 'rax=000000000000beef'
ok real_mode_snippet_is_in_real_mode $?

# in $0xe0, %al; out %al, $0xf4
run snippet --hex=e4e0e6f4
[ $status -eq 255 ]
ok unknown_ports_read_as_all_ones $?

printf '\260\007\346\364' >"$work/code"
run snippet --file="$work/code"
[ $status -eq 7 ]
ok snippet_comes_from_a_file $?

# ud2 without an interrupt table. After that AMD's KVM only has the registers of a reset CPU.
run snippet --hex=0f0b
[ $status -eq 1 ] && printed 'triple fault' && printed '^rip=(0000000000008000|000000000000fff0) '
ok triple_fault_is_status_1_with_registers $?

run snippet --hex=ebfe --timeout=1
[ $status -eq 124 ] && printed timeout
ok endless_snippet_times_out $?

for op in cpuid msr hypercall in out mmio npf outs hlt_irq; do
	run exits --op=$op --count=500
	[ $status -eq 0 ] && printed "^op=$op vcpus=1 count=500 .* ns_per_exit=[0-9]+\.[0-9][0-9]\$"
	ok "exits_are_measured: $op" $?
	kvm_exits=$(sed -n 's/.* kvm_exits=\([0-9]*\) .*/\1/p' "$work/out")
	[ "${kvm_exits:-0}" -ge 500 ]
	ok "every_operation_exits: $op" $?
	user_exits=$(sed -n 's/.* user_exits=\([0-9]*\) .*/\1/p' "$work/out")
	case $op in
	in | out | mmio | outs) [ "$user_exits" = 500 ] ;;
	*) [ "$user_exits" = 0 ] ;;
	esac
	ok "only_devices_reach_user_space: $op" $?
done

run exits --op=in --count=100 --smp=2 --json
[ $status -eq 0 ] && printed '^\{"op": "in", "vcpus": 2, "count": 200, .*"user_exits": 200, .*\}$'
ok exits_of_two_vcpus_as_json $?

run exits --op=cpuid --count=1000000000 --timeout=1
[ $status -eq 124 ]
ok long_measurement_times_out $?

run loop --seconds=1 --smp=2
[ $status -eq 0 ] && printed '^op=cpuid vcpus=2 exits=[1-9][0-9]*$'
ok loop_runs_for_a_time $?

run loop --seconds=1 --op=mmio --replace=0.2
[ $status -eq 0 ] && printed '^op=mmio vcpus=1 exits=[1-9][0-9]*$'
ok loop_goes_on_with_other_pages_under_it $?

# What this kernel has not is said so.
for backing in anonymous hugetlb shmem mergeable userfault; do
	run stress --backing=$backing --with=balloon,pageout --smp=2 --slots=256 --seconds=1 --round=1
	case $backing in
	hugetlb) lacks='guest memory of hugetlb \((has the kernel|are enough)' ;;
	mergeable) lacks='mergeable guest memory \(has the kernel CONFIG_KSM' ;;
	userfault) lacks='guest memory of userfault \(has the kernel CONFIG_USERFAULTFD' ;;
	*) lacks=none ;;
	esac
	if [ $status -eq 1 ] && [ "$(wc -l <"$work/err")" -eq 1 ] && printed "$lacks"; then
		skip "guest_memory_may_be: $backing" "not with this kernel"
		continue
	fi
	[ $status -eq 0 ] && printed '^given_back=[1-9]' && printed '^pushed_out=[1-9]' &&
		printed '^op_memory=[1-9]'
	ok "guest_memory_may_be: $backing" $?
done

run loop --seconds=1 --backing=userfault --replace=0.2
[ $status -eq 0 ] && printed '^op=cpuid vcpus=1 exits=[1-9][0-9]*$'
ok loop_goes_on_while_its_pages_go_and_come $?

( "$minivm" loop --seconds=100 >"$work/loop" & loop=$!; sleep 1; kill $loop; wait $loop ) &&
	grep -q '^op=cpuid vcpus=1 exits=[1-9]' "$work/loop"
ok a_signal_ends_the_loop_with_its_report $?

( "$minivm" hold >"$work/hold" & hold=$!; sleep 1; kill $hold; wait $hold ) &&
	grep -qx holding "$work/hold"
ok holds_machines_until_a_signal $?

run churn --count=5 --smp=2
[ $status -eq 0 ] && printed '^destroyed=5 vcpus=2$'
ok machines_come_and_go $?

run churn --count=10 --smp=2 --kill
[ $status -eq 0 ] && printed '^killed=10 vcpus=2$'
ok machines_may_be_killed $?

run snippet --hex='b0 2a e6 f4'
[ $status -eq 42 ]
ok kvm_works_after_kills $?

run mkinitrd --out="$work/initrd" --add=/bin/sh:/some/where/program
cp "$work/initrd" "$work/again"
run mkinitrd --out="$work/initrd" --add=/bin/sh:/some/where/program
[ $status -eq 0 ] && cmp -s "$work/initrd" "$work/again"
ok equal_input_gives_equal_archive $?
if command -v cpio >/dev/null; then
	(mkdir "$work/tree" && cd "$work/tree" && cpio -id --quiet <"$work/initrd") 2>"$work/err"
	cmp -s /bin/sh "$work/tree/some/where/program" && [ -x "$work/tree/init" ]
	ok archive_holds_added_files $?
else
	skip archive_holds_added_files "no cpio"
fi

if [ -r "$kernel" ]; then
	cp "$kernel" "$work/bzImage"
	append='console=ttyS0 quiet panic=-1'
	run mkinitrd --out="$work/initrd"
	kernel_only=(boot --kernel="$work/bzImage" --append="$append")
	boot=("${kernel_only[@]}" --timeout="$time")
	for ((i = 1; i <= boots; ++i)); do
		for smp in 1 2; do
			run "${boot[@]}" --initrd="$work/initrd" --smp=$smp
			[ $status -eq 0 ] && printed "^guest: user space reached, $smp cpus, Linux " &&
				printed '^guest: done' && printed 'guest ended: power off'
			ok "linux_boots_with_$smp: $i" $?
		done
	done

	run "${boot[@]}" --initrd="$work/initrd" --until='user space' --quiet
	[ $status -eq 0 ] && ! [ -s "$work/out" ]
	ok awaited_string_ends_the_guest $?

	run "${boot[@]}" --initrd="$work/initrd" --until='never printed'
	[ $status -eq 3 ] && printed 'before it printed'
	ok missed_string_is_status_3 $?

	run "${boot[@]}"
	[ $status -eq 0 ] && printed 'Kernel panic' && printed 'guest ended: reset'
	ok guest_panic_ends_in_reset $?

	run "${kernel_only[@]}" --initrd="$work/initrd" --timeout=0.5
	[ $status -eq 124 ] && printed timeout
	ok slow_guest_times_out $?

	run mkinitrd --out="$work/initrd" --add="$minivm:/bin/command"
	run boot --kernel="$work/bzImage" --append="$append -- /bin/command mkinitrd" \
		--initrd="$work/initrd" --timeout="$time"
	[ $status -eq 0 ] && printed '^guest: command status 2'
	ok guest_runs_a_command $?

	refuses_bad_input --mem boot --kernel="$work/bzImage" --mem=32M
	head -c 1000000 "$work/bzImage" >"$work/half"
	refuses_bad_input truncated boot --kernel="$work/half"
else
	skip linux_boots "no $kernel"
fi

echo "1..$tests"
[ $failures -eq 0 ]
