# SPDX-License-Identifier: GPL-2.0-only
#
# Servers for the guests of bench/reach.py and bench/servers.py; sourced.  They start in
# the background: `start_redis HOW...`, with HOW in front of the server's command line.
# shellcheck shell=sh
. "$(dirname "$0")/../../selftests/lib/nginx.sh"

# To know how much time of a CPU the servers took.
cgroup=/sys/fs/cgroup/server
mkdir -p "$cgroup"
# in_cgroup COMMAND...: this shell becomes that.
in_cgroup() { exec sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$cgroup" "$@"; }
server_microseconds() { sed -n 's/^usage_usec //p' "$cgroup/cpu.stat"; }

work=$(mktemp -d)
chmod 755 "$work"
server=

start_nginx() {
	nginx_prepare "$work" 1
	# shellcheck disable=SC2046
	in_cgroup "$@" $(nginx_command "$work") >"$work/log" 2>&1 &
	server=$!
	wait_until ab -n 1 http://127.0.0.1:8081/index.html
}

start_redis() {
	in_cgroup "$@" redis-server --port 7777 --bind 127.0.0.1 --dir "$work" --save '' >"$work/log" 2>&1 &
	server=$!
	wait_until redis-cli -p 7777 ping
}

wait_until() {
	until "$@" >/dev/null 2>&1; do
		kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
		sleep 0.5
	done
}

stop_server() {
	kill "$server"
	wait "$server" 2>/dev/null || :
}
