# SPDX-License-Identifier: GPL-2.0-only
#
# What the scripts build-upstream share, which build self tests of the kernel from its
# unmodified source.  Source it, set $out, define make_tests, call build_upstream.
# shellcheck shell=sh disable=SC2154

top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$top/build}
JOBS=${JOBS:-$(nproc)}
export BUILD
src=$BUILD/src/pristine

# A caller's make options are not for this build.
unset MAKEFLAGS MAKEOVERRIDES MFLAGS MAKELEVEL ARCH CROSS_COMPILE

# make_folder FOLDER OUTPUT ARGUMENT...: of self tests, with the kernel's headers.
make_folder() {
	folder=$1 output=$2
	shift 2
	make -s -j"$JOBS" -C "$folder" ARCH=x86 OUTPUT="$output" \
		INSTALL_HDR_PATH="$out/headers/usr" \
		KHDR_INCLUDES="-isystem $out/headers/usr/include" "$@"
}

# build_upstream NAME FILE...: make_tests into $out/tests, when the source, the script or
# a FILE has changed.  make_tests runs without `set -e`.
build_upstream() {
	name=$1
	shift
	"$top/linux/6.12/prepare" pristine
	key=$(cat "$src/.asi-source" "$0" "$top/selftests/lib/build-upstream.sh" "$@" |
		sha256sum | cut -c1-64)
	[ "$(cat "$out/.key" 2>/dev/null)" != "$key" ] || return 0

	rm -rf "$out"
	mkdir -p "$out/tests"
	echo "$name of the kernel: building with $JOBS jobs" >&2
	if ! {
		make -s -j"$JOBS" -C "$src" O="$out/headers" ARCH=x86 headers &&
		make_tests
	} >"$out/log" 2>&1; then
		tail -30 "$out/log" >&2
		echo "build-upstream: failed, see $out/log" >&2
		exit 1
	fi
	echo "$key" >"$out/.key"
}
