#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Run the kernel's own KVM self tests, built by build-upstream, and print
# for each:
#
#   test NAME pass|skip|fail|timeout [WHERE IT FAILED]
#
# then what upstream-compare wants to know of the kernel.  A limit in seconds
# for each test in LIMIT; which tests, and with which arguments: upstream.list.
#
# usage: upstream.sh [NAME ...]		with names: excluded ones too
. "$(dirname "$0")/../lib/tap.sh"

list=$top/selftests/kvm/upstream.list
tests=${TESTS:-${BUILD:-$top/build}/kvm-selftests/tests}
LIMIT=${LIMIT:-60}
out=$(mktemp)
trap 'rm -f "$out"' EXIT

listed() { awk -v n="$1" '$1 == n { $1 = ""; sub(/^ /, ""); print; exit }' "$list"; }

one() { # NAME [ARGUMENT ...]
	name=$1
	shift
	echo "upstream.sh: $name" >/dev/kmsg
	begin=$(cut -d' ' -f1 /proc/uptime)
	timeout -k 2 "$LIMIT" "$tests/$name" "$@" >"$out" 2>&1 </dev/null
	case $? in
	0)	  verdict=pass ;;
	4)	  verdict=skip ;;
	124|137)  verdict=timeout ;;
	*)	  verdict="fail $(sed -n '/Test Assertion Failure/ { n; s/^ *//; s/: .*//p; q }' "$out")" ;;
	esac
	echo "test $name $verdict"
	case $verdict in fail*|timeout) tail -25 "$out" | sed 's/^/#	/' ;; esac
	awk -v b="$begin" '{ printf "#	%.1f s\n", $1 - b }' /proc/uptime
}

cd "$tests" || exit 1
named=$#
[ "$named" -gt 0 ] || set -- $(find . -type f -perm -u+x -printf '%P\n' | LC_ALL=C sort)
for name; do
	what=$(listed "$name")
	if [ "$what" != exclude ]; then
		one "$name" $what
	elif [ "$named" -gt 0 ]; then
		one "$name"
	else
		echo "excluded $name"
	fi
done

if [ ! -e /sys/kernel/asi/status ]; then
	echo "state none"
elif ! asi_is_on; then
	echo "state off"
else
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(asi_stat domains)" != 0 ] || break
		sleep 0.3
	done
	echo "state on"
	for key in enter domains critical_lost; do echo "stat $key $(asi_stat $key)"; done
	grep 'critical 1' $D/asi/faults | sed 's/^/# /'
fi
# Without what differs from boot to boot.
log_is_clean | sed -E 's/^\[[^]]*\] //; s/CPU: [0-9]+ PID: [0-9]+ /CPU: N PID: N /; s/\+0x[0-9a-f]+.*//; s/^/log /'
echo end
