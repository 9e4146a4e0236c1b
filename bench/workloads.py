#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a real guest's work costs: its VM exits, and how many stay inside.

Boots each kernel under QEMU's translator, which has SVM, and in it a Linux guest
under Debian's QEMU with KVM, virtio-blk and virtio-net.  The guest says on a
serial line where each workload begins and ends; the kernel's counters are read
there, while the guest waits.

workloads
  boot   from the start of QEMU to the first program
  fs     ext4 on virtio-blk: make, write, read, remove, sync
  net    virtio-net to a server on the host: small requests, bulk both ways
  fork   two shells that start programs
  idle   sleeps, --idle seconds

columns: the kernel's parameters; /1 and /2 are the guest's vCPUs.  The host has
two processors always; with asi_smt= they are threads of one core.

tables
  VM exits, as KVM counts them (debugfs kvm/exits), and seconds, which depend on
  what else the machine does;
  inside: of the exits that do not go to user space the share that never left the
  restricted address space.  A first touch of guest memory counts as inside,
  unless it left; where the host had no page for it either, it does not count.  Exits that KVM's fast path handles are not among them;
  events per 1000 exits: CR3 writes, faults of domains, and flushes where the
  kernel counts them;
  guests that were interrupted and held for a sibling's sake, and that ran beside the
  kernel, per 1000 exits;
  causes of leaving, most frequent first, with the exits that were being handled;
  the kernel tells 128 causes of a vCPU apart, and counts the rest by exit only.
  The kernel books one for exits to user space too: causes that came only with
  such exits are not shown.

The whole result is in build/bench/workloads.json.  Counts do not repeat: the
processors run in parallel.  The exit status is 1 when a promise is broken: in each
workload at least 99 % stay inside (98 % with asi_smt=stun), of the exits after which
the CPU did not go to another task; no critical section is lost, and no warning is in
the kernel's log; 2 when something could not be measured.
"""

import collections
import json
import re
import shutil
import subprocess
import sys

from common import (MINIVM, OUT, TOP, CannotMeasure, argument_parser, build_programs, compiler_of,
                    copy_images, doubts_about, kernel_folders, number, parts_of, print_changes,
                    print_table, promise, read_baseline, run_program, write_json)

BASELINE = TOP / "bench" / "workloads-baseline.json"
RESULT = OUT / "workloads.json"
INITRD = OUT / "workloads.cpio"
NESTED = TOP / "bench/nested"

WORKLOADS = ["boot", "fs", "net", "fork", "idle"]
PROMISED_PERCENT = 99
# A guest that is held leaves for what interrupts it meanwhile, and exits less often.
PROMISED_PERCENT_STUNNED = 98
# With several threads QEMU before 8.1 now and then ends a guest, isolated or not.
ATTEMPTS = 3
# In the baseline.
KEPT_CAUSES = 10

Boot = collections.namedtuple("Boot", "kernel append vcpus")
BOOTS = {
    "unpatched/2": Boot("unpatched", "", 2),
    "asi=off/2": Boot("patched", "asi=off", 2),
    "asi=on/1": Boot("patched", "asi=on", 1),
    "asi=on/2": Boot("patched", "asi=on", 2),
    "asi=on pti=on/2": Boot("patched", "asi=on pti=on", 2),
    "asi=on asi_smt=count/2": Boot("patched", "asi=on asi_smt=count", 2),
    "asi=on asi_smt=stun/2": Boot("patched", "asi=on asi_smt=stun", 2),
}

OUTCOMES = ["inside", "left", "user", "first_touch"]
# Of /sys/kernel/debug/asi/stats.
EVENTS = {"cr3": "cr3_write", "fault": "fault"}
SIBLINGS = ("smt_stuns", "smt_held", "smt_overlaps")


# ---- what is needed ---------------------------------------------------------


def program(name):
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not path:
        raise CannotMeasure(f"no {name}")
    return path


def make_initrd():
    """busybox, mke2fs with its libraries, and the guest's script."""
    mke2fs = program("mke2fs")
    libraries = re.findall(r"(/\S+) \(0x", subprocess.run(
        ["ldd", mke2fs], stdout=subprocess.PIPE, text=True, check=True).stdout)
    files = [f"{path}:{path}" for path in libraries]
    files += [f"{mke2fs}:/sbin/mke2fs", f"{program('busybox')}:/bin/busybox",
              f"{NESTED / 'guest'}:/bin/guest"]
    if subprocess.run([MINIVM, "mkinitrd", f"--out={INITRD}",
                       *(f"--add={file}" for file in files)]).returncode:
        raise CannotMeasure("no initial file system")


