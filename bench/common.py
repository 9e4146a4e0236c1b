# SPDX-License-Identifier: GPL-2.0-only
"""What the programs of the benchmark share: kernels, programs and tables."""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tools/lib"))
import progress  # noqa: E402
BUILD = pathlib.Path(os.environ.get("BUILD") or TOP / "build").absolute()
OUT = BUILD / "bench"
# Where tools/minivm/Makefile puts it.
MINIVM = BUILD / "host/minivm/minivm"
# Where tools/asictl/Makefile puts it.
ASICTL = BUILD / "host/asictl/asictl"
# The name of the program that was started.
PROGRAM = pathlib.Path(sys.argv[0]).stem

FLAVOURS = {"unpatched": "unpatched", "patched": "base", "server": "server"}


class CannotMeasure(Exception):
    pass


# ---- what is needed ---------------------------------------------------------


def install(*packages):
    if subprocess.run([TOP / "tools/install-packages", *packages]).returncode:
        raise CannotMeasure(f"not installed: {', '.join(packages)}")


def build_programs(*sources):
    """A caller's make options are not for these builds."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL")}
    environment["BUILD"] = str(BUILD)
    for folder in sources:
        with progress.ticking(progress.Line(), lambda elapsed, folder=folder:
                              f"building {folder}, {progress.duration(elapsed)}"):
            status = subprocess.run(["make", "-s", "-C", TOP / folder], env=environment).returncode
        if status:
            raise CannotMeasure(f"{folder} does not build")


def argument_parser(description, baseline, kernels=("unpatched", "patched"), timeout=600,
                    limit="limit for each of the boots"):
    """What every program takes; `limit` explains --timeout."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true",
                        help=f"rewrite {baseline.relative_to(TOP)}")
    parser.add_argument("--no-build", action="store_true", help="take the kernels as they are")
    for name in kernels:
        parser.add_argument(f"--{name}", metavar="DIR", help=f"build folder of the {name} kernel")
    parser.add_argument("--timeout", type=int, default=timeout, metavar="SECONDS",
                        help=f"{limit} (default %(default)s)")
    return parser


def kernel_folders(args, needed=("unpatched", "patched")):
    """The folders to boot; those that were not given are built."""
    folders = {}
    for name in needed:
        flavour, given = FLAVOURS[name], getattr(args, name)
        if not given and not args.no_build:
            if subprocess.run([TOP / "linux/6.12/build", flavour]).returncode:
                raise CannotMeasure(f"the {flavour} kernel does not build")
        folders[name] = pathlib.Path(given or BUILD / flavour)
    return folders


def copy_images(folders):
    """A build that goes on meanwhile must not change what the later boots get."""
    images = {}
    for name, folder in folders.items():
        images[name] = OUT / f"{name}.bzImage"
        try:
            shutil.copy(folder / "arch/x86/boot/bzImage", images[name])
        except OSError as error:
            raise CannotMeasure(f"no {name} kernel: {error}") from error
    return images


def options_of(folder):
    try:
        text = (folder / ".config").read_text()
    except OSError:
        return {}
    options = dict(re.findall(r"^(CONFIG_\w+)=(.*)$", text, re.M))
    ours = r"CONFIG_(ADDRESS_SPACE_ISOLATION|SYSCALL_ISOLATION|KVM_ASI|ASI_)"
    return {name: value for name, value in options.items() if not re.match(ours, name)}


def compiler_of(folder):
    return options_of(folder).get("CONFIG_CC_VERSION_TEXT", "").strip('"')


def doubts_about(folders):
    """What makes the two kernels a bad comparison."""
    if len(folders) < 2:
        return []
    plain, patched = (options_of(folders[name]) for name in ("unpatched", "patched"))
    differing = sorted(name for name in plain.keys() | patched.keys()
                       if plain.get(name) != patched.get(name))
    doubts = []
    if differing:
        doubts.append(f"the kernels are configured differently: {', '.join(differing)}")
    if "CONFIG_JUMP_LABEL" not in patched:
        doubts.append("without CONFIG_JUMP_LABEL a hook is not one NOP: it reads its key, "
                      "tests and branches")
    return doubts


# ---- measuring --------------------------------------------------------------


def parts_of(title, names):
    """What is measured one after the other, to show how far that is."""
    return progress.Parts(title, names, OUT / "seconds.json")


def run_guest(image, append, timeout, *command, processors=1, memory="1G"):
    """What COMMAND prints on CPUs of which an instruction takes a nanosecond."""
    boot = [TOP / "tools/vm/run", "--accel=tcg", "--icount", f"--smp={processors}",
            f"--mem={memory}", f"--timeout={timeout}", f"--kernel={image}"]
    if append:
        boot.append(f"--append={append}")
    run = subprocess.run(boot + ["--", *command], stdout=subprocess.PIPE, text=True)
    if run.returncode:
        raise CannotMeasure(f"{image.stem} {append}: the guest ended with {run.returncode}")
    return run.stdout.splitlines()


# ---- printing ---------------------------------------------------------------


def print_table(title, head, rows):
    print(f"\n{title}")
    table = [head] + rows
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    for row in table:
        print("  ".join([row[0].ljust(widths[0])] +
                        [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]))


def number(value, decimals=2):
    # "or": no minus sign before a zero.
    return "-" if value is None else f"{round(value, decimals) or 0:.{decimals}f}"


# ---- promises and baselines -------------------------------------------------


def promise(kept, text):
    """Prints how it stands; 1 when it is broken."""
    print(f"{'kept  ' if kept else 'BROKEN'}  {text}")
    return int(not kept)


def write_json(path, result):
    path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")


def read_baseline(path, result=None, made_with=()):
    """The stored result, or None.  Says what of `made_with` is another than in `result`."""
    if not path.exists():
        print(f"\nno baseline: bench/{PROGRAM}.py --update writes one")
        return None
    baseline = json.loads(path.read_text())
    for what in made_with:
        if baseline[what] != result[what]:
            print(f"\nthe baseline is from another {what}: {baseline[what]}")
    return baseline


def print_changes(rows, title="changed since the baseline", none="as the baseline"):
    """Each row: what, before, now, difference."""
    if rows:
        print_table(title, ["", "before", "now", "difference"], rows)
    else:
        print(f"\n{none}")


def run_program(main):
    """The end of a program: its status is main()'s, or 2."""
    try:
        sys.exit(main())
    except CannotMeasure as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        sys.exit(2)
