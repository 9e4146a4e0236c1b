#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own tests of tracers, probes, BPF and live patches say with execute-only text
what they say without.

usage: verdicts.py

Boots build/trace with xom=off and with xom=auto, has verdicts.sh run the tests, and compares.
TAP, a line for each test; one that says nothing in both boots has failed.
"""
import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", TOP / "build"))
KERNEL = BUILD / "trace"
FTRACE = BUILD / "src/patched/tools/testing/selftests/ftrace"
PATIENCE = 3600                     # Seconds for a boot.
# A test that is not there or that broke off has no verdict.
NOTHING = ("missing", "none")


def boot(xom):
    """{test: result}, and how many reads were refused."""
    command = [TOP / "tools/vm/run", "--accel=tcg", "--tcg-thread=single", "--smp=2", "--cpu=max",
               "--mem=1G", f"--kernel={KERNEL}", f"--append=asi=on xom={xom} panic_on_oops=0",
               f"--log={BUILD / f'selftest/console-verdicts-{xom}.log'}", f"--timeout={PATIENCE}",
               "--", TOP / "selftests/asi/verdicts.sh", KERNEL, FTRACE]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    results, refused = {}, None
    for line in run.stdout.splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "verdict":
            results[words[1]] = words[2]
        elif len(words) == 2 and words[0] == "refused":
            refused = int(words[1])
    return results, refused


def compare(off, on):
    """(good, text) for each test."""
    for name in sorted(off.keys() | on.keys()):
        before, now = off.get(name, "none"), on.get(name, "none")
        yield before == now and before not in NOTHING, f"{name}: {before} and {now}"


def main():
    if not (FTRACE / "ftracetest").exists():
        print("TAP version 13\n1..0 # SKIP no source of the kernel in build/src/patched")
        return 4
    off, _ = boot("off")
    on, refused = boot("auto")
    results = list(compare(off, on))
    results.append((bool(results), f"{len(results)} tests"))
    results.append((refused is not None, f"both boots came to their end; reads that were "
                                         f"refused: {refused}"))
    print(f"TAP version 13\n1..{len(results)}")
    for number, (good, text) in enumerate(results, 1):
        print(f"{'' if good else 'not '}ok {number} - {text}")
    return 0 if all(good for good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
