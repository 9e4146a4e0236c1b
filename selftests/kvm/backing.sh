#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Guest memory of every kind that the kernel has, while what the kernel does with
# such memory happens to it: faults are resolved by the VMM, huge pages are split,
# holes are punched, hugetlb's pool and its memory map change, equal pages are
# merged, pages are swapped.  The guest checks what it finds, the oracle what its
# domain shows, and no more exits leave than with anonymous memory.
#
# Swap needs a disk, /dev/vda, whose content is lost.
#
# usage: backing.sh [SECONDS [SEED]]
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/watched.sh"

seconds=${1:-2}
seed=${2:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
thp=/sys/kernel/mm/transparent_hugepage
ksm=/sys/kernel/mm/ksm
zswap=/sys/module/zswap/parameters/enabled
pool=/proc/sys/vm/nr_hugepages
optimize=/proc/sys/vm/hugetlb_optimize_vmemmap
: >"$work/foreign"
: >"$work/exits"
share=0

# ---- One machine -------------------------------------------------------------

vmstat() { awk -v k="$1" '$1 == k { print $2 }' /proc/vmstat; }
shmem_huge() { awk '$1 == "ShmemHugePages:" { print $2 }' /proc/meminfo; }
anon_huge() { awk '$1 == "AnonHugePages:" { print $2 }' /proc/meminfo; }
shared() { cat $ksm/pages_sharing; }
# It is changed meanwhile, by what the machine does not need.
pool_changes() {
	echo 24 >$pool
	cat $pool
	echo 16 >$pool
}

# Of the machines that ended, exits that have nothing to do with memory: those handled
# inside, and those that left, but for another task's sake.
ended() {
	sed -n '/^vm ended/,/^$/p' $D/asi/kvm | awk '
		$1 == "reason" && $2 ~ /^(cpuid|msr)/ { inside += $6 }
		$1 == "cause" && $3 ~ /^(cpuid|msr)/ && $7 != "sched" { left += $NF }
		END { print inside + 0, left + 0 }'
}

# What happens to be true at any moment while the machine runs; the greatest is kept.
look() {
	! asi_is_on || no_foreign_objects kvm >>"$work/foreign"
	[ -n "$peak_of" ] || return 0
	now=$($peak_of)
	[ "$now" -le "$peak" ] || peak=$now
}

# machine BACKING WITH PEAK-OF: sets share, of its exits that stay inside, in 1/1000.
machine() {
	peak_of=$3
	peak=0
	swapped_in=$(vmstat pswpin)
	swapped_out=$(vmstat pswpout)
	unmerged=$(vmstat cow_ksm)
	then=$(! asi_is_on || ended)
	# shellcheck disable=SC2086 # --with may be absent.
	watch "$MINIVM" stress --backing="$1" --smp=2 --slots=256 ${2:+--with=$2} \
		--seconds="$seconds" --round="$seconds" --seed="$seed" || return
	cp "$work/out" "$work/counts"
	{
		[ -z "$peak_of" ] || echo "$peak_of=$peak"
		echo "swapped_in=$(($(vmstat pswpin) - swapped_in))"
		echo "swapped_out=$(($(vmstat pswpout) - swapped_out))"
		[ -z "$unmerged" ] || echo "unmerged=$(($(vmstat cow_ksm) - unmerged))"
	} >>"$work/counts"
	# It never had to wait for memory that was not there.
	! grep '^runs_refused=' "$work/counts" || return
	asi_is_on || return 0
	comes_to_0 domains 10 || return
	share=$({ echo "$then"; ended; } | awk '{ i[NR] = $1; l[NR] = $2 }
		END { inside = i[2] - i[1]; left = l[2] - l[1]
		      printf "%d", inside ? 100000 * inside / (inside + left) : 0
		      print inside, left >"'"$work/exits"'" }')
}

share_is_kept() {
	echo "inside $share, with anonymous memory $anonymous, of 100000"
	[ "$share" -ge $((anonymous - 500)) ]
}

# memory NAME BACKING WITH PEAK-OF COUNT...: 3 tests, of a machine and what has to happen.
memory() {
	kind=$1
	backing=$2
	with=$3
	of=$4
	shift 4
	ran "$kind: the guest finds what it wrote" machine "$backing" "$with" "$of"
	note "$(paste -sd' ' "$work/counts"), exits inside and left: $(cat "$work/exits")"
	check "$kind: it happened" each_ran "$@"
	if asi_is_on; then check "$kind: exits stay inside" share_is_kept
	else skip "$kind: isolation is off"; fi
}
without() { skip "$1"; skip "$1"; skip "$1"; }

# ---- What a kernel may have ----------------------------------------------------

# shmem HUGE COUNT...
shmem() {
	if [ -e $thp/shmem_enabled ] && echo "$1" >$thp/shmem_enabled; then
		huge=$1
		shift
		memory "shmem, huge pages $huge, holes" shmem balloon,pageout shmem_huge "$@"
		echo never >$thp/shmem_enabled
	else
		without "shmem with huge pages: not in this kernel"
	fi
}

# hugetlb 0|1
hugetlb() {
	if ! [ -e $pool ]; then
		without "hugetlb: not in this kernel"
	elif [ "$1" = 1 ] && ! [ -e $optimize ]; then
		without "hugetlb's memory map: not optimised in this kernel"
	else
		[ ! -e $optimize ] || echo "$1" >$optimize
		echo 32 >$pool
		echo 16 >$pool
		memory "hugetlb, optimised: $1, its pool changes" hugetlb balloon,pageout pool_changes \
			pool_changes given_back pushed_out
		echo 0 >$pool
		[ ! -e $optimize ] || echo 0 >$optimize
	fi
}

merged() {
	if [ -e $ksm/run ]; then
		echo 5 >$ksm/sleep_millisecs
		echo 4000 >$ksm/pages_to_scan
		echo 1 >$ksm/run
		memory "KSM" mergeable balloon shared shared unmerged given_back
		echo 2 >$ksm/run
		echo 0 >$ksm/run
	else
		without "KSM: not in this kernel"
	fi
}

# swapped NAME BACKING ZSWAP
swapped() {
	if ! [ -e /proc/swaps ]; then
		without "swap: not in this kernel"
	elif ! [ -b /dev/vda ]; then
		without "swap: no disk"
	elif [ "$3" = Y ] && ! [ -e $zswap ]; then
		without "zswap: not in this kernel"
	else
		[ ! -e $zswap ] || echo "$3" >$zswap
		mkswap /dev/vda >/dev/null 2>&1
		swapon /dev/vda
		# Through zswap pages come back that never were on the disk.
		if [ "$3" = Y ]; then memory "$1" "$2" balloon,pageout zswapped zswapped pushed_out
		else memory "$1" "$2" balloon,pageout "" swapped_in swapped_out pushed_out; fi
		swapoff /dev/vda
		[ ! -e $zswap ] || echo N >$zswap
	fi
}
zswapped() { vmstat zswpin; }

# ---- A test that can fail ------------------------------------------------------

# What changes in the process stays in the domain.
is_noticed() {
	echo user >$D/asi/break || return
	mv "$work/wrong" "$work/kept"
	: >"$work/wrong"
	machine userfault balloon,pageout ""
	echo none >$D/asi/break
	mv "$work/wrong" "$work/noticed"
	mv "$work/kept" "$work/wrong"
	sed 's/.* what //' "$work/noticed" | sort | uniq -c
	grep -qE 'what (not mapped by the process|another frame than the process)' "$work/noticed"
}

nothing_foreign() { cat "$work/foreign"; [ ! -s "$work/foreign" ]; }

plan 36
note "seed $seed, $seconds s each"
"$MINIVM" stress --backing=anonymous --smp=2 --seconds=0.2 --seed="$seed" >"$work/out" 2>&1
before=$(unaccounted)

ran "anonymous: the guest finds what it wrote" machine anonymous balloon anon_huge
note "$(paste -sd' ' "$work/counts"), exits inside and left: $(cat "$work/exits")"
check "anonymous: it happened" each_ran anon_huge given_back op_memory op_clock
anonymous=$share
memory "userfault" userfault balloon,pageout "" faults_copied faults_zeroed given_back pushed_out
shmem always shmem_huge given_back pushed_out
shmem within_size shmem_huge given_back pushed_out
hugetlb 0
hugetlb 1
merged
swapped "swap" anonymous N
swapped "swap of shmem" shmem N
swapped "zswap" anonymous Y

if ! asi_is_on || ! [ -e $D/asi/break ]; then
	skip "without 'user' it is noticed: isolation is off, or no CONFIG_ASI_BREAK"
	skip "no page of others: isolation is off"
else
	ran "without 'user' the oracle notices" is_noticed
	check "no domain shows an object of others" nothing_foreign
fi
nothing_is_left "$before"
finish
