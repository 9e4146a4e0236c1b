#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What selftests/kvm/qemu.sh has Debian's QEMU do, in the booted kernel.

  savevm N            the guest is saved, goes on, and is loaded again, N times
  precopy N           it moves from one QEMU to another, N times
  postcopy N          so, and runs at its new place before its memory is there
  net NETDEV ADDRESS  requests and bulk to a server on the host, by that netdev of QEMU's
  machines [PARAM]    it has guests of its own; PARAM is for its kernel

With savevm, precopy and postcopy the guest is counter.cc, which counts and finds what is not
of its time.  Its text has to go on, to the letter: nothing twice, nothing lost.

--share FILE: "stayed N of N percent N", of the guests' exits that the kernel handled, but those
after which the CPU went to another task, and those that left because an interrupt served
others.  Without isolation it is empty.  Whoever looks into
the kernel meanwhile disturbs that: every second time is counted, and as long the file --quiet
is there.  Progress goes to --notes, as comments of TAP.
"""

import argparse
import collections
import functools
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path += [str(TOP / "bench"), str(TOP / "bench/nested")]
import host  # noqa: E402
import workloads  # noqa: E402

# For whatever is waited for.
LIMIT = 240
# A round of counter.cc: then each page had its turn.
STEPS_IN_ROUND = 128
DISK_MIB = 16
# Bytes a second: most memory is still to come when the guest changes its place, and it runs
# there for a while without.
POSTCOPY_BANDWIDTH = {"max-bandwidth": 4 << 20, "max-postcopy-bandwidth": 8 << 20}
PRECOPY_BANDWIDTH = {"max-bandwidth": 128 << 20}
# Of the causes of leaving.
SHOWN_CAUSES = 8
# Places in the kernel where it reads what belongs to others because one of the host's devices,
# or the end of a grace period, interrupts the guest.  That takes the time of whoever runs.
OTHERS_INTERRUPTS = re.compile(r"__common_interrupt\b|rcu_")

notes = sys.stdout


class Failed(Exception):
    pass


def note(text):
    print(f"# {text}", file=notes, flush=True)


def need(condition, text):
    if not condition:
        raise Failed(text)


def wait_for(condition, text, limit=LIMIT):
    """Until CONDITION gives something, which it returns."""
    end = time.monotonic() + limit
    while not (result := condition()):
        need(time.monotonic() < end, f"{limit} s were too short: {text}")
        time.sleep(0.1)
    return result


# ---- what becomes of exits --------------------------------------------------


class Shares:
    """Sums over machines, and over the times in which nobody looks."""

    def __init__(self, quiet):
        self.counts = collections.Counter()
        self.causes = collections.Counter()
        self.quiet, self.begun = quiet, {}

    def begin(self, *machines):
        """Of these processes, from here on."""
        self.quiet.touch()
        # The last look ends.
        time.sleep(1)
        self.begun = {pid: host.counters("", pid) for pid in machines}

    def end(self, machine):
        """Of one of them, which still is."""
        begin = self.begun.pop(machine, None)
        if begin:
            self.add(begin, host.counters("", machine))
        if not self.begun:
            self.quiet.unlink(missing_ok=True)

    def add(self, begin, end):
        if end["account"] is None:
            return
        cell = workloads.cell_between(begin, end)
        self.counts.update(stayed=cell["stayed"], user=cell["booked"]["user"],
                           switched=cell["booked"]["switched"], kernel=cell["kernel_exits"])
        for cause in cell["causes"]:
            if cause["in_kernel"]:
                if OTHERS_INTERRUPTS.match(cause["symbol"]):
                    self.counts["interrupts"] += cause["count"]
                key = " ".join(cause[key] for key in ("how", "kind", "cache", "access", "symbol"))
                self.causes[f"{key} ({', '.join(list(cause['reasons'])[:3])})"] += cause["count"]

    def write(self, file):
        if not self.counts:
            return
        stayed = self.counts["stayed"]
        of = self.counts["kernel"] - self.counts["switched"] - self.counts["interrupts"]
        for cause, count in self.causes.most_common(SHOWN_CAUSES):
            note(f"left {count} times: {cause}")
        note(f"exits to user mode {self.counts['user']}, handled in the kernel "
             f"{self.counts['kernel']}, then to another task {self.counts['switched']}, left in "
             f"others' interrupts {self.counts['interrupts']}")
        file.write_text(f"stayed {stayed} of {of} percent {100 * stayed / of:.2f}\n")


# ---- a guest that counts ----------------------------------------------------


class Text:
    """What counter.cc says on its port, which is checked as it is read."""

    def __init__(self, path):
        self.path, self.offset = path, 0
        self.step, self.rest = -1, ""

    def read(self):
        """Returns the number of the last step."""
        with open(self.path, encoding="ascii", errors="replace") as file:
            file.seek(self.offset)
            text = file.read()
        self.offset += len(text)
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            need(line == f"step {self.step + 1} wrong 0",
                 f"after step {self.step} the guest said {line!r}")
            self.step += 1
        return self.step

    def place(self):
        self.read()
        return self.step, self.rest

    def go_on_from(self, place):
        """What comes now has to go on there."""
        self.step, self.rest = place


class Machine:
    """A QEMU, with what its monitor says."""

    def __init__(self, work, name, args, more=()):
        self.console, port = work / f"{name}.console", work / f"{name}.port"
        port.touch()
        self.text = Text(port)
        ours, its = socket.socketpair()
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "kvm", "-machine", "q35", "-cpu", "host",
             "-smp", "1", "-m", "128M", "-nodefaults", "-no-user-config", "-display", "none",
             "-no-reboot", "-kernel", args.image, "-initrd", args.initrd,
             "-append", "console=ttyS0 quiet panic=-1 rdinit=/bin/counter",
             "-serial", f"file:{self.console}", "-serial", f"file:{port}",
             "-blockdev", f"driver=qcow2,node-name=disk,file.driver=file,"
                          f"file.filename={work / 'disk'}",
             "-device", "virtio-blk-pci,drive=disk", *monitor(its), *more],
            stdin=subprocess.DEVNULL, pass_fds=[its.fileno()])
        its.close()
        self.pid = self.process.pid
        self.monitor = Monitor(ours)
        self.command = self.monitor.command

    def state(self):
        return self.command("query-status")["status"]

    def goes_on(self, steps):
        """Until it has done so many more."""
        end = self.text.read() + steps

        def done():
            need(self.process.poll() is None, "QEMU ended")
            return self.text.read() >= end
        wait_for(done, f"step {end} after step {self.text.step}, while {self.state()}")

    def end(self):
        self.command("quit")
        need(self.process.wait(timeout=LIMIT) == 0, "QEMU did not end well")

    def kill(self):
        self.process.kill()
        self.process.wait()


def monitor(connection):
    return ["-chardev", f"socket,id=monitor,fd={connection.fileno()}",
            "-mon", "chardev=monitor,mode=control"]


class Monitor:
    """QEMU's protocol: https://www.qemu.org/docs/master/interop/qmp-spec.html"""

    def __init__(self, connection):
        connection.settimeout(LIMIT)
        self.connection, self.stream = connection, connection.makefile("rb")
        self.read()
        self.command("qmp_capabilities")

    def read(self):
        try:
            line = self.stream.readline()
        except TimeoutError as error:
            raise Failed("QEMU's monitor says nothing") from error
        need(line, "QEMU ended")
        return json.loads(line)

    def command(self, name, **arguments):
        arguments = {key.replace("_", "-"): value for key, value in arguments.items()}
        self.connection.sendall(json.dumps({"execute": name, "arguments": arguments}).encode())
        while "event" in (answer := self.read()):
            pass
        need("return" in answer, f"{name}: {answer.get('error', {}).get('desc')}")
        return answer["return"]

    def human(self, line):
        """savevm and loadvm say what went wrong."""
        answer = self.command("human-monitor-command", command_line=line)
        need(not answer, f"{line}: {answer}")


