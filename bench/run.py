#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Instructions per operation beside the unpatched kernel.

Boots each kernel once under QEMU's translator with one CPU, where one
instruction takes one nanosecond, so that times are counts of instructions and
repeat.  Instructions do not see what a CR3 write or a TLB refill costs: the
kernel's own counts of those events per operation stand beside them.

columns
  unpatched     the source without the patches, same configuration
  asi=off       patched
  unused        patched, asi=on, no virtual machine exists
  used          patched, asi=on; for exits: of an isolated virtual machine;
                for system calls: while the domain of one exists
  pti           unpatched, pti=on
  used+pti      as used, with pti=on
  isolated      patched, asi=on sci=on: the process that makes the calls is isolated
                with all its calls; for pipe both processes are
  isolated+pti  as isolated, with pti=on
  beside        patched, asi=on sci=on: not isolated, while an isolated process exists
asi=on goes with sci=on everywhere.

rows
  getppid, write (1 byte to /dev/null), pipe (1 byte to a process and back);
  kvm_run: the ioctl alone, which returns before it enters the guest;
  cpuid, msr, hypercall, npf (first touch of a page): exits that the kernel
  handles; in, out, mmio: exits that user space handles, a KVM_RUN round trip.
  A row marked ~ depends on when timer ticks and the scheduler's own clock fall,
  and repeats within a percent.

System calls with isolation have a table of their own.  The next two give CR3
writes, faults and leaves per operation; they are counted over long runs, so that
a few hundredths are interrupts.  The last is the whole life of a virtual machine
with one vCPU and 100 exits: instructions of the process, and the time until all
is gone, which is mostly waiting; pages lost are what the page allocator did not
have back, per machine, give or take some that caches took or gave back: a leak is
a number that stays.

