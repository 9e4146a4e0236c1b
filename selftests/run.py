#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs the tests that steps.py lists, and counts.

  host     unit tests of the engine and the tools
  kernel   the self tests in booted kernels, which must be built
  all      both, building what is missing (default), and of kernels that are only used
           when the cache has them the short set
  NAME     one step, as --list and each run print it; several may be given
  SECONDS  that the tortures shall last (default 30), and the SEED of their random
           numbers, to repeat one

As many steps run at once as there are processors, and those that mostly sleep
beside them.  A run that broke off, or that reported nothing, has failed; so has one
that takes three times its budget, which is ended.  What each step printed and its
console are in build/selftest: NAME.tap, console-NAME.log.

The last line is "N passed, N failed, N skipped"; the exit status is 1 when something
failed, 2 when the command line is wrong.
"""

import argparse
import collections
import contextlib
import difflib
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time

import steps as table

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tools/lib"))
import progress  # noqa: E402

BUILD = pathlib.Path(os.environ.get("BUILD") or TOP / "build").absolute()

GROUPS = {"all": ("host", "kernel", "cached"), "host": ("host",), "kernel": ("kernel",)}
# linux/6.12/build --cached: there is no such kernel.
NOT_CACHED = 3
# A step that takes so many times its budget hangs.
HANGS = 3
# Seconds beyond that limit in which tools/vm/run, which has the same limit, reports what
# the machine did; and seconds that a step has to end after SIGTERM.
GRACE = 15
SKIP = 4
# So many of the last lines of a failed step are shown.
TAIL = 60


def in_build(text):
    """What a step says of the build folder, with its path."""
    return text.replace("{build}", str(BUILD))


class CannotRun(Exception):
    pass


# ---- reading what a step printed --------------------------------------------


def tap_of_gtest(text):
    """What a program that uses GoogleTest printed, as TAP."""
    lines, count = [], 0
    for line in text.split("\n"):
        verdict = re.fullmatch(r"\[ +(OK|FAILED|SKIPPED) +\] (.*) \(\d+ ms\)", line)
        if verdict:
            count += 1
            lines.append({"OK": f"ok {count} {verdict[2]}",
                          "FAILED": f"not ok {count} {verdict[2]}",
                          "SKIPPED": f"ok {count} # SKIP {verdict[2]}"}[verdict[1]])
        elif not line.startswith("["):
            lines.append(line)
    return "\n".join(lines)


def count_tap(text):
    """How many passed, failed, were skipped."""
    passed = failed = skipped = 0
    for line in text.split("\n"):
        if re.match(r"ok \d+.*# SKIP|1\.\.0 # SKIP", line):
            skipped += 1
        elif re.match(r"ok \d+", line):
            passed += 1
        elif line.startswith("not ok"):
            failed += 1
    return passed, failed, skipped


def read(path):
    try:
        # Bytes: a carriage return must not become the end of a line.
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def end_group(process, number):
    """Sends a signal to a step's process and to all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def group_is_left(process):
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


# ---- one step ---------------------------------------------------------------


