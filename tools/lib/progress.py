#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Shows what is being waited for, and how far it is.

On a terminal one line that is updated, elsewhere a line now and then; both on
standard error.  A module for programs in Python, and a command for the others:

usage: progress.py run TITLE [--grows=DIR] -- COMMAND...
         Runs COMMAND, passes its output on, and shows for how long, and by how much
         the files in DIR have grown.
       progress.py kbuild TITLE --log=FILE --folder=DIR [--about=N] [--remember=FILE] -- COMMAND...
         COMMAND builds a kernel into DIR and prints what kbuild prints without -s.
         All of it goes to the log; shown are warnings and errors, and the objects
         that are built of those to build.  FILE remembers how many those are; N is
         taken where it does not exist.

The exit status is that of COMMAND.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

# Seconds between two lines where there is no terminal.
EVERY = 20
# What takes less than this is not worth a line.
AFTER = 3


def duration(seconds):
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"


def roughly(seconds):
    """For what is only an estimate."""
    if seconds < 50:
        return f"{max(10, round(seconds, -1)):.0f} s"
    return f"{max(1, round(seconds / 60))} min"


class Line:
    """The one line.  What else is printed meanwhile goes through say()."""

    def __init__(self, stream=None, every=EVERY):
        self.stream = stream or sys.stderr
        self.every = every
        self.is_terminal = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.shown = ""
        self.printed = time.monotonic()
        self.lock = threading.RLock()

    def width(self):
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80
        except OSError:
            return 80

    def show(self, text):
        with self.lock:
            if self.is_terminal:
                # In the last column a terminal may begin a new line.
                text = text[:self.width() - 1]
                if text != self.shown:
                    self.write("\r" + text + "\x1b[K")
                    self.shown = text
            elif time.monotonic() - self.printed >= self.every:
                self.write(text + "\n")
                self.printed = time.monotonic()

    def clear(self):
        with self.lock:
            if self.shown:
                self.write("\r\x1b[K")
                self.shown = ""

    def say(self, text, stream=None):
        """Prints a line that stays, on standard output."""
        with self.lock:
            self.clear()
            print(text, file=stream or sys.stdout, flush=True)
            self.printed = time.monotonic()

    def write(self, text):
        self.stream.write(text)
        self.stream.flush()


@contextlib.contextmanager
def ticking(line, text, after=AFTER):
    """Meanwhile shows what text(SECONDS) returns, from the moment that it takes long."""
    begin = time.monotonic()
    done = threading.Event()

    def tick():
        wait = after
        while not done.wait(wait):
            line.show(text(time.monotonic() - begin))
            wait = 1

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        line.clear()


class Times:
    """Seconds that things took when they were last done, in a file."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        try:
            self.seconds = {str(name): float(value)
                            for name, value in json.loads(self.path.read_text()).items()}
        except (OSError, ValueError, AttributeError, TypeError):
            self.seconds = {}

    def get(self, name):
        return self.seconds.get(name)

    def note(self, name, seconds):
        self.seconds[name] = round(seconds, 1)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        new.write_text(json.dumps(self.seconds, indent=1, sort_keys=True) + "\n")
        new.replace(self.path)


class Parts:
    """Parts of one thing that are done one after the other.

    with parts.part(NAME): ...
    """

    def __init__(self, title, names, times, line=None):
        self.title, self.names, self.times = title, list(names), Times(times)
        self.line = line or Line()
        self.count = 0

    def key(self, name):
        return f"{self.title}: {name}"

    def left(self, elapsed):
        """Seconds from the last run, or None when a part that comes was never done."""
        rest = [self.times.get(self.key(name)) for name in self.names[self.count - 1:]]
        if None in rest:
            return None
        return max(0, rest[0] - elapsed) + sum(rest[1:])

    @contextlib.contextmanager
    def part(self, name):
        self.count += 1
        head = f"{self.title} {self.count} of {len(self.names)}: {name}"

        def text(elapsed):
            left = self.left(elapsed)
            return (f"{head}, {duration(elapsed)}" +
                    (f", about {roughly(left)} left in all" if left is not None else ""))

        self.line.say(head, self.line.stream)
        begin = time.monotonic()
        with ticking(self.line, text):
            yield
        self.times.note(self.key(name), time.monotonic() - begin)


# ---- commands ---------------------------------------------------------------


def outer_make_removed():
    """A caller's make options, silence among them, are not for what is built here."""
    return {name: value for name, value in os.environ.items()
            if name not in ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL")}


def status_of(process):
    status = process.wait()
    return 128 - status if status < 0 else status


def pass_on(stream, out, line):
    for text in stream:
        line.say(text.rstrip("\n"), out)


def size_of(folder):
    """Bytes of the files in it, in no folder below."""
    with contextlib.suppress(OSError):
        return sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())
    return 0