def make_disk(path):
    """There may be no qemu-img."""
    path.touch()
    ours, its = socket.socketpair()
    with subprocess.Popen(["qemu-system-x86_64", "-machine", "none,accel=tcg", "-nodefaults",
                           "-display", "none", *monitor(its)], stdin=subprocess.DEVNULL,
                          pass_fds=[its.fileno()]) as process:
        its.close()
        qemu = Monitor(ours)
        qemu.command("blockdev-add", driver="file", node_name="file", filename=str(path))
        qemu.command("blockdev-create", job_id="make",
                     options={"driver": "qcow2", "file": "file", "size": DISK_MIB << 20})

        def made():
            job, = qemu.command("query-jobs")
            need("error" not in job, f"a disk: {job}")
            return job["status"] == "concluded"
        wait_for(made, "making a disk")
        qemu.command("quit")
        process.wait(timeout=LIMIT)


def with_disk(case):
    @functools.wraps(case)
    def run(args, shares):
        work = pathlib.Path(tempfile.mkdtemp())
        make_disk(work / "disk")
        machines = []

        def start(*more):
            machines.append(Machine(work, f"qemu-{len(machines)}", args, more))
            return machines[-1]
        try:
            first = start()
            first.goes_on(1)
            case(args, shares, start, first)
        except Failed:
            for machine in machines:
                said = (host.read(machine.console) or "")[-3000:]
                print(f"{machine.console}:\n{said}", file=sys.stderr)
            raise
        finally:
            for machine in machines:
                machine.kill()
    return run


