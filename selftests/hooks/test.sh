#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The hooks find their places, or name the place that is missing and touch nothing.
# On the host, with the files that hooks touch instead of a whole source, and with
# packages made of them instead of Debian's.  No network.  TAP.
#
# usage: test.sh [SOURCE]    a 6.12 source, default $BUILD/src/pristine
# shellcheck disable=SC2317 # functions that check calls
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
source=${1:-${BUILD:-$top/build}/src/pristine}
prepare=$top/linux/6.12/prepare
weave=$top/linux/6.12/weave.py
package=linux-source-6.12
good=$(sort -V "$top/linux/6.12/known-good" | tail -1)

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset KSRC ASI_ARCHIVE
export BUILD=$tmp/build

count=0
bad=0

# result STATUS NAME: a line of TAP, and for a failure what was printed.
result() {
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		sed 's/^/# /' "$tmp/out"
		bad=1
	fi
}

# check NAME COMMAND...
check() {
	local name=$1
	shift
	"$@" >"$tmp/out" 2>&1
	result $? "$name"
}

# fresh: the files as they are, in $tmp/tree.
fresh() {
	rm -rf "$tmp/tree" "$BUILD"
	cp -r "$tmp/files" "$tmp/tree"
}

# edit FILE SED-EXPRESSION, which has to change something.
edit() {
	cp "$tmp/tree/$1" "$tmp/before"
	sed -i -E "$2" "$tmp/tree/$1"
	! cmp -s "$tmp/tree/$1" "$tmp/before"
}

# refused WORD...: prepare fails, prints a line with all the words, and leaves no tree.
refused() {
	if KSRC=$tmp/tree "$prepare" patched >"$tmp/out" 2>&1; then
		return 1
	fi
	local lines word
	lines=$(cat "$tmp/out")
	for word; do
		lines=$(grep -F -- "$word" <<<"$lines") || return 1
	done
	[ ! -e "$BUILD/src/patched" ] && [ ! -e "$BUILD/src/patched.tmp/.asi-source" ]
}

# make_package VERSION: of $tmp/tree, into $tmp/archive.
make_package() {
	local root=$tmp/package
	rm -rf "$root"
	mkdir -p "$root/DEBIAN" "$root/usr/src" "$tmp/archive"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: test <test@localhost>\nDescription: test\n' \
		"$package" "$1" >"$root/DEBIAN/control"
	tar -C "$tmp" --transform "s|^tree|$package|" -c tree | xz -0 \
		>"$root/usr/src/$package.tar.xz"
	dpkg-deb -Znone --build --root-owner-group "$root" \
		"$tmp/archive/${package}_$1_all.deb" >/dev/null
}

if [ ! -d "$source" ]; then
	echo "1..0 # SKIP no source in $source: linux/6.12/prepare pristine"
	exit 4
fi
echo "TAP version 13"
mkdir -p "$tmp/files"
(cd "$source" && "$weave" files | xargs cp --parents -t "$tmp/files")
# The one of a package is read-only.
chmod -R u+w "$tmp/files"

fresh
check "every_hook_finds_its_place" "$weave" check "$tmp/tree"
check "hooks_stay_within_their_lines" "$weave" count "$tmp/tree" --check

prepared() {
	KSRC=$1 "$prepare" patched && grep -q 'guard(asi_unrestricted)' \
		"$BUILD/src/patched/mm/gup.c" && [ -L "$BUILD/src/patched/asi" ]
}
check "a_folder_is_prepared" prepared "$tmp/tree"
rm -rf "$BUILD"
tar -C "$tmp" -czf "$tmp/source.tar.gz" tree
check "a_tarball_is_prepared" prepared "$tmp/source.tar.gz"

# The overlay that a moved checkout's tree leads to is its own.
leads_home() {
	local folder
	for folder in asi kvm-asi sci netns-asi asi-test; do
		[ "$(readlink -f "$1/build/src/patched/$folder")" = \
			"$1/${folder/#asi-test/selftests/asi/module}" ] || { ls -l "$1/build/src/patched/$folder"; return 1; }
	done
}
moves() {
	local old=$tmp/checkout new=$tmp/moved
	mkdir -p "$old/linux" "$old/selftests/asi" &&
	cp -r "$top/linux/6.12" "$old/linux/" && cp -r "$top/tools" "$old/" &&
	cp -r "$top/selftests/asi/module" "$old/selftests/asi/" &&
	cp -r "$top/asi" "$top/kvm-asi" "$top/sci" "$top/netns-asi" "$old/" || return
	BUILD='' KSRC=$tmp/source.tar.gz "$old/linux/6.12/prepare" patched && leads_home "$old" || return
	mv "$old" "$new" && leads_home "$new" || return
	# As another version or another hand made them.
	ln -sfn "$old/sci" "$new/build/src/patched/sci"
	BUILD='' KSRC=$tmp/source.tar.gz "$new/linux/6.12/prepare" patched && leads_home "$new"
}
check "a_checkout_that_was_moved_keeps_its_overlay" moves

same_time() {
	local one two
	one=$(stat -c %y "$BUILD/src/patched/mm/gup.c")
	# As if the lists had been others.
	sed -i 's/ .*/ other/' "$BUILD/src/patched/.asi-source"
	echo mine >>"$BUILD/src/patched/mm/rmap.c"
	KSRC=$tmp/source.tar.gz "$prepare" patched || return
	two=$(stat -c %y "$BUILD/src/patched/mm/gup.c")
	[ "$one" = "$two" ] && ! grep -q mine "$BUILD/src/patched/mm/rmap.c"
}
check "other_lists_change_only_the_files_that_come_out_different" same_time

