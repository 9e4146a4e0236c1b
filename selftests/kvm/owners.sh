#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What lies on the slab pages that a machine's domain maps is the machine's, or the
# kernel's book-keeping for all; while machines run, change, end and come.
#
# usage: owners.sh [SECONDS [SEED]]
. "$(dirname "$0")/../lib/tap.sh"

seconds=${1:-5}
seed=${2:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
[ -e /dev/kvm ] || skip_all "no /dev/kvm"
asi_is_on || skip_all "isolation is off"
[ -e $D/asi/break ] || skip_all "no CONFIG_ASI_BREAK"
work=$(mktemp -d)
vms=
trap 'echo none >$D/asi/break; kill -9 $vms 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT

start() {
	"$MINIVM" loop --seconds=1000 "$@" >>"$work/vms" 2>&1 &
	vms="$vms $!"
}
stop() { kill -9 $vms; wait $vms 2>/dev/null; vms=; sleep 0.5; }

# Of N domains, all pages.
are_listed() {
	cat $D/asi/slabs
	awk -v n="$1" '$1 == "domain" && $4 == "kvm" { domains++ }
		$1 == "pages" { bad = bad || !$2 || !$6 || $NF }
		END { exit domains != n || bad }' $D/asi/slabs
}
sum() { awk -v k="$1" '$1 == "pages" { for (i = 1; i < NF; i++) if ($i == k) n += $(i + 1) } END { print n + 0 }' $D/asi/slabs; }

# meanwhile COMMAND...: looks again and again while it runs.
meanwhile() {
	"$@" >"$work/out" 2>&1 &
	command=$!
	looks=0
	while kill -0 $command 2>/dev/null; do
		no_foreign_objects kvm || { kill $command; wait $command; return 1; }
		looks=$((looks + 1))
		sleep 0.2
	done
	wait $command || { tail -20 "$work/out"; return 1; }
	echo "$looks looks"
	[ $looks -gt 0 ]
}

some_are_found() { foreign_pages kvm; [ -n "$(foreign_pages kvm)" ]; }

plan 8
note "seed $seed"
start --op=cpuid --smp=2
start --op=mmio --slots=40 --replace=0.5
start --op=hlt_irq
sleep 2
check "the slab pages of three machines' domains, and whose the objects are" are_listed 3
note "$(sed 's/^page \(0x[0-9a-f]*\) cache/page cache/' $D/asi/slabs | sort | uniq -c)"
check "none is somebody else's" no_foreign_objects kvm
stop
check "nor is one while slots, mappings, vCPUs and routes change" meanwhile \
	"$MINIVM" stress --smp=2 --slots=24 --with=slots,memory,vcpus,events \
	--seconds="$seconds" --seed="$seed"
check "nor while machines come and go" meanwhile "$MINIVM" churn --count=20 --smp=2
echo pages >$D/asi/break
start --op=cpuid
sleep 2
check "where objects have no pages of their own, others' are found" some_are_found
echo none >$D/asi/break
stop
start --op=cpuid
sleep 2
check "and not any more where they have" no_foreign_objects kvm
check "no violation" domains_are_right
check "no warning in the kernel's log" log_is_clean
finish