class Run:
    """A step that runs."""

    def __init__(self, step, out, seconds, seed):
        self.step, self.out = step, out
        self.budget = step.budget + (seconds if step.takes_seconds else 0)
        self.limit = HANGS * self.budget
        self.tap = out / f"{step.name}.tap"
        self.console = out / f"console-{step.name}.log"
        # An earlier run's would be taken for this one's.
        self.console.unlink(missing_ok=True)
        words = step.command.replace("{seconds}", str(seconds)).replace("{seed}", seed)
        # Without a shell in between SIGTERM reaches the program, which cleans up.
        command = "exec " + shlex.join(self.in_machine(shlex.split(words)))
        if step.before:
            command = f"{in_build(step.before)} && {command}"
        self.begin = time.monotonic()
        self.ended = self.told_to_end = None
        with open(self.tap, "wb") as tap:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", command], cwd=TOP, stdin=subprocess.DEVNULL, stdout=tap,
                stderr=subprocess.STDOUT, start_new_session=True)

    def in_machine(self, command):
        machine = self.step.machine
        if not machine:
            return command
        append = self.step.append
        options = [f"--accel={machine.accel}", f"--mem={machine.memory}",
                   f"--kernel={BUILD}/{machine.kernel}", f"--timeout={self.limit:.0f}",
                   f"--log={self.console}"]
        options += [f"--add={in_build(file)}" for file in machine.files]
        options += [f"--env={assignment}" for assignment in machine.environment]
        if machine.accel == "tcg":
            append = f"pty.legacy_count=0 {append}"
            options += [f"--smp={machine.cpus}",
                        f"--tcg-thread={'single' if machine.one_thread else 'multi'}",
                        f"--env=BUILD={BUILD}", f"--env=KERNEL_DIR={BUILD}/{machine.kernel}",
                        f"--env=IMAGE={BUILD}/base/arch/x86/boot/bzImage"]
            if machine.threads > 1:
                options += ["--qemu-arg=-smp",
                            f"--qemu-arg={machine.cpus},threads={machine.threads}"]
        options += [f"--qemu-arg={in_build(argument)}" for argument in machine.emulator]
        if machine.icount:
            options.append("--icount")
        if machine.cpu:
            options.append(f"--cpu={machine.cpu}")
        if machine.without_patching:
            append += " maxcpus=1"
            command = ["selftests/lib/without-code-patching", *command]
        return ["tools/vm/run", *options, f"--append={append}", "--", *command]

    def elapsed(self):
        return (self.ended or time.monotonic()) - self.begin

    def has_ended(self):
        if self.process.poll() is not None:
            self.ended = self.ended or time.monotonic()
            return True
        if self.told_to_end is None:
            if self.elapsed() >= self.limit + (GRACE if self.step.machine else 0):
                self.end(signal.SIGTERM)
        elif time.monotonic() - self.told_to_end > GRACE:
            self.end(signal.SIGKILL)
        return False

    def end(self, number):
        self.told_to_end = self.told_to_end or time.monotonic()
        end_group(self.process, number)

    def result(self):
        """What it printed, the counts, and what there is to say."""
        # Background processes of it may still run.
        self.end(signal.SIGKILL)
        text = read(self.tap)
        if self.step.gtest:
            text = tap_of_gtest(text)
            self.tap.write_text(text)
        passed, failed, skipped = count_tap(text)
        remarks = []
        status = self.process.returncode
        if self.elapsed() >= self.limit:
            remarks.append(f"{self.step.name} took {HANGS} times its budget of {self.budget:g} s "
                           "and was ended")
            failed = failed or 1
        if status not in (0, SKIP) and not failed:
            remarks.append(f"{self.step.name} ended with status "
                           f"{status if status >= 0 else 128 - status}")
            failed = 1
        if not passed + failed + skipped:
            remarks.append(f"{self.step.name} reported nothing")
            failed = 1
        return text, (passed, failed, skipped), remarks


# ---- all of them ------------------------------------------------------------