def run(args):
    """Its output passes through here, as it would write over the line."""
    line = Line()
    before = size_of(args.grows) if args.grows else 0

    def text(elapsed):
        grown = size_of(args.grows) - before if args.grows else 0
        return (args.title + (f", {grown / 2**20:.0f} MiB" if grown > 0 else "") +
                f", {duration(elapsed)}")

    with ticking(line, text):
        process = subprocess.Popen(args.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, errors="replace", close_fds=False)
        readers = [threading.Thread(target=pass_on, args=(stream, out, line)) for stream, out in
                   ((process.stdout, sys.stdout), (process.stderr, sys.stderr))]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        return status_of(process)


# "  CC [M]  fs/9p/v9fs.o"
BUILT = re.compile(r"  [A-Z][A-Z0-9_]*(?: \[M\])? +(?P<target>\S.*)")
# What is neither a target nor worth a look.
NEWS = re.compile(r"make(\[\d+\])?: (Entering|Leaving|Nothing|'.*' is up to date)|Kernel: |"
                  r"(Setup|System) is \d|CRC [0-9a-f]+$|$")
# A folder with this share of the objects is one that was built before.
NEARLY_ALL = 0.9


class Objects:
    """How many a kernel build has to build, and how many it has."""

    def __init__(self, folder, about, remember):
        self.remember = remember
        self.total = about
        with contextlib.suppress(OSError, ValueError, TypeError):
            self.total = int(pathlib.Path(remember).read_text())
        self.before = sum(name.endswith(".o") for _, _, names in os.walk(folder) for name in names)
        self.built = 0
        # Of a folder that is complete, only what has changed is built.
        self.is_known = self.before < NEARLY_ALL * self.total
        self.begin = time.monotonic()

    def text(self):
        elapsed = time.monotonic() - self.begin
        if not self.is_known:
            return f"{self.built} objects built, {duration(elapsed)}"
        todo = max(1, self.total - self.before)
        share = min(self.built / todo, 0.99)
        text = (f"{self.built} of {'' if self.built <= todo else 'about '}{max(todo, self.built)} "
                f"objects ({100 * share:.0f} %), {duration(elapsed)}")
        # What comes after the last object, linking, is not known.
        if share > 0.02 and elapsed > 10 and self.built < todo:
            text += f", about {roughly(elapsed * (1 - share) / share)} left"
        return text

    def note(self):
        if self.remember and not self.before:
            with contextlib.suppress(OSError):
                path = pathlib.Path(self.remember)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{self.built}\n")


def kbuild(args):
    line = Line()
    objects = Objects(args.folder, args.about, args.remember)
    target = ""
    with open(args.log, "w", encoding="utf-8") as log, \
            ticking(line, lambda _: f"{args.title}: {objects.text()}  {target}"):
        process = subprocess.Popen(args.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, errors="replace", env=outer_make_removed())
        for text in process.stdout:
            log.write(text)
            text = text.rstrip("\n")
            built = BUILT.fullmatch(text)
            if built:
                target = built["target"]
                objects.built += target.endswith(".o")
            elif not NEWS.match(text):
                line.say(text, sys.stderr)
        status = status_of(process)
    if status:
        line.say(f"{args.title}: failed after {objects.built} objects; what make said is in "
                 f"{args.log}", sys.stderr)
    else:
        line.say(f"{args.title}: built in {duration(time.monotonic() - objects.begin)}")
        objects.note()
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    for name in ("run", "kbuild"):
        command = commands.add_parser(name)
        command.add_argument("title")
        if name == "run":
            command.add_argument("--grows")
        else:
            command.add_argument("--log", required=True)
            command.add_argument("--folder", required=True)
            command.add_argument("--about", type=int, default=0)
            command.add_argument("--remember")
    arguments = sys.argv[1:]
    if "--" not in arguments[:-1]:
        parser.error("no COMMAND after --")
    at = arguments.index("--")
    args = parser.parse_args(arguments[:at])
    args.command = arguments[at + 1:]
    try:
        return run(args) if args.what == "run" else kbuild(args)
    except FileNotFoundError as error:
        print(f"progress: {error}", file=sys.stderr)
        return 127
    except KeyboardInterrupt:
        # COMMAND has had it, too.
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
