#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Code of the kernel that looks like a reader of its text is in readers.list.

usage: readers.py [SOURCE [BUILT]]

SOURCE: an unmodified source of the kernel; BUILT: a folder in which it was built.  All of
SOURCE's folders WHOLE are looked at, and of the others what BUILT has objects of.  Prints
a line for each function that does what TELLTALES say and that linux/6.12/readers.list has
neither as a "reader:" nor as "none:", and ends with 1 if there is one.

It goes by what things are called: it finds code that resembles the readers that are known,
and not every reader.  What reads an address that somebody else chose, such as a tracer's or
a debugger's, is refused like anybody and is not looked for.
"""
import os
import pathlib
import re
import sys
from typing import NamedTuple

THIS = pathlib.Path(__file__).resolve()
TOP = THIS.parents[2]
sys.path.insert(0, str(TOP / "linux/6.12"))

import weave  # noqa: E402
from places import Source  # noqa: E402

BUILD = pathlib.Path(os.environ.get("BUILD") or TOP / "build").absolute()

# As tools/check takes it.
SKIP = 4
WHOLE = ("arch/x86", "kernel", "lib", "mm")
PARTLY = ("block", "crypto", "drivers", "fs", "init", "io_uring", "ipc", "net", "security", "virt")
# Run before the kernel or beside it, or on the machine that builds it; compressors call
# what they read `ip`; tests read what they make.
LEFT_OUT = re.compile(
    r"arch/x86/(boot|entry/vdso|math-emu|purgatory|realmode|tools|um)/"
    r"|lib/(lz4|lzo|xz|zlib_\w+|zstd|test_\w+\.c$)")

# What holds the address of an instruction, under the names that the kernel has for it.
ADDRESS = (r"(?!auprobe)(?:\w+(?:->|\.))*(?:ip|rip|pc|instr|insn|ins_addr|instptr|bpt_addr"
           r"|fentry_ip|orig_call|recovered_insn|start_offset|trampoline|bpf_func|kp\.addr"
           r"|_s?text|_sinittext|__\w+_text_start|relocate_kernel|core_restore_code)"
           r"(?!\w|->|\.)|jump_entry_code\(|text_poke_addr\(")
# The same, under names that mean it only where instructions are patched or decoded.
NEAR = r"(?:__)?(?:addr|pad|loc|tramp|ptr|src|mem|p)\b(?!->|\.|\()"
# As what instructions are read.
CODE = r"(?:const )?(?:volatile )?(?:[us]8|[us]16|[us]32|unsigned (?:char|short|int))"
CASTS = ("8 *)", "16 *)", "32 *)", "char *)", "short *)", "int *)")
CAST = r"(?:\([^()]*\)\s*)?\(?"


class Telltale(NamedTuple):
    """What a reader does.  `words`: one of them is in the text wherever `pattern` is found.
    `under`: where to look, by the beginning of the file's name."""
    what: str
    words: tuple
    pattern: re.Pattern
    under: tuple = ("",)


X86 = ("arch/x86/",)
PATCHING = ("arch/x86/kernel/", "arch/x86/mm/", "arch/x86/net/")
TELLTALES = (
    Telltale("reads what an address of code points to", CASTS,
             re.compile(rf"\*\s*\({CODE} \*\)\s*\(?&?(?:{ADDRESS})(?!\[)"
                        r"(?![^;\n]{0,30}?(?<![=!<>])=(?!=))")),
    Telltale("reads what an address points to, as code", CASTS,
             re.compile(rf"\*\s*\({CODE} \*\)\s*\(?{NEAR}"
                        r"(?![^;\n]{0,30}?(?<![=!<>])=(?!=))"), PATCHING),
    Telltale("makes a pointer to bytes of an instruction pointer", CASTS,
             re.compile(rf"\({CODE} \*\)\s*\(?(?:\w+(?:->|\.))*(?:ip|rip|instptr|ins_addr)\b"
                        r"(?!->)")),
    Telltale("makes a pointer of an instruction pointer", ("convert_ip_to_linear",),
             re.compile(r"\bconvert_ip_to_linear\(current\b")),
    Telltale("reads an address of code that may fault", ("kernel_nofault(",),
             re.compile(r"\b(?:__)?(?:copy_from|get)_kernel_nofault\([^,;]*,\s*"
                        rf"(?:{CAST}(?:{ADDRESS})|\({CODE} \*\))")),
    Telltale("reads an address that may fault", ("kernel_nofault(",),
             re.compile(rf"\b(?:__)?(?:copy_from|get)_kernel_nofault\([^,;]*,\s*"
                        rf"(?:\(void \*\))?{NEAR}"),
             X86 + ("kernel/trace/ftrace.c", "kernel/debug/")),
    Telltale("decodes instructions of the kernel", ("insn_decode", "insn_init"),
             re.compile(r"\b(?:insn_decode_kernel|insn_decode|insn_init)\([^,;]*,"
                        r"(?!\s*&?(?:auprobe->insn|\w*buff?|buffer|emulate|dest)\b)"), X86),
    Telltale("compares, sums or prints code", ("cmp(", "crc32", "print_hex_dump"),
             re.compile(r"\b(?:memcmp|bcmp|crc32\w*|print_hex_dump\w*)"
                        rf"\((?=[^;]*?(?<![\w&>.])(?:{ADDRESS}))")),
    Telltale("compares what may be code", ("cmp(",),
             re.compile(rf"\b(?:memcmp|bcmp)\((?=[^;]*?(?<![\w&>.]){NEAR})"),
             ("arch/x86/kernel/alternative.c", "arch/x86/kernel/callthunks.c",
              "arch/x86/kernel/jump_label.c", "arch/x86/kernel/module.c",
              "arch/x86/kernel/static_call.c")),
    Telltale("copies code", ("memcpy(", "memmove(", "copy_to_user("),
             re.compile(r"\b(?:__)?(?:memcpy|memmove|copy_to_user)\([^,;]*,\s*"
                        rf"{CAST}(?!insn\b)(?:{ADDRESS})")),
    Telltale("shows perf what is replaced", ("perf_event_text_poke(",),
             re.compile(r"\bperf_event_text_poke\([^,;]*,\s*(?=\w|\()(?!old\b|NULL, 0,\s*buf\b)")),
    Telltale("looks for ENDBR", ("is_endbr(",), re.compile(r"\bis_endbr\(\*(?![^;\n]*auprobe)")),
    Telltale("compares what is pointed to with an opcode", ("= 0x", "OPCODE"),
             re.compile(r"(?<![\w)\]] )\*\w+ [!=]= (?:0x[0-9a-f]{2}\b|\w*OPCODE\b)"), X86),
    Telltale("compares bytes of an instruction", ("insn[", "instr[", "ip["),
             re.compile(r"(?<![\w.>])(?:insn|instr|ip)\[\d\]\s*[!=]="), X86),
    Telltale("reads the header of compiled BPF", ("ro_header->size",),
             re.compile(r"(?<!&)\bro_header->size\b")),
)
# These read a process's text, which has no key.
OF_A_USER = re.compile(r"__user\b|\bget_user\(|\bcopy_from_user")