# ---- reading what the kernel says -------------------------------------------


def pairs(words):
    return dict(zip(words[::2], words[1::2]))


def block_of(account, pid):
    """The lines about the machine of that process, and those about none."""
    lines = []
    for block in re.split(r"\n\s*\n", account or ""):
        head = block.split("\n", 1)[0]
        if not head.startswith("vm ") or re.match(rf"vm \d+ pid {pid} ", head):
            lines += block.splitlines()
    return lines


def read_account(account, pid):
    """debugfs asi/kvm as {kind of line: Counter}."""
    result = {key: collections.Counter() for key in ("exits", "reasons", "causes", "flushes")}
    for line in block_of(account, pid):
        key, *words = line.split()
        if key == "exits":
            result["exits"].update({name: int(count) for name, count in pairs(words).items()})
        elif key == "reason":
            counts = pairs(words[3:])
            result["reasons"].update({(words[0], words[2], name): int(counts[name])
                                      for name in OUTCOMES})
        elif key == "cause":
            match = re.fullmatch(r"cause reason (\S+) code (\S+) how (\S+) (.*)count (\d+)", line)
            fault = re.match(r"kind (\S+) cache (\S+) access (\S+) ip \S+ symbol (.*)/0x",
                             match[4])
            result["causes"][(match[1], match[2], match[3], *(fault.groups() if fault else
                                                              "----"))] += int(match[5])
        elif key == "causes_dropped":
            result["exits"]["causes_dropped"] += int(words[0])
        elif key == "flush":
            counts = pairs(words[1:])
            result["flushes"].update({(words[0], name): int(count)
                                      for name, count in counts.items()})
    return result


def read_stats(text):
    return collections.Counter({name: int(count) for name, count in
                                (line.split() for line in (text or "").splitlines())})


def causes_between(causes, reasons):
    """Most frequent first; those that came only with exits to user space are apart."""
    table = collections.defaultdict(collections.Counter)
    for (reason, code, *cause), count in causes.items():
        kernel = reasons[(reason, code, "left")] + reasons[(reason, code, "first_touch")]
        table[(bool(kernel), *cause)][reason] += count
    keys = ("how", "kind", "cache", "access", "symbol")
    listed = [{"count": sum(by_reason.values()), "in_kernel": in_kernel,
               **dict(zip(keys, cause)), "reasons": dict(by_reason.most_common())}
              for (in_kernel, *cause), by_reason in table.items()]
    return sorted(listed, key=lambda cause: -cause["count"])


