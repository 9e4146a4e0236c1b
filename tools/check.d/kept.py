#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Does the cache keep every file of a kernel's folder that a script or a tool names?

A kernel that is restored has what `linux/6.12/build --kept` prints and nothing else.  Read
are the scripts and the C++ of tools, tests and benchmarks: a path that begins with a
kernel's folder has to fit what is kept.  What stands for a variable fits anything.

usage: kept.py [ROOT]      default: this repository
"""

import fnmatch
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("bench", "guard/manifest", "linux", "selftests", "tools", "Makefile", ".ci")
# The builder makes the folder; these are this check's own.
LEFT_OUT = re.compile(r"linux/6\.12/build$|tools/check\.d/kept(_test)?\.py$|.*\.(rst|8|list|hook)$")
FLAVOUR = r"(?:base|debug|kcov|net|server|unpatched)"
# A variable of shell, of make or of a format string.
VARIABLE = re.compile(r"\$\{[^}]*\}|\$\([^)]*\)|\$\w+|\{[^{}]*\}|%s")
# What a path is made of.  It ends where a word does.
PATH = r"(?P<path>(?:[\w.*+-]|/|\$\{[^}]*\}|\$\w+|\{[^{}\"']*\})+)"
# Which files, and what a read looks like in them.
READS = tuple((re.compile(files), re.compile(text)) for files, text in (
    # Shell and words of steps: "$KERNEL_DIR/x", build/base/x, "$BUILD/$flavour/x", "$kernel"/x
    (r".*", r"(?:\$\{?KERNEL_DIR\}?|\$kernel\b|\$\{kernel\}|(?:\bbuild|\$\{?BUILD\}?|\$\(BUILD\)|"
     rf"\{{BUILD\}}|\{{build\}})/(?:{FLAVOUR}|\$\{{?flavour\}}?))\"?/{PATH}"),
    # Python: BUILD / "base/x", BUILD / name / "x", self.kernel / "x"
    (r".*\.py$", rf"\bBUILD / f?[\"']{FLAVOUR}/{PATH}[\"']"),
    (r".*\.py$", rf"(?:\bself\.kernel|/ (?:name|flavour|kernel)) / f?[\"']{PATH}[\"']"),
    (r"bench/.*\.py$", rf"(?<!\.)\bfolder / f?[\"']{PATH}[\"']"),
    # C++: a string that is a path below arch/x86
    (r"(tools|guard)/.*\.(cc|h)$", r"\"/?(?P<path>arch/x86/[\w./-]+)\""),
))


def kept_patterns(top):
    run = subprocess.run([top / "linux/6.12/build", "--kept"], stdout=subprocess.PIPE, text=True,
                         check=True)
    return run.stdout.split()


def is_kept(path, patterns):
    """PATH may hold asterisks: it fits when it and a pattern may be the same file."""
    if set(path) <= set("*/"):
        return True
    sample = path.replace("*", "x")
    return any(fnmatch.fnmatchcase(sample, pattern) or
               fnmatch.fnmatchcase(pattern.replace("*", "x"), path) for pattern in patterns)


def reads_of(name, text):
    """Line and path of each file in a kernel's folder that the text names."""
    patterns = [pattern for files, pattern in READS if re.match(files, name)]
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"\s*(#|//)", line):
            continue
        seen = set()
        for pattern in patterns:
            for match in pattern.finditer(line):
                path = VARIABLE.sub("*", match["path"]).rstrip("./")
                if path and path not in seen:
                    seen.add(path)
                    yield number, path


def scripts(top):
    names = subprocess.run(["git", "-C", top, "ls-files", "--cached", "--others",
                            "--exclude-standard", "--", *FOLDERS],
                           stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    for name in names:
        path = top / name
        if LEFT_OUT.match(name) or not path.is_file():
            continue
        try:
            yield name, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def check(top):
    """Findings, and how many reads there are in how many files."""
    patterns = kept_patterns(top)
    findings, reads, readers = [], 0, set()
    for name, text in scripts(top):
        for line, path in reads_of(name, text):
            reads += 1
            readers.add(name)
            if not is_kept(path, patterns):
                findings.append(f"{name}:{line}: {path} of a kernel's folder is not kept in the "
                                "cache: kept() in linux/6.12/build")
    return findings, reads, len(readers)


def main(arguments):
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        sys.exit(__doc__)
    top = pathlib.Path(arguments[0]).resolve() if arguments else TOP
    try:
        findings, reads, readers = check(top)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"kept: {error}")
    for finding in findings:
        print(finding)
    print(f"{reads} paths in {readers} files, {len(findings) or 'none'} of them not kept")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
