#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""How much of the kernel's text an isolated system call can reach.

Boots the patched kernel under QEMU's translator, once with text that can be read and once with
execute-only text.  For each row a profile of
its own, which knows nothing in the beginning, becomes what the row's program
needs: text is let in when it is first called, and the kernel says afterwards which
pages of it are executable (debugfs asi/sci/map).

rows
  getpid, read, write (a file, a pipe), openat (a file), sendto (UDP over loopback,
  a local socket), epoll_wait (with an event, without, until a timeout), mmap
  (anonymous, a file), fork: the program bench/calls.cc, with only that call isolated;
  web server: nginx with all its calls isolated, from its start on, asked by ab

columns
  text pages, without those that are only padding, and KiB; ROP gadgets, as
  bench/gadgets.py counts them; how many % fewer of both than the kernel has;
  behind calls: gadgets on other pages that begin where a call returns to;
  readable: KiB of the executable pages that a load reads, with xom=off and with xom=auto.

The figures are of what is executable while nobody attacks.  It may grow: a return to
the instruction behind a call is let in, with the pages of that function, and so is
an indirect call of a function's entry.  Gadgets that begin elsewhere are refused
until something that is let in brings their page.

What an attacker of a process that is not isolated finds is the first line.  The
exit status is 1 when a promise is broken: at least 90 % fewer pages and gadgets
for a single call, 75 % for the web server; or when a call was refused something, or text
is read that is execute-only; 2
when something could not be measured.  Differences from bench/reach-baseline.json
are printed and break nothing.  Needs Debian's python3-capstone.
"""

import collections

from common import (ASICTL, BUILD, OUT, TOP, CannotMeasure, argument_parser, build_programs,
                    compiler_of, copy_images, install, kernel_folders, number, parts_of,
                    print_changes, print_table, promise, read_baseline, run_guest, run_program,
                    write_json)

BASELINE = TOP / "bench/reach-baseline.json"
RESULT = OUT / "reach.json"
# Where bench/Makefile puts it.
CALLS = BUILD / "host/bench/calls"

# By the name of the profile: the system calls that are isolated.
SINGLE_CALLS = {"getpid": "getpid", "read": "read", "write": "write", "openat": "openat",
                "sendto": "sendto", "epoll_wait": "epoll_wait", "mmap": "mmap",
                "fork": "fork,clone"}
WEB = "web"
ROWS = {**{name: name for name in SINGLE_CALLS}, WEB: "web server"}

# Text can be read, and cannot.
XOM = ("off", "auto")

# Of pages and of gadgets, % fewer.
PROMISED = {**{name: 90 for name in SINGLE_CALLS}, WEB: 75}


def read_symbols(folder):
    try:
        lines = (folder / "System.map").read_text().splitlines()
    except OSError as error:
        raise CannotMeasure(f"no symbols: {error}") from error
    return {name: int(address, 16) for address, _, name in map(str.split, lines)}


def read_text(folder):
    import gadgets
    try:
        text = gadgets.Text(folder / "vmlinux", read_symbols(folder))
    except (OSError, KeyError, gadgets.BadImage) as error:
        raise CannotMeasure(f"no text of the kernel: {error}") from error
    return text, gadgets.find(bytes(text.bytes)), gadgets.within


def read_map(lines, build_id):
    """{profile: its pages} and what was refused."""
    if f"build-id {build_id}" not in lines:
        raise CannotMeasure("vmlinux is not of the kernel that was booted")
    pages = collections.defaultdict(set)
    violations = []
    for line in lines:
        words = line.split()
        if words[0] == "violation":
            violations.append(line)
        elif words[0] in ROWS and len(words) == 3:
            first, last = (int(word, 16) for word in words[1:])
            pages[words[0]].update(range(first, last + 1))
    for name in ROWS:
        if not pages[name]:
            raise CannotMeasure(f"{name}: no text is executable")
    return pages, violations


def read_readable(lines):
    """{profile, or "kernel": KiB of its executable pages that a load reads}"""
    found = [line.split() for line in lines if line.startswith("readable ")]
    readable = {words[1]: int(words[3]) * 4 for words in found}
    for name in ("kernel", *ROWS):
        if name not in readable:
            raise CannotMeasure(f"{name}: nobody tried to read its text")
    return readable


def measure(args, folder, image):
    parts = parts_of("reach: part", ["gadgets in the kernel's text", *(
        f"isolated calls in the guest, xom={xom}" for xom in XOM)])
    with parts.part("gadgets in the kernel's text"):
        text, found, within = read_text(folder)
    boots = {}
    for xom in XOM:
        with parts.part(f"isolated calls in the guest, xom={xom}"):
            boots[xom] = run_guest(
                image, f"asi=on sci=on xom={xom}", args.timeout, TOP / "bench/sci/reach", ASICTL,
                CALLS, folder.absolute(),
                *(f"{name}={calls}" for name, calls in SINGLE_CALLS.items()))
    lines = boots["off"]
    mapped, violations = read_map(lines, text.build_id())
    behind_calls = found.keys() & text.behind_calls
    whole = {"pages": len(text.pages), "gadgets": len(found)}
    rows = {}
    for name in ROWS:
        reached = within(found, mapped[name])
        row = {"pages": len(mapped[name] & text.pages), "gadgets": len(reached)}
        rows[name] = {**row, **{f"fewer_{what}": 100 - 100 * row[what] / whole[what]
                                for what in whole},
                      "behind_calls": len(behind_calls - reached)}
    return {"kernel": {**whole, "behind_calls": len(behind_calls)}, "rows": rows,
            "violations": violations,
            "readable": {xom: read_readable(lines) for xom, lines in boots.items()}}


def print_result(result):
    kernel = result["kernel"]

    def readable(name):
        return [str(result["readable"][xom][name]) for xom in XOM]

    table = [["whole kernel", str(kernel["pages"]), str(kernel["pages"] * 4),
              str(kernel["gadgets"]), "", "", "", *readable("kernel")]]
    table += [[ROWS[name], str(row["pages"]), str(row["pages"] * 4), str(row["gadgets"]),
               number(row["fewer_pages"], 1), number(row["fewer_gadgets"], 1),
               str(row["behind_calls"]), *readable(name)]
              for name, row in result["rows"].items()]
    print_table("text that an isolated system call can execute, and read",
                ["", "pages", "KiB", "gadgets", "% fewer pages", "% fewer gadgets",
                 "behind calls", "KiB readable", "xom=auto"], table)


def check_promises(result):
    broken = 0
    print()
    for name, least in PROMISED.items():
        row = result["rows"][name]
        broken += promise(min(row["fewer_pages"], row["fewer_gadgets"]) >= least,
                          f"{ROWS[name]}: at least {least} % fewer pages and gadgets: "
                          f"{number(row['fewer_pages'], 1)}, {number(row['fewer_gadgets'], 1)}")
    read = sum(result["readable"]["auto"].values())
    broken += promise(not read, f"xom=auto: KiB of text that are read: {read}")
    refused = result["violations"]
    promise(not refused, f"nothing is refused: {len(refused)}")
    for line in refused[:5]:
        print(f"        {line}")
    return broken + len(refused)


def compare_with_baseline(result):
    baseline = read_baseline(BASELINE, result, ["compiler"])
    if not baseline:
        return
    old = {"kernel": baseline["kernel"], **baseline["rows"]}
    lines = []
    for name, row in {"kernel": result["kernel"], **result["rows"]}.items():
        for what in ("pages", "gadgets"):
            before, now = old.get(name, {}).get(what), row[what]
            # Which ways a call takes depends on when timer ticks fall.
            if before is None or abs(now - before) > 0.02 * before:
                lines.append([f"{ROWS.get(name, name)}, {what}", number(before, 0), str(now),
                              "-" if before is None else f"{now - before:+d}"])
    print_changes(lines)


def main():
    args = argument_parser(__doc__, BASELINE, ("patched",), 900,
                           "limit for the boot").parse_args()

    install("python3-capstone", "nginx-light", "apache2-utils")
    OUT.mkdir(parents=True, exist_ok=True)
    build_programs("bench", "tools/asictl")
    folders = kernel_folders(args, ("patched",))
    folder = folders["patched"]
    result = measure(args, folder, copy_images(folders)["patched"])
    result["compiler"] = compiler_of(folder)
    write_json(RESULT, result)

    print_result(result)
    compare_with_baseline(result)
    if args.update:
        write_json(BASELINE, result)
    return 1 if check_promises(result) else 0


if __name__ == "__main__":
    run_program(main)
