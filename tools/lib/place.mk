# SPDX-License-Identifier: GPL-2.0-only
#
# Objects, and the lists of what they depend on, name files by their absolute paths.  Those
# that a checkout made before it was moved, or that were copied with it, are none of this
# one's.  Set OUT to their folder before this is included.

place := $(realpath $(dir $(lastword $(MAKEFILE_LIST)))/../..)
ifneq ($(shell cat $(OUT)/.place 2>/dev/null),$(place))
$(shell mkdir -p $(OUT) && find $(OUT) '(' -name '*.o' -o -name '*.d' -o -name '*.gc??' ')' -delete && \
	echo $(place) >$(OUT)/.place)
endif
