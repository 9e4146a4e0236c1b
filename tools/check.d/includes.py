#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Nothing includes upward: who may include whom, and the check of it.

usage: includes.py [--levels] [FOLDER]

Prints a line for each include that LEVELS does not allow, for each file that
belongs to no level, and for each circle of folders; ends with 1 if there is one.
--levels prints the table as reStructuredText.  FOLDER: the top of the tree.
"""
import fnmatch
import os
import re
import sys
from typing import NamedTuple


class Level(NamedTuple):
    """A row.  `where`: files, or folders with a slash at the end; a file belongs to
    the first row that names it.  `may`: the levels below that it may include beside
    itself.  `plain`: C++ in the kernel, which includes none of the kernel's headers."""
    name: str
    where: tuple
    may: tuple
    what: str
    plain: bool = False


# The core in C, bottom to top.  A folder includes those before it.
CORE = (
    ('core', 'on and off, statistics, switches that break a promise'),
    ('cpu', 'switch, interrupts, tasks, eviction'),
    ('page', 'marks of pages, allocations, sleepers'),
    ('space', 'page tables with their lock: base, image, domains'),
    ('revoke', 'what is freed leaves every domain'),
    ('fault', 'what a fault may do'),
    ('report', 'files, events, verification'),
)
BORDER = ('border',)
API = BORDER + ('interface',)

# Bottom to top: a row names only rows before it in `may`.
LEVELS = (
    Level('border', ('asi/include/asi/types.h', 'asi/include/asi/port.h',
                     'asi/include/asi/engine.h', 'asi/include/asi/smt.h',
                     'asi/include/asi/tlb.h', 'asi/include/asi/flush.h',
                     'asi/include/asi/ranges.h', 'asi/include/asi/mirror.h'),
          (), 'for both sides of a border: kernel and host, C and C++'),
    Level('interface', ('asi/include/',), BORDER, 'the core as consumers and hooks see it'),

    Level('text', ('asi/text/',), (), 'lines, words, complaints: C++', plain=True),
    Level('engine', ('asi/engine/',), BORDER + ('text',), 'page tables, policy, fault log: C++',
          plain=True),

    *(Level(f'x86/{folder}', (f'asi/x86/{folder}/',),
            API + tuple(f'x86/{below}' for below, _ in CORE[:at]), what)
      for at, (folder, what) in enumerate(CORE)),
    Level('x86', ('asi/x86/',), API + tuple(f'x86/{folder}' for folder, _ in CORE),
          'the core starts: boot.c'),
    Level('xom', ('asi/xom/',), API + tuple(f'x86/{folder}' for folder, _ in CORE),
          'execute-only text'),

    Level('kvm-asi account', ('kvm-asi/account.cc', 'kvm-asi/account.h', 'kvm-asi/reason_names.h'),
          BORDER + ('text',), 'what exits of virtual machines cost: C++', plain=True),
    Level('kvm-asi interface', ('kvm-asi/include/',), API, 'virtual machines as KVM sees them'),
    Level('kvm-asi', ('kvm-asi/',), API + ('kvm-asi account', 'kvm-asi interface'),
          'virtual machines'),

    Level('sci interface', ('sci/include/',), API, 'isolated system calls as the kernel sees them'),
    Level('sci profiles', ('sci/profile*.cc', 'sci/profile.h', 'sci/profile_bits.h'),
          BORDER + ('text', 'sci interface'), 'what a call needs, and its text: C++', plain=True),
    Level('sci', ('sci/',), API + ('sci interface', 'sci profiles'), 'isolated system calls'),

    Level('netns-asi interface', ('netns-asi/include/',), API,
          'isolated network namespaces as the kernel sees them'),
    Level('netns-asi', ('netns-asi/',), API + ('netns-asi interface',),
          'isolated network namespaces'),

    Level('guard border', ('guard/include/guard/types.h', 'guard/include/guard/engine.h',
                           'guard/include/guard/abi.h'),
          (), "the guard's, for both sides: kernel, host and VMM, C and C++"),
    Level('guard engine', ('guard/engine/',), ('guard border',),
          'locked frames, pins, what locked text may become: C++', plain=True),
    Level('guard manifest', ('guard/manifest/',), ('guard engine',),
          "makes manifests of a kernel's build: C++, on the host alone"),
    Level('guard interface', ('guard/include/',), (), 'the guard as KVM and hooks see it'),
    Level('guard memory', ('guard/memory/',), API + ('guard border', 'guard interface'),
          'files whose pages can be sealed'),
    Level('guard host', ('guard/host/',), API + ('guard border', 'guard interface'),
          'guarded machines in KVM'),
    Level('guard guest', ('guard/guest/',), API + ('guard border', 'guard interface'),
          'the kernel that has itself guarded'),

    Level('tools/lib', ('tools/lib/',), (), 'what tools share'),
    # It checks policies, profiles and manifests with the kernel's own code for them.
    Level('tools/asictl', ('tools/asictl/',),
          BORDER + ('text', 'sci interface', 'sci profiles', 'guard engine', 'guard manifest',
                    'tools/lib'),
          "the administrator's tool"),
    Level('tools/minivm', ('tools/minivm/',), ('tools/lib', 'guard border'), 'a small hypervisor'),
    Level('tools/vm', ('tools/vm/',), ('tools/lib',), 'starts test machines'),

    Level('self-test modules', ('selftests/asi/module/',),
          API + ('kvm-asi interface', 'sci interface'), 'self tests inside the kernel'),
    Level('unit tests', ('selftests/unit/',),
          BORDER + ('text', 'engine', 'kvm-asi account', 'sci interface', 'sci profiles',
                    'guard border', 'guard engine', 'guard manifest'),
          'host tests of what is C++ in the kernel'),
    Level('fuzzers', ('selftests/fuzz/',),
          BORDER + ('sci profiles', 'sci interface', 'guard engine', 'unit tests'),
          'the same by fuzzing'),
    # Minivm's classes run the guests of self tests and of the benchmark, too.
    Level('self tests', ('selftests/',), BORDER + ('sci interface', 'tools/minivm'),
          'programs in test machines'),
    Level('bench', ('bench/',), BORDER + ('sci interface', 'tools/minivm'),
          'what isolation costs'),
)

