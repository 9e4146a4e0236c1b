#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Plants code that reads text in a kernel of its own and expects readers.py to say so."""
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import readers

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "readers.py")
PATCH = "arch/x86/kernel/patch.c"
LIST = """# SPDX-License-Identifier: GPL-2.0-only
topic poking Code patching

@@ arch/x86/kernel/patch.c listed()
reader: poking: looks at it
replace: is_endbr(
with: xom_is_endbr(

@@ arch/x86/kernel/patch.c harmless()
none: poking: it is early
"""
# What each telltale finds, in a file where it looks.
READS = {
    "reads what an address of code points to":
        ("kernel/a.c", ["v = *(u8 *)regs->ip;", "if (*(unsigned short *)(ip + 1) == v)",
                        "v = *(u32 *)orig_call;"]),
    "reads what an address points to, as code":
        (PATCH, ["return -*(u32 *)(addr + 2);", "v = *(s32 *)addr;"]),
    "makes a pointer to bytes of an instruction pointer":
        ("mm/a.c", ["show(4, (unsigned char *)regs->ip);"]),
    "makes a pointer of an instruction pointer":
        ("arch/x86/mm/a.c", ["p = (void *)convert_ip_to_linear(current, regs);"]),
    "reads an address of code that may fault":
        ("kernel/a.c", ["copy_from_kernel_nofault(buf, (void *)regs->ip, 15);",
                        "get_kernel_nofault(v, (u32 *)(fentry_ip - 4));",
                        "copy_from_kernel_nofault(bpt->saved, (char *)bpt->bpt_addr, 1);"]),
    "reads an address that may fault":
        (PATCH, ["copy_from_kernel_nofault(&insn, (void *)addr, 4);",
                 "copy_from_kernel_nofault(&call, ptr, 5);"]),
    "decodes instructions of the kernel":
        ("arch/x86/events/a.c", ["insn_decode_kernel(&insn, addr);",
                                 "insn_init(&insn, kaddr, size, 1);",
                                 "insn_decode(&insn, (void *) regs->ip, n, INSN_MODE_KERN);"]),
    "compares, sums or prints code":
        ("kernel/a.c", ["if (memcmp(ip, old, 5))", "sum = crc32(0, _stext, n);",
                        "print_hex_dump_bytes(\"\", 0, ops->trampoline, 16);"]),
    "compares what may be code":
        ("arch/x86/kernel/static_call.c", ["if (memcmp(tramp+5, ud, 3))",
                                           "return !bcmp(pad, buf, n);"]),
    "copies code":
        ("kernel/a.c", ["__memcpy(page, relocate_kernel, PAGE_SIZE);",
                        "memcpy(old, op->kp.addr + 1, 4);",
                        "if (copy_to_user(u, prog->bpf_func, n))"]),
    "shows perf what is replaced":
        ("kernel/a.c", ["perf_event_text_poke(slot, slot, len, NULL, 0);",
                        "perf_event_text_poke((void *)t, NULL, 0, (void *)t, n);"]),
    "looks for ENDBR":
        ("kernel/a.c", ["if (is_endbr(*p))"]),
    "compares what is pointed to with an opcode":
        (PATCH, ["if (*where == 0x3e)", "if (*where != INT3_INSN_OPCODE)"]),
    "compares bytes of an instruction":
        (PATCH, ["if (insn[0] == 0x0f)"]),
    "reads the header of compiled BPF":
        ("kernel/bpf/a.c", ["size = ro_header->size;"]),
}
# In PATCH, where most telltales look.
NO_READS = (
    "*(u32 *)addr = 0;", "*(s32 *)(insn + 1) = v;", "*ptr = INT3_INSN_OPCODE;",
    "/* v = *(u8 *)regs->ip; */", 'pr_info("%pS", (void *)regs->ip);',
    "text_poke_bp((void *)ip, new, 5, NULL);", "v = regs->ip;",
    "get_user(v, (unsigned char __user *)regs->ip);",
    "if (addr >= (unsigned long)_stext && addr < (unsigned long)_etext)",
    "insn_decode_kernel(&insn, &buf[i]);", "insn_decode(&insn, buffer, 15, INSN_MODE_64);",
    "insn_decode(insn, auprobe->insn, n, m);", "if (is_endbr(*(u32 *)auprobe->insn))",
    "v = *(u8 *)insn->immediate.value;", "memcpy(addr, opcode, len);", "memcpy(ip, new, 5);",
    "perf_event_text_poke(p->addr, &p->opcode, 1, &int3, 1);",
    "perf_event_text_poke(slot, NULL, 0, buf, len);",
    "copy_from_kernel_nofault(&p, &desc->addr, 8);", "bpf_arch_text_copy(&ro_header->size, s, 4);",
    "copy_from_kernel_nofault(&fn, &worker->current_func, 8);", "if (a * b == 0x3e)",
)


def function(name, statement):
    return f"static int {name}(struct pt_regs *regs)\n{{\n\t{statement}\n}}\n"