def notices_that_nothing_was_loaded(machine):
    """Or else a test that passes says nothing."""
    saved = machine.text.place()
    machine.goes_on(7)
    machine.text.go_on_from(saved)
    try:
        machine.goes_on(3)
    except Failed as error:
        note(f"without loadvm: {error}")
    else:
        raise Failed("it is not noticed that nothing was loaded")


@with_disk
def savevm(args, shares, _start, machine):
    for count in range(1, args.count + 1):
        if count % 2 == 0:
            shares.begin(machine.pid)
        machine.goes_on(3)
        machine.command("stop")
        saved = machine.text.place()
        machine.monitor.human("savevm state")
        machine.command("cont")
        machine.goes_on(7)
        machine.command("stop")
        reached = machine.text.place()
        machine.monitor.human("loadvm state")
        machine.text.go_on_from(saved)
        machine.command("cont")
        machine.goes_on(3)
        shares.end(machine.pid)
        note(f"savevm and loadvm {count} of {args.count}: saved at step {saved[0]}, loaded "
             f"after step {reached[0]}")
    machine.goes_on(STEPS_IN_ROUND)
    notices_that_nothing_was_loaded(machine)
    machine.end()


def move(source, target, address, postcopy):
    """Returns what QEMU says of it.  With POSTCOPY the old place gives back memory as it goes."""
    for machine in (source, target):
        machine.command("migrate-set-capabilities", capabilities=[
            {"capability": "postcopy-ram", "state": postcopy},
            {"capability": "release-ram", "state": postcopy and machine is source}])
        machine.command("migrate-set-parameters", **(
            POSTCOPY_BANDWIDTH if postcopy else PRECOPY_BANDWIDTH), downtime_limit=1000)
    target.command("migrate-incoming", uri=address)
    begin = source.text.read()
    source.command("migrate", uri=address)
    if postcopy:
        source.goes_on(3)
        source.command("migrate-start-postcopy")

    def ended():
        state = source.command("query-migrate")
        need(state["status"] not in ("failed", "cancelled", "postcopy-paused"),
             f"the guest did not move: {state}")
        return state["status"] == "completed" and state
    state = wait_for(ended, "moving the guest")

    target.text.go_on_from(source.text.place())
    there = target.text.read() - source.text.step
    state.update(before=source.text.step - begin, there=there)
    wait_for(lambda: target.state() == "running", "running at its new place")
    need(source.state() == "postmigrate", f"the old place is {source.state()}")
    return state