class Runner:
    def __init__(self, out, seconds, seed):
        self.out, self.seconds, self.seed = out, seconds, seed
        self.processors = len(os.sched_getaffinity(0))
        self.times = progress.Times(out / "seconds.json")
        self.line = progress.Line(every=30)
        self.waiting = collections.deque()
        self.running = []
        self.ended = []
        self.total = self.done = 0
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.builder = TOP / "linux/6.12/build"

    def fail(self, name, text):
        self.line.say(text)
        self.failed += 1
        self.failures.append(name)

    def skip(self, text):
        self.line.say(text)
        self.skipped += 1

    def key(self, step):
        return f"{step.name} {self.seconds}" if step.takes_seconds else step.name

    # What runs at once.

    def may_start(self, step):
        if step.alone or any(run.step.alone for run in self.running):
            return not self.running
        return len(self.running) < self.processors + sum(run.step.sleeps for run in self.running)

    def start_more(self):
        while self.waiting and self.may_start(self.waiting[0]):
            step = self.waiting.popleft()
            missing = missing_kernels(step)
            if missing:
                self.done += 1
                self.fail(step.name, f"{step.name}: no kernel in " + ", ".join(
                    f"{BUILD / name}: linux/6.12/build {name}" for name in missing))
                continue
            self.running.append(Run(step, self.out, self.seconds, self.seed))

    def collect(self):
        self.ended += [run for run in self.running if run.has_ended()]
        self.running = [run for run in self.running if run not in self.ended]

    def count_ended(self):
        for run in self.ended:
            self.count(run)
        self.ended = []

    def count(self, run):
        elapsed = run.elapsed()
        text, (passed, failed, skipped), remarks = run.result()
        self.done += 1
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        for remark in remarks:
            self.line.say(remark)
        self.line.say(f"{run.step.name:<34} {passed:3} passed {failed:2} failed "
                      f"{skipped:2} skipped  ({elapsed:.0f}s)")
        if failed:
            self.failures.append(run.step.name)
            for line in [line for line in text.split("\n")
                         if not re.match(r"ok|TAP|1\.\.", line)][-TAIL:]:
                self.line.say(line)
        else:
            self.times.note(self.key(run.step), elapsed)

    # What is shown meanwhile.

    def left(self):
        """Seconds, and whether all steps are known from the last run."""
        known, busy, alone, longest = True, 0, 0, 0
        todo = [(run.step, run.elapsed()) for run in self.running]
        for step, elapsed in todo + [(step, 0) for step in self.waiting]:
            expected = self.times.get(self.key(step))
            known = known and expected is not None
            rest = max(0, (expected or step.budget) - elapsed)
            if step.alone:
                alone += rest
            else:
                longest = max(longest, rest)
                busy += 0 if step.sleeps else rest
        return max(busy / self.processors, longest) + alone, known

    def text(self):
        left, known = self.left()
        words = [f"{self.done} of {self.total} steps"]
        # For a step that takes longer than expected there is no estimate.
        if left:
            words.append(f"{'about' if known else 'at most'} {progress.roughly(left)} left")
        running = ", ".join(f"{run.step.name} {run.elapsed():.0f} s" for run in self.running)
        return f"{', '.join(words)}; {running}"

    # What the caller uses.

    def add(self, steps):
        self.waiting.extend(steps)
        self.total += len(steps)

    def turn(self):
        self.collect()
        self.count_ended()
        self.start_more()
        if self.running:
            self.line.show(self.text())
        time.sleep(0.1)

    def finish(self):
        while self.waiting or self.running or self.ended:
            self.turn()
        self.line.clear()

    def build(self, kernels):
        """Steps of the host run meanwhile.  The line on the terminal is the build's: their
        results are printed when it has ended."""
        # A kernel from the cache brings no source, and steps that need it run side by side.
        commands = [[self.builder, kernel] for kernel in kernels]
        for command in [*commands, [TOP / "linux/6.12/prepare", "pristine"]]:
            build = subprocess.Popen(command, start_new_session=True)
            try:
                while build.poll() is None:
                    self.collect()
                    self.start_more()
                    time.sleep(0.1)
            except KeyboardInterrupt:
                end_group(build, signal.SIGTERM)
                raise
            if build.returncode:
                self.fail("build", f"failed: {' '.join(str(word) for word in command)}")
                return False
        return True

    def take_cached(self, kernels):
        """Those of KERNELS that are built or in the cache; of each other one a line says
        that it is skipped."""
        there = []
        for kernel in kernels:
            status = subprocess.run([self.builder, kernel, "--cached"]).returncode
            if status == 0:
                there.append(kernel)
            elif status == NOT_CACHED:
                self.skip(f"{kernel}: skipped, this kernel is not in the cache: "
                          f"linux/6.12/build {kernel}")
            else:
                self.fail(kernel, f"failed: {self.builder} {kernel} --cached")
        return there

    def end_all(self):
        for run in self.running:
            run.end(signal.SIGTERM)
        until = time.monotonic() + GRACE
        while time.monotonic() < until and any(group_is_left(run.process) for run in self.running):
            time.sleep(0.1)
        for run in self.running:
            run.end(signal.SIGKILL)


def kernels_of(step):
    return list(step.kernels) + ([step.machine.kernel] if step.machine else [])


def missing_kernels(step):
    return [name for name in kernels_of(step)
            if not (BUILD / name / "arch/x86/boot/bzImage").exists()]


def make_guest_files(out):
    """Programs that run in the kernels, and the nested guests' first file system."""
    for command in (["make", "-s", "-C", "selftests/asi"],
                    ["make", "-s", "-C", "selftests/sci"],
                    ["make", "-s", "-C", "selftests/kvm"],
                    ["make", "-s", "-C", "selftests/netns"],
                    [BUILD / "host/minivm/minivm", "mkinitrd", f"--out={out}/guest.cpio"]):
        try:
            status = subprocess.run(command, cwd=TOP).returncode
        except OSError as error:
            raise CannotRun(f"{error}: make tools") from error
        if status:
            raise CannotRun(f"{' '.join(command)}: status {status}")


def digest(name, out):
    """What a reader of the last lines needs: which test, and where the kernel died."""
    lines = [f"{name}:"]
    lines += re.findall(r"^(?:not ok|run: (?:panic|time limit)).*", read(out / f"{name}.tap"),
                        re.M)[:5]
    console = read(out / f"console-{name}.log").replace("\r", "").split("\n")
    for at, line in enumerate(console):
        if re.search(r"BUG:|WARNING:|Oops|general protection|kernel BUG|double fault", line):
            lines += [line[:160] for line in console[at:at + 41]
                      if re.search(r"BUG|WARNING|Oops|fault|RIP|CR2|\+0x", line)][:16]
            break
    return lines


# ---- the table --------------------------------------------------------------


def command_of(step):
    command = " ".join(step.command.split())
    return command.replace("{seconds}", "SECONDS").replace("{seed}", "[SEED]")