@contextlib.contextmanager
def tree(files):
    """A folder with these files, arch/x86 among them."""
    with tempfile.TemporaryDirectory() as folder:
        top = pathlib.Path(folder)
        (top / "arch/x86").mkdir(parents=True)
        for name, text in files.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(text, encoding="utf-8")
        yield top


class ReadersTest(unittest.TestCase):
    def unlisted(self, files, built=()):
        """(file, line, function) of what is found in these files and is not in LIST."""
        with tree(files) as source, tree(dict.fromkeys(built, "")) as objects, \
                tree({"readers.list": LIST}) as lists:
            before, readers.weave.READERS = readers.weave.READERS, lists / "readers.list"
            try:
                found = readers.check(source, objects)[0]
            finally:
                readers.weave.READERS = before
        return [(one.file, one.line, one.function) for one in found]

    def run_program(self, *arguments, **environment):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                              check=False, env={**os.environ, **environment})

    def test_each_telltale_finds_what_it_is_for(self):
        self.assertEqual(set(READS), {one.what for one in readers.TELLTALES})
        for what, (file, statements) in READS.items():
            telltale = next(one for one in readers.TELLTALES if one.what == what)
            for statement in statements:
                with self.subTest(statement):
                    text = function("before", "return 0;") + "\n" + function("reads", statement)
                    self.assertIn(telltale, readers.telltales_of(file, text))
                    self.assertEqual(self.unlisted({file: text}), [(file, 8, "reads")])

    def test_what_resembles_a_read_and_is_none_is_not_found(self):
        for statement in NO_READS:
            with self.subTest(statement):
                self.assertEqual(self.unlisted({PATCH: function("none", statement)}), [])

    def test_what_is_listed_is_clean_and_in_that_file_only(self):
        text = function("listed", "return is_endbr(*p);") + "\n" + \
            function("harmless", "return is_endbr(*p);")
        self.assertEqual(self.unlisted({PATCH: text}), [])
        self.assertEqual(self.unlisted({"kernel/patch.c": text}),
                         [("kernel/patch.c", 3, "listed"), ("kernel/patch.c", 8, "harmless")])

    def test_a_name_that_begins_like_a_listed_one_is_another(self):
        self.assertEqual(self.unlisted({PATCH: function("listed_too", "return is_endbr(*p);")}),
                         [(PATCH, 3, "listed_too")])

    def test_a_statement_of_many_lines_is_one(self):
        text = function("reads", "if (copy_from_kernel_nofault(buf,\n\t\t\t\t(void *)regs->ip,\n"
                                 "\t\t\t\tsizeof(buf)))\n\t\treturn 0;")
        self.assertEqual(self.unlisted({"lib/a.c": text}), [("lib/a.c", 3, "reads")])

    def test_of_other_folders_only_what_is_built_counts(self):
        text = function("reads", "return is_endbr(*p);")
        files = {"drivers/a/a.c": text, "drivers/a/b.c": text}
        self.assertEqual(self.unlisted(files), [])
        self.assertEqual(self.unlisted(files, ["drivers/a/.b.o.cmd", "drivers/a/.c.o.cmd"]),
                         [("drivers/a/b.c", 3, "reads")])

    def test_what_does_not_run_in_the_kernel_is_left_out(self):
        text = function("reads", "return is_endbr(*p);")
        self.assertEqual(self.unlisted({"arch/x86/tools/a.c": text, "lib/lz4/a.c": text,
                                        "lib/test_a.c": text}), [])
        self.assertEqual(self.unlisted({"lib/tests.c": text}), [("lib/tests.c", 3, "reads")])

    def test_program_fails_and_names_file_and_function(self):
        with tree({PATCH: function("reads", "return is_endbr(*p);")}) as source:
            run = self.run_program(source, BUILD=str(source))
            self.assertEqual(run.returncode, 1)
            self.assertIn(f"{PATCH}:3: reads() looks for ENDBR", run.stdout)
            self.assertIn("1 not listed", run.stdout.splitlines()[-1])
            self.assertIn("nothing beside arch/x86", run.stdout.splitlines()[-1])
        with tree({PATCH: function("reads", "return 0;")}) as source:
            run = self.run_program(source, source)
        self.assertEqual((run.returncode, run.stdout),
                         (0, "1 files, 0 functions look like readers, none not listed\n"))

    def test_program_says_that_there_is_no_source(self):
        with tempfile.TemporaryDirectory() as folder:
            run = self.run_program(BUILD=folder)
            self.assertEqual(run.returncode, readers.SKIP)
            self.assertIn(f"no source of the kernel in {folder}/src/pristine", run.stdout)
            run = self.run_program(f"{folder}/missing")
            self.assertEqual(run.returncode, 1)
            self.assertIn(f"{folder}/missing: not a source of the kernel", run.stderr)
        with tree({}) as source:
            run = self.run_program(source, f"{source}/missing")
            self.assertEqual(run.returncode, 1)
            self.assertIn(f"{source}/missing: no such folder", run.stderr)
            self.assertEqual(self.run_program("--bogus").returncode, 1)


if __name__ == "__main__":
    unittest.main()
