#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""progress.py passes output and status on, counts objects and estimates; TAP.

usage: progress_test.py
"""

import io
import os
import pathlib
import pty
import subprocess
import sys
import time

import progress

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent.parent.parent / "selftests/lib"))
import tap  # noqa: E402
from tap import need, test  # noqa: E402

KBUILD = r"""
printf "make[1]: Entering directory '/x'\n  GEN     Makefile\n  CC      mm/a.o\n"
printf "mm/a.c:1:2: warning: odd\n  CC [M]  fs/b.o\n  AS      c.o\n  LD      vmlinux\n"
printf "Kernel: arch/x86/boot/bzImage is ready  (#1)\n"
"""


def ran(*arguments):
    return subprocess.run([sys.executable, HERE.parent / "progress.py", *arguments], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def kbuild(out, script, *more):
    return ran("kbuild", "kernel x", f"--log={out}/log", f"--folder={out}", *more, "--",
               "sh", "-c", script)


@test
def output_and_status_pass_through(_):
    run = ran("run", "title", "--", "sh", "-c", "echo out; echo error >&2; exit 7")
    need((run.stdout, run.stderr, run.returncode) == ("out\n", "error\n", 7), str(run))
    need(ran("run", "title", "--", "sh", "-c", "kill -9 $$").returncode == 137, "killed")
    need(ran("run", "title", "--", "/no/such/program").returncode == 127, "no program")


@test
def of_a_kernel_build_warnings_are_shown_and_all_is_kept(out):
    run = kbuild(out, KBUILD)
    need(run.returncode == 0, str(run))
    need(run.stderr == "mm/a.c:1:2: warning: odd\n", run.stderr)
    need(run.stdout.startswith("kernel x: built in "), run.stdout)
    need("CC [M]  fs/b.o" in (out / "log").read_text(), "the log")


@test
def a_build_that_fails_says_where_all_is(out):
    run = kbuild(out, "echo '  CC      a.o'; echo 'a.c:1: error: no'; exit 2")
    need(run.returncode == 2 and "a.c:1: error: no" in run.stderr, str(run))
    need(f"failed after 1 objects; what make said is in {out}/log" in run.stderr, run.stderr)


@test
def objects_are_remembered_from_a_whole_build(out):
    kbuild(out, KBUILD, f"--remember={out}/objects")
    need((out / "objects").read_text() == "3\n", (out / "objects").read_text())
    (out / "a.o").touch()
    kbuild(out, "echo '  CC      a.o'", f"--remember={out}/objects")
    need((out / "objects").read_text() == "3\n", "a part of a build was remembered")


@test
def objects_are_counted_of_those_to_build(out):
    objects = progress.Objects(out, 100, None)
    objects.built, objects.begin = 25, time.monotonic() - 60
    need(objects.text() == "25 of 100 objects (25 %), 1 min 00 s, about 3 min left",
         objects.text())
    for number in range(60):
        (out / f"{number}.o").touch()
    objects = progress.Objects(out, 100, None)
    objects.built = 10
    need(objects.text().startswith("10 of 40 objects (25 %)"), objects.text())
    # All are there: how many of them are built anew is not known.
    need(progress.Objects(out, 60, None).text() == "0 objects built, 0 s", "a complete folder")


@test
def elsewhere_than_on_a_terminal_a_line_comes_now_and_then(_):
    stream = io.StringIO()
    line = progress.Line(stream, every=0.2)
    for _ in range(10):
        line.show("a")
        time.sleep(0.05)
    need(stream.getvalue() in ("a\n", "a\na\n"), repr(stream.getvalue()))


@test
def on_a_terminal_the_line_is_cut_and_gives_way(_):
    ours, its = pty.openpty()
    os.environ["TERM"] = "linux"
    with open(its, "w", encoding="ascii") as stream:
        line = progress.Line(stream)
        line.width = lambda: 10
        line.show("0123456789abc")
        line.say("word", stream)
    text = os.read(ours, 1000)
    os.close(ours)
    need(text == b"\r012345678\x1b[K\r\x1b[Kword\r\n", repr(text))


@test
def time_left_is_that_of_the_last_run(out):
    parts = progress.Parts("title", ["a", "b"], out / "seconds", progress.Line(io.StringIO()))
    for name in ("a", "b"):
        with parts.part(name):
            need(parts.left(0) is None, "known before the first run")
    progress.Times(out / "seconds").note("title: b", 60)
    parts = progress.Parts("title", ["a", "b"], out / "seconds", progress.Line(io.StringIO()))
    with parts.part("a"):
        need(60 <= parts.left(100) < 61, str(parts.left(100)))


@test
def a_broken_file_of_times_is_no_times(out):
    (out / "seconds").write_text('["x"]')
    need(progress.Times(out / "seconds").get("x") is None, "x")


if __name__ == "__main__":
    sys.exit(tap.main())
