#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Does the documentation say what the code says?

  docs.py              compare; ends with 1 when something differs
  docs.py --write      write again what is generated
  docs.py --self-test  plant a mistake for each kind of comparison, and in each list:
                       each has to be found

In Documentation/*.rst stand comments that say what a passage has to agree with:

  .. list: NAME            the entries of the passage are those of the code.  An entry is
  ...                      ``a literal`` at the beginning of a line, also after "* ", and
  .. end list              what follows it after ", ".  "NAME (words)": every literal is an
                           entry.  "NAME (present)": those of the code are among them.
  .. generated: NAME       the passage is made from the code
  .. end generated
  .. check: NAME VALUE     the code has "#define NAME VALUE"

In README.md what is generated stands between <!-- generated: NAME --> and
<!-- end generated -->.

Definitions are found by what they look like, wherever they are below the folders of the
code.  Beside that: paths that the documentation and the README name exist, and so do
functions, `name()`, and other `names_with_underscores`; figures that can be counted are
counted; asictl's manual page has the commands and options that its --help has, and so has
the usage of minivm.
"""

import argparse
import functools
import json
import os
import pathlib
import re
import subprocess
import sys

THIS = pathlib.Path(__file__).resolve()
TOP = THIS.parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD") or TOP / "build").absolute()
CODE = ["asi", "kvm-asi", "sci", "netns-asi"]
TEST_MODULE = "selftests/asi/module"
# Of the benchmark, bench/scale.py: not a part of asi_test.
BENCH_MODULE = ["selftests/asi/module/scale.c"]
MANUAL = "tools/asictl/asictl.8"


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")


@functools.cache
def sources(*folders, suffixes=(".c", ".h", ".cc")):
    """Text of each source file, by its path."""
    found = {}
    for folder in folders or CODE:
        for path in sorted((TOP / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                found[path.relative_to(TOP).as_posix()] = read(path)
    return found


def all_matches(pattern, texts, flags=0):
    return [match for text in texts.values() for match in re.findall(pattern, text, flags)]


def one_match(pattern, texts, what, flags=re.S):
    """The only definition of something, or an error that names it."""
    matches = all_matches(pattern, texts, flags)
    if len(matches) != 1:
        raise LookupError(f"{what}: {len(matches)} definitions in the code, not one")
    return matches[0]


# ---- what the code has -------------------------------------------------------


def kinds():
    """Name and description, in order."""
    body = one_match(r"enum asi_kind \{(.*?)\};", sources(), "enum asi_kind")
    return re.findall(r'/\*\s*"(\w+)"\s*(.*?)\s*\*/', body, re.S)


def parameters():
    return set(all_matches(r'\b(?:early_param|__setup)\("([\w.]+)=?"', sources()))


def statistics():
    texts = sources()
    names = one_match(r"asi_event_names\[[^]]*\] = \{(.*?)\};", texts, "asi_event_names")
    show = one_match(r"\basi_stats_show\(struct seq_file[^)]*\)\n\{(.*?)\n\}", texts,
                     "asi_stats_show")
    return set(re.findall(r'= "(\w+)"', names)) | set(re.findall(r'"(\w+) %', show))


def debugfs_files():
    """The consumers of system calls and of namespaces have folders of their own."""
    files = set()
    for path, text in sources().items():
        folder = ("sci/" if path.startswith("sci/") else
                  "netns/" if path.startswith("netns-asi/") else "")
        for name in re.findall(r'\bdebugfs_create_file(?:_unsafe)?\("(\w+)"', text):
            files.add(folder + name)
    return files


def test_files():
    return {name for path, text in sources(TEST_MODULE).items() if path not in BENCH_MODULE
            for name in re.findall(r'\bdebugfs_create_file(?:_unsafe)?\("(\w+)"', text)}


def sysfs_files():
    files = set()
    for path, text in sources().items():
        folder = "kvm/" if path.startswith("kvm-asi/") else ""
        files |= {folder + name for name in re.findall(r"__ATTR_RO(?:_MODE)?\((\w+)", text)}
        files |= {"kvm/ID/" + name
                  for name in re.findall(r"^KVM_ASI_ATTRIBUTE\((\w+),", text, re.M)}
    return files


def status_keys():
    show = one_match(r"\nstatic ssize_t status_show\([^)]*\)\n\{(.*?)\n\}", sources(),
                     "status_show")
    return set(re.findall(r'"(\w+) %', show))


def tracepoints():
    """Names; the fields are compared by tracepoint_fields()."""
    return set(trace_events())


