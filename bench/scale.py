#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Does anybody pay for virtual machines that do nothing?

Boots the patched kernel with asi=off and asi=on under QEMU's translator with one
CPU, where one instruction takes one nanosecond, and measures each row beside 0, 1,
16, 64 and 256 idle virtual machines (--machines): processes with a guest that ran
once and halted.  With asi=on each has a domain.

rows
  vfork+exit, fork+exit: a child that ends at once, and waiting for it;
  vmalloc+vfree: of four pages, by the kernel;
  free: a page that no domain maps goes back to the allocator;
  free mapped: the same of a page that one domain maps, which no CPU is inside of;
  kvm_run: a KVM_RUN in which the guest writes to a port, and back to user space;
  guest teardown: the end of a process with a guest of 8 MiB, each page of which
  its domain maps; CPU time of the process;
  module load: insmod and rmmod, CPU time of the process.

"largest : 1" is asi=on beside most machines to asi=on beside one, ": asi=off" to
asi=off beside as many.  Visits are what the kernel counts (debugfs asi/stats):
domains that it looked at because of frames that some domain maps and that were
freed, per such frame; a kernel that does not count them has "no such counter".
Memory is what the page allocator misses for each idle machine.

Then each of these kernels is booted once more with several processors: those of
build/server if it is there, which has up to 8192, and else the patched one with 8.
On each processor but two a guest sleeps most of the time, and so that processor
idles inside of its domain.  All rows but module load run on the first one, which
removes nothing that the others hold; the row nothing only waits.  The table shows
the function call interrupts that reach them all the same.

The exit status is 1 when a promise is broken: asi=on beside most machines costs at
most 1.05 of what it costs beside one; rows that touch no domain (vfork+exit,
fork+exit, vmalloc+vfree, free) at most 1.05 of asi=off; at most one visit for each
freed frame; no function call interrupt more than with asi=off reaches a processor
that holds nothing of what was removed, and none that the kernel itself calls
needless (evict_needless).  2 when something could not be measured.  Differences
from bench/scale-baseline.json are printed and break nothing.
"""

import json

from common import (BUILD, OUT, TOP, CannotMeasure, argument_parser, build_programs, compiler_of,
                    copy_images, kernel_folders, number, parts_of, print_changes, print_table,
                    promise, read_baseline, run_guest, run_program, write_json)

BASELINE = TOP / "bench/scale-baseline.json"
RESULT = OUT / "scale.json"
# Where bench/Makefile puts it.
SCALE = BUILD / "host/bench/asi-scale"

COLUMNS = ["asi=off", "asi=on"]
MACHINES = [0, 1, 16, 64, 256]
ROWS = ["vfork+exit", "fork+exit", "vmalloc+vfree", "free", "free mapped", "kvm_run",
        "guest teardown", "module load"]
TOUCH_NO_DOMAIN = ["vfork+exit", "fork+exit", "vmalloc+vfree", "free"]
MOST = 1.05
# With the kernels base and server.
PROCESSORS = {"patched": 8, "server": 64}
# An idle processor that polls is woken without an interrupt.
HALTING = "idle=halt"
# A guest whose end is only counted.
COUNTED_MIB = 256

# Of debugfs asi/stats.
FRAMES, VISITS = "revoke_frames", "revoke_visits"
EVICTIONS, NEEDLESS = "evict_ipis", "evict_needless"
NO_COUNTER = "no such counter"


# ---- measuring --------------------------------------------------------------


def digest(lines):
    """One boot's lines, as {machines: {"free_pages": pages, "rows": {row: cell}}}."""
    places = {}
    for line in lines:
        place = places.setdefault(str(line["machines"]), {"rows": {}})
        if "free_pages" in line:
            place["free_pages"] = line["free_pages"]
        else:
            place["rows"][line["row"]] = {"instructions": line["ns"] / line["ops"],
                                          "counters": line["counters"]}
    return places


def digest_processors(lines):
    rows = {line["row"]: {key: line[key] for key in ("ops", "calls", "reached", "counters")}
            for line in lines}
    if not rows:
        raise CannotMeasure("no figures of processors")
    return {"processors": lines[0]["processors"], "rows": rows}


def module(folder, name):
    path = folder / f"asi-test/{name}.ko"
    if not path.exists():
        raise CannotMeasure(f"no {path}")
    return path


def boot(image, append, timeout, *command, **machine):
    lines = run_guest(image, append, timeout, SCALE, *command, **machine)
    return [json.loads(line) for line in lines if line.startswith("{")]


def memory_for(machines):
    """Idle machines take some 400 KiB each."""
    return f"{1024 + machines // 2}M"


