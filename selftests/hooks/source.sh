#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build the base kernel from another version of the source package, in a folder of its
# own, and boot guests isolated in it.  TAP.
#
# usage: source.sh oldest|newest|VERSION     of those in linux/6.12/known-good
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
package=linux-source-6.12
sources=${ASI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/asi-linux}/sources

case ${1:-} in
oldest)	version=$(sort -V linux/6.12/known-good | head -1) ;;
newest)	version=$(sort -V linux/6.12/known-good | tail -1) ;;
?*)	version=$1 ;;
*)	echo 'usage: source.sh oldest|newest|VERSION' >&2; exit 2 ;;
esac
if ! grep -qxF "$version" linux/6.12/known-good; then
	echo "source.sh: $version is not in linux/6.12/known-good" >&2
	exit 2
fi

# The archive that prepare sees has this version only.
mkdir -p "$sources"
deb=$sources/${package}_${version}_all.deb
if [ ! -f "$deb" ]; then
	(cd "$sources" && apt-get -o APT::Sandbox::User=root -qq download "$package=$version") || exit 1
fi
out=${BUILD:-$top/build}/source-$version
mkdir -p "$out/archive"
ln -sf "$deb" "$out/archive/"

echo 1..2
if ! BUILD=$out ASI_ARCHIVE=$out/archive linux/6.12/build base >&2; then
	echo "not ok 1 - $version builds"
	exit 1
fi
echo "ok 1 - $version builds"

# One processor: see "Interrupts of nested guests under TCG" in Documentation/emulators.rst.
tools/vm/run --accel=tcg --tcg-thread=single --smp=1 --mem=2G --timeout=900 \
	--kernel="$out/base" --append='asi=on pty.legacy_count=0' --log="$out/console.log" \
	--env=KERNEL_DIR="$out/base" --env=IMAGE="$out/base/arch/x86/boot/bzImage" \
	-- selftests/kvm/boot.sh 1 1 >"$out/boot.tap" 2>&1
status=$?
sed 's/^/# /' "$out/boot.tap"
if [ $status -eq 0 ] && grep -q '^ok' "$out/boot.tap" && ! grep -q '^not ok' "$out/boot.tap"; then
	echo "ok 2 - a guest boots isolated in it"
else
	echo "not ok 2 - a guest boots isolated in it"
	exit 1
fi