fresh
edit mm/gup.c 's/\bgup_fast\(/gup_quick(/' &&
	refused mm/gup.c 'gup_fast()' 'not found'
result $? "a_renamed_function_with_a_gate_is_named"

fresh
printf '\nstatic int gup_fast(int x)\n{\n\treturn x;\n}\n' >>"$tmp/tree/mm/gup.c"
refused mm/gup.c 'gup_fast()' 'found 2 times'
result $? "a_function_that_is_there_twice_is_named"

fresh
edit arch/x86/mm/fault.c 's/prefetchw\(&current->mm->mmap_lock\);//' &&
	refused arch/x86/mm/fault.c 'DEFINE_IDTENTRY_RAW_ERRORCODE(exc_page_fault)' prefetchw
result $? "a_removed_statement_of_a_hook_is_named"

fresh
edit kernel/entry/common.c 's/^(\t__nmi_exit\(\);)$/\1\n\1/' &&
	refused kernel/entry/common.c 'irqentry_nmi_exit()' '__nmi_exit();' 'found 2 times'
result $? "a_statement_that_is_there_twice_is_named"

fresh
rm "$tmp/tree/fs/select.c"
refused fs/select.c 'no such file'
result $? "a_missing_file_is_named"

fresh
edit mm/gup.c 's/\bgup_fast\(/gup_quick(/' &&
	edit fs/exec.c 's/\bcopy_strings\(/copy_texts(/' &&
	refused mm/gup.c && grep -q 'fs/exec.c: copy_strings()' "$tmp/out"
result $? "every_missing_place_is_named_at_once"

keeps() {
	KSRC=$tmp/tree "$prepare" patched || return
	edit mm/gup.c 's/\bgup_fast\(/gup_quick(/' || return
	! KSRC=$tmp/tree "$prepare" patched && grep -q 'gup_fast(' "$BUILD/src/patched/mm/gup.c"
}
fresh
check "a_tree_that_was_made_stays_when_the_next_source_does_not_fit" keeps

fresh
edit virt/kvm/kvm_main.c 's/^\tkvm_activate_memslot\(kvm, invalid_slot, old\);/\n\n&\n/;
	s/kvm_flush_shadow_all\(kvm\);/kvm_flush_shadow_all(\n\t\tkvm); \/* moved *\//' &&
	edit mm/gup.c '1i /* more lines above */\n'
check "moved_and_rewrapped_code_still_fits" "$weave" check "$tmp/tree"

shows() {
	KSRC=$tmp/tree "$prepare" patched || return
	echo '/* mine */' >>"$BUILD/src/patched/mm/gup.c"
	"$weave" diff "$tmp/tree" "$BUILD/src/patched" >"$tmp/diff"
	cat "$tmp/diff"
	[ "$(grep -c '^+[^+]' "$tmp/diff")" = 1 ] && grep -qxF '+/* mine */' "$tmp/diff"
}
fresh
check "an_edited_tree_shows_what_was_edited" shows

# The archive: a version that is known to fit, and newer ones.
fresh
make_package "$good"
KSRC='' ASI_ARCHIVE=$tmp/archive "$prepare" id >"$tmp/out" 2>&1 &&
	[ -f "$BUILD/dl/${package}_${good}_all.deb" ]
result $? "the_newest_package_is_taken"

fresh
make_package 6.12.998-1
KSRC='' ASI_ARCHIVE=$tmp/archive "$prepare" patched >"$tmp/out" 2>&1 &&
	[ -f "$BUILD/dl/${package}_6.12.998-1_all.deb" ] &&
	grep -q 'guard(asi_unrestricted)' "$BUILD/src/patched/mm/gup.c" &&
	! grep -q 'does not fit' "$tmp/out"
result $? "a_newer_package_that_fits_is_taken"

fresh
edit mm/gup.c 's/\bgup_fast\(/gup_quick(/'
make_package 6.12.999-1
KSRC='' ASI_ARCHIVE=$tmp/archive "$prepare" patched >"$tmp/out" 2>&1 &&
	[ "$(grep -c 'does not fit' "$tmp/out")" = 1 ] &&
	grep 'does not fit' "$tmp/out" | grep -F 'mm/gup.c: gup_fast()' | grep -qF "$good" &&
	grep -q 'gup_fast(' "$BUILD/src/patched/mm/gup.c"
result $? "when_the_newest_does_not_fit_the_newest_known_to_fit_is_taken"

KSRC='' ASI_ARCHIVE=$tmp/archive "$prepare" patched >"$tmp/out" 2>&1 && [ ! -s "$tmp/out" ]
result $? "the_choice_is_said_once"

rm -rf "$BUILD"
rm "$tmp/archive/${package}_$good"* "$tmp/archive/${package}_6.12.998"*
! KSRC='' ASI_ARCHIVE=$tmp/archive "$prepare" patched >"$tmp/out" 2>&1 &&
	grep -F '6.12.999-1 does not fit' "$tmp/out" | grep -qF 'mm/gup.c: gup_fast()' &&
	[ ! -e "$BUILD/src" ]
result $? "when_nothing_fits_the_place_is_named"

echo "1..$count"
exit $bad
