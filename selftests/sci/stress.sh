#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# stress-ng's jobs, isolated: they end as they do not isolated, and nothing is refused.
#
# usage: stress.sh [SECONDS [LIST]]	that each lasts, default 2; of jobs, default stress-ng.list
. "$(dirname "$0")/../lib/tap.sh"
. "$here/sci.sh"

seconds=${1:-2}
list=$here/${2:-stress-ng.list}
sci_is_on || skip_all "system-call isolation is off"
[ -x "$BIN/calls" ] || skip_all "build/selftest/calls is not built"
command -v stress-ng >/dev/null || skip_all "stress-ng is not installed"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
survive_oopses
loopback_up

# For four of them, some of which put in order for long what they made.
limit=$((seconds * 10 + 60))
! is_debug_kernel || limit=$((limit * 8))

# stress_options JOB...: so many at once; what was not built in is left out.
stress_options() {
	for job in "$@"; do
		grep -q -- "--$job " "$work/stress-help" && echo "--$job 2"
	done
	echo "--timeout $seconds --temp-path $work --quiet --verify"
}

# Jobs at once, isolated.  If they fail, is it their own fault?
stress() { # JOB...
	forget_violations
	count_isolated
	# shellcheck disable=SC2046
	isolated enforce timeout $limit stress-ng $(stress_options "$@") \
		</dev/null >"$work/isolated.out" 2>&1
	status=$?
	if ! { no_violations && were_isolated; } >"$work/violations"; then
		echo "$*:"
		cat "$work/violations"
		return 1
	fi
	# stress-ng says 3 when memory or a power is missing here, 4 when it was built
	# without the job.
	case $status in 0|3|4) return ;; esac
	# One by one: another's own fault must not hide it.
	if [ $# -gt 1 ]; then
		for one in "$@"; do stress "$one" || return 1; done
		return 0
	fi
	# shellcheck disable=SC2046
	timeout $limit stress-ng $(stress_options "$@") >"$work/plain.out" 2>&1
	plain=$?
	[ $plain -eq $status ] && return
	echo "$*: status $status, not isolated $plain"
	cat "$work/isolated.out"
	return 1
}

# Four at a time: more would be out of memory, fewer take longer.
stress_class() { # JOB...
	failed=0
	while [ $# -ge 4 ]; do
		stress "$1" "$2" "$3" "$4" || failed=1
		shift 4
	done
	[ $# -eq 0 ] || stress "$@" || failed=1
	return $failed
}

stress-ng --help >"$work/stress-help" 2>/dev/null
grep '^[a-z]*:' "$list" >"$work/classes"
plan $(($(wc -l <"$work/classes") + 2))
while IFS=: read -r class jobs; do
	# shellcheck disable=SC2086
	check "stress-ng, $class: isolated as not isolated" stress_class $jobs
done <"$work/classes"

check "no violation in asi/verify" domains_are_right
check "no warning in the kernel's log" log_is_clean
finish
