#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The runner counts, ends and refuses as it must; with steps that are made up.  TAP.

usage: runner_test.py                   the tests
       runner_test.py fake DIR ARG...   `selftests/run ARG...` with those steps
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import run
from steps import HOST, STEPS, Machine, Step

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent / "lib"))
import tap  # noqa: E402
from tap import need, test  # noqa: E402


def shell(name, script, budget=60, **more):
    return Step(name, HOST, budget, f"sh -c '{script}'", **more)


FAKE = [
    shell("returns", "printf \"ok 1 a\\r\\nwords\\rok 2 b\\n\"", group="by name"),
    shell("passes", "echo 1..2; echo ok 1 a; echo ok 2 b", group="host"),
    shell("fails", "echo ok 1 a; echo not ok 2 b; echo the reason; exit 1", group="by name"),
    shell("breaks-off", "echo ok 1 a; exit 3", group="by name"),
    shell("is-killed", "echo ok 1 a; kill -9 $$", group="by name"),
    shell("says-nothing", "echo words", group="by name"),
    shell("skips", 'echo "1..0 # SKIP no machine"; exit 4', group="host"),
    shell("skips-one", 'echo ok 1 a; echo "ok 2 # SKIP b"', group="host"),
    shell("too-long", "echo ok 1 a; sleep 60", budget=0.3, group="by name"),
    shell("ignores-term", "trap : TERM; echo ok 1 a; while :; do sleep 1; done", budget=0.3,
          group="by name"),
    shell("waits", "sleep 61 & echo $! >$OUT/waits.pid; wait", group="by name"),
    shell("short-nap", "sleep 1; echo ok 1 a", group="by name"),
    shell("sleeper", "sleep 1; echo ok 1 a", group="by name", sleeps=True),
    shell("first", "sleep 1; date +%s.%N >$OUT/first; echo ok 1 a", group="by name"),
    shell("alone", "date +%s.%N >$OUT/alone; sleep 1; echo ok 1 a", group="by name", alone=True),
    shell("after", "date +%s.%N >$OUT/after; echo ok 1 a", group="by name"),
    shell("after-preparing", "test -e $OUT/prepared && echo ok 1 a", group="by name",
          before="touch $OUT/prepared"),
    shell("not-prepared", "echo ok 1 a", group="by name", before="false"),
    shell("told", "echo ok 1 $1 $2\' - {seconds} {seed} \'", group="by name", takes_seconds=True),
    shell("google", "cat $OUT/google", group="by name", gtest=True),
    Step("no-kernel", Machine(kernel="none"), 60, "true", group="by name"),
    Step("of-a-cached-kernel", Machine(kernel="cached"), 60, "true", group="cached"),
    Step("of-it-too", Machine(kernel="cached"), 60, "true", group="cached"),
]

GOOGLE = """\
[==========] Running 3 tests from 1 test suite.
[ RUN      ] A.a
[       OK ] A.a (0 ms)
[ RUN      ] A.b
where it failed
[  FAILED  ] A.b (12 ms)
[  SKIPPED ] A.c (0 ms)
[  FAILED  ] A.b
"""


def runner(out, *arguments, status=0):
    """What it printed, and that it ended with this status."""
    run_of = subprocess.run([sys.executable, HERE, "fake", out, *arguments], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env={**os.environ, "OUT": str(out)})
    need(run_of.returncode == status, f"status {run_of.returncode}:\n{run_of.stdout}")
    return run_of.stdout


def counts(out, name, expected, *words, status=1):
    text = runner(out, name, status=status)
    need(text.splitlines()[-1] == expected, text)
    for word in words:
        need(word in text, f"no '{word}' in\n{text}")


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2]
    except OSError:
        return False
    return not state.startswith("Z")


# ---- the tests --------------------------------------------------------------


@test
def a_step_that_passes_is_counted(out):
    counts(out, "passes", "2 passed, 0 failed, 0 skipped", status=0)
    need((out / "passes.tap").read_text() == "1..2\nok 1 a\nok 2 b\n", "passes.tap")


@test
def a_step_that_fails_is_shown(out):
    counts(out, "fails", "1 passed, 1 failed, 0 skipped", "the reason", "failed: fails",
           "not ok 2 b")


@test
def a_step_that_broke_off_has_failed(out):
    counts(out, "breaks-off", "1 passed, 1 failed, 0 skipped", "breaks-off ended with status 3")
    counts(out, "is-killed", "1 passed, 1 failed, 0 skipped", "is-killed ended with status 137")


@test
def a_step_that_reports_nothing_has_failed(out):
    counts(out, "says-nothing", "0 passed, 1 failed, 0 skipped", "says-nothing reported nothing")


@test
def skipped_is_neither_passed_nor_failed(out):
    counts(out, "skips", "0 passed, 0 failed, 1 skipped", status=0)
    counts(out, "skips-one", "1 passed, 0 failed, 1 skipped", status=0)


@test
def a_carriage_return_ends_no_line(out):
    counts(out, "returns", "1 passed, 0 failed, 0 skipped", status=0)


@test
def three_times_the_budget_is_too_long(out):
    begin = time.monotonic()
    counts(out, "too-long", "1 passed, 1 failed, 0 skipped",
           "too-long took 3 times its budget of 0.3 s and was ended")
    need(time.monotonic() - begin < 10, "it was not ended")


@test
def a_step_that_ignores_sigterm_is_killed(out):
    begin = time.monotonic()
    counts(out, "ignores-term", "1 passed, 1 failed, 0 skipped",
           "ignores-term took 3 times its budget")
    need(time.monotonic() - begin < 30, "it was not ended")


