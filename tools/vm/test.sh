#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Checks what tools/vm/run promises. TAP on standard output; exit 1 on a failure.
#
# usage: tools/vm/test.sh [KERNEL]
#
# KERNEL is what --kernel takes. VM_TEST_NO_BOCHS=1 skips the slow Bochs boots.

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
run=$here/run
kernel=$(realpath -- "${1:-${BUILD:-$here/../../build}/base}") || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
cd "$here" || exit 1

number=0
failures=0

# report NAME: the last command's status decides.
report() {
	if [ $? -eq 0 ]; then
		result=ok
	else
		result='not ok'
		failures=$((failures + 1))
	fi
	number=$((number + 1))
	echo "$result $number - $1"
	if [ "$result" != ok ]; then
		sed 's/^/# out: /' "$work/out" | head -20
		sed 's/^/# err: /' "$work/err" | tail -20
	fi
}

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

# guest STATUS OPTION... -- COMMAND...: true if that was the status.
guest() {
	expected=$1
	shift
	"$run" --kernel="$kernel" --timeout=120 "$@" >"$work/out" 2>"$work/err" </dev/null
	actual=$?
	[ $actual -eq "$expected" ] || {
		echo "# status $actual, not $expected" >>"$work/err"
		return 1
	}
}

# refused WORD OPTION...: true if a usage error names WORD in one line.
refused() {
	word=$1
	shift
	guest 2 "$@" && [ "$(wc -l <"$work/err")" -eq 1 ] && grep -qe "$word" "$work/err"
}

status_passes_through() {
	guest 0 -- true && guest 7 -- sh -c 'exit 7' && guest 255 -- sh -c 'exit 255' &&
		! grep -q 'console log' "$work/err"
}

output_and_error_stay_apart() {
	guest 0 -- sh -c 'echo to-out; echo to-err >&2; echo again >/dev/stderr' &&
		[ "$(cat "$work/out")" = to-out ] &&
		[ "$(cat "$work/err")" = "$(printf 'to-err\nagain')" ]
}

binary_output_is_intact() {
	head -c 1048576 /dev/urandom >"$work/random"
	guest 0 -- cat "$work/random" && cmp -s "$work/out" "$work/random"
}

arguments_arrive_exactly() {
	newline='
'
	set -- '' 'a b' '"' "'" '$HOME \ *' "a${newline}b" "${newline}" '--help' '--' '[x,y]' 'é'
	printf '<%s>' "$@" >"$work/wanted"
	guest 0 -- printf '<%s>' "$@" && cmp -s "$work/out" "$work/wanted"
}

time_limit_gives_255_and_keeps_the_log() {
	start=$(date +%s)
	guest 255 --timeout=15 -- sleep 1000
	got=$?
	log=$(sed -n 's/^run: console log: //p' "$work/err")
	[ $got -eq 0 ] && [ $(($(date +%s) - start)) -le 25 ] && grep -q 'Linux version' "$log" &&
		grep -q 'time limit' "$work/err"
}

panic_gives_255_and_keeps_the_log() {
	guest 255 --log="$work/panic.log" -- sh -c 'echo c >/proc/sysrq-trigger; sleep 60' &&
		grep -q 'Kernel panic' "$work/panic.log" && grep -q 'run: panic' "$work/err"
}

reset_gives_255() {
	guest 255 -- sh -c 'echo b >/proc/sysrq-trigger; sleep 60' &&
		grep -q 'without an answer' "$work/err"
}

usage_errors_are_one_clear_line() {
	refused --frobnicate --frobnicate -- true && refused --smp --smp=0 -- true &&
		refused --mem --mem=lots -- true && refused --accel --accel=magic -- true &&
		refused --env --env=X -- true && refused --icount --icount --accel=kvm -- true && refused --tcg-thread --tcg-thread=two -- true &&
		refused --timeout --timeout=-1 -- true && refused COMMAND true &&
		refused --kernel --kernel="$work/none" -- true && refused COMMAND --
}

broken_kernel_image_is_named() {
	echo nothing >"$work/bzImage"
	guest 255 --kernel="$work/bzImage" -- true && grep -q 'not a bzImage' "$work/err"
}

missing_emulator_names_its_package() {
	PATH=$work "${BUILD:-$here/../../build}/host/vm/run" --kernel="$kernel" --accel=tcg -- true \
		2>"$work/err"
	[ $? -eq 255 ] && grep -q 'package qemu-system-x86' "$work/err"
}

interrupt_ends_the_emulator_and_cleans_up() {
	mkdir "$work/interrupted"
	TMPDIR=$work/interrupted "${BUILD:-$here/../../build}/host/vm/run" --kernel="$kernel" --accel=tcg \
		-- sleep 100 >"$work/out" 2>"$work/err" &
	process=$!
	sleep 3
	children=$(cat "/proc/$process/task/$process/children")
	kill -TERM $process
	wait $process
	[ $? -eq 143 ] && [ -n "$children" ] && [ -z "$(ls -A "$work/interrupted")" ] || return 1
	for child in $children; do
		[ ! -e "/proc/$child" ] || return 1
	done
}

results_reach_the_host() {
	guest 0 --out="$work/results" -- sh -c 'echo "{}" >"$1/r.json"' sh "$work/results" &&
		[ "$(cat "$work/results/r.json")" = '{}' ]
}