def trace_events():
    events = {}
    for text in sources(suffixes=(".h",)).values():
        if "define TRACE_SYSTEM asi" not in text:
            continue
        for name, body in re.findall(r"^TRACE_EVENT\((\w+),(.*?)^\);", text, re.M | re.S):
            shown = re.search(r'TP_printk\("([^"]*)"', body)
            events[name] = re.findall(r"(\w+)=(?:0x)?%", shown.group(1)) if shown else []
    if not events:
        raise LookupError("no TRACE_EVENT of the system asi in the code")
    return events


def breaks():
    names = one_match(r"asi_break_name\[[^]]*\] = \{(.*?)\};", sources(), "asi_break_name")
    return set(re.findall(r'= "(\w+)"', names))


def config_symbols():
    symbols = set()
    for folder in CODE + [TEST_MODULE]:
        for path in (TOP / folder).rglob("Kconfig*"):
            symbols |= set(re.findall(r"^config (\w+)", read(path), re.M))
    return {"CONFIG_" + symbol for symbol in symbols}


def verify_words():
    """What the oracle may say, from the files that report to it."""
    words = set()
    for text in sources(suffixes=(".c",)).values():
        if "asi_violate(" not in text:
            continue
        for statement in re.findall(r"\b(?:asi_violate|asi_verify_absent|asi_verify_present)\("
                                    r"[^;{]*;", text):
            words |= set(re.findall(r'"([^"]+)"', statement))
        for statement in re.findall(r"\breturn\b[^;]*;", text):
            words |= set(re.findall(r'"([^"]+)"', statement))
    return words


def cached_rules():
    text = {path: text for path, text in sources().items() if "kSharedCaches[]" in text}
    lists = all_matches(r"constexpr const char\* k\w+Caches\[\] = \{(.*?)\};", text, re.S)
    return {name for one in lists for name in re.findall(r'"([\w-]+)"', one)}


def prctl_operations():
    return {name for name, _ in all_matches(r"#define (PR_SCI_\w+)\s+(\d+)", sources())}


def sci_modes():
    return {name for name, _ in all_matches(r"#define (SCI_MODE_\w+)\s+(\d+)", sources())}


def never_isolated():
    body = one_match(r"sci_never\[\] = \{(.*?)\};", sources("sci"), "sci_never")
    return set(re.findall(r"__NR_(\w+)", body))


def common_kinds():
    body = one_match(r"#define SCI_COMMON_KINDS((?:.*\\\n)+.*)", sources("sci"),
                     "SCI_COMMON_KINDS", 0)
    return {name.lower() for name in re.findall(r"ASI_KIND_(\w+)", body)}


def reasons():
    """Of a refusal: what is stored as one, or given back in the file of "no_function"."""
    texts = sources()
    found = set(all_matches(r'\breason = "(\w+)"', texts))
    for text in texts.values():
        if '"no_function"' in text:
            found |= set(re.findall(r'\breturn "(\w+)"', text))
            for statement in re.findall(r"\breturn\b[^;]*;", text):
                found |= set(re.findall(r'\? NULL : "(\w+)"', statement))
    return found


def test_programs():
    """Those that a Makefile of the kernel's self tests lists."""
    found = set()
    for folder in ("asi", "kvm", "sci", "netns"):
        makefile = TOP / "selftests" / folder / "Makefile"
        text = read(makefile).replace("\\\n", " ")
        for line in re.findall(r"^TEST_PROGS\w* *[:+]?= *(.*)", text, re.M):
            found |= {f"{folder}/{name}" for name in line.split() if "$" not in name}
    return found


def test_events():
    """What the test module provokes inside a domain: a table of names and functions."""
    return set(all_matches(r'^\t\{ "(\w+)", [A-Z0-9_]+, (?:NULL|asi_\w+), ', sources(TEST_MODULE),
                           re.M))


class NoCommand(Exception):
    """It is not built."""


@functools.cache
def commands(program="asictl", words=()):
    """Each command of a program of tools/ with its options, from what --help says."""
    path = BUILD / "host" / program / program
    if not path.exists():
        raise NoCommand
    text = subprocess.run([path, *words, "--help"], capture_output=True, text=True,
                          check=True).stdout
    found = {}
    subcommands = re.search(r"^(?:Subcommands|SUBCOMMANDS):\n((?:  .*\n)+)", text, re.M)
    names = re.findall(r"^  (\w[\w-]*)", subcommands.group(1), re.M) if subcommands else []
    for name in names:
        found.update(commands(program, (*words, name)))
    if not names:
        options = set()
        for line in re.findall(r"^  (-\S.*)", text, re.M):
            options |= set(re.findall(r"(?:^|[ ,])(--?[a-zA-Z][\w-]*)", line.split("  ")[0]))
        found[" ".join(words)] = options - {"-h", "--help", "--json"}
    return found