def measure(args, folders, images, processors_kernel):
    patched, other = folders["patched"], folders[processors_kernel]
    modules = [module(patched, name) for name in ("asi_scale", "asi_loadme")]
    counts = [str(count) for count in args.machines]
    memory = memory_for(args.machines[-1])
    result = {"columns": {}, "processors": {}, "counted": None,
              "processors_kernel": processors_kernel}
    names = [f"{column}{what}" for what in ("", ", several processors") for column in COLUMNS]
    parts = parts_of("scale: boot", names)
    for column in COLUMNS:
        with parts.part(column):
            lines = boot(images["patched"], column, args.timeout, "domains", *modules, *counts,
                         memory=memory)
            result["columns"][column] = digest(lines)
            if has_counters(result["columns"][column]):
                lines = boot(images["patched"], column, args.timeout, "counted", modules[0],
                             counts[-1], str(COUNTED_MIB), memory=memory)
                result["counted"] = digest(lines)
    for column in COLUMNS:
        with parts.part(f"{column}, several processors"):
            lines = boot(images[processors_kernel], f"{column} {HALTING}", args.timeout,
                         "processors", module(other, "asi_scale"), processors=args.processors,
                         memory="2G")
            result["processors"][column] = digest_processors(lines)
    return result


# ---- what the figures say ---------------------------------------------------


def counts_of(column):
    """Numbers of machines, least first."""
    return sorted(column, key=int)


def one_and_most(column):
    """The least number of machines that is not 0, and the largest."""
    counts = [count for count in counts_of(column) if int(count)]
    if len(counts) < 2:
        raise CannotMeasure("two numbers of machines that are not 0 are needed")
    return counts[0], counts[-1]


def instructions(column, count, row):
    try:
        return column[count]["rows"][row]["instructions"]
    except KeyError as error:
        raise CannotMeasure(f"no figure for {row} beside {count} machines") from error


def growth(column, row):
    one, most = one_and_most(column)
    return instructions(column, most, row) / instructions(column, one, row)


def to_off(columns, row):
    most = one_and_most(columns["asi=on"])[1]
    return (instructions(columns["asi=on"], most, row) /
            instructions(columns["asi=off"], most, row))


def per_machine(column, row):
    one, most = one_and_most(column)
    return ((instructions(column, most, row) - instructions(column, one, row)) /
            (int(most) - int(one)))


def has_counters(column):
    return any(VISITS in (cell["counters"] or {})
               for place in column.values() for cell in place["rows"].values())


def visits(cell):
    """Per freed frame; None without counters, 0 when there was no such frame."""
    counters = cell["counters"] or {}
    if FRAMES not in counters or VISITS not in counters:
        return None
    return counters[VISITS] / counters[FRAMES] if counters[FRAMES] else 0.0


def memory_per_machine(column):
    """KiB, between one machine and most of them."""
    one, most = one_and_most(column)
    return (4 * (column[one]["free_pages"] - column[most]["free_pages"]) /
            (int(most) - int(one)))


# ---- printing ---------------------------------------------------------------


def print_result(result):
    columns = result["columns"]
    on = columns["asi=on"]
    counts = counts_of(on)
    for name, column in columns.items():
        last = name == COLUMNS[-1]
        head = ["idle machines", *counts] + (["largest : 1", ": asi=off", "a machine"] if last
                                             else [])
        print_table(f"instructions per operation, {name}", head,
                    [[row] + [number(instructions(column, count, row), 0) for count in counts] +
                     ([number(growth(column, row), 3), number(to_off(columns, row), 3),
                       number(per_machine(column, row), 1)] if last else [])
                     for row in ROWS])
    if has_counters(on):
        print_table("visits to domains per freed frame that one maps", ["idle machines", *counts],
                    [[row] + [number(visits(on[count]["rows"][row])) for count in counts]
                     for row in ROWS])
    else:
        print(f"\nvisits to domains per freed frame: {NO_COUNTER}")
    memory = {name: memory_per_machine(column) for name, column in columns.items()}
    print("\nmemory of an idle machine, KiB: " +
          ", ".join(f"{name} {number(value, 0)}" for name, value in memory.items()) +
          f"; isolation's share {number(memory['asi=on'] - memory['asi=off'], 0)}")

    tables = result["processors"]
    count = tables["asi=on"]["processors"]
    print_table(f"function call interrupts that reach {count - 2} of {count} processors, "
                "which hold nothing of what was removed",
                ["", "operations"] + [f"{what}{name}" for name in COLUMNS
                                      for what in ("", "processors reached, ")] +
                [EVICTIONS, NEEDLESS],
                [[row, str(cell["ops"])] +
                 [str(tables[name]["rows"][row][what]) for name in COLUMNS
                  for what in ("calls", "reached")] +
                 [str((cell["counters"] or {}).get(what, NO_COUNTER))
                  for what in (EVICTIONS, NEEDLESS)]
                 for row, cell in tables["asi=on"]["rows"].items()])


