#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is missing, and where a checkout cannot be used, is told in one line; what a checkout
# made before it was moved is made anew; a hangup that is ignored ends no test.  On the
# host, without a network; TAP.
#
# usage: front.sh
# shellcheck disable=SC2317 # functions that check calls
. "$(dirname "$0")/../lib/tap.sh"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
unset MAKEFLAGS MAKEOVERRIDES MFLAGS MAKELEVEL KSRC
built=$BUILD
unset BUILD

# says WORDS COMMAND...: the command fails and prints one line, which has the words.
says() {
	local words=$1
	shift
	if "$@" >"$tmp/out" 2>&1; then
		echo "$* succeeds"
		return 1
	fi
	# What shows that something takes long is no part of it.
	sed -i '/^fetching .*, [0-9 min]* s$/d' "$tmp/out"
	cat "$tmp/out"
	[ "$(wc -l <"$tmp/out")" -eq 1 ] && grep -qF -- "$words" "$tmp/out"
}

# copy FOLDER: the front door, without what it opens to.
copy() {
	mkdir -p "$1" && cp -r "$top/Makefile" "$top/tools" "$top/linux" "$1/" && mkdir "$1/selftests" &&
		cp "$top"/selftests/run* "$top/selftests/steps.py" "$1/selftests/"
}

# doors FOLDER: in a path with a space each says that, and makes nothing.
doors() {
	local words='has a space or a colon'
	copy "$1" && cd "$1" && says "$words" make help && says "$words" make clean &&
		says "$words" selftests/run hooks && says "$words" tools/vm/run -- true &&
		says "$words" linux/6.12/build base && says "$words" linux/6.12/prepare &&
		says "$words" tools/check && [ ! -e build ]
}
elsewhere_with_a_space() {
	says 'has a space or a colon' make -C "$top" --no-print-directory "BUILD=$tmp/a b" help
}

space() { says 'needs 999999999 MiB' "$top/tools/lib/need-space" "$tmp/no/such/folder" 999999999 it; }
enough_space() { "$top/tools/lib/need-space" "$tmp/no/such/folder" 1 it; }

no_network() {
	mkdir -p "$tmp/nothing"
	says 'cannot download linux-source-6.12' env BUILD="$tmp/b" ASI_ARCHIVE="$tmp/nothing" ASI_CACHE= \
		"$top/linux/6.12/build" base && [ ! -e "$tmp/b/base" ]
}
no_cached_kernel_without_a_source() {
	env BUILD="$tmp/b" ASI_ARCHIVE="$tmp/nothing" ASI_CACHE= "$top/linux/6.12/build" base --cached
	[ $? -eq 3 ]
}

without_sudo() {
	rm -rf "$tmp/few"
	mkdir "$tmp/few"
	for name in sh bash env dpkg-query apt-get mktemp; do
		ln -s "$(command -v $name)" "$tmp/few/"
	done
	printf '#!/bin/sh\necho 1000\n' >"$tmp/few/id"
	chmod +x "$tmp/few/id"
	says 'not root and no sudo; run as root: apt-get install no-such-package-of-ours' \
		env PATH="$tmp/few" "$top/tools/install-packages" no-such-package-of-ours
}
no_debian() {
	rm -f "$tmp/few/apt-get"
	says 'not a Debian system; these packages are needed: no-such-package-of-ours' \
		env PATH="$tmp/few" "$top/tools/install-packages" no-such-package-of-ours
}
not_to_be_had() {
	mkdir -p "$tmp/apt"
	printf '#!/bin/sh\necho "E: Unable to locate package no-such-package-of-ours" >&2\nexit 100\n' \
		>"$tmp/apt/apt-get"
	cp "$tmp/apt/apt-get" "$tmp/apt/sudo"
	chmod +x "$tmp/apt/apt-get" "$tmp/apt/sudo"
	PATH=$tmp/apt:$PATH "$top/tools/install-packages" no-such-package-of-ours >"$tmp/out" 2>&1
	[ $? -eq 1 ] || return
	cat "$tmp/out"
	grep -v '^installing:' "$tmp/out" >"$tmp/said"
	[ "$(wc -l <"$tmp/said")" -eq 1 ] && grep -q \
		'could not install: no-such-package-of-ours: E: Unable to locate' "$tmp/said"
}

# made FOLDER: an object that a checkout in this folder makes.
made() {
	make -s -C "$1" && cat "$1/out/object.o"
}
moved() {
	mkdir -p "$tmp/one/tools/lib" && cp "$top/tools/lib/place.mk" "$tmp/one/tools/lib/" || return
	printf '%s\n' 'OUT := $(CURDIR)/out' 'include tools/lib/place.mk' \
		'$(OUT)/object.o: ; @echo $(CURDIR) >$@' '-include $(OUT)/object.d' >"$tmp/one/Makefile"
	[ "$(made "$tmp/one")" = "$tmp/one" ] || return
	echo "out/object.o: $tmp/one/gone.cc" >"$tmp/one/out/object.d"
	mv "$tmp/one" "$tmp/two"
	[ "$(made "$tmp/two")" = "$tmp/two" ] && [ ! -e "$tmp/two/out/object.d" ] || return
	# In the same place it stays.
	touch "$tmp/two/out/object.d"
	[ "$(made "$tmp/two")" = "$tmp/two" ] && [ -e "$tmp/two/out/object.d" ]
}

hangup() {
	(trap '' HUP INT QUIT && "$built/host/asictl/asictl-test" --gtest_brief=1 \
		--gtest_filter='TerminalTest.*signals*:TerminalTest.*goes_away*')
}

plan 11
check "in a path with a space each door says so" doors "$tmp/a folder"
check "a build folder with a space is refused" elsewhere_with_a_space
check "what needs more space than there is says so" space
check "what has space goes on" enough_space
check "without a network the source is named" no_network
check "and no cached kernel is taken" no_cached_kernel_without_a_source
check "without root and sudo the packages are named" without_sudo
check "without apt-get the packages are named" no_debian
check "a package that cannot be had is named with apt's reason" not_to_be_had
check "what was made before a checkout was moved is made anew" moved
if [ -x "$built/host/asictl/asictl-test" ]; then
	check "under nohup the tests of signals pass" hangup
else
	skip "under nohup the tests of signals pass: asictl's tests are not built"
fi
finish
