#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Has gcc make a kernel and a module in small, and expects operands.py to find what reads text."""
import pathlib
import subprocess
import tempfile
import unittest

import operands

# Each is the body of a function of its name.
READS = {
    "relative": "movl data_in_text(%rip), %eax",
    "compared": "cmpb $0xe8, data_in_text(%rip)",
    "table": "movzbl data_in_text(,%rax,4), %eax",
    "written": "movb $0, data_in_text(%rip)",
    "through": "jmp *data_in_text(%rip)",
}
HARMLESS = {
    "address": "leaq data_in_text(%rip), %rax",
    "constant": "movq $data_in_text, %rax",
    "stored": "movq $data_in_text, data(%rip)",
    "branch": "jmp data_in_text",
    "called": "call data_in_text",
    "data_read": "movl data(%rip), %eax",
    "of_this_cpu": "movl %gs:data_of_cpu, %eax",
    "by_register": "movl (%rax), %eax",
}


def source(bodies):
    functions = "".join(f".globl {name}\n.type {name}, @function\n{name}:\n\t{body}\n\tret\n"
                        for name, body in bodies.items())
    return (f".text\n.globl _text\n_text:\n{functions}data_in_text: .long 1\n"
            ".globl _etext\n_etext:\n.data\n.globl data\ndata: .long 2\ndata_of_cpu = 64\n")


class OperandsTest(unittest.TestCase):
    def findings(self, bodies, listed=()):
        """{functions that vmlinux has read text, that the module has}"""
        with tempfile.TemporaryDirectory() as folder:
            built = pathlib.Path(folder)
            (built / "code.S").write_text(source(bodies))
            for command in (["gcc", "-c", "-o", built / "code.ko", built / "code.S"],
                            ["ld", "-Ttext=0xffffffff81000000", "-Tdata=0xffffffff82000000",
                             "-e", "_text", "-o", built / "vmlinux", built / "code.ko"]):
                subprocess.run(command, check=True)
            symbols = operands.symbols_of(built / "vmlinux")
            return [sorted({function for function, _ in found}) for found in (
                operands.check_vmlinux(built / "vmlinux", symbols, listed),
                operands.check_module(built / "code.ko", set(), listed))]

    def test_each_operand_in_text_is_found(self):
        for name, body in READS.items():
            with self.subTest(name):
                self.assertEqual(self.findings({name: body}), [[name], [name]])

    def test_addresses_branches_and_data_are_not(self):
        self.assertEqual(self.findings(HARMLESS), [[], []])

    def test_what_readers_list_has_may(self):
        self.assertEqual(self.findings({"relative": READS["relative"]}, {"relative"}), [[], []])

    def test_text_of_the_kernel_is_text_for_a_module(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "code"
            path.with_suffix(".S").write_text("f:\n\tmovl schedule(%rip), %eax\n")
            subprocess.run(["gcc", "-c", "-o", path, path.with_suffix(".S")], check=True)
            self.assertEqual(len(list(operands.check_module(path, {"schedule"}, set()))), 1)
            self.assertEqual(len(list(operands.check_module(path, {"jiffies"}, set()))), 0)


if __name__ == "__main__":
    unittest.main()
