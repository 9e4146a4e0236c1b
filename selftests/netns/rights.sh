#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Who may isolate, and what becomes of payload that changes hands: sockets that are passed
# on, threads that change their namespace, namespaces that end, namespaces in namespaces,
# devices, and one tenant who takes all that he may have.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/netns.sh"

netns_is_on || skip_all "boot with asi=on netns_asi=on"
[ -e $N/break ] || skip_all "the kernel is without CONFIG_ASI_BREAK"
S=/proc/sys/net/asi/isolate
dir=$(mktemp -d)
trap 'echo none >$N/break; ip netns del rights 2>/dev/null; rm -rf "$dir"' EXIT

in_new() { unshare -n sh -c "$1"; }
an_admin_of_its_user_namespace_may() { unshare -Urn sh -c "echo 1 >$S && grep -qx 1 $S"; }
without_the_capability_root_may_not() {
	in_new "setpriv --bounding-set=-net_admin --inh-caps=-net_admin sh -c 'echo 1 >$S' 2>/dev/null; grep -qx 0 $S"
}
others_may_not() { in_new "setpriv --reuid=65534 --clear-groups sh -c 'echo 1 >$S' 2>/dev/null; grep -qx 0 $S"; }
what_is_locked_stays() {
	in_new "echo 2 >$S && ! echo 0 2>/dev/null >$S && ! echo 1 2>/dev/null >$S && grep -qx 2 $S"
}
bad_values_change_nothing() { in_new "! echo 3 2>/dev/null >$S && ! echo x 2>/dev/null >$S && grep -qx 0 $S"; }

# A namespace with a link to this one; what it sent over that is copied.  The server here
# is of the shell's language for such things.
border_bytes() { total border_bytes; }
make_link() {
	ip netns add rights && ip link add rights0 type veth peer name rights1 netns rights &&
		ip addr add 10.97.0.1/30 dev rights0 && ip link set rights0 up &&
		ip -n rights addr add 10.97.0.2/30 dev rights1 && ip -n rights link set rights1 up &&
		ip -n rights link set lo up && "$ASICTL" netns isolate rights
}
# cross KIND: 20,000 bytes arrive at the other end, as they were sent.
cross() {
	head -c 20000 /dev/urandom >"$dir/sent"
	rm -f "$dir/got"
	timeout 20 python3 - "$1" receive "$dir/got" <<-'END' &
	import socket, sys
	kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
	s = socket.socket(socket.AF_INET, kind)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind(("10.97.0.1", 4000))
	if kind == socket.SOCK_STREAM:
	    s.listen()
	    s = s.accept()[0]
	got = b""
	while len(got) < 20000:
	    got += s.recv(65536)
	open(sys.argv[3], "wb").write(got)
	END
	cross_pid=$!
	sleep 1
	timeout 20 ip netns exec rights python3 - "$1" "$dir/sent" <<-'END' || return
	import socket, sys
	kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
	s = socket.socket(socket.AF_INET, kind)
	s.connect(("10.97.0.1", 4000))
	s.sendall(open(sys.argv[2], "rb").read())
	END
	wait $cross_pid
	cmp "$dir/sent" "$dir/got"
}
crosses() { # KIND: and is copied
	before=$(border_bytes)
	cross "$1" && [ $(($(border_bytes) - before)) -ge 20000 ]
}
# The receiver acts for its own namespace: what was not copied it cannot read.
does_not_cross_unbroken() {
	echo border >$N/break
	! cross "$1" && crossed=0 || crossed=1
	echo none >$N/break
	return $crossed
}

# tenant WHAT: and its lines, while others send.
exhausts() {
	mkfifo "$dir/in" "$dir/out"
	"$BIN/tenants" exhaust <"$dir/in" >"$dir/out" &
	exhaust_pid=$!
	exec 6>"$dir/in" 7<"$dir/out"
	read -r line <&7 && [ "$line" = full ] || { echo "$line"; return 1; }
}
seconds() { read -r now _ </proc/uptime; echo "${now%.*}${now#*.}"; }
timed() {
	then=$(seconds)
	"$BIN/traffic" stream tcp 10000000 1 >/dev/null || return
	took=$(($(seconds) - then))
}
others_are_as_fast() {
	alone=$took
	timed || return
	echo "$alone and $took hundredths of a second"
	[ $took -le $((alone * 2 + 50)) ]
}
frees() {
	echo go >&6
	exec 6>&-
	wait $exhaust_pid || { cat <&7; return 1; }
}

plan 20
check "an_admin_of_its_user_namespace_may_isolate" an_admin_of_its_user_namespace_may
check "without_the_capability_root_may_not" without_the_capability_root_may_not
check "others_may_not" others_may_not
check "what_is_locked_stays" what_is_locked_stays
check "bad_values_change_nothing" bad_values_change_nothing
for what in pass threads across orphan nested; do
	check "tenants: $what" "$BIN/tenants" $what
done
check "a_link_to_an_isolated_namespace" make_link
for kind in tcp udp; do
	check "what_leaves_is_copied: $kind" crosses $kind
done
check "without_the_border_it_is_not_read" does_not_cross_unbroken udp
# All of this here: another shell could not wait for it.
timed
if exhausts; then
	ok "a_tenant_takes_all_that_it_may"
	check "others_are_as_fast" others_are_as_fast
	if frees; then
		ok "who_waits_in_poll_is_woken"
	else
		not_ok "who_waits_in_poll_is_woken"
	fi
else
	not_ok "a_tenant_takes_all_that_it_may"
	skip "others_are_as_fast"
	skip "who_waits_in_poll_is_woken"
fi
poll_without() {
	echo poll >$N/break
	echo | "$BIN/tenants" exhaust >/dev/null && polled=1 || polled=0
	echo none >$N/break
	return $polled
}
check "without_the_answer_of_poll_it_is_writable" poll_without
check "no_private_frame_is_elsewhere" netns_is_right
check "log_is_clean" log_is_clean
finish