@test
def an_unknown_name_is_an_error(out):
    text = runner(out, "fail", status=2)
    need("there is no step 'fail'" in text and "fails" in text, text)
    runner(out, "fails", "10", "20", "30", status=2)
    runner(out, "10", "fails", status=2)


@test
def several_names_run_several_steps(out):
    counts(out, "passes", "2 passed, 0 failed, 0 skipped", status=0)
    text = runner(out, "passes", "skips-one", "fails", status=1)
    need(text.splitlines()[-1] == "4 passed, 1 failed, 1 skipped", text)


@test
def a_group_leaves_out_what_runs_by_name(out):
    text = runner(out, "host")
    need(text.splitlines()[-1] == "3 passed, 0 failed, 2 skipped", text)


@test
def a_step_that_needs_the_machine_runs_alone(out):
    runner(out, "first", "alone", "after")
    first, alone, after = (float((out / name).read_text()) for name in ("first", "alone", "after"))
    need(first <= alone and after >= alone + 1, f"{first} {alone} {after}")


@test
def a_step_that_sleeps_takes_no_place(out):
    runner_ = run.Runner(out, 30, "")
    runner_.processors = 1
    steps = {step.name: step for step in FAKE}
    runner_.add([steps["sleeper"], steps["short-nap"], steps["first"]])
    runner_.start_more()
    names = [one.step.name for one in runner_.running]
    runner_.end_all()
    need(names == ["sleeper", "short-nap"], str(names))


@test
def the_command_before_must_succeed(out):
    counts(out, "after-preparing", "1 passed, 0 failed, 0 skipped", status=0)
    counts(out, "not-prepared", "0 passed, 1 failed, 0 skipped", "not-prepared ended with status 1")


@test
def seconds_and_seed_reach_the_step(out):
    runner(out, "told", "7", "4711")
    need((out / "told.tap").read_text() == "ok 1 7 4711\n", (out / "told.tap").read_text())
    runner(out, "told")
    need((out / "told.tap").read_text() == "ok 1 30\n", (out / "told.tap").read_text())


@test
def output_of_gtest_becomes_tap(out):
    (out / "google").write_text(GOOGLE)
    counts(out, "google", "1 passed, 1 failed, 1 skipped", "where it failed")
    need((out / "google.tap").read_text() ==
         "ok 1 A.a\nwhere it failed\nnot ok 2 A.b\nok 3 # SKIP A.c\n",
         (out / "google.tap").read_text())


@test
def a_kernel_that_is_not_built_is_named(out):
    counts(out, "no-kernel", "0 passed, 1 failed, 0 skipped", "linux/6.12/build none")


@test
def an_interrupt_ends_all(out):
    for number in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen([sys.executable, HERE, "fake", out, "waits"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, "OUT": str(out)},
                              # A shell ignores it for what runs in the background.
                              preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
                              ) as process:
            pid = out / "waits.pid"
            for _ in range(100):
                if pid.exists() and pid.read_text().endswith("\n"):
                    break
                time.sleep(0.1)
            process.send_signal(number)
            text, _ = process.communicate(timeout=30)
        need(process.returncode == 130, f"status {process.returncode}: {text}")
        need("interrupted: waits" in text, text)
        need(not is_alive(int(pid.read_text())), "its child is alive")
        pid.unlink()


@test
def a_kernel_that_is_not_in_the_cache_is_one_line(out):
    builder = out / "builder"
    builder.write_text('#!/bin/sh\necho "$@" >>"$OUT/built"\nexit "$STATUS"\n')
    builder.chmod(0o755)
    os.environ["OUT"] = str(out)
    for status, there, skipped, failed in ((0, ["cached"], 0, 0), (run.NOT_CACHED, [], 1, 0),
                                           (1, [], 0, 1)):
        os.environ["STATUS"] = str(status)
        runner_itself = run.Runner(out, 1, "")
        runner_itself.builder = builder
        need(runner_itself.take_cached(["cached"]) == there, f"status {status}")
        need((runner_itself.skipped, runner_itself.failed) == (skipped, failed), f"{status}")
    need((out / "built").read_text() == "cached --cached\n" * 3, "it asked for something else")


@test
def steps_of_cached_kernels_are_in_all_alone(_):
    for names, expected in ((["all"], True), (["kernel"], False), (["of-it-too"], True)):
        there = any(step.name == "of-it-too" for step in run.chosen(names, FAKE))
        need(there == expected, str(names))


@test
def the_seconds_are_remembered(out):
    runner(out, "short-nap")
    seconds = json.loads((out / "seconds.json").read_text())
    need(1 <= seconds["short-nap"] < 10, str(seconds))


@test
def the_table_can_be_printed(out):
    for form in ("--list", "--list=rst"):
        text = runner(out, form)
        for step in FAKE:
            need(step.name in text, f"{form}: no {step.name}")
    need(not list(out.iterdir()), "it ran something")


@test
def the_table_is_right(_):
    names = [step.name for step in STEPS]
    need(len(names) == len(set(names)), "a name is there twice")
    for step in STEPS:
        need(step.group in ("host", "kernel", "cached", "by name"), step.name)
        need(step.name not in run.GROUPS and not step.name.isdigit(), step.name)
        script = HERE.parent.parent / step.command.split()[0]
        need("/" not in step.command.split()[0] or script.exists(), f"{step.name}: no {script}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["fake"]:
        sys.exit(run.main(sys.argv[3:], FAKE, pathlib.Path(sys.argv[2])))
    sys.exit(tap.main())
