#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A checkout below /tmp that cannot be written to, used by somebody who is not root, with
# BUILD= elsewhere; the same checkout after it was moved, with what was made.  In both a
# kernel from the cache runs self tests in QEMU and in Bochs.  The built base kernel is put
# into a cache of this test's own.  On the host; TAP.
#
# usage: places.sh
# shellcheck disable=SC2317 # functions that check calls
. "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1
built=$BUILD
unset BUILD MAKEFLAGS MAKEOVERRIDES MFLAGS MAKELEVEL

tmp=$(mktemp -d /tmp/asi-places-XXXXXX) || exit 1
trap 'rm -rf "$tmp"' EXIT
[ "$(id -u)" -eq 0 ] || skip_all "only root becomes somebody else"
ASI_CACHE=$tmp/cache BUILD=$built linux/6.12/build base --keep >"$tmp/log" 2>&1 ||
	skip_all "build/base is not built from this source: linux/6.12/build base"

git clone -q "$top" "$tmp/checkout" || exit 1
mkdir -p "$tmp/build/dl" "$tmp/home"
# Copies: another user's are not to be linked to.
cp "$built"/dl/*.deb "$tmp/build/dl/"
chmod 755 "$tmp"
chown -R 65534:65534 "$tmp/build" "$tmp/home" "$tmp/cache"

# nobody FOLDER COMMAND...: in that folder, as a user who may write to $tmp/build only.
nobody() {
	cd "$1" && shift &&
		env -i PATH="$PATH" HOME="$tmp/home" ASI_CACHE="$tmp/cache" ${here_build:+BUILD="$here_build"} \
			setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
makes_the_tools() { nobody "$1" make tools; }
takes_the_kernel() { nobody "$1" linux/6.12/build base; }
passes() { # CHECKOUT STEP...
	local checkout=$1
	shift
	nobody "$checkout" selftests/run "$@"
}
is_untouched() {
	local new
	new=$(git -C "$tmp/checkout" status --porcelain --ignored | grep -v __pycache__)
	[ -z "$new" ] || { echo "$new"; return 1; }
}

plan 7
here_build=$tmp/build
check "a checkout that is read-only makes the tools in BUILD" makes_the_tools "$tmp/checkout"
check "the kernel comes from the cache" takes_the_kernel "$tmp/checkout"
check "steps pass, in QEMU and in Bochs, below /tmp" passes "$tmp/checkout" policy vmx
check "nothing was written into the checkout" is_untouched

# With what was made, which then lies in build/.
chown -R 65534:65534 "$tmp/checkout"
mv "$tmp/build" "$tmp/checkout/build"
mv "$tmp/checkout" "$tmp/moved"
here_build=
check "after a move the tools are made anew" makes_the_tools "$tmp/moved"
kernel_names_its_place() {
	takes_the_kernel "$tmp/moved" &&
		[ "$(readlink "$tmp/moved/build/base/source")" = "$tmp/moved/build/src/patched" ]
}
check "the kernel names the place where it is now" kernel_names_its_place
check "a step passes there" passes "$tmp/moved" policy
finish