@functools.cache
def built_in_policy():
    """Action by class, kind and access, and those of slab caches."""
    path = BUILD / "host/asictl/asictl"
    if not path.exists():
        raise NoCommand
    text = subprocess.run([path, "policy", "show", "--default"], capture_output=True, text=True,
                          check=True).stdout
    policy = {}
    for cls, kind, accesses, action in re.findall(r"^(\w+) ([\w:.-]+) ([rwx]+) (\w+)", text, re.M):
        for access in accesses:
            policy[cls, kind, access] = action
    return policy


@functools.cache
def known_bugs():
    """What asictl knows of the processor bugs, on every machine."""
    path = BUILD / "host/asictl/asictl"
    if not path.exists():
        raise NoCommand
    text = subprocess.run([path, "mitigations", "--known", "--json"], capture_output=True,
                          text=True, check=True).stdout
    return json.loads(text)


def vulnerabilities():
    """The kernel's files of them."""
    source = BUILD / "src/pristine/drivers/base/cpu.c"
    if not source.exists():
        raise NoCommand
    return set(re.findall(r"DEVICE_ATTR\((\w+), 0444, cpu_show_\w+, NULL\)", read(source)))


def asictl_commands():
    return set(f"asictl {name}" for name in commands())


LISTS = {
    "asictl": asictl_commands,
    "asi_test": test_files,
    "breaks": breaks,
    "caches": cached_rules,
    "common": common_kinds,
    "config": config_symbols,
    "debugfs": debugfs_files,
    "events": test_events,
    "modes": sci_modes,
    "never": never_isolated,
    "parameters": parameters,
    "prctl": prctl_operations,
    "reasons": reasons,
    "stats": statistics,
    "status": status_keys,
    "sysfs": sysfs_files,
    "tests": test_programs,
    "tracepoints": tracepoints,
    "verify": verify_words,
    "vulnerabilities": vulnerabilities,
}
# The code does not change while this runs, and the self test asks often.
LISTS = {name: functools.cache(function) for name, function in LISTS.items()}
# How an entry of the documentation is written differently from one of the code.
SHORT = {
    "parameters": lambda entry: entry.split("=")[0],
    # A line that goes on with options is no entry.
    "asictl": lambda entry: re.match(r"(?:asictl(?: [a-z]\w*)+)?", entry).group(),
    "tests": lambda entry: entry.split(" ")[0],
}


# ---- what is generated -------------------------------------------------------


def generated_kinds():
    rows = [(f"``{name}``", re.sub(r"\s*\n\s*\*\s*", " ", text)) for name, text in kinds()]
    return table(("kind", "what it is"), rows)


def generated_policy():
    policy = built_in_policy()
    classes = list(dict.fromkeys(cls for cls, _, _ in policy))
    rows = []
    for name, _ in kinds():
        row = [f"``{name}``"]
        for cls in classes:
            accesses = {}
            for access in "rwx":
                accesses.setdefault(policy[cls, name, access], []).append(access)
            row.append(", ".join(f"{''.join(letters)} {action}"
                                 for action, letters in accesses.items()))
        rows.append(row)
    return table(["kind", *classes], rows)


def generated_steps():
    runner = TOP / "selftests/run"
    if not any("--list" in read(path) for path in [runner, *(TOP / "selftests").glob("*.py")]):
        return None
    run = subprocess.run([runner, "--list=rst"], capture_output=True, text=True, check=True)
    return run.stdout.rstrip("\n").split("\n")


def table(head, rows):
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
             for row in [head, *rows]]
    return [rule, lines[0], rule, *lines[1:], rule]


def generated_levels():
    checker = TOP / "tools/check.d/includes.py"
    if not checker.exists():
        return None
    run = subprocess.run([checker, "--levels"], capture_output=True, text=True, check=True)
    return run.stdout.rstrip("\n").split("\n")


FIGURES = {
    "unpatched": "unpatched", "asi=off": "`asi=off`", "used": "`asi=on`", "isolated": "isolated",
}
OPERATIONS = {
    "getppid": "getppid()", "write": "write() of a byte to `/dev/null`",
    "pipe": "a byte to another process and back",
    "kvm_run": "KVM_RUN that does not enter the guest",
    "cpuid": "exit: CPUID", "msr": "exit: MSR", "hypercall": "exit: hypercall",
    "npf": "exit: first touch of a page", "out": "exit to user space: OUT",
    "mmio": "exit to user space: MMIO",
}


