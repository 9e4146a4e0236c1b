#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Isolated programs while the kernel is traced, probed and changed: they say what they
# say otherwise, nothing is refused, and attacks are stopped as ever.  Each time with
# tables that are empty, so that all text is validated anew.
#
# usage: tracing.sh [quick]
. "$(dirname "$0")/../lib/tap.sh"
. "$here/sci.sh"

quick=${1:-}
trace=/sys/kernel/tracing
asi_test=$D/asi_test

sci_is_on || skip_all "system-call isolation is off"
[ -x "$BIN/tracing" ] || skip_all "build/selftest/tracing is not built"
[ -f "$KERNEL_DIR/asi-test/asi_test.ko" ] || skip_all "asi_test.ko is not built"
[ -d $trace/events ] || mount -t tracefs none $trace || skip_all "no tracefs"
insmod "$KERNEL_DIR/asi-test/asi_test.ko" || skip_all "cannot load asi_test.ko"

work=$(mktemp -d)
disturbing=
trap 'stop_disturbing; quiet; rmmod asi_test; rm -rf "$work"' EXIT
survive_oopses
loopback_up
chmod 755 "$work"
echo prepare >$asi_test/attack || skip_all "the attacks find no targets"
dmesg -C

# ---- What runs ---------------------------------------------------------------

cat >"$work/shell.sh" <<'END'
seq 1 300 >n; sort -rn n | head -2; cat n n | wc -l; mkdir -p d/e; cp n d/e; ls -R | wc -l
(exit 3); echo $?; mkfifo f; { echo through >f; } & cat f; wait
dd if=/dev/zero of=z bs=64k count=4 2>/dev/null; stat -c %s z; ln -s z l; readlink l
for i in 1 2 3 4 5; do /bin/true; done; grep -c . /proc/self/maps >/dev/null; rm -r d n z l f; ls -A
END
cat >"$work/python.py" <<'END'
import mmap, os, select, socket, subprocess, threading
with open("m", "w+b") as f:
    f.write(bytes(range(256)) * 64)
    f.flush()
    with mmap.mmap(f.fileno(), 0) as m:
        print(sum(m[:4096]))
server = socket.create_server(("127.0.0.1", 0))
def serve():
    peer, _ = server.accept()
    with peer:
        while part := peer.recv(65536):
            peer.sendall(part.upper())
t = threading.Thread(target=serve)
t.start()
with socket.create_connection(server.getsockname()) as c:
    c.sendall(b"hello" * 1000)
    c.shutdown(socket.SHUT_WR)
    got = b""
    while part := c.recv(65536):
        got += part
t.join()
print(len(got), got[:5])
r, w = os.pipe()
os.write(w, b"x")
print(select.select([r], [], [], 1)[0] == [r])
print(subprocess.run(["/bin/echo", "sub"], capture_output=True, text=True).stdout)
os.unlink("m")
END
cat >"$work/sqlite.sh" <<'END'
sqlite3 db "create table t(a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 300)
insert into t select i, hex(i * 7919) from n; select count(*), sum(length(b)) from t;"; rm db
END
cat >"$work/redis.sh" <<'END'
redis-server --port 7777 --bind 127.0.0.1 --save '' --daemonize yes --pidfile "$PWD/pid" >/dev/null
sleep 1; redis-cli -p 7777 set k v; redis-cli -p 7777 get k; redis-cli -p 7777 shutdown; rm -f pid
END
cat >"$work/all.sh" <<'END'
here=$1
sh "$here/shell.sh"
! command -v python3 >/dev/null || python3 -S -E "$here/python.py"
! command -v sqlite3 >/dev/null || sh "$here/sqlite.sh"
! command -v redis-server >/dev/null || sh "$here/redis.sh"
echo "status $?"
END
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH HOME="$work" LC_ALL=C PYTHONDONTWRITEBYTECODE=1

# with_watch COMMAND...: what runs the command, for instance "tracing".
watch=
with_watch() {
	# shellcheck disable=SC2086
	$watch "$@"
}

# A profile that lists nothing has tables of its own, empty in the beginning.
profiles=0
fresh_profile() {
	profiles=$((profiles + 1))
	profile=fresh$profiles
	printf 'asi-sci-profile 1\nbuild-id %s\nname %s\nend\n' "$(build_id)" $profile \
		>$D/asi/sci/text
}

