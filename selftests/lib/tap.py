# SPDX-License-Identifier: GPL-2.0-only
"""TAP for tests in Python.

@test
def a_promise(out): ...     out is a folder of its own

main() runs them all and returns the exit status.
"""

import pathlib
import subprocess
import tempfile

TESTS = []


class Failed(Exception):
    pass


def test(function):
    TESTS.append(function)
    return function


def need(condition, text):
    if not condition:
        raise Failed(text)


def main():
    print(f"TAP version 13\n1..{len(TESTS)}", flush=True)
    bad = 0
    for count, function in enumerate(TESTS, 1):
        with tempfile.TemporaryDirectory() as out:
            try:
                function(pathlib.Path(out))
                print(f"ok {count} {function.__name__}", flush=True)
            except (Failed, OSError, ValueError, subprocess.TimeoutExpired) as error:
                bad += 1
                print("# " + str(error).replace("\n", "\n# "))
                print(f"not ok {count} {function.__name__}", flush=True)
    return 1 if bad else 0