def cell_between(begin, end):
    """One workload's figures, from two reports of bench/nested/host.py."""
    kvm = {name: count - begin["kvm"].get(name, 0) for name, count in end["kvm"].items()}
    cell = {"seconds": end["seconds"] - begin["seconds"], "exits": kvm["exits"],
            "kvm": {name: count for name, count in sorted(kvm.items()) if count}}
    if end["account"] is None:
        return cell

    before, after = (read_account(one["account"], end["pid"]) for one in (begin, end))
    if not after["exits"]:
        raise CannotMeasure("the guest is not in asi/kvm")
    account = {key: after[key] - before[key] for key in after}
    exits = account["exits"]
    # Where the host had no page there was one to make.
    kernel = exits["inside"] + exits["left"] + exits["first_touch"] - exits["no_page"]
    stayed = exits["inside"] + exits["first_touch"] - exits["first_touch_left"]
    if not kernel:
        raise CannotMeasure(f"{end['mark']}: no exit that the kernel handled")
    stats = read_stats(end["stats"])
    stats.subtract(read_stats(begin["stats"]))

    reasons = collections.defaultdict(dict)
    for (reason, code, outcome), count in account["reasons"].items():
        reasons[code if reason == "unnamed" else reason][outcome] = count

    flushes = collections.defaultdict(dict)
    for (name, what), count in (after["flushes"] | account["flushes"]).items():
        flushes[name][what] = account["flushes"][(name, what)]
    cell.update({
        "booked": {name: exits[name] for name in OUTCOMES + ["first_touch_left", "no_page", "switched"]},
        "kernel_exits": kernel, "stayed": stayed,
        "percent": 100 * stayed / kernel,
        # Another task does not run in this guest's address space.
        "percent_unswitched": 100 * stayed / (kernel - exits["switched"]),
        "reasons": reasons,
        "causes": causes_between(account["causes"], account["reasons"]),
        "causes_dropped": exits["causes_dropped"],
        "flushes": flushes,
        "stats": {name: count for name, count in stats.items() if count},
        "per_1000": {event: 1000 * stats[name] / kvm["exits"] for event, name in EVENTS.items()},
    })
    cell["siblings_per_1000"] = {name: 1000 * stats[name] / kvm["exits"] for name in SIBLINGS}
    if flushes:
        done = sum(counts.get("done", 0) for counts in flushes.values())
        cell["per_1000"]["flush"] = 1000 * done / kvm["exits"]
    return cell


# ---- measuring --------------------------------------------------------------


def boot(name, images, args, line):
    one = BOOTS[name]
    label = name.replace("/", "-").replace(" ", "-")
    command = [TOP / "tools/vm/run", f"--accel={args.accel}", "--smp=2", "--mem=2G",
               f"--timeout={args.timeout + args.idle}", f"--kernel={images[one.kernel]}",
               f"--log={OUT}/workloads-{label}.log"]
    if args.accel == "tcg":
        # One thread for two processors hangs nested guests.
        command.append("--tcg-thread=multi")
    if "asi_smt=" in one.append:
        command += ["--qemu-arg=-smp", "--qemu-arg=2,threads=2"]
    command.append(f"--append={one.append} maxcpus=1")
    command += [f"--env=MINIVM={MINIVM}", "--", TOP / "selftests/lib/without-code-patching",
                NESTED / "host.py", images["patched"], INITRD, str(one.vcpus), str(args.idle),
                *(workload for workload in args.workloads if workload != "boot")]
    for attempt in range(1, ATTEMPTS + 1):
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if run.returncode == 0:
            return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
        line.say(f"workloads: {name}: attempt {attempt} ended with {run.returncode}", sys.stderr)
    raise CannotMeasure(f"{name}: no attempt of {ATTEMPTS} measured anything")


def digest(lines):
    """One boot's reports, as its column of the result."""
    marks = {line["mark"]: line for line in lines if "mark" in line}
    ended = [mark.split()[1] for mark in marks if mark.startswith("end ")]
    cells = {workload: cell_between(marks[f"begin {workload}"], marks[f"end {workload}"])
             for workload in ended}
    last = read_stats(marks[f"end {ended[-1]}"]["stats"])
    return {"workloads": cells, "critical_lost": last["critical_lost"],
            "complaints": lines[-1]["complaints"]}


def measure(args, images, names):
    columns = {}
    parts = parts_of("workloads: boot", names)
    for name in names:
        with parts.part(name):
            lines = boot(name, images, args, parts.line)
        columns[name] = digest(lines)
        # In case a later one fails.
        write_json(RESULT, {"columns": columns})
    return columns


