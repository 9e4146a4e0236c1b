#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""No instruction of the kernel or of its modules has an operand that lies in text.

usage: operands.py [BUILT]

BUILT: a folder in which a kernel was built (default build/base).  Disassembles vmlinux and each
module, and prints a line for each instruction that reads or writes memory at a place in text
that the linker or the loader knows: relative to the instruction pointer, or as a displacement.
Ends with 1 if there is one.  Functions that readers.list has as "reader:" may do that: they do
it where text can be read.  What computes its address is not seen here: see readers.py.

The kernel's init code runs before its text has a key and is left out; that of modules is not.
"""
import os
import pathlib
import re
import subprocess
import sys

THIS = pathlib.Path(__file__).resolve()
TOP = THIS.parents[2]
sys.path.insert(0, str(TOP / "linux/6.12"))

import weave  # noqa: E402

BUILD = pathlib.Path(os.environ.get("BUILD", TOP / "build"))

FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
# The self tests' modules read text to attack it.
ATTACKERS = "asi-test"

# In front of it, "lea" or a NOP of several bytes: these compute an address and read nothing.
NO_ACCESS = re.compile(r":\s+(?:\w+ )*(?:lea|nop|prefetch|endbr|clflush)")
RIP_TARGET = re.compile(r"\(%rip\).*# ([0-9a-f]+)")
# A displacement, as a number with a sign; of a per-CPU variable it is not an address.
DISPLACEMENT = re.compile(r"(?<![$%\w:])(-?0x[0-9a-f]+)(?:\(|,|$)")
RELOCATION = re.compile(r"^\s+[0-9a-f]+: R_X86_64_(\w+)\s+([^\s+-]+)")
IN_MODULE = re.compile(r"(?<![$%\w:])0x0(?:\(|,|$)")


class CannotCheck(Exception):
    pass


def lines_of(*command):
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        yield from (line.rstrip("\n") for line in process.stdout)
    if process.returncode:
        raise CannotCheck(f"{command[0]} {command[-1]}: status {process.returncode}")


def readers():
    """Functions that get a copy where text cannot be read, and read it where it can be."""
    return {reader.function for reader in weave.read_readers()[2] if reader.moved}


def is_reader(function, listed):
    # A compiler's copy of a function has its name and a suffix.
    return function.split(".")[0] in listed


def symbols_of(vmlinux):
    symbols = {}
    for line in lines_of("nm", vmlinux):
        words = line.split()
        if len(words) == 3:
            symbols[words[2]] = (int(words[0], 16), words[1])
    return symbols


def operands_in(line, begin, end):
    """Whether an instruction of vmlinux has an operand between these addresses."""
    target = RIP_TARGET.search(line)
    if target:
        return begin <= int(target[1], 16) < end
    if "%gs:" in line or "%fs:" in line:
        return False
    text = line.split("\t")[-1].split("#")[0].strip()
    if re.match(r"j|call|loop", text) and "*" not in text:
        return False
    return any(begin <= int(found, 16) % 2**64 < end for found in DISPLACEMENT.findall(text))


def check_vmlinux(vmlinux, symbols, listed):
    try:
        begin, end = symbols["_text"][0], symbols["_etext"][0]
    except KeyError as error:
        raise CannotCheck(f"{vmlinux} has no symbol {error}") from error
    function = "?"
    for line in lines_of("objdump", "-d", "--no-show-raw-insn", "-j", ".text", "-j",
                         ".altinstr_replacement", vmlinux):
        # Most lines are neither: be quick.
        if line.endswith(">:"):
            match = FUNCTION.match(line)
            function = match[1] if match else function
        elif ("(%rip)" in line or "0xffffffff" in line or "-0x7" in line) and \
                not NO_ACCESS.search(line) and operands_in(line, begin, end) and \
                not is_reader(function, listed):
            yield function, line


def text_symbols_of(module, kernels_text):
    """Names that a relocation of this module may have and that are text."""
    sections, name, names = set(), None, set(kernels_text)
    for line in lines_of("objdump", "-h", "-t", "-w", module):
        words = line.split()
        if len(words) > 6 and words[0].isdigit() and "CODE" in line:
            sections.add(words[1])
            names.add(words[1])
        symbol = re.match(r"^[0-9a-f]+ .{7} (\S+)\t[0-9a-f]+ (?:\.hidden )?(\S+)$", line)
        if not symbol:
            continue
        section, name = symbol[1], symbol[2]
        if section in sections:
            names.add(name)
        elif section != "*UND*":
            names.discard(name)
    return names


def is_operand(kind, instruction):
    """Of a relocation in it.  It may have two: of an operand that is relative, and of an
    absolute one, which may be a constant."""
    operand = instruction.split("\t")[-1]
    if kind == "PC32":
        return "(%rip)" in operand
    return kind in ("32", "32S") and IN_MODULE.search(operand.replace("0x0(%rip)", ""))


def check_module(module, kernels_text, listed):
    text = text_symbols_of(module, kernels_text)
    function = instruction = "?"
    relocated = True
    for line in lines_of("objdump", "-dr", "--no-show-raw-insn", module):
        match = FUNCTION.match(line)
        relocation = RELOCATION.match(line)
        if relocation:
            relocated = True
            reads = relocation[2] in text and is_operand(relocation[1], instruction)
        else:
            # The assembler knows the distance to a place in the same section.
            reads = not relocated and "(%rip)" in instruction
        if reads and not NO_ACCESS.search(instruction) and not is_reader(function, listed):
            yield function, f"{instruction} {relocation[2] if relocation else ''}"
        if not relocation:
            function = match[1] if match else function
            instruction, relocated = line, not line


def check(built, listed):
    vmlinux = built / "vmlinux"
    symbols = symbols_of(vmlinux)
    kernels_text = {name for name, (_, kind) in symbols.items() if kind in "tTwW"}
    modules = sorted(path for path in built.rglob("*.ko") if path.parent.name != ATTACKERS)
    findings = 0
    for path, found in ((vmlinux, check_vmlinux(vmlinux, symbols, listed)),
                        *((module, check_module(module, kernels_text, listed))
                          for module in modules)):
        for function, line in found:
            findings += 1
            print(f"{path.relative_to(built)}: {function}() reads text: {' '.join(line.split())}")
    return findings, len(modules)


def main(argv):
    built = pathlib.Path(argv[1]) if len(argv) > 1 else BUILD / "base"
    if not (built / "vmlinux").exists():
        if len(argv) > 1:
            print(f"{built}: no vmlinux", file=sys.stderr)
            return 2
        print("not run: no kernel in build/base")
        return 0
    try:
        findings, modules = check(built, readers())
    except CannotCheck as error:
        print(f"operands: {error}", file=sys.stderr)
        return 2
    print(f"vmlinux and {modules} modules, {findings} operands in text")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