run_in() { # FOLDER COMMAND...
	rm -rf "${work:?}/$1"
	mkdir "$work/$1"
	(cd "$work/$1" && shift && timeout 300 "$@" 2>&1)
}

# programs_run: they say the same, isolated, and nothing is recorded.
programs_run() {
	[ -f "$work/plain.out" ] || run_in plain sh "$work/all.sh" "$work" >"$work/plain.out"
	grep -q 'status 0' "$work/plain.out" || { cat "$work/plain.out"; return 1; }
	forget_violations
	fresh_profile
	count_isolated
	with_watch "$ASICTL" sci run --mode=enforce "--profile=$profile" --syscalls=all -- \
		timeout 300 sh -c 'cd "$0" && exec sh "$1/all.sh" "$1"' \
		"$(mktemp -d -p "$work")" "$work" >"$work/isolated.out" 2>&1
	diff "$work/plain.out" "$work/isolated.out"
	same=$?
	no_violations && [ $same = 0 ] && were_isolated
}

# The shell says so itself if it survives.
# shellcheck disable=SC2016
fire='echo "$0" >/sys/kernel/debug/asi_test/attack; echo "survived $?"'
attacks_are_stopped() { # ATTACK...
	for attack; do
		forget_violations
		fresh_profile
		said=$(isolated_by $profile enforce sh -c "$fire" $attack 2>&1)
		grep -q "^violation .* call 1 kind .* access x .* action killed " $V &&
		[ "$(grep -c . $V)" = 1 ] && [ "${said%survived*}" = "$said" ] || {
			echo "$attack: $said"
			cat $V
			return 1
		}
	done
	forget_violations
}

# ---- What disturbs -----------------------------------------------------------

quiet() {
	echo nop >$trace/current_tracer
	echo >$trace/set_ftrace_filter
	echo none >$asi_test/patch
	echo 0 >$trace/events/enable
	for events in kprobe_events dynamic_events; do
		[ ! -e $trace/$events ] || echo >$trace/$events
	done
	[ ! -e /proc/sys/debug/kprobes-optimization ] || echo 1 >/proc/sys/debug/kprobes-optimization
	echo >$trace/trace
} 2>/dev/null

# disturb_with COMMAND...: again and again in the background
disturb_with() {
	(while :; do "$@" >/dev/null 2>&1; sleep 0.02; done) &
	disturbing=$!
}
stop_disturbing() {
	[ -n "$disturbing" ] || return 0
	kill $disturbing
	wait $disturbing 2>/dev/null
	disturbing=
}

# programs_run_while COMMAND...: disturbed with it
programs_run_while() {
	disturb_with "$@"
	programs_run
	status=$?
	stop_disturbing
	return $status
}

on_and_off() { echo 1 >"$1/enable"; sleep 0.1; echo 0 >"$1/enable"; }

# All functions, which would take a debug kernel an hour: there some.
tracer() {
	! is_debug_kernel ||
		echo 'vfs_* ksys_* do_sys_* __x64_sys_* path_* tcp_* sock_* pipe_* kmem_*' \
			>$trace/set_ftrace_filter || return
	echo "$1" >$trace/current_tracer && [ "$(cat $trace/current_tracer)" = "$1" ]
}
# Not all of it, which would have no end while who reads it is traced.
traced_something() { [ "$(head -n 100 $trace/trace | grep -vc '^#')" -gt 10 ]; }

# probe_all FORM OFFSET COUNT: as many functions of those that can be traced, evenly.
probe_all() {
	awk '{ print $1 }' $trace/available_filter_functions |
		grep -v -E '^(asi_|sci_|__asi_|__sci_|rcu_|__rcu|trace_|ring_buffer|.*[.])' >"$work/functions"
	every=$(($(wc -l <"$work/functions") / $3))
	awk -v every=$every 'NR % every == 0' "$work/functions" >"$work/chosen"
	n=0
	while read -r function; do
		n=$((n + 1))
		echo "$1:asitest/p$n $function$2" >>$trace/kprobe_events
	done 2>/dev/null <"$work/chosen"
	probes=$(grep -c asitest $trace/kprobe_events)
	echo "$probes probes"
	[ "$probes" -gt $(($3 / 2)) ]
}
probe_hits() { awk '{ hits += $2 } END { print hits }' $trace/kprobe_profile; }
probes_were_hit() { [ "$(probe_hits)" -gt 100 ] || { echo "$(probe_hits) hits"; return 1; }; }