# ---- printing ---------------------------------------------------------------


def cell_of(columns, name, workload):
    return columns.get(name, {}).get("workloads", {}).get(workload, {})


def print_causes(cell, name, workload, most):
    causes = [cause for cause in cell["causes"] if cause["in_kernel"]]
    if not causes:
        return
    print(f"\ncauses of leaving: {workload}, {name}: {cell['kernel_exits'] - cell['stayed']} "
          f"of {cell['kernel_exits']} exits left")
    shown = ("how", "kind", "cache", "access", "symbol")
    rows = [[str(cause["count"]).rjust(7), *(cause[key] for key in shown),
             ", ".join(f"{reason} {count}" for reason, count in
                       list(cause["reasons"].items())[:4])] for cause in causes[:most]]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())
    if causes[most:]:
        print(f"{sum(cause['count'] for cause in causes[most:]):7}  "
              f"of {len(causes) - most} more causes")
    if cell["causes_dropped"]:
        print(f"{cell['causes_dropped']:7}  of causes that the kernel had no room for")
    by_exit = sorted(((counts.get("left", 0), reason)
                      for reason, counts in cell["reasons"].items()), reverse=True)
    print("left, by exit: " + ", ".join(f"{reason} {left}" for left, reason in by_exit if left))


def print_result(columns, workloads, most_causes):
    names = list(columns)

    def table(title, names, text):
        if names:
            print_table(title, [""] + names,
                        [[workload] + [text(cell_of(columns, name, workload)) for name in names]
                         for workload in workloads])

    table("VM exits", names, lambda cell: str(cell["exits"]))
    table("seconds", names, lambda cell: number(cell["seconds"], 1))
    isolated = [name for name in names
                if any("booked" in cell for cell in columns[name]["workloads"].values())]
    table("exits that do not go to user space", isolated,
          lambda cell: str(cell["kernel_exits"]))
    table("of these inside, %", isolated, lambda cell: number(cell["percent"]))
    table("of these the CPU went to another task before the next entry", isolated,
          lambda cell: str(cell["booked"]["switched"]))
    table("of the others inside, %", isolated,
          lambda cell: number(cell["percent_unswitched"]))

    def events(cell):
        return " ".join(number(cell["per_1000"].get(event), 0).rjust(5)
                        for event in (*EVENTS, "flush"))

    def siblings(cell):
        return " ".join(number(cell["siblings_per_1000"][name], 0).rjust(5) for name in SIBLINGS)

    table("CR3 writes, faults and flushes per 1000 exits", isolated, events)
    table("guests stunned, held and overlapping per 1000 exits",
          [name for name in isolated if "asi_smt=" in name], siblings)
    for name in isolated:
        for workload in workloads:
            print_causes(cell_of(columns, name, workload), name, workload, most_causes)


def check_promises(columns):
    broken = 0
    print()
    for name, column in columns.items():
        promised = PROMISED_PERCENT_STUNNED if "asi_smt=stun" in name else PROMISED_PERCENT
        for workload, cell in column["workloads"].items():
            if "percent" in cell:
                broken += promise(cell["percent_unswitched"] >= promised,
                                  f"{name}, {workload}: at least {promised} % stay "
                                  f"inside, switches to other tasks apart: "
                                  f"{number(cell['percent_unswitched'])}; with them: "
                                  f"{number(cell['percent'])}")
            if "asi_smt=stun" in name:
                overlaps = cell["siblings_per_1000"]["smt_overlaps"]
                broken += promise(overlaps == 0, f"{name}, {workload}: no guest runs beside the "
                                  f"kernel: {number(overlaps)} times in 1000 exits")
        broken += promise(column["critical_lost"] == 0,
                          f"{name}: no critical section is lost: {column['critical_lost']}")
        broken += promise(not column["complaints"],
                          f"{name}: no warning in the kernel's log" +
                          "".join(f"\n        {line}" for line in column["complaints"][:5]))
    return broken


