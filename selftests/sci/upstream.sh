#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel's own self tests of timers, futexes and sockets, built by build-upstream:
# those in upstream.list pass isolated as not isolated, and nothing is refused.
#
# usage: upstream.sh [WORD]	only the lines of the list that have this word
. "$(dirname "$0")/../lib/tap.sh"
. "$here/sci.sh"

tests=${TESTS:-$BUILD/sci-upstream/tests}
# Seconds, for one run of one test.
LIMIT=${LIMIT:-60}

sci_is_on || skip_all "system-call isolation is off"
[ -d "$tests" ] || skip_all "build-upstream has not been run"
for program in ip unshare; do
	command -v $program >/dev/null || skip_all "$program is not installed"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
survive_oopses
grep -v -e "^#" -e "^$" "$here/upstream.list" | grep -w -e "${1:-.*}" >"$work/lines"
# Some make files where they are.
ln -s "$tests"/* "$work"
cd "$work" || exit 1

# run [PREFIX ...]: $line, in a network that has no address and socket of an earlier one.
run() {
	"$@" timeout -k 2 "$LIMIT" unshare -n sh -ec "ip link set lo up; $line" </dev/null
}

# Some give others milliseconds to get somewhere, too few on a busy machine: there are
# three tries, and nothing may be refused in any.
as_not_isolated() {
	forget_violations
	count_isolated
	for try in 1 2 3; do
		run isolated enforce >isolated.out 2>&1
		status=$?
		no_violations || return 1
		[ "$status" -ne 0 ] || break
		echo "try $try: status $status"
		tail -20 isolated.out
	done
	[ "$status" -eq 0 ] && were_isolated
}

plan $(($(wc -l <lines) + 2))
while read -r line; do
	name=${line##*; }
	for try in 1 2 3; do
		run >plain.out 2>&1
		plain=$?
		[ "$plain" -ne 0 ] && [ "$plain" -ne "$KSFT_SKIP" ] || break
	done
	if [ "$plain" -eq "$KSFT_SKIP" ]; then
		skip "$name: not isolated, too"
	elif [ "$plain" -eq 0 ]; then
		check "$name: isolated as not isolated" as_not_isolated
	else
		note "$(tail -20 plain.out)"
		not_ok "$name: not isolated: status $plain"
	fi
done <lines

check "no violation in asi/verify" domains_are_right
check "no warning in the kernel's log" log_is_clean
finish