def generated_figures():
    """From the stored run of the benchmark."""
    cells = json.loads(read(TOP / "bench/baseline.json"))["cells"]
    lines = ["| operation | " + " | ".join(FIGURES.values()) + " |",
             "|---|" + "---:|" * len(FIGURES)]
    for row, what in OPERATIONS.items():
        values = [f"{cells[column][row]['instructions']:.0f}" if row in cells[column] else ""
                  for column in FIGURES]
        lines.append(f"| {what} | " + " | ".join(values) + " |")
    return lines


# What isolation does for a way of a bug, in the table.
EFFECTS = {"none": "kernel", "calls": "kernel; calls", "narrows": "kernel; less mapped",
           "flushes": "flushed by isolation", "adds": "kernel; flushed, too"}


def vector_names():
    names = one_match(r"kVectorNames = \{\{(.*?)\}\};", sources("tools/asictl"), "kVectorNames")
    return dict(re.findall(r'\{"(\w+)", "([\w ]+)"\}', names))


def generated_mitigations():
    bugs = known_bugs()["bugs"]
    rows = [[f"``{bug['bug']}``", *map(brief_way, bug["vectors"].values())] for bug in bugs]
    return table(["bug", *vector_names().values()], rows)


def brief_way(way):
    if not way["way"]:
        return "\\-"
    return "nothing" if way["kernel"].startswith("nothing") else EFFECTS[way["effect"]]


def generated_mitigation_details():
    bugs = known_bugs()["bugs"]
    lines = []
    for bug in bugs:
        lines += [f"``{bug['bug']}``", "-" * (len(bug["bug"]) + 4), "",
                  f"{bug['name']}, {bug['cves']}.", f"Leaks: {bug['leaks']}.", "",
                  ".. list-table::", "   :header-rows: 1", "   :widths: 10 25 25 20 20", ""]
        rows = [["vector", "the kernel alone", "isolation changes", "flushed", "remains"]]
        no_way = []
        for key, name in vector_names().items():
            way = bug["vectors"][key]
            if way["way"]:
                rows.append([name, *(way[what] for what in
                                     ("kernel", "isolation", "flushed", "remains"))])
            else:
                no_way.append(f"* {name}: {way['why_not']}")
        for row in rows:
            lines += [f"   {'* -' if i == 0 else '  -'} {cell}" for i, cell in enumerate(row)]
        lines += ["", *(["No way:", "", *no_way, ""] if no_way else [])]
    return lines[:-1]


def generated_flush_accounts():
    accounts = known_bugs()["flushes"]
    lines = []
    for account in accounts:
        lines += [f"``{account['flush']}``", f"\t{account['where']}"]
    return lines


GENERATED = {
    "figures": generated_figures,
    "flush_accounts": generated_flush_accounts,
    "kinds": generated_kinds,
    "levels": generated_levels,
    "mitigation_details": generated_mitigation_details,
    "mitigations": generated_mitigations,
    "policy": generated_policy,
    "steps": generated_steps,
}
GENERATED = {name: functools.cache(function) for name, function in GENERATED.items()}


# ---- figures that can be counted ---------------------------------------------


def count_flaws():
    text = read(TOP / "selftests/unit/tlb_flaw_test.cc")
    bodies = re.findall(r"^const Case k\w+\[\] = \{(.*?)^\};", text, re.M | re.S)
    return sum(len(re.findall(r"^    \{\"", body, re.M)) for body in bodies)


def count_attacks():
    return int(re.search(r"^nr_attacks=(\d+)", read(TOP / "selftests/sci/attack.sh"), re.M)[1])


def count_steps():
    """Steps of system calls, without those about prctl itself."""
    total = 0
    for path in (TOP / "selftests/sci").glob("calls_*.cc"):
        if path.name != "calls_api.cc":
            for body in re.findall(r"^constexpr Step k\w+\[\] = \{(.*?)^\};", read(path),
                                   re.M | re.S):
                total += len(re.findall(r"\{\"", body))
    return total


def count_violations():
    text = read(TOP / "selftests/asi/verify.sh").replace("\\\n", " ")
    return len(re.findall(r'^check ".*"\s*wrong(?:_\w+)?\b', text, re.M))