The exit status is 1 when a promise is broken (see PROMISES in this file), 2
when something could not be measured.  Differences from bench/baseline.json are
printed and break nothing: another compiler counts otherwise.
"""

import collections
import json
import statistics

from common import (ASICTL, BUILD, MINIVM, OUT, TOP, CannotMeasure, argument_parser,
                    build_programs, compiler_of, copy_images, doubts_about, kernel_folders, number,
                    parts_of, print_changes, print_table, promise, read_baseline, run_guest,
                    run_program, write_json)

BASELINE = TOP / "bench" / "baseline.json"
# Where bench/Makefile puts it.
BENCH = BUILD / "host/bench/asi-bench"

Boot = collections.namedtuple("Boot", "kernel append columns")

# "columns" names the column of the phases before and with a domain.
BOOTS = [
    Boot("unpatched", "", {"unused": "unpatched", "exits": "unpatched"}),
    Boot("patched", "asi=off", {"unused": "asi=off", "exits": "asi=off"}),
    Boot("patched", "asi=on sci=on", {"unused": "unused", "exits": "used", "used": "used",
                                      "isolated": "isolated", "beside": "beside"}),
    Boot("unpatched", "pti=on", {"unused": "pti", "exits": "pti"}),
    Boot("patched", "asi=on sci=on pti=on", {"exits": "used+pti", "used": "used+pti",
                                             "isolated": "isolated+pti"}),
]
MACHINE_COLUMNS = ["unpatched", "asi=off", "unused", "used", "pti", "used+pti"]
ISOLATED_COLUMNS = ["isolated", "isolated+pti", "beside"]
COLUMNS = MACHINE_COLUMNS + ISOLATED_COLUMNS
ROWS = ["getppid", "write", "pipe", "kvm_run", "cpuid", "msr", "hypercall", "npf",
        "in", "out", "mmio"]
CALL_ROWS = ["getppid", "write", "pipe"]
APPROXIMATE = {"pipe", "npf"}
EVENTS = {"cr3": "cr3_writes", "fault": "faults", "leave": "exits"}
LIFE = ["instructions", "elapsed", "pages_lost"]

# Each hook on the path of an exit that the kernel handles is one NOP or jump while its
# static key is off.  With SVM, linux/6.12/hooks/0005:
EXIT_HOOKS = [
    "kvm_asi_prepare",      # vcpu_enter_guest()
    "kvm_asi_svm_enter",    # svm_vcpu_enter_exit(), before the run
    "kvm_asi_svm_vmexit",   # svm_vcpu_enter_exit(), after the run
    # 0008, in __svm_vcpu_run(); alternatives, NOPs where VERW is one:
    "ASI_TEST_BUFFERS",
    "ASI_JUMP_IF_CLEAN",
    # 0011:
    "kvm_asi_hold",         # kvm_vcpu_exit_request()
]
# On the path of a system call, NOPs as well: asi_smt_reach() and asi_smt_rest(), the end of
# a refuge, and what stands beside VERW.
CALL_HOOKS = ["arch_enter_from_user_mode", "arch_exit_to_user_mode", "asi_exit_to_user",
              "ASI_VERW"]
# Not on that path: kvm_asi_run_begin and _end are once per KVM_RUN;
# asi_leave_for_cr3 is in switch_mm_irqs_off() and the TLB flushes; asi_irq_enter
# and _exit take part only when an interrupt arrives, and rounds with one are
# thrown away; asi_current_cr3 is in __get_current_cr3_fast(), which only VMX
# calls.

# (column, than, row, most instructions more)
PROMISES = [
    ("asi=off", "unpatched", "getppid", len(CALL_HOOKS)),
    ("asi=off", "unpatched", "write", len(CALL_HOOKS)),
    ("asi=off", "unpatched", "cpuid", len(EXIT_HOOKS)),
    ("unused", "unpatched", "getppid", len(CALL_HOOKS)),
    ("used", "unpatched", "cpuid", 45),
    ("used", "unpatched", "msr", 45),
    ("used", "unpatched", "hypercall", 45),
    ("used", "unpatched", "npf", 65),
    ("used", "unpatched", "kvm_run", 100),
    ("used", "unpatched", "out", 270),
    ("used+pti", "pti", "cpuid", 45),
    ("isolated", "unpatched", "getppid", 125),
    ("beside", "unpatched", "getppid", len(CALL_HOOKS)),
]
# (column, row, most writes of CR3): handled inside; and to user space, out and in.
CR3_PROMISES = [
    ("used", "cpuid", 0), ("used", "msr", 0), ("used", "hypercall", 0),
    ("used", "npf", 0), ("used", "out", 2), ("used+pti", "cpuid", 0), ("used+pti", "out", 2),
    # An isolated call writes it on its way in and on its way out.
    ("isolated", "getppid", 2), ("isolated", "write", 2),
]
# (column, row): what these need is mapped after the first time.
FAULT_PROMISES = [("isolated", "getppid"), ("isolated", "write"), ("isolated+pti", "getppid")]
# Page tables of the domain of a guest with one vCPU: 14 to 17, by where its objects lie.
MOST_TABLES_KIB = 80


# ---- measuring --------------------------------------------------------------


def boot(image, append, timeout):
    lines = run_guest(image, append, timeout, TOP / "bench/guest", BENCH, MINIVM, ASICTL)
    return [json.loads(line) for line in lines if line.startswith("{")]


def per_operation(counters, operations):
    if counters is None:
        return {event: None for event in EVENTS}
    return {event: counters.get(key, 0) / operations for event, key in EVENTS.items()}


def difference(long_run, short_run):
    """What the operations cost that one run did and the other did not."""
    operations = long_run["ops"] - short_run["ops"]
    counters = long_run["counters"]
    if counters is not None:
        counters = {key: value - short_run["counters"][key] for key, value in counters.items()}
    return operations, counters


def exit_row(runs):
    """Most runs had no timer tick in either round: the median is one of them."""
    middle = statistics.median_low(run["total_ns"] for run in runs)
    return {"instructions": middle / runs[0]["count"], "runs": len(runs),
            "agree": sum(abs(run["total_ns"] - middle) <= 2 for run in runs)}


def life_of_machine(short_run, *long_runs):
    """Filling and draining caches moves pages both ways: the middle run tells."""
    operations, counters = difference(long_runs[-1], short_run)

    def middle(key):
        return statistics.median_low(run[key] for run in long_runs)

    return {"instructions": (middle("cpu_ns") - short_run["cpu_ns"]) / operations,
            "elapsed": (middle("elapsed_ns") - short_run["elapsed_ns"]) / operations,
            "pages_lost": middle("pages_lost") / long_runs[0]["ops"],
            **per_operation(counters, operations)}


def digest(lines):
    """One boot's lines, as {phase: {row: cell}}, the machine's life and its domain."""
    cells = collections.defaultdict(dict)
    exits = collections.defaultdict(list)
    counted = collections.defaultdict(list)
    phase = domain = None
    for line in lines:
        if "phase" in line:
            phase = line["phase"]
        elif "domain" in line:
            domain = line["domain"]
        elif "counted" in line:
            counted[line["counted"]].append(line)
        elif "vcpus" in line:
            exits[line["op"]].append(line)
        else:
            cells[phase][line["op"]] = {
                "instructions": line["ns"] / line["ops"], "runs": line["rounds"],
                "agree": line["agree"],
                **per_operation(line["counters"], line["counted_ops"])}

    for op, runs in exits.items():
        short_run, long_run = counted[op]
        operations, counters = difference(long_run, short_run)
        cells["exits"][op] = {**exit_row(runs), **per_operation(counters, operations)}

    return cells, life_of_machine(*counted["churn"]), domain


def measure(args, images):
    result = {"cells": {column: {} for column in COLUMNS}, "life": {}, "domain": {}}
    names = [f"{one.kernel} {one.append}".strip() for one in BOOTS]
    parts = parts_of("bench: boot", names)
    for name, one in zip(names, BOOTS):
        with parts.part(name):
            lines = boot(images[one.kernel], one.append, args.timeout)
        cells, life, domain = digest(lines)
        for phase, column in one.columns.items():
            result["cells"][column].update(cells[phase])
        result["life"][one.columns["exits"]] = life
        if domain:
            result["domain"][one.columns["exits"]] = domain
    return result


# ---- printing ---------------------------------------------------------------


def print_unsteady(cells):
    for column in COLUMNS:
        for row, cell in cells[column].items():
            if row not in APPROXIMATE and 2 * cell["agree"] <= cell["runs"]:
                print(f"\nunsteady: {row}, {column}: {cell['agree']} of {cell['runs']} "
                      "rounds agree")


def print_result(result):
    cells = result["cells"]

    def instructions(title, rows, columns):
        print_table(title, [""] + columns,
                    [[row + (" ~" if row in APPROXIMATE else "")] +
                     [number(cells[column].get(row, {}).get("instructions"))
                      for column in columns] for row in rows])

    def events(title, rows, columns):
        # Without isolation nothing is counted.
        counted = [column for column in columns
                   if any(cell.get("cr3") is not None for cell in cells[column].values())]
        print_table(title, [""] + counted,
                    [[row] + [" ".join(number(cells[column].get(row, {}).get(event)).rjust(5)
                                       for event in EVENTS) for column in counted]
                     for row in rows])

    instructions("instructions per operation", ROWS, MACHINE_COLUMNS)
    instructions("instructions per system call of an isolated process, and beside one",
                 CALL_ROWS, ["unpatched", "isolated", "beside", "pti", "isolated+pti"])
    events("CR3 writes, faults and leaves of domains, per operation", ROWS, MACHINE_COLUMNS)
    events("CR3 writes, faults and leaves of domains, per system call", CALL_ROWS,
           ISOLATED_COLUMNS)

    life = result["life"]
    columns = [column for column in COLUMNS if column in life]
    rows = [[name.replace("_", " ")] +
            [number(life[column][name], 1 if name == "pages_lost" else 0) for column in columns]
            for name in LIFE]
    rows += [[label] + [number(life[column][event]) for column in columns]
             for label, event in (("CR3 writes", "cr3"), ("faults", "fault"),
                                  ("leaves", "leave"))]
    print_table("life of a virtual machine", [""] + columns, rows)
    if "used" in life and "asi=off" in life:
        extra = life["used"]["instructions"] - life["asi=off"]["instructions"]
        print(f"a domain's share of it: {extra:.0f} instructions")

    print_unsteady(cells)
    for column, domain in result["domain"].items():
        print(f"\na domain ({column}): {domain['tables']} page tables and {domain['reserve']} "
              f"in reserve, {domain['tables'] + domain['reserve'] + 1} pages with its record; "
              f"it maps {domain['owned_bytes'] // 1024} KiB of its own and reaches "
              f"{domain['reachable_bytes'] / 2**20:.1f} MiB of "
              f"{domain['ram_bytes'] / 2**20:.0f} MiB")


def check_tables(domains):
    broken = 0
    for column, domain in domains.items():
        size = domain["tables"] * 4
        broken += promise(size <= MOST_TABLES_KIB, f"{column}: the tables of a domain take at "
                          f"most {MOST_TABLES_KIB} KiB: {size}")
    return broken


def check_cr3_writes(cells):
    broken = 0
    for column, row, most in CR3_PROMISES:
        writes = cells[column].get(row, {}).get("cr3")
        if writes is None:
            raise CannotMeasure(f"no CR3 writes of {row}, {column}")
        broken += promise(round(writes, 2) <= most,
                          f"{row}: {column} writes CR3 at most {most} times: {writes:.2f}")
    return broken


def check_faults(cells):
    broken = 0
    for column, row in FAULT_PROMISES:
        faults = cells[column].get(row, {}).get("fault")
        if faults is None:
            raise CannotMeasure(f"no faults of {row}, {column}")
        broken += promise(round(faults, 2) == 0, f"{row}: {column} has no faults: {faults:.2f}")
    return broken


def check_promises(result):
    cells = result["cells"]
    broken = 0
    print()
    for column, than, row, most in PROMISES:
        name = f"{row}: {column} costs at most {most} more than {than}"
        try:
            more = cells[column][row]["instructions"] - cells[than][row]["instructions"]
        except KeyError as error:
            raise CannotMeasure(f"no figure for {name}") from error
        # The clock rounds; no count is off by half an instruction.
        exact = row not in APPROXIMATE
        kept = 0 <= round(more) <= most and (not exact or abs(more - round(more)) < 0.1)
        broken += promise(kept, f"{name}: {more:+.2f}")
    return broken + check_cr3_writes(cells) + check_faults(cells) + check_tables(result["domain"])


def compare_with_baseline(result):
    baseline = read_baseline(BASELINE, result, ["compiler"])
    if not baseline:
        return
    lines = []
    for column in COLUMNS:
        for row in ROWS:
            old = baseline["cells"].get(column, {}).get(row)
            new = result["cells"][column].get(row)
            for what in ("instructions", *EVENTS):
                before, now = (cell and cell.get(what) for cell in (old, new))
                if before is None and now is None:
                    continue
                if before is not None and now is not None:
                    exact = what == "instructions" and row not in APPROXIMATE
                    if abs(now - before) <= (0.1 if exact else max(0.02, 0.01 * before)):
                        continue
                lines.append([f"{row}, {column}, {what}", number(before), number(now),
                              "-" if None in (before, now) else f"{now - before:+.2f}"])
    print_changes(lines)


def main():
    args = argument_parser(__doc__, BASELINE).parse_args()

    OUT.mkdir(parents=True, exist_ok=True)
    build_programs("bench", "tools/minivm", "tools/asictl")
    folders = kernel_folders(args)
    images = copy_images(folders)

    result = measure(args, images)
    result["compiler"] = compiler_of(folders["patched"])
    write_json(OUT / "result.json", result)

    print_result(result)
    for doubt in doubts_about(folders):
        print(f"\ndoubt: {doubt}")
    compare_with_baseline(result)
    if args.update:
        write_json(BASELINE, result)
    return 1 if check_promises(result) else 0


if __name__ == "__main__":
    run_program(main)
