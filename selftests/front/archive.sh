#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel from the cache serves as one that was built: modules are built against it and
# load, its manifest, packages and checks are made.  The built base kernel is put into a
# cache of this test's own and restored into another folder.  On the host; TAP.
#
# usage: archive.sh
# shellcheck disable=SC2317 # functions that check calls
. "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1

build=$top/linux/6.12/build
tmp=$(mktemp -d "$BUILD/archive-test-XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
export BUILD
unset MAKEFLAGS MAKEOVERRIDES MFLAGS MAKELEVEL

ASI_CACHE=$tmp/cache BUILD=$BUILD "$build" base --keep >"$tmp/log" 2>&1 ||
	skip_all "build/base is not built from this source: linux/6.12/build base"
linux/6.12/prepare patched || exit 1
archive=$(ls "$tmp"/cache/kernel-base-*.tar.zst)
original=$BUILD/base
# What is not the kernel's is as it was.
mkdir -p "$tmp/build/host" "$tmp/empty"
ln -s "$BUILD/src" "$BUILD/dl" "$tmp/build/"
cp -a "$BUILD/host/asictl" "$BUILD/host/minivm" "$BUILD/host/vm" "$tmp/build/host/" ||
	skip_all "the tools are not built: make tools"
ln -s "$BUILD/dl" "$tmp/empty/"
kernel=$tmp/build/base

restored() { # BUILD
	ASI_CACHE=$tmp/cache BUILD=$1 "$build" base --cached
}

mkdir -p "$tmp/module"
echo 'obj-m := front.o' >"$tmp/module/Makefile"
cat >"$tmp/module/front.c" <<'END'
// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>
#include <asi/asi.h>

static int __init front_init(void)
{
	pr_info("front: isolation is %s\n", asi_enabled() ? "on" : "off");
	return 0;
}

static void __exit front_exit(void)
{
}

module_init(front_init);
module_exit(front_exit);
MODULE_LICENSE("GPL");
END

names_its_own_source() {
	[ "$(readlink "$kernel/source")" = "$tmp/build/src/patched" ] &&
		grep -qxF "include $tmp/build/src/patched/Makefile" "$kernel/Makefile"
}
without_source_one_line_says_so() {
	restored "$tmp/empty" && ! make -C "$tmp/empty/base" M="$tmp/module" modules >"$tmp/out" 2>&1 &&
		grep -F "no source in $tmp/empty/src/patched: linux/6.12/prepare patched" "$tmp/out"
}
module_is_built() { make -C "$kernel" M="$tmp/module" modules && [ -f "$tmp/module/front.ko" ]; }
boots_and_loads_modules() {
	tools/vm/run --accel=tcg --tcg-thread=single --kernel="$kernel" --mem=1G --timeout=300 \
		--append=asi=on --env=MODULE="$tmp/module/front.ko" --env=KERNEL_DIR="$kernel" -- \
		sh -c 'insmod $KERNEL_DIR/asi-test/asi_test.ko && insmod $MODULE && dmesg | grep front:' |
		grep 'front: isolation is on'
}
manifest_is_made() {
	"$BUILD/host/asictl/asictl" manifest build "$kernel/vmlinux" -o "$tmp/restored.manifest" &&
		"$BUILD/host/asictl/asictl" manifest build "$original/vmlinux" -o "$tmp/manifest" &&
		cmp "$tmp/manifest" "$tmp/restored.manifest"
}
sparse_finds_the_compiler_calls() {
	# What sparse finds is not this test's.
	BUILD=$tmp/build tools/check sparse >"$tmp/out" 2>&1
	cat "$tmp/out"
	grep -E '[0-9][0-9] files' "$tmp/out" && ! grep -e 'no compiler call' -e skipped "$tmp/out"
}
# Other files are read of parts of which a kernel has only some.
readers_reads_as_many_files() {
	tools/check.d/readers.py "$BUILD/src/pristine" "$original" >"$tmp/of-original" &&
		tools/check.d/readers.py "$BUILD/src/pristine" "$kernel" >"$tmp/of-restored" &&
		diff "$tmp/of-original" "$tmp/of-restored"
}
packages_are_made() {
	BUILD=$tmp/build tools/make-deb base >&2 &&
		[ "$(ls "$tmp"/build/deb/*.deb | wc -l)" = 3 ] &&
		dpkg-deb --contents "$tmp"/build/deb/linux-headers-*.deb >"$tmp/headers" &&
		grep -q 'scripts/mod/modpost$' "$tmp/headers" && grep -q 'tools/objtool/objtool$' "$tmp/headers"
}
# What a build folder holds that is of another state is no reason to build.
restored_one_is_replaced() {
	echo other >"$kernel/.asi-key"
	[ "$(restored "$tmp/build")" = 'kernel base: from the cache' ]
}
damaged_archive_is_named() {
	truncate -s -1M "$archive"
	rm -rf "$tmp/empty/base"
	restored "$tmp/empty" >"$tmp/out" 2>&1
	[ $? -eq 3 ] && cat "$tmp/out" &&
		grep -qxF "build: $archive cannot be read: not used" "$tmp/out" &&
		[ ! -e "$tmp/empty/base" ] && [ ! -e "$tmp/empty/base.tmp" ]
}

plan 11
check "a built kernel is kept and restored" restored "$tmp/build"
check "the restored folder names this source" names_its_own_source
check "without a source one line says so" without_source_one_line_says_so
check "a module is built against it" module_is_built
check "it boots and loads modules" boots_and_loads_modules
check "the manifest of its text is that of the original" manifest_is_made
check "sparse finds how its files were compiled" sparse_finds_the_compiler_calls
check "readers of text are looked for in the same files" readers_reads_as_many_files
check "packages are made of it" packages_are_made
check "a restored kernel of another state is replaced from the cache" restored_one_is_replaced
check "a damaged archive is named and not used" damaged_archive_is_named
finish