def secrets_of(first):
    text = read(TOP / "selftests/asi/secrets.sh")
    lines = re.search(r"^secrets='(.*?)'", text, re.M | re.S)[1].split("\n")
    names = [line.split()[0] for line in lines]
    guest = [name for name in names if re.match(r"guest_(?!memory)", name)]
    return len(guest) if first == "guest" else len(names) - len(guest)


# What a sentence looks like, and what its number has to be.
COUNTS = [
    (r"(\d+)\s+planted\s+mistakes", count_flaws),
    (r"(\d+)\s+attacks\s+from\s+inside", count_attacks),
    (r"(\d+)\s+steps\s+of\s+system\s+calls", count_steps),
    (r"plants\s+(\d+)\s+violations", count_violations),
    (r"(\d+)\s+planted\s+secrets", lambda: secrets_of("planted")),
    (r"(\d+)\s+objects\s+that\s+KVM\s+keeps", lambda: secrets_of("guest")),
]


# ---- the documentation -------------------------------------------------------


class Pages:
    """Text of the pages; what is complained about."""

    def __init__(self):
        self.text = {path.relative_to(TOP).as_posix(): read(path)
                     for path in sorted((TOP / "Documentation").glob("*.rst"))}
        self.text["README.md"] = read(TOP / "README.md")
        self.complaints = []
        self.not_run = []

    def complain(self, page, offset, what):
        line = self.text[page].count("\n", 0, offset) + 1
        self.complaints.append(f"{page}:{line}: {what}")

    def passages(self, word):
        """(page, offset, name, mode, passage) of each `.. WORD: NAME`."""
        rst = re.compile(rf"^\.\. {word}: (\w+)(?: \((\w+)\))?\n(.*?)^\.\. end {word}$",
                         re.M | re.S)
        markdown = re.compile(rf"^<!-- {word}: (\w+)() -->\n(.*?)^<!-- end {word} -->$",
                              re.M | re.S)
        for page, text in self.text.items():
            for match in (markdown if page.endswith(".md") else rst).finditer(text):
                yield page, match.start(), match[1], match[2], match[3]


LITERAL = r"``([^`]+)``"


def entries(passage, mode):
    """What a passage lists."""
    if mode in ("words", "present"):
        return set(re.findall(LITERAL, passage))
    found = set()
    lines = [line for line in passage.split("\n") if line.strip() and not line.startswith("..")]
    for line in lines:
        head = re.match(rf"(?:\* )?({LITERAL}(?:, {LITERAL})*)", line)
        if head:
            found |= set(re.findall(LITERAL, head[1]))
    return found


def check_lists(pages, lists):
    seen = set()
    for page, offset, name, mode, passage in pages.passages("list"):
        if name.startswith("policy_of_"):
            continue
        if name not in lists:
            pages.complain(page, offset, f"no list '{name}' is known to docs.py")
            continue
        seen.add(name)
        try:
            want = lists[name]()
        except NoCommand:
            pages.not_run.append(name)
            continue
        except LookupError as error:
            pages.complain(page, offset, f"list '{name}': {error}")
            continue
        have = {re.sub(r"\s+", " ", entry) for entry in entries(passage, mode)}
        have = {SHORT.get(name, lambda entry: entry)(entry) for entry in have} - {""}
        for entry in sorted(want - have):
            pages.complain(page, offset, f"list '{name}' misses '{entry}', which the code has")
        for entry in sorted(have - want) if mode != "present" else []:
            pages.complain(page, offset, f"list '{name}' has '{entry}', which the code has not")
    for name in sorted(set(lists) - seen):
        pages.complaints.append(f"Documentation: no passage '.. list: {name}'")


def check_tracepoints(pages):
    events = trace_events()
    for page, offset, name, _, passage in pages.passages("list"):
        if name != "tracepoints":
            continue
        for event, fields in events.items():
            row = re.search(rf"^``{event}``\s+``([^`]*)``", passage, re.M)
            if row and row[1].split() != fields:
                pages.complain(page, offset, f"tracepoint '{event}' has fields "
                                             f"'{' '.join(fields)}', not '{row[1]}'")


def check_generated(pages, write):
    # From the end, as what is written moves what follows.
    for page, offset, name, _, passage in reversed(list(pages.passages("generated"))):
        if name not in GENERATED:
            pages.complain(page, offset, f"nothing generates '{name}'")
            continue
        try:
            lines = GENERATED[name]()
        except NoCommand:
            pages.not_run.append(name)
            continue
        want = "\n" + "\n".join(lines) + "\n\n"
        if passage == want:
            continue
        if write:
            start = pages.text[page].index("\n", offset) + 1
            text = pages.text[page]
            pages.text[page] = text[:start] + want + text[start + len(passage):]
            (TOP / page).write_text(pages.text[page], encoding="utf-8")
            print(f"{page}: '{name}' is written again")
        else:
            pages.complain(page, offset, f"'{name}' is not what the code says: "
                                         "tools/check.d/docs.py --write")


