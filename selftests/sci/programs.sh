#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Unmodified programs, isolated and not: they say the same, and nothing is refused.
. "$(dirname "$0")/../lib/tap.sh"
. "$here/sci.sh"
. "$here/../lib/nginx.sh"

sci_is_on || skip_all "system-call isolation is off"
[ -x "$BIN/calls" ] || skip_all "build/selftest/calls is not built"

work=$(mktemp -d)
servers=
# shellcheck disable=SC2086
trap '[ -z "$servers" ] || kill $servers 2>/dev/null; rm -rf "$work"' EXIT
survive_oopses
chmod 755 "$work"
loopback_up
# Not the wrappers that a developer's home may have.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH HOME="$work" LC_ALL=C PYTHONDONTWRITEBYTECODE=1

have() {
	for program in "$@"; do
		command -v "$program" >/dev/null || { missing=$program; return 1; }
	done
}

# run NAME SCRIPT: the script, in an empty folder, without and with isolation.
run() {
	rm -rf "$work/plain" "$work/isolated"
	mkdir "$work/plain" "$work/isolated"
	(cd "$work/plain" && timeout 300 bash -c "$2" >../plain.out 2>&1; echo "status $?" >>../plain.out)
	forget_violations
	count_isolated
	(cd "$work/isolated" &&
		isolated enforce timeout 300 bash -c "$2" >../isolated.out 2>&1
		echo "status $?" >>../isolated.out)
	grep -qx 'status 0' "$work/plain.out" || { echo "not isolated:"; tail -20 "$work/plain.out"; return 1; }
	diff "$work/plain.out" "$work/isolated.out" && no_violations && were_isolated
}

# program NAME "PROGRAMS IT NEEDS" SCRIPT
program() {
	# shellcheck disable=SC2086
	if have $2; then
		check "$1: isolated as not isolated" run "$1" "$3"
	else
		skip "$1: $missing is not installed"
	fi
}

plan $((11 + 4 + 2))

program "coreutils" "find sort awk sed tar gzip sha256sum split" '
mkdir -p a/b/c && seq 1 20000 >a/numbers && cp a/numbers a/b/copy
sort -rn a/numbers | head -3; wc -l <a/b/copy; grep -c 7 a/numbers
awk "{ s += \$1 } END { print s }" a/numbers
split -l 1000 a/numbers a/b/c/part. && find a -type f | sort | tail -3
sha256sum a/numbers | cut -c1-16
tar cf - a | gzip -n | gzip -d | tar tf - | sort | wc -l
dd if=/dev/zero of=zero bs=64k count=20 2>/dev/null && stat -c %s zero
ln -s zero link && readlink link && mv zero one && ls | sort
chmod 600 one && stat -c %a one && rm -r a one link && ls -A | wc -l
date -d @0 -u +%s; sleep 0.1; id -u; timeout 0.2 sleep 5; echo "timeout $?"'

program "bash" "bash" '
for i in $(seq 200); do x=$(echo $i); [ "$x" = "$i" ] || echo wrong; done
i=0; while read -r line; do i=$((i + line)); done < <(seq 1000); echo $i
trap "echo got" USR1; kill -USR1 $$; sleep 0.1
(exit 3); echo $?; { sleep 0.2; echo later; } & wait; echo after
mkfifo f; echo through >f & cat f; wait
coproc cat; echo there >&"${COPROC[1]}"; read -r back <&"${COPROC[0]}"; echo $back
eval "exec ${COPROC[1]}>&-"; wait
for i in $(seq 20); do ( /bin/true ) & done; wait; echo done'

program "perl" "perl" '
perl -e '\''open(my $f, ">", "x") or die; print $f "line $_\n" for 1..5000; close $f;
open($f, "<", "x"); my @l = <$f>; print scalar(@l), "\n"; my $p = fork; if (!$p) { exit 4 }
waitpid($p, 0); print $? >> 8, "\n"; print `echo sub`; unlink "x"'\'''

