#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""scale.py finds each promise that is broken, and takes no other for broken.

usage: scale_test.py
"""

import contextlib
import copy
import io
import pathlib
import re
import sys

import common
import scale

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent.parent / "selftests/lib"))
import tap  # noqa: E402
from tap import need, test  # noqa: E402

COUNTERS = {scale.FRAMES: 100, scale.VISITS: 100, scale.EVICTIONS: 3, scale.NEEDLESS: 0}


def lines(machines, instructions, counters=None):
    """Of a boot, as asi-scale prints them."""
    return [{"machines": machines, "free_pages": 100000 - 50 * machines},
            *({"machines": machines, "row": row, "ops": 10, "ns": 10 * instructions,
               "counted_ops": 50, "counters": counters} for row in scale.ROWS)]


def column(counters=None, instructions=1000):
    return scale.digest([line for count in (1, 0, 256)
                         for line in lines(count, instructions, counters)])


def processors(calls=4, counters=None):
    return scale.digest_processors(
        [{"processors": 8, "row": row, "ops": 10, "calls": calls, "reached": 1,
          "counters": counters} for row in scale.ROWS[:-1]])


def good(counters=COUNTERS):
    return {"columns": {"asi=off": column(), "asi=on": column(counters)},
            "processors": {"asi=off": processors(), "asi=on": processors(counters=counters)},
            "counted": scale.digest(lines(256, 1, counters)) if counters else None,
            "processors_kernel": "patched"}


def said(function, *arguments):
    """What it prints, and what it returns."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        value = function(*arguments)
    return text.getvalue(), value


def breaks(result, count, pattern):
    text, broken = said(scale.check_promises, result)
    found = re.findall(r"^BROKEN  (.*)", text, re.M)
    need(broken == count == len(found), f"{broken} broken, not {count}:\n{text}")
    need(all(re.search(pattern, line) for line in found), text)


@test
def what_costs_the_same_breaks_nothing(_):
    breaks(good(), 0, "")
    text, _ = said(scale.check_promises, good())
    need("not known" not in text, text)


@test
def a_cost_that_grows_with_the_machines_is_found(_):
    for row in scale.ROWS:
        result = good()
        cell = result["columns"]["asi=on"]["256"]["rows"][row]
        cell["instructions"] = 1050
        breaks(result, 0, "")
        cell["instructions"] = 1051
        also_off = row in scale.TOUCH_NO_DOMAIN
        breaks(result, 2 if also_off else 1, rf"{re.escape(row)}: beside 256 .* 1\.051")


@test
def a_cost_that_is_there_beside_one_machine_is_found(_):
    for row in scale.ROWS:
        result = good()
        for place in result["columns"]["asi=on"].values():
            place["rows"][row]["instructions"] = 1100
        touches = row not in scale.TOUCH_NO_DOMAIN
        breaks(result, 0 if touches else 1, r"of asi=off: 1\.100")


@test
def numbers_of_machines_are_compared_as_numbers(_):
    places = scale.digest([line for count in (0, 16, 1000, 9)
                           for line in lines(count, 1000 + count)])
    need(scale.counts_of(places) == ["0", "9", "16", "1000"], str(scale.counts_of(places)))
    need(scale.one_and_most(places) == ("9", "1000"), str(scale.one_and_most(places)))
    need(scale.per_machine(places, "free") == 1, str(scale.per_machine(places, "free")))
    need(scale.memory_per_machine(places) == 200, str(scale.memory_per_machine(places)))


@test
def more_visits_than_frames_are_found(_):
    result = good()
    counters = dict(COUNTERS, **{scale.VISITS: 101})
    result["columns"]["asi=on"]["1"]["rows"]["free mapped"]["counters"] = counters
    result["counted"]["256"]["rows"]["guest teardown"]["counters"] = counters
    breaks(result, 2, r"at most one visit for each freed frame: 1\.01")


@test
def no_frame_was_freed_is_no_broken_promise(_):
    counters = dict(COUNTERS, **{scale.FRAMES: 0, scale.VISITS: 0})
    need(scale.visits({"counters": counters}) == 0, "not 0")
    breaks(good(counters), 0, "")


@test
def a_kernel_without_the_counters_says_so(_):
    for counters in (None, {"enter": 1}):
        result = good(counters)
        breaks(result, 0, "")
        for function in (scale.check_promises, scale.print_result):
            text, _ = said(function, result)
            need(scale.NO_COUNTER in text, text)


@test
def an_interrupt_of_a_processor_that_holds_nothing_is_found(_):
    result = good()
    result["processors"]["asi=on"]["rows"]["free"]["calls"] += 1
    breaks(result, 1, r"free: no function call interrupt .*: \+1$")
    result["processors"]["asi=off"]["rows"]["free"]["calls"] += 2
    breaks(result, 0, "")
    result["processors"]["asi=on"]["rows"]["free"]["counters"] = dict(
        COUNTERS, **{scale.NEEDLESS: 1})
    breaks(result, 1, r"free: evict_needless stays 0: 1$")


@test
def a_figure_that_is_missing_is_no_kept_promise(_):
    for name in ("asi=on", "asi=off"):
        result = good()
        del result["columns"][name]["256"]["rows"]["free"]
        try:
            said(scale.check_promises, result)
        except common.CannotMeasure as error:
            need("free" in str(error), str(error))
        else:
            need(False, f"{name}: not noticed")


@test
def all_figures_are_printed(_):
    text, _ = said(scale.print_result, good())
    for word in scale.ROWS + ["largest : 1", "isolation's share 0", "6 of 8 processors"]:
        need(word in text, f"no {word}:\n{text}")


@test
def what_differs_from_the_baseline_is_printed(_):
    result = good()
    need(scale.changes(copy.deepcopy(result), result) == [], "differs from itself")
    baseline = copy.deepcopy(result)
    baseline["columns"]["asi=on"]["1"]["rows"]["free"]["instructions"] = 900
    del baseline["columns"]["asi=off"]["0"]["rows"]["kvm_run"]
    del baseline["columns"]["asi=off"]["256"]
    found = [row[0] for row in scale.changes(baseline, result)]
    need("free, asi=on, 1 machines" in found and "kvm_run, asi=off, 0 machines" in found,
         str(found))
    need(len(found) == 2 + len(scale.ROWS), str(found))


@test
def numbers_of_machines_are_checked(_):
    need(scale.parse_arguments(["--machines=256,1,1,0"]).machines == [0, 1, 256], "not sorted")
    for text in ("", "1", "0,1", "-1,2,3", "one,two"):
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                scale.parse_arguments([f"--machines={text}"])
        except SystemExit as error:
            need(error.code == 2, str(error.code))
        else:
            need(False, f"'{text}' is taken")


@test
def a_kernel_without_its_modules_is_named(out):
    try:
        scale.module(out, "asi_scale")
    except common.CannotMeasure as error:
        need("asi_scale.ko" in str(error), str(error))
    else:
        need(False, "a module that is not there was found")


if __name__ == "__main__":
    sys.exit(tap.main())