def check_class_policy(pages):
    """`.. list: policy_of_CLASS`: rows of kinds, and what the policy says to r, w and x."""
    for page, offset, name, _, passage in pages.passages("list"):
        match = re.match(r"policy_of_(\w+)", name)
        if not match:
            continue
        try:
            policy = built_in_policy()
        except NoCommand:
            pages.not_run.append(name)
            continue
        have, kind_words, verdicts = {}, "", None
        rows = passage[passage.index("\n===", passage.index("===") + 3):].split("\n")
        for line in [*rows[2:], "end  end  end  end"]:
            row = re.match(r"(\w.*?)\s{2,}(\w+)\s+(\w+)\s+(\w+)$", line)
            if row:
                for kind in re.findall(r"\w+", kind_words):
                    have[kind] = verdicts
                kind_words, verdicts = row[1], row.groups()[1:]
            else:
                kind_words += " " + line.strip("= ")
        for kind, _ in kinds():
            want = tuple(policy[match[1], kind, access] for access in "rwx")
            said = tuple("grow" if word == "validated" else word for word in have.get(kind, ()))
            if said != want:
                pages.complain(page, offset, f"'{kind}': the policy says {' '.join(want)}, "
                                             f"not {' '.join(said) or 'nothing'}")


def check_defines(pages):
    texts = sources()
    for page, text in pages.text.items():
        for match in re.finditer(r"^[ \t]*\.\. check: (\w+) (\w+)$", text, re.M):
            values = set(all_matches(rf"#define[ \t]+{match[1]}[ \t]+(\w+)", texts))
            if not values:
                pages.complain(page, match.start(), f"the code defines no {match[1]}")
            elif not any(same_number(value, match[2]) for value in values):
                pages.complain(page, match.start(), f"{match[1]} is {', '.join(sorted(values))}, "
                                                    f"not {match[2]}")


def same_number(a, b):
    def number(text):
        try:
            return int(text.rstrip("ULul"), 0)
        except ValueError:
            return text
    return number(a) == number(b)


def check_counts(pages):
    for pattern, count in COUNTS:
        for page, text in pages.text.items():
            for match in re.finditer(pattern, text):
                want = count()
                if int(match[1]) != want:
                    pages.complain(page, match.start(), f"'{' '.join(match[0].split())}': "
                                                        f"there are {want}")


# Folders of the repository that a path may begin with.
FOLDERS = r"(?:asi|guard|kvm-asi|sci|netns-asi|linux|selftests|bench|tools|Documentation)"
PATH = re.compile(rf"(?<![\w./*-])({FOLDERS}/[\w./*{{}},-]*[\w/*}}])")
# Beginnings of paths that mean something else: debugfs files, modules' folders in the kernel.
ELSEWHERE = re.compile(r"tools/testing/")


def written_paths(page, text):
    """Paths in literals; in the README also in links and behind single backticks."""
    quoted = r"`([^`\n]+)`|\]\(([^)]+)\)" if page.endswith(".md") else r"``([^`]+)``"
    for match in re.finditer(quoted, text):
        words = next(group for group in match.groups() if group)
        for path in PATH.findall(words):
            yield match.start(), path


def expand(path):
    braces = re.search(r"\{([^}]*)\}", path)
    if not braces:
        return [path]
    return [one for word in braces[1].split(",")
            for one in expand(path[:braces.start()] + word + path[braces.end():])]


def exists(path, debugfs):
    """In the repository, in asi/include and the like, or a debugfs file asi/NAME."""
    if path in debugfs or path.startswith("asi/") and path[4:] in debugfs:
        return True
    roots = [TOP, *(TOP / folder / "include" for folder in CODE), TOP / "selftests"]
    return any(list(root.glob(path.rstrip("/"))) for root in roots if root.is_dir())


def check_paths(pages):
    debugfs = debugfs_files() | {"sci", "sci/", "netns", "netns/"}
    for page, text in pages.text.items():
        for offset, written in written_paths(page, text):
            for path in expand(written):
                if not ELSEWHERE.match(path) and not exists(path, debugfs):
                    pages.complain(page, offset, f"'{path}' does not exist")


