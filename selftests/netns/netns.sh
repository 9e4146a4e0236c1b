# SPDX-License-Identifier: GPL-2.0-only
#
# What the self tests of isolated network namespaces share; sourced after tap.sh.
# shellcheck shell=sh disable=SC2154,SC2034

N=$D/asi/netns
P=$D/asi_test/payload
BIN=${BIN:-$BUILD/selftest}

netns_is_on() { grep -qx 'netns on' /sys/kernel/asi/status 2>/dev/null; }

load_test_module() {
	[ -f "$KERNEL_DIR/asi-test/asi_test.ko" ] || skip_all "asi_test.ko is not built"
	insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"
}

# hold KIND COMPLEMENT SWITCH: traffic holds its bytes; say COMMAND and release follow.
hold() {
	hold_dir=$(mktemp -d)
	mkfifo "$hold_dir/in" "$hold_dir/out"
	"$BIN/traffic" hold "$1" "$2" "$3" <"$hold_dir/in" >"$hold_dir/out" &
	hold_pid=$!
	exec 8>"$hold_dir/in" 9<"$hold_dir/out"
	read -r hold_said <&9 && [ "$hold_said" = held ]
}
say() { echo "$*" >&8; read -r hold_said <&9 && [ "$hold_said" = "done" ]; }
# Its status: did it get its own bytes?
release() {
	echo end >&8
	exec 8>&- 9<&-
	wait "$hold_pid"
	hold_status=$?
	rm -rf "$hold_dir"
	return $hold_status
}

hits() { field hits "$(grep '^scan ' "$P")"; }
complement() { field complement "$(grep '^touch ' "$P")"; }

# The oracle finds no private frame where it should not be.
netns_is_right() {
	verdict=$(cat "$N/verify") || return
	case $verdict in
	*' flaws 0') ;;
	*)	printf '%s\n' "$verdict"
		return 1 ;;
	esac
}

# total KEY: of all namespaces.
total() { awk -v k="$1" '{ for (i = 1; i < NF; i++) if ($i == k) n += $(i + 1) } END { print n + 0 }' "$N/namespaces"; }
