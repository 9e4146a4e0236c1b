#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Profiles: learnt, exported, imported, enforced, merged.  What cannot be imported
# is named and changes nothing.
. "$(dirname "$0")/../lib/tap.sh"
. "$here/sci.sh"

sci_is_on || skip_all "system-call isolation is off"
[ -x "$BIN/calls" ] || skip_all "build/selftest/calls is not built"
SCI=$D/asi/sci
work=$(mktemp -d)
users=
# shellcheck disable=SC2086
trap '[ -z "$users" ] || kill $users 2>/dev/null; rm -rf "$work"' EXIT
survive_oopses

# What is learnt, and later has to work: some files, a pipe, processes.
# shellcheck disable=SC2016
job='cd "$0" && echo text >f && cat f | tr a-z A-Z && rm f && sh -c "exit 0" && ls -A . | wc -l'
mkdir "$work/empty"
do_job() { # PROFILE MODE
	[ "$(isolated_by "$1" "$2" sh -c "$job" "$work/empty")" = "TEXT
0" ]
}

export_to() { "$ASICTL" sci export "$1" -o "$2"; } # NAME FILE
# As the kernel sees it: all of it in one write.
import_raw() { dd if="$1" of=$SCI/text bs=64M 2>&1; }
renamed() { sed "s/^name .*/name $1/" "$2"; } # NAME FILE

learn() {
	# Twice: the first time may find pages in memory that are read later.
	do_job sci_round learn && do_job sci_round learn || return 1
	grep '^profile sci_round ' $SCI/profiles || return 1
	[ "$(profile_field sci_round builtin)" = 0 ] &&
	[ "$(profile_field sci_round calls)" -gt 5 ] &&
	[ "$(profile_field sci_round learned_pages)" -gt 10 ]
}

learnt_is_less_than_everything() {
	pages=$(profile_field sci_round learned_pages)
	all=$(awk '$3 == "_text" { t = $1 } $3 == "_etext" { e = $1 } END { print t, e }' /proc/kallsyms)
	low() { printf '%s\n' "$1" | sed 's/.*\(........\)$/\1/'; }
	total=$(( (0x$(low "${all#* }") - 0x$(low "${all% *}")) >> 12 ))
	echo "$pages of $total pages"
	[ "$pages" -lt $((total / 2)) ]
}

export_it() {
	export_to sci_round "$work/round" || return 1
	head -3 "$work/round"
	tail -1 "$work/round"
	[ "$(grep -v '^#' "$work/round" | head -1)" = 'asi-sci-profile 1' ] &&
	grep -qx "build-id $(build_id)" "$work/round" && grep -qx 'name sci_round' "$work/round" &&
	[ "$(tail -1 "$work/round")" = end ] && grep -q '^call 1 text 0x' "$work/round" &&
	grep -q '^call 1 data [a-z_:]* [rw]*$' "$work/round"
}

debugfs_says_the_same() {
	awk '/^asi-sci-profile/ { t = "" } { t = t $0 "\n" } /^end$/ { if (t ~ /\nname sci_round\n/) printf "%s", t }' \
		$SCI/text >"$work/read"
	[ -s "$work/read" ] && grep -v '^#' "$work/round" | diff - "$work/read"
}

import_it() {
	renamed sci_copy "$work/round" >"$work/copy"
	"$ASICTL" sci import "$work/copy" && export_to sci_copy "$work/again" &&
	diff "$work/copy" "$work/again" &&
	[ "$(profile_field sci_copy learned_pages)" = "$(profile_field sci_round learned_pages)" ]
}

import_again() {
	import_raw "$work/copy" && export_to sci_copy "$work/again" && diff "$work/copy" "$work/again"
}

enforced() { # PROFILE
	forget_violations
	do_job "$1" enforce && no_violations
}

# A call of which the profile says nothing: its text is judged as anybody's.
enforced_beyond() {
	forget_violations
	isolated_by sci_copy enforce "$BIN/calls" plain unix_sockets && no_violations
}

# ---- What cannot be imported --------------------------------------------------

unchanged() { cat $SCI/text $SCI/profiles | sed 's/ \(mapped_pages\|refused\|tasks\) [0-9]*//g'; }

refused() { # FILE ERROR [WORDS of import_error]
	unchanged >"$work/before"
	said=$(import_raw "$1") && { echo "accepted"; return 1; }
	echo "$said"
	cat $SCI/import_error
	unchanged | diff "$work/before" - || return 1
	printf '%s\n' "$said" | grep -q "$2" || return 1
	[ -z "${3:-}" ] || grep -q "$3" $SCI/import_error || return 1
	# And the tool says it, too.
	! "$ASICTL" sci import "$1" >"$work/tool" 2>&1 || return 1
	cat "$work/tool"
	[ -z "${3:-}" ] || grep -q "$3" "$work/tool"
}

# stale: the build id of another kernel
stale() {
	sed 's/^build-id ..../build-id ffff/' "$work/copy" >"$work/stale"
	refused "$work/stale" 'Stale file handle' &&
	grep -qi 'build.id' "$work/tool"
}

# malformed LINE TEXT: a profile of which that line is wrong
malformed() {
	{
		echo 'asi-sci-profile 1'
		echo "build-id $(build_id)"
		echo 'name sci_bad'
		echo 'call 0 text 0x1 0x3-0x5'
		echo 'call 0 data slab rw'
		echo 'end'
	} | awk -v n="$1" -v t="$2" 'NR == n { if (t != "-") print t; next } { print }' >"$work/bad"
	refused "$work/bad" 'Invalid argument' "line ${3:-$1}:" &&
	! grep -q '^profile sci_bad ' $SCI/profiles
}

well_formed() {
	{
		echo '# one that is right'
		echo 'asi-sci-profile 1'
		echo "build-id $(build_id)"
		echo 'name sci_good'
		echo 'call 0 text 0x1 0x3-0x5'
		echo 'call 0 text 0x9'
		echo 'call 0 data slab rw'
		echo 'end'
	} >"$work/good"
	import_raw "$work/good" && cat $SCI/import_error && export_to sci_good "$work/again" &&
	cat "$work/again" && [ "$(cat $SCI/import_error)" = - ] &&
	[ "$(profile_field sci_good learned_pages)" = 5 ]
}

in_use() {
	isolated_by sci_copy enforce sleep 60 &
	users=$!
	sleep 1
	refused "$work/copy" 'File exists'
	status=$?
	# It may be the tool's child.
	pkill -P $users sleep
	kill $users 2>/dev/null
	wait $users 2>/dev/null
	users=
	[ $status -eq 0 ] && sleep 1 && import_raw "$work/copy"
}

builtin_stays() {
	renamed default "$work/copy" >"$work/default"
	refused "$work/default" 'Operation not permitted'
}

too_long() {
	{
		cat "$work/copy"
		yes '# a comment that goes on and on, and is not worth the memory it takes' |
			head -c 33554432
	} >"$work/long"
	refused "$work/long" 'Argument list too long' 'longer than 4 MiB'
}

# ---- Merged -------------------------------------------------------------------

calls_of() { awk '$1 == "call" { print $2 }' "$1" | sort -un; }
# Each page that a profile lists, with its call.
pages_of() {
	awk '$1 == "call" && $3 == "text" { for (i = 4; i <= NF; i++) print $2, $i }' "$1" |
	while read -r call range; do
		first=$((${range%-*}))
		last=$((${range#*-}))
		while [ $first -le $last ]; do
			echo "$call $first"
			first=$((first + 1))
		done
	done | sort -u
}

merged() {
	isolated_by sci_one learn cat /proc/self/comm >/dev/null &&
	isolated_by sci_two learn "$BIN/calls" plain message_queue >/dev/null &&
	export_to sci_one "$work/one" && export_to sci_two "$work/two" &&
	"$ASICTL" sci merge -o "$work/both" "$work/one" "$work/two" || return 1
	{ pages_of "$work/one"; pages_of "$work/two"; } | sort -u >"$work/pages"
	pages_of "$work/both" | diff "$work/pages" - &&
	[ "$(calls_of "$work/both")" = "$( (calls_of "$work/one"; calls_of "$work/two") | sort -un)" ]
}

merged_with_itself() {
	"$ASICTL" sci merge -o "$work/same" "$work/one" "$work/one" || return 1
	pages_of "$work/one" >"$work/pages"
	pages_of "$work/same" | diff "$work/pages" -
}

merge_of_two_kernels() {
	! "$ASICTL" sci merge -o "$work/never" "$work/one" "$work/stale" 2>"$work/tool" &&
	cat "$work/tool" && grep -qi 'build.id' "$work/tool" && [ ! -e "$work/never" ]
}

import_merged() {
	renamed sci_both "$work/both" >"$work/import"
	"$ASICTL" sci import "$work/import" || return 1
	forget_violations
	[ "$(isolated_by sci_both enforce cat /proc/self/comm)" = cat ] && no_violations
}

# ---- Kinds of data that a profile does not list ---------------------------------

closed_kind() {
	grep -q '^call [0-9]* data slab' "$work/copy" || { echo "no slab in the profile"; return 1; }
	renamed sci_closed "$work/round" | sed '/^call [0-9]* data slab/d' >"$work/closed"
	"$ASICTL" sci import "$work/closed" || return 1
	forget_violations
	do_job sci_closed log || return 1
	cat $V
	grep -q '^violation .* kind slab access .* action logged ' $V
}

# What a lock, the scheduler or an interrupt touches was learnt or not by chance.
common_kinds() {
	renamed sci_bare "$work/round" |
	sed -E '/^call [0-9]+ data (own_stack|own_task|other_task|data|percpu|cpu_entry|irq_stack|fixmap|shadow|object|vmemmap) /d' >"$work/bare"
	lines() { grep -c '^call [0-9]* data ' "$1"; }
	echo "lines of data: $(lines "$work/round"), $(lines "$work/bare")"
	[ "$(lines "$work/bare")" -lt "$(lines "$work/round")" ] || return 1
	"$ASICTL" sci import "$work/bare" && enforced sci_bare
}

# ---------------------------------------------------------------------------

plan 37
check "a profile is learnt" learn
check "it has less than half of the kernel's text" learnt_is_less_than_everything
check "it is exported with this kernel's build id" export_it
check "debugfs says the same" debugfs_says_the_same
check "it is imported under another name" import_it
check "it can be imported again" import_again
check "enforced, it does for what it was learnt from" enforced sci_copy
check "and the one that was learnt, too" enforced sci_round
check "enforced, other calls are judged" enforced_beyond
check "the built-in profile does for the same" enforced default
check "another kernel's profile is refused" stale
check "a profile in use is not replaced" in_use
check "the built-in profile is not replaced" builtin_stays
check "too long a text is refused" too_long
check "comments, ranges and a call on two lines are read" well_formed
check "no header" malformed 1 - 1
check "another version's header" malformed 1 'asi-sci-profile 2'
check "no build id" malformed 2 - 3
check "short build id" malformed 2 'build-id 1234'
check "no name" malformed 3 - 3
check "a name that is none" malformed 3 'name a/b'
check "unknown word" malformed 4 'cull 0 text 0x1'
check "unknown word in a call" malformed 4 'call 0 test 0x1'
check "call out of range" malformed 4 'call 512 text 0x1'
check "page out of range" malformed 4 'call 0 text 0x10000'
check "page that is no number" malformed 4 'call 0 text 0xg'
check "range that runs backwards" malformed 4 'call 0 text 0x5-0x3'
check "unknown kind" malformed 5 'call 0 data slob rw'
check "unknown access" malformed 5 'call 0 data slab q'
check "no end" malformed 6 - 5
check "two profiles are merged" merged
check "a profile merged with itself is the same" merged_with_itself
check "profiles of two kernels are not merged" merge_of_two_kernels
check "what was merged can be enforced" import_merged
check "data of a kind that the profile does not list is refused" closed_kind
check "what locks and the scheduler use is the policy's alone" common_kinds
end() { domains_are_right && log_is_clean; }
check "no violation in asi/verify, no warning in the kernel's log" end
finish
