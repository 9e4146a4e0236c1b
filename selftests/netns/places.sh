#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Who touches payload, outside of the accessors?  With netns_policy=log every touch is
# let in and logged with its place and its context.
#
# The places are printed.  More than a few, or any driver, means that an accessor is
# missing or that the border has a hole.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/netns.sh"

netns_is_on || skip_all "boot with asi=on netns_asi=on netns_policy=log"

places() { awk '$1 == "refused" { for (i = 2; i < NF; i += 2) v[$i] = $(i + 1); print v["symbol"], v["context"], v["access"] }' $N/refused | sort | uniq -c; }

plan 12
echo clear >$N/refused
for kind in tcp unix dgram udp udpfrag udpcork raw rawicmp rawhdr packet; do
	check "streams_arrive_whole: $kind" "$BIN/traffic" stream $kind 10000000 1
done
note "$(places)"
# The self tests of the kernel and servers are run by hand before this, and add to it.
check "no_place_but_accessors_touches_payload" test "$(places | wc -l)" -eq 0
check "log_is_clean" log_is_clean
finish