probe_one() { # EVENT FILE: and both ways
	for event in "$1 vfs_read" "$1 vfs_write" "$1 do_sys_openat2" "$1 __fput"; do
		echo "$event" >>"$trace/$2" || return 1
	done
	enable_all "$2"
}
enable_all() { # FILE
	awk -F'[: ]' '{ print $2 }' "$trace/$1" | sort -u | while read -r event; do
		echo 1 >"$trace/events/${event%/*}/enable" || return 1
	done
}

counted() { # KEY...: each is more than 0
	for key in "$@"; do
		[ "$(awk -v k="$key" '$1 == k { print $2 }' "$work/counts")" -gt 0 ] || {
			echo "$key:"
			cat "$work/counts"
			return 1
		}
	done
}

# ---- Steps -------------------------------------------------------------------

kprobes() {
	probe_one p kprobe_events && programs_run && probes_were_hit
}
kretprobes() {
	probe_one r kprobe_events && programs_run && probes_were_hit
}
function_tracer() { tracer function && programs_run && traced_something; }
graph_tracer() { tracer function_graph && programs_run && traced_something; }
graph_and_kretprobes() {
	probe_one r kprobe_events && tracer function_graph && programs_run && probes_were_hit
}
fprobes() {
	for function in vfs_read vfs_write do_sys_openat2 __fput; do
		echo "f:fp$function $function" >>$trace/dynamic_events &&
		echo "f:fr$function $function%return" >>$trace/dynamic_events || return 1
	done
	echo 1 >$trace/events/fprobes/enable && programs_run && traced_something
}

# Behind ENDBR and the tracer's NOP: a breakpoint, and after a while a jump.
inside_probes() { # OPTIMIZED [switched]: on and off meanwhile
	echo "$1" >/proc/sys/debug/kprobes-optimization
	probe_all p +9 $many || return 1
	echo 1 >$trace/events/asitest/enable
	if [ "$1" = 1 ]; then
		for try in 1 2 3 4 5 6 7 8; do
			optimized=$(grep -c OPTIMIZED $D/kprobes/list)
			[ "$optimized" -lt $((many / 10)) ] || break
			sleep 0.5
		done
		echo "$optimized optimized"
		[ "$optimized" -ge $((many / 10)) ] || return 1
	fi
	if [ -n "${2:-}" ]; then
		programs_run_while on_and_off $trace/events/asitest
	else
		programs_run
	fi && probes_were_hit
}
switched_probes() { # FORM OFFSET
	probe_all "$1" "$2" $many &&
	programs_run_while on_and_off $trace/events/asitest && probes_were_hit
}
bpf_programs() {
	watch="$BIN/tracing bpf $work/counts"
	programs_run && counted kprobe:vfs_read kretprobe:vfs_read kprobe:do_sys_openat2 \
		syscalls/sys_enter_read sched/sched_switch kmem/kmem_cache_alloc raw:sys_enter \
		raw:kfree perf_event && {
		! command -v python3 >/dev/null ||
			counted cgroup:egress cgroup:ingress cgroup:socket cgroup:connect \
				kretprobe:tcp_sendmsg
	}
}
samples() {
	watch="$BIN/tracing perf $work/counts"
	programs_run && counted clock sched/sched_switch kmem/kmalloc syscalls/sys_enter_openat
}
perf_record() {
	watch="perf record -q -a -g -e cpu-clock -e sched:sched_switch -o $work/perf.data --"
	programs_run && perf report -i "$work/perf.data" --stdio -q 2>/dev/null | grep -q .
}
static_keys() { programs_run_while on_and_off $trace/events; }

# A live patch, and a trampoline as BPF's programs of types fentry and fexit have.
patched() { # TRACER
	tracer "$1" && echo replace >$asi_test/patch &&
	echo direct >$asi_test/patch && before=$(cat $asi_test/patch) && programs_run || return 1
	after=$(cat $asi_test/patch)
	[ "$(field replaced "$after")" -gt $(($(field replaced "$before") + 2)) ] &&
	[ "$(field direct "$after")" -gt $(($(field direct "$before") + 100)) ] && return
	echo "$before; $after"
	return 1
}