SUFFIXES = ('.c', '.h', '.cc', '.S')
# Where <...> is looked for; the last one is the top.
INCLUDE_FOLDERS = ('asi/include', 'kvm-asi/include', 'sci/include', 'netns-asi/include',
                   'guard/include', '')
KERNEL_HEADERS = ('linux/', 'asm/', 'uapi/')
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def names(pattern, path):
    """Does a part of `where` name the file?"""
    if pattern.endswith('/'):
        return path.startswith(pattern)
    return os.path.dirname(path) == os.path.dirname(pattern) and fnmatch.fnmatch(path, pattern)


def level_of(path):
    for level in LEVELS:
        if any(names(pattern, path) for pattern in level.where):
            return level
    return None


def sources(top):
    """Paths of all files with includes, from the top."""
    for root in sorted({pattern.split('/')[0] for level in LEVELS for pattern in level.where}):
        for folder, _, files in os.walk(os.path.join(top, root)):
            for file in files:
                if file.endswith(SUFFIXES):
                    yield os.path.relpath(os.path.join(folder, file), top)


def resolve(path, quoted, name, known):
    """The file of ours that is included, or None.  A quoted name is looked for beside
    the file and in the folders above it, as the Makefiles have the compiler do."""
    folders = list(INCLUDE_FOLDERS)
    if quoted:
        folder = os.path.dirname(path)
        while folder:
            folders.insert(-len(INCLUDE_FOLDERS), folder)
            folder = os.path.dirname(folder)
    for folder in folders:
        found = os.path.normpath(os.path.join(folder, name))
        if found in known:
            return found
    return None


def includes(top, path):
    """(line number, quoted, name) of each include in a file."""
    with open(os.path.join(top, path), encoding='utf-8', errors='replace') as file:
        for number, line in enumerate(file, 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match[1] == '"', match[2]


def find_circle(edges):
    """Folders that include each other in a circle, the first one again at the end; or
    nothing.  `edges`: folder to folders."""
    done = set()

    def visit(folder, trail):
        if folder in trail:
            return trail[trail.index(folder):] + [folder]
        if folder in done:
            return []
        for other in sorted(edges.get(folder, ())):
            circle = visit(other, trail + [folder])
            if circle:
                return circle
        done.add(folder)
        return []

    return next(filter(None, (visit(folder, []) for folder in sorted(edges))), [])


def check(top):
    """Lines that say what is wrong."""
    known = frozenset(sources(top))
    rank = {level.name: at for at, level in enumerate(LEVELS)}
    edges = {}
    findings = []
    for path in sorted(known):
        level = level_of(path)
        if level is None:
            findings.append(f'{path}:1: belongs to no level')
            continue
        for number, quoted, name in includes(top, path):
            found = resolve(path, quoted, name, known)
            if found is None:
                if quoted and any(other.endswith('/' + name) for other in known):
                    findings.append(f'{path}:{number}: includes {name}, which is in another '
                                    'folder: name the folder')
                if level.plain and name.startswith(KERNEL_HEADERS):
                    findings.append(f'{path}:{number}: includes {name}, a header of the kernel '
                                    f'(level {level.name} has none)')
                continue
            other = level_of(found)
            if os.path.dirname(found) != os.path.dirname(path):
                edges.setdefault(os.path.dirname(path), set()).add(os.path.dirname(found))
            if other is None or other.name == level.name or other.name in level.may:
                continue
            is_above = rank[other.name] > rank[level.name]
            findings.append(f'{path}:{number}: includes {found}, which is '
                            f'{"above" if is_above else "not for"} it '
                            f'(level {level.name} includes level {other.name})')
    circle = find_circle(edges)
    if circle:
        findings.append('folders include each other: ' + ' -> '.join(circle))
    return findings, len(known)


def print_levels():
    print('.. list-table::\n   :header-rows: 1\n\n   * - Level\n     - Files\n     - What it is\n'
          '     - May include')
    for level in LEVELS:
        where = ', '.join(f'``{pattern}``' for pattern in level.where)
        print(f'   * - {level.name}\n     - {where}\n     - {level.what}\n'
              f'     - {", ".join(level.may) or "nothing"}')


def main(arguments):
    if arguments == ['--levels']:
        print_levels()
        return 0
    here = os.path.dirname(os.path.abspath(__file__))
    findings, files = check(arguments[0] if arguments else os.path.join(here, '..', '..'))
    print('\n'.join(findings) if findings else f'{files} files, {len(LEVELS)} levels')
    return 1 if findings else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