added_files_are_there() {
	echo payload >"$work/payload"
	guest 0 --add="$work/payload" --add="$work/payload:/run/deep/er/copy" -- \
		cat "$work/payload" /run/deep/er/copy &&
		[ "$(wc -l <"$work/out")" -eq 2 ]
}

hidden_working_folder_and_command_are_there() {
	printf '#!/bin/sh\npwd\n' >"$work/script"
	chmod +x "$work/script"
	(cd "$work" && guest 0 -- ./script) && [ "$(cat "$work/out")" = "$(realpath "$work")" ]
}

hidden_values_of_the_environment_are_there() {
	mkdir -p "$work/value" && echo content >"$work/value/file" &&
		guest 0 --env="FOLDER=$work/value" -- sh -c 'cat "$FOLDER/file"' &&
		[ "$(cat "$work/out")" = content ]
}

# An ignored signal is inherited, by the emulator and by what waits for it.
hangup_under_nohup_ends_nothing() {
	sh -c 'trap "" HUP; exec "$@"' sh "${BUILD:-$here/../../build}/host/vm/run" --kernel="$kernel" \
		--accel=tcg -- sh -c 'sleep 4; echo on' >"$work/out" 2>"$work/err" &
	process=$!
	sleep 2
	kill -HUP $process
	wait $process && grep -qx on "$work/out"
}

background_processes_do_not_hold_the_run() {
	guest 0 -- sh -c 'sleep 1000 & echo done' && grep -q 'done' "$work/out"
}

loopback_is_up() {
	guest 0 -- grep -q 1 /sys/class/net/lo/carrier
}

bochs() {
	status=$1
	shift
	guest "$status" --accel=bochs --timeout=300 "$@"
}

bochs_runs_dynamic_and_static_programs() {
	printf '#include <stdio.h>\nint main(void) { puts("hello"); return 5; }\n' >"$work/hello.c"
	gcc -o "$work/dynamic" "$work/hello.c" && gcc -static -o "$work/static" "$work/hello.c" ||
		return 1
	bochs 5 --add="$work/static:/opt/static" --add="$work/dynamic:/opt/dynamic" \
		--out="$work/bochs-results" -- \
		sh -c '/opt/static
			grep -qw vmx /proc/cpuinfo && echo vmx
			echo r >"$1/r"
			echo e >&2
			exec /opt/dynamic' sh "$work/bochs-results" ||
		return 1
	[ "$(cat "$work/out")" = "$(printf 'hello\nvmx\nhello')" ] &&
		[ "$(cat "$work/err")" = e ] && [ "$(cat "$work/bochs-results/r")" = r ]
}

bochs_starts_in_a_hidden_folder() {
	mkdir -p "$work/hidden folder" && echo added >"$work/added" &&
		printf '#!/bin/sh\npwd\ncat /tmp/deep/er/copy\n' >"$work/hidden folder/script" &&
		chmod +x "$work/hidden folder/script" &&
		(cd "$work/hidden folder" && bochs 0 --add="$work/added:/tmp/deep/er/copy" -- ./script) &&
		[ "$(cat "$work/out")" = "$(printf '%s\nadded' "$(realpath "$work/hidden folder")")" ]
}

bochs_panic_gives_255() {
	bochs 255 -- sh -c 'echo c >/proc/sysrq-trigger' && grep -q 'run: panic' "$work/err"
}

fast='status_passes_through
output_and_error_stay_apart
binary_output_is_intact
arguments_arrive_exactly
time_limit_gives_255_and_keeps_the_log
panic_gives_255_and_keeps_the_log
reset_gives_255
usage_errors_are_one_clear_line
broken_kernel_image_is_named
missing_emulator_names_its_package
interrupt_ends_the_emulator_and_cleans_up
results_reach_the_host
added_files_are_there
hidden_working_folder_and_command_are_there
hidden_values_of_the_environment_are_there
hangup_under_nohup_ends_nothing
background_processes_do_not_hold_the_run
loopback_is_up'
slow='bochs_runs_dynamic_and_static_programs
bochs_starts_in_a_hidden_folder
bochs_panic_gives_255'

echo "TAP version 13"
echo "1..$(($(echo "$fast" | wc -l) + $(echo "$slow" | wc -l) + 5))"

guest 137 -- sh -c 'kill -9 $$'
report signal_gives_128_and_its_number
guest 127 -- there-is-no-such-program && grep -q there-is-no "$work/err"
report missing_command_gives_127
guest 0 --smp=3 -- nproc && [ "$(cat "$work/out")" = 3 ]
report smp_is_seen
guest 0 --append='first=1' --append='second="x y"' --env='V=a b' -- \
	sh -c 'grep first=1.second=.x.y /proc/cmdline && [ "$V" = "a b" ]'
report append_and_env_are_seen
guest 0 --icount -- true
report icount_boots
for promise in $fast; do
	$promise
	report "$promise"
done
for promise in $slow; do
	if [ -n "$VM_TEST_NO_BOCHS" ]; then
		skip "$promise" VM_TEST_NO_BOCHS
	elif ! command -v bochs >/dev/null; then
		skip "$promise" 'no bochs'
	else
		$promise
		report "$promise"
	fi
done
[ $failures -eq 0 ]
