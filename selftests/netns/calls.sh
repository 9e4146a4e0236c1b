#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A tenant whose system calls are isolated and whose payload is private: granules and tables
# are made in the middle of isolated calls, and accessors go back into the call's domain.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/netns.sh"

netns_is_on || skip_all "boot with asi=on sci=on netns_asi=on"
isolated() { "$ASICTL" sci run --mode=enforce --profile=default --syscalls=all -- "$@"; }

plan 5
for kind in tcp unix; do
	check "isolated_streams_arrive_whole: $kind" isolated "$BIN/traffic" stream $kind 20000000 1
done
check "isolated_reads_of_the_files" isolated cat "$N"/namespaces "$N"/reserve "$N"/refused "$N"/verify
check "no_private_frame_is_elsewhere" netns_is_right
check "log_is_clean" log_is_clean
finish
