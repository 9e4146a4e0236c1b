# SPDX-License-Identifier: GPL-2.0-only
#
# What the self tests of system-call isolation share; sourced after tap.sh.
# shellcheck shell=sh disable=SC2154

V=$D/asi/sci/violations
BIN=${BIN:-$BUILD/selftest}

sci_is_on() { grep -qx 'sci on' /sys/kernel/asi/status 2>/dev/null; }

# isolated MODE COMMAND...: all its system calls, by the built-in profile.
isolated() { isolated_by default "$@"; }
isolated_by() { # PROFILE MODE COMMAND...
	by=$1 mode=$2
	shift 2
	"$ASICTL" sci run "--mode=$mode" "--profile=$by" --syscalls=all -- "$@"
}

forget_violations() { echo clear >$V; }
no_violations() { ! grep . $V; }

# profile_field NAME KEY: of that profile's line.
profile_field() { field "$2" "$(grep "^profile $1 " $D/asi/sci/profiles)"; }

build_id() { "$BIN/calls" build_id; }

# Loopback is down in a fresh test machine.
loopback_up() { "$BIN/calls" loopback_up; }

# What is killed here shows in the log, and what follows is tested all the same.
survive_oopses() { echo 0 >/proc/sys/kernel/panic_on_oops; }

# Between the two calls must have run isolated, and most of them to their end.  A machine
# that runs meanwhile leaves, too.
count_isolated() { entered=$(asi_stat enter) left=$(asi_stat leave_fault); }
were_isolated() {
	inside=$(($(asi_stat enter) - entered)) outside=$(($(asi_stat leave_fault) - left))
	[ $inside -gt 0 ] && [ $((2 * outside)) -le $inside ] ||
		{ echo "of $inside isolated calls $outside left"; return 1; }
}
