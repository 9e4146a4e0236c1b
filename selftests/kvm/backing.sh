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

seconds=${1:-3}
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

events='pswpin pswpout zswpin zswpout cow_ksm thp_fault_alloc thp_file_alloc thp_split_page'
vmstat() { for event in $events; do grep "^$event " /proc/vmstat; done; }
# What was counted since that was written to a file.
counted_since() { vmstat | awk 'NR == FNR { n[$1] = $2; next } { print $1 "=" $2 - n[$1] }' "$1" -; }

pages_sharing() { cat $ksm/pages_sharing; }
# It is changed meanwhile, by what the machine does not need.
pool_changes() {
	echo 24 >$pool
	cat $pool
	echo 16 >$pool
}

# Of the machines that ended: how many of the exits that have nothing to do with memory were
# handled inside, and how many left, but for another task's sake.
ended() {
	sed -n '/^vm ended/,/^$/p' $D/asi/kvm | awk '
		$1 == "reason" && $2 == "cpuid" { inside = $6 }
		$1 == "cause" && $3 == "cpuid" && $7 != "sched" { left += $NF }
		END { print inside + 0, left + 0 }'
}

# A table of the VMM's that is neither linked nor empty: while a large page is made of small
# ones, and until the grace period is over after which it is freed.
passing='what (not mapped by the kernel|another frame|another cache mode|writable|executable|page table)$'

# machine BACKING WITH [PEAK-OF]: runs while it is looked at, and sets share: of its exits that
# stay inside, in 1/100000.  What looks at it comes first on the CPU.  PEAK-OF prints a number, the greatest of which is kept.
machine() {
	peak=0
	looks=0
	vmstat >"$work/vmstat"
	then=$(! asi_is_on || ended)
	# shellcheck disable=SC2086 # --with may be absent.
	nice -n 19 "$MINIVM" stress --backing="$1" --smp=2 --slots=256 ${2:+--with=$2} --seconds=1000 \
		--round=1000 --seed="$seed" >"$work/out" 2>&1 &
	watched=$!
	end=$(($(now_ms) + 1000 * seconds))
	while kill -0 $watched 2>/dev/null; do
		sleep 0.3
		look
		if [ -n "$3" ]; then
			now=$($3)
			[ "$now" -le "$peak" ] || peak=$now
		fi
		[ "$looks" -lt 3 ] || [ "$(now_ms)" -lt $end ] || kill -TERM $watched
	done
	wait $watched
	status=$?
	watched=
	cat "$work/out"
	[ $status -eq 0 ] || return
	{
		cat "$work/out"
		echo "${3:-none}=$peak"
		counted_since "$work/vmstat"
	} >"$work/counts"
	# It never had to wait for memory that was not there.
	! grep '^runs_refused=' "$work/counts" || return
	asi_is_on || return 0
	comes_to_0 domains 10 || return
	{ echo "$then"; ended; } | awk '{ i[NR] = $1; l[NR] = $2 }
		END { print i[2] - i[1], l[2] - l[1] }' >"$work/exits"
	share=$(awk '{ printf "%d", $1 ? 100000 * $1 / ($1 + $2) : 0 }' "$work/exits")
}
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# Only while the machine has a domain.
look() {
	asi_is_on || { looks=$((looks + 1)); return; }
	domains=$(asi_stat domains)
	[ "$domains" -gt 0 ] || return
	[ "$domains" -le "$most_domains" ] || most_domains=$domains
	ask
	no_foreign_objects kvm >>"$work/foreign"
	looks=$((looks + 1))
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
		memory "shmem, huge pages $huge, holes" shmem balloon,pageout "" "$@"
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
		memory "KSM" mergeable balloon pages_sharing pages_sharing cow_ksm given_back
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
		if [ "$3" = Y ]; then memory "$1" "$2" balloon,pageout "" zswpin zswpout pushed_out
		else memory "$1" "$2" balloon,pageout "" pswpin pswpout pushed_out; fi
		swapoff /dev/vda
		[ ! -e $zswap ] || echo N >$zswap
	fi
}

# ---- A test that can fail ------------------------------------------------------

# What changes in the process stays in the domain.
is_noticed() {
	echo user >$D/asi/break || return
	mv "$work/wrong" "$work/kept"
	: >"$work/wrong"
	machine userfault balloon,pageout
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

ran "anonymous: the guest finds what it wrote" machine anonymous balloon
note "$(paste -sd' ' "$work/counts"), exits inside and left: $(cat "$work/exits")"
check "anonymous: it happened" each_ran thp_fault_alloc given_back op_memory op_clock
anonymous=$share
memory "userfault" userfault balloon,pageout "" faults_copied faults_zeroed given_back pushed_out
shmem always thp_file_alloc given_back pushed_out
shmem within_size thp_file_alloc given_back pushed_out
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
