#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Plants reads of a kernel's folder in scripts of its own and expects kept.py to find those
that the cache does not keep."""
import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile
import unittest

import kept

KEPT = "vmlinux arch/x86/boot/bzImage *.ko include/* asi/engine/*.o"


class KeptTest(unittest.TestCase):
    def check(self, files):
        """What is said of these scripts, without what explains it."""
        with tempfile.TemporaryDirectory() as folder:
            top = pathlib.Path(folder)
            builder = top / "linux/6.12/build"
            for name, text in {"linux/6.12/build": f"#!/bin/sh\nprintf '%s\\n' {KEPT!r}\n",
                               **files}.items():
                (top / name).parent.mkdir(parents=True, exist_ok=True)
                (top / name).write_text(text, encoding="utf-8")
            builder.chmod(0o755)
            subprocess.run(["git", "-C", top, "init", "-q"], check=True)
            return [finding.split(" of a kernel's")[0] for finding in kept.check(top)[0]]

    def expect(self, name, line, path):
        """LINE in the file NAME is found, as a read of PATH; nothing if that is None."""
        self.assertEqual(self.check({name: f"# one\n{line}\n"}),
                         [] if path is None else [f"{name}:2: {path}"])

    def test_what_is_not_kept_is_found_in_shell(self):
        for line in ('x "$KERNEL_DIR/arch/x86/boot/compressed/vmlinux.relocs"',
                     "x ${KERNEL_DIR}/arch/x86/boot/compressed/vmlinux.relocs",
                     "x build/base/arch/x86/boot/compressed/vmlinux.relocs:/there",
                     'x "$BUILD/debug/arch/x86/boot/compressed/vmlinux.relocs"',
                     'x "$BUILD/$flavour/arch/x86/boot/compressed/vmlinux.relocs"',
                     'x "$top/build/server/arch/x86/boot/compressed/vmlinux.relocs"'):
            self.expect("selftests/a.sh", line, "arch/x86/boot/compressed/vmlinux.relocs")

    def test_what_is_not_kept_is_found_in_python(self):
        for line in ('x = BUILD / "base/build.log"', 'x = self.kernel / "build.log"',
                     "x = f'{TOP}/build/base/build.log'", 'x = BUILD / name / "build.log"',
                     'x = folder / "build.log"'):
            self.expect("bench/a.py", line, "build.log")

    def test_what_is_not_kept_is_found_in_cxx(self):
        self.expect("tools/asictl/a.cc", 'x = beside("arch/x86/boot/compressed/vmlinux.relocs");',
                    "arch/x86/boot/compressed/vmlinux.relocs")

    def test_what_is_kept_is_not_found(self):
        for line in ('x "$KERNEL_DIR/vmlinux"', 'x "$KERNEL_DIR/asi-test/asi_test.ko"',
                     'x "$BUILD/base/include/config/kernel.release"',
                     "x build/base/arch/x86/boot/bzImage"):
            self.expect("selftests/a.sh", line, None)

    def test_a_variable_fits_what_it_may_be(self):
        self.expect("selftests/a.sh", 'x "$KERNEL_DIR/drivers/$path.ko"', None)
        self.expect("selftests/a.sh", 'x "$BUILD/debug/${file%.cc}.o"', None)
        self.expect("selftests/a.sh", 'x "$KERNEL_DIR/drivers/$path.a"', "drivers/*.a")

    def test_comments_and_the_folder_itself_are_no_reads(self):
        self.expect("selftests/a.sh", '# "$KERNEL_DIR/nothing"', None)
        self.expect("selftests/a.sh", 'cd "$BUILD/base"', None)

    def test_the_program_says_how_many_it_looked_at(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertEqual(kept.main([]), 0, out.getvalue())
        self.assertRegex(out.getvalue(), r"\d\d+ paths in \d\d+ files, none of them not kept\n$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