class Found(NamedTuple):
    """A function that does what a telltale says."""
    file: str
    line: int
    function: str
    what: str


def names_of_built(source, built):
    """The files in PARTLY, of which @built has objects."""
    for folder in PARTLY:
        for root, _, names in os.walk(built / folder):
            inside = os.path.relpath(root, built)
            for name in names:
                if name.endswith(".o.cmd"):
                    file = os.path.normpath(f"{inside}/{name[1:-6]}.c")
                    if (source / file).is_file():
                        yield file


def files_to_read(source, built):
    """Names in @source."""
    files = set(names_of_built(source, built))
    for folder in WHOLE:
        for root, _, names in os.walk(source / folder):
            inside = os.path.relpath(root, source)
            files.update(f"{inside}/{name}" for name in names if name.endswith((".c", ".h")))
    return sorted(file for file in files if not LEFT_OUT.match(file))


def telltales_of(file, text):
    """Those of which @text has a word, and something that may be their pattern."""
    return [one for one in TELLTALES
            if file.startswith(one.under) and any(word in text for word in one.words)
            and one.pattern.search(text)]


def function_at(code, at):
    """Heading of the function around the place @at, or None."""
    for heading, body in code.headings:
        if body <= at < code.code.find("\n}", body):
            return heading
    return None


def function_name(heading, known):
    """The name in a heading: one of @known, or the word before the first parenthesis that
    is no attribute's."""
    words = re.findall(r"\b(\w+)\s*\(", heading)
    return next((word for word in words if word in known),
                next((word for word in words if not word.startswith("__attribute")
                      and word not in ("__printf", "__section", "__aligned")), "?"))


def find_readers(file, text, known=()):
    """What looks like a reader in the text of one file, each function once."""
    telltales = telltales_of(file, text)
    if not telltales:
        return []
    source = Source(file, text)
    found = {}
    for telltale in telltales:
        for match in telltale.pattern.finditer(source.code):
            begin = max(source.code.rfind(char, 0, match.start()) for char in ";{}") + 1
            if OF_A_USER.search(source.code, begin, source.code.find(";", match.start())):
                continue
            heading = function_at(source, match.start())
            if heading is None:
                continue
            name = function_name(heading, known)
            line = source.code.count("\n", 0, match.start()) + 1
            found.setdefault(name, Found(file, line, name, telltale.what))
    return list(found.values())


def read_list():
    """The functions in readers.list, by file."""
    known = {}
    for reader in weave.read_readers()[2]:
        known.setdefault(reader.file, set()).add(reader.function)
    return known


def check(source, built):
    """What was found and is not listed, all that was found, and how many files were read."""
    known = read_list()
    files = files_to_read(source, built)
    found = []
    for file in files:
        text = (source / file).read_text(encoding="utf-8", errors="surrogateescape")
        found += find_readers(file, text, known.get(file, ()))
    return [one for one in found if one.function not in known.get(one.file, ())], found, len(files)


def main(arguments):
    if len(arguments) > 2 or any(argument.startswith("-") for argument in arguments):
        sys.exit(__doc__)
    source = pathlib.Path(arguments[0]) if arguments else BUILD / "src/pristine"
    built = pathlib.Path(arguments[1]) if len(arguments) > 1 else BUILD / "base"
    if not (source / WHOLE[0]).is_dir():
        if arguments:
            sys.exit(f"readers: {source}: not a source of the kernel: it has no {WHOLE[0]}")
        print(f"no source of the kernel in {source}: linux/6.12/prepare pristine")
        return SKIP
    if len(arguments) > 1 and not built.is_dir():
        sys.exit(f"readers: {built}: no such folder")
    try:
        unlisted, found, files = check(source, built)
    except (OSError, weave.Bad) as error:
        sys.exit(f"readers: {error}")
    for one in unlisted:
        print(f"{one.file}:{one.line}: {one.function}() {one.what}, and is not in "
              f"{weave.READERS.name}")
    if unlisted:
        print("Each needs a 'reader:' or a 'none:' there: Documentation/execute-only-text.rst, "
              "Keeping the list")
    beside = "" if built.is_dir() else f"; nothing beside {', '.join(WHOLE)}: no {built}"
    print(f"{files} files, {len(found)} functions look like readers, "
          f"{len(unlisted) or 'none'} not listed{beside}")
    return 1 if unlisted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