@with_disk
def migrate(args, shares, start, machine):
    postcopy = args.case == "postcopy"
    for count in range(1, args.count + 1):
        address = f"unix:{machine.console.parent}/move-{count}"
        target = start("-incoming", "defer")
        if count % 2 == 0:
            shares.begin(machine.pid, target.pid)
        state = move(machine, target, address, postcopy)
        ram = state["ram"]
        note(f"{args.case} {count} of {args.count}: {state['before']} steps at the old place "
             f"meanwhile, {state['there']} at the new one, {ram['transferred'] >> 20} MiB, "
             f"{ram['dirty-sync-count']} rounds, {state.get('downtime')} ms of rest, "
             f"{ram['postcopy-requests']} requests for pages")
        need(state["before"] > 0, "it did not run while it moved")
        if postcopy:
            need(state["there"] > 0 and ram["postcopy-requests"] > 0,
                 "it did not run before its memory was there")
        shares.end(machine.pid)
        machine.end()
        machine = target
        machine.goes_on(STEPS_IN_ROUND)
        shares.end(machine.pid)
    machine.end()


# ---- a guest that works -----------------------------------------------------


def work(args, shares, name, **more):
    """Twice: once to look at it, once to count."""
    marks = collections.Counter()

    def tell(mark, pid):
        note(mark)
        marks[mark] += 1
        if marks[f"begin {name}"] == 2:
            (shares.begin if mark.startswith("begin") else shares.end)(pid)
        if mark == f"end {name}" and "vhost=on" in more.get("netdev", ""):
            need(any(path.read_text() == f"vhost-{pid}\n"
                     for path in pathlib.Path(f"/proc/{pid}/task").glob("*/comm")),
                 "no task of vhost")
    try:
        host.run(args.image, args.initrd, "1", "0", [name, name], tell=tell, **more)
    except (host.GuestFailed, subprocess.TimeoutExpired) as error:
        raise Failed(f"the guest: {error}") from error


def net(args, shares):
    work(args, shares, "net", netdev=args.netdev, address=args.address)


def machines(args, shares):
    work(args, shares, "machines", append=args.param)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", required=True, help="the guest's kernel")
    parser.add_argument("--initrd", required=True, help="its programs")
    parser.add_argument("--share", required=True, type=pathlib.Path)
    parser.add_argument("--quiet", default=pathlib.Path(tempfile.gettempdir(), "quiet"),
                        type=pathlib.Path)
    parser.add_argument("--notes", type=int, default=1, help="number of an open file")
    cases = parser.add_subparsers(dest="case", required=True)
    for name, case in (("savevm", savevm), ("precopy", migrate), ("postcopy", migrate)):
        one = cases.add_parser(name)
        one.add_argument("count", type=int)
        one.set_defaults(run=case)
    one = cases.add_parser("net")
    one.add_argument("netdev")
    one.add_argument("address")
    one.set_defaults(run=net)
    one = cases.add_parser("machines")
    one.add_argument("param", nargs="?", default="")
    one.set_defaults(run=machines)
    return parser.parse_args()


def main():
    global notes
    args = parse_arguments()
    notes = os.fdopen(args.notes, "w", closefd=False)
    args.share.write_text("")
    shares = Shares(args.quiet)
    try:
        args.run(args, shares)
    except (Failed, workloads.CannotMeasure, OSError, subprocess.TimeoutExpired) as error:
        print(f"{args.case}: {error}", file=sys.stderr)
        return 1
    finally:
        args.quiet.unlink(missing_ok=True)
    shares.write(args.share)
    return 0


if __name__ == "__main__":
    sys.exit(main())
