#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What execute-only text costs, in instructions.

Boots the patched kernel with xom=off and with xom=auto, isolation off, under QEMU's translator
with one CPU, where one instruction takes one nanosecond.

rows
  getppid, write (1 byte to /dev/null): system calls
  poke          one jump in a module's text is patched: half of what a static key takes on and off
  module load   insmod and rmmod, with their processes

The exit status is 1 when a promise is broken: a system call costs not one instruction more; 2 when
something could not be measured.  The figures of pokes and loads are told and promise nothing.
"""

import json
import statistics

from common import (OUT, TOP, CannotMeasure, argument_parser, build_programs, compiler_of,
                    copy_images, kernel_folders, number, parts_of, print_changes, print_table,
                    promise, read_baseline, run_guest, run_program, write_json)

BASELINE = TOP / "bench/text-baseline.json"
RESULT = OUT / "text.json"
BENCH = TOP / "build/host/bench/asi-bench"

COLUMNS = {"xom=off": "off", "xom=auto": "pks"}
CALLS = ("getppid", "write")
ROWS = (*CALLS, "poke", "module load")


def digest(lines, column):
    rows, pokes, loads = {}, [], {}
    for line in lines:
        if not line.startswith("{"):
            continue
        cell = json.loads(line)
        if "poke" in cell:
            pokes.append(cell["poke"] / cell["count"])
        elif "counted" in cell:
            loads[cell["ops"]] = cell["cpu_ns"]
        elif "op" in cell:
            rows[cell["op"]] = cell["ns"] / cell["ops"]
    if f"backend {COLUMNS[column]}" not in lines:
        raise CannotMeasure(f"{column}: text is not as it should be: " +
                            ", ".join(line for line in lines if line.startswith("reason")))
    if not pokes or len(loads) != 2:
        raise CannotMeasure(f"{column}: the guest broke off")
    fewest, most = sorted(loads)
    rows["poke"] = statistics.median_low(pokes)
    rows["module load"] = (loads[most] - loads[fewest]) / (most - fewest)
    return rows


def measure(args, folder, image):
    result = {}
    parts = parts_of("text: boot", list(COLUMNS))
    for column in COLUMNS:
        with parts.part(column):
            lines = run_guest(image, f"asi=off {column}", args.timeout, TOP / "bench/xom/guest",
                              BENCH, folder.absolute())
            result[column] = digest(lines, column)
    return result


def print_result(result):
    off, on = (result[column] for column in COLUMNS)
    print_table("instructions", ["", *COLUMNS, "more"],
                [[row, number(off[row]), number(on[row]), number(on[row] - off[row])]
                 for row in ROWS])


def check_promises(result):
    off, on = (result[column] for column in COLUMNS)
    print()
    return sum(promise(round(on[row] - off[row]) == 0,
                       f"{row}: execute-only text costs nothing: {on[row] - off[row]:+.2f}")
               for row in CALLS)


def compare_with_baseline(result):
    baseline = read_baseline(BASELINE, result, ["compiler"])
    if not baseline:
        return
    lines = []
    for column in COLUMNS:
        for row in ROWS:
            before, now = baseline[column].get(row), result[column][row]
            if before is None or abs(now - before) > 0.02 * before:
                lines.append([f"{row}, {column}", number(before), number(now),
                              "-" if before is None else f"{now - before:+.0f}"])
    print_changes(lines)


def main():
    args = argument_parser(__doc__, BASELINE, ("patched",)).parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    build_programs("bench")
    folders = kernel_folders(args, ("patched",))
    result = measure(args, folders["patched"], copy_images(folders)["patched"])
    result["compiler"] = compiler_of(folders["patched"])
    write_json(RESULT, result)
    print_result(result)
    compare_with_baseline(result)
    if args.update:
        write_json(BASELINE, result)
    return 1 if check_promises(result) else 0


if __name__ == "__main__":
    run_program(main)