def check_names(pages):
    """Each `name()` and `longer_name` is a word of the repository's or of the kernel's source."""
    names = {}
    for page, text in pages.text.items():
        for match in re.finditer(r"``(?:struct )?([a-z_]\w*)(\(\))?``", text):
            if match[2] or "_" in match[1]:
                names.setdefault(match[1], (page, match.start(), match[2] or ""))
    left = frozenset(set(names) - our_words())
    known = kernel_words(left)
    if known is None:
        pages.not_run.append("names of the kernel")
        return
    for name in sorted(left - known):
        page, offset, call = names[name]
        pages.complain(page, offset, f"'{name}{call}' is no name of ours or of the kernel's")


@functools.cache
def our_words():
    words = set()
    for folder in (*CODE, "selftests", "bench", "tools", "linux"):
        for path in (TOP / folder).rglob("*"):
            # Not this file, which has names that are wrong on purpose.
            if path.is_file() and path.suffix not in (".json", ".o") and path != THIS:
                words |= {path.stem} | set(re.findall(r"\w+", read(path)))
    return words


@functools.cache
def kernel_words(names):
    """Which of these are words of the kernel's source, system calls or tests of KVM."""
    kernel = BUILD / "src/pristine"
    folders = ["arch/x86", "block", "drivers/tty", "fs", "include", "init", "io_uring", "ipc",
               "kernel", "lib", "mm", "net", "security", "virt"]
    if not names:
        return frozenset()
    if not kernel.is_dir():
        return None
    run = subprocess.run(["grep", "-rhowF", "--include=*.[chS]",
                          *(word for name in sorted(names) for word in ("-e", name)), *folders],
                         cwd=kernel, capture_output=True, text=True, check=False)
    table = read(kernel / "arch/x86/entry/syscalls/syscall_64.tbl")
    tests = {path.stem for path in kernel.glob("tools/testing/selftests/kvm/**/*.c")}
    return frozenset(run.stdout.split()) | frozenset(re.findall(r"\w+", table)) | tests


def manual_commands(text):
    """Commands and options of the synopsis of a manual page in mdoc."""
    synopsis = re.search(r"^\.Sh SYNOPSIS\n(.*?)^\.Sh ", text, re.M | re.S)[1]
    found = {}
    for usage in re.split(r"^\.Nm\n", synopsis, flags=re.M)[1:]:
        line = next((line for line in usage.split("\n") if line.startswith(".Cm")), "")
        words = [word for word in line.split() if word not in (".Cm", "Cm", "Op")]
        names = " ".join(words).split(" | ")
        options = set()
        for flag in re.findall(r"\bFl (-?[\w-]+)", usage):
            options.add("-" + flag)
        options -= {"--json", "--"}
        for name in names:
            found[name] = options
    return found


def check_manual(pages):
    try:
        want = commands()
    except NoCommand:
        pages.not_run.append("asictl's manual page")
        return
    have = manual_commands(read(TOP / MANUAL))
    for name in sorted(set(want) - set(have)):
        pages.complaints.append(f"{MANUAL}: the synopsis misses the command '{name}'")
    for name in sorted(set(have) - set(want)):
        pages.complaints.append(f"{MANUAL}: asictl has no command '{name}'")
    for name in sorted(set(want) & set(have)):
        # The short form of an option stands for its long one.
        long = {"-f": "--file", "-o": "--output"}
        options = want[name] - {long[flag] for flag in have[name] if flag in long}
        for option in sorted(options - have[name]):
            pages.complaints.append(f"{MANUAL}: '{name}' misses the option {option}")
        for option in sorted(have[name] - want[name]):
            pages.complaints.append(f"{MANUAL}: '{name}' has no option {option}")


def check_minivm(pages):
    """The usage of the small virtual machine monitor, in an indented block."""
    page = "Documentation/test-machines.rst"
    text = pages.text.get(page, "")
    try:
        want = commands("minivm")
    except NoCommand:
        pages.not_run.append("minivm's commands")
        return
    usages = re.findall(r"^  minivm (\w+)(.*(?:\n    .*)*)", text, re.M)
    have = {name: set(re.findall(r"--[a-z][\w-]*", usage)) for name, usage in usages}
    offset = max(text.find("  minivm "), 0)
    for name in sorted(set(want) | set(have)):
        if want.get(name) is None or have.get(name) is None:
            pages.complain(page, offset, f"'minivm {name}' is not in both, usage and --help")
            continue
        # --json is an option of some commands only.
        for option in sorted((want[name] ^ have[name]) - {"--json"}):
            pages.complain(page, offset, f"'minivm {name}': {option} is not in both, usage "
                                         "and --help")


# ---- running -----------------------------------------------------------------


