# SPDX-License-Identifier: GPL-2.0-only
#
# A vCPU's loop, and something that happens to it meanwhile.  Source it.

[ -e /dev/kvm ] || skip_all "no /dev/kvm"
work=$(mktemp -d)
trap 'kill -9 $hogs 2>/dev/null; rm -rf "$work"' EXIT
hogs=

# loop DISTURBANCE [VCPUS]: the vCPUs exit without pause until DISTURBANCE is over.
loop() {
	"$MINIVM" loop --seconds=120 --op=cpuid --smp="${2:-1}" >"$work/out" 2>&1 &
	vm=$!
	sleep 0.5
	"$1"
	disturbed=$?
	kill -TERM $vm || echo "the loop did not last"
	wait $vm
	status=$?
	cat "$work/out"
	[ $disturbed -eq 0 ] || { echo "the disturbance failed"; return 1; }
	return $status
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# for_a_while STEP...: again and again.
for_a_while() {
	stop=$(($(now_ms) + 2000))
	while [ "$(now_ms)" -lt $stop ]; do "$@" || return; done
}
