# SPDX-License-Identifier: GPL-2.0-only
#
# Guests under the eyes of the oracle, and what they must not leave behind.
# Source it.

[ -e /dev/kvm ] || skip_all "no /dev/kvm"
work=$(mktemp -d)
trap 'kill -9 $watched 2>/dev/null; rm -rf "$work"' EXIT
watched=
asked=0
most_domains=0
: >"$work/wrong"

violations() { grep '^violation ' $D/asi/verify | sort; }

# The kernel changes its own table before the domains follow: such an entry may
# be seen for a moment.  Anything else may not.
passing='what (not mapped by the kernel|another frame|another cache mode|writable|executable)$'
ask() {
	violations >"$work/first"
	asked=$((asked + 1))
	[ -s "$work/first" ] || return 0
	grep -vE "$passing" "$work/first" >>"$work/wrong"
	sleep 0.1
	violations >"$work/second"
	comm -12 "$work/first" "$work/second" >>"$work/wrong"
}

# What else a script wants to see meanwhile; and what is asked with isolation on.
look() { :; }
inquire() { ask; }

# watch COMMAND...: its output and status; meanwhile the oracle is asked.
watch() {
	"$@" >"$work/out" 2>&1 &
	watched=$!
	while kill -0 $watched 2>/dev/null; do
		sleep 0.5
		look
		asi_is_on || continue
		inquire
		domains=$(asi_stat domains)
		[ "$domains" -le "$most_domains" ] || most_domains=$domains
	done
	wait $watched
	status=$?
	watched=
	cat "$work/out"
	return $status
}

# ran NAME COMMAND...: as check, but COMMAND may use `watch`.
ran() {
	name=$1
	shift
	if "$@" >"$work/said" 2>&1; then
		ok "$name"
	else
		note "$(cat "$work/said")"
		not_ok "$name"
	fi
}

oracle_found_nothing() {
	cat "$work/wrong"
	[ "$asked" -gt 0 ] && [ ! -s "$work/wrong" ]
}

# each_ran NAME...: minivm counted it, in $work/counts.
each_ran() {
	for name in "$@"; do
		grep -qE "^$name=[1-9]" "$work/counts" || { echo "$name did not happen"; return 1; }
	done
}

# KiB that are neither free, which those in a CPU's own lists are, too, nor in any
# account, as page tables of domains are.
unaccounted() {
	echo 3 >/proc/sys/vm/drop_caches
	echo 1 >/proc/sys/vm/compact_memory 2>/dev/null
	awk '$1 == "MemTotal:" { n += $2 }
		$1 ~ /^(MemFree|Buffers|Cached|AnonPages|Slab|PageTables|SecPageTables|VmallocUsed|Percpu):$/ { n -= $2 }
		$1 == "count:" { n -= 4 * $2 }
		END { print n }' /proc/meminfo /proc/zoneinfo
}

# memory_is_back BEFORE: what unaccounted said, but for a MiB.
memory_is_back() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		after=$(unaccounted)
		[ $((after - $1)) -ge 1024 ] || return 0
		sleep 1
	done
	echo "$1 KiB before, $after after"
	return 1
}

# What is to be said of all these tests at the end: 5 tests.
nothing_is_left() { # KIB-BEFORE
	if asi_is_on; then
		note "asked $asked times, at most $most_domains domains"
		check "the oracle found no violation" oracle_found_nothing
		check "no domain is left behind" comes_to_0 domains 10
		check "no page is left in quarantine" comes_to_0 quarantine_pages 10
	else
		skip "isolation is off: no oracle"
		skip "isolation is off: no domain"
		skip "isolation is off: no quarantine"
	fi
	if is_debug_kernel; then
		skip "a debug kernel keeps memory for its checks"
	else
		check "page tables and all other memory came back" memory_is_back "$1"
	fi
	check "no warning in the kernel's log" log_is_clean
}