def rows_of(steps):
    for step in steps:
        budget = f"{step.budget:g}" + (" + SECONDS" if step.takes_seconds else "")
        notes = [word for word, value in (("sleeps", step.sleeps), ("alone", step.alone)) if value]
        machine = str(step.machine or ", which boots ".join(["host", *step.kernels]))
        yield (step.name, ", ".join([step.group] + notes), budget, machine, step.append,
               command_of(step))


HEAD = ("step", "group", "budget, s", "machine", "kernel parameters", "command")


def print_list(steps, form):
    rows = list(rows_of(steps))
    if form == "rst":
        print(".. list-table::\n   :header-rows: 1\n")
        for row in [HEAD] + rows:
            literal = (0, 4, 5) if row is not HEAD else ()
            for at, cell in enumerate(row):
                cell = f"``{cell}``" if cell and at in literal else cell
                print(f"   {'  ' if at else '* '}- {cell}".rstrip())
        return
    widths = [max(len(row[at]) for row in [HEAD] + rows) for at in range(len(HEAD) - 1)]
    for row in [HEAD] + rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]]))


# ---- the command line -------------------------------------------------------


def parse_arguments(arguments, steps):
    parser = argparse.ArgumentParser(
        prog="selftests/run", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="selftests/run [all|host|kernel|NAME ...] [SECONDS [SEED]]\n"
              "       selftests/run --list[=rst]")
    parser.add_argument("--list", nargs="?", const="text", choices=("text", "rst"),
                        help="print the table of steps; rst: for Documentation")
    parser.add_argument("what", nargs="*", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)

    numbers = [word for word in args.what if word.isdigit()]
    args.names = args.what[:len(args.what) - len(numbers)] or ["all"]
    if len(numbers) > 2 or any(name.isdigit() for name in args.names):
        parser.error("after the names come at most SECONDS and SEED")
    args.seconds = int(numbers[0]) if numbers else 30
    args.seed = numbers[1] if numbers[1:] else ""
    known = [*GROUPS, *(step.name for step in steps)]
    for name in args.names:
        if name not in known:
            close = difflib.get_close_matches(name, known, 3)
            parser.error(f"there is no step '{name}'" +
                         (f", but {', '.join(close)}" if close else "") +
                         "; selftests/run --list prints all")
    return args


def chosen(names, steps):
    groups = {group for name in names for group in GROUPS.get(name, ())}
    return [step for step in steps if step.group in groups or step.name in names]


def run_steps(runner, names, steps, out):
    todo = chosen(names, steps)
    first = [step for step in todo if step.group == "host" and not step.source]
    then = [step for step in todo if step not in first]
    runner.add(first)
    runner.start_more()
    optional = [step for step in then if step.group == "cached" and step.name not in names]
    then = [step for step in then if step not in optional]
    if "all" in names and not runner.build(dict.fromkeys(
            step.machine.kernel for step in then if step.machine)):
        then = optional = []
    there = runner.take_cached(dict.fromkeys(step.machine.kernel for step in optional))
    then += [step for step in optional if step.machine.kernel in there]
    if any(step.boots or (kernels_of(step) and not missing_kernels(step)) for step in then):
        make_guest_files(out)
    runner.add(then)
    runner.finish()


def main(arguments, steps, out):
    args = parse_arguments(arguments, steps)
    if args.list:
        print_list(steps, args.list)
        return 0
    if subprocess.run([TOP / "tools/lib/usable-place", TOP, BUILD]).returncode:
        return 1
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"run: no folder for logs: {error}; BUILD=FOLDER takes another", file=sys.stderr)
        return 1
    os.environ["BUILD"] = str(BUILD)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup, for example, starts it with one ignored: that one stays ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    begin = time.monotonic()
    runner = Runner(out, args.seconds, args.seed)
    try:
        run_steps(runner, args.names, steps, out)
    except KeyboardInterrupt:
        # A second interrupt must not stop this, or machines would be left.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        runner.line.say("interrupted: " + ", ".join(run.step.name for run in runner.running))
        runner.end_all()
        return 128 + signal.SIGINT
    except CannotRun as error:
        runner.fail("guest-files", str(error))
        runner.end_all()

    for name in runner.failures:
        for line in digest(name, out):
            print(line)
    if runner.failures:
        print(f"failed: {' '.join(runner.failures)} (logs in {out})")
    elapsed = int(time.monotonic() - begin)
    print(f"took {elapsed // 60} min {elapsed % 60} s")
    print(f"{runner.passed} passed, {runner.failed} failed, {runner.skipped} skipped")
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], table.STEPS, BUILD / "selftest"))