# Functions that end in jumps have one return address, which each tracer of each hides.
probe_tails() {
	for function in asi_tail_first asi_tail_middle asi_tail_last; do
		echo "r:$function $function" >>$trace/kprobe_events || return 1
	done
	echo 1 >$trace/events/kprobes/enable
}
graph_tails() {
	echo 'asi_tail_*' >$trace/set_ftrace_filter && echo function_graph >$trace/current_tracer
}
tails_return() { # COMMAND...: what switches the tracers on
	forget_violations
	fresh_profile
	"$@" && said=$(isolated_by $profile enforce sh -c "$fire" call_tail 2>&1)
	no_violations && hits=$(probe_hits) && quiet && [ "$hits" = 3 ] &&
	[ "$said" = "survived 0" ] && grep -q ' reached 1 ' $asi_test/result && return
	echo "$* said: $said, hits: $hits"
	return 1
}
probes_then_graph() { probe_tails && graph_tails; }
graph_then_probes() { graph_tails && probe_tails; }
tail_calls() { tails_return probes_then_graph && tails_return graph_then_probes; }

attacks_while_traced() { # ATTACK...
	tracer function_graph && probe_one r kprobe_events && attacks_are_stopped "$@" &&
	probes_were_hit && traced_something
}

# An interrupt between two instructions of return_to_handler, a call and what writes over its
# return address, has the kernel's unwinder complain, isolated or not.
known="stack going in the wrong direction? at return_to_handler+"
log_is_clean_but_for_known() {
	dmesg | grep -vF "$known" >"$work/log"
	dmesg() { cat "$work/log"; }
	log_is_clean
}

# The end of each step is the beginning of the next.
step() { # WORDS COMMAND...
	words=$1
	shift
	watch=
	check "$words" "$@"
	quiet
}

many=1000
if [ "$quick" = quick ]; then
	many=100
	plan 8
	step "functions that end in jumps, traced and probed at returns, return" tail_calls
	step "the graph of all functions, and returns probed: programs as without" graph_and_kretprobes
	step "$many probes that become jumps, switched on and off: programs as without" \
		inside_probes 1 switched
	step "BPF programs: programs as without" bpf_programs
	step "a function replaced, another called by a trampoline: programs as without" \
		patched nop
	step "attacks are stopped while all is traced" attacks_while_traced \
		rop_gadget rop_function_called_odd call_middle jump_behind
else
	plan 22
	step "undisturbed: programs as without" programs_run
	step "probed: programs as without" kprobes
	step "probed at returns: programs as without" kretprobes
	step "all functions traced: programs as without" function_tracer
	step "the graph of all functions: programs as without" graph_tracer
	step "the graph of all functions, and returns probed: programs as without" graph_and_kretprobes
	step "functions that end in jumps, traced and probed at returns, return" tail_calls
	if grep -q '^f\[' $trace/README 2>/dev/null || grep -q 'f\[:' $trace/README; then
		step "function probes: programs as without" fprobes
	else
		skip "function probes: the kernel has none"
	fi
	step "$many breakpoints in functions: programs as without" inside_probes 0
	step "$many probes that are jumps, in functions: programs as without" inside_probes 1
	step "$many breakpoints switched on and off: programs as without" switched_probes p +9
	step "$many probes at entries switched on and off: programs as without" switched_probes p ''
	step "$many probes at returns switched on and off: programs as without" switched_probes r ''
	step "BPF programs: programs as without" bpf_programs
	for tracer in nop function; do
		step "a function replaced, another called by a trampoline, tracer $tracer" \
			patched $tracer
	done
	step "samples with call chains: programs as without" samples
	if perf --version >/dev/null 2>&1; then
		step "perf record -g: programs as without" perf_record
	else
		skip "perf record -g: perf is not installed"
	fi
	step "static keys and calls switched on and off: programs as without" static_keys
	step "attacks are stopped while all is traced" attacks_while_traced \
		rop_gadget rop_function_called rop_function_called_odd \
		rop_function_indirect_odd rop_behind_trace rop_jump_target_odd return_noncall \
		call_middle jump_middle jump_behind jump_behind_odd jump_behind_memory_odd jump_data
fi
forget_violations
check "no violation in asi/verify" domains_are_right
check "no warning in the kernel's log" log_is_clean_but_for_known
finish
