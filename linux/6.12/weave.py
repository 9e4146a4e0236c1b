#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Weave the hooks, the gates, the accessors and the readers into a kernel source.

Every place is a function (or a structure, a macro, a file) and a statement in it.
Each has to be there exactly once; otherwise it is named, and nothing is written.
Documentation/porting.rst describes the forms of text that are read:

  hooks/*.hook     groups of hooks: what is added before, after or instead of what
  gates.list       functions that run unrestricted: one line each
  accessors.list   functions that rightly touch private payload, or act for its owner
  readers.list     functions that read text: in the form of hooks
  guarded.list     functions that ask the guard: in the form of hooks

usage: weave.py check SOURCE             does everything find its place?
       weave.py apply SOURCE TREE        weave SOURCE's files, write those into TREE that
                                         are not there yet; restore what was woven before
       weave.py patch SOURCE             the same as a unified diff
       weave.py diff SOURCE TREE         what TREE has beyond the woven SOURCE
       weave.py count SOURCE [--check]   lines added, by group; fail above the limits
       weave.py files                    the files of the source that are touched
       weave.py id                       identity of what is woven, whatever the reasons say
       weave.py table                    the gates as a reStructuredText table
       weave.py accessors                the accessors and brackets in the same way
       weave.py readers                  the readers of text in the same way
       weave.py guarded                  who asks the guard, in the same way
"""

import collections
import dataclasses
import difflib
import hashlib
import os
import pathlib
import re
import sys

from places import Source, tokens

HERE = pathlib.Path(__file__).resolve().parent
HOOKS = HERE / "hooks"
GATES = HERE / "gates.list"
ACCESSORS = HERE / "accessors.list"
GATE = "guard(asi_unrestricted)();"
# Of the topic "switch": what takes the CPU takes it from accessors, too.
GATE_SWITCH = "guard(asi_outside)();"
GATE_INCLUDE = "#include <asi/gate.h>"
GUARDS = {"accessor": "netns_payload", "acting": "netns_acting", "call": "netns_call"}
ACCESSOR_INCLUDE = "#include <asi/netns.h>"
LISTS = (GATES.name, ACCESSORS.name)
READERS = HERE / "readers.list"
READER_INCLUDE = "#include <asi/xom.h>"
GUARDED = HERE / "guarded.list"
GUARDED_INCLUDE = "#include <asi/guard.h>"

# Lines that hooks may add: all groups together, and the gates inside functions.
LIMIT_HOOKS = 300
LIMIT_GATES_INSIDE = 40
# Those that ask the guard.
LIMIT_GUARDED = 60
GATES_INSIDE = "0010"

# In a woven tree: the files that are not as in the source.
WOVEN = ".asi-woven"


class Bad(Exception):
    """One or more places were not found, or a list is malformed."""


@dataclasses.dataclass(frozen=True)
class Hook:
    """One operation at one place."""
    origin: str         # file and line that asks for it
    file: str
    scope: str          # "name()", "struct name", "#define NAME", ... or "": the file
    verb: str           # include, before, after, replace, lines, begin, declarations
    anchor: str
    times: int
    text: str
    gate: str = ""      # what the gate, or the reader, is for: "topic: reason"

    @property
    def group(self):
        return self.origin.partition(":")[0]


@dataclasses.dataclass(frozen=True)
class Accessor:
    """A function that touches private payload, or acts for its owner."""
    file: str
    function: str
    what: str           # "accessor", "acting" or "call"
    argument: str       # of the guard
    topic: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Gate:
    """A function that runs unrestricted, for the documentation."""
    file: str
    function: str
    topic: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Reader:
    """A function that reads text, or seems to, for the documentation."""
    file: str
    function: str
    topic: str
    reason: str
    moved: bool         # or it needs nothing


# --- the lists --------------------------------------------------------------

def read_gates(path=None):
    """The topics, and the hooks and gates that the list asks for; and the files whose
    include goes into another one."""
    path = path or GATES
    topics, hooks, gates, carriers = {}, [], [], {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{path.name}:{number}"
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(None, 2)
        if words[0] == "topic" and len(words) == 3:
            topics[words[1]] = words[2]
        elif words[0] == "include" and len(words) == 3:
            carriers[words[1]] = words[2]
        elif len(words) == 3 and re.fullmatch(r"\w+", words[1]) and ": " in words[2]:
            topic, reason = words[2].split(": ", 1)
            if topic not in topics:
                raise Bad(f"{where}: no topic {topic}")
            gates.append(Gate(words[0], words[1], topic, reason))
            hooks.append(Hook(where, words[0], words[1] + "()", "declarations", "", 1,
                              f"\t{GATE_SWITCH if topic == 'switch' else GATE}\n"))
        else:
            raise Bad(f"{where}: expected FILE FUNCTION TOPIC: REASON")
    refuse_twice(path, gates)
    return topics, hooks, gates, carriers


def refuse_twice(path, functions):
    """Each has one line in the list."""
    count = collections.Counter((f.file, f.function) for f in functions)
    twice = [f"{path.name}: {file}: {function}() stands there twice"
             for (file, function), n in count.items() if n > 1]
    if twice:
        raise Bad("\n".join(twice))


ACCESSOR = re.compile(r"(\S+) (\w+) (first )?(accessor|acting|call)(?:\((.+)\))? (\S+): (.+)")


def read_accessors(path=None):
    """The topics, the hooks that the list asks for, and its functions."""
    path = path or ACCESSORS
    topics, hooks, accessors = {}, [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{path.name}:{number}"
        if not line.strip() or line.startswith("#"):
            continue
        if match := re.fullmatch(r"topic (\S+) (.+)", line):
            topics[match[1]] = match[2]
            continue
        match = ACCESSOR.fullmatch(line)
        if not match or (match[4] == "accessor") != (match[5] is None):
            raise Bad(f"{where}: expected FILE FUNCTION [first] accessor|acting(NET)|call(SOCK) "
                      "TOPIC: REASON")
        one = Accessor(match[1], match[2], match[4], match[5] or "", match[6], match[7])
        if one.topic not in topics:
            raise Bad(f"{where}: no topic {one.topic}")
        accessors.append(one)
        hooks.append(Hook(where, one.file, one.function + "()",
                          "begin" if match[3] else "declarations", "", 1,
                          f"\tguard({GUARDS[one.what]})({one.argument});\n"))
    refuse_twice(path, accessors)
    hooks += [Hook(path.name, file, "", "include", "", 1, ACCESSOR_INCLUDE + "\n")
              for file in dict.fromkeys(one.file for one in accessors)]
    return topics, hooks, accessors


def read_readers():
    """The topics, the hooks and the readers of text."""
    return read_reasoned(READERS, "reader", READER_INCLUDE)


def read_guarded():
    """The topics, the hooks and the functions that ask the guard."""
    return read_reasoned(GUARDED, "guard", GUARDED_INCLUDE)


def read_reasoned(path, word, include):
    """Topics, hooks and functions of a list in the form of hooks with reasons: @word."""
    topics = {}
    for line in path.read_text().splitlines():
        words = line.split(None, 2)
        if len(words) == 3 and words[0] == "topic":
            topics[words[1]] = words[2]
    hooks = read_hooks(path)
    readers = {}
    for hook in hooks:
        if hook.verb == "include":
            continue
        topic, _, reason = hook.gate.partition(": ")
        if topic not in topics or not reason:
            raise Bad(f"{hook.origin}: without '{word}: TOPIC: REASON'")
        reader = Reader(hook.file, hook.scope.removesuffix("()"), topic, reason,
                        hook.verb != "none")
        readers.setdefault(reader, None)
    hooks += [Hook(path.name, file, "", "include", "", 1, include + "\n")
              for file in dict.fromkeys(hook.file for hook in hooks if hook.verb != "none")]
    return topics, hooks, list(readers)


def read_hooks(path):
    """The hooks of one group."""
    hooks, file, scope, verb = [], None, "", None
    anchor, times, text, gate, where = "", 1, "", "", ""

    def finish():
        nonlocal verb, text, gate
        if verb in ("before", "after", "begin", "declarations", "lines"):
            if not text:
                raise Bad(f"{where}: nothing to add")
            hooks.append(Hook(where, file, scope, verb, anchor, times, text, gate))
        elif verb == "remove":
            hooks.append(Hook(where, file, scope, "lines", anchor, 1, ""))
        elif verb == "replace":
            raise Bad(f"{where}: no 'with:' and no lines")
        verb, text, gate = None, "", ""

    reason = ""         # of the next place, or of all to come in this function
    lasts = False
    body = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        here = f"{path.name}:{number}"
        if line.startswith("@@ "):
            finish()
            body, reason, lasts = True, "", False
            file, _, scope = line[3:].strip().partition(" ")
            scope = scope.strip()
            continue
        if not body:
            continue
        if line.startswith("+#include ") and not verb and not scope:
            hooks.append(Hook(here, file, "", "include", "", 1, line[1:] + "\n"))
        elif line.startswith("+") and verb == "with":
            hooks[-1] = dataclasses.replace(hooks[-1], text=hooks[-1].text + "\n" + line[1:])
        elif line.startswith("+"):
            if verb == "replace":
                verb = "lines"
            if not verb:
                raise Bad(f"{here}: text, but no place for it")
            text += line[1:] + "\n"
        elif match := re.fullmatch(r"(before|after|replace)(?: (\d+))?: (.+)", line):
            finish()
            verb, anchor, times, where = match[1], match[3], int(match[2] or 1), here
            gate, reason = reason, reason if lasts else ""
            if times != 1 and verb != "replace":
                raise Bad(f"{here}: only 'replace' may have more than one place")
        elif match := re.fullmatch(r"remove: (.+)", line):
            finish()
            verb, anchor, times, where = "remove", match[1], 1, here
        elif line in ("begin:", "declarations:"):
            finish()
            verb, anchor, times, where = line[:-1], "", 1, here
            gate, reason = reason, reason if lasts else ""
        elif line.startswith("with:") and verb == "replace":
            hooks.append(Hook(where, file, scope, "replace", anchor, times, line[5:].strip(),
                              gate))
            verb = "with"
        elif line.startswith("gate: "):
            finish()
            reason = line[6:]
        elif match := re.fullmatch(r"(?:reader|guard): (.+)", line):
            finish()
            reason, lasts = match[1], True
        elif line.startswith("none: "):
            finish()
            hooks.append(Hook(here, file, scope, "none", "", 1, "", line[6:]))
        elif line.startswith("#") or not line.strip():
            finish()
        elif line[0] in " \t" and verb not in (None, "with") and not text:
            anchor += " " + line.strip()
        else:
            raise Bad(f"{here}: not understood: {line}")
    finish()
    return hooks


def read_all():
    """Topics, all hooks with those of the gates' list, and all gates."""
    topics, hooks, gates, carriers = read_gates()
    explicit = []
    for path in sorted(HOOKS.glob("*.hook")):
        explicit += read_hooks(path)
    for hook in explicit:
        if GATE in hook.text or GATE_SWITCH in hook.text:
            topic, _, reason = hook.gate.partition(": ")
            if topic not in topics or not reason:
                raise Bad(f"{hook.origin}: a gate without 'gate: TOPIC: REASON'")
            gates.append(Gate(hook.file, hook.scope.removesuffix("()"), topic, reason))
    # hooks.h brings gate.h along.
    have = {hook.file for hook in explicit
            if hook.verb == "include" and "asi/hooks.h" in hook.text}
    need = dict.fromkeys(carriers.get(gate.file, gate.file) for gate in gates)
    hooks += [Hook(GATES.name, file, "", "include", "", 1, GATE_INCLUDE + "\n")
              for file in need if file not in have]
    # It brings xom.h along, too.
    readers = [hook for hook in read_readers()[1]
               if hook.verb != "include" or hook.file not in have]
    return topics, hooks + explicit + read_accessors()[1] + readers + read_guarded()[1], gates


# --- weaving ----------------------------------------------------------------

@dataclasses.dataclass
class Edit:
    begin: int
    end: int
    text: str
    hook: Hook


def place(source, hook):
    """The edits of @hook.  Raises Bad with the name of the place."""
    at = f"{source.name}: {hook.scope}: " if hook.scope else f"{source.name}: "
    if hook.verb == "include":
        where = source.include_place()
        if where is None:
            raise Bad(f"{at}no #include that another could follow ({hook.origin})")
        return [Edit(where, where, hook.text, hook)]
    scopes = source.scopes(hook.scope)
    if not scopes:
        raise Bad(f"{at}not found ({hook.origin})")
    if hook.verb in ("begin", "declarations", "none"):
        if len(scopes) != 1:
            raise Bad(f"{at}found {len(scopes)} times ({hook.origin})")
        if hook.verb == "none":
            return []
        body = scopes[0][0]
        where = (source.declarations_end(body) if hook.verb == "declarations" else
                 source.line_end(body + 1))
        return [Edit(where, where, hook.text, hook)]
    pattern = re.compile(tokens(hook.anchor))
    found = [match for begin, end in scopes
             for match in pattern.finditer(source.code, begin, end)]
    if len(found) != hook.times:
        raise Bad(f"{at}'{hook.anchor}' found {len(found)} times instead of {hook.times} "
                  f"({hook.origin})")
    return [edit(source, hook, match, at) for match in found]


def edit(source, hook, match, at):
    """The edit at one place that was found."""
    if hook.verb == "replace":
        return Edit(match.start(), match.end(), hook.text, hook)
    begin, end = source.line_start(match.start()), source.line_end(match.end())
    if hook.verb != "after" and source.code[begin:match.start()].strip():
        raise Bad(f"{at}'{hook.anchor}' does not begin a line ({hook.origin})")
    if hook.verb != "before" and source.code[match.end():end].strip():
        raise Bad(f"{at}'{hook.anchor}' does not end a line ({hook.origin})")
    if hook.verb == "lines":
        return Edit(begin, end, hook.text, hook)
    if hook.verb == "after":
        return Edit(end, end, hook.text, hook)
    # A comment belongs to the statement below it.
    while begin:
        above = source.line_start(begin - 1)
        if source.code[above:begin].strip() or not source.text[above:begin].strip():
            break
        begin = above
    return Edit(begin, begin, hook.text, hook)


def weave_text(source, hooks, errors):
    """The text of @source with @hooks, whose places are looked up in the text as it was."""
    edits = []
    for hook in hooks:
        try:
            edits += place(source, hook)
        except Bad as bad:
            errors.append(str(bad))
    edits.sort(key=lambda e: (e.begin, e.end))
    out, at = [], 0
    for one in edits:
        if one.begin < at:
            errors.append(f"{source.name}: {one.hook.origin} changes what another hook changes")
            continue
        out += [source.text[at:one.begin], one.text]
        at = one.end
    return "".join(out) + source.text[at:]


def weave(root, hooks):
    """File names to (text as it is, woven text), or Bad with everything that is missing."""
    by_file = collections.defaultdict(list)
    for hook in hooks:
        by_file[hook.file].append(hook)
    woven, errors = {}, []
    for name, its in by_file.items():
        try:
            text = (root / name).read_text(errors="surrogateescape")
        except OSError:
            errors.append(f"{name}: no such file ({its[0].origin})")
            continue
        woven[name] = text, weave_text(Source(name, text), its, errors)
    if errors:
        raise Bad("\n".join(errors))
    return woven


def unified(old, new, name):
    """A unified diff with the name of the function, as diff -up gives it."""
    lines = list(difflib.unified_diff(old.splitlines(keepends=True),
                                      new.splitlines(keepends=True),
                                      f"a/{name}", f"b/{name}"))
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def added(old, new):
    """The lines that a diff shows as added."""
    diff = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return [line[1:] for line in list(diff)[2:] if line.startswith("+")]


# --- commands ---------------------------------------------------------------

def command_check(source):
    weave(source, read_all()[1])


def replace(target, text, mode):
    """Write @target, unless it has @text already: make goes by times."""
    if target.exists() and target.read_text(errors="surrogateescape") == text:
        return
    # A hard link or a reference must not reach the source.
    target.unlink(missing_ok=True)
    target.write_text(text, errors="surrogateescape")
    os.chmod(target, mode)


def command_apply(source, tree):
    woven = weave(source, read_all()[1])
    record = tree / WOVEN
    before = record.read_text().split() if record.exists() else []
    record.write_text("".join(f"{name}\n" for name in sorted({*woven, *before})))
    for name in {*woven, *before}:
        text = woven[name][1] if name in woven else (source / name).read_text(
            errors="surrogateescape")
        replace(tree / name, text, (source / name).stat().st_mode)
    record.write_text("".join(f"{name}\n" for name in sorted(woven)))


def command_patch(source):
    for name, (old, new) in sorted(weave(source, read_all()[1]).items()):
        sys.stdout.write(unified(old, new, name))


def command_diff(source, tree):
    woven = weave(source, read_all()[1])
    for name, (_, text) in sorted(woven.items()):
        sys.stdout.write(unified(text, (tree / name).read_text(errors="surrogateescape"), name))
    for folder, folders, names in os.walk(source):
        folders.sort()
        inside = pathlib.Path(folder).relative_to(source)
        for name in sorted(names):
            one, other = source / inside / name, tree / inside / name
            if str(inside / name) in woven or one.is_symlink() or name in (WOVEN, ".asi-source"):
                continue
            if not other.exists():
                print(f"only in the source: {inside / name}")
                continue
            a, b = one.stat(), other.stat()
            if (a.st_size, int(a.st_mtime)) != (b.st_size, int(b.st_mtime)):
                sys.stdout.write(unified(one.read_text(errors="surrogateescape"),
                                         other.read_text(errors="surrogateescape"),
                                         str(inside / name)))


def command_count(source, check=""):
    hooks = read_all()[1]
    others = [hook for hook in hooks if hook.group not in (READERS.name, GUARDED.name)]
    listed = [hook for hook in others if hook.group in LISTS]
    lines = collections.Counter(hook.group for hook in listed if hook.verb != "include")
    includes = sum(hook.verb == "include" for hook in listed)
    total = sum(len(added(*texts)) for texts in weave(source, others).values())
    counts = {}
    for group in sorted({hook.group for hook in hooks if hook.group not in LISTS}):
        alone = weave(source, [hook for hook in hooks if hook.group == group])
        counts[group] = sum(len(added(*texts)) for texts in alone.values())
    readers, guarded = counts.pop(READERS.name), counts.pop(GUARDED.name)
    rest = total - len(listed)
    inside = sum(n for group, n in counts.items() if group.startswith(GATES_INSIDE))
    for group, count in counts.items():
        print(f"{count:4}  {group}")
    print(f"{rest:4}  hooks, at most {LIMIT_HOOKS}; {inside} in {GATES_INSIDE}, at most "
          f"{LIMIT_GATES_INSIDE}; beside them {lines[GATES.name]} gates, "
          f"{lines[ACCESSORS.name]} accessors and brackets, {includes} includes for them, "
          f"{readers} lines for readers of text, {guarded} that ask the guard, at most "
          f"{LIMIT_GUARDED}, with their includes")
    if check and (rest > LIMIT_HOOKS or inside > LIMIT_GATES_INSIDE or guarded > LIMIT_GUARDED):
        raise Bad("more lines than the limit")


def command_files():
    print("\n".join(sorted({hook.file for hook in read_all()[1]})))


def command_id():
    parts = [(h.file, h.scope, h.verb, h.anchor, h.times, h.text) for h in read_all()[1]
             if h.verb != "none"]
    programs = [HERE.joinpath(name).read_text() for name in ("places.py", "weave.py")]
    print(hashlib.sha256(repr([parts, programs]).encode()).hexdigest())


def command_table():
    topics, _, gates = read_all()
    print(".. SPDX-License-Identifier: GPL-2.0-only\n"
          ".. Written by linux/6.12/weave.py table from gates.list and hooks/.\n")
    title = "Gates of system-call isolation"
    print(f"{'=' * len(title)}\n{title}\n{'=' * len(title)}\n")
    print(f"{len(gates)} gates in {len({gate.file for gate in gates})} files: the function, or "
          "the rest of it, runs unrestricted\nwhen an isolated system call comes through it.  "
          ":doc:`syscall-isolation` says when a\nfunction needs a gate.\n")
    for topic, words in topics.items():
        print(f"{words}\n{'=' * len(words)}\n")
        print(".. list-table::\n   :header-rows: 1\n   :widths: 25 25 50\n")
        print("   * - function\n     - file\n     - what it touches, and why")
        for gate in sorted((g for g in gates if g.topic == topic),
                           key=lambda g: (g.file, g.function)):
            print(f"   * - ``{gate.function}()``\n     - ``{gate.file}``\n     - {gate.reason}")
        print()


def command_accessors():
    topics, _, accessors = read_accessors()
    print(".. SPDX-License-Identifier: GPL-2.0-only\n"
          ".. Written by linux/6.12/weave.py accessors from accessors.list.\n")
    title = "Accessors and brackets of private payload"
    print(f"{'=' * len(title)}\n{title}\n{'=' * len(title)}\n")
    print(f"{sum(one.what == 'accessor' for one in accessors)} accessors, which reach the payload "
          "of the namespace that the CPU acts for, and\n"
          f"{sum(one.what != 'accessor' for one in accessors)} brackets, which say for whom it "
          "acts.  :doc:`netns-isolation` says what that is for.\n")
    for topic, words in topics.items():
        print(f"{words}\n{'=' * len(words)}\n")
        print(".. list-table::\n   :header-rows: 1\n   :widths: 25 25 50\n")
        print("   * - function\n     - file\n     - what it does")
        for one in sorted((a for a in accessors if a.topic == topic),
                          key=lambda a: (a.file, a.function)):
            print(f"   * - ``{one.function}()``\n     - ``{one.file}``\n     - {one.reason}")
        print()


def command_readers():
    topics, _, readers = read_readers()
    moved = [reader for reader in readers if reader.moved]
    print(".. SPDX-License-Identifier: GPL-2.0-only\n"
          ".. Written by linux/6.12/weave.py readers from readers.list.\n")
    title = "Readers of kernel text"
    print(f"{'=' * len(title)}\n{title}\n{'=' * len(title)}\n")
    print(f"{len({(r.file, r.function) for r in moved})} functions in "
          f"{len({r.file for r in moved})} files get a copy of the text that they read, "
          "or have their\ndata moved out of text.  :doc:`execute-only-text` says how.  Those "
          "without a mark need nothing.\n")
    for topic, words in topics.items():
        print(f"{words}\n{'=' * len(words)}\n")
        print(".. list-table::\n   :header-rows: 1\n   :widths: 25 25 5 45\n")
        print("   * - function\n     - file\n     - moved\n     - what it reads, and why")
        for reader in (r for r in readers if r.topic == topic):
            print(f"   * - ``{reader.function}()``\n     - ``{reader.file}``\n"
                  f"     - {'x' if reader.moved else ''}\n     - {reader.reason}".replace(
                      "- \n", "-\n"))
        print()


def command_guarded():
    topics, _, functions = read_guarded()
    print(".. SPDX-License-Identifier: GPL-2.0-only\n"
          ".. Written by linux/6.12/weave.py guarded from guarded.list.\n")
    title = "Who asks the guard"
    print(f"{'=' * len(title)}\n{title}\n{'=' * len(title)}\n")
    print(f"{len(functions)} places in {len({f.file for f in functions})} files.  :doc:`guard` "
          "says what is answered.\n")
    for topic, words in topics.items():
        print(f"{words}\n{'=' * len(words)}\n")
        print(".. list-table::\n   :header-rows: 1\n   :widths: 25 25 50\n")
        print("   * - place\n     - file\n     - what is asked")
        for one in (f for f in functions if f.topic == topic):
            scope = one.function if one.function[-1] == "]" or " " in one.function else (
                one.function + "()")
            print(f"   * - ``{scope}``\n     - ``{one.file}``\n     - {one.reason}")
        print()


# With the number of folders that each needs.
COMMANDS = {"check": (command_check, 1), "apply": (command_apply, 2),
            "patch": (command_patch, 1), "diff": (command_diff, 2),
            "count": (command_count, 1), "files": (command_files, 0),
            "id": (command_id, 0), "table": (command_table, 0),
            "accessors": (command_accessors, 0), "readers": (command_readers, 0),
            "guarded": (command_guarded, 0)}


def main():
    name, *rest = sys.argv[1:] or [""]
    if name not in COMMANDS:
        sys.exit(__doc__)
    command, paths = COMMANDS[name]
    if len(rest) < paths:
        sys.exit(__doc__)
    try:
        command(*(pathlib.Path(path) for path in rest[:paths]), *rest[paths:])
    except Bad as bad:
        sys.exit("\n".join(f"weave: {line}" for line in str(bad).splitlines()))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