program "python3" "python3" '
cat >t.py <<"END"
import hashlib, json, mmap, multiprocessing, os, select, socket, subprocess, tempfile, threading
data = bytes(range(256)) * 2000
with open("f", "wb") as f:
    f.write(data)
with open("f", "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
    print(hashlib.sha256(m).hexdigest()[:16])
    m[5:9] = b"gone"
print(open("f", "rb").read()[:10])
server = socket.create_server(("127.0.0.1", 0))
def serve():
    for _ in range(3):
        peer, _ = server.accept()
        with peer:
            while part := peer.recv(65536):
                peer.sendall(part.upper())
t = threading.Thread(target=serve)
t.start()
for _ in range(3):
    with socket.create_connection(server.getsockname()) as c:
        c.sendall(b"hello" * 1000)
        c.shutdown(socket.SHUT_WR)
        got = b""
        while part := c.recv(65536):
            got += part
        print(len(got), got[:5])
t.join()
print(subprocess.run(["echo", "sub"], capture_output=True, text=True).stdout)
r, w = os.pipe()
os.write(w, b"x")
print(select.select([r], [], [], 1)[0] == [r])
def square(x):
    return x * x
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(sum(pool.map(square, range(1000))))
    with tempfile.TemporaryDirectory() as d:
        for i in range(200):
            json.dump({"i": i}, open(os.path.join(d, str(i)), "w"))
        print(sum(json.load(open(e.path))["i"] for e in os.scandir(d)))
END
python3 t.py'

program "sqlite3" "sqlite3" '
sqlite3 db "create table t(a integer primary key, b text); begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
insert into t select i, hex(i * 7919) from n; commit;"
sqlite3 db "pragma journal_mode=wal; update t set b = b || a where a % 3 = 0;
create index i on t(b); select count(*), sum(length(b)) from t; pragma integrity_check;"
sqlite3 db "delete from t where a % 2; vacuum; select count(*) from t;"'

program "gcc" "gcc" '
cat >p.c <<"END"
#include <stdio.h>
static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
int main(void) { printf("%d\n", fib(20)); return 0; }
END
gcc -pipe -O2 -g -o p p.c && ./p && gcc -O1 -S -o - p.c | sha256sum | cut -c1-16'

program "make" "make gcc" '
for i in 1 2 3 4; do echo "int f$i(void) { return $i; }" >f$i.c; done
echo "int f1(void), f2(void), f3(void), f4(void); int main(void) { return f1() + f2() + f3() + f4() - 10; }" >m.c
printf "m: m.o f1.o f2.o f3.o f4.o\n\tgcc -o m m.o f1.o f2.o f3.o f4.o\n%%.o: %%.c\n\tgcc -c \$<\n" >Makefile
make -s -j2 && ./m && echo made && make'

program "git" "git" '
git init -q . && git config user.email a@b && git config user.name n
for i in 1 2 3 4 5; do echo $i >f$i; git add f$i; git commit -q -m "$i"; done
git log --format=%s | tr "\n" " "; git checkout -q -b other HEAD~2 && echo x >g && git add g &&
git commit -q -m other && git merge -q -m merged master 2>/dev/null || git merge -q -m merged main
git ls-files; git fsck 2>&1 | tail -1; git gc -q && git count-objects | cut -d, -f1'

program "strace" "strace" '
strace -f -o log sh -c "echo traced; /bin/true" && grep -c "exited with 0" log'

# A virtual machine has a domain of its own for what it runs.
program "minivm" "$MINIVM" "
$MINIVM exits --op=cpuid --count=1000 | cut -d' ' -f1-3
$MINIVM exits --op=out --count=100 | cut -d' ' -f1-3
$MINIVM churn --count=3"

# Isolation's own files; the numbers in them differ.
"$MINIVM" loop --seconds=1000 --op=cpuid >/dev/null 2>&1 &
machine=$!
program "files" "cat" '
for file in $(find /sys/kernel/asi /sys/kernel/debug/asi -type f -perm -u=r | sort); do
	cat "$file" >/dev/null && echo "$file"
done'
kill $machine

# ---- Servers -----------------------------------------------------------------

# The server itself is isolated or not, and so is who asks it.  MODE is empty or how
# to isolate what follows; a program, so that $! is the server.
enforce="$ASICTL sci run --mode=enforce --profile=default --syscalls=all --"
# serve MODE COMMAND...: in the background
serve() {
	by=$1
	shift
	# shellcheck disable=SC2086
	$by "$@" >"$work/server.log" 2>&1 &
	servers=$!
	sleep 2
}
served() {
	kill $servers
	wait $servers 2>/dev/null
	servers=
}

with_and_without() { # FUNCTION: says the same with MODE as without
	$1 '' >"$work/plain.out" 2>&1 || { cat "$work/plain.out" "$work/server.log"; return 1; }
	forget_violations
	count_isolated
	$1 "$enforce" >"$work/isolated.out" 2>&1 ||
		{ cat "$work/isolated.out" "$work/server.log"; return 1; }
	diff "$work/plain.out" "$work/isolated.out" && no_violations && were_isolated
}

# shellcheck disable=SC2086
redis() {
	rm -f "$work/dump.rdb"
	serve "$1" redis-server --port 7777 --bind 127.0.0.1 --dir "$work" --save '' --io-threads 2
	ask="$1 redis-cli -p 7777"
	$ask ping && $ask set key value && $ask get key && $ask incrby n 41 && $ask incr n &&
	$ask rpush list 1 2 3 && $ask lrange list 0 -1 && $ask del list && $ask bgsave &&
	sleep 1 && $ask dbsize
	status=$?
	served
	return $status
}

redis_load() {
	serve "$1" redis-server --port 7777 --bind 127.0.0.1 --dir "$work" --save ''
	# shellcheck disable=SC2086
	$1 redis-benchmark -p 7777 -n 2000 -c 20 -P 4 -t set,get,incr,lpush,mset --csv >"$work/load"
	status=$?
	# The names of the tests only; the rest is time.
	cut -d, -f1 "$work/load"
	served
	return $status
}

nginx_load() {
	nginx_prepare "$work" 2
	# shellcheck disable=SC2046
	serve "$1" $(nginx_command "$work")
	for page in index.html numbers.txt missing; do
		# shellcheck disable=SC2086
		$1 ab -n 300 -c 8 "http://127.0.0.1:8081/$page" >"$work/load" 2>&1 ||
			{ cat "$work/load"; served; return 1; }
		grep -E 'Complete requests|Failed requests|Non-2xx|Total transferred|HTML transferred' \
			"$work/load"
	done
	served
}

nginx_reload() {
	nginx_prepare "$work" 2
	# shellcheck disable=SC2046
	serve "$1" $(nginx_command "$work")
	kill -HUP "$(cat "$work/nginx.pid")"
	sleep 1
	# shellcheck disable=SC2086,SC2016
	$1 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8081; printf "GET / HTTP/1.0\r\n\r\n" >&3
		grep -v -E "^(Date|Last-Modified|ETag)" <&3'
	status=$?
	served
	return $status
}

server() { # NAME "PROGRAMS" FUNCTION
	# shellcheck disable=SC2086
	if have $2; then
		check "$1: isolated as not isolated" with_and_without "$3"
	else
		skip "$1: $missing is not installed"
	fi
}

server "redis" "redis-server redis-cli" redis
server "redis under load" "redis-server redis-benchmark" redis_load
server "nginx under load" "nginx ab" nginx_load
server "nginx that reads its configuration again" "nginx" nginx_reload

check "no violation in asi/verify" domains_are_right
check "no warning in the kernel's log" log_is_clean
finish
