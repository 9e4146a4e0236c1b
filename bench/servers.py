#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What isolated system calls cost whole servers: instructions per request.

Boots a kernel for each column under QEMU's translator with one CPU, where one
instruction takes one nanosecond, so that the CPU time of a task is a count of
instructions, its system calls included.  The client is never isolated.
Instructions do not see what a CR3 write or a TLB refill costs: the kernel's own
counts of those events per request stand beside them.

columns
  off           without isolation of anything: the unpatched kernel if there is
                one, else the patched one with asi=off
  pti           the same, pti=on
  isolated      patched, asi=on sci=on: the server with all its system calls
  isolated+pti  as isolated, with pti=on

rows
  redis set, redis get: redis-server, 8 connections of redis-benchmark, which stay;
  nginx: a small file, ab, which makes a connection for each request, 8 at a time

Each figure is the difference of two runs that are not equally long, the median of
--rounds such differences; the percentages are to the column without isolation.
Work in softirqs counts for whom they interrupt: an answer is received on the
server's account, a request on the client's.  CR3 writes are those of isolation, not
of the scheduler or PTI.  Figures of the server repeat within 2 %, those with its
client within 5 %: how many requests one finds at once depends on when it runs.

The exit status is 1 when an isolated server has more than a tenth of a fault per
request: what it needs is mapped after the first time; 2 when something could not
be measured.  Differences from bench/servers-baseline.json are printed and break
nothing.
"""

import collections
import json
import statistics

from common import (ASICTL, BUILD, OUT, TOP, CannotMeasure, argument_parser, build_programs,
                    compiler_of, copy_images, doubts_about, install, kernel_folders, number,
                    parts_of, print_changes, print_table, promise, read_baseline, run_guest,
                    run_program, write_json)

BASELINE = TOP / "bench/servers-baseline.json"
RESULT = OUT / "servers.json"
# Where bench/Makefile puts it.
BENCH = BUILD / "host/bench/asi-bench"

ROWS = ["redis set", "redis get", "nginx"]
Boot = collections.namedtuple("Boot", "isolated append than")
COLUMNS = {
    "off": Boot(False, "", None),
    "pti": Boot(False, "pti=on", "off"),
    "isolated": Boot(True, "asi=on sci=on", "off"),
    "isolated+pti": Boot(True, "asi=on sci=on pti=on", "pti"),
}
# Of /sys/kernel/debug/asi/stats.
EVENTS = {"gates": "gate", "cr3_writes": "cr3_write", "faults": "fault"}
MOST_FAULTS = 0.1
# In the result.
WHOSE = {"server": "of the server", "both": "of the server and its client"}


# ---- measuring --------------------------------------------------------------


def digest(lines):
    """Runs come in pairs: a short one and a long one."""
    runs = collections.defaultdict(list)
    for line in lines:
        if not line.startswith("{"):
            continue
        run = json.loads(line)
        if "counted" in run:
            runs[run["counted"]].append(run)
        else:
            runs[run["server"]][-1]["server_ns"] = 1000 * run["cpu_us"]
    cells = {}
    for name in ROWS:
        found = runs[name]
        if not found:
            raise CannotMeasure(f"{name}: no figures")
        pairs = list(zip(found[::2], found[1::2]))

        def middle(value):
            return statistics.median((value(long_run) - value(short_run)) /
                                     (long_run["ops"] - short_run["ops"])
                                     for short_run, long_run in pairs)

        cells[name] = {"server": middle(lambda run: run["server_ns"]),
                       "both": middle(lambda run: run["server_ns"] + run["cpu_ns"])}
        if all(run["counters"] and EVENTS["gates"] in run["counters"] for run in found):
            for event, key in EVENTS.items():
                cells[name][event] = middle(lambda run, key=key: run["counters"][key])
    return cells


def measure(args, images, plain):
    """`plain` is the kernel for what is not isolated."""
    result = {}
    parts = parts_of("servers: boot", COLUMNS)
    for name, one in COLUMNS.items():
        kernel, append = (("patched", one.append) if one.isolated else
                          (plain, f"asi=off {one.append}" if plain == "patched" else one.append))
        how = [ASICTL, "sci", "run", "--"] if one.isolated else []
        with parts.part(name):
            lines = run_guest(images[kernel], append.strip(), args.timeout,
                              TOP / "bench/sci/servers", BENCH, str(args.rounds), *how)
        result[name] = digest(lines)
    return result


# ---- printing ---------------------------------------------------------------


def more(columns, name, row, what):
    """Than the column to compare with."""
    than = COLUMNS[name].than
    return f"{100 * (columns[name][row][what] / columns[than][row][what] - 1):+.1f} %"


def print_result(result):
    columns = result["columns"]
    for what, title in WHOSE.items():
        head = [""] + [cell for name, one in COLUMNS.items()
                       for cell in ([name, f"to {one.than}"] if one.than else [name])]
        print_table(f"instructions per request, {title}", head,
                    [[row] + [cell for name, one in COLUMNS.items() for cell in
                              [number(columns[name][row][what], 0)] +
                              ([more(columns, name, row, what)] if one.than else [])]
                     for row in ROWS])
    isolated = [name for name, one in COLUMNS.items() if one.isolated]
    for event in EVENTS:
        print_table(f"{event.replace('cr3_', 'CR3 ')} per request", [""] + isolated,
                    [[row] + [number(columns[name][row].get(event)) for name in isolated]
                     for row in ROWS])
    print(f"\nwithout isolation: the {result['plain']} kernel")


def check_promises(columns):
    broken = 0
    print()
    for name, one in COLUMNS.items():
        for row in ROWS if one.isolated else ():
            faults = columns[name][row].get("faults")
            if faults is None:
                raise CannotMeasure(f"no faults of {row}, {name}")
            broken += promise(faults <= MOST_FAULTS, f"{row}: {name} has at most {MOST_FAULTS} "
                              f"faults per request: {faults:.3f}")
    return broken


def compare_with_baseline(result):
    baseline = read_baseline(BASELINE, result, ["compiler", "plain"])
    if not baseline:
        return
    lines = []
    for name, cells in result["columns"].items():
        for row, cell in cells.items():
            old = baseline["columns"].get(name, {}).get(row, {})
            for what, now in cell.items():
                before = old.get(what)
                usual = 0.05 if what == "both" else 0.02
                if before is None or abs(now - before) > max(0.1, usual * before):
                    lines.append([f"{row}, {name}, {what}", number(before), number(now),
                                  "-" if before is None else f"{now - before:+.2f}"])
    print_changes(lines)


def parse_arguments():
    parser = argument_parser(__doc__, BASELINE, timeout=900)
    parser.add_argument("--rounds", type=int, default=5, metavar="N",
                        help="pairs of runs for each row (default %(default)s)")
    return parser.parse_args()


def main():
    args = parse_arguments()
    install("redis-server", "redis-tools", "nginx-light", "apache2-utils")
    OUT.mkdir(parents=True, exist_ok=True)
    build_programs("bench", "tools/asictl")
    # No other kernel is built for this: the patched one without isolation will do.
    has_unpatched = args.unpatched or (BUILD / "unpatched/arch/x86/boot/bzImage").exists()
    plain = "unpatched" if has_unpatched else "patched"
    folders = kernel_folders(args, ("unpatched", "patched") if has_unpatched else ("patched",))
    images = copy_images(folders)

    result = {"columns": measure(args, images, plain), "plain": plain,
              "compiler": compiler_of(folders["patched"])}
    write_json(RESULT, result)

    print_result(result)
    for doubt in doubts_about(folders):
        print(f"\ndoubt: {doubt}")
    compare_with_baseline(result)
    if args.update:
        write_json(BASELINE, result)
    return 1 if check_promises(result["columns"]) else 0


if __name__ == "__main__":
    run_program(main)