def check(write=False, lists=None, change=None):
    """`lists`, `change`: for the self test; other lists, and what to do to the pages first."""
    pages = Pages()
    if change:
        change(pages.text)
    check_generated(pages, write)
    check_lists(pages, lists or LISTS)
    check_tracepoints(pages)
    check_class_policy(pages)
    check_defines(pages)
    check_counts(pages)
    if lists is None:
        check_paths(pages)
        check_names(pages)
        check_manual(pages)
        check_minivm(pages)
    return pages


# Page, what is replaced there (a regular expression), by what, and the complaint.
MISTAKES = [
    ("README.md", r"37 planted mistakes", "38 planted mistakes", "there are 37"),
    ("README.md", r"`sci/`", "`sci/nowhere.c`", "'sci/nowhere.c' does not exist"),
    ("README.md", r"\| exit: CPUID \|", "| exit: CPU |", "'figures' is not what the code says"),
    ("Documentation/overview.rst", r"``asi/asi.h``", "``asi/as.h``", "'asi/as.h' does not exist"),
    ("Documentation/kvm.rst", r"kvm_asi_changed\(\)", "kvm_asi_chanjed()", "'kvm_asi_chanjed()'"),
    ("Documentation/kvm.rst", r"check: KVM_ASI_MAX_SLOTS 64", "check: KVM_ASI_MAX_SLOTS 65",
     "KVM_ASI_MAX_SLOTS is 64, not 65"),
    ("Documentation/kvm.rst", r"check: KVM_ASI_MAX_SLOTS 64", "check: KVM_ASI_MAX_SLITS 64",
     "defines no KVM_ASI_MAX_SLITS"),
    ("Documentation/admin-guide.rst", r"``domain address size kind error``", "``domain size``",
     "tracepoint 'asi_map' has fields"),
    ("Documentation/admin-guide.rst", r"\n``rodata``.*", "", "'kinds' is not what the code says"),
    ("Documentation/syscall-isolation.rst", r"rodata  ( *)grow", r"rodata  \1deny",
     "'rodata': the policy says grow deny deny"),
    ("Documentation/mitigations.rst", r"VERW before every VMRUN", "VERW",
     "'mitigation_details' is not what the code says"),
    ("Documentation/test-machines.rst", r"--statistics", "--statistic", "'minivm exits'"),
]


def plant_mistakes():
    failed = []
    for page, pattern, other, complaint in MISTAKES:
        def change(text, page=page, pattern=pattern, other=other):
            text[page] = re.sub(pattern, other, text[page])
        pages = check(change=change)
        if any(complaint in line for line in pages.complaints):
            continue
        # Without the programs some comparisons are left out.
        if not set(pages.not_run) - {"levels", "steps"}:
            failed.append(f"{page}: '{pattern}' changed to '{other}' is not noticed")
    return failed


def self_test():
    """A list whose code has one entry more: it is missed.  One less: it is too many."""
    failed = plant_mistakes()
    for name in LISTS:
        try:
            real = LISTS[name]()
        except NoCommand:
            print(f"not run: {name}")
            continue
        more = dict(LISTS)
        more[name] = lambda real=real: real | {"planted_entry"}
        if not any("misses 'planted_entry'" in line for line in check(lists=more).complaints):
            failed.append(f"{name}: an entry that the documentation misses is not noticed")
        # Where more may stand than the code has, nothing can be too many.
        if name in ("events", "tests"):
            continue
        gone = sorted(real)[0]
        less = dict(LISTS)
        less[name] = lambda real=real, gone=gone: real - {gone}
        if not any(f"has '{gone}'" in line for line in check(lists=less).complaints):
            failed.append(f"{name}: an entry that the code lost is not noticed")
    for line in failed:
        print(line)
    if not failed:
        print(f"{len(LISTS)} lists, {len(MISTAKES)} other mistakes: what is planted is found")
    return bool(failed)


def main():
    parser = argparse.ArgumentParser(description="Compares the documentation with the code.")
    parser.add_argument("--write", action="store_true", help="write again what is generated")
    parser.add_argument("--self-test", action="store_true", help="plant mistakes in each list")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    pages = check(options.write)
    for complaint in pages.complaints:
        print(complaint)
    summary = f"{len(LISTS)} lists, {len(GENERATED)} generated passages, {len(pages.text)} pages"
    if pages.not_run:
        summary += "; not run: " + ", ".join(sorted(set(pages.not_run)))
    print(summary)
    return bool(pages.complaints)


if __name__ == "__main__":
    sys.exit(main())
