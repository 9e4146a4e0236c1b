#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Is each byte of a booted kernel's text and constants one that its build explains?

usage: probe.py NAME
       probe.py --list

Boots the base kernel as BOOTS says, has it patch its text in several ways, and compares
its memory, which the emulator keeps in a file, with the manifest of its build.  A byte
that the test changes from outside has to be found, with its symbol.  TAP.
"""

import contextlib
import json
import mmap
import os
import pathlib
import shutil
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD") or TOP / "build").absolute()
ASICTL = BUILD / "host/asictl/asictl"
MEMORY = 512                        # MiB
PATIENCE = 240                      # Seconds until a state is there.
STATES = ("boot", "keys", "events", "iterators", "functions", "trampolines", "kprobes", "after")
# What the kernel makes at run time, outside of its image, is explained by no build: in these
# states functions call a trampoline that is made for one user.
OUTSIDE = {"trampolines": ("ftrace",), "kprobes": ("ftrace",)}

# name: processors, model of the processor, kernel parameters
BOOTS = {
    "kaslr": (2, "max,la57=off", "asi=on"),
    "nokaslr-1-cpu": (1, "max,la57=off", "asi=on nokaslr"),
    "off": (4, "EPYC-Milan", "mitigations=off"),
    "stuff": (2, "Skylake-Client", "retbleed=stuff,force spectre_v2=retpoline pti=on"),
    "auto-amd": (4, "EPYC-Milan", "asi=on mitigations=auto"),
    "auto-intel": (2, "Skylake-Client", "asi=on mitigations=auto pti=on"),
    "lfence": (2, "max,la57=off", "spectre_v2=retpoline,lfence"),
    "retpoline": (4, "max,la57=off", "spectre_v2=retpoline nokaslr"),
    "unret": (2, "EPYC", "retbleed=unret spec_rstack_overflow=safe-ret"),
    "ibpb": (2, "EPYC", "retbleed=ibpb spec_rstack_overflow=ibpb"),
    "off-1-cpu": (1, "Skylake-Client", "mitigations=off nosmp nokaslr"),
    "full": (2, "max,la57=off", "preempt=full asi=on sci=on"),
    "none": (2, "max,la57=on", "preempt=none noreplace-smp"),
    "its": (2, "max,la57=off", "spectre_v2=eibrs indirect_target_selection=force"),
}


class Missing(Exception):
    """What was to come did not."""


class Probe:
    def __init__(self, name):
        self.processors, self.cpu, self.append = BOOTS[name]
        self.folder = BUILD / "selftest" / f"guard-{name}"
        self.kernel = BUILD / "base"
        self.memory = self.folder / "memory"
        self.manifest = self.folder / "manifest"
        self.shared = self.folder / "shared"
        self.count = 0
        self.bad = 0

    def result(self, good, text):
        self.count += 1
        self.bad += not good
        print(f"{'' if good else 'not '}ok {self.count} - {text}", flush=True)

    def run(self):
        print(f"TAP version 13\n1..{len(STATES) + 2}", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.shared.mkdir(parents=True)
        with open(self.memory, "wb") as file:
            file.truncate(MEMORY << 20)
        subprocess.run([ASICTL, "manifest", "build", self.kernel / "vmlinux", "-o", self.manifest],
                       check=True, stdout=sys.stderr)
        with self.machine() as machine:
            for state in STATES:
                self.wait(machine, state)
                self.look(state)
                if state == "boot":
                    self.plant()
                (self.shared / f"go.{state}").touch()
            status = machine.wait(PATIENCE)
        self.result(status == 0, "the machine ends as it should")
        os.unlink(self.memory)
        os.unlink(self.manifest)
        return self.bad

    @contextlib.contextmanager
    def machine(self):
        arguments = [
            f"--kernel={self.kernel}", "--accel=tcg", "--tcg-thread=single",
            f"--smp={self.processors}", f"--cpu={self.cpu}", f"--mem={MEMORY}M",
            f"--append={self.append}", f"--out={self.shared}", f"--timeout={PATIENCE * 3}",
            f"--log={self.folder / 'console.log'}"]
        for word in ("-object", f"memory-backend-file,id=all,size={MEMORY}M,share=on,"
                                f"mem-path={self.memory}", "-machine", "memory-backend=all"):
            arguments.append(f"--qemu-arg={word}")
        with subprocess.Popen([TOP / "tools/vm/run", *arguments, "--",
                               TOP / "selftests/guard/states.sh", self.shared],
                              stdout=sys.stderr, stdin=subprocess.DEVNULL) as process:
            try:
                yield process
            finally:
                process.terminate()

    def wait(self, machine, state):
        end = time.monotonic() + PATIENCE
        while not (self.shared / f"ready.{state}").exists():
            if machine.poll() is not None:
                raise Missing(f"the machine ended with {machine.returncode} before {state}")
            if time.monotonic() > end:
                raise Missing(f"no state {state} after {PATIENCE} s")
            time.sleep(0.1)

    def check(self):
        run = subprocess.run([ASICTL, "--json", "manifest", "check", self.manifest, self.memory,
                              f"--vmlinux={self.kernel / 'vmlinux'}"],
                             stdout=subprocess.PIPE, check=False)
        return json.loads(run.stdout)

    def look(self, state):
        seen = self.check()
        outside = sum(group["bytes"] for group in seen["symbols"]
                      if group["site"] in OUTSIDE.get(state, ()))
        for group in seen["symbols"][:20]:
            if group["site"] not in OUTSIDE.get(state, ()):
                print(f"# {group['bytes']} bytes in {group['symbol']} ({group['range']}"
                      f"{', ' if group['site'] else ''}{group['site']}), "
                      f"at {group['offset']:#x}")
        unexplained = seen["unexplained"] - outside
        self.result(unexplained == 0 and (state != "kprobes" or seen["breakpoints"] > 0),
                    f"{state}: {unexplained} unexplained, {outside} that lead out of the image, "
                    f"{seen['explained']} of sites, {seen['breakpoints']} breakpoints, "
                    f"{seen['constants']} constants")

    def plant(self):
        """A byte of an instruction of a function that is not called meanwhile."""
        symbols = {}
        with open(self.kernel / "System.map", encoding="ascii") as lines:
            for line in lines:
                address, _, name = line.split()
                symbols[name] = int(address, 16)
        where = self.check()["position"] + symbols["__do_sys_reboot"] - symbols["_text"] + 40
        with open(self.memory, "r+b") as file, \
                mmap.mmap(file.fileno(), MEMORY << 20) as memory:
            memory[where] ^= 0x55
            seen = self.check()
            memory[where] ^= 0x55
        found = [(group["symbol"], group["bytes"]) for group in seen["symbols"]]
        self.result(seen["unexplained"] == 1 and len(found) == 1,
                    f"a byte that is planted is found: {found}")


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(BOOTS))
        return 0
    if len(sys.argv) != 2 or sys.argv[1] not in BOOTS:
        print("usage: probe.py NAME; NAME is one of " + ", ".join(BOOTS), file=sys.stderr)
        return 2
    probe = Probe(sys.argv[1])
    try:
        return 1 if probe.run() else 0
    except (Missing, subprocess.SubprocessError, OSError, ValueError) as error:
        print(f"Bail out! {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