def compare_with_baseline(columns, workloads):
    baseline = read_baseline(BASELINE)
    if not baseline:
        return
    rows = []
    for name in columns:
        for workload in workloads:
            before, now = (cell_of(one, name, workload).get("percent")
                           for one in (baseline["columns"], columns))
            if before is None or now is None:
                continue
            # Of much that leaves more depends on how the processors run.
            if abs(now - before) > max(0.5, 0.15 * (100 - before)):
                rows.append([f"{workload}, {name}", number(before), number(now),
                             f"{now - before:+.2f}"])
    print_changes(rows, "inside, %, changed since the baseline", "inside: as the baseline")


def without_details(column):
    """The baseline keeps what the tables show."""
    cells = {workload: {key: value[:KEPT_CAUSES] if key == "causes" else value
                        for key, value in cell.items() if key not in ("kvm", "stats")}
             for workload, cell in column["workloads"].items()}
    return {**column, "workloads": cells}


def update_baseline(result):
    """Columns that were not measured stay."""
    columns = json.loads(BASELINE.read_text())["columns"] if BASELINE.exists() else {}
    columns.update({name: without_details(column) for name, column in result["columns"].items()})
    write_json(BASELINE, {**result, "columns": columns})


def parse_arguments():
    parser = argument_parser(__doc__, BASELINE,
                             limit="limit for each of the boots, idling apart")
    parser.add_argument("--idle", type=int, default=60, metavar="SECONDS",
                        help="how long the workload idle sleeps (default %(default)s)")
    parser.add_argument("--vcpus", type=int, choices=(1, 2), metavar="1|2",
                        help="only guests with so many vCPUs (default: 2, and with asi=on "
                        "both); with 1 all columns have such a guest")
    parser.add_argument("--column", action="append", metavar="NAME", dest="columns",
                        help="only that column, without its /1 or /2: asi=on; may repeat")
    parser.add_argument("--workload", action="append", choices=WORKLOADS, dest="workloads",
                        help="only that workload, and boot; may repeat")
    parser.add_argument("--causes", type=int, default=5, metavar="N",
                        help="causes of leaving to print for each (default %(default)s)")
    parser.add_argument("--accel", default="tcg", choices=("tcg", "kvm"),
                        help="what runs the kernels (default %(default)s)")
    args = parser.parse_args()
    args.workloads = [name for name in WORKLOADS
                      if name == "boot" or not args.workloads or name in args.workloads]
    return args


def chosen_boots(args):
    if args.vcpus == 1:
        for name in [name for name in BOOTS if name.endswith("/2")]:
            BOOTS[name[:-1] + "1"] = BOOTS[name]._replace(vcpus=1)
    names = [name for name, one in BOOTS.items()
             if args.vcpus in (None, one.vcpus) and
             (not args.columns or name.rpartition("/")[0] in args.columns)]
    if not names:
        raise CannotMeasure(f"no such column: {', '.join(args.columns)}")
    return names


def main():
    args = parse_arguments()
    names = chosen_boots(args)
    OUT.mkdir(parents=True, exist_ok=True)
    build_programs("tools/minivm")
    make_initrd()
    # The patched one is the guest's, too.
    folders = kernel_folders(args, {"patched"} | {BOOTS[name].kernel for name in names})
    images = copy_images(folders)

    columns = measure(args, images, names)
    result = {"columns": columns, "idle_seconds": args.idle,
              "compiler": compiler_of(folders["patched"])}
    write_json(RESULT, result)
    print_result(columns, args.workloads, args.causes)
    for doubt in doubts_about(folders):
        print(f"\ndoubt: {doubt}")
    compare_with_baseline(columns, args.workloads)
    if args.update:
        update_baseline(result)
    return 1 if check_promises(columns) else 0


if __name__ == "__main__":
    run_program(main)