# ---- promises ---------------------------------------------------------------


def check_costs(columns):
    on = columns["asi=on"]
    one, most = one_and_most(on)
    broken = 0
    for row in ROWS:
        factor = growth(on, row)
        broken += promise(factor <= MOST, f"{row}: beside {most} machines at most {MOST} of "
                          f"beside {one}: {factor:.3f}")
    for row in TOUCH_NO_DOMAIN:
        factor = to_off(columns, row)
        broken += promise(factor <= MOST, f"{row}: beside {most} machines at most {MOST} of "
                          f"asi=off: {factor:.3f}")
    return broken


def check_visits(places, what=""):
    broken = 0
    for count in counts_of(places):
        for row, cell in places[count]["rows"].items():
            per_frame = visits(cell)
            if per_frame:
                broken += promise(per_frame <= 1, f"{row}: beside {count} machines at most one "
                                  f"visit for each freed frame{what}: {per_frame:.2f}")
    return broken


def check_processors(tables):
    broken = 0
    for row, cell in tables["asi=on"]["rows"].items():
        needed = tables["asi=off"]["rows"][row]["calls"]
        broken += promise(cell["calls"] <= needed, f"{row}: no function call interrupt more than "
                          f"with asi=off reaches processors that hold nothing: "
                          f"{cell['calls'] - needed:+d}")
        needless = (cell["counters"] or {}).get(NEEDLESS)
        if needless is not None:
            broken += promise(needless == 0, f"{row}: {NEEDLESS} stays 0: {needless}")
    return broken


def check_promises(result):
    print()
    on = result["columns"]["asi=on"]
    broken = check_costs(result["columns"])
    if has_counters(on):
        broken += check_visits(on)
        broken += check_visits(result["counted"] or {})
    else:
        print(f"not known  visits to domains: {NO_COUNTER}")
    return broken + check_processors(result["processors"])


def changes(baseline, result):
    """Rows of the table of what changed by more than chance."""
    rows = []
    for name, column in result["columns"].items():
        for count in counts_of(column):
            for row in ROWS:
                old = baseline["columns"].get(name, {}).get(count, {}).get("rows", {}).get(row)
                before, now = old and old["instructions"], instructions(column, count, row)
                if before is None or abs(now - before) > max(1, 0.02 * before):
                    rows.append([f"{row}, {name}, {count} machines", number(before, 0),
                                 number(now, 0),
                                 "-" if before is None else f"{now - before:+.0f}"])
    return rows


# ---- main -------------------------------------------------------------------


def machines(text):
    """As "0,1,256": their numbers, ascending."""
    counts = sorted({int(word) for word in text.split(",")})
    if counts[0] < 0 or len([count for count in counts if count]) < 2:
        raise ValueError(text)
    return counts


def parse_arguments(words=None):
    parser = argument_parser(__doc__, BASELINE, ("patched", "server"))
    parser.add_argument("--machines", type=machines, default=MACHINES, metavar="N,N,...",
                        help="numbers of idle machines, two of them not 0 (default "
                        f"{','.join(map(str, MACHINES))}; 1000 takes some minutes more)")
    parser.add_argument("--processors", type=int, metavar="N",
                        help="of the machine with several (default {server} with build/server, "
                        "else {patched})".format(**PROCESSORS))
    return parser.parse_args(words)


def main():
    args = parse_arguments()
    OUT.mkdir(parents=True, exist_ok=True)
    build_programs("bench")
    # It takes long to build, and nothing else needs it.
    has_server = args.server or (BUILD / "server/arch/x86/boot/bzImage").exists()
    other = "server" if has_server else "patched"
    args.processors = args.processors or PROCESSORS[other]
    folders = kernel_folders(args, dict.fromkeys(("patched", other)))
    images = copy_images(folders)

    result = measure(args, folders, images, other)
    result["compiler"] = compiler_of(folders["patched"])
    write_json(RESULT, result)
    print_result(result)
    if other == "patched":
        print(f"\nnot on {PROCESSORS['server']} processors: make kernel FLAVOUR=server")
    baseline = read_baseline(BASELINE, result, ["compiler"])
    if baseline:
        print_changes(changes(baseline, result))
    if args.update:
        write_json(BASELINE, result)
    return 1 if check_promises(result) else 0


if __name__ == "__main__":
    run_program(main)
